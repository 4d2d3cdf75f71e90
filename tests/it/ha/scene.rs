//! The scene of a test: hosts, several routes to a database, a WhatsApp server, and traffic.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::Instant;
use wmctl::rehearsal::audit::Violations;

use super::figures::{Fault, Figures};
use crate::support::front::{Front, Target};
use crate::support::network::{Clock, Lost, Network, own_address};
use crate::support::number;
use crate::support::pooler::Pooler;
use crate::support::postgres::{Postgres, Setup as ServerSetup};
use crate::support::program::{PATIENCE, Program};
use crate::support::stage::Stage;
use crate::support::wmctl::Wmctl;

/// Time without a heartbeat after which a process is considered dead.
pub(super) const TIMEOUT: Duration = Duration::from_millis(1_500);
/// Messages per second.
const RATE: u32 = 40;
const LOOK: Duration = Duration::from_millis(10);

/// Variations of a scene, which is otherwise two processes on one PostgreSQL server.
#[derive(Default)]
pub(super) struct Setup {
    /// The database is a SQLite file.
    pub(super) embedded: bool,
    /// Address of an existing database server.
    pub(super) database: Option<SocketAddr>,
    /// Number of standbys besides the first.
    pub(super) more: u32,
    /// Flags for all processes.
    pub(super) flags: &'static [&'static str],
    /// Each process runs on its own simulated machine.
    pub(super) apart: bool,
    /// PgBouncer in transaction mode is in front of the database.
    pub(super) pooled: bool,
    /// A follower of the database server.
    pub(super) follower: Option<Follower>,
    /// The clocks of the database and of the processes can be set wrong.
    pub(super) clocks: bool,
    /// Replaces [`TIMEOUT`].
    pub(super) timeout: Option<Duration>,
}

/// Whether commits wait for the follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follower {
    Synchronous,
    Asynchronous,
}

/// One process and its routes.
pub(super) struct Host {
    number: u32,
    wmctl: Wmctl,
    timeout: Duration,
    flags: &'static [&'static str],
    pub(super) run: Program,
    /// Its address for load balancers.
    pub(super) http: SocketAddr,
    pub(super) network: Option<Network>,
    /// Its route to the database server; `None` for SQLite.
    pub(super) database: Option<Front>,
    pub(super) whatsapp: Front,
    pub(super) clock: Option<Clock>,
}

pub(super) struct Scene {
    pub(super) stage: Stage,
    pub(super) leader: Host,
    pub(super) standby: Host,
    /// The standbys behind the first.
    others: Vec<Host>,
    /// The applications' route to the database server; `None` for SQLite.
    app: Option<Front>,
    pub(super) messages: u32,
    pub(super) figures: Figures,
    takeovers: usize,
    /// The highest epoch of a leader that [`Scene::somebody_leads`] found.
    epoch: i64,
    /// Allowed replacements of connections by WhatsApp, beyond one for each takeover.
    pub(super) replaced: usize,
    pub(super) clock: Option<Clock>,
    pub(super) follower: Option<Postgres>,
    _pooler: Option<Pooler>,
    server: Option<Postgres>,
    _folder: TempDir,
}

pub(super) fn rounds() -> u32 {
    number("WMCTL_HA_ROUNDS", 3)
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

/// Sets the addresses of the database and of WhatsApp for a program.
fn lead(wmctl: &mut Wmctl, database: Option<&Front>, whatsapp: &Front) {
    if let Some(front) = database {
        wmctl.set("WMCTL_DATABASE_URL", &url(front));
    }
    let server = format!("ws://{}/ws/chat", whatsapp.address);
    wmctl.set("WMCTL_SERVER", &server);
}

impl Host {
    async fn start(stage: &Stage, number: u32, setup: &Setup, target: Option<&Target>) -> Self {
        let network = setup.apart.then(|| Network::start(number));
        let ip = match &network {
            Some(network) => network.outside,
            None => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let whatsapp = stage.sim.ws_url();
        let address = whatsapp.split('/').nth(2).unwrap();
        let address: SocketAddr = address.parse().unwrap();
        let whatsapp = Front::start(ip, Target::Address(address)).await;
        let mut database = None;
        if let Some(target) = target {
            database = Some(Front::start(ip, target.clone()).await);
        }
        let mut wmctl = stage.wmctl.clone();
        lead(&mut wmctl, database.as_ref(), &whatsapp);
        if let Some(network) = &network {
            wmctl.start_inside(&network.inside());
        }
        let http = own_address(number);
        let timeout = setup.timeout.unwrap_or(TIMEOUT);
        Self {
            run: start(&wmctl, http, timeout, setup.flags),
            number,
            wmctl,
            timeout,
            flags: setup.flags,
            http,
            network,
            database,
            whatsapp,
            clock: None,
        }
    }

    /// Starts it again in the same place.
    pub(super) fn restart(&mut self) {
        self.run = start(&self.wmctl, self.http, self.timeout, self.flags);
    }

    /// Returns the port of the database on its own machine.
    pub(super) fn database_port(&self) -> u16 {
        self.database.as_ref().unwrap().address.port()
    }

    /// Drops packets between its machine and a port.
    pub(super) fn lose(&self, port: u16, way: Lost) {
        self.network.as_ref().unwrap().lose(port, way);
    }

    pub(super) fn heal(&self) {
        self.network.as_ref().unwrap().heal();
    }

    /// Gives it a clock that can be set wrong.
    fn restart_with(&mut self, clock: Clock) {
        for (name, value) in clock.variables() {
            self.wmctl.set(&name, &value);
        }
        self.clock = Some(clock);
    }
}

fn start(wmctl: &Wmctl, http: SocketAddr, timeout: Duration, flags: &[&str]) -> Program {
    let (timeout, http) = (timeout.as_millis().to_string(), http.to_string());
    let usual = ["run", "--ha", "--ha-timeout", &timeout, "--http", &http];
    wmctl.start(&[&usual[..], flags].concat())
}

fn url(front: &Front) -> String {
    format!("postgres://wm@{}/wm?sslmode=disable", front.address)
}

impl Scene {
    pub(super) async fn set(setup: Setup, messages: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The database server runs as another user, and reads the clock file in this folder.
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let clock = setup
            .clocks
            .then(|| Clock::right(folder.path(), "database"));
        let server = (!setup.embedded && setup.database.is_none()).then(|| {
            let variables = clock.iter().flat_map(Clock::variables).collect();
            let server = Postgres::set_up(ServerSetup {
                variables,
                ..ServerSetup::default()
            });
            server.create("wm");
            server
        });
        let pooler = server
            .as_ref()
            .filter(|_| setup.pooled)
            .map(|server| Pooler::start(server, "transaction", 20, ""));
        let socket = pooler.as_ref().map(Pooler::socket);
        let socket = socket.or(server.as_ref().map(Postgres::socket));
        let target = socket.map(Target::Socket);
        let target = target.or(setup.database.map(Target::Address));
        let mut app = None;
        if let Some(target) = &target {
            app = Some(Front::start(IpAddr::V4(Ipv4Addr::LOCALHOST), target.clone()).await);
        }
        let stage = Stage::set_on(app.as_ref().map(url).as_deref()).await;
        let follower = setup
            .follower
            .map(|kind| follow(server.as_ref().unwrap(), kind));
        let mut hosts = Vec::new();
        for number in 0..2 + setup.more {
            let mut host = Host::start(&stage, number, &setup, target.as_ref()).await;
            if setup.clocks {
                host.run.kill().await;
                let name = ["one", "two"][number as usize];
                host.restart_with(Clock::right(folder.path(), name));
                host.restart();
            }
            if number == 0 {
                host.run.expect("the leader", role("leader")).await;
                host.run.expect("its connection", connected).await;
            } else {
                host.run.expect("a standby", role("standby")).await;
            }
            hosts.push(host);
        }
        stage.start_chats(messages, RATE).await;
        let mut hosts = hosts.into_iter();
        let (leader, standby) = (hosts.next().unwrap(), hosts.next().unwrap());
        Self {
            stage,
            leader,
            standby,
            others: hosts.collect(),
            app,
            messages,
            figures: Figures::default(),
            takeovers: 0,
            epoch: 0,
            replaced: 0,
            clock,
            follower,
            _pooler: pooler,
            server,
            _folder: folder,
        }
    }

    pub(super) fn server(&self) -> &Postgres {
        self.server.as_ref().unwrap()
    }

    /// Starts a follower of the server.
    pub(super) fn is_followed(&mut self, kind: Follower) {
        self.follower = Some(follow(self.server(), kind));
    }

    /// Makes the follower the server of the scene. Returns the old server.
    pub(super) fn follower_is_primary(&mut self) -> Postgres {
        let old = std::mem::replace(&mut self.server, self.follower.take());
        old.unwrap()
    }

    /// Returns all processes, the leader included.
    pub(super) fn hosts(&mut self) -> impl Iterator<Item = &mut Host> {
        let both = [&mut self.leader, &mut self.standby];
        both.into_iter().chain(&mut self.others)
    }

    pub(super) fn leads(&self, number: u32) -> bool {
        self.leader.number == number
    }

    /// Returns a process by its number, in any role.
    pub(super) fn host(&mut self, number: u32) -> &mut Host {
        self.hosts().find(|host| host.number == number).unwrap()
    }

    /// Puts messages into the outbox, so that each fault meets traffic.
    pub(super) async fn put_in(&mut self, count: u32) {
        for _ in 0..count {
            self.stage.put_in().await;
        }
    }

    /// Starts `messages` more messages from contacts.
    pub(super) async fn more_chats(&mut self, messages: u32) {
        self.messages += messages;
        self.stage.start_chats(messages, RATE).await;
    }

    /// Waits until the standby leads and is connected, for at most a multiple of the target.
    pub(super) async fn taken_over(&mut self, since: Instant, fault: &Fault) {
        let run = &mut self.standby.run;
        run.expect("the new leader", role("leader")).await;
        self.figures.took(fault, since.elapsed());
        let run = &mut self.standby.run;
        run.expect("its connection", connected).await;
        self.figures.connected(fault, since.elapsed());
        self.takeovers += 1;
    }

    /// Starts the ended leader again; it is the standby now.
    pub(super) async fn comes_back(&mut self) {
        self.leader.restart();
        let run = &mut self.leader.run;
        run.expect("a new standby", role("standby")).await;
        std::mem::swap(&mut self.leader, &mut self.standby);
    }

    /// Waits until the old leader is fenced and stands by; swaps the roles.
    pub(super) async fn changed_places(&mut self) {
        let run = &mut self.leader.run;
        run.expect("it was fenced", role("fenced")).await;
        run.expect("it stands by", role("standby")).await;
        std::mem::swap(&mut self.leader, &mut self.standby);
    }

    /// Waits until any process leads and is connected; it is the leader of the scene now. On a
    /// slow machine the first one may be deposed at once, so the highest epoch decides.
    pub(super) async fn somebody_leads(&mut self, since: Instant, fault: &Fault) {
        let epoch_of = |line: &Value| line["epoch"].as_i64().unwrap_or(0);
        let known = self.epoch;
        let (place, epoch) = loop {
            let newest = |host: &mut Host| {
                let led = host.run.heard(role("leader"));
                led.iter().map(epoch_of).max().unwrap_or(0)
            };
            let epochs: Vec<i64> = self.hosts().map(newest).collect();
            let (place, epoch) = (0..).zip(epochs).max_by_key(|(_, epoch)| *epoch).unwrap();
            if known < epoch {
                if self.epoch < epoch {
                    self.epoch = epoch;
                    self.takeovers += 1;
                    self.figures.took(fault, since.elapsed());
                }
                let leads = |line: &Value| role("leader")(line) && epoch_of(line) == epoch;
                let host = self.hosts().nth(place).unwrap();
                if host.run.said_after(leads, connected) {
                    break (place, epoch);
                }
            }
            assert!(since.elapsed() < PATIENCE, "{}: nobody leads", fault.name);
            tokio::time::sleep(LOOK).await;
        };
        match place {
            0 => (),
            1 => std::mem::swap(&mut self.leader, &mut self.standby),
            place => std::mem::swap(&mut self.leader, &mut self.others[place - 2]),
        }
        let run = &mut self.leader.run;
        let leads = |line: &Value| role("leader")(line) && epoch_of(line) == epoch;
        run.expect("the new leader", leads).await;
        run.expect("its connection", connected).await;
        self.figures.connected(fault, since.elapsed());
    }

    /// Checks that no process takes over within two timeouts.
    pub(super) async fn stays(&mut self, what: &str) {
        tokio::time::sleep(TIMEOUT * 2).await;
        let server = self.server().log_tail();
        for host in self.hosts() {
            let moved = host
                .run
                .heard(|line| role("leader")(line) || role("fenced")(line));
            let log = host.run.log_tail() + &server;
            assert!(moved.is_empty(), "{what}: {moved:?}\n{log}");
        }
    }

    /// Directs all new connections to another server; cuts the applications' old ones.
    pub(super) fn lead_to(&self, socket: PathBuf, cut: bool) {
        for (front, cut) in [
            (&self.app, true),
            (&self.leader.database, cut),
            (&self.standby.database, cut),
        ] {
            let front = front.as_ref().unwrap();
            front.lead_to(Target::Socket(socket.clone()), cut);
        }
    }

    /// Checks that all messages are complete without violations, and stops all processes.
    pub(super) async fn settled(mut self, what: &str) {
        let violations = self.stage.settled(self.messages).await;
        assert_eq!(violations, Violations::default(), "{what}");
        self.ended(what).await;
    }

    /// Returns how many connections WhatsApp has ended.
    pub(super) async fn streams_ended(&self) -> usize {
        let journal = self.stage.sim.journal().await.unwrap();
        let ended = journal.iter().filter(|entry| entry.tag == "stream:error");
        ended.count()
    }

    pub(super) async fn ended(&mut self, what: &str) {
        self.figures.print(what);
        self.stops(what).await;
    }

    /// Checks the number of replaced connections, and stops all processes gracefully.
    pub(super) async fn stops(&mut self, what: &str) {
        // One more than takeovers, because pairing ends with a restart of the stream.
        let (ended, most) = (
            self.streams_ended().await,
            self.takeovers + 1 + self.replaced,
        );
        assert!(ended <= most, "{what}: {ended} streams ended of {most}");
        let hosts: Vec<&mut Host> = self.hosts().collect();
        // The leader last, so that no process takes over.
        for host in hosts.into_iter().rev() {
            host.run.terminate().await;
            assert_eq!(host.run.ended().await.code(), Some(0), "{what}");
        }
    }
}

fn follow(server: &Postgres, kind: Follower) -> Postgres {
    let follower = server.follower();
    let state = match kind {
        Follower::Synchronous => {
            server.sql("wm", "ALTER SYSTEM SET synchronous_standby_names = '*'");
            server.sql("wm", "SELECT pg_reload_conf()");
            "sync"
        }
        Follower::Asynchronous => "async",
    };
    let sql = format!("SELECT count(*) FROM pg_stat_replication WHERE sync_state = '{state}'");
    wait_for(server, &sql, "1");
    follower
}

/// Waits until a query returns `answer`.
pub(super) fn wait_for(server: &Postgres, sql: &str, answer: &str) {
    for _ in 0..2_000 {
        if server.sql("wm", sql).trim() == answer {
            return;
        }
        std::thread::sleep(LOOK);
    }
    panic!("{sql} does not answer {answer}");
}
