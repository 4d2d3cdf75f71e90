//! Counts the queries made for accounts. Heartbeats, leases and people's queries are not counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::ids::HostId;

/// The counts since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryCounts {
    pub statements: u64,
    /// Waits for an answer: on PostgreSQL a round trip each, on SQLite a transaction or a query.
    pub waits: u64,
    /// Statements that write a row, and the transactions that contain them.
    pub writes: u64,
    pub transactions: u64,
}

#[derive(Debug, Default)]
pub(in crate::store) struct QueryCounters {
    pub(in crate::store) statements: AtomicU64,
    pub(in crate::store) waits: AtomicU64,
    pub(in crate::store) writes: AtomicU64,
    pub(in crate::store) transactions: AtomicU64,
    /// When a heartbeat was last written.
    pub(in crate::store) beaten: Mutex<Option<Instant>>,
    /// How many heartbeats each host that was registered here has sent, answered or not.
    sent: Mutex<BTreeMap<HostId, i64>>,
}

impl QueryCounters {
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

    /// Records that a host is about to be registered.
    pub(in crate::store) fn makes_known(&self, host: HostId) {
        self.sent().insert(host, 0);
    }

    /// Records that a heartbeat is about to be sent.
    pub(in crate::store) fn beats(&self, host: HostId) {
        if let Some(sent) = self.sent().get_mut(&host) {
            *sent += 1;
        }
    }

    /// Records that a heartbeat was written, or that the process was registered.
    pub(in crate::store) fn beaten(&self) {
        let mut beaten = self.beaten.lock().unwrap_or_else(PoisonError::into_inner);
        *beaten = Some(Instant::now());
    }

    /// Returns the counter after a heartbeat, or `None` if it is higher than this process can have
    /// counted. Then a copy of the process runs, made with its virtual machine, and both believe
    /// that they hold the leases.
    pub(in crate::store) fn of_no_copy(&self, host: HostId, beats: i64) -> Option<i64> {
        let sent = self.sent().get(&host).copied();
        if sent.is_none_or(|sent| beats <= sent) {
            return Some(beats);
        }
        tracing::error!(
            host = %host,
            "another process sends heartbeats under this process's id: a copy of this machine is \
             running; both give their leases up and register again"
        );
        None
    }

    fn sent(&self) -> MutexGuard<'_, BTreeMap<HostId, i64>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A transaction that wrote so many rows.
    pub(in crate::store) fn written(&self, rows: usize) {
        self.writes.fetch_add(rows as u64, Ordering::Relaxed);
        self.transactions.fetch_add(1, Ordering::Relaxed);
    }
}
