//! `wmctl migrate import` and `export`: transfers accounts from and to other databases.

use indicatif::ProgressBar;
use wmctl::app::Schema;
use wmctl::config::DatabaseUrl;
use wmctl::ids::{Jid, TenantId};
use wmctl::ops::transfer::{
    self, Export, Import, MovedTable, Progress, RefusalKind, TransferRefusal, TransferReport,
};

use crate::failure::{Exit, Failure};
use crate::help::{self, after};
use crate::settings::Settings;
use crate::start;
use crate::table::Page;
use crate::ui::{Format, Listed, Ui};

/// Import an account from whatsmeow, Baileys, whatsapp-rust, or another wmctl database
///
/// wmctl recognises the source: databases of whatsmeow v8 to v15, of its multi-tenant fork, and of
/// wmctl, each on SQLite or PostgreSQL; folders that Baileys 6 and 7 keep with
/// useMultiFileAuthState; SQLite files of whatsapp-rust 0.7. The whole account is imported, or
/// nothing. Its sessions continue, so that it need not be paired again. Stop the program that runs
/// the account first, and never start it there again: two programs that use the same keys lose
/// messages.
///
/// wmctl checks each row and that the keys belong together, and counts the rows in the target
/// before it commits. A damaged row is named, and the import fails. Ratchets and sender keys may be
/// JSON, as whatsmeow writes them, or protobuf, as earlier exports of wmctl did.
#[derive(Debug, clap::Args)]
#[command(after_long_help = after(
    &[
        "wmctl migrate import --from 'file:whatsmeow.db?_foreign_keys=on' --tenant acme --dry-run",
        "wmctl migrate import --from postgres://wm@db/whatsmeow --tenant acme \\\n    \
         --device 4915112345621:7@s.whatsapp.net",
        "wmctl migrate import --from ./auth_info_baileys --tenant acme",
        "wmctl migrate import --from sqlite:whatsapp.db --tenant acme \\\n    \
         --device 4915112345621:7@s.whatsapp.net",
        "wmctl migrate import --from sqlite:/var/lib/wmctl/wmctl.db --tenant acme \\\n    \
         --database-url postgres://wm@db/wmctl",
    ],
    &[
        (Exit::Done, "imported, or could be imported (--dry-run)"),
        (Exit::Failed, "the source is damaged; nothing was changed"),
        (Exit::Usage, "an option is invalid"),
        (Exit::Absent, "no such file, device or tenant in the source, or nothing is paired there"),
        (Exit::Conflict, "the tenant has an account here, or the source is in use or has several \
         devices"),
        (Exit::Database, "a database cannot be used, or wmctl does not know the source"),
    ],
))]
pub(crate) struct ImportArgs {
    /// Source: a Baileys folder, sqlite:PATH, file:PATH or postgres://… (password in PGPASSWORD)
    #[arg(long, value_name = "SOURCE")]
    from: String,
    /// Device to import, if the source has several
    #[arg(long, value_name = "JID")]
    device: Option<Jid>,
    /// Name of the tenant in the source, if it differs
    #[arg(long, value_name = "TENANT")]
    from_tenant: Option<TenantId>,
    /// Replace the account that the tenant has here
    #[arg(long)]
    replace: bool,
    /// Skip damaged rows and list them
    #[arg(long)]
    skip_damaged: bool,
    /// Continue even if other programs have the source open
    #[arg(long)]
    even_in_use: bool,
    /// Rehearse the import and check everything, but change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Export an account as a whatsmeow database
///
/// Writes a database that whatsmeow can open (schema v15): a new file, or a database without tables
/// on a server. No process may run the account during the export. Afterwards wmctl refuses to run
/// it until --undo. Events and settings are not exported.
#[derive(Debug, clap::Args)]
#[command(after_long_help = after(
    &[
        "wmctl migrate export --to sqlite:/var/lib/bot/whatsmeow.db --tenant acme",
        "wmctl migrate export --to postgres://wm@db/whatsmeow --tenant acme --dry-run",
        "wmctl migrate export --undo --tenant acme",
    ],
    &[
        (Exit::Done, "exported, or could be exported (--dry-run)"),
        (Exit::Failed, "the rows are damaged; nothing was changed"),
        (Exit::Usage, "an option is invalid"),
        (Exit::Absent, "the tenant has no device, or was not exported (--undo)"),
        (Exit::Conflict, "the account is running, has unsent messages, or the target is not empty"),
        help::DATABASE,
    ],
))]
pub(crate) struct ExportArgs {
    /// Target: sqlite:PATH, file:PATH or postgres://… (password in PGPASSWORD)
    #[arg(long, value_name = "URL", required_unless_present = "undo")]
    to: Option<String>,
    /// Continue even if the outbox has unsent messages; they stay here
    #[arg(long)]
    leave_unsent: bool,
    /// Rehearse the export and check everything, but change nothing
    #[arg(long)]
    dry_run: bool,
    /// Allow wmctl to run the account again; stop the other program for good first
    #[arg(long, conflicts_with_all = ["to", "leave_unsent", "dry_run"])]
    undo: bool,
}

impl Listed for MovedTable {
    const HEADS: &'static [&'static str] = &["TABLE", "READ", "WRITTEN"];

    fn cells(&self, _page: Page) -> Vec<String> {
        let (read, written) = (self.read.to_string(), self.written.to_string());
        vec![self.table.clone(), read, written]
    }

    fn name(&self) -> String {
        self.table.clone()
    }
}

impl Listed for TransferReport {
    const HEADS: &'static [&'static str] = &["TENANT", "DEVICE", "LAYOUT"];

    fn cells(&self, _page: Page) -> Vec<String> {
        vec![
            self.tenant.clone(),
            self.device.clone(),
            self.layout.clone(),
        ]
    }

    fn name(&self) -> String {
        self.device.clone()
    }
}

pub(crate) async fn import(
    ui: &Ui,
    settings: &Settings,
    args: &ImportArgs,
) -> Result<Exit, Failure> {
    let import = Import {
        from: database("--from", &args.from)?,
        from_tenant: args.from_tenant.clone(),
        device: args.device.clone(),
        rehearse: args.dry_run,
        replace: args.replace,
        skip_damaged: args.skip_damaged,
        even_in_use: args.even_in_use,
    };
    let app = start::open(ui, settings, Schema::Current).await?;
    let bar = ui.bar(0, "reading");
    let moved = transfer::import(&app, &import, &mut |progress| show(&bar, progress)).await;
    bar.finish_and_clear();
    app.close().await;
    let moved = moved.map_err(failure)?;
    answer(ui, &moved)?;
    for row in &moved.damaged {
        ui.warn(&format!(
            "skipped: {} of {}: {}",
            row.row, row.table, row.what
        ));
    }
    if !moved.in_use_by.is_empty() {
        let users = moved.in_use_by.join(", ");
        ui.warn(&format!(
            "the source is in use by {users}: stop it for good"
        ));
    }
    if let Some(changed_s) = moved.changed_s {
        ui.warn(&format!(
            "the source was changed {changed_s} s ago: stop the program that writes there for good"
        ));
    }
    let (device, layout, tenant) = (&moved.device, &moved.layout, &moved.tenant);
    ui.done(&match args.dry_run {
        true => {
            format!("{device} of {layout} could be imported as {tenant}; nothing was changed")
        }
        false => {
            format!("imported {device} of {layout} as {tenant}; never start it at the source again")
        }
    });
    Ok(Exit::Done)
}

pub(crate) async fn export(
    ui: &Ui,
    settings: &Settings,
    args: &ExportArgs,
) -> Result<Exit, Failure> {
    let Some(to) = &args.to else {
        let app = start::open(ui, settings, Schema::Current).await?;
        let done = transfer::take_back(&app).await;
        app.close().await;
        done.map_err(failure)?;
        ui.done(&format!("wmctl may run {} again", app.settings.tenant));
        return Ok(Exit::Done);
    };
    let export = Export {
        to: database("--to", to)?,
        leave_unsent: args.leave_unsent,
        rehearse: args.dry_run,
    };
    let app = start::open(ui, settings, Schema::Current).await?;
    let bar = ui.bar(0, "reading");
    let moved = transfer::export(&app, &export, &mut |progress| show(&bar, progress)).await;
    bar.finish_and_clear();
    app.close().await;
    let moved = moved.map_err(failure)?;
    answer(ui, &moved)?;
    if 0 < moved.unsent {
        let unsent = moved.unsent;
        ui.warn(&format!(
            "{unsent} messages were not sent and stay in the outbox here"
        ));
    }
    let (device, layout, to) = (&moved.device, &moved.layout, &export.to);
    ui.done(&match args.dry_run {
        true => format!("{device} could be exported as {layout}; nothing was changed"),
        false => format!("exported {device} to {to} ({layout}); wmctl no longer runs it"),
    });
    Ok(Exit::Done)
}

fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.total);
    bar.set_position(progress.done);
    bar.set_message(progress.table);
}

/// Prints one JSON object for programs, and tables for people.
fn answer(ui: &Ui, moved: &TransferReport) -> Result<(), Failure> {
    match ui.format() {
        Format::Json | Format::Jsonl | Format::Name => ui.object("Move", moved),
        Format::Table => ui.list("MoveList", &moved.tables, ""),
    }
}

fn database(flag: &str, text: &str) -> Result<DatabaseUrl, Failure> {
    if DatabaseUrl::has_password(text) {
        let message = format!("{flag} holds a password, which every user of this machine can see");
        return Err(Failure::new(Exit::Usage, "SECRET_ON_COMMAND_LINE", message)
            .hint("leave it out and set PGPASSWORD"));
    }
    transfer::source(text).map_err(|error| {
        Failure::new(Exit::Usage, "URL", format!("{flag}: {error}"))
            .hint("sqlite:PATH, file:PATH, postgres://USER@HOST/DATABASE or a folder")
    })
}

pub(crate) fn failure(error: TransferRefusal) -> Failure {
    match error {
        TransferRefusal::Rows(error) => start::rows(error),
        TransferRefusal::Unfit {
            class,
            code,
            message,
            hint,
        } => {
            let exit = match class {
                RefusalKind::Absent => Exit::Absent,
                RefusalKind::Value => Exit::Usage,
                RefusalKind::Conflict => Exit::Conflict,
                RefusalKind::Schema => Exit::Database,
                RefusalKind::Damage => Exit::Failed,
            };
            Failure::new(exit, code, message).hint(hint)
        }
    }
}
