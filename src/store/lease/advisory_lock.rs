//! PostgreSQL advisory locks, which end with the session or transaction of the process that holds
//! them. They let other processes detect at once that this process died.
//!
//! A lock decides nothing: the lease row decides who may write. A lock that is wrongly free or
//! wrongly held causes a needless or a late takeover, but no row is ever lost.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::ids::{HostId, TenantId};
use crate::store::Store;
use crate::store::db::batch::{Batch, first_rows};
use crate::store::db::begin::BEGIN;
use crate::store::db::exclusive::ExclusiveConnection;
use crate::store::db::pooling::Liveness;
use crate::store::db::postgres::link::Link;
use crate::store::db::primary::{LOOK_EVERY, LOOK_TIME_MAX, Primary, PrimaryHandle};
use crate::store::db::{Db, Row, Val, args};
use crate::store::error::StoreError;
use crate::store::lease::HEARTBEAT_POSTGRES;

/// The first half of the lock keys of tenants; the second half is a hash of the tenant's name. If
/// the hashes of two tenants collide, only one of them can be locked. The other is then watched by
/// its heartbeat alone.
pub(in crate::store) const TENANT_LOCKS: i64 = 0x574E;
/// How long releasing a lock may take.
const RELEASE_TIME_MAX: Duration = Duration::from_secs(5);
/// How long one statement waits for a lock before it is retried in a new session. A statement that
/// waited for days would keep the server from vacuuming dead rows. The server enforces this, not a
/// clock of ours.
const WAIT_AT_MOST: &str = "2s";
/// The time after which a missing answer means that the connection to the server is dead.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
/// Servers from this version on can check that their client is still connected.
const CLIENTS_WATCHED: i32 = 140_000;

/// A statement that keeps no snapshot once it is answered, because it has no arguments.
const NOTHING: &str = "SELECT 1";
const SETTING: &str = "SELECT set_config($1, $2, $3)";
const IS_KNOWN: &str = "
    SELECT 1 FROM wmctl_host WHERE inc = $1 AND state <> 'dead' AND line = wmctl_line()";

/// A tenant's lock, held by a session of its own.
#[derive(Debug)]
pub struct TenantLock(LockSession);

/// A notice of each new server that the database's name leads to.
#[derive(Debug)]
pub struct Servers(Option<watch::Receiver<u64>>);

impl Servers {
    /// Discards notices of earlier changes.
    pub fn look(&mut self) {
        if let Some(number) = &mut self.0 {
            number.mark_unchanged();
        }
    }

    /// Waits for the next server. Never returns on SQLite. Cancel-safe.
    pub async fn changed(&mut self) {
        if let Some(number) = &mut self.0
            && number.changed().await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }
}

/// A session, or an open transaction, that holds one lock.
#[derive(Debug)]
pub(in crate::store) struct LockSession {
    link: Link,
    served: PrimaryHandle,
    server: Arc<Primary>,
    /// The lock belongs to a transaction, so heartbeats must be committed on another connection.
    in_transaction: bool,
    /// The host that holds the lock.
    host: HostId,
    silence: Duration,
}

impl Store {
    /// Returns whether processes on other machines can share this database.
    pub fn has_locks(&self) -> bool {
        matches!(self.db, Db::Postgres(_))
    }

    /// Returns a notice of each server that replaces the one before. Through a transaction pooler
    /// it stays silent.
    pub fn servers(&self) -> Servers {
        Servers(match &self.db {
            Db::Sqlite { .. } => None,
            Db::Postgres(server) => Some(server.lines.moves()),
        })
    }

    /// Waits until the tenant's lock is free, and takes it. Fails when the session ends. Fails at
    /// once with [`StoreError::NoLocks`] if the database has no such locks. Once `host` holds the
    /// lock, the server releases it after `silence` without a sign of life.
    pub async fn wait_for_lock(
        &self,
        tenant: &TenantId,
        host: HostId,
        silence: Duration,
    ) -> Result<TenantLock, StoreError> {
        let mut session = self.lock_session(host, silence).await?;
        session.wait_for(TENANT_LOCKS, tenant.as_str()).await?;
        Ok(TenantLock(session))
    }

    /// Takes the tenant's lock if it is free; otherwise returns `None`.
    pub async fn try_lock(
        &self,
        tenant: &TenantId,
        host: HostId,
        silence: Duration,
    ) -> Result<Option<TenantLock>, StoreError> {
        let mut session = self.lock_session(host, silence).await?;
        let locked = session.try_take(TENANT_LOCKS, tenant.as_str()).await?;
        if !locked {
            session.release().await;
            return Ok(None);
        }
        Ok(Some(TenantLock(session)))
    }

    /// Logs in once, to measure how long that takes. Returns [`StoreError::NoLocks`] on SQLite.
    pub async fn login(&self) -> Result<(), StoreError> {
        let Db::Postgres(server) = &self.db else {
            return Err(StoreError::NoLocks);
        };
        let mut link = server.connect().await?;
        link.row("SELECT 1", args![]).await?;
        link.close().await
    }

    pub(in crate::store) async fn lock_session(
        &self,
        host: HostId,
        silence: Duration,
    ) -> Result<LockSession, StoreError> {
        let Db::Postgres(server) = &self.db else {
            return Err(StoreError::NoLocks);
        };
        if server.route.liveness == Liveness::Counter {
            return Err(StoreError::NoLocks);
        }
        let mut session = LockSession {
            link: server.connect().await?,
            served: server.served(),
            server: Arc::clone(server),
            in_transaction: server.route.liveness == Liveness::Transaction,
            host,
            silence,
        };
        session.prepare().await?;
        Ok(session)
    }
}

impl Primary {
    async fn knows(&self, host: HostId) -> Result<bool, StoreError> {
        let mut link = self.connect().await?;
        let known = link.row(IS_KNOWN, args![host.to_string()]).await?;
        let known = known.is_some();
        if !known {
            tracing::warn!("the server that the database's name leads to counts this process out");
            self.lines.renew();
        }
        link.close().await?;
        Ok(known)
    }

    /// Returns whether another server has taken the place of the one that this process talks to.
    /// Checks at most every 2 s and otherwise returns `false`, as it does when the check fails.
    pub(in crate::store) async fn is_superseded(&self, host: HostId) -> bool {
        {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if looked.elapsed() < LOOK_EVERY {
                return false;
            }
            *looked = Instant::now();
        }
        let known = timeout(LOOK_TIME_MAX, Box::pin(self.knows(host))).await;
        matches!(known, Ok(Ok(false)))
    }
}

/// Ends a transaction in an orderly way: a pooler discards a session whose client disconnects
/// inside a transaction.
async fn end_transaction(mut link: Link) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    batch.rollback();
    link.ask(batch).await?;
    link.close().await
}

/// Runs one statement and returns its first row. In a transaction that stays open, the last
/// statement keeps its snapshot, which keeps the server from vacuuming rows deleted since. So a
/// statement without a snapshot follows.
async fn asked(
    link: &mut Link,
    in_transaction: bool,
    sql: &'static str,
    args: Vec<Val>,
) -> Result<Option<Row>, StoreError> {
    let mut batch = Batch::default();
    let place = batch.push(sql, args);
    if in_transaction {
        batch.script(NOTHING);
    }
    let answers = first_rows(link.ask(batch).await?);
    Ok(answers.into_iter().nth(place).flatten())
}

impl LockSession {
    /// Sets the timeouts that the lock relies on. If they belong to a transaction, they end with
    /// it.
    async fn prepare(&mut self) -> Result<(), StoreError> {
        let silence_ms = self.silence.as_millis().to_string();
        let limit = match self.in_transaction {
            true => "idle_in_transaction_session_timeout",
            false => "idle_session_timeout",
        };
        let mut settings = vec![(limit, silence_ms.as_str()), ("lock_timeout", WAIT_AT_MOST)];
        if CLIENTS_WATCHED <= self.server.route.version {
            settings.push(("client_connection_check_interval", "500"));
        }
        let name = self.server.name.as_ref();
        let name = name.map(|name| name.of_lock(self.host, self.silence));
        if let Some(name) = &name {
            settings.push(("application_name", name));
        }
        let mut batch = Batch::default();
        if self.in_transaction {
            batch.begin(BEGIN);
        }
        for (name, value) in settings {
            batch.push(SETTING, args![name, value, self.in_transaction]);
        }
        self.link.ask(batch).await?;
        Ok(())
    }

    pub(in crate::store) async fn wait_for(
        &mut self,
        class: i64,
        name: &str,
    ) -> Result<(), StoreError> {
        let sql = match self.in_transaction {
            true => "SELECT pg_advisory_xact_lock(CAST($1 AS INTEGER), hashtext($2))",
            false => "SELECT pg_advisory_lock(CAST($1 AS INTEGER), hashtext($2))",
        };
        loop {
            let asked = asked(&mut self.link, self.in_transaction, sql, args![class, name]);
            match timeout(ANSWER_TIME_MAX, asked).await {
                Ok(Ok(_)) if self.served.is_current().await => return Ok(()),
                // A lock on a server that another one has replaced is worthless. It ends with its
                // session.
                Ok(Ok(_)) => (),
                // The lock was not free in time.
                Ok(Err(StoreError::Busy)) => (),
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(StoreError::late()),
            }
            // A new session for each attempt: the name may lead to another server now.
            let fresh = self.server.connect().await?;
            self.served = self.server.served();
            let old = std::mem::replace(&mut self.link, fresh);
            self.prepare().await?;
            match self.in_transaction {
                true => end_transaction(old).await?,
                false => old.close().await?,
            }
        }
    }

    pub(in crate::store) async fn try_take(
        &mut self,
        class: i64,
        name: &str,
    ) -> Result<bool, StoreError> {
        let sql = match self.in_transaction {
            true => "SELECT pg_try_advisory_xact_lock(CAST($1 AS INTEGER), hashtext($2))",
            false => "SELECT pg_try_advisory_lock(CAST($1 AS INTEGER), hashtext($2))",
        };
        let row = asked(&mut self.link, self.in_transaction, sql, args![class, name]).await?;
        row.map_or(Ok(false), |row| row.column("pg_locks", 0))
    }

    /// Sends an empty statement, so that the server knows that this process is alive. An error
    /// means that the lock is lost.
    pub(in crate::store) async fn ping(&mut self) -> Result<(), StoreError> {
        // The protocol's own ping does not count: a session is idle until it gets a statement.
        let mut batch = Batch::default();
        batch.script(NOTHING);
        self.link.ask(batch).await?;
        Ok(())
    }

    /// Increments the heartbeat counter and returns it; `None` if the process was declared dead. An
    /// error means that the lock is lost.
    pub(in crate::store) async fn beat(&mut self) -> Result<Option<i64>, StoreError> {
        let (server, host) = (Arc::clone(&self.server), self.host);
        let (superseded, beat) = (server.is_superseded(host), self.beat_here());
        tokio::pin!(superseded, beat);
        // A server that has lost its synchronous standby would block the heartbeat forever.
        tokio::select! {
            superseded = &mut superseded => match superseded {
                true => Ok(None),
                false => beat.await,
            },
            done = &mut beat => match superseded.await {
                true => Ok(None),
                false => done,
            },
        }
    }

    async fn beat_here(&mut self) -> Result<Option<i64>, StoreError> {
        let beat = args![self.host.to_string()];
        self.server.tally.beats(self.host);
        let row = if self.in_transaction {
            self.ping().await?;
            // Other processes cannot see what an open transaction writes.
            let mut batch = Batch::default();
            batch.push(HEARTBEAT_POSTGRES, beat);
            let mut line = ExclusiveConnection::acquire(&self.server).await?;
            line.send(batch).await?.pop().flatten()
        } else {
            let asked = self.link.row(HEARTBEAT_POSTGRES, beat);
            self.served.ask(asked).await?
        };
        let tally = &self.server.tally;
        tally.beaten();
        let beats = row.map(|row| row.column("wmctl_host", 0)).transpose()?;
        Ok(beats.and_then(|beats| tally.of_no_copy(self.host, beats)))
    }

    /// Releases the lock.
    pub(in crate::store) async fn release(self) {
        let ended = async {
            match self.in_transaction {
                true => end_transaction(self.link).await,
                false => self.link.close().await,
            }
        };
        if !matches!(timeout(RELEASE_TIME_MAX, ended).await, Ok(Ok(()))) {
            tracing::debug!("the lock's session ended badly");
        }
    }
}

impl TenantLock {
    /// Sends an empty statement, so that the server knows that this process is alive. An error
    /// means that the lock is lost.
    pub async fn ping(&mut self) -> Result<(), StoreError> {
        self.0.ping().await
    }

    /// Increments the heartbeat counter in the session that holds the lock, and returns it; `None`
    /// if the process was declared dead. An error means that the lock is lost.
    pub async fn beat(&mut self) -> Result<Option<i64>, StoreError> {
        self.0.beat().await
    }

    /// Releases the lock.
    pub async fn release(self) {
        self.0.release().await;
    }
}
