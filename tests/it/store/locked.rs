//! Rows that somebody else keeps locked, and processes that are not who they say they are.

use std::pin::Pin;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;
use wmctl::config::DatabaseUrl;
use wmctl::store::Store;
use wmctl::store::error::StoreError;
use wmctl::store::tenants::api_keys::ApiKey;
use wmctl::store::transfer::{ImportOptions, Keep, TransferError};

use super::import::{audit, export_options, filled, options};
use super::samples::{host, paired, tenant};
use super::{Connection, Database};

/// What waits for a lock gives up by then; what is not in a transaction too.
const WAITS_MAX: Duration = Duration::from_secs(25);
const AT_ONCE: usize = 6;
/// Everything that a person may lock with one statement.
const LOCK: &str = "
    BEGIN; LOCK TABLE wmctl_lease, wmctl_host, wmctl_account, wmctl_tenant, wmctl_api_key,
        whatsmeow_device IN ACCESS EXCLUSIVE MODE";

type Try<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>>;

fn of_store(error: TransferError) -> StoreError {
    match error {
        TransferError::Store(error) => error,
        other => panic!("{other}"),
    }
}

/// What is asked of a store, by name.
type Tries<'a> = Vec<(&'static str, Try<'a>)>;

/// Turns a call into one that can be waited for beside others.
fn tried<'a, T>(work: impl Future<Output = Result<T, StoreError>> + Send + 'a) -> Try<'a> {
    Box::pin(async { work.await.map(|_| ()) })
}

/// Each ends in time, and may be tried again.
async fn give_up(mut tries: Tries<'_>) {
    while !tries.is_empty() {
        // Not more than there are connections, or those would be what is waited for.
        let some = tries.drain(..tries.len().min(AT_ONCE));
        let some = some.map(async |(name, work): (_, Try<'_>)| {
            let begun = Instant::now();
            let done = work.await;
            (name, done, begun.elapsed())
        });
        for (name, done, took) in join_all(some).await {
            let error = done.expect_err(name);
            assert!(error.is_transient(), "{name}: {error:?}");
            assert!(took < WAITS_MAX, "{name}: {took:?}");
        }
    }
}

/// Somebody types, and forgets to end what was begun.
async fn lock(database: &Database) -> Connection {
    let mut other = database.connect().await;
    let is_file = matches!(database.url, DatabaseUrl::Sqlite(_));
    let lock = if is_file { "BEGIN IMMEDIATE" } else { LOCK };
    other.run(lock).await;
    other
}

pub(super) async fn nothing_waits_for_a_lock_without_end(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    let mut other = lock(database).await;
    let (acme, us, newcomer, audit) = (tenant(), host(1).id, host(9), audit());
    let key = ApiKey {
        id: "id".into(),
        name: "name".into(),
        hash: vec![1],
        tenants: "*".into(),
        actions: "read".into(),
        created_ms: 1,
    };
    let mut tries: Tries<'_> = vec![
        ("register", tried(store.register(&newcomer, 1))),
        ("heartbeat", tried(store.heartbeat(us, 1))),
        ("orphan", tried(store.claim_orphan(&acme, us, 1))),
        ("release", tried(store.release(lease))),
        ("key", tried(store.add_key(&key, &audit))),
        ("want", tried(store.want(&acme, |_| (), &audit))),
        ("purge", tried(store.purge(&acme, &audit))),
    ];
    if store.backend() == "postgres" {
        tries.push(("tenants", tried(store.tenants())));
        tries.push(("plan", tried(store.plan(1))));
    }
    give_up(tries).await;
    other.run("ROLLBACK").await;
    store.register(&newcomer, 1).await.unwrap();
}

/// Those that take the lease's row for a whole account.
pub(super) async fn no_move_waits_for_a_lock_without_end(database: &Database) {
    let store = database.store().await;
    paired(&store).await;
    let source = Database::sqlite();
    let file = filled(&source).await;
    let source = Store::open_source(&source.url).await.unwrap();
    let mut other = lock(database).await;
    let (acme, audit) = (tenant(), audit());
    let away = format!("sqlite:{}.away", file.display());
    let (away, to_export) = (away.parse().unwrap(), export_options());
    let to_import = ImportOptions {
        tenant: "other".parse().unwrap(),
        ..options(Keep::Commit)
    };
    let (mut exported, mut imported) = (|_| (), |_| ());
    let export = store.export(&away, &to_export, &audit, &mut exported);
    let import = store.import(&source, &to_import, &audit, &mut imported);
    let restored = store.declare_restored(&acme, &audit);
    let tries: Tries<'_> = vec![
        ("export", tried(async { export.await.map_err(of_store) })),
        ("import", tried(async { import.await.map_err(of_store) })),
        (
            "restored",
            tried(async { restored.await.map_err(of_store) }),
        ),
    ];
    give_up(tries).await;
    other.run("ROLLBACK").await;
    let mut told = |_| ();
    let done = store.import(&source, &to_import, &audit, &mut told).await;
    done.unwrap();
}

/// A machine is copied while it runs: two processes have one name, and count one row up.
pub(super) async fn a_copy_of_a_process_is_noticed(database: &Database) {
    let store = database.store().await;
    let us = host(9);
    store.register(&us, 1).await.unwrap();
    for beats in 1..=3 {
        assert_eq!(store.heartbeat(us.id, 2).await.unwrap(), Some(beats));
    }
    let other = format!(
        "UPDATE wmctl_host SET hb_seq = hb_seq + 1 WHERE inc = '{}'",
        us.id
    );
    super::raw(database, &other).await;
    assert_eq!(store.heartbeat(us.id, 2).await.unwrap(), None);
    // A process that was made known elsewhere is only asked about.
    let elsewhere = database.store().await;
    assert_eq!(elsewhere.heartbeat(us.id, 2).await.unwrap(), Some(6));
}

/// A host that serves holds a lock of its own: that of a tenant is free, and means nothing.
pub(super) async fn a_holder_that_serves_is_not_judged_by_the_lock_of_a_tenant(
    database: &Database,
) {
    let store = database.store().await;
    let lease = paired(&store).await;
    let locks = async || store.holder(&tenant()).await.unwrap().unwrap().locks;
    store.set_liveness(lease.owner, true).await.unwrap();
    assert!(locks().await);
    store.serves(lease.owner, 10).await.unwrap();
    assert!(!locks().await);
}

/// A lease names a process whose row this role does not see, or that is gone: it is not free.
pub(super) async fn a_holder_that_is_hidden_is_not_taken_for_nobody(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    let hide = match store.backend() {
        "sqlite" => "PRAGMA foreign_keys = OFF; DELETE FROM wmctl_host",
        _ => "ALTER TABLE wmctl_host DISABLE TRIGGER ALL; DELETE FROM wmctl_host",
    };
    super::raw(database, hide).await;
    let holder = store.holder(&tenant()).await;
    assert!(
        matches!(holder, Err(StoreError::Corrupt { .. })),
        "{holder:?}"
    );
    let taken = store.claim_orphan(&tenant(), host(9).id, 1).await;
    assert!(
        matches!(taken, Err(StoreError::LeaseHeld { holder }) if holder == Some(lease.owner)),
        "{taken:?}"
    );
}
