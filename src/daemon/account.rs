//! Keeps one account connected and passes on its committed events.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::app::claim::Claimed;
use crate::app::event::Event;
use crate::app::events::{self, EventsError};
use crate::app::status::{AccountStatus, ElectionStatus, Role, RunEnd};
use crate::app::vitals::{ProcessRole, ProcessStatus};
use crate::app::{App, RowsError};
use crate::daemon::active::span_of;
use crate::daemon::record;
use crate::daemon::record::observed;
use crate::daemon::standby::{Coordinator, CoordinatorNotice, HaOptions, changed};
use crate::daemon::sweep::Sweeper;
use crate::engine::actor::Stopped;
use crate::engine::leased::explained;
use crate::engine::line::LineError;
use crate::engine::status::Status;
use crate::engine::stop::Stop;
use crate::store::error::StoreError;
use crate::store::tenants::ObservedState;

/// Most events that are read at once.
const EVENTS_MAX: u32 = 256;
/// Time during which other processes may take over an account whose link is stalled here.
const GIVE_WAY: Duration = Duration::from_secs(30);
/// Interval at which this process checks whether another one took over.
const GIVE_WAY_LOOK: Duration = Duration::from_millis(100);
/// Longest time to read events back, so that other notices do not wait for a hung database.
const READ_TIME_MAX: Duration = Duration::from_secs(5);
/// Wait before the events are read again.
const READ_AGAIN: Duration = Duration::from_millis(250);
/// Longest time that the end waits for the last state to be written.
const RECORD_TIME_MAX: Duration = Duration::from_secs(1);
/// Capacity of the queue of the coordinator's notices.
const NOTICES_MAX: usize = 64;

/// Options of [`run`].
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// First event number to pass on; `None` passes on only events committed from now on.
    pub from_seq: Option<i64>,
    /// Longest time of a graceful stop.
    pub grace: Duration,
    /// With `Some`, stand by while another process runs the account, and take over when it ends.
    pub ha: Option<HaOptions>,
}

/// What the caller receives while the account runs.
#[derive(Debug)]
pub enum RunNotice {
    Status(AccountStatus),
    Role(Role),
    /// The phase of leader election in this process; only with [`RunOptions::ha`].
    Lease(ElectionStatus),
    /// A committed event; events come in order.
    Event(Box<Event>),
}

/// The reason why the account was not started.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Rows(#[from] RowsError),
    #[error(transparent)]
    Line(#[from] LineError),
    /// The events from the requested number on do not exist.
    #[error(transparent)]
    Events(EventsError),
}

/// Runs the account until it ends. If `tell` breaks, a graceful stop begins.
pub async fn run(
    app: &App,
    options: &RunOptions,
    stop: &Stop,
    tell: &mut (dyn FnMut(RunNotice) -> ControlFlow<()> + Send),
) -> Result<RunEnd, RunError> {
    loop {
        let version = app.client_version();
        let end = attempt(app, options, stop, tell).await?;
        match end {
            // Another one was set while it ran.
            RunEnd::Outdated if version != app.client_version() && !stop.is_asked() => continue,
            RunEnd::Stalled { .. } if !stop.is_asked() => (),
            end => return Ok(end),
        }
        tracing::warn!(%end, "releasing the lease to a standby");
        give_way(app, stop).await;
    }
}

/// Lets another process take over the account. If none does within 30 s, this one may try again.
async fn give_way(app: &App, stop: &Stop) {
    let until = Instant::now() + GIVE_WAY;
    while Instant::now() < until && stop.sleep(GIVE_WAY_LOOK).await {
        let holder = app.store.holder(&app.settings.tenant).await;
        if holder.is_ok_and(|holder| holder.is_some_and(|holder| !holder.dead)) {
            return;
        }
    }
}

/// Runs the account until it ends or must be handed over.
async fn attempt(
    app: &App,
    options: &RunOptions,
    stop: &Stop,
    tell: &mut (dyn FnMut(RunNotice) -> ControlFlow<()> + Send),
) -> Result<RunEnd, RunError> {
    let app = &app.launched().await?;
    let mut tell = |notice: RunNotice| {
        app.note(&notice);
        tell(notice)
    };
    let tell: &mut (dyn FnMut(RunNotice) -> ControlFlow<()> + Send) = &mut tell;
    if app
        .store
        .account(&app.settings.tenant)
        .await
        .map_err(RowsError::of)?
        .is_none()
    {
        return Ok(RunEnd::Unpaired);
    }
    if let Some(from_seq) = options.from_seq {
        let there = events::check(app, from_seq).await;
        there.map_err(|error| match error {
            EventsError::Rows(error) => error.into(),
            error => RunError::Events(error),
        })?;
    }
    let (records, seen) = mpsc::channel(NOTICES_MAX);
    let mut recorder = JoinSet::new();
    let clock = app.surroundings.clock.clone();
    recorder.spawn(record::keep(app.store.clone(), clock, seen));
    let mut follower = Follower {
        app,
        options,
        stop,
        tell,
        feed: None,
        status: None,
        epoch: 0,
        recorded: None,
        records,
    };
    // Separate tasks, so that a slow reader of events does not delay them.
    let (mut work, mut sweeper) = (JoinSet::new(), JoinSet::new());
    sweeper.spawn(Sweeper::new(app).keep(app.surroundings.clone()));
    let Some(ha) = &options.ha else {
        let Claimed { host, lease, lock } = app.claim().await?;
        let epoch = lease.epoch;
        follower.say(RunNotice::Role(Role::Leader { epoch }));
        let next_seq = app.last_seq().await? + 1;
        let (live, account) = app.run_account(host, lease.clone(), stop)?;
        follower.begin(next_seq, live.status).await;
        work.spawn(async move { Some(account.await) });
        let stopped = follower.follow(work, mpsc::channel(1).1).await;
        recorded(follower, recorder).await;
        app.release(lease).await;
        drop(lock);
        return Ok(stopped.map_or(RunEnd::Stopped, RunEnd::from));
    };
    let (notices, told) = mpsc::channel(NOTICES_MAX);
    let own = app.of(app.settings.tenant.clone(), app.launch.clone());
    let coordinator = Coordinator::new(own, app.dial()?, ha, stop, notices);
    let span = span_of(&app.settings.tenant);
    work.spawn(coordinator.keep().instrument(span));
    let stopped = follower.follow(work, told).await;
    recorded(follower, recorder).await;
    Ok(stopped.map_or(RunEnd::Stopped, RunEnd::from))
}

/// Waits until the last state is written, for at most [`RECORD_TIME_MAX`].
async fn recorded(follower: Follower<'_>, mut recorder: JoinSet<()>) {
    drop(follower);
    let _ = tokio::time::timeout(RECORD_TIME_MAX, recorder.join_next()).await;
}

/// Passes on committed events and the account's states, while the account runs in other tasks.
struct Follower<'a> {
    app: &'a App,
    options: &'a RunOptions,
    stop: &'a Stop,
    tell: &'a mut (dyn FnMut(RunNotice) -> ControlFlow<()> + Send),
    feed: Option<Feed>,
    status: Option<watch::Receiver<Status>>,
    /// The epoch in which this process leads.
    epoch: i64,
    /// The last state that was queued to be written.
    recorded: Option<AccountStatus>,
    records: mpsc::Sender<ObservedState>,
}

impl Follower<'_> {
    /// Follows the account until its task has ended.
    async fn follow(
        &mut self,
        mut work: JoinSet<Option<Stopped>>,
        mut told: mpsc::Receiver<CoordinatorNotice>,
    ) -> Option<Stopped> {
        // A separate task, because passing events on may wait for the database.
        let mut grace = JoinSet::new();
        let (stop, time) = (self.stop.clone(), self.options.grace);
        grace.spawn(async move {
            stop.asked().await;
            tokio::time::sleep(time).await;
            stop.force();
        });
        let stopped = loop {
            tokio::select! {
                Some(stopped) = work.join_next() => break stopped.unwrap_or_else(|error| {
                    tracing::error!(%error, "the account's task failed");
                    Some(Stopped::Broken(String::from("internal error")))
                }),
                Some(notice) = told.recv() => self.heard(notice).await,
                () = changed(&mut self.status) => self.pass_on().await,
                () = tokio::time::sleep(READ_AGAIN), if self.is_behind() => self.pass_on().await,
                () = self.stop.forced() => {
                    tracing::warn!("the clean stop took too long");
                    work.shutdown().await;
                    break None;
                }
            }
        };
        while let Ok(notice) = told.try_recv() {
            self.heard(notice).await;
        }
        self.pass_on().await;
        stopped
    }

    fn is_behind(&self) -> bool {
        self.status.is_some() && self.feed.as_ref().is_some_and(|feed| feed.behind)
    }

    async fn heard(&mut self, notice: CoordinatorNotice) {
        match notice {
            CoordinatorNotice::Reign { next_seq, status } => self.begin(next_seq, status).await,
            CoordinatorNotice::State(state) => self.say(RunNotice::Lease(state)),
            CoordinatorNotice::Role(role) => {
                if role == Role::Fenced {
                    self.pass_on().await;
                    self.status = None;
                }
                self.say(RunNotice::Role(role));
            }
        }
    }

    /// Starts to follow an account that runs now; `next_seq` is the number of its next event.
    async fn begin(&mut self, next_seq: i64, status: watch::Receiver<Status>) {
        let resumed = self.options.from_seq.is_some();
        let next = match (&self.feed, self.options.from_seq) {
            // Events that another process committed meanwhile are passed on too.
            (Some(feed), _) if resumed => feed.next,
            (_, from_seq) => from_seq.unwrap_or(next_seq),
        };
        self.status = Some(status);
        self.feed = Some(Feed {
            next,
            said: None,
            behind: false,
        });
        self.hand_on(&Status::new(0)).await;
    }

    async fn pass_on(&mut self) {
        if let Some(status) = &mut self.status {
            let status = status.borrow_and_update().clone();
            self.record(&status);
            self.hand_on(&status).await;
        }
    }

    /// Queues a new state to be written. If the queue is full, the state is dropped, and the next
    /// one is tried.
    fn record(&mut self, status: &Status) {
        let shape = AccountStatus::from(status.clone());
        if status.since_ms == 0 || self.recorded.as_ref() == Some(&shape) {
            return;
        }
        let seen = observed(&self.app.settings.tenant, self.epoch, status);
        if self.records.try_send(seen).is_ok() {
            self.recorded = Some(shape);
        }
    }

    async fn hand_on(&mut self, status: &Status) {
        let Some(feed) = &mut self.feed else { return };
        tokio::select! {
            flow = feed.pass_on(self.app, status, self.tell) => if flow.is_break() {
                self.stop.ask();
            },
            // A caller that reads from an event number gets these events after the next start.
            () = self.stop.forced() => (),
        }
    }

    fn say(&mut self, notice: RunNotice) {
        if let RunNotice::Role(Role::Leader { epoch }) = &notice {
            (self.epoch, self.recorded) = (*epoch, None);
        }
        if (self.tell)(notice).is_break() {
            self.stop.ask();
        }
    }
}

impl App {
    /// Returns the number of the tenant's newest event.
    pub(crate) async fn last_seq(&self) -> Result<i64, RowsError> {
        let last = self.store.last_event(&self.settings.tenant).await;
        last.map_err(RowsError::of)
    }
}

/// Reads committed events back. A slow reader delays only itself.
struct Feed {
    next: i64,
    said: Option<AccountStatus>,
    /// The last attempt to read failed.
    behind: bool,
}

impl Feed {
    async fn pass_on(
        &mut self,
        app: &App,
        status: &Status,
        tell: &mut (dyn FnMut(RunNotice) -> ControlFlow<()> + Send),
    ) -> ControlFlow<()> {
        let shape = AccountStatus::from(status.clone());
        if 0 < status.since_ms && self.said.as_ref() != Some(&shape) {
            self.said = Some(shape.clone());
            tell(RunNotice::Status(shape))?;
        }
        self.behind = false;
        if 0 < status.since_ms && status.last_seq < self.next {
            return ControlFlow::Continue(());
        }
        loop {
            let tenant = &app.settings.tenant;
            let read = app.store.events(tenant, self.next, EVENTS_MAX);
            let read = tokio::time::timeout(READ_TIME_MAX, read).await;
            let events = match read.unwrap_or(Err(StoreError::Busy)) {
                Ok(events) => events,
                Err(error) => {
                    // The events are committed, so the next read finds them.
                    tracing::warn!(error = %explained(&error), "events could not be read back");
                    self.behind = true;
                    return ControlFlow::Continue(());
                }
            };
            let Some(last) = events.last() else {
                return ControlFlow::Continue(());
            };
            self.next = last.seq + 1;
            let more = u32::try_from(events.len()) == Ok(EVENTS_MAX);
            for event in events {
                tell(RunNotice::Event(Box::new(Event::of(tenant, event))))?;
            }
            if !more {
                return ControlFlow::Continue(());
            }
        }
    }
}

impl App {
    /// Records what happens to this process's account in the health state and the metrics.
    fn note(&self, notice: &RunNotice) {
        let tenant = &self.settings.tenant;
        match notice {
            RunNotice::Role(role) => {
                self.board.write(|vitals| {
                    vitals.tenant = Some(tenant.clone());
                    if take_part(vitals, role) {
                        self.metrics.took_over(1);
                    }
                });
                if !matches!(role, Role::Leader { .. }) {
                    self.metrics.lease_ended(tenant);
                }
            }
            RunNotice::Status(status) => self.board.write(|vitals| {
                vitals.connected = u64::from(status.state == "connected").min(vitals.tenants);
                vitals.account = Some(status.clone());
            }),
            RunNotice::Event(_) | RunNotice::Lease(_) => (),
        }
    }
}

/// Updates the role in `vitals`. Returns true if this is a takeover from another process.
fn take_part(vitals: &mut ProcessStatus, role: &Role) -> bool {
    let before = std::mem::take(vitals);
    let mut took_over = false;
    let (part, epoch, holder) = match role {
        Role::Standby { holder } => (ProcessRole::Standby, 0, holder.clone()),
        Role::Leader { epoch } => {
            took_over = before.holder.is_some();
            (ProcessRole::Leader, *epoch, None)
        }
        Role::Fenced => (ProcessRole::Fenced, 0, None),
    };
    *vitals = ProcessStatus {
        part,
        tenant: before.tenant,
        epoch,
        holder,
        account: None,
        tenants: u64::from(part == ProcessRole::Leader),
        connected: 0,
        takeovers: before.takeovers + u64::from(took_over),
        lease: before.lease,
    };
    took_over
}
