//! The rows of every tenant, the lease that says who may write them, and all SQL.
//!
//! It maps the session's values onto tables, on SQLite and PostgreSQL alike, and commits a unit of
//! work as one transaction behind the fence. It decides nothing: what to write comes from above.

use std::path::PathBuf;

pub mod account;
pub mod db;
pub mod error;
pub mod events;
pub mod inspect;
pub mod lease;
pub mod migrate;
pub mod outbox;
mod records;
pub mod retention;
pub mod scratch;
pub mod tenants;
pub mod transfer;
pub mod webhooks;

use crate::ids::{Jid, TenantId};

/// One opened database. Cheap to clone: the connections are shared.
#[derive(Clone, Debug)]
pub struct Store {
    db: db::Db,
    /// The file, where the database is one.
    file: Option<PathBuf>,
    bells: outbox::notify::Bells,
    intake: outbox::queue::Intake,
    turns: db::slots::Turns,
    /// What this machine keeps outside the database.
    marks: account::marks::Marks,
}

/// Whose rows: the tenant, and its own device's address, which most tables repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The tenant.
    pub tenant: TenantId,
    /// Our companion device, with its device number.
    pub jid: Jid,
}

impl Store {
    /// `sqlite` or `postgres`.
    pub fn backend(&self) -> &'static str {
        match self.db {
            db::Db::Sqlite { .. } => "sqlite",
            db::Db::Postgres(_) => "postgres",
        }
    }

    /// How the server is reached; `None` where the database is a file.
    pub fn route(&self) -> Option<&db::pooling::Route> {
        match &self.db {
            db::Db::Sqlite { .. } => None,
            db::Db::Postgres(server) => Some(&server.route),
        }
    }

    /// Has the login read again from the file that it came from, for connections from now on.
    pub fn renew_login(&self) {
        if let db::Db::Postgres(server) = &self.db {
            server.renew_login();
        }
    }

    /// How long ago this process wrote a heartbeat last: whether it can write at all. `None` before
    /// it was made known.
    pub fn heartbeat_age(&self) -> Option<std::time::Duration> {
        let beaten = &self.db.tally().beaten;
        let beaten = *beaten
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        beaten.map(|at| at.elapsed())
    }

    /// What this process asked on behalf of accounts so far.
    pub fn work(&self) -> db::query_counts::Work {
        let tally = self.db.tally();
        let read = |counter: &std::sync::atomic::AtomicU64| {
            counter.load(std::sync::atomic::Ordering::Relaxed)
        };
        db::query_counts::Work {
            statements: read(&tally.statements),
            waits: read(&tally.waits),
            writes: read(&tally.writes),
            transactions: read(&tally.transactions),
        }
    }

    /// Ends every connection.
    pub async fn close(&self) {
        self.bells.put_down();
        self.db.close().await;
    }
}
