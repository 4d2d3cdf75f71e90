//! Storage: every tenant's rows, the lease that decides who may write them, and all SQL.
//!
//! This module maps the session's values onto tables, in the same way on SQLite and on PostgreSQL.
//! It commits a unit of work as one transaction that checks the fence first. It makes no decisions:
//! the caller says what to write.

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

/// One opened database. Cloning is cheap: all clones share the connections.
#[derive(Clone, Debug)]
pub struct Store {
    db: db::Db,
    /// The database file; `None` on PostgreSQL.
    file: Option<PathBuf>,
    bells: outbox::notify::NotifyHub,
    intake: outbox::queue::Intake,
    turns: db::slots::TenantSlots,
    /// The marks that this machine keeps outside the database.
    marks: account::marks::Marks,
}

/// The owner of a set of rows: the tenant, and the JID of its own device, which most tables repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    pub tenant: TenantId,
    /// Our companion device, including its device number.
    pub jid: Jid,
}

impl Store {
    /// Returns `sqlite` or `postgres`.
    pub fn backend(&self) -> &'static str {
        match self.db {
            db::Db::Sqlite { .. } => "sqlite",
            db::Db::Postgres(_) => "postgres",
        }
    }

    /// Returns how the server is reached; `None` on SQLite.
    pub fn route(&self) -> Option<&db::pooling::ConnectionProfile> {
        match &self.db {
            db::Db::Sqlite { .. } => None,
            db::Db::Postgres(server) => Some(&server.route),
        }
    }

    /// Reads the login again from the file that it came from. Only connections made afterwards use
    /// it.
    pub fn renew_login(&self) {
        if let db::Db::Postgres(server) = &self.db {
            server.renew_login();
        }
    }

    /// Returns the time since this process last wrote a heartbeat, which shows whether it can write
    /// at all. `None` before the process is registered.
    pub fn heartbeat_age(&self) -> Option<std::time::Duration> {
        let beaten = &self.db.tally().beaten;
        let beaten = *beaten
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        beaten.map(|at| at.elapsed())
    }

    /// Returns the number of statements, round trips and transactions run for accounts so far.
    pub fn work(&self) -> db::query_counts::QueryCounts {
        let tally = self.db.tally();
        let read = |counter: &std::sync::atomic::AtomicU64| {
            counter.load(std::sync::atomic::Ordering::Relaxed)
        };
        db::query_counts::QueryCounts {
            statements: read(&tally.statements),
            waits: read(&tally.waits),
            writes: read(&tally.writes),
            transactions: read(&tally.transactions),
        }
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.bells.put_down();
        self.db.close().await;
    }
}
