//! Open connections to the database, compared with the server's limit and the recommended number.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::app::{App, RowsError};
use crate::config::DatabaseUrl;
use crate::store::inspect::server::{ConnectionGroup as Stored, Connections as Found};

/// Sessions that a process opens outside its pool: one for the lock and one for notifications.
const BESIDE_POOL: i64 = 2;
/// Default pool size if the URL does not set one.
const POOL_DEFAULT: i64 = 10;

/// The sessions of one process or person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConnectionGroup {
    /// Client address, `local` for a Unix socket, or `?` if this role may not see it.
    pub host: String,
    /// Database role.
    pub role: String,
    /// Application name; wmctl processes use `wmctl HOST/PID`.
    pub application: String,
    pub database: String,
    /// Number of connections.
    pub connections: i64,
    /// Connections that run a statement.
    pub active: i64,
    /// Connections that are idle in an open transaction.
    pub idle_in_transaction: i64,
    /// Age of the oldest open transaction (s).
    pub oldest_transaction_s: i64,
}

/// The number of connections that the deployment guide recommends for all processes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sizing {
    /// The rule that applies: `single`, `active_passive` or `multi_tenant`.
    pub rule: &'static str,
    /// Recommended minimum and maximum number of connections.
    pub connections_min: i64,
    pub connections_max: i64,
    /// Recommended `pool_max_conns` of each process: at most what the rule and the server allow.
    pub pool_max_conns: i64,
}

/// The current connections and their limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Connections {
    /// `postgres` or `sqlite`.
    pub backend: &'static str,
    /// Current number of connections.
    pub connections: i64,
    /// The server's `max_connections`; `null` for SQLite, which has no limit.
    pub max_connections: Option<i64>,
    /// Connections still available to this role in this database, across all clients.
    pub usable: Option<i64>,
    /// Connected wmctl processes, without this one.
    pub processes: i64,
    /// Number of tenants.
    pub tenants: i64,
    /// `pool_max_conns` of the database URL in use.
    pub pool_max_conns: Option<i64>,
    pub sizing: Option<Sizing>,
    /// Descriptions of problems.
    pub problems: Vec<String>,
    /// One entry per process or person.
    pub items: Vec<ConnectionGroup>,
}

/// Returns the current connections.
pub async fn connections(app: &App) -> Result<Connections, RowsError> {
    let found = app.store.connections().await.map_err(RowsError::of)?;
    let tenants = app.store.tenant_count().await.map_err(RowsError::of)?;
    let hosts = app.store.hosts().await.map_err(RowsError::of)?;
    let Some(found) = found else {
        let items: Vec<_> = hosts
            .iter()
            .map(|host| process(&host.name, host.pid))
            .collect();
        return Ok(Connections {
            backend: app.store.backend(),
            connections: 0,
            max_connections: None,
            usable: None,
            processes: i64::try_from(items.len()).unwrap_or(i64::MAX),
            tenants,
            pool_max_conns: None,
            sizing: None,
            problems: Vec::new(),
            items,
        });
    };
    let serves = hosts.iter().any(|host| host.serves);
    let pool = match &app.settings.database {
        DatabaseUrl::Postgres(url) => url.pool.connections_max.map_or(POOL_DEFAULT, i64::from),
        DatabaseUrl::Sqlite(_) => POOL_DEFAULT,
    };
    Ok(judged(app.store.backend(), found, tenants, serves, pool))
}

/// Builds the group for a process that uses an SQLite file, from its host row.
fn process(name: &str, pid: i64) -> ConnectionGroup {
    ConnectionGroup {
        host: name.to_owned(),
        role: String::new(),
        application: format!("wmctl {name}/{pid}"),
        database: String::new(),
        connections: 0,
        active: 0,
        idle_in_transaction: 0,
        oldest_transaction_s: 0,
    }
}

fn judged(
    backend: &'static str,
    found: Found,
    tenants: i64,
    serves: bool,
    pool: i64,
) -> Connections {
    let own = format!("/{}", std::process::id());
    let ours: BTreeSet<&str> = found
        .groups
        .iter()
        .filter(|group| group.database == found.database)
        .map(|group| group.application.as_str())
        .filter(|name| name.starts_with("wmctl ") && !name.ends_with(&own))
        .collect();
    let processes = i64::try_from(ours.len()).unwrap_or(i64::MAX);
    let limits = [found.role_max, found.database_max].into_iter().flatten();
    let usable = limits
        .fold(found.connections_max - found.reserved, i64::min)
        .max(0);
    let connections = found.groups.iter().map(|group| group.connections).sum();
    let sizing = sizing(tenants, processes, serves, usable);
    let problems = problems(&found, connections, usable, processes, pool, &sizing);
    Connections {
        backend,
        connections,
        max_connections: Some(found.connections_max),
        usable: Some(usable),
        processes,
        tenants,
        pool_max_conns: Some(pool),
        sizing: Some(sizing),
        problems,
        items: found
            .groups
            .into_iter()
            .map(ConnectionGroup::from)
            .collect(),
    }
}

/// Applies the deployment guide's rule and divides the result among the processes.
fn sizing(tenants: i64, processes: i64, serves: bool, usable: i64) -> Sizing {
    let (rule, connections_min, connections_max) = if serves || 1 < tenants {
        let wanted = tenants.saturating_mul(2).saturating_add(10);
        ("multi_tenant", wanted, wanted)
    } else if 1 < processes {
        ("active_passive", 20, 30)
    } else {
        ("single", 10, 20)
    };
    let processes = processes.max(1);
    let wanted = (connections_max / processes).max(POOL_DEFAULT);
    // The server's limit has the last word: tenants of one process share its pool.
    let there_is = (usable / processes - BESIDE_POOL).max(1);
    Sizing {
        rule,
        connections_min,
        connections_max,
        pool_max_conns: wanted.min(there_is),
    }
}

fn problems(
    found: &Found,
    connections: i64,
    usable: i64,
    processes: i64,
    pool: i64,
    sizing: &Sizing,
) -> Vec<String> {
    let mut problems = Vec::new();
    if usable * 9 <= connections * 10 {
        problems.push(format!(
            "{connections} of {usable} connections are taken: raise max_connections, or lower \
             pool_max_conns"
        ));
    }
    let needed = processes.max(1) * (pool + BESIDE_POOL);
    if usable < needed {
        problems.push(format!(
            "{processes} processes with pool_max_conns={pool} may want {needed} connections, and \
             there are {usable}: set pool_max_conns={}",
            sizing.pool_max_conns
        ));
    }
    for group in &found.groups {
        if 30 < group.oldest_transaction_s && 0 < group.idle_in_transaction {
            problems.push(format!(
                "{} of {} sits in a transaction for {} s and keeps rows locked",
                group.application, group.role, group.oldest_transaction_s
            ));
        }
    }
    let hidden: i64 = found.groups.iter().map(|group| group.hidden).sum();
    if 0 < hidden {
        problems.push(format!(
            "the addresses and states of {hidden} sessions are hidden from this role: GRANT \
             pg_read_all_stats shows them"
        ));
    }
    problems
}

impl From<Stored> for ConnectionGroup {
    fn from(group: Stored) -> Self {
        Self {
            host: group.host,
            role: group.role,
            application: group.application,
            database: group.database,
            connections: group.connections,
            active: group.active,
            idle_in_transaction: group.idle_in_transaction,
            oldest_transaction_s: group.oldest_transaction_s,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_the_guide_are_shared_among_the_processes() {
        check((1, 1, false, 97), ("single", 10, 20, 20));
        check((1, 2, false, 97), ("active_passive", 20, 30, 15));
        check((40, 2, true, 97), ("multi_tenant", 90, 90, 45));
        check((10_000, 4, true, 97), ("multi_tenant", 20_010, 20_010, 22));
        check((1, 0, false, 3), ("single", 10, 20, 1));
        check((3, 3, true, 97), ("multi_tenant", 16, 16, 10));
    }

    fn check(given: (i64, i64, bool, i64), expected: (&'static str, i64, i64, i64)) {
        let (tenants, processes, serves, usable) = given;
        let found = sizing(tenants, processes, serves, usable);
        let (rule, connections_min, connections_max, pool_max_conns) = expected;
        let expected = Sizing {
            rule,
            connections_min,
            connections_max,
            pool_max_conns,
        };
        assert_eq!(found, expected, "{given:?}");
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let group = |application: &str, connections, age| Stored {
            host: String::from("10.0.0.1"),
            role: String::from("wm"),
            application: application.to_owned(),
            database: String::from("w"),
            connections,
            active: 0,
            idle_in_transaction: 1,
            hidden: 0,
            oldest_transaction_s: age,
        };
        let found = Found {
            groups: vec![group("wmctl a/1", 8, 0), group("wmctl b/2", 10, 31)],
            connections_max: 23,
            reserved: 3,
            role_max: None,
            database_max: Some(30),
            database: String::from("w"),
        };
        let judged = judged("postgres", found, 1, false, 10);
        assert_eq!((judged.usable, judged.processes), (Some(20), 2));
        assert_eq!(judged.problems.len(), 3, "{:#?}", judged.problems);
        assert!(judged.problems[1].ends_with("set pool_max_conns=8"));
    }
}
