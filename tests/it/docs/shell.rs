//! A shell for one page: a home, a network and processes of its own.
//!
//! Ports in documents are the usual ones, and pages run side by side: so each has its own loopback
//! interface. What a page leaves running ends with its shell.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use super::page::{Page, Step};
use crate::support::postgres::{Postgres, is_root};

/// A command has ended by then, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often its output is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// What the end of a command is marked with.
const END: char = '\u{1e}';

/// Reads commands that end with a NUL; `simulator` and `paired` are for comments of pages.
const DRIVER: &str = r#"
ip link set lo up
exec 3<&0 </dev/null
simulator() {
    wmctl simulate "$@" >/dev/null 2>&1 &
    until curl -sf http://127.0.0.1:9444/v1 >/dev/null; do sleep 0.05; done
    export WMCTL_SIMULATOR=http://127.0.0.1:9444
}
paired() {
    wmctl pair --tenant "$1" --qr none -q
}
while IFS= read -r -d '' step <&3; do
    eval "$step"
    printf '\n\036%s\n' "$?"
done
"#;

pub(super) struct Shell {
    child: Child,
    input: ChildStdin,
    output: PathBuf,
    /// Bytes of the output that belong to commands before.
    seen: usize,
    _postgres: Option<Postgres>,
    _home: TempDir,
}

impl Shell {
    /// Starts one as a page needs it: a page about PostgreSQL has a server, where `psql` finds it.
    pub(super) fn start(page: &Page) -> Self {
        let home = tempfile::tempdir().expect("a folder can be made");
        let names = ["postgres", "psql", "createdb"];
        let steps = page.steps();
        let needs = |step: &Step| names.iter().any(|name| step.command.contains(name));
        let postgres = steps.iter().any(needs).then(Postgres::start);
        for block in &page.blocks {
            if let Some(name) = &block.file {
                fs::write(home.path().join(name), block.lines.join("\n")).expect("a file is made");
            }
        }
        let output = home.path().join(".output");
        let file = File::options()
            .create(true)
            .append(true)
            .open(&output)
            .expect("a file can be made");
        let mut command = Command::new("unshare");
        if !is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        let separate = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
        command
            .args(separate)
            .args(["bash", "--norc", "-c", DRIVER])
            .env_clear()
            .env("HOME", home.path())
            .env("LANG", "C.UTF-8")
            .env("PATH", search_path(postgres.as_ref()))
            .current_dir(home.path())
            .stdin(Stdio::piped())
            .stdout(file.try_clone().expect("a file can be shared"))
            .stderr(file);
        if let Some(server) = &postgres {
            let folder = server.socket();
            let folder = folder.parent().expect("a socket is in a folder");
            command.env("PGHOST", folder).env("PGUSER", "wm");
        }
        let mut child = command.spawn().expect("unshare (util-linux) is installed");
        let input = child.stdin.take().expect("it reads commands");
        Self {
            child,
            input,
            output,
            seen: 0,
            _postgres: postgres,
            _home: home,
        }
    }

    /// Runs one command; what is wrong with it, if anything.
    pub(super) fn run(&mut self, step: &Step) -> Result<(), String> {
        let sent = format!("{}\0", step.command);
        if self.input.write_all(sent.as_bytes()).is_err() {
            return Err(String::from("the shell has ended"));
        }
        let begun = Instant::now();
        loop {
            let printed = self.printed();
            let status = printed.split_once(END).and_then(|(_, rest)| {
                let (status, _) = rest.split_once('\n')?;
                status.parse::<i32>().ok()
            });
            let output = printed.replace(END, "");
            let missing = step.missing(&output);
            if let Some(status) = status {
                if status != step.status() {
                    let wanted = step.status();
                    return Err(format!("exit status {status}, not {wanted}:\n{output}"));
                }
                // What runs in the background may take a moment.
                if missing.is_none() {
                    let ended = printed.find(END).unwrap_or(0);
                    self.seen += ended + printed[ended..].find('\n').map_or(0, |end| end + 1);
                    return Ok(());
                }
            }
            if PATIENCE < begun.elapsed() {
                return Err(match (status, missing) {
                    (Some(_), Some(line)) => format!("it never prints {line:?}:\n{output}"),
                    _ => format!("it does not end:\n{output}"),
                });
            }
            std::thread::sleep(LOOK);
        }
    }

    /// What was printed since the last command.
    fn printed(&self) -> String {
        let bytes = fs::read(&self.output).unwrap_or_default();
        String::from_utf8_lossy(bytes.get(self.seen..).unwrap_or_default()).into_owned()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // Everything in its namespace goes with it.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The binary under test before everything else.
fn search_path(server: Option<&Postgres>) -> String {
    let wmctl = Path::new(env!("CARGO_BIN_EXE_wmctl"));
    let mut folders = vec![wmctl.parent().map(Path::to_owned)];
    folders.push(server.and_then(|server| server.program("").parent().map(Path::to_owned)));
    let folders = folders.into_iter().flatten();
    let mut path: String = folders
        .map(|folder| format!("{}:", folder.display()))
        .collect();
    path.push_str("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    path
}
