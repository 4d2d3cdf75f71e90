//! Locks of leases and hosts, and the sessions behind them, as the server's own views show them.
//!
//! Everything is read without waiting, for people. No decision depends on it, except
//! [`Store::release_by_force`], which ends only sessions that certainly belong to the holder.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::ids::{HostId, TenantId};
use crate::store::Store;
use crate::store::db::application_name::Named;
use crate::store::db::{Db, Row, args};
use crate::store::error::StoreError;
use crate::store::lease::advisory_lock::TENANT_LOCKS;
use crate::store::lease::hosts::HOST_LOCKS;
use crate::store::lease::takeover::FORCE_RELEASE;

const LEASES: &str = "wmctl_lease";
const HOSTS: &str = "wmctl_host";
const SESSIONS: &str = "pg_locks";

/// The kernel's list of file locks. Reading it takes no lock.
const FILE_LOCKS: &str = "/proc/locks";
/// How long a forced release may take. This is longer than the server waits for a lock. By then it
/// has ended a transaction that hangs.
const RELEASE_TIME_MAX: Duration = Duration::from_secs(15);
/// How often blocking sessions are looked up.
const LOOK: Duration = Duration::from_millis(50);

/// The parts that differ between the databases: the second half of a lock's key, and the timeline.
macro_rules! leases {
    ($key:expr) => {
        concat!(
            "SELECT l.business_id, l.epoch, l.owner, l.since_ms, ",
            $key,
            ", COALESCE((SELECT t.enabled FROM wmctl_tenant t
                    WHERE t.business_id = l.business_id), TRUE)
                AND EXISTS (SELECT 1 FROM whatsmeow_device d WHERE d.business_id = l.business_id)
                AND NOT EXISTS (SELECT 1 FROM wmctl_account a
                    WHERE a.business_id = l.business_id
                        AND (a.ended IS NOT NULL OR a.exported_ms IS NOT NULL))
            FROM wmctl_lease l
            WHERE l.owner IS NOT NULL
                OR EXISTS (SELECT 1 FROM wmctl_tenant t WHERE t.business_id = l.business_id)
                OR EXISTS (SELECT 1 FROM whatsmeow_device d WHERE d.business_id = l.business_id)
            ORDER BY l.business_id"
        )
    };
}
const LEASES_SQLITE: &str = leases!("CAST(0 AS BIGINT)");
const LEASES_POSTGRES: &str = leases!("CAST(hashtext(l.business_id) AS BIGINT) & 4294967295");

macro_rules! hosts {
    ($key:expr, $line:expr) => {
        concat!(
            "SELECT inc, name, pid, state, serves, liveness, route, hb_seq, hb_ms, ",
            $key,
            ", ",
            $line,
            ", (SELECT count(*) FROM wmctl_lease WHERE owner = inc)
            FROM wmctl_host
            WHERE state <> 'dead' OR EXISTS (SELECT 1 FROM wmctl_lease WHERE owner = inc)
            ORDER BY name, started_ms"
        )
    };
}
const HOSTS_SQLITE: &str = hosts!("CAST(0 AS BIGINT)", "TRUE");
const HOSTS_POSTGRES: &str = hosts!(
    "CAST(hashtext(inc) AS BIGINT) & 4294967295",
    "line = wmctl_line()"
);

/// Columns of a session. A role without `pg_read_all_stats` sees only the names of other roles'
/// sessions.
macro_rules! sessions {
    ($from:literal) => {
        concat!(
            "CAST(a.pid AS BIGINT), COALESCE(a.application_name, ''),
            CAST(COALESCE(a.usename, '') AS TEXT),
            COALESCE(host(a.client_addr) || ':' || a.client_port,
                CASE WHEN a.client_port = -1 THEN 'local' END),
            COALESCE(a.state, ''),
            CAST(EXTRACT(EPOCH FROM clock_timestamp() - a.backend_start) * 1000 AS BIGINT),
            CAST(EXTRACT(EPOCH FROM clock_timestamp() - a.state_change) * 1000 AS BIGINT) ",
            $from
        )
    };
}

const LOCKS: &str = concat!(
    "SELECT CAST(k.classid AS BIGINT), CAST(k.objid AS BIGINT), k.granted, ",
    sessions!(
        "FROM pg_locks k JOIN pg_stat_activity a ON a.pid = k.pid
        WHERE k.locktype = 'advisory' AND k.objsubid = 2
            AND k.classid IN (CAST(22349 AS oid), CAST(22350 AS oid))
            AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        ORDER BY NOT k.granted, k.pid"
    )
);

/// Sessions that are idle in a transaction that has touched a lease.
const STUCK: &str = concat!(
    "SELECT DISTINCT CAST(0 AS BIGINT), CAST(0 AS BIGINT), TRUE, ",
    sessions!(
        "FROM pg_locks k JOIN pg_stat_activity a ON a.pid = k.pid
        WHERE k.relation = to_regclass('wmctl_lease') AND k.granted
            AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND a.state LIKE 'idle in transaction%'"
    )
);

/// Sessions that block another session.
const BLOCKERS: &str = concat!(
    "SELECT CAST(0 AS BIGINT), CAST(0 AS BIGINT), TRUE, ",
    sessions!(
        "FROM pg_stat_activity a
        WHERE a.pid = ANY (pg_blocking_pids(CAST($1 AS INTEGER)))"
    )
);

/// Ends a session, if it still has that name: the process id may have been reused.
const TERMINATE: &str = "
    SELECT COALESCE(bool_or(pg_terminate_backend(pid)), FALSE) FROM pg_stat_activity
    WHERE pid = CAST($1 AS INTEGER) AND application_name = $2 AND pid <> pg_backend_pid()";

const BACKEND: &str = "SELECT CAST(pg_backend_pid() AS BIGINT)";

const SERVER: &str = "
    SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT),
        CAST(EXTRACT(EPOCH FROM clock_timestamp() - pg_postmaster_start_time()) * 1000 AS BIGINT),
        COALESCE((SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user),
            FALSE)
            OR EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema()
                AND tablename = 'wmctl_lease' AND pg_has_role(tableowner, 'USAGE'))
            OR EXISTS (SELECT 1 FROM wmctl_role
                WHERE role = current_user AND business_id = '*')";

/// The state of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseSeen {
    pub tenant: TenantId,
    pub epoch: i64,
    pub owner: Option<HostId>,
    /// Milliseconds since 1970.
    pub since_ms: i64,
    /// The second half of its lock's key; 0 on SQLite.
    pub key: i64,
    /// Whether the tenant is paired and should run.
    pub wanted: bool,
}

/// A process that is alive, or that a lease names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSeen {
    pub id: HostId,
    pub name: String,
    pub pid: i64,
    /// `live`, `draining` or `dead`.
    pub state: String,
    pub serves: bool,
    /// Whether a free lock means that it is gone, as the process itself says.
    pub locks: bool,
    pub route: Option<String>,
    /// Its heartbeat counter.
    pub beats: i64,
    /// When it last sent a heartbeat, in milliseconds since 1970.
    pub beat_ms: i64,
    /// The second half of its own lock's key; 0 on SQLite.
    pub key: i64,
    /// Whether the server is still on the timeline on which the process registered.
    pub on_line: bool,
    pub tenants: i64,
}

/// Whose lock a session holds or waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockOf {
    Tenant,
    Host,
}

impl LockOf {
    /// Returns the first half of the lock keys.
    pub fn class(self) -> i64 {
        match self {
            Self::Tenant => TENANT_LOCKS,
            Self::Host => HOST_LOCKS,
        }
    }
}

/// A session on the server and the lock that it holds or waits for. Times are `None` if this role
/// may not see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockSeen {
    pub of: LockOf,
    /// The second half of the key.
    pub key: i64,
    pub granted: bool,
    pub backend: i64,
    /// The parts of its name, if it is one of our sessions.
    pub name: Option<Named>,
    pub application: String,
    pub role: String,
    /// Address and port, or `local`.
    pub client: Option<String>,
    pub state: String,
    /// How long the session has existed, and how long it has been idle.
    pub up: Option<Duration>,
    pub silent: Option<Duration>,
}

/// All information about locks, read at about the same moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocksSeen {
    pub leases: Vec<LeaseSeen>,
    pub hosts: Vec<HostSeen>,
    pub locks: Vec<LockSeen>,
    /// Sessions that are idle in a transaction and may block a lease.
    pub stuck: Vec<LockSeen>,
    /// The server's clock (milliseconds since 1970) and its uptime; `None` on SQLite.
    pub server: Option<(i64, Duration)>,
    /// Whether all tenants are visible, not only those of this role.
    pub whole: bool,
}

/// The result of a forced release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Released {
    /// Whether the epoch was raised; not if the lease was free.
    pub released: bool,
    /// Sessions of the holder that were ended.
    pub ended: Vec<i64>,
    /// Sessions that were left alone, and why.
    pub left: Vec<(i64, String)>,
}

impl Store {
    /// Returns leases, hosts, locks and the sessions behind them.
    pub async fn locks_seen(&self) -> Result<LocksSeen, StoreError> {
        let (leases, hosts) = match self.db {
            Db::Sqlite { .. } => (LEASES_SQLITE, HOSTS_SQLITE),
            Db::Postgres(_) => (LEASES_POSTGRES, HOSTS_POSTGRES),
        };
        let leases = self.db.rows(leases, args![]).await?;
        let hosts = self.db.rows(hosts, args![]).await?;
        let mut seen = LocksSeen {
            leases: leases.iter().map(lease).collect::<Result<_, _>>()?,
            hosts: hosts.iter().map(host).collect::<Result<_, _>>()?,
            locks: self.lock_sessions().await?,
            stuck: Vec::new(),
            server: None,
            whole: true,
        };
        if matches!(self.db, Db::Postgres(_)) {
            let stuck = self.db.rows(STUCK, args![]).await?;
            seen.stuck = stuck.iter().map(session).collect::<Result<_, _>>()?;
            if let Some(row) = self.db.row(SERVER, args![]).await? {
                let up = span(row.column(SESSIONS, 1)?);
                seen.server = Some((row.column(SESSIONS, 0)?, up));
                seen.whole = row.column(SESSIONS, 2)?;
            }
        }
        Ok(seen)
    }

    /// Returns the sessions that hold our locks or wait for them, holders first.
    pub async fn lock_sessions(&self) -> Result<Vec<LockSeen>, StoreError> {
        match self.db {
            Db::Sqlite { .. } => Ok(Vec::new()),
            Db::Postgres(_) => {
                let rows = self.db.rows(LOCKS, args![]).await?;
                rows.iter().map(session).collect()
            }
        }
    }

    /// Returns the id of the process that holds the lock file of a tenant, as the kernel numbers it
    /// here. `None` on PostgreSQL, or if no process of this machine holds it.
    pub fn file_lock_holder(&self, tenant: &TenantId) -> Option<u32> {
        let path = self.lock_file_path(tenant)?;
        let file = fs::metadata(path).ok()?;
        let locks = fs::read_to_string(FILE_LOCKS).ok()?;
        holder_of(&locks, file.dev(), file.ino())
    }

    /// Takes a lease from `from`: raises its epoch, and ends the sessions of that process that
    /// block the lease or its lock. Ends only sessions whose own name says that they belong to the
    /// process, and no session of a pooler.
    pub async fn release_by_force(
        &self,
        tenant: &TenantId,
        from: &HostSeen,
        lock: Option<&LockSeen>,
        tag: Option<&str>,
    ) -> Result<Released, StoreError> {
        let mut done = Released::default();
        if matches!(self.db, Db::Sqlite { .. }) {
            done.released = self.force_release(tenant, from.id).await?;
            return Ok(done);
        }
        let mut tx = self.db.begin().await?;
        let backend = tx.row(BACKEND, args![]).await?;
        let backend: i64 = backend.map_or(Ok(0), |row| row.column(SESSIONS, 0))?;
        let until = Instant::now() + RELEASE_TIME_MAX;
        let given = args![tenant.as_str(), from.id.to_string()];
        let changed = {
            let bump = tx.run(FORCE_RELEASE, given);
            let clear = self.end_blockers(backend, tag, &mut done);
            tokio::pin!(bump, clear);
            let both = async {
                tokio::select! {
                    biased;
                    changed = &mut bump => changed,
                    error = &mut clear => Err(error),
                }
            };
            timeout_at(until, both)
                .await
                .unwrap_or(Err(StoreError::Busy))?
        };
        tx.commit().await?;
        done.released = changed == 1;
        if let Some(lock) = lock.filter(|_| done.released) {
            self.terminate(lock, &mut done).await;
        }
        Ok(done)
    }

    /// Repeatedly ends sessions with this tag that block `backend`. Returns only with an error.
    async fn end_blockers(
        &self,
        backend: i64,
        tag: Option<&str>,
        done: &mut Released,
    ) -> StoreError {
        loop {
            sleep(LOOK).await;
            let rows = match self.db.rows(BLOCKERS, args![backend]).await {
                Ok(rows) => rows,
                Err(error) => return error,
            };
            for row in &rows {
                let blocker = match session(row) {
                    Ok(blocker) => blocker,
                    Err(error) => return error,
                };
                let told = done
                    .ended
                    .iter()
                    .chain(done.left.iter().map(|(pid, _)| pid));
                if told.into_iter().any(|pid| *pid == blocker.backend) {
                    continue;
                }
                let named = blocker.name.as_ref().map(|name| name.tag.as_str());
                match named.is_some() && named == tag {
                    true => self.terminate(&blocker, done).await,
                    false => done.left.push((
                        blocker.backend,
                        format!(
                            "{:?} keeps the lease, and is not the holder's for certain",
                            blocker.application
                        ),
                    )),
                }
            }
        }
    }

    async fn terminate(&self, session: &LockSeen, done: &mut Released) {
        let given = args![session.backend, session.application.as_str()];
        match self.db.row(TERMINATE, given).await {
            Ok(Some(row)) if matches!(row.column(SESSIONS, 0), Ok(true)) => {
                done.ended.push(session.backend);
            }
            // The session had already ended.
            Ok(_) => (),
            Err(StoreError::Refused(answer) | StoreError::Unable(answer)) => {
                let why = format!("this role may not end it: {answer}");
                done.left.push((session.backend, why));
            }
            Err(error) => done.left.push((session.backend, error.to_string())),
        }
    }
}

fn lease(row: &Row) -> Result<LeaseSeen, StoreError> {
    let corrupt = |column| StoreError::Corrupt {
        table: LEASES,
        column,
    };
    let owner: Option<String> = row.column(LEASES, 2)?;
    let owner = owner.map(|text| text.parse().map_err(|_| corrupt(2)));
    Ok(LeaseSeen {
        tenant: row.parsed(LEASES, 0)?,
        epoch: row.column(LEASES, 1)?,
        owner: owner.transpose()?,
        since_ms: row.column(LEASES, 3)?,
        key: row.column(LEASES, 4)?,
        wanted: row.column(LEASES, 5)?,
    })
}

fn host(row: &Row) -> Result<HostSeen, StoreError> {
    let liveness: String = row.column(HOSTS, 5)?;
    Ok(HostSeen {
        id: row.parsed(HOSTS, 0)?,
        name: row.column(HOSTS, 1)?,
        pid: row.column(HOSTS, 2)?,
        state: row.column(HOSTS, 3)?,
        serves: row.column(HOSTS, 4)?,
        locks: liveness == "lock",
        route: row.column(HOSTS, 6)?,
        beats: row.column(HOSTS, 7)?,
        beat_ms: row.column(HOSTS, 8)?,
        key: row.column(HOSTS, 9)?,
        on_line: row.column(HOSTS, 10)?,
        tenants: row.column(HOSTS, 11)?,
    })
}

fn session(row: &Row) -> Result<LockSeen, StoreError> {
    let class: i64 = row.column(SESSIONS, 0)?;
    let application: String = row.column(SESSIONS, 4)?;
    let up: Option<i64> = row.column(SESSIONS, 8)?;
    let silent: Option<i64> = row.column(SESSIONS, 9)?;
    debug_assert!([0, HOST_LOCKS, TENANT_LOCKS].contains(&class));
    Ok(LockSeen {
        of: if class == HOST_LOCKS {
            LockOf::Host
        } else {
            LockOf::Tenant
        },
        key: row.column(SESSIONS, 1)?,
        granted: row.column(SESSIONS, 2)?,
        backend: row.column(SESSIONS, 3)?,
        name: Named::read(&application),
        application,
        role: row.column(SESSIONS, 5)?,
        client: row.column(SESSIONS, 6)?,
        state: row.column(SESSIONS, 7)?,
        up: up.map(span),
        silent: silent.map(span),
    })
}

fn span(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// Returns the process that holds the lock of a file, from the kernel's list: `1: FLOCK ADVISORY
/// WRITE 4711 fe:00:42 0 EOF`. Some file systems show another device there than in the file's own
/// metadata.
fn holder_of(locks: &str, device: u64, inode: u64) -> Option<u32> {
    let major = ((device >> 8) & 0xfff) | ((device >> 32) & !0xfff);
    let minor = (device & 0xff) | ((device >> 12) & !0xff);
    let exact = format!("{major:02x}:{minor:02x}:{inode}");
    let alike = format!(":{inode}");
    let mut holders = locks.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [_, "FLOCK", "ADVISORY", "WRITE", pid, file, ..] if file.ends_with(&alike) => {
                Some((file == exact, pid.parse().ok()?))
            }
            _ => None,
        }
    });
    let all: Vec<(bool, u32)> = holders.by_ref().collect();
    let certain = all.iter().find(|(exact, _)| *exact);
    let (_, pid) = certain.or(match all.len() {
        1 => all.first(),
        _ => None,
    })?;
    Some(*pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_who_holds_a_file() {
        let locks = "1: POSIX  ADVISORY  WRITE 11 fe:00:42 0 EOF\n\
            2: FLOCK  ADVISORY  WRITE 12 fe:00:42 0 EOF\n\
            2: -> FLOCK  ADVISORY  WRITE 13 fe:00:42 0 EOF\n\
            3: FLOCK  ADVISORY  WRITE 14 08:01:42 0 EOF\n\
            4: FLOCK  ADVISORY  WRITE 15 08:01:142 0 EOF\n";
        let device = |major: u64, minor: u64| (major << 8) | minor;
        assert_eq!(holder_of(locks, device(0xfe, 0), 42), Some(12));
        assert_eq!(holder_of(locks, device(8, 1), 42), Some(14));
        // The device differs, and only one file has that inode number.
        assert_eq!(holder_of(locks, device(0, 44), 142), Some(15));
        assert_eq!(holder_of(locks, device(0, 44), 42), None);
        assert_eq!(holder_of(locks, device(8, 1), 7), None);
    }
}
