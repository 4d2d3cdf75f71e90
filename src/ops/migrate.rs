//! Brings the schema up to date, or says how far it is.

use serde::Serialize;

use crate::config::{DatabaseUrl, DatabaseUrlError};
use crate::ids::Jid;
use crate::store::Store;
use crate::store::import::Keep;

use crate::ops::open::{App, RowsError};
use crate::ops::shapes::time;

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

/// The rows of one table that an import carried over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportedTable {
    pub table: &'static str,
    pub rows: u64,
}

/// What an import did, or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Import {
    pub device: String,
    pub tables: Vec<ImportedTable>,
    /// Chats that start anew since their ratchet cannot be read.
    pub unreadable_ratchets: u64,
}

/// The database that an account comes from, also in the form that Go's SQLite driver takes.
pub fn source(text: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
    match text.strip_prefix("file:") {
        Some(path) => format!("sqlite:{path}").parse(),
        None => text.parse(),
    }
}

/// Takes the tenant's account over from another database; with `rehearse`, everything but the end.
pub async fn import(
    app: &App,
    from: &DatabaseUrl,
    device: Option<&Jid>,
    rehearse: bool,
) -> Result<Import, RowsError> {
    let source = Store::open_source(from).await.map_err(RowsError::of)?;
    let keep = match rehearse {
        true => Keep::Rehearse,
        false => Keep::Commit,
    };
    let tenant = &app.settings.tenant;
    let imported = app.store.import(&source, tenant, device, keep).await;
    source.close().await;
    let imported = imported.map_err(RowsError::of)?;
    let tables = imported.rows.into_iter();
    Ok(Import {
        device: imported.device.to_string(),
        tables: tables
            .map(|(table, rows)| ImportedTable { table, rows })
            .collect(),
        unreadable_ratchets: imported.unreadable_ratchets,
    })
}

/// The SQL that [`up`] would run; empty where nothing is pending.
pub async fn script(app: &App) -> Result<String, RowsError> {
    let now_ms = app.surroundings.clock.unix_ms();
    let script = app.store.migration_script(now_ms).await;
    script.map_err(RowsError::of)
}

/// Applies what is pending; what was applied now.
pub async fn up(app: &App) -> Result<Vec<Migration>, RowsError> {
    let now_ms = app.surroundings.clock.unix_ms();
    let applied = app.store.migrate(now_ms).await.map_err(RowsError::of)?;
    let all = status(app).await?;
    Ok(all
        .into_iter()
        .filter(|migration| applied.contains(&migration.version))
        .collect())
}
