//! `wmctl keys`: the API keys of the HTTP interface.

use clap::Subcommand;
use serde::Serialize;
use wmctl::app::shapes::Object;
use wmctl::app::{App, Schema};
use wmctl::ids::TenantId;
use wmctl::ops::keys::{self, Action, Key, KeyError, Scope};

use crate::failure::{Exit, Failure};
use crate::help::{self, after};
use crate::settings::Settings;
use crate::start;
use crate::table::Page;
use crate::target;
use crate::ui::{Format, Listed, Ui};

/// Create, list and revoke API keys
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
    /// Create a key and print it once; the database keeps only its hash
    #[command(after_long_help = after(
        &[
            "wmctl keys add ops --allow read --allow write --allow pair --allow admin",
            "wmctl keys add crm --only acme --allow read --allow send",
            "wmctl keys add crm --allow send -o json | jq -r .key",
        ],
        &[
            (Exit::Done, "the key was created"),
            (Exit::Usage, "the name is invalid"),
            (Exit::Conflict, "another key has that name"),
            help::DATABASE,
        ],
    ))]
    Add {
        /// Name of the key in lists and in the audit log
        name: String,
        /// Limit the key to this tenant (can be repeated; default: all tenants)
        #[arg(long, value_name = "TENANT")]
        only: Vec<TenantId>,
        /// Allow read, write, pair, send or admin (can be repeated; default: read)
        ///
        /// No action includes another one. read: see tenants, hosts and events. write: add, start,
        /// stop, move and delete tenants and their webhooks. pair: link and unlink devices. send:
        /// send messages and see their state. admin: drain hosts and read the audit log.
        #[arg(long, value_name = "ACTION")]
        allow: Vec<Action>,
    },
    /// List keys, without their secrets
    #[command(after_long_help = after(
        &["wmctl keys list", "wmctl keys list -o json"],
        &[(Exit::Done, "the list was printed"), help::DATABASE],
    ))]
    List,
    /// Revoke a key
    #[command(after_long_help = after(
        &["wmctl keys rm crm", "wmctl keys rm crm --yes"],
        &[
            (Exit::Done, "the key is revoked, or you answered no"),
            help::NO_ANSWER,
            (Exit::Absent, "there is no such key"),
            help::DATABASE,
        ],
    ))]
    Rm {
        /// Name or ID of the key
        name: String,
        /// Do not ask for confirmation
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
    const SPARE: &'static [&'static str] = &["CREATED", "ID"];

    fn cells(&self, page: Page) -> Vec<String> {
        vec![
            self.name.clone(),
            self.id.clone(),
            self.tenants.join(","),
            self.actions.join(","),
            page.time(&self.created),
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
            ui.list("KeyList", &keys, "no keys: `wmctl keys add` creates one")?;
            Ok(Exit::Done)
        }
        KeysCommand::Add { name, only, allow } => add(ui, app, name, only, allow).await,
        KeysCommand::Rm { name, yes } => {
            let known = keys::list(app).await.map_err(start::rows)?;
            if !known.iter().any(|key| key.name == *name || key.id == *name) {
                return Err(unknown(name));
            }
            let instead = format!("wmctl keys rm {name} --yes");
            let question = format!("Requests with the key {name} will be refused. Continue?");
            if !yes && !ui.confirm(&question, &instead)? {
                return Ok(Exit::Done);
            }
            let removed = keys::remove(app, name, &target::actor()).await;
            match removed.map_err(start::rows)? {
                true => {
                    ui.done(&format!("the key {name} is revoked"));
                    if known.len() == 1 {
                        ui.warn(
                            "that was the last key: programs on this machine now need no key, and \
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
        ui.note("the key cannot read tenants or events: that needs --allow read");
    }
    ui.note(&format!(
        "{} may {} for {}; the key is shown only this once",
        key.name,
        key.actions.join(", "),
        key.tenants.join(", ")
    ));
    Ok(Exit::Done)
}
