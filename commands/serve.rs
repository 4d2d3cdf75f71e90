//! `wmctl serve`: runs every paired tenant.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};
use wmctl::api::server::{ApiServer, ServerError, ServerOptions};
use wmctl::api::tls::Tls;
use wmctl::app::App;
use wmctl::app::Stop;
use wmctl::daemon::host::{self, ServeError, ServeNotice, ServeOptions};

use crate::failure::{Exit, Failure};
use crate::help::{self, after};
use crate::settings::Settings;
use crate::signals::{EndsWith, Hangups};
use crate::tls::{self, TlsArgs};
use crate::ui::{Format, Ui};
use crate::webhooks::DeliveryArgs;
use crate::{duration, service, start};

/// Maximum length of a host name, as in DNS.
const HOST_NAME_MAX: usize = 253;
/// Default address of the interface.
pub(crate) const USUAL_ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// Keep every paired tenant connected, and serve the HTTP API
///
/// The host runs every tenant in the database that no other process runs, including tenants that
/// are paired later. Applications use the HTTP API, or read events with `wmctl events` and send
/// with `wmctl send`. SIGINT and SIGTERM stop the process cleanly; a second signal ends it at once,
/// without losing messages.
///
/// In a systemd unit, set Restart=always and RestartPreventExitStatus=2 3 4.
#[derive(Debug, clap::Args)]
#[command(after_long_help = after(
    &[
        "wmctl serve",
        "wmctl serve -o jsonl",
        "wmctl serve --http 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem",
        "wmctl serve --connecting 50 --log-format json",
    ],
    &[
        (Exit::Done, "stopped cleanly by a signal"),
        (Exit::Usage, "an option is invalid"),
        (Exit::Config, "a setting or a file cannot be used, or there is no API key"),
        (Exit::Conflict, "the HTTP address is in use"),
        help::DATABASE,
        (Exit::Interrupted, "a second SIGINT ended it before it had stopped"),
        (Exit::Terminated, "a second SIGTERM ended it before it had stopped"),
    ],
))]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    ends_with: EndsWith,

    /// Maximum number of tenants that connect at the same time
    #[arg(long, value_name = "COUNT", default_value = "16",
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connecting: u32,

    /// Serve the HTTP API on this address; HTTP_PORT=8080 is the same as --http 0.0.0.0:8080
    ///
    /// Default: 127.0.0.1:8080, unless that address is in use. An address that other machines can
    /// reach requires an API key: `wmctl keys add` creates one.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "no_http")]
    http: Option<SocketAddr>,

    /// Do not listen for HTTP requests
    #[arg(long)]
    no_http: bool,

    /// Maximum requests per second for each API key, or for each client address without a key
    ///
    /// Bursts of twice this number are allowed.
    #[arg(long, value_name = "COUNT", default_value = "50",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,

    /// Name of this host, as `tenants move --to` takes it (default: the machine's host name)
    #[arg(long, value_name = "NAME", value_parser = host_name)]
    name: Option<String>,

    /// Maximum number of tenants on this host; hosts share tenants in proportion to it
    #[arg(long, value_name = "COUNT", default_value = "10000",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    capacity: u32,

    /// Other hosts consider this one dead after this long without a heartbeat
    #[arg(long, value_name = "DURATION", default_value = "5s",
        value_parser = duration::milliseconds(2_000, 60_000))]
    silence: u64,

    /// How often an overloaded host hands over 1% of its tenants
    #[arg(long, value_name = "DURATION", default_value = "60s",
        value_parser = duration::seconds(1, 86_400))]
    rebalance: u64,

    /// Treat a connection as stalled if a reply is this late while pings are answered
    ///
    /// wmctl then reconnects, reloads the account from the database, and finally hands it to
    /// another process.
    #[arg(long, value_name = "DURATION", default_value = "30s",
        value_parser = duration::seconds(1, 3_600))]
    stall_timeout: u64,

    /// Time limit for a clean stop; up to 7s more if the database hangs
    #[arg(long, value_name = "DURATION", default_value = "20s",
        value_parser = duration::seconds(0, 86_400))]
    grace: u64,

    #[command(flatten)]
    delivery: DeliveryArgs,

    #[command(flatten)]
    tls: TlsArgs,
}

/// Validates a host name. It appears in tables, logs and commands.
fn host_name(text: &str) -> Result<String, String> {
    let fits = (1..=HOST_NAME_MAX).contains(&text.chars().count());
    let printable = text
        .chars()
        .all(|char| !char.is_control() && !char.is_whitespace());
    match fits && printable {
        true => Ok(text.to_owned()),
        false => Err(format!("1 to {HOST_NAME_MAX} characters, without spaces")),
    }
}

pub(crate) async fn run(ui: &Ui, settings: &Settings, args: &ServeArgs) -> Result<Exit, Failure> {
    args.ends_with.apply()?;
    let hangups = Hangups::listen();
    let mut app = start::open_to_dial(ui, settings).await?;
    args.delivery.apply(&mut app)?;
    app.set_stall_timeout(Duration::from_secs(args.stall_timeout));
    let app = Arc::new(app);
    let result = match listen(&app, settings, args).await {
        Ok((server, tls)) => {
            let served = serve(&app, ui, args, server);
            hangups.reloading(settings, tls, &app, served).await
        }
        Err(failure) => Err(failure),
    };
    app.close().await;
    result
}

/// Binds the requested address, or the default one if it is free.
async fn listen(
    app: &App,
    settings: &Settings,
    args: &ServeArgs,
) -> Result<(Option<ApiServer>, Option<Tls>), Failure> {
    if args.no_http {
        return Ok((None, None));
    }
    let tls = tls::load(settings, &args.tls)?;
    let asked = args.http.or(settings.http_address()?);
    let options = ServerOptions {
        address: asked.unwrap_or(USUAL_ADDRESS),
        tls: tls.clone(),
        rate: args.rate,
    };
    if tls.is_none() && !options.address.ip().is_loopback() {
        warn!("API keys cross the network unencrypted: use --tls-cert, or a proxy with TLS");
    }
    match ApiServer::bind(app, options).await {
        Ok(server) => Ok((Some(server), tls)),
        Err(ServerError::Rows(error)) => Err(start::rows(error)),
        Err(error @ ServerError::Bind { .. }) if asked.is_none() => {
            warn!(%error, "not serving the HTTP API: set another address with --http");
            Ok((None, None))
        }
        Err(ServerError::Bind { address, source }) => Err(start::cannot_listen(address, &source)),
        Err(error @ ServerError::NoKeys(_)) => {
            Err(Failure::new(Exit::Config, "NO_API_KEYS", error.to_string())
                .hint("create one with `wmctl keys add`, or listen on 127.0.0.1"))
        }
    }
}

async fn serve(
    app: &Arc<App>,
    ui: &Ui,
    args: &ServeArgs,
    server: Option<ApiServer>,
) -> Result<Exit, Failure> {
    let options = ServeOptions {
        connecting: usize::try_from(args.connecting).unwrap_or(usize::MAX),
        grace: Duration::from_secs(args.grace),
        name: args.name.clone(),
        capacity: args.capacity,
        silence: Duration::from_millis(args.silence),
        rebalance: Duration::from_secs(args.rebalance),
    };
    let stop = Stop::new();
    let mut broken = None;
    let mut tell = |notice: ServeNotice| {
        match &notice {
            ServeNotice::Http { address } => info!(address, "answering over HTTP"),
            ServeNotice::Host { id, name } => info!(host = name, id, "serving"),
            ServeNotice::Lease(lease) => info!(state = lease.state, "heartbeats"),
            ServeNotice::Status {
                business_id,
                status,
                ..
            } => info!(business_id, state = status.state, "tenant"),
            ServeNotice::Ended {
                business_id,
                reason,
            } => info!(business_id, %reason, "tenant ended"),
        }
        if ui.format() == Format::Jsonl && broken.is_none() {
            broken = ui.json(&notice).err();
            if broken.is_some() {
                stop.ask();
            }
        }
    };
    let address = server.as_ref().and_then(|server| server.address().ok());
    if let Some(address) = address {
        let address = address.to_string();
        tell(ServeNotice::Http { address });
    }
    let both = async {
        let tenants = async {
            let served = host::serve(app, &options, &stop, &mut tell).await;
            stop.ask();
            served
        };
        tokio::join!(tenants, answer(app, server, &stop)).0
    };
    let watched = service::watched(app, &stop, both);
    let served = start::with_service_signals(&stop, watched).await?;
    if let Some(failure) = broken {
        return Err(failure);
    }
    match served {
        Ok(()) => {
            info!("stopped");
            Ok(Exit::Done)
        }
        Err(ServeError::Rows(error)) => Err(start::rows(error)),
        Err(ServeError::Line(error)) => Err(start::line(&error)),
    }
}

/// Serves HTTP requests, if a server is given.
async fn answer(app: &Arc<App>, server: Option<ApiServer>, stop: &Stop) {
    if let Some(server) = server {
        server.serve(app.clone(), stop.clone()).await;
    }
}
