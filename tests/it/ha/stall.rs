//! A stalled session: pings are answered, but nothing else passes in either direction.

use serde_json::Value;
use wmctl::rehearsal::audit::Violations;

use crate::support::program::Program;
use crate::support::stage::{NUMBER, Stage};

fn run(stage: &Stage) -> Program {
    let quick = ["run", "--ha", "--stall-timeout", "1", "--no-http"];
    stage.wmctl.start(&quick)
}

fn state(wanted: &'static str) -> impl Fn(&Value) -> bool {
    move |line| line["type"] == "status" && line["state"] == wanted
}

fn role(wanted: &'static str) -> impl Fn(&Value) -> bool {
    move |line| line["type"] == "role" && line["role"] == wanted
}

/// Checks the recovery of a stalled session. `warm` contacts got messages before, so that their
/// device lists are known; a message needs them. `dead_logins` is the number of further links that
/// stall too.
async fn revived(warm: u32, reason: &str, dead_logins: u32) {
    let mut stage = Stage::set().await;
    let mut leader = run(&stage);
    leader.expect("its connection", state("connected")).await;
    let mut standby = run(&stage);
    standby.expect("the standby", role("standby")).await;
    for _ in 0..warm {
        stage.put_in().await;
    }
    stage.settled(0).await;
    let muted = stage.sim.mute(NUMBER, dead_logins).await.unwrap();
    assert_eq!(muted, 1);
    for _ in 0..8 {
        stage.put_in().await;
    }
    stage.start_chats(8, 40).await;
    let said = leader.expect("that it is dead", state("stalled")).await;
    // A keepalive query may also be open at that moment.
    let reasons = [reason, "no_answers"];
    assert!(
        reasons.contains(&said["reason"].as_str().unwrap()),
        "{said}"
    );
    if dead_logins == 2 {
        standby.expect("the takeover", role("leader")).await;
        standby.expect("its connection", state("connected")).await;
        leader.expect("that it stands by", role("standby")).await;
    }
    let violations = stage.settled(8).await;
    assert_eq!(violations, Violations::default());
    let log = stage.wmctl.log();
    let steps = [
        "step=\"reconnect\"",
        "step=\"reload\"",
        "step=\"hand_over\"",
    ];
    let taken: Vec<usize> = steps
        .iter()
        .map(|step| log.matches(*step).count())
        .collect();
    let expected: Vec<usize> = (0..3)
        .map(|step| usize::from(step <= dead_logins))
        .collect();
    assert_eq!(taken, expected, "each step once, in order\n{log}");
    for process in [&mut leader, &mut standby] {
        process.terminate().await;
        assert!(process.ended().await.success());
    }
}

#[tokio::test]
async fn a_dead_session_is_connected_anew() {
    revived(0, "no_answers", 0).await;
}

#[tokio::test]
async fn a_session_that_stays_dead_is_loaded_anew() {
    revived(4, "no_acks", 1).await;
}

#[tokio::test]
async fn a_session_that_nothing_revives_goes_to_the_standby() {
    revived(4, "no_acks", 2).await;
}
