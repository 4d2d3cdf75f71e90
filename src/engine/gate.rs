//! The permission to connect and send, valid while the process is known to be alive.

use tokio::sync::watch;

use crate::clock::Clock;

/// The permission that a heartbeat grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendPermission {
    /// Whether the account may connect.
    pub dial: bool,
    /// End of the permission to connect and send, in ms by [`Clock::boot_ms`].
    pub until_ms: u64,
}

impl SendPermission {
    /// Granted to a process that needs no heartbeat: the fence of each commit protects it.
    pub const ALWAYS: Self = Self {
        dial: true,
        until_ms: u64::MAX,
    };

    /// The permission before the first heartbeat is answered.
    pub const NEVER: Self = Self {
        dial: false,
        until_ms: 0,
    };
}

/// The account's receiver of the permission; clones share it.
#[derive(Clone, Debug)]
pub struct SendGate(watch::Receiver<SendPermission>);

impl SendGate {
    /// Returns a closed gate, and the sender that opens it.
    pub fn closed() -> (watch::Sender<SendPermission>, Self) {
        let (keeper, gate) = watch::channel(SendPermission::NEVER);
        (keeper, Self(gate))
    }

    /// Returns a gate that is always open.
    pub fn open() -> Self {
        Self(watch::channel(SendPermission::ALWAYS).1)
    }

    /// Waits until sending is allowed. It reads the clock itself, so that a process that was paused
    /// does not send under an expired permission. Cancel-safe.
    pub async fn may_send(&mut self, clock: &dyn Clock) {
        self.may(clock, |_| true).await;
    }

    /// Waits until connecting is allowed. Cancel-safe.
    pub async fn may_dial(&mut self, clock: &dyn Clock) {
        self.may(clock, |permission| permission.dial).await;
    }

    async fn may(&mut self, clock: &dyn Clock, what: fn(&SendPermission) -> bool) {
        loop {
            let permission = *self.0.borrow_and_update();
            if what(&permission) && clock.boot_ms() < permission.until_ms {
                return;
            }
            if self.0.changed().await.is_err() {
                // The sender was dropped, so permission never comes. The caller is being stopped.
                std::future::pending::<()>().await;
            }
        }
    }
}
