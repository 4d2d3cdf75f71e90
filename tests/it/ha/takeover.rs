//! Takeovers of real processes with real databases, and their effect on the traffic.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use wmctl::rehearsal::audit::Violations;

use super::figures::Fault;
use super::scene::{Scene, Setup, TIMEOUT, role, rounds, signal, wait_for};
use crate::support::program::PATIENCE;

const KILLED: Fault = Fault::new("SIGKILL", 100);
/// A file lock is polled every 50 ms.
const KILLED_FILE: Fault = Fault::new("SIGKILL, SQLite", 150);
/// Above the timeout: a slow process cannot be distinguished from a dead one.
const STOPPED: Fault = Fault::new("SIGSTOP", 1_800);
const STOPPED_FILE: Fault = Fault::new("SIGSTOP, SQLite", 1_800);
const TERMINATED: Fault = Fault::new("SIGTERM", 100);
const LOCK_LOST: Fault = Fault::new("end of the lock's session", 50);

fn embedded() -> Setup {
    Setup {
        embedded: true,
        ..Setup::default()
    }
}

async fn kills(setup: Setup, fault: &Fault) {
    let mut scene = Scene::set(setup, 40 * rounds()).await;
    for _ in 0..rounds() {
        scene.put_in(20).await;
        let since = Instant::now();
        scene.leader.run.kill().await;
        scene.taken_over(since, fault).await;
        scene.comes_back().await;
    }
    scene.settled(fault.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_leader_is_replaced_on_postgresql() {
    kills(Setup::default(), &KILLED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_leader_is_replaced_on_sqlite() {
    kills(embedded(), &KILLED_FILE).await;
}

/// The leader hangs for longer than the timeout; when it continues, it may not write.
async fn stops(setup: Setup, fault: &Fault) {
    let embedded = setup.embedded;
    let messages = if embedded { 0 } else { 60 * rounds() };
    let mut scene = Scene::set(setup, messages).await;
    for _ in 0..rounds() {
        scene.put_in(20).await;
        if embedded {
            // A process that hangs during a write would block all others on SQLite.
            scene.stage.settled(0).await;
        }
        let since = Instant::now();
        signal(&scene.leader.run, "-STOP").await;
        scene.taken_over(since, fault).await;
        signal(&scene.leader.run, "-CONT").await;
        scene.changed_places().await;
    }
    scene.settled(fault.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_hangs_is_fenced_on_postgresql() {
    stops(Setup::default(), &STOPPED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_hangs_is_fenced_on_sqlite() {
    stops(embedded(), &STOPPED_FILE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_hang_changes_nothing() {
    let mut scene = Scene::set(Setup::default(), 60).await;
    scene.put_in(10).await;
    signal(&scene.leader.run, "-STOP").await;
    // Shorter than the timeout, so the standby must not take over.
    tokio::time::sleep(TIMEOUT / 3).await;
    signal(&scene.leader.run, "-CONT").await;
    scene.put_in(10).await;
    let violations = scene.stage.settled(scene.messages).await;
    assert_eq!(violations, Violations::default());
    assert!(scene.standby.run.heard(role("leader")).is_empty());
    scene.settled("short SIGSTOP").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_stop_hands_over() {
    let mut scene = Scene::set(Setup::default(), 40 * rounds()).await;
    for _ in 0..rounds() {
        scene.put_in(20).await;
        let since = Instant::now();
        scene.leader.run.terminate().await;
        scene.taken_over(since, &TERMINATED).await;
        assert_eq!(scene.leader.run.ended().await.code(), Some(0));
        scene.comes_back().await;
    }
    scene.settled("SIGTERM").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_costs_nothing() {
    for mode in ["fast", "immediate"] {
        let mut scene = Scene::set(Setup::default(), 80).await;
        scene.put_in(20).await;
        scene.server().restart(mode);
        scene.put_in(20).await;
        // Each message arrives once, and either process may lead in the end.
        let violations = scene.stage.settled(scene.messages).await;
        assert_eq!(violations, Violations::default(), "{mode}");
        let took_over = scene.standby.run.heard(role("leader")).len();
        assert_eq!(took_over, 0, "{mode}: the leader keeps its account");
        scene.settled(mode).await;
    }
}

/// Ends the session that holds the lock at a moment when a takeover is due. The standby waits for
/// the lock, and the leader, which notices the loss by its next heartbeat, has just sent one.
/// Returns the time.
fn end_lock(scene: &Scene) -> Instant {
    const END: &str = "
        CREATE FUNCTION pg_temp.end_lock() RETURNS BIGINT LANGUAGE plpgsql AS $$
        DECLARE
            beats BIGINT;
            was BIGINT;
        BEGIN
            LOOP
                SELECT hb_seq INTO beats FROM wmctl_host JOIN wmctl_lease ON owner = inc;
                EXIT WHEN was < beats AND EXISTS (
                    SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                        AND clock_timestamp() - INTERVAL '1 second' < waitstart);
                was := beats;
                PERFORM pg_sleep(0.002);
            END LOOP;
            PERFORM pg_terminate_backend(pid) FROM pg_locks
                WHERE locktype = 'advisory' AND granted;
            RETURN EXTRACT(EPOCH FROM clock_timestamp()) * 1000000;
        END $$;
        SELECT pg_temp.end_lock()";
    let at_us: i64 = scene.server().sql("wm", END).trim().parse().unwrap();
    let ago_us = jiff::Timestamp::now().as_microsecond() - at_us;
    Instant::now() - Duration::from_micros(u64::try_from(ago_us).unwrap_or(0))
}

/// Returns true if the standby takes over. If it was slow, the leader has already recorded that it
/// lives without the lock. Then the standby returns the lock, and no takeover is due.
async fn is_taken_over(scene: &mut Scene, epoch: &str) -> bool {
    let given_back = format!(
        "SELECT (SELECT count(*) FROM wmctl_lease JOIN wmctl_host ON inc = owner
                WHERE liveness = 'lock' AND epoch = {epoch})
            + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')"
    );
    let begun = Instant::now();
    loop {
        if !scene.standby.run.heard(role("leader")).is_empty() {
            return true;
        }
        // The leader holds the lock and states it, and the standby waits.
        if scene.server().sql("wm", &given_back).trim() == "3" {
            return false;
        }
        assert!(begun.elapsed() < PATIENCE, "nobody has the lock");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_locks_session_costs_no_message() {
    let mut scene = Scene::set(Setup::default(), 60 * rounds()).await;
    for _ in 0..rounds() {
        scene.put_in(20).await;
        let since = loop {
            let epoch = scene.server().sql("wm", "SELECT epoch FROM wmctl_lease");
            let since = end_lock(&scene);
            if is_taken_over(&mut scene, epoch.trim()).await {
                break since;
            }
        };
        scene.taken_over(since, &LOCK_LOST).await;
        scene.changed_places().await;
    }
    scene.put_in(20).await;
    scene.settled("lock session killed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_taken_away_goes_to_the_standby() {
    let mut scene = Scene::set(Setup::default(), 40).await;
    scene.put_in(20).await;
    let locks = scene.stage.wmctl.done(&["lock-status", "--json"]).await;
    let locks: Value = serde_json::from_str(&locks).unwrap();
    let lock = &locks["items"][0];
    let fields = [&lock["state"], &lock["liveness"], &lock["waiting"]];
    assert_eq!(
        fields,
        [&Value::from("held"), &Value::from("lock"), &Value::from(1)]
    );
    let check = scene.stage.wmctl.output(&["lock-status", "--check"]).await;
    assert_eq!(check.status.code(), Some(0));
    let release = ["lock-status", "--release", "default", "--yes"];
    scene.stage.wmctl.done(&release).await;
    // Either process may lead first; the epoch has risen in both cases.
    let violations = scene.stage.settled(scene.messages).await;
    assert_eq!(violations, Violations::default());
    let epoch = lock["epoch"].as_i64().unwrap();
    let taken = format!("SELECT {epoch} + 2 <= epoch AND owner IS NOT NULL FROM wmctl_lease");
    wait_for(scene.server(), &taken, "t");
    scene.replaced += 2;
    scene.settled("lease taken away").await;
}
