//! The processes that serve a database, and what was changed by whom.

use serde::{Deserialize, Serialize};

use crate::app::shapes::time;
use crate::app::{App, RowsError};
use crate::ids::TenantId;
use crate::ops::actor::Actor;

/// One process that holds tenants, or may take some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    pub id: String,
    pub name: String,
    pub pid: i64,
    /// `live` or `draining`.
    pub state: String,
    /// Whether it takes whatever tenants there are, or runs a single one.
    pub serves: bool,
    /// Leases that it holds.
    pub tenants: i64,
    pub capacity: i64,
    /// How others learn that it is gone: `lock` or `counter`.
    pub liveness: String,
    pub started: String,
    /// Its last heartbeat, by the clock of the database's server, or of the file's machine.
    pub heartbeat: String,
}

/// One change that somebody made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    pub id: String,
    pub at: String,
    /// The key's name, or the user.
    pub actor: String,
    pub action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_id: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// Processes that were not declared dead.
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

/// Has the hosts of this name or id give their tenants away and take none, or not any more. How
/// many there are.
pub async fn drain(
    app: &App,
    name: &str,
    draining: bool,
    actor: &Actor,
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

/// What was changed last, newest first.
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
