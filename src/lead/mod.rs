//! Who leads: what one process decides about the lease of one tenant, as a machine; and in
//! [`fleet`], what a host decides about many.
//!
//! It performs nothing: inputs say what happened and when by this process's own clock, actions say
//! what to do next. The lock and the counter only say when to try; who may write stands in the
//! lease row, which every commit compares. `ops::standby` and `ops::serve` run it against a
//! database and accounts.

pub mod fleet;
mod io;
pub mod machine;
mod pulse;
mod reign;
mod watch;

pub use io::{Action, Call, Holder, Input};
pub use pulse::{Pulse, Say};

#[cfg(test)]
mod tests;

/// How others learn that a process is gone, besides its counter standing still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locks {
    /// A lock that the database server ends with its session, and whose end can be waited for.
    Sessions,
    /// A lock of the file system, which the kernel ends with the process.
    Files,
    /// None: the counter alone tells.
    None,
}

/// How a process watches over itself and others. Times are milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// A process that says nothing for this long is taken for dead.
    pub timeout_ms: u64,
    /// How often a standby looks where a file's lock tells whether the holder lives.
    pub file_poll_ms: u64,
    pub locks: Locks,
}

impl Config {
    /// How often a process says that it lives.
    pub fn step_ms(&self) -> u64 {
        (self.timeout_ms / 4).max(1)
    }

    /// How long a heartbeat entitles to send, counted from when it was sent: a step less than
    /// others wait, so that a leader is silent before anybody else may speak.
    pub fn validity_ms(&self) -> u64 {
        self.timeout_ms - self.step_ms()
    }

    /// How often others look at a process that is dead after that time: silence begins to count
    /// that much late at most.
    fn look_ms(&self, timeout_ms: u64) -> u64 {
        match self.locks {
            Locks::Files => self.file_poll_ms,
            Locks::Sessions | Locks::None => (self.timeout_ms.min(timeout_ms) / 8).max(1),
        }
    }
}

/// Where a process is on the way to leading, and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Another process leads, or nobody yet.
    Standby,
    /// The lease may be taken, and is being taken.
    Claiming,
    /// The lease is held; the account's rows are read, after the epoch rose.
    Loading,
    /// The account is on its way to the server.
    Connecting,
    /// The account is connected.
    Active,
    /// No heartbeat was answered in time: nothing is sent and nothing acknowledged, the connection
    /// is kept.
    Suspect,
    /// The lease is lost: the connection and everything in memory is dropped.
    Fenced,
    /// It gives the lease back.
    Draining,
    /// The server gave the account's place to somebody else while the lease is ours.
    Replaced,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Standby,
        Self::Claiming,
        Self::Loading,
        Self::Connecting,
        Self::Active,
        Self::Suspect,
        Self::Fenced,
        Self::Draining,
        Self::Replaced,
    ];

    /// One word, as it is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Standby => "standby",
            Self::Claiming => "claiming",
            Self::Loading => "loading",
            Self::Connecting => "connecting",
            Self::Active => "active",
            Self::Suspect => "suspect",
            Self::Fenced => "fenced",
            Self::Draining => "draining",
            Self::Replaced => "replaced",
        }
    }
}

/// A state, since when and why; times are milliseconds of this process's own clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub state: State,
    pub since_ms: u64,
    pub reason: Option<&'static str>,
    /// The epoch of the lease that is held.
    pub epoch: Option<i64>,
    /// Until when the last heartbeat entitles to send; each further one moves it.
    pub until_ms: Option<u64>,
}

/// Whether the lease row still names us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    Stands,
    Lost,
    /// The database did not answer.
    Unknown,
}

/// What to do when the server gave our place to somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterReplaced {
    /// It was the process that holds the lease now: stop.
    Stop,
    /// Wait, and ask again before dialling.
    AskAgain,
    /// Someone without the lease uses the account's keys: tell people, and wait before dialling.
    Alarm,
}

/// Decides it. None of the answers is to dial at once: two that replace each other go on for ever.
pub fn after_replaced(token: Token) -> AfterReplaced {
    match token {
        Token::Lost => AfterReplaced::Stop,
        Token::Unknown => AfterReplaced::AskAgain,
        Token::Stands => AfterReplaced::Alarm,
    }
}
