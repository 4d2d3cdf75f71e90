//! `wmctl drill`: rehearses failover.

use std::time::Duration;

use wmctl::app::Stop;
use wmctl::app::shapes::Object;
use wmctl::rehearsal::drill::{self, DrillFault, DrillOptions, DrillReport, DrillStep};

use crate::demo;
use crate::failure::{Exit, Failure};
use crate::help::{self, after};
use crate::settings::Settings;
use crate::ui::{Format, Ui};
use crate::{duration, start};

/// Rehearse failover on this database and this machine
///
/// The drill starts a simulated WhatsApp, and two `wmctl run --ha` processes for a temporary tenant
/// in the database. Contacts chat in both directions while it injects each fault into the leader,
/// and it measures how soon the standby takes over. Finally it checks the simulator's journal for
/// every message, and deletes the tenant. It touches neither your tenants nor WhatsApp.
///
/// OVERLAP is the time during which the old leader and the new one were both logged in: WhatsApp
/// ends the older connection when the newer one logs in. The drill fails if it exceeds 1000 ms.
///
/// kill sends SIGKILL, drain sends SIGTERM, stop sends SIGSTOP until the standby has taken over.
/// The partitions cut the leader off from the database, in both directions or in one, with a proxy
/// inside this process. They need a database server, and a URL that does not verify its name.
#[derive(Debug, clap::Args)]
#[command(after_long_help = after(
    &[
        "wmctl drill",
        "wmctl drill --fault kill,partition --rounds 20",
        "wmctl drill -o json > drill.json",
    ],
    &[
        (Exit::Done, "every message arrived once, and every takeover happened"),
        (Exit::Failed, "messages were lost or doubled, or a takeover failed or took too long"),
        help::DATABASE,
        (Exit::Interrupted, "interrupted before the end"),
    ],
))]
pub(crate) struct DrillArgs {
    /// Faults to inject into the leader (default: all; on SQLite kill,drain)
    #[arg(long = "fault", value_name = "FAULT", value_delimiter = ',')]
    faults: Vec<DrillFault>,

    /// Rounds of each fault
    #[arg(long, value_name = "COUNT", default_value = "1",
        value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,

    /// Messages in each direction in each round
    #[arg(long, value_name = "COUNT", default_value = "60",
        value_parser = clap::value_parser!(u32).range(4..=20_000))]
    messages: u32,

    /// Messages per second in each direction
    #[arg(long, value_name = "COUNT", default_value = "40",
        value_parser = clap::value_parser!(u32).range(1..=2_000))]
    rate: u32,

    /// Consider a process dead after this long without a heartbeat
    #[arg(long, value_name = "DURATION", default_value = "3s",
        value_parser = duration::milliseconds(500, 60_000))]
    ha_timeout: u64,
}

pub(crate) async fn run(ui: &Ui, settings: &Settings, args: &DrillArgs) -> Result<Exit, Failure> {
    let database = settings.database()?;
    // A process that hangs during a write blocks an SQLite file for all others, so skip such
    // faults.
    let usual: &[DrillFault] = match database.backend() {
        "sqlite" => &[DrillFault::Kill, DrillFault::Drain],
        _ => &DrillFault::ALL,
    };
    let options = DrillOptions {
        program: demo::own_program()?,
        database_text: settings.database_text()?,
        lock_text: settings.lock_database_text(),
        database,
        faults: if args.faults.is_empty() {
            usual.to_vec()
        } else {
            args.faults.clone()
        },
        rounds: args.rounds,
        messages: args.messages,
        rate: args.rate,
        timeout: Duration::from_millis(args.ha_timeout),
    };
    let stop = Stop::new();
    let mut show = |step| tell(ui, &step);
    let report = start::with_signals(&stop, drill::drill(&options, &stop, &mut show)).await?;
    let report = report.map_err(|error| demo::explain(error, "DEMO_FAILED").stopped_by(&stop))?;
    match ui.format() {
        Format::Table | Format::Name => table(ui, &report)?,
        Format::Json | Format::Jsonl => ui.json(&Object::new("Drill", &report))?,
    }
    if report.passed {
        ui.done("every takeover happened, and every message arrived once");
        return Ok(Exit::Done);
    }
    demo::warn(ui, &report.violations);
    let message = "messages are missing or doubled, an old leader did not come back, or two \
                   processes were logged in at once for too long";
    Err(Failure::new(Exit::Failed, "DRILL_FAILED", message)
        .hint("the table shows which round; please report it with this output"))
}

fn tell(ui: &Ui, step: &DrillStep) {
    match step {
        DrillStep::Tenant { name, database } => {
            ui.note(&format!("temporary tenant {name} in {database}"));
        }
        DrillStep::Skipped { fault, why } => ui.note(&format!("skipped {fault}: {why}")),
        DrillStep::Round { number, of, fault } => {
            ui.note(&format!("round {number} of {of}: {fault}"));
        }
        DrillStep::Done(round) => ui.done(&format!(
            "{}: takeover after {:.3} s, connected after {:.3} s",
            round.fault, round.takeover_s, round.connected_s
        )),
    }
}

fn table(ui: &Ui, report: &DrillReport) -> Result<(), Failure> {
    let heads = [
        "ROUND",
        "FAULT",
        "TAKEOVER",
        "CONNECTED",
        "REPLACED",
        "OVERLAP",
        "OLD LEADER",
    ];
    let rows = report.rounds.iter().map(|round| {
        vec![
            round.number.to_string(),
            round.fault.to_owned(),
            format!("{:.3} s", round.takeover_s),
            format!("{:.3} s", round.connected_s),
            round.replaced.to_string(),
            format!("{} ms", round.overlap_ms),
            String::from(if round.old_leader_well {
                "stands by"
            } else {
                "failed"
            }),
        ]
    });
    ui.rows(&heads, rows.collect())?;
    let (sent, received) = (report.sent, report.received);
    let [sent, received] = [(sent, report.sent_of), (received, report.received_of)];
    let mut counts = demo::counts(sent, received, &report.violations);
    let (longest, allowed) = (report.overlap_ms, report.overlap_ms_allowed);
    counts.push(demo::row(
        "longest overlap of two logins",
        format!("{longest} ms, {allowed} ms allowed"),
    ));
    counts.push(demo::row("total time", format!("{:.1} s", report.took_s)));
    ui.rows(&["WHAT", "COUNT"], counts)
}
