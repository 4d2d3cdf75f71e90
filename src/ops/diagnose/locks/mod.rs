//! Explains leases: which session holds each, who waits and why, what is wrong and how to fix it.
//!
//! Makes no decisions. Ages use the database server's clock if there is a server.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::app::shapes::time;
use crate::app::{App, RowsError};
use crate::ids::{HostId, TenantId};
use crate::store::db::pooling::Pooling;
use crate::store::inspect::locks::{
    HostSeen, LeaseSeen, LockOf, LockSeen, LocksSeen, Released as Done,
};

mod trouble;

pub use trouble::Problem;

/// How long to wait for a new leader after a lease was released. It exceeds the time that a standby
/// waits for a lock that it does not get.
const TAKEOVER_TIME_MAX: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);

/// The state of all leases and locks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Locks {
    /// One entry per tenant, sorted by name.
    pub items: Vec<LockStatus>,
    /// Hosts that serve many tenants. Each holds one lock for all of them.
    pub hosts: Vec<HostLock>,
    /// Locks in wmctl's key space that no wmctl process accounts for.
    pub unknown: Vec<UnknownLock>,
}

/// The lease of one tenant.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LockStatus {
    pub business_id: String,
    /// `held`, `free`, `orphaned` (the holder was declared dead and no process has taken over) or
    /// `void` (the server was promoted since; the holder must reload).
    pub state: &'static str,
    /// Epoch of the lease.
    pub epoch: i64,
    /// Machine name and process id of the holder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i64>,
    /// How other processes detect that the holder is gone: `lock` or `counter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liveness: Option<&'static str>,
    /// How the holder connects to the database and how it signals that it is alive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Start of the lease (RFC 3339, UTC), and its age in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_s: Option<i64>,
    /// Last heartbeat of the holder (RFC 3339, UTC), and its age in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_age_s: Option<i64>,
    /// Number of heartbeats that the holder has sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beats: Option<i64>,
    /// Timeout after which a silent holder counts as dead, and the time left until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_s: Option<f64>,
    /// The database session that holds the lock for the holder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<DatabaseSession>,
    /// The tenant's key in PostgreSQL's advisory lock space.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock_key: Option<[i64; 2]>,
    /// SQLite only: the process that holds the lock file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_lock_pid: Option<u32>,
    /// Number of processes that wait to take over.
    pub waiting: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiters: Vec<Waiter>,
    /// Why the waiting processes cannot take over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing_by: Option<String>,
    /// The most important problem, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// A session on the database server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DatabaseSession {
    /// The lock that it holds: the lock of a `tenant`, or the lock of a `host` for all its tenants.
    pub lock: &'static str,
    pub backend_pid: i64,
    /// Owner of the session. `holder`: the holder's own. `pooler`: a pooler's, lent to the holder.
    /// `unnamed`: unknown, because the URL sets an `application_name` or the process is older.
    pub of: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Age of the session, and time since its last statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent_s: Option<f64>,
}

/// A session that waits for a tenant's lock.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Waiter {
    /// Machine name and process id; missing if the session does not identify itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    pub backend_pid: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
}

/// A host that serves many tenants, and its lock.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HostLock {
    pub id: String,
    pub name: String,
    pub pid: i64,
    /// `live`, `draining` or `dead`.
    pub state: String,
    pub tenants: i64,
    /// How other processes detect that it is gone: `lock` or `counter`.
    pub liveness: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    pub heartbeat: String,
    pub heartbeat_age_s: i64,
    pub beats: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<DatabaseSession>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock_key: Option<[i64; 2]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// A lock in wmctl's key space that no wmctl process accounts for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnknownLock {
    pub lock_key: [i64; 2],
    /// The tenant or host that the key belongs to, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_of: Option<String>,
    pub granted: bool,
    pub backend_pid: i64,
    pub application: String,
    pub role: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    pub problem: Problem,
}

/// The result of releasing a lease by force.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Release {
    pub business_id: String,
    /// The previous holder.
    pub from: String,
    /// Database sessions of that process that were terminated.
    pub ended_backends: Vec<i64>,
    /// Sessions and processes that were left alone, and why.
    pub left: Vec<String>,
    /// The new leader and its epoch; missing if there is none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
    /// Time until the new leader took the lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_s: Option<f64>,
    /// Whether a standby or a serving host was there to take over.
    pub expected: bool,
}

/// Returns the leases of all tenants, or only that of `only`.
pub async fn status(app: &App, only: Option<&TenantId>) -> Result<Locks, RowsError> {
    let seen = app.store.locks_seen().await.map_err(RowsError::of)?;
    let picture = Picture::new(app, &seen, only.is_some());
    let asked = |lease: &&LeaseSeen| only.is_none_or(|tenant| *tenant == lease.tenant);
    let items = seen.leases.iter().filter(asked);
    let mut locks = Locks {
        items: items.map(|lease| picture.tenant(app, lease)).collect(),
        hosts: Vec::new(),
        unknown: Vec::new(),
    };
    if only.is_none() {
        let serving = seen.hosts.iter().filter(|host| host.serves);
        locks.hosts = serving.map(|host| picture.host(host)).collect();
        locks.unknown = picture.unknown();
    }
    Ok(locks)
}

impl Locks {
    /// Returns all problems, each with the name of its tenant or host.
    pub fn problems(&self) -> Vec<(&str, &Problem)> {
        let tenants = self.items.iter();
        let tenants = tenants.flat_map(|one| one.problems.iter().map(|it| (&*one.business_id, it)));
        let hosts = self.hosts.iter();
        let hosts = hosts.flat_map(|one| one.problems.iter().map(|it| (&*one.name, it)));
        let unknown = self.unknown.iter();
        let unknown = unknown.map(|one| (one.key_of.as_deref().unwrap_or("locks"), &one.problem));
        tenants.chain(hosts).chain(unknown).collect()
    }
}

/// A snapshot of the locks, and the time at which it was taken.
struct Picture<'a> {
    seen: &'a LocksSeen,
    now_ms: i64,
    /// Only one tenant was asked for, so problems of its host are reported with it.
    single: bool,
}

/// A process and the session that holds its lock.
struct Life<'a> {
    host: &'a HostSeen,
    lock: Option<&'a LockSeen>,
    /// Age of the last heartbeat.
    beat: Duration,
    timeout: Option<Duration>,
}

impl Life<'_> {
    /// Returns the time since the last sign of life. The session is used more often than the
    /// counter rises, so the more recent of the two counts.
    fn silent(&self) -> Duration {
        let session = self.lock.and_then(|lock| lock.silent);
        session.map_or(self.beat, |silent| silent.min(self.beat))
    }

    fn is_pooled(&self) -> bool {
        let route = self.host.route.as_deref().and_then(Pooling::of_route);
        route.is_some_and(|(_, locks)| locks != Pooling::Direct)
    }

    /// Returns the time left until the process counts as dead.
    fn left(&self) -> Option<Duration> {
        self.timeout
            .map(|timeout| timeout.saturating_sub(self.silent()))
    }

    fn session(&self) -> Option<DatabaseSession> {
        let lock = self.lock?;
        Some(DatabaseSession {
            lock: match lock.of {
                LockOf::Tenant => "tenant",
                LockOf::Host => "host",
            },
            backend_pid: lock.backend,
            of: match (self.is_pooled(), &lock.name) {
                (true, _) => "pooler",
                (false, Some(_)) => "holder",
                (false, None) => "unnamed",
            },
            client: lock.client.clone(),
            age_s: lock.up.map(seconds),
            silent_s: lock.silent.map(seconds),
        })
    }

    fn process(&self) -> String {
        format!("{}/{}", self.host.name, self.host.pid)
    }
}

impl<'a> Picture<'a> {
    fn new(app: &App, seen: &'a LocksSeen, single: bool) -> Self {
        let own = app.surroundings.clock.unix_ms();
        let now_ms = seen.server.map_or(own, |(now_ms, _)| now_ms);
        Self {
            seen,
            now_ms,
            single,
        }
    }

    fn host_of(&self, id: HostId) -> Option<&'a HostSeen> {
        self.seen.hosts.iter().find(|host| host.id == id)
    }

    /// Combines a process with the session that holds the tenant's lock, or the process's own lock.
    fn life(&self, host: &'a HostSeen, tenant_key: Option<i64>) -> Life<'a> {
        let is_its = |lock: &&LockSeen| {
            let key = match lock.of {
                LockOf::Tenant => tenant_key,
                LockOf::Host => host.serves.then_some(host.key),
            };
            lock.granted && key == Some(lock.key)
        };
        let mut held = self.seen.locks.iter().filter(is_its);
        let named = |lock: &&LockSeen| lock_of(lock, host.id);
        // Accept a session without a name if the process says that it holds a lock.
        let lock = held
            .clone()
            .find(named)
            .or_else(|| held.find(|lock| host.locks && lock.name.is_none()));
        let beat_ms = u64::try_from(self.now_ms - host.beat_ms).unwrap_or(0);
        let timeout = lock.and_then(|lock| lock.name.as_ref()?.lock.as_ref());
        Life {
            host,
            lock,
            beat: Duration::from_millis(beat_ms),
            timeout: timeout.map(|lock| lock.silence),
        }
    }

    fn tenant(&self, app: &App, lease: &LeaseSeen) -> LockStatus {
        let life = lease.owner.and_then(|owner| self.host_of(owner));
        let life = life.map(|host| self.life(host, Some(lease.key)));
        let state = match &life {
            // The owner's host row belongs to another role and is not visible.
            None if lease.owner.is_some() => "held",
            None => "free",
            Some(life) if life.host.state == "dead" => "orphaned",
            Some(life) if !life.host.on_line => "void",
            Some(_) => "held",
        };
        let waits =
            |lock: &&LockSeen| lock.of == LockOf::Tenant && lock.key == lease.key && !lock.granted;
        let waiters: Vec<_> = self.seen.locks.iter().filter(waits).collect();
        let problems = self.tenant_problems(lease, life.as_ref(), state);
        let standing_by = (!waiters.is_empty()).then(|| self.standing_by(life.as_ref(), state));
        let mut status = LockStatus {
            business_id: lease.tenant.to_string(),
            state,
            epoch: lease.epoch,
            lock_key: self.key(LockOf::Tenant, lease.key),
            file_lock_pid: app.store.file_lock_holder(&lease.tenant),
            waiting: waiters.len(),
            waiters: waiters.into_iter().map(|lock| self.waiter(lock)).collect(),
            standing_by,
            problem: problems.first().map(|problem| problem.text.clone()),
            problems,
            ..LockStatus::default()
        };
        if let Some(life) = life {
            let held_ms = (self.now_ms - lease.since_ms).max(0);
            status.holder = Some(life.process());
            status.host_id = Some(life.host.id.to_string());
            status.pid = Some(life.host.pid);
            status.liveness = Some(liveness(life.host));
            status.route.clone_from(&life.host.route);
            status.since = Some(time(lease.since_ms));
            status.held_s = Some(held_ms / 1_000);
            status.heartbeat = Some(time(life.host.beat_ms));
            status.heartbeat_age_s = i64::try_from(life.beat.as_secs()).ok();
            status.beats = Some(life.host.beats);
            status.timeout_s = life.timeout.map(seconds);
            status.deadline_s = life.left().map(seconds);
            status.session = life.session();
        }
        status
    }

    fn host(&self, host: &'a HostSeen) -> HostLock {
        let life = self.life(host, None);
        HostLock {
            id: host.id.to_string(),
            name: host.name.clone(),
            pid: host.pid,
            state: host.state.clone(),
            tenants: host.tenants,
            liveness: liveness(host),
            route: host.route.clone(),
            heartbeat: time(host.beat_ms),
            heartbeat_age_s: i64::try_from(life.beat.as_secs()).unwrap_or(0),
            beats: host.beats,
            timeout_s: life.timeout.map(seconds),
            deadline_s: life.left().map(seconds),
            session: life.session(),
            lock_key: self.key(LockOf::Host, host.key),
            problems: self.host_problems(&life),
        }
    }

    fn key(&self, of: LockOf, key: i64) -> Option<[i64; 2]> {
        self.seen.server.map(|_| [of.class(), key])
    }

    fn waiter(&self, lock: &LockSeen) -> Waiter {
        let of = lock.name.as_ref().and_then(|name| name.lock.as_ref());
        let host = of.and_then(|of| self.seen.hosts.iter().find(|host| of.is_of(host.id)));
        let said = lock.name.as_ref().map(|name| name.process.clone());
        Waiter {
            process: host.map_or(said, |host| Some(format!("{}/{}", host.name, host.pid))),
            backend_pid: lock.backend,
            client: lock.client.clone(),
        }
    }
}

/// Returns whether the session says that it holds a lock for this host.
fn lock_of(lock: &LockSeen, host: HostId) -> bool {
    let of = lock.name.as_ref().and_then(|name| name.lock.as_ref());
    of.is_some_and(|of| of.is_of(host))
}

fn liveness(host: &HostSeen) -> &'static str {
    if host.locks { "lock" } else { "counter" }
}

/// Rounds to tenths of a second.
fn seconds(span: Duration) -> f64 {
    (span.as_secs_f64() * 10.0).round() / 10.0
}

/// Takes the tenant's lease away from its holder and terminates the holder's sessions that block a
/// takeover. From then on the old holder cannot commit, send or acknowledge. Waits at most 10 s for
/// the next leader if a standby or a serving host exists. Returns `None` if the lease has no
/// holder.
pub async fn release(app: &App, tenant: &TenantId) -> Result<Option<Release>, RowsError> {
    let seen = app.store.locks_seen().await.map_err(RowsError::of)?;
    let picture = Picture::new(app, &seen, true);
    let Some(lease) = seen.leases.iter().find(|lease| lease.tenant == *tenant) else {
        return Ok(None);
    };
    let Some(host) = lease.owner.and_then(|owner| picture.host_of(owner)) else {
        return Ok(None);
    };
    let life = picture.life(host, Some(lease.key));
    let mut left = Vec::new();
    let (lock, tag) = picture.to_end(&life, &mut left);
    let begun = Instant::now();
    let done = app.store.release_by_force(tenant, host, lock, tag).await;
    let Done {
        released,
        ended,
        left: told,
    } = done.map_err(RowsError::of)?;
    if !released {
        return Ok(None);
    }
    let why = |(backend, why)| format!("session {backend} was left alone: {why}");
    left.extend(told.into_iter().map(why));
    if app.store.has_locks() && life.lock.is_none() && ended.is_empty() {
        left.push(String::from(
            "the holder has no session with a lock: nothing to end",
        ));
    }
    if let Some(pid) = app.store.file_lock_holder(tenant) {
        left.push(format!(
            "process {pid} keeps the lock file until it notices: `kill -9 {pid}` if it hangs"
        ));
    }
    let waits =
        |lock: &LockSeen| lock.of == LockOf::Tenant && lock.key == lease.key && !lock.granted;
    let expected = seen
        .hosts
        .iter()
        .any(|host| host.serves && host.state == "live")
        || seen.locks.iter().any(waits);
    let mut release = Release {
        business_id: tenant.to_string(),
        from: life.process(),
        ended_backends: ended,
        left,
        holder: None,
        epoch: None,
        took_s: None,
        expected,
    };
    if expected {
        wait_for_holder(app, tenant, begun, &mut release).await?;
    }
    Ok(Some(release))
}

async fn wait_for_holder(
    app: &App,
    tenant: &TenantId,
    begun: Instant,
    release: &mut Release,
) -> Result<(), RowsError> {
    let until = Instant::now() + TAKEOVER_TIME_MAX;
    while Instant::now() < until {
        let lease = app.store.lease(tenant).await.map_err(RowsError::of)?;
        if let Some((name, pid)) = lease.as_ref().and_then(|lease| lease.host.as_ref()) {
            release.holder = Some(format!("{name}/{pid}"));
            release.epoch = lease.map(|lease| lease.epoch);
            release.took_s = Some(seconds(begun.elapsed()));
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

impl<'a> Picture<'a> {
    /// Returns the lock session that may be terminated, and the name tag of the process's other
    /// sessions.
    fn to_end(
        &self,
        life: &Life<'a>,
        left: &mut Vec<String>,
    ) -> (Option<&'a LockSeen>, Option<&'a str>) {
        let Some(lock) = life.lock else {
            return (None, None);
        };
        let route = life.host.route.as_deref().and_then(Pooling::of_route);
        let (rows, locks) = route.unwrap_or((Pooling::Transaction, Pooling::Transaction));
        let name = lock.name.as_ref().filter(|_| lock_of(lock, life.host.id));
        let tag = name.filter(|_| rows == Pooling::Direct);
        let tag = tag.map(|name| name.tag.as_str());
        let backend = lock.backend;
        let why = if locks != Pooling::Direct {
            "it is a pooler's, which may lend it to others"
        } else if name.is_none() {
            "it does not say whose it is (the URL has an application_name, or an older wmctl)"
        } else if lock.of == LockOf::Host {
            "it holds the lock of a host with other tenants"
        } else {
            return (Some(lock), tag);
        };
        left.push(format!("session {backend} was left alone: {why}"));
        (None, tag)
    }
}
