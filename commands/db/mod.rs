//! `wmctl db`: connections, contents, growth and problems of the database.

use clap::Subcommand;
use wmctl::app::{App, Schema};
use wmctl::ids::TenantId;
use wmctl::ops::diagnose::db;
use wmctl::ops::logs;
use wmctl::ops::prune::{self, PruneReport};

use crate::failure::{Exit, Failure};
use crate::lock_status::{self, LockStatusArgs};
use crate::moves;
use crate::settings::Settings;
use crate::start;
use crate::ui::Ui;
use crate::watch::WatchArgs;

mod shown;
mod size;

/// Look into the database
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    wmctl db connections --watch\n  \
    wmctl db sessions acme\n  \
    wmctl db size --by tenant -o json\n  \
    wmctl db check || echo 'something is wrong'")]
pub(crate) struct DbArgs {
    #[command(subcommand)]
    command: DbCommand,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Show who is connected, how many may be and how many should be
    ///
    /// Sessions of all databases of the server count against max_connections. The size of pools
    /// follows the deployment guide: 10 to 20 connections for one process, 20 to 30 for a pair,
    /// twice the number of tenants and 10 for a process that serves many; it is shared among the
    /// processes that are there, and cut to what the server has. An SQLite file counts nobody: the
    /// processes that hold tenants are listed.
    #[command(after_long_help = "Examples:\n  \
        wmctl db connections\n  \
        wmctl db connections -w=5s\n  \
        wmctl db connections --json | jq .sizing")]
    Connections(ConnectionsArgs),
    /// List the paired devices
    #[command(after_long_help = "Examples:\n  wmctl db devices\n  wmctl db devices acme --json")]
    Devices(LookArgs),
    /// Count the sessions and keys of each device
    #[command(after_long_help = "Examples:\n  wmctl db sessions\n  wmctl db sessions acme --watch")]
    Sessions(LookArgs),
    /// Show how large tables and tenants are, and how they grow
    ///
    /// A table's bytes include its indexes; how it grows comes from figures that a running process
    /// keeps once a day. A tenant's rows are counted one by one, which takes its time in a large
    /// database, and its bytes are those of its values; how it grows comes from the times in its
    /// own rows of the last seven days.
    #[command(after_long_help = "Examples:\n  \
        wmctl db size\n  \
        wmctl db size --by table\n  \
        wmctl db size acme --json")]
    Size(size::SizeArgs),
    /// Look for rows that belong to nobody, keys of a wrong length and records that nobody can read
    ///
    /// Reads every row and changes nothing. On SQLite the structure of the file is checked too; on
    /// PostgreSQL that is the work of pg_amcheck.
    #[command(after_long_help = "Examples:\n  \
        wmctl db check\n  \
        wmctl db check acme --json\n\n\
        Exit status:\n  0  nothing is wrong\n  7  the database cannot be read\n  \
        9  something is wrong")]
    Check(LookArgs),
    /// Forget events, sent messages and secrets that are over the limits
    ///
    /// A running process does the same by itself, for the tenants that it runs, every keep_every.
    /// Limits are an age, a count of rows that a tenant keeps, both, or forever: keep_events (30d),
    /// keep_outbox (30d), keep_secrets (365d,1000000) and keep_buffer (35d), in the configuration
    /// file or as WMCTL_KEEP_EVENTS and so on. Keys and sessions are never touched, and no message
    /// that is still to be sent. An event that goes before 35 days have passed leaves its number
    /// and its dedupe key, so that a message that the server delivers again is no second event. The
    /// idempotency key of a message is known as long as its row.
    #[command(after_long_help = "Examples:\n  \
        wmctl db prune --dry-run\n  \
        wmctl db prune acme\n  \
        WMCTL_KEEP_EVENTS=90d,5000000 wmctl db prune --dry-run\n\n\
        Exit status:\n  0  done\n  7  the database cannot be used\n  \
        9  somebody has locked rows of some tenants: all others are done")]
    Prune(PruneArgs),
    /// Say that the database was restored from a backup
    ///
    /// A run recognises that by itself where a mark shows it: this machine knows more than the
    /// rows, or the rows are in another database, server or file than before. Say it where no mark
    /// can: a whole machine was set back, with all its disks; or a copy of the database was used
    /// elsewhere and this one goes on. No key that the rows hold encrypts anything any more: the
    /// next message to each device starts a new session, and each group gets a new key. Events go
    /// on with larger numbers, in a new log. What came and went after the backup is in no row. Stop
    /// what runs the account first.
    #[command(after_long_help = "Examples:\n  \
        wmctl db restored acme\n  \
        wmctl db restored --all\n\n\
        Exit status:\n  0  done\n  5  the tenant has no account\n  6  a process runs it\n  \
        7  the database cannot be used\n  9  processes run some tenants: all others are done")]
    Restored(RestoredArgs),
    /// Show who holds which lease, and what is wrong (the same as `wmctl lock-status`)
    Locks(LockStatusArgs),
}

#[derive(Debug, clap::Args)]
struct ConnectionsArgs {
    #[command(flatten)]
    watch: WatchArgs,
}

#[derive(Debug, clap::Args)]
struct PruneArgs {
    /// Only this tenant
    #[arg(value_name = "TENANT")]
    only: Option<TenantId>,

    /// Count what would go, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
#[group(required = true)]
struct RestoredArgs {
    /// The tenant whose rows are older than what was sent
    #[arg(value_name = "TENANT")]
    only: Option<TenantId>,

    /// Every tenant that has an account
    #[arg(long)]
    all: bool,
}

#[derive(Debug, clap::Args)]
struct LookArgs {
    /// Only this tenant
    #[arg(value_name = "TENANT")]
    only: Option<TenantId>,

    #[command(flatten)]
    watch: WatchArgs,
}

pub(crate) async fn run(ui: &Ui, settings: &Settings, args: &DbArgs) -> Result<Exit, Failure> {
    if let DbCommand::Locks(args) = &args.command {
        return lock_status::run(ui, settings, args).await;
    }
    let typed = settings.typed_tenant()?;
    let app = start::open(ui, settings, Schema::Current).await?;
    let result = look(&app, ui, &args.command, typed.as_ref()).await;
    app.close().await;
    result
}

/// Runs one subcommand. `typed` is the tenant of `--tenant`, used if the argument is missing.
async fn look(
    app: &App,
    ui: &Ui,
    command: &DbCommand,
    typed: Option<&TenantId>,
) -> Result<Exit, Failure> {
    match command {
        DbCommand::Connections(args) => {
            let once = async || connections(app, ui).await;
            args.watch.look(ui, once).await
        }
        DbCommand::Devices(args) => {
            let once = async || {
                let devices = db::devices(app, args.only.as_ref().or(typed)).await;
                let devices = devices.map_err(start::rows)?;
                ui.list("DeviceList", &devices, "no devices: `wmctl pair` links one")?;
                Ok(Exit::Done)
            };
            args.watch.look(ui, once).await
        }
        DbCommand::Sessions(args) => {
            let once = async || {
                let sessions = db::sessions(app, args.only.as_ref().or(typed)).await;
                let sessions = sessions.map_err(start::rows)?;
                ui.list(
                    "SessionsList",
                    &sessions,
                    "no devices: `wmctl pair` links one",
                )?;
                Ok(Exit::Done)
            };
            args.watch.look(ui, once).await
        }
        DbCommand::Size(args) => {
            let once = async || size::show(app, ui, args, typed).await;
            args.watch.look(ui, once).await
        }
        DbCommand::Check(args) => {
            let once = async || check(app, ui, args.only.as_ref().or(typed)).await;
            args.watch.look(ui, once).await
        }
        DbCommand::Prune(args) => prune(app, ui, args, typed).await,
        DbCommand::Restored(args) => restored(app, ui, args).await,
        DbCommand::Locks(_) => Ok(Exit::Done),
    }
}

async fn connections(app: &App, ui: &Ui) -> Result<Exit, Failure> {
    let found = db::connections::connections(app).await;
    let found = found.map_err(start::rows)?;
    shown::connections(ui, &found)?;
    Ok(Exit::Done)
}

async fn prune(
    app: &App,
    ui: &Ui,
    args: &PruneArgs,
    typed: Option<&TenantId>,
) -> Result<Exit, Failure> {
    let only = args.only.as_ref().or(typed);
    let pruned = prune::prune(app, only, args.dry_run).await;
    let pruned = pruned.map_err(start::rows)?;
    let PruneReport { pruned, locked } = pruned;
    ui.list("PrunedList", &pruned, "nothing is over its limit")?;
    if !locked.is_empty() {
        let names: Vec<String> = locked.iter().map(ToString::to_string).collect();
        ui.warn(&format!(
            "somebody has locked rows of {}: they are not done; `wmctl db locks` shows who",
            names.join(", ")
        ));
        return Ok(Exit::Partial);
    }
    if args.dry_run {
        ui.note("nothing was changed");
    }
    Ok(Exit::Done)
}

async fn restored(app: &App, ui: &Ui, args: &RestoredArgs) -> Result<Exit, Failure> {
    let tenants = match &args.only {
        Some(tenant) => vec![tenant.clone()],
        None => logs::tenants(app).await.map_err(start::rows)?,
    };
    let (mut begun, mut held) = (Vec::new(), Vec::new());
    for tenant in &tenants {
        match logs::declare_restored(app, tenant).await {
            Ok(Some(log)) => begun.push(log),
            Ok(None) => {
                let message = format!("{tenant} has no account here");
                return Err(Failure::new(Exit::Absent, "NOT_PAIRED", message)
                    .hint("`wmctl tenants list` shows which tenants have one"));
            }
            Err(error) if args.all => held.push(format!("{tenant}: {error}")),
            Err(error) => return Err(moves::failure(error)),
        }
    }
    ui.list("EventLogList", &begun, "no tenant has an account")?;
    for text in &held {
        ui.warn(text);
    }
    match held.len() {
        0 => Ok(Exit::Done),
        _ => Ok(Exit::Partial),
    }
}

async fn check(app: &App, ui: &Ui, only: Option<&TenantId>) -> Result<Exit, Failure> {
    let spinner = ui.spinner("reading every row");
    let checked = db::check(app, only).await;
    spinner.finish_and_clear();
    let checked = checked.map_err(start::rows)?;
    ui.list("FindingList", &checked.findings, "")?;
    let looked = format!(
        "{} rows in {} tables, {} records decoded",
        checked.rows, checked.tables, checked.records
    );
    match checked.findings.len() {
        0 => {
            ui.done(&format!("{looked}: nothing is wrong"));
            Ok(Exit::Done)
        }
        findings => {
            ui.warn(&format!("{looked}: {findings} findings"));
            if checked.findings.iter().any(|it| it.check == db::OTHER_FORM) {
                ui.note(
                    "whatsmeow_record: whatsmeow or its fork wrote these; stop it, then \
                     `wmctl migrate up --records` writes them in our form",
                );
            }
            Ok(Exit::Partial)
        }
    }
}
