//! Pairing over HTTP: one process links the device, and any process can show the code.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use crate::app::shapes::time;
use crate::app::{App, RowsError};
use crate::crypto::random;
use crate::engine::pairing::is_free;
use crate::engine::stop::Stop;
use crate::ids::TenantId;
use crate::ops::actor::AuditActor;
use crate::ops::pair::{self, PairError, PairOptions, PairStep, PhoneNumber};
use crate::ops::tenants::{self, Changes, TenantError};
use crate::store::tenants::RunConfig;
use crate::store::tenants::api_keys::PairingRow;

/// An attempt without a step for this long (ms) belongs to a dead process, because codes change
/// more often.
const STALE_MS: i64 = 180_000;
/// How long (ms) a new attempt waits for the previous one to end.
const HELD_MS_MAX: u64 = 5_000;
/// Interval of checks for the end of the previous attempt, and for cancellation.
const LOOK: Duration = Duration::from_millis(250);

/// The progress of pairing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Name of the tenant.
    pub business_id: String,
    /// Number of the step. It rises with each step.
    pub number: i64,
    /// Whether the attempt is over, successful or not.
    pub ended: bool,
    /// Time of this step (RFC 3339, UTC).
    pub since: String,
    /// The step as `wmctl pair -o jsonl` writes it; `failed` with a reason if pairing failed.
    #[serde(flatten)]
    pub step: Map<String, Value>,
}

impl Progress {
    /// Returns the text of the QR code if one should be shown now.
    pub fn qr(&self) -> Option<&str> {
        let code = self.step.get("code")?.as_str()?;
        let is_shown = self.step.get("event").is_some_and(|event| event == "qr");
        is_shown.then_some(code)
    }
}

/// An attempt that is recorded in the database but not yet carried out.
#[derive(Debug)]
pub struct Attempt {
    app: App,
    row: PairingRow,
    options: PairOptions,
}

/// Options for a new attempt.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Show a code to type on the phone with this number.
    pub phone: Option<PhoneNumber>,
    /// Unlink the existing device first.
    pub replace: bool,
    /// Add the tenant if it does not exist.
    pub create: bool,
}

/// Why an attempt could not start.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The database failed.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// The tenant does not exist and was not to be added, or its name is invalid.
    #[error(transparent)]
    Tenant(TenantError),
    /// A device is linked already. Unlink it first, or set `replace`.
    #[error("{tenant} is already paired as {jid}")]
    AlreadyPaired { tenant: TenantId, jid: String },
    /// Another attempt is in progress. Cancel it or wait for its end.
    #[error("a device of {0} is already being linked")]
    Busy(TenantId),
}

/// Records a new attempt. The caller must then run [`Attempt::carry_out`].
pub async fn begin(
    app: &App,
    tenant: &TenantId,
    wanted: Wanted,
    actor: &AuditActor,
) -> Result<Attempt, BeginError> {
    let Wanted {
        phone,
        replace,
        create,
    } = wanted;
    let account = app.store.account(tenant).await.map_err(RowsError::of)?;
    if let Some(account) = account.filter(|account| !replace && !is_free(Some(account))) {
        return Err(BeginError::AlreadyPaired {
            tenant: tenant.clone(),
            jid: account.jid.to_string(),
        });
    }
    if tenants::show(app, tenant).await?.is_none() {
        if !create {
            return Err(BeginError::Tenant(TenantError::Unknown(tenant.clone())));
        }
        let added = tenants::add(app, tenant, &Changes::default(), actor).await;
        added.map_err(BeginError::Tenant)?;
    }
    let name: [u8; 16] = random::bytes(&mut *app.surroundings.entropy.random());
    let now_ms = app.surroundings.clock.unix_ms();
    let row = PairingRow {
        attempt: hex::encode(name),
        number: 0,
        step: json!({ "event": "connecting" }).to_string(),
        ended: false,
        changed_ms: now_ms,
    };
    let detail = format!("phone={} replace={replace}", phone.is_some());
    let audit = app.audit(actor, "pair", Some(tenant), detail);
    let begun = app
        .store
        .start_pairing(tenant, &row, now_ms - STALE_MS, &audit);
    if !begun.await.map_err(RowsError::of)? {
        return Err(BeginError::Busy(tenant.clone()));
    }
    let options = PairOptions {
        phone,
        replace,
        // Whether it may be was decided above.
        create: true,
    };
    let app = app.of(tenant.clone(), RunConfig::default());
    Ok(Attempt { app, row, options })
}

impl Attempt {
    /// Links the device and records every step. Stops early if the attempt is cancelled.
    pub async fn carry_out(mut self, stop: &Stop) {
        let (sender, mut steps) = mpsc::unbounded_channel();
        let own = Stop::new();
        let app = self
            .app
            .of(self.app.settings.tenant.clone(), RunConfig::default());
        let options = self.options.clone();
        let link = async {
            // Dropping the sender ends this half, and then the other.
            let mut tell = move |step: PairStep| {
                let _ = sender.send(json!(step));
            };
            // A cancelled attempt may still be releasing the lease.
            let patient = app.surroundings.clock.mono_ms() + HELD_MS_MAX;
            loop {
                // This future is large: box it, or it overflows a worker's stack.
                let linked = Box::pin(pair::pair(&app, &options, &own, &mut tell)).await;
                let held = matches!(linked, Err(PairError::Rows(RowsError::Held { .. })));
                if !held || patient <= app.surroundings.clock.mono_ms() || !own.sleep(LOOK).await {
                    return linked;
                }
            }
        };
        let called_off = self.called_off();
        let write = async {
            while let Some(step) = steps.recv().await {
                // The final step is written after everything has ended.
                if step["event"] != "paired" && !self.write(step, false).await {
                    own.ask();
                }
            }
            self
        };
        let mut both = Box::pin(async { tokio::join!(link, write) });
        tokio::pin!(called_off);
        let (linked, mut attempt) = tokio::select! {
            both = &mut both => both,
            () = stop.asked() => {
                own.ask();
                both.await
            }
            () = &mut called_off => {
                own.ask();
                both.await
            }
        };
        let last = match linked {
            Ok(paired) => json!(PairStep::Paired(paired)),
            Err(error) => failed(error.code(), &error.to_string()),
        };
        attempt.write(last, true).await;
    }

    /// Waits until the attempt is cancelled.
    fn called_off(&self) -> impl Future<Output = ()> + Send + use<> {
        let app = self.app.for_tenant(self.app.settings.tenant.clone());
        let attempt = self.row.attempt.clone();
        async move {
            loop {
                tokio::time::sleep(LOOK).await;
                let row = app.store.pairing(&app.settings.tenant).await;
                let gone = |row: Option<PairingRow>| {
                    row.is_none_or(|row| row.ended || row.attempt != attempt)
                };
                if row.is_ok_and(gone) {
                    return;
                }
            }
        }
    }

    /// Records a step. Returns false if the attempt was cancelled.
    async fn write(&mut self, mut step: Value, ended: bool) -> bool {
        // Every response already contains the tenant's name.
        if let Some(step) = step.as_object_mut() {
            step.remove("business_id");
        }
        self.row.number += 1;
        self.row.step = step.to_string();
        self.row.ended = ended;
        self.row.changed_ms = self.app.surroundings.clock.unix_ms();
        let tenant = &self.app.settings.tenant;
        match self.app.store.step_pairing(tenant, &self.row).await {
            Ok(goes_on) => goes_on,
            Err(error) => {
                let business_id = tenant.as_str();
                tracing::warn!(business_id, %error, "a pairing step could not be stored");
                true
            }
        }
    }
}

/// Builds the last step of a failed attempt.
fn failed(code: &'static str, reason: &str) -> Value {
    json!({ "event": "failed", "error": code, "reason": reason })
}

/// Returns the progress of the tenant's latest attempt, or `None` if there never was one.
pub async fn progress(app: &App, tenant: &TenantId) -> Result<Option<Progress>, RowsError> {
    let row = app.store.pairing(tenant).await.map_err(RowsError::of)?;
    Ok(row.map(|row| Progress {
        business_id: tenant.to_string(),
        number: row.number,
        ended: row.ended,
        since: time(row.changed_ms),
        step: step(&row.step),
    }))
}

/// Parses a stored step. Removes fields that the response adds itself, so that no name repeats.
fn step(text: &str) -> Map<String, Value> {
    let mut step: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    for name in ["business_id", "number", "ended", "since"] {
        step.remove(name);
    }
    step
}

/// Cancels the running attempt, whichever process carries it out. Returns whether there was one.
pub async fn cancel(app: &App, tenant: &TenantId, actor: &AuditActor) -> Result<bool, RowsError> {
    let row = app.store.pairing(tenant).await.map_err(RowsError::of)?;
    let Some(mut row) = row.filter(|row| !row.ended) else {
        return Ok(false);
    };
    row.number += 1;
    row.ended = true;
    row.step = failed("CANCELLED", "called off").to_string();
    row.changed_ms = app.surroundings.clock.unix_ms();
    let cancelled = app.store.step_pairing(tenant, &row).await;
    let cancelled = cancelled.map_err(RowsError::of)?;
    if cancelled {
        let audit = app.audit(actor, "cancel-pair", Some(tenant), String::new());
        app.store.audit(&audit).await.map_err(RowsError::of)?;
    }
    Ok(cancelled)
}
