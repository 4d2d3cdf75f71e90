//! `wmctl run` without a second process: when a process may start.

use serde_json::Value;
use tokio::time::{Duration, Instant};

use super::scene::{connected, signal, wait_for};
use crate::support::postgres::Postgres;
use crate::support::program::Program;
use crate::support::stage::Stage;

/// The timeout that others apply to a process that does not state that it holds a lock.
const SILENCE: Duration = Duration::from_secs(120);

fn run(stage: &Stage) -> Program {
    stage.wmctl.start(&["run", "--no-http"])
}

async fn refused(stage: &Stage) {
    let refused = stage.wmctl.output(&["run", "--no-http"]).await;
    let words = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(6), "{words}");
    let named =
        words.contains("LOCK_HELD") && words.contains("wmctl lock-status --release default");
    assert!(named, "{words}");
}

/// A process may start once the dead holder's session has ended. It may not while the holder runs,
/// even if the holder lost its session.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_keeps_nobody_from_starting() {
    let server = Postgres::start();
    server.create("wm");
    let stage = Stage::set_on(Some(&server.url("wm"))).await;
    let mut first = run(&stage);
    first.expect("its connection", connected).await;
    refused(&stage).await;
    signal(&first, "-STOP").await;
    refused(&stage).await;
    signal(&first, "-CONT").await;
    let locked = "SELECT count(*) FROM wmctl_host JOIN wmctl_lease ON owner = inc, pg_locks
        WHERE liveness = 'lock' AND locktype = 'advisory' AND granted";
    server.sql(
        "wm",
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted",
    );
    refused(&stage).await;
    wait_for(&server, locked, "1");
    for _ in 0..2 {
        let since = Instant::now();
        first.kill().await;
        first = run(&stage);
        first.expect("its connection", connected).await;
        assert!(since.elapsed() < SILENCE, "it waited for the silence");
    }
    first.terminate().await;
    assert!(first.ended().await.success());
}

/// An epoch at its maximum, set by hand, cannot rise. The error contains the remedy.
#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_that_cannot_rise_is_told_with_its_remedy() {
    let server = Postgres::start();
    server.create("wm");
    let stage = Stage::set_on(Some(&server.url("wm"))).await;
    let spend = "UPDATE wmctl_lease SET epoch = 9223372036854775807, owner = NULL";
    server.sql("wm", spend);
    let check = stage
        .wmctl
        .output(&["lock-status", "--json", "--check"])
        .await;
    assert_eq!(check.status.code(), Some(10));
    let locks: Value = serde_json::from_slice(&check.stdout).unwrap();
    let problem = &locks["items"][0]["problems"][0];
    assert_eq!(problem["code"], "epoch_spent", "{locks}");
    let refused = stage.wmctl.output(&["run", "--no-http"]).await;
    let words = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(7), "{words}");
    assert!(words.contains("EPOCH_SPENT"), "{words}");
    let mut host = stage.wmctl.start(&["serve", "--no-http"]);
    host.expect("a host", |line| line["type"] == "host").await;
    let begun = Instant::now();
    while !stage.wmctl.log().contains("its epoch is at its maximum") {
        assert!(begun.elapsed() < SILENCE, "{}", host.log_tail());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    host.terminate().await;
    assert!(host.ended().await.success());
    // The printed remedy works.
    let (_, remedy) = problem["command"]
        .as_str()
        .unwrap()
        .split_once(": ")
        .unwrap();
    assert!(words.contains(remedy), "{words}");
    server.sql("wm", remedy);
    let mut first = run(&stage);
    first.expect("its connection", connected).await;
    first.terminate().await;
    assert!(first.ended().await.success());
}
