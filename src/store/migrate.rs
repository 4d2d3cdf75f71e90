//! The schema: which migrations there are, which were applied, and applying the rest.
//!
//! All pending ones run in one transaction under a lock, so that many hosts may start at once.

use std::time::Duration;

use crate::crypto::hash::sha256;
use crate::store::Store;
use crate::store::db::{Db, Tx, args};
use crate::store::error::StoreError;

/// One step of the schema. A released one never changes.
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

const MIGRATIONS: [Migration; 2] = [
    migration!(1, "whatsmeow", "0001_whatsmeow.sql"),
    migration!(2, "wmctl", "0002_wmctl.sql"),
];

/// The newest version that this binary knows.
pub const SCHEMA_VERSION: i64 = MIGRATIONS[MIGRATIONS.len() - 1].version;

/// One line of the schema's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its number, from 1 without gaps.
    pub version: i64,
    /// What it is for.
    pub name: String,
    /// When it was applied (milliseconds since 1970); `None` while pending.
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

/// Key of the advisory lock: "wm" and "migrate" as letters of a number.
const TRY_LOCK: &str = "SELECT pg_try_advisory_xact_lock(CAST(8600011909 AS BIGINT))";

/// A waiting lock would stop somebody's `CREATE INDEX CONCURRENTLY` for ever: try, and try again.
const LOCK_RETRY: Duration = Duration::from_millis(50);

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
    /// Applies what is pending; the versions that were. Safe to call from many hosts at once.
    ///
    /// Refuses a schema newer than this binary, and one whose applied migrations differ.
    pub async fn migrate(&self, now_ms: i64) -> Result<Vec<i64>, StoreError> {
        let mut tx = self.locked().await?;
        tx.run(CREATE, args![]).await?;
        let applied = read(tx.rows(APPLIED, args![]).await?)?;
        self.verify(&applied)?;
        let mut done = Vec::new();
        for migration in MIGRATIONS.iter().skip(applied.len()) {
            let text = migration.text(&self.db);
            tx.script(text).await?;
            let checksum = sha256(&[text.as_bytes()]);
            let row = args![migration.version, migration.name, &checksum[..], now_ms];
            tx.run(RECORD, row).await?;
            done.push(migration.version);
        }
        tx.commit().await?;
        Ok(done)
    }

    /// Every migration that is known here, or was applied by a newer binary.
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

    /// Refuses a schema that is older or newer than this binary needs, or that was edited.
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        let applied = self.applied().await?;
        self.verify(&applied)?;
        let found = applied.last().map_or(0, |row| row.version);
        match found == SCHEMA_VERSION {
            true => Ok(()),
            false => Err(StoreError::Schema {
                found,
                wanted: SCHEMA_VERSION,
            }),
        }
    }

    async fn applied(&self) -> Result<Vec<Applied>, StoreError> {
        const SQLITE: &str =
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'wmctl_migration'";
        const POSTGRES: &str = "SELECT 1 WHERE to_regclass('wmctl_migration') IS NOT NULL";
        let exists = match self.db {
            Db::Sqlite { .. } => SQLITE,
            Db::Postgres(_) => POSTGRES,
        };
        match self.db.row(exists, args![]).await? {
            Some(_) => read(self.db.rows(APPLIED, args![]).await?),
            None => Ok(Vec::new()),
        }
    }

    async fn locked(&self) -> Result<Tx, StoreError> {
        loop {
            let mut tx = self.db.begin().await?;
            if matches!(tx, Tx::Sqlite(_)) {
                return Ok(tx);
            }
            let row = tx.row(TRY_LOCK, args![]).await?;
            if row.is_some_and(|row| row.column("pg_locks", 0).unwrap_or(false)) {
                return Ok(tx);
            }
            drop(tx);
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
