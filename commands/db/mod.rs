//! `wmctl db`: connections, contents, growth and problems of the database.

use clap::Subcommand;
use wmctl::app::{App, Schema};
use wmctl::ids::TenantId;
use wmctl::ops::diagnose::db;
use wmctl::ops::logs;
use wmctl::ops::prune::{self, PruneReport};

use crate::failure::{Exit, Failure};
use crate::help::{self, after};
use crate::lock_status::{self, LockStatusArgs};
use crate::moves;
use crate::settings::Settings;
use crate::start;
use crate::ui::{Ui, counted};
use crate::watch::WatchArgs;

mod shown;
mod size;

/// Inspect and prune the database
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
    /// Show database connections: who uses them, the limit, and the recommended number
    ///
    /// Connections to all databases of the server count against max_connections. wmctl recommends
    /// 10 to 20 connections for one process, 20 to 30 for a leader and a standby, and 10 plus twice
    /// the number of tenants for a host that serves many. The total is divided among the running
    /// processes, and limited to what the server has left. An SQLite file has no list of
    /// connections: the processes that hold tenants are listed instead.
    #[command(after_long_help = after(
        &[
            "wmctl db connections",
            "wmctl db connections -w=5s",
            "wmctl db connections --json | jq .sizing",
        ],
        &LISTED,
    ))]
    Connections(ConnectionsArgs),
    /// List the paired devices
    #[command(after_long_help = after(
        &["wmctl db devices", "wmctl db devices acme --json"],
        &LISTED,
    ))]
    Devices(LookArgs),
    /// Count the encryption sessions and keys of each device
    #[command(after_long_help = after(
        &["wmctl db sessions", "wmctl db sessions acme --watch"],
        &LISTED,
    ))]
    Sessions(LookArgs),
    /// Show how large tables and tenants are, and how they grow
    ///
    /// The size of a table includes its indexes. Its growth is computed from measurements that a
    /// running process stores once a day. The size of a tenant is that of its values; its rows are
    /// counted one by one, which is slow in a large database. Its growth is computed from the times
    /// of its own rows of the last seven days.
    #[command(after_long_help = after(
        &["wmctl db size", "wmctl db size --by table", "wmctl db size acme --json"],
        &LISTED,
    ))]
    Size(size::SizeArgs),
    /// Check for orphaned rows, keys of the wrong length and unreadable records
    ///
    /// Reads every row and changes nothing. On SQLite, the structure of the file is checked too; on
    /// PostgreSQL, use pg_amcheck for that.
    #[command(after_long_help = after(
        &["wmctl db check", "wmctl db check acme --json"],
        &[
            (Exit::Done, "no errors were found"),
            help::DATABASE,
            (Exit::Partial, "errors were found"),
        ],
    ))]
    Check(LookArgs),
    /// Delete events, sent messages and secrets that exceed the retention limits
    ///
    /// A running process does the same for the tenants that it runs, at the interval keep_every. A
    /// limit is an age, a number of rows per tenant, both, or `forever`: keep_events (30d),
    /// keep_outbox (30d), keep_secrets (365d,1000000) and keep_buffer (35d). Set them in the
    /// configuration file, or with variables such as WMCTL_KEEP_EVENTS. Keys, sessions and unsent
    /// messages are never deleted. For 35 days a deleted event leaves its number and its dedupe
    /// key, so that a message that the server delivers again does not become a second event. An
    /// idempotency key is known for as long as the row of its message exists.
    #[command(after_long_help = after(
        &[
            "wmctl db prune --dry-run",
            "wmctl db prune acme",
            "WMCTL_KEEP_EVENTS=90d,5000000 wmctl db prune --dry-run",
        ],
        &[
            (Exit::Done, "done"),
            help::DATABASE,
            (Exit::Partial, "rows of some tenants are locked; all others are done"),
        ],
    ))]
    Prune(PruneArgs),
    /// Declare that the database was restored from a backup
    ///
    /// wmctl usually detects a restore by itself: this machine has newer state than the rows, or
    /// the rows are in another database, server or file than before. Use this command where it
    /// cannot: a whole machine was restored with all its disks, or a copy of the database was used
    /// elsewhere and you now continue with this one. wmctl then encrypts nothing with the keys in
    /// the rows: the next message to each device starts a new session, and each group gets a new
    /// key. Events continue in a new log with higher numbers. Messages received or sent after the
    /// backup are missing from the rows. Stop the process that runs the account first.
    #[command(after_long_help = after(
        &["wmctl db restored acme", "wmctl db restored --all"],
        &[
            (Exit::Done, "done"),
            (Exit::Absent, "the tenant has no account"),
            (Exit::Conflict, "a process is running the account"),
            help::DATABASE,
            (Exit::Partial, "processes are running some tenants; all others are done"),
        ],
    ))]
    Restored(RestoredArgs),
    /// Show leases and their holders, and report problems (the same as `wmctl lock-status`)
    Locks(LockStatusArgs),
}

/// How commands end that print what they found.
const LISTED: [(Exit, &str); 2] = [(Exit::Done, "the list was printed"), help::DATABASE];

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

    /// Count what would be deleted, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
#[group(required = true)]
struct RestoredArgs {
    /// Tenant whose rows are out of date
    #[arg(value_name = "TENANT")]
    only: Option<TenantId>,

    /// All tenants that have an account
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
    ui.list("PrunedList", &pruned, "nothing exceeds its limit")?;
    if !locked.is_empty() {
        let names: Vec<String> = locked.iter().map(ToString::to_string).collect();
        ui.warn(&format!(
            "rows of {} are locked by other sessions and were not pruned; `wmctl db locks` shows \
             the holder",
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
            ui.done(&format!("{looked}: no errors"));
            Ok(Exit::Done)
        }
        findings => {
            ui.warn(&format!(
                "{looked}: {}",
                counted(findings, "error", "errors")
            ));
            if checked.findings.iter().any(|it| it.check == db::OTHER_FORM) {
                ui.note(
                    "whatsmeow_record: whatsmeow or its fork wrote these; stop it, then convert \
                     them with `wmctl migrate up --records`",
                );
            }
            Ok(Exit::Partial)
        }
    }
}
