//! An exported account whose copy chatted elsewhere is taken back: no key is used twice, and no
//! message is lost.

use std::path::PathBuf;

use wmctl::sim::{Addressing, Breach};

use super::chat::{CARLA, elsewhere, undisturbed, url};
use crate::support::meow::Whatsmeow;
use crate::support::ours::{Ours, Resting};
use crate::support::world::World;

const OURS: &str = "491510000013";
/// A contact who uses whatsmeow throughout.
const BERT: &str = "491510000014";
/// How many texts the copy sends to each chat, and how many we send afterwards.
const BY_THE_COPY: usize = 120;
const TEXTS: usize = 20;

/// Sends texts to Bert, directly and in the group with Bert and Carla. All must be decrypted.
async fn all_are_read(world: &World, ours: &Ours, bert: &mut Whatsmeow, group: &str, when: &str) {
    for number in 0..TEXTS {
        ours.send(&format!("+{BERT}"), &format!("alone {when} {number}"))
            .await;
        ours.send(group, &format!("group {when} {number}")).await;
    }
    for number in 0..TEXTS {
        bert.message(&format!("alone {when} {number}")).await;
        let text = format!("group {when} {number}");
        bert.message(&text).await;
        world.read_by(CARLA, &text).await;
    }
}

/// An account of ours that chatted with everybody, and now rests; the group.
async fn chatted(world: &World, bert: &mut Whatsmeow) -> (Resting, String) {
    world.sim.add_account(CARLA, "Carla").await.unwrap();
    let mut ours = world.ours(OURS).await;
    let members = [OURS, BERT, CARLA];
    let group = world.sim.create_group("Trip", &members, Addressing::Lid);
    let group = group.await.unwrap().to_string();
    for to in [format!("+{BERT}"), group.clone()] {
        ours.send(&to, &format!("first {to}")).await;
        bert.message(&format!("first {to}")).await;
    }
    bert.send(&ours.jid(), "answer").await;
    ours.message("answer").await;
    (ours.rest().await, group)
}

/// Gives the account to whatsmeow, which chats with Bert and the group; its file.
async fn chats_elsewhere(
    world: &World,
    resting: &Resting,
    bert: &mut Whatsmeow,
    group: &str,
) -> PathBuf {
    let file = world.folder().join("whatsmeow.db");
    let export = ["migrate", "export", "--to", &url(&file)];
    resting.wmctl.done(&export).await;
    let mut copy = world.whatsmeow_with(OURS, &file).await;
    for number in 0..BY_THE_COPY {
        for to in [bert.jid(), group.to_owned()] {
            let text = format!("copy {to} {number}");
            copy.send(&to, &text).await;
            bert.message(&text).await;
        }
    }
    copy.quit().await
}

#[tokio::test]
async fn an_account_that_was_used_elsewhere_uses_no_key_again() {
    let world = World::start().await;
    let mut bert = world.whatsmeow(BERT).await;
    let (resting, group) = chatted(&world, &mut bert).await;
    chats_elsewhere(&world, &resting, &mut bert, &group).await;

    let undo = ["migrate", "export", "--undo"];
    resting.wmctl.done(&undo).await;
    let mut ours = resting.wake().await;
    all_are_read(&world, &ours, &mut bert, &group, "again").await;
    bert.send(&ours.jid(), "at last").await;
    ours.message("at last").await;
    ours.rest().await;
    bert.quit().await;
    assert_eq!(world.sim.breaches().await.unwrap(), Vec::<Breach>::new());
}

/// What is taken back may be what we gave away, or older than what we sent since.
#[tokio::test]
async fn an_account_that_is_imported_again_uses_no_key_again() {
    let world = World::start().await;
    let mut bert = world.whatsmeow(BERT).await;
    let (resting, group) = chatted(&world, &mut bert).await;
    let file = chats_elsewhere(&world, &resting, &mut bert, &group).await;

    let import = ["migrate", "import", "--from", &url(&file), "--replace"];
    resting.wmctl.done(&import).await;
    let mut ours = resting.wake().await;
    all_are_read(&world, &ours, &mut bert, &group, "back").await;
    bert.send(&ours.jid(), "welcome").await;
    ours.message("welcome").await;
    let resting = ours.rest().await;
    undisturbed(&world).await;

    resting.wmctl.done(&import).await;
    let ours = resting.wake().await;
    all_are_read(&world, &ours, &mut bert, &group, "once more").await;
    let resting = ours.rest().await;
    assert_eq!(world.sim.breaches().await.unwrap(), Vec::<Breach>::new());

    // Other rows, and the machine remembers.
    let resting = elsewhere(&resting, &url(&world.folder().join("other.db")), "acme");
    let import = ["migrate", "import", "--from", &url(&file)];
    resting.wmctl.done(&import).await;
    let ours = resting.wake().await;
    all_are_read(&world, &ours, &mut bert, &group, "anew").await;
    ours.rest().await;
    bert.quit().await;
    assert_eq!(world.sim.breaches().await.unwrap(), Vec::<Breach>::new());
}
