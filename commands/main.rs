//! The `wmctl` binary: parses the command line, runs one command and reports how it ended.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Duration;

use clap::FromArgMatches;

mod bench;
mod cli;
mod complete;
mod completions;
mod config;
mod db;
mod demo;
mod doctor;
mod drill;
mod duration;
mod events;
mod failure;
#[cfg(test)]
mod generated;
mod help;
mod hosts;
mod keys;
mod lock_status;
mod log;
mod man;
mod migrate;
mod moves;
mod pair;
mod qr;
mod run;
mod send;
mod serve;
mod service;
mod settings;
mod signals;
mod simulate;
mod start;
mod table;
mod target;
mod tenants;
mod tls;
mod topics;
mod ui;
mod version;
mod watch;
mod webhooks;

use failure::{Exit, Failure};
use log::Log;
use settings::{Environment, Settings};
use ui::Ui;

/// How long a DNS lookup may delay the exit of the process.
const LOOK_UPS_TIME_MAX: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    keep_memory_private();
    let exit = catch_unwind(AssertUnwindSafe(run)).unwrap_or(Exit::Internal);
    ExitCode::from(exit.code())
}

/// Disables core dumps, which would contain keys, and access to the memory by processes of the same
/// user.
#[cfg(target_os = "linux")]
fn keep_memory_private() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    // If the kernel refuses, the service's own limits still apply.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

#[cfg(not(target_os = "linux"))]
fn keep_memory_private() {}

fn run() -> Exit {
    if let Some(exit) = complete::answered() {
        return exit;
    }
    let matches = match cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return refuse(&error),
    };
    let cli = match cli::Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let settings = Settings::find(&cli.globals, Environment::of_process());
    let settings = settings.and_then(|settings| settings.look().map(|look| (settings, look)));
    let (settings, ui) = match settings {
        Ok((settings, look)) => (settings, Ui::new(look)),
        Err(failure) => {
            ui::write_err(&if asks_for_json() {
                failure.json()
            } else {
                failure.text()
            });
            return failure.exit;
        }
    };
    match carry_out(&cli, settings, &ui) {
        Ok(exit) => exit,
        Err(failure) => {
            ui.failure(&failure);
            failure.exit
        }
    }
}

fn carry_out(cli: &cli::Cli, settings: Settings, ui: &Ui) -> Result<Exit, Failure> {
    let log = Log::start(ui, &settings, &cli.globals)?;
    let settings = &settings.with_log(log);
    let Some(command) = &cli.command else {
        ui.answer(&cli::command().render_help().to_string())?;
        return Ok(Exit::Done);
    };
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::internal(format!("start the runtime: {error}")))?;
    let done = runtime.block_on(command.run(ui, settings));
    // All tasks have ended, but a DNS lookup may still wait for a server that does not answer.
    runtime.shutdown_timeout(LOOK_UPS_TIME_MAX);
    done
}

/// Prints help and versions as answers; any other parse error is a usage error.
fn refuse(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        let _ = ui::write_out(&error.render().to_string());
        return Exit::Done;
    }
    if asks_for_json() {
        let text = error.to_string();
        let line = text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        ui::write_err(&Failure::new(Exit::Usage, "USAGE", line).json());
    } else {
        ui::write_err(&error.render().to_string());
    }
    Exit::Usage
}

/// Returns whether the caller asked for JSON, as far as an invalid command line shows.
fn asks_for_json() -> bool {
    let args: Vec<_> = std::env::args().collect();
    let format = |text: &str| matches!(text, "json" | "jsonl");
    args.windows(2)
        .any(|pair| matches!(pair[0].as_str(), "-o" | "--output") && format(&pair[1]))
        || args.iter().any(|arg| {
            arg == "--json" || arg == "-ojson" || arg.strip_prefix("--output=").is_some_and(format)
        })
}
