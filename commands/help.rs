//! `wmctl help`: commands and topics.

use crate::failure::{Exit, Failure};
use crate::ui::Ui;
use crate::{cli, topics};

/// Explain a command or a topic
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  wmctl help pair\n  wmctl help exit-codes")]
pub(crate) struct HelpArgs {
    /// A command, or one of environment, exit-codes, output, config
    #[arg(value_name = "COMMAND|TOPIC")]
    subject: Vec<String>,
}

pub(crate) fn run(ui: &Ui, args: &HelpArgs) -> Result<Exit, Failure> {
    if let [subject] = args.subject.as_slice()
        && let Some(text) = topics::text(subject)
        && subject != "config"
    {
        ui.answer(&text)?;
        return Ok(Exit::Done);
    }
    let mut command = cli::command();
    command.build();
    let mut found = &mut command;
    for name in &args.subject {
        found = found.find_subcommand_mut(name).ok_or_else(|| {
            let message = format!("no command or topic {:?}", args.subject.join(" "));
            Failure::new(Exit::Absent, "NO_TOPIC", message).hint("see wmctl --help")
        })?;
    }
    let mut page = found.render_long_help().to_string();
    if args.subject.as_slice() == ["config"] {
        page.push('\n');
        page.push_str(&topics::text("config").unwrap_or_default());
    }
    ui.answer(&page)?;
    Ok(Exit::Done)
}
