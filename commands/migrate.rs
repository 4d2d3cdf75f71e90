//! `wmctl migrate`: the schema of the database.

use clap::Subcommand;
use wmctl::config::DatabaseUrl;
use wmctl::ids::Jid;
use wmctl::ops::migrate::{self, ImportedTable, Migration};
use wmctl::ops::open::{App, Schema};

use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::start;
use crate::ui::{Listed, Ui};

/// Show or apply changes of the database schema
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    wmctl migrate status\n  \
    wmctl migrate status --check\n  \
    wmctl migrate up --dry-run | less\n  \
    wmctl migrate up\n  \
    wmctl migrate import --from sqlite:/old/whatsmeow.db --tenant acme --dry-run")]
pub(crate) struct MigrateArgs {
    #[command(subcommand)]
    command: MigrateCommand,
}

#[derive(Debug, Subcommand)]
enum MigrateCommand {
    /// Show every migration and when it was applied
    Status {
        /// Exit with 10 if any is pending
        #[arg(long)]
        check: bool,
    },
    /// Take an account over from a whatsmeow database, or from another of ours
    ///
    /// The rows of one device go to the tenant that --tenant names, all or none. Its sessions go
    /// on: nothing is paired again. Stop whatever runs the account first, and never start it
    /// there again.
    Import(ImportArgs),
    /// Apply what is pending; two hosts may start it at once
    Up {
        /// Print the SQL for psql or sqlite3 instead, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// Read this database: sqlite:PATH, file:PATH or postgres://… (its password in PGPASSWORD)
    #[arg(long, value_name = "URL")]
    from: String,
    /// Take this device, where there are several
    #[arg(long, value_name = "JID")]
    device: Option<Jid>,
    /// Do and check everything, and take it back
    #[arg(long)]
    dry_run: bool,
}

impl Listed for ImportedTable {
    const HEADS: &'static [&'static str] = &["TABLE", "ROWS"];

    fn cells(&self) -> Vec<String> {
        vec![self.table.to_owned(), self.rows.to_string()]
    }

    fn name(&self) -> String {
        self.table.to_owned()
    }
}

async fn import(ui: &Ui, settings: &Settings, args: &ImportArgs) -> Result<Exit, Failure> {
    if DatabaseUrl::has_password(&args.from) {
        let message = "--from holds a password, which every user of this machine can see";
        return Err(Failure::new(Exit::Usage, "SECRET_ON_COMMAND_LINE", message)
            .hint("leave it out and set PGPASSWORD"));
    }
    let from = migrate::source(&args.from)
        .map_err(|error| Failure::new(Exit::Usage, "SOURCE_URL", error.to_string()))?;
    let app = start::open(ui, settings, Schema::Current).await?;
    let device = args.device.as_ref();
    let import = migrate::import(&app, &from, device, args.dry_run).await;
    app.close().await;
    let import = import.map_err(start::rows)?;
    ui.list("ImportList", &import.tables, "")?;
    if 0 < import.unreadable_ratchets {
        let count = import.unreadable_ratchets;
        ui.warn(&format!(
            "{count} ratchets cannot be read: those chats start anew"
        ));
    }
    let tenant = &app.settings.tenant;
    ui.done(&match args.dry_run {
        true => format!("{} could be taken over as {tenant}", import.device),
        false => format!("{} was taken over as {tenant}", import.device),
    });
    Ok(Exit::Done)
}

impl Listed for Migration {
    const HEADS: &'static [&'static str] = &["VERSION", "NAME", "APPLIED"];

    fn cells(&self) -> Vec<String> {
        let applied = self
            .applied
            .clone()
            .unwrap_or_else(|| String::from("pending"));
        vec![format!("{:04}", self.version), self.name.clone(), applied]
    }

    fn name(&self) -> String {
        format!("{:04}", self.version)
    }
}

pub(crate) async fn run(ui: &Ui, settings: &Settings, args: &MigrateArgs) -> Result<Exit, Failure> {
    if let MigrateCommand::Import(args) = &args.command {
        return import(ui, settings, args).await;
    }
    let app = start::open(ui, settings, Schema::Any).await?;
    let result = carry_out(&app, ui, args).await;
    app.close().await;
    result
}

async fn carry_out(app: &App, ui: &Ui, args: &MigrateArgs) -> Result<Exit, Failure> {
    match &args.command {
        MigrateCommand::Import(_) => Ok(Exit::Done),
        MigrateCommand::Up { dry_run: true } => {
            let script = migrate::script(app).await.map_err(start::rows)?;
            ui.answer(&script)?;
            Ok(Exit::Done)
        }
        MigrateCommand::Up { dry_run: false } => {
            let applied = migrate::up(app).await.map_err(start::rows)?;
            ui.list("MigrationList", &applied, "the schema is current")?;
            Ok(Exit::Done)
        }
        MigrateCommand::Status { check } => {
            let all = migrate::status(app).await.map_err(start::rows)?;
            ui.list("MigrationList", &all, "")?;
            let pending = all
                .iter()
                .filter(|migration| migration.applied.is_none())
                .count();
            let applied = all.len() - pending;
            ui.note(&format!(
                "{applied} applied, {pending} pending ({})",
                app.settings.database
            ));
            Ok(if *check && 0 < pending {
                Exit::Pending
            } else {
                Exit::Done
            })
        }
    }
}
