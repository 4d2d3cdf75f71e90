//! Links a device to a phone.

use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::app::claim::Claimed;
use crate::app::status::RunEnd;
use crate::app::{App, RowsError};
use crate::engine::actor::Stopped;
use crate::engine::lease_keeper;
use crate::engine::leased::LeasedAccountStore;
use crate::engine::ledger::AccountStoreError;
use crate::engine::line::LineError;
use crate::engine::pairing::{self, PairingDeps, PairingStep};
use crate::engine::stop::Stop;
use crate::ids::{HostId, Jid};
use crate::net::simulator::ControlError;
use crate::ops::tenants::{self, TenantError};
use crate::ops::unlink;
use crate::session::pairing::code;
use crate::store::lease::Lease;

/// Time limit for the first login, which generates and uploads hundreds of keys.
const FIRST_LOGIN_TIME_MAX: Duration = Duration::from_secs(90);
/// How long the server may take to confirm that the old device is unlinked.
const UNLINK_TIME_MAX: Duration = Duration::from_secs(30);

/// Options for pairing.
#[derive(Clone, Debug)]
pub struct PairOptions {
    /// Show a code to type on the phone with this number, instead of a QR code.
    pub phone: Option<PhoneNumber>,
    /// Unlink the existing device first.
    pub replace: bool,
    /// Take a name that no tenant has. The first tenant of a database needs no leave: there is
    /// none that it could be mistaken for.
    pub create: bool,
}

/// A phone number in international form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneNumber(Jid);

impl PhoneNumber {
    /// Returns the digits without a plus sign.
    pub fn digits(&self) -> &str {
        &self.0.user
    }
}

impl std::str::FromStr for PhoneNumber {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        code::phone_number(text)
            .map(Self)
            .ok_or("not a phone number like +4915112345621")
    }
}

/// A step of pairing. It is also written as a JSON line for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum PairStep {
    Connecting,
    /// The old device was removed from the phone.
    Unlinked {
        jid: String,
    },
    /// The old device could not be unlinked: the phone may still list it.
    NotUnlinked {
        jid: String,
    },
    /// QR code to show.
    Qr {
        code: String,
        expires_in_s: u64,
        seq: u32,
        last: bool,
    },
    /// Code to type on the phone.
    Code {
        code: String,
    },
    /// The phone accepted and the account is stored.
    Scanned {
        jid: String,
    },
    /// The connection failed and wmctl retries.
    Retrying {
        reason: String,
    },
    /// Pairing is complete.
    Paired(Paired),
}

/// The new device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Paired {
    /// Name of the tenant.
    pub business_id: String,
    /// JID of the new device.
    pub jid: String,
}

/// Why pairing failed.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// A device is linked already. Unlink it first, or set `replace`.
    #[error("{tenant} is already paired as {jid}")]
    AlreadyPaired { tenant: String, jid: String },
    /// The database failed, or another process runs the account.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// The name is not allowed for a new tenant.
    #[error(transparent)]
    Tenant(TenantError),
    /// The connection failed. A retry may succeed.
    #[error(transparent)]
    Line(#[from] LineError),
    /// All codes expired. Start again.
    #[error("the code was not scanned in time")]
    Expired,
    /// The phone or the server refused the pairing.
    #[error("pairing was refused: {0}")]
    Refused(&'static str),
    /// The server does not accept this client.
    #[error("the server does not let this client pair")]
    Ended(RunEnd),
    /// The account is stored, but its first login did not finish.
    #[error("paired as {jid}, but the first login did not finish")]
    NotLoggedIn { jid: String },
    /// The simulator's control interface failed.
    #[error(transparent)]
    Simulator(#[from] ControlError),
    /// The caller requested a stop.
    #[error("interrupted")]
    Stopped,
}

impl From<pairing::PairingError> for PairError {
    fn from(error: pairing::PairingError) -> Self {
        use pairing::PairingError as From;
        match error {
            From::Expired => Self::Expired,
            From::Refused(why) => Self::Refused(why),
            From::Ended(ended) => Self::Ended(Stopped::Ended(ended).into()),
            From::Line(error) => Self::Line(error),
            From::AccountStore(error) => Self::Rows(rows(error)),
            From::Stopped => Self::Stopped,
        }
    }
}

impl PairError {
    /// Returns the stable error code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AlreadyPaired { .. } => "ALREADY_PAIRED",
            Self::Rows(RowsError::Held { .. }) => "LOCK_HELD",
            Self::Rows(_) => "DATABASE",
            Self::Tenant(_) => "BAD_VALUE",
            Self::Line(LineError::Misconfigured(_)) => "SERVER",
            Self::Line(LineError::Untrusted(_)) => "UNTRUSTED",
            Self::Line(LineError::Down(_)) => "UNREACHABLE",
            Self::Expired => "EXPIRED",
            Self::Refused(_) => "PAIRING_REFUSED",
            Self::Ended(end) => end.code(),
            Self::NotLoggedIn { .. } => "LOGIN_INCOMPLETE",
            Self::Simulator(_) => "SIMULATOR",
            Self::Stopped => "INTERRUPTED",
        }
    }
}

/// Stable error codes of all ways in which pairing can fail.
pub const END_CODES: [&str; 22] = [
    "ALREADY_PAIRED",
    "BAD_VALUE",
    "BANNED",
    "BROKEN",
    "CANCELLED",
    "DATABASE",
    "EXPIRED",
    "EXPORTED",
    "FENCED",
    "INTERRUPTED",
    "LOCK_HELD",
    "LOGGED_OUT",
    "LOGIN_INCOMPLETE",
    "NOT_PAIRED",
    "OUTDATED",
    "PAIRING_REFUSED",
    "SERVER",
    "SIMULATOR",
    "STALLED",
    "STOPPED",
    "UNREACHABLE",
    "UNTRUSTED",
];

fn rows(error: AccountStoreError) -> RowsError {
    RowsError::Database(error.to_string())
}

/// Links a device and logs in once. After that, contacts can write to it.
pub async fn pair(
    app: &App,
    options: &PairOptions,
    stop: &Stop,
    tell: &mut (dyn FnMut(PairStep) + Send),
) -> Result<Paired, PairError> {
    let app = &app.launched().await?;
    let tenant = &app.settings.tenant;
    let named = tenants::check_name(app, tenant).await;
    named.map_err(|error| match error {
        TenantError::Rows(error) => error.into(),
        error => PairError::Tenant(error),
    })?;
    if !options.create
        && tenants::show(app, tenant).await?.is_none()
        && !tenants::page(app, "", 1).await?.is_empty()
    {
        return Err(PairError::Tenant(TenantError::Unknown(tenant.clone())));
    }
    let account = app.store.account(tenant).await.map_err(RowsError::of)?;
    if let Some(account) = account.as_ref().filter(|_| !options.replace)
        && !pairing::is_free(Some(account))
    {
        let jid = account.jid.to_string();
        return Err(PairError::AlreadyPaired {
            tenant: tenant.to_string(),
            jid,
        });
    }
    let Claimed { host, lease, lock } = app.claim().await?;
    let result = async {
        if let Some(account) = account.filter(|account| !pairing::is_free(Some(account))) {
            let jid = account.jid.to_string();
            tell(
                match unlink::unlink(app, host, &lease, UNLINK_TIME_MAX).await {
                    true => PairStep::Unlinked { jid },
                    false => PairStep::NotUnlinked { jid },
                },
            );
        }
        Box::pin(link(app, options, host, &lease, stop, tell)).await
    };
    let lost = CancellationToken::new();
    let keep_lease = async {
        lease_keeper::keep(&app.store, host, &app.surroundings, &lost, || ()).await;
        Err(PairError::Rows(RowsError::Held {
            tenant: tenant.clone(),
            holder: app.holder(tenant).await,
        }))
    };
    // Box large futures so that callers fit on any worker's stack.
    let result = Box::pin(result);
    // Scanning may take long. Renew the lease meanwhile, or other processes would take it over.
    let result = tokio::select! {
        result = result => result,
        lost = keep_lease => lost,
    };
    app.release(lease).await;
    drop(lock);
    result
}

async fn link(
    app: &App,
    options: &PairOptions,
    host: HostId,
    lease: &Lease,
    stop: &Stop,
    tell: &mut (dyn FnMut(PairStep) + Send),
) -> Result<Paired, PairError> {
    let dial = app.dial()?;
    let parts = PairingDeps {
        ledger: &LeasedAccountStore::new(app.store.clone(), lease.clone()),
        dial: &dial,
        surroundings: app.surroundings.clone(),
        config: app.client(),
        phone: options.phone.clone().map(|phone| phone.0),
        stop: stop.clone(),
    };
    let jid = Box::pin(pairing::pair(parts, &mut |step| tell(PairStep::from(step)))).await?;
    Box::pin(first_login(app, host, lease, stop, &jid)).await?;
    let paired = Paired {
        business_id: app.settings.tenant.to_string(),
        jid: jid.to_string(),
    };
    tell(PairStep::Paired(paired.clone()));
    Ok(paired)
}

impl From<PairingStep> for PairStep {
    fn from(step: PairingStep) -> Self {
        match step {
            PairingStep::Connecting => Self::Connecting,
            PairingStep::Qr {
                text,
                valid_ms,
                number,
                last,
            } => Self::Qr {
                code: text,
                expires_in_s: valid_ms / 1_000,
                seq: number,
                last,
            },
            PairingStep::Code(code) => Self::Code { code },
            PairingStep::Accepted(jid) => Self::Scanned {
                jid: jid.to_string(),
            },
            PairingStep::Again(reason) => Self::Retrying { reason },
        }
    }
}

/// Logs in and disconnects, which stores and uploads the keys that contacts need.
async fn first_login(
    app: &App,
    host: HostId,
    lease: &Lease,
    stop: &Stop,
    jid: &Jid,
) -> Result<(), PairError> {
    let own = Stop::new();
    let (mut live, account) = app.run_account(host, lease.clone(), &own)?;
    let not_logged_in = || PairError::NotLoggedIn {
        jid: jid.to_string(),
    };
    let login = async {
        let logged_in = live.status.wait_for(|status| 0 < status.logins);
        let result = tokio::select! {
            logged_in = logged_in => logged_in.map(|_| ()).map_err(|_| not_logged_in()),
            () = tokio::time::sleep(FIRST_LOGIN_TIME_MAX) => Err(not_logged_in()),
            () = stop.asked() => Err(not_logged_in()),
        };
        live.stop.ask();
        result
    };
    match tokio::join!(login, account) {
        (_, Stopped::Ended(ended)) => Err(PairError::Ended(Stopped::Ended(ended).into())),
        (_, Stopped::Misconfigured(what)) => Err(LineError::Misconfigured(what).into()),
        (_, Stopped::Broken(what)) => Err(RowsError::Database(what).into()),
        (result, _) => result,
    }
}
