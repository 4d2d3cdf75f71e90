//! A pool of reusable connections.
//!
//! It has no background task. A connection is opened by the caller that needs it, and idle ones are
//! closed when a connection is returned.

use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::store::db::batch::Batch;
use crate::store::db::postgres::link::Link;
use crate::store::db::postgres::target::Target;
use crate::store::error::StoreError;

/// The first pause before a retry when the server refuses connections.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// SQLSTATEs of a server that has too many connections, or is starting up.
const NOT_YET: [&str; 2] = ["53300", "57P03"];
/// How long the test of an idle connection may take.
const CHECK_TIME_MAX: Duration = Duration::from_secs(1);

/// How many connections the pool has, and how long it keeps them.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Limits {
    pub(in crate::store) most: u32,
    pub(in crate::store) least: u32,
    pub(in crate::store) lifetime: Duration,
    pub(in crate::store) idle_time: Duration,
    /// A connection that was idle for this long is tested before it is used.
    pub(in crate::store) check_after: Duration,
    /// How long a caller waits for a connection.
    pub(in crate::store) patience: Duration,
}

/// Checks a new connection before it is used.
pub(in crate::store) type Admit =
    Arc<dyn for<'a> Fn(&'a mut Link) -> BoxFuture<'a, Result<(), StoreError>> + Send + Sync>;

/// The connections to one server. Cloning is cheap.
#[derive(Clone)]
pub(in crate::store) struct Pool(Arc<Inner>);

struct Inner {
    target: Target,
    limits: Limits,
    admit: Admit,
    free: Mutex<Vec<Free>>,
    turns: Arc<Semaphore>,
}

struct Free {
    link: Link,
    made: Instant,
    since: Instant,
}

/// A connection that is borrowed from a pool. It returns to the pool if nothing is open on it.
pub(in crate::store) struct Pooled {
    pool: Arc<Inner>,
    link: Option<Link>,
    made: Instant,
    _turn: OwnedSemaphorePermit,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.0.limits).finish()
    }
}

impl Pool {
    pub(in crate::store) fn new(target: Target, limits: Limits, admit: Admit) -> Self {
        Self(Arc::new(Inner {
            target,
            admit,
            free: Mutex::default(),
            turns: Arc::new(Semaphore::new(limits.most as usize)),
            limits,
        }))
    }

    /// Opens the minimum number of connections, at least one.
    pub(in crate::store) async fn fill(&self) -> Result<(), StoreError> {
        let mut made = Vec::new();
        for _ in 0..self.0.limits.least.max(1) {
            made.push(self.acquire().await?);
        }
        Ok(())
    }

    /// Borrows a connection.
    pub(in crate::store) async fn acquire(&self) -> Result<Pooled, StoreError> {
        let until = Instant::now() + self.0.limits.patience;
        let acquired = timeout_at(until, Box::pin(self.acquire_now())).await;
        acquired.unwrap_or_else(|_| Err(StoreError::late()))
    }

    async fn acquire_now(&self) -> Result<Pooled, StoreError> {
        let turn = Arc::clone(&self.0.turns).acquire_owned().await;
        let turn = turn.map_err(|_| StoreError::Unavailable("the database is closed".into()))?;
        let pooled = |link, made| Pooled {
            pool: Arc::clone(&self.0),
            link: Some(link),
            made,
            _turn: turn,
        };
        // The most recently used connection has the most prepared statements.
        loop {
            let Some(mut free) = self.0.free().pop() else {
                break;
            };
            let asks = self.0.limits.check_after <= free.since.elapsed();
            if !self.0.is_fresh(&free) || !free.link.is_clean() {
                continue;
            }
            if asks && !is_alive(&mut free.link).await {
                continue;
            }
            return Ok(pooled(free.link, free.made));
        }
        Ok(pooled(self.0.connect().await?, Instant::now()))
    }

    /// Closes every connection in an orderly way, once all are returned. No more can be borrowed.
    pub(in crate::store) async fn close(&self) {
        let all = self.0.turns.acquire_many(self.0.limits.most).await;
        self.0.turns.close();
        drop(all);
        let free = std::mem::take(&mut *self.0.free());
        for one in free {
            // The connection is closed in any case.
            drop(one.link.close().await);
        }
    }
}

/// Sends an empty query and waits for the answer.
async fn is_alive(link: &mut Link) -> bool {
    let mut batch = Batch::default();
    batch.script("");
    let asked = timeout(CHECK_TIME_MAX, link.ask(batch)).await;
    matches!(asked, Ok(Ok(_)))
}

impl Inner {
    fn free(&self) -> MutexGuard<'_, Vec<Free>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_fresh(&self, free: &Free) -> bool {
        free.made.elapsed() < self.limits.lifetime
    }

    /// Retries until the server accepts, with pauses that grow up to a fifth of the whole wait.
    async fn connect(&self) -> Result<Link, StoreError> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.target.connect().await {
                Ok(mut link) => {
                    (self.admit)(&mut link).await?;
                    return Ok(link);
                }
                Err(error) if may_accept_soon(&error) => sleep(pause).await,
                Err(error) => return Err(error),
            }
            pause = (pause * 2).min(self.limits.patience / 5);
        }
    }

    fn give_back(&self, mut link: Link, made: Instant) {
        if !link.is_clean() || self.turns.is_closed() {
            return;
        }
        let now = Instant::now();
        let mut free = self.free();
        free.push(Free {
            link,
            made,
            since: now,
        });
        // The connections that have been idle longest come first.
        let least = self.limits.least as usize;
        let idle = |one: &Free| self.limits.idle_time <= one.since.elapsed();
        while least < free.len() && free.first().is_some_and(idle) {
            free.remove(0);
        }
    }
}

fn may_accept_soon(error: &StoreError) -> bool {
    if let Some(answer) = error.answer() {
        return NOT_YET.contains(&answer.code.as_str());
    }
    match error {
        StoreError::Unavailable(source) => source
            .downcast_ref()
            .is_some_and(|error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused),
        _ => false,
    }
}

impl Deref for Pooled {
    type Target = Link;

    fn deref(&self) -> &Link {
        self.link.as_ref().expect("it is there until the drop")
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut Link {
        self.link.as_mut().expect("it is there until the drop")
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            self.pool.give_back(link, self.made);
        }
    }
}
