//! The rows of every tenant, the lease that says who may write them, and all SQL.
//!
//! It maps the session's values onto tables, on SQLite and PostgreSQL alike, and commits a unit of
//! work as one transaction behind the fence. It decides nothing: what to write comes from above.

use std::path::PathBuf;

mod account;
mod batch;
pub mod bell;
mod blockers;
pub mod commit;
mod db;
pub mod error;
pub mod event;
pub mod fleet;
mod guarded;
mod idle;
pub mod inspect;
pub mod intake;
pub mod key;
pub mod lease;
mod lengths;
pub mod liveness;
pub mod log;
mod marks;
pub mod migrate;
mod open;
pub mod outbox;
mod overdue;
mod postgres;
pub mod probe;
mod put;
pub mod read;
mod records;
pub mod retention;
pub mod route;
pub mod scratch;
mod server;
pub mod session_name;
pub mod tally;
pub mod tenant;
mod text;
mod tls;
pub mod transfer;
mod turn;
mod unit;
pub mod watch;
pub mod webhook;

use crate::ids::{Jid, TenantId};

/// One opened database. Cheap to clone: the connections are shared.
#[derive(Clone, Debug)]
pub struct Store {
    db: db::Db,
    /// The file, where the database is one.
    file: Option<PathBuf>,
    bells: bell::Bells,
    intake: intake::Intake,
    turns: turn::Turns,
    /// What this machine keeps outside the database.
    marks: marks::Marks,
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
    pub fn route(&self) -> Option<&route::Route> {
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

    /// Ends every connection.
    pub async fn close(&self) {
        self.bells.put_down();
        self.db.close().await;
    }
}
