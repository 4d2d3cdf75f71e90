//! `wmctl run`: keeps one account connected.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tracing::info;
use wmctl::api::health::HealthServer;
use wmctl::api::tls::Tls;
use wmctl::app::App;
use wmctl::app::Stop;
use wmctl::app::event::Event;
use wmctl::app::status::Role;
use wmctl::app::status::{AccountStatus, RunEnd};
use wmctl::daemon::account::{self, RunError, RunNotice, RunOptions};
use wmctl::daemon::standby::HaOptions;

use crate::events;
use crate::failure::{Exit, Failure};
use crate::help::{self, after};
use crate::serve::USUAL_ADDRESS;
use crate::settings::Settings;
use crate::signals::{EndsWith, Hangups};
use crate::tls::{self, TlsArgs};
use crate::ui::{Format, Ui};
use crate::webhooks::DeliveryArgs;
use crate::{duration, service, start};

/// Keep one account connected
///
/// wmctl prints events once they are stored, sends the messages in the outbox, and reconnects by
/// itself. With `-o jsonl`, lines of type `status` report the state of the connection; they are not
/// stored. SIGINT and SIGTERM stop the process cleanly; a second signal ends it at once, without
/// losing messages.
///
/// In a systemd unit, set Restart=always and RestartPreventExitStatus=2 3 4.
#[derive(Debug, clap::Args)]
#[command(after_long_help = after(
    &[
        "wmctl run --tenant acme",
        "wmctl run --tenant acme -o jsonl --from-seq 8812 | my-bot",
        "wmctl run --tenant acme --log-format json",
        "wmctl run --tenant acme --ha --http 0.0.0.0:8080",
    ],
    &[
        (Exit::Done, "stopped cleanly by a signal"),
        (Exit::Usage, "an option is invalid"),
        (Exit::Config, "a setting, the proxy or a file cannot be used"),
        (Exit::Auth, "the account was unlinked or banned, or this client is outdated"),
        (Exit::Absent, "the tenant has no paired device"),
        (Exit::Conflict, "another process runs the account, or the HTTP address is in use"),
        help::DATABASE,
        (Exit::Remote, "the connection stalled, or the server is not trusted"),
        (Exit::Interrupted, "a second SIGINT ended it before it had stopped"),
        (Exit::Terminated, "a second SIGTERM ended it before it had stopped"),
    ],
))]
pub(crate) struct RunArgs {
    #[command(flatten)]
    ends_with: EndsWith,

    /// Print events from this number on, instead of only new events
    #[arg(long, value_name = "SEQ")]
    from_seq: Option<i64>,

    /// Time limit for a clean stop
    #[arg(long, value_name = "DURATION", default_value = "20s",
        value_parser = duration::seconds(0, 86_400))]
    grace: u64,

    /// Do not print events
    #[arg(long)]
    no_events: bool,

    /// Stand by while another process runs the account, and take over if it fails
    #[arg(long)]
    ha: bool,

    /// With --ha, other processes consider this one dead after this long without a heartbeat
    #[arg(long, value_name = "DURATION", default_value = "3s", requires = "ha",
        value_parser = duration::milliseconds(500, 60_000))]
    ha_timeout: u64,

    /// Treat a connection as stalled if a reply is this late while pings are answered
    ///
    /// wmctl then reconnects, reloads the account from the database, and finally hands it to
    /// another process.
    #[arg(long, value_name = "DURATION", default_value = "30s",
        value_parser = duration::seconds(1, 3_600))]
    stall_timeout: u64,

    /// Answer health checks on this address; HTTP_PORT=8080 is the same as --http 0.0.0.0:8080
    ///
    /// Default: 127.0.0.1:8080, unless that address is in use.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "no_http")]
    http: Option<SocketAddr>,

    /// Do not listen for HTTP requests
    #[arg(long)]
    no_http: bool,

    #[command(flatten)]
    delivery: DeliveryArgs,

    #[command(flatten)]
    tls: TlsArgs,
}

/// A status line between events. It has no number because it is not stored.
#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    body: &'a T,
}

/// Reports status to people, programs and health checks.
struct Teller<'a> {
    ui: &'a Ui,
    args: &'a RunArgs,
    tenant: &'a str,
    /// The error of writing to standard output, if any.
    broken: Option<Failure>,
}

impl Teller<'_> {
    fn tell(&mut self, notice: RunNotice) -> ControlFlow<()> {
        let told = match &notice {
            RunNotice::Status(status) => self.status(status),
            RunNotice::Role(role) => self.role(role),
            RunNotice::Lease(lease) => self.line("lease", lease),
            RunNotice::Event(event) => self.event(event),
        };
        match told {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                self.broken = Some(failure);
                ControlFlow::Break(())
            }
        }
    }

    fn is_silent(&self) -> bool {
        self.args.no_events || self.broken.is_some()
    }

    fn line<T: Serialize>(&self, kind: &'static str, body: &T) -> Result<(), Failure> {
        if self.is_silent() || self.ui.format() != Format::Jsonl {
            return Ok(());
        }
        self.ui.json(&Line { kind, body })
    }

    fn status(&self, status: &AccountStatus) -> Result<(), Failure> {
        let business_id = self.tenant;
        info!(
            business_id,
            state = status.state,
            reason = status.reason,
            "account"
        );
        self.line("status", status)
    }

    fn role(&self, role: &Role) -> Result<(), Failure> {
        if self.args.ha {
            let (business_id, role) = (self.tenant, role.word());
            info!(business_id, role, "role");
        }
        self.line("role", role)
    }

    fn event(&self, event: &Event) -> Result<(), Failure> {
        if self.is_silent() {
            return Ok(());
        }
        events::print(self.ui, event)
    }
}

pub(crate) async fn run(ui: &Ui, settings: &Settings, args: &RunArgs) -> Result<Exit, Failure> {
    if ui.format() == Format::Json {
        let message = "events do not end, so that they cannot be one JSON document";
        return Err(Failure::new(Exit::Usage, "BAD_VALUE", message).hint("use -o jsonl"));
    }
    args.ends_with.apply()?;
    let hangups = Hangups::listen();
    let (server, tls) = listen(settings, args).await?;
    let mut app = start::open_to_dial(ui, settings).await?;
    args.delivery.apply(&mut app)?;
    app.set_stall_timeout(Duration::from_secs(args.stall_timeout));
    let app = Arc::new(app);
    let kept = keep(&app, ui, args, server);
    let result = hangups.reloading(settings, tls, &app, kept).await;
    app.close().await;
    result
}

/// Binds the requested address, or the default one if it is free.
async fn listen(
    settings: &Settings,
    args: &RunArgs,
) -> Result<(Option<HealthServer>, Option<Tls>), Failure> {
    if args.no_http {
        return Ok((None, None));
    }
    let tls = tls::load(settings, &args.tls)?;
    let asked = args.http.or(settings.http_address()?);
    let address = asked.unwrap_or(USUAL_ADDRESS);
    match HealthServer::bind(address, tls.clone()).await {
        Ok(server) => Ok((Some(server), tls)),
        Err(error) if asked.is_none() => {
            let hint = "set another address with --http";
            info!(%address, %error, hint, "not listening for HTTP health checks");
            Ok((None, None))
        }
        Err(error) => Err(start::cannot_listen(address, &error)),
    }
}

async fn keep(
    app: &Arc<App>,
    ui: &Ui,
    args: &RunArgs,
    server: Option<HealthServer>,
) -> Result<Exit, Failure> {
    info!(business_id = %app.settings.tenant, database = %app.settings.database, "store is ready");
    let options = RunOptions {
        from_seq: args.from_seq,
        grace: Duration::from_secs(args.grace),
        ha: args.ha.then(|| HaOptions {
            timeout: Duration::from_millis(args.ha_timeout),
        }),
    };
    let stop = Stop::new();
    let mut teller = Teller {
        ui,
        args,
        tenant: app.settings.tenant.as_str(),
        broken: None,
    };
    let answer = async {
        if let Some(server) = server {
            server.serve(app.clone(), stop.clone()).await;
        }
        std::future::pending().await
    };
    let mut tell = |notice| teller.tell(notice);
    let work = async {
        tokio::select! {
            end = account::run(app, &options, &stop, &mut tell) => end,
            end = answer => end,
        }
    };
    let end = start::with_service_signals(&stop, service::watched(app, &stop, work)).await?;
    if let Some(failure) = teller.broken {
        return Err(failure);
    }
    match end {
        Ok(RunEnd::Stopped) => {
            info!("stopped");
            Ok(Exit::Done)
        }
        Ok(end) => Err(start::ended(&end, app.settings.tenant.as_str())),
        Err(RunError::Rows(error)) => Err(start::rows(error)),
        Err(RunError::Line(error)) => Err(start::line(&error)),
        Err(RunError::Events(error)) => Err(start::events(error)),
    }
}
