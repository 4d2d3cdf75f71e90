//! `wmctl events`: the numbered events of an account.

use std::ops::ControlFlow;

use clap::builder::PossibleValuesParser;
use wmctl::ops::Stop;
use wmctl::ops::event::{Event, TYPES};
use wmctl::ops::events::{self, EventsOptions};
use wmctl::ops::open::{App, Schema};

use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::start;
use crate::ui::{Format, Listed, Ui};

/// Read the numbered events of an account
///
/// Every event has a number that rises: a reader that stopped goes on with the number after the
/// last one it has dealt with, and misses and repeats nothing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    wmctl events --tenant acme --limit 20\n  \
    wmctl events --tenant acme --type message -o jsonl | jq -r .text\n  \
    wmctl events --tenant acme --follow --from-seq 8812 -o jsonl")]
pub(crate) struct EventsArgs {
    /// Start with this number
    #[arg(long, value_name = "SEQ", default_value = "0")]
    from_seq: i64,

    /// Show only events of this type (can be repeated)
    #[arg(long = "type", value_name = "TYPE", value_parser = PossibleValuesParser::new(TYPES))]
    types: Vec<String>,

    /// Wait for more at the end
    #[arg(short, long)]
    follow: bool,

    /// Show at most so many
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
}

impl Listed for Event {
    const HEADS: &'static [&'static str] = &["SEQ", "TIME", "TYPE", "CHAT", "SUMMARY"];

    fn cells(&self) -> Vec<String> {
        let chat = self
            .chat
            .clone()
            .or_else(|| self.sender.clone())
            .unwrap_or_default();
        vec![
            self.seq.to_string(),
            self.at.clone(),
            self.kind.clone(),
            chat,
            self.summary(),
        ]
    }

    fn name(&self) -> String {
        self.seq.to_string()
    }
}

pub(crate) async fn run(ui: &Ui, settings: &Settings, args: &EventsArgs) -> Result<Exit, Failure> {
    let app = start::open(ui, settings, Schema::Current).await?;
    app.check_reach().await.map_err(start::rows)?;
    let result = read(&app, ui, args).await;
    app.close().await;
    result
}

async fn read(app: &App, ui: &Ui, args: &EventsArgs) -> Result<Exit, Failure> {
    let options = EventsOptions {
        from_seq: args.from_seq,
        types: args.types.clone(),
        follow: args.follow,
        limit: args.limit,
    };
    let together = matches!(ui.format(), Format::Table | Format::Json) && !args.follow;
    let mut kept = Vec::new();
    let mut broken = None;
    let stop = Stop::new();
    let mut tell = |event: Event| {
        if together {
            kept.push(event);
            return ControlFlow::Continue(());
        }
        match print(ui, &event) {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                broken = Some(failure);
                ControlFlow::Break(())
            }
        }
    };
    let read = events::events(app, &options, &stop, &mut tell);
    start::with_signals(&stop, read)
        .await?
        .map_err(start::rows)?;
    if let Some(failure) = broken {
        return Err(failure);
    }
    if together {
        ui.list(
            "EventList",
            &kept,
            "no events yet: `wmctl run` brings them in",
        )?;
    }
    Ok(Exit::Done)
}

/// One event at a time, as it comes.
pub(crate) fn print(ui: &Ui, event: &Event) -> Result<(), Failure> {
    match ui.format() {
        Format::Table => ui.answer(&(event.cells().join("  ") + "\n")),
        Format::Name => ui.answer(&(event.name() + "\n")),
        Format::Json | Format::Jsonl => ui.json(event),
    }
}
