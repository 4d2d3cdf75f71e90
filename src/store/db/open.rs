//! Opening the database with the settings that the promises of the store rest on.

use std::fs::{self, DirBuilder, OpenOptions};
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
use crate::store::db::application_name::SessionName;
use crate::store::db::begin::IDLE_IN_TRANSACTION_MS;
use crate::store::db::pooling::{Pooling, Route, Way};
use crate::store::db::postgres::pool::{Admit, Limits};
use crate::store::db::postgres::target::Target;
use crate::store::db::primary::{Lines, Server, Ways};
use crate::store::db::slots::Turns;
use crate::store::db::tls;
use crate::store::db::{Db, Worn};
use crate::store::error::StoreError;
use crate::store::outbox::notify::Bells;
use crate::store::outbox::queue::Intake;

/// How long a statement waits for another writer of the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// The same on a server. The driver knocks at a server that does not accept with pauses that grow
/// to a fifth of this: what it accepts again is noticed that much later at most.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(2_500);
/// Connections that read a file beside the one that writes.
const SQLITE_READERS: u32 = 4;
/// Connections of one process to a server.
const POSTGRES_CONNECTIONS: u32 = 10;
/// What every session of ours has, where nothing lies between that shares sessions: what we rely on
/// is not left to a database that was told otherwise.
const SETTINGS: [(&str, &str); 3] = [
    (
        "idle_in_transaction_session_timeout",
        IDLE_IN_TRANSACTION_MS,
    ),
    // A statement outside of any transaction sees what others have committed meanwhile.
    ("default_transaction_isolation", "read committed"),
    // Patterns of names have backslashes.
    ("standard_conforming_strings", "on"),
];
/// A connection that lay idle for so long is tried out before it is used: whatever lies between
/// may have forgotten it.
const CHECK_AFTER: Duration = Duration::from_secs(1);
/// As Go's pool has it: connections move to a new server behind the same name in that time.
const LIFETIME: Duration = Duration::from_secs(3600);
const IDLE_TIME: Duration = Duration::from_secs(30 * 60);
/// The server leaves our values out of its own log, as far as our role may say so. Servers before
/// version 13 do not know the settings.
const LOG_NO_VALUES: &str = "
    SELECT set_config('log_parameter_max_length_on_error', '0', FALSE),
        CASE WHEN current_setting('is_superuser') = 'on'
            THEN set_config('log_parameter_max_length', '0', FALSE) END
    WHERE CAST(current_setting('server_version_num') AS INTEGER) >= 130000";
/// A statement whose client died ends soon, and with it the locks that it holds. Servers before
/// version 14 do not know the setting.
const NOTICE_DEAD_CLIENTS: &str = "
    SELECT set_config('client_connection_check_interval', '500ms', FALSE)
    WHERE CAST(current_setting('server_version_num') AS INTEGER) >= 140000";
/// For a session of ours that could not be started with [`SETTINGS`].
const SET: &str = "
    SELECT set_config('idle_in_transaction_session_timeout', '2s', FALSE),
        set_config('default_transaction_isolation', 'read committed', FALSE),
        set_config('standard_conforming_strings', 'on', FALSE)";

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

impl Store {
    /// Opens a file that is there to read from it only.
    pub(crate) async fn open_file_to_read(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = || file_pool().max_connections(1);
        let read = match pool().connect_with(options.clone()).await {
            Ok(read) => read,
            // In a folder that cannot be written no index of the log can be made; without a log
            // none is needed.
            Err(_) if !with_suffix(path, "-wal").exists() => {
                pool().connect_with(options.immutable(true)).await?
            }
            Err(error) => return Err(error.into()),
        };
        let write = read.clone();
        Ok(Self {
            db: Db::of_file(write, read, Worn::default()),
            file: Some(path.to_owned()),
            bells: Bells::default(),
            intake: Intake::default(),
            turns: Turns::new(1),
            marks: Marks::default(),
        })
    }

    /// Opens a file for one writer that keeps everything in it: no log beside it.
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
            db: Db::of_file(write, read, Worn::default()),
            file: Some(path.to_owned()),
            bells: Bells::default(),
            intake: Intake::default(),
            turns: Turns::new(1),
            marks: Marks::default(),
        })
    }

    /// Opens a server's database in one connection that cannot write.
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

/// Connections to a file. One whose transaction SQLite ended by itself, or whose rollback failed,
/// still counts as inside it and could never begin another: it is closed instead of kept.
fn file_pool() -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_release(|connection, _| {
            Box::pin(async move {
                // A rollback that was only asked for is carried out before the answer.
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
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
    let worn = Worn::default();
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
        bells: Bells::default(),
        intake: Intake::default(),
        turns: Turns::new(1),
        marks: Marks {
            folder: None,
            beside: Some(path.to_owned()),
        },
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

/// Tries a way to a server out.
async fn explore(url: &PostgresUrl, name: &SessionName) -> Result<Way, StoreError> {
    let at_most = url.pool.connect_timeout.unwrap_or(ACQUIRE_TIMEOUT);
    let target = Target::of(url, &name.of_pool());
    let (mode, otherwise) = tls::modes(&target);
    if mode != TlsMode::Disable {
        tls::check_files(&target)?;
    }
    let explored = Way::explore(target.with_tls(mode), &SETTINGS, at_most).await;
    let way = match (explored, otherwise) {
        (Err(error), Some(otherwise)) if tls::may_be_the_reason(&error) => {
            let explored = Way::explore(target.with_tls(otherwise), &SETTINGS, at_most).await;
            explored.map_err(|_| error)?
        }
        (explored, _) => explored?,
    };
    Ok(way)
}

async fn open_postgres(url: &PostgresUrl) -> Result<Store, StoreError> {
    let name = SessionName::draw();
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
    let route = Route {
        version: way.version,
        pooling: way.pooling,
        lock_pooling: locks.pooling,
        lock_apart: lock_way.is_some(),
        liveness: locks.liveness(),
        tls: way.target.tls(),
    };
    let locks = locks.target.clone();
    let lines = Lines::new(way.pooling);
    let ways = ways(url, way, &lines);
    let connections = ways.limits.most;
    // A name that the URL gives stays: several processes may have it.
    let given = [Some(url), url.locks.as_deref()].into_iter().flatten();
    let given = given.filter(|url| url.application.is_some()).count();
    let name = (given == 0).then_some(name);
    let server = Server::start(route, name, locks, lines, ways).await?;
    Ok(Store {
        db: Db::Postgres(Arc::new(server)),
        file: None,
        bells: Bells::default(),
        intake: Intake::default(),
        turns: Turns::new(connections),
        marks: Marks::default(),
    })
}

fn ways(url: &PostgresUrl, way: Way, lines: &Lines) -> Ways {
    let (pool, pooling, lines) = (url.pool, way.pooling, lines.clone());
    let admit: Admit = Arc::new(move |link| {
        let lines = lines.clone();
        Box::pin(async move {
            let first: &[&str] = match pooling {
                // A setting would stay with a session that others get next.
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
    Ways {
        target: way.target,
        limits,
        admit,
    }
}
