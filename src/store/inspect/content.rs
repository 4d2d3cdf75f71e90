//! The content of the tables: devices, and their numbers of rows.

use crate::ids::TenantId;
use crate::store::Store;
use crate::store::db::args;
use crate::store::error::StoreError;
use crate::store::inspect::only;

const TABLE: &str = "whatsmeow_device";

const DEVICES: &str = "
    SELECT d.business_id, d.jid, d.lid, d.platform, d.push_name, d.registration_id, a.ended,
        COALESCE(t.enabled, TRUE)
    FROM whatsmeow_device d
    LEFT JOIN wmctl_account a ON a.business_id = d.business_id
    LEFT JOIN wmctl_tenant t ON t.business_id = d.business_id
    WHERE $1 = '' OR d.business_id = $1
    ORDER BY d.business_id, d.jid";

const SESSIONS: &str = "
    SELECT d.business_id, d.jid,
        (SELECT COUNT(*) FROM whatsmeow_sessions s
            WHERE s.business_id = d.business_id AND s.our_jid = d.jid),
        (SELECT COUNT(*) FROM whatsmeow_identity_keys i
            WHERE i.business_id = d.business_id AND i.our_jid = d.jid),
        (SELECT COUNT(*) FROM whatsmeow_sender_keys k
            WHERE k.business_id = d.business_id AND k.our_jid = d.jid),
        (SELECT COUNT(*) FROM whatsmeow_pre_keys p
            WHERE p.business_id = d.business_id AND p.jid = d.jid AND p.uploaded),
        (SELECT COUNT(*) FROM whatsmeow_pre_keys p
            WHERE p.business_id = d.business_id AND p.jid = d.jid AND NOT p.uploaded)
    FROM whatsmeow_device d WHERE $1 = '' OR d.business_id = $1
    ORDER BY d.business_id, d.jid";

/// One paired device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRow {
    /// The name as it is stored, which may not be a valid tenant name.
    pub tenant: String,
    pub jid: String,
    pub lid: Option<String>,
    pub platform: String,
    pub push_name: String,
    pub registration_id: i64,
    /// `logged_out`, `banned` or `outdated`.
    pub ended: Option<String>,
    pub enabled: bool,
}

/// How many rows of each kind one device has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCounts {
    pub tenant: String,
    pub jid: String,
    /// Ratchets, which whatsmeow calls sessions.
    pub sessions: i64,
    pub identities: i64,
    pub sender_keys: i64,
    /// Pre-keys that the server has.
    pub pre_keys: i64,
    /// Pre-keys that the server is not known to have.
    pub pre_keys_waiting: i64,
}

impl Store {
    /// Returns every paired device, or those of one tenant.
    pub async fn devices(&self, tenant: Option<&TenantId>) -> Result<Vec<DeviceRow>, StoreError> {
        let rows = self.db.rows(DEVICES, args![only(tenant)]).await?;
        let device = |row: &crate::store::db::Row| {
            Ok(DeviceRow {
                tenant: row.column(TABLE, 0)?,
                jid: row.column(TABLE, 1)?,
                lid: row.column(TABLE, 2)?,
                platform: row.column(TABLE, 3)?,
                push_name: row.column(TABLE, 4)?,
                registration_id: row.column(TABLE, 5)?,
                ended: row.column(TABLE, 6)?,
                enabled: row.column(TABLE, 7)?,
            })
        };
        rows.iter().map(device).collect()
    }

    /// Returns the numbers of sessions and keys of each device.
    pub async fn session_counts(
        &self,
        tenant: Option<&TenantId>,
    ) -> Result<Vec<SessionCounts>, StoreError> {
        let rows = self.db.rows(SESSIONS, args![only(tenant)]).await?;
        let counts = |row: &crate::store::db::Row| {
            Ok(SessionCounts {
                tenant: row.column(TABLE, 0)?,
                jid: row.column(TABLE, 1)?,
                sessions: row.column(TABLE, 2)?,
                identities: row.column(TABLE, 3)?,
                sender_keys: row.column(TABLE, 4)?,
                pre_keys: row.column(TABLE, 5)?,
                pre_keys_waiting: row.column(TABLE, 6)?,
            })
        };
        rows.iter().map(counts).collect()
    }
}
