//! Counts the queries made for accounts. Heartbeats, leases and people's queries are not counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// The counts since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    pub statements: u64,
    /// Waits for an answer: on PostgreSQL a round trip each, on SQLite a transaction or a query.
    pub waits: u64,
    /// Statements that write a row, and the transactions that contain them.
    pub writes: u64,
    pub transactions: u64,
}

#[derive(Debug, Default)]
pub(in crate::store) struct Tally {
    pub(in crate::store) statements: AtomicU64,
    pub(in crate::store) waits: AtomicU64,
    pub(in crate::store) writes: AtomicU64,
    pub(in crate::store) transactions: AtomicU64,
    /// When a heartbeat was last written.
    pub(in crate::store) beaten: Mutex<Option<Instant>>,
}

impl Tally {
    /// Counts statements that are waited for together.
    pub(in crate::store) fn wait(&self, statements: usize) {
        self.statements
            .fetch_add(statements as u64, Ordering::Relaxed);
        self.waits.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a unit of work: the fence with the account's row, then its changes.
    pub(in crate::store) fn unit(&self, changes: usize) {
        self.wait(2);
        self.wait(changes);
        self.written(1 + changes);
    }

    /// Records that a heartbeat was written, or that the process was registered.
    pub(in crate::store) fn beaten(&self) {
        let mut beaten = self.beaten.lock().unwrap_or_else(PoisonError::into_inner);
        *beaten = Some(Instant::now());
    }

    /// Counts a transaction that wrote `rows` rows.
    pub(in crate::store) fn written(&self, rows: usize) {
        self.writes.fetch_add(rows as u64, Ordering::Relaxed);
        self.transactions.fetch_add(1, Ordering::Relaxed);
    }
}
