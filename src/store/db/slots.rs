//! How many connections one tenant may hold: what locks its rows must not take those of others.
//!
//! A transaction that waits for a row gives up after two seconds and is tried again by whoever
//! wants it. A tenant has one unit of work at a time, and one other transaction beside it. One
//! whose rows were locked counts as stuck until a transaction of it comes through, and all that are
//! stuck share a part of the pool.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::ids::TenantId;
use crate::store::error::StoreError;

/// How long a tenant's transaction waits for those before it.
const TURN_TIME_MAX: Duration = Duration::from_secs(5);
/// The same for what can be done later as well.
pub(in crate::store) const SHORT: Duration = Duration::from_millis(100);
/// Of so many connections, one may wait for rows of tenants that are stuck.
const SHARE: u32 = 3;

/// The turns of all tenants of a process.
#[derive(Clone, Debug)]
pub(in crate::store) struct Turns {
    of: Arc<Mutex<HashMap<TenantId, Arc<Turn>>>>,
    stuck: Arc<Semaphore>,
}

#[derive(Debug)]
struct Turn {
    beside: Semaphore,
    stuck: AtomicBool,
}

/// Which of a tenant's two connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Place {
    /// Its unit of work: whoever runs the tenant makes one at a time.
    Unit,
    /// Anything else, of whomever.
    Beside,
}

impl Turns {
    /// For a pool of so many connections.
    pub(in crate::store) fn new(connections: u32) -> Self {
        let share = usize::try_from(connections / SHARE).unwrap_or(1);
        Self {
            of: Arc::default(),
            stuck: Arc::new(Semaphore::new(share.max(1))),
        }
    }

    /// Does something that locks rows of a tenant, in its turn.
    pub(in crate::store) async fn take<T>(
        &self,
        tenant: &TenantId,
        place: Place,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.take_within(TURN_TIME_MAX, tenant, place, work).await
    }

    /// The same, but waits no longer than that for those before it.
    pub(in crate::store) async fn take_within<T>(
        &self,
        patience: Duration,
        tenant: &TenantId,
        place: Place,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let turn = self.turn(tenant);
        let done = match self.wait(patience, &turn, place).await {
            Err(busy) => Err(busy),
            Ok(permits) => {
                let done = work.await;
                drop(permits);
                match &done {
                    Err(StoreError::Busy) => turn.stuck.store(true, Ordering::Relaxed),
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
        place: Place,
    ) -> Result<[Option<SemaphorePermit<'a>>; 2], StoreError> {
        let beside = match place {
            Place::Unit => None,
            Place::Beside => Some(permit(&turn.beside, patience).await?),
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

    /// Keeps only turns that say something.
    fn put_back(&self, tenant: &TenantId, turn: Arc<Turn>) {
        let mut all = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        // One for the table, one here.
        if !turn.stuck.load(Ordering::Relaxed) && Arc::strong_count(&turn) <= 2 {
            all.remove(tenant);
        }
    }
}

async fn permit(of: &Semaphore, patience: Duration) -> Result<SemaphorePermit<'_>, StoreError> {
    match timeout(patience, of.acquire()).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) | Err(_) => Err(StoreError::Busy),
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
        let turns = Turns::new(10);
        let (a, b) = (tenant("a"), tenant("b"));
        let unit = turns.take(&a, Place::Unit, forever());
        let beside = turns.take(&a, Place::Beside, forever());
        tokio::pin!(unit, beside);
        let third = turns.take(&a, Place::Beside, async { Ok(()) });
        tokio::select! {
            biased;
            _ = &mut unit => panic!("it has no end"),
            _ = &mut beside => panic!("it has no end"),
            third = third => assert!(matches!(third, Err(StoreError::Busy))),
        }
        // Another one is not held up.
        let other = turns.take(&b, Place::Beside, async { Ok(7) });
        assert_eq!(other.await.unwrap(), 7);

        // Those that are stuck wait for each other, and for nobody else.
        let many: Vec<TenantId> = (0..5)
            .map(|number| tenant(&format!("stuck-{number}")))
            .collect();
        for one in &many {
            let locked = async { Err::<(), _>(StoreError::Busy) };
            assert!(turns.take(one, Place::Unit, locked).await.is_err());
        }
        let mut held: Vec<_> = many[..3]
            .iter()
            .map(|one| Box::pin(turns.take(one, Place::Unit, forever())))
            .collect();
        for one in &mut held {
            assert!(futures_util::poll!(one.as_mut()).is_pending());
        }
        let late = turns.take(&many[3], Place::Unit, async { Ok(()) }).await;
        assert!(matches!(late, Err(StoreError::Busy)), "{late:?}");
        drop(held);
        turns
            .take(&many[3], Place::Unit, async { Ok(()) })
            .await
            .unwrap();
        turns.take(&b, Place::Unit, async { Ok(()) }).await.unwrap();
    }

    #[tokio::test]
    async fn turns_leave_nothing_behind() {
        let turns = Turns::new(10);
        for number in 0..100 {
            let one = tenant(&format!("t-{number}"));
            turns
                .take(&one, Place::Unit, async { Ok(()) })
                .await
                .unwrap();
        }
        assert!(turns.of.lock().unwrap().is_empty());
    }
}
