//! One process, one account, nobody beside it: takes the lease, and holds the tenant's lock where
//! the database has locks, so that the next one sees at once when this process is gone.

use std::convert::Infallible;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::app::{App, RowsError};
use crate::ids::HostId;
use crate::store::Store;
use crate::store::lease::Lease;
use crate::store::lease::advisory_lock::TenantLock;

/// How long the session of the lock may say nothing before the server ends it: as long as others
/// give a process that runs one account.
const SILENCE: Duration = Duration::from_secs(120);
/// How often the session is asked whether it is still there.
const PING: Duration = Duration::from_millis(500);
/// Wait before a lock that was lost is asked for again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long anything may take here.
const TIME_MAX: Duration = Duration::from_secs(5);
/// A holder that lives and only lost its lock has said so by then.
const GRACE: Duration = Duration::from_millis(800);

/// A lease that was taken, and what tells others that its holder lives.
pub(crate) struct Claimed {
    pub(crate) host: HostId,
    pub(crate) lease: Lease,
    /// Dropped after the lease was given back.
    pub(crate) lock: HeldLock,
}

/// Holds the tenant's lock, if there is one, until it is dropped.
pub(crate) struct HeldLock(#[expect(dead_code, reason = "held, not read")] JoinSet<Infallible>);

impl App {
    /// Makes this process known and takes the lease of the tenant. If its holder says that it holds
    /// the tenant's lock and does not, it is gone.
    pub(crate) async fn claim(&self) -> Result<Claimed, RowsError> {
        let tenant = &self.settings.tenant;
        let host = self.register(None).await?;
        let asked = self.store.try_lock(tenant, host, SILENCE);
        // Where there is none, or it does not come, the heartbeat alone tells.
        let lock = timeout(TIME_MAX, asked).await.ok();
        let lock = lock.and_then(Result::ok).flatten();
        let mut claimed = self.claim_for(host, tenant).await;
        if let (Err(RowsError::Held { .. }), Some(_)) = (&claimed, &lock)
            && self.is_gone().await?
        {
            claimed = self.claim_for(host, tenant).await;
        }
        match (claimed, lock) {
            (Ok(lease), lock) => {
                let mut holding = JoinSet::new();
                if let Some(lock) = lock {
                    say(&self.store, host, true).await;
                    let (store, lease) = (self.store.clone(), lease.clone());
                    holding.spawn(hold(store, lease, lock));
                }
                Ok(Claimed {
                    host,
                    lease,
                    lock: HeldLock(holding),
                })
            }
            (Err(error), lock) => {
                if let Some(lock) = lock {
                    lock.release().await;
                }
                Err(error)
            }
        }
    }

    /// While the tenant's lock is ours: whether the holder of its lease says that it holds the
    /// lock, and says nothing else any more. It is declared dead then.
    async fn is_gone(&self) -> Result<bool, RowsError> {
        let tenant = &self.settings.tenant;
        let holder = || async { self.store.holder(tenant).await.map_err(RowsError::of) };
        let Some(before) = holder().await?.filter(|holder| holder.locks) else {
            return Ok(false);
        };
        sleep(GRACE).await;
        let after = holder().await?;
        let same = |after: &crate::store::lease::takeover::Holder| {
            (after.host, after.beats, after.locks) == (before.host, before.beats, true)
        };
        if !after.as_ref().is_some_and(same) {
            return Ok(false);
        }
        let deposed = self.store.depose(tenant, before.host, before.beats).await;
        let deposed = deposed.map_err(RowsError::of)?;
        if deposed {
            tracing::warn!(
                business_id = %tenant,
                holder = before.name,
                pid = before.pid,
                "taken for dead: its session with the database is gone"
            );
        }
        Ok(deposed)
    }
}

/// Keeps the lock, and asks for it again when its session ends.
async fn hold(store: Store, lease: Lease, mut lock: TenantLock) -> Infallible {
    loop {
        while let Ok(Ok(())) = timeout(TIME_MAX, lock.ping()).await {
            sleep(PING).await;
        }
        // Others see a free lock: they hear that it says nothing.
        tracing::warn!(business_id = %lease.tenant, "the session that holds the lock is gone");
        say(&store, lease.owner, false).await;
        lock = loop {
            sleep(AGAIN).await;
            let asked = store.try_lock(&lease.tenant, lease.owner, SILENCE);
            if let Ok(Ok(Some(lock))) = timeout(TIME_MAX, asked).await {
                break lock;
            }
        };
        say(&store, lease.owner, true).await;
    }
}

/// Says whether a free lock means that this process is gone.
async fn say(store: &Store, host: HostId, locks: bool) {
    let said = timeout(TIME_MAX, store.set_liveness(host, locks)).await;
    if !matches!(said, Ok(Ok(()))) {
        tracing::debug!("liveness is not written");
    }
}
