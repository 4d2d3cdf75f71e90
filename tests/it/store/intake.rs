//! Messages that are enqueued at the same time, while another connection locks the account's row.

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use wmctl::ids::{Jid, MessageId};
use wmctl::store::Store;
use wmctl::store::error::StoreError;
use wmctl::store::outbox::queue::NewMessage;

use super::samples::{owner, paired, tenant};
use super::{Connection, Database};

const WAITING: usize = 30;

fn message(number: usize, to: &str, key: Option<String>) -> NewMessage {
    NewMessage {
        id: format!("ID{number}").parse().unwrap(),
        to: Jid::user(to),
        body: vec![1, 2],
        idempotency_key: key,
        account: owner().jid,
        expires_ms: None,
    }
}

/// Starts to enqueue a message and polls it once.
fn started(
    store: &Store,
    message: NewMessage,
) -> BoxFuture<'static, Result<MessageId, StoreError>> {
    let store = store.clone();
    let mut taking = async move { store.enqueue(&tenant(), &message, 7).await }.boxed();
    assert!(
        (&mut taking).now_or_never().is_none(),
        "nothing is waited for"
    );
    taking
}

/// Locks the account's row until a COMMIT.
async fn hold(database: &Database, store: &Store) -> Connection {
    let mut holder = database.connect().await;
    if store.backend() == "sqlite" {
        holder.run("BEGIN IMMEDIATE").await;
    } else {
        holder.run("BEGIN").await;
        let row = "SELECT 1 FROM wmctl_account WHERE business_id = 'acme' FOR UPDATE";
        assert_eq!(holder.count(row).await, 1);
    }
    holder
}

async fn open(store: &Store) -> Vec<String> {
    let open = store.outbox_open(&tenant(), 0).await.unwrap();
    open.iter().map(|(id, _)| id.to_string()).collect()
}

/// The call that works for all is dropped midway. The other messages must still be stored, once and
/// in order.
pub(super) async fn what_waits_together_is_taken_in_together(database: &Database) {
    let store = database.store().await;
    paired(&store).await;
    let mut holder = hold(database, &store).await;
    let leader = started(&store, message(1_000, "491600", None));
    // Every third message repeats the key of the one before.
    let key = |number: usize| format!("key {}", number - usize::from(number % 3 == 2));
    let others = (0..WAITING).map(|number| {
        let message = message(number, "491600", Some(key(number)));
        started(&store, message)
    });
    let others: Vec<_> = others.collect();
    drop(leader);
    holder.run("COMMIT").await;
    let kept = |number: usize| number - usize::from(number % 3 == 2);
    for (number, id) in join_all(others).await.into_iter().enumerate() {
        assert_eq!(id.unwrap().to_string(), format!("ID{}", kept(number)));
    }
    // A message whose caller gave up may have been stored anyway.
    let mut found = open(&store).await;
    found.retain(|id| id != "ID1000");
    let all = (0..WAITING).filter(|number| kept(*number) == *number);
    let expected: Vec<String> = all.map(|number| format!("ID{number}")).collect();
    assert_eq!(found, expected);
    if store.backend() == "postgres" {
        let transactions = "SELECT DISTINCT xmin FROM wmctl_outbox WHERE message_id <> 'ID1000'";
        assert_eq!(holder.count(transactions).await, 1);
    }
}

/// An error concerns only the message that caused it.
pub(super) async fn one_that_is_refused_stops_no_other(database: &Database) {
    let store = database.store().await;
    paired(&store).await;
    let refuse = match store.backend() {
        "sqlite" => {
            "CREATE TRIGGER odd BEFORE INSERT ON wmctl_outbox WHEN new.recipient LIKE '666%'
             BEGIN SELECT RAISE(ABORT, 'odd'); END"
        }
        _ => "ALTER TABLE wmctl_outbox ADD CONSTRAINT odd CHECK (recipient NOT LIKE '666%')",
    };
    super::raw(database, refuse).await;
    let mut holder = hold(database, &store).await;
    let all = (0..WAITING).map(|number| {
        let to = if number == WAITING / 2 {
            "666"
        } else {
            "491600"
        };
        started(&store, message(number, to, None))
    });
    let all: Vec<_> = all.collect();
    holder.run("COMMIT").await;
    for (number, taken) in join_all(all).await.into_iter().enumerate() {
        let refused = matches!(taken, Err(StoreError::Refused(_)));
        assert_eq!(refused, number == WAITING / 2, "{number}: {taken:?}");
    }
    assert_eq!(open(&store).await.len(), WAITING - 1);
}
