//! A standby's view of whoever holds the lease.

use crate::ids::HostId;
use crate::lead::{Config, Holder, Locks};

/// What a standby knows, by its own clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Watch {
    /// The counter that stands still, and since when.
    seen: Option<(HostId, i64, u64)>,
    /// Since when the lease is seen to be free.
    free_since: Option<u64>,
    /// When the holder was looked at last.
    looked_at: Option<u64>,
    /// When to look next.
    pub(super) look_at: u64,
    /// When the look that is under way began.
    pub(super) reading: Option<u64>,
    /// A declaration or a claim is under way.
    pub(super) busy: Option<Busy>,
    /// Why our name is void, if it is so since the claim that is under way began.
    pub(super) void: Option<&'static str>,
    /// The name that this process gave up: a lease in it is nobody's.
    former: Option<HostId>,
    /// Not to wait for the lock before: after an outage the leader gets it back first.
    pub(super) wait_from: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Busy {
    Declaring,
    Claiming,
}

/// What follows from a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It lives, or it may.
    Stay,
    /// It lives, and its lock is with us: it gets the lock back.
    GiveLockBack,
    /// It is silent: to be declared dead unless it speaks meanwhile.
    Declare { host: HostId, beats: i64 },
    /// The lease is free, or its holder is dead for certain.
    Claim { orphan: bool },
    /// Only a file's lock can tell: an attempt shows it.
    Probe,
    /// It is us: a claim whose answer was lost came through.
    Ours,
}

impl Watch {
    /// Of a life that begins: `former` is the name that was given up before it.
    pub(super) fn anew(former: Option<HostId>, look_at: u64, wait_from: u64) -> Self {
        Self {
            former,
            look_at,
            wait_from,
            ..Self::default()
        }
    }

    /// Begins anew: what was observed before says nothing about what happened meanwhile.
    pub(super) fn forget(&mut self) {
        self.seen = None;
        self.looked_at = None;
    }

    /// Judges a look. `locked_at` is since when the tenant's lock is ours.
    pub(super) fn judge(
        &mut self,
        config: &Config,
        me: HostId,
        locked_at: Option<u64>,
        now_ms: u64,
        holder: Option<&Holder>,
    ) -> Verdict {
        let began = self.reading.take().unwrap_or(now_ms);
        // Each is given the time that it says itself.
        let said = holder.and_then(|holder| holder.silence_ms);
        let timeout_ms = said.unwrap_or(config.timeout_ms);
        // Whoever was stopped for a while cannot say what the holder did meanwhile, nor whoever
        // waited long for its answer: what kept that may have kept the holder's heartbeats.
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
            return Verdict::Ours;
        }
        if holder.dead {
            return Verdict::Claim { orphan: true };
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
        // The look that showed the counter began no earlier than `since`, and this one shows it
        // again: for as long as lies between them, nothing was counted.
        let silent = due <= began;
        let locked = locked_at.is_some_and(|at| at <= began);
        // The server ends a session that says nothing: a lock that was granted long ago may be
        // somebody else's by now.
        let fresh = locked_at.is_some_and(|at| began < at + config.timeout_ms / 2);
        let unlocked = holder.locks && locked && fresh;
        let gone = silent || unlocked || self.former == Some(host);
        match (gone, config.locks) {
            (true, _) => Verdict::Declare { host, beats },
            (false, Locks::Files) if holder.locks => Verdict::Probe,
            (false, _) if locked => Verdict::GiveLockBack,
            (false, _) => Verdict::Stay,
        }
    }

    /// A free lease is taken with its lock, so that others see at once when this process is gone;
    /// without it when the lock does not come.
    fn free(&mut self, config: &Config, locked: bool, now_ms: u64) -> Verdict {
        let since = *self.free_since.get_or_insert(now_ms);
        let may = config.locks != Locks::Sessions || locked || since + config.timeout_ms <= now_ms;
        if may {
            Verdict::Claim { orphan: false }
        } else {
            Verdict::Stay
        }
    }
}
