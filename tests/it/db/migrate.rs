//! Many processes that migrate one new database at the same time.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::task::JoinSet;
use wmctl::store::migrate::SCHEMA_VERSION;

use super::read;
use crate::support::number;
use crate::support::postgres::Postgres;
use crate::support::wmctl::Wmctl;

/// Checks that each process succeeds, and that each migration is applied by one of them.
async fn all_at_once(wmctl: &Wmctl, server: Option<&Postgres>) {
    let processes = number("WMCTL_MIGRATE_PROCESSES", 10);
    let mut running = JoinSet::new();
    for _ in 0..processes {
        let wmctl = wmctl.clone();
        running.spawn(async move { wmctl.done(&["migrate", "up"]).await });
    }
    let mut applied = BTreeMap::new();
    for said in running.join_all().await {
        for line in said.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            *applied
                .entry(line["version"].as_i64().unwrap())
                .or_insert(0) += 1;
        }
    }
    assert!(applied.values().all(|times| *times == 1), "{applied:?}");
    assert_eq!(applied.last_key_value(), Some((&SCHEMA_VERSION, &1)));
    let kept = read(wmctl, server, "SELECT COUNT(*) FROM wmctl_migration").await;
    assert_eq!(usize::try_from(kept), Ok(applied.len()));
    wmctl.done(&["migrate", "status", "--check"]).await;
    assert_eq!(wmctl.done(&["db", "check"]).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_brought_up_once() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Postgres::start());
    server.create("w");
    let mut wmctl = Wmctl::in_folder(folder.path());
    wmctl.set("WMCTL_DATABASE_URL", &server.url("w"));
    all_at_once(&wmctl, Some(&server)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    all_at_once(&Wmctl::in_folder(folder.path()), None).await;
    let below = Wmctl::in_folder(&folder.path().join("not/there/yet"));
    all_at_once(&below, None).await;
}
