//! Common start of most commands: settings, the opened app, and conversion of errors.

use std::net::SocketAddr;

use wmctl::app::LineError;
use wmctl::app::Stop;
use wmctl::app::events::EventsError;
use wmctl::app::status::RunEnd;
use wmctl::app::{App, RowsError, Schema, Settings as OpsSettings};
use wmctl::config::{DatabaseUrl, WhatsAppServer};
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
    let server = server(settings).await?;
    open_with(ui, settings, Schema::Current, server).await
}

/// What to connect to: the server, or the simulator that is named.
pub(crate) async fn server(settings: &Settings) -> Result<WhatsAppServer, Failure> {
    let own = settings.server()?;
    let Some(url) = settings.simulator()? else {
        return Ok(own);
    };
    let simulated = simulated_phone::server(&url).await;
    Ok(WhatsAppServer {
        client_version: own.client_version,
        proxy: own.proxy,
        ..simulated.map_err(|error| simulator(&error))?
    })
}

async fn open_with(
    ui: &Ui,
    settings: &Settings,
    schema: Schema,
    server: WhatsAppServer,
) -> Result<App, Failure> {
    let database = settings.database()?;
    if settings.database_is_default()
        && let DatabaseUrl::Sqlite(path) = &database
        && !path.exists()
    {
        ui.note(&format!(
            "no database is configured: using {}",
            path.display()
        ));
    }
    let ops = OpsSettings {
        database,
        server,
        ..ops_settings(settings)?
    };
    let retention = settings.retention()?;
    let private_proxies = settings.private_proxies()?;
    let mut app = App::open(ops, schema).await.map_err(rows)?;
    if private_proxies {
        app.allow_private_proxies();
    }
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
            .hint("`wmctl simulate` starts one and prints its URL"),
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
            .hint("a newer wmctl made this schema: use that version"),
        RowsError::Held { tenant, holder } => {
            let failure = Failure::new(Exit::Conflict, "LOCK_HELD", message);
            let holder = holder.unwrap_or_else(|| String::from("another process"));
            failure.hint(format!(
                "held by {holder}: stop that process first; \
                 if it hangs, run `wmctl lock-status --release {tenant}`"
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
        RowsError::Login(_) => Failure::new(Exit::Database, "DATABASE_LOGIN", message).hint(
            "check user, password and database in DATABASE_URL, and pg_hba.conf of the server",
        ),
        RowsError::Untrusted(_) => Failure::new(Exit::Database, "DATABASE_TLS", message).hint(
            "sslrootcert of DATABASE_URL names the authority that signed the server's certificate",
        ),
        RowsError::TlsFile(_) => Failure::new(Exit::Config, "DATABASE_TLS_FILE", message)
            .hint("it must be a PEM file that this user can read"),
        RowsError::Route { hint, .. } => {
            Failure::new(Exit::Config, "DATABASE_ROUTE", message).hint(hint)
        }
        RowsError::Full(_) => Failure::new(Exit::Database, "DATABASE_FULL", message)
            .hint("make room on the disk that holds it, then run the command again"),
        RowsError::Encoding(_) => Failure::new(Exit::Database, "DATABASE_ENCODING", message)
            .hint("CREATE DATABASE \u{2026} ENCODING 'UTF8' TEMPLATE template0 makes one that can"),
        RowsError::ReadOnly(_) => Failure::new(Exit::Database, "DATABASE_READ_ONLY", message)
            .hint("nothing was changed; managed servers become read-only when their disk is full"),
        RowsError::NoCopy(_) => Failure::new(Exit::Database, "DATABASE_NO_COPY", message).hint(
            "`wmctl doctor` names the standby: start it, or remove it from \
             synchronous_standby_names; then check whether the change was made",
        ),
        RowsError::Database(_) => Failure::new(Exit::Database, "DATABASE", message)
            .hint("check that the database is running, and DATABASE_URL"),
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
        LineError::Misconfigured(_) => misconfigured(message),
        LineError::Untrusted(_) => Failure::new(Exit::Remote, "UNTRUSTED", message)
            .hint("a simulator needs --root-key; otherwise something may intercept the connection"),
        LineError::Down(_) => Failure::new(Exit::Remote, "UNREACHABLE", message),
    }
}

fn misconfigured(message: String) -> Failure {
    Failure::new(Exit::Config, "SERVER", message).hint(
        "check --server, --root-key, --ca-file and the proxy; `wmctl doctor` tries the connection",
    )
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
                .hint("wait, and check for a message from WhatsApp in the app on the phone")
        }
        RunEnd::Outdated => {
            let message = "WhatsApp refuses this client version as outdated (405)";
            Failure::new(Exit::Auth, "OUTDATED", message).hint(
                "install a newer wmctl, or set client_version (WMCTL_CLIENT_VERSION, or a file in \
                 WMCTL_CLIENT_VERSION_FILE) to the version that web.whatsapp.com uses now, such as \
                 2.3000.1045649367; `serve` and `run` read it again on SIGHUP",
            )
        }
        RunEnd::Exported { to, at } => {
            let message = format!("{tenant} was exported to {to} at {at} and runs there now");
            Failure::new(Exit::Conflict, "EXPORTED", message).hint(format!(
                "stop it there for good, then bring it back: \
                 wmctl migrate export --undo --tenant {tenant}"
            ))
        }
        RunEnd::LeaseLost => {
            let message = format!("another process took over {tenant}");
            Failure::new(Exit::Conflict, "FENCED", message)
                .hint("`wmctl tenants list` shows which one")
        }
        RunEnd::Stalled { .. } => Failure::new(Exit::Remote, "STALLED", end.to_string())
            .hint("start it again, here or on another machine"),
        RunEnd::Misconfigured(what) => misconfigured(what.clone()),
        RunEnd::Broken(what) => Failure::new(Exit::Database, "BROKEN", what.clone())
            .hint("see the log for details; the stored account is unchanged"),
    }
}
