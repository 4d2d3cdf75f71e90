//! The tenants of a database: the desired and the observed state of each.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::app::shapes::{time, whole};
use crate::app::{App, RowsError};
use crate::config::proxy::{Proxy, ProxyError};
use crate::ids::{IdError, TenantId};
use crate::ops::actor::AuditActor;
use crate::ops::logout::{LogoutError, logout};
use crate::ops::send::{TTL_S, TTL_S_MAX};
use crate::session::config::Browser;
use crate::store::tenants::TenantSummary;

/// Maximum number of tenants per page.
pub const PAGE_MAX: u32 = 1_000;
/// Maximum length of a device name as shown on the phone, and of a host name.
const NAME_CHARS_MAX: usize = 64;

/// One tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Unique name of the tenant.
    pub business_id: String,
    /// JID of its device, if one is paired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jid: Option<String>,
    /// Reported by the host: `connected`, `connecting`, `disconnected`, `replaced` or `stalled`.
    /// Derived from the lease: `starting`, `stopping`, `stopped`, `waiting` (for a host) or
    /// `orphaned`. Reported by WhatsApp: `unpaired`, `logged_out`, `banned` or `outdated`.
    /// `exported`: another program has its keys.
    pub state: String,
    /// Reason for the state, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Start of this state, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Last error that the host reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Time of that error (RFC 3339, UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error_at: Option<String>,
    /// Whether it should run.
    pub enabled: bool,
    /// `leader` while a live host holds its lease, otherwise `none`.
    pub role: String,
    /// The process that runs it, `name/pid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Name of the host that runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The host that it is pinned to, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted_host: Option<String>,
    /// Epoch of its lease.
    pub epoch: i64,
    /// Last heartbeat of its holder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<String>,
    /// URL of its proxy, without the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// Device name that the phone shows, if set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// Platform that the phone shows, if set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// How long outgoing messages may wait for the account (s); 0 means no limit.
    pub message_ttl_s: i64,
}

/// All values of `state`.
pub const STATES: [&str; 15] = [
    "banned",
    "connected",
    "connecting",
    "disconnected",
    "exported",
    "logged_out",
    "orphaned",
    "outdated",
    "replaced",
    "stalled",
    "starting",
    "stopped",
    "stopping",
    "unpaired",
    "waiting",
];

/// New settings of a tenant. Absent fields keep their values; an empty text clears a setting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// URL of the proxy.
    #[serde(default, deserialize_with = "given")]
    pub proxy: Option<String>,
    /// Device name that the phone shows.
    #[serde(default, deserialize_with = "given")]
    pub device_name: Option<String>,
    /// Platform that the phone shows.
    #[serde(default, deserialize_with = "given")]
    pub platform: Option<String>,
    /// Name of the host that should run the tenant.
    #[serde(default, deserialize_with = "given")]
    pub host: Option<String>,
    /// How long outgoing messages may wait for the account (s); 0 means no limit.
    #[serde(default, deserialize_with = "given_number")]
    pub message_ttl_s: Option<i64>,
}

/// Deserializes a whole number. `null` is refused, as in [`given`].
fn given_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let number = whole(deserializer)?;
    number
        .map(Some)
        .ok_or_else(|| D::Error::custom("a number is needed"))
}

/// Deserializes a text. `null` is refused because it could mean "keep" or "clear".
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// The database failed.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// The tenant does not exist.
    #[error("there is no tenant {0}")]
    Unknown(TenantId),
    /// The proxy's URL is invalid.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The platform is unknown.
    #[error("platform is one of chrome, edge, firefox, safari and other")]
    Platform,
    /// The name is not allowed for a new tenant.
    #[error(transparent)]
    NewTenant(#[from] IdError),
    /// A device or host name is invalid; names the field.
    #[error("{0} must have 1 to {NAME_CHARS_MAX} characters and no control characters")]
    Name(&'static str),
    /// The waiting time is out of range.
    #[error("message_ttl_s is 0 (for ever) to {TTL_S_MAX} seconds")]
    Ttl,
}

impl TenantError {
    /// Returns the name of the invalid field, if the error concerns a field.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Rows(_) | Self::Unknown(_) => None,
            Self::Proxy(_) => Some("proxy"),
            Self::Platform => Some("platform"),
            Self::NewTenant(_) => Some("business_id"),
            Self::Name("a host") => Some("host"),
            Self::Name(_) => Some("device_name"),
            Self::Ttl => Some("message_ttl_s"),
        }
    }
}

impl Changes {
    fn check(&self) -> Result<(), TenantError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(proxy) = given(&self.proxy) {
            proxy.parse::<Proxy>()?;
        }
        if given(&self.platform).is_some_and(|word| Browser::named(&word).is_none()) {
            return Err(TenantError::Platform);
        }
        if self
            .message_ttl_s
            .is_some_and(|ttl_s| !(0..=TTL_S_MAX).contains(&ttl_s))
        {
            return Err(TenantError::Ttl);
        }
        for (what, text) in [("a device name", &self.device_name), ("a host", &self.host)] {
            let unsound = |text: String| {
                NAME_CHARS_MAX < text.chars().count() || text.contains(char::is_control)
            };
            if given(text).is_some_and(unsound) {
                return Err(TenantError::Name(what));
            }
        }
        Ok(())
    }
}

/// Returns all tenants, sorted by name.
pub async fn list(app: &App) -> Result<Vec<Tenant>, RowsError> {
    let mut tenants: Vec<Tenant> = Vec::new();
    loop {
        let after = tenants.last().map_or("", |last| last.business_id.as_str());
        let page = page(app, after, PAGE_MAX).await?;
        let full = page.len() == PAGE_MAX as usize;
        tenants.extend(page);
        if !full {
            return Ok(tenants);
        }
    }
}

/// Returns at most `limit` tenants whose names sort after `after`.
pub async fn page(app: &App, after: &str, limit: u32) -> Result<Vec<Tenant>, RowsError> {
    let page = app.store.overview(after, limit.min(PAGE_MAX)).await;
    Ok(page.map_err(RowsError::of)?.iter().map(shown).collect())
}

/// Returns one tenant, or `None` if it does not exist.
pub async fn show(app: &App, tenant: &TenantId) -> Result<Option<Tenant>, RowsError> {
    let found = app.store.overview_of(tenant).await.map_err(RowsError::of)?;
    Ok(found.as_ref().map(shown))
}

/// Enables a tenant with these settings, and creates it if necessary. Returns whether it is new.
pub async fn add(
    app: &App,
    tenant: &TenantId,
    changes: &Changes,
    actor: &AuditActor,
) -> Result<bool, TenantError> {
    changes.check()?;
    check_name(app, tenant).await?;
    let audit = app.audit(actor, "add", Some(tenant), detail(changes));
    let changes = changes.clone();
    let known = app.store.want(
        tenant,
        move |wanted| {
            wanted.enabled = true;
            let set = |field: &mut Option<String>, text: Option<String>| {
                if let Some(text) = text {
                    *field = Some(text).filter(|text| !text.is_empty());
                }
            };
            set(&mut wanted.launch.proxy, changes.proxy);
            set(&mut wanted.launch.device_name, changes.device_name);
            set(&mut wanted.launch.platform, changes.platform);
            set(&mut wanted.wanted_host, changes.host);
            wanted.message_ttl_s = changes.message_ttl_s.or(wanted.message_ttl_s);
        },
        &audit,
    );
    Ok(!known.await.map_err(RowsError::of)?)
}

/// Describes the changes for the audit log, without secrets.
fn detail(changes: &Changes) -> String {
    let proxy = changes
        .proxy
        .as_ref()
        .map(|text| match text.parse::<Proxy>() {
            Ok(proxy) => proxy.to_string(),
            Err(_) => String::from("none"),
        });
    let fields = [
        ("proxy", proxy),
        ("device_name", changes.device_name.clone()),
        ("platform", changes.platform.clone()),
        ("host", changes.host.clone()),
        (
            "message_ttl_s",
            changes.message_ttl_s.map(|ttl_s| ttl_s.to_string()),
        ),
    ];
    let given = fields
        .into_iter()
        .filter_map(|(name, text)| Some(format!("{name}={}", text?)));
    given.collect::<Vec<_>>().join(" ")
}

/// Enables or disables an existing tenant.
pub async fn enable(
    app: &App,
    tenant: &TenantId,
    enabled: bool,
    actor: &AuditActor,
) -> Result<(), TenantError> {
    must_exist(app, tenant).await?;
    let action = if enabled { "start" } else { "stop" };
    let audit = app.audit(actor, action, Some(tenant), String::new());
    let changed = app
        .store
        .want(tenant, move |wanted| wanted.enabled = enabled, &audit);
    changed.await.map_err(RowsError::of)?;
    Ok(())
}

/// Pins an existing tenant to a host; `None` allows any host.
pub async fn place(
    app: &App,
    tenant: &TenantId,
    host: Option<String>,
    actor: &AuditActor,
) -> Result<(), TenantError> {
    let changes = Changes {
        host: host.clone(),
        ..Changes::default()
    };
    changes.check()?;
    must_exist(app, tenant).await?;
    let audit = app.audit(actor, "move", Some(tenant), detail(&changes));
    let changed = app
        .store
        .want(tenant, move |wanted| wanted.wanted_host = host, &audit);
    changed.await.map_err(RowsError::of)?;
    Ok(())
}

/// The fate of the device of a removed tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// Name of the removed tenant.
    pub business_id: String,
    /// Whether the device was removed from the phone; absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlinked: Option<bool>,
    /// Why the phone may still list the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Unlinks the tenant's device and permanently deletes its rows, including keys and sessions. If
/// the device cannot be unlinked, the rows are deleted anyway and the result says so.
pub async fn remove(
    app: &App,
    tenant: &TenantId,
    actor: &AuditActor,
) -> Result<Removed, TenantError> {
    must_exist(app, tenant).await?;
    let (unlinked, reason) = match Box::pin(logout(app, tenant, actor)).await {
        Ok(_) => (Some(true), None),
        Err(LogoutError::Unpaired(_)) => (None, None),
        // Another program now has the keys, and the device stays linked for it.
        Err(error) => (Some(false), Some(error.to_string())),
    };
    let audit = app.audit(actor, "remove", Some(tenant), String::new());
    app.store
        .purge(tenant, &audit)
        .await
        .map_err(RowsError::of)?;
    Ok(Removed {
        business_id: tenant.to_string(),
        unlinked,
        reason,
    })
}

/// Refuses a new name that causes problems; an existing tenant may keep it.
pub(crate) async fn check_name(app: &App, tenant: &TenantId) -> Result<(), TenantError> {
    match tenant.check_new() {
        Err(error) if show(app, tenant).await?.is_none() => Err(error.into()),
        _ => Ok(()),
    }
}

async fn must_exist(app: &App, tenant: &TenantId) -> Result<(), TenantError> {
    match show(app, tenant).await? {
        Some(_) => Ok(()),
        None => Err(TenantError::Unknown(tenant.clone())),
    }
}

fn shown(tenant: &TenantSummary) -> Tenant {
    let held = tenant.owner.is_some();
    let dead = tenant.host.as_ref().is_some_and(|(_, _, dead)| *dead);
    let leads = held && !dead;
    // Ignore the state that an owner of another epoch reported.
    let said = tenant
        .observed
        .as_ref()
        .filter(|(.., epoch)| leads && *epoch == tenant.epoch);
    let state = match (&tenant.jid, &tenant.ended, said) {
        (None, ..) => "unpaired",
        // A ban can end, and an update can arrive: the host's report is newer than these.
        (_, Some(ended), said)
            if said.is_none() || !matches!(ended.as_str(), "banned" | "outdated") =>
        {
            ended.as_str()
        }
        (.., Some(_)) if !tenant.desired.enabled => "stopping",
        (.., Some((state, ..))) => state.as_str(),
        _ if leads => "starting",
        // A disabled tenant is not taken over, so it is `stopped` and not `orphaned`.
        _ if !tenant.desired.enabled => "stopped",
        _ if held => "orphaned",
        _ => "waiting",
    };
    let holder = tenant.host.as_ref().filter(|_| held);
    let launch = &tenant.desired.launch;
    let proxy = launch
        .proxy
        .as_ref()
        .map(|text| match text.parse::<Proxy>() {
            Ok(proxy) => proxy.to_string(),
            Err(_) => String::from("***"),
        });
    let (last_error, last_error_at) = match &tenant.last_error {
        Some((error, at_ms)) => (Some(error.clone()), Some(time(*at_ms))),
        None => (None, None),
    };
    Tenant {
        business_id: tenant.tenant.to_string(),
        jid: tenant.jid.clone(),
        state: state.to_owned(),
        reason: said.and_then(|(_, reason, ..)| reason.clone()),
        since: match said {
            Some((_, _, since_ms, _)) => Some(time(*since_ms)),
            None => held.then(|| time(tenant.lease_since_ms)),
        },
        last_error,
        last_error_at,
        enabled: tenant.desired.enabled,
        role: String::from(if leads { "leader" } else { "none" }),
        holder: holder.map(|(name, pid, _)| format!("{name}/{pid}")),
        host: holder.map(|(name, ..)| name.clone()),
        wanted_host: tenant.desired.wanted_host.clone(),
        epoch: tenant.epoch,
        heartbeat: tenant.heartbeat_ms.filter(|_| held).map(time),
        proxy,
        device_name: launch.device_name.clone(),
        platform: launch.platform.clone(),
        message_ttl_s: tenant.desired.message_ttl_s.unwrap_or(TTL_S),
    }
}
