//! `wmctl config`: the settings in use and their origins.

use clap::Subcommand;
use serde::Serialize;

use crate::failure::{Exit, Failure};
use crate::help::after;
use crate::settings::Settings;
use crate::table::Page;
use crate::ui::{Listed, Ui};

/// Show the settings and where each comes from
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  wmctl config show\n  wmctl config show -o json")]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Show every setting, its value and its origin; secrets are hidden
    #[command(after_long_help = after(
        &["wmctl config show", "wmctl config show -o json | jq -r '.items[].key'"],
        &[
            (Exit::Done, "all values are valid"),
            (Exit::Config, "a value is invalid; all of them were printed first"),
        ],
    ))]
    Show,
}

#[derive(Serialize)]
struct Setting {
    key: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    value: String,
    origin: String,
}

impl Listed for Setting {
    const HEADS: &'static [&'static str] = &["KEY", "VALUE", "ORIGIN"];

    fn cells(&self, _page: Page) -> Vec<String> {
        vec![self.key.to_owned(), self.value.clone(), self.origin.clone()]
    }

    fn name(&self) -> String {
        self.key.to_owned()
    }
}

pub(crate) fn run(ui: &Ui, settings: &Settings, args: &ConfigArgs) -> Result<Exit, Failure> {
    let ConfigCommand::Show = args.command;
    let shown = settings.shown().into_iter();
    let items: Vec<_> = shown
        .map(|(key, value, origin)| Setting { key, value, origin })
        .collect();
    ui.list("SettingList", &items, "")?;
    settings.check()?;
    Ok(Exit::Done)
}
