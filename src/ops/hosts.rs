//! The processes that serve a database, and the audit log.

use serde::{Deserialize, Serialize};

use crate::app::shapes::time;
use crate::app::{App, RowsError};
use crate::ids::TenantId;
use crate::ops::actor::AuditActor;

/// A process that runs tenants, or is ready to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Unique id; a restarted process gets a new one.
    pub id: String,
    /// Name of the host; several processes may share it.
    pub name: String,
    /// Process id.
    pub pid: i64,
    /// `live` or `draining`.
    pub state: String,
    /// Whether it takes any tenant (`serve`) or runs a single one (`run`).
    pub serves: bool,
    /// Number of leases that it holds.
    pub tenants: i64,
    /// Maximum number of tenants.
    pub capacity: i64,
    /// How other processes detect that it is gone: `lock` or `counter`.
    pub liveness: String,
    /// Time of the start (RFC 3339, UTC).
    pub started: String,
    /// Last heartbeat, by the database server's clock, or the local clock for SQLite.
    pub heartbeat: String,
}

/// One entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Unique id of the entry.
    pub id: String,
    /// Time of the change (RFC 3339, UTC).
    pub at: String,
    /// Name of the API key, or of the local user.
    pub actor: String,
    /// Name of the action, such as `add-webhook`.
    pub action: String,
    /// The tenant that was changed, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_id: Option<String>,
    /// Further facts, without secrets.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Id of the HTTP request, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// Returns the processes that have not been declared dead.
pub async fn list(app: &App) -> Result<Vec<Host>, RowsError> {
    let hosts = app.store.hosts().await.map_err(RowsError::of)?;
    let shown = hosts.into_iter().map(|host| Host {
        id: host.id.to_string(),
        name: host.name,
        pid: host.pid,
        state: String::from(if host.draining { "draining" } else { "live" }),
        serves: host.serves,
        tenants: host.tenants,
        capacity: host.capacity,
        liveness: String::from(if host.locks { "lock" } else { "counter" }),
        started: time(host.started_ms),
        heartbeat: time(host.heartbeat_ms),
    });
    Ok(shown.collect())
}

/// Starts or stops draining the hosts with this name or id. A draining host hands its tenants over
/// and takes no new ones. Returns the number of matching hosts.
pub async fn drain(
    app: &App,
    name: &str,
    draining: bool,
    actor: &AuditActor,
) -> Result<usize, RowsError> {
    let hosts = app.store.hosts().await.map_err(RowsError::of)?;
    let action = if draining { "drain" } else { "undrain" };
    let mut count = 0;
    for host in hosts {
        if !host.serves || (host.name != name && host.id.to_string() != name) {
            continue;
        }
        let drained = app.store.set_draining(host.id, draining).await;
        if drained.map_err(RowsError::of)? {
            count += 1;
            let audit = app.audit(actor, action, None, format!("host={name} id={}", host.id));
            app.store.audit(&audit).await.map_err(RowsError::of)?;
        }
    }
    Ok(count)
}

/// Returns the latest entries of the audit log, newest first.
pub async fn audit(app: &App, tenant: Option<&TenantId>) -> Result<Vec<AuditEntry>, RowsError> {
    let rows = app.store.audits(tenant).await.map_err(RowsError::of)?;
    let shown = rows.into_iter().map(|row| AuditEntry {
        id: row.id,
        at: time(row.at_ms),
        actor: row.actor,
        action: row.action,
        business_id: row.tenant,
        detail: row.detail,
        request_id: row.request_id,
    });
    Ok(shown.collect())
}
