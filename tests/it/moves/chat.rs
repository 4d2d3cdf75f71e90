//! An account that chatted here continues to chat where it moved to, and no contact notices.

use std::path::{Path, PathBuf};

use serde_json::json;
use sqlx::{Connection as _, SqliteConnection};
use wmctl::sim::{Addressing, Breach};

use crate::support::baileys::Version::V7;
use crate::support::ours::{Ours, Resting};
use crate::support::postgres::Postgres;
use crate::support::whatsmeow::{self, Dialect, Layout, VERSIONS};
use crate::support::wmctl::Wmctl;
use crate::support::world::{Stranger, World};

const OURS: &str = "491510000001";
const BERT: &str = "491510000002";
/// A contact whose phone the simulator plays.
pub(super) const CARLA: &str = "491510000003";

/// Returns the account in another installation: other rows, the same server.
pub(super) fn elsewhere(moved: &Resting, database: &str, tenant: &str) -> Resting {
    let mut wmctl = moved.wmctl.clone();
    wmctl.set("WMCTL_DATABASE_URL", database);
    wmctl.set("WMCTL_TENANT", tenant);
    Resting {
        wmctl,
        number: moved.number.clone(),
        device: moved.device.clone(),
    }
}

pub(super) async fn import(to: &Wmctl, from: &str) {
    to.done(&["migrate", "import", "--from", from]).await;
}

pub(super) fn url(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

/// Checks that no key was used twice, and that no message was requested again.
pub(super) async fn undisturbed(world: &World) {
    assert_eq!(world.sim.breaches().await.unwrap(), Vec::<Breach>::new());
    let journal = world.sim.journal().await.unwrap();
    let mut retries = journal
        .iter()
        .filter(|entry| entry.tag == "receipt" && entry.kind.as_deref() == Some("retry"));
    assert_eq!(retries.next(), None);
}

/// Sends a text each way, directly and in a group.
async fn talk(ours: &mut Ours, bert: &mut Stranger, group: &str, when: &str) {
    for (to, theirs) in [(bert.jid(), ours.jid()), (group.into(), group.into())] {
        let text = format!("to Bert, {to}, {when}");
        ours.send(&to, &text).await;
        bert.client.message(&text).await;
        assert_eq!(bert.client.messages_left(&text), 0);
        let text = format!("to us, {theirs}, {when}");
        bert.client.send(&theirs, &text).await;
        ours.message(&text).await;
        assert_eq!(ours.messages_left(&text), 0);
    }
}

#[tokio::test]
async fn an_account_goes_through_a_file_of_whatsmeow_to_a_server() {
    let world = World::start().await;
    let mut bert = world.stranger(V7, BERT).await;
    let mut ours = world.ours(OURS).await;
    let create = json!({"cmd": "group_create", "subject": "Trip", "participants": [ours.jid()]});
    let group = bert.client.command(create).await["group"]["id"].take();
    let group = group.as_str().expect("a group has an address");
    talk(&mut ours, &mut bert, group, "before").await;
    let resting = ours.rest().await;

    let file = url(&world.folder().join("whatsmeow.db"));
    let export = ["migrate", "export", "--to", &file];
    resting.wmctl.done(&export).await;
    let run = resting.wmctl.output(&["run"]).await;
    assert_eq!(run.status.code(), Some(6), "it runs elsewhere now");
    bert.client.send(&resting.jid(), "meanwhile").await;

    let server = Postgres::start();
    server.create("wmctl");
    let moved = elsewhere(&resting, &server.url("wmctl"), "acme");
    moved.wmctl.done(&["migrate", "up"]).await;
    import(&moved.wmctl, &file).await;
    let mut ours = moved.wake().await;
    ours.message("meanwhile").await;
    talk(&mut ours, &mut bert, group, "after").await;
    ours.rest().await;
    undisturbed(&world).await;
}

/// Does the same with a phone that the simulator plays.
pub(super) async fn chat(world: &World, ours: &mut Ours, group: &str, when: &str) {
    for (to, theirs) in [
        (format!("+{CARLA}"), ours.number.clone()),
        (group.into(), group.into()),
    ] {
        let text = format!("to Carla, {to}, {} {when}", ours.number);
        ours.send(&to, &text).await;
        world.read_by(CARLA, &text).await;
        let text = format!("to us, {theirs}, {when}");
        world.sim.phone_sends(CARLA, &theirs, &text).await.unwrap();
        ours.message(&text).await;
        assert_eq!(ours.messages_left(&text), 0);
    }
}

pub(super) async fn chatted(world: &World, number: &str) -> (Resting, String) {
    let mut ours = world.ours(number).await;
    let members = [number, CARLA];
    let group = world.sim.create_group("Trip", &members, Addressing::Lid);
    let group = group.await.unwrap().to_string();
    chat(world, &mut ours, &group, "before").await;
    (ours.rest().await, group)
}

/// Copies the rows of `ours` into the layout of a version of whatsmeow.
async fn laid_out(ours: &Path, version: u32) -> PathBuf {
    let path = ours.with_extension(format!("v{version}"));
    std::fs::write(&path, "").unwrap();
    let layout = Layout::Upstream(version);
    let script = whatsmeow::script(ours, layout, Dialect::Sqlite).await;
    let mut file = SqliteConnection::connect(&url(&path)).await.unwrap();
    let script = sqlx::raw_sql(sqlx::AssertSqlSafe(script));
    script.execute(&mut file).await.unwrap();
    file.close().await.unwrap();
    path
}

async fn a_server() -> Postgres {
    let server = Postgres::start();
    server.create("wmctl");
    server
}

#[tokio::test]
async fn accounts_of_every_older_version_chat_on_together_on_one_server() {
    let world = World::start().await;
    world.sim.add_account(CARLA, "Carla").await.unwrap();
    let server = a_server().await;
    let mut running = Vec::new();
    for version in VERSIONS.filter(|version| *version != 15) {
        let number = format!("4915100001{version:02}");
        let (resting, group) = chatted(&world, &number).await;
        let source = laid_out(&resting.wmctl.database(), version).await;
        let moved = elsewhere(&resting, &server.url("wmctl"), &format!("v{version}"));
        if running.is_empty() {
            moved.wmctl.done(&["migrate", "up"]).await;
        }
        import(&moved.wmctl, &url(&source)).await;
        let mut ours = moved.wake().await;
        chat(&world, &mut ours, &group, "after").await;
        running.push((ours, group));
    }
    for (mut ours, group) in running {
        chat(&world, &mut ours, &group, "together").await;
        ours.rest().await;
    }
    undisturbed(&world).await;
}

#[tokio::test]
async fn an_account_goes_from_our_file_to_our_server() {
    let world = World::start().await;
    world.sim.add_account(CARLA, "Carla").await.unwrap();
    let server = a_server().await;
    let (resting, group) = chatted(&world, OURS).await;
    let moved = elsewhere(&resting, &server.url("wmctl"), "default");
    moved.wmctl.done(&["migrate", "up"]).await;
    import(&moved.wmctl, &url(&resting.wmctl.database())).await;
    let mut ours = moved.wake().await;
    chat(&world, &mut ours, &group, "after").await;
    ours.rest().await;
    undisturbed(&world).await;
}
