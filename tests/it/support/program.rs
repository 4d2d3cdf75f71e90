//! A child process that exchanges lines of JSON.
//!
//! Tests wait for its output, never for time to pass. [`Program::expect`] returns as soon as the
//! line is there. If it does not come, the failure shows all other output.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Longest time to wait for a line. It is generous, because a passing test never waits for it. Test
/// machines have few processors, and a new client generates hundreds of keys.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Number of log lines in a failure.
const LOG_LINES_SHOWN: usize = 40;

/// A running child process; it is killed on drop.
pub(crate) struct Program {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    lines: mpsc::UnboundedReceiver<Value>,
    /// Output that no `expect` has taken yet.
    unread: VecDeque<Value>,
    log: PathBuf,
    _reader: JoinSet<()>,
}

impl Program {
    /// Starts `command`. Standard error is appended to the file `log`.
    pub(crate) fn start(name: &str, mut command: Command, log: &Path) -> Self {
        let file = File::options()
            .create(true)
            .append(true)
            .open(log)
            .expect("a log can be made");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().expect("output is piped")).lines();
        let (sender, lines) = mpsc::unbounded_channel();
        let mut reader = JoinSet::new();
        reader.spawn(async move {
            while let Ok(Some(line)) = output.next_line().await {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if sender.send(value).is_err() {
                    break;
                }
            }
        });
        let (name, log) = (name.to_owned(), log.to_owned());
        Self {
            name,
            child,
            input,
            lines,
            unread: VecDeque::new(),
            log,
            _reader: reader,
        }
    }

    /// Writes one line to the child.
    pub(crate) async fn say(&mut self, line: &Value) {
        let input = self.input.as_mut().expect("the input is open");
        let line = format!("{line}\n");
        if let Err(error) = input.write_all(line.as_bytes()).await {
            panic!("{} takes no input: {error}\n{}", self.name, self.log_tail());
        }
    }

    /// Closes the child's input.
    pub(crate) fn close_input(&mut self) {
        self.input = None;
    }

    /// Returns the first untaken line for which `wanted` returns true, now or within [`PATIENCE`].
    ///
    /// Earlier lines stay for later calls, so the order of independent expectations does not
    /// matter.
    pub(crate) async fn expect(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> Value {
        if let Some(index) = self.unread.iter().position(&mut wanted) {
            return self.unread.remove(index).expect("the position is inside");
        }
        let found = timeout(PATIENCE, async {
            while let Some(value) = self.lines.recv().await {
                if wanted(&value) {
                    return Some(value);
                }
                self.unread.push_back(value);
            }
            None
        });
        match found.await {
            Ok(Some(value)) => value,
            Ok(None) => panic!("{} ended before {what}{}", self.name, self.said()),
            Err(_) => panic!("{} did not say in time: {what}{}", self.name, self.said()),
        }
    }

    /// Returns all untaken lines so far for which `wanted` returns true, without waiting or taking
    /// them.
    pub(crate) fn heard(&mut self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        while let Ok(value) = self.lines.try_recv() {
            self.unread.push_back(value);
        }
        self.unread
            .iter()
            .filter(|value| wanted(value))
            .cloned()
            .collect()
    }

    /// Returns whether `wanted` holds for an untaken line after the last one that `mark` fits.
    pub(crate) fn said_after(
        &mut self,
        mark: impl Fn(&Value) -> bool,
        wanted: impl Fn(&Value) -> bool,
    ) -> bool {
        while let Ok(value) = self.lines.try_recv() {
            self.unread.push_back(value);
        }
        let behind = self.unread.iter().rposition(mark);
        behind.is_some_and(|at| self.unread.iter().skip(at).any(wanted))
    }

    /// Returns the process id while the child runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until the child has ended by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        match timeout(PATIENCE, self.child.wait()).await {
            Ok(status) => status.expect("a child can be waited for"),
            Err(_) => panic!("{} does not end{}", self.name, self.said()),
        }
    }

    /// Kills the child, as in a crash, and waits until it is gone.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("a child can be killed");
    }

    /// Sends SIGTERM, as a service manager would.
    pub(crate) async fn terminate(&mut self) {
        let Some(id) = self.child.id() else { return };
        let kill = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -TERM {id}"))
            .status()
            .await;
        assert!(
            kill.expect("sh runs").success(),
            "{} takes no signal",
            self.name
        );
    }

    fn said(&self) -> String {
        let lines: Vec<String> = self.unread.iter().map(ToString::to_string).collect();
        format!(
            "; it said instead:\n{}\nits log:\n{}",
            lines.join("\n"),
            self.log_tail()
        )
    }

    /// Returns the end of its log.
    pub(crate) fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }
}
