//! A session that is connected and dead: what is done about it, more the longer it lasts.

use crate::metrics::Stalled;
use crate::session::link::watchdog::Sign;

/// A session that is connected and dead, and how often something was done about it.
pub(super) struct Ailment {
    pub(super) sign: Sign,
    pub(super) step: Step,
    /// Counts it as stalled.
    pub(super) _stalled: Stalled,
}

/// What is done about a dead session, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Reconnect,
    /// Throws away what is in memory and starts from the rows.
    Reload,
    /// Gives the account away.
    HandOver,
}

impl Step {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Reconnect => "reconnect",
            Self::Reload => "reload",
            Self::HandOver => "hand_over",
        }
    }
}
