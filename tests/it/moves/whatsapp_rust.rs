//! A file that whatsapp-rust 0.7.0 itself wrote while two accounts of a simulator chatted
//! (`tests/peers/whatsapp-rust/chat.py`). How they continue to chat is tested there.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use super::chat::url;
use crate::support::postgres::Postgres;
use crate::support::wmctl::Wmctl;

const ANNA: &str = "491510000001:1@s.whatsapp.net";
const BERT: &str = "491510000002:1@s.whatsapp.net";

/// Creates an empty installation, and a copy of the file.
async fn installation() -> (tempfile::TempDir, Wmctl, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let wmctl = Wmctl::in_folder(folder.path());
    wmctl.done(&["migrate", "up"]).await;
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let file = folder.path().join("whatsapp.db");
    std::fs::copy(vectors.join("whatsapp-rust-0.7.0.db"), &file).unwrap();
    (folder, wmctl, file)
}

async fn import(wmctl: &Wmctl, file: &Path, more: &[&str]) -> Output {
    let from = url(file);
    let arguments = [&["migrate", "import", "--from", &from][..], more].concat();
    wmctl.output(&arguments).await
}

async fn change(file: &Path, sql: &str) {
    let mut connection = SqliteConnection::connect(&url(file)).await.unwrap();
    let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    sql.execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

fn refused(output: &Output, code: i32, words: &[&str]) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{told}");
    for word in words {
        assert!(told.contains(word), "{word}: {told}");
    }
}

fn counts(moved: &Value) -> Vec<(&str, u64)> {
    let tables = moved["tables"].as_array().unwrap();
    let count = |table: &Value| {
        assert_eq!(table["read"], table["written"]);
        table["written"].as_u64().unwrap()
    };
    let named = |table: &'_ Value| count(table);
    let names = tables.iter().map(|table| table["table"].as_str().unwrap());
    names.zip(tables.iter().map(named)).collect()
}

/// The rows of the first account, counted in the file by other means.
const EXPECTED: [(&str, u64); 10] = [
    ("whatsmeow_device", 1),
    ("whatsmeow_identity_keys", 4),
    ("whatsmeow_pre_keys", 39),
    ("whatsmeow_sessions", 4),
    // Our own key, those of both of Bert's devices and Carla's, in two groups.
    ("whatsmeow_sender_keys", 8),
    ("wmctl_sender_key_share", 2),
    ("whatsmeow_app_state_sync_keys", 1),
    ("whatsmeow_message_secrets", 15),
    ("whatsmeow_lid_map", 2),
    ("wmctl_privacy_token_sent", 2),
];

async fn is_read(wmctl: &Wmctl, file: &Path) {
    refused(
        &import(wmctl, file, &[]).await,
        6,
        &["SEVERAL_DEVICES", ANNA, BERT],
    );
    let other = ["--device", "491510000009:1@s.whatsapp.net"];
    refused(
        &import(wmctl, file, &other).await,
        5,
        &["NOT_IN_SOURCE", ANNA, BERT],
    );
    let output = import(wmctl, file, &["--device", ANNA]).await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let moved: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(moved["layout"], "whatsapp-rust");
    assert_eq!(moved["device"], ANNA);
    assert_eq!(counts(&moved), EXPECTED);
    let check = wmctl.output(&["db", "check"]).await;
    assert!(
        check.status.success(),
        "{}",
        String::from_utf8_lossy(&check.stdout)
    );
}

#[tokio::test]
async fn one_of_several_accounts_is_taken_into_a_file() {
    let (_folder, wmctl, file) = installation().await;
    is_read(&wmctl, &file).await;
}

#[tokio::test]
async fn one_of_several_accounts_is_taken_to_a_server() {
    let (_folder, mut wmctl, file) = installation().await;
    let server = Postgres::start();
    server.create("wmctl");
    wmctl.set("WMCTL_DATABASE_URL", &server.url("wmctl"));
    wmctl.done(&["migrate", "up"]).await;
    is_read(&wmctl, &file).await;
}

#[tokio::test]
async fn what_is_damaged_or_unknown_is_refused_and_nothing_is_written() {
    let (_folder, wmctl, file) = installation().await;
    let anna = ["--device", ANNA];
    let whole = std::fs::read(&file).unwrap();
    for (sql, code, words) in [
        (
            "UPDATE sessions SET record = x'0a0b0c'",
            1,
            &["DAMAGED", "whatsmeow_sessions"][..],
        ),
        // A reservation of counters that no client makes: field 100 with 2^31.
        (
            "UPDATE sessions SET record = record || x'a0068080808008'",
            1,
            &["DAMAGED", "too far apart"],
        ),
        (
            "UPDATE prekeys SET key = 'text'",
            1,
            &["DAMAGED", "whatsmeow_pre_keys"],
        ),
        (
            "UPDATE sender_keys SET address = hex(address)",
            1,
            &["an address is none"],
        ),
        (
            "UPDATE device SET noise_key = zeroblob(64)",
            1,
            &["do not belong together"],
        ),
        (
            "UPDATE device SET identity_key = x'00'",
            1,
            &["wrong length"],
        ),
        (
            "UPDATE device SET signed_pre_key_signature = zeroblob(64)",
            1,
            &["did not sign"],
        ),
        (
            "UPDATE sessions SET record = zeroblob(9000000)",
            1,
            &["table sessions", "8 MiB"],
        ),
        (
            "UPDATE device SET account = NULL",
            5,
            &["SOURCE_NOT_PAIRED"],
        ),
        (
            "DROP TABLE lid_pn_mapping",
            7,
            &["SOURCE_LAYOUT", "lid_pn_mapping"],
        ),
    ] {
        std::fs::write(&file, &whole).unwrap();
        change(&file, sql).await;
        refused(&import(&wmctl, &file, &anna).await, code, words);
    }
    std::fs::write(&file, "no database").unwrap();
    let words = ["SOURCE_LAYOUT", "is no SQLite database"];
    refused(&import(&wmctl, &file, &anna).await, 7, &words);
    let tenants = wmctl.done(&["tenants", "list", "--json"]).await;
    assert!(!tenants.contains(ANNA), "{tenants}");
}
