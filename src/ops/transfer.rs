//! Imports accounts from other databases, and exports them to a whatsmeow database.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::app::{App, RowsError};
use crate::config::{DatabaseUrl, DatabaseUrlError};
use crate::ids::{Jid, TenantId};
use crate::ops::actor::AuditActor;
use crate::ops::tenants::{self, TenantError};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::transfer::foreign::ForeignAccount;
use crate::store::transfer::{
    Damage, ExportOptions, ImportOptions, Imported, Keep, Moved, Origin, TransferError,
    WHATSMEOW_VERSION,
};

pub use crate::store::transfer::Progress;

/// Options for an import.
#[derive(Clone, Debug)]
pub struct Import {
    /// The source database or folder.
    pub from: DatabaseUrl,
    /// Name of the tenant in the source, if the source has tenants. Default: the same name.
    pub from_tenant: Option<TenantId>,
    /// The device to import, if the source has several.
    pub device: Option<Jid>,
    /// Perform and verify everything, then roll back.
    pub rehearse: bool,
    /// Replace the tenant's existing account.
    pub replace: bool,
    /// Skip damaged rows.
    pub skip_damaged: bool,
    /// Read the source even if other programs have it open.
    pub even_in_use: bool,
}

/// Options for an export.
#[derive(Clone, Debug)]
pub struct Export {
    /// The target database.
    pub to: DatabaseUrl,
    /// Skip messages that are not sent yet.
    pub leave_unsent: bool,
    /// Perform and verify everything, then roll back.
    pub rehearse: bool,
}

/// The rows of one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MovedTable {
    /// Name of the table.
    pub table: String,
    /// Rows of the account in the source.
    pub read: u64,
    /// Rows counted in the target afterwards.
    pub written: u64,
}

/// A row that was skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DamagedRow {
    /// Name of the table.
    pub table: String,
    /// Key of the row.
    pub row: String,
    /// Description of the damage.
    pub what: &'static str,
}

/// The result of a transfer or of a dry run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransferReport {
    /// Name of the tenant.
    pub tenant: String,
    /// JID of the device.
    pub device: String,
    /// Layout that was read or written: `whatsmeow v15`, `fork v12`, `wmctl`, `Baileys` or
    /// `whatsapp-rust`.
    pub layout: String,
    /// Everything was rolled back.
    pub dry_run: bool,
    /// Numbers of rows per table.
    pub tables: Vec<MovedTable>,
    /// Rows that were skipped.
    pub damaged: Vec<DamagedRow>,
    /// Outbox messages that were not transferred.
    pub unsent: u64,
    /// Programs that had the source open.
    pub in_use_by: Vec<String>,
    /// Seconds between the last change of the source and the import, if the change was recent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_s: Option<u64>,
}

/// Why the transfer failed.
#[derive(Debug, thiserror::Error)]
pub enum TransferRefusal {
    /// The database of wmctl failed.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// The source, the target or the rows are not suitable.
    #[error("{message}")]
    Unfit {
        class: RefusalKind,
        code: &'static str,
        message: String,
        hint: String,
    },
}

/// The kind of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// The named object does not exist.
    Absent,
    /// An argument is invalid.
    Value,
    /// The target or another process is in the way.
    Conflict,
    /// This binary cannot read the source's schema.
    Schema,
    /// Rows of the source are damaged.
    Damage,
}

/// Parses a database URL or a path, including the URL form of Go's SQLite driver.
pub fn source(text: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
    let is_path = !text.contains(':') && Path::new(text).exists();
    match text.strip_prefix("file:") {
        None if is_path => Ok(DatabaseUrl::Sqlite(PathBuf::from(text))),
        // Drop the parameters, which configure the connections of the Go driver.
        Some(path) => {
            let path = path.split_once('?').map_or(path, |(path, _)| path);
            format!("sqlite:{path}").parse()
        }
        None => text.parse(),
    }
}

/// Imports the tenant's account from another database.
pub async fn import(
    app: &App,
    import: &Import,
    watcher: &mut (dyn FnMut(Progress) + Send),
) -> Result<TransferReport, TransferRefusal> {
    let tenant = &app.settings.tenant;
    let named = tenants::check_name(app, tenant).await;
    named.map_err(|error| match error {
        TenantError::Rows(error) => error.into(),
        error => TransferRefusal::Unfit {
            class: RefusalKind::Value,
            code: "BAD_VALUE",
            message: error.to_string(),
            hint: String::from(
                "choose another --tenant; --from-tenant is what the source calls it",
            ),
        },
    })?;
    let moved = match &import.from {
        DatabaseUrl::Sqlite(folder) if folder.is_dir() => {
            let now_s = app.surroundings.clock.unix_ms() / 1_000;
            match ForeignAccount::of_folder(folder, now_s) {
                Ok(foreign) => take_over(app, foreign, import, watcher).await,
                Err(error) => Err(error),
            }
        }
        database => {
            let source = Store::open_source(database).await;
            let source = source.map_err(|error| refused(error, tenant))?;
            let moved = import_from(app, &source, import, watcher).await;
            source.close().await;
            moved
        }
    };
    match moved {
        Ok(moved) => Ok(moved),
        Err(error) => Err(app.refused(error).await),
    }
}

async fn import_from(
    app: &App,
    source: &Store,
    import: &Import,
    watcher: &mut (dyn FnMut(Progress) + Send),
) -> Result<TransferReport, TransferError> {
    let tenant = &app.settings.tenant;
    let from_tenant = import.from_tenant.as_ref().unwrap_or(tenant);
    let in_use_by = match source.shares_server(&app.store).await? {
        true => Vec::new(),
        false => source.users(from_tenant).await?,
    };
    if !in_use_by.is_empty() && !import.rehearse && !import.even_in_use {
        return Err(TransferError::InUse(in_use_by));
    }
    let options = options(app, import);
    let detail = format!("from={}", import.from);
    let audit = app.audit(&AuditActor::of_user(), "import", Some(tenant), detail);
    let done = app.store.import(source, &options, &audit, watcher).await?;
    let mut moved = moved(tenant, done, import);
    moved.in_use_by = in_use_by;
    Ok(moved)
}

/// Imports an account from another library's own storage format.
async fn take_over(
    app: &App,
    foreign: ForeignAccount,
    import: &Import,
    watcher: &mut (dyn FnMut(Progress) + Send),
) -> Result<TransferReport, TransferError> {
    let tenant = &app.settings.tenant;
    let detail = format!("from={}", import.from);
    let audit = app.audit(&AuditActor::of_user(), "import", Some(tenant), detail);
    let changed_s = foreign.changed_s();
    let options = options(app, import);
    let done = app.store.take_over(foreign, &options, &audit, watcher);
    let mut moved = moved(tenant, done.await?, import);
    moved.changed_s = changed_s;
    Ok(moved)
}

fn options(app: &App, import: &Import) -> ImportOptions {
    let tenant = &app.settings.tenant;
    ImportOptions {
        tenant: tenant.clone(),
        from_tenant: import.from_tenant.as_ref().unwrap_or(tenant).clone(),
        device: import.device.clone(),
        keep: match import.rehearse {
            true => Keep::Rehearse,
            false => Keep::Commit,
        },
        replace: import.replace,
        skip_damaged: import.skip_damaged,
    }
}

fn moved(tenant: &TenantId, done: Imported, import: &Import) -> TransferReport {
    TransferReport {
        tenant: tenant.to_string(),
        device: done.device.to_string(),
        layout: match done.origin {
            Origin::Whatsmeow(version) => format!("whatsmeow v{version}"),
            Origin::Fork(version) => format!("fork v{version}"),
            Origin::Wmctl => String::from("wmctl"),
            Origin::Baileys => String::from("Baileys"),
            Origin::WhatsappRust => String::from("whatsapp-rust"),
        },
        dry_run: import.rehearse,
        tables: done.tables.into_iter().map(MovedTable::from).collect(),
        damaged: done.damaged.into_iter().map(DamagedRow::from).collect(),
        unsent: 0,
        in_use_by: Vec::new(),
        changed_s: None,
    }
}

/// Exports the tenant's account to a whatsmeow database, and marks the local copy so that no
/// process runs it.
pub async fn export(
    app: &App,
    export: &Export,
    watcher: &mut (dyn FnMut(Progress) + Send),
) -> Result<TransferReport, TransferRefusal> {
    let tenant = &app.settings.tenant;
    let options = ExportOptions {
        tenant: tenant.clone(),
        leave_unsent: export.leave_unsent,
        rehearse: export.rehearse,
        now_ms: app.surroundings.clock.unix_ms(),
    };
    let detail = format!("to={}", export.to);
    let audit = app.audit(&AuditActor::of_user(), "export", Some(tenant), detail);
    let done = app.store.export(&export.to, &options, &audit, watcher);
    let done = match done.await {
        Ok(done) => done,
        Err(error) => return Err(app.refused(error).await),
    };
    if !export.rehearse {
        // The export mark already prevents a start. Disabling also shows this in the list of
        // tenants.
        enable(app, false).await?;
    }
    Ok(TransferReport {
        tenant: tenant.to_string(),
        device: done.device.to_string(),
        layout: format!("whatsmeow v{WHATSMEOW_VERSION}"),
        dry_run: export.rehearse,
        tables: done.tables.into_iter().map(MovedTable::from).collect(),
        damaged: Vec::new(),
        unsent: done.unsent,
        in_use_by: Vec::new(),
        changed_s: None,
    })
}

/// Removes the export mark, so that the tenant can run here again.
pub async fn take_back(app: &App) -> Result<(), TransferRefusal> {
    let tenant = &app.settings.tenant;
    let audit = app.audit(
        &AuditActor::of_user(),
        "export-undo",
        Some(tenant),
        String::new(),
    );
    match app.store.take_back(tenant, &audit).await {
        Ok(()) => enable(app, true).await,
        Err(error) => Err(app.refused(error).await),
    }
}

async fn enable(app: &App, enabled: bool) -> Result<(), TransferRefusal> {
    let done = tenants::enable(app, &app.settings.tenant, enabled, &AuditActor::of_user()).await;
    done.map_err(|error| match error {
        TenantError::Rows(error) => error.into(),
        error => RowsError::Database(error.to_string()).into(),
    })
}

impl App {
    /// Converts an error. If the tenant is in use, the message names its holder.
    pub(super) async fn refused(&self, error: TransferError) -> TransferRefusal {
        let tenant = &self.settings.tenant;
        match error {
            TransferError::Store(StoreError::LeaseHeld { .. }) => RowsError::Held {
                tenant: tenant.clone(),
                holder: self.holder(tenant).await,
            }
            .into(),
            error => refused(error, tenant),
        }
    }
}

impl From<Moved> for MovedTable {
    fn from(moved: Moved) -> Self {
        let Moved {
            table,
            read,
            written,
        } = moved;
        Self {
            table,
            read,
            written,
        }
    }
}

impl From<Damage> for DamagedRow {
    fn from(damage: Damage) -> Self {
        let Damage { table, row, what } = damage;
        Self { table, row, what }
    }
}

fn refused(error: TransferError, tenant: &TenantId) -> TransferRefusal {
    let error = match error {
        TransferError::Store(error) => return RowsError::of(error).into(),
        error => error,
    };
    let of_source = source_refused(&error);
    let (class, code, hint) = of_source.unwrap_or_else(|| target_refused(&error, tenant));
    TransferRefusal::Unfit {
        class,
        code,
        message: error.to_string(),
        hint,
    }
}

type Refusal = (RefusalKind, &'static str, String);

/// Converts an error about missing or ambiguous contents of the source, with a hint.
fn source_refused(error: &TransferError) -> Option<Refusal> {
    let listed = |what: &str, there: &[String]| match there.is_empty() {
        true => format!("it has none; look for another {what}"),
        false => format!("it has {}", there.join(", ")),
    };
    Some(match error {
        TransferError::NoFile(_) => {
            let hint = String::from("--from names a file (sqlite:PATH) or a folder of Baileys");
            (RefusalKind::Absent, "NO_SOURCE", hint)
        }
        TransferError::NoDevices
        | TransferError::NoVersion
        | TransferError::NoDatabase(_)
        | TransferError::NoCreds(_) => {
            let hint = "a database of whatsmeow v8 to v15, of its fork with tenants, of \
                        whatsapp-rust 0.7 or of wmctl; or a folder of Baileys 6 or 7";
            (RefusalKind::Schema, "SOURCE_LAYOUT", hint.to_owned())
        }
        TransferError::SourceUnpaired(_) => {
            let hint = "nothing is there to take over: pair here instead, with `wmctl pair`";
            (RefusalKind::Absent, "SOURCE_NOT_PAIRED", hint.to_owned())
        }
        TransferError::Changing(_) => {
            let hint = "stop what writes there, for good, and start again";
            (RefusalKind::Conflict, "SOURCE_IN_USE", hint.to_owned())
        }
        TransferError::Version { found, newest, .. } => {
            let hint = match found < newest {
                true => "open it once with a newer whatsmeow, which brings it up to date",
                false => "a newer wmctl may know it",
            };
            (RefusalKind::Schema, "SOURCE_VERSION", hint.to_owned())
        }
        TransferError::Absent { there, .. } => (
            RefusalKind::Absent,
            "NOT_IN_SOURCE",
            listed("database", there),
        ),
        TransferError::Several { there } => {
            let hint = format!("take one with --device: {}", there.join(", "));
            (RefusalKind::Conflict, "SEVERAL_DEVICES", hint)
        }
        TransferError::SourceExported(_) => {
            let hint = String::from("import from where it was exported to");
            (RefusalKind::Conflict, "SOURCE_EXPORTED", hint)
        }
        TransferError::InUse(_) => {
            let hint = "stop them: two programs with the same keys lose messages; \
                        or, if they only look, --even-in-use";
            (RefusalKind::Conflict, "SOURCE_IN_USE", hint.to_owned())
        }
        _ => return None,
    })
}

/// Converts an error about the target or about the rows, with a hint.
fn target_refused(error: &TransferError, tenant: &TenantId) -> Refusal {
    match error {
        TransferError::Occupied { .. } => {
            let hint = "name another tenant, or take its place with --replace";
            (RefusalKind::Conflict, "TENANT_TAKEN", hint.to_owned())
        }
        TransferError::NotEmpty(_) => {
            let hint = "name a new file, or a database (or schema) without tables";
            (RefusalKind::Conflict, "TARGET_NOT_EMPTY", hint.to_owned())
        }
        TransferError::Unsent(_) => {
            let hint = format!(
                "run it until they are sent: wmctl run --tenant {tenant}; or --leave-unsent"
            );
            (RefusalKind::Conflict, "UNSENT", hint)
        }
        TransferError::Unpaired(_) => {
            let hint = String::from("`wmctl tenants list` shows which tenants have a device");
            (RefusalKind::Absent, "NOT_PAIRED", hint)
        }
        TransferError::NotExported => {
            let hint = format!("{tenant} runs here as before");
            (RefusalKind::Absent, "NOT_EXPORTED", hint)
        }
        TransferError::Damaged(_) => {
            let hint = "nothing was changed; --skip-damaged leaves such rows behind and lists them";
            (RefusalKind::Damage, "DAMAGED", hint.to_owned())
        }
        _ => {
            let hint = String::from("nothing was changed; try a backup of the source");
            (RefusalKind::Damage, "DAMAGED", hint)
        }
    }
}
