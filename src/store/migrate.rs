//! The schema: lists the migrations, checks which were applied, and applies the rest.
//!
//! All pending migrations run in one transaction under a lock, so many hosts may start at once.

use std::time::Duration;

use tokio::time::Instant;

use crate::crypto::hash::sha256;
use crate::ids::TenantId;
use crate::store::Store;
use crate::store::db::overdue;
use crate::store::db::{Db, Tx, args};
use crate::store::error::StoreError;

/// One step of the schema. A released step never changes.
struct Migration {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migration {
    ($version:literal, $name:literal, $file:literal) => {
        Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../../migrations/sqlite/", $file)),
            postgres: include_str!(concat!("../../migrations/postgres/", $file)),
        }
    };
}

const MIGRATIONS: [Migration; 19] = [
    migration!(1, "whatsmeow", "0001_whatsmeow.sql"),
    migration!(2, "wmctl", "0002_wmctl.sql"),
    migration!(3, "roles", "0003_roles.sql"),
    migration!(4, "liveness", "0004_liveness.sql"),
    migration!(5, "tenants", "0005_tenants.sql"),
    migration!(6, "route", "0006_route.sql"),
    migration!(7, "retention", "0007_retention.sql"),
    migration!(8, "units", "0008_units.sql"),
    migration!(9, "moves", "0009_moves.sql"),
    migration!(10, "webhooks", "0010_webhooks.sql"),
    migration!(11, "calls", "0011_calls.sql"),
    migration!(12, "history", "0012_history.sql"),
    migration!(13, "calls_after", "0013_calls_after.sql"),
    migration!(14, "silence", "0014_silence.sql"),
    migration!(15, "rights", "0015_rights.sql"),
    migration!(16, "records", "0016_records.sql"),
    migration!(17, "logs", "0017_logs.sql"),
    migration!(18, "outbox_account", "0018_outbox_account.sql"),
    migration!(19, "unread", "0019_unread.sql"),
];

/// The newest version that this binary knows.
pub const SCHEMA_VERSION: i64 = MIGRATIONS[MIGRATIONS.len() - 1].version;

/// One entry of the schema's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its number, from 1 without gaps.
    pub version: i64,
    /// Its name, which says what it is for.
    pub name: String,
    /// When it was applied, in milliseconds since 1970; `None` while it is pending.
    pub applied_ms: Option<i64>,
}

const CREATE: &str = "
    CREATE TABLE IF NOT EXISTS wmctl_migration (
        version BIGINT PRIMARY KEY,
        name TEXT NOT NULL,
        checksum BYTEA NOT NULL,
        applied_ms BIGINT NOT NULL
    )";

const APPLIED: &str =
    "SELECT version, checksum, applied_ms, name FROM wmctl_migration ORDER BY version";

const RECORD: &str =
    "INSERT INTO wmctl_migration (version, name, checksum, applied_ms) VALUES ($1, $2, $3, $4)";

/// Takes the advisory lock for migrations, under a fixed key.
const TRY_LOCK: &str = "SELECT pg_try_advisory_xact_lock(CAST(8600011909 AS BIGINT))";

/// A script waits for the lock, because the person who runs it can see that it waits.
const BEGIN_SCRIPT: &str = "BEGIN;\nSELECT pg_advisory_xact_lock(8600011909);\n";

/// Finds a device table without tenants, which is the layout of other clients.
const SINGLE_TENANT_SQLITE: &str = "
    SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'whatsmeow_device'
        AND NOT EXISTS (SELECT 1 FROM pragma_table_info('whatsmeow_device')
            WHERE name = 'business_id')";
const SINGLE_TENANT_POSTGRES: &str = "
    SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'whatsmeow_device'
        AND NOT EXISTS (SELECT 1 FROM pg_attribute
            WHERE attrelid = to_regclass('whatsmeow_device') AND attname = 'business_id')";

/// A single character that the encoding cannot hold would stop an account for good.
const OTHER_ENCODING: &str = "
    SELECT current_setting('server_encoding') WHERE current_setting('server_encoding') <> 'UTF8'";

/// Only the owner of a table can change it, and row-level security does not apply to the owner.
const FOREIGN_OWNER: &str = "
    SELECT CAST(tablename AS TEXT), CAST(tableowner AS TEXT) FROM pg_tables
    WHERE schemaname = current_schema()
        AND (tablename LIKE 'whatsmeow\\_%' OR tablename LIKE 'wmctl\\_%')
        AND NOT pg_has_role(tableowner, 'USAGE')
    ORDER BY tablename LIMIT 1";

/// A waiting lock would block another client's `CREATE INDEX CONCURRENTLY` forever, so we retry
/// instead.
const LOCK_RETRY: Duration = Duration::from_millis(50);
/// Maximum wait for the migration lock, and interval of the checks whether its holder can finish.
const LOCK_TIME_MAX: Duration = Duration::from_secs(300);
const LOCK_LOOK: Duration = Duration::from_secs(10);

/// Tables that may or may not exist.
#[derive(Clone, Copy)]
enum Known {
    Migration,
    Device,
}

struct Applied {
    version: i64,
    checksum: Vec<u8>,
    at_ms: i64,
    name: String,
}

impl Migration {
    fn text(&self, db: &Db) -> &'static str {
        match db {
            Db::Sqlite { .. } => self.sqlite,
            Db::Postgres(_) => self.postgres,
        }
    }
}

impl Store {
    /// Applies the pending migrations and returns their numbers. It is safe to call this from many
    /// hosts at once.
    ///
    /// Refuses a schema that is newer than this binary, and one whose applied migrations differ.
    pub async fn migrate(&self, now_ms: i64) -> Result<Vec<i64>, StoreError> {
        self.migrate_telling(now_ms, &mut |_, _, _, _| ()).await
    }

    /// Applies the pending migrations and calls `begun` before each: its number, its name, its
    /// position, and how many there are.
    pub async fn migrate_telling(
        &self,
        now_ms: i64,
        begun: &mut (dyn FnMut(i64, &'static str, usize, usize) + Send),
    ) -> Result<Vec<i64>, StoreError> {
        let mut tx = self.locked().await?;
        self.refuse_strangers(&mut tx).await?;
        tx.run(CREATE, args![]).await?;
        let applied = read(tx.rows(APPLIED, args![]).await?)?;
        self.verify(&applied)?;
        let mut done = Vec::new();
        let pending = MIGRATIONS.iter().skip(applied.len());
        for (at, migration) in pending.enumerate() {
            let of = MIGRATIONS.len() - applied.len();
            begun(migration.version, migration.name, at, of);
            let text = migration.text(&self.db);
            tx.script(text).await?;
            let checksum = sha256(&[text.as_bytes()]);
            let row = args![migration.version, migration.name, &checksum[..], now_ms];
            tx.run(RECORD, row).await?;
            done.push(migration.version);
        }
        tx.commit().await?;
        self.convert_records().await?;
        Ok(done)
    }

    /// Returns every migration that this binary knows or that a newer binary applied.
    pub async fn migrations(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        let applied = self.applied().await?;
        let known = MIGRATIONS.iter().map(|migration| MigrationStatus {
            version: migration.version,
            name: migration.name.to_owned(),
            applied_ms: applied
                .iter()
                .find(|row| row.version == migration.version)
                .map(|row| row.at_ms),
        });
        let newer = applied.iter().filter(|row| SCHEMA_VERSION < row.version);
        let newer = newer.map(|row| MigrationStatus {
            version: row.version,
            name: row.name.clone(),
            applied_ms: Some(row.at_ms),
        });
        Ok(known.chain(newer).collect())
    }

    /// Refuses a schema that is older or newer than this binary needs, or that was edited, and
    /// records that are not converted to our form yet.
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        let found = self.known_version().await?;
        if found != SCHEMA_VERSION {
            let wanted = SCHEMA_VERSION;
            return Err(StoreError::Schema { found, wanted });
        }
        match self.foreign_records().await?.pop() {
            Some(tenant) => Err(StoreError::ForeignRecords { tenant }),
            None => Ok(()),
        }
    }

    /// Returns the newest applied migration; 0 if there is none. Refuses migrations that this
    /// binary does not know.
    pub(super) async fn known_version(&self) -> Result<i64, StoreError> {
        let applied = self.applied().await?;
        self.verify(&applied)?;
        Ok(applied.last().map_or(0, |row| row.version))
    }

    /// Returns the pending migrations as a script for `psql` or `sqlite3`; empty if nothing is
    /// pending. The script leaves the same tables and the same history as [`Store::migrate`].
    pub async fn migration_script(&self, now_ms: i64) -> Result<String, StoreError> {
        let applied = self.applied().await?;
        self.verify(&applied)?;
        let mut tx = self.db.begin().await?;
        self.refuse_strangers(&mut tx).await?;
        tx.rollback().await?;
        if applied.len() == MIGRATIONS.len() {
            return Ok(String::new());
        }
        let (begin, blob) = match self.db {
            Db::Sqlite { .. } => ("BEGIN IMMEDIATE;\n", "X'"),
            Db::Postgres(_) => (BEGIN_SCRIPT, "'\\x"),
        };
        let mut script = format!("{begin}{};\n", CREATE.trim());
        for migration in MIGRATIONS.iter().skip(applied.len()) {
            let text = migration.text(&self.db);
            let sum: String = sha256(&[text.as_bytes()])
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            script.push_str(&format!(
                "\n-- Migration {version:04}: {name}\n{text}\n\
                 INSERT INTO wmctl_migration (version, name, checksum, applied_ms)\n\
                 VALUES ({version}, '{name}', {blob}{sum}', {now_ms});\n",
                version = migration.version,
                name = migration.name,
            ));
        }
        script.push_str("\nCOMMIT;\n");
        Ok(script)
    }

    /// Refuses tables of these names that another client or role created.
    async fn refuse_strangers(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let other_layout = match self.db {
            Db::Sqlite { .. } => SINGLE_TENANT_SQLITE,
            Db::Postgres(_) => SINGLE_TENANT_POSTGRES,
        };
        if tx.row(other_layout, args![]).await?.is_some() {
            return Err(StoreError::OtherLayout);
        }
        if matches!(self.db, Db::Postgres(_))
            && let Some(row) = tx.row(OTHER_ENCODING, args![]).await?
        {
            return Err(StoreError::Encoding {
                found: row.column("pg_settings", 0)?,
            });
        }
        if matches!(self.db, Db::Postgres(_))
            && let Some(row) = tx.row(FOREIGN_OWNER, args![]).await?
        {
            return Err(StoreError::ForeignOwner {
                table: row.column("pg_tables", 0)?,
                owner: row.column("pg_tables", 1)?,
            });
        }
        self.refuse_names(tx).await
    }

    /// Refuses existing devices whose tenant names are not valid for wmctl.
    async fn refuse_names(&self, tx: &mut Tx) -> Result<(), StoreError> {
        const NAMES: &str = "SELECT DISTINCT business_id FROM whatsmeow_device";
        if tx.row(self.exists(Known::Device), args![]).await?.is_none() {
            return Ok(());
        }
        for row in tx.rows(NAMES, args![]).await? {
            let name: String = row.column("whatsmeow_device", 0)?;
            if name.parse::<TenantId>().is_err() {
                return Err(StoreError::TenantName { name });
            }
        }
        Ok(())
    }

    /// Returns a query that has a row if the table exists.
    fn exists(&self, table: Known) -> &'static str {
        match (&self.db, table) {
            (Db::Sqlite { .. }, Known::Migration) => {
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'wmctl_migration'"
            }
            (Db::Sqlite { .. }, Known::Device) => {
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'whatsmeow_device'"
            }
            (Db::Postgres(_), Known::Migration) => {
                "SELECT 1 WHERE to_regclass('wmctl_migration') IS NOT NULL"
            }
            (Db::Postgres(_), Known::Device) => {
                "SELECT 1 WHERE to_regclass('whatsmeow_device') IS NOT NULL"
            }
        }
    }

    async fn applied(&self) -> Result<Vec<Applied>, StoreError> {
        match self.db.row(self.exists(Known::Migration), args![]).await? {
            Some(_) => read(self.db.rows(APPLIED, args![]).await?),
            None => Ok(Vec::new()),
        }
    }

    async fn locked(&self) -> Result<Tx, StoreError> {
        let (begun, mut looked) = (Instant::now(), Instant::now());
        loop {
            if let Db::Postgres(server) = &self.db
                && LOCK_LOOK < looked.elapsed()
            {
                let why = overdue::locked(server).await;
                if LOCK_TIME_MAX < begun.elapsed() || matches!(why, StoreError::NoCopy) {
                    return Err(why);
                }
                looked = Instant::now();
            }
            let mut tx = self.db.begin().await?;
            if matches!(tx, Tx::Sqlite(_)) {
                return Ok(tx);
            }
            let row = tx.row(TRY_LOCK, args![]).await?;
            if row.is_some_and(|row| row.column("pg_locks", 0).unwrap_or(false)) {
                return Ok(tx);
            }
            tx.rollback().await?;
            tokio::time::sleep(LOCK_RETRY).await;
        }
    }

    fn verify(&self, applied: &[Applied]) -> Result<(), StoreError> {
        for (at, row) in applied.iter().enumerate() {
            let Some(migration) = MIGRATIONS
                .get(at)
                .filter(|known| known.version == row.version)
            else {
                return Err(StoreError::Schema {
                    found: row.version,
                    wanted: SCHEMA_VERSION,
                });
            };
            if sha256(&[migration.text(&self.db).as_bytes()])[..] != row.checksum[..] {
                return Err(StoreError::Checksum {
                    version: row.version,
                });
            }
        }
        Ok(())
    }
}

fn read(rows: Vec<crate::store::db::Row>) -> Result<Vec<Applied>, StoreError> {
    const TABLE: &str = "wmctl_migration";
    rows.iter()
        .map(|row| {
            Ok(Applied {
                version: row.column(TABLE, 0)?,
                checksum: row.column(TABLE, 1)?,
                at_ms: row.column(TABLE, 2)?,
                name: row.column(TABLE, 3)?,
            })
        })
        .collect()
}
