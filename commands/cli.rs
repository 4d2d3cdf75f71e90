//! The command line: global options, the commands, and the page that lists them.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, CommandFactory, Parser, Subcommand};

use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::ui::Ui;
use crate::{
    bench, completions, config, db, demo, doctor, drill, events, help, hosts, keys, lock_status,
    man, migrate, pair, run, send, serve, simulate, tenants, version, webhooks,
};

/// WhatsApp session operations: pair, run, watch over and move accounts.
#[derive(Debug, Parser)]
#[command(
    name = "wmctl",
    version,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Options that every command takes. Nothing has a default or a variable here: `settings` knows.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Tenant to act for (default: default)
    #[arg(
        long,
        global = true,
        visible_alias = "business-id",
        value_name = "TENANT"
    )]
    pub(crate) tenant: Option<String>,

    /// Database to use: sqlite:PATH, or postgres://… without a password
    ///
    /// Put a URL that contains a password in DATABASE_URL, or in a file named by DATABASE_URL_FILE,
    /// because every user of this machine can read command lines. Default: an SQLite file in the
    /// user's data directory.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,

    /// URL for locks: a direct one to the same PostgreSQL, bypassing a pooler
    ///
    /// If unset, wmctl detects at start-up which features the pooler preserves. With a
    /// transaction-mode pooler it holds the lock in an open transaction. LOCK_DATABASE_URL is the
    /// same.
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub(crate) lock_database_url: Option<String>,

    /// Read only this configuration file
    #[arg(short, long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Output format: table, json, jsonl or name
    #[arg(short, long, global = true, value_name = "FORMAT")]
    pub(crate) output: Option<String>,

    /// Same as --output json
    #[arg(long, global = true, conflicts_with = "output")]
    pub(crate) json: bool,

    /// Print tables without their header line
    #[arg(long, global = true)]
    pub(crate) no_headers: bool,

    /// Print only errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Log more; give it twice to log everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Log filter, such as debug or wmctl::engine=trace
    #[arg(long, global = true, value_name = "FILTER")]
    pub(crate) log_level: Option<String>,

    /// Format of log lines: text or json
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,

    /// When to use colour: auto, always or never
    #[arg(long, global = true, value_name = "WHEN")]
    pub(crate) color: Option<String>,

    /// Connect to this server instead of WhatsApp
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub(crate) server: Option<String>,

    /// Trust certificates signed by this key instead of WhatsApp's (64 hexadecimal digits)
    #[arg(long, global = true, value_name = "HEX", hide_short_help = true)]
    pub(crate) root_key: Option<String>,

    /// Trust only the TLS roots in this PEM file
    #[arg(
        long,
        global = true,
        visible_alias = "ca",
        value_name = "FILE",
        hide_short_help = true
    )]
    pub(crate) ca_file: Option<PathBuf>,

    /// Allow tenants' proxies on this machine and in private networks
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) private_proxies: bool,

    /// Connect to the simulator with this control URL instead of WhatsApp
    #[arg(long, global = true, value_name = "URL", conflicts_with = "server")]
    pub(crate) simulator: Option<String>,
}

impl Globals {
    /// Returns the options of the command line, by the name of the setting.
    pub(crate) fn flags(&self) -> Vec<(&'static str, String)> {
        let json = self.json.then(|| String::from("json"));
        let private_proxies = self.private_proxies.then(|| String::from("true"));
        let ca_file = self.ca_file.as_ref().map(|path| path.display().to_string());
        let flags = [
            ("tenant", self.tenant.clone()),
            ("database_url", self.database_url.clone()),
            ("lock_database_url", self.lock_database_url.clone()),
            ("output", self.output.clone().or(json)),
            ("log_level", self.log_level.clone()),
            ("log_format", self.log_format.clone()),
            ("color", self.color.clone()),
            ("server", self.server.clone()),
            ("root_key", self.root_key.clone()),
            ("ca_file", ca_file),
            ("simulator", self.simulator.clone()),
            ("private_proxies", private_proxies),
        ];
        flags
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Pair(pair::PairArgs),
    Run(run::RunArgs),
    Serve(serve::ServeArgs),
    Tenants(tenants::TenantsArgs),
    Hosts(hosts::HostsArgs),
    Keys(keys::KeysArgs),
    LockStatus(lock_status::LockStatusArgs),
    Db(db::DbArgs),
    Send(send::SendArgs),
    Events(events::EventsArgs),
    Webhooks(webhooks::WebhooksArgs),
    Migrate(migrate::MigrateArgs),
    Simulate(simulate::SimulateArgs),
    Demo(demo::DemoArgs),
    Bench(bench::BenchArgs),
    Doctor(doctor::DoctorArgs),
    Drill(drill::DrillArgs),
    Config(config::ConfigArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    Version(version::VersionArgs),
    Help(help::HelpArgs),
}

/// The groups of the first help page. Every command belongs to exactly one.
const GROUPS: &[(&str, &[&str])] = &[
    ("Start here", &["pair", "run", "serve", "doctor"]),
    (
        "Accounts",
        &["tenants", "hosts", "keys", "send", "events", "webhooks"],
    ),
    ("Database", &["db", "lock-status", "migrate"]),
    (
        "Tools",
        &[
            "simulate",
            "demo",
            "bench",
            "drill",
            "config",
            "completions",
            "man",
            "version",
            "help",
        ],
    ),
];

impl Command {
    /// Runs the command and returns its exit code.
    pub(crate) async fn run(&self, ui: &Ui, settings: &Settings) -> Result<Exit, Failure> {
        match self {
            Self::Pair(args) => pair::run(ui, settings, args).await,
            Self::Run(args) => run::run(ui, settings, args).await,
            Self::Serve(args) => serve::run(ui, settings, args).await,
            Self::LockStatus(args) => lock_status::run(ui, settings, args).await,
            Self::Db(args) => db::run(ui, settings, args).await,
            Self::Tenants(args) => tenants::run(ui, settings, args).await,
            Self::Hosts(args) => hosts::run(ui, settings, args).await,
            Self::Keys(args) => keys::run(ui, settings, args).await,
            Self::Send(args) => send::run(ui, settings, args).await,
            Self::Events(args) => events::run(ui, settings, args).await,
            Self::Webhooks(args) => webhooks::run(ui, settings, args).await,
            Self::Migrate(args) => migrate::run(ui, settings, args).await,
            Self::Simulate(args) => simulate::run(ui, args).await,
            Self::Demo(args) => demo::run(ui, args).await,
            Self::Bench(args) => bench::run(ui, args).await,
            Self::Doctor(args) => doctor::run(ui, settings, args).await,
            Self::Drill(args) => drill::run(ui, settings, args).await,
            Self::Config(args) => config::run(ui, settings, args),
            Self::Completions(args) => completions::run(ui, args),
            Self::Man(args) => man::run(ui, args),
            Self::Version(args) => version::run(ui, args),
            Self::Help(args) => help::run(ui, args),
        }
    }
}

/// Returns the clap command with the grouped first page.
pub(crate) fn command() -> clap::Command {
    let styles = Styles::styled()
        .header(AnsiColor::Yellow.on_default().bold())
        .usage(AnsiColor::Yellow.on_default().bold())
        .literal(AnsiColor::Cyan.on_default())
        .placeholder(AnsiColor::Green.on_default());
    let command = Cli::command().styles(styles);
    let template = first_page(&command);
    command.help_template(template)
}

fn first_page(command: &clap::Command) -> String {
    let mut page = String::from("{about}\n\n{usage-heading} {usage}\n");
    for (group, names) in GROUPS {
        page.push_str(&format!("\n\x1b[1;33m{group}:\x1b[0m\n"));
        for name in *names {
            let about = command
                .find_subcommand(name)
                .and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            page.push_str(&format!("  \x1b[36m{name:<12}\x1b[0m {about}\n"));
        }
    }
    page.push_str(
        "\n\x1b[1;33mTopics:\x1b[0m\n  wmctl help environment | exit-codes | output | config\n",
    );
    page.push_str("\n{options}");
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_are_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_command_is_in_exactly_one_group() {
        let mut grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| *names)
            .copied()
            .collect();
        let command = command();
        let mut known: Vec<&str> = command
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        grouped.sort_unstable();
        known.sort_unstable();
        assert_eq!(grouped, known);
    }
}
