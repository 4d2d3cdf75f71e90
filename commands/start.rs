//! Common start of most commands: settings, the opened app, and conversion of errors.

use std::net::SocketAddr;

use wmctl::app::LineError;
use wmctl::app::Stop;
use wmctl::app::events::EventsError;
use wmctl::app::status::RunEnd;
use wmctl::app::{App, RowsError, Schema, Settings as OpsSettings};
use wmctl::config::{DatabaseUrl, Server};
use wmctl::rehearsal::simulated_phone::{self, ControlError};

use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::signals::Hangup;
use crate::ui::Ui;

/// Opens the configured database, for a command that does not connect to WhatsApp.
pub(crate) async fn open(ui: &Ui, settings: &Settings, schema: Schema) -> Result<App, Failure> {
    let server = settings.server()?;
    open_with(ui, settings, schema, server).await
}

/// Opens the database for a command that connects to WhatsApp, or to the configured simulator.
pub(crate) async fn open_to_dial(ui: &Ui, settings: &Settings) -> Result<App, Failure> {
    let server = match settings.simulator()? {
        Some(url) => {
            let simulated = simulated_phone::server(&url).await;
            Server {
                client_version: settings.client_version()?,
                ..simulated.map_err(|error| simulator(&error))?
            }
        }
        None => settings.server()?,
    };
    open_with(ui, settings, Schema::Current, server).await
}

async fn open_with(
    ui: &Ui,
    settings: &Settings,
    schema: Schema,
    server: Server,
) -> Result<App, Failure> {
    let database = settings.database()?;
    if settings.database_is_default()
        && let DatabaseUrl::Sqlite(path) = &database
        && !path.exists()
    {
        ui.note(&format!("no database is set: using {}", path.display()));
    }
    let ops = OpsSettings {
        database,
        server,
        ..ops_settings(settings)?
    };
    let retention = settings.retention()?;
    let mut app = App::open(ops, schema).await.map_err(rows)?;
    app.retain(retention);
    if let Some(folder) = settings.marks() {
        app.keep_marks_in(&folder);
    }
    Ok(app)
}

/// Returns the settings for the use cases.
pub(crate) fn ops_settings(settings: &Settings) -> Result<OpsSettings, Failure> {
    Ok(OpsSettings {
        database: settings.database()?,
        tenant: settings.tenant()?,
        server: settings.server()?,
        device_name: settings.device_name().to_owned(),
    })
}

/// Converts an error of a simulator's control interface.
pub(crate) fn simulator(error: &ControlError) -> Failure {
    let message = error.to_string();
    match error {
        ControlError::Url => Failure::new(Exit::Config, "SIMULATOR_URL", message),
        ControlError::Unreachable { .. } => Failure::new(Exit::Remote, "UNREACHABLE", message)
            .hint("`wmctl simulate` starts one and says where"),
        ControlError::Refused(_) => Failure::new(Exit::Remote, "SIMULATOR_REFUSED", message),
    }
}

/// Converts a database error.
pub(crate) fn rows(error: RowsError) -> Failure {
    let message = error.to_string();
    match error {
        RowsError::Schema { found, wanted } if found < wanted => {
            Failure::new(Exit::Database, "SCHEMA_OLD", message).hint("run `wmctl migrate up`")
        }
        RowsError::Schema { .. } => Failure::new(Exit::Database, "SCHEMA_NEW", message)
            .hint("a newer wmctl made this schema: use that one"),
        RowsError::Held { tenant, holder } => {
            let failure = Failure::new(Exit::Conflict, "LOCK_HELD", message);
            let holder = holder.unwrap_or_else(|| String::from("another process"));
            failure.hint(format!(
                "held by {holder}: stop that one first; \
                 if it hangs: `wmctl lock-status --release {tenant}`"
            ))
        }
        RowsError::EpochSpent { tenant } => Failure::new(Exit::Database, "EPOCH_SPENT", message)
            .hint(RowsError::epoch_remedy(&tenant)),
        RowsError::File(_) => Failure::new(Exit::Database, "DATABASE_FILE", message)
            .hint("DATABASE_URL names the file; its folder must be writable"),
        RowsError::NotOurs { hint, .. } => {
            Failure::new(Exit::Database, "SCHEMA_NOT_OURS", message).hint(hint)
        }
        RowsError::OutOfReach { hint, .. } => {
            Failure::new(Exit::Config, "TENANT_OUT_OF_REACH", message).hint(hint)
        }
        RowsError::Login(_) => Failure::new(Exit::Database, "DATABASE_LOGIN", message)
            .hint("DATABASE_URL names user, password and database; pg_hba.conf, who may log in"),
        RowsError::Untrusted(_) => Failure::new(Exit::Database, "DATABASE_TLS", message).hint(
            "sslrootcert of DATABASE_URL names the authority that signed the server's certificate",
        ),
        RowsError::TlsFile(_) => Failure::new(Exit::Config, "DATABASE_TLS_FILE", message)
            .hint("it must be a PEM file that this user may read"),
        RowsError::Route { hint, .. } => {
            Failure::new(Exit::Config, "DATABASE_ROUTE", message).hint(hint)
        }
        RowsError::Full(_) => Failure::new(Exit::Database, "DATABASE_FULL", message)
            .hint("make room on the disk that holds it, then run the command again"),
        RowsError::Encoding(_) => Failure::new(Exit::Database, "DATABASE_ENCODING", message)
            .hint("CREATE DATABASE \u{2026} ENCODING 'UTF8' TEMPLATE template0 makes one that can"),
        RowsError::ReadOnly(_) => Failure::new(Exit::Database, "DATABASE_READ_ONLY", message)
            .hint("nothing was changed; managed servers do so while their disk is full"),
        RowsError::NoCopy(_) => Failure::new(Exit::Database, "DATABASE_NO_COPY", message).hint(
            "`wmctl doctor` names the standby: start it, or take it out of \
             synchronous_standby_names; then look whether the change was made",
        ),
        RowsError::Database(_) => Failure::new(Exit::Database, "DATABASE", message)
            .hint("is the database up? DATABASE_URL says where it is"),
    }
}

/// Converts an error of binding the HTTP address.
pub(crate) fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> Failure {
    let message = format!("listen on {address}: {error}");
    match error.kind() {
        std::io::ErrorKind::AddrInUse => Failure::new(Exit::Conflict, "ADDRESS_IN_USE", message)
            .hint("another process listens there: stop it, or choose another address with --http"),
        _ => Failure::new(Exit::Config, "HTTP_ADDRESS", message)
            .hint("--http or HTTP_PORT sets the address"),
    }
}

/// Converts an error of reading events.
pub(crate) fn events(error: EventsError) -> Failure {
    let (message, code) = (error.to_string(), error.code().unwrap_or("DATABASE"));
    match error {
        EventsError::Rows(error) => rows(error),
        EventsError::UnknownTenant(_) => Failure::new(Exit::Absent, code, message)
            .hint("`wmctl tenants list` shows who is there"),
        EventsError::Removed { removed_to, .. } => {
            Failure::new(Exit::Gone, code, message).hint(format!(
                "--from-seq {} goes on behind the gap; keep_events says how long they are kept",
                removed_to + 1
            ))
        }
        EventsError::Ahead { last, .. } => {
            Failure::new(Exit::Conflict, code, message).hint(format!(
                "a restored database lacks what came after its backup: look at what the reader \
                 did, then go on with --from-seq {}",
                last + 1
            ))
        }
    }
}

/// Runs `work` to its end. Signals request a stop, and so does a closed terminal.
pub(crate) async fn with_signals<T>(
    stop: &Stop,
    work: impl Future<Output = T>,
) -> Result<T, Failure> {
    with_signals_and(Hangup::Ends, stop, work).await
}

/// Runs `work` for a service, which uses SIGHUP for reloading.
pub(crate) async fn with_service_signals<T>(
    stop: &Stop,
    work: impl Future<Output = T>,
) -> Result<T, Failure> {
    with_signals_and(Hangup::Reloads, stop, work).await
}

async fn with_signals_and<T>(
    hangup: Hangup,
    stop: &Stop,
    work: impl Future<Output = T>,
) -> Result<T, Failure> {
    let signals = crate::signals::pass_on(stop, hangup);
    tokio::pin!(work, signals);
    tokio::select! {
        result = &mut work => Ok(result),
        exit = &mut signals => Err(Failure::new(exit, "INTERRUPTED", "interrupted before the end")),
    }
}

/// Converts a connection error.
pub(crate) fn line(error: &LineError) -> Failure {
    let message = error.to_string();
    match error {
        LineError::Misconfigured(_) => Failure::new(Exit::Config, "SERVER", message)
            .hint("look at --server, --root-key and --ca-file"),
        LineError::Untrusted(_) => Failure::new(Exit::Remote, "UNTRUSTED", message)
            .hint("a simulator needs --root-key; elsewhere something may sit in between"),
        LineError::Down(_) => Failure::new(Exit::Remote, "UNREACHABLE", message),
    }
}

/// Converts the reason why an account stopped.
pub(crate) fn ended(end: &RunEnd, tenant: &str) -> Failure {
    let pair_again = format!("wmctl pair --tenant {tenant}");
    match end {
        RunEnd::Stopped => Failure::new(Exit::Interrupted, "STOPPED", "stopped"),
        RunEnd::Unpaired => Failure::new(
            Exit::Absent,
            "NOT_PAIRED",
            format!("{tenant} has no paired device"),
        )
        .hint(pair_again),
        RunEnd::LoggedOut { reason } => {
            let message = format!("{tenant} was unlinked ({reason}); its rows are kept");
            Failure::new(Exit::Auth, "LOGGED_OUT", message).hint(pair_again)
        }
        RunEnd::Banned { code, until } => {
            let until = until
                .as_ref()
                .map_or_else(String::new, |until| format!(" until {until}"));
            let message = format!("WhatsApp banned the account of {tenant}{until} (code {code})");
            Failure::new(Exit::Auth, "BANNED", message)
                .hint("wait, and look into the phone's app for what WhatsApp says")
        }
        RunEnd::Outdated => {
            let message = "WhatsApp refuses this client version as outdated (405)";
            Failure::new(Exit::Auth, "OUTDATED", message).hint(
                "install a newer wmctl, or set client_version (WMCTL_CLIENT_VERSION, or a file in \
                 WMCTL_CLIENT_VERSION_FILE) to the version that web.whatsapp.com uses now, like \
                 2.3000.1045649367",
            )
        }
        RunEnd::Exported { to, at } => {
            let message = format!("{tenant} was exported to {to} at {at}: it runs there now");
            Failure::new(Exit::Conflict, "EXPORTED", message).hint(format!(
                "stop it there for good, then take it back: \
                 wmctl migrate export --undo --tenant {tenant}"
            ))
        }
        RunEnd::LeaseLost => {
            let message = format!("another process took over {tenant}");
            Failure::new(Exit::Conflict, "FENCED", message)
                .hint("`wmctl tenants list` shows which one")
        }
        RunEnd::Stalled { .. } => Failure::new(Exit::Remote, "STALLED", end.to_string())
            .hint("start it again, or on another machine"),
        RunEnd::Broken(what) => Failure::new(Exit::Database, "BROKEN", what.clone())
            .hint("the log says more; the rows are as they were"),
    }
}
