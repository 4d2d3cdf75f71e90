//! Groups of wmctl and foreign clients, whose members are addressed either way.

use wmctl::sim::{Addressing, Direction, Entry};

use crate::support::baileys::Version::{self, V6, V7};
use crate::support::world::World;

const OURS: &str = "491510000001";
const BERT: &str = "491510000002";

/// Each reads what the other writes at once: nobody has to ask for anything again.
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
