//! `wmctl hosts`: the processes that run tenants.

use wmctl::ops::hosts::Host;

use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::target::{Target, TargetArgs};
use crate::ui::{Listed, Ui};

/// List the processes that serve the database
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  wmctl hosts\n  wmctl hosts -o json")]
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

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.pid.to_string(),
            self.state.clone(),
            self.tenants.to_string(),
            self.capacity.to_string(),
            self.liveness.clone(),
            self.started.clone(),
            self.heartbeat.clone(),
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
