//! Many tenants on few hosts: time until all are connected, cost per tenant, and the effect of a
//! dead host on its tenants.
//!
//! `WMCTL_SCALE_TENANTS` and `WMCTL_SCALE_BUSY` set the load. The test prints its figures.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::Instant;
use wmctl::app::Stop;
use wmctl::app::{App, Schema, Settings};
use wmctl::config::WhatsAppServer;
use wmctl::ops::pair::{self, PairOptions, PairStep};
use wmctl::ops::send::{self, Outgoing};
use wmctl::rehearsal::audit::{DeliveryAudit, Moment, Violations};
use wmctl::sim::{SimConfig, Simulator};

use crate::support::number;
use crate::support::postgres::Postgres;
use crate::support::program::Program;
use crate::support::wmctl::Wmctl;

/// Tenants that are paired concurrently.
const PAIRING: usize = 8;
/// Interval of queries.
const LOOK: Duration = Duration::from_millis(10);
/// The test fails after this long without progress.
const STALL: Duration = Duration::from_secs(60);
/// Time for which idle hosts are measured.
const IDLE: Duration = Duration::from_secs(5);
/// Messages in each direction per busy tenant.
pub(super) const MESSAGES: u32 = 10;
/// Maximum database connections of a host: its pool and three others.
const CONNECTIONS_MAX: i64 = 13;
/// Time limit for fencing. Generous: the goal is 0.5 s.
const FENCED_MAX: Duration = Duration::from_secs(2);

const CONNECTED: &str = "SELECT count(*) FROM wmctl_tenant_state s JOIN wmctl_lease l
    ON l.business_id = s.business_id AND l.epoch = s.epoch JOIN wmctl_host h ON h.inc = l.owner
    WHERE s.state = 'connected' AND h.state = 'live'";

pub(super) fn phone(index: usize) -> String {
    format!("49151{index:07}")
}

fn contact(index: usize) -> String {
    format!("49171{index:07}")
}

fn tenant(index: usize) -> String {
    format!("tenant-{index:05}")
}

pub(super) struct Scale {
    pub(super) sim: Simulator,
    server: Postgres,
    pub(super) wmctl: Wmctl,
    app: App,
    tenants: usize,
    pub(super) hosts: BTreeMap<String, Program>,
    _folder: TempDir,
}

impl Scale {
    pub(super) async fn set(tenants: usize) -> (Self, Duration) {
        let server = Postgres::start();
        server.create("wm");
        let folder = tempfile::tempdir().unwrap();
        let config = SimConfig {
            journal_max: 10_000_000,
            ..SimConfig::default()
        };
        let sim = Simulator::start(config).await.unwrap();
        let mut wmctl = Wmctl::in_folder(folder.path());
        wmctl.set("WMCTL_SERVER", &sim.ws_url());
        wmctl.set("WMCTL_ROOT_KEY", sim.root_key());
        wmctl.set("WMCTL_DATABASE_URL", &server.url("wm"));
        wmctl.set("WMCTL_LOG_LEVEL", "wmctl=warn,warn");
        wmctl.done(&["migrate", "up"]).await;
        let settings = Settings {
            database: server.url("wm").parse().unwrap(),
            tenant: "default".parse().unwrap(),
            server: WhatsAppServer {
                url: sim.ws_url(),
                root_key: hex::decode(sim.root_key()).unwrap().try_into().ok(),
                ca_file: None,
                client_version: None,
                proxy: None,
            },
            device_name: "test".into(),
        };
        let app = App::open(settings, Schema::Current).await.unwrap();
        let scale = Self {
            sim,
            server,
            wmctl,
            app,
            tenants,
            hosts: BTreeMap::new(),
            _folder: folder,
        };
        let took = scale.pair_all().await;
        (scale, took)
    }

    /// Pairs every tenant through the real protocol.
    async fn pair_all(&self) -> Duration {
        let begun = Instant::now();
        let pairings = (0..self.tenants).map(|index| self.pair(index));
        stream::iter(pairings)
            .buffer_unordered(PAIRING)
            .collect::<Vec<()>>()
            .await;
        begun.elapsed()
    }

    async fn pair(&self, index: usize) {
        let number = phone(index);
        self.sim.add_account(&number, "Somebody").await.unwrap();
        let app = self.app.for_tenant(tenant(index).parse().unwrap());
        let (send_code, mut codes) = mpsc::unbounded_channel();
        let mut tell = |step: PairStep| {
            if let PairStep::Qr { code, .. } = step {
                let _ = send_code.send(code);
            }
        };
        let options = PairOptions {
            create: true,
            phone: None,
            replace: false,
        };
        let stop = Stop::new();
        let scan = async {
            let code = codes.recv().await.unwrap();
            self.sim.scan(&number, &code).await.unwrap();
        };
        let (paired, ()) = tokio::join!(pair::pair(&app, &options, &stop, &mut tell), scan);
        paired.unwrap();
    }

    /// Starts another host and waits until it takes tenants.
    pub(super) async fn join(&mut self, name: &str) {
        let arguments = ["serve", "--name", name, "--no-http", "--rebalance", "1"];
        let mut host = self
            .wmctl
            .start(&[&arguments[..], &["--silence", "5000"]].concat());
        host.expect("a host", |line| line["type"] == "host").await;
        self.hosts.insert(name.into(), host);
    }

    fn count(&self, sql: &str) -> i64 {
        self.server.sql("wm", sql).trim().parse().unwrap()
    }

    /// Waits until a query counts `wanted`. Returns the time that it took.
    async fn until(&self, what: &str, sql: &str, wanted: i64) -> Duration {
        let begun = Instant::now();
        let mut last = (-1, Instant::now());
        loop {
            let now = self.count(sql);
            if now == wanted {
                return begun.elapsed();
            }
            if now != last.0 {
                last = (now, Instant::now());
            }
            assert!(last.1.elapsed() < STALL, "{what}: {now} of {wanted}");
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(super) async fn all_connected(&self, what: &str) -> Duration {
        let all = i64::try_from(self.tenants).unwrap();
        self.until(what, CONNECTED, all).await
    }

    /// Returns the memory (KiB, proportional share) and the processor time (s) of a host.
    fn cost(&self, name: &str) -> (u64, f64) {
        let id = self.hosts[name].id().unwrap();
        let smaps = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap();
        let pss = smaps.lines().find(|line| line.starts_with("Pss:")).unwrap();
        let pss = pss.split_whitespace().nth(1).unwrap().parse().unwrap();
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let seconds = ticks as f64 / 100.0;
        (pss, seconds)
    }

    /// Measures idle hosts for a while.
    async fn watch_idle(&self) -> String {
        let before: Vec<(u64, f64)> = self.hosts.keys().map(|name| self.cost(name)).collect();
        // The sleep is the measured period.
        tokio::time::sleep(IDLE).await;
        let mut figures = String::new();
        for (name, (_, seconds)) in self.hosts.keys().zip(before) {
            let (pss, now) = self.cost(name);
            let busy = (now - seconds) / IDLE.as_secs_f64() * 1_000.0;
            let mine = self.held(name);
            let line = format!(
                "host {name}: {mine} tenants, {pss} KiB, {busy:.0} ms of processor a second\n"
            );
            figures.push_str(&line);
        }
        figures
    }

    pub(super) fn held(&self, name: &str) -> i64 {
        self.count(&format!(
            "SELECT count(*) FROM wmctl_lease l JOIN wmctl_host h ON h.inc = l.owner
             WHERE h.name = '{name}' AND h.state = 'live'"
        ))
    }

    fn connections(&self) -> i64 {
        self.count(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = 'wm' AND application_name LIKE 'wmctl%'",
        )
    }

    /// Waits until the hosts' numbers of tenants differ by at most a twentieth.
    async fn balanced(&self) {
        let spread =
            "SELECT CASE WHEN max(n) - min(n) <= greatest(2, max(n) / 20) THEN 1 ELSE 0 END
            FROM (SELECT count(l.business_id) AS n FROM wmctl_host h
                LEFT JOIN wmctl_lease l ON l.owner = h.inc
                WHERE h.state = 'live' AND h.serves GROUP BY h.inc) held";
        self.until("a fair share for each", spread, 1).await;
    }
}

/// The messages of one busy tenant.
pub(super) struct Busy {
    app: App,
    pub(super) contact: String,
    outbox: Vec<(String, String)>,
}

impl Busy {
    pub(super) async fn put_in(&mut self, text: String) {
        let message = Outgoing {
            to: format!("+{}", self.contact),
            text: text.clone(),
            ..Outgoing::default()
        };
        let taken = send::enqueue(&self.app, &message).await.unwrap();
        self.outbox.push((taken.id, text));
    }
}

impl Scale {
    pub(super) async fn busy(&self, count: usize) -> Vec<Busy> {
        let mut all = Vec::new();
        for index in 0..count {
            let contact = contact(index);
            self.sim.add_account(&contact, "Contact").await.unwrap();
            let app = self.app.for_tenant(tenant(index).parse().unwrap());
            let outbox = Vec::new();
            all.push(Busy {
                app,
                contact,
                outbox,
            });
        }
        all
    }

    /// Waits until every busy tenant has exchanged `messages` messages each way, each exactly once.
    pub(super) async fn settled(&self, busy: &[Busy], messages: u32) {
        let wanted = i64::try_from(busy.len()).unwrap() * i64::from(messages);
        let sent = "SELECT count(*) FROM wmctl_outbox WHERE state = 'sent'";
        self.until("sent messages", sent, wanted).await;
        let received = "SELECT count(*) FROM wmctl_event WHERE kind = 'message' AND NOT from_me";
        self.until("received messages", received, wanted).await;
        let journal = self.sim.journal().await.unwrap();
        for one in busy {
            let contacts = [one.contact.clone()];
            let ledger =
                DeliveryAudit::gather_from(&one.app, &self.sim, &journal, &contacts, &one.outbox);
            let ledger = ledger.await.unwrap();
            assert_eq!(ledger.received.len(), messages as usize);
            let violations = ledger.violations(Moment::Settled);
            assert_eq!(violations, Violations::default(), "{}", one.contact);
        }
        assert_eq!(self.sim.breaches().await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tenants_are_shared_out_and_taken_over() {
    let tenants = number("WMCTL_SCALE_TENANTS", 40) as usize;
    let busy = (number("WMCTL_SCALE_BUSY", 10) as usize).min(tenants);
    let (mut scale, took) = Scale::set(tenants).await;
    eprintln!("{tenants} tenants paired in {took:?}");

    scale.join("a").await;
    let took = scale.all_connected("one host connects all").await;
    eprintln!("one host connected {tenants} in {took:?}");
    eprint!("{}", scale.watch_idle().await);
    let alone = scale.connections();
    for name in ["b", "c", "d"] {
        scale.join(name).await;
    }
    // Start new hosts instead of waiting for slow moves; the first host stops gracefully.
    let mut first = scale.hosts.remove("a").unwrap();
    let left = Instant::now();
    first.terminate().await;
    assert!(first.ended().await.success());
    scale.join("a").await;
    scale.all_connected("the others take over").await;
    eprintln!("handed over in {:?}", left.elapsed());
    scale.balanced().await;
    scale.all_connected("all are where they belong").await;
    eprint!("{}", scale.watch_idle().await);
    let connections = scale.connections();
    eprintln!("database connections: {alone} with one host, {connections} with four");
    assert!(
        connections <= 4 * CONNECTIONS_MAX + CONNECTIONS_MAX,
        "{connections}"
    );

    let mut talkers = scale.busy(busy).await;
    for (index, one) in talkers.iter().enumerate() {
        let every = Duration::from_millis(500);
        let to = phone(index);
        let chat = scale.sim.phone_chats(&one.contact, &to, MESSAGES, every);
        chat.await.unwrap();
    }
    let mut killed = None;
    for round in 0..MESSAGES {
        for one in &mut talkers {
            one.put_in(format!("answer {round}")).await;
        }
        if round == MESSAGES / 2 {
            killed = Some(scale.kill("b").await);
        }
    }
    let (fenced, connected) = killed.unwrap();
    eprintln!("a host died: fenced in {fenced:?}, all connected in {connected:?}");
    assert!(fenced < FENCED_MAX, "{fenced:?}");
    scale.settled(&talkers, MESSAGES).await;
    scale.balanced().await;
    assert!(
        scale.connections() <= connections,
        "a host's connections are constant"
    );
}

impl Scale {
    /// Kills a host. Returns the time until all its tenants are fenced, and until all are
    /// connected.
    async fn kill(&mut self, name: &str) -> (Duration, Duration) {
        let mut host = self.hosts.remove(name).unwrap();
        let id = self.server.sql(
            "wm",
            &format!("SELECT inc FROM wmctl_host WHERE name = '{name}' AND state = 'live'"),
        );
        let left = format!(
            "SELECT count(*) FROM wmctl_lease WHERE owner = '{}'",
            id.trim()
        );
        assert!(0 < self.count(&left));
        let begun = Instant::now();
        host.kill().await;
        self.until("a dead host's leases", &left, 0).await;
        let fenced = begun.elapsed();
        self.all_connected("the dead host's tenants").await;
        (fenced, begun.elapsed())
    }
}
