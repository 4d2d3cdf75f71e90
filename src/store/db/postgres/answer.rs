//! What a server says when it refuses something.
//!
//! Its details are left out on purpose: they repeat rows, with keys and texts of people.

use tokio_postgres::error::DbError;

use crate::store::error::{StoreError, Verdict};

/// What one statement answered.
#[derive(Default)]
pub(in crate::store) struct Answered {
    pub(in crate::store) rows: Vec<tokio_postgres::Row>,
    /// Rows that it wrote.
    pub(in crate::store) changed: u64,
}

/// An error that the server answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(in crate::store) struct Answer {
    /// Five letters.
    pub(in crate::store) code: String,
    pub(in crate::store) message: String,
    /// A plan that was kept does not fit the tables any more.
    stale_plan: bool,
    constraint: Option<String>,
}

impl From<&DbError> for Answer {
    fn from(error: &DbError) -> Self {
        Self {
            code: error.code().code().to_owned(),
            message: error.message().to_owned(),
            constraint: error.constraint().map(str::to_owned),
            stale_plan: error.routine() == Some("RevalidateCachedQuery"),
        }
    }
}

impl From<Answer> for StoreError {
    fn from(answer: Answer) -> Self {
        let (code, stale) = (answer.code.clone(), answer.stale_plan);
        let source = Box::new(answer);
        match code.get(..2).unwrap_or_default() {
            // Said of a transaction that may have been completed.
            "40" if code == "40003" => Self::Unavailable(source),
            // Serialization failures, deadlocks, lock time-outs.
            "40" | "55" => Self::Busy,
            "53" if code == "53100" => Self::Full,
            // Logins, databases. 28000 is said of connections and of roles that are not listed.
            "28" | "3D" => Self::Login {
                listed: code != "28000",
                source,
            },
            // A definite no, and no fault of the connection.
            "25" if code == "25006" => Self::ReadOnly,
            // Connection, resources, operator intervention (shutdown), system errors; statements
            // that somebody else has forgotten.
            "08" | "53" | "57" | "58" | "25" | "26" => Self::Unavailable(source),
            _ if stale => Self::Unavailable(source),
            // Values that their columns or the encoding do not take, constraints, limits of size.
            "22" | "23" | "54" => Self::Refused(Box::new(Verdict {
                message: source.message,
                code,
                constraint: source.constraint,
            })),
            _ => Self::Unable(source),
        }
    }
}

/// What became of a question that got no rows.
pub(super) fn fault(error: tokio_postgres::Error) -> StoreError {
    match error.as_db_error() {
        Some(answer) => Answer::from(answer).into(),
        None => StoreError::Unavailable(Box::new(error)),
    }
}

impl StoreError {
    /// The server's own words, where it answered.
    pub(in crate::store) fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Unavailable(source)
            | Self::CommitUnknown(source)
            | Self::Unable(source)
            | Self::Login { source, .. } => source.downcast_ref(),
            _ => None,
        }
    }

    /// No connection came, or none was free, in the time that there was.
    pub(in crate::store) fn late() -> Self {
        Self::Unavailable("no connection to the database in time".into())
    }
}
