//! One active process and any number of standbys for one account.
//!
//! [`crate::lead`] decides. This module carries the decisions out against the database and the
//! account, and reports to its caller. It runs in its own task, so that a slow reader of events
//! cannot delay a heartbeat.

use crate::app::status::{ElectionStatus, Role};
use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::app::shapes::time;
use crate::engine::actor::Stopped;
use crate::engine::gate::{SendGate, SendPermission};
use crate::engine::line::NetConnector;
use crate::engine::status::Status;
use crate::engine::stop::Stop;
use crate::ids::HostId;
use crate::lead::machine::Machine;
use crate::lead::{self, Action, Config, Input, Locks, State};
use crate::session::changes::AccountState;
use crate::store::lease::Lease;
use crate::store::lease::advisory_lock::{Servers, TenantLock};

mod calls;

use calls::{Calls, Done};

/// Interval at which a standby polls if file locks are used, in ms.
const FILE_POLL_MS: u64 = 50;
/// Interval between a standby's heartbeats, in ms: several within the timeout of
/// [`crate::daemon::sweep`].
const IDLE_HEARTBEAT_MS: u64 = 10_000;
/// Longest time to release a lock.
const UNLOCK_TIME_MAX: Duration = Duration::from_secs(1);
/// Longest wait of the coordinator's loop, which also shows that the loop is responsive.
const TURN: Duration = Duration::from_secs(1);
/// Capacity of the notice queue; if it is full, older states are dropped.
const NOTICES_MAX: usize = 256;

/// Options of a pair of processes that observe each other.
#[derive(Clone, Debug)]
pub struct HaOptions {
    /// Time without a heartbeat after which a process is considered dead.
    pub timeout: Duration,
}

/// A notice of the coordinator.
#[derive(Debug)]
pub(crate) enum CoordinatorNotice {
    Role(Role),
    State(ElectionStatus),
    /// The account runs here now.
    Reign {
        /// The number of its next event.
        next_seq: i64,
        status: watch::Receiver<Status>,
    },
}

/// Carries out the decisions of the state machine.
pub(crate) struct Coordinator {
    app: App,
    dial: NetConnector,
    machine: Machine,
    stop: Stop,
    calls: Calls,
    /// The session that holds the tenant's lock; `None` while a heartbeat uses it.
    lock: Option<TenantLock>,
    /// Whether to keep the lock when a heartbeat returns its session.
    keep_lock: bool,
    unlocking: JoinSet<()>,
    servers: Servers,
    holder: Option<crate::store::lease::takeover::Holder>,
    host: Option<HostId>,
    lease: Option<Lease>,
    permission: watch::Sender<SendPermission>,
    gate: SendGate,
    lost: CancellationToken,
    account: JoinSet<Stopped>,
    status: Option<watch::Receiver<Status>>,
    /// The reason why the account ended.
    stopped: Option<Stopped>,
    /// When the claim of another process's lease began; until the account is active.
    claimed_ms: Option<u64>,
    /// When the last standby heartbeat was sent under the present host id.
    stood_ms: Option<u64>,
    /// When the lease became suspect.
    suspect_ms: Option<u64>,
    told: Option<Role>,
    pending: VecDeque<CoordinatorNotice>,
    notices: mpsc::Sender<CoordinatorNotice>,
}

impl Coordinator {
    /// Creates a coordinator in the standby state, which reports to `notices`.
    pub(crate) fn new(
        app: App,
        dial: NetConnector,
        options: &HaOptions,
        stop: &Stop,
        notices: mpsc::Sender<CoordinatorNotice>,
    ) -> Self {
        let config = Config {
            timeout_ms: u64::try_from(options.timeout.as_millis()).unwrap_or(u64::MAX),
            file_poll_ms: FILE_POLL_MS,
            locks: if app.store.has_locks() {
                Locks::Sessions
            } else {
                Locks::Files
            },
        };
        let machine = Machine::new(config, app.surroundings.clock.boot_ms());
        let (permission, gate) = SendGate::closed();
        Self {
            calls: Calls::new(app.for_tenant(app.settings.tenant.clone()), options.timeout),
            servers: app.store.servers(),
            app,
            dial,
            machine,
            stop: stop.clone(),
            lock: None,
            keep_lock: false,
            unlocking: JoinSet::new(),
            holder: None,
            host: None,
            lease: None,
            permission,
            gate,
            lost: CancellationToken::new(),
            account: JoinSet::new(),
            status: None,
            stopped: None,
            claimed_ms: None,
            stood_ms: None,
            suspect_ms: None,
            told: None,
            pending: VecDeque::new(),
            notices,
        }
    }

    /// Runs as standby and leader, until it is asked to stop or the account ends. Returns the
    /// reason why the account ended, if it last ran here.
    pub(crate) async fn keep(mut self) -> Option<Stopped> {
        // The initial standby state causes no state change, so it is published here.
        let state = self.leadership(&self.machine.status());
        self.app.board.write(|vitals| vitals.lease = Some(state));
        let mut told_stop = false;
        let mut inputs = VecDeque::from([Input::Tick]);
        let mut ended = false;
        let turns = self.app.board.turns();
        while !ended {
            turns.turn();
            let input = match inputs.pop_front() {
                Some(input) => input,
                None => self.wait(&mut told_stop).await,
            };
            let mut actions = Vec::new();
            self.machine.handle(self.now_ms(), input, &mut actions);
            for action in actions {
                ended |= action == Action::End;
                inputs.extend(self.perform(action));
            }
            self.tell_standby();
            self.stand();
        }
        let (store, host) = (self.app.store.clone(), self.host);
        let left = async {
            // A leader has already recorded its end when it released the lease.
            if let Some(host) = host {
                let _ = store.leave(host).await;
            }
        };
        let unlocked = async { while self.unlocking.join_next().await.is_some() {} };
        let _ = timeout(UNLOCK_TIME_MAX, async { tokio::join!(left, unlocked) }).await;
        while let Some(notice) = self.pending.pop_front() {
            // The receiver may already be closed.
            let _ = self.notices.try_send(notice);
        }
        self.stopped
    }

    /// Sends a standby heartbeat when it is due.
    fn stand(&mut self) {
        let now_ms = self.now_ms();
        if let Some(host) = self.host
            && self.machine.state() == State::Standby
            && self
                .stood_ms
                .is_none_or(|at| at + IDLE_HEARTBEAT_MS <= now_ms)
        {
            self.stood_ms = Some(now_ms);
            self.calls.stand(host);
        }
    }

    fn now_ms(&self) -> u64 {
        self.app.surroundings.clock.boot_ms()
    }

    /// Waits for one input. Each branch is a single wait that loses nothing when it is dropped.
    async fn wait(&mut self, told_stop: &mut bool) -> Input {
        let wake = self.machine.wake_at();
        let pause = wake.map(|at| Duration::from_millis(at.saturating_sub(self.now_ms())));
        let notices = self.notices.clone();
        tokio::select! {
            biased;
            () = self.stop.asked(), if !*told_stop => {
                *told_stop = true;
                Input::Stop
            }
            Some(stopped) = self.account.join_next(), if !self.account.is_empty() => {
                let stopped = stopped.unwrap_or_else(|error| {
                    tracing::error!(%error, "the account's task failed");
                    Stopped::Broken(String::from("internal error"))
                });
                self.status = None;
                let fenced = stopped == Stopped::LeaseLost;
                self.stopped = (!fenced).then_some(stopped);
                Input::AccountEnded { fenced }
            }
            () = self.servers.changed() => Input::TimelineChanged,
            done = self.calls.next() => self.heard(done),
            () = changed(&mut self.status) => self.account_state(),
            permit = notices.reserve(), if !self.pending.is_empty() => {
                let notice = self.pending.pop_front();
                if let (Ok(permit), Some(notice)) = (permit, notice) {
                    permit.send(notice);
                }
                Input::Tick
            }
            () = tokio::time::sleep(pause.map_or(TURN, |pause| pause.min(TURN))) => Input::Tick,
        }
    }

    /// Converts a database answer into an input.
    fn heard(&mut self, done: Done) -> Input {
        match done {
            Done::Input(input) => {
                if input == Input::Declared(true)
                    && let Some(holder) = &self.holder
                {
                    tracing::warn!(holder = holder.name, pid = holder.pid, "considered dead");
                }
                input
            }
            Done::Registered(host) => {
                (self.host, self.stood_ms) = (Some(host), None);
                Input::Registered(host)
            }
            Done::Locked(lock) => {
                (self.lock, self.keep_lock) = (Some(lock), true);
                Input::LockGranted
            }
            Done::Holder(holder) => {
                let seen = holder.as_ref().map(|holder| lead::Holder {
                    host: holder.host,
                    beats: holder.beats,
                    dead: holder.dead,
                    locks: holder.locks,
                    silence_ms: holder.silence_ms,
                });
                self.holder = holder;
                Input::HolderRead(seen)
            }
            Done::Claimed(lease) => {
                let epoch = lease.epoch;
                self.lease = Some(lease);
                Input::Claimed { epoch }
            }
            Done::Beat(lock, input) => {
                match lock {
                    Some(lock) if self.keep_lock => self.lock = Some(lock),
                    Some(lock) => self.unlock(lock),
                    None => (),
                }
                input
            }
            Done::LockLost => {
                tracing::warn!("lost the session that holds the lock");
                // The heartbeat that the session carried counts as failed.
                self.calls.heard_later(Input::BeatFailed);
                Input::LockLost
            }
            Done::NextSeq(next_seq) => {
                self.start_account(next_seq);
                Input::Tick
            }
        }
    }

    fn account_state(&mut self) -> Input {
        let Some(status) = &mut self.status else {
            return Input::Tick;
        };
        match status.borrow_and_update().state {
            AccountState::Connected => Input::LinkUp,
            AccountState::Replaced => Input::Replaced,
            AccountState::Connecting | AccountState::Disconnected => Input::LinkDown,
            // The database is unavailable; this says nothing about the link.
            _ => Input::Tick,
        }
    }

    /// Carries out one action. Returns an input if the result is known at once.
    fn perform(&mut self, action: Action) -> Option<Input> {
        match action {
            Action::Register => {
                self.servers.look();
                self.stopped = None;
                self.calls.begin_anew();
                self.calls.register();
            }
            Action::WaitForLock => self.calls.lock(self.host, true),
            Action::TryLock => self.calls.lock(self.host, false),
            Action::Unlock => {
                self.keep_lock = false;
                self.calls.stop_locking();
                if let Some(lock) = self.lock.take() {
                    self.unlock(lock);
                }
            }
            Action::ReadHolder => self.calls.read_holder(),
            Action::DeclareDead { host, beats } => self.calls.declare_dead(host, beats),
            Action::Claim { orphan } => self.calls.claim(self.host, orphan),
            Action::Load => {
                self.lost = CancellationToken::new();
                if let Some(lease) = &self.lease {
                    let epoch = lease.epoch;
                    self.tell_role(Role::Leader { epoch });
                }
                self.calls.next_seq(self.stop.clone());
            }
            Action::Dial => self
                .permission
                .send_modify(|permission| permission.dial = true),
            Action::MaySend { until_ms } => {
                self.permission
                    .send_modify(|permission| permission.until_ms = until_ms);
                self.app.board.deadline(until_ms, self.shown(until_ms));
            }
            Action::StopSending => self
                .permission
                .send_modify(|permission| permission.until_ms = 0),
            Action::Beat { over_lock } => {
                let lock = if over_lock { self.lock.take() } else { None };
                self.calls.beat(self.host, lock);
            }
            Action::SayLiveness { locks } => self.calls.say_liveness(self.host, locks),
            Action::CheckToken => self.calls.check(self.lease.clone()),
            // The account receives the stop request by itself.
            Action::Drain => (),
            Action::Drop => {
                self.lost.cancel();
                let fenced = true;
                return self
                    .account
                    .is_empty()
                    .then_some(Input::AccountEnded { fenced });
            }
            Action::Release => self.calls.release(self.lease.take()),
            Action::Notify(status) => self.tell_state(&status),
            Action::End => (),
        }
        None
    }

    fn start_account(&mut self, next_seq: i64) {
        let Some(lease) = self.lease.clone() else {
            return;
        };
        self.permission.send_modify(|permission| {
            permission.dial = false;
        });
        let (live, account) = self.app.run_dialled(
            self.dial.clone(),
            lease,
            &self.stop,
            self.lost.clone(),
            self.gate.clone(),
        );
        self.status = Some(live.status.clone());
        self.push(CoordinatorNotice::Reign {
            next_seq,
            status: live.status,
        });
        self.account.spawn(async move {
            let _commands = live.commands;
            account.await
        });
    }

    fn unlock(&mut self, lock: TenantLock) {
        self.unlocking.spawn(lock.release());
    }

    /// Publishes the holder that this standby waits for, if it changed.
    fn tell_standby(&mut self) {
        if self.machine.state() != State::Standby || self.host.is_none() {
            return;
        }
        let holder = self.holder.as_ref();
        let holder = holder.map(|holder| format!("{}/{}", holder.name, holder.pid));
        if !self.calls.has_looked() {
            return;
        }
        let role = Role::Standby { holder };
        if self.told.as_ref() != Some(&role) {
            self.tell_role(role);
        }
    }

    fn tell_role(&mut self, role: Role) {
        self.told = Some(role.clone());
        self.push(CoordinatorNotice::Role(role));
    }

    fn tell_state(&mut self, status: &lead::Status) {
        let fenced = status.state == State::Standby && self.lease.is_some();
        self.measure(status);
        let state = self.leadership(status);
        self.app
            .board
            .write(|vitals| vitals.lease = Some(state.clone()));
        tracing::info!(
            state = state.state,
            reason = state.reason,
            epoch = state.epoch,
            "lease"
        );
        self.push(CoordinatorNotice::State(state));
        if fenced {
            tracing::error!("the lease is lost: this process stands by under a new name");
            self.lease = None;
            self.tell_role(Role::Fenced);
        }
    }

    fn leadership(&self, status: &lead::Status) -> ElectionStatus {
        ElectionStatus {
            state: status.state.word(),
            since: self.shown(status.since_ms),
            reason: status.reason,
            epoch: status.epoch,
            deadline: status.until_ms.map(|at| self.shown(at)),
        }
    }

    /// Converts a time of this process's own clock into a date.
    fn shown(&self, at: u64) -> String {
        let clock = &self.app.surroundings.clock;
        let (at, now) = (i64::try_from(at), i64::try_from(clock.boot_ms()));
        time(clock.unix_ms() + at.unwrap_or(0) - now.unwrap_or(0))
    }

    /// Measures the duration of takeovers, and of suspect states.
    fn measure(&mut self, status: &lead::Status) {
        let now_ms = self.now_ms();
        let since = |at: u64| Duration::from_millis(now_ms.saturating_sub(at));
        if status.state == State::Suspect {
            self.suspect_ms.get_or_insert(status.since_ms);
        } else if let Some(at) = self.suspect_ms.take() {
            self.app.metrics.suspected(since(at));
        }
        match status.state {
            State::Claiming => {
                let anothers = matches!(self.told, Some(Role::Standby { holder: Some(_) }));
                self.claimed_ms = anothers.then_some(status.since_ms);
            }
            State::Active => {
                if let Some(at) = self.claimed_ms.take() {
                    self.app.metrics.takeover_took(since(at));
                }
            }
            State::Loading | State::Connecting => (),
            _ => self.claimed_ms = None,
        }
    }

    fn push(&mut self, notice: CoordinatorNotice) {
        if NOTICES_MAX <= self.pending.len() {
            let old = self
                .pending
                .iter()
                .position(|old| matches!(old, CoordinatorNotice::State(_)));
            self.pending.remove(old.unwrap_or(0));
        }
        self.pending.push_back(notice);
    }
}

/// Waits until the account's status changes; forever if there is no account. Cancel-safe.
pub(crate) async fn changed(status: &mut Option<watch::Receiver<Status>>) {
    if let Some(status) = status
        && status.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
