//! What an actor says of itself at any time: for people and for whoever watches it.

use crate::session::changes::AccountState;

/// The state of one account in this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub state: AccountState,
    /// A stable word that says why, where there is more to say.
    pub reason: Option<String>,
    /// When the state began, in milliseconds since the epoch.
    pub since_ms: i64,
    /// Logins since the process started.
    pub logins: u64,
    /// The number of the newest event that is committed, as far as this process committed any.
    pub last_seq: i64,
}

impl Status {
    /// Before the first attempt to connect.
    pub fn new(since_ms: i64) -> Self {
        Self {
            state: AccountState::Disconnected,
            reason: None,
            since_ms,
            logins: 0,
            last_seq: 0,
        }
    }
}
