//! Two hosts, a database that several ways lead to, a WhatsApp, and traffic.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::Instant;
use wmctl::ops::ledger::Violations;

use crate::support::front::{Front, Target};
use crate::support::network::{Clock, Network};
use crate::support::pooler::Pooler;
use crate::support::postgres::{Postgres, Setup as ServerSetup};
use crate::support::program::{PATIENCE, Program};
use crate::support::stage::Stage;
use crate::support::wmctl::Wmctl;

/// A process that says nothing for this long is taken for dead.
pub(super) const TIMEOUT: Duration = Duration::from_millis(1_500);
/// How much longer than a target a takeover may last on a machine that is busy with other tests.
const SLACK: u32 = 4;
/// Messages a second.
const RATE: u32 = 40;
const LOOK: Duration = Duration::from_millis(10);

/// What the scene is made of, beside two processes on one PostgreSQL.
#[derive(Default)]
pub(super) struct Setup {
    /// Each process has a machine of its own.
    pub(super) apart: bool,
    /// PgBouncer in transaction mode stands before the database.
    pub(super) pooled: bool,
    /// A second server follows; commits wait for it.
    pub(super) follower: bool,
    /// The clocks of the database and of the processes can be put wrong.
    pub(super) clocks: bool,
    /// Another time for [`TIMEOUT`].
    pub(super) timeout: Option<Duration>,
}

/// One process and what leads from it to the world.
pub(super) struct Host {
    wmctl: Wmctl,
    timeout: Duration,
    pub(super) run: Program,
    pub(super) network: Option<Network>,
    pub(super) database: Front,
    pub(super) whatsapp: Front,
    pub(super) clock: Option<Clock>,
}

pub(super) struct Scene {
    pub(super) stage: Stage,
    pub(super) leader: Host,
    pub(super) standby: Host,
    /// The way of applications to the database.
    pub(super) app: Front,
    pub(super) messages: u32,
    took: Vec<Duration>,
    /// Connections that WhatsApp may end for another one, beyond one for each takeover.
    pub(super) replaced: usize,
    pub(super) clock: Option<Clock>,
    pub(super) follower: Option<Postgres>,
    _pooler: Option<Pooler>,
    pub(super) server: Postgres,
    _folder: TempDir,
}

pub(super) fn role(wanted: &'static str) -> impl Fn(&Value) -> bool {
    move |line| line["type"] == "role" && line["role"] == wanted
}

pub(super) fn connected(line: &Value) -> bool {
    line["type"] == "status" && line["state"] == "connected"
}

pub(super) async fn signal(program: &Program, name: &str) {
    let id = program.id().unwrap().to_string();
    let sent = Command::new("kill").args([name, &id]).status().await;
    assert!(sent.unwrap().success());
}

fn start(wmctl: &Wmctl, timeout: Duration) -> Program {
    let timeout = timeout.as_millis().to_string();
    wmctl.start(&["run", "--ha", "--ha-timeout", &timeout])
}

impl Host {
    async fn start(
        stage: &Stage,
        database: Target,
        network: Option<Network>,
        timeout: Duration,
    ) -> Self {
        let ip = match &network {
            Some(network) => network.outside,
            None => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let whatsapp = stage.sim.ws_url();
        let address = whatsapp.split('/').nth(2).unwrap();
        let address: SocketAddr = address.parse().unwrap();
        let database = Front::start(ip, database).await;
        let whatsapp = Front::start(ip, Target::Address(address)).await;
        let mut wmctl = stage.wmctl.clone();
        wmctl.set("WMCTL_DATABASE_URL", &url(&database));
        let server = format!("ws://{}/ws/chat", whatsapp.address);
        wmctl.set("WMCTL_SERVER", &server);
        if let Some(network) = &network {
            wmctl.start_inside(&network.inside());
        }
        Self {
            run: start(&wmctl, timeout),
            wmctl,
            timeout,
            network,
            database,
            whatsapp,
            clock: None,
        }
    }

    /// Starts it anew where it was.
    pub(super) fn restart(&mut self) {
        self.run = start(&self.wmctl, self.timeout);
    }

    /// Gives it a clock that can be put wrong.
    fn restart_with(&mut self, clock: Clock) {
        for (name, value) in clock.variables() {
            self.wmctl.set(&name, &value);
        }
        self.clock = Some(clock);
    }
}

fn url(front: &Front) -> String {
    format!("postgres://wm@{}/wm?sslmode=disable", front.address)
}

impl Scene {
    pub(super) async fn set(setup: Setup, messages: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The server runs as somebody else, and reads the clock there.
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let clock = setup
            .clocks
            .then(|| Clock::right(folder.path(), "database"));
        let server = match &clock {
            Some(clock) => Postgres::set_up(ServerSetup {
                variables: clock.variables().to_vec(),
                ..ServerSetup::default()
            }),
            None => Postgres::start(),
        };
        server.create("wm");
        let pooler = setup
            .pooled
            .then(|| Pooler::start(&server, "transaction", 20, ""));
        let target = Target::Socket(match &pooler {
            Some(pooler) => pooler.socket(),
            None => server.socket(),
        });
        let app = Front::start(IpAddr::V4(Ipv4Addr::LOCALHOST), target.clone()).await;
        let stage = Stage::set_on(Some(&url(&app))).await;
        let follower = setup.follower.then(|| follow(&server));
        let mut hosts = Vec::new();
        for number in 0..2 {
            let network = setup.apart.then(|| Network::start(number));
            let timeout = setup.timeout.unwrap_or(TIMEOUT);
            let mut host = Host::start(&stage, target.clone(), network, timeout).await;
            if setup.clocks {
                let name = ["one", "two"][number as usize];
                host.run.kill().await;
                host.restart_with(Clock::right(folder.path(), name));
                host.restart();
            }
            let wanted = ["leader", "standby"][number as usize];
            host.run.expect(wanted, role(wanted)).await;
            if number == 0 {
                host.run.expect("its connection", connected).await;
            }
            hosts.push(host);
        }
        stage.start_chats(messages, RATE).await;
        let (standby, leader) = (hosts.pop().unwrap(), hosts.pop().unwrap());
        Self {
            stage,
            leader,
            standby,
            app,
            messages,
            took: Vec::new(),
            replaced: 0,
            clock,
            follower,
            _pooler: pooler,
            server,
            _folder: folder,
        }
    }

    /// Puts messages in, so that each fault meets traffic.
    pub(super) async fn put_in(&mut self, count: u32) {
        for _ in 0..count {
            self.stage.put_in().await;
        }
    }

    /// Waits until the standby leads and is connected, no later than a multiple of the target.
    pub(super) async fn taken_over(&mut self, since: Instant, target: Duration) {
        let run = &mut self.standby.run;
        run.expect("the new leader", role("leader")).await;
        self.took(since.elapsed(), target);
        let run = &mut self.standby.run;
        run.expect("its connection", connected).await;
    }

    fn took(&mut self, took: Duration, target: Duration) {
        assert!(took < target * SLACK, "it took {took:?}, target {target:?}");
        self.took.push(took);
    }

    /// Waits until the old leader has noticed; the roles are changed from now on.
    pub(super) async fn changed_places(&mut self) {
        let run = &mut self.leader.run;
        run.expect("it was fenced", role("fenced")).await;
        run.expect("it stands by", role("standby")).await;
        std::mem::swap(&mut self.leader, &mut self.standby);
    }

    /// Waits until one of both leads anew; it is the leader from now on.
    pub(super) async fn somebody_leads(&mut self, since: Instant, target: Duration) {
        loop {
            if !self.leader.run.heard(role("leader")).is_empty() {
                break;
            }
            if !self.standby.run.heard(role("leader")).is_empty() {
                std::mem::swap(&mut self.leader, &mut self.standby);
                break;
            }
            assert!(since.elapsed() < PATIENCE, "nobody leads");
            tokio::time::sleep(LOOK).await;
        }
        self.took(since.elapsed(), target);
        let run = &mut self.leader.run;
        run.expect("the new leader", role("leader")).await;
        run.expect("its connection", connected).await;
    }

    /// For as long as two timeouts, nobody takes over.
    pub(super) async fn stays(&mut self, what: &str) {
        tokio::time::sleep(TIMEOUT * 2).await;
        for host in [&mut self.leader, &mut self.standby] {
            let moved = host
                .run
                .heard(|line| role("leader")(line) || role("fenced")(line));
            let log = host.run.log_tail() + &self.server.log_tail();
            assert!(moved.is_empty(), "{what}: {moved:?}\n{log}");
        }
    }

    /// Leads all new connections to another server; applications' old ones are cut.
    pub(super) fn lead_to(&self, socket: PathBuf, cut: bool) {
        for (front, cut) in [
            (&self.app, true),
            (&self.leader.database, cut),
            (&self.standby.database, cut),
        ] {
            front.lead_to(Target::Socket(socket.clone()), cut);
        }
    }

    /// Everything has come to its end without a fault; both stop in an orderly way.
    pub(super) async fn settled(mut self, what: &str) {
        let violations = self.stage.settled(self.messages).await;
        assert_eq!(violations, Violations::default(), "{what}");
        self.ended(what).await;
    }

    async fn ended(&mut self, what: &str) {
        let journal = self.stage.sim.journal().await.unwrap();
        let ended = journal.iter().filter(|entry| entry.tag == "stream:error");
        // One more than takeovers: pairing ends with a restart of the stream.
        let (ended, most) = (ended.count(), self.took.len() + 1 + self.replaced);
        assert!(ended <= most, "{what}: {ended} streams ended of {most}");
        self.took.sort();
        let at = |percent: usize| {
            self.took
                .get((self.took.len() * percent / 100).min(self.took.len().saturating_sub(1)))
        };
        #[expect(clippy::print_stderr, reason = "the figures of a soak")]
        let () = eprintln!(
            "{what}: {} takeovers, p50 {:?}, p99 {:?}, max {:?}",
            self.took.len(),
            at(50),
            at(99),
            self.took.last()
        );
        for host in [&mut self.standby, &mut self.leader] {
            host.run.terminate().await;
            assert_eq!(host.run.ended().await.code(), Some(0), "{what}");
        }
    }
}

/// A server that follows, for which commits wait.
fn follow(server: &Postgres) -> Postgres {
    let follower = server.follower();
    server.sql("wm", "ALTER SYSTEM SET synchronous_standby_names = '*'");
    server.sql("wm", "SELECT pg_reload_conf()");
    wait_for(
        server,
        "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'",
        "1",
    );
    follower
}

/// Waits until a query answers that.
fn wait_for(server: &Postgres, sql: &str, answer: &str) {
    for _ in 0..2_000 {
        if server.sql("wm", sql).trim() == answer {
            return;
        }
        std::thread::sleep(LOOK);
    }
    panic!("{sql} does not answer {answer}");
}
