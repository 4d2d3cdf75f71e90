//! `wmctl tenants`: who has an account here.

use clap::Subcommand;
use wmctl::ops::open::Schema;
use wmctl::ops::tenants::{self, Tenant};

use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::start;
use crate::ui::{Listed, Ui};

/// Show the tenants of the database
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  wmctl tenants list\n  wmctl tenants list -o name")]
pub(crate) struct TenantsArgs {
    #[command(subcommand)]
    command: TenantsCommand,
}

#[derive(Debug, Subcommand)]
enum TenantsCommand {
    /// List tenants with a paired device, and which process runs each
    List,
}

impl Listed for Tenant {
    const HEADS: &'static [&'static str] = &[
        "TENANT",
        "STATE",
        "JID",
        "HOLDER",
        "EPOCH",
        "SINCE",
        "LAST ERROR",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.business_id.clone(),
            self.state.clone(),
            self.jid.clone().unwrap_or_default(),
            self.holder.clone().unwrap_or_default(),
            self.epoch.to_string(),
            self.since.clone().unwrap_or_default(),
            self.last_error.clone().unwrap_or_default(),
        ]
    }

    fn name(&self) -> String {
        self.business_id.clone()
    }
}

pub(crate) async fn run(ui: &Ui, settings: &Settings, args: &TenantsArgs) -> Result<Exit, Failure> {
    let TenantsCommand::List = args.command;
    let app = start::open(ui, settings, Schema::Current).await?;
    let tenants = tenants::list(&app).await.map_err(start::rows)?;
    ui.list(
        "TenantList",
        &tenants,
        "no tenants yet: `wmctl pair` makes one",
    )?;
    Ok(Exit::Done)
}
