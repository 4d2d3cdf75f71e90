//! One account: its session, its link, its rows at hand, and the order in which things happen.
//!
//! The actor waits for one thing and collects what else is there already. The session decides about
//! all of it; the changes are committed in one transaction; only then are stanzas transmitted.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::clock::Surroundings;
use crate::crypto::random::Random;
use crate::engine::downloads::Downloads;
use crate::engine::gate::Gate;
use crate::engine::ledger::{Attempt, Ledger, LedgerError, OpenSends};
use crate::engine::line::{Dial, Hello, Line, LineError};
use crate::engine::status::Status;
use crate::engine::stop::Stop;
use crate::lead::{AfterReplaced, Token, after_replaced};
use crate::metrics::{Meter, Stalled};
use crate::session::account::{Account, Ended};
use crate::session::backoff::Backoff;
use crate::session::changes::{AccountState, Change};
use crate::session::config::ClientConfig;
use crate::session::input::{Input, Now};
use crate::session::machine::Session;
use crate::session::output::{Close, Fetch, Notice, Output};
use crate::session::payload;
use crate::session::pulse::Sign;
use crate::session::rows::{Row, RowKey, Rows};
use crate::session::unit::Context;

/// Most inputs that share one transaction: enough to make its cost small for each, few enough that
/// a failed one repeats little.
const UNIT_INPUTS_MAX: usize = 64;
/// How often one input may ask for more rows: each round follows one reference further.
const WANT_ROUNDS_MAX: usize = 16;
/// Rows at hand before all are forgotten: a few tens of megabytes at the very most.
const ROWS_MAX: usize = 4_096;
/// Outbox rows taken in at once.
const SENDS_MAX: u32 = 64;
/// How long a unit of work waits for the database before the link is given up: an outage of ten
/// seconds and what the server needs to accept again. WhatsApp closes a link that is silent for 30.
const STORE_PATIENCE: Duration = Duration::from_secs(15);
/// First and longest wait between two attempts to reach the database.
const STORE_RETRY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));
/// A restart that the server asks for happens at once, but not endlessly.
const RESTARTS_MAX: u32 = 3;
/// Commands that wait for the actor; senders wait when there are more.
pub const COMMANDS_MAX: usize = 64;

/// Why an actor ended. Not an error: its owner decides what comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Stopped {
    /// Its owner asked for it.
    Asked,
    /// Another host may write now.
    LeaseLost,
    /// No device is paired.
    Unpaired,
    /// The account must not connect again as it is.
    Ended(Ended),
    /// The account is connected and dead here, whatever is tried: another host may have more luck.
    Stalled(Sign),
    /// The database or a setting is unusable.
    Broken(String),
}

/// What an actor works with.
#[derive(Debug)]
pub struct Parts<L, D> {
    pub ledger: L,
    pub dial: D,
    pub surroundings: Surroundings,
    pub config: ClientConfig,
    pub stop: Stop,
    /// Cancelled when the lease is known to be lost.
    pub lease_lost: CancellationToken,
    /// Open while the process may act for its accounts.
    pub gate: Gate,
    pub status: watch::Sender<Status>,
    pub commands: mpsc::Receiver<Input>,
    /// Shared by all accounts of the process.
    pub histories: Arc<Semaphore>,
    pub meter: Meter,
}

/// The task that owns one account.
pub struct Actor<L, D> {
    parts: Parts<L, D>,
    random: Box<dyn Random + Send>,
    /// Waits between connections that were lost.
    lost: Backoff,
    /// Waits after another client took our place.
    replaced: Backoff,
    /// Waits after the rows could not be trusted or reached.
    reload: Backoff,
    /// What is missing although the link lives, until it comes.
    ailment: Option<Ailment>,
}

/// A session that is connected and dead, and how often something was done about it.
struct Ailment {
    sign: Sign,
    step: Step,
    /// Counts it as stalled.
    _stalled: Stalled,
}

/// What is done about a dead session, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Reconnect,
    /// Throws away what is in memory and starts from the rows.
    Reload,
    /// Gives the account away.
    HandOver,
}

impl Step {
    fn word(self) -> &'static str {
        match self {
            Self::Reconnect => "reconnect",
            Self::Reload => "reload",
            Self::HandOver => "hand_over",
        }
    }
}

/// Everything that is thrown away when a commit fails: it starts again from the rows.
struct Life {
    session: Session,
    rows: Rows,
    queue: VecDeque<Input>,
    /// Where the outbox goes on, and whether there may be more; only while logged in.
    cursor: i64,
    sends: Sends,
    logged_in_ms: Option<u64>,
    downloads: Downloads,
    /// Handled with the next unit of work.
    beside: Option<Input>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sends {
    /// Not logged in: nothing is fed.
    Off,
    /// Nothing new is known of.
    Idle,
    /// There may be rows to feed.
    Due,
}

/// How long one call of the database may go on failing.
struct Patience {
    until: u64,
    wait: Duration,
    /// The state to return to, once something failed.
    stalled: Option<AccountState>,
}

/// Why the wait or the work on one link ended.
enum End {
    Stopped(Stopped),
    /// The session is to be thrown away and loaded again.
    Reload(LedgerError),
    /// The same, because it is connected and dead.
    Revive(Sign),
    Line(LineError),
    Close(Close),
}

impl From<LedgerError> for End {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::LeaseLost => Self::Stopped(Stopped::LeaseLost),
            LedgerError::Unusable(what) => Self::Stopped(Stopped::Broken(what)),
            LedgerError::Unavailable(_) | LedgerError::Unknown | LedgerError::Stale => {
                Self::Reload(error)
            }
        }
    }
}

impl<L: Ledger, D: Dial> Actor<L, D> {
    /// An actor that has done nothing yet.
    pub fn new(parts: Parts<L, D>) -> Self {
        let random = parts.surroundings.entropy.random();
        Self {
            parts,
            random,
            lost: Backoff::reconnect(),
            replaced: Backoff::replaced(),
            reload: Backoff::new(100, 30_000),
            ailment: None,
        }
    }

    /// Keeps the account connected until something ends it.
    ///
    /// May be called again after it panicked: everything that the panic could have left half done
    /// is loaded again.
    pub async fn run(&mut self) -> Stopped {
        loop {
            let end = match Box::pin(self.load()).await {
                Ok(mut life) => Box::pin(self.live(&mut life)).await,
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
                End::Reload(error) => error,
                End::Line(error) => LedgerError::Unavailable(error.to_string()),
                End::Close(_) => LedgerError::Stale,
            };
            let wait_ms = self.reload.next_ms(&mut *self.random);
            error!(%error, wait_ms, "starting over from the database");
            self.parts.say(AccountState::Stalled, Some("database"));
            if let Some(stopped) = self.pause(wait_ms).await {
                return stopped;
            }
        }
    }

    /// Says that it panicked, and waits to start over.
    pub fn panicked(&self) {
        self.parts.say(AccountState::Disconnected, Some("panicked"));
    }

    async fn load(&mut self) -> Result<Life, End> {
        let account = self.parts.ledger.account().await?;
        let account = account.ok_or(End::Stopped(Stopped::Unpaired))?;
        if let Some(ended) = account.ended.clone().filter(|ended| self.is_final(ended)) {
            return Err(End::Stopped(Stopped::Ended(ended)));
        }
        Ok(Life {
            session: Session::new(account, self.parts.config.clone()),
            rows: Rows::default(),
            queue: VecDeque::new(),
            cursor: 0,
            sends: Sends::Off,
            logged_in_ms: None,
            downloads: Downloads::default(),
            beside: None,
        })
    }

    /// A ban runs out, and a newer version may be welcome again; being unlinked is for good.
    fn is_final(&self, ended: &Ended) -> bool {
        match ended {
            Ended::LoggedOut { .. } | Ended::Exported { .. } => true,
            Ended::Banned { until_ms, .. } => {
                until_ms.is_some_and(|until| self.parts.surroundings.clock.unix_ms() < until)
            }
            Ended::Outdated => false,
        }
    }

    /// Connects again and again, with one session.
    async fn live(&mut self, life: &mut Life) -> End {
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
            let (state, reason, wait_ms) = match end {
                End::Stopped(_) | End::Reload(_) | End::Revive(_) => return end,
                End::Close(Close::Stalled(sign)) => match self.fall_ill(sign) {
                    Step::Reconnect => self.after_loss(AccountState::Stalled, sign.word()),
                    Step::Reload => return End::Revive(sign),
                    Step::HandOver => return End::Stopped(Stopped::Stalled(sign)),
                },
                End::Line(LineError::Misconfigured(what)) => {
                    return End::Stopped(Stopped::Broken(what));
                }
                End::Close(Close::Ended(ended)) => return End::Stopped(Stopped::Ended(ended)),
                End::Close(Close::Asked) => return End::Stopped(Stopped::Asked),
                End::Close(Close::Restart) if restarts < RESTARTS_MAX => {
                    restarts += 1;
                    continue;
                }
                // The session read a row that was not there: nothing that it holds can be trusted.
                End::Close(Close::Retry {
                    reason: "row_not_loaded",
                }) => {
                    return End::Reload(LedgerError::Stale);
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

    /// What to say, and how long to wait, after a connection was lost.
    fn after_loss(&mut self, state: AccountState, reason: &str) -> (AccountState, String, u64) {
        let wait_ms = self.lost.next_ms(&mut *self.random);
        (state, reason.to_owned(), wait_ms)
    }

    /// Decides what to do about a session that is connected and dead: more, the longer it lasts.
    fn fall_ill(&mut self, sign: Sign) -> Step {
        let step = match self.ailment.take() {
            None => Step::Reconnect,
            Some(ill) if ill.step == Step::Reconnect => Step::Reload,
            Some(_) => Step::HandOver,
        };
        let (sign_word, step_word) = (sign.word(), step.word());
        error!(
            sign = sign_word,
            step = step_word,
            "the session is connected and dead"
        );
        self.parts.say(AccountState::Stalled, Some(sign_word));
        self.ailment = Some(Ailment {
            sign,
            step,
            _stalled: self.parts.meter.stalled(sign_word, step_word),
        });
        step
    }

    /// The server gave our place away: waits, and ends it all where that was to the process that
    /// holds the lease now.
    async fn replaced(&mut self) -> Option<End> {
        loop {
            let token = match self.parts.ledger.check().await {
                Ok(()) => Token::Stands,
                Err(LedgerError::LeaseLost) => Token::Lost,
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

    async fn connect(&mut self, life: &Life) -> Result<D::Line, End> {
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
    async fn serve(&mut self, life: &mut Life, mut line: D::Line) -> End {
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
        if !matches!(end, End::Reload(_) | End::Stopped(Stopped::LeaseLost)) {
            // A session that is kept must know that whatever it waits for will not come.
            let mut out = Output::default();
            self.handle(life, Input::LinkDown, &mut out);
            debug_assert!(out.changes.is_empty(), "a lost link changes no rows");
        }
        if !self.parts.stop.is_forced() {
            line.close().await;
        }
        end
    }

    /// One wait, one unit of work, one transmission.
    async fn turn(&mut self, life: &mut Life, line: &mut D::Line) -> Result<(), End> {
        if life.queue.is_empty() {
            self.wait(life, line).await?;
        }
        // Many accounts wait at any time: what the work needs is not kept for them.
        Box::pin(self.work(life, line)).await
    }

    async fn work(&mut self, life: &mut Life, line: &mut D::Line) -> Result<(), End> {
        self.gather(life, line).await?;
        let mut out = Output::default();
        let mut inputs = 0;
        // The rows of all inputs at once; what an input changes may make the next want others.
        self.know(life, UNIT_INPUTS_MAX).await?;
        while inputs < UNIT_INPUTS_MAX && out.close.is_none() && !life.queue.is_empty() {
            self.know(life, 1).await?;
            if let Some(input) = life.queue.pop_front() {
                inputs += 1;
                self.handle(life, input, &mut out);
            }
        }
        #[cfg(test)]
        super::tests::panic_if_asked(&out.changes);
        if cfg!(feature = "mutants") {
            // Wrong on purpose, never in a release: the crash test must notice it.
            line.send(&out.transmit).await.map_err(End::Line)?;
            out.transmit.clear();
        }
        self.commit(&out.changes).await?;
        if ROWS_MAX < life.rows.len() {
            life.rows.clear();
        }
        if !out.transmit.is_empty() {
            self.parts.may_send().await?;
            line.send(&out.transmit).await.map_err(End::Line)?;
        }
        debug!(
            inputs,
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

    /// Waits for one thing. Each branch is a single wait that loses nothing when it is dropped.
    async fn wait(&mut self, life: &mut Life, line: &mut D::Line) -> Result<(), End> {
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
            // Last: whatever else there is goes first, and it along.
            () = std::future::ready(()), if life.beside.is_some() => (),
        }
        life.queue.extend(life.beside.take());
        Ok(())
    }

    /// Takes what is there already, so that it shares the transaction.
    async fn gather(&mut self, life: &mut Life, line: &mut D::Line) -> Result<(), End> {
        while life.queue.len() < UNIT_INPUTS_MAX {
            match line.receive().now_or_never() {
                Some(Ok(nodes)) => life.queue.extend(nodes.into_iter().map(Input::Node)),
                // What came before the end of the link is still worked on.
                Some(Err(error)) if life.queue.is_empty() => return Err(End::Line(error)),
                Some(Err(_)) | None => break,
            }
        }
        // Deadlines must not starve while the server talks without a pause.
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

    /// Loads the rows that the session wants for the first inputs of the queue.
    async fn know(&mut self, life: &mut Life, inputs: usize) -> Result<(), End> {
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

    fn handle(&mut self, life: &mut Life, input: Input, out: &mut Output) {
        let now = Now {
            mono_ms: self.parts.surroundings.clock.mono_ms(),
            unix_ms: self.parts.surroundings.clock.unix_ms(),
        };
        let mut cx = Context {
            now,
            rng: &mut *self.random,
        };
        life.session.handle(&mut cx, input, &mut life.rows, out);
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
                    if error == LedgerError::Unknown {
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

    fn notice(&mut self, life: &mut Life, notice: Notice) {
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
            other => debug!(?other, "notice"),
        }
    }

    /// A session that was dead is not called connected before it proved that it works.
    fn say_connected(&self) {
        match &self.ailment {
            None => self.parts.say(AccountState::Connected, None),
            Some(ill) => self.parts.say(AccountState::Stalled, Some(ill.sign.word())),
        }
    }

    /// Waits before the next attempt; says so when something ends the wait for good.
    async fn pause(&mut self, wait_ms: u64) -> Option<Stopped> {
        tokio::select! {
            biased;
            () = self.parts.stop.asked() => Some(Stopped::Asked),
            () = self.parts.lease_lost.cancelled() => Some(Stopped::LeaseLost),
            () = tokio::time::sleep(Duration::from_millis(wait_ms)) => None,
        }
    }
}

impl<L: Ledger, D> Parts<L, D> {
    /// To be asked after each failure of the database. Nothing is acknowledged and nothing is sent
    /// meanwhile, so the link may stay open for a while.
    fn patience(&self) -> Patience {
        let patience_ms = u64::try_from(STORE_PATIENCE.as_millis()).unwrap_or(u64::MAX);
        Patience {
            until: self.mono_ms() + patience_ms,
            wait: STORE_RETRY.0,
            stalled: None,
        }
    }

    /// Waits before another attempt, if there may be one.
    async fn bear(&self, patience: &mut Patience, error: LedgerError) -> Result<(), End> {
        let passes = matches!(error, LedgerError::Unavailable(_) | LedgerError::Unknown);
        if !passes || patience.until <= self.mono_ms() {
            return Err(End::from(error));
        }
        if patience.stalled.is_none() {
            warn!(%error, "database is unavailable, holding everything back");
            patience.stalled = Some(self.status.borrow().state);
            self.say(AccountState::Stalled, Some("database"));
        }
        tokio::select! {
            biased;
            () = self.stop.forced() => return Err(End::Stopped(Stopped::Asked)),
            () = self.lease_lost.cancelled() => return Err(End::Stopped(Stopped::LeaseLost)),
            () = tokio::time::sleep(patience.wait) => (),
        }
        patience.wait = (patience.wait * 2).min(STORE_RETRY.1);
        Ok(())
    }

    /// The database answered.
    fn relieve(&self, patience: Patience) {
        if let Some(state) = patience.stalled {
            info!("database is back");
            self.say(state, None);
        }
    }

    /// Waits until the process may act for the account; the connection is kept meanwhile.
    async fn may_send(&mut self) -> Result<(), End> {
        let clock = &*self.surroundings.clock;
        tokio::select! {
            biased;
            () = self.gate.may_send(clock) => Ok(()),
            () = self.lease_lost.cancelled() => Err(End::Stopped(Stopped::LeaseLost)),
            // What is committed and not sent is delivered again, or sent by whoever comes next.
            () = self.stop.asked() => Err(End::Stopped(Stopped::Asked)),
        }
    }

    async fn may_dial(&mut self) -> Result<(), End> {
        let clock = &*self.surroundings.clock;
        tokio::select! {
            biased;
            () = self.stop.asked() => Err(End::Stopped(Stopped::Asked)),
            () = self.lease_lost.cancelled() => Err(End::Stopped(Stopped::LeaseLost)),
            () = self.gate.may_dial(clock) => Ok(()),
        }
    }

    fn say(&self, state: AccountState, reason: Option<&str>) {
        let since_ms = self.surroundings.clock.unix_ms();
        self.status.send_if_modified(|status| {
            let changed = status.state != state || status.reason.as_deref() != reason;
            if changed {
                status.state = state;
                status.reason = reason.map(str::to_owned);
                status.since_ms = since_ms;
            }
            changed
        });
    }

    fn mono_ms(&self) -> u64 {
        self.surroundings.clock.mono_ms()
    }
}

/// Whether an account may be run at all, without connecting.
pub fn refusal(account: Option<&Account>, unix_ms: i64) -> Option<Stopped> {
    let Some(account) = account else {
        return Some(Stopped::Unpaired);
    };
    match &account.ended {
        Some(Ended::Banned { until_ms, .. }) if until_ms.is_none_or(|until| until <= unix_ms) => {
            None
        }
        Some(Ended::Outdated) | None => None,
        Some(ended) => Some(Stopped::Ended(ended.clone())),
    }
}
