//! Foreign clients with each other, to check the simulator.

use serde_json::json;
use wmctl::sim::{Direction, Fault, FaultKind};

use crate::support::baileys::Version::{self, V6, V7};
use crate::support::world::World;

const ANNA: &str = "491510000001";
const BERT: &str = "491510000002";

/// Message status numbers of Baileys.
const DELIVERED: u64 = 3;
const READ: u64 = 4;

/// Exchanges texts in both directions, with receipts for both.
async fn talk(one: Version, other: Version) {
    let world = World::start().await;
    let mut anna = world.stranger(one, ANNA).await;
    let mut bert = world.stranger(other, BERT).await;
    for round in 0..3 {
        let id = anna
            .client
            .send(&bert.jid(), &format!("to Bert {round}"))
            .await;
        let key = bert.client.message(&format!("to Bert {round}")).await;
        anna.client.status(&id, DELIVERED).await;
        bert.client.read(&key).await;
        anna.client.status(&id, READ).await;

        let id = bert
            .client
            .send(&anna.jid(), &format!("to Anna {round}"))
            .await;
        anna.client.message(&format!("to Anna {round}")).await;
        bert.client.status(&id, DELIVERED).await;
    }
    assert_eq!(world.sim.breaches().await.unwrap(), []);
}

#[tokio::test]
async fn the_new_version_talks_to_itself() {
    talk(V7, V7).await;
}

#[tokio::test]
async fn the_versions_talk_to_each_other() {
    talk(V7, V6).await;
}

#[tokio::test]
async fn members_of_a_group_read_each_other() {
    let world = World::start().await;
    let mut anna = world.stranger(V7, ANNA).await;
    let mut bert = world.stranger(V7, BERT).await;
    let create = json!({"cmd": "group_create", "subject": "Trip", "participants": [bert.jid()]});
    let group = anna.client.command(create).await["group"]["id"].take();
    let group = group.as_str().expect("a group has an address");
    for round in 0..2 {
        anna.client.send(group, &format!("from Anna {round}")).await;
        bert.client.message(&format!("from Anna {round}")).await;
        bert.client.send(group, &format!("from Bert {round}")).await;
        anna.client.message(&format!("from Bert {round}")).await;
    }
}

/// Phones answer foreign clients that request messages which they could not decrypt.
#[tokio::test]
async fn what_cannot_be_read_comes_from_the_phone() {
    let world = World::start().await;
    let mut anna = world.stranger(V7, ANNA).await;
    world.sim.add_account(BERT, "Bert").await.unwrap();
    let sent = world.sim.phone_sends(BERT, ANNA, "readable");
    sent.await.unwrap();
    anna.client.message("readable").await;
    // The sender does not answer retry receipts.
    let corrupt = Fault {
        kind: FaultKind::Corrupt,
        number: Some(ANNA.into()),
        direction: Direction::Out,
        tag: Some("message".into()),
        times: 1,
        per_mille: 1_000,
    };
    let drop = Fault {
        kind: FaultKind::Drop,
        direction: Direction::In,
        tag: Some("receipt".into()),
        ..corrupt.clone()
    };
    world.sim.add_fault(corrupt).await.unwrap();
    world.sim.add_fault(drop).await.unwrap();
    let sent = world.sim.phone_sends(BERT, ANNA, "from the phone");
    sent.await.unwrap();
    anna.client.message("from the phone").await;
}

#[tokio::test]
async fn what_was_sent_meanwhile_waits() {
    let world = World::start().await;
    let mut anna = world.stranger(V7, ANNA).await;
    let bert = world.stranger(V7, BERT).await.sleep().await;
    let mut ids = Vec::new();
    for round in 0..3 {
        ids.push(
            anna.client
                .send(&bert.jid(), &format!("meanwhile {round}"))
                .await,
        );
    }
    let mut bert = world.again(&bert).await;
    for (round, id) in ids.iter().enumerate() {
        bert.client.message(&format!("meanwhile {round}")).await;
        anna.client.status(id, DELIVERED).await;
    }
    // A second login delivers nothing twice.
    let mut bert = world.again(&bert.sleep().await).await;
    anna.client.send(&bert.jid(), "last").await;
    bert.client.message("last").await;
    assert_eq!(bert.client.messages_left("meanwhile 0"), 0);
}

#[tokio::test]
async fn a_second_client_with_the_same_keys_takes_over() {
    let world = World::start().await;
    let first = world.stranger(V7, ANNA).await;
    let asleep = first.sleep().await;
    let mut first = world.again(&asleep).await;
    let second = world.again(&asleep).await;
    first.client.closed(440).await;
    drop((first, second));
}

#[tokio::test]
async fn clients_leave_and_are_removed() {
    let world = World::start().await;
    let mut anna = world.stranger(V7, ANNA).await;
    anna.client.last_command("logout").await;
    anna.client.closed(401).await;
    assert_eq!(anna.client.ended().await, Some(4));

    let mut bert = world.stranger(V7, BERT).await;
    let device = bert.me.jid.parse().expect("it is an address");
    world.sim.remove_device(&device).await.unwrap();
    bert.client.closed(401).await;
    assert_eq!(bert.client.ended().await, Some(4));
}
