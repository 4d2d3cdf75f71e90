//! Applies schema migrations, or reports their status.

use serde::Serialize;

use crate::app::shapes::time;
use crate::app::{App, RowsError};

/// One migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Migration {
    /// Number of the migration.
    pub version: i64,
    /// Name of the migration.
    pub name: String,
    /// When it was applied; absent if it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<String>,
}

/// Returns all migrations, oldest first.
pub async fn status(app: &App) -> Result<Vec<Migration>, RowsError> {
    let known = app.store.migrations().await.map_err(RowsError::of)?;
    let shape = |row: crate::store::migrate::MigrationStatus| Migration {
        version: row.version,
        name: row.name,
        applied: row.applied_ms.map(time),
    };
    Ok(known.into_iter().map(shape).collect())
}

/// Returns the SQL that [`up`] would run; empty if nothing is pending.
pub async fn script(app: &App) -> Result<String, RowsError> {
    let now_ms = app.surroundings.clock.unix_ms();
    let script = app.store.migration_script(now_ms).await;
    script.map_err(RowsError::of)
}

/// A migration that [`up`] is about to apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStep {
    /// Number of the migration.
    pub version: i64,
    /// Name of the migration.
    pub name: &'static str,
    /// Index among the migrations of this run, from 0, and their number.
    pub at: usize,
    pub of: usize,
}

/// Returns the tenants with records in whatsmeow's format that [`up`] would convert.
pub async fn foreign_records(app: &App) -> Result<Vec<String>, RowsError> {
    app.store.foreign_records().await.map_err(RowsError::of)
}

/// Applies pending migrations and returns them. Also converts records in whatsmeow's format that
/// existed before the first migration. With `all_records`, searches all records for that format.
pub async fn up(
    app: &App,
    all_records: bool,
    tell: &mut (dyn FnMut(MigrationStep) + Send),
) -> Result<Vec<Migration>, RowsError> {
    let now_ms = app.surroundings.clock.unix_ms();
    let mut begun = |version, name, at, of| {
        tell(MigrationStep {
            version,
            name,
            at,
            of,
        });
    };
    let applied = app.store.migrate_telling(now_ms, &mut begun).await;
    let applied = applied.map_err(RowsError::of)?;
    if all_records {
        let looked = app.store.look_for_records().await;
        looked.map_err(RowsError::of)?;
        app.store.migrate(now_ms).await.map_err(RowsError::of)?;
    }
    let all = status(app).await?;
    Ok(all
        .into_iter()
        .filter(|migration| applied.contains(&migration.version))
        .collect())
}
