//! Opens the database with the settings that the guarantees of the store rely on.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::config::DatabaseUrl;
use crate::config::postgres::{PostgresUrl, TlsMode};
use crate::store::Store;
use crate::store::account::marks::Marks;
use crate::store::db::application_name::ApplicationName;
use crate::store::db::begin::{IDLE_IN_TRANSACTION_MS, LOCKED_MS};
use crate::store::db::pooling::{ConnectionProfile, PoolerProbe, Pooling};
use crate::store::db::postgres::pool::{Admit, Limits};
use crate::store::db::postgres::target::Target;
use crate::store::db::primary::{PoolConfig, Primary, TimelineTracker};
use crate::store::db::slots::TenantSlots;
use crate::store::db::tls;
use crate::store::db::{Db, ReopenFlag};
use crate::store::error::StoreError;
use crate::store::outbox::notify::NotifyHub;
use crate::store::outbox::queue::Intake;

/// How long a statement waits for another writer of the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// The same for a connection to PostgreSQL. If the server refuses connections, the pool retries
/// with pauses that grow up to a fifth of this. So it notices a server that accepts again at most
/// that much later.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(2_500);
/// Read-only connections to a file, beside the one that writes.
const SQLITE_READERS: u32 = 4;
/// Maximum number of connections from one process to a PostgreSQL server.
const POSTGRES_CONNECTIONS: u32 = 10;
/// Settings of each of our PostgreSQL sessions, unless a pooler shares sessions between clients.
/// The store relies on them, so it does not trust the database's own defaults.
const SETTINGS: [(&str, &str); 4] = [
    (
        "idle_in_transaction_session_timeout",
        IDLE_IN_TRANSACTION_MS,
    ),
    ("lock_timeout", LOCKED_MS),
    // A statement outside a transaction sees everything committed before it starts.
    ("default_transaction_isolation", "read committed"),
    // Our LIKE patterns contain backslashes.
    ("standard_conforming_strings", "on"),
];
/// A connection that was idle for this long is tested before it is used: a proxy or firewall on the
/// way may have dropped it.
const CHECK_AFTER: Duration = Duration::from_secs(1);
/// The same as the defaults of Go's pgxpool. If a name leads to a new server, connections move
/// there within this time.
const LIFETIME: Duration = Duration::from_secs(3600);
const IDLE_TIME: Duration = Duration::from_secs(30 * 60);
/// Keeps our values out of the server's own log, as far as our role has the right to set this.
/// Servers before version 13 do not know these settings.
const LOG_NO_VALUES: &str = "
    SELECT set_config('log_parameter_max_length_on_error', '0', FALSE),
        CASE WHEN current_setting('is_superuser') = 'on'
            THEN set_config('log_parameter_max_length', '0', FALSE) END
    WHERE CAST(current_setting('server_version_num') AS INTEGER) >= 130000";
/// Ends a statement soon after its client dies, and so releases its locks. Servers before version
/// 14 do not know this setting.
const NOTICE_DEAD_CLIENTS: &str = "
    SELECT set_config('client_connection_check_interval', '500ms', FALSE)
    WHERE CAST(current_setting('server_version_num') AS INTEGER) >= 140000";
/// Applies [`SETTINGS`] to a session that could not be started with them.
const SET: &str = "
    SELECT set_config('idle_in_transaction_session_timeout', '2s', FALSE),
        set_config('lock_timeout', '10s', FALSE),
        set_config('default_transaction_isolation', 'read committed', FALSE),
        set_config('standard_conforming_strings', 'on', FALSE)";

impl Store {
    /// Opens the database. A missing file and its folder are created, readable by their owner only.
    /// The schema is not changed.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        match url {
            DatabaseUrl::Sqlite(path) => open_sqlite(path).await,
            DatabaseUrl::Postgres(url) => open_postgres(url).await,
        }
    }
}

impl Store {
    /// Opens an existing file for reading only.
    pub(crate) async fn open_file_to_read(path: &Path) -> Result<Self, StoreError> {
        check_beside(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = || file_pool().max_connections(1);
        let read = match pool().connect_with(options.clone()).await {
            Ok(read) => read,
            // In a read-only folder SQLite cannot create the shared-memory index of the write-ahead
            // log. Without a log it needs none.
            Err(_) if !with_suffix(path, "-wal").exists() => {
                pool().connect_with(options.immutable(true)).await?
            }
            Err(error) => return Err(error.into()),
        };
        let write = read.clone();
        Ok(Self {
            db: Db::of_file(write, read, ReopenFlag::default()),
            file: Some(path.to_owned()),
            bells: NotifyHub::default(),
            intake: Intake::default(),
            turns: TenantSlots::new(1),
            marks: Marks::default(),
        })
    }

    /// Opens a new file for one writer, without a write-ahead log: all data is in the file itself.
    pub(in crate::store) async fn open_new_file(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Delete)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true);
        let write = file_pool().max_connections(1);
        let write = write.connect_with(options).await?;
        let read = write.clone();
        Ok(Self {
            db: Db::of_file(write, read, ReopenFlag::default()),
            file: Some(path.to_owned()),
            bells: NotifyHub::default(),
            intake: Intake::default(),
            turns: TenantSlots::new(1),
            marks: Marks::default(),
        })
    }

    /// Opens a PostgreSQL database with one connection that cannot write.
    pub(in crate::store) async fn open_server_to_read(
        url: &PostgresUrl,
    ) -> Result<Self, StoreError> {
        let mut url = url.clone();
        let options = url.options.take().unwrap_or_default();
        url.options = Some(format!("{options} -c default_transaction_read_only=on"));
        url.pool.connections_max = Some(1);
        url.pool.connections_min = None;
        open_postgres(&url).await
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Returns the options of a pool for a file. If SQLite ended a transaction by itself, or a rollback
/// failed, sqlx still counts the connection as inside the transaction. It could never begin another
/// one, so it is closed and not returned to the pool.
fn file_pool() -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_release(|connection, _| {
            Box::pin(async move {
                // A rollback that is still queued runs before the ping is answered.
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
}

/// Refuses a database file whose WAL, WAL index or journal is not a readable file. SQLite's own
/// error does not name it.
fn check_beside(path: &Path) -> Result<(), StoreError> {
    for suffix in ["-wal", "-shm", "-journal"] {
        let path = with_suffix(path, suffix);
        let opened = match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Ok(found) if !found.is_file() => Err(ErrorKind::InvalidInput.into()),
            Ok(_) => File::open(&path).map(drop),
            Err(error) => Err(error),
        };
        opened.map_err(|error| {
            let why = match error.kind() {
                ErrorKind::InvalidInput => String::from("it is no file"),
                _ => error.to_string(),
            };
            let what = format!("{}: {why}", path.display());
            StoreError::File(std::io::Error::new(error.kind(), what))
        })?;
    }
    Ok(())
}

async fn open_sqlite(path: &Path) -> Result<Store, StoreError> {
    create_private(path).map_err(StoreError::File)?;
    check_beside(path)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // An ack must not survive a power cut that its row does not survive.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true);
    let worn = ReopenFlag::default();
    let write = file_pool().max_connections(1);
    let opens_anew = worn.clone();
    let write = write.before_acquire(move |_, _| {
        let fit = !opens_anew.take();
        Box::pin(async move { Ok(fit) })
    });
    let write = write.connect_with(options.clone()).await?;
    let read = file_pool()
        .max_connections(SQLITE_READERS)
        .connect_lazy_with(options.read_only(true));
    let db = Db::of_file(write, read, worn);
    Ok(Store {
        db,
        file: Some(path.to_owned()),
        bells: NotifyHub::default(),
        intake: Intake::default(),
        turns: TenantSlots::new(1),
        marks: Marks {
            folder: None,
            beside: Some(path.to_owned()),
        },
    })
}

/// Creates the file and its folder with private modes. SQLite gives side files the mode of the
/// database file.
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
        // Another process created it first.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other.map(|_| ()),
    }
}

/// Probes the connection path to a server, once per TLS mode that the URL allows.
async fn explore(url: &PostgresUrl, name: &ApplicationName) -> Result<PoolerProbe, StoreError> {
    let at_most = url.pool.connect_timeout.unwrap_or(ACQUIRE_TIMEOUT);
    let target = Target::of(url, &name.of_pool());
    let (mode, otherwise) = tls::modes(&target);
    if mode != TlsMode::Disable {
        tls::check_files(&target)?;
    }
    let explored = PoolerProbe::explore(target.with_tls(mode), &SETTINGS, at_most).await;
    let way = match (explored, otherwise) {
        (Err(error), Some(otherwise)) if tls::may_be_the_reason(&error) => {
            let explored =
                PoolerProbe::explore(target.with_tls(otherwise), &SETTINGS, at_most).await;
            explored.map_err(|_| error)?
        }
        (explored, _) => explored?,
    };
    Ok(way)
}

async fn open_postgres(url: &PostgresUrl) -> Result<Store, StoreError> {
    let name = ApplicationName::draw();
    let way = explore(url, &name).await?;
    let lock_way = match &url.locks {
        None => None,
        Some(url) => Some(explore(url, &name).await?),
    };
    if lock_way.as_ref().is_some_and(|locks| !locks.meets(&way)) {
        return Err(StoreError::Pooler(
            "the database URL for locks leads to another database",
        ));
    }
    let locks = lock_way.as_ref().unwrap_or(&way);
    let route = ConnectionProfile {
        version: way.version,
        pooling: way.pooling,
        lock_pooling: locks.pooling,
        lock_apart: lock_way.is_some(),
        liveness: locks.liveness(),
        tls: way.target.tls(),
    };
    let locks = locks.target.clone();
    let lines = TimelineTracker::new(way.pooling);
    let ways = ways(url, way, &lines);
    let connections = ways.limits.most;
    // A name that the URL sets is kept: several processes may share it.
    let given = [Some(url), url.locks.as_deref()].into_iter().flatten();
    let given = given.filter(|url| url.application.is_some()).count();
    let name = (given == 0).then_some(name);
    let server = Arc::new(Primary::start(route, name, locks, lines, ways).await?);
    Ok(Store {
        turns: TenantSlots::on(Arc::clone(&server), connections),
        db: Db::Postgres(server),
        file: None,
        bells: NotifyHub::default(),
        intake: Intake::default(),
        marks: Marks::default(),
    })
}

fn ways(url: &PostgresUrl, way: PoolerProbe, lines: &TimelineTracker) -> PoolConfig {
    let (pool, pooling, lines) = (url.pool, way.pooling, lines.clone());
    let admit: Admit = Arc::new(move |link| {
        let lines = lines.clone();
        Box::pin(async move {
            let first: &[&str] = match pooling {
                // A setting would stay with a session that other clients use next.
                Pooling::Transaction => &[],
                Pooling::Session => &[SET, NOTICE_DEAD_CLIENTS, LOG_NO_VALUES],
                Pooling::Direct => &[NOTICE_DEAD_CLIENTS, LOG_NO_VALUES],
            };
            lines.admit(link, first).await
        })
    });
    let limits = Limits {
        most: pool.connections_max.unwrap_or(POSTGRES_CONNECTIONS),
        least: pool.connections_min.unwrap_or(0),
        lifetime: pool.lifetime.unwrap_or(LIFETIME),
        idle_time: pool.idle_time.unwrap_or(IDLE_TIME),
        check_after: pool.check_period.unwrap_or(CHECK_AFTER),
        patience: pool.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
    };
    PoolConfig {
        target: way.target,
        limits,
        admit,
    }
}
