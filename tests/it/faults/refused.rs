//! Values that the database rejects, and rows that cannot be decoded: one bad item is reported and
//! stops nothing else. On both databases.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};
use tokio::time::Instant;

use super::{Traffic, server};
use crate::support::http::{free_address, get_from};
use crate::support::postgres::Postgres;
use crate::support::program::PATIENCE;
use crate::support::stage::{NUMBER, Stage};

const LOOK: Duration = Duration::from_millis(25);

/// Either kind of database, with a way to damage it.
enum Database {
    File(tempfile::TempDir),
    Server(Postgres),
}

impl Database {
    fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    fn url(&self) -> String {
        match self {
            Self::File(folder) => format!("sqlite:{}", folder.path().join("wmctl.db").display()),
            Self::Server(server) => server.url("wm"),
        }
    }

    async fn count(&self, sql: &'static str) -> i64 {
        match self {
            Self::Server(server) => server.sql("wm", sql).trim().parse().unwrap(),
            Self::File(folder) => {
                let options = SqliteConnectOptions::new().filename(folder.path().join("wmctl.db"));
                let mut file = SqliteConnection::connect_with(&options).await.unwrap();
                let count = sqlx::query_scalar(sql).fetch_one(&mut file).await;
                file.close().await.unwrap();
                count.unwrap()
            }
        }
    }

    async fn run(&self, of_file: &str, of_server: &str) {
        match self {
            Self::Server(server) => drop(server.sql("wm", of_server)),
            Self::File(folder) => {
                let options = SqliteConnectOptions::new().filename(folder.path().join("wmctl.db"));
                let mut file = SqliteConnection::connect_with(&options).await.unwrap();
                let sql = AssertSqlSafe(of_file.to_owned());
                sqlx::raw_sql(sql).execute(&mut file).await.unwrap();
                file.close().await.unwrap();
            }
        }
    }
}

async fn connect(database: &Database, messages: u32) -> (Traffic, SocketAddr) {
    let stage = Stage::set_on(Some(&database.url())).await;
    let http = free_address();
    let run = stage.wmctl.start(&["run", "--http", &http.to_string()]);
    (Traffic::of(stage, run, messages).await, http)
}

async fn inputs(http: SocketAddr) -> Value {
    let (code, health) = get_from(http, "/health").await;
    let health: Value = serde_json::from_str(&health).unwrap();
    assert_eq!(code, 200, "{health}");
    health["components"]["inputs"].clone()
}

/// Waits for an event of this type and returns it.
async fn event(traffic: &mut Traffic, kind: &str) -> Value {
    let wanted = |line: &Value| line["type"] == kind;
    traffic.run.expect(kind, wanted).await
}

/// One of many messages has a text that the table rejects, like an emoji in a database that is not
/// UTF-8.
async fn one_message_is_refused(database: Database) {
    let (mut traffic, http) = connect(&database, 40).await;
    assert_eq!(inputs(http).await["status"], "ok");
    database
        .run(
            "CREATE TRIGGER pure BEFORE INSERT ON wmctl_event WHEN new.text LIKE '%poison%'
             BEGIN SELECT RAISE(ABORT, 'impure'); END",
            "CREATE FUNCTION pure() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF new.text LIKE '%poison%' THEN
                     RAISE EXCEPTION 'impure' USING ERRCODE = '22021';
                 END IF;
                 RETURN new;
             END $$;
             CREATE TRIGGER pure BEFORE INSERT ON wmctl_event
             FOR EACH ROW EXECUTE FUNCTION pure()",
        )
        .await;
    traffic.chats().await;
    traffic.put_in(50).await;
    let contact = traffic.stage.contact(0).to_owned();
    let sim = &traffic.stage.sim;
    sim.phone_sends(&contact, NUMBER, "poison").await.unwrap();
    let refused = event(&mut traffic, "refused").await;
    assert_eq!(refused["input"], "message", "{refused}");
    assert_eq!(refused["content"], "message", "{refused}");
    assert!(refused["id"].is_string(), "{refused}");
    // The event contains what could be decoded.
    let payload = refused["payload"].as_str().unwrap();
    use base64::Engine as _;
    let payload = base64::engine::general_purpose::STANDARD.decode(payload);
    let payload = payload.unwrap();
    let holds = payload.windows(6).any(|bytes| bytes == b"poison");
    assert!(holds, "{refused}");
    traffic.put_in(100).await;
    let begun = Instant::now();
    loop {
        let ledger = traffic.stage.ledger().await;
        let complete = ledger.events.len() == traffic.messages as usize
            && ledger.sent.len() == traffic.stage.put() as usize;
        if complete {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{} events", ledger.events.len());
        tokio::time::sleep(LOOK).await;
    }
    let told = inputs(http).await;
    assert_eq!(
        (&told["status"], &told["refused"]),
        (&"degraded".into(), &1.into())
    );
    assert_eq!(told["last"]["business_id"], "default", "{told}");
    let log = traffic.stage.wmctl.log();
    let line = log
        .lines()
        .find(|line| line.contains("an input is refused"));
    let line = line.expect("an ERROR line");
    assert!(line.contains("ERROR") && line.contains("default"), "{line}");
    assert!(!log.contains("poison"), "a text in the log");
    comes_no_more(traffic, &contact).await;
}

/// The message was acknowledged: a new login does not deliver it again.
async fn comes_no_more(mut traffic: Traffic, contact: &str) {
    traffic.run.terminate().await;
    assert!(traffic.run.ended().await.success());
    let (mut again, http) = {
        let http = free_address();
        let run = traffic
            .stage
            .wmctl
            .start(&["run", "--http", &http.to_string()]);
        (Traffic::of(traffic.stage, run, 1).await, http)
    };
    let sim = &again.stage.sim;
    sim.phone_sends(contact, NUMBER, "after all").await.unwrap();
    let after = |line: &Value| line["text"] == "after all";
    again.run.expect("what comes after", after).await;
    assert_eq!(inputs(http).await["refused"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_that_a_file_refuses_stops_nothing() {
    one_message_is_refused(Database::file()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_that_a_server_refuses_stops_nothing() {
    one_message_is_refused(Database::Server(server())).await;
}

/// Cached rows can no longer be decoded.
async fn caches_are_spoilt(database: Database) {
    let (mut traffic, _) = connect(&database, 40).await;
    traffic.chats().await;
    traffic.put_in(50).await;
    while traffic.stage.ledger().await.sent.len() < traffic.stage.put() as usize {
        tokio::time::sleep(LOOK).await;
    }
    traffic.run.terminate().await;
    assert!(traffic.run.ended().await.success());
    let spoil = "UPDATE wmctl_device_list SET devices = '[[';
        UPDATE wmctl_group SET participants = 'nobody';
        UPDATE wmctl_sender_key_share SET devices = '?'";
    database.run(spoil, spoil).await;
    let http = free_address();
    let run = traffic
        .stage
        .wmctl
        .start(&["run", "--http", &http.to_string()]);
    let Traffic {
        stage, messages, ..
    } = traffic;
    let mut traffic = Traffic::of(stage, run, messages).await;
    traffic.put_in(100).await;
    let violations = traffic.stage.settled(traffic.messages).await;
    assert!(violations.is_empty(), "{violations:#?}");
    let told = inputs(http).await;
    assert_eq!(told["status"], "degraded", "{told}");
    assert_eq!(told["last"]["reason"], "unreadable row", "{told}");
    let log = traffic.stage.wmctl.log();
    let lines = log
        .lines()
        .filter(|line| line.contains("a row cannot be read"));
    let lines: Vec<&str> = lines.collect();
    for table in ["wmctl_device_list", "wmctl_group", "wmctl_sender_key_share"] {
        assert!(
            lines.iter().any(|line| line.contains(table)),
            "{table}: {lines:?}"
        );
    }
    // Each was fetched again, and is not reported forever.
    let count = lines.len();
    traffic.put_in(100).await;
    assert!(count <= 20, "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn spoilt_caches_of_a_file_are_fetched_again() {
    caches_are_spoilt(Database::file()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spoilt_caches_of_a_server_are_fetched_again() {
    caches_are_spoilt(Database::Server(server())).await;
}

/// An outbox message can no longer be decoded; those around it must be sent.
async fn one_outbox_row_is_spoilt(database: Database) {
    let (mut traffic, _) = connect(&database, 8).await;
    traffic.run.terminate().await;
    assert!(traffic.run.ended().await.success());
    for _ in 0..3 {
        traffic.stage.put_in().await;
    }
    let spoil = "UPDATE wmctl_outbox SET recipient = 'nobody at all' WHERE seq = 2";
    database.run(spoil, spoil).await;
    let run = traffic.stage.wmctl.start(&["run"]);
    let Traffic { stage, .. } = traffic;
    let mut traffic = Traffic::of(stage, run, 8).await;
    let refused = event(&mut traffic, "refused").await;
    assert_eq!(refused["input"], "send", "{refused}");
    for _ in 0..2 {
        event(&mut traffic, "sent").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoilt_message_in_a_file_stops_no_other() {
    one_outbox_row_is_spoilt(Database::file()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoilt_message_on_a_server_stops_no_other() {
    one_outbox_row_is_spoilt(Database::Server(server())).await;
}

/// The first of several queued rows cannot be read: it is reported, and the rows behind it are
/// processed.
async fn first_rows_are_spoilt(database: Database) {
    let (mut traffic, _) = connect(&database, 8).await;
    traffic.run.terminate().await;
    assert!(traffic.run.ended().await.success());
    let history = |nothing: &str| {
        format!(
            "INSERT INTO wmctl_history (business_id, our_jid, dedupe, at_ms, notification, done)
                 SELECT 'default', jid, 'history|a|1', 1, {nothing}, -1 FROM whatsmeow_device;
             INSERT INTO wmctl_history (business_id, our_jid, dedupe, at_ms, notification, done)
                 SELECT 'default', jid, 'history|a|2', 2, {nothing}, 0 FROM whatsmeow_device;"
        )
    };
    // Both are too old to ask the phone for: then each counts as asked for.
    let unread = "
        INSERT INTO wmctl_retry
            (business_id, dedupe, count, first_ms, chat, sender, message_id, asked)
        VALUES ('default', 'a', 1, 1, 'nobody at all', '1@lid', '3A01', FALSE),
            ('default', 'b', 1, 2, '1@lid', '1@lid', '3A02', FALSE);";
    let (of_file, of_server) = (history("X''"), history("CAST('' AS BYTEA)"));
    database
        .run(&(of_file + unread), &(of_server + unread))
        .await;
    let run = traffic.stage.wmctl.start(&["run"]);
    let Traffic { stage, .. } = traffic;
    let mut traffic = Traffic::of(stage, run, 8).await;
    for failure in ["unreadable", "nothing_there"] {
        let told = event(&mut traffic, "history_sync").await;
        assert_eq!(told["failure"], failure, "{told}");
    }
    let begun = Instant::now();
    while database.count(OPEN_QUESTIONS).await != 0 {
        assert!(begun.elapsed() < PATIENCE, "the phone is asked for nothing");
        tokio::time::sleep(LOOK).await;
    }
    assert_eq!(
        database.count("SELECT count(*) FROM wmctl_history").await,
        0
    );
    let log = traffic.stage.wmctl.log();
    for table in ["wmctl_history", "wmctl_retry"] {
        let said = |line: &str| line.contains("a row cannot be read") && line.contains(table);
        assert!(log.lines().any(said), "{table}: {log}");
    }
    traffic.chats().await;
    traffic.put_in(100).await;
    let violations = traffic.stage.settled(traffic.messages).await;
    assert!(violations.is_empty(), "{violations:#?}");
}

const OPEN_QUESTIONS: &str =
    "SELECT count(*) FROM wmctl_retry WHERE chat IS NOT NULL AND NOT asked";

#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_several_rows_of_a_file_stops_no_other() {
    first_rows_are_spoilt(Database::file()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_several_rows_on_a_server_stops_no_other() {
    first_rows_are_spoilt(Database::Server(server())).await;
}
