//! The desired state of each tenant, and the state that its host observes.

pub mod api_keys;

use sqlx::AssertSqlSafe;

use crate::ids::{HostId, Jid, TenantId};
use crate::store::Store;
use crate::store::db::{Db, Row, Tx, args};
use crate::store::error::StoreError;
use crate::store::tenants::api_keys::{Audit, insert_audit};

const TABLE: &str = "wmctl_tenant";

/// Returns the role's name if row-level security hides the tenant from it. It does not apply to the
/// owner of the tables.
const OUT_OF_REACH: &str = "SELECT CAST(current_user AS TEXT)
    WHERE row_security_active('wmctl_account') AND NOT EXISTS (SELECT 1 FROM wmctl_role
        WHERE role = current_user AND business_id IN ('*', $1))";

/// How to run a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunConfig {
    /// The proxy through which it connects.
    pub proxy: Option<String>,
    /// The name under which the phone lists the device.
    pub device_name: Option<String>,
    /// `chrome`, `edge`, `firefox`, `safari` or `other`.
    pub platform: Option<String>,
}

/// The desired state in a tenant's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredState {
    pub enabled: bool,
    /// Name or id of the host that should run it, if that host is alive.
    pub wanted_host: Option<String>,
    pub launch: RunConfig,
    /// How long its messages may wait, in seconds; 0 means forever.
    pub message_ttl_s: Option<i64>,
}

/// The account that would send a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Its device, if one is paired.
    pub jid: Option<Jid>,
    /// `logged_out`, `banned`, `outdated` or `exported`; and the end of a temporary ban.
    pub ended: Option<String>,
    pub ended_at_ms: Option<i64>,
    /// How long its messages may wait, in seconds; 0 means forever.
    pub message_ttl_s: Option<i64>,
}

/// A paired tenant, as hosts see it when they look for work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPlan {
    pub tenant: TenantId,
    pub desired: DesiredState,
    pub owner: Option<HostId>,
    /// Whether the owner was declared dead.
    pub orphaned: bool,
}

/// The state of a tenant, reported by the host that runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedState {
    pub tenant: TenantId,
    pub epoch: i64,
    pub state: &'static str,
    pub reason: Option<String>,
    pub since_ms: i64,
    /// Kept until the next error.
    pub error: Option<String>,
}

/// All information about a tenant, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantSummary {
    pub tenant: TenantId,
    pub jid: Option<String>,
    pub ended: Option<String>,
    pub desired: DesiredState,
    pub epoch: i64,
    pub owner: Option<HostId>,
    /// Name and process id of the owner, and whether it was declared dead.
    pub host: Option<(String, i64, bool)>,
    pub lease_since_ms: i64,
    pub heartbeat_ms: Option<i64>,
    /// State, reason, since when, and the epoch of the report.
    pub observed: Option<(String, Option<String>, i64, i64)>,
    pub last_error: Option<(String, i64)>,
}

const PLAN: &str = "
    SELECT d.business_id, COALESCE(t.enabled, TRUE), t.wanted_host, t.proxy, t.device_name,
        t.platform, t.message_ttl_s, l.owner, h.state
    FROM (SELECT DISTINCT business_id FROM whatsmeow_device) d
    LEFT JOIN wmctl_account a ON a.business_id = d.business_id
    LEFT JOIN wmctl_tenant t ON t.business_id = d.business_id
    LEFT JOIN wmctl_lease l ON l.business_id = d.business_id
    LEFT JOIN wmctl_host h ON h.inc = l.owner
    WHERE a.exported_ms IS NULL AND (a.ended IS NULL OR a.ended = 'outdated'
        OR (a.ended = 'banned' AND COALESCE(a.ended_at_ms, 0) <= $1))
    ORDER BY d.business_id";

const OVERVIEW: &str = "
    SELECT n.business_id,
        (SELECT MIN(d.jid) FROM whatsmeow_device d WHERE d.business_id = n.business_id),
        CASE WHEN a.exported_ms IS NULL THEN a.ended ELSE 'exported' END,
        COALESCE(t.enabled, TRUE), t.wanted_host, t.proxy, t.device_name, t.platform,
        t.message_ttl_s, COALESCE(l.epoch, 0), l.owner, h.name, h.pid, h.state,
        COALESCE(l.since_ms, 0), h.hb_ms,
        s.state, s.reason, s.since_ms, s.epoch, s.last_error, s.last_error_ms
    FROM (SELECT business_id FROM whatsmeow_device UNION SELECT business_id FROM wmctl_tenant) n
    LEFT JOIN wmctl_account a ON a.business_id = n.business_id
    LEFT JOIN wmctl_tenant t ON t.business_id = n.business_id
    LEFT JOIN wmctl_lease l ON l.business_id = n.business_id
    LEFT JOIN wmctl_host h ON h.inc = l.owner
    LEFT JOIN wmctl_tenant_state s ON s.business_id = n.business_id
    WHERE n.business_id > $1 AND ($2 = '' OR n.business_id = $2)
    ORDER BY n.business_id LIMIT $3";

const SENDER: &str = "
    SELECT (SELECT MIN(d.jid) FROM whatsmeow_device d WHERE d.business_id = $1),
        CASE WHEN a.exported_ms IS NULL THEN a.ended ELSE 'exported' END, a.ended_at_ms,
        t.message_ttl_s, t.business_id IS NOT NULL
    FROM (SELECT 1 AS one) o
    LEFT JOIN wmctl_account a ON a.business_id = $1
    LEFT JOIN wmctl_tenant t ON t.business_id = $1";

const ENSURE: &str = "
    INSERT INTO wmctl_tenant (business_id, changed_ms) VALUES ($1, $2)
    ON CONFLICT (business_id) DO NOTHING";

const KNOWN: &str = "
    SELECT 1 FROM wmctl_tenant WHERE business_id = $1
    UNION SELECT 1 FROM whatsmeow_device WHERE business_id = $1";

const DESIRED_SQLITE: &str = "
    SELECT enabled, wanted_host, proxy, device_name, platform, message_ttl_s
    FROM wmctl_tenant WHERE business_id = $1";

const DESIRED_POSTGRES: &str = "
    SELECT enabled, wanted_host, proxy, device_name, platform, message_ttl_s
    FROM wmctl_tenant WHERE business_id = $1 FOR UPDATE";

const UPDATE: &str = "
    UPDATE wmctl_tenant SET enabled = $2, wanted_host = $3, proxy = $4, device_name = $5,
        platform = $6, changed_ms = $7, message_ttl_s = $8
    WHERE business_id = $1";

/// Does not write the state of an old epoch: the tenant may have been removed since.
macro_rules! observe {
    ($lock:literal) => {
        concat!(
            "
    INSERT INTO wmctl_tenant_state
        (business_id, epoch, state, reason, since_ms, last_error, last_error_ms)
    SELECT l.business_id, l.epoch, $3, $4, $5, $6, $7
    FROM wmctl_lease l WHERE l.business_id = $1 AND l.epoch = $2",
            $lock,
            "
    ON CONFLICT (business_id) DO UPDATE SET epoch = excluded.epoch, state = excluded.state,
        reason = excluded.reason, since_ms = excluded.since_ms,
        last_error = COALESCE(excluded.last_error, wmctl_tenant_state.last_error),
        last_error_ms = COALESCE(excluded.last_error_ms, wmctl_tenant_state.last_error_ms)
    WHERE wmctl_tenant_state.epoch <= excluded.epoch"
        )
    };
}
const OBSERVE_SQLITE: &str = observe!("");
const OBSERVE_POSTGRES: &str = observe!(" FOR SHARE");

pub(super) const FENCE: &str = "
    UPDATE wmctl_lease SET epoch = epoch + 1, owner = NULL WHERE business_id = $1";

const FORGET_LEASE: &str = "DELETE FROM wmctl_lease WHERE business_id = $1 AND owner IS NULL";

/// All tables with rows of a tenant, except its lease, whose epoch must not fall, and its audit
/// log.
pub(super) const PURGED: [&str; 34] = [
    "wmctl_dead_letter",
    "wmctl_delivery",
    "wmctl_webhook",
    "wmctl_message_secret_time",
    "wmctl_history",
    "whatsmeow_event_buffer",
    "whatsmeow_lid_map",
    "whatsmeow_privacy_tokens",
    "whatsmeow_message_secrets",
    "whatsmeow_chat_settings",
    "whatsmeow_redacted_phones",
    "whatsmeow_contacts",
    "whatsmeow_app_state_mutation_macs",
    "whatsmeow_app_state_version",
    "whatsmeow_app_state_sync_keys",
    "whatsmeow_sender_keys",
    "whatsmeow_sessions",
    "whatsmeow_pre_keys",
    "whatsmeow_identity_keys",
    "whatsmeow_device",
    "wmctl_sender_key_share",
    "wmctl_group",
    "wmctl_nct_salt",
    "wmctl_privacy_token_sent",
    "wmctl_device_list",
    "wmctl_retry",
    "wmctl_place",
    "wmctl_log",
    "wmctl_outbox",
    "wmctl_event",
    "wmctl_account",
    "wmctl_pairing",
    "wmctl_tenant_state",
    "wmctl_tenant",
];

impl Store {
    /// Returns the paired tenants that may connect.
    pub async fn plan(&self, now_ms: i64) -> Result<Vec<RunPlan>, StoreError> {
        let rows = self.db.rows(PLAN, args![now_ms]).await?;
        let planned = |row: &Row| {
            let state: Option<String> = row.column("wmctl_host", 8)?;
            Ok(RunPlan {
                tenant: row.parsed(TABLE, 0)?,
                desired: desired(row, 1)?,
                owner: owner(row, 7)?,
                orphaned: state.as_deref() == Some("dead"),
            })
        };
        rows.iter().map(planned).collect()
    }

    /// Returns tenants in order of their names, starting after `after`: all that are paired or have
    /// settings.
    pub async fn overview(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<TenantSummary>, StoreError> {
        let rows = self.db.rows(OVERVIEW, args![after, "", limit]).await?;
        rows.iter().map(overview).collect()
    }

    /// Returns one tenant; `None` if it is not known.
    pub async fn overview_of(
        &self,
        tenant: &TenantId,
    ) -> Result<Option<TenantSummary>, StoreError> {
        let row = self.db.row(OVERVIEW, args!["", tenant.as_str(), 1_u32]);
        row.await?.as_ref().map(overview).transpose()
    }

    /// Returns the account that would send a tenant's message now; `None` if the tenant is not
    /// known.
    pub async fn sender(&self, tenant: &TenantId) -> Result<Option<Sender>, StoreError> {
        let Some(row) = self.db.row(SENDER, args![tenant.as_str()]).await? else {
            return Ok(None);
        };
        let jid: Option<String> = row.column(TABLE, 0)?;
        let corrupt = |_| StoreError::Corrupt {
            table: TABLE,
            column: 0,
        };
        let jid: Option<Jid> = jid.map(|text| text.parse().map_err(corrupt)).transpose()?;
        let known = jid.is_some() || row.column(TABLE, 4)?;
        Ok(known.then_some(Sender {
            jid,
            ended: row.column(TABLE, 1)?,
            ended_at_ms: row.column(TABLE, 2)?,
            message_ttl_s: row.column(TABLE, 3)?,
        }))
    }

    /// Returns the desired state of a tenant; `None` without a row.
    pub async fn desired(&self, tenant: &TenantId) -> Result<Option<DesiredState>, StoreError> {
        let row = self.db.row(DESIRED_SQLITE, args![tenant.as_str()]).await?;
        row.as_ref().map(|row| desired(row, 0)).transpose()
    }

    /// Returns [`StoreError::OutOfReach`] if the current role cannot see the tenant's rows, which
    /// would otherwise seem not to exist.
    pub async fn check_reach(&self, tenant: Option<&TenantId>) -> Result<(), StoreError> {
        if matches!(self.db, Db::Sqlite { .. }) {
            return Ok(());
        }
        let wanted = tenant.map_or("*", TenantId::as_str);
        match self.db.row(OUT_OF_REACH, args![wanted]).await? {
            None => Ok(()),
            Some(row) => Err(StoreError::OutOfReach {
                role: row.column("wmctl_role", 0)?,
                tenant: tenant.map_or_else(
                    || String::from("every tenant"),
                    |tenant| format!("tenant {tenant}"),
                ),
            }),
        }
    }

    /// Changes the desired state of a tenant, and creates the row if there is none. Returns whether
    /// the tenant was known.
    pub async fn want(
        &self,
        tenant: &TenantId,
        change: impl FnOnce(&mut DesiredState) + Send,
        audit: &Audit,
    ) -> Result<bool, StoreError> {
        let mut tx = self.db.begin_briefly().await?;
        let known = tx.row(KNOWN, args![tenant.as_str()]).await?.is_some();
        tx.run(ENSURE, args![tenant.as_str(), audit.at_ms]).await?;
        let sql = match self.db {
            Db::Sqlite { .. } => DESIRED_SQLITE,
            Db::Postgres(_) => DESIRED_POSTGRES,
        };
        let row = tx.row(sql, args![tenant.as_str()]).await?;
        let row = row.ok_or(StoreError::Corrupt {
            table: TABLE,
            column: 0,
        })?;
        let mut wanted = desired(&row, 0)?;
        change(&mut wanted);
        let launch = wanted.launch;
        let row = args![
            tenant.as_str(),
            wanted.enabled,
            wanted.wanted_host,
            launch.proxy,
            launch.device_name,
            launch.platform,
            audit.at_ms,
            wanted.message_ttl_s
        ];
        tx.run(UPDATE, row).await?;
        insert_audit(&mut tx, audit).await?;
        tx.commit().await?;
        Ok(known)
    }

    /// Deletes all rows of a tenant, including keys and sessions. A process that runs the tenant
    /// cannot commit afterwards. Returns whether there was anything to delete.
    pub async fn purge(&self, tenant: &TenantId, audit: &Audit) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let known = tx.row(KNOWN, args![tenant.as_str()]).await?.is_some();
        tx.run(FENCE, args![tenant.as_str()]).await?;
        for table in PURGED {
            purge_table(&mut tx, table, tenant).await?;
        }
        insert_audit(&mut tx, audit).await?;
        tx.commit().await?;
        Ok(known)
    }

    /// Deletes the lease of a purged tenant whose name will never be used again, because its epoch
    /// starts over.
    pub async fn forget_lease(&self, tenant: &TenantId) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        tx.run(FORGET_LEASE, args![tenant.as_str()]).await?;
        tx.commit().await?;
        self.remove_lock_file(tenant);
        self.marks.forget(tenant);
        Ok(())
    }

    /// Writes the observed states; those of an older epoch are skipped. Returns
    /// [`StoreError::Busy`] if one of the rows is locked for 2 s; then none is written.
    pub async fn observe(&self, seen: &[ObservedState], now_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.db.begin_briefly().await?;
        let observe = match self.db {
            Db::Sqlite { .. } => OBSERVE_SQLITE,
            Db::Postgres(_) => OBSERVE_POSTGRES,
        };
        for one in seen {
            let error_ms = one.error.as_ref().map(|_| now_ms);
            let row = args![
                one.tenant.as_str(),
                one.epoch,
                one.state,
                one.reason.clone(),
                one.since_ms,
                one.error.clone(),
                error_ms
            ];
            tx.run(observe, row).await?;
        }
        tx.commit().await
    }
}

pub(super) async fn purge_table(
    tx: &mut Tx,
    table: &'static str,
    tenant: &TenantId,
) -> Result<(), StoreError> {
    let sql = format!("DELETE FROM {table} WHERE business_id = $1");
    tx.built_run(AssertSqlSafe(sql), args![tenant.as_str()])
        .await
}

fn owner(row: &Row, at: usize) -> Result<Option<HostId>, StoreError> {
    let text: Option<String> = row.column("wmctl_lease", at)?;
    let parsed = text.map(|text| text.parse()).transpose();
    parsed.map_err(|_| StoreError::Corrupt {
        table: "wmctl_lease",
        column: at,
    })
}

fn desired(row: &Row, at: usize) -> Result<DesiredState, StoreError> {
    Ok(DesiredState {
        enabled: row.column(TABLE, at)?,
        wanted_host: row.column(TABLE, at + 1)?,
        launch: RunConfig {
            proxy: row.column(TABLE, at + 2)?,
            device_name: row.column(TABLE, at + 3)?,
            platform: row.column(TABLE, at + 4)?,
        },
        message_ttl_s: row.column(TABLE, at + 5)?,
    })
}

fn overview(row: &Row) -> Result<TenantSummary, StoreError> {
    let host_name: Option<String> = row.column(TABLE, 11)?;
    let pid: Option<i64> = row.column(TABLE, 12)?;
    let host_state: Option<String> = row.column(TABLE, 13)?;
    let state: Option<String> = row.column(TABLE, 16)?;
    let since_ms: Option<i64> = row.column(TABLE, 18)?;
    let epoch: Option<i64> = row.column(TABLE, 19)?;
    let reason: Option<String> = row.column(TABLE, 17)?;
    let error: Option<String> = row.column(TABLE, 20)?;
    let error_ms: Option<i64> = row.column(TABLE, 21)?;
    let dead = host_state.as_deref() == Some("dead");
    Ok(TenantSummary {
        tenant: row.parsed(TABLE, 0)?,
        jid: row.column(TABLE, 1)?,
        ended: row.column(TABLE, 2)?,
        desired: desired(row, 3)?,
        epoch: row.column(TABLE, 9)?,
        owner: owner(row, 10)?,
        host: host_name.zip(pid).map(|(name, pid)| (name, pid, dead)),
        lease_since_ms: row.column(TABLE, 14)?,
        heartbeat_ms: row.column(TABLE, 15)?,
        observed: state
            .zip(since_ms)
            .zip(epoch)
            .map(|((state, since_ms), epoch)| (state, reason, since_ms, epoch)),
        last_error: error.zip(error_ms),
    })
}
