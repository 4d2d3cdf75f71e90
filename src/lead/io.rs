//! What the machine hears and what it asks for.

use crate::ids::HostId;
use crate::lead::Status;

/// The process that the lease row names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub host: HostId,
    /// Rises with each heartbeat; compared with itself only.
    pub beats: i64,
    /// It was declared dead.
    pub dead: bool,
    /// It says that it holds the tenant's lock: when the lock is free, it is gone.
    pub locks: bool,
    /// How long it may say nothing before it is dead, as it says itself.
    pub silence_ms: Option<u64>,
}

/// A call of the database that failed and changed nothing, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Register,
    ReadHolder,
    DeclareDead,
    Claim,
    CheckToken,
}

impl Call {
    /// One word, as it is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::ReadHolder => "read_holder",
            Self::DeclareDead => "declare_dead",
            Self::Claim => "claim",
            Self::CheckToken => "check_token",
        }
    }
}

/// What happened. Every action that is a call is answered exactly once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// An orderly end is asked for.
    Stop,
    /// This process is known under a name that it never had before.
    Registered(HostId),
    /// The tenant's lock is ours.
    LockGranted,
    /// Somebody else has it.
    LockRefused,
    /// The session in which it was waited for or asked for broke.
    LockFailed,
    /// The session that held it broke.
    LockLost,
    /// Who holds the lease; nobody if it is free.
    HolderRead(Option<Holder>),
    /// Whether the process was declared dead; not if it counted its heartbeat up meanwhile.
    Declared(bool),
    /// The lease is ours from this epoch on.
    Claimed {
        epoch: i64,
    },
    /// Somebody else has it.
    ClaimRefused,
    /// It may be ours: the answer to the commit was lost.
    ClaimUnknown,
    /// The account's rows are read.
    Loaded,
    /// The account is logged in.
    LinkUp,
    /// It is on its way to the server again.
    LinkDown,
    /// The server gave our place to somebody else, and the lease is ours.
    Replaced,
    BeatAcked,
    /// This process was declared dead.
    BeatRefused,
    BeatFailed,
    /// The lease row names us.
    TokenStands,
    TokenLost,
    Failed(Call),
    /// The account came to an end: its connection and its rows in memory are gone.
    AccountEnded {
        /// Since a commit found that the lease is lost, or since it was told to drop everything.
        fenced: bool,
    },
    /// The database went back to an earlier state of itself: no token means anything any more.
    TimelineChanged,
    /// The lease was given back, or the attempt took too long.
    Released,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make this process known under a fresh name.
    Register,
    /// Wait in a session for the tenant's lock.
    WaitForLock,
    /// Ask for it without waiting.
    TryLock,
    /// End the session that holds it or waits for it.
    Unlock,
    ReadHolder,
    /// Only if its counter still stands at `beats`.
    DeclareDead {
        host: HostId,
        beats: i64,
    },
    /// Take the lease with a new epoch, if it is free or its holder is dead.
    Claim {
        /// Its holder is dead for certain, although it may still hold a file's lock.
        orphan: bool,
    },
    /// Start the account: read its rows, and wait for the permission to dial.
    Load,
    /// The account may dial whenever it needs to, as long as it may send.
    Dial,
    /// It may send and acknowledge until then, by this process's own clock.
    MaySend {
        until_ms: u64,
    },
    /// It may not send until it is told otherwise.
    StopSending,
    /// Count the heartbeat up.
    Beat {
        /// In the session that holds the lock, so that the server sees it live.
        over_lock: bool,
    },
    /// Write down whether a free lock means that this process is gone.
    SayLiveness {
        locks: bool,
    },
    /// Ask whether the lease row still names us.
    CheckToken,
    /// Take no new work, finish what is committed, close the connection.
    Drain,
    /// Close the connection and forget every row in memory.
    Drop,
    /// Give the lease back.
    Release,
    /// The state changed.
    Notify(Status),
    /// There is nothing more to do.
    End,
}
