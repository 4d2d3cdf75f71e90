//! Units of work that are retried: each is committed once, and never overwrites another.

use wmctl::session::changes::Change;
use wmctl::session::rows::{Dedupe, RetryRow, Row, RowKey};
use wmctl::store::Store;
use wmctl::store::db::unit::UnitPosition;
use wmctl::store::error::StoreError;

use super::Database;
use super::samples::{owner, paired, tenant};

fn place(after: &str, name: &str) -> UnitPosition {
    UnitPosition {
        after: after.into(),
        name: name.into(),
    }
}

fn write(count: u32) -> [Change; 1] {
    let key = RowKey::Retry(Dedupe("probe".to_owned()));
    [Change::Put(
        key,
        Row::Retry(RetryRow {
            count,
            ..RetryRow::default()
        }),
    )]
}

async fn written(store: &Store) -> Option<Row> {
    let key = [RowKey::Retry(Dedupe("probe".to_owned()))];
    store.read(&owner(), &key).await.unwrap().remove(0).1
}

pub(super) async fn a_unit_is_committed_once_at_its_place(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    let (owner, row) = (owner(), |count| {
        Some(Row::Retry(RetryRow {
            count,
            ..RetryRow::default()
        }))
    });
    let (last, account) = store.account_after(&tenant()).await.unwrap();
    assert!(last.is_empty() && account.is_some());
    let commit = async |place: UnitPosition, count: u32| {
        let changes = write(count);
        let done = store.commit_at(&lease, &owner, Some(&place), &changes);
        done.await
    };
    assert!(commit(place("", "1.1"), 1).await.unwrap().is_some());
    // The answer may have been lost: the same unit again changes nothing.
    assert!(commit(place("", "1.1"), 9).await.unwrap().is_none());
    assert_eq!(written(&store).await, row(1));
    assert_eq!(store.account_after(&tenant()).await.unwrap().0, "1.1");
    // A unit based on the rows before it is too late.
    let late = commit(place("", "1.2"), 9).await;
    assert!(matches!(late, Err(StoreError::Stale)), "{late:?}");
    assert_eq!(written(&store).await, row(1));
    assert!(commit(place("1.1", "1.3"), 3).await.unwrap().is_some());
    let late = commit(place("", "1.1"), 9).await;
    assert!(matches!(late, Err(StoreError::Stale)), "{late:?}");
    assert_eq!(written(&store).await, row(3));
}
