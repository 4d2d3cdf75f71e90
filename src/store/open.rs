//! Opening the database with the settings that the promises of the store rest on.

use std::fs::{self, DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::config::DatabaseUrl;
use crate::store::Store;
use crate::store::db::Db;
use crate::store::error::StoreError;

/// How long a statement waits for another writer of the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that read a file beside the one that writes.
const SQLITE_READERS: u32 = 4;
/// Connections of one process to a server.
const POSTGRES_CONNECTIONS: u32 = 10;
/// A transaction that a stopped process left open is ended by the server after this long
/// (milliseconds): until then nobody can take its leases.
const IDLE_IN_TRANSACTION_MS: &str = "5000";

impl Store {
    /// Opens the database; creates a file and its folder, readable by their owner only. The schema
    /// is left as it is.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        match url {
            DatabaseUrl::Sqlite(path) => open_sqlite(path).await,
            DatabaseUrl::Postgres(url) => open_postgres(url).await,
        }
    }
}

async fn open_sqlite(path: &Path) -> Result<Store, StoreError> {
    create_private(path).map_err(StoreError::File)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // An ack must not outlive the row that it stands for, not even a power cut.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true);
    let pool = || SqlitePoolOptions::new().acquire_timeout(ACQUIRE_TIMEOUT);
    let write = pool()
        .max_connections(1)
        .connect_with(options.clone())
        .await?;
    let read = pool()
        .max_connections(SQLITE_READERS)
        .connect_lazy_with(options.read_only(true));
    let db = Db::Sqlite { write, read };
    Ok(Store {
        db,
        file: Some(path.to_owned()),
    })
}

/// The side files of a database get the mode of the file itself.
fn create_private(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        && !folder.exists()
    {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    if fs::exists(path)? {
        return Ok(());
    }
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match created {
        // Another process was first.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(|_| ()),
    }
}

async fn open_postgres(url: &str) -> Result<Store, StoreError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|error| StoreError::Url(Box::new(error)))?
        .application_name("wmctl")
        .options([
            (
                "idle_in_transaction_session_timeout",
                IDLE_IN_TRANSACTION_MS,
            ),
            ("default_transaction_isolation", "read committed"),
        ]);
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options)
        .await?;
    Ok(Store {
        db: Db::Postgres(pool),
        file: None,
    })
}
