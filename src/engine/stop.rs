//! Two ways to ask for an end: softly and hard.
//!
//! Soft: take no new work, finish what is committed, close links. Hard: drop everything, which is
//! safe at any moment, since nothing leaves before what it depends on is committed.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Both requests; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    soft: CancellationToken,
    hard: CancellationToken,
    /// The soft request was a termination, not an interruption.
    terminated: CancellationToken,
}

impl Stop {
    /// Nothing is asked for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for an orderly end.
    pub fn ask(&self) {
        self.soft.cancel();
    }

    /// Asks for an orderly end because the process was told to terminate (SIGTERM).
    pub fn terminate(&self) {
        if !self.is_asked() {
            self.terminated.cancel();
        }
        self.ask();
    }

    /// Whether the first request was to terminate.
    pub fn is_terminated(&self) -> bool {
        self.terminated.is_cancelled()
    }

    /// Asks for an end at once, which includes the soft request.
    pub fn force(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }

    /// Whether an end was asked for at all.
    pub fn is_asked(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Whether the end is to be at once.
    pub fn is_forced(&self) -> bool {
        self.hard.is_cancelled()
    }

    /// Waits for the soft request. Cancel-safe.
    pub async fn asked(&self) {
        self.soft.cancelled().await;
    }

    /// Waits for the hard request. Cancel-safe.
    pub async fn forced(&self) {
        self.hard.cancelled().await;
    }

    /// Waits for `duration`; false when an end was asked for meanwhile. Cancel-safe.
    pub async fn sleep(&self, duration: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.asked() => false,
            () = tokio::time::sleep(duration) => true,
        }
    }
}
