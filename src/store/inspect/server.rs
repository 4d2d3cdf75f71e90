//! Information about the server: version and limits, connections, and synchronous standbys.

use tokio::time::Instant;

use crate::store::Store;
use crate::store::db::overdue;
use crate::store::db::{Db, Row, args};
use crate::store::error::StoreError;

const TABLE: &str = "pg_stat_activity";

/// Groups the server's sessions. A role without `pg_read_all_stats` sees only the names of other
/// roles' sessions.
const CONNECTIONS: &str = "
    SELECT COALESCE(host(client_addr), CASE WHEN state IS NULL THEN '?' ELSE 'local' END),
        CAST(COALESCE(usename, '') AS TEXT),
        COALESCE(substring(application_name FROM '^wmctl [^ ]+'), application_name, ''),
        CAST(COALESCE(datname, '') AS TEXT), COUNT(*),
        COUNT(*) FILTER (WHERE state = 'active'),
        COUNT(*) FILTER (WHERE state LIKE 'idle in transaction%'),
        COUNT(*) FILTER (WHERE state IS NULL),
        CAST(COALESCE(MAX(EXTRACT(EPOCH FROM now() - xact_start)), 0) AS BIGINT)
    FROM pg_stat_activity
    WHERE backend_type = 'client backend' OR (backend_type IS NULL AND usename IS NOT NULL)
    GROUP BY 1, 2, 3, 4 ORDER BY 4, 1, 2, 3";

const LIMITS: &str = "
    SELECT CAST(current_setting('max_connections') AS BIGINT),
        CAST(current_setting('superuser_reserved_connections') AS BIGINT)
            + CAST(COALESCE(NULLIF(current_setting('reserved_connections', TRUE), ''), '0')
                AS BIGINT),
        (SELECT CAST(rolconnlimit AS BIGINT) FROM pg_roles WHERE rolname = current_user),
        (SELECT CAST(datconnlimit AS BIGINT) FROM pg_database
            WHERE datname = current_database()),
        CAST(current_database() AS TEXT)";

const SERVER: &str = "
    SELECT current_setting('server_version'), pg_is_in_recovery(),
        COALESCE((SELECT s.ssl FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()), FALSE),
        (SELECT s.version FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()),
        current_setting('synchronous_standby_names'), current_setting('synchronous_commit'),
        (SELECT COUNT(*) FROM pg_stat_replication),
        CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT), CAST(current_user AS TEXT),
        COALESCE((SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user),
            FALSE)
            OR EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema()
                AND tablename = 'whatsmeow_device' AND pg_has_role(tableowner, 'USAGE')),
        current_setting('transaction_read_only') = 'on', current_setting('server_encoding')";

/// The settings that decide what the server writes into its own log. Old servers lack the first
/// one, and the last ones only exist with their extensions.
const LOGGED: &str = "
    SELECT name, setting FROM pg_settings WHERE name IN ('log_parameter_max_length',
        'log_parameter_max_length_on_error', 'log_statement', 'log_min_duration_statement',
        'log_min_duration_sample', 'log_duration', 'log_transaction_sample_rate', 'pgaudit.log',
        'pgaudit.log_parameter', 'auto_explain.log_min_duration',
        'auto_explain.log_parameter_max_length')
    ORDER BY name";

const TENANTS: &str = "SELECT COUNT(DISTINCT business_id) FROM whatsmeow_device";

const SQLITE: &str = "SELECT sqlite_version()";

/// A group of similar sessions on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionGroup {
    /// An address, `local` for a Unix socket, or `?` if the role may not see it.
    pub host: String,
    pub role: String,
    pub application: String,
    pub database: String,
    pub connections: i64,
    pub active: i64,
    pub idle_in_transaction: i64,
    /// The number of sessions of which only names are visible.
    pub hidden: i64,
    /// The age of their oldest transaction, in seconds.
    pub oldest_transaction_s: i64,
}

/// The current connections, and their limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connections {
    pub groups: Vec<ConnectionGroup>,
    pub connections_max: i64,
    /// Connections reserved for administrators.
    pub reserved: i64,
    /// The limits of the role and of the database, if they have any.
    pub role_max: Option<i64>,
    pub database_max: Option<i64>,
    pub database: String,
}

/// Properties of a server or of a database file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFacts {
    pub version: String,
    /// The duration of one round trip, in microseconds.
    pub round_trip_us: u64,
    /// The TLS version; `None` if the connection is not encrypted.
    pub tls: Option<String>,
    /// Whether it is a standby, which takes no writes.
    pub is_copy: bool,
    /// Whether transactions are currently read-only.
    pub read_only: bool,
    /// The encoding of texts; empty for a file.
    pub encoding: String,
    /// The settings of the server's log, with their values.
    pub logged: Vec<(String, String)>,
    /// The number of standbys that stream from it now.
    pub replicas: i64,
    /// The standbys that a commit waits for; empty if there are none.
    pub synchronous: String,
    pub synchronous_commit: String,
    /// Its clock, in milliseconds since 1970; `None` for a file.
    pub clock_ms: Option<i64>,
    pub role: String,
    /// Whether row-level security does not apply to this role.
    pub unrestricted: bool,
}

impl Store {
    /// Returns how many sessions wait for a synchronous standby to confirm their commits; 0 for a
    /// file.
    pub async fn waiting_for_copies(&self) -> Result<i64, StoreError> {
        match &self.db {
            Db::Sqlite { .. } => Ok(0),
            Db::Postgres(server) => overdue::waiting_for_copies(server).await,
        }
    }

    /// Returns the connections to the server; `None` on SQLite, which does not count them.
    pub async fn connections(&self) -> Result<Option<Connections>, StoreError> {
        if matches!(self.db, Db::Sqlite { .. }) {
            return Ok(None);
        }
        let rows = self.db.rows(CONNECTIONS, args![]).await?;
        let groups = rows.iter().map(group).collect::<Result<_, _>>()?;
        let limits = self.db.row(LIMITS, args![]).await?;
        let row = limits.ok_or(StoreError::Corrupt {
            table: "pg_settings",
            column: 0,
        })?;
        let limit = |at| {
            let limit: Option<i64> = row.column("pg_roles", at)?;
            Ok::<_, StoreError>(limit.filter(|limit| 0 <= *limit))
        };
        Ok(Some(Connections {
            groups,
            connections_max: row.column("pg_settings", 0)?,
            reserved: row.column("pg_settings", 1)?,
            role_max: limit(2)?,
            database_max: limit(3)?,
            database: row.column("pg_database", 4)?,
        }))
    }

    /// Returns the number of paired tenants.
    pub async fn tenant_count(&self) -> Result<i64, StoreError> {
        let row = self.db.row(TENANTS, args![]).await?;
        row.map_or(Ok(0), |row| row.column("whatsmeow_device", 0))
    }

    /// Returns the properties of the server or of the file.
    pub async fn server_facts(&self) -> Result<ServerFacts, StoreError> {
        // The first statement of a session is slower and would distort the measurement.
        self.db.row("SELECT 1", args![]).await?;
        let begun = Instant::now();
        self.db.row("SELECT 1", args![]).await?;
        let round_trip_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let sql = match self.db {
            Db::Sqlite { .. } => SQLITE,
            Db::Postgres(_) => SERVER,
        };
        let row = self.db.row(sql, args![]).await?;
        let row = row.ok_or(StoreError::Corrupt {
            table: "pg_settings",
            column: 0,
        })?;
        if matches!(self.db, Db::Sqlite { .. }) {
            return file_facts(&row, round_trip_us);
        }
        let mut facts = facts(&row, round_trip_us)?;
        for row in self.db.rows(LOGGED, args![]).await? {
            let setting = (row.column("pg_settings", 0)?, row.column("pg_settings", 1)?);
            facts.logged.push(setting);
        }
        Ok(facts)
    }
}

fn group(row: &Row) -> Result<ConnectionGroup, StoreError> {
    Ok(ConnectionGroup {
        host: row.column(TABLE, 0)?,
        role: row.column(TABLE, 1)?,
        application: row.column(TABLE, 2)?,
        database: row.column(TABLE, 3)?,
        connections: row.column(TABLE, 4)?,
        active: row.column(TABLE, 5)?,
        idle_in_transaction: row.column(TABLE, 6)?,
        hidden: row.column(TABLE, 7)?,
        oldest_transaction_s: row.column(TABLE, 8)?,
    })
}

fn facts(row: &Row, round_trip_us: u64) -> Result<ServerFacts, StoreError> {
    const TABLE: &str = "pg_settings";
    let encrypted: bool = row.column(TABLE, 2)?;
    let version: Option<String> = row.column(TABLE, 3)?;
    Ok(ServerFacts {
        version: row.column(TABLE, 0)?,
        round_trip_us,
        tls: encrypted.then(|| version.unwrap_or_default()),
        is_copy: row.column(TABLE, 1)?,
        read_only: row.column(TABLE, 10)?,
        encoding: row.column(TABLE, 11)?,
        logged: Vec::new(),
        replicas: row.column(TABLE, 6)?,
        synchronous: row.column(TABLE, 4)?,
        synchronous_commit: row.column(TABLE, 5)?,
        clock_ms: row.column(TABLE, 7)?,
        role: row.column(TABLE, 8)?,
        unrestricted: row.column(TABLE, 9)?,
    })
}

fn file_facts(row: &Row, round_trip_us: u64) -> Result<ServerFacts, StoreError> {
    const TABLE: &str = "sqlite_master";
    Ok(ServerFacts {
        version: row.column(TABLE, 0)?,
        round_trip_us,
        tls: None,
        is_copy: false,
        read_only: false,
        encoding: String::new(),
        logged: Vec::new(),
        replicas: 0,
        synchronous: String::new(),
        synchronous_commit: String::new(),
        clock_ms: None,
        role: String::new(),
        unrestricted: true,
    })
}
