//! `wmctl completions`: completion scripts for shells.

use clap_complete::Shell;

use crate::cli;
use crate::failure::{Exit, Failure};
use crate::help::after;
use crate::ui::Ui;

/// Print the completion script of a shell
///
/// The script completes commands and options. To complete the names of tenants and hosts too, put
/// the line with COMPLETE for your shell into its start-up file: wmctl then looks the names up
/// while you type.
#[derive(Debug, clap::Args)]
#[command(after_long_help = after(
    &[
        "wmctl completions bash > /etc/bash_completion.d/wmctl",
        "wmctl completions zsh > ~/.zfunc/_wmctl",
        "wmctl completions fish > ~/.config/fish/completions/wmctl.fish",
        "source <(COMPLETE=bash wmctl)",
        "source <(COMPLETE=zsh wmctl)",
        "COMPLETE=fish wmctl | source",
    ],
    &[(Exit::Done, "the script was printed"), (Exit::Usage, "wmctl does not know this shell")],
))]
pub(crate) struct CompletionsArgs {
    /// Shell to print the script for
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(ui: &Ui, args: &CompletionsArgs) -> Result<Exit, Failure> {
    ui.answer(&script(args.shell))?;
    Ok(Exit::Done)
}

/// Returns the whole script. It is rendered to memory, because the generator panics on write
/// errors.
pub(crate) fn script(shell: Shell) -> String {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "wmctl", &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}
