//! Keeps one account connected and hands on what is committed.

use std::fmt;
use std::ops::ControlFlow;
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::engine::actor::Stopped;
use crate::engine::leased::explained;
use crate::engine::line::LineError;
use crate::engine::status::Status;
use crate::engine::stop::Stop;
use crate::ops::event::Event;
use crate::ops::live::Live;
use crate::ops::open::{App, RowsError};
use crate::ops::shapes::{state_word, time};
use crate::ops::standby::{self, HaOptions, Heartbeat, Role};
use crate::session::account::Ended;

/// Events that are read at once.
const EVENTS_MAX: u32 = 256;
/// How long others may take an account over that is connected and dead here.
const GIVE_WAY: Duration = Duration::from_secs(30);
/// How often it is looked whether somebody did.
const GIVE_WAY_LOOK: Duration = Duration::from_millis(100);

/// How to run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Hand on events from this number; without one, only those that are committed from now on.
    pub from_seq: Option<i64>,
    /// How long an orderly stop may take.
    pub grace: Duration,
    /// Stand by while another process runs the account, and take over when it is gone.
    pub ha: Option<HaOptions>,
}

/// What the caller is told while the account runs.
#[derive(Debug)]
pub enum RunNotice {
    Status(AccountStatus),
    Role(Role),
    /// Committed, in order.
    Event(Box<Event>),
}

/// The state of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountStatus {
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub since: String,
}

impl From<Status> for AccountStatus {
    fn from(status: Status) -> Self {
        Self {
            state: state_word(status.state),
            reason: status.reason,
            since: time(status.since_ms),
        }
    }
}

/// Why the account is not run any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// It was asked to stop.
    Stopped,
    /// No device is paired.
    Unpaired,
    /// The phone or the server unlinked the device.
    LoggedOut { reason: String },
    /// Banned, until a time where the server gave one.
    Banned { code: u32, until: Option<String> },
    /// The server wants a newer client version.
    Outdated,
    /// Another program goes on with its keys.
    Exported { to: String, at: String },
    /// Another process may write now.
    LeaseLost,
    /// The session was connected and dead, whatever was tried.
    Stalled { reason: &'static str },
    /// Something is unusable and does not get better by itself.
    Broken(String),
}

impl fmt::Display for RunEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::Unpaired => f.write_str("not paired"),
            Self::LoggedOut { reason } => write!(f, "logged out: {reason}"),
            Self::Banned { code, until: None } => write!(f, "banned (code {code})"),
            Self::Banned {
                code,
                until: Some(until),
            } => write!(f, "banned until {until} (code {code})"),
            Self::Outdated => f.write_str("client version is outdated"),
            Self::Exported { to, at } => write!(f, "exported to {to} at {at}"),
            Self::LeaseLost => f.write_str("another process took over"),
            Self::Stalled { reason } => write!(f, "connected and dead: {reason}"),
            Self::Broken(what) => f.write_str(what),
        }
    }
}

/// Why it was not even started.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Rows(#[from] RowsError),
    #[error(transparent)]
    Line(#[from] LineError),
}

/// Runs the account until it ends. `tell` may break off, which is an orderly stop.
pub async fn run(
    app: &App,
    options: &RunOptions,
    stop: &Stop,
    tell: &mut (dyn FnMut(RunNotice) -> ControlFlow<()> + Send),
) -> Result<RunEnd, RunError> {
    loop {
        let end = attempt(app, options, stop, tell).await?;
        if !matches!(end, RunEnd::Stalled { .. }) || stop.is_asked() {
            return Ok(end);
        }
        tracing::warn!(%end, "the lease is given to whoever stands by");
        give_way(app, stop).await;
    }
}

/// Lets another process take the account over; if nobody does, this one may try again.
async fn give_way(app: &App, stop: &Stop) {
    let until = Instant::now() + GIVE_WAY;
    while Instant::now() < until && stop.sleep(GIVE_WAY_LOOK).await {
        let holder = app.store.holder(&app.settings.tenant).await;
        if holder.is_ok_and(|holder| holder.is_some_and(|holder| !holder.dead)) {
            return;
        }
    }
}

/// Runs the account until it ends, or must be given away.
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
    let Some(ha) = &options.ha else {
        let (host, lease) = app.claim().await?;
        tell_role(tell, Role::Leader { epoch: lease.epoch }, stop);
        let (live, account) = app.run_account(host, lease.clone(), stop)?;
        let stopped = lead(app, options, live, account, stop, tell).await?;
        app.release(lease).await;
        return Ok(RunEnd::from(stopped));
    };
    loop {
        let mut tell_of = |role| tell_role(tell, role, stop);
        let Some(reign) = standby::stand_by(app, ha, stop, &mut tell_of).await else {
            return Ok(RunEnd::Stopped);
        };
        let lease = reign.lease.clone();
        tell_of(Role::Leader { epoch: lease.epoch });
        let (lost, end) = (CancellationToken::new(), CancellationToken::new());
        let heartbeat = Heartbeat::new(app, reign, ha, lost.clone());
        let mut keeper = JoinSet::new();
        keeper.spawn(heartbeat.keep(end.clone()));
        let (live, account) = app.run_leased(lease.clone(), stop, lost)?;
        let stopped = lead(app, options, live, account, stop, tell).await?;
        // First the lease, then the lock: whoever waits for the lock finds the lease free.
        if stopped != Stopped::LeaseLost {
            app.release(lease).await;
        }
        end.cancel();
        keeper.join_next().await;
        if stopped != Stopped::LeaseLost {
            return Ok(RunEnd::from(stopped));
        }
        tell_role(tell, Role::Fenced, stop);
    }
}

fn tell_role(tell: &mut (dyn FnMut(RunNotice) -> ControlFlow<()> + Send), role: Role, stop: &Stop) {
    if tell(RunNotice::Role(role)).is_break() {
        stop.ask();
    }
}

/// Runs the account while the lease is held.
async fn lead(
    app: &App,
    options: &RunOptions,
    live: Live,
    account: impl Future<Output = Stopped> + Send + 'static,
    stop: &Stop,
    tell: &mut (dyn FnMut(RunNotice) -> ControlFlow<()> + Send),
) -> Result<Stopped, RunError> {
    let mut feed = Feed {
        app,
        next: match options.from_seq {
            Some(seq) => seq,
            None => app.last_seq().await? + 1,
        },
        said: None,
    };
    let mut status = live.status;
    let grace = async {
        stop.asked().await;
        tokio::time::sleep(options.grace).await;
        stop.force();
        std::future::pending::<()>().await;
    };
    tokio::pin!(grace);
    // A task of its own: whoever reads the events slowly must not hold it up.
    let mut account_task = JoinSet::new();
    account_task.spawn(account);
    if feed.pass_on(&Status::new(0), tell).await.is_break() {
        stop.ask();
    }
    let stopped = loop {
        tokio::select! {
            Some(stopped) = account_task.join_next() => break stopped.unwrap_or_else(|error| {
                tracing::error!(%error, "the account's task ended badly");
                Stopped::Broken(String::from("internal error"))
            }),
            Ok(()) = status.changed() => {
                let status = status.borrow_and_update().clone();
                if feed.pass_on(&status, tell).await.is_break() {
                    stop.ask();
                }
            }
            () = &mut grace => (),
        }
    };
    let last = status.borrow_and_update().clone();
    let _ = feed.pass_on(&last, tell).await;
    Ok(stopped)
}

impl App {
    pub(super) async fn last_seq(&self) -> Result<i64, RowsError> {
        let last = self.store.last_event(&self.settings.tenant).await;
        last.map_err(RowsError::of)
    }
}

/// Reads committed events back: a slow reader holds up nothing but itself.
struct Feed<'a> {
    app: &'a App,
    next: i64,
    said: Option<AccountStatus>,
}

impl Feed<'_> {
    async fn pass_on(
        &mut self,
        status: &Status,
        tell: &mut (dyn FnMut(RunNotice) -> ControlFlow<()> + Send),
    ) -> ControlFlow<()> {
        let shape = AccountStatus::from(status.clone());
        if 0 < status.since_ms && self.said.as_ref() != Some(&shape) {
            self.said = Some(shape.clone());
            tell(RunNotice::Status(shape))?;
        }
        if 0 < status.since_ms && status.last_seq < self.next {
            return ControlFlow::Continue(());
        }
        loop {
            let tenant = &self.app.settings.tenant;
            let events = match self.app.store.events(tenant, self.next, EVENTS_MAX).await {
                Ok(events) => events,
                Err(error) => {
                    // They are committed: the next look finds them.
                    tracing::warn!(error = %explained(&error), "events could not be read back");
                    return ControlFlow::Continue(());
                }
            };
            let Some(last) = events.last() else {
                return ControlFlow::Continue(());
            };
            self.next = last.seq + 1;
            let more = u32::try_from(events.len()) == Ok(EVENTS_MAX);
            for event in events {
                tell(RunNotice::Event(Box::new(event.into())))?;
            }
            if !more {
                return ControlFlow::Continue(());
            }
        }
    }
}

impl From<Stopped> for RunEnd {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Asked => Self::Stopped,
            Stopped::LeaseLost => Self::LeaseLost,
            Stopped::Stalled(sign) => Self::Stalled {
                reason: sign.word(),
            },
            Stopped::Unpaired => Self::Unpaired,
            Stopped::Ended(Ended::LoggedOut { reason, .. }) => Self::LoggedOut { reason },
            Stopped::Ended(Ended::Banned { code, until_ms }) => Self::Banned {
                code,
                until: until_ms.map(time),
            },
            Stopped::Ended(Ended::Outdated) => Self::Outdated,
            Stopped::Ended(Ended::Exported { to, at_ms }) => Self::Exported {
                to,
                at: time(at_ms),
            },
            Stopped::Broken(what) => Self::Broken(what),
        }
    }
}
