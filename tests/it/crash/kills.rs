//! SIGKILL at random moments.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::timeout;
use wmctl::rehearsal::audit::Violations;

use crate::support::number;
use crate::support::program::PATIENCE;
use crate::support::stage::Stage;

/// Longest life of a process in ms: from its first instruction to the middle of the traffic.
const LIFE_MS_MAX: u64 = 700;
/// Longest time that a kill waits for the account to confirm a message.
const CONFIRMATION: Duration = Duration::from_millis(500);
/// Messages per second, each way.
const RATE: u32 = 60;

#[tokio::test]
async fn killed_at_random_moments_nothing_is_lost_or_doubled() {
    let kills = number("WMCTL_CRASH_KILLS", 8);
    let messages = number("WMCTL_CRASH_MESSAGES", 200);
    let seed = number("WMCTL_CRASH_SEED", 1);
    let mut random = StdRng::seed_from_u64(u64::from(seed));
    let mut stage = Stage::set().await;
    stage.start_chats(messages, RATE).await;
    // Applications write at the pace of the kills, so that each kill meets traffic.
    let share = messages.div_ceil(kills.max(1));
    for kill in 0..kills {
        let mut run = stage.run();
        let mut life_ms = random.random_range(1..=LIFE_MS_MAX);
        for _ in 0..share.min(messages - stage.put()) {
            let pause_ms = life_ms.min(u64::from(1_000 / RATE));
            // The test is about the moment of the kill, so nothing is awaited here.
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            life_ms -= pause_ms;
            stage.put_in().await;
        }
        tokio::time::sleep(Duration::from_millis(life_ms)).await;
        if kill % 2 == 1 {
            // Kills right after a confirmation: one that was sent too early is not stored yet.
            stage.next_confirmation(CONFIRMATION).await;
        }
        run.kill().await;
        let violations = stage.violations().await;
        assert!(
            violations.is_empty(),
            "seed {seed}, kill {kill}: {violations:#?}"
        );
    }
    while stage.put() < messages {
        stage.put_in().await;
    }
    let logins = stage.sim.logins().await.unwrap().len();
    let mut run = stage.run();
    let violations = stage.settled(messages).await;
    assert_eq!(violations, Violations::default(), "seed {seed}");
    // All messages may be settled before the process logs in; the stop must meet a working process.
    let logs_in = async {
        while stage.sim.logins().await.unwrap().len() <= logins {
            tokio::task::yield_now().await;
        }
    };
    let logs_in = timeout(PATIENCE, logs_in).await;
    logs_in.expect("the last process logs in");
    run.terminate().await;
    assert!(run.ended().await.success());
}
