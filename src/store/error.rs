//! What can go wrong with the rows, told apart by what to do about it.

use std::error::Error;

use crate::ids::{HostId, TenantId};

/// Why the store did not do what it was asked. The drivers' own errors are only sources.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection, or it broke: try again later.
    #[error("database is not available")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// Others hold the database for too long: try again.
    #[error("database is busy")]
    Busy,
    /// No room is left.
    #[error("database is full")]
    Full,
    /// The transaction may or may not have been committed: reload before anything else.
    #[error("outcome of the commit is unknown")]
    CommitUnknown(#[source] Box<dyn Error + Send + Sync>),
    /// Another unit of work was committed since the rows were read: reload.
    #[error("another unit of work was committed in between")]
    Stale,
    /// Somebody else may write now: stop at once.
    #[error("lease lost: held epoch {held}")]
    LeaseLost {
        /// The epoch that the caller held.
        held: i64,
    },
    /// The lease belongs to another process that lives.
    #[error("lease is held elsewhere")]
    LeaseHeld {
        /// Its holder, where the row names one.
        holder: Option<HostId>,
    },
    /// The epoch of a lease cannot rise any more.
    #[error("epoch of the lease of {tenant} cannot rise any more: somebody has set it by hand")]
    EpochSpent { tenant: TenantId },
    /// The tables are not those that this binary needs.
    #[error("schema is at {found}, this binary needs {wanted}")]
    Schema {
        /// The newest migration that was applied; 0 for none.
        found: i64,
        /// The newest that this binary knows.
        wanted: i64,
    },
    /// The fork of whatsmeow left records that are not in our form yet.
    #[error("records of {tenant} are still in whatsmeow's form")]
    ForeignRecords {
        /// As it is stored.
        tenant: String,
    },
    /// An applied migration differs from the one in this binary.
    #[error("migration {version} was applied with another text")]
    Checksum {
        /// Its number.
        version: i64,
    },
    /// The tables belong to a client that has no tenants.
    #[error("the database holds the tables of another client, without tenants")]
    OtherLayout,
    /// The tables belong to another role of the database.
    #[error("table {table} belongs to the role {owner}")]
    ForeignOwner {
        /// One of them.
        table: String,
        /// Its owner.
        owner: String,
    },
    /// Row-level security keeps the role that logged in away from the tenant.
    #[error("role {role} may not reach {tenant}")]
    OutOfReach {
        /// As the server names it.
        role: String,
        /// Whose rows were wanted: a tenant, or every one.
        tenant: String,
    },
    /// A device that was there before us belongs to a tenant whose name we do not take.
    #[error("business_id {name:?} is no name for a tenant: 1 to 64 of A-Z a-z 0-9 _ . -")]
    TenantName {
        /// As it stands in the table.
        name: String,
    },
    /// This database has no locks that end with a session.
    #[error("this database has no locks")]
    NoLocks,
    /// The server follows another one and takes no writes: what it says is not to be trusted.
    #[error("the server is a standby")]
    Standby,
    /// The server takes no writes for now, although it follows nobody: a full disk, or a setting.
    #[error("the server takes no writes: default_transaction_read_only is on")]
    ReadOnly,
    /// The database cannot hold every character.
    #[error("the database is encoded in {found}, which cannot hold every character")]
    Encoding {
        /// As the server names it.
        found: String,
    },
    /// What lies between us and the server does not let through what is needed.
    #[error("{0}")]
    Pooler(&'static str),
    /// A stored value is not what its column promises.
    #[error("undecodable value in {table}, column {column}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The place in the query, from 0.
        column: usize,
    },
    /// The file holds something else than a database.
    #[error("the file is not an SQLite database")]
    NotDatabase,
    /// The structure of the file is broken.
    #[error("the database file is damaged")]
    Damaged(#[source] Box<dyn Error + Send + Sync>),
    /// A value that the database does not take: a constraint, an encoding, a length. Other values
    /// may be welcome.
    #[error("database refused a value")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// It cannot carry the statement out, whatever the values: a damaged file, a missing table or
    /// right.
    #[error("database cannot carry out a statement")]
    Unable(#[source] Box<dyn Error + Send + Sync>),
    /// An idempotency key was used before, for another text or recipient.
    #[error("the idempotency key belongs to another message, {id}")]
    KeyReused {
        /// The message that has the key.
        id: String,
    },
    /// The server refused the login, or has no such database.
    #[error("database refused the login")]
    Login {
        /// It knows such connections, and did not like the credentials or the database.
        listed: bool,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The connection cannot be encrypted as it has to be, or the server is not who it should be.
    #[error("no trusted connection to the database")]
    Untrusted(#[source] Box<dyn Error + Send + Sync>),
    /// A file of certificates or keys cannot be used.
    #[error("{parameter} of the database URL, {}", .path.display())]
    TlsFile {
        parameter: &'static str,
        path: std::path::PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The file or its folder cannot be used.
    #[error("database file")]
    File(#[source] std::io::Error),
}

impl StoreError {
    /// Whether the same call may work later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Busy | Self::Full | Self::Standby | Self::ReadOnly => true,
            // While a name moves, or a password is changed, the wrong server may answer.
            Self::Login { .. } | Self::Untrusted(_) => true,
            _ => false,
        }
    }

    /// Why a value was not taken, without the value: a code, and the constraint's name.
    pub fn reason(&self) -> String {
        let verdict = match self {
            Self::Refused(source) => source.downcast_ref::<Verdict>(),
            _ => None,
        };
        let Some(Verdict {
            code, constraint, ..
        }) = verdict
        else {
            return self.to_string();
        };
        match constraint {
            Some(constraint) => format!("{self} ({code}, {constraint})"),
            None => format!("{self} ({code})"),
        }
    }

    /// The class of an error that COMMIT itself answered.
    pub(super) fn of_commit(self) -> Self {
        match self {
            // The server's own answer is definite; only a broken connection leaves it open.
            Self::Unavailable(source) => Self::CommitUnknown(source),
            definite => definite,
        }
    }
}

/// SQLite's primary result codes.
mod sqlite_code {
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const NO_MEMORY: i32 = 7;
    pub(super) const READ_ONLY: i32 = 8;
    pub(super) const INTERRUPTED: i32 = 9;
    pub(super) const IO: i32 = 10;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANT_OPEN: i32 = 14;
    /// Too many tried to open the file at the same moment.
    pub(super) const PROTOCOL: i32 = 15;
    /// Somebody changed the schema meanwhile.
    pub(super) const SCHEMA: i32 = 17;
    pub(super) const TOO_BIG: i32 = 18;
    pub(super) const CONSTRAINT: i32 = 19;
    pub(super) const MISMATCH: i32 = 20;
    pub(super) const NOT_A_DATABASE: i32 = 26;
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return Self::Unavailable(Box::new(error));
        };
        // The low byte is the class.
        let code = database.code().and_then(|code| code.parse::<i32>().ok());
        match code.unwrap_or_default() & 0xFF {
            sqlite_code::BUSY | sqlite_code::LOCKED | sqlite_code::PROTOCOL => Self::Busy,
            sqlite_code::FULL => Self::Full,
            sqlite_code::READ_ONLY
            | sqlite_code::IO
            | sqlite_code::CANT_OPEN
            | sqlite_code::NO_MEMORY
            | sqlite_code::INTERRUPTED
            | sqlite_code::SCHEMA => Self::Unavailable(said(error)),
            sqlite_code::TOO_BIG | sqlite_code::CONSTRAINT | sqlite_code::MISMATCH => {
                Self::Refused(judged(error))
            }
            sqlite_code::CORRUPT => Self::Damaged(said(error)),
            sqlite_code::NOT_A_DATABASE => Self::NotDatabase,
            _ => Self::Unable(said(error)),
        }
    }
}

/// Why the database does not take a value.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Verdict {
    pub(super) message: String,
    pub(super) code: String,
    pub(super) constraint: Option<String>,
}

fn judged(error: sqlx::Error) -> Box<dyn Error + Send + Sync> {
    let sqlx::Error::Database(database) = error else {
        return said(error);
    };
    Box::new(Verdict {
        message: database.message().to_owned(),
        code: database.code().unwrap_or_default().into_owned(),
        constraint: database.constraint().map(str::to_owned),
    })
}

/// What the database said, without the place in its own source code that the driver adds.
fn said(error: sqlx::Error) -> Box<dyn Error + Send + Sync> {
    match error {
        sqlx::Error::Database(database) => database.message().into(),
        other => Box::new(other),
    }
}
