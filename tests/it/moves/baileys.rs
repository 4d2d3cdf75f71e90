//! Accounts that Baileys itself paired and used continue here, and no contact notices.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wmctl::sim::{Addressing, Breach, Direction, Entry, Fault, FaultKind};

use super::chat::{CARLA, elsewhere};
use crate::support::baileys::Version::{self, V6, V7};
use crate::support::ours::{Ours, Resting};
use crate::support::postgres::Postgres;
use crate::support::world::{Stranger, World};

const OURS: &str = "491510000001";
const BERT: &str = "491510000002";

/// People who chat with an account, directly and in groups of both kinds.
struct Scene {
    world: World,
    bert: Stranger,
    groups: Vec<String>,
}

/// Returns the folder of a foreign client.
fn folder(world: &World, number: &str) -> PathBuf {
    world.folder().join(format!("{number}.auth"))
}

/// Drops the next message to the account, which then waits for the next login.
async fn lose_one(world: &World) {
    let fault = Fault {
        kind: FaultKind::Drop,
        number: Some(OURS.into()),
        direction: Direction::Out,
        tag: Some("message".into()),
        times: 1,
        per_mille: 1_000,
    };
    world.sim.add_fault(fault).await.unwrap();
}

impl Scene {
    /// Everyone has exchanged messages with everyone, through Baileys. In each chat of version 7
    /// one message is still to come, although later ones of the same chain were decrypted.
    async fn of(version: Version) -> (Self, Value) {
        let world = World::start().await;
        world.sim.add_account(CARLA, "Carla").await.unwrap();
        let mut bert = world.stranger(V7, BERT).await;
        let mut anna = world.stranger(version, OURS).await;
        let mut groups = Vec::new();
        for addressing in [Addressing::Pn, Addressing::Lid] {
            let group = world
                .sim
                .create_group("Trip", &[OURS, BERT, CARLA], addressing);
            groups.push(group.await.unwrap().to_string());
        }
        let alone = (bert.jid(), anna.jid());
        let chats = groups.iter().map(|group| (group.clone(), group.clone()));
        let chats: Vec<_> = std::iter::once(alone).chain(chats).collect();
        for (to, back) in &chats {
            for round in 0..2 {
                let text = format!("to all of {to}, before {round}");
                anna.client.send(to, &text).await;
                bert.client.message(&text).await;
                let text = format!("from Bert in {back}, before {round}");
                bert.client.send(back, &text).await;
                anna.client.message(&text).await;
            }
            if version == V6 {
                continue;
            }
            lose_one(&world).await;
            for text in ["lost", "read"] {
                let text = format!("from Bert in {back}, {text}");
                bert.client.send(back, &text).await;
            }
            let text = format!("from Bert in {back}, read");
            anna.client.message(&text).await;
        }
        for to in [OURS].into_iter().chain(groups.iter().map(String::as_str)) {
            let text = format!("from Carla to {to}, before");
            world.sim.phone_sends(CARLA, to, &text).await.unwrap();
            anna.client.message(&text).await;
        }
        let me = json!(anna.me.jid);
        anna.sleep().await;
        (
            Self {
                world,
                bert,
                groups,
            },
            me,
        )
    }

    /// Sends a text each way in each chat, and Carla's.
    async fn talk(&mut self, ours: &mut Ours, when: &str) {
        let alone = (self.bert.jid(), ours.jid());
        let groups = self
            .groups
            .iter()
            .map(|group| (group.clone(), group.clone()));
        for (to, back) in std::iter::once(alone).chain(groups) {
            let text = format!("to all of {to}, {when}");
            ours.send(&to, &text).await;
            self.bert.client.message(&text).await;
            let text = format!("from Bert in {back}, {when}");
            self.bert.client.send(&back, &text).await;
            ours.message(&text).await;
            assert_eq!(ours.messages_left(&text), 0);
        }
        let carla = format!("+{CARLA}");
        let groups = self
            .groups
            .iter()
            .map(|group| (group.as_str(), group.as_str()));
        for (to, back) in std::iter::once((carla.as_str(), OURS)).chain(groups) {
            let text = format!("to Carla in {to}, {when}");
            ours.send(to, &text).await;
            self.world.read_by(CARLA, &text).await;
            let text = format!("from Carla to {back}, {when}");
            self.world
                .sim
                .phone_sends(CARLA, back, &text)
                .await
                .unwrap();
            ours.message(&text).await;
        }
    }
}

/// Checks that no key was used twice, and that no message sent since then was requested again.
/// (Version 6 does not acknowledge messages that it requested again, so those are delivered once
/// more.)
async fn undisturbed(world: &World, since: usize) {
    assert_eq!(world.sim.breaches().await.unwrap(), Vec::<Breach>::new());
    let journal = world.sim.journal().await.unwrap();
    let (before, after) = journal.split_at(since);
    let is_new = |entry: &&Entry| before.iter().all(|old| old.id != entry.id);
    let retry = |entry: &&Entry| entry.tag == "receipt" && entry.kind.as_deref() == Some("retry");
    let retries: Vec<&Entry> = after.iter().filter(retry).filter(is_new).collect();
    assert!(retries.is_empty(), "{retries:#?}");
}

/// Returns an installation that has no account yet.
fn empty(world: &World, database: Option<&str>) -> Resting {
    let wmctl = world.installation(OURS);
    let resting = Resting {
        wmctl,
        number: OURS.into(),
        device: String::new(),
    };
    match database {
        Some(url) => elsewhere(&resting, url, "acme"),
        None => resting,
    }
}

/// Imports the folder and returns the report.
async fn import(resting: &mut Resting, folder: &Path, more: &[&str]) -> Value {
    let folder = folder.to_str().unwrap();
    let arguments = [&["migrate", "import", "--from", folder][..], more].concat();
    let moved: Value = serde_json::from_str(&resting.wmctl.done(&arguments).await).unwrap();
    resting.device = moved["device"].as_str().unwrap().to_owned();
    moved
}

fn count(moved: &Value, table: &str) -> u64 {
    let tables = moved["tables"].as_array().unwrap();
    let found = tables.iter().find(|found| found["table"] == table);
    let found = found.unwrap_or_else(|| panic!("{table} is in {moved}"));
    assert_eq!(found["read"], found["written"]);
    found["written"].as_u64().unwrap()
}

async fn goes_on(version: Version, server: Option<&Postgres>) {
    let (mut scene, me) = Scene::of(version).await;
    let database = server.map(|server| server.url("wmctl"));
    let mut resting = empty(&scene.world, database.as_deref());
    if server.is_some() {
        resting.wmctl.done(&["migrate", "up"]).await;
    }
    let folder = folder(&scene.world, OURS);
    let tried = import(&mut resting, &folder, &["--dry-run"]).await;
    assert_eq!(tried["dry_run"], true);
    let moved = import(&mut resting, &folder, &[]).await;
    assert_eq!(moved["tables"], tried["tables"]);
    assert_eq!(
        (&moved["device"], &moved["layout"]),
        (&me, &json!("Baileys"))
    );
    assert!(
        moved["changed_s"].is_u64(),
        "it was written just now: {moved}"
    );
    assert_eq!(count(&moved, "whatsmeow_device"), 1);
    // Bert's two devices, our own phone, and Carla's.
    assert!(4 <= count(&moved, "whatsmeow_sessions"), "{moved}");
    // From three people in two groups.
    assert_eq!(count(&moved, "whatsmeow_sender_keys"), 6, "{moved}");
    // Baileys forgets the holders of its sender key when a member requests a message again.
    assert!(1 <= count(&moved, "wmctl_sender_key_share"), "{moved}");
    assert!(1 <= count(&moved, "whatsmeow_lid_map"), "{moved}");
    assert!(20 <= count(&moved, "whatsmeow_pre_keys"), "{moved}");

    let since = scene.world.sim.journal().await.unwrap().len();
    let mut ours = resting.wake().await;
    let chats = std::iter::once(ours.jid()).chain(scene.groups.clone());
    for chat in chats.filter(|_| version == V7) {
        ours.message(&format!("from Bert in {chat}, lost")).await;
    }
    scene.talk(&mut ours, "after").await;
    let mut ours = ours.rest().await.wake().await;
    scene.talk(&mut ours, "later").await;
    ours.rest().await;
    undisturbed(&scene.world, since).await;
}

fn a_server() -> Postgres {
    let server = Postgres::start();
    server.create("wmctl");
    server
}

#[tokio::test]
async fn an_account_of_the_new_version_goes_on_in_a_file() {
    goes_on(V7, None).await;
}

#[tokio::test]
async fn an_account_of_the_new_version_goes_on_on_a_server() {
    goes_on(V7, Some(&a_server())).await;
}

#[tokio::test]
async fn an_account_of_the_old_version_goes_on_in_a_file() {
    goes_on(V6, None).await;
}

#[tokio::test]
async fn an_account_of_the_old_version_goes_on_on_a_server() {
    goes_on(V6, Some(&a_server())).await;
}
