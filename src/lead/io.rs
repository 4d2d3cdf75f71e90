//! The inputs and actions of the state machine.

use crate::ids::HostId;
use crate::lead::Status;

/// The process that the lease row names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub host: HostId,
    /// Rises with each heartbeat; compared only with earlier values of the same host.
    pub beats: i64,
    /// The process was declared dead.
    pub dead: bool,
    /// The process states that it holds the tenant's lock: if the lock is free, the process is
    /// gone.
    pub locks: bool,
    /// The process's own timeout in ms: without a heartbeat for this time it is dead.
    pub silence_ms: Option<u64>,
}

/// A failed database call. It is handled as if it had changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Register,
    ReadHolder,
    DeclareDead,
    Claim,
    CheckToken,
}

impl Call {
    /// Returns the call's word in output.
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

/// What happened. Each action that is a call is answered exactly once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// A graceful stop is requested.
    Stop,
    /// This process is registered under a host id that was never used before.
    Registered(HostId),
    /// We hold the tenant's lock.
    LockGranted,
    /// Another process holds the lock.
    LockRefused,
    /// The session that waited for the lock or requested it failed.
    LockFailed,
    /// The session that held the lock failed.
    LockLost,
    /// The holder of the lease; `None` if the lease is free.
    HolderRead(Option<Holder>),
    /// True if the holder was declared dead; false if its heartbeat counter rose meanwhile.
    Declared(bool),
    /// We hold the lease, with this epoch.
    Claimed {
        epoch: i64,
    },
    /// Another process holds the lease.
    ClaimRefused,
    /// The answer to the claim's commit was lost: we may hold the lease.
    ClaimUnknown,
    /// The account's rows are loaded.
    Loaded,
    /// The account is logged in.
    LinkUp,
    /// The account is reconnecting to the server.
    LinkDown,
    /// The server gave our connection to another client while we hold the lease.
    Replaced,
    BeatAcked,
    /// This process was declared dead.
    BeatRefused,
    BeatFailed,
    /// The lease row names us.
    TokenStands,
    TokenLost,
    Failed(Call),
    /// The account ended: its connection is closed and its state dropped.
    AccountEnded {
        /// True if a commit found that the lease is lost, or if it ended because of
        /// [`Action::Drop`].
        fenced: bool,
    },
    /// The database's history changed, for example after the promotion of a follower. All fencing
    /// tokens of the earlier history are void.
    TimelineChanged,
    /// The lease was given back, or the attempt timed out.
    Released,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Register this process under a new host id.
    Register,
    /// Wait for the tenant's lock in a session.
    WaitForLock,
    /// Request the lock without waiting.
    TryLock,
    /// Close the session that holds the lock or waits for it.
    Unlock,
    ReadHolder,
    /// Declare the holder dead, only if its heartbeat counter is still `beats`.
    DeclareDead {
        host: HostId,
        beats: i64,
    },
    /// Take the lease with a new epoch, if it is free or its holder is dead.
    Claim {
        /// True if the holder is certainly dead, although it may still hold a file lock.
        orphan: bool,
    },
    /// Start the account: load its rows, and wait for the permission to connect.
    Load,
    /// The account may connect whenever it needs to, as long as it may send.
    Dial,
    /// The account may send and acknowledge until this time, by this process's own clock.
    MaySend {
        until_ms: u64,
    },
    /// The account must not send until the next `MaySend`.
    StopSending,
    /// Send a heartbeat.
    Beat {
        /// Send it in the session that holds the lock, so that the server sees that the session is
        /// alive.
        over_lock: bool,
    },
    /// Record whether a free lock means that this process is dead.
    SayLiveness {
        locks: bool,
    },
    /// Check whether the lease row still names us.
    CheckToken,
    /// Take no new work, finish what is committed, close the connection.
    Drain,
    /// Close the connection and drop all rows in memory.
    Drop,
    /// Give back the lease.
    Release,
    /// Publish the changed state.
    Notify(Status),
    /// Nothing more to do.
    End,
}
