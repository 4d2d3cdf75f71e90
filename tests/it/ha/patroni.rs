//! Two processes on PostgreSQL under Patroni: switchovers and killed primaries.

use tokio::time::Instant;

use super::figures::Fault;
use super::scene::{Scene, Setup};
use crate::support::number;
use crate::support::patroni::Patroni;

/// Time that Patroni needs to promote another member.
const SWITCHOVER: Fault = Fault::new("Patroni, switchover to the other primary", 10_000);
const KILL: Fault = Fault::new("Patroni, SIGKILL to the other primary", 25_000);
/// Counted from the promotion.
const SWITCHED: Fault = Fault::new("Patroni, switched over", 1_000);
const KILLED: Fault = Fault::new("Patroni, primary killed", 1_000);

/// Commits wait for the other member, so it has all rows.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_under_patroni() {
    let mut patroni = Patroni::start().await;
    patroni.create("wm").await;
    let rounds = number("WMCTL_PATRONI_ROUNDS", 1);
    let setup = Setup {
        database: Some(patroni.address()),
        ..Setup::default()
    };
    let mut scene = Scene::set(setup, 400 * rounds).await;
    for round in 0..rounds {
        scene.put_in(20).await;
        let (old, begun) = (patroni.primary().await, Instant::now());
        patroni.complete().await;
        let (since, ()) = tokio::join!(patroni.other_primary(old), patroni.switch_over());
        scene.figures.took(&SWITCHOVER, since - begun);
        scene.somebody_leads(since, &SWITCHED).await;
        scene.put_in(20).await;
        patroni.complete().await;
        let begun = Instant::now();
        let old = patroni.kill_primary().await;
        let since = patroni.other_primary(old).await;
        scene.figures.took(&KILL, since - begun);
        scene.somebody_leads(since, &KILLED).await;
        scene.put_in(20).await;
        if round + 1 < rounds {
            patroni.restart(old);
        }
    }
    scene.settled("Patroni").await;
}
