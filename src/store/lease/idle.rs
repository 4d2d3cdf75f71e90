//! Processes that hold no lease: standbys, and the remaining rows of dead processes.

use crate::ids::{HostId, TenantId};
use crate::store::Store;
use crate::store::db::{Row, args};
use crate::store::error::StoreError;

const TABLE: &str = "wmctl_host";

/// How long dead hosts without leases are kept for people to look at, in milliseconds.
const DEAD_HOST_MS: i64 = 7 * 24 * 3_600_000;

const FORGET_DEAD: &str = "
    DELETE FROM wmctl_host WHERE state = 'dead' AND hb_ms < $1
        AND NOT EXISTS (SELECT 1 FROM wmctl_lease WHERE owner = inc)";

/// At most 1,000 at a time. The rest follow once these are declared dead.
const IDLE: &str = "
    SELECT inc, hb_seq FROM wmctl_host WHERE state <> 'dead' AND NOT serves
        AND NOT EXISTS (SELECT 1 FROM wmctl_lease WHERE owner = inc)
    ORDER BY started_ms LIMIT 1000";

/// Tenants of drills of which no process is alive any more. Each process of a drill is named after
/// its tenant.
const REHEARSED: &str = "
    SELECT business_id FROM wmctl_tenant t WHERE business_id LIKE 'drill-%'
        AND EXISTS (SELECT 1 FROM wmctl_host WHERE name = t.business_id)
        AND NOT EXISTS (SELECT 1 FROM wmctl_host
            WHERE name = t.business_id AND state <> 'dead' AND $1 < hb_ms)
    ORDER BY business_id";

impl Store {
    /// Returns the processes that hold no lease and serve nothing, each with its heartbeat counter.
    /// An observer compares the counter only with earlier values, by its own clock.
    pub async fn idle_hosts(&self) -> Result<Vec<(HostId, i64)>, StoreError> {
        let host = |row: &Row| Ok((row.parsed(TABLE, 0)?, row.column(TABLE, 1)?));
        let rows = self.db.rows(IDLE, args![]).await?;
        rows.iter().map(host).collect()
    }

    /// Returns the tenants of ended drills: none of their processes has sent a heartbeat after
    /// `silent_ms` (milliseconds since 1970).
    pub async fn rehearsed(&self, silent_ms: i64) -> Result<Vec<TenantId>, StoreError> {
        let rows = self.db.rows(REHEARSED, args![silent_ms]).await?;
        rows.iter()
            .map(|row| row.parsed("wmctl_tenant", 0))
            .collect()
    }

    /// Deletes the rows of processes that have been dead for a week and hold no lease.
    pub async fn forget_dead_hosts(&self, now_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        tx.run(FORGET_DEAD, args![now_ms - DEAD_HOST_MS]).await?;
        tx.commit().await
    }
}
