//! Failover to an asynchronous follower: its rows stay, rows that only the old primary had are
//! lost, and the product reports it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use wmctl::rehearsal::audit::DeliveryAudit;
use wmctl::sim::Breach;

use super::figures::{Fault, Figures};
use super::health::get_from;
use super::scene::{Follower, Scene, Setup, rounds, wait_for};
use crate::support::postgres::Postgres;
use crate::support::program::PATIENCE;

/// Counted from when a server accepts writes.
const CUT: Fault = Fault::new("asynchronous failover, connections cut", 1_000);
/// A process with an open connection to the old server looks for the new primary every two seconds.
const OPEN: Fault = Fault::new("asynchronous failover, connections left", 1_000 + 3_000);
const PLANNED: Fault = Fault::new("asynchronous follower that had everything", 1_000);

/// Least number of messages, each way, that only the old primary has.
const MISSED: u32 = 8;
const LOOK: Duration = Duration::from_millis(25);
const MESSAGES: &str = "SELECT message_id FROM wmctl_event WHERE kind = 'message' AND NOT from_me";
const SENT: &str = "SELECT message_id FROM wmctl_outbox WHERE state = 'sent'";

fn ids(server: &Postgres, sql: &str) -> BTreeSet<String> {
    server.sql("wm", sql).lines().map(str::to_owned).collect()
}

/// The completed events and messages in a server's rows.
struct Known {
    events: BTreeSet<String>,
    sent: BTreeSet<String>,
}

impl Known {
    fn by(server: &Postgres) -> Self {
        Self {
            events: ids(server, MESSAGES),
            sent: ids(server, SENT),
        }
    }
}

/// Stops replication while traffic continues with the primary.
async fn lags_behind(scene: &mut Scene, follower: &Postgres) {
    scene.put_in(20).await;
    scene.stage.flows().await;
    let sent = format!("SELECT count(*) FROM ({SENT}) AS s");
    wait_for(follower, &sent, &scene.stage.put().to_string());
    follower.sql("wm", "ALTER SYSTEM SET primary_conninfo = ''");
    follower.sql("wm", "SELECT pg_reload_conf()");
    let following = "SELECT count(*) FROM pg_stat_replication";
    wait_for(scene.server(), following, "0");
    let had = Known::by(scene.server());
    scene.more_chats(80).await;
    scene.put_in(MISSED).await;
    for (sql, had) in [(MESSAGES, &had.events), (SENT, &had.sent)] {
        let wanted = had.len() + MISSED as usize;
        let more = format!("SELECT {wanted} <= count(*) FROM ({sql}) AS m");
        wait_for(scene.server(), &more, "t");
    }
}

/// Checks that the former leader reports the changed timeline.
async fn says_so(scene: &mut Scene) {
    let void = |line: &Value| {
        line["type"] == "lease" && line["state"] == "fenced" && line["reason"] == "timeline"
    };
    let began = Instant::now();
    loop {
        let told: usize = scene.hosts().map(|host| host.run.heard(void).len()).sum();
        if told == 1 {
            break;
        }
        let log = scene.stage.wmctl.log();
        assert!(began.elapsed() < PATIENCE, "{told} processes say it: {log}");
        tokio::time::sleep(LOOK).await;
    }
    let log = scene.stage.wmctl.log();
    let said = "leads to another server: what only the old one had is gone";
    assert!(
        log.contains(said) && log.contains("timeline=\"00000002\""),
        "{log}"
    );
}

/// Waits until all contacts receive messages again. Returns the ids put in since the start.
async fn flows_again(scene: &mut Scene) -> BTreeSet<String> {
    let before = scene.stage.ledger().await;
    let before: BTreeSet<String> = before.outbox.into_iter().map(|(id, _)| id).collect();
    let began = Instant::now();
    loop {
        scene.put_in(4).await;
        let ledger = scene.stage.ledger().await;
        let fresh = |id: &str| !before.contains(id);
        let read = ledger.read.iter().filter(|(_, id, _)| fresh(id));
        let readers: BTreeSet<&String> = read.map(|(contact, _, _)| contact).collect();
        if readers.len() == 4 {
            let all = ledger.outbox.iter().map(|(id, _)| id.clone());
            return all.filter(|id| fresh(id)).collect();
        }
        assert!(began.elapsed() < PATIENCE, "only {readers:?} hear from it");
    }
}

/// Waits until each message is an event or can never become one, and each new message is sent.
async fn comes_to_rest(scene: &Scene, fresh: &BTreeSet<String>) -> DeliveryAudit {
    let began = Instant::now();
    loop {
        let ledger = scene.stage.ledger().await;
        let events: BTreeSet<&String> = ledger.events.iter().map(|(id, _)| id).collect();
        let waits = |id: &String| !events.contains(id) && !ledger.acked.contains(id);
        let waiting = ledger.received.iter().filter(|(id, _)| waits(id)).count();
        let unsent = fresh.iter().filter(|id| !ledger.sent.contains(id)).count();
        if (ledger.received.len(), waiting, unsent) == (scene.messages as usize, 0, 0) {
            return ledger;
        }
        let begun = began.elapsed() < PATIENCE;
        assert!(
            begun,
            "{waiting} to come, {unsent} to leave: it does not settle"
        );
        tokio::time::sleep(LOOK).await;
    }
}

/// Checks exactly what ARCHITECTURE.md promises.
fn check(ledger: &DeliveryAudit, known: &Known, old: &Known, fresh: &BTreeSet<String>) {
    let events: BTreeSet<&String> = ledger.events.iter().map(|(id, _)| id).collect();
    assert_eq!(events.len(), ledger.events.len(), "no event comes twice");
    let gone: Vec<_> = known
        .events
        .iter()
        .filter(|id| !events.contains(id))
        .collect();
    assert!(gone.is_empty(), "the follower had them: {gone:?}");
    let missing: BTreeSet<&String> = ledger
        .received
        .iter()
        .map(|(id, _)| id)
        .filter(|id| !events.contains(id))
        .collect();
    // Otherwise the test would prove nothing.
    assert!(!missing.is_empty(), "the follower lacked nothing");
    for id in missing {
        let only_old = old.events.contains(id) && !known.events.contains(id);
        assert!(
            only_old,
            "{id} is missing, and the old primary alone had not it"
        );
    }
    let mut read = BTreeSet::new();
    for (contact, id, _) in &ledger.read {
        let first = read.insert((contact, id));
        assert!(
            first || !known.sent.contains(id),
            "{contact} read {id} twice"
        );
    }
    for id in known.sent.iter().chain(fresh) {
        assert!(ledger.sent.contains(id), "{id} is not sent");
    }
    for id in &known.sent {
        let readers = read.iter().filter(|(_, of)| *of == id).count();
        assert!(readers == 1 || readers == 4, "{readers} read {id}");
    }
    for breach in &ledger.breaches {
        match breach {
            // The stored pre-keys step back with the other rows.
            Breach::PreKeyIdReused { .. } => (),
            // Ratchets step back too, but skip the keys that only the old primary may have used.
            Breach::MessageKeyReused { .. } => panic!("{breach:?}"),
            Breach::OtherCiphertext { id, .. } => {
                assert!(
                    !known.sent.contains(id) && !fresh.contains(id),
                    "{breach:?}"
                );
            }
            Breach::DeviceMissed { .. } => panic!("{breach:?}"),
        }
    }
}

/// Each round has its own servers and account, because the lost rows are known for one failover.
async fn take_over_lacking(fault: &Fault, cut: bool) {
    let mut figures = Figures::default();
    for _ in 0..rounds() {
        figures = lacks_and_takes_over(figures, fault, cut).await;
    }
    figures.print(fault.name);
}

async fn lacks_and_takes_over(figures: Figures, fault: &Fault, cut: bool) -> Figures {
    let setup = Setup {
        follower: Some(Follower::Asynchronous),
        ..Setup::default()
    };
    let mut scene = Scene::set(setup, 40).await;
    scene.figures = figures;
    let follower = scene.follower.take().unwrap();
    lags_behind(&mut scene, &follower).await;
    follower.promote();
    let known = Known::by(&follower);
    let since = Instant::now();
    scene.lead_to(follower.socket(), cut);
    scene.somebody_leads(since, fault).await;
    says_so(&mut scene).await;
    let old = Known::by(scene.server());
    scene.more_chats(40).await;
    let fresh = flows_again(&mut scene).await;
    let ledger = comes_to_rest(&scene, &fresh).await;
    check(&ledger, &known, &old, &fresh);
    // No process continued with the old server, and exactly one of the two leads.
    let after = Known::by(scene.server());
    assert_eq!((old.events, old.sent), (after.events, after.sent));
    let mut codes = Vec::new();
    for host in [&scene.leader, &scene.standby] {
        codes.push(get_from(host.http, "/leader").await.0);
    }
    assert_eq!(codes, [200, 503]);
    scene.stops(fault.name).await;
    drop(follower);
    scene.figures
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_old_primary_had_is_gone_and_nothing_else() {
    take_over_lacking(&CUT, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_primary_that_goes_on_is_left() {
    take_over_lacking(&OPEN, false).await;
}

/// A graceful stop of the primary waits until its follower has all rows.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_follower_had_everything() {
    let setup = Setup {
        follower: Some(Follower::Asynchronous),
        ..Setup::default()
    };
    let mut scene = Scene::set(setup, 160).await;
    scene.put_in(20).await;
    let follower = scene.follower.take().unwrap();
    scene.server().stop("fast");
    follower.promote();
    let since = Instant::now();
    scene.lead_to(follower.socket(), true);
    scene.somebody_leads(since, &PLANNED).await;
    scene.put_in(20).await;
    scene.settled("planned failover").await;
    drop(follower);
}
