//! `wmctl keys`: the API keys of the HTTP interface.

use clap::Subcommand;
use serde::Serialize;
use wmctl::app::shapes::Object;
use wmctl::app::{App, Schema};
use wmctl::ids::TenantId;
use wmctl::ops::keys::{self, Action, Key, KeyError, Scope};

use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::start;
use crate::target;
use crate::ui::{Format, Listed, Ui};

/// Make, list and remove keys of the HTTP interface
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    wmctl keys add ops --allow read --allow write --allow pair --allow admin\n  \
    wmctl keys add crm --only acme --allow read --allow send\n  \
    wmctl keys rm crm --yes")]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make a key and print it, once; the database keeps only its hash
    Add {
        /// Names the key in lists and in the audit
        name: String,
        /// For this tenant only (can be repeated; default: all)
        #[arg(long, value_name = "TENANT")]
        only: Vec<TenantId>,
        /// Let it read, write, pair, send or admin (can be repeated; default: read)
        ///
        /// Each stands for itself, and includes none of the others: read sees tenants, hosts and
        /// events; write adds, starts, stops, moves and removes tenants and their webhooks; pair
        /// links and unlinks devices; send sends messages and sees how far they have come; admin
        /// drains hosts and reads the audit.
        #[arg(long, value_name = "ACTION")]
        allow: Vec<Action>,
    },
    /// List keys, without what is secret
    List,
    /// Forget a key: it is refused from then on
    Rm {
        /// Name or id of the key
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// A new key with its text, as JSON.
#[derive(Serialize)]
struct Made<'a> {
    #[serde(flatten)]
    key: &'a Key,
    #[serde(rename = "key")]
    text: &'a str,
}

impl Listed for Key {
    const HEADS: &'static [&'static str] = &["NAME", "ID", "TENANTS", "ACTIONS", "CREATED"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.id.clone(),
            self.tenants.join(","),
            self.actions.join(","),
            self.created.clone(),
        ]
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

pub(crate) async fn run(ui: &Ui, settings: &Settings, args: &KeysArgs) -> Result<Exit, Failure> {
    let app = start::open(ui, settings, Schema::Current).await?;
    let result = carry_out(ui, &app, &args.command).await;
    app.close().await;
    result
}

async fn carry_out(ui: &Ui, app: &App, command: &KeysCommand) -> Result<Exit, Failure> {
    match command {
        KeysCommand::List => {
            let keys = keys::list(app).await.map_err(start::rows)?;
            ui.list("KeyList", &keys, "no keys: `wmctl keys add` makes one")?;
            Ok(Exit::Done)
        }
        KeysCommand::Add { name, only, allow } => add(ui, app, name, only, allow).await,
        KeysCommand::Rm { name, yes } => {
            let known = keys::list(app).await.map_err(start::rows)?;
            if !known.iter().any(|key| key.name == *name || key.id == *name) {
                return Err(unknown(name));
            }
            let instead = format!("wmctl keys rm {name} --yes");
            let question = format!("Whoever uses the key {name} is refused from then on. Go on");
            if !yes && !ui.confirm(&question, &instead)? {
                return Ok(Exit::Done);
            }
            let removed = keys::remove(app, name, &target::actor()).await;
            match removed.map_err(start::rows)? {
                true => {
                    ui.done(&format!("the key {name} is gone"));
                    if known.len() == 1 {
                        ui.warn(
                            "that was the last key: programs on this machine need none now, and \
                             `serve` refuses to listen on addresses that others can reach",
                        );
                    }
                    Ok(Exit::Done)
                }
                false => Err(unknown(name)),
            }
        }
    }
}

fn unknown(name: &str) -> Failure {
    Failure::new(Exit::Absent, "NO_KEY", format!("there is no key {name:?}"))
        .hint("`wmctl keys list` shows them")
}

async fn add(
    ui: &Ui,
    app: &App,
    name: &str,
    only: &[TenantId],
    allow: &[Action],
) -> Result<Exit, Failure> {
    let scope = match only {
        [] => Scope::Everyone,
        some => Scope::Only(some.iter().cloned().collect()),
    };
    let actions = match allow {
        [] => [Action::Read].into(),
        some => some.iter().copied().collect(),
    };
    let made = keys::add(app, name, &scope, &actions, &target::actor()).await;
    let (key, text) = made.map_err(|error| match error {
        KeyError::Rows(error) => start::rows(error),
        KeyError::Taken(_) => Failure::new(Exit::Conflict, "KEY_EXISTS", error.to_string()),
        error => Failure::new(Exit::Usage, "BAD_VALUE", error.to_string()),
    })?;
    match ui.format() {
        Format::Table | Format::Name => ui.answer(&format!("{}\n", text.reveal()))?,
        Format::Json | Format::Jsonl => {
            let made = Made {
                key: &key,
                text: text.reveal(),
            };
            ui.json(&Object::new("KeyMade", &made))?;
        }
    }
    if !actions.contains(&Action::Read) {
        ui.note("the key may not read: add --allow read for whoever is to see tenants or events");
    }
    ui.note(&format!(
        "{} may {} for {}; this is the only time that the key is shown",
        key.name,
        key.actions.join(", "),
        key.tenants.join(", ")
    ));
    Ok(Exit::Done)
}
