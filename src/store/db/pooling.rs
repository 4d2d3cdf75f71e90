//! How a server is reached: what lies between, and how a process is known to live over it.
//!
//! A pooler that gives each transaction another session takes away locks, notifications, settings
//! and prepared statements. What a way really keeps is tried out when it is opened.

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

/// Servers from this version on end a session that says nothing.
const IDLE_SESSIONS_END: i32 = 140_000;
/// How often two connections compare their sessions. A pooler that hands out the session that was
/// free for the longest, or the shortest, time is found out in the second and the third round; with
/// traffic of others in between, later by chance.
const ROUNDS: usize = 16;
/// How long a second transaction may wait for the first one: a pooler with a single session.
const SECOND_SESSION: Duration = Duration::from_secs(2);
/// A setting of no meaning: a session that has it was started for the connection that asks.
pub(in crate::store) const MARK: &str = "wmctl.session";

const SESSION: &str = "
    SELECT pg_is_in_recovery(), CAST(current_setting('server_version_num') AS BIGINT),
        CAST(current_database() AS TEXT), COALESCE(current_setting('wmctl.session', TRUE), '')";
const CLUSTER: &str = "SELECT CAST(system_identifier AS TEXT) FROM pg_control_system()";

/// What sits between this process and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// Nothing that changes sessions.
    Direct,
    /// A pooler that keeps a session for as long as the connection lasts.
    Session,
    /// A pooler that may give each transaction another session.
    Transaction,
}

/// How others learn that a process is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// By a lock that its session holds, which the server ends when it says nothing.
    Session,
    /// By a lock that its open transaction holds, which the server ends when it says nothing.
    Transaction,
    /// By its counter alone.
    Counter,
}

/// What was found out about the way to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The server's version, such as 150018.
    pub version: i32,
    /// Between this process and the rows.
    pub pooling: Pooling,
    /// Between this process and the locks; another way where one was given for them.
    pub lock_pooling: Pooling,
    /// Locks have a way of their own.
    pub lock_apart: bool,
    pub liveness: Liveness,
    /// What the server has to show before it is talked to.
    pub tls: TlsMode,
}

impl Pooling {
    /// All of them.
    const ALL: [Self; 3] = [Self::Direct, Self::Session, Self::Transaction];

    /// A word for people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Session => "session_pooler",
            Self::Transaction => "transaction_pooler",
        }
    }

    /// What lies before the rows and before the locks of a process, by what it wrote down of its
    /// [`Route`].
    pub fn of_route(shown: &str) -> Option<(Self, Self)> {
        let named = |word: &str| Self::ALL.into_iter().find(|it| it.name() == word);
        let mut words = shown.split(", ");
        let rows = named(words.next()?)?;
        let locks = words.next()?.strip_prefix("locks ");
        Some((rows, locks.map_or(Some(rows), named)?))
    }
}

impl Liveness {
    /// A word for people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Session => "lock",
            Self::Transaction => "xact",
            Self::Counter => "poll",
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.pooling.name())?;
        if self.lock_apart {
            write!(f, ", locks {}", self.lock_pooling.name())?;
        }
        write!(f, ", liveness {}", self.liveness.name())
    }
}

/// What one way to a server keeps.
#[derive(Debug)]
pub(in crate::store) struct Way {
    pub(in crate::store) version: i32,
    pub(in crate::store) pooling: Pooling,
    /// The pooler has a single session for us.
    narrow: bool,
    /// Cluster and database, where the server tells.
    server: (Option<String>, String),
    /// How to connect from now on.
    pub(in crate::store) target: Target,
}

impl Way {
    /// Tries a way out. `bare` has what every pooler lets pass; `settings` are added where they are
    /// let through.
    pub(in crate::store) async fn explore(
        bare: Target,
        settings: &[(&str, &str)],
        at_most: Duration,
    ) -> Result<Self, StoreError> {
        let explored = tokio::time::timeout(at_most, explore(bare, settings)).await;
        explored.unwrap_or_else(|_| Err(StoreError::late()))
    }

    /// How a process says over this way that it lives.
    pub(in crate::store) fn liveness(&self) -> Liveness {
        match self.pooling {
            Pooling::Transaction if self.narrow => Liveness::Counter,
            Pooling::Transaction => Liveness::Transaction,
            _ if self.version < IDLE_SESSIONS_END => Liveness::Transaction,
            _ => Liveness::Session,
        }
    }

    /// Whether both ways lead to the same rows, as far as the servers tell.
    pub(in crate::store) fn meets(&self, other: &Self) -> bool {
        let (cluster, database) = &self.server;
        let (other_cluster, other_database) = &other.server;
        let known = cluster.as_ref().zip(other_cluster.as_ref());
        database == other_database && known.is_none_or(|(one, two)| one == two)
    }
}

async fn explore(bare: Target, settings: &[(&str, &str)]) -> Result<Way, StoreError> {
    const TABLE: &str = "pg_settings";
    let bytes: [u8; 8] = random::bytes(&mut *crate::clock::Surroundings::system().entropy.random());
    let mark = format!("m{}", u64::from_le_bytes(bytes));
    // Until it is known what lies between, nothing is prepared.
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
    // Some services keep it from their users.
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
    Ok(Way {
        version,
        pooling,
        narrow,
        server: (cluster, database),
        target,
    })
}

/// Whether two connections keep their sessions from one transaction to the next, and whether there
/// is a single session for both.
async fn affinity(target: &Target) -> Result<(Pooling, bool), StoreError> {
    let mut pair = [target.connect().await?, target.connect().await?];
    let mut first: [Option<i64>; 2] = [None, None];
    for round in 0..ROUNDS {
        for (at, link) in pair.iter_mut().enumerate() {
            let pid = match tokio::time::timeout(SECOND_SESSION, begin(link)).await {
                Ok(pid) => pid?,
                // Dropped in the middle of a question, the connection is of no use any more.
                Err(_) => return Ok((Pooling::Transaction, true)),
            };
            if first[at].is_some_and(|seen| seen != pid) {
                return Ok((Pooling::Transaction, false));
            }
            first[at] = Some(pid);
        }
        // Given back in one order, then in the other.
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

/// Starts a transaction; the session's process on the server.
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

/// PgBouncer refuses to start a session with what it does not know.
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
                    let route = Route {
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
