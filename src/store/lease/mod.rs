//! Hosts and leases: which process may write for a tenant.
//!
//! Lock files, advisory locks and heartbeats only decide when to try a takeover. The epoch and the
//! owner in the lease row decide who may write.

pub mod advisory_lock;
pub(super) mod blockers;
pub mod hosts;
pub(super) mod idle;
pub mod takeover;

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::ids::{HostId, TenantId};
use crate::store::Store;
use crate::store::db::{Db, args};
use crate::store::error::StoreError;
use crate::store::lease::takeover::{LIVENESS, liveness};

/// The right to write for one tenant. It is valid while the row still has this epoch and owner.
#[derive(Clone, Debug)]
pub struct Lease {
    pub tenant: TenantId,
    /// Rises with every change of owner.
    pub epoch: i64,
    /// The process that holds it.
    pub owner: HostId,
    /// On SQLite the locked file, whose lock the kernel releases when the process dies.
    #[expect(dead_code, reason = "held, not read")]
    file: Option<Arc<File>>,
}

impl Lease {
    /// Creates a lease that has no lock file.
    pub(super) fn of_row(tenant: TenantId, epoch: i64, owner: HostId) -> Self {
        Self {
            tenant,
            epoch,
            owner,
            file: None,
        }
    }
}

/// The data that a process registers about itself.
#[derive(Clone, Debug)]
pub struct Host {
    /// New for each start of a process.
    pub id: HostId,
    /// The machine's name, for people.
    pub name: String,
    /// The process id on that machine.
    pub pid: u32,
    /// How long this process may be silent before other processes declare it dead. `None` leaves
    /// the timeout to them.
    pub silence: Option<Duration>,
}

/// The current state of one lease, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseStatus {
    pub tenant: TenantId,
    pub epoch: i64,
    /// The holder; `None` while the lease is free.
    pub owner: Option<HostId>,
    /// Name and process id of the holder.
    pub host: Option<(String, i64)>,
    /// When the holder got the lease, in milliseconds since 1970.
    pub since_ms: i64,
    /// The last heartbeat of the holder, in milliseconds since 1970.
    pub heartbeat_ms: Option<i64>,
}

const REGISTER: &str = "
    INSERT INTO wmctl_host (inc, name, pid, started_ms, hb_ms, route, silence_ms)
    VALUES ($1, $2, $3, $4, $4, $5, $6)";

const HEARTBEAT_SQLITE: &str = "
    UPDATE wmctl_host SET hb_seq = hb_seq + 1, hb_ms = $2
    WHERE inc = $1 AND state IN ('live', 'draining') RETURNING hb_seq";

/// On a promoted server no process that registered before the promotion can send heartbeats: it
/// must register again. The time is the server's own, so that all observers see the same age.
pub(super) const HEARTBEAT_POSTGRES: &str = "
    UPDATE wmctl_host SET hb_seq = hb_seq + 1,
        hb_ms = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)
    WHERE inc = $1 AND state IN ('live', 'draining') AND line = wmctl_line() RETURNING hb_seq";

/// An existing row is not inserted again: an insert would wait for a transaction that changes that
/// row.
const ENSURE_ACCOUNT: &str = "
    INSERT INTO wmctl_account (business_id) SELECT CAST($1 AS TEXT)
    WHERE NOT EXISTS (SELECT 1 FROM wmctl_account WHERE business_id = $1)
    ON CONFLICT (business_id) DO NOTHING";

const ENSURE_LEASE: &str = "
    INSERT INTO wmctl_lease (business_id) SELECT CAST($1 AS TEXT)
    WHERE NOT EXISTS (SELECT 1 FROM wmctl_lease WHERE business_id = $1)
    ON CONFLICT (business_id) DO NOTHING";

/// Claims a lease that is free or whose holder was declared dead.
const CLAIM_FREE: &str = "
    UPDATE wmctl_lease SET epoch = epoch + 1, owner = $2, since_ms = $3
    WHERE business_id = $1 AND epoch < 9223372036854775807 AND (owner IS NULL
        OR owner IN (SELECT inc FROM wmctl_host WHERE state = 'dead'))
    RETURNING epoch";

const CLAIM_ANY: &str = "
    UPDATE wmctl_lease SET epoch = epoch + 1, owner = $2, since_ms = $3
    WHERE business_id = $1 AND epoch < 9223372036854775807 RETURNING epoch";

pub(super) const RELEASE: &str = "
    UPDATE wmctl_lease SET epoch = epoch + 1, owner = NULL
    WHERE business_id = $1 AND epoch = $2 AND owner = $3";

const HOLDER: &str = "SELECT owner, epoch FROM wmctl_lease WHERE business_id = $1";

/// The largest epoch, which cannot rise. An epoch never gets here by itself: only a statement typed
/// by hand can set it.
pub const EPOCH_MAX: i64 = i64::MAX;

/// The first statement of each unit of work: it compares the lease row.
pub(super) const FENCE_SQLITE: &str = "
    SELECT 1 FROM wmctl_lease WHERE business_id = $1 AND epoch = $2 AND owner = $3";

/// Compares the lease row and locks it. Only the row lock holds off a takeover until this
/// transaction ends. With a plain comparison, a stale writer could commit after the new owner has
/// loaded its rows. On a server that was promoted since, the lease is void, because the server may
/// lack data that this process has in memory.
pub(super) const FENCE_POSTGRES: &str = "
    SELECT 1 FROM wmctl_lease l JOIN wmctl_host h ON h.inc = l.owner
    WHERE l.business_id = $1 AND l.epoch = $2 AND l.owner = $3 AND h.line = wmctl_line()
    FOR SHARE OF l";

const STATUS: &str = "
    SELECT l.business_id, l.epoch, l.owner, h.name, h.pid, l.since_ms, h.hb_ms
    FROM wmctl_lease l LEFT JOIN wmctl_host h ON h.inc = l.owner
    WHERE $1 = '' OR l.business_id = $1 ORDER BY l.business_id";

impl Store {
    /// Registers a process, once for each start.
    pub async fn register(&self, host: &Host, now_ms: i64) -> Result<(), StoreError> {
        self.db.tally().makes_known(host.id);
        let mut tx = self.db.begin().await?;
        let route = self.route().map(ToString::to_string);
        let silence_ms = host.silence.map(|silence| silence.as_millis());
        let silence_ms = silence_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX));
        let row = args![
            host.id.to_string(),
            host.name.as_str(),
            host.pid,
            now_ms,
            route,
            silence_ms
        ];
        tx.run(REGISTER, row).await?;
        tx.commit().await?;
        self.db.tally().beaten();
        Ok(())
    }

    /// Increments the heartbeat counter of the process and returns it; `None` if the process was
    /// declared dead, or if a copy of it runs.
    pub async fn heartbeat(&self, host: HostId, now_ms: i64) -> Result<Option<i64>, StoreError> {
        let (sql, beat) = match self.db {
            Db::Sqlite { .. } => (HEARTBEAT_SQLITE, args![host.to_string(), now_ms]),
            Db::Postgres(_) => (HEARTBEAT_POSTGRES, args![host.to_string()]),
        };
        if let Db::Postgres(server) = &self.db
            && server.is_superseded(host).await
        {
            return Ok(None);
        }
        let tally = self.db.tally();
        tally.beats(host);
        let mut tx = self.db.begin().await?;
        let row = tx.row(sql, beat).await?;
        tx.commit().await?;
        tally.beaten();
        let beats = row.map(|row| row.column("wmctl_host", 0)).transpose()?;
        Ok(beats.and_then(|beats| tally.of_no_copy(host, beats)))
    }

    /// Claims the lease of a tenant with a new epoch. Returns [`StoreError::LeaseHeld`] if a live
    /// process holds it, and [`StoreError::EpochSpent`] if the epoch cannot rise.
    ///
    /// On SQLite a lock file beside the database shows at once whether the holder is alive. On
    /// PostgreSQL the holder's row must say that it is dead.
    pub async fn claim(
        &self,
        tenant: &TenantId,
        host: HostId,
        now_ms: i64,
    ) -> Result<Lease, StoreError> {
        let file = self.lock_file(tenant)?;
        let (claim, file) = match file {
            None => (CLAIM_FREE, None),
            Some(file) => match file.try_lock() {
                Ok(()) => (CLAIM_ANY, Some(Arc::new(file))),
                Err(TryLockError::Error(error)) => return Err(StoreError::File(error)),
                Err(TryLockError::WouldBlock) => return Err(self.held(tenant).await),
            },
        };
        self.take(claim, tenant, host, now_ms, file).await
    }

    /// Claims a lease that is free or whose holder was declared dead, even if a hanging process
    /// still holds the lock file.
    pub async fn claim_orphan(
        &self,
        tenant: &TenantId,
        host: HostId,
        now_ms: i64,
    ) -> Result<Lease, StoreError> {
        self.take(CLAIM_FREE, tenant, host, now_ms, None).await
    }

    async fn take(
        &self,
        claim: &'static str,
        tenant: &TenantId,
        host: HostId,
        now_ms: i64,
        file: Option<Arc<File>>,
    ) -> Result<Lease, StoreError> {
        let mut tx = self.db.begin().await?;
        tx.run(ENSURE_ACCOUNT, args![tenant.as_str()]).await?;
        tx.run(ENSURE_LEASE, args![tenant.as_str()]).await?;
        let claimed = tx.row(claim, args![tenant.as_str(), host.to_string(), now_ms]);
        let Some(row) = self.against_hanging(claimed).await? else {
            tx.rollback().await?;
            return Err(self.held(tenant).await);
        };
        let epoch = row.column("wmctl_lease", 0)?;
        // The next process that gets the file lock then knows that this one is gone.
        tx.run(LIVENESS, liveness(host, file.is_some())).await?;
        tx.commit().await?;
        Ok(Lease {
            tenant: tenant.clone(),
            epoch,
            owner: host,
            file,
        })
    }

    /// Releases a lease. Does nothing if it was already lost.
    pub async fn release(&self, lease: Lease) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        let row = args![lease.tenant.as_str(), lease.epoch, lease.owner.to_string()];
        tx.run(RELEASE, row).await?;
        tx.commit().await
    }

    /// Returns whether the row still has the lease's epoch and owner. Each commit checks this
    /// anyway; this method is for callers that have nothing to commit.
    pub async fn holds(&self, lease: &Lease) -> Result<bool, StoreError> {
        let row = args![lease.tenant.as_str(), lease.epoch, lease.owner.to_string()];
        Ok(self.db.row(FENCE_SQLITE, row).await?.is_some())
    }

    /// Returns the state of one lease, for people; `None` if the tenant never had one.
    pub async fn lease(&self, tenant: &TenantId) -> Result<Option<LeaseStatus>, StoreError> {
        Ok(self.leases_of(tenant.as_str()).await?.pop())
    }

    /// Returns the state of all leases, for people.
    pub async fn leases(&self) -> Result<Vec<LeaseStatus>, StoreError> {
        self.leases_of("").await
    }

    async fn leases_of(&self, only: &str) -> Result<Vec<LeaseStatus>, StoreError> {
        const TABLE: &str = "wmctl_lease";
        let rows = self.db.rows(STATUS, args![only]).await?;
        rows.iter()
            .map(|row| {
                let corrupt = |column| StoreError::Corrupt {
                    table: TABLE,
                    column,
                };
                let owner: Option<String> = row.column(TABLE, 2)?;
                let owner = owner.map(|text| text.parse().map_err(|_| corrupt(2)));
                let name: Option<String> = row.column(TABLE, 3)?;
                let pid: Option<i64> = row.column(TABLE, 4)?;
                Ok(LeaseStatus {
                    tenant: row.parsed(TABLE, 0)?,
                    epoch: row.column(TABLE, 1)?,
                    owner: owner.transpose()?,
                    host: name.zip(pid),
                    since_ms: row.column(TABLE, 5)?,
                    heartbeat_ms: row.column(TABLE, 6)?,
                })
            })
            .collect()
    }

    async fn held(&self, tenant: &TenantId) -> StoreError {
        let row = match self.db.row(HOLDER, args![tenant.as_str()]).await {
            Ok(row) => row,
            Err(error) => return error,
        };
        let epoch = row.as_ref().map(|row| row.column("wmctl_lease", 1));
        if matches!(epoch, Some(Ok(EPOCH_MAX))) {
            return StoreError::EpochSpent {
                tenant: tenant.clone(),
            };
        }
        let text = row.and_then(|row| {
            row.column::<Option<String>>("wmctl_lease", 0)
                .ok()
                .flatten()
        });
        StoreError::LeaseHeld {
            holder: text.and_then(|text| text.parse().ok()),
        }
    }

    /// Removes the lock file of a deleted tenant.
    pub(super) fn remove_lock_file(&self, tenant: &TenantId) {
        if let Some(path) = self.lock_file_path(tenant) {
            // If the empty file remains, it does no harm.
            let _ = std::fs::remove_file(path);
        }
    }

    /// Opens the lock file of a tenant; `None` on PostgreSQL.
    pub(super) fn lock_file(&self, tenant: &TenantId) -> Result<Option<File>, StoreError> {
        let Some(path) = self.lock_file_path(tenant) else {
            return Ok(None);
        };
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(false).mode(0o600);
        options.open(path).map(Some).map_err(StoreError::File)
    }

    /// Returns the path of the lock file.
    pub(super) fn lock_file_path(&self, tenant: &TenantId) -> Option<PathBuf> {
        let mut name = self.file.clone()?.into_os_string();
        name.push(format!(".{tenant}.lock"));
        Some(PathBuf::from(name))
    }
}
