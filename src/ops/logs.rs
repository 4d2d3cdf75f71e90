//! Event logs of tenants, and the recovery from a restored database.

use serde::Serialize;

use crate::app::shapes::time;
use crate::app::{App, RowsError};
use crate::ids::TenantId;
use crate::ops::actor::AuditActor;
use crate::ops::transfer::TransferRefusal;
use crate::store::account::log::Log;

/// A log of events. A new one begins when the database is found to be older than what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventLog {
    /// Name of the tenant.
    pub business_id: String,
    /// Unique id of the log.
    pub log: String,
    /// Time at which the log began (RFC 3339, UTC).
    pub since: String,
    /// Lowest event number in the log.
    pub first_seq: i64,
    /// Evidence by which the restore was recognised; absent for the first log.
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

/// Returns the tenant's current event log, or `None` if the account has never run.
pub async fn current(app: &App) -> Result<Option<EventLog>, RowsError> {
    let log = app.store.log(&app.settings.tenant).await;
    Ok(log.map_err(RowsError::of)?.map(EventLog::from))
}

/// Returns the logs of all tenants that began after `since_ms` because of a restore.
pub async fn begun(app: &App, since_ms: i64) -> Result<Vec<EventLog>, RowsError> {
    let logs = app.store.logs_begun(since_ms).await;
    let logs = logs.map_err(RowsError::of)?;
    Ok(logs.into_iter().map(EventLog::from).collect())
}

/// Starts a new event log for the tenant, as a detected restore would. Returns `None` if the tenant
/// has no account. Fails while a process runs the account.
pub async fn declare_restored(
    app: &App,
    tenant: &TenantId,
) -> Result<Option<EventLog>, TransferRefusal> {
    let audit = app.audit(
        &AuditActor::of_user(),
        "restored",
        Some(tenant),
        String::new(),
    );
    match app.store.declare_restored(tenant, &audit).await {
        Ok(false) => Ok(None),
        Ok(true) => Ok(current(&app.for_tenant(tenant.clone())).await?),
        Err(error) => Err(app.for_tenant(tenant.clone()).refused(error).await),
    }
}

/// Returns all tenants that have an account.
pub async fn tenants(app: &App) -> Result<Vec<TenantId>, RowsError> {
    app.store.tenants().await.map_err(RowsError::of)
}
