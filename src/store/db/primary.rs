//! A PostgreSQL server behind a name that may move, and the pool of connections to it.
//!
//! All connections of one pool lead to one server. When a new connection finds another server
//! behind the name, the pool is replaced. Everything that still waits for the old server is
//! cancelled.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::store::db::application_name::ApplicationName;
use crate::store::db::batch::{Batch, first_rows};
use crate::store::db::pooling::{ConnectionProfile, Pooling};
use crate::store::db::postgres::link::Link;
use crate::store::db::postgres::pool::{Admit, Limits, Pool};
use crate::store::db::postgres::target::Target;
use crate::store::db::query_counts::QueryCounters;
use crate::store::db::value::args;
use crate::store::error::StoreError;

/// How often a process that holds a lock, or waits for an answer, checks that the server's name
/// still leads to the same server; and how long one check may take.
pub(in crate::store) const LOOK_EVERY: Duration = Duration::from_secs(2);
pub(in crate::store) const LOOK_TIME_MAX: Duration = Duration::from_millis(300);
/// How long a lock session may take to connect.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// How long closing all connections in an orderly way may take.
const CLOSE_TIME_MAX: Duration = Duration::from_millis(500);
const RECOVERING: &str = "SELECT pg_is_in_recovery()";
/// The cluster id and the timeline, which is the first part of the names of WAL files.
const LINE: &str = "
    SELECT CAST(system_identifier AS TEXT), substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
    FROM pg_control_system()";

/// When the server was started (microseconds since 1970).
const RUN: &str = "
    SELECT CAST(EXTRACT(EPOCH FROM pg_postmaster_start_time()) * 1000000 AS BIGINT)";

/// A server and the ways to connect to it.
#[derive(Debug)]
pub(in crate::store) struct Primary {
    pub(in crate::store) route: ConnectionProfile,
    /// How sessions are named; `None` if the URL sets the name.
    pub(in crate::store) name: Option<ApplicationName>,
    /// How to connect for locks.
    pub(in crate::store) locks: Target,
    pub(in crate::store) tally: QueryCounters,
    /// When the name was last checked.
    pub(in crate::store) looked: Mutex<Instant>,
    pub(in crate::store) lines: TimelineTracker,
    ways: PoolConfig,
    /// The pool and the number of the server that it leads to.
    current: Mutex<(u64, Pool)>,
}

/// How to make connections of the pool.
pub(in crate::store) struct PoolConfig {
    pub(in crate::store) target: Target,
    pub(in crate::store) limits: Limits,
    pub(in crate::store) admit: Admit,
}

impl PoolConfig {
    fn pool(&self) -> Pool {
        Pool::new(self.target.clone(), self.limits, Arc::clone(&self.admit))
    }
}

impl fmt::Debug for PoolConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ways").field(&self.target).finish()
    }
}

impl Primary {
    /// Opens the pool with its minimum number of connections, at least one.
    pub(in crate::store) async fn start(
        route: ConnectionProfile,
        name: Option<ApplicationName>,
        locks: Target,
        lines: TimelineTracker,
        ways: PoolConfig,
    ) -> Result<Self, StoreError> {
        let pool = ways.pool();
        pool.fill().await?;
        Ok(Self {
            route,
            name,
            locks,
            tally: QueryCounters::default(),
            looked: Mutex::new(Instant::now()),
            current: Mutex::new((lines.number(), pool)),
            lines,
            ways,
        })
    }

    /// Reads the logins for the pool and for locks again.
    pub(in crate::store) fn renew_login(&self) {
        self.ways.target.renew_login();
        self.locks.renew_login();
    }

    /// Returns whether each transaction may run in another session, so that nothing can be prepared
    /// or set.
    pub(in crate::store) fn is_shared(&self) -> bool {
        self.route.pooling == Pooling::Transaction
    }

    /// Returns the server that the name last led to.
    pub(in crate::store) fn served(self: &Arc<Self>) -> PrimaryHandle {
        PrimaryHandle {
            server: Arc::clone(self),
            number: self.lines.number(),
        }
    }

    /// Returns the pool of connections to the server that the name last led to.
    pub(in crate::store) fn pool(self: &Arc<Self>) -> (Pool, PrimaryHandle) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.lines.number();
        if current.0 != number {
            *current = (number, self.ways.pool());
        }
        let served = PrimaryHandle {
            server: Arc::clone(self),
            number,
        };
        (current.1.clone(), served)
    }

    /// Opens a new connection for locks.
    pub(in crate::store) async fn connect(&self) -> Result<Link, StoreError> {
        let connected = timeout(CONNECT_TIME_MAX, async {
            let mut link = self.locks.connect().await?;
            self.lines.admit(&mut link, &[]).await?;
            Ok(link)
        });
        let late = |_| Err(StoreError::late());
        connected.await.unwrap_or_else(late)
    }

    /// Checks where the name leads now.
    async fn look(&self) {
        // Boxed because it is rare but large, and would otherwise be part of every query's future.
        let look = Box::pin(async { self.connect().await?.close().await });
        let looked = timeout(LOOK_TIME_MAX, look);
        // If the check fails, the process stays with its server.
        drop(looked.await);
    }

    /// Closes every connection, in an orderly way if the server answers within 500 ms.
    pub(in crate::store) async fn close(self: &Arc<Self>) {
        let pool = self.pool().0;
        if timeout(CLOSE_TIME_MAX, pool.close()).await.is_err() {
            tracing::warn!("the database does not answer: its connections are left to it");
        }
    }
}

/// The server that a connection leads to.
#[derive(Clone, Debug)]
pub(in crate::store) struct PrimaryHandle {
    server: Arc<Primary>,
    number: u64,
}

impl PrimaryHandle {
    /// Waits for work on the server, but gives up when another server has taken its place. A
    /// primary that has lost its synchronous standby would never answer. The error is then
    /// [`StoreError::Unavailable`].
    pub(in crate::store) async fn ask<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let work = Box::pin(work);
        let mut lines = self.server.lines.changed.subscribe();
        let another = lines.wait_for(|number| *number != self.number);
        tokio::select! {
            biased;
            done = work => done,
            _ = another => Err(superseded()),
            never = self.look_now_and_then() => match never {},
        }
    }

    async fn look_now_and_then(&self) -> Infallible {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.server.look().await;
        }
    }

    /// Opens a new connection and returns whether the name still leads to this server.
    pub(in crate::store) async fn is_current(&self) -> bool {
        self.server.look().await;
        self.number == self.server.lines.number()
    }
}

fn superseded() -> StoreError {
    StoreError::Unavailable("another server has taken the place of this one".into())
}

/// Tracks which server the name leads to.
#[derive(Clone, Debug)]
pub(in crate::store) struct TimelineTracker {
    last: Arc<Mutex<Option<(String, String)>>>,
    /// The number of the server. Also rises for other reasons to replace all connections.
    changed: watch::Sender<u64>,
    /// Rises only when another server takes over.
    moved: watch::Sender<u64>,
    /// When the server was started that a connection led to last; 0 where nobody knows.
    run: watch::Sender<i64>,
    /// `false` behind a transaction pooler, which may change the server behind a connection. There
    /// only the fence detects a new server.
    told: bool,
}

impl TimelineTracker {
    pub(in crate::store) fn new(pooling: Pooling) -> Self {
        Self {
            last: Arc::default(),
            changed: watch::Sender::new(0),
            moved: watch::Sender::new(0),
            run: watch::Sender::new(0),
            told: pooling != Pooling::Transaction,
        }
    }

    fn number(&self) -> u64 {
        *self.changed.borrow()
    }

    /// Returns the server's number and a notice of each change.
    pub(in crate::store) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Returns a notice of each new server that connections find.
    pub(in crate::store) fn moves(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    /// Each other start of the server, as far as connections tell.
    pub(in crate::store) fn runs(&self) -> watch::Receiver<i64> {
        self.run.subscribe()
    }

    /// Replaces all connections.
    pub(in crate::store) fn renew(&self) {
        self.changed.send_modify(|number| *number += 1);
    }

    /// Runs `first` on a new connection and then checks the server. Refuses a server in recovery,
    /// and a server that another one has replaced.
    pub(in crate::store) async fn admit(
        &self,
        link: &mut Link,
        first: &[&'static str],
    ) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        for sql in first {
            batch.push(sql, args![]);
        }
        let recovering = batch.push(RECOVERING, args![]);
        if self.told {
            batch.push(RUN, args![]);
            batch.push(LINE, args![]);
        }
        let mut answers = link.each(batch).await?;
        // Some services keep it from their users.
        let mut kept = answers.split_off(recovering + 1).into_iter();
        let run = kept.next().and_then(Result::ok);
        let line = kept.next().and_then(Result::ok);
        let answers = first_rows(answers.into_iter().collect::<Result<_, _>>()?);
        let recovering = answers.into_iter().next_back().flatten();
        if recovering.map_or(Ok(false), |row| row.column("pg_control", 0))? {
            return Err(StoreError::Standby);
        }
        let first = |answer| first_rows(vec![answer]).pop().flatten();
        if let Some(run) = run.and_then(first) {
            let run: i64 = run.column("pg_control", 0)?;
            self.run
                .send_if_modified(|last| std::mem::replace(last, run) != run);
        }
        let Some(row) = line.and_then(first) else {
            return Ok(());
        };
        let found: (String, String) = (row.column("pg_control", 0)?, row.column("pg_control", 1)?);
        let timeline = found.1.clone();
        match self.is_newer(found) {
            None => Err(superseded()),
            Some(false) => Ok(()),
            Some(true) => {
                tracing::warn!(
                    timeline,
                    "the database's name leads to another server: what only the old one had is \
                     gone, and every lease from before is void"
                );
                self.moved.send_modify(|number| *number += 1);
                self.renew();
                Ok(())
            }
        }
    }

    /// Returns whether this is another server than the last one; `None` if it is an old server that
    /// the last one has replaced.
    fn is_newer(&self, found: (String, String)) -> Option<bool> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let newer = match &*last {
            None => false,
            Some((cluster, line)) if *cluster == found.0 && found.1 < *line => return None,
            Some(last) => *last != found,
        };
        *last = Some(found);
        Some(newer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_followed_and_never_gone_back_to() {
        let lines = TimelineTracker::new(Pooling::Direct);
        for (cluster, line, expected) in [
            ("a", "00000001", Some(false)),
            ("a", "00000001", Some(false)),
            ("a", "00000002", Some(true)),
            ("a", "00000001", None),
            ("a", "00000002", Some(false)),
            ("a", "0000000A", Some(true)),
            // A cluster that was restored from a dump.
            ("b", "00000001", Some(true)),
        ] {
            let found = lines.is_newer((cluster.into(), line.into()));
            assert_eq!(found, expected, "{cluster} {line}");
        }
    }
}
