//! Errors that a PostgreSQL server returns.
//!
//! The DETAIL field is dropped on purpose: it repeats rows, with keys and people's messages.

use tokio_postgres::error::DbError;

use crate::store::error::{StoreError, Verdict};

/// The answer to one statement.
#[derive(Default)]
pub(in crate::store) struct StatementResult {
    pub(in crate::store) rows: Vec<tokio_postgres::Row>,
    /// How many rows the statement wrote.
    pub(in crate::store) changed: u64,
}

/// An error that the server returned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(in crate::store) struct ServerError {
    /// The SQLSTATE, five characters.
    pub(in crate::store) code: String,
    pub(in crate::store) message: String,
    /// Whether a cached plan no longer fits the tables.
    stale_plan: bool,
    constraint: Option<String>,
}

impl From<&DbError> for ServerError {
    fn from(error: &DbError) -> Self {
        Self {
            code: error.code().code().to_owned(),
            message: error.message().to_owned(),
            constraint: error.constraint().map(str::to_owned),
            stale_plan: error.routine() == Some("RevalidateCachedQuery"),
        }
    }
}

impl From<ServerError> for StoreError {
    fn from(answer: ServerError) -> Self {
        let (code, stale) = (answer.code.clone(), answer.stale_plan);
        let source = Box::new(answer);
        match code.get(..2).unwrap_or_default() {
            // 40003 (statement completion unknown): the transaction may have been committed.
            "40" if code == "40003" => Self::Unavailable(source),
            // Serialization failures, deadlocks and lock timeouts.
            "40" | "55" => Self::Busy,
            "53" if code == "53100" => Self::Full,
            // Login and database errors. 28000 covers connections and roles without an entry in
            // `pg_hba.conf`.
            "28" | "3D" => Self::Login {
                listed: code != "28000",
                source,
            },
            // A definite refusal, not a connection error.
            "25" if code == "25006" => Self::ReadOnly,
            // Connection errors, missing resources, operator intervention (shutdown), system
            // errors, and prepared statements that a pooler has dropped.
            "08" | "53" | "57" | "58" | "25" | "26" => Self::Unavailable(source),
            _ if stale => Self::Unavailable(source),
            // Values that the column or the encoding rejects, constraints, and size limits.
            "22" | "23" | "54" => Self::Refused(Box::new(Verdict {
                message: source.message,
                code,
                constraint: source.constraint,
            })),
            _ => Self::Unable(source),
        }
    }
}

/// Converts the error of a query that got no rows.
pub(super) fn fault(error: tokio_postgres::Error) -> StoreError {
    match error.as_db_error() {
        Some(answer) => ServerError::from(answer).into(),
        None => StoreError::Unavailable(Box::new(error)),
    }
}

impl StoreError {
    /// Returns the server's own error, if it answered.
    pub(in crate::store) fn answer(&self) -> Option<&ServerError> {
        match self {
            Self::Unavailable(source)
            | Self::CommitUnknown(source)
            | Self::Unable(source)
            | Self::Login { source, .. } => source.downcast_ref(),
            _ => None,
        }
    }

    /// Returns the error for a connection that did not come, or was not free, in time.
    pub(in crate::store) fn late() -> Self {
        Self::Unavailable("no connection to the database in time".into())
    }
}
