//! The state of a held lease, from the claim to its end: heartbeats and the permission that they
//! grant.

use crate::lead::{Config, State};

/// A held lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeldLease {
    pub(super) epoch: i64,
    /// End of the permission to send. It counts from when the last answered heartbeat was sent,
    /// because the answer may have taken long.
    pub(super) until_ms: u64,
    /// True while sending is suspended.
    pub(super) held: bool,
    /// The state to restore after [`State::Suspect`].
    pub(super) before: State,
    pub(super) loaded: bool,
    pub(super) dialled: bool,
    /// When to request a lost lock: as soon as the database is back. Standbys leave the lease
    /// holder half the timeout to do so.
    pub(super) lock_at: u64,
    pub(super) beat_at: u64,
    /// When the heartbeat in progress was sent.
    pub(super) beating: Option<u64>,
    /// A check of the lease row is in progress.
    pub(super) checking: bool,
}

impl HeldLease {
    /// Creates the state of a lease claimed at `claimed_ms`. The claim counts as a heartbeat,
    /// because others observe this holder only after it.
    pub(super) fn new(config: &Config, epoch: i64, claimed_ms: u64, now_ms: u64) -> Self {
        Self {
            epoch,
            until_ms: claimed_ms + config.validity_ms(),
            held: false,
            before: State::Loading,
            loaded: false,
            dialled: false,
            lock_at: now_ms,
            beat_at: now_ms,
            beating: None,
            checking: false,
        }
    }

    /// Returns true if the last answered heartbeat still permits sending.
    pub(super) fn is_valid(&self, now_ms: u64) -> bool {
        now_ms < self.until_ms
    }

    /// Records the answer to a heartbeat.
    pub(super) fn acked(&mut self, config: &Config) {
        if let Some(sent_ms) = self.beating.take() {
            self.until_ms = self.until_ms.max(sent_ms + config.validity_ms());
        }
    }
}
