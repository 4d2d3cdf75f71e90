//! `wmctl drill`: rehearses failover.

use std::time::Duration;

use wmctl::app::Stop;
use wmctl::app::shapes::Object;
use wmctl::rehearsal::drill::{self, DrillFault, DrillOptions, DrillReport, DrillStep};

use crate::demo;
use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::start;
use crate::ui::{Format, Ui};

/// Rehearse failover on this database and this machine
///
/// Starts a simulated WhatsApp and two `wmctl run --ha` for a throw-away tenant in the database,
/// lets contacts chat both ways, does to the leader what each fault says, and measures how soon the
/// other takes over. In the end it counts from the simulator's journal what became of every
/// message, and removes the tenant. Nothing of it touches your tenants, nor WhatsApp.
///
/// OVERLAP is for how long the old leader and the new one were logged in at once, by the journal of
/// logins: WhatsApp ends the older connection when the newer one logs in. More than 1000 ms fails.
///
/// kill is SIGKILL, drain SIGTERM, stop SIGSTOP until the other has taken over. The partitions cut
/// the leader off from the database, both ways or one, with a proxy inside this process; they need
/// a server, and a URL that does not check the server's name.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    wmctl drill\n  \
    wmctl drill --fault kill,partition --rounds 20\n  \
    wmctl drill -o json > drill.json\n\n\
    Exit status:\n  \
    0  every message arrived once, and every takeover happened\n  \
    1  something was lost, doubled or encrypted with a used key, or nobody took over,\n     \
    or two were logged in at once for more than 1000 ms")]
pub(crate) struct DrillArgs {
    /// Do this to the leader (default: kill,drain,stop and the partitions; on SQLite kill,drain)
    #[arg(long = "fault", value_name = "FAULT", value_delimiter = ',')]
    faults: Vec<DrillFault>,

    /// Rehearse each fault so often
    #[arg(long, value_name = "COUNT", default_value = "1",
        value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,

    /// Messages each way in each round
    #[arg(long, value_name = "COUNT", default_value = "60",
        value_parser = clap::value_parser!(u32).range(4..=20_000))]
    messages: u32,

    /// Messages a second, each way
    #[arg(long, value_name = "COUNT", default_value = "40",
        value_parser = clap::value_parser!(u32).range(1..=2_000))]
    rate: u32,

    /// Take a process for dead that says nothing for this long (milliseconds)
    #[arg(long, value_name = "MS", default_value = "3000",
        value_parser = clap::value_parser!(u64).range(500..=60_000))]
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
    let message = "messages are missing or doubled, an old leader did not come back, or two were \
                   logged in at once for too long";
    Err(Failure::new(Exit::Failed, "DRILL_FAILED", message)
        .hint("the table shows which round; please report it with this output"))
}

fn tell(ui: &Ui, step: &DrillStep) {
    match step {
        DrillStep::Tenant { name, database } => {
            ui.note(&format!("{name} in {database}; it is removed in the end"));
        }
        DrillStep::Skipped { fault, why } => ui.note(&format!("no {fault}: {why}")),
        DrillStep::Round { number, of, fault } => {
            ui.note(&format!("round {number} of {of}: {fault}"));
        }
        DrillStep::Done(round) => ui.done(&format!(
            "{}: taken over in {:.3} s, connected in {:.3} s",
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
                "ill"
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
    counts.push(demo::row(
        "time for all of it",
        format!("{:.1} s", report.took_s),
    ));
    ui.rows(&["WHAT", "COUNT"], counts)
}
