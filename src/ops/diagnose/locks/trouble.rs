//! Detects problems with leases and locks, and suggests a command for each.

use std::time::Duration;

use serde::Serialize;

use crate::app::RowsError;
use crate::ops::diagnose::locks::{Life, Picture, UnknownLock, lock_of};
use crate::store::inspect::locks::{LeaseSeen, LockOf, LockSeen};
use crate::store::lease::EPOCH_MAX;

/// A process with an unknown timeout is reported after this long without a sign of life.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// wmctl's transactions take milliseconds; one that is idle for longer is stuck.
const STUCK_MAX: Duration = Duration::from_millis(500);
/// After this long a lost lock has been regained by its holder, or another process has taken over.
const SETTLED: Duration = Duration::from_secs(3);
/// Time that holders get to reconnect after the database server starts.
const GRACE: Duration = Duration::from_secs(5);

/// A problem and its remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Stable code.
    pub code: &'static str,
    /// Description of the problem.
    pub text: String,
    /// Command that fixes the problem, ready to be typed.
    pub command: String,
}

fn shown(span: Duration) -> String {
    match span.as_secs() {
        0..60 => format!("{:.1} s", span.as_secs_f64()),
        seconds => format!("{seconds} s"),
    }
}

/// Reports an epoch at its maximum. It cannot rise, so no process can take the lease.
fn spent(lease: &LeaseSeen) -> Option<Problem> {
    (lease.epoch == EPOCH_MAX).then(|| Problem {
        code: "epoch_spent",
        text: String::from("its epoch has reached the maximum: it was set by hand"),
        command: RowsError::epoch_remedy(&lease.tenant),
    })
}

impl Picture<'_> {
    pub(super) fn tenant_problems(
        &self,
        lease: &LeaseSeen,
        life: Option<&Life<'_>>,
        state: &str,
    ) -> Vec<Problem> {
        let tenant = &lease.tenant;
        // A serving host may hold thousands of tenants: report its problem once, not for each of
        // them.
        let told = self.single || life.is_none_or(|life| !life.host.serves);
        let mut found = Vec::from_iter(spent(lease));
        let mut add = |code, text: String, command: String| {
            found.push(Problem {
                code,
                text,
                command,
            });
        };
        let start = format!("wmctl run --ha --business-id {tenant}");
        let release = format!("wmctl lock-status --release {tenant}");
        match (state, life) {
            ("free", _) if lease.wanted => add(
                "free",
                String::from("no process runs it"),
                format!("{start}  (or: wmctl tenants stop {tenant})"),
            ),
            ("orphaned", _) if lease.wanted => add(
                "orphaned",
                String::from("its holder was declared dead, and no process took over"),
                start,
            ),
            ("void", Some(life)) => add(
                "void",
                format!(
                    "the server was promoted since {} led: it has to load anew",
                    life.process()
                ),
                release.clone(),
            ),
            ("held", Some(life)) if self.is_silent(life) && told => add(
                "silent",
                format!(
                    "{} says nothing for {}{}: it may be dead or hang",
                    life.process(),
                    shown(life.silent()),
                    of_timeout(life)
                ),
                release.clone(),
            ),
            ("held", Some(life)) if !life.host.serves => {
                if let Some((code, text)) = self.lock_trouble(lease, life) {
                    add(code, text, release.clone());
                }
            }
            _ => (),
        }
        if let Some(stuck) = life.filter(|_| told).and_then(|life| self.stuck(life)) {
            let text = format!(
                "session {} of its holder hangs in a transaction for {}: nobody can take over",
                stuck.backend,
                shown(stuck.silent.unwrap_or_default())
            );
            add("stuck", text, release);
        }
        found.extend(self.shared_key(lease));
        found
    }

    /// Reports another tenant with the same lock key. Keys are hashes and can collide.
    fn shared_key(&self, lease: &LeaseSeen) -> Option<Problem> {
        self.seen.server?;
        let mut leases = self.seen.leases.iter();
        let alike = |one: &&LeaseSeen| one.key == lease.key && one.tenant != lease.tenant;
        let other = &leases.find(alike)?.tenant;
        Some(Problem {
            code: "key_shared",
            text: format!(
                "its lock has the same key as that of {other}: only one of both is watched by it"
            ),
            command: String::from("wmctl serve  (runs both without these locks)"),
        })
    }

    pub(super) fn host_problems(&self, life: &Life<'_>) -> Vec<Problem> {
        let mut found = Vec::new();
        let host = life.host;
        let drain = format!("wmctl tenants drain --host {}", host.name);
        if host.state == "dead" {
            found.push(Problem {
                code: "orphaned",
                text: format!(
                    "declared dead, and tenants are still in its name ({})",
                    host.tenants
                ),
                command: String::from("wmctl serve"),
            });
        } else if self.is_silent(life) {
            let (silent, of) = (shown(life.silent()), of_timeout(life));
            found.push(Problem {
                code: "silent",
                text: format!("no heartbeat for {silent}{of}: it may be dead or hang"),
                command: drain,
            });
        } else if self.seen.server.is_some()
            && host.locks
            && life.lock.is_none()
            && self.has_settled()
        {
            // SQLite has no sessions, so it cannot lose a lock in this way.
            found.push(Problem {
                code: "lock_missing",
                text: String::from(
                    "does not hold its lock: other hosts are about to take its tenants",
                ),
                command: String::from("wmctl lock-status --watch=1s"),
            });
        }
        if let Some(stuck) = self.stuck(life) {
            found.push(Problem {
                code: "stuck",
                text: format!(
                    "session {} hangs in a transaction for {}: nobody can take its tenants",
                    stuck.backend,
                    shown(stuck.silent.unwrap_or_default())
                ),
                command: terminate(stuck.backend),
            });
        }
        found
    }

    /// Returns a session of the process that is idle in a transaction which touched a lease.
    fn stuck(&self, life: &Life<'_>) -> Option<&LockSeen> {
        let tag = &life.lock?.name.as_ref()?.tag;
        let is_its = |one: &&LockSeen| one.name.as_ref().is_some_and(|name| name.tag == *tag);
        let mut stuck = self.seen.stuck.iter().filter(is_its);
        // A lock held by a transaction is always in one, so it is not stuck.
        stuck.find(|one| {
            let is_lock = one.name.as_ref().is_some_and(|name| name.lock.is_some());
            !is_lock && one.silent.is_some_and(|silent| STUCK_MAX < silent)
        })
    }

    fn is_silent(&self, life: &Life<'_>) -> bool {
        let most = life.timeout.unwrap_or(SILENCE_MAX);
        most < life.silent() && self.has_settled()
    }

    /// Returns whether holders have had time to reconnect after the server started.
    fn has_settled(&self) -> bool {
        self.seen.server.is_none_or(|(_, up)| GRACE < up)
    }

    /// Reports a holder without its lock, or whose lock another session holds. Not for SQLite,
    /// which has no sessions.
    fn lock_trouble(&self, lease: &LeaseSeen, life: &Life<'_>) -> Option<(&'static str, String)> {
        let since_ms = u64::try_from(self.now_ms - lease.since_ms).unwrap_or(0);
        let fresh = Duration::from_millis(since_ms) < SETTLED;
        let embedded = self.seen.server.is_none();
        if embedded || !life.host.locks || life.lock.is_some() || fresh || !self.has_settled() {
            return None;
        }
        let holds =
            |lock: &&LockSeen| lock.of == LockOf::Tenant && lock.key == lease.key && lock.granted;
        Some(match self.seen.locks.iter().find(holds) {
            Some(lock) => {
                let waiter = self.waiter(lock);
                let by = waiter.process.unwrap_or_else(|| String::from("somebody"));
                let text = format!("its lock is held by {by} (session {})", lock.backend);
                (
                    "lock_elsewhere",
                    text + ", which takes over or gives it back",
                )
            }
            None => (
                "lock_missing",
                String::from("its holder does not hold the lock: a takeover is due"),
            ),
        })
    }

    /// Explains why the waiting processes cannot take over.
    pub(super) fn standing_by(&self, life: Option<&Life<'_>>, state: &str) -> String {
        let Some(life) = life else {
            return String::from("the lease is free: a process is about to take it");
        };
        let beat = shown(life.beat);
        match state {
            "orphaned" => String::from("the leader was declared dead: a takeover is under way"),
            "void" => String::from("the server was promoted: the leader must reload the account"),
            _ if !self.has_settled() => {
                let up = self
                    .seen
                    .server
                    .map_or_else(String::new, |(_, up)| shown(up));
                format!("the server started {up} ago: the leader gets its lock back first")
            }
            _ if self.is_silent(life) => format!(
                "the leader says nothing for {}: a takeover is due",
                shown(life.silent())
            ),
            _ if life.lock.is_some() => {
                format!("the leader's heartbeat is {beat} old and its lock is held")
            }
            _ => format!("the leader's heartbeat is {beat} old; it is without its lock"),
        }
    }

    /// Returns locks in wmctl's key space whose session or key belongs to no known process.
    pub(super) fn unknown(&self) -> Vec<UnknownLock> {
        let mut found = Vec::new();
        for lock in &self.seen.locks {
            let key_of = self.key_of(lock);
            // A role with limited rights does not see the tenants and hosts of other roles.
            if (key_of.is_none() && !self.seen.whole) || self.is_explained(lock, &key_of) {
                continue;
            }
            let client = lock
                .client
                .clone()
                .unwrap_or_else(|| String::from("unknown"));
            let what = match (lock.granted, &key_of) {
                (true, Some(name)) => format!("the lock of {name} is held by"),
                (false, Some(name)) => format!("waiting for the lock of {name}:"),
                (true, None) => String::from("a lock that belongs to no tenant or host is held by"),
                (false, None) => {
                    String::from("waiting for a lock that belongs to no tenant or host:")
                }
            };
            let text = format!(
                "{what} an unknown session: backend pid {}, client {client}, role {:?}, {:?}",
                lock.backend, lock.role, lock.application
            );
            found.push(UnknownLock {
                lock_key: [lock.of.class(), lock.key],
                key_of,
                granted: lock.granted,
                backend_pid: lock.backend,
                application: lock.application.clone(),
                role: lock.role.clone(),
                client: lock.client.clone(),
                problem: Problem {
                    code: "unknown_lock",
                    text,
                    command: terminate(lock.backend),
                },
            });
        }
        found
    }

    /// Returns the tenant or host that the lock's key belongs to.
    fn key_of(&self, lock: &LockSeen) -> Option<String> {
        match lock.of {
            LockOf::Tenant => {
                let mut leases = self.seen.leases.iter();
                let lease = leases.find(|lease| lease.key == lock.key)?;
                Some(lease.tenant.to_string())
            }
            LockOf::Host => {
                let mut hosts = self.seen.hosts.iter();
                let host = hosts.find(|host| host.key == lock.key)?;
                Some(format!("{}/{}", host.name, host.pid))
            }
        }
    }

    fn is_explained(&self, lock: &LockSeen, key_of: &Option<String>) -> bool {
        if lock.name.as_ref().is_some_and(|name| name.lock.is_some()) {
            // A standby may wait for a tenant that has never run.
            return true;
        }
        // An unnamed session is accepted if a process claims this lock and no named session holds
        // it.
        let claims = self.seen.hosts.iter().any(|host| match lock.of {
            LockOf::Host => host.key == lock.key && host.locks,
            LockOf::Tenant => {
                let mut leases = self.seen.leases.iter();
                host.locks
                    && leases.any(|lease| lease.key == lock.key && lease.owner == Some(host.id))
            }
        });
        let named = |other: &LockSeen| {
            (other.of, other.key, other.granted) == (lock.of, lock.key, true)
                && self.seen.hosts.iter().any(|host| lock_of(other, host.id))
        };
        key_of.is_some() && claims && lock.granted && !self.seen.locks.iter().any(named)
    }
}

fn of_timeout(life: &Life<'_>) -> String {
    let timeout = life.timeout.map(shown);
    timeout.map_or_else(String::new, |timeout| format!(" of {timeout}"))
}

fn terminate(backend: i64) -> String {
    format!("psql -c 'SELECT pg_terminate_backend({backend})' \"$DATABASE_URL\"")
}
