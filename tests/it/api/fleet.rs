//! Several hosts on one PostgreSQL: real processes that join, leave, hang and die at random.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use wmctl::sim::{SimConfig, Simulator};

use crate::support::number;
use crate::support::postgres::Postgres;
use crate::support::program::{PATIENCE, Program};
use crate::support::wmctl::Wmctl;

/// A host without a heartbeat for this long is declared dead.
const SILENCE: Duration = Duration::from_millis(2_000);
pub(super) const FRIEND: &str = "4915112345699";
/// Interval of checks for an expected state.
pub(super) const LOOK: Duration = Duration::from_millis(50);

/// Interval of messages to every tenant while faults happen.
const TRAFFIC: Duration = Duration::from_millis(200);

pub(crate) fn phone(index: usize) -> String {
    format!("49151123456{index:02}")
}

pub(crate) fn tenant(index: usize) -> String {
    format!("tenant-{index}")
}

/// A database, a simulator, and the hosts between them.
pub(crate) struct Fleet {
    pub(crate) sim: Simulator,
    pub(crate) server: Postgres,
    pub(crate) wmctl: Wmctl,
    pub(crate) hosts: BTreeMap<String, Program>,
    pub(crate) tenants: usize,
    /// The silence timeout of hosts that join.
    pub(super) silence: Duration,
    _folder: TempDir,
}

impl Fleet {
    /// Starts a fleet with `tenants` paired tenants and no host.
    pub(crate) async fn start(tenants: usize) -> Self {
        let server = Postgres::start();
        server.create("wm");
        let folder = tempfile::tempdir().unwrap();
        let sim = Simulator::start(SimConfig::default()).await.unwrap();
        sim.add_account(FRIEND, "Friend").await.unwrap();
        let mut wmctl = Wmctl::in_folder(folder.path());
        wmctl.set("WMCTL_SERVER", &sim.ws_url());
        wmctl.set("WMCTL_ROOT_KEY", sim.root_key());
        wmctl.set("WMCTL_DATABASE_URL", &server.url("wm"));
        wmctl.set("WMCTL_LOG_LEVEL", "wmctl=info,warn");
        wmctl.done(&["migrate", "up"]).await;
        let mut pairings = Vec::new();
        for index in 0..tenants {
            sim.add_account(&phone(index), "Somebody").await.unwrap();
            let mut pairing = wmctl.start(&["pair", "--create", "--tenant", &tenant(index)]);
            let qr = pairing.expect("a code", |line| line["event"] == "qr").await;
            let code = qr["code"].as_str().unwrap();
            sim.scan(&phone(index), code).await.unwrap();
            pairings.push(pairing);
        }
        for mut pairing in pairings {
            assert!(pairing.ended().await.success());
        }
        Self {
            sim,
            server,
            wmctl,
            hosts: BTreeMap::new(),
            tenants,
            silence: SILENCE,
            _folder: folder,
        }
    }

    /// Starts another host and waits until it takes tenants. Returns its address.
    pub(crate) async fn join(&mut self, name: &str) -> String {
        let silence = self.silence.as_millis().to_string();
        let listen = ["--http", "127.0.0.1:0", "--rate", "1000"];
        let hooks = ["--webhook-allow", "127.0.0.0/8"];
        let arguments = ["serve", "--name", name, "--silence", &silence];
        let arguments = [&arguments[..], &listen, &hooks].concat();
        let mut host = self
            .wmctl
            .start(&[&arguments[..], &["--rebalance", "1"]].concat());
        host.expect("a host", |line| line["type"] == "host").await;
        let http = host
            .expect("an address", |line| line["type"] == "http")
            .await;
        self.hosts.insert(name.into(), host);
        http["address"].as_str().unwrap().to_owned()
    }

    async fn leave(&mut self, name: &str) {
        leave(&mut self.hosts, name).await;
    }

    pub(crate) async fn signal(&self, name: &str, signal: &str) {
        let id = self.hosts[name].id().unwrap().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().await;
        assert!(sent.unwrap().success());
    }

    pub(crate) async fn list(&self) -> Vec<Value> {
        let list = self.wmctl.done(&["tenants", "list", "--json"]).await;
        let list: Value = serde_json::from_str(&list).unwrap();
        list["items"].as_array().unwrap().clone()
    }

    /// Waits until `wanted` accepts the list of tenants.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let list = self.list().await;
            if wanted(&list) {
                return list;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {list:#?}");
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(super) fn wish(&self, index: usize, column: &str, value: &str) {
        let tenant = tenant(index);
        let sql = format!(
            "INSERT INTO wmctl_tenant (business_id, {column}, changed_ms)
             VALUES ('{tenant}', {value}, 1)
             ON CONFLICT (business_id) DO UPDATE SET {column} = excluded.{column}"
        );
        self.server.sql("wm", &sql);
    }

    /// Waits until every enabled tenant is connected, and no other.
    pub(super) async fn settled(&self, off: &BTreeSet<usize>) -> Vec<Value> {
        let live: Vec<String> = self.hosts.keys().cloned().collect();
        let is_right = |index: usize, one: &Value| match off.contains(&index) {
            true => one["state"] == "stopped",
            false => {
                one["state"] == "connected" && live.iter().any(|name| one["host"] == name.as_str())
            }
        };
        let all_right = |list: &[Value]| list.iter().enumerate().all(|(i, one)| is_right(i, one));
        self.until("every tenant is where it should be", all_right)
            .await
    }

    /// Checks that the friend received every sent text exactly once.
    async fn friend_got(&self, sent: &BTreeSet<String>) {
        let begun = Instant::now();
        loop {
            let inbox = self.sim.phone_inbox(FRIEND).await.unwrap();
            let texts: Vec<String> = inbox.into_iter().filter_map(|one| one.text).collect();
            let once: BTreeSet<String> = texts.iter().cloned().collect();
            assert_eq!(once.len(), texts.len(), "the friend got something twice");
            if once == *sent {
                return;
            }
            let missing: Vec<_> = sent.difference(&once).collect();
            assert!(begun.elapsed() < PATIENCE, "the friend lacks {missing:?}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Checks that every tenant received every text exactly once.
    pub(super) async fn nothing_lost_or_doubled(&self, sent: &[(usize, String)]) {
        for index in 0..self.tenants {
            let tenant = tenant(index);
            let wanted: BTreeSet<&str> = sent
                .iter()
                .filter(|(to, _)| *to == index)
                .map(|(_, text)| text.as_str())
                .collect();
            let begun = Instant::now();
            loop {
                let read = ["events", "--tenant", &tenant, "--type", "message"];
                let events = self.wmctl.done(&read).await;
                let texts: Vec<String> = events
                    .lines()
                    .map(|line| serde_json::from_str::<Value>(line).unwrap())
                    .map(|event| event["text"].as_str().unwrap_or_default().to_owned())
                    .collect();
                let once: BTreeSet<&str> = texts.iter().map(String::as_str).collect();
                assert_eq!(once.len(), texts.len(), "{tenant} got something twice");
                if once == wanted {
                    break;
                }
                assert!(
                    begun.elapsed() < PATIENCE,
                    "{tenant}: {once:?} of {wanted:?}"
                );
                tokio::time::sleep(LOOK).await;
            }
        }
    }
}

#[tokio::test]
async fn hosts_share_tenants_and_take_over_from_the_dead() {
    let mut fleet = Fleet::start(6).await;
    fleet.join("a").await;
    fleet.settled(&BTreeSet::new()).await;
    fleet.join("b").await;
    // After some time every host has its share.
    let count = |list: &[Value], name: &str| list.iter().filter(|one| one["host"] == name).count();
    let fair = |list: &[Value]| 2 <= count(list, "b") && count(list, "b") <= 4;
    fleet.until("a fair share", fair).await;
    fleet.settled(&BTreeSet::new()).await;
    let orphans = "SELECT count(*) FROM wmctl_lease l JOIN wmctl_host h ON h.inc = l.owner
        WHERE h.name = 'a'";
    fleet.hosts.get_mut("a").unwrap().kill().await;
    let killed = Instant::now();
    while fleet.server.sql("wm", orphans).trim() != "0" {
        assert!(
            killed.elapsed() < SILENCE,
            "the dead host's tenants are not fenced"
        );
        tokio::time::sleep(LOOK / 5).await;
    }
    let fenced = killed.elapsed();
    fleet.hosts.remove("a");
    fleet.settled(&BTreeSet::new()).await;
    eprintln!("fenced in {fenced:?}, connected in {:?}", killed.elapsed());
    // A pause that is shorter than the timeout has no effect.
    fleet.signal("b", "-STOP").await;
    tokio::time::sleep(SILENCE / 4).await;
    fleet.signal("b", "-CONT").await;
    fleet.settled(&BTreeSet::new()).await;
    // A tenant can be pinned to a host, and moves to another when that host leaves.
    fleet.join("c").await;
    fleet.wish(0, "wanted_host", "'c'");
    fleet
        .until("the move", |list| {
            list[0]["host"] == "c" && list[0]["state"] == "connected"
        })
        .await;
    fleet.leave("c").await;
    fleet.settled(&BTreeSet::new()).await;
    assert_eq!(fleet.sim.breaches().await.unwrap(), []);
}

/// An event that happens to a host or a tenant.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Join,
    Leave,
    Kill,
    Hang,
    Pause,
    Drain,
    DrainAndBack,
    Move,
    Stop,
    Start,
    Database,
}

const FATES: [Fate; 11] = [
    Fate::Join,
    Fate::Leave,
    Fate::Kill,
    Fate::Hang,
    Fate::Pause,
    Fate::Drain,
    Fate::DrainAndBack,
    Fate::Move,
    Fate::Stop,
    Fate::Start,
    Fate::Database,
];

async fn leave(hosts: &mut BTreeMap<String, Program>, name: &str) {
    let mut host = hosts.remove(name).unwrap();
    host.terminate().await;
    assert_eq!(host.ended().await.code(), Some(0), "{name} leaves");
}

/// The targets of random events during traffic.
struct Scene<'a> {
    server: &'a Postgres,
    wmctl: &'a Wmctl,
    hosts: &'a mut BTreeMap<String, Program>,
}

impl Scene<'_> {
    /// Applies one event.
    async fn befall(&mut self, fate: Fate, host: &str, index: usize, off: &mut BTreeSet<usize>) {
        let name = tenant(index);
        match fate {
            Fate::Join => (),
            Fate::Leave => leave(self.hosts, host).await,
            Fate::Kill => {
                self.hosts.get_mut(host).unwrap().kill().await;
                self.hosts.remove(host);
            }
            // Hang for longer than the timeout, so that the host returns after it was declared
            // dead.
            Fate::Hang => self.hang(host, SILENCE + SILENCE / 2).await,
            Fate::Pause => self.hang(host, SILENCE / 4).await,
            Fate::Drain => {
                self.known(host).await;
                let drain = ["tenants", "drain", "--host", host, "--timeout", "60"];
                self.wmctl.done(&drain).await;
                leave(self.hosts, host).await;
            }
            Fate::DrainAndBack => {
                self.known(host).await;
                let drain = ["tenants", "drain", "--host", host];
                self.wmctl
                    .done(&[&drain[..], &["--timeout", "60"]].concat())
                    .await;
                self.wmctl.done(&[&drain[..], &["--undo"]].concat()).await;
            }
            Fate::Move => {
                let there = ["tenants", "move", &name, "--to", host];
                self.wmctl.done(&there).await;
            }
            Fate::Stop => {
                off.insert(index);
                self.wmctl.done(&["tenants", "stop", &name]).await;
            }
            Fate::Start => {
                off.remove(&index);
                self.wmctl.done(&["tenants", "start", &name]).await;
            }
            Fate::Database => {
                let server = self.server;
                tokio::task::block_in_place(|| server.restart("fast"));
            }
        }
    }

    /// Waits until the other processes list the host. A host that hung starts again under a new
    /// identity.
    async fn known(&self, host: &str) {
        let begun = Instant::now();
        loop {
            let hosts = self.wmctl.done(&["hosts", "-o", "name"]).await;
            if hosts.lines().any(|line| line == host) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{host} is not back: {hosts}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Suspends a process for `time`.
    async fn hang(&self, host: &str, time: Duration) {
        let id = self.hosts[host].id().unwrap().to_string();
        for signal in ["-STOP", "-CONT"] {
            let sent = Command::new("kill").args([signal, &id]).status().await;
            assert!(sent.unwrap().success());
            if signal == "-STOP" {
                tokio::time::sleep(time).await;
            }
        }
    }
}

/// Sends messages to every tenant until `end`. Returns what was sent.
async fn traffic(sim: &Simulator, tenants: usize, step: u32, end: CancellationToken) -> Sent {
    let mut sent = Vec::new();
    for round in 0.. {
        for to in 0..tenants {
            let text = format!("step {step}.{round} for {to}");
            sim.phone_sends(FRIEND, &phone(to), &text).await.unwrap();
            sent.push((to, text));
        }
        let over = end.is_cancelled();
        if over {
            break;
        }
        let _ = timeout(TRAFFIC, end.cancelled()).await;
    }
    sent
}

type Sent = Vec<(usize, String)>;

/// `WMCTL_FLEET_SEED` selects the sequence of events, `WMCTL_FLEET_STEPS` its length.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_come_and_go_at_random() {
    let seed = number("WMCTL_FLEET_SEED", 1);
    let steps = number("WMCTL_FLEET_STEPS", 8);
    let mut rng = StdRng::seed_from_u64(seed.into());
    let mut fleet = Fleet::start(6).await;
    let (mut off, mut born) = (BTreeSet::new(), 0);
    let (mut sent, mut outgoing) = (Vec::new(), BTreeSet::new());
    for step in 0..steps {
        while fleet.hosts.len() < 2 {
            born += 1;
            fleet.join(&format!("host-{born}")).await;
        }
        let names: Vec<String> = fleet.hosts.keys().cloned().collect();
        let host = names[rng.random_range(0..names.len())].clone();
        let index = rng.random_range(0..fleet.tenants);
        let fate = FATES[rng.random_range(0..FATES.len())];
        eprintln!("seed {seed}, step {step}: {fate:?} at {host}, tenant {index}");
        let end = CancellationToken::new();
        let writing = traffic(&fleet.sim, fleet.tenants, step, end.clone());
        let mut scene = Scene {
            server: &fleet.server,
            wmctl: &fleet.wmctl,
            hosts: &mut fleet.hosts,
        };
        let happening = async {
            scene.befall(fate, &host, index, &mut off).await;
            end.cancel();
        };
        let (written, ()) = tokio::join!(writing, happening);
        sent.extend(written);
        // Keep at least one host and at most a few.
        if fleet.hosts.is_empty() || (matches!(fate, Fate::Join) && fleet.hosts.len() < 4) {
            born += 1;
            fleet.join(&format!("host-{born}")).await;
        }
        let (name, text) = (tenant(index), format!("step {step} from {index}"));
        let send = ["send", "--tenant", &name, "--to", FRIEND, "--text", &text];
        fleet.wmctl.done(&send).await;
        outgoing.insert(text);
        if rng.random_bool(0.7) {
            fleet.settled(&off).await;
        }
    }
    for index in std::mem::take(&mut off) {
        fleet.wish(index, "enabled", "TRUE");
    }
    fleet.settled(&off).await;
    fleet.nothing_lost_or_doubled(&sent).await;
    fleet.friend_got(&outgoing).await;
    assert_eq!(fleet.sim.breaches().await.unwrap(), []);
    let names: Vec<String> = fleet.hosts.keys().cloned().collect();
    for name in names {
        fleet.leave(&name).await;
    }
    let left = "SELECT count(*) FROM wmctl_lease WHERE owner IS NOT NULL";
    assert_eq!(fleet.server.sql("wm", left).trim(), "0");
}
