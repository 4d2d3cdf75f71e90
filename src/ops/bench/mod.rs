//! How much one process does: messages in and out through real rows, what they cost, how long a
//! start takes.
//!
//! The simulator and its contacts run in this process; `wmctl serve` is a child, so that what it
//! costs can be told apart. Both share the machine: it is a floor of what the child could do.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use serde::Serialize;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use crate::config::{DatabaseUrlError, Server};
use crate::ids::TenantId;
use crate::ops::Stop;
use crate::ops::open::{App, RowsError, Schema, Settings};
use crate::ops::pair::{self, PairError, PairOptions};
use crate::ops::send::{self, Outgoing, SendError};
use crate::ops::simulated_phone::{self, Shown};
use crate::ops::tenants::Actor;
use crate::sim::{SimConfig, SimError, Simulator};

/// How often progress is looked at.
const TICK: Duration = Duration::from_millis(10);
/// Without progress for this long the measurement ends.
const STALL_MS: u64 = 60_000;
/// Messages that are put in at the same time.
const WRITERS: usize = 8;
/// What the kernel counts processor time in, a second.
const TICKS_PER_SECOND: f64 = 100.0;
const PAGE_BYTES: f64 = 4_096.0;

/// What to measure.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// The binary that is measured.
    pub program: PathBuf,
    /// A server's database with a current schema and no tenants, measured beside a file.
    pub postgres: Option<String>,
    /// Accounts at the same time: one measurement for each number.
    pub accounts: Vec<u32>,
    /// Messages each way, shared out over the accounts.
    pub messages: u32,
}

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub struct BenchRow {
    pub database: &'static str,
    pub accounts: u32,
    /// From the start of the process until every account is logged in, seconds.
    pub start_s: f64,
    pub received_per_s: f64,
    pub sent_per_s: f64,
    /// Processor time of the process, milliseconds a message.
    pub received_cpu_ms: Option<f64>,
    pub sent_cpu_ms: Option<f64>,
    /// Waits for the server a message, its answers and receipts included; none on a file.
    pub received_round_trips: Option<f64>,
    pub sent_round_trips: Option<f64>,
    /// Transactions a message, its answers and receipts included.
    pub received_units: f64,
    pub sent_units: f64,
    /// Memory of the process while nobody writes, megabytes.
    pub idle_mb: Option<f64>,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("the database holds tenants: a measurement needs one of its own")]
    NotEmpty,
    #[error("prepare: {0}")]
    Prepare(#[from] std::io::Error),
    #[error(transparent)]
    Url(#[from] DatabaseUrlError),
    #[error(transparent)]
    Simulator(#[from] SimError),
    #[error(transparent)]
    Rows(#[from] RowsError),
    #[error(transparent)]
    Pair(#[from] PairError),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error("nothing moved for a minute while {doing}; the log: {}", log.display())]
    Stalled { doing: &'static str, log: PathBuf },
    #[error("interrupted")]
    Stopped,
}

/// Measures each number of accounts; `tell` hears what is being done.
pub async fn bench(
    options: &BenchOptions,
    stop: &Stop,
    tell: &mut (dyn FnMut(String) + Send),
) -> Result<Vec<BenchRow>, BenchError> {
    let mut rows = Vec::new();
    for server in [None]
        .into_iter()
        .chain(options.postgres.as_ref().map(Some))
    {
        for accounts in &options.accounts {
            rows.push(one(options, server, *accounts, stop, tell).await?);
        }
    }
    Ok(rows)
}

async fn one(
    options: &BenchOptions,
    server: Option<&String>,
    accounts: u32,
    stop: &Stop,
    tell: &mut (dyn FnMut(String) + Send),
) -> Result<BenchRow, BenchError> {
    let mut bench = Bench::open(options, server).await?;
    let work = async {
        bench.pair(accounts, tell).await?;
        bench.measure(tell).await
    };
    let result = tokio::select! {
        result = work => result,
        () = stop.asked() => Err(BenchError::Stopped),
    };
    let cleared = bench.clear().await;
    if matches!(result, Err(BenchError::Stalled { .. })) {
        // The log is named in the error.
        let _ = bench.folder.keep();
    }
    let row = result?;
    cleared.map(|()| row)
}

struct Bench<'a> {
    options: &'a BenchOptions,
    /// As the child is told it.
    url: String,
    folder: TempDir,
    sim: Simulator,
    /// One for each account, with the numbers of account and contact.
    apps: Vec<(App, String, String)>,
    root: App,
}

/// What the child has used and done up to a moment.
#[derive(Clone, Debug, Default)]
struct Reading {
    at_ms: u64,
    cpu_s: Option<f64>,
    counts: BTreeMap<String, f64>,
}

impl<'a> Bench<'a> {
    async fn open(options: &'a BenchOptions, server: Option<&String>) -> Result<Self, BenchError> {
        let folder = tempfile::tempdir()?;
        let sim = Simulator::start(SimConfig::default()).await?;
        let mut root_key = [0; 32];
        hex::decode_to_slice(sim.root_key(), &mut root_key).expect("a root key is 64 digits");
        let file = || format!("sqlite:{}", folder.path().join("wmctl.db").display());
        let url = server.cloned().unwrap_or_else(file);
        let settings = Settings {
            database: url.parse()?,
            tenant: tenant(0),
            server: Server {
                url: sim.ws_url(),
                root_key: Some(root_key),
                ca_file: None,
            },
            device_name: String::from("wmctl bench"),
        };
        let root = App::open(settings, Schema::Current).await?;
        let tenants = root.store.tenants().await.map_err(RowsError::of)?;
        if !tenants.is_empty() {
            return Err(BenchError::NotEmpty);
        }
        Ok(Self {
            options,
            url,
            folder,
            sim,
            apps: Vec::new(),
            root,
        })
    }

    async fn pair(
        &mut self,
        accounts: u32,
        tell: &mut (dyn FnMut(String) + Send),
    ) -> Result<(), BenchError> {
        let backend = self.root.store.backend();
        tell(format!("{backend}: pairing {accounts} accounts"));
        for index in 0..accounts {
            let (number, contact) = (format!("1555551{index:04}"), format!("1555556{index:04}"));
            self.sim.add_account(&number, "Account").await?;
            self.sim.add_account(&contact, "Contact").await?;
            let app = self.root.for_tenant(tenant(index));
            let paired = pair_one(&app, &self.sim, &number).await;
            self.apps.push((app, number, contact));
            paired?;
        }
        Ok(())
    }

    async fn measure(&self, tell: &mut (dyn FnMut(String) + Send)) -> Result<BenchRow, BenchError> {
        let accounts = u32::try_from(self.apps.len()).unwrap_or(u32::MAX);
        let share = self.options.messages.div_ceil(accounts.max(1));
        let all = share * accounts;
        let begun = self.mono_ms();
        let (child, metrics) = self.start().await?;
        let pid = child.id().unwrap_or_default();
        let connected = || async { self.count(metrics, "whatsmeow_tenants_connected").await };
        self.until("accounts log in", f64::from(accounts), connected)
            .await?;
        let start_s = seconds(self.mono_ms() - begun);
        tell(format!(
            "{accounts} accounts are connected; {all} messages come in"
        ));
        let idle_mb = resident_mb(pid);
        // The first message each way sets ratchets up.
        self.receive(metrics, 1).await?;
        self.send(1, "first").await?;
        let before = self.read(pid, metrics).await;
        self.receive(metrics, share).await?;
        let received = self.read(pid, metrics).await;
        tell(format!("{all} messages go out"));
        self.send(share, "message").await?;
        let sent = self.read(pid, metrics).await;
        let all = f64::from(all);
        let is_server = self.root.store.backend() == "postgres";
        let trips = |from, to| is_server.then(|| trips(from, to) / all);
        let cpu = |from: &Reading, to: &Reading| Some((to.cpu_s? - from.cpu_s?) * 1_000.0 / all);
        Ok(BenchRow {
            database: self.root.store.backend(),
            accounts,
            start_s,
            received_per_s: all / seconds(received.at_ms - before.at_ms),
            sent_per_s: all / seconds(sent.at_ms - received.at_ms),
            received_cpu_ms: cpu(&before, &received),
            sent_cpu_ms: cpu(&received, &sent),
            received_round_trips: trips(&before, &received),
            sent_round_trips: trips(&received, &sent),
            received_units: queries("commit", &before, &received) / all,
            sent_units: queries("commit", &received, &sent) / all,
            idle_mb,
        })
    }

    /// Starts the process that is measured; the address of its metrics.
    async fn start(&self) -> Result<(Child, SocketAddr), BenchError> {
        // Free at this moment: somebody else may take it, and the child says so in its log.
        let metrics = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await?
            .local_addr()?;
        let config = self.folder.path().join("config.toml");
        // An empty one keeps the user's own away.
        File::create(&config)?;
        let log = File::options().create(true).append(true).open(self.log())?;
        let child = Command::new(&self.options.program)
            .arg("serve")
            .args(["--http", &metrics.to_string(), "--connecting", "64"])
            .args(["--server", &self.sim.ws_url()])
            .args(["--root-key", self.sim.root_key(), "--config"])
            .arg(&config)
            // Not an argument: it may hold a password.
            .env("WMCTL_DATABASE_URL", &self.url)
            .env_remove("WMCTL_SIMULATOR")
            .env_remove("WMCTL_CA_FILE")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        Ok((child, metrics))
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("serve.log")
    }

    fn mono_ms(&self) -> u64 {
        self.root.surroundings.clock.mono_ms()
    }

    /// Has every contact write, and waits until everything is stored.
    async fn receive(&self, metrics: SocketAddr, share: u32) -> Result<(), BenchError> {
        let name = "whatsmeow_messages_received_total";
        let wanted = self.count(metrics, name).await + f64::from(share) * self.apps.len() as f64;
        for (_, number, contact) in &self.apps {
            let chat = self.sim.phone_chats(contact, number, share, Duration::ZERO);
            chat.await?;
        }
        let stored = || async { self.count(metrics, name).await };
        self.until("messages come in", wanted, stored).await
    }

    /// Puts messages in, and waits until every contact has read them.
    async fn send(&self, share: u32, word: &str) -> Result<(), BenchError> {
        let wanted = self.read_by_contacts().await? + f64::from(share) * self.apps.len() as f64;
        let one = async |number: u32, app: &App, contact: &str| {
            let message = Outgoing {
                to: format!("+{contact}"),
                text: format!("{word} {number}"),
                idempotency_key: None,
            };
            send::enqueue(app, &message).await.map(|_| ())
        };
        let apps = || self.apps.iter();
        let all = (0..share).flat_map(|number| apps().map(move |app| (number, app)));
        let mut written = futures_util::stream::iter(all)
            .map(|(number, (app, _, contact))| one(number, app, contact))
            .buffer_unordered(WRITERS);
        while written.try_next().await?.is_some() {}
        let read = || async { self.read_by_contacts().await.unwrap_or_default() };
        self.until("messages go out", wanted, read).await
    }

    async fn read_by_contacts(&self) -> Result<f64, BenchError> {
        let mut read = 0;
        for (_, _, contact) in &self.apps {
            read += self.sim.phone_inbox_len(contact).await?;
        }
        Ok(read as f64)
    }

    /// Waits until a number is reached.
    async fn until<F: Future<Output = f64>>(
        &self,
        doing: &'static str,
        wanted: f64,
        now: impl Fn() -> F,
    ) -> Result<(), BenchError> {
        let mut last = (-1.0, self.mono_ms());
        loop {
            let reached = now().await;
            if wanted <= reached {
                return Ok(());
            }
            if last.0 < reached {
                last = (reached, self.mono_ms());
            }
            if STALL_MS < self.mono_ms() - last.1 {
                let log = self.log();
                return Err(BenchError::Stalled { doing, log });
            }
            tokio::time::sleep(TICK).await;
        }
    }

    /// The sum of a metric over its labels; 0 while the process does not answer.
    async fn count(&self, metrics: SocketAddr, name: &str) -> f64 {
        let all = scrape(metrics).await.unwrap_or_default();
        let of = all
            .iter()
            .filter(|(key, _)| key.split('{').next() == Some(name));
        of.map(|(_, value)| value).sum()
    }

    async fn read(&self, pid: u32, metrics: SocketAddr) -> Reading {
        Reading {
            at_ms: self.mono_ms(),
            cpu_s: cpu_s(pid),
            counts: scrape(metrics).await.unwrap_or_default(),
        }
    }

    /// Leaves the database as it was.
    async fn clear(&self) -> Result<(), BenchError> {
        for (app, _, _) in &self.apps {
            let tenant = &app.settings.tenant;
            let audit = app.audit(&Actor::of_user(), "remove", Some(tenant), String::new());
            let purged = app.store.purge(tenant, &audit).await;
            purged.map_err(RowsError::of)?;
        }
        self.root.close().await;
        Ok(())
    }
}

fn tenant(index: u32) -> TenantId {
    let name = format!("bench-{index}");
    name.parse().expect("the name is valid")
}

async fn pair_one(app: &App, sim: &Simulator, number: &str) -> Result<(), BenchError> {
    let (shown, codes) = mpsc::unbounded_channel();
    let mut tell = |step| {
        if let Some(code) = Shown::of(&step) {
            // The phone may have stopped looking.
            let _ = shown.send(code);
        }
    };
    let phone = simulated_phone::answer(codes, async |shown| match shown {
        Shown::Qr(code) => sim.scan(number, &code).await.map(|_| ()),
        Shown::Code(code) => sim.type_code(number, &code).await,
    });
    let options = PairOptions {
        phone: None,
        replace: false,
        simulator: None,
    };
    let stop = Stop::new();
    tokio::select! {
        paired = pair::pair(app, &options, &stop, &mut tell) => paired.map(|_| ())?,
        scanned = phone => scanned?,
    }
    Ok(())
}

fn seconds(ms: u64) -> f64 {
    u32::try_from(ms.max(1)).map_or(f64::NAN, f64::from) / 1_000.0
}

/// How often the database was asked for something between two readings.
fn queries(operation: &str, from: &Reading, to: &Reading) -> f64 {
    let name = "whatsmeow_db_query_duration_seconds_count";
    let key = format!("{name}{{operation=\"{operation}\"}}");
    let count = |reading: &Reading| reading.counts.get(&key).copied().unwrap_or_default();
    count(to) - count(from)
}

/// A unit of work waits twice, everything else once.
fn trips(from: &Reading, to: &Reading) -> f64 {
    let once = ["read", "outbox", "load"].map(|operation| queries(operation, from, to));
    once.iter().sum::<f64>() + 2.0 * queries("commit", from, to)
}

/// The metrics of a process on this machine, by name and labels.
async fn scrape(address: SocketAddr) -> Option<BTreeMap<String, f64>> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let ask = format!("GET /metrics HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let lines = answer.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| {
        let (key, value) = line.rsplit_once(' ')?;
        Some((key.to_owned(), value.parse().ok()?))
    });
    Some(pairs.collect())
}

/// Processor time of a process so far; unknown where the system does not tell.
fn cpu_s(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may hold blanks; user and system time are 12 and 13 behind it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let time = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((time(11)? + time(12)?) / TICKS_PER_SECOND)
}

fn resident_mb(pid: u32) -> Option<f64> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: f64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE_BYTES / 1_000_000.0)
}
