//! `wmctl migrate`: migrates the database schema.

use clap::Subcommand;
use wmctl::app::{App, Schema};
use wmctl::ops::migrate::{self, Migration, MigrationStep};

use crate::failure::{Exit, Failure};
use crate::help::{self, after};
use crate::moves::{self, ExportArgs, ImportArgs};
use crate::settings::Settings;
use crate::start;
use crate::table::Page;
use crate::ui::{Listed, Ui};

/// Apply schema migrations, and move accounts between databases
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    wmctl migrate status\n  \
    wmctl migrate status --check\n  \
    wmctl migrate up --dry-run | less\n  \
    wmctl migrate up\n  \
    wmctl migrate import --from sqlite:/old/whatsmeow.db --tenant acme --dry-run\n  \
    wmctl migrate export --to sqlite:/new/whatsmeow.db --tenant acme")]
pub(crate) struct MigrateArgs {
    #[command(subcommand)]
    command: MigrateCommand,
}

#[derive(Debug, Subcommand)]
enum MigrateCommand {
    /// List all migrations, and when they were applied
    #[command(after_long_help = after(
        &["wmctl migrate status", "wmctl migrate status --check && systemctl start wmctl"],
        &[
            (Exit::Done, "the list was printed"),
            help::DATABASE,
            (Exit::Pending, "--check: migrations or conversions are pending"),
        ],
    ))]
    Status {
        /// Exit with code 10 if migrations are pending
        #[arg(long)]
        check: bool,
    },
    /// Take an account over from whatsmeow, Baileys, whatsapp-rust, or another database of ours
    Import(ImportArgs),
    /// Give an account away as a database of whatsmeow
    Export(ExportArgs),
    /// Apply pending migrations; several hosts may run it at the same time
    ///
    /// This also converts, in place, a database of the multi-tenant fork of whatsmeow, including
    /// its ratchets and sender keys, one tenant at a time: stop the fork first. The command refuses
    /// a schema that is newer than this wmctl, that another role owns, or that edited migrations
    /// made.
    #[command(after_long_help = after(
        &[
            "wmctl migrate up",
            "wmctl migrate up --dry-run | less",
            "wmctl migrate up --records",
        ],
        &[(Exit::Done, "the schema is current"), help::DATABASE],
    ))]
    Up {
        /// Print the SQL for psql or sqlite3 instead, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Search all records for whatsmeow's format, and convert them
        #[arg(long, conflicts_with = "dry_run")]
        records: bool,
    },
}

impl Listed for Migration {
    const HEADS: &'static [&'static str] = &["VERSION", "NAME", "APPLIED"];

    fn cells(&self, page: Page) -> Vec<String> {
        let applied = self.applied.as_ref();
        let applied = applied.map_or_else(|| String::from("pending"), |at| page.time(at));
        vec![format!("{:04}", self.version), self.name.clone(), applied]
    }

    fn name(&self) -> String {
        format!("{:04}", self.version)
    }
}

pub(crate) async fn run(ui: &Ui, settings: &Settings, args: &MigrateArgs) -> Result<Exit, Failure> {
    match &args.command {
        MigrateCommand::Import(args) => return moves::import(ui, settings, args).await,
        MigrateCommand::Export(args) => return moves::export(ui, settings, args).await,
        MigrateCommand::Status { .. } | MigrateCommand::Up { .. } => (),
    }
    let app = start::open(ui, settings, Schema::Any).await?;
    let result = carry_out(&app, ui, args).await;
    app.close().await;
    result
}

async fn carry_out(app: &App, ui: &Ui, args: &MigrateArgs) -> Result<Exit, Failure> {
    match &args.command {
        MigrateCommand::Import(_) | MigrateCommand::Export(_) => Ok(Exit::Done),
        MigrateCommand::Up { dry_run: true, .. } => {
            let script = migrate::script(app).await.map_err(start::rows)?;
            ui.answer(&script)?;
            Ok(Exit::Done)
        }
        MigrateCommand::Up { records, .. } => {
            let bar = ui.bar(1, "migrating");
            let mut tell = |step: MigrationStep| {
                bar.set_length(step.of as u64);
                bar.set_position(step.at as u64);
                bar.set_message(format!("{:04} {}", step.version, step.name));
            };
            let applied = migrate::up(app, *records, &mut tell).await;
            bar.finish_and_clear();
            let applied = applied.map_err(start::rows)?;
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
            let foreign = match pending {
                0 => migrate::foreign_records(app).await.map_err(start::rows)?,
                _ => Vec::new(),
            };
            if !foreign.is_empty() {
                ui.note(&format!(
                    "records in whatsmeow's format: {}; `wmctl migrate up` converts them",
                    foreign.join(", ")
                ));
            }
            Ok(if *check && (0 < pending || !foreign.is_empty()) {
                Exit::Pending
            } else {
                Exit::Done
            })
        }
    }
}
