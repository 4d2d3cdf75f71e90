//! Runs the tenants that are enabled in the rows: all of them on one host, a fair share on several.

use crate::daemon::record;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use serde::Serialize;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::LineError;
use crate::app::status::ElectionStatus;
use crate::app::status::{AccountStatus, RunEnd};
use crate::app::vitals::ProcessRole;
use crate::app::{App, RowsError};
use crate::daemon::host::fleet::{Fleet, Watcher};
use crate::daemon::host::heartbeat::{HeartbeatHandle, HeartbeatTask};
use crate::daemon::sweep::Sweeper;
use crate::engine::actor::Stopped;
use crate::engine::farewell::refusal;
use crate::engine::leased::explained;
use crate::engine::line::NetConnector;
use crate::engine::status::Status;
use crate::engine::stop::Stop;
use crate::ids::{HostId, TenantId};
use crate::lead::fleet::{Decision, Pace, Placed, TAKE_MAX, View, decide};
use crate::session::account;
use crate::session::changes::AccountState;
use crate::store::error::StoreError;
use crate::store::lease::Lease;
use crate::store::tenants::{ObservedState, RunConfig, RunPlan};

mod fleet;
mod heartbeat;

/// Interval between reads of the rows without a notification of changes.
const RESCAN: Duration = Duration::from_secs(2);
/// Least time between two reads.
const RESCAN_MIN: Duration = Duration::from_millis(40);
/// Wait before a tenant is retried that ended for a temporary reason.
const AGAIN: Duration = Duration::from_secs(30);
/// Wait before a refused client version is retried. A new version is tried at once.
const OUTDATED_AGAIN: Duration = Duration::from_secs(600);
/// Most failures in a row that are counted. The wait doubles with each one after the first.
const BROKEN_MAX: u32 = 6;
/// Capacity of the queue of status changes.
const NOTICES_MAX: usize = 1_024;
/// Longest time to give back leases.
const RELEASE_TIME_MAX: Duration = Duration::from_secs(3);
/// Wait before a host that was declared dead joins again.
const ANEW: Duration = Duration::from_secs(1);

/// Options of [`serve`].
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Name of this host; by default the machine's name.
    pub name: Option<String>,
    /// Most tenants that run here; also the weight of this host's share.
    pub capacity: u32,
    /// Most tenants that may be connecting at the same time.
    pub connecting: usize,
    /// Longest time of a graceful stop.
    pub grace: Duration,
    /// Time without a heartbeat after which a host is considered dead.
    pub silence: Duration,
    /// Interval at which a host with too many tenants gives away one in a hundred.
    pub rebalance: Duration,
}

/// A notice to the caller.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServeNotice {
    /// This host takes tenants from now on.
    Host { id: String, name: String },
    /// The HTTP interface is listening.
    Http { address: String },
    /// The connection state of a tenant.
    Status {
        business_id: String,
        epoch: i64,
        #[serde(flatten)]
        status: AccountStatus,
    },
    /// A tenant no longer runs here.
    Ended { business_id: String, reason: String },
    /// Whether this host may act for its tenants: `active`, or `suspect` while its heartbeats are
    /// not answered.
    Lease(ElectionStatus),
}

/// The reason why serving failed.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Rows(#[from] RowsError),
    #[error(transparent)]
    Line(#[from] LineError),
}

/// How a host's registration ends.
enum End {
    /// By a stop request.
    Asked,
    /// Other hosts declared this process dead, and took its tenants.
    Fenced,
}

/// One tenant that runs here.
struct Running {
    stop: Stop,
    launch: RunConfig,
    /// It was connected once, so it no longer counts as connecting.
    connected: bool,
    /// It is connected now.
    up: bool,
    /// It was stopped because its row changed, so it may start again at once.
    leaving: bool,
    /// Cancelled when the lease is known to be lost.
    lost: CancellationToken,
}

/// A lease that is held but not used yet.
struct Held {
    lease: Lease,
    launch: RunConfig,
}

type Ended = (TenantId, Lease, Stopped);

struct TenantRunner<'a> {
    app: &'a App,
    options: &'a ServeOptions,
    host: HostId,
    dial: NetConnector,
    fleet: watch::Receiver<Fleet>,
    running: BTreeMap<TenantId, Running>,
    queue: VecDeque<Held>,
    /// Tenants that must not be tried before the given time.
    resting: BTreeMap<TenantId, Instant>,
    /// Number of failures in a row of each tenant.
    broken: BTreeMap<TenantId, u32>,
    tasks: JoinSet<Ended>,
    notices: mpsc::Sender<(TenantId, i64, Status)>,
    records: mpsc::Sender<ObservedState>,
    voice: HeartbeatHandle,
    lost: CancellationToken,
    pace: Pace,
    /// Number of tenants in `running` that are connected now.
    up: u64,
    /// Number of tenants in `running` that have not been connected yet.
    connecting: usize,
}

/// Serves until a stop is requested. A tenant that ends is reported, and tried again later. Tenants
/// that are paired, enabled or released by other hosts meanwhile are taken.
pub async fn serve(
    app: &App,
    options: &ServeOptions,
    stop: &Stop,
    tell: &mut (dyn FnMut(ServeNotice) + Send),
) -> Result<(), ServeError> {
    let dial = NetConnector::new(&app.settings.server, app.surroundings.clone())?;
    let mut again = false;
    loop {
        let Some(known) = join(app, options, again, stop, tell).await? else {
            return Ok(());
        };
        again = true;
        match reign(app, options, dial.clone(), known, stop, tell).await? {
            // Other hosts have its tenants, so there are no leases to release.
            End::Fenced if stop.is_asked() => return Ok(()),
            End::Fenced => {
                tracing::warn!("restarting as a new host");
                stop.sleep(ANEW).await;
            }
            End::Asked => return Ok(()),
        }
    }
}

/// Serves under one host id, until a stop is requested or the host is declared dead.
async fn reign(
    app: &App,
    options: &ServeOptions,
    dial: NetConnector,
    (host, known_ms): (HostId, u64),
    stop: &Stop,
    tell: &mut (dyn FnMut(ServeNotice) + Send),
) -> Result<End, ServeError> {
    let (wake, end) = (Arc::new(Notify::new()), CancellationToken::new());
    let (send_fleet, fleet) = watch::channel(Fleet::default());
    let (notices, told) = mpsc::channel(NOTICES_MAX);
    let (records, to_record) = mpsc::channel(NOTICES_MAX);
    let lost = CancellationToken::new();
    let (keeper, voice) = HeartbeatTask::new(app, host, options.silence, known_ms, &lost, &end);
    // Separate tasks, which continue while this one waits for the database.
    let mut keepers = JoinSet::new();
    keepers.spawn(keeper.keep());
    let own = voice.own();
    let watcher = Watcher::new(app, host, options.silence, own, send_fleet, wake.clone());
    let mut helpers = JoinSet::new();
    helpers.spawn(watcher.keep());
    helpers.spawn(record::pass_on_wakes(app.store.clone(), wake.clone()));
    let mut sweeper = JoinSet::new();
    sweeper.spawn(Sweeper::new(app).keep(app.surroundings.clone()));
    let mut recorder = JoinSet::new();
    let clock = app.surroundings.clock.clone();
    recorder.spawn(record::keep(app.store.clone(), clock, to_record));
    let rebalance_ms = u64::try_from(options.rebalance.as_millis()).unwrap_or(u64::MAX);
    let mut server = TenantRunner {
        app,
        options,
        host,
        dial,
        fleet,
        running: BTreeMap::new(),
        queue: VecDeque::new(),
        resting: BTreeMap::new(),
        broken: BTreeMap::new(),
        tasks: JoinSet::new(),
        notices,
        records,
        voice,
        lost,
        pace: Pace::new(rebalance_ms, app.surroundings.clock.boot_ms()),
        up: 0,
        connecting: 0,
    };
    app.board.write(|vitals| vitals.part = ProcessRole::Host);
    let served = in_time(&mut server, stop, &wake, told, tell).await;
    if matches!(served, End::Fenced) {
        app.board.write(|vitals| vitals.part = ProcessRole::Fenced);
    }
    drop(server);
    // The remaining writes are only for people, so they get little time.
    let last_words = async {
        recorder.join_next().await;
        end.cancel();
        if matches!(served, End::Asked) {
            let _ = app.store.leave(host).await;
        }
        keepers.join_next().await;
    };
    let _ = tokio::time::timeout(RELEASE_TIME_MAX, last_words).await;
    Ok(served)
}

/// Serves until all tenants are released, or until the grace period is over.
async fn in_time(
    server: &mut TenantRunner<'_>,
    stop: &Stop,
    wake: &Notify,
    told: mpsc::Receiver<(TenantId, i64, Status)>,
    tell: &mut (dyn FnMut(ServeNotice) + Send),
) -> End {
    // A separate task, because the host itself may wait for the database.
    let mut grace = JoinSet::new();
    let (asked, time) = (stop.clone(), server.options.grace + RELEASE_TIME_MAX);
    grace.spawn(async move {
        asked.asked().await;
        tokio::time::sleep(time).await;
        asked.force();
    });
    tokio::select! {
        served = server.run(stop, wake, told, tell) => served,
        () = stop.forced() => {
            tracing::warn!("the clean stop took too long");
            server.tasks.shutdown().await;
            End::Asked
        }
    }
}

/// Registers this host. Returns its id and the time before the registration; `None` if a stop was
/// requested first. With `again`, it waits for an unavailable database.
async fn join(
    app: &App,
    options: &ServeOptions,
    again: bool,
    stop: &Stop,
    tell: &mut (dyn FnMut(ServeNotice) + Send),
) -> Result<Option<(HostId, u64)>, RowsError> {
    loop {
        let known_ms = app.surroundings.clock.boot_ms();
        let joined = tokio::select! {
            biased;
            () = stop.asked() => return Ok(None),
            joined = join_once(app, options, tell) => joined,
        };
        match joined {
            Ok(host) => return Ok(Some((host, known_ms))),
            Err(error) if again && error.is_transient() => {
                tracing::warn!(%error, "the database is not available");
                stop.sleep(ANEW).await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn join_once(
    app: &App,
    options: &ServeOptions,
    tell: &mut (dyn FnMut(ServeNotice) + Send),
) -> Result<HostId, RowsError> {
    let name = match &options.name {
        Some(name) => name.clone(),
        None => whoami::hostname().unwrap_or_default(),
    };
    app.store.check_reach(None).await.map_err(RowsError::of)?;
    let host = app.register_as(name.clone(), Some(options.silence)).await?;
    let serves = app.store.serves(host, i64::from(options.capacity));
    serves.await.map_err(RowsError::of)?;
    let id = host.to_string();
    tell(ServeNotice::Host { id, name });
    Ok(host)
}

impl TenantRunner<'_> {
    async fn run(
        &mut self,
        stop: &Stop,
        wake: &Notify,
        mut told: mpsc::Receiver<(TenantId, i64, Status)>,
        tell: &mut (dyn FnMut(ServeNotice) + Send),
    ) -> End {
        let mut looked = Instant::now();
        let mut look_at = looked;
        let mut deadline: Option<Instant> = None;
        let (lost, mut version) = (self.lost.clone(), self.app.version.subscribe());
        loop {
            if self.tasks.is_empty() && (deadline.is_some() || lost.is_cancelled()) {
                return if lost.is_cancelled() {
                    End::Fenced
                } else {
                    End::Asked
                };
            }
            let end = deadline.unwrap_or_else(Instant::now);
            let serving = deadline.is_none() && !lost.is_cancelled();
            // Each branch is a single wait that loses nothing when it is dropped.
            tokio::select! {
                () = stop.asked(), if deadline.is_none() => {
                    deadline = Some(Instant::now() + self.options.grace);
                    self.leave().await;
                }
                () = tokio::time::sleep_until(end), if deadline.is_some() => {
                    self.running.values().for_each(|running| running.stop.force());
                    deadline = Some(Instant::now() + self.options.grace);
                }
                () = lost.cancelled(), if serving => self.queue.clear(),
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    self.ended(ended, tell).await;
                    look_at = look_at.min(Instant::now() + RESCAN_MIN);
                }
                Some((tenant, epoch, status)) = told.recv() => {
                    self.heard(&tenant, status.state);
                    // A stalled account also frees its place among the connecting ones.
                    let turns = [AccountState::Connected, AccountState::Stalled];
                    if turns.contains(&status.state)
                        && let Some(running) = self.running.get_mut(&tenant)
                    {
                        // Another tenant may connect now.
                        let first = !std::mem::replace(&mut running.connected, true);
                        self.connecting -= usize::from(first);
                        self.start_queued().await;
                    }
                    let business_id = tenant.to_string();
                    tell(ServeNotice::Status { business_id, epoch, status: status.into() });
                }
                Some(lease) = self.voice.changed() => tell(ServeNotice::Lease(lease)),
                Ok(()) = version.changed(), if serving => {
                    self.resting.clear();
                    look_at = look_at.min(looked + RESCAN_MIN);
                }
                () = wake.notified(), if serving => look_at = look_at.min(looked + RESCAN_MIN),
                () = tokio::time::sleep_until(look_at), if serving => {
                    let more = self.scan().await;
                    looked = Instant::now();
                    look_at = looked + if more { RESCAN_MIN } else { RESCAN };
                }
            }
        }
    }

    /// Records a tenant's connection state.
    fn heard(&mut self, tenant: &TenantId, state: AccountState) {
        if let Some(running) = self.running.get_mut(tenant) {
            let up = state == AccountState::Connected;
            if up {
                self.broken.remove(tenant);
            }
            self.up += u64::from(up);
            self.up -= u64::from(running.up);
            running.up = up;
        }
        self.show();
    }

    /// Publishes how many tenants run here.
    fn show(&self) {
        let tenants = (self.running.len() + self.queue.len()) as u64;
        self.app.board.write(|vitals| {
            vitals.tenants = tenants;
            vitals.connected = self.up;
        });
    }

    /// Begins a graceful stop: other hosts take over while this one releases its tenants.
    async fn leave(&mut self) {
        let draining = self.app.store.set_draining(self.host, true);
        let _ = tokio::time::timeout(RELEASE_TIME_MAX, draining).await;
        self.running.values().for_each(|one| one.stop.ask());
        let held: Vec<Lease> = self.queue.drain(..).map(|held| held.lease).collect();
        self.release(held).await;
    }

    /// Compares the tenants that run here with the plan. Returns true if there is more to do at
    /// once.
    async fn scan(&mut self) -> bool {
        let now_ms = self.app.surroundings.clock.unix_ms();
        // Wait no longer than this host's timeout, because its notices wait meanwhile.
        let plan = tokio::time::timeout(self.options.silence, self.app.store.plan(now_ms));
        let plan = match plan.await.unwrap_or(Err(StoreError::Busy)) {
            Ok(plan) => plan,
            Err(error) => {
                tracing::warn!(error = %explained(&error), "tenants could not be listed");
                return false;
            }
        };
        let wanted = plan.iter().filter(|planned| planned.desired.enabled);
        let orphans = wanted
            .clone()
            .filter(|one| one.orphaned || one.owner.is_none());
        self.app.metrics.fleet(wanted.count(), orphans.count());
        let now = Instant::now();
        self.resting.retain(|_, until| now < *until);
        let queued = self.queue.iter().map(|held| held.lease.tenant.clone());
        let here: BTreeSet<TenantId> = self.running.keys().cloned().chain(queued).collect();
        let fleet = self.fleet.borrow().clone();
        let placed: Vec<Placed<'_>> = plan.iter().map(placed).collect();
        let decision = decide(&View {
            me: self.host,
            peers: &fleet.peers,
            plan: &placed,
            here: &here,
            resting: &self.resting.keys().cloned().collect(),
            embedded: !self.app.store.has_locks(),
        });
        if fleet.peers.is_empty() && here.is_empty() {
            return false;
        }
        self.drop_lost(&plan);
        self.stop_some(&decision.stop).await;
        self.relaunch(&plan);
        let took = self.take(&decision, &plan).await;
        self.start_queued().await;
        let now_ms = self.app.surroundings.clock.boot_ms();
        let few = self.pace.due(now_ms, &decision.give, plan.len()).to_vec();
        self.stop_some(&few).await;
        // A lease that a stale owner's open transaction still locks is retried soon.
        decision.take.len() == TAKE_MAX || (took < decision.take.len() && 0 < decision.orphans)
    }

    /// Ends at once the tenants whose lease no longer names this host. An account that commits
    /// nothing learns of it only this way. The plan was read after the accounts were started.
    fn drop_lost(&mut self, plan: &[RunPlan]) {
        let taken = plan.iter().filter(|one| one.owner != Some(self.host));
        let taken: BTreeSet<&TenantId> = taken.map(|planned| &planned.tenant).collect();
        for (tenant, running) in &self.running {
            if taken.contains(tenant) && !running.lost.is_cancelled() {
                tracing::warn!(business_id = %tenant, "another host took its lease");
                running.lost.cancel();
            }
        }
        self.queue
            .retain(|held| !taken.contains(&held.lease.tenant));
    }

    async fn stop_some(&mut self, tenants: &[TenantId]) {
        for tenant in tenants {
            if let Some(running) = self.running.get_mut(tenant) {
                running.leaving = true;
                running.stop.ask();
            }
        }
        let (go, stay) = std::mem::take(&mut self.queue)
            .into_iter()
            .partition::<VecDeque<_>, _>(|held| tenants.contains(&held.lease.tenant));
        self.queue = stay;
        self.release(go.into_iter().map(|held| held.lease).collect())
            .await;
    }

    /// Restarts tenants whose proxy or device name changed.
    fn relaunch(&mut self, plan: &[RunPlan]) {
        for planned in plan {
            if let Some(running) = self.running.get_mut(&planned.tenant)
                && running.launch != planned.desired.launch
            {
                running.leaving = true;
                running.stop.ask();
            }
        }
    }

    /// Takes leases, all in one statement, so that a dead host's tenants are fenced long before
    /// they are connected. Returns how many were taken.
    async fn take(&mut self, decision: &Decision, plan: &[RunPlan]) -> usize {
        if decision.take.is_empty() {
            return 0;
        }
        let leases = if self.app.store.has_locks() {
            let now_ms = self.app.surroundings.clock.unix_ms();
            let claimed = self.app.store.claim_many(&decision.take, self.host, now_ms);
            claimed.await.unwrap_or_else(|error| {
                tracing::warn!(error = %explained(&error), "could not claim tenants");
                Vec::new()
            })
        } else {
            self.take_one_by_one(&decision.take, plan).await
        };
        let count = leases.len();
        if count < decision.take.len() {
            self.rest_spent(&decision.take).await;
        }
        let others = leases.iter().filter(|(_, others)| *others).count();
        self.app.board.took_over(&self.app.metrics, others as u64);
        let launches: BTreeMap<&TenantId, &RunConfig> = plan
            .iter()
            .map(|planned| (&planned.tenant, &planned.desired.launch))
            .collect();
        for (lease, _) in leases {
            let launch = launches.get(&lease.tenant).map(|launch| (*launch).clone());
            let launch = launch.unwrap_or_default();
            self.queue.push_back(Held { lease, launch });
        }
        self.show();
        count
    }

    /// Reports tenants whose epoch cannot rise any more, and leaves them for a while.
    async fn rest_spent(&mut self, tenants: &[TenantId]) {
        if !self.app.store.has_locks() {
            return;
        }
        for tenant in self.app.store.spent(tenants).await.unwrap_or_default() {
            let remedy = RowsError::epoch_remedy(&tenant);
            tracing::error!(business_id = %tenant, remedy, "its epoch is at its maximum");
            self.resting.insert(tenant, Instant::now() + AGAIN);
        }
    }

    async fn take_one_by_one(&self, tenants: &[TenantId], plan: &[RunPlan]) -> Vec<(Lease, bool)> {
        let others = |planned: &&RunPlan| planned.owner.is_some_and(|owner| owner != self.host);
        let others: BTreeSet<&TenantId> = plan
            .iter()
            .filter(others)
            .map(|planned| &planned.tenant)
            .collect();
        let mut leases = Vec::new();
        for tenant in tenants {
            match self.app.claim_for(self.host, tenant).await {
                Ok(lease) => leases.push((lease, others.contains(tenant))),
                Err(RowsError::Held { .. }) => (),
                Err(error) => tracing::warn!(business_id = %tenant, %error, "not claimed"),
            }
        }
        leases
    }

    /// Starts as many tenants as may connect at the same time.
    async fn start_queued(&mut self) {
        loop {
            if self.options.connecting <= self.connecting {
                return;
            }
            let Some(held) = self.queue.pop_front() else {
                return;
            };
            self.start(held).await;
        }
    }

    async fn start(&mut self, held: Held) {
        let Held { lease, launch } = held;
        let tenant = lease.tenant.clone();
        let now_ms = self.app.surroundings.clock.unix_ms();
        let account = self.app.store.account(&tenant).await;
        let refused = match &account {
            Ok(account) => refusal(account.as_ref(), now_ms).is_some(),
            Err(error) => {
                tracing::warn!(business_id = %tenant, error = %explained(error), "not readable");
                true
            }
        };
        let app = self.app.of(tenant.clone(), launch.clone());
        let dial = app.through_proxy(self.dial.clone());
        let dial = match dial {
            Ok(dial) if !refused => dial,
            Ok(_) => return self.rest(lease).await,
            Err(error) => {
                tracing::warn!(business_id = %tenant, %error, "not started");
                return self.rest(lease).await;
            }
        };
        let stop = Stop::new();
        let lost = self.lost.child_token();
        let gate = self.voice.speaks_for(&lease, &lost);
        let (live, account) = app.run_dialled(dial, lease.clone(), &stop, lost.clone(), gate);
        let watched = record::Watched {
            tenant: tenant.clone(),
            epoch: lease.epoch,
            status: live.status,
            notices: self.notices.clone(),
            records: self.records.clone(),
        };
        let (name, store) = (tenant.clone(), self.app.store.clone());
        let clock = self.app.surroundings.clock.clone();
        self.tasks.spawn(async move {
            let _commands = live.commands;
            let write = async |last| _ = store.observe(&[last], clock.unix_ms()).await;
            let stopped = watched.until(unpanicked(&name, account), write).await;
            (name, lease, stopped)
        });
        let running = Running {
            stop,
            launch,
            connected: false,
            up: false,
            leaving: false,
            lost,
        };
        self.connecting += 1;
        self.running.insert(tenant, running);
    }

    /// Gives back a lease that cannot be used now.
    async fn rest(&mut self, lease: Lease) {
        let tenant = lease.tenant.clone();
        self.resting.insert(tenant, Instant::now() + AGAIN);
        self.release(vec![lease]).await;
    }

    /// Handles all tenants that have ended, and gives their leases back together.
    async fn ended(
        &mut self,
        first: Result<Ended, tokio::task::JoinError>,
        tell: &mut (dyn FnMut(ServeNotice) + Send),
    ) {
        let mut leases = Vec::new();
        let mut next = Some(first);
        while let Some(ended) = next {
            match ended {
                Ok((tenant, lease, stopped)) => {
                    let ended = self.running.remove(&tenant);
                    self.voice.ended(&tenant);
                    self.up -= u64::from(ended.as_ref().is_some_and(|one| one.up));
                    let waited = ended.as_ref().is_some_and(|one| !one.connected);
                    self.connecting -= usize::from(waited);
                    let leaving = ended.is_some_and(|one| one.leaving);
                    self.app.metrics.forget(&tenant);
                    self.show();
                    // A tenant whose lease was lost may be taken again as soon as the lease is
                    // free.
                    if !leaving && stopped != Stopped::LeaseLost {
                        let rest = self.rest_after(&tenant, &stopped);
                        self.resting.insert(tenant.clone(), Instant::now() + rest);
                    }
                    let reason = RunEnd::from(stopped.clone()).to_string();
                    let business_id = tenant.to_string();
                    tell(ServeNotice::Ended {
                        business_id,
                        reason,
                    });
                    if stopped != Stopped::LeaseLost {
                        leases.push(lease);
                    }
                }
                // Unexpected, because panics are caught inside the task.
                Err(error) => tracing::error!(%error, "a tenant's task failed"),
            }
            let room = leases.len() < TAKE_MAX;
            next = if room {
                self.tasks.try_join_next()
            } else {
                None
            };
        }
        self.release(leases).await;
    }

    /// Returns how long a tenant that ended is left alone; the time grows with repeated failures.
    fn rest_after(&mut self, tenant: &TenantId, stopped: &Stopped) -> Duration {
        if !matches!(stopped, Stopped::Broken(_)) {
            self.broken.remove(tenant);
            return match stopped {
                Stopped::Ended(account::Ended::Outdated) => OUTDATED_AGAIN,
                _ => AGAIN,
            };
        }
        let times = self.broken.entry(tenant.clone()).or_default();
        *times = (*times + 1).min(BROKEN_MAX);
        AGAIN * (1 << (*times - 1))
    }

    async fn release(&self, leases: Vec<Lease>) {
        if leases.is_empty() {
            return;
        }
        let released = self.app.store.release_many(self.host, &leases);
        let released = tokio::time::timeout(RELEASE_TIME_MAX, released).await;
        if !matches!(released, Ok(Ok(()))) {
            tracing::warn!(count = leases.len(), "leases could not be released");
        }
    }
}

/// Runs one tenant to its end. A panic ends only this tenant: its partial state is dropped, and the
/// rows stay as committed.
async fn unpanicked(tenant: &TenantId, account: impl Future<Output = Stopped>) -> Stopped {
    let run = AssertUnwindSafe(Box::pin(account)).catch_unwind();
    run.await.unwrap_or_else(|_| {
        tracing::error!(business_id = %tenant, "a tenant's task panicked");
        Stopped::Broken(String::from("internal error: its task panicked"))
    })
}

/// Returns the parts of a tenant's row that decide where it runs.
fn placed(planned: &RunPlan) -> Placed<'_> {
    Placed {
        tenant: &planned.tenant,
        enabled: planned.desired.enabled,
        wanted_host: planned.desired.wanted_host.as_deref(),
        owner: planned.owner,
        orphaned: planned.orphaned,
    }
}

#[cfg(test)]
mod tests;
