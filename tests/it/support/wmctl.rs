//! The binary under test, with its own folder and without the tester's environment.

use std::path::{Path, PathBuf};
use std::process::Output;

use tokio::process::Command;
use tokio::time::timeout;

use super::program::{PATIENCE, Program};
use super::terminal::Terminal;

/// One installation: a folder with its database, log and settings.
#[derive(Clone)]
pub(crate) struct Wmctl {
    folder: PathBuf,
    variables: Vec<(String, String)>,
    unset: Vec<String>,
    /// Prefix of its commands, such as another network namespace.
    inside: Vec<String>,
}

impl Wmctl {
    /// Creates an installation in `folder` with a SQLite database.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            variables: Vec::new(),
            unset: Vec::new(),
            inside: Vec::new(),
        }
    }

    /// Sets a variable for all later commands.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.into(), value.into()));
    }

    /// Removes a variable that is set by default.
    pub(crate) fn unset(&mut self, name: &str) {
        self.unset.push(name.into());
    }

    /// Starts all later commands by another program.
    pub(crate) fn start_inside(&mut self, program: &[&str]) {
        self.inside = program.iter().map(ToString::to_string).collect();
    }

    /// Returns the path of the SQLite file.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.join("wmctl.db")
    }

    /// Returns the log of all its processes so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("wmctl.log")).unwrap_or_default()
    }

    /// Returns a command that writes lines of JSON.
    fn command(&self, arguments: &[&str]) -> Command {
        let wmctl = env!("CARGO_BIN_EXE_wmctl");
        let mut command = match self.inside.split_first() {
            None => Command::new(wmctl),
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(wmctl);
                command
            }
        };
        command
            .env_clear()
            .env("HOME", &self.folder)
            .env("XDG_DATA_HOME", &self.folder)
            .env("XDG_CONFIG_HOME", &self.folder)
            .env(
                "WMCTL_DATABASE_URL",
                format!("sqlite:{}", self.database().display()),
            )
            .env("WMCTL_OUTPUT", "jsonl")
            .env("WMCTL_LOG_LEVEL", "wmctl=debug,info")
            .env("RUST_BACKTRACE", "1")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .args(arguments);
        for name in &self.unset {
            command.env_remove(name);
        }
        command
    }

    /// Starts a long-running command, such as `run`.
    pub(crate) fn start(&self, arguments: &[&str]) -> Program {
        let name = format!("wmctl {}", arguments.first().unwrap_or(&""));
        Program::start(
            &name,
            self.command(arguments),
            &self.folder.join("wmctl.log"),
        )
    }

    /// Starts a command for a person: in a terminal of this size. Standard error is in the terminal
    /// too, unless it is `apart`.
    pub(crate) fn on_terminal(
        &self,
        (columns, rows): (u16, u16),
        apart: bool,
        arguments: &[&str],
    ) -> Terminal {
        let mut command = self.command(arguments);
        command.env("WMCTL_OUTPUT", "table").env("TERM", "xterm");
        Terminal::start(command, columns, rows, apart)
    }

    /// Runs a command to its end.
    pub(crate) async fn output(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).kill_on_drop(true).output();
        let output = timeout(PATIENCE, output).await;
        output
            .unwrap_or_else(|_| panic!("wmctl {arguments:?} does not end"))
            .expect("wmctl starts")
    }

    /// Creates an API key with these arguments, and returns its text.
    pub(crate) async fn key(&self, arguments: &[&str]) -> String {
        let made = self.done(&[&["keys", "add"], arguments].concat()).await;
        let made: serde_json::Value = serde_json::from_str(&made).expect("one object");
        made["key"].as_str().expect("a key is text").to_owned()
    }

    /// Runs a command that must succeed, and returns its standard output.
    pub(crate) async fn done(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments).await;
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "wmctl {arguments:?}: {} {words}",
            output.status
        );
        String::from_utf8(output.stdout).expect("output is text")
    }
}
