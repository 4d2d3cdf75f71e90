//! Dynamic shell completion of tenant and host names. The names come from the database or from a
//! host, within a short time limit. Any error results in no suggestions.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use clap_complete::env::CompleteEnv;
use clap_complete::{ArgValueCompleter, CompletionCandidate};
use tokio::time::timeout;
use wmctl::app::App;
use wmctl::client::ApiClient;
use wmctl::ids::TenantId;
use wmctl::ops::tenants::PAGE_MAX;
use wmctl::ops::{hosts, tenants};

use crate::cli::{self, Globals};
use crate::failure::Exit;
use crate::settings::{Environment, Settings};
use crate::{start, ui};

/// Time limit for the lookup.
const TIME_MAX: Duration = Duration::from_millis(300);
/// Maximum number of suggestions.
const NAMES_MAX: usize = 200;

/// The kind of names to complete.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Tenants,
    Hosts,
}

/// Answers a completion request of the shell, such as `COMPLETE=bash`. Returns `None` for any other
/// call.
pub(crate) fn answered() -> Option<Exit> {
    let words = std::env::args_os().skip(1).any(|word| word == "--");
    let folder = std::env::current_dir().ok();
    let env = CompleteEnv::with_factory(completing);
    match env.try_complete(std::env::args_os(), folder.as_deref()) {
        Ok(false) => None,
        Ok(true) => Some(Exit::Done),
        // During completion an error message would appear in the user's input line.
        Err(_) if words => Some(Exit::Done),
        Err(error) => {
            ui::write_err(&error.render().to_string());
            Some(Exit::Usage)
        }
    }
}

/// Returns the command line with completers for names. Options and arguments are recognised by
/// their value names in the help.
fn completing() -> clap::Command {
    fn with_names(command: clap::Command) -> clap::Command {
        let of_tenants = command.get_name() == "tenants";
        let command = command.mut_args(|arg| {
            let named = |name: &str| {
                let names = arg.get_value_names().unwrap_or_default();
                names.iter().any(|known| known.as_str() == name)
            };
            if named("TENANT") {
                arg.add(ArgValueCompleter::new(|typed: &OsStr| {
                    names(typed, Kind::Tenants)
                }))
            } else if named("HOST") {
                arg.add(ArgValueCompleter::new(|typed: &OsStr| {
                    names(typed, Kind::Hosts)
                }))
            } else {
                arg
            }
        });
        command.mut_subcommands(move |sub| {
            let adds = sub.get_name() == "add";
            let sub = with_names(sub);
            match of_tenants && !adds {
                false => sub,
                true => sub.mut_args(|arg| match arg.get_id().as_str() {
                    "name" => arg.add(ArgValueCompleter::new(|typed: &OsStr| {
                        names(typed, Kind::Tenants)
                    })),
                    _ => arg,
                }),
            }
        })
    }
    with_names(cli::command())
}

/// Returns the names that begin with the typed text.
fn names(typed: &OsStr, kind: Kind) -> Vec<CompletionCandidate> {
    let Some(begin) = typed.to_str() else {
        return Vec::new();
    };
    let mut found = look(begin, kind).unwrap_or_default();
    found.retain(|name| name.starts_with(begin));
    found.into_iter().map(CompletionCandidate::new).collect()
}

/// Returns the names found within the time limit; `None` after an error.
fn look(begin: &str, kind: Kind) -> Option<Vec<String>> {
    if !begin.is_empty() && begin.parse::<TenantId>().is_err() {
        return None;
    }
    let (globals, api) = typed_before(std::env::args());
    let settings = Settings::find(&globals, Environment::of_process()).ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    let mut found = Vec::new();
    let asked = ask(&settings, api, begin, kind, &mut found);
    let _ = runtime.block_on(async { timeout(TIME_MAX, asked).await });
    // A DNS lookup without a response may still occupy a thread, which ends with the process.
    runtime.shutdown_background();
    Some(found)
}

async fn ask(
    settings: &Settings,
    api: Option<String>,
    begin: &str,
    kind: Kind,
    found: &mut Vec<String>,
) -> Option<()> {
    let place = Place::open(settings, api).await?;
    if let Kind::Hosts = kind {
        let hosts = match &place {
            Place::Rows(app) => hosts::list(app).await.ok()?,
            Place::Api(remote) => remote.hosts().await.ok()?,
        };
        found.extend(hosts.into_iter().map(|host| host.name));
        return Some(());
    }
    let mut after = before(begin).to_owned();
    loop {
        let page = match &place {
            Place::Rows(app) => tenants::page(app, &after, PAGE_MAX).await.ok()?,
            Place::Api(remote) => remote.page(&after, PAGE_MAX).await.ok()?,
        };
        let full = page.len() == PAGE_MAX as usize;
        let names = page.into_iter().map(|tenant| tenant.business_id);
        let names: Vec<String> = names.collect();
        after = names.last()?.clone();
        found.extend(names.into_iter().filter(|name| name.starts_with(begin)));
        if !full || NAMES_MAX <= found.len() {
            return Some(());
        }
    }
}

/// The source of names.
enum Place {
    Rows(Box<App>),
    Api(ApiClient),
}

impl Place {
    /// Opens the source. Neither creates nor changes anything.
    async fn open(settings: &Settings, api: Option<String>) -> Option<Self> {
        let Some(url) = api.as_deref().or(settings.api()) else {
            let app = App::open_to_look(start::ops_settings(settings).ok()?).await;
            return app.ok().map(Box::new).map(Self::Rows);
        };
        let ca_file = settings.server().ok()?.ca_file;
        let key = settings.api_key().map(str::to_owned);
        let remote = ApiClient::new(url, key, ca_file.as_deref().map(Path::new));
        remote.ok().map(Self::Api)
    }
}

/// Returns a name that sorts before all names with this prefix, in any collation of the database.
fn before(begin: &str) -> &str {
    let last = begin.char_indices().next_back();
    last.map_or("", |(at, _)| &begin[..at])
}

/// Parses the options in the unfinished line that select the source of names, and ignores the rest.
fn typed_before(words: impl Iterator<Item = String>) -> (Globals, Option<String>) {
    let mut words = words.skip_while(|word| word != "--").skip(1).peekable();
    let (mut globals, mut api) = (Globals::default(), None);
    while let Some(word) = words.next() {
        let (option, value) = match word.split_once('=') {
            Some((option, value)) => (option.to_owned(), Some(value.to_owned())),
            None => (word, words.peek().cloned()),
        };
        match option.as_str() {
            "--api" => api = value,
            "--database-url" => globals.database_url = value,
            "--config" | "-c" => globals.config = value.map(Into::into),
            "--ca-file" | "--ca" => globals.ca_file = value.map(Into::into),
            _ => (),
        }
    }
    (globals, api)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_where_is_found_on_an_unfinished_line() {
        let line = "wmctl -- wmctl tenants --api http://a --ca=f stop --database-url";
        let (globals, api) = typed_before(line.split(' ').map(str::to_owned));
        assert_eq!(api.as_deref(), Some("http://a"));
        assert_eq!(globals.ca_file.as_deref(), Some(Path::new("f")));
        assert_eq!(globals.database_url, None);
    }

    #[test]
    fn names_follow_on_what_is_shorter() {
        assert_eq!([before(""), before("a"), before("ac")], ["", "", "a"]);
    }
}
