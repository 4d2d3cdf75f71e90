//! Detects whether a connection pooler lies between this process and PostgreSQL, and what it
//! breaks.
//!
//! A pooler that may assign another session to each transaction breaks session locks,
//! notifications, session settings and prepared statements. The path to a server is probed when it
//! is opened. The result also decides how other processes detect that this one is dead.

use std::fmt;
use std::time::Duration;

use crate::config::postgres::TlsMode;
use crate::crypto::random;
use crate::store::db::batch::{Batch, first_rows};
use crate::store::db::begin::BEGIN;
use crate::store::db::postgres::link::Link;
use crate::store::db::postgres::target::Target;
use crate::store::db::value::args;
use crate::store::error::StoreError;

/// Servers from this version on can end an idle session (`idle_session_timeout`).
const IDLE_SESSIONS_END: i32 = 140_000;
/// How many rounds two connections compare their sessions. A pooler that hands out the session that
/// was free for the longest, or for the shortest, time is detected in the second or third round. If
/// other clients use it at the same time, detection depends on chance and may take more rounds.
const ROUNDS: usize = 16;
/// How long a second transaction may wait for the first one. A longer wait means that the pooler
/// has a single session.
const SECOND_SESSION: Duration = Duration::from_secs(2);
/// A setting without any effect. A session that has our value was started for this very connection.
pub(in crate::store) const MARK: &str = "wmctl.session";

const SESSION: &str = "
    SELECT pg_is_in_recovery(), CAST(current_setting('server_version_num') AS BIGINT),
        CAST(current_database() AS TEXT), COALESCE(current_setting('wmctl.session', TRUE), '')";
const CLUSTER: &str = "SELECT CAST(system_identifier AS TEXT) FROM pg_control_system()";

/// What lies between this process and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// Nothing that changes sessions.
    Direct,
    /// A pooler that keeps one session for as long as the connection lasts.
    Session,
    /// A pooler that may assign another session to each transaction.
    Transaction,
}

/// How other processes detect that a process is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// By a lock that its session holds. The server ends a session that is silent for too long.
    Session,
    /// By a lock that its open transaction holds. The server ends a transaction that is silent for
    /// too long.
    Transaction,
    /// By its heartbeat counter alone.
    Counter,
}

/// The detected properties of the path to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionProfile {
    /// The server's version number, for example 150018.
    pub version: i32,
    /// The pooler between this process and the rows.
    pub pooling: Pooling,
    /// The pooler between this process and the locks. It differs if the locks have a URL of their
    /// own.
    pub lock_pooling: Pooling,
    /// Whether the locks have a URL of their own.
    pub lock_apart: bool,
    pub liveness: Liveness,
    /// How the server must prove its identity before anything is sent.
    pub tls: TlsMode,
}

impl Pooling {
    const ALL: [Self; 3] = [Self::Direct, Self::Session, Self::Transaction];

    /// Returns the name that is shown to people and written to JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Session => "session_pooler",
            Self::Transaction => "transaction_pooler",
        }
    }

    /// Returns the poolers before the rows and before the locks of a process, parsed from the text
    /// of its [`ConnectionProfile`] in the database. `None` if the text is not one of ours.
    pub fn of_route(shown: &str) -> Option<(Self, Self)> {
        let named = |word: &str| Self::ALL.into_iter().find(|it| it.name() == word);
        let mut words = shown.split(", ");
        let rows = named(words.next()?)?;
        let locks = words.next()?.strip_prefix("locks ");
        Some((rows, locks.map_or(Some(rows), named)?))
    }
}

impl Liveness {
    /// Returns the name that is shown to people and written to JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Session => "lock",
            Self::Transaction => "xact",
            Self::Counter => "poll",
        }
    }
}

impl fmt::Display for ConnectionProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.pooling.name())?;
        if self.lock_apart {
            write!(f, ", locks {}", self.lock_pooling.name())?;
        }
        write!(f, ", liveness {}", self.liveness.name())
    }
}

/// What one path to a server supports.
#[derive(Debug)]
pub(in crate::store) struct PoolerProbe {
    pub(in crate::store) version: i32,
    pub(in crate::store) pooling: Pooling,
    /// The pooler has only one session for us.
    narrow: bool,
    /// Identifiers of the cluster, if the server reveals it, and of the database.
    server: (Option<String>, String),
    /// How to connect from now on.
    pub(in crate::store) target: Target,
}

impl PoolerProbe {
    /// Probes a path to a server within `at_most`. `bare` has only parameters that every pooler
    /// accepts; `settings` are added if they are accepted.
    pub(in crate::store) async fn explore(
        bare: Target,
        settings: &[(&str, &str)],
        at_most: Duration,
    ) -> Result<Self, StoreError> {
        let explored = tokio::time::timeout(at_most, explore(bare, settings)).await;
        explored.unwrap_or_else(|_| Err(StoreError::late()))
    }

    /// Returns how other processes detect over this path that the process is dead.
    pub(in crate::store) fn liveness(&self) -> Liveness {
        match self.pooling {
            Pooling::Transaction if self.narrow => Liveness::Counter,
            Pooling::Transaction => Liveness::Transaction,
            _ if self.version < IDLE_SESSIONS_END => Liveness::Transaction,
            _ => Liveness::Session,
        }
    }

    /// Returns whether both paths lead to the same database, as far as the servers reveal it.
    pub(in crate::store) fn meets(&self, other: &Self) -> bool {
        let (cluster, database) = &self.server;
        let (other_cluster, other_database) = &other.server;
        let known = cluster.as_ref().zip(other_cluster.as_ref());
        database == other_database && known.is_none_or(|(one, two)| one == two)
    }
}

async fn explore(bare: Target, settings: &[(&str, &str)]) -> Result<PoolerProbe, StoreError> {
    const TABLE: &str = "pg_settings";
    let bytes: [u8; 8] = random::bytes(&mut *crate::clock::Surroundings::system().entropy.random());
    let mark = format!("m{}", u64::from_le_bytes(bytes));
    // Nothing is prepared until the pooler is known.
    let plain = bare.without_statements();
    let marked = plain.with_settings(settings);
    let marked = marked.with_settings(&[(MARK, mark.as_str())]);
    let (mut session, refused) = match marked.connect().await {
        Ok(session) => (session, false),
        Err(error) if is_refused_parameter(&error) => {
            (plain.connect().await.map_err(refusal)?, true)
        }
        Err(error) => return Err(error),
    };
    let mut batch = Batch::default();
    batch.push(SESSION, args![]);
    batch.push(CLUSTER, args![]);
    let mut answers = session.each(batch).await?.into_iter();
    let mut next = || Some(first_rows(vec![answers.next()?.ok()?]).pop().flatten());
    let row = next().flatten();
    let row = row.ok_or(StoreError::Pooler("what lies between answers nothing"))?;
    if row.column(TABLE, 0)? {
        return Err(StoreError::Standby);
    }
    let version = i32::try_from(row.column::<i64>(TABLE, 1)?).unwrap_or(i32::MAX);
    let (database, found): (String, String) = (row.column(TABLE, 2)?, row.column(TABLE, 3)?);
    // Some hosted services hide the cluster id from their users.
    let cluster = next().flatten();
    let cluster = cluster.and_then(|row| row.column(TABLE, 0).ok());
    session.close().await?;
    let (pooling, narrow) = match found == mark {
        true => (Pooling::Direct, false),
        false => affinity(&plain).await?,
    };
    let target = match pooling {
        Pooling::Direct => bare.with_settings(settings),
        Pooling::Session => bare,
        Pooling::Transaction => bare.without_statements(),
    };
    tracing::debug!(refused, pooling = pooling.name(), "a way to the server");
    Ok(PoolerProbe {
        version,
        pooling,
        narrow,
        server: (cluster, database),
        target,
    })
}

/// Returns whether two connections keep their sessions from one transaction to the next. The second
/// value says whether both share a single session.
async fn affinity(target: &Target) -> Result<(Pooling, bool), StoreError> {
    let mut pair = [target.connect().await?, target.connect().await?];
    let mut first: [Option<i64>; 2] = [None, None];
    for round in 0..ROUNDS {
        for (at, link) in pair.iter_mut().enumerate() {
            let pid = match tokio::time::timeout(SECOND_SESSION, begin(link)).await {
                Ok(pid) => pid?,
                // The future was dropped in the middle of a query, so this connection cannot be
                // used again.
                Err(_) => return Ok((Pooling::Transaction, true)),
            };
            if first[at].is_some_and(|seen| seen != pid) {
                return Ok((Pooling::Transaction, false));
            }
            first[at] = Some(pid);
        }
        // The two sessions are released in one order, then in the other.
        let (one, two) = pair.split_at_mut(1);
        let order = match round % 2 {
            0 => [&mut one[0], &mut two[0]],
            _ => [&mut two[0], &mut one[0]],
        };
        for link in order {
            let mut batch = Batch::default();
            batch.rollback();
            link.ask(batch).await?;
        }
    }
    for link in pair {
        link.close().await?;
    }
    Ok((Pooling::Session, false))
}

/// Begins a transaction and returns the process id of its session on the server.
async fn begin(link: &mut Link) -> Result<i64, StoreError> {
    let mut batch = Batch::default();
    batch.begin(BEGIN);
    batch.push("SELECT CAST(pg_backend_pid() AS BIGINT)", args![]);
    let answers = link.ask(batch).await.map_err(|error| {
        let answer = error.answer();
        match answer.is_some_and(|answer| answer.message.contains("statement pooling")) {
            true => StoreError::Pooler("the pooler allows no transactions"),
            false => error,
        }
    })?;
    let row = first_rows(answers).pop().flatten();
    let row = row.ok_or(StoreError::Pooler("what lies between answers nothing"))?;
    row.column("pg_stat_activity", 0)
}

/// Returns whether a pooler rejected a startup parameter: PgBouncer rejects those that it does not
/// know.
fn is_refused_parameter(error: &StoreError) -> bool {
    let answer = error.answer();
    answer.is_some_and(|answer| answer.message.contains("startup parameter"))
}

fn refusal(error: StoreError) -> StoreError {
    match is_refused_parameter(&error) {
        true => StoreError::Pooler("the pooler refuses `options` of the database URL"),
        false => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_of_a_route_is_read_again() {
        for pooling in Pooling::ALL {
            for lock_pooling in Pooling::ALL {
                for lock_apart in [false, true] {
                    let lock_pooling = if lock_apart { lock_pooling } else { pooling };
                    let route = ConnectionProfile {
                        version: 150_000,
                        tls: TlsMode::Disable,
                        pooling,
                        lock_pooling,
                        lock_apart,
                        liveness: Liveness::Session,
                    };
                    let read = Pooling::of_route(&route.to_string());
                    assert_eq!(read, Some((pooling, lock_pooling)), "{route}");
                }
            }
        }
        assert_eq!(Pooling::of_route("by pigeon, liveness lock"), None);
    }
}
