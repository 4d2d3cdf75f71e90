//! How transactions start on a server.

/// A transaction that a stopped process left open is ended by the server after this long
/// (milliseconds): until then nobody can take its leases.
pub(in crate::store) const IDLE_IN_TRANSACTION_MS: &str = "2000";
/// How a transaction starts on a server. It says itself that it sees what others have committed
/// meanwhile, as a database may say otherwise.
///
/// One on rows of one tenant does not wait for them without end: it holds a connection. In a
/// session that belongs to somebody else afterwards, each says how long it may be idle.
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
