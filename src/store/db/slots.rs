//! Limits the connections that one tenant may hold, so that locks on its rows cannot starve other
//! tenants.
//!
//! A transaction that waits for a row lock gives up after 2 s, and its caller retries it. A tenant
//! has at most one unit of work and one other transaction at a time. A tenant whose rows were
//! locked counts as stuck until one of its transactions succeeds. All stuck tenants share a
//! fraction of the pool.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::ids::TenantId;
use crate::store::db::overdue;
use crate::store::db::primary::Primary;
use crate::store::error::StoreError;

/// How long a transaction waits for earlier ones of the same tenant.
const TURN_TIME_MAX: Duration = Duration::from_secs(5);
/// The same, for work that can be done later.
pub(in crate::store) const SHORT: Duration = Duration::from_millis(100);
/// Stuck tenants may use one connection out of this many.
const SHARE: u32 = 3;

/// The slots of all tenants of a process.
#[derive(Clone, Debug)]
pub(in crate::store) struct TenantSlots {
    of: Arc<Mutex<HashMap<TenantId, Arc<Turn>>>>,
    stuck: Arc<Semaphore>,
    /// Whose rows are locked; none for a file.
    server: Option<Arc<Primary>>,
}

#[derive(Debug)]
struct Turn {
    beside: Semaphore,
    stuck: AtomicBool,
}

/// Which of a tenant's two slots a transaction uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Slot {
    /// The tenant's unit of work. The process that runs the tenant makes one at a time.
    Unit,
    /// Any other transaction, from any caller.
    Beside,
}

impl TenantSlots {
    /// Creates the slots for a pool of `connections` connections.
    pub(in crate::store) fn new(connections: u32) -> Self {
        let share = usize::try_from(connections / SHARE).unwrap_or(1);
        Self {
            of: Arc::default(),
            stuck: Arc::new(Semaphore::new(share.max(1))),
            server: None,
        }
    }

    /// The same; the server is asked why turns do not come.
    pub(super) fn on(server: Arc<Primary>, connections: u32) -> Self {
        Self {
            server: Some(server),
            ..Self::new(connections)
        }
    }

    /// Runs work that locks rows of a tenant, after earlier work in the same slot. Returns
    /// [`StoreError::Busy`] if that takes longer than 5 s.
    pub(in crate::store) async fn take<T>(
        &self,
        tenant: &TenantId,
        place: Slot,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.take_within(TURN_TIME_MAX, tenant, place, work).await
    }

    /// Runs work in the same way, but waits at most `patience` for earlier work.
    pub(in crate::store) async fn take_within<T>(
        &self,
        patience: Duration,
        tenant: &TenantId,
        place: Slot,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let turn = self.turn(tenant);
        let done = match self.wait(patience, &turn, place).await {
            Err(Late) => Err(match &self.server {
                Some(server) => overdue::locked(server).await,
                None => StoreError::Busy,
            }),
            Ok(permits) => {
                let done = work.await;
                drop(permits);
                match &done {
                    Err(StoreError::Busy | StoreError::NoCopy) => {
                        turn.stuck.store(true, Ordering::Relaxed);
                    }
                    Ok(_) => turn.stuck.store(false, Ordering::Relaxed),
                    Err(_) => (),
                }
                done
            }
        };
        self.put_back(tenant, turn);
        done
    }

    async fn wait<'a>(
        &'a self,
        patience: Duration,
        turn: &'a Turn,
        place: Slot,
    ) -> Result<[Option<SemaphorePermit<'a>>; 2], Late> {
        let beside = match place {
            Slot::Unit => None,
            Slot::Beside => Some(permit(&turn.beside, patience).await?),
        };
        let stuck = match turn.stuck.load(Ordering::Relaxed) {
            false => None,
            true => Some(permit(&self.stuck, patience).await?),
        };
        Ok([beside, stuck])
    }

    fn turn(&self, tenant: &TenantId) -> Arc<Turn> {
        let mut all = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = all.entry(tenant.clone()).or_insert_with(|| {
            Arc::new(Turn {
                beside: Semaphore::new(1),
                stuck: AtomicBool::new(false),
            })
        });
        turn.clone()
    }

    /// Removes the tenant's entry if it is not stuck and not in use.
    fn put_back(&self, tenant: &TenantId, turn: Arc<Turn>) {
        let mut all = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        // One reference is the table's, the other is ours.
        if !turn.stuck.load(Ordering::Relaxed) && Arc::strong_count(&turn) <= 2 {
            all.remove(tenant);
        }
    }
}

/// A turn did not come in time.
#[derive(Debug)]
struct Late;

async fn permit(of: &Semaphore, patience: Duration) -> Result<SemaphorePermit<'_>, Late> {
    match timeout(patience, of.acquire()).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) | Err(_) => Err(Late),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        name.parse().unwrap()
    }

    async fn forever() -> Result<(), StoreError> {
        std::future::pending().await
    }

    #[tokio::test(start_paused = true)]
    async fn one_tenant_takes_two_connections_and_the_stuck_share_a_few() {
        let turns = TenantSlots::new(10);
        let (a, b) = (tenant("a"), tenant("b"));
        let unit = turns.take(&a, Slot::Unit, forever());
        let beside = turns.take(&a, Slot::Beside, forever());
        tokio::pin!(unit, beside);
        let third = turns.take(&a, Slot::Beside, async { Ok(()) });
        tokio::select! {
            biased;
            _ = &mut unit => panic!("it has no end"),
            _ = &mut beside => panic!("it has no end"),
            third = third => assert!(matches!(third, Err(StoreError::Busy))),
        }
        // Another tenant is not delayed.
        let other = turns.take(&b, Slot::Beside, async { Ok(7) });
        assert_eq!(other.await.unwrap(), 7);

        // Stuck tenants wait for each other, but nothing else waits for them.
        let many: Vec<TenantId> = (0..5)
            .map(|number| tenant(&format!("stuck-{number}")))
            .collect();
        for one in &many {
            let locked = async { Err::<(), _>(StoreError::Busy) };
            assert!(turns.take(one, Slot::Unit, locked).await.is_err());
        }
        let mut held: Vec<_> = many[..3]
            .iter()
            .map(|one| Box::pin(turns.take(one, Slot::Unit, forever())))
            .collect();
        for one in &mut held {
            assert!(futures_util::poll!(one.as_mut()).is_pending());
        }
        let late = turns.take(&many[3], Slot::Unit, async { Ok(()) }).await;
        assert!(matches!(late, Err(StoreError::Busy)), "{late:?}");
        drop(held);
        turns
            .take(&many[3], Slot::Unit, async { Ok(()) })
            .await
            .unwrap();
        turns.take(&b, Slot::Unit, async { Ok(()) }).await.unwrap();
    }

    #[tokio::test]
    async fn turns_leave_nothing_behind() {
        let turns = TenantSlots::new(10);
        for number in 0..100 {
            let one = tenant(&format!("t-{number}"));
            turns
                .take(&one, Slot::Unit, async { Ok(()) })
                .await
                .unwrap();
        }
        assert!(turns.of.lock().unwrap().is_empty());
    }
}
