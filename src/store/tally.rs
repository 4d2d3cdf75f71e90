//! Counts what accounts ask of the database. Heartbeats, leases and what people ask are left out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::store::Store;

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
pub(super) struct Tally {
    statements: AtomicU64,
    waits: AtomicU64,
    writes: AtomicU64,
    transactions: AtomicU64,
    /// When a heartbeat was written last.
    beaten: Mutex<Option<Instant>>,
}

impl Tally {
    /// Statements that are waited for together.
    pub(super) fn wait(&self, statements: usize) {
        self.statements
            .fetch_add(statements as u64, Ordering::Relaxed);
        self.waits.fetch_add(1, Ordering::Relaxed);
    }

    /// A unit of work: the fence and the account's row, then its changes.
    pub(super) fn unit(&self, changes: usize) {
        self.wait(2);
        self.wait(changes);
        self.written(1 + changes);
    }

    /// A heartbeat was written, or the process made known.
    pub(super) fn beaten(&self) {
        let mut beaten = self.beaten.lock().unwrap_or_else(PoisonError::into_inner);
        *beaten = Some(Instant::now());
    }

    /// A transaction that wrote so many rows.
    pub(super) fn written(&self, rows: usize) {
        self.writes.fetch_add(rows as u64, Ordering::Relaxed);
        self.transactions.fetch_add(1, Ordering::Relaxed);
    }
}

impl Store {
    /// How long ago this process wrote a heartbeat last: whether it can write at all. `None` before
    /// it was made known.
    pub fn heartbeat_age(&self) -> Option<Duration> {
        let beaten = &self.db.tally().beaten;
        let beaten = *beaten.lock().unwrap_or_else(PoisonError::into_inner);
        beaten.map(|at| at.elapsed())
    }

    /// What this process asked on behalf of accounts so far.
    pub fn work(&self) -> Work {
        let tally = self.db.tally();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Work {
            statements: read(&tally.statements),
            waits: read(&tally.waits),
            writes: read(&tally.writes),
            transactions: read(&tally.transactions),
        }
    }
}
