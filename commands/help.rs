//! `wmctl help`: commands and topics.

use crate::failure::{Exit, Failure};
use crate::ui::Ui;
use crate::{cli, topics};

/// The end of a command's page: examples, then what its exit codes mean.
pub(crate) fn after(examples: &[&str], exits: &[(Exit, &str)]) -> String {
    let mut text = String::from("Examples:\n");
    for line in examples.iter().flat_map(|example| example.lines()) {
        text.push_str(&format!("  {line}\n"));
    }
    text.push_str("\nExit status:\n");
    let codes = exits.iter().map(|(exit, _)| exit.code().to_string());
    let width = codes.map(|code| code.len()).max().unwrap_or_default();
    for (exit, when) in exits {
        text.push_str(&format!("  {:<width$}  {when}\n", exit.code()));
    }
    text.push_str("\nAll exit codes: wmctl help exit-codes");
    text
}

/// The database is away, full, or its schema is not current.
pub(crate) const DATABASE: (Exit, &str) = (Exit::Database, "the database cannot be used");
/// A host that is asked instead refuses.
pub(crate) const API_KEY: (Exit, &str) = (Exit::Auth, "with --api: the host refused the API key");
/// A host that is asked instead is away.
pub(crate) const HOST: (Exit, &str) = (Exit::Remote, "with --api: the host cannot be reached");
/// It was a question, and there is no terminal to ask it on.
pub(crate) const NO_ANSWER: (Exit, &str) = (Exit::Usage, "no --yes, and no terminal to ask on");
/// A tenant that is named.
pub(crate) const NO_TENANT: (Exit, &str) = (Exit::Absent, "there is no such tenant");

/// Explain a command or a topic
#[derive(Debug, clap::Args)]
#[command(after_long_help = after(
    &["wmctl help pair", "wmctl help exit-codes"],
    &[(Exit::Done, "the page was printed"), (Exit::Absent, "no such command or topic")],
))]
pub(crate) struct HelpArgs {
    /// A command, or one of the topics environment, exit-codes, output and config
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
