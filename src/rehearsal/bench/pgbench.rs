//! Runs `pgbench` on the same server with as many row writes per transaction as wmctl has. The
//! comparison shows what wmctl itself costs, apart from the server.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::app::{App, RowsError};
use crate::config::postgres::{PostgresUrl, Roots};
use crate::rehearsal::bench::BenchError;
use crate::store::scratch;

/// Duration of each run (s).
const SECONDS: &str = "3";
/// Maximum row writes per transaction; a longer script gives no more information.
const WRITES_MAX: u32 = 1_000;
/// Maximum lines of an error message that are shown.
const LINES_MAX: usize = 4;
/// Maximum number of clients: the pool size of a wmctl process.
const CLIENTS_MAX: u32 = 10;

/// The program and the server to measure.
pub(super) struct Pgbench<'a> {
    pub(super) program: PathBuf,
    pub(super) url: &'a PostgresUrl,
    pub(super) folder: &'a Path,
}

impl Pgbench<'_> {
    /// Returns the named program or the one on `PATH`; `None` if there is none.
    pub(super) async fn found(named: Option<&PathBuf>) -> Result<Option<PathBuf>, BenchError> {
        let program = named.cloned().unwrap_or_else(|| PathBuf::from("pgbench"));
        let mut command = Command::new(&program);
        command.arg("--version").stdin(Stdio::null());
        match command.output().await {
            Ok(_) => Ok(Some(program)),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(BenchError::Start { program, source }),
        }
    }

    /// Returns the transactions per second of `busy` clients with `rows` row writes each.
    pub(super) async fn per_s(&self, app: &App, rows: f64, busy: u32) -> Result<f64, BenchError> {
        let clients = busy.clamp(1, CLIENTS_MAX);
        let writes = (1..=WRITES_MAX)
            .find(|writes| rows < f64::from(*writes) + 0.5)
            .unwrap_or(WRITES_MAX);
        let made = app.store.make_scratch(clients * writes).await;
        made.map_err(RowsError::of)?;
        let measured = self.run(writes, clients).await;
        app.store.drop_scratch().await.map_err(RowsError::of)?;
        measured
    }

    async fn run(&self, writes: u32, clients: u32) -> Result<f64, BenchError> {
        let (script, service) = (
            self.folder.join("pgbench.sql"),
            self.folder.join("pgbench.service"),
        );
        fs::write(&script, scratch::scratch_script(writes))?;
        private(&service)?.write_all(service_of(self.url).as_bytes())?;
        let clients = clients.to_string();
        let mut command = Command::new(&self.program);
        command
            .args(["-n", "-M", "prepared", "-T", SECONDS, "-c", &clients, "-f"])
            .arg(&script)
            .arg("service=bench")
            // An environment variable, not an argument: the file may contain a password.
            .env("PGSERVICEFILE", &service)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = command.output().await.map_err(|source| {
            let program = self.program.clone();
            BenchError::Start { program, source }
        })?;
        let said = String::from_utf8_lossy(&output.stdout);
        let per_s = said.lines().find_map(transactions_per_s);
        per_s
            .filter(|_| output.status.success())
            .ok_or_else(|| BenchError::Pgbench {
                status: output.status,
                said: in_short(&output.stderr),
            })
    }
}

fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)
}

/// Returns a libpq service file for the server; absent values keep their defaults.
fn service_of(url: &PostgresUrl) -> String {
    let path = |path: &PathBuf| path.display().to_string();
    let roots = match &url.roots {
        Roots::Any => None,
        Roots::System => Some(String::from("system")),
        Roots::File(file) => Some(path(file)),
    };
    let client = url.client.as_ref();
    let settings = [
        ("host", url.host.clone()),
        ("port", url.port.map(|port| port.to_string())),
        ("user", url.user.clone()),
        ("password", url.password.as_ref().map(|it| it.to_string())),
        ("dbname", url.database.clone()),
        ("sslmode", url.tls.map(|mode| mode.name().to_owned())),
        ("sslrootcert", roots),
        ("sslcert", client.map(|(certificate, _)| path(certificate))),
        ("sslkey", client.map(|(_, key)| path(key))),
    ];
    let mut text = String::from("[bench]\n");
    for (name, value) in settings {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name}={value}");
        }
    }
    text
}

/// Parses the rate that excludes the time for opening connections.
fn transactions_per_s(line: &str) -> Option<f64> {
    let number = line.strip_prefix("tps = ")?.split_whitespace().next()?;
    number.parse().ok().filter(|per_s| 0.0 < *per_s)
}

fn in_short(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().take(LINES_MAX).collect();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_and_nothing_else() {
        for (line, expected) in [
            (
                "tps = 1284.5 (without initial connection time)",
                Some(1284.5),
            ),
            ("tps = 0.0 (including connections establishing)", None),
            ("latency average = 0.778 ms", None),
            ("tps = x", None),
        ] {
            assert_eq!(transactions_per_s(line), expected, "{line}");
        }
    }

    #[test]
    fn a_service_names_the_server_and_leaves_defaults_open() {
        let url: crate::config::DatabaseUrl = "postgres://wm:secret@db:6432/bench?sslmode=require"
            .parse()
            .unwrap();
        let crate::config::DatabaseUrl::Postgres(url) = url else {
            panic!("a server");
        };
        assert_eq!(
            service_of(&url),
            "[bench]\nhost=db\nport=6432\nuser=wm\npassword=secret\ndbname=bench\nsslmode=require\n"
        );
    }
}
