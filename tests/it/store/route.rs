//! Detection of poolers between a process and the server, and locks that work with what is there.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use wmctl::config::DatabaseUrl;
use wmctl::ids::TenantId;
use wmctl::store::Store;
use wmctl::store::db::application_name::NamedLock;
use wmctl::store::db::pooling::{Liveness, Pooling};
use wmctl::store::error::StoreError;
use wmctl::store::inspect::locks::LockSeen;

use super::samples::host;
use crate::support::pooler::Pooler;
use crate::support::postgres::Postgres;

const PATIENCE: Duration = Duration::from_secs(30);

async fn open(url: &str) -> Result<Store, StoreError> {
    let url: DatabaseUrl = url.parse().unwrap();
    Store::open(&url).await
}

fn server() -> Postgres {
    let server = Postgres::start();
    server.create("wm");
    server
}

#[tokio::test]
async fn what_a_way_keeps_is_found_out() {
    use Liveness::{Counter, Session as Lock, Transaction as Xact};
    use Pooling::{Direct, Session, Transaction};
    let server = server();
    let direct = open(&server.url("wm")).await.unwrap();
    let route = direct.route().unwrap();
    assert_eq!((route.pooling, route.liveness), (Direct, Lock));
    for (mode, size, more, expected) in [
        ("session", 9, "", (Session, Lock)),
        ("transaction", 9, "", (Transaction, Xact)),
        ("transaction", 1, "", (Transaction, Counter)),
        (
            "transaction",
            9,
            "server_round_robin = 1",
            (Transaction, Xact),
        ),
        (
            "transaction",
            9,
            "ignore_startup_parameters = options",
            (Transaction, Xact),
        ),
    ] {
        let pooler = Pooler::start(&server, mode, size, more);
        let store = open(&pooler.url("wm")).await.unwrap();
        let route = store.route().unwrap().clone();
        assert_eq!((route.pooling, route.liveness), expected, "{mode} {more}");
        assert_eq!(route.lock_pooling, route.pooling);
        store.close().await;
    }
}

#[tokio::test]
async fn locks_may_have_a_way_of_their_own() {
    let server = server();
    server.create("other");
    let pooler = Pooler::start(&server, "transaction", 9, "");
    let with = |locks: &str| {
        let url: DatabaseUrl = pooler.url("wm").parse().unwrap();
        url.with_locks_at(locks.parse().unwrap()).unwrap()
    };
    let store = Store::open(&with(&server.url("wm"))).await.unwrap();
    let route = store.route().unwrap();
    assert_eq!(route.pooling, Pooling::Transaction);
    assert_eq!(route.lock_pooling, Pooling::Direct);
    assert_eq!(
        route.to_string(),
        "transaction_pooler, locks direct, liveness lock"
    );
    let refused = Store::open(&with(&server.url("other"))).await;
    assert!(matches!(refused, Err(StoreError::Pooler(_))), "{refused:?}");
}

#[tokio::test]
async fn a_pooler_that_cannot_do_is_refused() {
    let server = server();
    let pooler = Pooler::start(&server, "statement", 9, "");
    let refused = open(&pooler.url("wm")).await;
    assert!(matches!(refused, Err(StoreError::Pooler(_))), "{refused:?}");
    let pooler = Pooler::start(&server, "transaction", 9, "");
    let url = format!("{}&options=-c%20work_mem%3D1MB", pooler.url("wm"));
    let refused = open(&url).await;
    assert!(matches!(refused, Err(StoreError::Pooler(_))), "{refused:?}");
}

/// A waiting process must get the lock when its holder's session ends, or is silent for too long.
async fn locks_end(url: &str) {
    let silence = Duration::from_millis(600);
    let tenant: TenantId = "acme".parse().unwrap();
    let (one, two) = (open(url).await.unwrap(), open(url).await.unwrap());
    one.migrate(1).await.unwrap();
    one.register(&host(1), 1).await.unwrap();
    let mut lock = one
        .try_lock(&tenant, host(1).id, silence)
        .await
        .unwrap()
        .unwrap();
    assert!(
        two.try_lock(&tenant, host(1).id, silence)
            .await
            .unwrap()
            .is_none()
    );
    let wait = async || {
        let lock = timeout(PATIENCE, two.wait_for_lock(&tenant, host(1).id, silence)).await;
        lock.unwrap().unwrap()
    };
    let waiting = async {
        let begun = Instant::now();
        let lock = wait().await;
        (begun.elapsed(), lock)
    };
    tokio::pin!(waiting);
    // The holder sends heartbeats for longer than the allowed silence, and then ends.
    for beat in 1..=8 {
        let beats = lock.beat().await.unwrap();
        assert_eq!(beats, Some(beat), "a heartbeat is seen");
        let early = timeout(silence / 5, &mut waiting).await;
        assert!(early.is_err(), "the holder lives");
    }
    let sessions = one.lock_sessions().await.unwrap();
    let held = |session: &LockSeen| (session.granted, session.name.is_some());
    let held: Vec<_> = sessions.iter().map(held).collect();
    assert_eq!(held, [(true, true), (false, true)], "{sessions:?}");
    let of = sessions.iter().filter_map(|session| session.name.as_ref());
    let of: Vec<_> = of.filter_map(|name| name.lock.as_ref()).collect();
    let is_ours = |lock: &&NamedLock| lock.is_of(host(1).id) && lock.silence == silence;
    assert!(of.len() == 2 && of.iter().all(is_ours), "{of:?}");
    drop(lock);
    let (_, mut lock) = waiting.await;
    lock.beat().await.unwrap();
    // From here on the holder is silent.
    let begun = Instant::now();
    let taken = one.wait_for_lock(&tenant, host(1).id, silence);
    let taken = timeout(PATIENCE, taken).await.unwrap().unwrap();
    assert!(silence / 2 < begun.elapsed(), "{:?}", begun.elapsed());
    assert!(lock.beat().await.is_err(), "it has lost it");
    taken.release().await;
    // Nothing remains in a pool.
    let lock = two.try_lock(&tenant, host(1).id, silence).await.unwrap();
    lock.expect("the lock is free").release().await;
}

#[tokio::test]
async fn a_lock_ends_with_its_session() {
    locks_end(&server().url("wm")).await;
}

#[tokio::test]
async fn a_lock_ends_with_its_transaction_behind_a_pooler() {
    let server = server();
    let pooler = Pooler::start(&server, "transaction", 9, "");
    locks_end(&pooler.url("wm")).await;
}
