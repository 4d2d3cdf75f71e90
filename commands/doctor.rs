//! `wmctl doctor`: checks everything that wmctl depends on.

use std::path::Path;

use wmctl::app::App;
use wmctl::config::DatabaseUrl;
use wmctl::ops::diagnose::doctor::{self, Check, CheckState, Ways};

use crate::failure::{Exit, Failure};
use crate::help::after;
use crate::settings::Settings;
use crate::start;
use crate::table::Page;
use crate::ui::{Listed, Ui, counted};

/// Check configuration, database, clock, network and tenants
///
/// The command only reads: it creates no file and migrates no schema. It connects to the database
/// as the other commands do. It connects to WhatsApp without logging in, as each tenant would:
/// directly, or through the tenant's proxy.
#[derive(Debug, clap::Args)]
#[command(after_long_help = after(
    &[
        "wmctl doctor",
        "wmctl doctor -o json | jq '.items[] | select(.state != \"ok\")'",
        "wmctl doctor --offline",
    ],
    &[
        (Exit::Done, "no check failed; there may be warnings"),
        (Exit::Partial, "a check failed"),
    ],
))]
pub(crate) struct DoctorArgs {
    /// Do not connect to WhatsApp
    #[arg(long)]
    offline: bool,
}

impl Listed for Check {
    const HEADS: &'static [&'static str] = &["", "CHECK", "FOUND"];

    fn cells(&self, _page: Page) -> Vec<String> {
        let mark = match self.state {
            CheckState::Ok => "✓",
            CheckState::Warning => "!",
            CheckState::Failed => "✗",
            CheckState::Skipped => "·",
        };
        vec![mark.to_owned(), self.check.to_owned(), self.found.clone()]
    }

    fn name(&self) -> String {
        self.check.to_owned()
    }
}

pub(crate) async fn run(ui: &Ui, settings: &Settings, args: &DoctorArgs) -> Result<Exit, Failure> {
    let (mut checks, mut ways) = (Vec::new(), Ways::direct());
    match configuration(settings) {
        Err(failure) => checks.push(failed("config", &failure)),
        Ok(found) => {
            checks.push(Check::new("config", CheckState::Ok, found));
            checks.push(marks(settings));
            checks.extend(settings.open_secrets().iter().map(|path| open_secret(path)));
            let (found, known) = database(settings).await;
            checks.extend(found);
            ways = known;
        }
    }
    if !args.offline {
        checks.extend(network(settings, &ways).await);
    }
    ui.list("CheckList", &checks, "")?;
    for check in &checks {
        if let Some(hint) = &check.hint {
            ui.note(&format!("{}: {hint}", check.check));
        }
    }
    let count = |state| checks.iter().filter(|check| check.state == state).count();
    let (bad, doubtful) = (count(CheckState::Failed), count(CheckState::Warning));
    ui.note(&format!(
        "{bad} failed, {}",
        counted(doubtful, "warning", "warnings")
    ));
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
    let hint = "wmctl needs it to detect a restored database: set STATE_DIRECTORY or \
                XDG_STATE_HOME to a persistent folder that is not backed up";
    let Some(folder) = settings.marks() else {
        return Check::new("state", CheckState::Warning, "no state folder").hint(hint);
    };
    let found = folder.display().to_string();
    // The first account creates the folder, so check the nearest existing ancestor.
    let there = folder.ancestors().find(|folder| folder.exists());
    let writable = there.and_then(|there| std::fs::metadata(there).ok());
    match writable.is_some_and(|there| !there.permissions().readonly()) {
        true => Check::new("state", CheckState::Ok, found),
        false => Check::new(
            "state",
            CheckState::Warning,
            format!("{found} is not writable"),
        )
        .hint(hint),
    }
}

/// A warning, not a failure: some mounts cannot have a stricter mode.
fn open_secret(path: &Path) -> Check {
    let found = format!("every user can read {}", path.display());
    Check::new("config", CheckState::Warning, found)
        .hint("run chmod 0600 on it, if the mount allows that")
}

/// What the database tells, and how its tenants reach WhatsApp.
async fn database(settings: &Settings) -> (Vec<Check>, Ways) {
    let direct = |check| (vec![check], Ways::direct());
    let ops = match start::ops_settings(settings) {
        Ok(ops) => ops,
        Err(failure) => return direct(failed("database", &failure)),
    };
    if let DatabaseUrl::Sqlite(path) = &ops.database
        && !path.exists()
    {
        let found = format!("{} does not exist yet", path.display());
        let check = Check::new("database", CheckState::Skipped, found);
        return direct(check.hint("the first command that needs it creates it"));
    }
    let (file, ops_url) = (open_file(&ops.database), ops);
    let app = match App::open_to_look(ops_url).await {
        Ok(app) => app,
        Err(error) => return direct(failed("database", &start::rows(error))),
    };
    let (mut checks, ways) = (doctor::rows(&app).await, doctor::ways(&app).await);
    app.close().await;
    checks.extend(file);
    (checks, ways)
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
        0 => Check::new("file", CheckState::Ok, found),
        _ => Check::new("file", CheckState::Failed, found).hint(format!(
            "it contains keys: run chmod 600 {}",
            path.display()
        )),
    })
}

async fn network(settings: &Settings, ways: &Ways) -> Vec<Check> {
    let server = start::server(settings).await;
    match server.and_then(|server| Ok((server, settings.private_proxies()?))) {
        Ok((server, private)) => doctor::networks(&server, ways, private).await,
        Err(failure) => vec![failed("network", &failure)],
    }
}

fn failed(check: &'static str, failure: &Failure) -> Check {
    let found = Check::new(check, CheckState::Failed, failure.message());
    match failure.advice() {
        Some(hint) => found.hint(hint),
        None => found,
    }
}
