//! A PostgreSQL server for one test, with its own folder and socket. It ends with the test.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A running server, reachable only by its Unix socket.
pub(crate) struct Postgres {
    folder: TempDir,
    binaries: PathBuf,
    setup: Setup,
}

/// Settings that differ from the default server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    /// Settings for `postgres -c`; they override the others.
    pub(crate) settings: Vec<String>,
    /// Environment variables of its processes.
    pub(crate) variables: Vec<(String, String)>,
    /// Port, if not the usual one; it is part of the socket's name.
    pub(crate) port: Option<u16>,
    /// Data folder, if not beside the socket.
    pub(crate) data: Option<PathBuf>,
}

impl Postgres {
    /// Starts the newest installed version. Panics if none is installed, because a test without its
    /// server must not pass.
    pub(crate) fn start() -> Self {
        Self::set_up(Setup::default())
    }

    /// Starts the newest installed version with a special set-up.
    pub(crate) fn set_up(setup: Setup) -> Self {
        let binaries = newest().expect(
            "no PostgreSQL server under /usr/lib/postgresql: install one \
             (apt-get install postgresql), or run ./test, which does",
        );
        Self::launched(folder(), binaries, setup)
    }

    /// Starts a version that is locked in `tests/peers/postgres`.
    pub(crate) fn of_major(major: u32) -> Self {
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!(
            "tests/peers/postgres/node_modules/postgres-{major}"
        ));
        assert!(
            package.join("native/bin/initdb").exists(),
            "PostgreSQL {major} is not in {}: run ./test, which installs it",
            package.display()
        );
        // Copied, because packages contain no symbolic links, and the server's user may not read
        // them.
        let folder = folder();
        let copied = Command::new("cp")
            .arg("-r")
            .arg(package.join("native"))
            .arg(folder.path())
            .status();
        assert!(copied.unwrap().success(), "the package can be copied");
        let links = fs::read(package.join("native/pg-symlinks.json")).unwrap();
        let links: Vec<Value> = serde_json::from_slice(&links).unwrap();
        for link in links {
            let at = folder.path().join(link["target"].as_str().unwrap());
            let to = folder.path().join(link["source"].as_str().unwrap());
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(to, at).unwrap();
        }
        let binaries = folder.path().join("native/bin");
        for program in fs::read_dir(&binaries).unwrap() {
            let path = program.unwrap().path();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self::launched(folder, binaries, Setup::default())
    }

    fn launched(folder: TempDir, binaries: PathBuf, setup: Setup) -> Self {
        let server = Self {
            folder,
            binaries,
            setup,
        };
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
        let mut options = format!(
            "-k {} -p {} -c listen_addresses= -c max_connections=100 -c fsync=off",
            self.folder.path().display(),
            self.port()
        );
        for setting in &self.setup.settings {
            options.push_str(&format!(" -c {setting}"));
        }
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
        self.stop(mode);
        self.launch();
    }

    /// Stops it in a mode of `pg_ctl`.
    pub(crate) fn stop(&self, mode: &str) {
        let data = self.data();
        let data = data.to_str().unwrap();
        self.run("pg_ctl", &["-D", data, "-w", "-m", mode, "stop"]);
    }

    /// Starts it again after it was stopped.
    pub(crate) fn start_again(&self) {
        self.launch();
    }

    /// Starts a follower of this server.
    pub(crate) fn follower(&self) -> Self {
        let follower = self.base_backup(true);
        follower.launch();
        follower
    }

    /// Makes a base backup in another folder, without starting it: as a follower of this server, or
    /// as an independent server.
    pub(crate) fn base_backup(&self, follows: bool) -> Self {
        let copy = Self {
            folder: folder(),
            binaries: self.binaries.clone(),
            setup: self.setup.clone(),
        };
        let (from, data) = (self.folder.path().to_str().unwrap(), copy.data());
        let arguments = ["-h", from, "-U", "wm", "-D", data.to_str().unwrap()];
        let stream = ["-X", "stream", "-c", "fast", "--no-sync", "-R"];
        let stream = &stream[..stream.len() - usize::from(!follows)];
        copy.run("pg_basebackup", &[&arguments[..], stream].concat());
        copy
    }

    /// Replaces the data of this stopped server by those of a base backup.
    pub(crate) fn take_data_of(&self, copy: &Self) {
        fs::rename(self.data(), self.folder.path().join("before")).unwrap();
        fs::rename(copy.data(), self.data()).unwrap();
    }

    /// Dumps a database with `pg_dump` into a file.
    pub(crate) fn dump_to(&self, database: &str, file: &Path) {
        self.client("pg_dump", &["-Fc", "-f", file.to_str().unwrap(), database]);
    }

    /// Restores such a file into a database, with more arguments for `pg_restore`.
    pub(crate) fn restore_from(&self, file: &Path, database: &str, more: &[&str]) {
        let arguments = ["--exit-on-error", "-d", database];
        self.client(
            "pg_restore",
            &[&arguments[..], more, &[file.to_str().unwrap()]].concat(),
        );
    }

    fn client(&self, program: &str, arguments: &[&str]) {
        let done = Command::new(self.binaries.join(program))
            .args(["-h", self.folder.path().to_str().unwrap(), "-U", "wm"])
            .args(["-p", &self.port().to_string()])
            .args(arguments)
            .output()
            .expect("it is installed with the server");
        assert!(
            done.status.success(),
            "{program}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
    }

    /// Promotes a follower to a primary.
    pub(crate) fn promote(&self) {
        let data = self.data();
        self.run("pg_ctl", &["-D", data.to_str().unwrap(), "-w", "promote"]);
    }

    /// Returns the end of its log.
    pub(crate) fn log_tail(&self) -> String {
        let text = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Returns the path of a program of the same version.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.binaries.join(name)
    }

    /// Returns its socket's path, for a proxy.
    pub(crate) fn socket(&self) -> PathBuf {
        let name = format!(".s.PGSQL.{}", self.port());
        self.folder.path().join(name)
    }

    /// Returns its URL for wmctl.
    pub(crate) fn url(&self, database: &str) -> String {
        self.url_as("wm", database)
    }

    /// Returns its URL for another role.
    pub(crate) fn url_as(&self, role: &str, database: &str) -> String {
        format!(
            "postgres:///{database}?user={role}&host={}{}",
            self.folder.path().display(),
            self.setup
                .port
                .map_or_else(String::new, |port| format!("&port={port}"))
        )
    }

    /// Creates an empty database.
    pub(crate) fn create(&self, database: &str) {
        self.sql("postgres", &format!("CREATE DATABASE {database}"));
    }

    /// Starts it if it has stopped by itself.
    pub(crate) fn revive(&self) {
        let data = self.data();
        let status = ["-D", data.to_str().unwrap(), "status"];
        if !self.command("pg_ctl", &status).status().unwrap().success() {
            self.launch();
        }
    }

    /// Runs SQL with `psql`, and returns the output.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        self.try_sql(database, sql).unwrap()
    }

    /// Runs SQL with `psql`. Returns the output, or the server's error.
    pub(crate) fn try_sql(&self, database: &str, sql: &str) -> Result<String, String> {
        self.try_sql_as("wm", database, sql)
    }

    /// Runs SQL with `psql` as another role.
    pub(crate) fn try_sql_as(
        &self,
        role: &str,
        database: &str,
        sql: &str,
    ) -> Result<String, String> {
        let output = Command::new("psql")
            .args([
                "-h",
                self.folder.path().to_str().unwrap(),
                "-U",
                role,
                "-d",
                database,
                "-p",
                &self.port().to_string(),
            ])
            .args(["-v", "ON_ERROR_STOP=1", "-Atqc", sql])
            .output()
            .expect("psql is installed with the server");
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout).unwrap()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// Runs SQL in a session that stays open until the returned value is dropped.
    pub(crate) fn held(&self, database: &str, sql: &str) -> HeldSession {
        let mut psql = Command::new("psql")
            .args(["-h", self.folder.path().to_str().unwrap()])
            .args(["-U", "wm", "-d", database, "-v", "ON_ERROR_STOP=1", "-Atq"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("psql is installed with the server");
        let input = psql.stdin.as_mut().unwrap();
        input.write_all(format!("{sql};\n").as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(psql.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(!line.is_empty(), "{sql} is not answered");
        HeldSession(psql)
    }

    /// Returns the schema as `pg_dump` writes it, without lines that differ between runs.
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

    /// Writes a file of the server's user into its data folder.
    pub(crate) fn put(&self, name: &str, text: &str) {
        use std::os::unix::fs::MetadataExt;
        let (path, data) = (self.data().join(name), self.data());
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let data = fs::metadata(data).unwrap();
        std::os::unix::fs::chown(&path, Some(data.uid()), Some(data.gid())).unwrap();
    }

    fn data(&self) -> PathBuf {
        let beside = || self.folder.path().join("data");
        self.setup.data.clone().unwrap_or_else(beside)
    }

    fn run(&self, program: &str, args: &[&str]) {
        let status = self.command(program, args).status().unwrap();
        assert!(status.success(), "{program} ended with {status}");
    }

    /// Returns the folder of its socket.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the process number of the server's main process (postmaster).
    pub(crate) fn process(&self) -> String {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        file.lines().next().unwrap().to_owned()
    }

    pub(crate) fn port(&self) -> u16 {
        self.setup.port.unwrap_or(5432)
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = as_server_user(Path::new("env"));
        let variables = self.setup.variables.iter();
        command.args(variables.map(|(name, value)| format!("{name}={value}")));
        command.arg(self.binaries.join(program));
        command
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/");
        command
    }
}

/// An interactive session that stays open.
pub(crate) struct HeldSession(Child);

impl Drop for HeldSession {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.data();
        let args = ["-D", data.to_str().unwrap(), "-m", "immediate", "stop"];
        // A server that did not start need not be stopped.
        drop(self.command("pg_ctl", &args).status());
    }
}

/// Returns a command that runs as the servers' user: PostgreSQL refuses to run as root.
pub(crate) fn as_server_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    // Debian has the server programs in a path that only root searches.
    command.args(["--", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]);
    command.arg(program);
    command
}

pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Creates a folder that the servers' user can access, because PostgreSQL refuses to run as root.
fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("wmctl-pg").tempdir();
    let folder = folder.unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

/// Returns the program folder of the newest installed version.
pub(crate) fn newest() -> Option<PathBuf> {
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
