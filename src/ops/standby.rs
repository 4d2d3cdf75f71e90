//! One active process and any number of standbys for one account.
//!
//! A standby waits for the tenant's lock, which ends with the session of the process that holds it,
//! and watches that process's heartbeat by its own clock. Both only say when to try; the pair of
//! epoch and owner in the lease row says who may write.

use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::clock::Surroundings;
use crate::engine::leased::explained;
use crate::engine::stop::Stop;
use crate::ids::{HostId, TenantId};
use crate::ops::open::App;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::lease::Lease;
use crate::store::liveness::TenantLock;
use crate::store::watch::Holder;

/// How often a standby tries where a file's lock tells whether the holder lives.
const FILE_POLL: Duration = Duration::from_millis(50);
/// Wait before the database is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// How a pair of processes watches over each other.
#[derive(Clone, Debug)]
pub struct HaOptions {
    /// A process that says nothing for this long is taken for dead.
    pub timeout: Duration,
}

impl HaOptions {
    /// How often a process says that it lives, and how often others look.
    fn step(&self) -> Duration {
        self.timeout / 4
    }
}

/// What a process is to its account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Role {
    /// Ready to take over from `holder` (host and process number).
    Standby {
        #[serde(skip_serializing_if = "Option::is_none")]
        holder: Option<String>,
    },
    /// It holds the lease.
    Leader { epoch: i64 },
    /// Another process took over.
    Fenced,
}

/// A lease that was won, with the lock if there is one.
pub(super) struct Reign {
    pub(super) host: HostId,
    pub(super) lease: Lease,
    lock: Option<TenantLock>,
}

/// Waits until this process holds the lease; `None` if it is asked to stop first.
pub(super) async fn stand_by(
    app: &App,
    options: &HaOptions,
    stop: &Stop,
    tell: &mut (dyn FnMut(Role) + Send),
) -> Option<Reign> {
    let host = loop {
        match app.register().await {
            Ok(host) => break host,
            Err(error) => tracing::warn!(%error, "the database is not there"),
        }
        if !stop.sleep(RETRY).await {
            return None;
        }
    };
    let mut watch = Watch {
        app,
        options,
        host,
        lock: None,
        seen: None,
        told: None,
        free_since: None,
    };
    let mut waiters = JoinSet::new();
    let locks = app.store.has_locks();
    let pause = if locks { options.step() } else { FILE_POLL };
    let mut tick = tokio::time::interval(pause);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // After an outage the leader gets its lock back first.
    let mut wait_from = Instant::now();
    loop {
        let may_wait = wait_from <= Instant::now();
        if locks && may_wait && watch.lock.is_none() && waiters.is_empty() {
            let (store, tenant) = (app.store.clone(), app.settings.tenant.clone());
            let timeout = options.timeout;
            waiters.spawn(async move { store.wait_for_lock(&tenant, timeout).await });
        }
        tokio::select! {
            biased;
            () = stop.asked() => return None,
            Some(lock) = waiters.join_next(), if !waiters.is_empty() => match lock {
                Ok(Ok(lock)) => watch.lock = Some(lock),
                Ok(Err(error)) => {
                    tracing::debug!(error = %explained(&error), "no session to wait in");
                    wait_from = Instant::now() + options.timeout / 2;
                    watch.seen = None;
                    continue;
                }
                Err(error) => tracing::error!(%error, "waiting for the lock ended badly"),
            },
            _ = tick.tick() => (),
        }
        match watch.look(tell).await {
            Ok(Some(lease)) => {
                let Watch { lock, .. } = watch;
                return Some(Reign { host, lease, lock });
            }
            Ok(None) => (),
            Err(error) => {
                // What was observed before says nothing about what happened meanwhile.
                watch.seen = None;
                tracing::warn!(error = %explained(&error), "the database is not there");
            }
        }
    }
}

/// A standby's view.
struct Watch<'a> {
    app: &'a App,
    options: &'a HaOptions,
    host: HostId,
    lock: Option<TenantLock>,
    /// The heartbeat that stands still, and since when by our own clock.
    seen: Option<(HostId, i64, Instant)>,
    told: Option<Role>,
    /// Since when the lease is seen to be free.
    free_since: Option<Instant>,
}

impl Watch<'_> {
    /// Looks once, and takes the lease if it may be taken.
    async fn look(
        &mut self,
        tell: &mut (dyn FnMut(Role) + Send),
    ) -> Result<Option<Lease>, StoreError> {
        let (store, tenant) = (&self.app.store, &self.app.settings.tenant);
        let holder = store.holder(tenant).await?;
        let gone = match &holder {
            None => true,
            Some(holder) if holder.dead => true,
            Some(holder) => self.is_gone(holder).await?,
        };
        // Where files are locked, the kernel says that a holder which had the lock is gone.
        let tried = match &holder {
            None => self.may_take_free(),
            Some(holder) => gone || (!store.has_locks() && holder.locks),
        };
        if tried && let Some(lease) = self.claim(gone).await? {
            return Ok(Some(lease));
        }
        let holder = holder.map(|holder| format!("{}/{}", holder.name, holder.pid));
        let role = Role::Standby { holder };
        if self.told.as_ref() != Some(&role) {
            self.told = Some(role.clone());
            tell(role);
        }
        Ok(None)
    }

    /// Whether a free lease may be taken now: with its lock, so that others see at once when this
    /// process is gone; without it when the lock does not come.
    fn may_take_free(&mut self) -> bool {
        if !self.app.store.has_locks() || self.lock.is_some() {
            return true;
        }
        let since = *self.free_since.get_or_insert_with(Instant::now);
        self.options.timeout <= since.elapsed()
    }

    /// Whether a holder is dead, which is then written down.
    async fn is_gone(&mut self, holder: &Holder) -> Result<bool, StoreError> {
        let now = Instant::now();
        let since = match self.seen {
            Some((host, beats, since)) if (host, beats) == (holder.host, holder.beats) => since,
            _ => {
                self.seen = Some((holder.host, holder.beats, now));
                now
            }
        };
        let silent = self.options.timeout <= now.duration_since(since);
        let unlocked = holder.locks && self.lock.is_some();
        if !silent && !unlocked {
            return Ok(false);
        }
        let dead = self
            .app
            .store
            .declare_dead(holder.host, holder.beats)
            .await?;
        if dead {
            tracing::warn!(
                holder = holder.name,
                pid = holder.pid,
                unlocked,
                "taken for dead"
            );
        }
        Ok(dead)
    }

    async fn claim(&self, gone: bool) -> Result<Option<Lease>, StoreError> {
        let (store, tenant) = (&self.app.store, &self.app.settings.tenant);
        let now_ms = self.app.surroundings.clock.unix_ms();
        let claimed = match store.claim(tenant, self.host, now_ms).await {
            // A process that hangs keeps its file lock, and has lost its lease all the same.
            Err(StoreError::LeaseHeld { .. }) if gone => {
                store.claim_orphan(tenant, self.host, now_ms).await
            }
            claimed => claimed,
        };
        match claimed {
            Ok(lease) => Ok(Some(lease)),
            Err(StoreError::LeaseHeld { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Says that the leader lives, until it was declared dead; then cancels `lost`.
pub(super) struct Heartbeat {
    store: Store,
    surroundings: Surroundings,
    tenant: TenantId,
    host: HostId,
    lock: Option<TenantLock>,
    options: HaOptions,
    lost: CancellationToken,
}

impl Heartbeat {
    pub(super) fn new(
        app: &App,
        reign: Reign,
        options: &HaOptions,
        lost: CancellationToken,
    ) -> Self {
        Self {
            store: app.store.clone(),
            surroundings: app.surroundings.clone(),
            tenant: app.settings.tenant.clone(),
            host: reign.host,
            lock: reign.lock,
            options: options.clone(),
            lost,
        }
    }

    /// Beats until `end` or until the process was declared dead; the lock is given back then.
    pub(super) async fn keep(mut self, end: CancellationToken) {
        if self.lock.is_some() {
            self.say_liveness(true).await;
        }
        loop {
            tokio::select! {
                () = end.cancelled() => break,
                () = tokio::time::sleep(self.options.step()) => (),
            }
            if !self.beat().await {
                tracing::error!("this process was declared dead, its lease is lost");
                self.lost.cancel();
                break;
            }
        }
        if let Some(lock) = self.lock {
            lock.release().await;
        }
    }

    /// One heartbeat; false if the process was declared dead.
    async fn beat(&mut self) -> bool {
        let now_ms = self.surroundings.clock.unix_ms();
        let Some(lock) = &mut self.lock else {
            let beat = self.store.heartbeat(self.host, now_ms).await;
            if let Err(error) = &beat {
                tracing::warn!(error = %explained(error), "no heartbeat");
            }
            self.lock_again().await;
            return !matches!(beat, Ok(None));
        };
        let beat = tokio::time::timeout(self.options.timeout, lock.beat(self.host, now_ms)).await;
        match beat {
            Ok(Ok(beats)) => beats.is_some(),
            Ok(Err(_)) | Err(_) => {
                tracing::warn!("the session that holds the lock is gone");
                self.lock = None;
                self.say_liveness(false).await;
                self.lock_again().await;
                true
            }
        }
    }

    async fn lock_again(&mut self) {
        if !self.store.has_locks() {
            return;
        }
        let lock = self.store.try_lock(&self.tenant, self.options.timeout);
        if let Ok(Ok(Some(lock))) = tokio::time::timeout(self.options.timeout, lock).await {
            self.lock = Some(lock);
            self.say_liveness(true).await;
        }
    }

    async fn say_liveness(&self, locks: bool) {
        // Where it cannot be written, the heartbeat alone tells.
        if let Err(error) = self.store.set_liveness(self.host, locks).await {
            tracing::debug!(error = %explained(&error), "liveness is not written");
        }
    }
}
