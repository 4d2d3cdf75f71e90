//! Accounts that come from other databases.

use wmctl::session::changes::Change;
use wmctl::session::rows::{Row, RowKey};
use wmctl::store::Store;
use wmctl::store::error::StoreError;
use wmctl::store::import::Keep;

use super::Database;
use super::samples::{account, owner, paired, rows, tenant};

/// Rows of the shared tables only: caches and our own queues stay behind.
fn shared() -> Vec<(RowKey, Row)> {
    let is_shared = |key: &RowKey| {
        !matches!(
            key,
            RowKey::SenderKeyShare(_)
                | RowKey::Devices(_)
                | RowKey::Group(_)
                | RowKey::Retry(_)
                | RowKey::Seen(_)
                | RowKey::Outbox(_)
        )
    };
    rows()
        .into_iter()
        .filter(|(key, _)| is_shared(key))
        .collect()
}

async fn filled(database: &Database) -> Store {
    let store = database.store().await;
    let lease = paired(&store).await;
    let puts: Vec<Change> = shared()
        .into_iter()
        .map(|(key, row)| Change::Put(key, row))
        .collect();
    store.commit(&lease, &owner(), &puts).await.unwrap();
    store
}

/// The same rows in tables without tenants, as other clients lay them out.
async fn without_tenants(database: &Database) -> Database {
    let ours = filled(database).await;
    ours.close().await;
    let theirs = Database::sqlite();
    let path = theirs.url.to_string().replace("sqlite:", "");
    std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
    std::fs::write(&path, "").unwrap();
    let from = database.url.to_string().replace("sqlite:", "");
    let mut connection = theirs.connect().await;
    connection.run(&format!("ATTACH '{from}' AS ours")).await;
    for table in [
        "device",
        "identity_keys",
        "pre_keys",
        "sessions",
        "sender_keys",
        "contacts",
        "lid_map",
        "message_secrets",
        "privacy_tokens",
        "chat_settings",
        "app_state_sync_keys",
        "app_state_version",
        "app_state_mutation_macs",
    ] {
        connection
            .run(&format!(
                "CREATE TABLE whatsmeow_{table} AS SELECT * FROM ours.whatsmeow_{table};
                 ALTER TABLE whatsmeow_{table} DROP COLUMN business_id"
            ))
            .await;
    }
    theirs
}

async fn moves(source: &Database, target: &Database) {
    let source = Store::open_source(&source.url).await.unwrap();
    let store = target.store().await;
    let rehearsed = store
        .import(&source, &tenant(), None, Keep::Rehearse)
        .await
        .unwrap();
    assert_eq!(store.account(&tenant()).await.unwrap(), None);
    let done = store
        .import(&source, &tenant(), None, Keep::Commit)
        .await
        .unwrap();
    assert_eq!(done, rehearsed);
    assert_eq!(done.device, owner().jid);
    let found = store.account(&tenant()).await.unwrap().unwrap();
    assert_eq!(
        (found.jid, found.push_name),
        (account().jid, account().push_name)
    );
    let expected = shared();
    let keys: Vec<RowKey> = expected.iter().map(|(key, _)| key.clone()).collect();
    let found = store.read(&owner(), &keys).await.unwrap();
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(key, row)| (key, Some(row)))
        .collect();
    assert_eq!(found, expected);
    let again = store.import(&source, &tenant(), None, Keep::Commit).await;
    assert!(matches!(again, Err(StoreError::Import(_))), "{again:?}");
}

pub(super) async fn an_account_moves_from_a_file_of_ours(target: &Database) {
    let source = Database::sqlite();
    filled(&source).await.close().await;
    moves(&source, target).await;
}

pub(super) async fn an_account_moves_from_a_layout_without_tenants(target: &Database) {
    moves(&without_tenants(&Database::sqlite()).await, target).await;
}

pub(super) async fn what_does_not_fit_changes_nothing(target: &Database) {
    let source = without_tenants(&Database::sqlite()).await;
    let store = target.store().await;
    for spoil in [
        "UPDATE whatsmeow_device SET signed_pre_key_sig = zeroblob(64)",
        "INSERT INTO whatsmeow_identity_keys VALUES ('x', 'short', X'00');
         UPDATE whatsmeow_identity_keys SET our_jid = (SELECT jid FROM whatsmeow_device)",
        "DELETE FROM whatsmeow_device",
    ] {
        source.connect().await.run(spoil).await;
        let from = Store::open_source(&source.url).await.unwrap();
        let refused = store.import(&from, &tenant(), None, Keep::Commit).await;
        assert!(refused.is_err(), "{spoil}");
        assert_eq!(store.tenants().await.unwrap(), []);
    }
}
