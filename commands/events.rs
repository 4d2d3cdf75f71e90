//! `wmctl events`: prints the numbered events of an account.

use std::ops::ControlFlow;
use std::str::FromStr;

use clap::builder::PossibleValuesParser;
use wmctl::app::Stop;
use wmctl::app::event::{Event, TYPES};
use wmctl::app::events::{self, EventsOptions, PAGE, Start};
use wmctl::client::ApiClient;
use wmctl::ids::TenantId;

use crate::failure::{Exit, Failure};
use crate::help::{self, after};
use crate::settings::Settings;
use crate::start;
use crate::table::Page;
use crate::target::{Target, TargetArgs, refused};
use crate::ui::{Format, Listed, Ui};

/// How long one request to a host waits for an event (s).
const WAIT_S: u64 = 20;

/// Read the numbered events of an account
///
/// Events are numbered in ascending order. A reader that was interrupted continues with the number
/// after the last one it has processed, and neither misses nor repeats an event. If events were
/// removed, or the database was restored from a backup, the command fails instead of skipping them.
#[derive(Debug, clap::Args)]
#[command(after_long_help = after(
    &[
        "wmctl events --tenant acme --limit 20",
        "wmctl events --tenant acme --type message -o jsonl | jq -r .text",
        "wmctl events --tenant acme --follow --from-seq 8812 -o jsonl",
        "wmctl events --tenant acme --follow --from-seq now --type message -o jsonl |\n  \
         jq -c --unbuffered '{to: .chat, text: \"Got it\", idempotency_key: .event_id}' |\n  \
         wmctl send --tenant acme --file - -o jsonl",
    ],
    &[
        (Exit::Done, "all events were printed, or --follow was stopped"),
        help::API_KEY,
        help::NO_TENANT,
        (Exit::Conflict, "the number is beyond the last event: the database was restored"),
        help::DATABASE,
        help::HOST,
        (Exit::Gone, "events from that number on were removed; the error names the oldest left"),
    ],
))]
pub(crate) struct EventsArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Number of the first event: 0 for the oldest one left, `now` for the next new one
    #[arg(long, value_name = "SEQ", default_value = "0")]
    from_seq: From,

    /// Print only events of this type (can be repeated)
    #[arg(long = "type", value_name = "TYPE", value_parser = PossibleValuesParser::new(TYPES))]
    types: Vec<String>,

    /// Keep waiting for new events
    #[arg(short, long)]
    follow: bool,

    /// Print at most this many events
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
}

/// An event number, or `now`.
#[derive(Clone, Copy, Debug)]
struct From(Start);

impl FromStr for From {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.parse().ok().filter(|seq| 0 <= *seq).map(Start::Seq);
        let now = (text == "now").then_some(Start::Now);
        number
            .or(now)
            .map(Self)
            .ok_or("the number of an event, or `now`")
    }
}

impl Listed for Event {
    const HEADS: &'static [&'static str] = &["SEQ", "TIME", "TYPE", "CHAT", "SUMMARY"];

    fn cells(&self, page: Page) -> Vec<String> {
        let chat = self
            .chat
            .clone()
            .or_else(|| self.sender.clone())
            .unwrap_or_default();
        vec![
            self.seq.to_string(),
            page.time(&self.at),
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
    let target = Target::open(ui, settings, &args.target).await?;
    if let Target::Rows(app) = &target {
        app.check_reach().await.map_err(start::rows)?;
    }
    let result = read(&target, ui, settings, args).await;
    target.close().await;
    result
}

async fn read(
    target: &Target,
    ui: &Ui,
    settings: &Settings,
    args: &EventsArgs,
) -> Result<Exit, Failure> {
    let options = EventsOptions {
        start: args.from_seq.0,
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
    let read = async {
        match target {
            Target::Rows(app) => {
                let read = events::events(app, &options, &stop, &mut tell).await;
                read.map(|_| ()).map_err(start::events)
            }
            Target::Api(remote) => {
                far(remote, &settings.tenant()?, &options, &stop, &mut tell).await
            }
        }
    };
    start::with_signals(&stop, read).await??;
    if let Some(failure) = broken {
        return Err(failure);
    }
    if together {
        ui.list(
            "EventList",
            &kept,
            "no events yet: `wmctl run` receives them",
        )?;
    }
    Ok(Exit::Done)
}

/// Reads events through a host's interface.
async fn far(
    remote: &ApiClient,
    tenant: &TenantId,
    options: &EventsOptions,
    stop: &Stop,
    tell: &mut (dyn FnMut(Event) -> ControlFlow<()> + Send),
) -> Result<(), Failure> {
    let mut start = options.start;
    let mut left = options.limit.unwrap_or(u64::MAX);
    let wait_s = if options.follow { WAIT_S } else { 0 };
    while 0 < left {
        let asked = remote.events(tenant, start, u64::from(PAGE), wait_s);
        let page = tokio::select! {
            page = asked => page.map_err(refused)?,
            () = stop.asked() => return Ok(()),
        };
        for event in page.items {
            if !options.types.is_empty() && !options.types.contains(&event.kind) {
                continue;
            }
            if left == 0 || tell(event).is_break() {
                return Ok(());
            }
            left -= 1;
        }
        start = Start::Seq(page.next);
        if !page.has_more && !options.follow {
            return Ok(());
        }
    }
    Ok(())
}

/// Prints one event.
pub(crate) fn print(ui: &Ui, event: &Event) -> Result<(), Failure> {
    match ui.format() {
        Format::Table => ui.answer(&(event.cells(Page::PIPE).join("  ") + "\n")),
        Format::Name => ui.answer(&(event.name() + "\n")),
        Format::Json | Format::Jsonl => ui.json(event),
    }
}
