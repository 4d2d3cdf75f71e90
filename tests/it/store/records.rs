//! Ratchets and sender keys in whatsmeow's form: where they are read, written, reported and
//! converted.

use wmctl::config::DatabaseUrl;
use wmctl::store::Store;
use wmctl::store::error::StoreError;

use super::import::{NOW_MS, export, export_options, filled, foreign_file};
use super::samples::host;
use super::{Connection, Database};
use crate::support::whatsmeow::{self, Dialect, Layout};

/// Each record with its name.
const RECORDS: &str = "
    SELECT their_id || ' ' || session FROM
        (SELECT their_id, {session} AS session FROM whatsmeow_sessions) s
    UNION ALL SELECT chat_id || sender_id || ' ' || sender_key FROM
        (SELECT chat_id, sender_id, {sender_key} AS sender_key FROM whatsmeow_sender_keys) k
    ORDER BY 1";

async fn in_file(file: &DatabaseUrl) -> Vec<String> {
    let sql = RECORDS.replace("{session}", "CAST(session AS TEXT)");
    let sql = sql.replace("{sender_key}", "CAST(sender_key AS TEXT)");
    Connection::open(&file.to_string()).await.texts(&sql).await
}

/// whatsmeow itself would have written the same bytes.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_whatsmeows_records() {
    let ours = Database::sqlite();
    let path = filled(&ours).await;
    let wanted = foreign_file(&path, Layout::Upstream(15)).await;
    let wanted = in_file(&wanted.url).await;
    assert!(wanted.iter().all(|record| record.contains(r#" {"Se"#)));
    assert!(
        wanted
            .iter()
            .any(|record| record.contains("ReceiverChains"))
    );
    assert!(
        wanted
            .iter()
            .any(|record| record.contains("SenderKeyStates"))
    );

    let store = ours.store().await;
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", folder.path().join("w.db").display());
    let file: DatabaseUrl = file.parse().unwrap();
    export(&store, &file, &export_options()).await.unwrap();
    assert_eq!(in_file(&file).await, wanted);

    // Uses an account that was not exported before: taking it back would leave records that may
    // only decrypt.
    let again = Database::sqlite();
    filled(&again).await;
    let store = again.store().await;
    let server = Database::postgres();
    export(&store, &server.url, &export_options())
        .await
        .unwrap();
    let sql = RECORDS.replace("{session}", "convert_from(session, 'UTF8')");
    let sql = sql.replace("{sender_key}", "convert_from(sender_key, 'UTF8')");
    let found = server.server().sql("wm", &sql);
    let mut found: Vec<&str> = found.lines().collect();
    found.sort_unstable();
    let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
}

/// Creates two tenants in the layout of the fork.
async fn fork(database: &Database, dialect: Dialect) {
    let ours = Database::sqlite();
    let path = filled(&ours).await;
    let script = whatsmeow::script(&path, Layout::Fork, dialect).await;
    let second: Vec<String> = script
        .lines()
        .filter(|line| line.starts_with("INSERT") && line.contains("'acme'"))
        .map(|line| line.replace("'acme'", "'beta'"))
        .collect();
    if let Some(parent) = database.url.to_string().strip_prefix("sqlite:") {
        let path = std::path::Path::new(parent);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    let mut connection = database.connect().await;
    connection.run(&script).await;
    connection.run(&second.join("\n")).await;
}

/// Returns check, table, tenant and rows of each finding.
async fn findings(store: &Store) -> Vec<String> {
    let checked = store.check(None).await.unwrap();
    let found = checked.findings.iter();
    found
        .map(|it| format!("{} {} {} {}", it.check, it.table, it.tenant, it.rows))
        .collect()
}

async fn a_fork_is_converted(database: Database, dialect: Dialect) {
    fork(&database, dialect).await;
    let mut by_hand = database.connect().await;
    let store = Store::open(&database.url).await.unwrap();
    // Applies the schema alone, as with `psql`: the records stay as they are.
    let script = store.migration_script(NOW_MS).await.unwrap();
    by_hand.run(&script).await;
    assert_eq!(store.foreign_records().await.unwrap(), ["acme", "beta"]);
    let records = findings(&store).await;
    assert_eq!(
        records,
        [
            "whatsmeow_record whatsmeow_sessions acme 1",
            "whatsmeow_record whatsmeow_sessions beta 1",
            "whatsmeow_record whatsmeow_sender_keys acme 1",
            "whatsmeow_record whatsmeow_sender_keys beta 1",
        ]
    );

    // The records of a running tenant are not converted. Those of the other tenant are, and stay
    // so.
    let running = host(1);
    store.register(&running, 1).await.unwrap();
    let beta = "beta".parse().unwrap();
    let lease = store.claim(&beta, running.id, 2).await.unwrap();
    for _ in 0..2 {
        let refused = store.migrate(NOW_MS).await;
        assert!(
            matches!(&refused, Err(StoreError::ForeignRecords { tenant }) if tenant == "beta"),
            "{refused:?}"
        );
        assert_eq!(store.foreign_records().await.unwrap(), ["beta"]);
        assert!(store.check_schema().await.is_err());
        assert_eq!(findings(&store).await.len(), 2);
    }
    let epoch = lease.epoch;
    store.release(lease).await.unwrap();

    // A record that cannot be decoded stays, for a person to examine.
    let (json, broken) = match dialect {
        Dialect::Sqlite => ("CAST('{}' AS BLOB)", "CAST('{\"Sess' AS BLOB)"),
        Dialect::Postgres => ("CAST('{}' AS bytea)", "CAST('{\"Sess' AS bytea)"),
    };
    let spoil = format!(
        "UPDATE whatsmeow_sessions SET session = {broken} WHERE business_id = 'beta';
         INSERT INTO whatsmeow_sessions SELECT business_id, our_jid, 'zzz', {json}
         FROM whatsmeow_sessions WHERE business_id = 'beta'"
    );
    by_hand.run(&spoil).await;
    assert_eq!(store.migrate(NOW_MS).await.unwrap(), Vec::<i64>::new());
    store.check_schema().await.unwrap();
    assert_eq!(
        findings(&store).await,
        ["undecodable whatsmeow_sessions beta 2"]
    );
    let leases = store.leases().await.unwrap();
    let of_beta = leases.iter().find(|lease| lease.tenant == beta).unwrap();
    assert!(epoch < of_beta.epoch, "whoever ran it can commit no more");

    used_by_the_fork_again(&store, &mut by_hand, dialect).await;
}

/// Simulates that the fork uses a database after its conversion.
async fn used_by_the_fork_again(store: &Store, by_hand: &mut Connection, dialect: Dialect) {
    let ours = Database::sqlite();
    let path = filled(&ours).await;
    let again = whatsmeow::script(&path, Layout::Fork, dialect).await;
    let again: Vec<&str> = again
        .lines()
        .filter(|line| line.starts_with("INSERT INTO whatsmeow_sender_keys"))
        .collect();
    by_hand.run("DELETE FROM whatsmeow_sender_keys").await;
    by_hand.run(&again.join("\n")).await;
    store.migrate(NOW_MS).await.unwrap();
    assert_eq!(
        findings(store).await.last().unwrap(),
        "whatsmeow_record whatsmeow_sender_keys acme 1"
    );
    store.look_for_records().await.unwrap();
    store.migrate(NOW_MS).await.unwrap();
    assert_eq!(findings(store).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_is_converted_in_a_file() {
    a_fork_is_converted(Database::sqlite(), Dialect::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_is_converted_on_a_server() {
    a_fork_is_converted(Database::postgres(), Dialect::Postgres).await;
}
