//! `wmctl doctor`: checks everything that wmctl depends on.

use std::path::Path;

use wmctl::app::App;
use wmctl::config::DatabaseUrl;
use wmctl::ops::diagnose::doctor::{self, Check, State};
use wmctl::rehearsal::simulated_phone;

use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::start;
use crate::ui::{Listed, Ui};

/// Check configuration, database, clock, network and tenants
///
/// Looks and changes nothing: no file is made, no schema brought up to date. The database is
/// reached as the other commands reach it, and WhatsApp, or the server that is named, is dialled
/// without logging in.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    wmctl doctor\n  \
    wmctl doctor -o json | jq '.items[] | select(.state != \"ok\")'\n  \
    wmctl doctor --offline\n\n\
    Exit status:\n  0  nothing failed; there may be warnings\n  9  something failed")]
pub(crate) struct DoctorArgs {
    /// Do not dial WhatsApp
    #[arg(long)]
    offline: bool,
}

impl Listed for Check {
    const HEADS: &'static [&'static str] = &["", "CHECK", "FOUND"];

    fn cells(&self) -> Vec<String> {
        let mark = match self.state {
            State::Ok => "✓",
            State::Warning => "!",
            State::Failed => "✗",
            State::Skipped => "·",
        };
        vec![mark.to_owned(), self.check.to_owned(), self.found.clone()]
    }

    fn name(&self) -> String {
        self.check.to_owned()
    }
}

pub(crate) async fn run(ui: &Ui, settings: &Settings, args: &DoctorArgs) -> Result<Exit, Failure> {
    let mut checks = Vec::new();
    match configuration(settings) {
        Err(failure) => checks.push(failed("config", &failure)),
        Ok(found) => {
            checks.push(Check::new("config", State::Ok, found));
            checks.push(marks(settings));
            checks.extend(settings.open_secrets().iter().map(|path| open_secret(path)));
            checks.extend(database(settings).await);
        }
    }
    if !args.offline {
        checks.push(network(settings).await);
    }
    ui.list("CheckList", &checks, "")?;
    for check in &checks {
        if let Some(hint) = &check.hint {
            ui.note(&format!("{}: {hint}", check.check));
        }
    }
    let count = |state| checks.iter().filter(|check| check.state == state).count();
    let (bad, doubtful) = (count(State::Failed), count(State::Warning));
    ui.note(&format!("{bad} failed, {doubtful} warnings"));
    Ok(match bad {
        0 => Exit::Done,
        _ => Exit::Partial,
    })
}

/// Checks the settings before anything is opened.
fn configuration(settings: &Settings) -> Result<String, Failure> {
    settings.tenant()?;
    settings.server()?;
    settings.retention()?;
    let database = settings.database()?;
    let files = settings.files();
    let read = match files.as_slice() {
        [] => String::from("no file"),
        files => files.join(", "),
    };
    Ok(format!("{read}; {database}"))
}

/// Checks the state folder, whose marks show that a database was restored.
fn marks(settings: &Settings) -> Check {
    let hint = "a database that was restored is recognised by less: set STATE_DIRECTORY or \
                XDG_STATE_HOME to a folder that stays and is in no backup";
    let Some(folder) = settings.marks() else {
        return Check::new(
            "state",
            State::Warning,
            "no folder for what this machine keeps",
        )
        .hint(hint);
    };
    let found = folder.display().to_string();
    // The first account creates the folder, so check the nearest existing ancestor.
    let there = folder.ancestors().find(|folder| folder.exists());
    let writable = there.and_then(|there| std::fs::metadata(there).ok());
    match writable.is_some_and(|there| !there.permissions().readonly()) {
        true => Check::new("state", State::Ok, found),
        false => Check::new(
            "state",
            State::Warning,
            format!("{found} cannot be written"),
        )
        .hint(hint),
    }
}

/// A warning, not a failure: some mounts cannot have a stricter mode.
fn open_secret(path: &Path) -> Check {
    let found = format!("{} may be read by everybody", path.display());
    Check::new("config", State::Warning, found).hint("chmod 0600, where the mount allows it")
}

async fn database(settings: &Settings) -> Vec<Check> {
    let ops = match start::ops_settings(settings) {
        Ok(ops) => ops,
        Err(failure) => return vec![failed("database", &failure)],
    };
    if let DatabaseUrl::Sqlite(path) = &ops.database
        && !path.exists()
    {
        let found = format!("{} is not there yet", path.display());
        return vec![
            Check::new("database", State::Skipped, found).hint("the first command makes it"),
        ];
    }
    let (file, ops_url) = (open_file(&ops.database), ops);
    let app = match App::open_to_look(ops_url).await {
        Ok(app) => app,
        Err(error) => return vec![failed("database", &start::rows(error))],
    };
    let mut checks = doctor::rows(&app).await;
    app.close().await;
    checks.extend(file);
    checks
}

/// Reports an SQLite file that other users can read. It contains keys.
fn open_file(database: &DatabaseUrl) -> Option<Check> {
    use std::os::unix::fs::PermissionsExt;
    let DatabaseUrl::Sqlite(path) = database else {
        return None;
    };
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let found = format!("{} has mode {mode:04o}", path.display());
    Some(match mode & 0o077 {
        0 => Check::new("file", State::Ok, found),
        _ => Check::new("file", State::Failed, found)
            .hint(format!("it holds keys: chmod 600 {}", path.display())),
    })
}

async fn network(settings: &Settings) -> Check {
    let server = match settings.simulator() {
        Ok(None) => settings.server(),
        Ok(Some(url)) => {
            let server = simulated_phone::server(&url).await;
            server.map_err(|error| start::simulator(&error))
        }
        Err(failure) => Err(failure),
    };
    match server {
        Ok(server) => doctor::network(&server).await,
        Err(failure) => failed("network", &failure),
    }
}

fn failed(check: &'static str, failure: &Failure) -> Check {
    let found = Check::new(check, State::Failed, failure.message());
    match failure.advice() {
        Some(hint) => found.hint(hint),
        None => found,
    }
}
