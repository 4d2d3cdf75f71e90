//! The state machine of one process for the lease of one tenant.

use crate::ids::HostId;
use crate::lead::reign::HeldLease;
use crate::lead::watch::{HolderObserver, HolderState, PendingCall};
use crate::lead::{Action, Call, Config, Holder, Input, Locks, State, Status};

/// Wait in ms before the next attempt to register, after one failed.
const REGISTER_AGAIN_MS: u64 = 250;

/// The state of the tenant's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lock {
    None,
    /// A session waits for the lock or has requested it.
    Asked,
    /// We hold the lock since this time, in ms.
    Held(u64),
}

/// The state machine. Times are ms of the process's own clock, which also runs while the machine
/// sleeps. Only differences between times have a meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    config: Config,
    state: State,
    since_ms: u64,
    reason: Option<&'static str>,
    /// Our host id, once we are registered.
    me: Option<HostId>,
    registering: bool,
    register_at: u64,
    lock: Lock,
    watch: HolderObserver,
    claimed_ms: u64,
    reign: Option<HeldLease>,
    stopping: bool,
    ended: bool,
}

impl Machine {
    /// Creates a machine in the standby state. Its first input should be [`Input::Tick`].
    pub fn new(config: Config, now_ms: u64) -> Self {
        Self {
            config,
            state: State::Standby,
            since_ms: now_ms,
            reason: None,
            me: None,
            registering: false,
            register_at: now_ms,
            lock: Lock::None,
            watch: HolderObserver::default(),
            claimed_ms: now_ms,
            reign: None,
            stopping: false,
            ended: false,
        }
    }

    /// Returns the present state.
    pub fn state(&self) -> State {
        self.state
    }

    /// Returns the present state with its start, reason, epoch and deadline.
    pub fn status(&self) -> Status {
        Status {
            state: self.state,
            since_ms: self.since_ms,
            reason: self.reason,
            epoch: self.reign.as_ref().map(|reign| reign.epoch),
            until_ms: self.reign.as_ref().map(|reign| reign.until_ms),
        }
    }

    /// Returns when the next [`Input::Tick`] is due if no other input comes first; `None` after the
    /// end.
    pub fn wake_at(&self) -> Option<u64> {
        if self.ended {
            return None;
        }
        let mut times = Vec::with_capacity(3);
        if let Some(reign) = &self.reign {
            if !reign.held {
                times.push(reign.until_ms);
            }
            if reign.beating.is_none() && self.state != State::Fenced {
                times.push(reign.beat_at);
            }
            if self.wants_lock() && self.state != State::Fenced {
                times.push(reign.lock_at);
            }
        } else if self.me.is_none() && !self.registering {
            times.push(self.register_at);
        } else if self.me.is_some() && self.watch.busy.is_none() {
            if self.watch.reading.is_none() {
                times.push(self.watch.look_at);
            }
            if self.wants_lock() {
                times.push(self.watch.wait_from);
            }
        }
        times.into_iter().min()
    }

    /// Handles an input that happened at `now_ms`, and appends the actions to perform, in order.
    ///
    /// `now_ms` must never go back. The caller answers each action that is a call with exactly one
    /// input: its result, or [`Input::Failed`]. Answers to different calls may come in any order.
    /// After each call, `wake_at` says when the next tick is due.
    pub fn handle(&mut self, now_ms: u64, input: Input, out: &mut Vec<Action>) {
        if self.ended {
            return;
        }
        self.expire(now_ms, out);
        match input {
            Input::Tick => (),
            Input::Stop => self.stop(now_ms, out),
            Input::Registered(host) => self.registered(now_ms, host),
            Input::LockGranted | Input::LockRefused | Input::LockFailed | Input::LockLost => {
                self.locks(now_ms, &input, out);
            }
            Input::HolderRead(holder) => self.looked(now_ms, holder.as_ref(), out),
            Input::Declared(dead) => self.declared(now_ms, dead, out),
            Input::Claimed { epoch } => self.claimed(now_ms, epoch, out),
            Input::ClaimRefused => self.not_claimed(now_ms, out),
            Input::ClaimUnknown => self.renounce(now_ms, "claim_unknown", out),
            Input::Failed(call) => self.failed(now_ms, call, out),
            Input::AccountEnded { fenced } => self.account_ended(now_ms, fenced, out),
            Input::Released => self.released(out),
            Input::BeatRefused => self.is_void(now_ms, "declared_dead", out),
            Input::TokenLost => self.fence(now_ms, "lease_taken", out),
            Input::TimelineChanged => self.is_void(now_ms, "timeline", out),
            Input::Loaded | Input::LinkUp | Input::LinkDown | Input::Replaced => {
                self.account(now_ms, &input, out);
            }
            Input::BeatAcked | Input::BeatFailed | Input::TokenStands => {
                self.heard(now_ms, &input, out);
            }
        }
        self.due(now_ms, out);
    }

    /// Starts all actions that are due by time alone.
    fn due(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        if self.ended || self.state == State::Fenced {
            return;
        }
        if self.reign.is_some() {
            self.beat(now_ms, out);
            return;
        }
        if self.me.is_none() {
            if !self.registering && self.register_at <= now_ms {
                self.registering = true;
                out.push(Action::Register);
            }
            return;
        }
        if self.watch.busy.is_some() {
            return;
        }
        if self.wants_lock() && self.watch.wait_from <= now_ms {
            self.lock = Lock::Asked;
            out.push(Action::WaitForLock);
        }
        if self.watch.reading.is_none() && self.watch.look_at <= now_ms {
            self.watch.reading = Some(now_ms);
            out.push(Action::ReadHolder);
        }
    }

    fn wants_lock(&self) -> bool {
        self.config.locks == Locks::Sessions && self.lock == Lock::None
    }

    fn enter(
        &mut self,
        now_ms: u64,
        state: State,
        reason: Option<&'static str>,
        out: &mut Vec<Action>,
    ) {
        if (self.state, self.reason) == (state, reason) {
            return;
        }
        if self.state != state {
            self.since_ms = now_ms;
        }
        (self.state, self.reason) = (state, reason);
        out.push(Action::Notify(self.status()));
    }

    fn end(&mut self, out: &mut Vec<Action>) {
        self.unlock(out);
        self.ended = true;
        out.push(Action::End);
    }

    fn unlock(&mut self, out: &mut Vec<Action>) {
        if self.lock != Lock::None {
            self.lock = Lock::None;
            out.push(Action::Unlock);
        }
    }

    // Standby.

    fn registered(&mut self, now_ms: u64, host: HostId) {
        self.registering = false;
        self.me = Some(host);
        self.watch.look_at = now_ms;
    }

    fn locks(&mut self, now_ms: u64, input: &Input, out: &mut Vec<Action>) {
        match (input, self.lock) {
            (Input::LockGranted, Lock::Asked) => {
                self.lock = Lock::Held(now_ms);
                self.watch.look_at = now_ms;
                if self.reign.is_some() {
                    out.push(Action::SayLiveness { locks: true });
                }
            }
            (Input::LockRefused, Lock::Asked) => {
                self.lock = Lock::None;
                self.lock_later(now_ms);
            }
            (Input::LockFailed, Lock::Asked) => {
                self.lock = Lock::None;
                self.lock_later(now_ms);
                self.watch.wait_from = now_ms + self.config.timeout_ms / 2;
                self.watch.forget();
            }
            (Input::LockLost, Lock::Held(_)) => {
                self.lock = Lock::None;
                if self.reign.is_some() {
                    out.push(Action::SayLiveness { locks: false });
                    self.lock = Lock::Asked;
                    out.push(Action::TryLock);
                }
            }
            // The answer to a session that was closed meanwhile.
            _ => (),
        }
    }

    fn lock_later(&mut self, now_ms: u64) {
        let pause_ms = self.config.step_ms() / 2;
        if let Some(reign) = &mut self.reign {
            reign.lock_at = now_ms + pause_ms.max(1);
        }
    }

    fn looked(&mut self, now_ms: u64, holder: Option<&Holder>, out: &mut Vec<Action>) {
        let (Some(me), None) = (self.me, &self.reign) else {
            return;
        };
        if self.watch.busy.is_some() {
            return;
        }
        let locked_at = match self.lock {
            Lock::Held(at) => Some(at),
            Lock::None | Lock::Asked => None,
        };
        let verdict = self
            .watch
            .judge(&self.config, me, locked_at, now_ms, holder);
        match verdict {
            HolderState::Stay => (),
            HolderState::GiveLockBack => self.give_lock_back(now_ms, out),
            HolderState::Declare { host, beats } => {
                self.watch.busy = Some(PendingCall::Declaring);
                out.push(Action::DeclareDead { host, beats });
            }
            HolderState::Claim { orphan } => self.claim(now_ms, orphan, out),
            HolderState::Probe => {
                self.watch.busy = Some(PendingCall::Claiming);
                self.claimed_ms = now_ms;
                out.push(Action::Claim { orphan: false });
            }
            HolderState::Ours => self.renounce(now_ms, "claim_unknown", out),
        }
    }

    /// Releases the lock if we hold it without the lease: it would keep the lease holder from its
    /// own lock.
    fn give_lock_back(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        if matches!(self.lock, Lock::Held(_)) {
            self.unlock(out);
            self.watch.wait_from = now_ms + self.config.timeout_ms / 2;
        }
    }

    fn declared(&mut self, now_ms: u64, dead: bool, out: &mut Vec<Action>) {
        if self.watch.busy != Some(PendingCall::Declaring) {
            return;
        }
        self.watch.busy = None;
        if dead {
            self.claim(now_ms, true, out);
        } else {
            self.give_lock_back(now_ms, out);
            self.watch.look_at = now_ms + self.config.look_ms(self.config.timeout_ms);
        }
    }

    fn claim(&mut self, now_ms: u64, orphan: bool, out: &mut Vec<Action>) {
        self.watch.busy = Some(PendingCall::Claiming);
        self.claimed_ms = now_ms;
        self.enter(now_ms, State::Claiming, None, out);
        out.push(Action::Claim { orphan });
    }

    fn not_claimed(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        if let Some(reason) = self.watch.void {
            return self.renounce(now_ms, reason, out);
        }
        self.watch.busy = None;
        self.give_lock_back(now_ms, out);
        self.watch.look_at = now_ms + self.config.look_ms(self.config.timeout_ms);
        self.enter(now_ms, State::Standby, None, out);
        if self.stopping {
            self.end(out);
        }
    }

    /// Handles a claim that may have succeeded although its answer was lost. We register under a
    /// new host id, so that no fencing token is used twice, even if the database loses the first
    /// claim.
    fn renounce(&mut self, now_ms: u64, reason: &'static str, out: &mut Vec<Action>) {
        self.unlock(out);
        self.registering = false;
        self.register_at = now_ms;
        self.watch = HolderObserver::for_new_id(self.me.take(), now_ms, now_ms);
        self.enter(now_ms, State::Standby, Some(reason), out);
        if self.stopping {
            self.end(out);
        }
    }

    fn failed(&mut self, now_ms: u64, call: Call, out: &mut Vec<Action>) {
        match call {
            Call::Register => {
                self.registering = false;
                self.register_at = now_ms + REGISTER_AGAIN_MS;
            }
            Call::ReadHolder => {
                self.watch.reading = None;
                self.watch.forget();
                self.watch.look_at = now_ms + self.config.look_ms(self.config.timeout_ms);
            }
            Call::DeclareDead if self.watch.busy == Some(PendingCall::Declaring) => {
                self.watch.busy = None;
                self.watch.forget();
                self.watch.look_at = now_ms + self.config.look_ms(self.config.timeout_ms);
            }
            Call::DeclareDead => (),
            Call::Claim => {
                self.watch.forget();
                self.not_claimed(now_ms, out);
            }
            Call::CheckToken => {
                if let Some(reign) = &mut self.reign {
                    reign.checking = false;
                }
            }
        }
    }

    // Leader.

    fn claimed(&mut self, now_ms: u64, epoch: i64, out: &mut Vec<Action>) {
        if let (Some(reason), false) = (self.watch.void, self.stopping) {
            return self.renounce(now_ms, reason, out);
        }
        self.watch = HolderObserver::default();
        let reign = HeldLease::new(&self.config, epoch, self.claimed_ms, now_ms);
        out.push(Action::MaySend {
            until_ms: reign.until_ms,
        });
        self.reign = Some(reign);
        if matches!(self.lock, Lock::Held(_)) {
            out.push(Action::SayLiveness { locks: true });
        }
        if self.stopping {
            self.enter(now_ms, State::Draining, None, out);
            out.push(Action::Release);
            return;
        }
        // Load only now: rows that were read before the epoch rose may have changed since.
        self.enter(now_ms, State::Loading, None, out);
        out.push(Action::Load);
    }

    fn account(&mut self, now_ms: u64, input: &Input, out: &mut Vec<Action>) {
        let Some(reign) = &mut self.reign else {
            return;
        };
        reign.loaded = true;
        let (next, reason) = match input {
            Input::LinkUp => (State::Active, None),
            Input::Replaced => (State::Replaced, Some("foreign_session")),
            _ => (State::Connecting, None),
        };
        // The replaced state ends only with a login or with the loss of the lease.
        let stays = State::Replaced;
        match self.state {
            State::Suspect if reign.before != stays || next != State::Connecting => {
                reign.before = next;
            }
            state @ (State::Loading | State::Connecting | State::Active | State::Replaced)
                if state != stays || next != State::Connecting =>
            {
                self.enter(now_ms, next, reason, out);
            }
            _ => (),
        }
        self.dial(out);
    }

    fn dial(&mut self, out: &mut Vec<Action>) {
        if let Some(reign) = &mut self.reign
            && reign.loaded
            && !reign.dialled
            && !reign.held
        {
            reign.dialled = true;
            out.push(Action::Dial);
        }
    }

    /// Stops sending at the deadline of the last answered heartbeat.
    fn expire(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        let Some(reign) = &mut self.reign else {
            return;
        };
        if reign.held || reign.is_valid(now_ms) {
            return;
        }
        reign.held = true;
        out.push(Action::StopSending);
        if !matches!(self.state, State::Draining | State::Fenced) {
            reign.before = self.state;
            self.enter(now_ms, State::Suspect, Some("no_heartbeat"), out);
        }
    }

    fn heard(&mut self, now_ms: u64, input: &Input, out: &mut Vec<Action>) {
        let config = self.config;
        let Some(reign) = &mut self.reign else {
            return;
        };
        match input {
            Input::BeatAcked => {
                reign.acked(&config);
                if !reign.is_valid(now_ms) {
                    return;
                }
                if !reign.held {
                    let until_ms = reign.until_ms;
                    out.push(Action::MaySend { until_ms });
                }
                if !reign.checking {
                    // The lease may have been taken from a live process. A process that commits
                    // nothing learns of it only by this check.
                    reign.checking = true;
                    out.push(Action::CheckToken);
                }
            }
            Input::BeatFailed => {
                reign.beating = None;
                reign.beat_at = now_ms + config.step_ms() / 2;
            }
            _ => {
                reign.checking = false;
                self.resume(now_ms, out);
            }
        }
    }

    fn resume(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        let Some(reign) = &mut self.reign else {
            return;
        };
        if !reign.held || !reign.is_valid(now_ms) || self.state == State::Fenced {
            return;
        }
        reign.held = false;
        let (until_ms, before) = (reign.until_ms, reign.before);
        out.push(Action::MaySend { until_ms });
        if self.state == State::Suspect {
            let reason = (before == State::Replaced).then_some("foreign_session");
            self.enter(now_ms, before, reason, out);
        }
        self.dial(out);
    }

    fn beat(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        let step_ms = self.config.step_ms();
        let wants_lock = self.wants_lock();
        let Some(reign) = &mut self.reign else {
            return;
        };
        if wants_lock && reign.lock_at <= now_ms {
            self.lock = Lock::Asked;
            out.push(Action::TryLock);
        }
        if reign.beating.is_some() || now_ms < reign.beat_at {
            return;
        }
        reign.beating = Some(now_ms);
        reign.beat_at = now_ms + step_ms;
        let over_lock = matches!(self.lock, Lock::Held(_));
        out.push(Action::Beat { over_lock });
    }

    // Loss of the lease and the end.

    fn fence(&mut self, now_ms: u64, reason: &'static str, out: &mut Vec<Action>) {
        if self.reign.is_none() {
            self.watch.forget();
            return;
        }
        if self.state == State::Fenced {
            return;
        }
        self.enter(now_ms, State::Fenced, Some(reason), out);
        if let Some(reign) = &mut self.reign {
            reign.held = true;
        }
        out.push(Action::StopSending);
        out.push(Action::Drop);
        self.unlock(out);
    }

    /// Handles that our host id is void: we were declared dead, or the database has another
    /// history.
    fn is_void(&mut self, now_ms: u64, reason: &'static str, out: &mut Vec<Action>) {
        if self.reign.is_some() || self.me.is_none() {
            return self.fence(now_ms, reason, out);
        }
        // Wait for a claim in progress: it could succeed after the id is given up.
        if self.watch.busy == Some(PendingCall::Claiming) {
            self.watch.void = Some(reason);
        } else {
            self.renounce(now_ms, reason, out);
        }
    }

    fn account_ended(&mut self, now_ms: u64, fenced: bool, out: &mut Vec<Action>) {
        if self.reign.is_none() {
            return;
        }
        if fenced || self.state == State::Fenced {
            if self.state != State::Fenced {
                self.enter(now_ms, State::Fenced, Some("lease_taken"), out);
                self.unlock(out);
            }
            self.reign = None;
            self.renounce(now_ms, "fenced", out);
            return;
        }
        // The account ended for a lasting reason, so this process does not go back to standby.
        self.stopping = true;
        self.enter(now_ms, State::Draining, None, out);
        out.push(Action::Release);
    }

    fn stop(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        if self.stopping {
            return;
        }
        self.stopping = true;
        if self.reign.is_none() {
            // Wait for a claim in progress: it could succeed after our end.
            if self.watch.busy != Some(PendingCall::Claiming) {
                self.end(out);
            }
        } else if self.state != State::Fenced {
            self.enter(now_ms, State::Draining, None, out);
            out.push(Action::Drain);
        }
    }

    /// Releases the lock after the lease, so that a standby that gets the lock finds the lease
    /// free.
    fn released(&mut self, out: &mut Vec<Action>) {
        self.reign = None;
        self.end(out);
    }
}
