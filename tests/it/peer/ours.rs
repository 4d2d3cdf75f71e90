//! Foreign clients and wmctl read each other's messages.

use serde_json::{Value, json};
use wmctl::sim::{Direction, Entry, Fault, FaultKind};

use crate::support::baileys::Version::{self, V6, V7};
use crate::support::world::World;

const OURS: &str = "491510000001";
const BERT: &str = "491510000002";

const ACCEPTED: u64 = 2;
const DELIVERED: u64 = 3;

/// Exchanges texts in both directions, with receipts for both.
async fn talk(version: Version) {
    let world = World::start().await;
    let mut bert = world.stranger(version, BERT).await;
    let mut ours = world.ours(OURS).await;
    for round in 0..3 {
        let id = ours.send(&bert.jid(), &format!("to Bert {round}")).await;
        let key = bert.client.message(&format!("to Bert {round}")).await;
        assert_eq!(key["id"], id.as_str());
        ours.receipt(&id, "delivered").await;
        bert.client.read(&key).await;
        ours.receipt(&id, "read").await;

        let id = bert
            .client
            .send(&ours.jid(), &format!("to us {round}"))
            .await;
        ours.message(&format!("to us {round}")).await;
        bert.client.status(&id, ACCEPTED).await;
        bert.client.status(&id, DELIVERED).await;
    }
    assert_eq!(world.sim.breaches().await.unwrap(), []);
    ours.rest().await;
}

#[tokio::test]
async fn we_talk_with_the_new_version() {
    talk(V7).await;
}

#[tokio::test]
async fn we_talk_with_the_old_version() {
    talk(V6).await;
}

#[tokio::test]
async fn we_read_and_write_in_a_group() {
    let world = World::start().await;
    let mut bert = world.stranger(V7, BERT).await;
    let mut ours = world.ours(OURS).await;
    let create = json!({"cmd": "group_create", "subject": "Trip", "participants": [ours.jid()]});
    let group = bert.client.command(create).await["group"]["id"].take();
    let group = group.as_str().expect("a group has an address");
    for round in 0..2 {
        bert.client.send(group, &format!("from Bert {round}")).await;
        let event = ours.message(&format!("from Bert {round}")).await;
        assert_eq!(event["chat"], group);
        ours.send(group, &format!("from us {round}")).await;
        bert.client.message(&format!("from us {round}")).await;
    }
    assert_eq!(world.sim.breaches().await.unwrap(), []);
}

#[tokio::test]
async fn what_was_sent_meanwhile_waits_for_us_and_for_them() {
    let world = World::start().await;
    let mut bert = world.stranger(V7, BERT).await;
    let ours = world.ours(OURS).await.rest().await;
    let mut ids = Vec::new();
    for round in 0..3 {
        ids.push(
            bert.client
                .send(&ours.jid(), &format!("meanwhile {round}"))
                .await,
        );
    }
    let mut ours = ours.wake().await;
    for (round, id) in ids.iter().enumerate() {
        ours.message(&format!("meanwhile {round}")).await;
        bert.client.status(id, DELIVERED).await;
    }
    let asleep = bert.sleep().await;
    let id = ours.send(&asleep.jid(), "for later").await;
    let mut bert = world.again(&asleep).await;
    bert.client.message("for later").await;
    ours.receipt(&id, "delivered").await;

    let mut ours = ours.rest().await.wake().await;
    bert.client.send(&ours.jid(), "last").await;
    ours.message("last").await;
    assert_eq!(ours.messages_left("meanwhile 0"), 0);
}

#[tokio::test]
async fn we_are_logged_out_by_the_phone() {
    let world = World::start().await;
    let mut ours = world.ours(OURS).await;
    let device = ours.device.parse().expect("it is an address");
    world.sim.remove_device(&device).await.unwrap();
    assert_eq!(ours.run.ended().await.code(), Some(4));
    let links = |journal: &[Entry]| journal.iter().map(|entry| entry.link).max();
    let before = links(&world.sim.journal().await.unwrap());
    let again = ours.wmctl.output(&["run"]).await;
    assert_eq!(again.status.code(), Some(4));
    let after = links(&world.sim.journal().await.unwrap());
    assert_eq!(after, before, "it does not dial again");
    let tenants = ours.wmctl.done(&["tenants", "list", "--json"]).await;
    assert!(
        tenants.contains(&ours.device),
        "the rows are kept: {tenants}"
    );
}

/// One ciphertext in each direction is corrupted in transit. Both are resent and read.
async fn recovers(version: Version) {
    let world = World::start().await;
    let mut bert = world.stranger(version, BERT).await;
    let mut ours = world.ours(OURS).await;
    // Both sides need an established Signal session first.
    ours.send(&bert.jid(), "first").await;
    bert.client.message("first").await;
    bert.client.send(&ours.jid(), "first back").await;
    ours.message("first back").await;
    for (number, spoilt) in [(BERT, "to Bert"), (OURS, "to us")] {
        let fault = Fault {
            kind: FaultKind::Corrupt,
            number: Some(number.into()),
            direction: Direction::Out,
            tag: Some("message".into()),
            times: 1,
            per_mille: 1_000,
        };
        world.sim.add_fault(fault).await.unwrap();
        if number == BERT {
            ours.send(&bert.jid(), spoilt).await;
            bert.client.message(spoilt).await;
        } else {
            bert.client.send(&ours.jid(), spoilt).await;
            ours.message(spoilt).await;
            assert_eq!(ours.messages_left(spoilt), 0);
        }
    }
    let journal = world.sim.journal().await.unwrap();
    let retry = |entry: &&Entry| {
        entry.direction == Direction::In
            && entry.tag == "receipt"
            && entry.kind.as_deref() == Some("retry")
    };
    assert!(2 <= journal.iter().filter(retry).count(), "nobody asked");
    assert_eq!(world.sim.breaches().await.unwrap(), []);
    ours.rest().await;
}

#[tokio::test]
async fn the_new_version_and_we_recover_what_was_spoilt() {
    recovers(V7).await;
}

#[tokio::test]
async fn the_old_version_and_we_recover_what_was_spoilt() {
    recovers(V6).await;
}

#[tokio::test]
async fn a_second_process_with_our_keys_replaces_us_once() {
    let world = World::start().await;
    let resting = world.pair(OURS).await;
    // The same rows in another folder, as if a backup had been started.
    let copy = world.copy(&resting, "copy");
    let mut ours = resting.wake().await;
    let mut other = copy.start(&["run"]);
    let status = |state: &'static str| {
        move |line: &Value| line["type"] == "status" && line["state"] == state
    };
    other.expect("connected", status("connected")).await;
    ours.run.expect("replaced", status("replaced")).await;
    other.terminate().await;
    assert!(other.ended().await.success());
    ours.run.expect("connected", status("connected")).await;
    ours.rest().await;
}

/// A foreign client pairs with a code that is typed on the phone.
async fn pairs_by_code(version: Version) {
    let world = World::start().await;
    let mut bert = world.stranger_by_code(version, BERT).await;
    let mut ours = world.ours(OURS).await;
    bert.client.send(&ours.jid(), "typed").await;
    ours.message("typed").await;
}

#[tokio::test]
async fn the_new_version_pairs_by_code() {
    pairs_by_code(V7).await;
}

#[tokio::test]
async fn the_old_version_pairs_by_code() {
    pairs_by_code(V6).await;
}
