//! Which log a tenant's events belong to, and what is said and done about a restored database.

use serde::Serialize;

use crate::app::shapes::time;
use crate::app::{App, RowsError};
use crate::ids::TenantId;
use crate::ops::actor::Actor;
use crate::ops::transfer::MoveError;
use crate::store::account::log::Log;

/// A log of events. Another one begins where the database was found to be older than what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventLog {
    pub business_id: String,
    /// No other log has it.
    pub log: String,
    pub since: String,
    /// No event of it has a smaller number.
    pub first_seq: i64,
    /// By what the database was recognised; none for the first log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
}

impl From<Log> for EventLog {
    fn from(log: Log) -> Self {
        Self {
            business_id: log.tenant.to_string(),
            log: log.id,
            since: time(log.since_ms),
            first_seq: log.first_seq,
            mark: log.mark,
        }
    }
}

/// The log that the tenant's events belong to now; `None` before the account first ran.
pub async fn current(app: &App) -> Result<Option<EventLog>, RowsError> {
    let log = app.store.log(&app.settings.tenant).await;
    Ok(log.map_err(RowsError::of)?.map(EventLog::from))
}

/// The logs of all tenants that began since then because of a restore.
pub async fn begun(app: &App, since_ms: i64) -> Result<Vec<EventLog>, RowsError> {
    let logs = app.store.logs_begun(since_ms).await;
    let logs = logs.map_err(RowsError::of)?;
    Ok(logs.into_iter().map(EventLog::from).collect())
}

/// Does for a tenant what is done where a restore is recognised; `None` where it has no account.
/// Refused while a process runs it.
pub async fn declare_restored(app: &App, tenant: &TenantId) -> Result<Option<EventLog>, MoveError> {
    let audit = app.audit(&Actor::of_user(), "restored", Some(tenant), String::new());
    match app.store.declare_restored(tenant, &audit).await {
        Ok(false) => Ok(None),
        Ok(true) => Ok(current(&app.for_tenant(tenant.clone())).await?),
        Err(error) => Err(app.for_tenant(tenant.clone()).refused(error).await),
    }
}

/// Every tenant that has an account.
pub async fn tenants(app: &App) -> Result<Vec<TenantId>, RowsError> {
    app.store.tenants().await.map_err(RowsError::of)
}
