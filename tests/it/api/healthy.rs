//! Live hosts are not declared dead, even if a fault silences all of them.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::fleet::{Fleet, LOOK};
use crate::support::frozen::Frozen;
use crate::support::postgres::Postgres;
use crate::support::program::PATIENCE;

const NAMES: [&str; 3] = ["a", "b", "c"];
/// Time without a move after which the distribution of tenants is stable. Hosts may give away one
/// tenant per second.
const SHARED: Duration = Duration::from_secs(4);

/// Waits until the query returns `wanted`.
async fn answers(server: &Postgres, sql: &str, wanted: &str) {
    let begun = Instant::now();
    loop {
        let answer = server.sql("wm", sql);
        if answer.trim() == wanted {
            return;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "{sql} answers {answer}, not {wanted}"
        );
        tokio::time::sleep(LOOK).await;
    }
}

/// Starts three hosts with one tenant each, and waits until all hold their locks.
async fn healthy(silence: Duration) -> Fleet {
    let mut fleet = Fleet::start(NAMES.len()).await;
    fleet.silence = silence;
    for name in NAMES {
        fleet.join(name).await;
    }
    // Hosts redistribute tenants at first. Wait until several rebalance intervals pass without a
    // move.
    let mut kept = (
        placed(&fleet.settled(&BTreeSet::new()).await),
        Instant::now(),
    );
    while kept.1.elapsed() < SHARED {
        let now = placed(&fleet.settled(&BTreeSet::new()).await);
        if now != kept.0 {
            kept = (now, Instant::now());
        }
    }
    locked(&fleet).await;
    fleet
}

/// Returns the host and the epoch of each tenant.
fn placed(list: &[Value]) -> Vec<Value> {
    let of = |one: &Value| json!([one["business_id"], one["host"], one["epoch"]]);
    list.iter().map(of).collect()
}

/// Waits until all hosts hold their locks and report it.
async fn locked(fleet: &Fleet) {
    let sql = "SELECT count(*) FROM wmctl_host WHERE state = 'live' AND liveness = 'lock'
        AND EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted
            AND objid = CAST(hashtext(inc) & 4294967295 AS oid))";
    answers(&fleet.server, sql, &NAMES.len().to_string()).await;
}

/// Waits until every live host has sent two more heartbeats.
async fn all_heard(fleet: &Fleet) {
    let rows = "SELECT string_agg(inc || ' ' || hb_seq, ',') FROM wmctl_host
        WHERE state = 'live' AND serves";
    let before = fleet.server.sql("wm", rows);
    for row in before.trim().split(',') {
        let (inc, beats) = row.split_once(' ').unwrap();
        let sql = format!(
            "SELECT state = 'dead' OR {beats} + 2 <= hb_seq FROM wmctl_host WHERE inc = '{inc}'"
        );
        answers(&fleet.server, &sql, "t").await;
    }
}

/// Checks that no host was declared dead and no tenant moved.
async fn nothing_happened(fleet: &Fleet, before: &[Value], what: &str) {
    all_heard(fleet).await;
    let dead = "SELECT count(*) FROM wmctl_host WHERE state = 'dead' AND serves";
    assert_eq!(fleet.server.sql("wm", dead).trim(), "0", "{what}");
    let after = fleet.settled(&BTreeSet::new()).await;
    assert_eq!(placed(&after), placed(before), "{what}");
}

/// The server hangs, for observers and heartbeats alike, for nearly as long as the silence timeout.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_outlive_a_server_that_stands_still() {
    let fleet = healthy(Duration::from_secs(5)).await;
    let before = fleet.list().await;
    for stall_ms in [4_400, 4_650, 4_900] {
        let frozen = Frozen::freeze(&fleet.server);
        // The sleep is the fault itself.
        tokio::time::sleep(Duration::from_millis(stall_ms)).await;
        drop(frozen);
        nothing_happened(&fleet, &before, &format!("{stall_ms} ms")).await;
        locked(&fleet).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_outlive_a_pause_of_all_of_them() {
    let fleet = healthy(Duration::from_secs(2)).await;
    let before = fleet.list().await;
    for pause_ms in [1_900, 3_000] {
        for name in NAMES {
            fleet.signal(name, "-STOP").await;
        }
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        for name in NAMES {
            fleet.signal(name, "-CONT").await;
        }
        nothing_happened(&fleet, &before, &format!("{pause_ms} ms")).await;
        locked(&fleet).await;
    }
}

/// A login takes one second, and sessions are terminated repeatedly: first those with locks, then
/// all.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_outlive_slow_logins() {
    let fleet = healthy(Duration::from_secs(5)).await;
    let before = fleet.list().await;
    fleet
        .server
        .sql("wm", "ALTER SYSTEM SET pre_auth_delay = 1");
    fleet.server.sql("wm", "SELECT pg_reload_conf()");
    for round in 0..4 {
        let which = match round % 2 {
            0 => "pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')",
            _ => "application_name LIKE 'wmctl %'",
        };
        let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {which}");
        fleet.server.sql("wm", &end);
        locked(&fleet).await;
    }
    nothing_happened(&fleet, &before, "slow logins").await;
}

/// The database answers reads but no heartbeats. The first host to recover must not declare the
/// others dead.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_outlive_a_database_that_only_reads() {
    let fleet = healthy(Duration::from_secs(2)).await;
    let before = fleet.list().await;
    let only_reads = "SELECT setting FROM pg_settings WHERE name = 'default_transaction_read_only'";
    for _ in 0..3 {
        let set = "ALTER SYSTEM SET default_transaction_read_only = on";
        fleet.server.sql("wm", set);
        fleet.server.sql("wm", "SELECT pg_reload_conf()");
        answers(&fleet.server, only_reads, "on").await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        let end = "ALTER SYSTEM RESET default_transaction_read_only";
        fleet.server.sql("wm", end);
        fleet.server.sql("wm", "SELECT pg_reload_conf()");
        answers(&fleet.server, only_reads, "off").await;
        nothing_happened(&fleet, &before, "only reads").await;
    }
}

/// Each host is judged by its own timeout, not by the shortest timeout of any host.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_given_the_silence_that_it_was_started_with() {
    let mut fleet = Fleet::start(2).await;
    fleet.silence = Duration::from_secs(20);
    fleet.join("slow").await;
    fleet.silence = Duration::from_secs(2);
    fleet.join("quick").await;
    let before = fleet.settled(&BTreeSet::new()).await;
    fleet.signal("slow", "-STOP").await;
    let own = "SELECT count(*) FROM wmctl_host WHERE name = 'quick' AND 10 <= hb_seq - (
        SELECT hb_seq FROM wmctl_host WHERE name = 'slow')";
    answers(&fleet.server, own, "1").await;
    fleet.signal("slow", "-CONT").await;
    nothing_happened(&fleet, &before, "twice the silence of the other").await;
}
