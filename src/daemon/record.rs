//! Writes the observed states of tenants, and wakes the host when rows change.

use crate::session::changes::AccountState;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::timeout;
use tracing::warn;

use crate::app::status::RunEnd;
use crate::clock::Clock;
use crate::engine::actor::Stopped;
use crate::engine::leased::explained;
use crate::engine::status::Status;
use crate::ids::TenantId;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::tenants::ObservedState;

/// Time for which state changes are collected before they are written together.
const GATHER: Duration = Duration::from_millis(50);
/// Most rows that are written together.
const ROWS_MAX: usize = 500;
/// Longest wait until the reason of an end is stored.
const LAST_TIME_MAX: Duration = Duration::from_secs(2);
/// Wait before a failed write is retried.
const RETRY: Duration = Duration::from_secs(1);

/// Returns the row to write for a tenant's state.
pub(crate) fn observed(tenant: &TenantId, epoch: i64, status: &Status) -> ObservedState {
    let error = match status.state {
        AccountState::Connecting | AccountState::Connected => None,
        _ => status.reason.clone(),
    };
    ObservedState {
        tenant: tenant.clone(),
        epoch,
        state: status.state.word(),
        reason: status.reason.clone(),
        since_ms: status.since_ms,
        error,
    }
}

/// One tenant's session, and the receivers of its states.
pub(crate) struct Watched {
    pub(crate) tenant: TenantId,
    pub(crate) epoch: i64,
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) notices: mpsc::Sender<(TenantId, i64, Status)>,
    pub(crate) records: mpsc::Sender<ObservedState>,
}

impl Watched {
    /// Runs the account to its end, and reports each state.
    ///
    /// `write` stores why it ended before the lease is released, because states of an epoch that
    /// is over are not stored.
    pub(crate) async fn until(
        mut self,
        account: impl Future<Output = Stopped>,
        write: impl AsyncFnOnce(ObservedState),
    ) -> Stopped {
        let watch = async {
            let mut told = None;
            while self.status.changed().await.is_ok() {
                let status = self.status.borrow_and_update().clone();
                // The status also changes with each event number; only state changes are reported.
                let state = (status.state, status.reason.clone(), status.since_ms);
                if told.as_ref() == Some(&state) {
                    continue;
                }
                told = Some(state);
                // The receivers may already be closed during a stop.
                let seen = observed(&self.tenant, self.epoch, &status);
                let _ = self.records.send(seen).await;
                let told = (self.tenant.clone(), self.epoch, status);
                let _ = self.notices.send(told).await;
            }
            std::future::pending::<Stopped>().await
        };
        let stopped = tokio::select! {
            stopped = account => stopped,
            stopped = watch => stopped,
        };
        let status = self.status.borrow().clone();
        let mut last = observed(&self.tenant, self.epoch, &status);
        if matches!(stopped, Stopped::Asked | Stopped::LeaseLost) {
            let _ = self.records.send(last).await;
        } else {
            last.error = Some(RunEnd::from(stopped.clone()).to_string());
            // A database that hangs keeps nobody from the lease.
            let _ = timeout(LAST_TIME_MAX, write(last)).await;
        }
        stopped
    }
}

/// Writes states until all senders are dropped; of each tenant only the newest. A failed write is
/// retried, because a tenant whose state does not change again would stay wrong.
pub(crate) async fn keep(
    store: Store,
    clock: Arc<dyn Clock>,
    mut records: mpsc::Receiver<ObservedState>,
) {
    let mut newest = BTreeMap::new();
    loop {
        if newest.is_empty() {
            match records.recv().await {
                Some(first) => note(&mut newest, first),
                None => return,
            }
        }
        tokio::time::sleep(GATHER).await;
        while newest.len() < ROWS_MAX
            && let Ok(next) = records.try_recv()
        {
            note(&mut newest, next);
        }
        let now_ms = clock.unix_ms();
        let rows: Vec<ObservedState> = newest.values().cloned().collect();
        let error = match store.observe(&rows, now_ms).await {
            Ok(()) => {
                newest.clear();
                continue;
            }
            Err(StoreError::Busy) => {
                // A locked row of one tenant must not delay the others.
                for row in rows {
                    if store
                        .observe(std::slice::from_ref(&row), now_ms)
                        .await
                        .is_ok()
                    {
                        newest.remove(&row.tenant);
                    }
                }
                StoreError::Busy
            }
            Err(error) => error,
        };
        warn!(error = %explained(&error), "states are not stored yet, retrying");
        if records.is_closed() && records.is_empty() {
            return;
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Replaces an older state of the same tenant, but keeps its error.
fn note(newest: &mut BTreeMap<TenantId, ObservedState>, mut next: ObservedState) {
    if let Some(earlier) = newest.get_mut(&next.tenant) {
        next.error = next.error.or(earlier.error.take());
    }
    newest.insert(next.tenant.clone(), next);
}

/// Wakes the host on each notification from the database. Never returns by itself.
pub(crate) async fn pass_on_wakes(store: Store, wake: Arc<Notify>) {
    let mut changes = store.wake();
    loop {
        if let Err(error) = changes.changed().await {
            tracing::debug!(error = %explained(&error), "nothing tells of changes");
            tokio::time::sleep(RETRY).await;
        }
        wake.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::changes::AccountState;

    #[tokio::test(start_paused = true)]
    async fn states_are_told_and_written_when_they_change_and_only_then() {
        let (status, watched) = watch::channel(Status::new(0));
        let (notices, mut told) = mpsc::channel(64);
        let (records, mut written) = mpsc::channel(64);
        let watched = Watched {
            tenant: "acme".parse().unwrap(),
            epoch: 1,
            status: watched,
            notices,
            records,
        };
        let account = async {
            let moment = || tokio::time::sleep(Duration::from_millis(1));
            let states = [
                (AccountState::Connecting, None),
                (AccountState::Connected, None),
                (AccountState::Stalled, Some("database")),
                (AccountState::Stalled, Some("offline")),
                (AccountState::Connected, None),
            ];
            for (since_ms, (state, reason)) in (1..).zip(states) {
                status.send_modify(|status| {
                    status.state = state;
                    status.reason = reason.map(str::to_owned);
                    status.since_ms = since_ms;
                });
                moment().await;
                for seq in 1..=20 {
                    status.send_modify(|status| status.last_seq = since_ms * 100 + seq);
                    moment().await;
                }
            }
            Stopped::Asked
        };
        let write = async |_| panic!("nothing went wrong");
        assert_eq!(watched.until(account, write).await, Stopped::Asked);
        let told: Vec<_> = std::iter::from_fn(|| told.try_recv().ok()).collect();
        assert_eq!(told.len(), 5);
        let written: Vec<_> = std::iter::from_fn(|| written.try_recv().ok()).collect();
        // The last state is written once more.
        assert_eq!(written.len(), 6);
    }

    #[tokio::test(start_paused = true)]
    async fn why_a_tenant_ended_is_written_before_its_end_is_known() {
        let (_status, watched) = watch::channel(Status::new(0));
        let watched = Watched {
            tenant: "acme".parse().unwrap(),
            epoch: 7,
            status: watched,
            notices: mpsc::channel(1).0,
            records: mpsc::channel(1).0,
        };
        let mut written = None;
        let broken = Stopped::Broken(String::from("the disk is full"));
        let account = std::future::ready(broken.clone());
        let write = async |last: ObservedState| written = Some((last.epoch, last.error));
        assert_eq!(watched.until(account, write).await, broken);
        assert_eq!(written, Some((7, Some(String::from("the disk is full")))));
    }
}
