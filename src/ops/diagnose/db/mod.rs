//! The database from the operator's view: connections, sizes, growth and damaged rows.

pub mod connections;
pub mod size;

use serde::Serialize;

use crate::app::{App, RowsError};
use crate::ids::TenantId;
pub use crate::store::inspect::check::OTHER_FORM;

/// One paired device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Name of the tenant.
    pub business_id: String,
    pub jid: String,
    /// JID by LID, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lid: Option<String>,
    /// Platform of the phone.
    pub platform: String,
    /// Name that others see.
    pub push_name: String,
    /// Signal registration id.
    pub registration_id: i64,
    /// Whether the tenant should run.
    pub enabled: bool,
    /// Why the account ended: `logged_out`, `banned` or `outdated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

/// The number of Signal sessions and keys of one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sessions {
    pub business_id: String,
    pub jid: String,
    /// Signal sessions with other devices (`whatsmeow_sessions`).
    pub sessions: i64,
    pub identities: i64,
    pub sender_keys: i64,
    /// Pre-keys that are known to be uploaded to WhatsApp, and those that are not.
    pub pre_keys: i64,
    pub pre_keys_waiting: i64,
}

/// A problem found in the rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check that failed: `file`, `tenant_name`, `orphan`, `key_length`, `undecodable` or
    /// [`OTHER_FORM`].
    pub check: &'static str,
    pub table: String,
    pub business_id: String,
    /// Number of affected rows.
    pub rows: i64,
    /// One of the affected rows.
    pub example: String,
}

/// The number of tables, rows and records checked, and the problems found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    pub tables: usize,
    pub rows: i64,
    pub records: i64,
    pub findings: Vec<Finding>,
}

/// Returns every paired device, or only that of `tenant`.
pub async fn devices(app: &App, tenant: Option<&TenantId>) -> Result<Vec<Device>, RowsError> {
    let rows = app.store.devices(tenant).await.map_err(RowsError::of)?;
    let shown = rows.into_iter().map(|row| Device {
        business_id: row.tenant,
        jid: row.jid,
        lid: row.lid,
        platform: row.platform,
        push_name: row.push_name,
        registration_id: row.registration_id,
        enabled: row.enabled,
        ended: row.ended,
    });
    Ok(shown.collect())
}

/// Returns the number of sessions and keys of each device.
pub async fn sessions(app: &App, tenant: Option<&TenantId>) -> Result<Vec<Sessions>, RowsError> {
    let rows = app.store.session_counts(tenant).await;
    let shown = rows
        .map_err(RowsError::of)?
        .into_iter()
        .map(|row| Sessions {
            business_id: row.tenant,
            jid: row.jid,
            sessions: row.sessions,
            identities: row.identities,
            sender_keys: row.sender_keys,
            pre_keys: row.pre_keys,
            pre_keys_waiting: row.pre_keys_waiting,
        });
    Ok(shown.collect())
}

/// Checks every row, or only those of `tenant`.
pub async fn check(app: &App, tenant: Option<&TenantId>) -> Result<Checked, RowsError> {
    let checked = app.store.check(tenant).await.map_err(RowsError::of)?;
    let findings = checked.findings.into_iter().map(|found| Finding {
        check: found.check,
        table: found.table,
        business_id: found.tenant,
        rows: found.rows,
        example: found.example,
    });
    Ok(Checked {
        tables: checked.tables,
        rows: checked.rows,
        records: checked.records,
        findings: findings.collect(),
    })
}
