//! Counts what accounts ask of the database. Heartbeats, leases and what people ask are left out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// What was asked since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    pub statements: u64,
    /// Waits for an answer: on a server a round trip each, in a file a transaction or a look.
    pub waits: u64,
    /// Statements that write a row, and the transactions that they are in.
    pub writes: u64,
    pub transactions: u64,
}

#[derive(Debug, Default)]
pub(in crate::store) struct Tally {
    pub(in crate::store) statements: AtomicU64,
    pub(in crate::store) waits: AtomicU64,
    pub(in crate::store) writes: AtomicU64,
    pub(in crate::store) transactions: AtomicU64,
    /// When a heartbeat was written last.
    pub(in crate::store) beaten: Mutex<Option<Instant>>,
}

impl Tally {
    /// Statements that are waited for together.
    pub(in crate::store) fn wait(&self, statements: usize) {
        self.statements
            .fetch_add(statements as u64, Ordering::Relaxed);
        self.waits.fetch_add(1, Ordering::Relaxed);
    }

    /// A unit of work: the fence and the account's row, then its changes.
    pub(in crate::store) fn unit(&self, changes: usize) {
        self.wait(2);
        self.wait(changes);
        self.written(1 + changes);
    }

    /// A heartbeat was written, or the process made known.
    pub(in crate::store) fn beaten(&self) {
        let mut beaten = self.beaten.lock().unwrap_or_else(PoisonError::into_inner);
        *beaten = Some(Instant::now());
    }

    /// A transaction that wrote so many rows.
    pub(in crate::store) fn written(&self, rows: usize) {
        self.writes.fetch_add(rows as u64, Ordering::Relaxed);
        self.transactions.fetch_add(1, Ordering::Relaxed);
    }
}
