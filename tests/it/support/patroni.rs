//! PostgreSQL under Patroni: two members and a witness that agree by Raft, and a proxy to the
//! member that is the primary.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::front::{Front, Target};
use super::network::own_address;
use super::postgres::{as_server_user, is_root, newest};
use super::wait::until_within;

/// Interval at which the members are asked for the primary, as a load balancer does.
const LOOK: Duration = Duration::from_millis(50);
/// Longest time for an answer; after it, the member counts as down.
const ANSWER: Duration = Duration::from_secs(2);
/// A dead primary's lock expires after twenty seconds; a busy machine needs more.
const PATIENCE: Duration = Duration::from_secs(120);
const PATRONI: &str = "from patroni.__main__ import main; main()";
const CONTROL: &str = "from patroni.ctl import ctl; ctl()";
const WITNESS: &str = "from patroni.raft_controller import main; main()";

/// One of the two servers, with its Patroni process.
struct Member {
    config: PathBuf,
    data: PathBuf,
    rest: SocketAddr,
    database: SocketAddr,
    child: Child,
}

/// A cluster whose commits wait for the other member.
pub(crate) struct Patroni {
    members: [Member; 2],
    witness: Child,
    proxy: Arc<Front>,
    _follow: JoinSet<()>,
    program: Program,
    binaries: PathBuf,
    _folder: TempDir,
}

/// Patroni's program. It runs as the server's user, who may not read this repository.
struct Program {
    packages: PathBuf,
}

impl Program {
    fn find(folder: &Path) -> Self {
        let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/patroni/.venv/lib");
        let found = fs::read_dir(&installed).into_iter().flatten().flatten();
        let found = found.map(|entry| entry.path().join("site-packages"));
        let found = found
            .filter(|path| path.join("patroni").exists())
            .max()
            .unwrap_or_else(|| {
                let place = installed.display();
                panic!("Patroni is not in {place}: run ./test, which installs it")
            });
        if !is_root() {
            return Self { packages: found };
        }
        let packages = folder.join("packages");
        let copied = Command::new("cp")
            .arg("-r")
            .args([&found, &packages])
            .status();
        assert!(copied.unwrap().success(), "the packages can be copied");
        Self { packages }
    }

    fn command(&self, code: &str) -> Command {
        let mut command = as_server_user(Path::new("env"));
        let packages = format!("PYTHONPATH={}", self.packages.display());
        command.args([&packages, "LC_ALL=C.UTF-8", "python3", "-c", code]);
        command.current_dir("/");
        command
    }

    fn start(&self, code: &str, config: &Path) -> Child {
        let log = config.with_extension("log");
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut command = self.command(code);
        command
            .arg(config)
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        command
            .spawn()
            .expect("python3 is installed, or run ./test")
    }
}

impl Patroni {
    /// Starts a new cluster, and waits until the second member follows the first.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("wmctl-patroni").tempdir();
        let folder = folder.unwrap();
        let open = |path: &Path| fs::set_permissions(path, PermissionsExt::from_mode(0o777));
        open(folder.path()).unwrap();
        let program = Program::find(folder.path());
        let binaries = newest().expect("PostgreSQL is installed, or run ./test");
        let rafts = [0, 1, 2].map(own_address);
        let config = |index: usize, more: &str| {
            let (own, place) = (rafts[index], folder.path().join(format!("n{index}")));
            fs::create_dir(&place).unwrap();
            open(&place).unwrap();
            let others = rafts.iter().filter(|raft| **raft != own);
            let others: Vec<String> = others.map(|raft| format!("\"{raft}\"")).collect();
            let text = format!(
                "raft: {{data_dir: {0}/raft, self_addr: \"{own}\", bind_addr: \"{own}\", \
                 partner_addrs: [{1}]}}\n{more}",
                place.display(),
                others.join(", ")
            );
            let file = folder.path().join(format!("n{index}.yml"));
            fs::write(&file, text).unwrap();
            file
        };
        let member = |index: usize| {
            let [rest, database] = [0, 0].map(|_| own_address(u32::try_from(index).unwrap()));
            let place = folder.path().join(format!("n{index}"));
            let text = settings(index, &place, &binaries, rest, database);
            let config = config(index, &text);
            Member {
                child: program.start(PATRONI, &config),
                config,
                data: place.join("data"),
                rest,
                database,
            }
        };
        let witness = program.start(WITNESS, &config(2, ""));
        let members = [member(0), member(1)];
        let target = Target::Address(members[0].database);
        let proxy = Arc::new(Front::start(IpAddr::V4(Ipv4Addr::LOCALHOST), target).await);
        let mut follow = JoinSet::new();
        let addresses = [0, 1].map(|index: usize| (members[index].rest, members[index].database));
        follow.spawn(lead(Arc::clone(&proxy), addresses));
        let cluster = Self {
            members,
            witness,
            proxy,
            _follow: follow,
            program,
            binaries,
            _folder: folder,
        };
        cluster.complete().await;
        cluster
    }

    /// Returns the proxy's address, which leads to the primary.
    pub(crate) fn address(&self) -> SocketAddr {
        self.proxy.address
    }

    /// Creates an empty database.
    pub(crate) async fn create(&self, database: &str) {
        let address = self.members[self.primary().await].database;
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let made = Command::new(self.binaries.join("createdb"))
            .args(["-h", &host, "-p", &port, "-U", "wm", database])
            .status();
        assert!(made.unwrap().success());
    }

    /// Waits for a primary and returns its index.
    pub(crate) async fn primary(&self) -> usize {
        self.member("/primary").await
    }

    /// Waits until the other member is synchronous: it has all rows, and commits wait for it.
    pub(crate) async fn complete(&self) {
        self.member("/synchronous").await;
    }

    async fn member(&self, path: &str) -> usize {
        let look = async || {
            for (index, member) in self.members.iter().enumerate() {
                if is(member.rest, path).await {
                    return Some(index);
                }
            }
            None
        };
        let why = || format!("no member is {path}\n{}", self.logs());
        until_within(PATIENCE, why, look).await
    }

    /// Waits until a member other than `old` is the primary. Returns the time.
    pub(crate) async fn other_primary(&self, old: usize) -> Instant {
        let new = self.members[1 - old].rest;
        let leads = async || is(new, "/primary").await.then_some(());
        let why = || format!("no other primary\n{}", self.logs());
        until_within(PATIENCE, why, leads).await;
        Instant::now()
    }

    /// Switches over to the other member, as an operator does.
    pub(crate) async fn switch_over(&self) {
        let old = self.primary().await;
        let [from, to] = [old, 1 - old].map(|index| format!("n{index}"));
        let mut command = self.program.command(CONTROL);
        command.arg("-c").arg(&self.members[old].config);
        command.args(["switchover", "wm", "--primary", &from, "--candidate", &to]);
        let output = tokio::process::Command::from(command)
            .arg("--force")
            .output();
        let output = output.await.unwrap();
        let words = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{words}\n{}", self.logs());
        assert!(words.contains("Successfully switched over"), "{words}");
    }

    /// Kills the primary's server and its Patroni process. Returns its index.
    pub(crate) async fn kill_primary(&mut self) -> usize {
        let old = self.primary().await;
        let member = &mut self.members[old];
        let file = fs::read_to_string(member.data.join("postmaster.pid")).unwrap();
        member.child.kill().unwrap();
        member.child.wait().unwrap();
        let server = file.lines().next().unwrap();
        let killed = Command::new("kill").args(["-KILL", server]).status();
        assert!(killed.unwrap().success());
        old
    }

    /// Starts a killed member again.
    pub(crate) fn restart(&mut self, index: usize) {
        let member = &mut self.members[index];
        member.child = self.program.start(PATRONI, &member.config);
    }

    fn logs(&self) -> String {
        let mut logs = String::new();
        for member in &self.members {
            let text = fs::read_to_string(member.config.with_extension("log")).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let tail = lines[lines.len().saturating_sub(20)..].join("\n");
            writeln!(logs, "{}:\n{tail}", member.rest).unwrap();
        }
        logs
    }
}

impl Drop for Patroni {
    fn drop(&mut self) {
        // First the processes that would start servers again.
        let children = self.members.iter_mut().map(|member| &mut member.child);
        for child in children.chain([&mut self.witness]) {
            drop(child.kill());
            drop(child.wait());
        }
        for member in &self.members {
            let mut stop = as_server_user(&self.binaries.join("pg_ctl"));
            stop.arg("-D").arg(&member.data).current_dir("/");
            // A killed server need not be stopped.
            drop(stop.args(["-s", "-m", "immediate", "stop"]).status());
        }
    }
}

/// Directs the proxy to the primary, and cuts connections to the old one, as a load balancer does.
async fn lead(proxy: Arc<Front>, members: [(SocketAddr, SocketAddr); 2]) {
    let mut now = 0;
    loop {
        for (index, (rest, database)) in members.into_iter().enumerate() {
            if index != now && is(rest, "/primary").await {
                now = index;
                proxy.lead_to(Target::Address(database), true);
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Returns true if a member answers this health check with 200.
async fn is(rest: SocketAddr, path: &str) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(rest).await.ok()?;
        let request = format!("GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer.split(' ').nth(1)? == "200")
    };
    matches!(timeout(ANSWER, asked).await, Ok(Some(true)))
}

/// Returns the settings with the shortest times that Patroni allows: a dead primary's lock expires
/// after twenty seconds.
fn settings(
    index: usize,
    place: &Path,
    binaries: &Path,
    rest: SocketAddr,
    database: SocketAddr,
) -> String {
    let (place, binaries) = (place.display(), binaries.display());
    format!(
        "scope: wm
name: n{index}
restapi: {{listen: \"{rest}\", connect_address: \"{rest}\"}}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 1
    retry_timeout: 3
    synchronous_mode: true
    postgresql: {{use_pg_rewind: true}}
  initdb: [{{encoding: UTF8}}, {{locale: C}}, {{auth: trust}}, no-sync, data-checksums]
postgresql:
  listen: \"{database}\"
  connect_address: \"{database}\"
  data_dir: {place}/data
  bin_dir: {binaries}
  pgpass: {place}/pgpass
  authentication:
    superuser: {{username: wm}}
    replication: {{username: wm}}
    rewind: {{username: wm}}
  parameters: {{unix_socket_directories: {place}, fsync: \"off\"}}
  pg_hba:
  - local all all trust
  - host all all 127.0.0.0/8 trust
  - host replication all 127.0.0.0/8 trust
"
    )
}
