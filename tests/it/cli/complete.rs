//! Completion of names in real shells.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, timeout};

use crate::support::program::PATIENCE;
use crate::support::wmctl::Wmctl;

/// Far longer than the lookup's own limit, because test machines are slow.
const BOUND: Duration = Duration::from_secs(10);

/// A user with a few tenants, and `wmctl` on the path.
struct User {
    wmctl: Wmctl,
    folder: TempDir,
}

impl User {
    async fn with_tenants() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let wmctl = Wmctl::in_folder(folder.path());
        for tenant in ["acid", "acme", "beta"] {
            wmctl.done(&["tenants", "add", tenant]).await;
        }
        Self { wmctl, folder }
    }

    fn command(&self, program: &str) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_wmctl"));
        let path = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
        let database = format!("sqlite:{}", self.wmctl.database().display());
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.folder.path())
            .env("TERM", "xterm")
            .env("LANG", "C.UTF-8")
            .env("WMCTL_DATABASE_URL", database)
            .current_dir(self.folder.path())
            .kill_on_drop(true);
        command
    }

    /// Runs the completion of the last of these words, as a shell does.
    async fn completed(&self, words: &[&str], variables: &[(&str, &str)]) -> Output {
        let asked = self
            .command("wmctl")
            .env("COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
            .env("_CLAP_IFS", "\n")
            .envs(variables.iter().copied())
            .arg("--")
            .args(words)
            .output();
        timeout(BOUND, asked).await.expect("an answer").unwrap()
    }

    async fn candidates(&self, words: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
        let output = self.completed(words, variables).await;
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{output:?}"
        );
        let text = String::from_utf8(output.stdout).unwrap();
        let names = text.lines().filter(|line| !line.starts_with('-'));
        names.map(str::to_owned).collect()
    }
}

/// A shell in its own terminal.
struct Shell {
    _child: Child,
    keys: ChildStdin,
    screen: ChildStdout,
    seen: String,
}

impl Shell {
    fn start(user: &User, shell: &str) -> Self {
        let mut child = user
            .command("script")
            .args(["--quiet", "--flush", "--command", shell, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script is installed");
        Self {
            keys: child.stdin.take().unwrap(),
            screen: child.stdout.take().unwrap(),
            _child: child,
            seen: String::new(),
        }
    }

    async fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).await.unwrap();
    }

    /// Waits until the screen contains `what`.
    async fn shows(&mut self, what: &str) {
        let begun = Instant::now();
        while !self.seen.contains(what) {
            let mut bytes = [0; 4_096];
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let read = timeout(left, self.screen.read(&mut bytes)).await;
            let count = read
                .unwrap_or_else(|_| panic!("no {what}: {}", self.seen))
                .unwrap();
            assert!(0 < count, "the shell ended before {what}: {}", self.seen);
            self.seen
                .push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        self.seen.clear();
    }
}

#[tokio::test]
async fn shells_complete_the_names_of_tenants() {
    let user = User::with_tenants().await;
    let zsh = "autoload -Uz compinit && compinit -u && source <(COMPLETE=zsh wmctl)";
    for (shell, setup) in [
        (
            "bash --noprofile --norc -i",
            "source <(COMPLETE=bash wmctl)",
        ),
        ("zsh -f -i", zsh),
        ("fish --no-config -i", "COMPLETE=fish wmctl | source"),
    ] {
        let mut typing = Shell::start(&user, shell);
        typing.press(&format!("{setup}; echo set''up\n")).await;
        typing.shows("setup").await;
        // Only a successful completion gives the name of a tenant.
        typing.press("wmctl tenants show --json aci\t\n").await;
        typing.shows("\"business_id\":\"acid\"").await;
        typing.press("exit\n").await;
    }
}

#[tokio::test]
async fn names_come_from_the_database_or_a_host() {
    let user = User::with_tenants().await;
    let stop = ["wmctl", "tenants", "stop", "ac"];
    assert_eq!(user.candidates(&stop, &[]).await, ["acid", "acme"]);
    let tenant = ["wmctl", "run", "--tenant", "b"];
    assert_eq!(user.candidates(&tenant, &[]).await, ["beta"]);
    let add = ["wmctl", "tenants", "add", "ac"];
    assert!(
        user.candidates(&add, &[]).await.is_empty(),
        "a new name is not there yet"
    );
    let serve = ["serve", "--name", "host-a", "--http", "127.0.0.1:0"];
    let mut serve = user.wmctl.start(&serve);
    let http = serve
        .expect("an address", |line| line["type"] == "http")
        .await;
    serve.expect("a host", |line| line["type"] == "host").await;
    let url = format!("http://{}", http["address"].as_str().unwrap());
    let drain = ["wmctl", "tenants", "drain", "--host", "h"];
    assert_eq!(user.candidates(&drain, &[]).await, ["host-a"]);
    // The database does not exist, so the names must come from the host.
    let nowhere = ("WMCTL_DATABASE_URL", "sqlite:/nowhere/wmctl.db");
    assert!(user.candidates(&stop, &[nowhere]).await.is_empty());
    let api = ("WMCTL_API", url.as_str());
    assert_eq!(
        user.candidates(&stop, &[nowhere, api]).await,
        ["acid", "acme"]
    );
    assert_eq!(user.candidates(&drain, &[nowhere, api]).await, ["host-a"]);
    let typed = ["wmctl", "tenants", "--api", &url, "stop", "ac"];
    assert_eq!(user.candidates(&typed, &[nowhere]).await, ["acid", "acme"]);
}

#[tokio::test]
async fn nothing_is_said_and_nobody_waits_when_there_are_no_names() {
    let user = User::with_tenants().await;
    // A server that accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = silent.local_addr().unwrap().port();
    let database = format!("postgres://wmctl@127.0.0.1:{silent}/wm");
    for (name, value) in [
        ("WMCTL_API", format!("http://127.0.0.1:{silent}")),
        ("WMCTL_API", String::from("http://127.0.0.1:1")),
        ("WMCTL_API", String::from("nonsense")),
        ("WMCTL_DATABASE_URL", database),
        ("WMCTL_DATABASE_URL", String::from("nonsense")),
    ] {
        let words = ["wmctl", "tenants", "stop", "ac"];
        let found = user.candidates(&words, &[(name, &value)]).await;
        assert!(found.is_empty(), "{name}={value}: {found:?}");
    }
    let fresh = tempfile::tempdir().unwrap();
    let file = fresh.path().join("wmctl.db");
    let url = format!("sqlite:{}", file.display());
    let words = ["wmctl", "tenants", "stop", ""];
    assert!(
        user.candidates(&words, &[("WMCTL_DATABASE_URL", &url)])
            .await
            .is_empty()
    );
    assert!(!file.exists(), "looking made a database");
    let unknown = user
        .command("wmctl")
        .env("COMPLETE", "tcsh")
        .output()
        .await
        .unwrap();
    assert_eq!(unknown.status.code(), Some(2));
}
