//! Orderly ends: rolling restarts, and hand-overs that are delayed.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::figures::Fault;
use super::health::get_from;
use super::scene::{Scene, Setup, role, rounds};
use crate::support::frozen::Frozen;
use crate::support::network::Lost;
use crate::support::program::PATIENCE;

const ROLLED: Fault = Fault::new("rolling restart", 100);
/// Counted from the last signal.
const SECOND_SIGNAL: Fault = Fault::new("second signal, end of the process", 1_000);
/// Counted from the cut, long before the signals.
const CUT: Fault = Fault::new("cut, SIGTERM, SIGTERM", 1_800);
/// Counted from when the server continues.
const THAWED: Fault = Fault::new("server hangs, SIGTERM, SIGTERM", 500);
/// Counted from the signal: the test's grace period, and the closing work after it.
const GRACE: [&str; 2] = ["--grace", "3"];
const NO_DATABASE: Fault = Fault::new("SIGTERM without a database, end of the process", 3_500);
/// Counted from when the server is available again.
const DATABASE_BACK: Fault = Fault::new("database back after SIGTERM", 1_500);

const TERMINATED: i32 = 143;
const LOOK: Duration = Duration::from_millis(5);

/// Waits for a process that is not ready, which no standby may be. A new leader is not ready until
/// it is logged in.
async fn unready(others: &[SocketAddr]) -> (SocketAddr, u16, String) {
    loop {
        for address in others {
            let (code, body) = get_from(*address, "/readyz").await;
            if code != 200 && body != "leader" {
                return (*address, code, body);
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Stops each process in turn, and starts it again after its end, as a rolling update does. All
/// others are ready the whole time.
async fn rolls(processes: u32) {
    let setup = Setup {
        more: processes - 2,
        ..Setup::default()
    };
    let mut scene = Scene::set(setup, 20 * rounds() * processes).await;
    for _ in 0..rounds() {
        for number in 0..processes {
            scene.put_in(10).await;
            let restarted = scene.host(number).http;
            let others = scene.hosts().map(|host| host.http);
            let others: Vec<_> = others.filter(|http| *http != restarted).collect();
            tokio::select! {
                () = replace(&mut scene, number) => (),
                found = unready(&others) => panic!("{found:?} while {number} is restarted"),
            }
            for http in others.into_iter().chain([restarted]) {
                let (code, body) = get_from(http, "/readyz").await;
                assert_eq!(code, 200, "{body}");
            }
        }
    }
    // A process that stops gracefully has closed its connection before the next one connects.
    let ended = scene.streams_ended().await;
    assert_eq!(ended, 1, "pairing alone ends with a restart of the stream");
    scene.settled(&format!("{processes} processes")).await;
}

async fn replace(scene: &mut Scene, number: u32) {
    let leads = scene.leads(number);
    let since = Instant::now();
    scene.host(number).run.terminate().await;
    if leads {
        scene.somebody_leads(since, &ROLLED).await;
    }
    let host = scene.host(number);
    assert_eq!(host.run.ended().await.code(), Some(0));
    host.restart();
    host.run.expect("a new standby", role("standby")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_are_replaced_one_after_the_other() {
    rolls(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_processes_are_replaced_one_after_the_other() {
    rolls(3).await;
}

/// Stops the leader by two signals: it ends although it cannot hand over.
async fn stopped_twice(scene: &mut Scene) {
    const TAKEN: &str = "stopping; a second signal ends the process at once";
    let taken = |scene: &Scene| scene.stage.wmctl.log().matches(TAKEN).count();
    let before = taken(scene);
    scene.leader.run.terminate().await;
    let begun = Instant::now();
    while taken(scene) == before {
        assert!(begun.elapsed() < PATIENCE, "the signal is not taken");
        tokio::time::sleep(LOOK).await;
    }
    let since = Instant::now();
    let run = &mut scene.leader.run;
    run.terminate().await;
    assert_eq!(run.ended().await.code(), Some(TERMINATED));
    scene.figures.took(&SECOND_SIGNAL, since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_at_once_without_a_way_to_the_database() {
    let ways = [Lost::Both, Lost::Out, Lost::In];
    let setup = Setup {
        apart: true,
        ..Setup::default()
    };
    let mut scene = Scene::set(setup, 60 * rounds()).await;
    for round in 0..rounds() {
        scene.put_in(10).await;
        let since = Instant::now();
        let way = ways[round as usize % ways.len()];
        scene.leader.lose(scene.leader.database_port(), way);
        stopped_twice(&mut scene).await;
        scene.taken_over(since, &CUT).await;
        scene.leader.heal();
        scene.comes_back().await;
    }
    scene.settled("second signal, cut").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_at_once_while_the_database_hangs() {
    let mut scene = Scene::set(Setup::default(), 60 * rounds()).await;
    for _ in 0..rounds() {
        scene.put_in(10).await;
        let frozen = Frozen::freeze(scene.server());
        stopped_twice(&mut scene).await;
        drop(frozen);
        scene.taken_over(Instant::now(), &THAWED).await;
        scene.comes_back().await;
    }
    scene.settled("second signal, server hangs").await;
}

/// One signal is enough, in each state of the database.
#[tokio::test(flavor = "multi_thread")]
async fn a_grace_period_ends_without_a_database() {
    let setup = Setup {
        apart: true,
        flags: &GRACE,
        ..Setup::default()
    };
    let mut scene = Scene::set(setup, 120).await;
    for gone in ["stopped", "hangs", "cut"] {
        scene.put_in(10).await;
        let mut frozen = None;
        match gone {
            "stopped" => scene.server().stop("immediate"),
            "hangs" => frozen = Some(Frozen::freeze(scene.server())),
            _ => scene.leader.lose(scene.leader.database_port(), Lost::Both),
        }
        let since = Instant::now();
        let run = &mut scene.leader.run;
        run.terminate().await;
        let code = run.ended().await.code();
        assert_eq!(code, Some(0), "{gone}");
        scene.figures.took(&NO_DATABASE, since.elapsed());
        if gone == "stopped" {
            scene.server().start_again();
        }
        drop(frozen);
        scene.taken_over(Instant::now(), &DATABASE_BACK).await;
        scene.leader.heal();
        scene.comes_back().await;
    }
    scene.settled("SIGTERM without a database").await;
}
