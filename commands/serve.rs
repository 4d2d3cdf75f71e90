//! `wmctl serve`: runs every paired tenant.

use std::time::Duration;

use tracing::info;
use wmctl::ops::Stop;
use wmctl::ops::open::App;
use wmctl::ops::serve::{self, ServeError, ServeNotice, ServeOptions};

use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::start;
use crate::ui::{Format, Ui};

/// Keep every paired tenant connected
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
    /// Let at most this many tenants connect at the same time
    #[arg(long, value_name = "COUNT", default_value = "16",
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connecting: u32,

    /// Call this host so; `tenants move --to` names it (default: the machine's name)
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Run at most this many tenants here; hosts share them out by it
    #[arg(long, value_name = "COUNT", default_value = "10000",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    capacity: u32,

    /// Take a host for dead that says nothing for this long (milliseconds)
    #[arg(long, value_name = "MILLISECONDS", default_value = "5000",
        value_parser = clap::value_parser!(u64).range(2_000..=60_000))]
    silence: u64,

    /// Give one tenant in a hundred away so often while this host has too many (seconds)
    #[arg(long, value_name = "SECONDS", default_value = "60",
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    rebalance: u64,

    /// Let tenants have proxies on this machine and in private networks
    #[arg(long)]
    private_proxies: bool,

    /// Take at most this long for a clean stop (seconds)
    #[arg(long, value_name = "SECONDS", default_value = "20")]
    grace: u64,
}

pub(crate) async fn run(ui: &Ui, settings: &Settings, args: &ServeArgs) -> Result<Exit, Failure> {
    let mut app = start::open_to_dial(ui, settings).await?;
    if args.private_proxies {
        app.allow_private_proxies();
    }
    let result = serve(&app, ui, args).await;
    app.close().await;
    result
}

async fn serve(app: &App, ui: &Ui, args: &ServeArgs) -> Result<Exit, Failure> {
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
            ServeNotice::Host { id, name } => info!(host = name, id, "serving"),
            ServeNotice::Status {
                business_id,
                status,
                ..
            } => info!(tenant = business_id, state = status.state, "tenant"),
            ServeNotice::Ended {
                business_id,
                reason,
            } => info!(tenant = business_id, %reason, "tenant ended"),
        }
        if ui.format() == Format::Jsonl && broken.is_none() {
            broken = ui.json(&notice).err();
            if broken.is_some() {
                stop.ask();
            }
        }
    };
    let served = start::with_signals(&stop, serve::serve(app, &options, &stop, &mut tell)).await?;
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
        Err(error @ ServeError::Fenced) => {
            Err(Failure::new(Exit::Conflict, "FENCED", error.to_string())
                .hint("start again: it takes what is free"))
        }
    }
}
