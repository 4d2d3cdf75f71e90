//! The fence: who lost the lease writes nothing any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wmctl::session::changes::Change;
use wmctl::session::rows::{Dedupe, RetryRow, Row, RowKey};
use wmctl::store::error::StoreError;

use super::samples::{host, owner, paired, tenant};
use super::{Database, raw};

fn write(count: u32) -> Change {
    let key = RowKey::Retry(Dedupe("probe".to_owned()));
    Change::Put(key, Row::Retry(RetryRow { count, first_ms: 0 }))
}

/// Takes the lease from its holder as a takeover does, whatever guards it beside the row.
async fn depose(database: &Database, epoch: i64) {
    let sql =
        format!("UPDATE wmctl_lease SET epoch = {epoch}, owner = NULL WHERE business_id = 'acme'");
    raw(database, &sql).await;
}

pub(super) async fn a_stale_owner_cannot_commit(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    store.commit(&lease, &owner(), &[write(1)]).await.unwrap();
    depose(database, lease.epoch + 1).await;
    let stale = store.commit(&lease, &owner(), &[write(2)]).await;
    assert!(
        matches!(stale, Err(StoreError::LeaseLost { held }) if held == lease.epoch),
        "{stale:?}"
    );
    let found = store
        .read(&owner(), &[RowKey::Retry(Dedupe("probe".to_owned()))])
        .await
        .unwrap();
    assert_eq!(
        found[0].1,
        Some(Row::Retry(RetryRow {
            count: 1,
            first_ms: 0
        }))
    );
}

pub(super) async fn a_held_lease_is_not_taken(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    let other = host(2);
    store.register(&other, 3).await.unwrap();
    let held = store.claim(&tenant(), other.id, 4).await;
    let holder = Some(lease.owner);
    assert!(
        matches!(held, Err(StoreError::LeaseHeld { holder: found }) if found == holder),
        "{held:?}"
    );
    let epoch = lease.epoch;
    store.release(lease).await.unwrap();
    let next = store.claim(&tenant(), other.id, 5).await.unwrap();
    assert!(epoch < next.epoch);
    let status = store.leases().await.unwrap();
    assert_eq!(status[0].owner, Some(other.id));
    assert_eq!(status[0].host, Some(("host-2".to_owned(), 2)));
    assert_eq!(store.heartbeat(other.id, 9).await.unwrap(), Some(1));
    raw(database, "UPDATE wmctl_host SET state = 'dead'").await;
    assert_eq!(store.heartbeat(other.id, 10).await.unwrap(), None);
}

pub(super) async fn epochs_never_fall(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    for sql in [
        format!("UPDATE wmctl_lease SET epoch = {}", lease.epoch - 1),
        format!("UPDATE wmctl_lease SET owner = '{}'", host(2).id),
    ] {
        store.register(&host(2), 1).await.ok();
        assert!(super::try_raw(database, &sql).await.is_err(), "{sql}");
    }
    store.commit(&lease, &owner(), &[write(1)]).await.unwrap();
}

/// Writers that hold an old lease go on while it is taken from them again and again: once a
/// takeover has returned, the row that it loads never changes under it.
pub(super) async fn takeovers_see_no_stale_write(database: &Database) {
    const WRITERS: u32 = 4;
    #[expect(clippy::disallowed_methods, reason = "a longer run by hand")]
    let rounds = std::env::var("WMCTL_TEST_TAKEOVERS").ok();
    let rounds: i64 = rounds.map_or(25, |text| text.parse().unwrap());
    let store = database.store().await;
    let first = paired(&store).await;
    for round in 0..rounds {
        let lease = match round {
            0 => first.clone(),
            _ => {
                let mut next = first.clone();
                next.epoch = first.epoch + round;
                next
            }
        };
        let stopped = Arc::new(AtomicBool::new(false));
        let mut writers = tokio::task::JoinSet::new();
        for number in 0..WRITERS {
            let (store, lease, stopped) = (store.clone(), lease.clone(), stopped.clone());
            writers.spawn(async move {
                let mut count = number;
                while !stopped.load(Ordering::Relaxed) {
                    match store.commit(&lease, &owner(), &[write(count)]).await {
                        Ok(_) => count += WRITERS,
                        Err(StoreError::LeaseLost { .. }) => return count,
                        Err(error) => panic!("{error:?}"),
                    }
                }
                count
            });
        }
        let take = format!(
            "UPDATE wmctl_lease SET epoch = {} WHERE business_id = 'acme'",
            lease.epoch + 1
        );
        raw(database, &take).await;
        let key = [RowKey::Retry(Dedupe("probe".to_owned()))];
        let loaded = store.read(&owner(), &key).await.unwrap();
        // Every writer meets the fence by itself; none is told to stop.
        writers.join_all().await;
        stopped.store(true, Ordering::Relaxed);
        assert_eq!(
            store.read(&owner(), &key).await.unwrap(),
            loaded,
            "round {round}"
        );
    }
}
