//! `wmctl version`.

use wmctl::app::shapes::Version;
use wmctl::ops;

use crate::failure::{Exit, Failure};
use crate::ui::{Listed, Ui};

/// Show what this binary is
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  wmctl version\n  wmctl version -o json")]
pub(crate) struct VersionArgs {}

impl Listed for Version {
    const HEADS: &'static [&'static str] = &["VERSION", "FEATURES", "CLIENT VERSION"];

    fn cells(&self) -> Vec<String> {
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
