//! `wmctl hosts`: the processes that run tenants.

use wmctl::ops::hosts::Host;

use crate::failure::{Exit, Failure};
use crate::help::{self, after};
use crate::settings::Settings;
use crate::table::Page;
use crate::target::{Target, TargetArgs};
use crate::ui::{Listed, Ui};

/// List the hosts: `wmctl serve` processes that share the tenants
#[derive(Debug, clap::Args)]
#[command(after_long_help = after(
    &["wmctl hosts", "wmctl hosts -o json"],
    &[(Exit::Done, "the list was printed"), help::API_KEY, help::DATABASE, help::HOST],
))]
pub(crate) struct HostsArgs {
    #[command(flatten)]
    target: TargetArgs,
}

impl Listed for Host {
    const HEADS: &'static [&'static str] = &[
        "HOST",
        "PID",
        "STATE",
        "TENANTS",
        "CAPACITY",
        "BY",
        "STARTED",
        "HEARTBEAT",
    ];
    const SPARE: &'static [&'static str] = &["BY", "PID", "CAPACITY", "STARTED"];

    fn cells(&self, page: Page) -> Vec<String> {
        vec![
            self.name.clone(),
            self.pid.to_string(),
            self.state.clone(),
            self.tenants.to_string(),
            self.capacity.to_string(),
            self.liveness.clone(),
            page.time(&self.started),
            page.time(&self.heartbeat),
        ]
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

pub(crate) async fn run(ui: &Ui, settings: &Settings, args: &HostsArgs) -> Result<Exit, Failure> {
    let target = Target::open(ui, settings, &args.target).await?;
    let hosts = target.hosts().await;
    target.close().await;
    ui.list("HostList", &hosts?, "no hosts: `wmctl serve` starts one")?;
    Ok(Exit::Done)
}
