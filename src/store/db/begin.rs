//! How transactions begin on PostgreSQL.

/// How long (milliseconds) a transaction may be idle before the server ends it. Until then a
/// process that hangs in one blocks the takeover of its leases.
pub(in crate::store) const IDLE_IN_TRANSACTION_MS: &str = "2000";
/// How a transaction begins. It sets READ COMMITTED itself, because the database's default may
/// differ. So each statement sees everything committed before it starts.
///
/// A transaction on the rows of one tenant must not wait forever for locks, because it holds a
/// connection. Where a pooler shares sessions, each transaction sets its own idle timeout.
pub(in crate::store) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
pub(super) const BEGIN_SHARED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;
    SET LOCAL idle_in_transaction_session_timeout = '2s'";
pub(in crate::store) const BEGIN_BRIEFLY: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;
    SET LOCAL lock_timeout = '2s'";
pub(in crate::store) const BEGIN_BRIEFLY_SHARED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;
    SET LOCAL idle_in_transaction_session_timeout = '2s'; SET LOCAL lock_timeout = '2s'";
pub(super) const BEGIN_AT_ONCE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;
    SET LOCAL lock_timeout = '100ms'";
pub(super) const BEGIN_AT_ONCE_SHARED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;
    SET LOCAL idle_in_transaction_session_timeout = '2s'; SET LOCAL lock_timeout = '100ms'";
pub(super) const BEGIN_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
