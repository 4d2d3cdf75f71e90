//! A `wmctl run --ha` process of a rehearsal, and the roles that it reports.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::rehearsal::stage::{RehearsalError, Stage};

/// Time limit for a graceful stop.
const STOP_TIME_MAX: Duration = Duration::from_secs(25);

/// A state that a process reports about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Leader,
    Standby,
    Fenced,
    Connected,
}

/// A running process.
pub(crate) struct Host {
    pub(crate) pid: u32,
    /// The last role that it reported.
    pub(crate) role: Option<Said>,
    pub(crate) connected: bool,
    child: Child,
    said: mpsc::UnboundedReceiver<Said>,
    _reader: JoinSet<()>,
}

impl Host {
    /// Starts a process on the stage's database, through the given URL and lock URL.
    pub(crate) fn start(
        stage: &Stage,
        database_url: &str,
        lock_url: Option<&str>,
        timeout: Duration,
    ) -> Result<Self, RehearsalError> {
        let failed = |source| RehearsalError::Start {
            program: stage.program.clone(),
            source,
        };
        let config = stage.folder.path().join("config.toml");
        // An empty configuration file replaces the user's own.
        File::create(&config).map_err(failed)?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(stage.log())
            .map_err(failed)?;
        let mut command = command(stage, &config);
        // Environment variables: a URL may contain a password, and every user can read command
        // lines.
        command
            .env("WMCTL_DATABASE_URL", database_url)
            .envs(lock_url.map(|url| ("WMCTL_LOCK_DATABASE_URL", url)))
            .args(["--ha-timeout", &timeout.as_millis().to_string()]);
        let mut child = command.stderr(log).spawn().map_err(failed)?;
        let (tell, said) = mpsc::unbounded_channel();
        let mut reader = JoinSet::new();
        if let Some(output) = child.stdout.take() {
            let mut lines = BufReader::new(output).lines();
            reader.spawn(async move {
                while let Ok(Some(line)) = lines.next_line().await {
                    if let Some(said) = understood(&line)
                        && tell.send(said).is_err()
                    {
                        return;
                    }
                }
            });
        }
        Ok(Self {
            pid: child.id().unwrap_or_default(),
            role: None,
            connected: false,
            child,
            said,
            _reader: reader,
        })
    }

    /// Returns the next report, or `None` if the process has ended. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Said> {
        let said = loop {
            let said = self.said.recv().await?;
            // A standby repeats its role when it learns of another leader; ignore that.
            if self.role != Some(said) {
                break said;
            }
        };
        match said {
            Said::Connected => self.connected = true,
            role => {
                self.role = Some(role);
                self.connected = false;
            }
        }
        Some(said)
    }

    pub(crate) fn leads(&self) -> bool {
        self.role == Some(Said::Leader) && self.connected
    }

    /// Kills it with SIGKILL.
    pub(crate) async fn kill(mut self) {
        // It may have ended already.
        let _ = self.child.kill().await;
    }

    /// Sends a signal by name, such as `-STOP`.
    pub(crate) async fn signal(&self, name: &str) {
        signal(self.pid, name).await;
    }

    /// Stops it gracefully. Returns whether it exited successfully in time.
    pub(crate) async fn stop(mut self) -> bool {
        self.signal("-TERM").await;
        let ended = tokio::time::timeout(STOP_TIME_MAX, self.child.wait()).await;
        matches!(ended, Ok(Ok(status)) if status.success())
    }

    /// Returns the error for a process that ended by itself.
    pub(crate) async fn ended(mut self, stage: &Stage) -> RehearsalError {
        match self.child.wait().await {
            Ok(status) => RehearsalError::Ended {
                status,
                log: stage.log(),
            },
            Err(source) => RehearsalError::Start {
                program: stage.program.clone(),
                source,
            },
        }
    }
}

/// Sends a signal to a child process by name, such as `-STOP`.
pub(crate) async fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status();
    if !sent.await.is_ok_and(|status| status.success()) {
        tracing::warn!(name, pid, "the signal was not sent");
    }
}

/// Two slots for processes.
#[derive(Default)]
pub(crate) struct Hosts(pub(crate) [Option<Host>; 2]);

impl Hosts {
    /// Returns the slot and the next report of a process; `None` if it has ended. Cancel-safe.
    pub(crate) async fn next(&mut self) -> (usize, Option<Said>) {
        async fn of(host: &mut Option<Host>) -> Option<Said> {
            match host {
                Some(host) => host.next().await,
                None => std::future::pending().await,
            }
        }
        let [one, two] = &mut self.0;
        tokio::select! {
            said = of(one) => (0, said),
            said = of(two) => (1, said),
        }
    }

    /// Returns the slot of the process that leads and is connected.
    pub(crate) fn leader(&self) -> Option<usize> {
        let leads = |host: &Option<Host>| host.as_ref().is_some_and(Host::leads);
        self.0.iter().position(leads)
    }

    /// Returns whether one process leads and the other is on standby.
    pub(crate) fn are_ready(&self) -> bool {
        let stands_by = |host: &Host| host.role == Some(Said::Standby);
        self.leader().is_some() && self.0.iter().flatten().any(stands_by)
    }
}

fn command(stage: &Stage, config: &Path) -> Command {
    let mut command = Command::new(&stage.program);
    command
        .args(["run", "--ha", "--no-http", "-o", "jsonl"])
        .args(["--ends-with", &std::process::id().to_string()])
        .args(["--tenant", stage.app.settings.tenant.as_str()])
        .args(["--server", &stage.sim.ws_url()])
        .args(["--root-key", stage.sim.root_key()])
        .arg("--config")
        .arg(config);
    for name in [
        "WMCTL_SIMULATOR",
        "WMCTL_CA_FILE",
        "WMCTL_OUTPUT",
        "DATABASE_URL",
        "DATABASE_URL_FILE",
        "WMCTL_DATABASE_URL_FILE",
        "LOCK_DATABASE_URL",
        "LOCK_DATABASE_URL_FILE",
        "WMCTL_LOCK_DATABASE_URL",
        "WMCTL_LOCK_DATABASE_URL_FILE",
        "NOTIFY_SOCKET",
        "WATCHDOG_USEC",
    ] {
        command.env_remove(name);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Parses one line of output; events are ignored.
fn understood(line: &str) -> Option<Said> {
    let line: Value = serde_json::from_str(line).ok()?;
    match (line["type"].as_str()?, &line["role"], &line["state"]) {
        ("role", Value::String(role), _) => match role.as_str() {
            "leader" => Some(Said::Leader),
            "standby" => Some(Said::Standby),
            "fenced" => Some(Said::Fenced),
            _ => None,
        },
        ("status", _, Value::String(state)) if state == "connected" => Some(Said::Connected),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_run_are_understood() {
        for (line, said) in [
            (
                r#"{"type":"role","role":"leader","epoch":3}"#,
                Some(Said::Leader),
            ),
            (
                r#"{"type":"role","role":"standby","holder":"a/1"}"#,
                Some(Said::Standby),
            ),
            (r#"{"type":"role","role":"fenced"}"#, Some(Said::Fenced)),
            (
                r#"{"type":"status","state":"connected"}"#,
                Some(Said::Connected),
            ),
            (r#"{"type":"status","state":"connecting"}"#, None),
            (r#"{"type":"message","text":"{\"role\":\"leader\"}"}"#, None),
            ("no JSON", None),
        ] {
            assert_eq!(understood(line), said, "{line}");
        }
    }
}
