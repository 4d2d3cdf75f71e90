//! The status that an actor publishes, for people and for other tasks.

use crate::session::changes::AccountState;

/// The state of one account in this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub state: AccountState,
    /// A stable word for the reason, if there is one.
    pub reason: Option<String>,
    /// When the state began, in Unix milliseconds.
    pub since_ms: i64,
    /// Logins since the process started.
    pub logins: u64,
    /// The highest event number that this process committed; 0 if none.
    pub last_seq: i64,
}

impl Status {
    /// Returns the status before the first connection attempt.
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
