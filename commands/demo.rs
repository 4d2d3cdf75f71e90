//! `wmctl demo`: demonstrates wmctl on one machine.

use std::path::PathBuf;

use indicatif::ProgressBar;
use wmctl::app::Stop;
use wmctl::rehearsal::audit::Violations;
use wmctl::rehearsal::demo::{self, DemoError, DemoOptions, DemoReport, DemoStep};

use crate::failure::{Exit, Failure};
use crate::help::after;
use crate::pair::{self, Screen};
use crate::qr::QrStyle;
use crate::start;
use crate::ui::{Format, Ui};

/// See failover work: a simulated WhatsApp, two processes, one of them killed, no message lost
///
/// The demo starts a simulated WhatsApp and an SQLite database in a temporary folder, pairs an
/// account with a simulated phone, and runs two processes for it. Contacts chat in both directions
/// while it kills the leader, so that the standby takes over. Finally it checks the simulator's
/// journal for every message.
#[derive(Debug, clap::Args)]
#[command(after_long_help = after(
    &[
        "wmctl demo",
        "wmctl demo --messages 5000 --rate 200 --kills 50",
        "wmctl demo -o json",
    ],
    &[
        (Exit::Done, "every message arrived once"),
        (Exit::Failed, "a message was lost or doubled, or a key was used twice"),
        (Exit::Interrupted, "interrupted before the end"),
    ],
))]
pub(crate) struct DemoArgs {
    /// Messages in each direction
    #[arg(long, value_name = "COUNT", default_value = "300",
        value_parser = clap::value_parser!(u32).range(1..=20_000))]
    messages: u32,

    /// Messages per second in each direction
    #[arg(long, value_name = "COUNT", default_value = "60",
        value_parser = clap::value_parser!(u32).range(1..=2_000))]
    rate: u32,

    /// Number of contacts that chat with the account
    #[arg(long, value_name = "COUNT", default_value = "4",
        value_parser = clap::value_parser!(u32).range(1..=200))]
    contacts: u32,

    /// Number of times the leader is killed
    #[arg(long, value_name = "COUNT", default_value = "1",
        value_parser = clap::value_parser!(u32).range(0..=1_000))]
    kills: u32,
}

pub(crate) async fn run(ui: &Ui, args: &DemoArgs) -> Result<Exit, Failure> {
    let options = DemoOptions {
        program: own_program()?,
        messages: args.messages,
        rate: args.rate,
        contacts: args.contacts,
        kills: args.kills,
    };
    let stop = Stop::new();
    let mut stage = Stage {
        ui,
        screen: Screen::of(ui, QrStyle::Auto, false),
        bar: None,
    };
    let mut show = |step| stage.show(&step);
    let report = start::with_signals(&stop, demo::demo(&options, &stop, &mut show)).await?;
    stage.clear();
    let report = report.map_err(|error| explain(error, "DEMO_FAILED").stopped_by(&stop))?;
    match ui.format() {
        Format::Table | Format::Name => ui.rows(&["WHAT", "COUNT"], rows(&report))?,
        Format::Json | Format::Jsonl => {
            ui.json(&wmctl::app::shapes::Object::new("Demo", &report))?
        }
    }
    if report.is_clean() {
        ui.done("every message arrived once");
        return Ok(Exit::Done);
    }
    warn(ui, &report.violations);
    let message = "messages were lost or doubled, or are still on their way";
    Err(Failure::new(Exit::Failed, "DEMO_FAILED", message)
        .hint("please report it with this output"))
}

pub(crate) fn own_program() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|error| Failure::internal(format!("find the running binary: {error}")))
}

/// Warns about violations; shows the first ten.
pub(crate) fn warn(ui: &Ui, violations: &Violations) {
    let lists = [
        &violations.lost,
        &violations.doubled,
        &violations.acked_early,
        &violations.counters_reused,
    ];
    for what in lists.into_iter().flatten().take(10) {
        ui.warn(what);
    }
}

pub(crate) fn row(what: &str, count: String) -> Vec<String> {
    vec![what.to_owned(), count]
}

/// Summarises the messages in each direction and the violations.
pub(crate) fn counts(
    (sent, sent_of): (u64, u64),
    (received, received_of): (u64, u64),
    violations: &Violations,
) -> Vec<Vec<String>> {
    vec![
        row("sent", format!("{sent} of {sent_of}")),
        row("received", format!("{received} of {received_of}")),
        row("lost", violations.lost.len().to_string()),
        row("doubled", violations.doubled.len().to_string()),
        row(
            "confirmed before stored",
            violations.acked_early.len().to_string(),
        ),
        row(
            "chain counters reused",
            violations.counters_reused.len().to_string(),
        ),
    ]
}

fn rows(report: &DemoReport) -> Vec<Vec<String>> {
    let (sent, received) = (report.sent, report.received);
    let [sent, received] = [(sent, report.sent_of), (received, report.received_of)];
    let mut rows = counts(sent, received, &report.violations);
    rows.push(row("kills", report.kills.to_string()));
    let mut recovery = report.recovery_s.clone();
    recovery.sort_by(f64::total_cmp);
    if let [only] = recovery.as_slice() {
        rows.push(row("time to recover", format!("{only:.3} s")));
    } else if let Some(last) = recovery.last() {
        let middle = recovery[recovery.len() / 2];
        let text = format!("{middle:.3} s (median), {last:.3} s (longest)");
        rows.push(row("time to recover", text));
    }
    rows.push(row("total time", format!("{:.1} s", report.took_s)));
    rows
}

/// The terminal output during a demonstration.
struct Stage<'a> {
    ui: &'a Ui,
    screen: Screen<'a>,
    bar: Option<ProgressBar>,
}

impl Stage<'_> {
    fn show(&mut self, step: &DemoStep) {
        match step {
            DemoStep::Simulator { url } => self
                .ui
                .note(&format!("a simulated WhatsApp listens on {url}")),
            DemoStep::Pairing(step) => self.screen.show(step),
            DemoStep::Started { pid } => self.ui.note(&format!("wmctl run --ha is process {pid}")),
            DemoStep::Leads { pid } => self.ui.note(&format!("✓ process {pid} leads")),
            DemoStep::StandsBy { pid } => self.ui.note(&format!("✓ process {pid} stands by")),
            DemoStep::Traffic { done, total } => {
                let bar = self
                    .bar
                    .get_or_insert_with(|| self.ui.bar(*total, "messages, both directions"));
                bar.set_position(*done);
            }
            DemoStep::Killed { pid, done } => {
                self.ui.note(&format!(
                    "✗ killed process {pid} (SIGKILL) after {done} messages"
                ));
            }
            DemoStep::Settled => {
                self.clear();
                self.ui.done("all messages were sent");
            }
        }
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// Converts the error of a demonstration, a drill or a benchmark. `code` is used if it has no own
/// code.
pub(crate) fn explain(error: DemoError, code: &'static str) -> Failure {
    let message = error.to_string();
    match error {
        DemoError::Rows(error) => start::rows(error),
        DemoError::Pair(error) => pair::explain(error, "demo"),
        DemoError::Stopped => Failure::new(Exit::Interrupted, "INTERRUPTED", message),
        DemoError::Folder(error) => Failure::new(
            Exit::Failed,
            "TEMPORARY_FOLDER",
            format!("{message}: {error}"),
        )
        .hint("set TMPDIR to a writable folder"),
        DemoError::NotEmpty => Failure::new(Exit::Conflict, "NOT_EMPTY", message)
            .hint("create an empty database and run `wmctl migrate up` on it"),
        DemoError::Url(_) => Failure::new(Exit::Config, "DATABASE_URL", message),
        DemoError::Start { .. }
        | DemoError::Ended { .. }
        | DemoError::NoTakeover(..)
        | DemoError::Stalled { .. }
        | DemoError::Pgbench { .. }
        | DemoError::Simulator(_)
        | DemoError::Send(_)
        | DemoError::Tenant(_) => Failure::new(Exit::Failed, code, message),
    }
}
