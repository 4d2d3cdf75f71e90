//! The store: one suite, run on each database.

mod fence;
mod samples;
mod suite;

use tempfile::TempDir;
use wmctl::config::DatabaseUrl;
use wmctl::store::Store;

use crate::support::postgres::Postgres;

/// A database of the test's own, kept alive with the test.
pub(super) struct Database {
    pub(super) url: DatabaseUrl,
    _folder: Option<TempDir>,
    server: Option<Postgres>,
}

impl Database {
    pub(super) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("new/wmctl.db").display());
        Self {
            url: url.parse().unwrap(),
            _folder: Some(folder),
            server: None,
        }
    }

    pub(super) fn postgres() -> Self {
        let server = Postgres::start();
        server.create("wm");
        let url = server.url("wm").parse().unwrap();
        Self {
            url,
            _folder: None,
            server: Some(server),
        }
    }

    /// Opened, with the schema of this binary.
    pub(super) async fn store(&self) -> Store {
        let store = Store::open(&self.url).await.unwrap();
        store.migrate(1_000).await.unwrap();
        store
    }
}

/// Runs SQL past the store, as a person would.
pub(super) async fn raw(database: &Database, sql: &str) {
    try_raw(database, sql).await.unwrap();
}

/// Runs SQL past the store; what the database refused.
pub(super) async fn try_raw(database: &Database, sql: &str) -> Result<(), String> {
    use sqlx::{Connection, Executor};
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    let outcome = match (&database.url, &database.server) {
        (DatabaseUrl::Sqlite(path), _) => {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
            let mut connection = sqlx::SqliteConnection::connect_with(&options)
                .await
                .unwrap();
            let outcome = connection.execute(sqlx::raw_sql(sql)).await.map(|_| ());
            connection.close().await.unwrap();
            outcome
        }
        (_, Some(server)) => {
            let url = server.url("wm");
            let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
            let outcome = connection.execute(sqlx::raw_sql(sql)).await.map(|_| ());
            connection.close().await.unwrap();
            outcome
        }
        _ => unreachable!("a database is a file or a server"),
    };
    outcome.map_err(|error| error.to_string())
}

/// Runs each function of the suite on both databases.
macro_rules! on_both {
    ($($module:ident :: $name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$module::$name(&super::Database::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$module::$name(&super::Database::postgres()).await;
            })*
        }
    };
}

on_both!(
    suite::many_hosts_migrate_at_once,
    suite::a_schema_that_is_not_ours_is_refused,
    suite::an_account_comes_back_as_it_was_paired,
    suite::updates_change_only_what_they_name,
    suite::every_kind_of_row_comes_back,
    suite::deleted_rows_are_gone,
    suite::events_are_numbered_and_come_once,
    suite::the_outbox_keeps_order_and_idempotency,
    suite::a_failed_unit_leaves_nothing,
    fence::a_stale_owner_cannot_commit,
    fence::a_held_lease_is_not_taken,
    fence::epochs_never_fall,
    fence::takeovers_see_no_stale_write,
);

#[tokio::test]
async fn a_new_file_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let database = Database::sqlite();
    let _store = database.store().await;
    let DatabaseUrl::Sqlite(path) = &database.url else {
        unreachable!("the database is a file");
    };
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let wal = path.with_extension("db-wal");
    assert_eq!(
        (mode(path), mode(&wal), mode(path.parent().unwrap())),
        (0o600, 0o600, 0o700)
    );
}

#[test]
fn the_shared_tables_are_fifteen() {
    let server = Postgres::start();
    server.create("wm");
    let url: DatabaseUrl = server.url("wm").parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { Store::open(&url).await.unwrap().migrate(1).await.unwrap() });
    let count = "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'whatsmeow\\_%'";
    assert_eq!(server.sql("wm", count).trim(), "15");
    let foreign = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' \
        AND tablename NOT LIKE 'whatsmeow\\_%' AND tablename NOT LIKE 'wmctl\\_%'";
    assert_eq!(server.sql("wm", foreign).trim(), "0");
}
