//! `wmctl version`.

use wmctl::app::shapes::Version;
use wmctl::ops;

use crate::failure::{Exit, Failure};
use crate::help::after;
use crate::table::Page;
use crate::ui::{Listed, Ui};

/// Show the version of wmctl, its features, and the client version it presents to WhatsApp
#[derive(Debug, clap::Args)]
#[command(after_long_help = after(
    &["wmctl version", "wmctl version -o json"],
    &[(Exit::Done, "the version was printed")],
))]
pub(crate) struct VersionArgs {}

impl Listed for Version {
    const HEADS: &'static [&'static str] = &["VERSION", "FEATURES", "CLIENT VERSION"];

    fn cells(&self, _page: Page) -> Vec<String> {
        vec![
            self.version.to_owned(),
            self.features.join(","),
            self.client_version.clone(),
        ]
    }

    fn name(&self) -> String {
        self.version.to_owned()
    }
}

pub(crate) fn run(ui: &Ui, _args: &VersionArgs) -> Result<Exit, Failure> {
    ui.object("Version", &ops::version())?;
    Ok(Exit::Done)
}
