//! API keys of the HTTP interface, the audit log, and the progress of linking devices.

use crate::ids::TenantId;
use crate::store::Store;
use crate::store::db::{Row, Tx, args};
use crate::store::error::StoreError;

const TABLE: &str = "wmctl_api_key";

/// Maximum number of audit rows in one listing.
const AUDIT_ROWS_MAX: u32 = 200;

/// A stored API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The public half, which identifies the key in logs and audit rows.
    pub id: String,
    pub name: String,
    /// SHA-256 of the whole key.
    pub hash: Vec<u8>,
    /// Names separated by commas, or `*`.
    pub tenants: String,
    /// Permitted actions, separated by commas.
    pub actions: String,
    pub created_ms: i64,
}

/// One change to be recorded in the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Sorts by time.
    pub id: String,
    pub at_ms: i64,
    /// The name of an API key, or the user of the machine.
    pub actor: String,
    pub action: &'static str,
    pub tenant: Option<TenantId>,
    pub detail: String,
    pub request_id: Option<String>,
}

/// A row of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    pub id: String,
    pub at_ms: i64,
    pub actor: String,
    pub action: String,
    pub tenant: Option<String>,
    pub detail: String,
    pub request_id: Option<String>,
}

/// The progress of linking a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairingRow {
    /// Identifies the attempt. A new attempt takes the row over.
    pub attempt: String,
    /// Rises with each step.
    pub number: i64,
    /// The step as JSON.
    pub step: String,
    pub ended: bool,
    pub changed_ms: i64,
}

const INSERT: &str = "
    INSERT INTO wmctl_api_key (id, name, hash, tenants, actions, created_ms)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";

const LIST: &str = "
    SELECT id, name, hash, tenants, actions, created_ms FROM wmctl_api_key ORDER BY name";

const BY_ID: &str = "
    SELECT id, name, hash, tenants, actions, created_ms FROM wmctl_api_key WHERE id = $1";

const ANY: &str = "SELECT 1 FROM wmctl_api_key LIMIT 1";

const REMOVE: &str = "DELETE FROM wmctl_api_key WHERE name = $1 OR id = $1";

const AUDIT: &str = "
    INSERT INTO wmctl_audit (id, at_ms, actor, action, business_id, detail, request_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

const AUDITS: &str = "
    SELECT id, at_ms, actor, action, business_id, detail, request_id
    FROM wmctl_audit WHERE $1 = '' OR business_id = $1 ORDER BY id DESC LIMIT $2";

const PAIRING: &str = "
    SELECT attempt, number, step, ended, changed_ms FROM wmctl_pairing WHERE business_id = $1";

const START_PAIRING: &str = "
    INSERT INTO wmctl_pairing (business_id, attempt, number, step, ended, changed_ms)
    VALUES ($1, $2, 0, $3, FALSE, $4)
    ON CONFLICT (business_id) DO UPDATE SET attempt = excluded.attempt, number = 0,
        step = excluded.step, ended = FALSE, changed_ms = excluded.changed_ms
    WHERE wmctl_pairing.ended OR wmctl_pairing.changed_ms < $5";

/// A QR code or pairing code is secret until it is used, so only the latest step is kept.
const STEP_PAIRING: &str = "
    UPDATE wmctl_pairing SET number = $3, step = $4, ended = $5, changed_ms = $6
    WHERE business_id = $1 AND attempt = $2 AND NOT ended";

impl Store {
    /// Stores a new key. Returns `false` if its name is taken.
    pub async fn add_key(&self, key: &ApiKey, audit: &Audit) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let row = args![
            key.id.as_str(),
            key.name.as_str(),
            key.hash.as_slice(),
            key.tenants.as_str(),
            key.actions.as_str(),
            key.created_ms
        ];
        let added = tx.run(INSERT, row).await? == 1;
        if added {
            insert_audit(&mut tx, audit).await?;
        }
        tx.commit().await?;
        Ok(added)
    }

    /// Returns all keys, ordered by name.
    pub async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let rows = self.db.rows(LIST, args![]).await?;
        rows.iter().map(key_row).collect()
    }

    /// Returns one key by its public half.
    pub async fn key(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        let row = self.db.row(BY_ID, args![id]).await?;
        row.as_ref().map(key_row).transpose()
    }

    /// Returns whether any key exists.
    pub async fn has_keys(&self) -> Result<bool, StoreError> {
        Ok(self.db.row(ANY, args![]).await?.is_some())
    }

    /// Deletes a key by name or id. Returns whether it existed.
    pub async fn remove_key(&self, name: &str, audit: &Audit) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let removed = 0 < tx.run(REMOVE, args![name]).await?;
        if removed {
            insert_audit(&mut tx, audit).await?;
        }
        tx.commit().await?;
        Ok(removed)
    }

    /// Adds a row to the audit log.
    pub async fn audit(&self, audit: &Audit) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        insert_audit(&mut tx, audit).await?;
        tx.commit().await
    }

    /// Returns the latest audit rows, newest first, of one tenant or of all.
    pub async fn audits(&self, tenant: Option<&TenantId>) -> Result<Vec<AuditRow>, StoreError> {
        const TABLE: &str = "wmctl_audit";
        let only = tenant.map_or("", TenantId::as_str);
        let rows = self.db.rows(AUDITS, args![only, AUDIT_ROWS_MAX]).await?;
        let audit = |row: &Row| {
            Ok(AuditRow {
                id: row.column(TABLE, 0)?,
                at_ms: row.column(TABLE, 1)?,
                actor: row.column(TABLE, 2)?,
                action: row.column(TABLE, 3)?,
                tenant: row.column(TABLE, 4)?,
                detail: row.column(TABLE, 5)?,
                request_id: row.column(TABLE, 6)?,
            })
        };
        rows.iter().map(audit).collect()
    }

    /// Returns the progress of linking a device.
    pub async fn pairing(&self, tenant: &TenantId) -> Result<Option<PairingRow>, StoreError> {
        const TABLE: &str = "wmctl_pairing";
        let Some(row) = self.db.row(PAIRING, args![tenant.as_str()]).await? else {
            return Ok(None);
        };
        Ok(Some(PairingRow {
            attempt: row.column(TABLE, 0)?,
            number: row.column(TABLE, 1)?,
            step: row.column(TABLE, 2)?,
            ended: row.column(TABLE, 3)?,
            changed_ms: row.column(TABLE, 4)?,
        }))
    }

    /// Begins an attempt, unless another attempt is in progress that changed after `stale_ms`.
    /// Returns whether it began.
    pub async fn start_pairing(
        &self,
        tenant: &TenantId,
        row: &PairingRow,
        stale_ms: i64,
        audit: &Audit,
    ) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let (attempt, step) = (row.attempt.as_str(), row.step.as_str());
        let given = args![tenant.as_str(), attempt, step, row.changed_ms, stale_ms];
        let begun = tx.run(START_PAIRING, given).await? == 1;
        if begun {
            insert_audit(&mut tx, audit).await?;
        }
        tx.commit().await?;
        Ok(begun)
    }

    /// Records the next step of an attempt. Returns `false` if the attempt has ended in between.
    pub async fn step_pairing(
        &self,
        tenant: &TenantId,
        row: &PairingRow,
    ) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let given = args![
            tenant.as_str(),
            row.attempt.as_str(),
            row.number,
            row.step.as_str(),
            row.ended,
            row.changed_ms
        ];
        let changed = tx.run(STEP_PAIRING, given).await?;
        tx.commit().await?;
        Ok(changed == 1)
    }
}

/// Adds an audit row in the transaction of the change that it describes.
pub(in crate::store) async fn insert_audit(tx: &mut Tx, audit: &Audit) -> Result<(), StoreError> {
    let tenant = audit.tenant.as_ref().map(ToString::to_string);
    let row = args![
        audit.id.as_str(),
        audit.at_ms,
        audit.actor.as_str(),
        audit.action,
        tenant,
        audit.detail.as_str(),
        audit.request_id.clone()
    ];
    tx.run(AUDIT, row).await.map(|_| ())
}

fn key_row(row: &Row) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: row.column(TABLE, 0)?,
        name: row.column(TABLE, 1)?,
        hash: row.column(TABLE, 2)?,
        tenants: row.column(TABLE, 3)?,
        actions: row.column(TABLE, 4)?,
        created_ms: row.column(TABLE, 5)?,
    })
}
