//! A PostgreSQL server that goes away while writers use it, and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use wmctl::ids::Jid;
use wmctl::session::changes::{Change, Event, EventBody, MessageEvent};
use wmctl::session::rows::Dedupe;
use wmctl::store::Store;
use wmctl::store::error::StoreError;
use wmctl::store::lease::Lease;

use super::Database;
use super::samples::{owner, paired, tenant};

/// A store that has not answered for this long has not recovered.
const RECOVERY_MAX: Duration = Duration::from_secs(5);

fn event(number: u32) -> Change {
    let chat = Jid::user("491600");
    Change::Event(Box::new(Event {
        dedupe: Some(Dedupe(format!("m:{number}"))),
        at_ms: 1,
        alt: None,
        body: EventBody::Message(MessageEvent {
            sender: chat.clone(),
            chat,
            sender_alt: None,
            id: format!("ID{number}").parse().unwrap(),
            from_me: false,
            push_name: None,
            kind: "text",
            text: None,
            payload: Vec::new(),
            offline: false,
        }),
    }))
}

/// Commits events until `last`, retrying each one until the store confirms it.
async fn write(store: Store, lease: Lease, next: Arc<AtomicU32>, last: u32) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if last <= number {
            return;
        }
        let mut failing: Option<tokio::time::Instant> = None;
        while let Err(error) = store.commit(&lease, &owner(), &[event(number)]).await {
            let known = matches!(error, StoreError::CommitUnknown(_)) || error.is_transient();
            assert!(known, "{error:?}");
            let since = *failing.get_or_insert_with(tokio::time::Instant::now);
            assert!(since.elapsed() < RECOVERY_MAX, "{error:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Runs the writers while `fault` happens repeatedly. Afterwards each event must exist exactly
/// once.
async fn survives(fault: fn(&Database)) {
    const EVENTS: u32 = 3_000;
    const WRITERS: usize = 4;
    let database = Arc::new(Database::postgres());
    let store = database.store().await;
    let lease = paired(&store).await;
    let next = Arc::new(AtomicU32::new(0));
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..WRITERS {
        writers.spawn(write(store.clone(), lease.clone(), next.clone(), EVENTS));
    }
    let mut faults = 0;
    while next.load(Ordering::Relaxed) < EVENTS && faults < 4 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let database = database.clone();
        tokio::task::spawn_blocking(move || fault(&database))
            .await
            .unwrap();
        faults += 1;
    }
    writers.join_all().await;
    assert!(0 < faults);
    let mut owner = database.connect().await;
    let all = "SELECT 1 FROM wmctl_event WHERE business_id = 'acme'";
    let expected = usize::try_from(EVENTS).unwrap();
    assert_eq!(owner.count(all).await, expected);
    assert!(i64::from(EVENTS) <= store.last_event(&tenant()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_fast_loses_nothing() {
    survives(|database| database.server().restart("fast")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_at_once_loses_nothing() {
    survives(|database| database.server().restart("immediate")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_killed_lose_nothing() {
    survives(|database| {
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name LIKE 'wmctl %'";
        database.server().sql("wm", kill);
    })
    .await;
}
