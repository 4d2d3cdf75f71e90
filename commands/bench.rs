//! `wmctl bench`: measures the throughput of this machine and the cost per message.

use std::path::PathBuf;

use wmctl::app::Stop;
use wmctl::app::shapes::Object;
use wmctl::ops::webhooks::BATCH_MAX;
use wmctl::rehearsal::bench::{self, BenchOptions, BenchRow};

use crate::demo;
use crate::failure::{Exit, Failure};
use crate::help::{self, after};
use crate::start;
use crate::ui::{Format, Ui};

/// Measure throughput, cost per message, and start-up time
///
/// The benchmark pairs accounts with a simulated WhatsApp, runs them with `wmctl serve` as a child
/// process, and exchanges messages with contacts. It measures a temporary SQLite file, and a
/// PostgreSQL database if you name one: that needs a current schema and no tenants, and has none
/// afterwards. Simulator and contacts share the machine, so that all rates are lower bounds. Use a
/// release build.
///
/// SQL, TRIPS and TX are statements, round trips and transactions per message, including its acks
/// and receipts. TAKEN is the time until a queued message is durable. ACCOUNT KB is the memory that
/// one idle account adds. PGBENCH is wmctl's transactions per second as a fraction of pgbench's on
/// the same server, with as many row writes in each. With --webhooks, HOOKS/S is the rate of events
/// delivered to a receiver on this machine, and HOOK is the time from the commit of an event to its
/// delivery at a low rate.
#[derive(Debug, clap::Args)]
#[command(after_long_help = after(
    &[
        "wmctl bench",
        "wmctl bench --accounts 1,10,100 --messages 5000",
        "wmctl bench --accounts 1,50 --webhooks 10",
        "wmctl bench --postgres postgres://wmctl@db/bench -o json",
    ],
    &[
        (Exit::Done, "all measurements were printed"),
        (Exit::Failed, "a measurement failed"),
        (Exit::Conflict, "the PostgreSQL database has tenants"),
        help::DATABASE,
        (Exit::Interrupted, "interrupted before the end"),
    ],
))]
pub(crate) struct BenchArgs {
    /// Numbers of concurrent accounts, one measurement for each
    #[arg(long, value_name = "COUNT,...", default_value = "1,10", value_delimiter = ',',
        value_parser = clap::value_parser!(u32).range(1..=1_000))]
    accounts: Vec<u32>,

    /// Messages in each direction per measurement, divided among the accounts
    #[arg(long, value_name = "COUNT", default_value = "2000",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    messages: u32,

    /// Measure webhooks too, with at most this many events per request
    #[arg(long, value_name = "COUNT",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(BATCH_MAX)))]
    webhooks: Option<u32>,

    /// Measure this PostgreSQL database too; it must not contain tenants
    #[arg(
        long,
        value_name = "URL",
        env = "WMCTL_BENCH_POSTGRES",
        hide_env_values = true
    )]
    postgres: Option<String>,

    /// pgbench program to compare with (default: the one on PATH, if any)
    #[arg(long, value_name = "PATH", requires = "postgres")]
    pgbench: Option<PathBuf>,
}

pub(crate) async fn run(ui: &Ui, args: &BenchArgs) -> Result<Exit, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::internal(format!("find the running binary: {error}")))?;
    let options = BenchOptions {
        program,
        postgres: args.postgres.clone(),
        accounts: args.accounts.clone(),
        messages: args.messages,
        webhooks: args.webhooks,
        pgbench: args.pgbench.clone(),
    };
    let stop = Stop::new();
    let mut tell = |step: String| ui.note(&step);
    let rows = start::with_signals(&stop, bench::bench(&options, &stop, &mut tell)).await?;
    let rows = rows.map_err(|error| demo::explain(error, "BENCH_FAILED").stopped_by(&stop))?;
    match ui.format() {
        Format::Json | Format::Jsonl => ui.json(&Object::new("Bench", &Items { items: &rows }))?,
        Format::Table | Format::Name => ui.rows(&HEADS, rows.iter().map(cells).collect())?,
    }
    Ok(Exit::Done)
}

#[derive(serde::Serialize)]
struct Items<'a> {
    items: &'a [BenchRow],
}

const HEADS: [&str; 21] = [
    "DATABASE",
    "ACCOUNTS",
    "START S",
    "IN/S",
    "OUT/S",
    "IN CPU MS",
    "OUT CPU MS",
    "IN SQL",
    "OUT SQL",
    "IN TRIPS",
    "OUT TRIPS",
    "IN TX",
    "OUT TX",
    "TAKEN P50 MS",
    "TAKEN P99 MS",
    "ACCOUNT KB",
    "IN/PGBENCH",
    "OUT/PGBENCH",
    "HOOKS/S",
    "HOOK P50 MS",
    "HOOK P99 MS",
];

fn cells(row: &BenchRow) -> Vec<String> {
    let known =
        |value: Option<f64>| value.map_or_else(|| String::from("-"), |it| format!("{it:.2}"));
    vec![
        row.database.to_owned(),
        row.accounts.to_string(),
        format!("{:.2}", row.start_s),
        format!("{:.0}", row.received_per_s),
        format!("{:.0}", row.sent_per_s),
        known(row.received_cpu_ms),
        known(row.sent_cpu_ms),
        format!("{:.1}", row.received_statements),
        format!("{:.1}", row.sent_statements),
        known(row.received_round_trips),
        known(row.sent_round_trips),
        format!("{:.2}", row.received_units),
        format!("{:.2}", row.sent_units),
        format!("{:.2}", row.taken_p50_ms),
        format!("{:.2}", row.taken_p99_ms),
        row.idle_account_kb
            .map_or_else(|| String::from("-"), |kb| format!("{kb:.0}")),
        known(row.received_of_pgbench),
        known(row.sent_of_pgbench),
        known(row.webhooks.map(|hooks| hooks.delivered_per_s)),
        known(row.webhooks.map(|hooks| hooks.delivery_p50_ms)),
        known(row.webhooks.map(|hooks| hooks.delivery_p99_ms)),
    ]
}
