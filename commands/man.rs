//! `wmctl man`: writes the manual pages.

use std::path::PathBuf;

use crate::cli;
use crate::failure::{Exit, Failure};
use crate::help::after;
use crate::ui::Ui;

/// Print a manual page, or write all of them to a folder
#[derive(Debug, clap::Args)]
#[command(after_long_help = after(
    &["wmctl man pair | man -l -", "wmctl man --dir ./man"],
    &[
        (Exit::Done, "the pages were printed or written"),
        (Exit::Failed, "the folder cannot be written"),
        (Exit::Absent, "there is no such command"),
    ],
))]
pub(crate) struct ManArgs {
    /// Write every page to this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    dir: Option<PathBuf>,

    /// Command to describe, such as `migrate up`
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

pub(crate) fn run(ui: &Ui, args: &ManArgs) -> Result<Exit, Failure> {
    if let Some(folder) = &args.dir {
        let cannot = |error: std::io::Error| {
            let message = format!("write to {}: {error}", folder.display());
            Failure::new(Exit::Failed, "OUTPUT", message)
        };
        std::fs::create_dir_all(folder).map_err(cannot)?;
        let written = WRITTEN.map(|(name, page)| (name.to_owned(), page.to_owned()));
        for (name, page) in pages().into_iter().chain(written) {
            std::fs::write(folder.join(name), page).map_err(cannot)?;
        }
        return Ok(Exit::Done);
    }
    let name = std::iter::once("wmctl").chain(args.command.iter().map(String::as_str));
    let name = format!("{}.1", name.collect::<Vec<_>>().join("-"));
    let page = pages().into_iter().find(|(known, _)| *known == name);
    let Some((_, page)) = page else {
        let message = format!("there is no command {:?}", args.command.join(" "));
        return Err(Failure::new(Exit::Absent, "NO_COMMAND", message).hint("see wmctl --help"));
    };
    ui.answer(&page)?;
    Ok(Exit::Done)
}

/// Returns the file name and the text of every page.
pub(crate) fn pages() -> Vec<(String, String)> {
    let mut command = cli::command();
    command.build();
    let mut pages = Vec::new();
    add(&command, "wmctl", &mut pages);
    pages
}

/// Handwritten pages.
const WRITTEN: [(&str, &str); 2] = [
    ("wmctl.toml.5", include_str!("../man/wmctl.toml.5")),
    (
        "wmctl-exit-codes.7",
        include_str!("../man/wmctl-exit-codes.7"),
    ),
];

fn add(command: &clap::Command, name: &str, pages: &mut Vec<(String, String)>) {
    let mut bytes = Vec::new();
    let page = command
        .clone()
        .name(name.to_owned())
        .display_name(name.to_owned());
    let page = clap_mangen::Man::new(page.disable_help_subcommand(true))
        .title(name.to_uppercase())
        .manual("wmctl manual")
        .source(concat!("wmctl ", env!("CARGO_PKG_VERSION")));
    if page.render(&mut bytes).is_ok() {
        pages.push((
            format!("{name}.1"),
            String::from_utf8_lossy(&bytes).into_owned(),
        ));
    }
    for below in command.get_subcommands() {
        add(below, &format!("{name}-{}", below.get_name()), pages);
    }
}
