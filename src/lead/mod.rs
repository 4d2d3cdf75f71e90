//! Leader election: the decisions of one process about the lease of one tenant, as a state machine;
//! and in [`fleet`], the decisions of a host about many tenants.
//!
//! The machine performs no input or output. Inputs say what happened and when, by this process's
//! own clock; actions say what to do next. The lock and the heartbeat counter only say when to try.
//! The lease row says who may write, and each commit compares it. `daemon::standby` and
//! `daemon::host` run these machines against a database and accounts.

pub mod fleet;
mod io;
pub mod machine;
mod pulse;
mod reign;
mod watch;

pub use io::{Action, Call, Holder, Input};
pub use pulse::{HostAction, HostPermission};

#[cfg(test)]
mod tests;

/// How other processes detect that a process ended, besides its heartbeat counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locks {
    /// A lock that the database server releases with its session. Other processes can wait for its
    /// release.
    Sessions,
    /// A lock of the file system, which the kernel releases with the process.
    Files,
    /// No lock: only the heartbeat counter shows it.
    None,
}

/// Intervals at which a process sends heartbeats and observes others, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Time without a heartbeat after which a process is considered dead.
    pub timeout_ms: u64,
    /// Interval at which a standby reads the holder if file locks are used.
    pub file_poll_ms: u64,
    pub locks: Locks,
}

impl Config {
    /// Returns the interval between two heartbeats.
    pub fn step_ms(&self) -> u64 {
        (self.timeout_ms / 4).max(1)
    }

    /// Returns how long a heartbeat entitles a leader to send, counted from when it was sent. This
    /// is one heartbeat interval shorter than the timeout, so that a leader stops before another
    /// can start.
    pub fn validity_ms(&self) -> u64 {
        self.timeout_ms - self.step_ms()
    }

    /// Returns the interval between two reads of a process that is dead after `timeout_ms`. Its
    /// silence is noticed at most this much late.
    fn look_ms(&self, timeout_ms: u64) -> u64 {
        match self.locks {
            Locks::Files => self.file_poll_ms,
            Locks::Sessions | Locks::None => (self.timeout_ms.min(timeout_ms) / 8).max(1),
        }
    }
}

/// The phases of a process from standby to leader and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Another process leads, or none does yet.
    Standby,
    /// The lease may be taken, and the claim is in progress.
    Claiming,
    /// The lease is held. The account's rows are loaded, after the epoch rose.
    Loading,
    /// The account is connecting to the server.
    Connecting,
    /// The account is connected.
    Active,
    /// No heartbeat was answered in time. Nothing is sent or acknowledged; the connection stays
    /// open.
    Suspect,
    /// The lease is lost. The connection and all state in memory are dropped.
    Fenced,
    /// The process gives the lease back.
    Draining,
    /// The server gave the account's connection to another client while we hold the lease.
    Replaced,
}

impl State {
    /// All states.
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

    /// Returns the state's word in output and metrics.
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

/// A state with its start and reason. Times are ms by this process's own clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub state: State,
    pub since_ms: u64,
    pub reason: Option<&'static str>,
    /// The epoch of the held lease.
    pub epoch: Option<i64>,
    /// End of the permission to send, which each answered heartbeat moves.
    pub until_ms: Option<u64>,
}

/// The result of checking whether the lease row still names us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    Stands,
    Lost,
    /// The database did not answer.
    Unknown,
}

/// The action after the server gave our connection to another client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterReplaced {
    /// The lease is lost, so the other client is the new holder: stop.
    Stop,
    /// The lease could not be checked: wait, and check again before connecting.
    AskAgain,
    /// A client without the lease uses the account's keys: raise an alarm, and wait before
    /// connecting.
    Alarm,
}

/// Selects the action. It never reconnects at once, because two clients that replace each other
/// would never stop.
pub fn after_replaced(token: Token) -> AfterReplaced {
    match token {
        Token::Lost => AfterReplaced::Stop,
        Token::Unknown => AfterReplaced::AskAgain,
        Token::Stands => AfterReplaced::Alarm,
    }
}
