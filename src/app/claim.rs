//! Takes the lease for a process that runs a single account without a standby. If the database has
//! locks, the process also holds the tenant's lock, so that its end is noticed at once.

use std::convert::Infallible;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::app::{App, RowsError};
use crate::ids::HostId;
use crate::store::Store;
use crate::store::lease::Lease;
use crate::store::lease::advisory_lock::TenantLock;

/// Time after which the server ends a silent session of the lock. It equals the timeout that others
/// apply to a process that runs one account.
const SILENCE: Duration = Duration::from_secs(120);
/// Interval between pings of the lock's session.
const PING: Duration = Duration::from_millis(500);
/// Wait before a lost lock is requested again.
const AGAIN: Duration = Duration::from_secs(1);
/// Longest time of a single database call.
const TIME_MAX: Duration = Duration::from_secs(5);
/// A live holder that only lost its lock sends a heartbeat or updates its row within this time.
const GRACE: Duration = Duration::from_millis(800);

/// A lease that was taken, and the lock that shows that its holder is alive.
pub(crate) struct Claimed {
    pub(crate) host: HostId,
    pub(crate) lease: Lease,
    /// To be dropped after the lease is given back.
    pub(crate) lock: HeldLock,
}

/// Holds the tenant's lock, if there is one, until it is dropped.
pub(crate) struct HeldLock(#[expect(dead_code, reason = "held, not read")] JoinSet<Infallible>);

impl App {
    /// Registers this process and takes the tenant's lease. A holder is dead if its row states that
    /// it holds the tenant's lock, but the lock is free.
    pub(crate) async fn claim(&self) -> Result<Claimed, RowsError> {
        let tenant = &self.settings.tenant;
        let host = self.register(None).await?;
        let asked = self.store.try_lock(tenant, host, SILENCE);
        // Without the lock, others rely on the heartbeat counter alone.
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

    /// Returns true if the lease holder is dead. Call it while this process holds the tenant's
    /// lock. If the holder's row states that it holds the lock, and no heartbeat follows, it is
    /// declared dead.
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

/// Keeps the lock, and requests it again when its session ends.
async fn hold(store: Store, lease: Lease, mut lock: TenantLock) -> Infallible {
    loop {
        while let Ok(Ok(())) = timeout(TIME_MAX, lock.ping()).await {
            sleep(PING).await;
        }
        // Others see a free lock, so the row must state that it has no meaning now.
        tracing::warn!(business_id = %lease.tenant, "lost the session that holds the lock");
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

/// Records whether a free lock means that this process is dead.
async fn say(store: &Store, host: HostId, locks: bool) {
    let said = timeout(TIME_MAX, store.set_liveness(host, locks)).await;
    if !matches!(said, Ok(Ok(()))) {
        tracing::debug!("liveness is not written");
    }
}
