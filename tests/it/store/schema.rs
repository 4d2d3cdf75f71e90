//! The schema: the printed script, what is refused, and who may see whose rows.

use wmctl::store::Store;
use wmctl::store::error::StoreError;

use super::samples::paired;
use super::{Connection, Database};
use crate::support::postgres::Postgres;

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_script_leaves_the_same_state() {
    let server = Postgres::start();
    for name in ["by_script", "by_us"] {
        server.create(name);
    }
    let open = async |name: &str| {
        Store::open(&server.url(name).parse().unwrap())
            .await
            .unwrap()
    };
    let (scripted, applied) = (open("by_script").await, open("by_us").await);
    let script = scripted.migration_script(7).await.unwrap();
    server.sql("by_script", &script);
    applied.migrate(7).await.unwrap();
    assert_eq!(server.dump("by_script"), server.dump("by_us"));
    scripted.check_schema().await.unwrap();
    assert_eq!(
        scripted.migrations().await.unwrap(),
        applied.migrations().await.unwrap()
    );
    assert_eq!(scripted.migration_script(8).await.unwrap(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_script_works_on_a_file() {
    let database = Database::sqlite();
    let store = Store::open(&database.url).await.unwrap();
    let script = store.migration_script(7).await.unwrap();
    database.connect().await.run(&script).await;
    store.check_schema().await.unwrap();
}

pub(super) async fn tables_without_tenants_are_left_alone(database: &Database) {
    let store = Store::open(&database.url).await.unwrap();
    super::raw(database, "CREATE TABLE whatsmeow_device (jid TEXT)").await;
    let refused = store.migrate(1).await;
    assert!(
        matches!(refused, Err(StoreError::OtherLayout)),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_another_role_are_left_alone() {
    let database = Database::postgres();
    drop(database.store().await);
    super::raw(&database, "CREATE ROLE stranger LOGIN").await;
    let url = database.url_as("stranger");
    let refused = Store::open(&url.parse().unwrap())
        .await
        .unwrap()
        .migrate(1)
        .await;
    assert!(
        matches!(&refused, Err(StoreError::ForeignOwner { owner, .. }) if owner == "wm"),
        "{refused:?}"
    );
}

/// A role that may see one tenant, whatever SQL a person types.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_one_tenant_reaches_no_other() {
    let database = Database::postgres();
    let store = database.store().await;
    paired(&store).await;
    let other = "INSERT INTO whatsmeow_device SELECT 'other', jid, lid, facebook_uuid,
            registration_id, noise_key, identity_key, signed_pre_key, signed_pre_key_id,
            signed_pre_key_sig, adv_key, adv_details, adv_account_sig, adv_account_sig_key,
            adv_device_sig, platform, business_name, push_name, lid_migration_ts
        FROM whatsmeow_device;
        INSERT INTO whatsmeow_lid_map VALUES ('other', '1', '2');
        INSERT INTO wmctl_account (business_id) VALUES ('other');
        INSERT INTO wmctl_lease (business_id) VALUES ('other');
        CREATE ROLE of_acme LOGIN; CREATE ROLE of_nobody LOGIN;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public
            TO of_acme, of_nobody;
        INSERT INTO wmctl_role VALUES ('of_acme', 'acme')";
    super::raw(&database, other).await;
    let unprotected = "SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
            AND NOT c.relrowsecurity AND c.relname <> 'wmctl_migration'";
    assert_eq!(database.connect().await.count(unprotected).await, 0);

    let mut acme = Connection::open(&database.url_as("of_acme")).await;
    let mut nobody = Connection::open(&database.url_as("of_nobody")).await;
    for table in ["whatsmeow_device", "wmctl_account", "wmctl_lease"] {
        let all = format!("SELECT business_id FROM {table}");
        assert_eq!(acme.count(&all).await, 1, "{table}");
        assert_eq!(nobody.count(&all).await, 0, "{table}");
    }
    assert_eq!(acme.count("SELECT * FROM whatsmeow_lid_map").await, 0);
    for sql in [
        "INSERT INTO whatsmeow_lid_map VALUES ('other', '3', '4')",
        "INSERT INTO wmctl_account (business_id) VALUES ('third')",
        "UPDATE whatsmeow_device SET business_id = 'other'",
        "INSERT INTO wmctl_role VALUES ('of_acme', 'other')",
        "SET ROLE wm",
        "ALTER TABLE whatsmeow_lid_map DISABLE ROW LEVEL SECURITY",
    ] {
        assert!(acme.attempt(sql).await.is_err(), "{sql}");
    }
    // It cannot change rows that it cannot see.
    acme.run(
        "UPDATE wmctl_lease SET epoch = epoch + 9; DELETE FROM whatsmeow_lid_map;
         DELETE FROM whatsmeow_device; UPDATE wmctl_role SET business_id = '*'",
    )
    .await;
    let mut owner = database.connect().await;
    let kept = "SELECT 1 FROM whatsmeow_device d JOIN whatsmeow_lid_map m USING (business_id)
        JOIN wmctl_lease l USING (business_id) WHERE business_id = 'other' AND l.epoch = 0";
    assert_eq!(owner.count(kept).await, 1);
    assert_eq!(
        acme.count("SELECT 1 FROM wmctl_role WHERE business_id = '*'")
            .await,
        0
    );
}

/// The daemon works under a role that owns no tables.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_works_under_the_role_of_its_tenant() {
    let database = Database::postgres();
    drop(database.store().await);
    super::raw(
        &database,
        "CREATE ROLE of_acme LOGIN;
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO of_acme;
         INSERT INTO wmctl_role VALUES ('of_acme', 'acme')",
    )
    .await;
    let url = database.url_as("of_acme").parse().unwrap();
    let store = Store::open(&url).await.unwrap();
    store.check_schema().await.unwrap();
    let lease = paired(&store).await;
    store.release(lease).await.unwrap();
}
