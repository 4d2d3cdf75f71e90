//! Two ways to request the stop of a process: soft and hard.
//!
//! Soft: take no new work, finish what is committed, close links. Hard: drop everything. That is
//! safe at any moment, because nothing is transmitted before what it depends on is committed.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Both stop requests; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    soft: CancellationToken,
    hard: CancellationToken,
    /// Set if the soft request was a termination (SIGTERM), not an interruption.
    terminated: CancellationToken,
}

impl Stop {
    /// Creates a value without any request.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests a graceful stop.
    pub fn ask(&self) {
        self.soft.cancel();
    }

    /// Requests a graceful stop because the process received SIGTERM.
    pub fn terminate(&self) {
        if !self.is_asked() {
            self.terminated.cancel();
        }
        self.ask();
    }

    /// Returns true if the first request was SIGTERM.
    pub fn is_terminated(&self) -> bool {
        self.terminated.is_cancelled()
    }

    /// Requests an immediate stop; includes the soft request.
    pub fn force(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }

    /// Returns true if a soft or hard stop was requested.
    pub fn is_asked(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Returns true if an immediate stop was requested.
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

    /// Waits for `duration`. Returns false if a stop was requested meanwhile. Cancel-safe.
    pub async fn sleep(&self, duration: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.asked() => false,
            () = tokio::time::sleep(duration) => true,
        }
    }
}
