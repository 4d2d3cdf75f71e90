//! `wmctl run`: keeps one account connected.

use std::ops::ControlFlow;
use std::time::Duration;

use serde::Serialize;
use tracing::info;
use wmctl::ops::Stop;
use wmctl::ops::open::{App, Schema};
use wmctl::ops::run::{self, AccountStatus, RunEnd, RunError, RunNotice, RunOptions};

use crate::events;
use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::start;
use crate::ui::{Format, Ui};

/// Keep one account connected
///
/// Prints events once they are stored, sends what is in the outbox, and reconnects by itself. With
/// `-o jsonl` lines of type `status` tell how the connection is; they are not stored.
/// SIGINT and SIGTERM stop it cleanly; a second one ends it at once, which loses nothing either.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    wmctl run --tenant acme\n  \
    wmctl run --tenant acme -o jsonl --from-seq 8812 | my-bot\n  \
    wmctl run --tenant acme --log-format json\n\n\
    A unit file needs Restart=always and RestartPreventExitStatus=2 3 4.")]
pub(crate) struct RunArgs {
    /// Print events from this number on, instead of only new ones
    #[arg(long, value_name = "SEQ")]
    from_seq: Option<i64>,

    /// Take at most this long for a clean stop (seconds)
    #[arg(long, value_name = "SECONDS", default_value = "20")]
    grace: u64,

    /// Print no events
    #[arg(long)]
    no_events: bool,
}

/// The state of the connection, between the events; it has no number, as it is not stored.
#[derive(Serialize)]
struct StatusLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    status: &'a AccountStatus,
}

fn tell_status(ui: &Ui, status: &AccountStatus, told: bool) -> Result<(), Failure> {
    if !told || ui.format() != Format::Jsonl {
        return Ok(());
    }
    let kind = "status";
    ui.json(&StatusLine { kind, status })
}

pub(crate) async fn run(ui: &Ui, settings: &Settings, args: &RunArgs) -> Result<Exit, Failure> {
    let app = start::open(ui, settings, Schema::Current).await?;
    let result = keep(&app, ui, args).await;
    app.close().await;
    result
}

async fn keep(app: &App, ui: &Ui, args: &RunArgs) -> Result<Exit, Failure> {
    info!(tenant = %app.settings.tenant, database = %app.settings.database, "store is ready");
    let options = RunOptions {
        from_seq: args.from_seq,
        grace: Duration::from_secs(args.grace),
    };
    let stop = Stop::new();
    let mut broken = None;
    let mut tell = |notice: RunNotice| match notice {
        RunNotice::Status(status) => {
            info!(state = status.state, reason = status.reason, "account");
            let told = !args.no_events && broken.is_none();
            match tell_status(ui, &status, told) {
                Ok(()) => ControlFlow::Continue(()),
                Err(failure) => {
                    broken = Some(failure);
                    ControlFlow::Break(())
                }
            }
        }
        RunNotice::Event(_) if args.no_events || broken.is_some() => ControlFlow::Continue(()),
        RunNotice::Event(event) => match events::print(ui, &event) {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                broken = Some(failure);
                ControlFlow::Break(())
            }
        },
    };
    if ui.format() == Format::Json {
        let message = "events have no end: one JSON document cannot hold them";
        return Err(Failure::new(Exit::Usage, "BAD_VALUE", message).hint("use -o jsonl"));
    }
    let end = start::with_signals(&stop, run::run(app, &options, &stop, &mut tell)).await?;
    if let Some(failure) = broken {
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
    }
}
