//! A PostgreSQL server of the test's own: its folder, its socket, ended with the test.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A running server that only its unix socket reaches.
pub(crate) struct Postgres {
    folder: TempDir,
    binaries: PathBuf,
}

impl Postgres {
    /// Starts the newest installed version. Panics where none is installed: a test that needs one
    /// has not passed without it.
    pub(crate) fn start() -> Self {
        let binaries = newest().expect(
            "no PostgreSQL server under /usr/lib/postgresql: install one \
             (apt-get install postgresql), or run ./test, which does",
        );
        let folder = tempfile::Builder::new()
            .prefix("wmctl-pg")
            .tempdir()
            .unwrap();
        // The server refuses to run as root; its own user must reach the folder.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let server = Self { folder, binaries };
        let data = server.data();
        let data = data.to_str().unwrap();
        server.run(
            "initdb",
            &[
                "-D",
                data,
                "-U",
                "wm",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ],
        );
        server.launch();
        server
    }

    fn launch(&self) {
        let options = format!(
            "-k {} -c listen_addresses= -c max_connections=100 -c fsync=off",
            self.folder.path().display()
        );
        let (data, log) = (self.data(), self.folder.path().join("log"));
        let (data, log) = (data.to_str().unwrap(), log.to_str().unwrap());
        self.run(
            "pg_ctl",
            &[
                "-D", data, "-l", log, "-w", "-t", "30", "-o", &options, "start",
            ],
        );
    }

    /// Stops it in a mode of `pg_ctl`, and starts it again.
    pub(crate) fn restart(&self, mode: &str) {
        let data = self.data();
        let data = data.to_str().unwrap();
        self.run("pg_ctl", &["-D", data, "-w", "-m", mode, "stop"]);
        self.launch();
    }

    /// Where wmctl finds it.
    pub(crate) fn url(&self, database: &str) -> String {
        format!(
            "postgres:///{database}?user=wm&host={}",
            self.folder.path().display()
        )
    }

    /// Makes an empty database.
    pub(crate) fn create(&self, database: &str) {
        self.sql("postgres", &format!("CREATE DATABASE {database}"));
    }

    /// Runs SQL with `psql`; what it prints.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let output = Command::new("psql")
            .args([
                "-h",
                self.folder.path().to_str().unwrap(),
                "-U",
                "wm",
                "-d",
                database,
            ])
            .args(["-v", "ON_ERROR_STOP=1", "-Atqc", sql])
            .output()
            .expect("psql is installed with the server");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// The schema as `pg_dump` writes it, without the lines that differ from run to run.
    pub(crate) fn dump(&self, database: &str) -> String {
        let output = Command::new(self.binaries.join("pg_dump"))
            .args(["-h", self.folder.path().to_str().unwrap(), "-U", "wm"])
            .args(["-s", database])
            .output()
            .expect("pg_dump is installed with the server");
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines();
        lines
            .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn run(&self, program: &str, args: &[&str]) {
        let status = self.command(program, args).status().unwrap();
        assert!(status.success(), "{program} ended with {status}");
    }

    /// The folder of its socket.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn port(&self) -> u16 {
        5432
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = as_server_user(&self.binaries.join(program));
        command
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/");
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.data();
        let args = ["-D", data.to_str().unwrap(), "-m", "immediate", "stop"];
        // A server that did not start has nothing to stop.
        drop(self.command("pg_ctl", &args).status());
    }
}

/// A program as the user that servers run as: they refuse to run as root.
pub(crate) fn as_server_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    // Debian has the programs of servers where only root looks for them.
    command.args(["--", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]);
    command.arg(program);
    command
}

pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The programs of the newest version that is installed.
fn newest() -> Option<PathBuf> {
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let folders = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    folders
        .filter(|path| path.join("bin/initdb").exists())
        .max_by_key(|path| version(path))
        .map(|path| path.join("bin"))
}
