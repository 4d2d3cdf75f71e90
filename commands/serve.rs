//! `wmctl serve`: runs every paired tenant.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};
use wmctl::api::server::{Server, ServerError, ServerOptions};
use wmctl::api::tls::Tls;
use wmctl::app::App;
use wmctl::app::Stop;
use wmctl::daemon::host::{self, ServeError, ServeNotice, ServeOptions};

use crate::failure::{Exit, Failure};
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

/// Keep every paired tenant connected, and answer over HTTP
///
/// Takes each tenant of the database that no other process runs, also those that are paired while
/// it runs. Applications read events with `wmctl events` and write with `wmctl send`. SIGINT and
/// SIGTERM stop it cleanly; a second one ends it at once, which loses nothing either.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    wmctl serve\n  \
    wmctl serve -o jsonl\n  \
    wmctl serve --connecting 50 --log-format json")]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    ends_with: EndsWith,

    /// Let at most this many tenants connect at the same time
    #[arg(long, value_name = "COUNT", default_value = "16",
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connecting: u32,

    /// Answer the HTTP interface on this address; HTTP_PORT=8080 is the same as --http 0.0.0.0:8080
    ///
    /// 127.0.0.1:8080 by default, if nothing else has it. An address that others can reach needs
    /// a key: `wmctl keys add` makes one.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "no_http")]
    http: Option<SocketAddr>,

    /// Answer nothing over HTTP
    #[arg(long)]
    no_http: bool,

    /// Limit requests per second of each API key, or client address without a key
    ///
    /// Bursts of twice as many are allowed.
    #[arg(long, value_name = "COUNT", default_value = "50",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,

    /// Name of this host, which `tenants move --to` takes (default: the machine's name)
    #[arg(long, value_name = "NAME", value_parser = host_name)]
    name: Option<String>,

    /// Run at most this many tenants here; hosts share them out by it
    #[arg(long, value_name = "COUNT", default_value = "10000",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    capacity: u32,

    /// Let others consider this host dead after this long without a heartbeat
    #[arg(long, value_name = "DURATION", default_value = "5s",
        value_parser = duration::milliseconds(2_000, 60_000))]
    silence: u64,

    /// How often an overloaded host hands over 1% of its tenants
    #[arg(long, value_name = "DURATION", default_value = "60s",
        value_parser = duration::seconds(1, 86_400))]
    rebalance: u64,

    /// Treat a connection as stalled if a reply is this late although pings are answered
    ///
    /// wmctl then reconnects, then reloads the account from the database, and in the end hands it
    /// to another process.
    #[arg(long, value_name = "DURATION", default_value = "30s",
        value_parser = duration::seconds(1, 3_600))]
    stall_timeout: u64,

    /// Let tenants have proxies on this machine and in private networks
    #[arg(long)]
    private_proxies: bool,

    /// Take at most this long for a clean stop, and 7 s more if the database hangs
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
    if args.private_proxies {
        app.allow_private_proxies();
    }
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
) -> Result<(Option<Server>, Option<Tls>), Failure> {
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
        warn!("keys cross the network as they are: --tls-cert, or a proxy with TLS, hides them");
    }
    match Server::bind(app, options).await {
        Ok(server) => Ok((Some(server), tls)),
        Err(ServerError::Rows(error)) => Err(start::rows(error)),
        Err(error @ ServerError::Bind { .. }) if asked.is_none() => {
            warn!(%error, "nothing is answered over HTTP: --http says where");
            Ok((None, None))
        }
        Err(ServerError::Bind { address, source }) => Err(start::cannot_listen(address, &source)),
        Err(error @ ServerError::NoKeys(_)) => {
            Err(Failure::new(Exit::Config, "NO_API_KEYS", error.to_string())
                .hint("`wmctl keys add` makes one; or listen on 127.0.0.1"))
        }
    }
}

async fn serve(
    app: &Arc<App>,
    ui: &Ui,
    args: &ServeArgs,
    server: Option<Server>,
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
async fn answer(app: &Arc<App>, server: Option<Server>, stop: &Stop) {
    if let Some(server) = server {
        server.serve(app.clone(), stop.clone()).await;
    }
}
