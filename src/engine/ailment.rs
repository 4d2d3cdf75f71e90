//! Escalation for a session that is connected but stalled: each step does more than the one before.

use crate::metrics::Stalled;
use crate::session::link::watchdog::SignOfLife;

/// A stalled session, and the last step taken against it.
pub(super) struct Stall {
    pub(super) sign: SignOfLife,
    pub(super) step: RecoveryStep,
    /// Counts the session as stalled in the metrics until it is dropped.
    pub(super) _stalled: Stalled,
}

/// The steps taken against a stalled session, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecoveryStep {
    Reconnect,
    /// Drops the state in memory and starts from the rows.
    Reload,
    /// Gives up the lease, so that another host may run the account.
    HandOver,
}

impl RecoveryStep {
    /// Returns the step's word in logs and metrics.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Reconnect => "reconnect",
            Self::Reload => "reload",
            Self::HandOver => "hand_over",
        }
    }
}
