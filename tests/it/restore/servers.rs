//! PostgreSQL: dumps and base backups.

use sqlx::{Connection as _, SqliteConnection};

use tokio::time::Instant;

use super::scene::{LOOK, Machine, Scene};
use crate::support::postgres::Postgres;
use crate::support::program::PATIENCE;

/// More messages than any safety margin of a chain could cover.
const MANY: u32 = 110;

const STANDING_BY: &[&str] = &["run", "--ha"];

async fn on_a_server() -> (Postgres, Scene) {
    let server = Postgres::start();
    server.create("wm");
    // The copies name a dead process as the holder of the lease, which only a standby takes over.
    let scene = Scene::set_with(Some(&server.url("wm")), STANDING_BY).await;
    (server, scene)
}

async fn dumped(lost: u32, machine: Machine, same_name: bool, mark: &str) {
    let (server, mut scene) = on_a_server().await;
    scene.talk("before", 2).await;
    let file = scene.folder().join("dump");
    server.dump_to("wm", &file);
    scene.talk("lost", lost).await;
    scene.stop().await;
    let name = match same_name {
        true => {
            server.sql("postgres", "DROP DATABASE wm");
            "wm"
        }
        false => "restored",
    };
    server.create(name);
    server.restore_from(&file, name, &[]);
    scene.lead_to(&server.url(name));
    scene.move_to(machine);
    scene.start().await;
    scene.goes_on(mark).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_in_a_new_database() {
    dumped(5, Machine::Same, false, "unit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_in_a_new_database_on_another_machine() {
    dumped(MANY, Machine::Another, false, "place").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_under_the_same_name_on_another_machine() {
    dumped(5, Machine::Another, true, "place").await;
}

/// The tables stay, and only their rows come from the dump.
#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_rows_in_the_same_tables_on_another_machine() {
    let (server, mut scene) = on_a_server().await;
    scene.talk("before", 2).await;
    let file = scene.folder().join("dump");
    server.dump_to("wm", &file);
    scene.talk("lost", 5).await;
    scene.stop().await;
    let tables = "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables
        WHERE schemaname = 'public'";
    let tables = server.sql("wm", tables);
    server.sql("wm", &format!("TRUNCATE {} CASCADE", tables.trim()));
    server.restore_from(&file, "wm", &["--data-only", "--disable-triggers"]);
    scene.move_to(Machine::Another);
    scene.start().await;
    scene.goes_on("place").await;
}

async fn base_backup(promoted: bool, machine: Machine, mark: &str) {
    let (server, mut scene) = on_a_server().await;
    scene.talk("before", 2).await;
    let copy = server.base_backup(promoted);
    scene.talk("lost", 5).await;
    scene.stop().await;
    server.stop("fast");
    copy.start_again();
    if promoted {
        copy.promote();
    }
    scene.lead_to(&copy.url("wm"));
    scene.move_to(machine);
    scene.start().await;
    scene.goes_on(mark).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_backup_that_is_plainly_started() {
    base_backup(false, Machine::Same, "unit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_backup_that_is_plainly_started_on_another_machine() {
    base_backup(false, Machine::Another, "restarted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_backup_that_is_promoted() {
    base_backup(true, Machine::Same, "unit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_backup_that_is_promoted_on_another_machine() {
    base_backup(true, Machine::Another, "promoted").await;
}

/// The server comes back under the same name while processes wait for it.
async fn beneath(arguments: &'static [&'static str], standby: bool) {
    let server = Postgres::start();
    server.create("wm");
    let mut scene = Scene::set_with(Some(&server.url("wm")), arguments).await;
    let mut second = None;
    if standby {
        let mut program = scene.wmctl.start(arguments);
        program
            .expect("standing by", |line| {
                line["type"] == "role" && line["role"] == "standby"
            })
            .await;
        second = Some(program);
    }
    scene.talk("before", 2).await;
    let copy = server.base_backup(false);
    scene.talk("lost", 5).await;
    server.stop("immediate");
    server.take_data_of(&copy);
    server.start_again();
    scene.goes_on("memory").await;
    for mut program in second.into_iter().chain(scene.run.take()) {
        program.terminate().await;
        program.ended().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_set_back_beneath_a_process() {
    beneath(&["run"], false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_set_back_beneath_a_leader_and_its_standby() {
    beneath(STANDING_BY, true).await;
}

/// After an orderly restart, and after a crash, of server and process nothing is missing, and this
/// must be recognised.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_only_restarted() {
    let (server, mut scene) = on_a_server().await;
    scene.talk("before", 2).await;
    scene.stop().await;
    server.restart("fast");
    scene.start().await;
    scene.is_the_same().await;
}

/// The leader that lived through the restart records it for the machine that takes over.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_the_leader_lived_through() {
    for chats in [false, true] {
        let (server, mut scene) = on_a_server().await;
        scene.talk("before", 2).await;
        server.restart("fast");
        if chats {
            scene.talk("between", 1).await;
        }
        let began = Instant::now();
        while server
            .sql("wm", "SELECT run = wmctl_run() FROM wmctl_place")
            .trim()
            != "t"
        {
            assert!(began.elapsed() < PATIENCE, "nobody says it");
            tokio::time::sleep(LOOK).await;
        }
        scene.run.take().unwrap().kill().await;
        scene.move_to(Machine::Another);
        scene.start().await;
        scene.is_the_same().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_takes_over_an_intact_database() {
    let (_server, mut scene) = on_a_server().await;
    scene.talk("before", 2).await;
    scene.run.take().unwrap().kill().await;
    scene.move_to(Machine::Another);
    scene.start().await;
    scene.is_the_same().await;
}

/// No mark can show that a whole machine was restored, so an operator has to declare it.
#[tokio::test(flavor = "multi_thread")]
async fn what_no_mark_shows_is_said_by_hand() {
    let (_server, mut scene) = on_a_server().await;
    scene.talk("before", 2).await;
    let refused = scene.wmctl.output(&["db", "restored", "default"]).await;
    assert_eq!(refused.status.code(), Some(6), "a process runs it");
    scene.stop().await;
    let unknown = scene.wmctl.output(&["db", "restored", "nobody"]).await;
    assert_eq!(unknown.status.code(), Some(5));
    let said = scene.wmctl.done(&["db", "restored", "--all"]).await;
    assert!(said.contains("\"mark\":\"declared\""), "{said}");
    scene.start().await;
    scene.talk("after", 2).await;
    scene.unbroken().await;
    scene.stop().await;
    scene.wmctl.done(&["db", "restored", "default"]).await;

    // Another client would encrypt with records that may only decrypt here.
    let file = scene.folder().join("whatsmeow.db");
    let url = format!("sqlite:{}", file.display());
    // Messages stopped between WhatsApp's answer and its row stay here.
    let export = ["migrate", "export", "--to", &url, "--leave-unsent"];
    scene.wmctl.done(&export).await;
    let mut file = SqliteConnection::connect(&url).await.unwrap();
    let sessions = "SELECT COUNT(*) FROM whatsmeow_sessions";
    let left: i64 = sqlx::query_scalar(sessions)
        .fetch_one(&mut file)
        .await
        .unwrap();
    assert_eq!(left, 0, "sessions of an earlier log");
    file.close().await.unwrap();
}
