//! Groups of wmctl and foreign clients, addressed by LID or by phone number.

use wmctl::sim::{Addressing, Direction, Entry, Fault, FaultKind};

use crate::support::baileys::Version::{self, V6, V7};
use crate::support::world::World;

const OURS: &str = "491510000001";
const BERT: &str = "491510000002";

/// Each reads the other's messages at once, without a retry.
async fn read_each_other(version: Version, addressing: Addressing) {
    let world = World::start().await;
    let mut bert = world.stranger(version, BERT).await;
    let mut ours = world.ours(OURS).await;
    let members = [BERT, OURS];
    let group = world.sim.create_group("Trip", &members, addressing);
    let group = group.await.unwrap().to_string();
    for round in 0..3 {
        let id = bert
            .client
            .send(&group, &format!("from Bert {round}"))
            .await;
        let event = ours.message(&format!("from Bert {round}")).await;
        assert_eq!(
            (&event["chat"], &event["id"]),
            (&group.as_str().into(), &id.into())
        );
        let id = ours.send(&group, &format!("from us {round}")).await;
        let key = bert.client.message(&format!("from us {round}")).await;
        assert_eq!(key["id"], id.as_str());
        ours.receipt(&id, "delivered").await;
    }
    let journal = world.sim.journal().await.unwrap();
    let retries: Vec<&Entry> = journal.iter().filter(|entry| is_retry(entry)).collect();
    assert!(retries.is_empty(), "{retries:?}");
    assert_eq!(world.sim.breaches().await.unwrap(), []);
    ours.rest().await;
}

fn is_retry(entry: &Entry) -> bool {
    let retry = entry.kind.as_deref() == Some("retry");
    entry.direction == Direction::In && entry.tag == "receipt" && retry
}

#[tokio::test]
async fn the_new_version_in_a_group_by_hidden_number() {
    read_each_other(V7, Addressing::Lid).await;
}

#[tokio::test]
async fn the_new_version_in_a_group_by_phone_number() {
    read_each_other(V7, Addressing::Pn).await;
}

#[tokio::test]
async fn the_old_version_in_a_group_by_phone_number() {
    read_each_other(V6, Addressing::Pn).await;
}

#[tokio::test]
async fn the_old_version_in_a_group_by_hidden_number() {
    read_each_other(V6, Addressing::Lid).await;
}

/// A contact whose phone the simulator plays, with two clients. All read all messages, including a
/// corrupted one and one from before the phone was reinstalled.
async fn with_a_contact(version: Version, addressing: Addressing) {
    const CARLA: &str = "491510000003";
    let world = World::start().await;
    let mut bert = world.stranger(version, BERT).await;
    let mut ours = world.ours(OURS).await;
    world.sim.add_account(CARLA, "Carla").await.unwrap();
    let members = [CARLA, BERT, OURS];
    let group = world.sim.create_group("Trip", &members, addressing);
    let group = group.await.unwrap().to_string();
    for round in 0..4 {
        if round == 2 {
            // The next message to us is corrupted, so we ask for a retry.
            world.sim.add_fault(spoil(Direction::Out)).await.unwrap();
        }
        let text = format!("from Carla {round}");
        let id = world.sim.phone_sends(CARLA, &group, &text).await.unwrap();
        assert_eq!(ours.message(&text).await["id"], id.as_str());
        assert_eq!(bert.client.message(&text).await["id"], id.as_str());
        if round == 3 {
            world.sim.add_fault(spoil(Direction::In)).await.unwrap();
        }
        let text = format!("from us {round}");
        ours.send(&group, &text).await;
        bert.client.message(&text).await;
        world.read_by(CARLA, &text).await;
        let text = format!("from Bert {round}");
        bert.client.send(&group, &text).await;
        ours.message(&text).await;
        world.read_by(CARLA, &text).await;
        if round == 0 {
            // The phone gets new keys, so the group's old sender keys are gone on both sides.
            world.sim.reinstall(CARLA).await.unwrap();
        }
    }
    assert_eq!(world.sim.breaches().await.unwrap(), []);
    ours.rest().await;
}

fn spoil(direction: Direction) -> Fault {
    Fault {
        kind: FaultKind::Corrupt,
        number: Some(OURS.into()),
        direction,
        tag: Some("message".into()),
        times: 1,
        per_mille: 1_000,
    }
}

#[tokio::test]
async fn a_contact_in_a_group_with_the_new_version() {
    with_a_contact(V7, Addressing::Lid).await;
}

#[tokio::test]
async fn a_contact_in_a_group_with_the_old_version() {
    with_a_contact(V6, Addressing::Pn).await;
}
