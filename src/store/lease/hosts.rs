//! Hosts: processes that serve tenants, their locks and leases, and the signals that wake them.
//!
//! A host's lock ends with its session, and its heartbeat counter stops when it hangs. Both only
//! decide when to try a takeover; the lease rows decide who may write.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use crate::ids::{HostId, TenantId};
use crate::store::Store;
use crate::store::db::{Db, Row, args};
use crate::store::error::StoreError;
use crate::store::lease::advisory_lock::LockSession;
use crate::store::lease::takeover::silence;
use crate::store::lease::{Lease, RELEASE};
use crate::store::outbox::notify::OutboxSubscription;

/// The first half of the lock keys of hosts; the second half is a hash of the host's id.
pub(in crate::store) const HOST_LOCKS: i64 = 0x574D;
/// How often an SQLite file is polled for changes.
const FILE_POLL: Duration = Duration::from_millis(100);
/// How often a server is polled if LISTEN is not possible.
const SERVER_POLL: Duration = Duration::from_millis(250);

const TABLE: &str = "wmctl_host";

const SERVES: &str = "UPDATE wmctl_host SET serves = TRUE, capacity = $2 WHERE inc = $1";

const LEAVE: &str = "UPDATE wmctl_host SET state = 'dead' WHERE inc = $1 AND state <> 'dead'";

const SET_DRAIN: &str = "
    UPDATE wmctl_host SET state = $2 WHERE inc = $1 AND state <> 'dead' AND serves";

/// Selects hosts that serve, and other processes that hold a lease. `$locked` says how to find
/// whether a host's lock is held, `$tenants` how to count its tenants.
macro_rules! hosts {
    ($locked:expr, $tenants:expr) => {
        concat!(
            "SELECT inc, name, pid, state, hb_seq, serves, capacity, liveness, ",
            $locked,
            ", started_ms, hb_ms, ",
            $tenants,
            ", silence_ms FROM wmctl_host WHERE state <> 'dead'
                AND (serves OR EXISTS (SELECT 1 FROM wmctl_lease WHERE owner = inc))
            ORDER BY name, started_ms"
        )
    };
}

macro_rules! held {
    () => {
        "EXISTS (SELECT 1 FROM pg_locks
            WHERE locktype = 'advisory' AND classid = CAST(22349 AS oid)
            AND objid = CAST(hashtext(inc) & 4294967295 AS oid) AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
    };
}

macro_rules! leases {
    () => {
        "(SELECT count(*) FROM wmctl_lease WHERE owner = inc)"
    };
}

const HOSTS_SQLITE: &str = hosts!("FALSE", leases!());
const HOSTS_POSTGRES: &str = hosts!(held!(), leases!());
/// Hosts check each other many times per second, so these queries count nothing.
const SIGNS_SQLITE: &str = hosts!("FALSE", "CAST(0 AS BIGINT)");
const SIGNS_POSTGRES: &str = hosts!(held!(), "CAST(0 AS BIGINT)");

/// Existing rows are not inserted again: an insert would wait for a transaction that changes such a
/// row.
const ENSURE_LEASES: &str = "
    INSERT INTO wmctl_lease (business_id)
    SELECT value FROM json_array_elements_text(CAST($1 AS json)) AS given (value)
    WHERE NOT EXISTS (SELECT 1 FROM wmctl_lease WHERE business_id = value)
    ON CONFLICT (business_id) DO NOTHING";

const ENSURE_ACCOUNTS: &str = "
    INSERT INTO wmctl_account (business_id)
    SELECT value FROM json_array_elements_text(CAST($1 AS json)) AS given (value)
    WHERE NOT EXISTS (SELECT 1 FROM wmctl_account WHERE business_id = value)
    ON CONFLICT (business_id) DO NOTHING";

/// Skips rows that an open transaction of a former owner has locked; they are retried later.
const CLAIM_MANY: &str = "
    WITH free AS (
        SELECT business_id, owner FROM wmctl_lease
        WHERE business_id IN (
                SELECT value FROM json_array_elements_text(CAST($3 AS json)) AS given (value))
            AND epoch < 9223372036854775807
            AND (owner IS NULL OR owner = $1
                OR owner IN (SELECT inc FROM wmctl_host WHERE state = 'dead'))
        ORDER BY business_id FOR UPDATE SKIP LOCKED)
    UPDATE wmctl_lease l SET epoch = l.epoch + 1, owner = $1, since_ms = $2
    FROM free WHERE l.business_id = free.business_id RETURNING l.business_id, l.epoch,
        free.owner IS NOT NULL AND free.owner <> $1";

const RELEASE_MANY: &str = "
    UPDATE wmctl_lease l SET epoch = l.epoch + 1, owner = NULL
    FROM json_to_recordset(CAST($2 AS json)) AS given (tenant TEXT, epoch BIGINT)
    WHERE l.business_id = given.tenant AND l.epoch = given.epoch AND l.owner = $1";

/// Leases that can no longer be claimed.
const SPENT: &str = "
    SELECT business_id FROM wmctl_lease WHERE epoch = 9223372036854775807
        AND business_id IN (
            SELECT value FROM json_array_elements_text(CAST($1 AS json)) AS given (value))";

const SERVER: &str = "
    SELECT CAST(
        EXTRACT(EPOCH FROM clock_timestamp() - pg_postmaster_start_time()) * 1000 AS BIGINT)";

const TOKENS: &str = "SELECT business_id, epoch FROM wmctl_lease WHERE owner = $1";

const CHANGED: &str = "SELECT MAX(changed_ms) FROM wmctl_tenant";

/// One process, as its row describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRow {
    pub id: HostId,
    pub name: String,
    pub pid: i64,
    pub draining: bool,
    /// The heartbeat counter. An observer compares it only with earlier values, by its own clock.
    pub beats: i64,
    /// Whether it serves any tenant that needs a host.
    pub serves: bool,
    pub capacity: i64,
    /// Whether it holds its own lock for as long as it lives.
    pub locks: bool,
    /// Whether the lock is held now.
    pub locked: bool,
    /// For people, in milliseconds since 1970.
    pub started_ms: i64,
    pub heartbeat_ms: i64,
    /// The number of leases that it holds.
    pub tenants: i64,
    /// How long it may be silent before it counts as dead, in milliseconds, as the process itself
    /// says.
    pub silence_ms: Option<u64>,
}

/// A host's own lock, held by a session of its own.
#[derive(Debug)]
pub struct HostLock(LockSession);

impl HostLock {
    /// Sends an empty statement, so that the server knows that this process is alive. An error
    /// means that the lock is lost.
    pub async fn ping(&mut self) -> Result<(), StoreError> {
        self.0.ping().await
    }

    /// Increments the heartbeat counter and returns it; `None` if the process was declared dead. An
    /// error means that the lock is lost.
    pub async fn beat(&mut self) -> Result<Option<i64>, StoreError> {
        self.0.beat().await
    }

    /// Releases the lock.
    pub async fn release(self) {
        self.0.release().await;
    }
}

/// A signal that tenants or hosts may have changed.
#[derive(Debug)]
pub enum Wake {
    /// Polls the rows.
    Look {
        store: Store,
        seen: Option<i64>,
        every: Duration,
    },
    /// Receives notifications from the server.
    Server(OutboxSubscription),
}

impl Wake {
    /// Waits for the next change. Cancel-safe.
    pub async fn changed(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Look { store, seen, every } => loop {
                tokio::time::sleep(*every).await;
                let row = store.db.row(CHANGED, args![]).await?;
                let now: Option<i64> = row.map_or(Ok(None), |row| row.column("wmctl_tenant", 0))?;
                if now != *seen {
                    *seen = now;
                    return Ok(());
                }
            },
            Self::Server(bell) => {
                bell.rung().await;
                Ok(())
            }
        }
    }
}

impl Store {
    /// Marks a process as a host that serves any tenant, up to `capacity` of them.
    pub async fn serves(&self, host: HostId, capacity: i64) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        tx.run(SERVES, args![host.to_string(), capacity]).await?;
        tx.commit().await
    }

    /// Marks a process as gone for good.
    pub async fn leave(&self, host: HostId) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        tx.run(LEAVE, args![host.to_string()]).await?;
        tx.commit().await
    }

    /// Starts or stops draining a host: a draining host gives its tenants away and takes none.
    /// Returns whether the host exists and serves.
    pub async fn set_draining(&self, host: HostId, draining: bool) -> Result<bool, StoreError> {
        let state = if draining { "draining" } else { "live" };
        let mut tx = self.db.begin().await?;
        let changed = tx.run(SET_DRAIN, args![host.to_string(), state]).await?;
        tx.commit().await?;
        Ok(changed == 1)
    }

    /// Returns the processes that were not declared dead.
    pub async fn hosts(&self) -> Result<Vec<HostRow>, StoreError> {
        self.hosts_by(HOSTS_SQLITE, HOSTS_POSTGRES).await
    }

    /// Returns the same rows, but without the number of leases, so that it is cheap enough to call
    /// many times per second.
    pub async fn signs_of_life(&self) -> Result<Vec<HostRow>, StoreError> {
        self.hosts_by(SIGNS_SQLITE, SIGNS_POSTGRES).await
    }

    async fn hosts_by(
        &self,
        sqlite: &'static str,
        postgres: &'static str,
    ) -> Result<Vec<HostRow>, StoreError> {
        let sql = match self.db {
            Db::Sqlite { .. } => sqlite,
            Db::Postgres(_) => postgres,
        };
        let rows = self.db.rows(sql, args![]).await?;
        rows.iter().map(host_row).collect()
    }

    /// Takes the host's own lock, in a session that the server ends after `silence`. Returns `None`
    /// if the database has no such locks.
    pub async fn lock_host(
        &self,
        host: HostId,
        silence: Duration,
    ) -> Result<Option<HostLock>, StoreError> {
        let mut session = match self.lock_session(host, silence).await {
            Err(StoreError::NoLocks) => return Ok(None),
            session => session?,
        };
        session.wait_for(HOST_LOCKS, &host.to_string()).await?;
        Ok(Some(HostLock(session)))
    }

    /// Claims the leases of many tenants at once, if they are free or their holders are dead.
    /// Returns each claimed lease with whether another host held it before. For PostgreSQL only: on
    /// SQLite each tenant has a lock file that shows at once whether its holder is alive.
    pub async fn claim_many(
        &self,
        tenants: &[TenantId],
        host: HostId,
        now_ms: i64,
    ) -> Result<Vec<(Lease, bool)>, StoreError> {
        let names = json!(tenants.iter().map(TenantId::as_str).collect::<Vec<_>>()).to_string();
        let mut tx = self.db.begin().await?;
        tx.run(ENSURE_ACCOUNTS, args![names.as_str()]).await?;
        tx.run(ENSURE_LEASES, args![names.as_str()]).await?;
        let rows = tx.rows(CLAIM_MANY, args![host.to_string(), now_ms, names]);
        let rows = rows.await?;
        tx.commit().await?;
        let lease = |row: &Row| {
            let tenant = row.parsed("wmctl_lease", 0)?;
            let lease = Lease::of_row(tenant, row.column("wmctl_lease", 1)?, host);
            Ok((lease, row.column("wmctl_lease", 2)?))
        };
        rows.iter().map(lease).collect()
    }

    /// Returns those of these tenants whose lease cannot be claimed because its epoch cannot rise
    /// any more. On PostgreSQL only.
    pub async fn spent(&self, tenants: &[TenantId]) -> Result<Vec<TenantId>, StoreError> {
        let names = json!(tenants.iter().map(TenantId::as_str).collect::<Vec<_>>()).to_string();
        let rows = self.db.rows(SPENT, args![names]).await?;
        rows.iter()
            .map(|row| row.parsed("wmctl_lease", 0))
            .collect()
    }

    /// Returns how long the server has been running, in milliseconds; `None` on SQLite.
    pub async fn server_ms(&self) -> Result<Option<u64>, StoreError> {
        if matches!(self.db, Db::Sqlite { .. }) {
            return Ok(None);
        }
        let row = self.db.row(SERVER, args![]).await?;
        let ms: Option<i64> = row.map(|row| row.column(TABLE, 0)).transpose()?;
        Ok(ms.map(|ms| u64::try_from(ms).unwrap_or(0)))
    }

    /// Returns the leases that name this host, with their epochs.
    pub async fn tokens(&self, host: HostId) -> Result<BTreeMap<TenantId, i64>, StoreError> {
        const TABLE: &str = "wmctl_lease";
        let rows = self.db.rows(TOKENS, args![host.to_string()]).await?;
        let token = |row: &Row| Ok((row.parsed(TABLE, 0)?, row.column(TABLE, 1)?));
        rows.iter().map(token).collect()
    }

    /// Releases many leases. A lease that was already lost is left unchanged.
    pub async fn release_many(&self, host: HostId, leases: &[Lease]) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        if matches!(self.db, Db::Sqlite { .. }) {
            for lease in leases {
                let row = args![lease.tenant.as_str(), lease.epoch, lease.owner.to_string()];
                tx.run(RELEASE, row).await?;
            }
        } else {
            let given = leases
                .iter()
                .map(|lease| json!({ "tenant": lease.tenant.as_str(), "epoch": lease.epoch }));
            let given = given.collect::<serde_json::Value>().to_string();
            tx.run(RELEASE_MANY, args![host.to_string(), given]).await?;
        }
        tx.commit().await
    }

    /// Returns a signal for changes of tenants and hosts.
    pub fn wake(&self) -> Wake {
        let every = match self.db {
            Db::Sqlite { .. } => FILE_POLL,
            Db::Postgres(_) => SERVER_POLL,
        };
        self.wake_bell().map_or_else(
            || Wake::Look {
                store: self.clone(),
                seen: None,
                every,
            },
            Wake::Server,
        )
    }
}

fn host_row(row: &Row) -> Result<HostRow, StoreError> {
    let state: String = row.column(TABLE, 3)?;
    let liveness: String = row.column(TABLE, 7)?;
    Ok(HostRow {
        id: row.parsed(TABLE, 0)?,
        name: row.column(TABLE, 1)?,
        pid: row.column(TABLE, 2)?,
        draining: state == "draining",
        beats: row.column(TABLE, 4)?,
        serves: row.column(TABLE, 5)?,
        capacity: row.column(TABLE, 6)?,
        locks: liveness == "lock",
        locked: row.column(TABLE, 8)?,
        started_ms: row.column(TABLE, 9)?,
        heartbeat_ms: row.column(TABLE, 10)?,
        tenants: row.column(TABLE, 11)?,
        silence_ms: silence(row.column(TABLE, 12)?),
    })
}
