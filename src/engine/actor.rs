//! One account: its session, its link, its cached rows, and the order in which things happen.
//!
//! The actor waits for one input and adds all others that are already there. The session decides
//! about all of them, the changes are committed in one transaction, and only then are stanzas
//! transmitted.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use futures_util::FutureExt;
use tracing::{debug, error, info, warn};

use crate::crypto::random::Random;
use crate::engine::ailment::{RecoveryStep, Stall};
use crate::engine::downloads::Downloads;
use crate::engine::ledger::{AccountStore, AccountStoreError, Attempt, OpenSends};
use crate::engine::line::{Connector, Hello, Line, LineError};
pub use crate::engine::parts::ActorDeps;
use crate::engine::refusal::RefusalPolicy;
use crate::lead::{AfterReplaced, Token, after_replaced};
use crate::session::account::Ended;
use crate::session::changes::{AccountState, Change};
use crate::session::input::{Input, Now};
use crate::session::link::backoff::Backoff;
use crate::session::link::payload;
use crate::session::link::watchdog::SignOfLife;
use crate::session::machine::Session;
use crate::session::output::{Close, Fetch, Notice, Output};
use crate::session::rows::{Row, RowKey, Rows};
use crate::session::unit::Context;

/// Most inputs that share one transaction. Enough to spread its cost; few enough that a failed
/// transaction repeats little.
const UNIT_INPUTS_MAX: usize = 64;
/// Most rounds of loading rows for one unit: each round follows one more reference between rows.
const WANT_ROUNDS_MAX: usize = 16;
/// Byte size of a unit's changes above which no further input joins it.
const UNIT_BYTES_MAX: usize = 1 << 20;
/// Idle time, in ms, after which an account drops its cached rows.
const ROWS_IDLE_MS: u64 = 10 * 60_000;
/// Most outbox rows read at once.
const SENDS_MAX: u32 = 64;
/// Most consecutive restarts without a wait when the server asks for a restart.
const RESTARTS_MAX: u32 = 3;
/// Capacity of an actor's command queue. Senders wait while it is full.
pub const COMMANDS_MAX: usize = 64;

/// The reason why an actor ended. Not an error: its owner decides what comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Stopped {
    /// The owner asked it to stop.
    Asked,
    /// Another host holds the lease now.
    LeaseLost,
    /// No device is paired.
    Unpaired,
    /// The account must not connect again in its present state.
    Ended(Ended),
    /// The link stays connected but stalled, even after a reconnect and a reload. Another host may
    /// succeed.
    Stalled(SignOfLife),
    /// A setting is wrong. The text says why.
    Misconfigured(String),
    /// The database is unusable, or an internal error. The text says why.
    Broken(String),
}

/// The task that owns one account.
pub struct Actor<L, D> {
    parts: ActorDeps<L, D>,
    random: Box<dyn Random + Send>,
    /// Backoff after a lost connection.
    lost: Backoff,
    /// Backoff after another client replaced our connection.
    replaced: Backoff,
    /// Backoff before a reload, after the database failed or the rows changed.
    reload: Backoff,
    /// The present stall, until the missing signal arrives.
    ailment: Option<Stall>,
    /// Precautions after the database refused a unit.
    care: RefusalPolicy,
}

/// State that is dropped when a commit fails. It is rebuilt from the rows.
struct LoadedSession {
    session: Session,
    rows: Rows,
    queue: VecDeque<Input>,
    /// Position in the outbox from which the next read continues.
    cursor: i64,
    sends: Sends,
    logged_in_ms: Option<u64>,
    downloads: Downloads,
    /// An input to handle together with the next unit of work.
    beside: Option<Input>,
    /// When the last input other than a tick was handled, in monotonic ms.
    worked_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sends {
    /// Not logged in: outbox rows are not read.
    Off,
    /// No unread outbox rows are known.
    Idle,
    /// There may be outbox rows to read.
    Due,
}

/// The reason why the work on one link ended.
pub(super) enum End {
    Stopped(Stopped),
    /// The session must be dropped and loaded again.
    Reload(AccountStoreError),
    /// The same, because the link is connected but stalled.
    Revive(SignOfLife),
    Line(LineError),
    Close(Close),
    /// The database refuses a unit. The session is loaded again, and units become smaller.
    Refused(String),
}

/// The result of some inputs, to commit and transmit.
struct Work {
    out: Output,
    inputs: usize,
    /// The only input, if each input is a unit of its own.
    only: Option<Input>,
}

impl From<AccountStoreError> for End {
    fn from(error: AccountStoreError) -> Self {
        match error {
            AccountStoreError::LeaseLost => Self::Stopped(Stopped::LeaseLost),
            AccountStoreError::Unusable(what) => Self::Stopped(Stopped::Broken(what)),
            AccountStoreError::Refused(why) => Self::Refused(why),
            AccountStoreError::Unavailable(_)
            | AccountStoreError::Unknown
            | AccountStoreError::Stale => Self::Reload(error),
        }
    }
}

impl<L: AccountStore, D: Connector> Actor<L, D> {
    /// Creates an actor that is not running yet.
    pub fn new(parts: ActorDeps<L, D>) -> Self {
        let random = parts.surroundings.entropy.random();
        Self {
            parts,
            random,
            lost: Backoff::reconnect(),
            replaced: Backoff::replaced(),
            reload: Backoff::new(100, 30_000),
            ailment: None,
            care: RefusalPolicy::default(),
        }
    }

    /// Keeps the account connected until something ends it.
    ///
    /// May be called again after a panic: all state that the panic may have left half done is
    /// loaded again.
    pub async fn run(&mut self) -> Stopped {
        loop {
            let end = match Box::pin(self.load()).await {
                Ok(mut life) => Box::pin(self.live(&mut life)).await,
                // An account cannot run without its own row.
                Err(End::Refused(why)) => End::Stopped(Stopped::Broken(why)),
                Err(end) => end,
            };
            let error = match end {
                End::Stopped(stopped) => {
                    let state = match &stopped {
                        Stopped::Ended(Ended::Banned { .. }) => AccountState::Banned,
                        Stopped::Ended(Ended::LoggedOut { .. }) => AccountState::LoggedOut,
                        Stopped::Ended(Ended::Outdated) => AccountState::Outdated,
                        _ => AccountState::Disconnected,
                    };
                    self.parts.say(state, None);
                    return stopped;
                }
                End::Revive(sign) => {
                    let wait_ms = self.lost.next_ms(&mut *self.random);
                    if let Some(stopped) = self.pause(wait_ms).await {
                        return stopped;
                    }
                    warn!(sign = sign.word(), "starting over from the database");
                    continue;
                }
                End::Refused(why) => {
                    self.care.refused();
                    let wait_ms = self.reload.next_ms(&mut *self.random);
                    warn!(%why, wait_ms, "a unit is refused: starting over, input by input");
                    if let Some(stopped) = self.pause(wait_ms).await {
                        return stopped;
                    }
                    continue;
                }
                End::Reload(error) => error,
                End::Line(error) => AccountStoreError::Unavailable(error.to_string()),
                End::Close(close) => {
                    if let Close::Older { pre_key } = close {
                        self.parts.ledger.older(pre_key);
                    }
                    AccountStoreError::Stale
                }
            };
            let wait_ms = self.reload.next_ms(&mut *self.random);
            error!(%error, wait_ms, "starting over from the database");
            self.parts.say(AccountState::Stalled, Some("database"));
            if let Some(stopped) = self.pause(wait_ms).await {
                return stopped;
            }
        }
    }

    /// Publishes the status after a panic, before the restart.
    pub fn panicked(&self) {
        self.parts.say(AccountState::Disconnected, Some("panicked"));
    }

    async fn load(&mut self) -> Result<LoadedSession, End> {
        let account = self.parts.ledger.account().await?;
        let account = account.ok_or(End::Stopped(Stopped::Unpaired))?;
        if let Some(ended) = account.ended.clone().filter(|ended| self.is_final(ended)) {
            return Err(End::Stopped(Stopped::Ended(ended)));
        }
        Ok(LoadedSession {
            session: Session::new(account, self.parts.config.clone()),
            rows: Rows::default(),
            queue: VecDeque::new(),
            cursor: 0,
            sends: Sends::Off,
            logged_in_ms: None,
            downloads: Downloads::default(),
            beside: None,
            worked_ms: self.parts.mono_ms(),
        })
    }

    /// Returns true if the account must not connect. A logout and an export are final. A ban
    /// without an end date, or past its end, and an outdated version are tried again.
    fn is_final(&self, ended: &Ended) -> bool {
        match ended {
            Ended::LoggedOut { .. } | Ended::Exported { .. } => true,
            Ended::Banned { until_ms, .. } => {
                until_ms.is_some_and(|until| self.parts.surroundings.clock.unix_ms() < until)
            }
            Ended::Outdated => false,
        }
    }

    /// Connects repeatedly with one session, until the session must end or be loaded again.
    async fn live(&mut self, life: &mut LoadedSession) -> End {
        let mut restarts = 0;
        loop {
            self.parts.say(AccountState::Connecting, None);
            let end = match Box::pin(self.connect(life)).await {
                Ok(line) => Box::pin(self.serve(life, line)).await,
                Err(end) => end,
            };
            let lasted_ms = life
                .logged_in_ms
                .take()
                .map_or(0, |since| self.parts.mono_ms() - since);
            if 0 < lasted_ms {
                self.parts.meter.connected(Duration::from_millis(lasted_ms));
            }
            self.lost.connected(lasted_ms);
            self.replaced.connected(lasted_ms);
            self.reload.connected(lasted_ms);
            let (state, reason, wait_ms) = match end {
                End::Stopped(_) | End::Reload(_) | End::Revive(_) | End::Refused(_) => return end,
                End::Close(Close::Stalled(sign)) => match self.fall_ill(sign) {
                    RecoveryStep::Reconnect => self.after_loss(AccountState::Stalled, sign.word()),
                    RecoveryStep::Reload => return End::Revive(sign),
                    RecoveryStep::HandOver => return End::Stopped(Stopped::Stalled(sign)),
                },
                End::Line(LineError::Misconfigured(what)) => {
                    return End::Stopped(Stopped::Misconfigured(what));
                }
                End::Close(Close::Ended(ended)) => return End::Stopped(Stopped::Ended(ended)),
                End::Close(Close::Asked) => return End::Stopped(Stopped::Asked),
                End::Close(Close::Restart) if restarts < RESTARTS_MAX => {
                    restarts += 1;
                    continue;
                }
                End::Close(Close::Older { .. }) => return end,
                // The session read a row that was not loaded, so its state cannot be trusted.
                End::Close(Close::Retry {
                    reason: "row_not_loaded",
                }) => {
                    return End::Reload(AccountStoreError::Stale);
                }
                End::Close(Close::Replaced) => {
                    restarts = 0;
                    match self.replaced().await {
                        Some(end) => return end,
                        None => continue,
                    }
                }
                End::Close(Close::Retry { reason }) => {
                    self.after_loss(AccountState::Disconnected, reason)
                }
                End::Close(Close::Restart) => (
                    AccountState::Disconnected,
                    String::from("restart"),
                    self.lost.next_ms(&mut *self.random),
                ),
                End::Line(error) => (
                    AccountState::Disconnected,
                    error.to_string(),
                    self.lost.next_ms(&mut *self.random),
                ),
            };
            restarts = 0;
            warn!(%reason, wait_ms, "disconnected");
            self.parts.say(state, Some(&reason));
            if let Some(stopped) = self.pause(wait_ms).await {
                return End::Stopped(stopped);
            }
        }
    }

    /// Returns the status to publish, its reason, and the wait in ms after a lost connection.
    fn after_loss(&mut self, state: AccountState, reason: &str) -> (AccountState, String, u64) {
        let wait_ms = self.lost.next_ms(&mut *self.random);
        (state, reason.to_owned(), wait_ms)
    }

    /// Selects the next step against a stalled link: reconnect, then reload, then hand over.
    fn fall_ill(&mut self, sign: SignOfLife) -> RecoveryStep {
        let step = match self.ailment.take() {
            None => RecoveryStep::Reconnect,
            Some(ill) if ill.step == RecoveryStep::Reconnect => RecoveryStep::Reload,
            Some(_) => RecoveryStep::HandOver,
        };
        let (sign_word, step_word) = (sign.word(), step.word());
        error!(
            sign = sign_word,
            step = step_word,
            "the session is connected and dead"
        );
        self.parts.say(AccountState::Stalled, Some(sign_word));
        self.ailment = Some(Stall {
            sign,
            step,
            _stalled: self.parts.meter.stalled(sign_word, step_word),
        });
        step
    }

    /// Handles a connection that the server gave to another client. Waits and returns `None` if the
    /// lease is still ours. Returns an end if the lease is lost or the actor is to stop.
    async fn replaced(&mut self) -> Option<End> {
        loop {
            let token = match self.parts.ledger.check().await {
                Ok(()) => Token::Stands,
                Err(AccountStoreError::LeaseLost) => Token::Lost,
                Err(_) => Token::Unknown,
            };
            let wait_ms = self.replaced.next_ms(&mut *self.random);
            let after = after_replaced(token);
            let reason = match after {
                AfterReplaced::Stop => return Some(End::Stopped(Stopped::LeaseLost)),
                AfterReplaced::AskAgain => "replaced",
                AfterReplaced::Alarm => {
                    error!(wait_ms, "a foreign session uses the keys of this device");
                    "foreign_session"
                }
            };
            self.parts.say(AccountState::Replaced, Some(reason));
            if let Some(stopped) = self.pause(wait_ms).await {
                return Some(End::Stopped(stopped));
            }
            if after == AfterReplaced::Alarm {
                return None;
            }
        }
    }

    async fn connect(&mut self, life: &LoadedSession) -> Result<D::Line, End> {
        self.parts.may_dial().await?;
        let account = life.session.account();
        let hello = Hello {
            noise: account.noise.clone(),
            payload: payload::client_payload(account, &self.parts.config),
            routing_info: account.routing_info.clone(),
        };
        tokio::select! {
            biased;
            () = self.parts.stop.asked() => Err(End::Stopped(Stopped::Asked)),
            () = self.parts.lease_lost.cancelled() => Err(End::Stopped(Stopped::LeaseLost)),
            line = self.parts.dial.dial(&hello) => line.map_err(End::Line),
        }
    }

    /// Works until the link ends.
    async fn serve(&mut self, life: &mut LoadedSession, mut line: D::Line) -> End {
        life.queue.clear();
        life.queue.push_back(Input::LinkUp);
        life.sends = Sends::Off;
        let end = loop {
            if let Err(end) = self.turn(life, &mut line).await {
                break end;
            }
        };
        life.queue.clear();
        life.downloads.end().await;
        life.beside = None;
        let gone = matches!(
            end,
            End::Reload(_) | End::Refused(_) | End::Stopped(Stopped::LeaseLost)
        );
        if !gone {
            // A session that is kept must know that the replies that it waits for will not come.
            let mut out = Output::default();
            self.handle(life, Input::LinkDown, &mut out);
            if let Err(error) = self.parts.farewell(&out.changes).await
                && !matches!(end, End::Stopped(_))
            {
                return End::from(error);
            }
        }
        if !self.parts.stop.is_forced() {
            line.close().await;
        }
        end
    }

    /// Performs one wait, one unit of work and one transmission.
    async fn turn(&mut self, life: &mut LoadedSession, line: &mut D::Line) -> Result<(), End> {
        if life.queue.is_empty() {
            self.wait(life, line).await?;
        }
        // Many accounts wait at any time. Boxing keeps the memory for work out of their waiting
        // futures.
        Box::pin(self.work(life, line)).await
    }

    async fn work(&mut self, life: &mut LoadedSession, line: &mut D::Line) -> Result<(), End> {
        self.gather(life, line).await?;
        let mut work = Work {
            out: Output::default(),
            inputs: 0,
            only: None,
        };
        if let Err(end) = self.decide(life, line, &mut work).await {
            return match end {
                End::Refused(why) => self.refuse(life, line, work, why).await,
                end => Err(end),
            };
        }
        let out = work.out;
        self.settle(life);
        if !out.transmit.is_empty() {
            self.parts.may_send().await?;
            line.send(&out.transmit).await.map_err(End::Line)?;
        }
        debug!(
            inputs = work.inputs,
            changes = out.changes.len(),
            sent = out.transmit.len(),
            "unit of work"
        );
        for Fetch { id, reference } in out.fetches {
            let (kind, histories) = (reference.kind, &self.parts.histories);
            let blob = self.parts.dial.fetch(reference);
            life.downloads.start(id, kind, histories, blob);
        }
        for notice in out.notices {
            self.notice(life, notice);
        }
        life.queue.extend(out.again);
        life.beside = out.beside.or(life.beside.take());
        match out.close {
            Some(close) => Err(End::Close(close)),
            None => Ok(()),
        }
    }

    /// Lets the session decide about the waiting inputs, and commits the changes.
    async fn decide(
        &mut self,
        life: &mut LoadedSession,
        line: &mut D::Line,
        work: &mut Work,
    ) -> Result<(), End> {
        let inputs_max = self.care.inputs_max(UNIT_INPUTS_MAX);
        if inputs_max == 1 {
            work.only = life.queue.front().cloned();
        }
        // Loads the rows of all inputs at once. A change of one input may make the next one need
        // more rows.
        self.know(life, inputs_max).await?;
        let (out, mut bytes) = (&mut work.out, 0);
        while work.inputs < inputs_max && out.close.is_none() && bytes < UNIT_BYTES_MAX {
            let Some(input) = life.queue.front() else {
                break;
            };
            work.inputs += 1;
            if self.care.passes_over(input) {
                life.queue.pop_front();
                continue;
            }
            self.know(life, 1).await?;
            let before = out.changes.len();
            if let Some(input) = life.queue.pop_front() {
                self.handle(life, input, out);
            }
            let changes = out.changes.get(before..).unwrap_or_default();
            bytes += changes.iter().map(Change::bytes).sum::<usize>();
        }
        self.care.worked();
        #[cfg(test)]
        super::tests::panic_if_asked(&out.changes);
        if cfg!(feature = "mutants") {
            // Wrong on purpose, never in a release: the crash test must detect it.
            line.send(&out.transmit).await.map_err(End::Line)?;
            out.transmit.clear();
        }
        self.commit(&work.out.changes).await
    }

    /// Handles a unit that the database refuses. If it held several inputs, all are repeated one by
    /// one. A single input is stored as an event with its bytes and acknowledged. In both cases the
    /// session is dropped, because it is ahead of its rows.
    async fn refuse(
        &mut self,
        life: &mut LoadedSession,
        line: &mut D::Line,
        work: Work,
        why: String,
    ) -> Result<(), End> {
        let Some(input) = work.only else {
            return Err(End::Refused(why));
        };
        let now = self.now();
        let made = &work.out.changes;
        let instead = life.session.refuse(now, &input, made, &life.rows, &why);
        let Some(instead) = instead else {
            return Err(End::Stopped(Stopped::Broken(why)));
        };
        match self.commit(&instead.changes).await {
            // The database refuses even the bytes: it is at fault, not the input.
            Err(End::Refused(why)) => return Err(End::Stopped(Stopped::Broken(why))),
            committed => committed?,
        }
        let business_id = self.parts.meter.business_id();
        let input_word = input.word();
        error!(business_id, input = input_word, reason = %why, "an input is refused");
        self.parts.meter.refused(&why);
        self.care.pass_over(&input);
        if !instead.transmit.is_empty() {
            self.parts.may_send().await?;
            line.send(&instead.transmit).await.map_err(End::Line)?;
        }
        Err(End::Refused(why))
    }

    /// Trims the cached rows to the account's share, or drops them if the account is idle.
    fn settle(&mut self, life: &mut LoadedSession) {
        let now_ms = self.parts.mono_ms();
        let idle = life.worked_ms + ROWS_IDLE_MS <= now_ms;
        let room = &mut self.parts.room;
        life.rows.settle(if idle { 0 } else { room.bytes_max() });
        room.keeps(life.rows.bytes());
        if life.queue.is_empty() {
            life.queue.shrink_to(UNIT_INPUTS_MAX);
        }
    }

    /// Waits for one input. Each branch is a single wait that loses nothing when it is dropped.
    async fn wait(&mut self, life: &mut LoadedSession, line: &mut D::Line) -> Result<(), End> {
        if life.sends == Sends::Due {
            life.queue.extend(life.beside.take());
            return Ok(());
        }
        let parts = &mut self.parts;
        let now = parts.surroundings.clock.mono_ms();
        let tick = life
            .session
            .wake_at()
            .map(|at| Duration::from_millis(at.saturating_sub(now)));
        tokio::select! {
            biased;
            () = parts.stop.asked() => return Err(End::Stopped(Stopped::Asked)),
            () = parts.lease_lost.cancelled() => return Err(End::Stopped(Stopped::LeaseLost)),
            nodes = line.receive() => {
                life.queue.extend(nodes.map_err(End::Line)?.into_iter().map(Input::Node));
            }
            Some(command) = parts.commands.recv() => life.queue.push_back(command),
            () = tokio::time::sleep(tick.unwrap_or_default()), if tick.is_some() => {
                life.queue.push_back(Input::Tick);
            }
            Some(blob) = life.downloads.next() => life.queue.push_back(blob),
            () = parts.ledger.outbox_changed(), if life.sends == Sends::Idle => {
                life.sends = Sends::Due;
            }
            // Last branch: any other input goes first, and takes this one along.
            () = std::future::ready(()), if life.beside.is_some() => (),
        }
        life.queue.extend(life.beside.take());
        Ok(())
    }

    /// Adds the inputs that are already there, so that they share the transaction.
    async fn gather(&mut self, life: &mut LoadedSession, line: &mut D::Line) -> Result<(), End> {
        while life.queue.len() < UNIT_INPUTS_MAX {
            match line.receive().now_or_never() {
                Some(Ok(nodes)) => life.queue.extend(nodes.into_iter().map(Input::Node)),
                // Stanzas that arrived before the end of the link are still handled.
                Some(Err(error)) if life.queue.is_empty() => return Err(End::Line(error)),
                Some(Err(_)) | None => break,
            }
        }
        // Deadlines must not starve while the server sends without a pause.
        if life
            .session
            .wake_at()
            .is_some_and(|at| at <= self.parts.mono_ms())
        {
            life.queue.push_back(Input::Tick);
        }
        if life.sends == Sends::Due && life.queue.len() < UNIT_INPUTS_MAX {
            let open = self.open_sends(life.cursor).await?;
            life.cursor = open.cursor;
            life.sends = if open.more { Sends::Due } else { Sends::Idle };
            // An input that needs an unreadable row is refused, and its message with it.
            life.queue
                .extend(open.unreadable.into_iter().map(Input::Send));
            for row in open.rows {
                life.queue.push_back(Input::Send(row.id.clone()));
                let key = RowKey::Outbox(row.id.clone());
                life.rows.load([(key, Some(Row::Outbox(row)))]);
            }
        }
        Ok(())
    }

    async fn open_sends(&mut self, cursor: i64) -> Result<OpenSends, End> {
        let parts = &self.parts;
        let mut patience = parts.patience();
        loop {
            match parts.ledger.open_sends(cursor, SENDS_MAX).await {
                Ok(open) => {
                    parts.relieve(patience);
                    return Ok(open);
                }
                Err(error) => parts.bear(&mut patience, error).await?,
            }
        }
    }

    /// Loads the rows that the session needs for the first `inputs` of the queue.
    async fn know(&mut self, life: &mut LoadedSession, inputs: usize) -> Result<(), End> {
        for _ in 0..WANT_ROUNDS_MAX {
            let inputs = life.queue.iter().take(inputs);
            let wanted: BTreeSet<RowKey> = inputs
                .flat_map(|input| life.session.wants(input, &life.rows))
                .collect();
            let wanted: Vec<RowKey> = wanted.into_iter().collect();
            if wanted.is_empty() {
                return Ok(());
            }
            let parts = &self.parts;
            let mut patience = parts.patience();
            let loaded = loop {
                match parts.ledger.read(&wanted).await {
                    Ok(loaded) => break loaded,
                    Err(error) => parts.bear(&mut patience, error).await?,
                }
            };
            parts.relieve(patience);
            life.rows.load(loaded);
        }
        Ok(())
    }

    fn handle(&mut self, life: &mut LoadedSession, input: Input, out: &mut Output) {
        let now = self.now();
        if input != Input::Tick {
            life.worked_ms = now.mono_ms;
        }
        let mut cx = Context {
            now,
            rng: &mut *self.random,
        };
        life.session.handle(&mut cx, input, &mut life.rows, out);
    }

    fn now(&self) -> Now {
        Now {
            mono_ms: self.parts.surroundings.clock.mono_ms(),
            unix_ms: self.parts.surroundings.clock.unix_ms(),
        }
    }

    async fn commit(&mut self, changes: &[Change]) -> Result<(), End> {
        if changes.is_empty() {
            return Ok(());
        }
        let parts = &self.parts;
        let mut patience = parts.patience();
        let mut attempt = Attempt::First;
        let last_seq = loop {
            match parts.ledger.commit(attempt, changes).await {
                Ok(last_seq) => break last_seq,
                Err(error) => {
                    if error == AccountStoreError::Unknown {
                        attempt = Attempt::Again;
                    }
                    parts.bear(&mut patience, error).await?;
                }
            }
        };
        parts.relieve(patience);
        if 0 < last_seq {
            self.parts
                .status
                .send_modify(|status| status.last_seq = last_seq);
        }
        Ok(())
    }

    fn notice(&mut self, life: &mut LoadedSession, notice: Notice) {
        match notice {
            Notice::LoggedIn => {
                life.logged_in_ms = Some(self.parts.mono_ms());
                life.sends = Sends::Due;
                life.cursor = 0;
                self.parts.status.send_modify(|status| status.logins += 1);
                self.say_connected();
                info!("connected");
            }
            Notice::Acknowledged { after_ms } => {
                let after = Duration::from_millis(after_ms);
                self.parts.meter.acknowledged(after);
            }
            Notice::Works(sign) => {
                if self.ailment.take_if(|ill| ill.sign == sign).is_some() {
                    info!(sign = sign.word(), "the session works again");
                    self.say_connected();
                }
            }
            Notice::HistoryDone => life.downloads.release(),
            Notice::PutAside(record) => warn!(record, "a record of no use is put aside"),
            Notice::LeftOver => warn!("more waits than there is room for; the rest comes again"),
            Notice::KeysRenewed => {
                warn!("the server had keys that the database lacks: it gets fresh ones");
            }
            Notice::NotSentAgain(reason) => warn!(reason, "a message is not sent again"),
            Notice::State(AccountState::Connected) => self.say_connected(),
            Notice::OfflineDone { messages } => info!(messages, "offline queue is empty"),
            Notice::State(state) => self.parts.say(state, None),
            Notice::AppStateUnusable { collection, reason } => {
                warn!(
                    collection = collection.name(),
                    reason, "app state cannot be used"
                );
            }
            other => debug!(kind = other.kind(), "notice"),
        }
    }

    /// Publishes the connected state, or the stall until the missing signal arrives.
    fn say_connected(&self) {
        match &self.ailment {
            None => self.parts.say(AccountState::Connected, None),
            Some(ill) => self.parts.say(AccountState::Stalled, Some(ill.sign.word())),
        }
    }

    /// Waits before the next attempt. Returns a reason if the actor must end instead.
    async fn pause(&mut self, wait_ms: u64) -> Option<Stopped> {
        tokio::select! {
            biased;
            () = self.parts.stop.asked() => Some(Stopped::Asked),
            () = self.parts.lease_lost.cancelled() => Some(Stopped::LeaseLost),
            () = tokio::time::sleep(Duration::from_millis(wait_ms)) => None,
        }
    }
}
