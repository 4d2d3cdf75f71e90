//! The tenants of a database.

use serde::Serialize;

use crate::ops::open::{App, RowsError};
use crate::ops::shapes::time;
use crate::session::account::Ended;

/// One tenant with a paired device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tenant {
    pub business_id: String,
    pub jid: String,
    /// `paired`, `logged_out`, `banned` or `outdated`.
    pub state: &'static str,
    /// The process that runs it, `host/pid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    pub epoch: i64,
    /// The last heartbeat of its holder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<String>,
}

/// All tenants with a paired device.
pub async fn list(app: &App) -> Result<Vec<Tenant>, RowsError> {
    let leases = app.store.leases().await.map_err(RowsError::of)?;
    let mut tenants = Vec::new();
    for tenant in app.store.tenants().await.map_err(RowsError::of)? {
        let Some(account) = app.store.account(&tenant).await.map_err(RowsError::of)? else {
            continue;
        };
        let lease = leases.iter().find(|lease| lease.tenant == tenant);
        let held = lease.filter(|lease| lease.owner.is_some());
        tenants.push(Tenant {
            business_id: tenant.to_string(),
            jid: account.jid.to_string(),
            state: match account.ended {
                None => "paired",
                Some(Ended::LoggedOut { .. }) => "logged_out",
                Some(Ended::Banned { .. }) => "banned",
                Some(Ended::Outdated) => "outdated",
            },
            holder: held
                .and_then(|lease| lease.host.as_ref())
                .map(|(name, pid)| format!("{name}/{pid}")),
            epoch: lease.map_or(0, |lease| lease.epoch),
            heartbeat: held.and_then(|lease| lease.heartbeat_ms).map(time),
        });
    }
    Ok(tenants)
}
