//! Sends this host's heartbeats, and closes the gate of all its tenants while none is answered.
//!
//! [`crate::lead::HostPermission`] decides. It runs in its own task, because a heartbeat must wait
//! for nothing else.

use std::collections::BTreeMap;
use std::future::pending;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::app::shapes::time;
use crate::app::status::ElectionStatus;
use crate::engine::gate::{SendGate, SendPermission};
use crate::engine::leased::explained;
use crate::ids::{HostId, TenantId};
use crate::lead::fleet::beat_every_ms;
use crate::lead::{Config, HostAction, HostPermission, Locks, State};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::lease::Lease;
use crate::store::lease::hosts::HostLock;

/// Interval at which file locks are polled. [`Config`] needs it, although heartbeats do not use it.
const FILE_POLL: Duration = Duration::from_secs(1);
/// Interval at which the lock's session is pinged.
const PING: Duration = Duration::from_millis(100);
/// Interval at which the task shows that it is responsive while a heartbeat is in progress.
const TURN: Duration = Duration::from_secs(1);
/// Longest time for the check of the leases. The task does nothing else meanwhile.
const CHECK_TIME_MAX: Duration = Duration::from_secs(2);
/// Longest time for a write that is useful but not required.
const WRITE_TIME_MAX: Duration = Duration::from_secs(1);

/// Held leases with their epochs, and the tokens that end the accounts under them.
type Tokens = BTreeMap<TenantId, (i64, CancellationToken)>;

/// Returns the intervals of this host.
fn config(store: &Store, silence: Duration) -> Config {
    Config {
        timeout_ms: ms(silence),
        file_poll_ms: ms(FILE_POLL),
        locks: match store.has_locks() {
            true => Locks::Sessions,
            false => Locks::Files,
        },
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The state of this host's own heartbeats, by its own clock. The judgement of other hosts depends
/// on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct OwnHeartbeats {
    /// When the newest answered heartbeat was sent, in ms.
    pub(super) beaten_ms: u64,
    /// When the lock was last lost, in ms.
    pub(super) lost_ms: Option<u64>,
}

/// Sends heartbeats until the host is declared dead; then cancels `lost`.
pub(super) struct HeartbeatTask {
    app: App,
    host: HostId,
    silence: Duration,
    pulse: HostPermission,
    permission: watch::Sender<SendPermission>,
    tokens: watch::Receiver<Tokens>,
    told: watch::Sender<Option<ElectionStatus>>,
    own: watch::Sender<OwnHeartbeats>,
    lost: CancellationToken,
    end: CancellationToken,
}

/// The other end of a [`HeartbeatTask`]: whether the host may act for its tenants.
pub(super) struct HeartbeatHandle {
    gate: SendGate,
    tokens: watch::Sender<Tokens>,
    told: watch::Receiver<Option<ElectionStatus>>,
    own: watch::Receiver<OwnHeartbeats>,
}

impl HeartbeatHandle {
    /// Returns the gate of a tenant. `lost` is cancelled if another host turns out to hold the
    /// lease.
    pub(super) fn speaks_for(&self, lease: &Lease, lost: &CancellationToken) -> SendGate {
        let (tenant, token) = (lease.tenant.clone(), (lease.epoch, lost.clone()));
        self.tokens
            .send_modify(|tokens| drop(tokens.insert(tenant, token)));
        self.gate.clone()
    }

    /// Removes a tenant that no longer runs here.
    pub(super) fn ended(&self, tenant: &TenantId) {
        self.tokens
            .send_modify(|tokens| drop(tokens.remove(tenant)));
    }

    /// Returns the state of this host's own heartbeats.
    pub(super) fn own(&self) -> watch::Receiver<OwnHeartbeats> {
        self.own.clone()
    }

    /// Returns the next change; `None` after the keeper has ended. Cancel-safe.
    pub(super) async fn changed(&mut self) -> Option<ElectionStatus> {
        self.told.changed().await.ok()?;
        self.told.borrow_and_update().clone()
    }
}

impl HeartbeatTask {
    /// Creates the keeper of a host that registered at `known_ms` of its own clock. It cancels
    /// `lost` when the host is declared dead, and ends with `end`.
    pub(super) fn new(
        app: &App,
        host: HostId,
        silence: Duration,
        known_ms: u64,
        lost: &CancellationToken,
        end: &CancellationToken,
    ) -> (Self, HeartbeatHandle) {
        let (permission, gate) = SendGate::closed();
        let (send_tokens, tokens) = watch::channel(Tokens::new());
        let (send_told, told) = watch::channel(None);
        let (send_own, own) = watch::channel(OwnHeartbeats {
            beaten_ms: known_ms,
            lost_ms: None,
        });
        let keeper = Self {
            app: app.for_tenant(app.settings.tenant.clone()),
            host,
            silence,
            pulse: HostPermission::new(config(&app.store, silence), known_ms),
            permission,
            tokens,
            told: send_told,
            own: send_own,
            lost: lost.clone(),
            end: end.clone(),
        };
        let voice = HeartbeatHandle {
            gate,
            tokens: send_tokens,
            told,
            own,
        };
        (keeper, voice)
    }

    /// Sends heartbeats until `end` is cancelled or the host is declared dead. Then releases the
    /// lock.
    pub(super) async fn keep(mut self) {
        let turns = self.app.board.turns();
        let (mut lock, mut locking) = (None, JoinSet::new());
        let (mut beat_at, mut lock_at) = (Instant::now(), Instant::now());
        let mut lost = false;
        self.carry_out(vec![HostAction::MaySend {
            until_ms: self.pulse.until_ms(),
        }])
        .await;
        self.tell(State::Active);
        while !self.end.is_cancelled() {
            turns.turn();
            if lock.is_none() && locking.is_empty() {
                let (store, host, silence) = (self.app.store.clone(), self.host, self.silence);
                let lost = std::mem::take(&mut lost);
                locking.spawn(take_lock(store, host, silence, lost, lock_at));
            }
            tokio::select! {
                biased;
                () = self.end.cancelled() => break,
                Some(taken) = locking.join_next(), if !locking.is_empty() => {
                    lock = taken.ok().flatten();
                    lock_at = Instant::now() + self.beat_every();
                    continue;
                }
                () = at(self.pulse.wake_at(), self.now_ms()) => {
                    self.tick().await;
                    continue;
                }
                () = sleep(PING), if lock.is_some() => (),
                () = sleep_until(beat_at), if lock.is_none() => (),
            }
            let beat = beat_at <= Instant::now();
            if beat {
                beat_at = Instant::now() + self.beat_every();
            }
            match self.sign(&mut lock, beat, &turns).await {
                Ok(true) => (),
                Ok(false) => {
                    tracing::error!("this host was declared dead and lost its tenants");
                    self.permission.send_replace(SendPermission::NEVER);
                    self.lost.cancel();
                    break;
                }
                Err(error) => {
                    tracing::warn!(error = %explained(&error), "no heartbeat");
                    if lock.take().is_some() {
                        // Others see a free lock, so an immediate heartbeat shows that this host is
                        // alive.
                        (lost, beat_at) = (true, Instant::now());
                        let lost_ms = Some(self.now_ms());
                        self.own.send_modify(|own| own.lost_ms = lost_ms);
                    }
                }
            }
        }
        locking.shutdown().await;
        if let Some(lock) = lock {
            lock.release().await;
        }
    }

    fn now_ms(&self) -> u64 {
        self.app.surroundings.clock.boot_ms()
    }

    fn beat_every(&self) -> Duration {
        Duration::from_millis(beat_every_ms(ms(self.silence)))
    }

    /// Sends one heartbeat, or pings the lock's session. Returns false if the host was declared
    /// dead. Stops sending at the deadline, even while this call is in progress.
    async fn sign(
        &mut self,
        lock: &mut Option<HostLock>,
        beat: bool,
        turns: &crate::app::vitals::LoopWatchdog,
    ) -> Result<bool, StoreError> {
        let sent_ms = self.now_ms();
        let unix_ms = self.app.surroundings.clock.unix_ms();
        let (store, host) = (self.app.store.clone(), self.host);
        let said = async {
            match (lock, beat) {
                (Some(lock), true) => lock.beat().await.map(|beats| beats.is_some()),
                (Some(lock), false) => lock.ping().await.map(|()| true),
                (None, true) => {
                    let beats = store.heartbeat(host, unix_ms).await;
                    beats.map(|beats| beats.is_some())
                }
                (None, false) => Ok(true),
            }
        };
        let said = timeout(self.silence, said);
        tokio::pin!(said);
        let said = loop {
            tokio::select! {
                said = &mut said => break said.unwrap_or(Err(StoreError::Busy)),
                () = at(self.pulse.wake_at(), self.now_ms()) => self.tick().await,
                () = sleep(TURN) => turns.turn(),
            }
        };
        if beat && matches!(said, Ok(true)) {
            let mut out = Vec::new();
            self.pulse.beaten(sent_ms, self.now_ms(), &mut out);
            self.own.send_modify(|own| own.beaten_ms = sent_ms);
            self.carry_out(out).await;
        }
        said
    }

    async fn tick(&mut self) {
        let mut out = Vec::new();
        self.pulse.tick(self.now_ms(), &mut out);
        self.carry_out(out).await;
    }

    async fn carry_out(&mut self, mut all: Vec<HostAction>) {
        // Actions that follow from an action are appended.
        while let Some(say) = (!all.is_empty()).then(|| all.remove(0)) {
            match say {
                HostAction::MaySend { until_ms } => {
                    let dial = true;
                    self.permission
                        .send_replace(SendPermission { dial, until_ms });
                    self.app.board.deadline(until_ms, self.shown(until_ms));
                    self.tell(State::Active);
                }
                HostAction::StopSending => {
                    self.permission.send_replace(SendPermission::NEVER);
                    tracing::warn!(
                        "no heartbeat was answered in time: nothing is sent until one is"
                    );
                    self.tell(State::Suspect);
                }
                HostAction::CheckTokens => {
                    let known = self.check().await;
                    self.pulse.checked(known, self.now_ms(), &mut all);
                }
            }
        }
    }

    /// Ends the accounts whose lease names another host now. Returns false if the leases could not
    /// be read.
    async fn check(&self) -> bool {
        let held = timeout(CHECK_TIME_MAX, self.app.store.tokens(self.host)).await;
        let Ok(Ok(held)) = held else {
            return false;
        };
        for (tenant, (epoch, lost)) in &*self.tokens.borrow() {
            if held.get(tenant) != Some(epoch) {
                tracing::warn!(business_id = %tenant, "another host took its lease");
                lost.cancel();
            }
        }
        true
    }

    /// Publishes whether this host may act for its tenants, if it changed.
    fn tell(&self, state: State) {
        let before = self.told.borrow().as_ref().map(|told| told.state);
        if before == Some(state.word()) {
            return;
        }
        let since_ms = self.pulse.held_ms().unwrap_or_else(|| self.now_ms());
        let told = ElectionStatus {
            state: state.word(),
            since: self.shown(since_ms),
            reason: (state == State::Suspect).then_some("no_heartbeat"),
            epoch: None,
            deadline: Some(self.shown(self.pulse.until_ms())),
        };
        self.app
            .board
            .write(|vitals| vitals.lease = Some(told.clone()));
        self.told.send_replace(Some(told));
    }

    /// Converts a time of this process's own clock into a date.
    fn shown(&self, at_ms: u64) -> String {
        let clock = &self.app.surroundings.clock;
        let (at_ms, now_ms) = (i64::try_from(at_ms), i64::try_from(clock.boot_ms()));
        time(clock.unix_ms() + at_ms.unwrap_or(0) - now_ms.unwrap_or(0))
    }
}

/// Waits until `at_ms`; forever without one.
async fn at(at_ms: Option<u64>, now_ms: u64) {
    match at_ms {
        Some(at_ms) => sleep(Duration::from_millis(at_ms.saturating_sub(now_ms))).await,
        None => pending().await,
    }
}

/// Takes the host's own lock, not before `lock_at`, and records it. If the lock was lost, it first
/// records that the heartbeat counter alone counts.
async fn take_lock(
    store: Store,
    host: HostId,
    silence: Duration,
    lost: bool,
    lock_at: Instant,
) -> Option<HostLock> {
    let say = async |locks| {
        // If this fails, others rely on the heartbeat counter alone.
        let said = timeout(WRITE_TIME_MAX, store.set_liveness(host, locks)).await;
        if !matches!(said, Ok(Ok(()))) {
            tracing::debug!("liveness is not written");
        }
    };
    if lost {
        say(false).await;
    }
    sleep_until(lock_at).await;
    let lock = timeout(silence, store.lock_host(host, silence)).await;
    let lock = lock.ok()?.ok()??;
    say(true).await;
    Some(lock)
}
