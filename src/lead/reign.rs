//! The time between a claim and its end: heartbeats, and what they entitle to.

use crate::lead::{Config, State};

/// A lease that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reign {
    pub(super) epoch: i64,
    /// Until when the last heartbeat entitles to send: counted from when it was sent, since the
    /// answer may have been long under way.
    pub(super) until_ms: u64,
    /// Sending is suspended.
    pub(super) held: bool,
    /// The state to return to from [`State::Suspect`].
    pub(super) before: State,
    pub(super) loaded: bool,
    pub(super) dialled: bool,
    /// When to ask for a lock that was lost: as soon as the database is back, since standbys leave
    /// the holder of the lease half the timeout.
    pub(super) lock_at: u64,
    pub(super) beat_at: u64,
    /// When the heartbeat that is under way was sent.
    pub(super) beating: Option<u64>,
    /// The token is being checked.
    pub(super) checking: bool,
}

impl Reign {
    /// A lease that was asked for at `claimed_ms`: the claim is a sign of life, as others begin to
    /// watch its holder after it.
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

    pub(super) fn is_valid(&self, now_ms: u64) -> bool {
        now_ms < self.until_ms
    }

    /// Takes note of an answered heartbeat.
    pub(super) fn acked(&mut self, config: &Config) {
        if let Some(sent_ms) = self.beating.take() {
            self.until_ms = self.until_ms.max(sent_ms + config.validity_ms());
        }
    }
}
