//! `wmctl completions`: completion scripts for shells.

use clap_complete::Shell;

use crate::cli;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

/// Print the completion script of a shell
///
/// It knows commands and options. One that also knows tenants and hosts, and asks for them while
/// you type, is made with COMPLETE: put the line into the file that your shell reads at its start.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    wmctl completions bash > /etc/bash_completion.d/wmctl\n  \
    wmctl completions zsh > ~/.zfunc/_wmctl\n  \
    wmctl completions fish > ~/.config/fish/completions/wmctl.fish\n  \
    source <(COMPLETE=bash wmctl)\n  \
    source <(COMPLETE=zsh wmctl)\n  \
    COMPLETE=fish wmctl | source")]
pub(crate) struct CompletionsArgs {
    /// The shell to complete for
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
