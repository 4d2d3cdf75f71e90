//! Whether an account may dial and send now: as long as its process is known to be alive.

use tokio::sync::watch;

use crate::clock::Clock;

/// What a heartbeat entitles to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// It may connect.
    pub dial: bool,
    /// It may connect and send until then, by [`Clock::boot_ms`].
    pub until_ms: u64,
}

impl Permission {
    /// For whoever needs no heartbeat: its commits alone decide.
    pub const ALWAYS: Self = Self {
        dial: true,
        until_ms: u64::MAX,
    };

    /// Before anything is known.
    pub const NEVER: Self = Self {
        dial: false,
        until_ms: 0,
    };
}

/// The account's end of the permission; clones share it.
#[derive(Clone, Debug)]
pub struct Gate(watch::Receiver<Permission>);

impl Gate {
    /// Closed, until its keeper opens it.
    pub fn closed() -> (watch::Sender<Permission>, Self) {
        let (keeper, gate) = watch::channel(Permission::NEVER);
        (keeper, Self(gate))
    }

    /// Always open.
    pub fn open() -> Self {
        Self(watch::channel(Permission::ALWAYS).1)
    }

    /// Waits until sending is allowed. The clock is read here, so that whoever was stopped for a
    /// while does not send on what it was allowed before. Cancel-safe.
    pub async fn may_send(&mut self, clock: &dyn Clock) {
        self.may(clock, |_| true).await;
    }

    /// Waits until connecting is allowed. Cancel-safe.
    pub async fn may_dial(&mut self, clock: &dyn Clock) {
        self.may(clock, |permission| permission.dial).await;
    }

    async fn may(&mut self, clock: &dyn Clock, what: fn(&Permission) -> bool) {
        loop {
            let permission = *self.0.borrow_and_update();
            if what(&permission) && clock.boot_ms() < permission.until_ms {
                return;
            }
            if self.0.changed().await.is_err() {
                // Nobody is left who could allow it; whoever asked is being stopped.
                std::future::pending::<()>().await;
            }
        }
    }
}
