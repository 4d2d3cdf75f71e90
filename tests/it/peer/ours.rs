//! Foreign clients and wmctl: each reads what the other writes.

use serde_json::json;

use crate::support::baileys::Version::{self, V6, V7};
use crate::support::world::World;

const OURS: &str = "491510000001";
const BERT: &str = "491510000002";

const DELIVERED: u64 = 3;

/// Texts both ways, with receipts for both.
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
    let again = ours.wmctl.output(&["run"]).await;
    assert_eq!(again.status.code(), Some(4), "it does not dial again");
}
