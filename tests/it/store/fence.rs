//! The fence: a process that has lost its lease can write nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use wmctl::session::changes::Change;
use wmctl::session::rows::{Dedupe, RetryRow, Row, RowKey};
use wmctl::store::Store;
use wmctl::store::account::commit::Committed;
use wmctl::store::error::StoreError;
use wmctl::store::lease::Lease;

use super::samples::{host, owner, paired, tenant};
use super::{Connection, Database, raw};

fn write(count: u32) -> Change {
    let key = RowKey::Retry(Dedupe("probe".to_owned()));
    Change::Put(
        key,
        Row::Retry(RetryRow {
            count,
            ..RetryRow::default()
        }),
    )
}

/// Takes the lease from its holder as a takeover does, ignoring locks outside the row.
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
            ..RetryRow::default()
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

/// How a writer checks that it may still write.
#[derive(Clone, Copy)]
enum Guard {
    /// The store's own unit of work.
    Fence,
    /// The mutant: the same statements, but the lease row is only compared and not locked.
    Compare,
}

/// Writers keep using a lease while it is repeatedly taken from them. Once a takeover has returned,
/// the row that it loads must never change.
pub(super) async fn takeovers_see_no_stale_write(database: &Database) {
    assert_eq!(takeovers(database, Guard::Fence, rounds(250)).await, 0);
}

/// Checks that the test above detects a weak guard: with the mutant it must see stale writes.
#[tokio::test(flavor = "multi_thread")]
async fn a_guard_that_only_compares_is_caught() {
    let database = Database::postgres();
    let stale = takeovers(&database, Guard::Compare, 300).await;
    assert!(0 < stale, "the mutant lived");
}

fn rounds(default: i64) -> i64 {
    #[expect(clippy::disallowed_methods, reason = "a longer run by hand")]
    let rounds = std::env::var("WMCTL_TEST_TAKEOVERS").ok();
    rounds.map_or(default, |text| text.parse().unwrap())
}

/// Returns the takeovers after which a write of an earlier epoch became visible.
async fn takeovers(database: &Database, guard: Guard, rounds: i64) -> usize {
    const WRITERS: u32 = 4;
    let store = database.store().await;
    let first = paired(&store).await;
    let epoch = Arc::new(AtomicI64::new(first.epoch));
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..WRITERS {
        let (store, lease, epoch) = (store.clone(), first.clone(), epoch.clone());
        let url = database.driver_url();
        writers.spawn(async move { writer(store, lease, &epoch, guard, number, url).await });
    }
    let mut stale = 0;
    let mut taker = database.connect().await;
    for round in 1..=rounds {
        let next = first.epoch + round;
        taker
            .run(&format!("UPDATE wmctl_lease SET epoch = {next}"))
            .await;
        let key = [RowKey::Retry(Dedupe("probe".to_owned()))];
        let loaded = store.read(&owner(), &key).await.unwrap();
        tokio::time::sleep(Duration::from_micros(500)).await;
        stale += usize::from(store.read(&owner(), &key).await.unwrap() != loaded);
        // Only now may the writers use the new lease.
        epoch.store(next, Ordering::Release);
    }
    epoch.store(-1, Ordering::Release);
    let written: usize = writers.join_all().await.into_iter().sum();
    assert!(0 < written, "nobody wrote");
    stale
}

async fn writer(
    store: Store,
    mut lease: Lease,
    epoch: &AtomicI64,
    guard: Guard,
    number: u32,
    url: String,
) -> usize {
    let mut mutant = match guard {
        Guard::Fence => None,
        Guard::Compare => Some(Connection::open(&url).await),
    };
    let mut written = 0;
    for count in 0.. {
        lease.epoch = match epoch.load(Ordering::Acquire) {
            -1 => return written,
            known => known,
        };
        let value = count * 8 + number;
        let outcome = match &mut mutant {
            None => store.commit(&lease, &owner(), &[write(value)]).await,
            Some(connection) => match connection.compare_and_write(lease.epoch, value).await {
                true => Ok(Committed::default()),
                false => Err(StoreError::LeaseLost { held: lease.epoch }),
            },
        };
        match outcome {
            Ok(_) => written += 1,
            Err(StoreError::LeaseLost { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error:?}"),
        }
    }
    written
}

impl Connection {
    async fn compare_and_write(&mut self, epoch: i64, value: u32) -> bool {
        self.run("BEGIN").await;
        let compare = format!("SELECT 1 FROM wmctl_lease WHERE epoch = {epoch}");
        let holds = 0 < self.count(&compare).await;
        if holds {
            self.run(&format!(
                "INSERT INTO wmctl_retry (business_id, dedupe, count, first_ms)
                 VALUES ('acme', 'probe', {value}, 0)
                 ON CONFLICT (business_id, dedupe) DO UPDATE SET count = excluded.count"
            ))
            .await;
        }
        self.run("COMMIT").await;
        holds
    }
}
