//! Brings the schema up to date, or says how far it is.

use serde::Serialize;

use crate::app::shapes::time;
use crate::app::{App, RowsError};

/// One migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Migration {
    pub version: i64,
    pub name: String,
    /// When it was applied; absent if it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<String>,
}

/// Every migration, oldest first.
pub async fn status(app: &App) -> Result<Vec<Migration>, RowsError> {
    let known = app.store.migrations().await.map_err(RowsError::of)?;
    let shape = |row: crate::store::migrate::MigrationStatus| Migration {
        version: row.version,
        name: row.name,
        applied: row.applied_ms.map(time),
    };
    Ok(known.into_iter().map(shape).collect())
}

/// The SQL that [`up`] would run; empty where nothing is pending.
pub async fn script(app: &App) -> Result<String, RowsError> {
    let now_ms = app.surroundings.clock.unix_ms();
    let script = app.store.migration_script(now_ms).await;
    script.map_err(RowsError::of)
}

/// One step of [`up`] that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub version: i64,
    pub name: &'static str,
    /// Its place among those that are applied now, from 0, and how many there are.
    pub at: usize,
    pub of: usize,
}

/// Tenants with records in whatsmeow's form that [`up`] would write in ours.
pub async fn foreign_records(app: &App) -> Result<Vec<String>, RowsError> {
    app.store.foreign_records().await.map_err(RowsError::of)
}

/// Applies what is pending; what was applied now. All records are looked through for whatsmeow's
/// form where that is wanted; those that were here before us always are.
pub async fn up(
    app: &App,
    all_records: bool,
    tell: &mut (dyn FnMut(Step) + Send),
) -> Result<Vec<Migration>, RowsError> {
    let now_ms = app.surroundings.clock.unix_ms();
    let mut begun = |version, name, at, of| {
        tell(Step {
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
