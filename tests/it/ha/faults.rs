//! What happens to machines, networks, servers and clocks, and what becomes of the traffic.

use std::time::Duration;

use tokio::time::Instant;
use wmctl::rehearsal::audit::Violations;
use wmctl::sim::Ending;

use super::figures::Fault;
use super::scene::{Follower, Scene, Setup, connected, rounds, signal};
use crate::support::network::Lost;
use crate::support::stage::NUMBER;

/// Above the timeout, where slow and dead cannot be told apart.
const CUT: Fault = Fault::new("partition from the database", 1_800);
/// A transaction that a stopped process left open is ended after two seconds.
const IN_TRANSACTION: Fault = Fault::new("SIGSTOP inside a transaction", 2_300 + 1_500);
/// A pooler tells of a closed connection itself.
const POOLED_KILL: Fault = Fault::new("PgBouncer, SIGKILL", 250);
const POOLED_STOP: Fault = Fault::new("PgBouncer, SIGSTOP", 2_300 + 1_500);
/// With a clock of the database that went back, the counter alone tells.
const WRONG_CLOCK: Fault = Fault::new("wrong clock, SIGSTOP", 1_500 + 1_000);
/// After there is a server that takes writes.
const FAILOVER_CUT: Fault = Fault::new("synchronous failover, connections cut", 1_000);
/// Whoever keeps an open way to the old server looks for the new one every two seconds.
const FAILOVER_OPEN: Fault = Fault::new("synchronous failover, connections left", 1_000 + 3_000);
const BOTH: Fault = Fault::new("both killed, since the restart", 1_000);

/// Whatever is cut, and in whichever direction, one of both goes on; after that they change places.
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

/// Both processes see the database: the lease stays, and everything arrives when the way is back.
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
        // Whoever comes back meets the connection that the server still takes for alive.
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

/// Stops the leader again and again, until it holds a row of its lease.
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

/// What `a_killed_leader_is_replaced` and `a_leader_that_hangs_is_fenced` show, through a pooler.
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

/// A follower is promoted while the old primary goes on, again and again; connections to the old
/// one are cut, or stay open for ever.
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
        // The primary of this round lives on while the next one fails.
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

/// Nobody is deposed by a wall clock, and nobody stays in office by one.
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
        // A process starts, finds the lock free and declares its predecessor dead.
        scene.somebody_leads(since, &BOTH).await;
    }
    scene.settled("both killed").await;
}

/// Another program with the same keys is not another process of ours: the lease stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_client_deposes_nobody() {
    let mut scene = Scene::set(Setup::default(), 60).await;
    scene.put_in(20).await;
    let since = Instant::now();
    scene.stage.sim.end(NUMBER, Ending::Replaced).await.unwrap();
    scene.replaced += 1;
    scene.stays("a foreign client").await;
    let run = &mut scene.leader.run;
    run.expect("it comes back", connected).await;
    // Never at once: two clients would throw each other out for ever.
    let waited = since.elapsed();
    assert!(Duration::from_secs(2) < waited, "after {waited:?}");
    scene.put_in(10).await;
    scene.settled("a foreign client").await;
}
