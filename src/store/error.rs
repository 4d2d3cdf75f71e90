//! Errors of the store, separated by what the caller can do about them.

use std::error::Error;

use crate::ids::{HostId, TenantId};

/// The reason why an operation of the store failed. The drivers' own errors only appear as sources.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no connection, or it broke: retry later.
    #[error("database is not available")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// Other transactions held a lock for too long: retry.
    #[error("database is busy")]
    Busy,
    /// The server confirms no commit, and the locks of those transactions stay held.
    #[error("commits wait for a synchronous standby")]
    NoCopy,
    /// The disk is full.
    #[error("database is full")]
    Full,
    /// The transaction may or may not have been committed: reload before anything else. The source
    /// is [`StoreError::NoCopy`] where that is why.
    #[error("outcome of the commit is unknown")]
    CommitUnknown(#[source] Box<dyn Error + Send + Sync>),
    /// Another unit of work was committed since the rows were read: reload.
    #[error("another unit of work was committed in between")]
    Stale,
    /// Another process may write now: stop at once.
    #[error("lease lost: held epoch {held}")]
    LeaseLost {
        /// The epoch that the caller held.
        held: i64,
    },
    /// Another live process holds the lease.
    #[error("lease is held elsewhere")]
    LeaseHeld {
        /// The holder, if the row names one.
        holder: Option<HostId>,
    },
    /// The epoch of a lease cannot rise any more.
    #[error("epoch of the lease of {tenant} cannot rise any more: somebody has set it by hand")]
    EpochSpent { tenant: TenantId },
    /// The schema is not the one that this binary needs.
    #[error("schema is at {found}, this binary needs {wanted}")]
    Schema {
        /// The newest applied migration; 0 if there is none.
        found: i64,
        /// The newest migration that this binary knows.
        wanted: i64,
    },
    /// The whatsmeow fork left records that are not converted to our form yet.
    #[error("records of {tenant} are still in whatsmeow's form")]
    ForeignRecords {
        /// The tenant's name as it is stored.
        tenant: String,
    },
    /// An applied migration differs from the one in this binary.
    #[error("migration {version} was applied with another text")]
    Checksum {
        /// The number of the migration.
        version: i64,
    },
    /// The tables belong to a client without multi-tenancy.
    #[error("the database holds the tables of another client, without tenants")]
    OtherLayout,
    /// The tables belong to another PostgreSQL role.
    #[error("table {table} belongs to the role {owner}")]
    ForeignOwner {
        /// One of these tables.
        table: String,
        /// The owner of the table.
        owner: String,
    },
    /// Row-level security denies the current role access to the tenant.
    #[error("role {role} may not reach {tenant}")]
    OutOfReach {
        /// The role, as the server names it.
        role: String,
        /// The tenant whose rows were needed, or a phrase for all tenants.
        tenant: String,
    },
    /// An existing device belongs to a tenant whose name is not valid for wmctl.
    #[error("business_id {name:?} is no name for a tenant: 1 to 64 of A-Z a-z 0-9 _ . -")]
    TenantName {
        /// The name as it stands in the table.
        name: String,
    },
    /// This database has no locks that end with a session.
    #[error("this database has no locks")]
    NoLocks,
    /// The server is a standby: it takes no writes and its data may be stale.
    #[error("the server is a standby")]
    Standby,
    /// The server takes no writes at the moment although it is not a standby, because of a full
    /// disk or a setting.
    #[error("the server takes no writes: default_transaction_read_only is on")]
    ReadOnly,
    /// The database's encoding cannot hold every character.
    #[error("the database is encoded in {found}, which cannot hold every character")]
    Encoding {
        /// The encoding, as the server names it.
        found: String,
    },
    /// A pooler in front of the server blocks something that wmctl needs.
    #[error("{0}")]
    Pooler(&'static str),
    /// A stored value does not have the form that its column requires.
    #[error("undecodable value in {table}, column {column}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The index of the column in the query, from 0.
        column: usize,
    },
    /// The file is not an SQLite database.
    #[error("the file is not an SQLite database")]
    NotDatabase,
    /// The structure of the file is broken.
    #[error("the database file is damaged")]
    Damaged(#[source] Box<dyn Error + Send + Sync>),
    /// The database rejects a value because of a constraint, an encoding or a length. Other values
    /// may be accepted.
    #[error("database refused a value")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// The database cannot run the statement whatever its values, because of a damaged file, a
    /// missing table or a missing privilege.
    #[error("database cannot carry out a statement")]
    Unable(#[source] Box<dyn Error + Send + Sync>),
    /// An idempotency key was used before for another text or recipient.
    #[error("the idempotency key belongs to another message, {id}")]
    KeyReused {
        /// The message that has the key.
        id: String,
    },
    /// The server refused the login, or has no such database.
    #[error("database refused the login")]
    Login {
        /// Whether the server has an entry for such a connection and rejected the credentials or
        /// the database.
        listed: bool,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The connection cannot be encrypted as required, or the server could not prove its identity.
    #[error("no trusted connection to the database")]
    Untrusted(#[source] Box<dyn Error + Send + Sync>),
    /// A file with certificates or keys cannot be used.
    #[error("{parameter} of the database URL, {}", .path.display())]
    TlsFile {
        parameter: &'static str,
        path: std::path::PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The database file or its folder cannot be used.
    #[error("database file")]
    File(#[source] std::io::Error),
}

impl StoreError {
    /// Returns whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Busy | Self::Full => true,
            Self::NoCopy | Self::Standby | Self::ReadOnly => true,
            // While a name moves or a password is changed, the wrong server may answer.
            Self::Login { .. } | Self::Untrusted(_) => true,
            _ => false,
        }
    }

    /// Returns why a value was rejected, without the value: a code and the name of the constraint.
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

    /// Converts an error that COMMIT itself returned.
    pub(super) fn of_commit(self) -> Self {
        match self {
            // An answer from the server is definite. A broken connection leaves the outcome
            // unknown.
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
    /// Too many processes tried to open the file at the same moment.
    pub(super) const PROTOCOL: i32 = 15;
    /// Another connection changed the schema in between.
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
        // The low byte is the primary result code.
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

/// The reason why the database rejects a value.
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

/// Returns the database's message without the location in its source code that the driver adds.
fn said(error: sqlx::Error) -> Box<dyn Error + Send + Sync> {
    match error {
        sqlx::Error::Database(database) => database.message().into(),
        other => Box::new(other),
    }
}
