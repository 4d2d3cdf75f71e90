//! A standby's observation of the lease holder.

use crate::ids::HostId;
use crate::lead::{Config, Holder, Locks};

/// What a standby has observed, by its own clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HolderObserver {
    /// The holder, its counter value, and when that value was first observed.
    seen: Option<(HostId, i64, u64)>,
    /// When the lease was first seen free.
    free_since: Option<u64>,
    /// When the holder was last read.
    looked_at: Option<u64>,
    /// When to read the holder next.
    pub(super) look_at: u64,
    /// When the read in progress began.
    pub(super) reading: Option<u64>,
    /// A declaration or a claim is in progress.
    pub(super) busy: Option<PendingCall>,
    /// The reason why our host id became void during the claim in progress.
    pub(super) void: Option<&'static str>,
    /// The host id that this process gave up: a lease that names it has no live holder.
    former: Option<HostId>,
    /// Earliest time to wait for the lock. After an outage the leader may take it back first.
    pub(super) wait_from: u64,
}

/// The call in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PendingCall {
    Declaring,
    Claiming,
}

/// The conclusion from one read of the holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HolderState {
    /// The holder is alive, or may be.
    Stay,
    /// The holder is alive, and we hold its lock: release the lock.
    GiveLockBack,
    /// The holder is silent: declare it dead unless its counter rose meanwhile.
    Declare { host: HostId, beats: i64 },
    /// The lease is free, or its holder is certainly dead.
    Claim { orphan: bool },
    /// Only an attempt to take the file lock shows whether the holder is alive.
    Probe,
    /// The holder is us: a claim whose answer was lost has succeeded.
    Ours,
}

impl HolderObserver {
    /// Starts observing under a new host id. `former` is the id that was given up.
    pub(super) fn for_new_id(former: Option<HostId>, look_at: u64, wait_from: u64) -> Self {
        Self {
            former,
            look_at,
            wait_from,
            ..Self::default()
        }
    }

    /// Drops all observations: the standby does not know what happened meanwhile.
    pub(super) fn forget(&mut self) {
        self.seen = None;
        self.looked_at = None;
    }

    /// Evaluates one read of the holder. `locked_at` is the time since which we hold the tenant's
    /// lock.
    pub(super) fn judge(
        &mut self,
        config: &Config,
        me: HostId,
        locked_at: Option<u64>,
        now_ms: u64,
        holder: Option<&Holder>,
    ) -> HolderState {
        let began = self.reading.take().unwrap_or(now_ms);
        // Each host's own timeout applies to it.
        let said = holder.and_then(|holder| holder.silence_ms);
        let timeout_ms = said.unwrap_or(config.timeout_ms);
        // After a pause, or after a slow answer, the standby does not know what the holder did. The
        // same cause may also have delayed the holder's heartbeats.
        let half_ms = timeout_ms / 2;
        let gap = self.looked_at.is_some_and(|at| at + half_ms < began);
        if gap || began + half_ms < now_ms {
            self.forget();
        }
        self.looked_at = Some(now_ms);
        self.look_at = now_ms + config.look_ms(timeout_ms);
        let Some(holder) = holder else {
            return self.free(config, locked_at.is_some(), now_ms);
        };
        self.free_since = None;
        if holder.host == me {
            return HolderState::Ours;
        }
        if holder.dead {
            return HolderState::Claim { orphan: true };
        }
        let (host, beats) = (holder.host, holder.beats);
        let since = match self.seen {
            Some((seen, at, since)) if (seen, at) == (host, beats) => since,
            _ => {
                self.seen = Some((host, beats, now_ms));
                now_ms
            }
        };
        let due = since + timeout_ms;
        if now_ms < due {
            self.look_at = self.look_at.min(due);
        }
        // The holder had this counter value no later than `since`, when it was first observed. This
        // read began at `began` and shows the same value: the counter did not rise in between.
        let silent = due <= began;
        let locked = locked_at.is_some_and(|at| at <= began);
        // The server ends a session that is silent. A lock that was granted long ago may belong to
        // another process now.
        let fresh = locked_at.is_some_and(|at| began < at + config.timeout_ms / 2);
        let unlocked = holder.locks && locked && fresh;
        let gone = silent || unlocked || self.former == Some(host);
        match (gone, config.locks) {
            (true, _) => HolderState::Declare { host, beats },
            (false, Locks::Files) if holder.locks => HolderState::Probe,
            (false, _) if locked => HolderState::GiveLockBack,
            (false, _) => HolderState::Stay,
        }
    }

    /// Decides about a free lease. It is claimed together with its lock, so that others see at once
    /// when this process ends. If the lock is not granted within the timeout, it is claimed without
    /// it.
    fn free(&mut self, config: &Config, locked: bool, now_ms: u64) -> HolderState {
        let since = *self.free_since.get_or_insert(now_ms);
        let may = config.locks != Locks::Sessions || locked || since + config.timeout_ms <= now_ms;
        if may {
            HolderState::Claim { orphan: false }
        } else {
            HolderState::Stay
        }
    }
}
