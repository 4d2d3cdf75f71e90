//! `wmctl migrate`: migrates the database schema.

use clap::Subcommand;
use wmctl::app::{App, Schema};
use wmctl::ops::migrate::{self, Migration, Step};

use crate::failure::{Exit, Failure};
use crate::moves::{self, ExportArgs, ImportArgs};
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
    wmctl migrate import --from sqlite:/old/whatsmeow.db --tenant acme --dry-run\n  \
    wmctl migrate export --to sqlite:/new/whatsmeow.db --tenant acme")]
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
    /// Take an account over from whatsmeow, Baileys, whatsapp-rust, or another database of ours
    Import(ImportArgs),
    /// Give an account away as a database of whatsmeow
    Export(ExportArgs),
    /// Apply what is pending; many hosts may start it at once
    ///
    /// Also makes a database of whatsmeow's fork with tenants ours, where it is, and writes its
    /// ratchets and sender keys in our form, one tenant after the other: stop the fork first.
    /// Refused where the schema is newer than this wmctl, belongs to another role, or was
    /// made by an edited file.
    Up {
        /// Print the SQL for psql or sqlite3 instead, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Look through all records for whatsmeow's form, and write them in ours
        #[arg(long, conflicts_with = "dry_run")]
        records: bool,
    },
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
            let mut tell = |step: Step| {
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
                    "records still in whatsmeow's form: {}; `wmctl migrate up` writes them in ours",
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
