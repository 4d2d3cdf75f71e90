//! The store: one suite that runs on each kind of database.

mod bell;
mod catalogue;
mod faults;
mod fence;
mod hooks;
mod import;
mod intake;
mod locked;
mod place;
mod records;
mod route;
mod samples;
mod schema;
mod suite;

use std::sync::Arc;

use tempfile::TempDir;
use wmctl::config::DatabaseUrl;
use wmctl::store::Store;

use crate::support::pooler::Pooler;
use crate::support::postgres::Postgres;

/// A database for one test, which exists as long as the test.
pub(super) struct Database {
    pub(super) url: DatabaseUrl,
    _folder: Option<TempDir>,
    // Dropped before the server that it connects to.
    pooler: Option<Pooler>,
    server: Option<(Arc<Postgres>, String)>,
}

impl Database {
    pub(super) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("new/wmctl.db").display());
        Self {
            url: url.parse().unwrap(),
            _folder: Some(folder),
            pooler: None,
            server: None,
        }
    }

    pub(super) fn postgres() -> Self {
        Self::on(&Arc::new(Postgres::start()), "wm")
    }

    /// Creates a database on a server.
    fn on(server: &Arc<Postgres>, name: &str) -> Self {
        server.create(name);
        Self {
            url: server.url(name).parse().unwrap(),
            _folder: None,
            pooler: None,
            server: Some((server.clone(), name.to_owned())),
        }
    }

    /// Creates a database on a server behind a pooler that gives each transaction another session.
    pub(super) fn pooled() -> Self {
        let database = Self::postgres();
        let pooler = Pooler::start(database.server(), "transaction", 12, "");
        Self {
            url: pooler.url("wm").parse().unwrap(),
            pooler: Some(pooler),
            ..database
        }
    }

    /// Returns the server of a PostgreSQL database.
    pub(super) fn server(&self) -> &Postgres {
        &self.server.as_ref().unwrap().0
    }

    /// Returns the URL in the form that the driver expects.
    pub(super) fn driver_url(&self) -> String {
        match &self.server {
            Some((server, name)) => server.url(name),
            None => self.url.to_string(),
        }
    }

    /// Returns the URL of the same database for another role.
    pub(super) fn url_as(&self, role: &str) -> String {
        let url = match &self.pooler {
            Some(pooler) => pooler.url("wm"),
            None => self.driver_url(),
        };
        url.replace("user=wm&", &format!("user={role}&"))
    }

    pub(super) async fn connect(&self) -> Connection {
        Connection::open(&self.driver_url()).await
    }

    /// Opens the database and applies the schema of this binary.
    pub(super) async fn store(&self) -> Store {
        let store = Store::open(&self.url).await.unwrap();
        store.migrate(1_000).await.unwrap();
        store
    }
}

/// A direct connection, without the store, as a person would have.
pub(super) enum Connection {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

impl Connection {
    pub(super) async fn open(url: &str) -> Self {
        use sqlx::Connection as _;
        match url.starts_with("sqlite:") {
            true => Self::Sqlite(sqlx::SqliteConnection::connect(url).await.unwrap()),
            false => Self::Postgres(sqlx::PgConnection::connect(url).await.unwrap()),
        }
    }

    pub(super) async fn attempt(&mut self, sql: &str) -> Result<(), String> {
        let sql = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()));
        let outcome = match self {
            Self::Sqlite(connection) => sql.execute(connection).await.map(|_| ()),
            Self::Postgres(connection) => sql.execute(connection).await.map(|_| ()),
        };
        outcome.map_err(|error| error.to_string())
    }

    pub(super) async fn run(&mut self, sql: &str) {
        self.attempt(sql).await.unwrap();
    }

    /// Returns the first column of each row as text; on SQLite only.
    pub(super) async fn texts(&mut self, sql: &str) -> Vec<String> {
        use sqlx::Row as _;
        let Self::Sqlite(connection) = self else {
            panic!("only files are asked so");
        };
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()))
            .fetch_all(connection)
            .await
            .unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Returns the number of rows of a query.
    pub(super) async fn count(&mut self, sql: &str) -> usize {
        let sql = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Sqlite(connection) => sql.fetch_all(connection).await.unwrap().len(),
            Self::Postgres(connection) => sql.fetch_all(connection).await.unwrap().len(),
        }
    }
}

/// Runs SQL directly on the database.
pub(super) async fn raw(database: &Database, sql: &str) {
    database.connect().await.run(sql).await;
}

/// Runs SQL directly on the database, and returns the error if there is one.
pub(super) async fn try_raw(database: &Database, sql: &str) -> Result<(), String> {
    database.connect().await.attempt(sql).await
}

/// Runs each function of the suite on both databases, and through a pooler.
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
        mod pooled {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$module::$name(&super::Database::pooled()).await;
            })*
        }
        /// Runs the suite on one server, each function in a database of its own.
        pub(crate) async fn suite_on(server: &Arc<Postgres>) {
            $($module::$name(&Database::on(server, stringify!($name))).await;)*
        }
    };
}

on_both!(
    suite::many_hosts_migrate_at_once,
    suite::a_schema_that_is_not_ours_is_refused,
    suite::an_account_comes_back_as_it_was_paired,
    suite::updates_change_only_what_they_name,
    suite::of_many_ratchets_those_of_strangers_go,
    suite::the_oldest_unread_message_comes_first,
    suite::whole_tables_change_at_once,
    suite::a_person_is_found_under_either_name,
    suite::an_event_has_both_names_of_its_chat,
    suite::every_kind_of_row_comes_back,
    suite::deleted_rows_are_gone,
    suite::events_are_numbered_and_come_once,
    suite::the_outbox_keeps_order_and_idempotency,
    suite::histories_wait_in_order_and_keep_their_place,
    intake::what_waits_together_is_taken_in_together,
    intake::one_that_is_refused_stops_no_other,
    suite::a_failed_unit_leaves_nothing,
    import::an_account_moves_from_a_file_of_ours,
    import::an_account_moves_from_every_version_in_files,
    import::an_account_moves_from_every_version_on_a_server,
    import::an_account_moves_from_the_fork,
    import::a_damaged_row_is_named_or_left_behind,
    import::what_does_not_fit_changes_nothing,
    import::another_account_is_replaced_only_if_asked,
    import::an_account_comes_back_from_an_export,
    import::an_exported_account_is_not_run,
    schema::tables_without_tenants_are_left_alone,
    fence::a_stale_owner_cannot_commit,
    fence::a_held_lease_is_not_taken,
    fence::epochs_never_fall,
    fence::takeovers_see_no_stale_write,
    place::a_unit_is_committed_once_at_its_place,
    locked::nothing_waits_for_a_lock_without_end,
    locked::no_move_waits_for_a_lock_without_end,
    locked::a_copy_of_a_process_is_noticed,
    locked::a_holder_that_serves_is_not_judged_by_the_lock_of_a_tenant,
    locked::a_holder_that_is_hidden_is_not_taken_for_nobody,
    hooks::a_webhook_is_moved_by_the_leaseholder_alone,
    hooks::a_dead_letter_is_sent_on_demand,
    hooks::webhooks_of_a_tenant_are_few,
    hooks::what_a_webhook_has_not_got_is_kept,
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
