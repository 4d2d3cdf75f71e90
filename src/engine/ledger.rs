//! The rows of one account, as its actor needs them.
//!
//! A seam: the live one is the store under a lease; tests put faults between.

use std::future::Future;

use crate::ids::MessageId;
use crate::session::account::Account;
use crate::session::changes::Change;
use crate::session::rows::{OutboxRow, Row, RowKey};

/// Why the rows could not be read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Nothing was changed, and trying again may help.
    #[error("database is unavailable: {0}")]
    Unavailable(String),
    /// The commit may or may not have happened.
    #[error("the outcome of a commit is unknown")]
    Unknown,
    /// What was read before is not what stands there: another unit was committed in between.
    #[error("the database changed behind the session")]
    Stale,
    /// Values of this unit are not taken, or a row that it rests on cannot be read: nothing was
    /// changed, and trying the same again cannot help. Other units may be welcome.
    #[error("{0}")]
    Refused(String),
    /// Somebody else may write now.
    #[error("lease of the account is lost")]
    LeaseLost,
    /// Trying again cannot help: a stored value is unreadable, or the schema is another.
    #[error("database is unusable: {0}")]
    Unusable(String),
}

/// How often these changes were committed already, as far as one knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    First,
    /// The changes of the call before, whose outcome is unknown: applied unless they were then.
    Again,
}

/// The outbox rows that are to be sent, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenSends {
    pub rows: Vec<OutboxRow>,
    /// Messages whose rows cannot be read.
    pub unreadable: Vec<MessageId>,
    /// Where the next call goes on.
    pub cursor: i64,
    /// There may be more after the cursor.
    pub more: bool,
}

/// Reads and changes the rows of one account.
pub trait Ledger: Send + Sync {
    /// Whether the lease still stands. [`LedgerError::LeaseLost`] if not.
    fn check(&self) -> impl Future<Output = Result<(), LedgerError>> + Send;

    /// The account; `None` if nothing is paired.
    fn account(&self) -> impl Future<Output = Result<Option<Account>, LedgerError>> + Send;

    /// The named rows. An absent one is answered with `None`.
    fn read(
        &self,
        keys: &[RowKey],
    ) -> impl Future<Output = Result<Vec<(RowKey, Option<Row>)>, LedgerError>> + Send;

    /// Applies all changes or none, if the lease still stands. Returns the newest event number,
    /// or zero if no event was added.
    fn commit(
        &self,
        attempt: Attempt,
        changes: &[Change],
    ) -> impl Future<Output = Result<i64, LedgerError>> + Send;

    /// Outbox rows after `cursor` that are queued, or encrypted and not acknowledged.
    fn open_sends(
        &self,
        cursor: i64,
        limit: u32,
    ) -> impl Future<Output = Result<OpenSends, LedgerError>> + Send;

    /// Waits until somebody else may have written to the outbox. Cancel-safe.
    fn outbox_changed(&self) -> impl Future<Output = ()> + Send;
}
