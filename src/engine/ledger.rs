//! The rows of one account, as its actor needs them.
//!
//! This trait separates the actor from the database. The production implementation uses the store
//! under a lease; tests inject faults.

use std::future::Future;

use crate::ids::MessageId;
use crate::session::account::Account;
use crate::session::changes::Change;
use crate::session::rows::{OutboxRow, Row, RowKey};

/// The reason why rows could not be read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountStoreError {
    /// Nothing was changed, and a retry may succeed.
    #[error("database is unavailable: {0}")]
    Unavailable(String),
    /// The commit may or may not have been applied. Retry it with [`Attempt::Again`].
    #[error("the outcome of a commit is unknown")]
    Unknown,
    /// Another unit was committed since the rows were read.
    #[error("the database changed behind the session")]
    Stale,
    /// The database rejects values of this unit, or a row that the unit depends on cannot be read.
    /// Nothing was changed. The same unit always fails; other units may succeed.
    #[error("{0}")]
    Refused(String),
    /// Another process may write now.
    #[error("lease of the account is lost")]
    LeaseLost,
    /// A retry cannot help: a stored value is unreadable, or the schema version differs.
    #[error("database is unusable: {0}")]
    Unusable(String),
}

/// Whether the same changes may have been committed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    First,
    /// Repeats the previous call, whose outcome is unknown. The changes are applied unless they
    /// already were.
    Again,
}

/// Outbox rows to send, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenSends {
    pub rows: Vec<OutboxRow>,
    /// Messages whose rows cannot be read.
    pub unreadable: Vec<MessageId>,
    /// The position from which the next call continues.
    pub cursor: i64,
    /// True if there may be more rows after the cursor.
    pub more: bool,
}

/// Reads and changes the rows of one account.
pub trait AccountStore: Send + Sync {
    /// Checks that the lease is still held. Fails with [`AccountStoreError::LeaseLost`] if it is
    /// not.
    fn check(&self) -> impl Future<Output = Result<(), AccountStoreError>> + Send;

    /// Returns the account; `None` if no device is paired.
    fn account(&self) -> impl Future<Output = Result<Option<Account>, AccountStoreError>> + Send;

    /// Returns the named rows, with `None` for each row that does not exist.
    fn read(
        &self,
        keys: &[RowKey],
    ) -> impl Future<Output = Result<Vec<(RowKey, Option<Row>)>, AccountStoreError>> + Send;

    /// Applies all changes or none, provided that the lease is still held. Returns the newest event
    /// number, or zero if no event was added.
    fn commit(
        &self,
        attempt: Attempt,
        changes: &[Change],
    ) -> impl Future<Output = Result<i64, AccountStoreError>> + Send;

    /// Returns outbox rows after `cursor` that are queued, or encrypted and not yet acknowledged.
    fn open_sends(
        &self,
        cursor: i64,
        limit: u32,
    ) -> impl Future<Output = Result<OpenSends, AccountStoreError>> + Send;

    /// The server was given a pre-key with this id, of which the rows know nothing: they are older
    /// than what was sent. What follows from it is done when the account is loaded next.
    fn older(&self, pre_key: u32);

    /// Waits until another task or process may have written to the outbox. Cancel-safe.
    fn outbox_changed(&self) -> impl Future<Output = ()> + Send;
}
