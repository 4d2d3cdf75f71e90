//! Leases explained: who holds each, since when, what is wrong, and what to do.

use serde::Serialize;

use crate::ids::TenantId;
use crate::ops::open::{App, RowsError};
use crate::ops::shapes::time;

/// A heartbeat that is older than this is told of. The wall clocks of two machines are compared
/// here, for people only: nothing is decided by it.
const SILENCE_MS_MAX: i64 = 15_000;

/// One tenant's lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LockStatus {
    pub business_id: String,
    /// `held`, `free` or `orphaned`: its holder was declared dead and nobody took over.
    pub state: &'static str,
    pub epoch: i64,
    /// Machine and process number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// How others learn that the holder is gone: `lock` or `counter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liveness: Option<&'static str>,
    /// How the holder reaches the database, and tells others that it lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_age_s: Option<i64>,
    /// Processes that wait to take over.
    pub waiting: i64,
    /// What is wrong, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The leases of all tenants, or of one.
pub async fn status(app: &App, only: Option<&TenantId>) -> Result<Vec<LockStatus>, RowsError> {
    let now_ms = app.surroundings.clock.unix_ms();
    let leases = app.store.leases().await.map_err(RowsError::of)?;
    let mut locks = Vec::new();
    for lease in leases {
        if only.is_some_and(|tenant| *tenant != lease.tenant) {
            continue;
        }
        let holder = app.store.holder(&lease.tenant).await;
        let holder = holder.map_err(RowsError::of)?;
        let waiting = app.store.lock_waiters(&lease.tenant).await;
        let age_ms = lease.heartbeat_ms.map(|beat_ms| now_ms - beat_ms);
        let state = match &holder {
            None => "free",
            Some(holder) if holder.dead => "orphaned",
            Some(_) => "held",
        };
        let silent_s = age_ms
            .filter(|age_ms| SILENCE_MS_MAX < *age_ms)
            .map(|ms| ms / 1_000);
        let problem = match (state, silent_s) {
            ("orphaned", _) => Some(String::from(
                "its holder was declared dead: start a process",
            )),
            ("held", Some(silent_s)) => Some(format!(
                "no heartbeat for {silent_s} s: its holder may be dead, or its clock is off"
            )),
            _ => None,
        };
        locks.push(LockStatus {
            business_id: lease.tenant.to_string(),
            state,
            epoch: lease.epoch,
            liveness: holder
                .as_ref()
                .map(|holder| if holder.locks { "lock" } else { "counter" }),
            route: holder.as_ref().and_then(|holder| holder.route.clone()),
            holder: holder.map(|holder| format!("{}/{}", holder.name, holder.pid)),
            since: (state != "free").then(|| time(lease.since_ms)),
            heartbeat: lease.heartbeat_ms.map(time),
            heartbeat_age_s: age_ms.map(|ms| ms / 1_000),
            waiting: waiting.map_err(RowsError::of)?,
            problem,
        });
    }
    Ok(locks)
}

/// Takes the lease of a tenant away from its holder, which cannot commit, send or acknowledge from
/// then on. Whether there was one.
pub async fn release(app: &App, tenant: &TenantId) -> Result<bool, RowsError> {
    let holder = app.store.holder(tenant).await.map_err(RowsError::of)?;
    let Some(holder) = holder else {
        return Ok(false);
    };
    let released = app.store.force_release(tenant, holder.host).await;
    released.map_err(RowsError::of)
}
