//! How transactions begin on PostgreSQL.
//!
//! Each sets READ COMMITTED itself, so that it sees what others have committed meanwhile, because
//! the database's default may differ. Where a pooler shares sessions, each also sets its own idle
//! timeout and lock timeout.

use crate::store::db::primary::Primary;

/// How long (milliseconds) a transaction may be idle before the server ends it. Until then a
/// process that hangs in one blocks the takeover of its leases.
pub(in crate::store) const IDLE_IN_TRANSACTION_MS: &str = "2000";
/// How long (milliseconds) a statement may wait for a lock before the server ends it. This is
/// longer than a process that hangs in a transaction can hold one.
pub(in crate::store) const LOCKED_MS: &str = "10000";
/// A transaction with the timeouts of its session.
pub(in crate::store) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// How a transaction begins in a session of our own, and in one that a pooler shares.
#[derive(Clone, Copy)]
pub(in crate::store) struct Begin {
    own: &'static str,
    shared: &'static str,
}

/// A transaction that may write.
pub(in crate::store) const PLAINLY: Begin = Begin {
    own: BEGIN,
    shared: "BEGIN ISOLATION LEVEL READ COMMITTED;
        SET LOCAL idle_in_transaction_session_timeout = '2s'; SET LOCAL lock_timeout = '10s'",
};

/// A transaction on the rows of one tenant. It waits only briefly for locks, because it holds a
/// connection.
pub(in crate::store) const BRIEFLY: Begin = Begin {
    own: "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '2s'",
    shared: "BEGIN ISOLATION LEVEL READ COMMITTED;
        SET LOCAL idle_in_transaction_session_timeout = '2s'; SET LOCAL lock_timeout = '2s'",
};

/// A transaction that can also be done later.
pub(in crate::store) const AT_ONCE: Begin = Begin {
    own: "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '100ms'",
    shared: "BEGIN ISOLATION LEVEL READ COMMITTED;
        SET LOCAL idle_in_transaction_session_timeout = '2s'; SET LOCAL lock_timeout = '100ms'",
};

/// A transaction that only reads, from one snapshot.
pub(in crate::store) const SNAPSHOT: Begin = Begin {
    own: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    shared: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
        SET LOCAL idle_in_transaction_session_timeout = '2s'; SET LOCAL lock_timeout = '10s'",
};

impl Begin {
    /// Returns the SQL for this server.
    pub(in crate::store) fn on(self, server: &Primary) -> &'static str {
        match server.is_shared() {
            true => self.shared,
            false => self.own,
        }
    }
}
