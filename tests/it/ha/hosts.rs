//! Rows of processes: ends without a database, and ends without a notice.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use wmctl::daemon::sweep::Sweeper;

use super::scene::{connected, role};
use crate::support::frozen::Frozen;
use crate::support::postgres::Postgres;
use crate::support::program::{PATIENCE, Program};
use crate::support::stage::Stage;

const GRACE: Duration = Duration::from_secs(2);
/// Time beyond the grace period: leases are released, and the process records its end.
const LAST_WORDS: Duration = Duration::from_secs(3 + 3 + 1);
/// Additional time on a machine that is busy with other tests.
const BUSY: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(5);

fn is_host(line: &Value) -> bool {
    line["type"] == "host"
}

/// The server accepts connections and answers nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_ends_in_time_while_its_database_hangs() {
    let server = Postgres::start();
    server.create("wm");
    let stage = Stage::set_on(Some(&server.url("wm"))).await;
    let grace = GRACE.as_secs().to_string();
    for when in ["it serves", "it begins anew"] {
        let mut host = stage
            .wmctl
            .start(&["serve", "--no-http", "--grace", &grace]);
        host.expect("the host", is_host).await;
        host.expect("its tenant", connected).await;
        if when == "it begins anew" {
            const SAID: &str = "restarting as a new host";
            server.sql("wm", "UPDATE wmctl_host SET state = 'dead' WHERE serves");
            let begun = Instant::now();
            while !stage.wmctl.log().contains(SAID) {
                assert!(begun.elapsed() < PATIENCE, "it is not declared dead");
                tokio::time::sleep(LOOK).await;
            }
        }
        let frozen = Frozen::freeze(&server);
        if when == "it begins anew" {
            // It joins again after a second, and gets no answer.
            tokio::time::sleep(Duration::from_secs(2)).await;
            assert_eq!(host.heard(is_host).len(), 0, "it is no host again");
        }
        let since = Instant::now();
        host.terminate().await;
        let code = host.ended().await.code();
        assert_eq!(code, Some(0), "SIGTERM while {when}");
        let took = since.elapsed();
        assert!(took < GRACE + LAST_WORDS + BUSY, "{when}: {took:?}");
        drop(frozen);
    }
}

/// Waits until a query returns `wanted`: a standby sends a heartbeat every ten seconds.
async fn answers(server: &Postgres, sql: &str, wanted: &str) {
    let begun = Instant::now();
    while server.sql("wm", sql).trim() != wanted {
        assert!(begun.elapsed() < PATIENCE, "{sql} is not {wanted}");
        tokio::time::sleep(LOOK * 10).await;
    }
}

/// A standby holds no lock or lease that could show its end, only its heartbeat counter.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_died_while_it_stood_by_is_forgotten() {
    let server = Postgres::start();
    server.create("wm");
    let stage = Stage::set_on(Some(&server.url("wm"))).await;
    let run = ["run", "--ha", "--no-http"];
    let mut leader = stage.wmctl.start(&run);
    leader.expect("the leader", role("leader")).await;
    let mut processes = Vec::new();
    for _ in 0..3 {
        let mut standby = stage.wmctl.start(&run);
        standby.expect("a standby", role("standby")).await;
        processes.push(standby);
    }
    let [mut lives, mut killed, mut stopped]: [_; 3] = processes.try_into().ok().unwrap();
    let row = |program: &Program, column: &str| {
        let pid = program.id().unwrap();
        format!("SELECT {column} FROM wmctl_host WHERE pid = {pid}")
    };
    let (of_lives, of_killed) = (row(&lives, "state"), row(&killed, "state"));
    let of_stopped = row(&stopped, "state");
    // After a graceful stop, the process itself records its end.
    stopped.terminate().await;
    assert_eq!(stopped.ended().await.code(), Some(0));
    answers(&server, &of_stopped, "dead").await;
    // It has sent its first heartbeat, and continues.
    answers(&server, &row(&killed, "0 < hb_seq"), "t").await;
    killed.kill().await;
    let mut sweeper = Sweeper::new(stage.app());
    let began_ms = 1_000_000;
    let before = server.sql("wm", &row(&lives, "hb_seq"));
    let mut dead = sweeper.look(began_ms).await.unwrap();
    let spoke = format!("{} < hb_seq", before.trim());
    answers(&server, &row(&lives, &spoke), "t").await;
    // The observer's clock is advanced by hand, so two minutes of silence pass at once.
    for step in 1..=6 {
        assert_eq!(dead, [], "after {step} looks");
        dead = sweeper.look(began_ms + step * 20_000).await.unwrap();
    }
    assert_eq!(dead.len(), 1, "the one that was killed");
    answers(&server, &of_killed, "dead").await;
    assert_eq!(server.sql("wm", &of_lives).trim(), "live");
    // After a week the row expires, and the next process that starts removes it.
    let week = "UPDATE wmctl_host SET hb_ms = hb_ms - 691200000 WHERE state = 'dead'";
    server.sql("wm", week);
    let mut next = stage.wmctl.start(&run);
    next.expect("a standby", role("standby")).await;
    answers(
        &server,
        "SELECT count(*) FROM wmctl_host WHERE state = 'dead'",
        "0",
    )
    .await;
    // A live process that was declared dead registers again under another host id.
    let pid = lives.id().unwrap();
    server.sql(
        "wm",
        &format!("UPDATE wmctl_host SET state = 'dead' WHERE pid = {pid}"),
    );
    let renamed = format!("SELECT count(*) FROM wmctl_host WHERE pid = {pid} AND state = 'live'");
    answers(&server, &renamed, "1").await;
    for process in [&mut next, &mut lives, &mut leader] {
        process.terminate().await;
        assert_eq!(process.ended().await.code(), Some(0));
    }
}
