//! `wmctl migrate`: the schema of the database.

use clap::Subcommand;
use wmctl::ops::migrate::{self, Migration};
use wmctl::ops::open::Schema;

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
    wmctl migrate up")]
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
    /// Apply what is pending; two hosts may start it at once
    Up {
        /// Print the SQL for psql or sqlite3 instead, and change nothing
        #[arg(long)]
        dry_run: bool,
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
    let app = start::open(ui, settings, Schema::Any).await?;
    match args.command {
        MigrateCommand::Up { dry_run: true } => {
            let script = migrate::script(&app).await.map_err(start::rows)?;
            ui.answer(&script)?;
            Ok(Exit::Done)
        }
        MigrateCommand::Up { dry_run: false } => {
            let applied = migrate::up(&app).await.map_err(start::rows)?;
            ui.list("MigrationList", &applied, "the schema is current")?;
            Ok(Exit::Done)
        }
        MigrateCommand::Status { check } => {
            let all = migrate::status(&app).await.map_err(start::rows)?;
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
            Ok(if check && 0 < pending {
                Exit::Pending
            } else {
                Exit::Done
            })
        }
    }
}
