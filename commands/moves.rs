//! `wmctl migrate import` and `export`: transfers accounts from and to other databases.

use indicatif::ProgressBar;
use wmctl::app::Schema;
use wmctl::config::DatabaseUrl;
use wmctl::ids::{Jid, TenantId};
use wmctl::ops::transfer::{self, Class, Export, Import, Move, MoveError, MovedTable, Progress};

use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::start;
use crate::ui::{Format, Listed, Ui};

/// Take an account over from whatsmeow, Baileys, whatsapp-rust, or another database of ours
///
/// Recognises what it is given: databases of whatsmeow v8 to v15, of its fork with tenants, and of
/// wmctl, each on SQLite or PostgreSQL; folders that Baileys 6 and 7 keep with
/// useMultiFileAuthState; SQLite files of whatsapp-rust 0.7. All of the account moves, or nothing;
/// its sessions go on, and nothing is paired again. Stop whatever runs the account first, and never
/// start it there again: two programs that go on with the same keys lose messages.
///
/// Each row is checked, the keys are checked to belong together, and the rows are counted in the
/// target before it is committed. A bad row is named and refuses the import. Ratchets and sender
/// keys may be JSON, as whatsmeow writes them, or protobuf, as earlier exports of wmctl did.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    wmctl migrate import --from 'file:whatsmeow.db?_foreign_keys=on' --tenant acme --dry-run\n  \
    wmctl migrate import --from postgres://wm@db/whatsmeow --tenant acme \\\n      \
    --device 4915112345621:7@s.whatsapp.net\n  \
    wmctl migrate import --from ./auth_info_baileys --tenant acme\n  \
    wmctl migrate import --from sqlite:whatsapp.db --tenant acme \\\n      \
    --device 4915112345621:7@s.whatsapp.net\n  \
    wmctl migrate import --from sqlite:/var/lib/wmctl/wmctl.db --business-id acme \\\n      \
    --database-url postgres://wm@db/wmctl\n\n\
    Exit status:\n  \
    0  done, or it could be done (--dry-run)\n  \
    1  the source is damaged: nothing was changed\n  \
    5  no such file, device or tenant in the source, or nothing paired\n  \
    6  the tenant has an account here, the source is in use, or has several devices\n  \
    7  a database cannot be used, or the source is none that is known")]
pub(crate) struct ImportArgs {
    /// Read this: a folder of Baileys, sqlite:PATH, file:PATH or postgres://… (its password in
    /// PGPASSWORD)
    #[arg(long, value_name = "SOURCE")]
    from: String,
    /// Take this device, where the source has several
    #[arg(long, value_name = "JID")]
    device: Option<Jid>,
    /// The tenant's name in the source, if it is another there
    #[arg(long, value_name = "TENANT")]
    from_tenant: Option<TenantId>,
    /// Take the place of the account that the tenant has here
    #[arg(long)]
    replace: bool,
    /// Leave damaged rows behind and list them
    #[arg(long)]
    skip_damaged: bool,
    /// Go on although other programs have the source open
    #[arg(long)]
    even_in_use: bool,
    /// Do and check everything, and take it back
    #[arg(long)]
    dry_run: bool,
}

/// Give an account away as a database of whatsmeow
///
/// Writes a database that whatsmeow opens (schema v15): a new file, or a database without tables
/// on a server. Nothing may run the account meanwhile, and nothing runs it here afterwards: wmctl
/// refuses, until --undo. Events and settings stay here.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    wmctl migrate export --to sqlite:/var/lib/bot/whatsmeow.db --tenant acme\n  \
    wmctl migrate export --to postgres://wm@db/whatsmeow --tenant acme --dry-run\n  \
    wmctl migrate export --undo --tenant acme\n\n\
    Exit status:\n  \
    0  done, or it could be done (--dry-run)\n  \
    1  the rows are damaged: nothing was changed\n  \
    5  the tenant has no device, or was not exported (--undo)\n  \
    6  it runs, messages are not sent yet, or the target is not empty\n  \
    7  a database cannot be used")]
pub(crate) struct ExportArgs {
    /// Write this database: sqlite:PATH, file:PATH or postgres://… (its password in PGPASSWORD)
    #[arg(long, value_name = "URL", required_unless_present = "undo")]
    to: Option<String>,
    /// Go on although messages in the outbox are not sent: they stay here
    #[arg(long)]
    leave_unsent: bool,
    /// Do and check everything, and take it back
    #[arg(long)]
    dry_run: bool,
    /// Run the account here again; whatever ran it elsewhere must be stopped for good
    #[arg(long, conflicts_with_all = ["to", "leave_unsent", "dry_run"])]
    undo: bool,
}

impl Listed for MovedTable {
    const HEADS: &'static [&'static str] = &["TABLE", "READ", "WRITTEN"];

    fn cells(&self) -> Vec<String> {
        let (read, written) = (self.read.to_string(), self.written.to_string());
        vec![self.table.clone(), read, written]
    }

    fn name(&self) -> String {
        self.table.clone()
    }
}

impl Listed for Move {
    const HEADS: &'static [&'static str] = &["TENANT", "DEVICE", "LAYOUT"];

    fn cells(&self) -> Vec<String> {
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
            "left behind: {} of {}: {}",
            row.row, row.table, row.what
        ));
    }
    if !moved.in_use_by.is_empty() {
        let users = moved.in_use_by.join(", ");
        ui.warn(&format!(
            "the source is in use by {users}: stop that for good"
        ));
    }
    if let Some(changed_s) = moved.changed_s {
        ui.warn(&format!(
            "the source was changed {changed_s} s ago: stop whatever wrote there for good"
        ));
    }
    let (device, layout, tenant) = (&moved.device, &moved.layout, &moved.tenant);
    ui.done(&match args.dry_run {
        true => {
            format!("{device} of {layout} could be taken over as {tenant}; nothing was changed")
        }
        false => format!(
            "{device} of {layout} was taken over as {tenant}; never start it at the source again"
        ),
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
        ui.done(&format!("{} may run here again", app.settings.tenant));
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
        false => format!("{device} is in {to} ({layout}); wmctl does not run it any more"),
    });
    Ok(Exit::Done)
}

fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.total);
    bar.set_position(progress.done);
    bar.set_message(progress.table);
}

/// Prints one JSON object for programs, and tables for people.
fn answer(ui: &Ui, moved: &Move) -> Result<(), Failure> {
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

pub(crate) fn failure(error: MoveError) -> Failure {
    match error {
        MoveError::Rows(error) => start::rows(error),
        MoveError::Unfit {
            class,
            code,
            message,
            hint,
        } => {
            let exit = match class {
                Class::Absent => Exit::Absent,
                Class::Value => Exit::Usage,
                Class::Conflict => Exit::Conflict,
                Class::Schema => Exit::Database,
                Class::Damage => Exit::Failed,
            };
            Failure::new(exit, code, message).hint(hint)
        }
    }
}
