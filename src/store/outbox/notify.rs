//! Notifies accounts of new messages in their outbox, and hosts of changes of tenants.
//!
//! On PostgreSQL one connection listens for all accounts of the process, unless a transaction
//! pooler is in between. A notification may be lost on the way, so the rows are also polled slowly.
//! There is no background task: one of the waiting callers does the listening for all.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::crypto::hash::sha256;
use crate::store::db::batch::Batch;
use crate::store::db::pooling::Pooling;
use crate::store::db::postgres::link::Link;
use crate::store::db::postgres::target::Target;
use crate::store::db::{Db, Row, args};
use crate::store::error::StoreError;

/// The channel for new messages in an outbox. The payload is a hash of the tenant's name, because
/// any role that can log in to the database can listen.
pub(in crate::store) const CHANNEL: &str = "wmctl_outbox_call";
/// The number of bytes of the hash that stands for a tenant.
const CALL_BYTES: usize = 8;
/// The channel on which triggers notify hosts.
const WAKE: &str = "wmctl_wake";
/// The name under which hosts wait. No tenant has it.
pub(in crate::store) const HOSTS: &str = "";
/// How often the rows are polled: while listening, on PostgreSQL without listening, and on SQLite.
const LOOK_BESIDE: Duration = Duration::from_secs(2);
const LOOK_SERVER: Duration = Duration::from_millis(500);
const LOOK_FILE: Duration = Duration::from_millis(100);
/// After this many polls in a row that found changes without a notification, the listener is given
/// up.
const MISSES_MAX: u32 = 2;
/// How long to wait before listening again: after notifications went missing, and after a failure
/// to connect.
const DEAF: Duration = Duration::from_secs(60);
const AWAY: Duration = Duration::from_millis(500);

/// Listens on both channels above.
const LISTEN: &str = "LISTEN wmctl_outbox_call; LISTEN wmctl_wake";

/// A number that rises with each new message of any tenant.
const VERSION: &str = "SELECT CAST(COALESCE(SUM(outbox_seq), 0) AS BIGINT) FROM wmctl_account";
const OPEN: &str = "
    SELECT DISTINCT business_id FROM wmctl_outbox WHERE state IN ('queued', 'encrypted')";

/// All subscriptions in this process, and their shared listener.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct NotifyHub {
    /// Keyed by the hash of the tenant's name.
    waiting: Arc<Mutex<HashMap<String, Vec<Weak<Notify>>>>>,
    ear: Arc<tokio::sync::Mutex<ChannelListener>>,
}

/// A subscription: it fires when a tenant's outbox may have new messages, or when hosts may have
/// work.
#[derive(Debug)]
pub struct OutboxSubscription {
    bells: NotifyHub,
    db: Db,
    rung: Arc<Notify>,
}

impl OutboxSubscription {
    /// Waits for the next notification. Notifications since the last wait count as one.
    /// Cancel-safe.
    pub async fn rung(&self) {
        let listen = async {
            let mut ear = self.bells.ear.lock().await;
            loop {
                ear.step(&self.db, &self.bells).await;
            }
        };
        tokio::select! {
            biased;
            () = self.rung.notified() => (),
            () = listen => (),
        }
    }
}

impl NotifyHub {
    /// Creates a subscription for this key.
    pub(in crate::store) fn bell(&self, db: &Db, name: &str) -> OutboxSubscription {
        let rung = Arc::new(Notify::new());
        let mut waiting = lock(&self.waiting);
        let of_name = waiting.entry(name.to_owned()).or_default();
        of_name.retain(|other| 0 < other.strong_count());
        of_name.push(Arc::downgrade(&rung));
        OutboxSubscription {
            bells: self.clone(),
            db: db.clone(),
            rung,
        }
    }

    fn ring(&self, name: &str) {
        if let Some(bells) = lock(&self.waiting).get(name) {
            bells
                .iter()
                .filter_map(Weak::upgrade)
                .for_each(|bell| bell.notify_one());
        }
    }

    /// Closes the listener's connection, unless a caller is using it now.
    pub(in crate::store) fn put_down(&self) {
        // A caller that uses it notices by itself that the connection ends.
        if let Ok(mut ear) = self.ear.try_lock() {
            *ear = ChannelListener::default();
        }
    }

    fn ring_all(&self) {
        let waiting = lock(&self.waiting);
        let bells = waiting.values().flatten().filter_map(Weak::upgrade);
        bells.for_each(|bell| bell.notify_one());
    }
}

/// Returns the hash that stands for a tenant on the channel.
pub(in crate::store) fn call_of(tenant: &str) -> String {
    hex::encode(&sha256(&[tenant.as_bytes()])[..CALL_BYTES])
}

/// Takes a lock that is never held across an await or a panic.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type Work = Pin<Box<dyn Future<Output = Done> + Send>>;

/// The listener, shared by all subscriptions. If the caller that drives it leaves, the next one
/// continues its work.
struct ChannelListener {
    /// The number of the server that it listens to.
    number: u64,
    listener: Option<Link>,
    work: Option<Work>,
    look_at: Instant,
    listen_at: Instant,
    version: Option<i64>,
    /// Whether a notification came since the last poll.
    heard: bool,
    misses: u32,
}

enum Done {
    Listening(Result<Link, StoreError>),
    Version(Option<Link>, Result<i64, StoreError>),
    Open(Option<Link>, Result<Vec<String>, StoreError>),
}

impl Default for ChannelListener {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            number: 0,
            listener: None,
            work: None,
            look_at: now,
            listen_at: now,
            version: None,
            heard: false,
            misses: 0,
        }
    }
}

impl std::fmt::Debug for ChannelListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ear")
            .field("listens", &self.listener.is_some())
            .finish_non_exhaustive()
    }
}

impl ChannelListener {
    /// Does the work that is due, or waits. Cancel-safe. When another server takes over, the
    /// listener starts again: the old server may stay alive and never notify again.
    async fn step(&mut self, db: &Db, bells: &NotifyHub) {
        let known = self.number;
        let number = tokio::select! {
            biased;
            number = another(db, known) => number,
            () = self.work_on(db, bells) => return,
        };
        *self = Self {
            number,
            ..Self::default()
        };
        bells.ring_all();
    }

    async fn work_on(&mut self, db: &Db, bells: &NotifyHub) {
        if self.work.is_none() {
            self.work = self.due(db);
        }
        if let Some(work) = &mut self.work {
            let done = work.await;
            self.work = None;
            return self.finish(db, bells, done);
        }
        let Some(listener) = &mut self.listener else {
            let until = match way(db) {
                Some(_) => self.look_at.min(self.listen_at),
                None => self.look_at,
            };
            return tokio::time::sleep_until(until).await;
        };
        tokio::select! {
            biased;
            heard = listener.told() => match heard {
                Ok(told) => {
                    let of_hosts = told.channel == WAKE;
                    self.heard |= !of_hosts;
                    bells.ring(if of_hosts { HOSTS } else { &told.payload });
                }
                Err(_) => self.lost(bells),
            },
            () = tokio::time::sleep_until(self.look_at) => (),
        }
    }

    fn due(&mut self, db: &Db) -> Option<Work> {
        let now = Instant::now();
        if let Some(target) = way(db)
            && self.listener.is_none()
            && self.listen_at <= now
        {
            return Some(Box::pin(async move {
                let listening = async {
                    let mut listener = target.connect().await?;
                    let mut batch = Batch::default();
                    batch.script(LISTEN);
                    listener.ask(batch).await?;
                    Ok(listener)
                };
                let listening = timeout(AWAY, listening).await;
                Done::Listening(listening.unwrap_or_else(|_| Err(StoreError::late())))
            }));
        }
        (self.look_at <= now).then(|| {
            let (db, mut listener) = (db.clone(), self.listener.take());
            let work = async move {
                let version = match &mut listener {
                    Some(listener) => one(listener).await,
                    None => version(&db).await,
                };
                Done::Version(listener, version)
            };
            Box::pin(work) as Work
        })
    }

    fn finish(&mut self, db: &Db, bells: &NotifyHub, done: Done) {
        let now = Instant::now();
        match done {
            Done::Listening(Ok(listener)) => {
                self.listener = Some(listener);
                self.misses = 0;
                // A poll finds the messages that were added before it listened.
                (self.version, self.heard) = (None, true);
                self.look_at = now;
            }
            Done::Listening(Err(_)) => self.listen_at = now + AWAY,
            Done::Version(listener, Ok(version)) => {
                let pause = match db {
                    Db::Postgres(_) if listener.is_some() => LOOK_BESIDE,
                    Db::Postgres(_) => LOOK_SERVER,
                    Db::Sqlite { .. } => LOOK_FILE,
                };
                self.look_at = now + pause;
                self.listener = listener;
                let known = self.version.replace(version);
                if known == Some(version) || (self.was_told(now) && known.is_some()) {
                    return;
                }
                let (db, mut listener) = (db.clone(), self.listener.take());
                self.work = Some(Box::pin(async move {
                    let open = match &mut listener {
                        Some(listener) => all(listener).await,
                        None => open(&db).await,
                    };
                    Done::Open(listener, open)
                }));
            }
            Done::Open(listener, Ok(tenants)) => {
                self.listener = listener;
                tenants
                    .iter()
                    .for_each(|tenant| bells.ring(&call_of(tenant)));
            }
            Done::Version(_, Err(_)) | Done::Open(_, Err(_)) => {
                self.version = None;
                self.look_at = now + AWAY;
                self.lost(bells);
            }
        }
    }

    /// Returns whether a notification announced the change that a poll has found. After two polls
    /// in a row without one, gives the listener up.
    fn was_told(&mut self, now: Instant) -> bool {
        let told = std::mem::take(&mut self.heard);
        self.misses = if told { 0 } else { self.misses + 1 };
        if self.listener.is_some() && MISSES_MAX <= self.misses {
            tracing::info!("the server tells nothing of new messages, looking for them instead");
            self.listener = None;
            self.listen_at = now + DEAF;
            self.look_at = now + LOOK_SERVER;
        }
        told
    }

    /// Drops the listener. The next query reports what is wrong.
    fn lost(&mut self, bells: &NotifyHub) {
        self.listener = None;
        self.listen_at = Instant::now() + AWAY;
        bells.ring_all();
    }
}

/// Waits until the database's name leads to another server than `known`.
async fn another(db: &Db, known: u64) -> u64 {
    let Db::Postgres(server) = db else {
        return std::future::pending().await;
    };
    let mut lines = server.lines.subscribe();
    let number = lines.wait_for(|number| *number != known).await;
    if let Some(number) = number.ok().map(|number| *number) {
        return number;
    }
    std::future::pending().await
}

/// Returns how to connect a session that can listen; `None` if there is none.
pub(in crate::store) fn way(db: &Db) -> Option<Target> {
    let Db::Postgres(server) = db else {
        return None;
    };
    match server.route.lock_pooling {
        Pooling::Transaction => None,
        _ => Some(server.locks.clone()),
    }
}

async fn one(listener: &mut Link) -> Result<i64, StoreError> {
    version_in(listener.row(VERSION, args![]).await?)
}

async fn all(listener: &mut Link) -> Result<Vec<String>, StoreError> {
    let mut batch = Batch::default();
    batch.all(OPEN, args![]);
    let answers = listener.ask(batch).await?;
    let rows = answers.into_iter().flat_map(|answer| answer.rows);
    tenants_in(rows.map(Row::Postgres))
}

async fn version(db: &Db) -> Result<i64, StoreError> {
    version_in(db.row(VERSION, args![]).await?)
}

async fn open(db: &Db) -> Result<Vec<String>, StoreError> {
    tenants_in(db.rows(OPEN, args![]).await?)
}

fn version_in(row: Option<Row>) -> Result<i64, StoreError> {
    row.map_or(Ok(0), |row| row.column("wmctl_account", 0))
}

fn tenants_in(rows: impl IntoIterator<Item = Row>) -> Result<Vec<String>, StoreError> {
    let tenant = |row: Row| row.column("wmctl_outbox", 0);
    rows.into_iter().map(tenant).collect()
}
