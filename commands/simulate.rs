//! `wmctl simulate`: runs a local WhatsApp server.

use std::path::PathBuf;
use std::time::Duration;

use wmctl::app::Stop;
use wmctl::app::shapes::Object;
use wmctl::rehearsal::simulate::{self, SimulateError, SimulateOptions, Simulated};

use crate::failure::{Exit, Failure};
use crate::help::after;
use crate::ui::{Format, Ui};
use crate::{duration, start};

/// Run a simulated WhatsApp server on this machine
///
/// Simulated phones scan codes, contacts chat, you can inject faults, and a journal records what
/// every client does. The server listens on 127.0.0.1 only. `wmctl --simulator CONTROL_URL pair`
/// pairs with the phone of the first account, which scans the code by itself. Scripts use the same
/// control URL.
#[derive(Debug, clap::Args)]
#[command(after_long_help = after(
    &[
        "wmctl simulate",
        "wmctl simulate --accounts 100 --hourly 600 --seed 7",
        "wmctl simulate --tls --write-ca ca.pem",
        "wmctl --simulator http://127.0.0.1:9444 pair",
        "curl http://127.0.0.1:9444/v1/messages --json \\\n  \
         '{\"from\":\"15555560001\",\"to\":\"15555550100\",\"text\":\"Hello\"}'",
    ],
    &[
        (Exit::Done, "stopped by a signal"),
        (Exit::Failed, "the simulator cannot start"),
        (Exit::Conflict, "a port is in use"),
    ],
))]
pub(crate) struct SimulateArgs {
    /// Port for clients; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value = "9443")]
    port: u16,

    /// Port for control requests; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value = "9444")]
    control_port: u16,

    /// Serve clients over TLS; requires --write-ca
    #[arg(long, requires = "ca_certificate")]
    tls: bool,

    /// File to write the certificate of the TLS server's authority to
    #[arg(long = "write-ca", id = "ca_certificate", value_name = "FILE")]
    ca_certificate: Option<PathBuf>,

    /// Number of accounts whose phones can pair
    #[arg(long, value_name = "COUNT", default_value = "1",
        value_parser = clap::value_parser!(u16).range(1..=10_000))]
    accounts: u16,

    /// Number of contacts that write to the accounts
    #[arg(long, value_name = "COUNT", default_value = "3",
        value_parser = clap::value_parser!(u16).range(0..=1_000))]
    contacts: u16,

    /// Messages per hour that each account receives
    #[arg(long, value_name = "COUNT", default_value = "0",
        value_parser = clap::value_parser!(u32).range(0..=3_600_000))]
    hourly: u32,

    /// Delay before the first frame; older versions of Baileys need 150ms
    #[arg(long, value_name = "DURATION", default_value = "0s",
        value_parser = duration::milliseconds(0, 600_000))]
    first_frame_delay: u64,

    /// Seed for all keys and random choices
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

pub(crate) async fn run(ui: &Ui, args: &SimulateArgs) -> Result<Exit, Failure> {
    let options = SimulateOptions {
        port: args.port,
        control_port: args.control_port,
        tls: args.tls,
        ca_file: args.ca_certificate.clone(),
        accounts: args.accounts,
        contacts: args.contacts,
        hourly: args.hourly,
        first_frame_delay: Duration::from_millis(args.first_frame_delay),
        seed: args.seed,
    };
    let stop = Stop::new();
    let mut broken = None;
    let mut tell = |simulated: &Simulated| {
        if let Err(failure) = show(ui, simulated) {
            broken = Some(failure);
            stop.ask();
        }
    };
    let served = start::with_signals(&stop, simulate::simulate(&options, &stop, &mut tell)).await?;
    if let Some(failure) = broken {
        return Err(failure);
    }
    served.map(|()| Exit::Done).map_err(explain)
}

fn show(ui: &Ui, simulated: &Simulated) -> Result<(), Failure> {
    match ui.format() {
        Format::Json | Format::Jsonl => return ui.json(&Object::new("Simulator", simulated)),
        Format::Name => return ui.answer(&format!("{}\n", simulated.control_url)),
        Format::Table => (),
    }
    let range = |numbers: &[String]| match numbers {
        [] => String::from("none"),
        [only] => only.clone(),
        [first, .., last] => format!("{first} to {last}"),
    };
    let mut rows = vec![
        vec!["server".into(), simulated.ws_url.clone()],
        vec!["root key".into(), simulated.root_key.clone()],
        vec!["control".into(), simulated.control_url.clone()],
        vec!["accounts".into(), range(&simulated.accounts)],
        vec!["contacts".into(), range(&simulated.contacts)],
    ];
    if let Some(path) = &simulated.ca_file {
        rows.push(vec!["authority".into(), path.display().to_string()]);
    }
    ui.rows(&["WHAT", "WHERE"], rows)?;
    ui.note(&format!(
        "next: wmctl --simulator {} pair, then run",
        simulated.control_url
    ));
    Ok(())
}

fn explain(error: SimulateError) -> Failure {
    let mut message = error.to_string();
    let source = std::error::Error::source(&error);
    if let Some(source) = source {
        message = format!("{message}: {source}");
    }
    let in_use = source
        .and_then(|source| source.downcast_ref::<std::io::Error>())
        .is_some_and(|error| error.kind() == std::io::ErrorKind::AddrInUse);
    match in_use {
        true => Failure::new(Exit::Conflict, "ADDRESS_IN_USE", message)
            .hint("--port 0 and --control-port 0 pick free ports"),
        false => Failure::new(Exit::Failed, "SIMULATOR", message),
    }
}
