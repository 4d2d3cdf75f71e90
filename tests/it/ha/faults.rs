//! Faults of machines, networks, servers and clocks, and their effect on the traffic.

use std::time::Duration;

use tokio::time::Instant;
use wmctl::rehearsal::audit::Violations;
use wmctl::sim::ConnectionEnd;

use super::figures::Fault;
use super::scene::{Follower, Scene, Setup, connected, rounds, signal};
use crate::support::network::Lost;
use crate::support::stage::NUMBER;

/// Above the timeout: a slow process cannot be distinguished from a dead one.
const CUT: Fault = Fault::new("partition from the database", 1_800);
/// The server ends a transaction that a stopped process left open after two seconds.
const IN_TRANSACTION: Fault = Fault::new("SIGSTOP inside a transaction", 2_300 + 1_500);
/// The pooler itself reports a closed connection.
const POOLED_KILL: Fault = Fault::new("PgBouncer, SIGKILL", 250);
const POOLED_STOP: Fault = Fault::new("PgBouncer, SIGSTOP", 2_300 + 1_500);
/// The database's clock goes back, so only the heartbeat counter shows the death.
const WRONG_CLOCK: Fault = Fault::new("wrong clock, SIGSTOP", 1_500 + 1_000);
/// Counted from when a server accepts writes.
const FAILOVER_CUT: Fault = Fault::new("synchronous failover, connections cut", 1_000);
/// A process with an open connection to the old server looks for the new primary every two seconds.
const FAILOVER_OPEN: Fault = Fault::new("synchronous failover, connections left", 1_000 + 3_000);
const BOTH: Fault = Fault::new("both killed, since the restart", 1_000);

/// In each direction of the cut, one of the two processes continues; afterwards they change roles.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_cut_off_from_the_database_is_replaced() {
    let ways = [Lost::Both, Lost::Out, Lost::In];
    let setup = Setup {
        apart: true,
        ..Setup::default()
    };
    let mut scene = Scene::set(setup, 80 * rounds()).await;
    for round in 0..rounds() {
        scene.put_in(20).await;
        let way = ways[round as usize % ways.len()];
        let since = Instant::now();
        scene.leader.lose(scene.leader.database_port(), way);
        scene.taken_over(since, &CUT).await;
        scene.leader.heal();
        scene.changed_places().await;
    }
    scene.settled("partition from the database").await;
}

/// Both processes reach the database: the lease stays, and all messages arrive after the cut.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_cut_off_from_whatsapp_keeps_its_lease() {
    let ways = [Lost::Both, Lost::Out, Lost::In];
    let setup = Setup {
        apart: true,
        ..Setup::default()
    };
    let mut scene = Scene::set(setup, 60 * rounds()).await;
    for round in 0..rounds() {
        scene.put_in(10).await;
        let way = ways[round as usize % ways.len()];
        let port = scene.leader.whatsapp.address.port();
        scene.leader.lose(port, way);
        scene.put_in(5).await;
        scene.stays("partition from WhatsApp").await;
        scene.leader.heal();
        // The server still holds the old connection when the leader reconnects.
        scene.replaced += 1;
    }
    scene.settled("partition from WhatsApp").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_hangs_inside_a_transaction_is_replaced() {
    let mut scene = Scene::set(Setup::default(), 80 * rounds()).await;
    for _ in 0..rounds() {
        scene.put_in(20).await;
        let since = hang_inside_a_transaction(&mut scene).await;
        scene.taken_over(since, &IN_TRANSACTION).await;
        signal(&scene.leader.run, "-CONT").await;
        scene.changed_places().await;
    }
    scene.settled("SIGSTOP inside a transaction").await;
}

/// Stops the leader repeatedly, until it holds a row of its lease.
pub(super) async fn hang_inside_a_transaction(scene: &mut Scene) -> Instant {
    let open = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
        WHERE a.state = 'idle in transaction' AND l.relation = 'wmctl_lease'::regclass";
    for _ in 0..2_000 {
        let since = Instant::now();
        signal(&scene.leader.run, "-STOP").await;
        if scene.server().sql("wm", open).trim() != "0" {
            return since;
        }
        signal(&scene.leader.run, "-CONT").await;
        scene.put_in(1).await;
    }
    panic!("it never stops inside a transaction");
}

/// Repeats `a_killed_leader_is_replaced` and `a_leader_that_hangs_is_fenced` through a pooler.
#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_in_between_changes_nothing() {
    let setup = Setup {
        pooled: true,
        ..Setup::default()
    };
    let mut scene = Scene::set(setup, 120 * rounds()).await;
    for _ in 0..rounds() {
        scene.put_in(20).await;
        let since = Instant::now();
        scene.leader.run.kill().await;
        scene.taken_over(since, &POOLED_KILL).await;
        scene.comes_back().await;
        scene.put_in(20).await;
        let since = Instant::now();
        signal(&scene.leader.run, "-STOP").await;
        scene.taken_over(since, &POOLED_STOP).await;
        signal(&scene.leader.run, "-CONT").await;
        scene.changed_places().await;
    }
    let status = scene.stage.wmctl.done(&["lock-status", "--json"]).await;
    let route = "transaction_pooler, liveness xact";
    assert!(status.contains(route), "{status}");
    scene.settled("PgBouncer, SIGKILL and SIGSTOP").await;
}

/// Promotes a follower while the old primary still runs, once per round. Connections to the old
/// primary are cut, or stay open.
async fn synchronous_followers_take_over(cut: bool, fault: &Fault) {
    let setup = Setup {
        follower: Some(Follower::Synchronous),
        ..Setup::default()
    };
    let mut scene = Scene::set(setup, 0).await;
    let mut old = None;
    for round in 0..rounds() {
        if 0 < round {
            scene.is_followed(Follower::Synchronous);
        }
        scene.more_chats(60).await;
        scene.put_in(20).await;
        let socket = scene.follower.as_ref().unwrap().socket();
        scene.follower.as_ref().unwrap().promote();
        let since = Instant::now();
        scene.lead_to(socket, cut);
        scene.somebody_leads(since, fault).await;
        scene.put_in(20).await;
        let violations = scene.stage.settled(scene.messages).await;
        assert_eq!(violations, Violations::default(), "round {round}");
        // Keeps the primary of this round alive while the next one fails.
        old.replace(scene.follower_is_primary());
    }
    scene.ended(fault.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_a_synchronous_follower_takes_over() {
    synchronous_followers_take_over(true, &FAILOVER_CUT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_old_primary_goes_on() {
    synchronous_followers_take_over(false, &FAILOVER_OPEN).await;
}

/// Wall clocks neither depose a leader nor keep one in office.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_clocks_depose_nobody() {
    let setup = Setup {
        clocks: true,
        ..Setup::default()
    };
    let faults = [
        ("database", 3_600),
        ("database", -3_600),
        ("leader", 3_600),
        ("leader", -3_600),
    ];
    let mut scene = Scene::set(setup, 400).await;
    for (whose, offset) in faults {
        scene.put_in(10).await;
        let clock = match whose {
            "database" => scene.clock.as_ref(),
            _ => scene.leader.clock.as_ref(),
        };
        clock.unwrap().set(offset);
        if whose == "database" {
            let now = "SELECT CAST(extract(epoch FROM clock_timestamp()) AS BIGINT)";
            let now: i64 = scene.server().sql("wm", now).trim().parse().unwrap();
            let off = now - wmctl::clock::Surroundings::system().clock.unix_ms() / 1_000;
            assert!((off - offset).abs() < 60, "the clock is off by {off} s");
        }
        scene.stays(&format!("clock of the {whose} {offset}")).await;
        scene.put_in(10).await;
        let since = Instant::now();
        signal(&scene.leader.run, "-STOP").await;
        scene.taken_over(since, &WRONG_CLOCK).await;
        signal(&scene.leader.run, "-CONT").await;
        scene.changed_places().await;
        for clock in [&scene.clock, &scene.leader.clock, &scene.standby.clock] {
            clock.as_ref().unwrap().set(0);
        }
    }
    scene.settled("wrong clocks").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_die_at_once() {
    let mut scene = Scene::set(Setup::default(), 60 * rounds()).await;
    for _ in 0..rounds() {
        scene.put_in(20).await;
        for host in [&scene.leader, &scene.standby] {
            signal(&host.run, "-KILL").await;
        }
        for host in [&mut scene.leader, &mut scene.standby] {
            host.run.ended().await;
            host.restart();
        }
        let since = Instant::now();
        // A process starts, finds the lock free, and declares its predecessor dead.
        scene.somebody_leads(since, &BOTH).await;
    }
    scene.settled("both killed").await;
}

/// A foreign program with the same keys is not one of our processes: the lease stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_client_deposes_nobody() {
    let mut scene = Scene::set(Setup::default(), 60).await;
    scene.put_in(20).await;
    let since = Instant::now();
    scene
        .stage
        .sim
        .end(NUMBER, ConnectionEnd::Replaced)
        .await
        .unwrap();
    scene.replaced += 1;
    scene.stays("a foreign client").await;
    let run = &mut scene.leader.run;
    run.expect("it comes back", connected).await;
    // Never reconnects at once, because two clients would replace each other forever.
    let waited = since.elapsed();
    assert!(Duration::from_secs(2) < waited, "after {waited:?}");
    scene.put_in(10).await;
    scene.settled("a foreign client").await;
}
