//! Opening the database with the settings that the promises of the store rest on.

use std::fs::{self, DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};
use zeroize::Zeroizing;

use crate::config::DatabaseUrl;
use crate::config::postgres::{PostgresUrl, Roots, TlsMode};
use crate::store::Store;
use crate::store::bell::Bells;
use crate::store::db::{Db, IDLE_IN_TRANSACTION_MS, Worn};
use crate::store::error::StoreError;
use crate::store::intake::Intake;
use crate::store::route::{Pooling, Route, Way};
use crate::store::server::{Lines, Server};
use crate::store::session_name::SessionName;
use crate::store::tls;
use crate::store::turn::Turns;

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
/// What every session of ours has, where nothing lies between that shares sessions.
const SETTINGS: [(&str, &str); 1] = [(
    "idle_in_transaction_session_timeout",
    IDLE_IN_TRANSACTION_MS,
)];
/// A connection that lay idle for so long is tried out before it is used: whatever lies between
/// may have forgotten it.
const CHECK_AFTER: Duration = Duration::from_secs(1);
/// As Go's pool has it: connections move to a new server behind the same name in that time.
const LIFETIME: Duration = Duration::from_secs(3600);
const IDLE_TIME: Duration = Duration::from_secs(30 * 60);
/// A statement whose client died ends soon, and with it the locks that it holds. Servers before
/// version 14 do not know the setting.
const NOTICE_DEAD_CLIENTS: &str = "
    SELECT set_config('client_connection_check_interval', '500ms', FALSE)
    WHERE CAST(current_setting('server_version_num') AS INTEGER) >= 140000";
/// For a session of ours that could not be started with it.
const END_IDLE_TRANSACTIONS: &str = "
    SELECT set_config('idle_in_transaction_session_timeout', '2s', FALSE)";

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
        })
    }

    /// Opens a file for one writer that keeps everything in it: no log beside it.
    pub(super) async fn open_new_file(path: &Path) -> Result<Self, StoreError> {
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
        })
    }

    /// Opens a server's database in one connection that cannot write.
    pub(super) async fn open_server_to_read(url: &PostgresUrl) -> Result<Self, StoreError> {
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

/// What the driver is told: what the URL leaves open comes from the `PG*` variables and the file of
/// passwords. The driver looks into that file only for what it read from a URL.
fn server(url: &PostgresUrl, name: &SessionName) -> Result<PgConnectOptions, StoreError> {
    let port = url.port.map(|port| port.to_string());
    let pairs = [
        ("host", url.host.as_deref()),
        ("port", port.as_deref()),
        ("user", url.user.as_deref()),
        ("password", url.password.as_ref().map(|text| text.as_str())),
        ("dbname", url.database.as_deref()),
    ];
    let pairs = pairs.map(|(name, value)| value.map(|value| (name, value)));
    let mut query = form_urlencoded::Serializer::new(String::from("postgres:///?"));
    let text = Zeroizing::new(query.extend_pairs(pairs.into_iter().flatten()).finish());
    let options = text.parse::<PgConnectOptions>();
    let mut options = options
        .map_err(|error| StoreError::Url(Box::new(error)))?
        // Poolers refuse it, and there are no fractions among the rows.
        .extra_float_digits(None)
        .application_name(&url.application.clone().unwrap_or_else(|| name.of_pool()));
    if let Roots::File(file) = &url.roots {
        options = options.ssl_root_cert(file);
    }
    if let Some((cert, key)) = &url.client {
        options = options.ssl_client_cert(cert).ssl_client_key(key);
    }
    if let Some(capacity) = url.statement_cache {
        options = options.statement_cache_capacity(capacity);
    }
    Ok(
        match setting_pairs(url.options.as_deref().unwrap_or_default()) {
            pairs if pairs.is_empty() => options,
            pairs => options.options(pairs),
        },
    )
}

/// `-c name=value` and `--name=value`, separated by blanks (which a URL writes as `%20`).
fn setting_pairs(options: &str) -> Vec<(&str, &str)> {
    options
        .split("-c")
        .flat_map(|part| part.split("--"))
        .filter_map(|part| part.trim().split_once('='))
        .collect()
}

/// Tries a way to a server out.
async fn explore(url: &PostgresUrl, name: &SessionName) -> Result<Way, StoreError> {
    let given = setting_pairs(url.options.as_deref().unwrap_or_default());
    let settings: Vec<_> = SETTINGS
        .into_iter()
        .filter(|(name, _)| given.iter().all(|(given, _)| given != name))
        .collect();
    let at_most = url.pool.connect_timeout.unwrap_or(ACQUIRE_TIMEOUT);
    let options = server(url, name)?;
    let (mode, otherwise) = tls::modes(url, &options);
    if mode != TlsMode::Disable {
        tls::check_files(url)?;
    }
    let options = |mode| options.clone().ssl_mode(tls::for_driver(mode));
    let explored = Way::explore(options(mode), &settings, at_most).await;
    let way = match (explored, otherwise) {
        (Err(error), Some(otherwise)) if tls::may_be_the_reason(&error) => {
            let explored = Way::explore(options(otherwise), &settings, at_most).await;
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
        tls: tls::of_driver(way.options.get_ssl_mode()),
    };
    // Whoever waits for a lock waits for long.
    let lock_options = locks.options.clone();
    let lock_options = lock_options.disable_statement_logging();
    let lines = Lines::new(way.pooling);
    let connections = url.pool.connections_max.unwrap_or(POSTGRES_CONNECTIONS);
    let pool = (pool(url, way.pooling, lines.clone()), way.options);
    // A name that the URL gives stays: several processes may have it.
    let given = [Some(url), url.locks.as_deref()].into_iter().flatten();
    let given = given.filter(|url| url.application.is_some()).count();
    let name = (given == 0).then_some(name);
    let server = Server::start(route, name, lock_options, lines, pool).await?;
    Ok(Store {
        db: Db::Postgres(Arc::new(server)),
        file: None,
        bells: Bells::default(),
        intake: Intake::default(),
        turns: Turns::new(connections),
    })
}

fn pool(url: &PostgresUrl, pooling: Pooling, lines: Lines) -> PgPoolOptions {
    let pool = url.pool;
    let check_after = pool.check_period.unwrap_or(CHECK_AFTER);
    PgPoolOptions::new()
        .max_connections(pool.connections_max.unwrap_or(POSTGRES_CONNECTIONS))
        .min_connections(pool.connections_min.unwrap_or(0))
        .max_lifetime(pool.lifetime.unwrap_or(LIFETIME))
        .idle_timeout(pool.idle_time.unwrap_or(IDLE_TIME))
        .acquire_timeout(pool.connect_timeout.unwrap_or(CONNECT_TIMEOUT))
        // A round trip for each acquisition would double the cost of a read.
        .test_before_acquire(false)
        .before_acquire(move |connection, age| {
            Box::pin(async move {
                match age.idle_for < check_after {
                    true => Ok(true),
                    false => connection.ping().await.map(|()| true),
                }
            })
        })
        .after_connect(move |connection, _| {
            let lines = lines.clone();
            Box::pin(async move {
                let first: &[&str] = match pooling {
                    // A setting would stay with a session that others get next.
                    Pooling::Transaction => &[],
                    Pooling::Session => &[NOTICE_DEAD_CLIENTS, END_IDLE_TRANSACTIONS],
                    Pooling::Direct => &[NOTICE_DEAD_CLIENTS],
                };
                lines.admit(connection, first).await
            })
        })
}
