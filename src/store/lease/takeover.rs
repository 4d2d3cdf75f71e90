//! What a standby sees of the process that holds a lease, and how it takes the lease away.

use crate::ids::{HostId, TenantId};
use crate::store::Store;
use crate::store::db::{Db, Val, args};
use crate::store::error::StoreError;

const TABLE: &str = "wmctl_host";

/// A host that serves holds its own lock and not the lock of the tenant.
const HOLDER: &str = "
    SELECT h.inc, h.hb_seq, h.state, h.liveness = 'lock' AND NOT h.serves, h.name, h.pid, h.route,
        h.silence_ms
    FROM wmctl_lease l LEFT JOIN wmctl_host h ON h.inc = l.owner
    WHERE l.business_id = $1 AND l.owner IS NOT NULL";

/// Declares a process dead only if its counter has not changed: a heartbeat in between wins.
const DECLARE_DEAD: &str = "
    UPDATE wmctl_host SET state = 'dead' WHERE inc = $1 AND hb_seq = $2 AND state <> 'dead'";

/// Takes the lease from a process that logs in as another role, because our role may not write that
/// process's row.
const DEPOSE: &str = "
    UPDATE wmctl_lease SET epoch = epoch + 1, owner = NULL
    WHERE business_id = $1 AND owner = $2 AND EXISTS (
        SELECT 1 FROM wmctl_host WHERE inc = $2 AND hb_seq = $3 AND state <> 'dead'
            AND role <> current_user)";

/// Skips rows that an open transaction of the dead owner has locked.
const FENCE_DEAD: &str = "
    WITH held AS (
        SELECT business_id FROM wmctl_lease WHERE owner = $1 AND epoch < 9223372036854775807
        ORDER BY business_id FOR UPDATE SKIP LOCKED)
    UPDATE wmctl_lease l SET epoch = l.epoch + 1, owner = NULL
    FROM held WHERE l.business_id = held.business_id";

/// Takes the remaining rows, as soon as their locks are free.
const FENCE_REST: &str = "
    UPDATE wmctl_lease SET epoch = epoch + 1, owner = NULL
    WHERE owner = $1 AND epoch < 9223372036854775807";

pub(in crate::store) const LIVENESS: &str = "UPDATE wmctl_host SET liveness = $2 WHERE inc = $1";

/// Takes the lease from its holder, dead or alive. The holder cannot commit afterwards.
pub(in crate::store) const FORCE_RELEASE: &str = "
    UPDATE wmctl_lease SET epoch = epoch + 1, owner = NULL WHERE business_id = $1 AND owner = $2";

/// The process that holds a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub host: HostId,
    /// The heartbeat counter. An observer compares it only with earlier values, by its own clock.
    pub beats: i64,
    /// Whether it was declared dead.
    pub dead: bool,
    /// Whether it holds the tenant's lock. If so, a free lock means that it is gone.
    pub locks: bool,
    /// The machine's name and the process id, for people.
    pub name: String,
    pub pid: i64,
    /// How it reaches the server.
    pub route: Option<String>,
    /// How long it may be silent before it counts as dead, in milliseconds, as the process itself
    /// says.
    pub silence_ms: Option<u64>,
}

impl Store {
    /// Returns the process that holds the lease of a tenant; `None` if the lease is free.
    pub async fn holder(&self, tenant: &TenantId) -> Result<Option<Holder>, StoreError> {
        let Some(row) = self.db.row(HOLDER, args![tenant.as_str()]).await? else {
            return Ok(None);
        };
        let state: String = row.column(TABLE, 2)?;
        Ok(Some(Holder {
            host: row.parsed(TABLE, 0)?,
            beats: row.column(TABLE, 1)?,
            dead: state == "dead",
            locks: row.column(TABLE, 3)?,
            name: row.column(TABLE, 4)?,
            pid: row.column(TABLE, 5)?,
            route: row.column(TABLE, 6)?,
            silence_ms: silence(row.column(TABLE, 7)?),
        }))
    }

    /// Declares a process dead if its heartbeat counter is still `beats`. Returns whether it did.
    pub async fn declare_dead(&self, host: HostId, beats: i64) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let changed = tx.run(DECLARE_DEAD, args![host.to_string(), beats]).await?;
        tx.commit().await?;
        Ok(changed == 1)
    }

    /// Declares the holder of a tenant's lease dead if its heartbeat counter is still `beats`. If
    /// the holder logs in as another role, only that role may write its row; then it loses this
    /// lease instead. Returns whether the lease may now be claimed.
    pub async fn depose(
        &self,
        tenant: &TenantId,
        host: HostId,
        beats: i64,
    ) -> Result<bool, StoreError> {
        if self.declare_dead(host, beats).await? {
            return Ok(true);
        }
        if matches!(self.db, Db::Sqlite { .. }) {
            return Ok(false);
        }
        let mut tx = self.db.begin().await?;
        let given = args![tenant.as_str(), host.to_string(), beats];
        let changed = self.against_hanging(tx.run(DEPOSE, given)).await?;
        tx.commit().await?;
        Ok(changed == 1)
    }

    /// Takes all leases from a process that was declared dead, in one step. From then on it cannot
    /// commit for any of its tenants, even if claiming them all takes long. Returns the number of
    /// leases. On PostgreSQL only.
    pub async fn fence_dead(&self, host: HostId) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await?;
        let fenced = tx.run(FENCE_DEAD, args![host.to_string()]).await?;
        tx.commit().await?;
        let mut tx = self.db.begin().await?;
        let rest = self.against_hanging(tx.run(FENCE_REST, args![host.to_string()]));
        let fenced = fenced + rest.await?;
        tx.commit().await?;
        Ok(fenced)
    }

    /// Records whether a free lock of its tenant means that this process is gone.
    pub async fn set_liveness(&self, host: HostId, locks: bool) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        tx.run(LIVENESS, liveness(host, locks)).await?;
        tx.commit().await
    }

    /// Takes a lease from the process `from`. Returns whether that process held it.
    pub async fn force_release(&self, tenant: &TenantId, from: HostId) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let changed = tx
            .run(FORCE_RELEASE, args![tenant.as_str(), from.to_string()])
            .await?;
        tx.commit().await?;
        Ok(changed == 1)
    }
}

/// Converts a duration in milliseconds from its column.
pub(in crate::store) fn silence(ms: Option<i64>) -> Option<u64> {
    ms.and_then(|ms| u64::try_from(ms).ok())
}

/// Returns the arguments of [`LIVENESS`].
pub(in crate::store) fn liveness(host: HostId, locks: bool) -> Vec<Val> {
    args![host.to_string(), if locks { "lock" } else { "counter" }]
}
