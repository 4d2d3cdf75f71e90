//! Measures the throughput of one process, its cost per message and its start time.
//!
//! The simulator and its contacts run in this process. `wmctl serve` is a child process, so that
//! its resource usage is measured separately. Both share the machine, so the results are a lower
//! bound.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use serde::Serialize;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::app::Stop;
use crate::app::{App, RowsError, Schema, Settings};
use crate::config::{DatabaseUrl, WhatsAppServer};
use crate::ids::TenantId;
use crate::ops::actor::AuditActor;
use crate::ops::send::{self, Outgoing};
use crate::ops::webhooks::{self, NewWebhook};
pub use crate::rehearsal::bench::hooks::Delivered;
use crate::rehearsal::bench::hooks::Receiver;
use crate::rehearsal::bench::pgbench::Pgbench;
use crate::rehearsal::bench::process::Counts;
pub use crate::rehearsal::stage::RehearsalError as BenchError;
use crate::rehearsal::stage::{self, leftovers};
use crate::sim::{SimConfig, Simulator};

mod hooks;
mod pgbench;
mod process;

/// Interval between progress checks.
const TICK: Duration = Duration::from_millis(10);
/// The measurement fails after this long without progress (ms).
const STALL_MS: u64 = 60_000;
/// Pause between two events of all accounts while delays are measured, and maximum number of events
/// per account.
const HOOK_PACE: Duration = Duration::from_millis(20);
const PACED_MAX: u32 = 100;
/// Messages that are enqueued concurrently.
const WRITERS: usize = 8;
/// Accounts that are paired concurrently.
const PAIRINGS: usize = 8;

/// Options for the benchmark.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// The binary to measure.
    pub program: PathBuf,
    /// URL of a PostgreSQL database with a current schema and no tenants. It is measured in
    /// addition to SQLite.
    pub postgres: Option<String>,
    /// Numbers of concurrent accounts; each is measured separately.
    pub accounts: Vec<u32>,
    /// Messages in each direction, divided among the accounts.
    pub messages: u32,
    /// If set, each account also delivers its events to a webhook, with this many events per
    /// request.
    pub webhooks: Option<u32>,
    /// Path of PostgreSQL's `pgbench`. Default: the one on `PATH`, if any.
    pub pgbench: Option<PathBuf>,
}

/// The result of one measurement.
#[derive(Clone, Debug, Serialize)]
pub struct BenchRow {
    /// The database: `sqlite` or `postgres`.
    pub database: &'static str,
    /// Number of concurrent accounts.
    pub accounts: u32,
    /// Seconds from the start of the process until every account is logged in.
    pub start_s: f64,
    /// Received and sent messages per second.
    pub received_per_s: f64,
    pub sent_per_s: f64,
    /// Processor time of the process per message (ms).
    pub received_cpu_ms: Option<f64>,
    pub sent_cpu_ms: Option<f64>,
    /// Database work per message, including acks and receipts: statements, round trips to the
    /// server (none for SQLite) and write transactions.
    pub received_statements: f64,
    pub sent_statements: f64,
    pub received_round_trips: Option<f64>,
    pub sent_round_trips: Option<f64>,
    pub received_units: f64,
    pub sent_units: f64,
    /// Time until an enqueued message is durable (ms): p50 and p99.
    pub taken_p50_ms: f64,
    pub taken_p99_ms: f64,
    /// Memory of the idle process (MB), and the additional memory per account (kB).
    pub idle_mb: Option<f64>,
    pub idle_account_kb: Option<f64>,
    /// Transactions per second as a fraction of `pgbench`'s on the same server, with as many row
    /// writes per transaction.
    pub received_of_pgbench: Option<f64>,
    pub sent_of_pgbench: Option<f64>,
    #[serde(flatten)]
    pub webhooks: Option<Delivered>,
}

/// Runs one measurement for each number of accounts. Calls `tell` for each step.
pub async fn bench(
    options: &BenchOptions,
    stop: &Stop,
    tell: &mut (dyn FnMut(String) + Send),
) -> Result<Vec<BenchRow>, BenchError> {
    let mut rows = Vec::new();
    let mut found = None;
    if options.postgres.is_some() {
        found = Pgbench::found(options.pgbench.as_ref()).await?;
        if found.is_none() {
            tell(String::from(
                "pgbench is not on PATH: nothing is compared with it",
            ));
        }
    }
    for server in [None]
        .into_iter()
        .chain(options.postgres.as_ref().map(Some))
    {
        for accounts in &options.accounts {
            let mut bench = Bench::open(options, server).await?;
            bench.pgbench.clone_from(&found);
            rows.push(bench.whole(*accounts, stop, tell).await?);
        }
    }
    Ok(rows)
}

struct Bench<'a> {
    options: &'a BenchOptions,
    /// Database URL as the child receives it.
    url: String,
    database: DatabaseUrl,
    pgbench: Option<PathBuf>,
    folder: TempDir,
    sim: Simulator,
    /// One entry per account, with the phone numbers of the account and of its contact.
    apps: Vec<(App, String, String)>,
    root: App,
}

/// Resource usage and totals at one moment.
#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Instant,
    /// Processor time of the child (s).
    cpu_s: Option<f64>,
    /// Database work of the child and of this process, which enqueues the messages.
    statements: f64,
    waits: f64,
    writes: f64,
    transactions: f64,
}

/// Cost per message.
#[derive(Clone, Copy, Debug)]
struct PerMessageCost {
    per_s: f64,
    cpu_ms: Option<f64>,
    statements: f64,
    waits: f64,
    writes: f64,
    transactions: f64,
}

impl PerMessageCost {
    fn between(from: &Reading, to: &Reading, messages: u32) -> Self {
        let all = f64::from(messages);
        let cpu_s = to.cpu_s.zip(from.cpu_s).map(|(to, from)| to - from);
        Self {
            per_s: all / (to.at - from.at).as_secs_f64(),
            cpu_ms: cpu_s.map(|cpu_s| cpu_s * 1_000.0 / all),
            statements: (to.statements - from.statements) / all,
            waits: (to.waits - from.waits) / all,
            writes: (to.writes - from.writes) / all,
            transactions: (to.transactions - from.transactions) / all,
        }
    }
}

impl<'a> Bench<'a> {
    async fn open(options: &'a BenchOptions, server: Option<&String>) -> Result<Self, BenchError> {
        let folder = leftovers::folder()?;
        let sim = Simulator::start(SimConfig::default()).await?;
        let mut root_key = [0; 32];
        hex::decode_to_slice(sim.root_key(), &mut root_key).expect("a root key is 64 digits");
        let file = || format!("sqlite:{}", folder.path().join("wmctl.db").display());
        let url = server.cloned().unwrap_or_else(file);
        let database: DatabaseUrl = url.parse()?;
        let settings = Settings {
            database: database.clone(),
            tenant: tenant(0),
            server: WhatsAppServer {
                url: sim.ws_url(),
                root_key: Some(root_key),
                ca_file: None,
                client_version: None,
                proxy: None,
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
            database,
            pgbench: None,
            folder,
            sim,
            apps: Vec::new(),
            root,
        })
    }

    /// Pairs the accounts, measures, and restores the database.
    async fn whole(
        mut self,
        accounts: u32,
        stop: &Stop,
        tell: &mut (dyn FnMut(String) + Send),
    ) -> Result<BenchRow, BenchError> {
        let work = async {
            let empty_kb = self.empty_kb().await?;
            self.pair(accounts, stop, tell).await?;
            self.measure(empty_kb, tell).await
        };
        let result = tokio::select! {
            result = work => result,
            () = stop.asked() => Err(BenchError::Stopped),
        };
        let cleared = self.clear().await;
        if matches!(result, Err(BenchError::Stalled { .. })) {
            // The error names the log file, so keep it.
            leftovers::keep(self.folder);
        }
        let row = result?;
        cleared.map(|()| row)
    }

    /// Measures the memory of a process without accounts (kB).
    async fn empty_kb(&self) -> Result<Option<f64>, BenchError> {
        let (mut child, metrics) = self.start().await?;
        let answers = || async { f64::from(process::scrape(metrics).await.is_some()) };
        self.until("the process starts", 1.0, answers).await?;
        let Some(pid) = child.id() else {
            return Ok(None);
        };
        let memory_kb = process::memory_kb(pid);
        // Stop gracefully: other hosts would have to wait for a host that disappeared.
        stage::host::signal(pid, "-TERM").await;
        child.wait().await?;
        Ok(memory_kb)
    }

    async fn pair(
        &mut self,
        accounts: u32,
        stop: &Stop,
        tell: &mut (dyn FnMut(String) + Send),
    ) -> Result<(), BenchError> {
        let backend = self.root.store.backend();
        tell(format!("{backend}: pairing {accounts} accounts"));
        for index in 0..accounts {
            let (number, contact) = (format!("1555551{index:04}"), format!("1555556{index:04}"));
            self.sim.add_account(&number, "Account").await?;
            self.sim.add_account(&contact, "Contact").await?;
            let app = self.root.for_tenant(tenant(index));
            self.apps.push((app, number, contact));
        }
        let sim = &self.sim;
        let mut pairings = futures_util::stream::iter(&self.apps)
            .map(|(app, number, _)| async move {
                stage::pair(app, sim, number, stop, &mut |_| ()).await
            })
            .buffer_unordered(PAIRINGS);
        while pairings.try_next().await?.is_some() {}
        Ok(())
    }

    async fn measure(
        &self,
        empty_kb: Option<f64>,
        tell: &mut (dyn FnMut(String) + Send),
    ) -> Result<BenchRow, BenchError> {
        let accounts = u32::try_from(self.apps.len()).unwrap_or(u32::MAX);
        let share = self.options.messages.div_ceil(accounts.max(1));
        let all = share * accounts;
        let begun = Instant::now();
        let (child, metrics) = self.start().await?;
        let pid = child.id().unwrap_or_default();
        let connected = || async { self.count(metrics, "whatsmeow_tenants_connected").await };
        self.until("accounts log in", f64::from(accounts), connected)
            .await?;
        let start_s = begun.elapsed().as_secs_f64();
        tell(format!(
            "{accounts} accounts are connected; {all} messages come in"
        ));
        let idle_kb = process::memory_kb(pid);
        // The first message in each direction creates ratchets and is not measured.
        self.receive(metrics, 1).await?;
        self.send(1, "first").await?;
        let before = self.read(pid, metrics).await;
        self.receive(metrics, share).await?;
        let between = self.read(pid, metrics).await;
        tell(format!("{all} messages go out"));
        let mut taken_ms = self.send(share, "message").await?;
        taken_ms.sort_by(f64::total_cmp);
        let after = self.read(pid, metrics).await;
        let webhooks = match self.options.webhooks {
            None => None,
            Some(batch) => Some(self.deliver(share, batch, tell).await?),
        };
        // Stop the child first, so that pgbench has the machine to itself.
        drop(child);
        let received = PerMessageCost::between(&before, &between, all);
        let sent = PerMessageCost::between(&between, &after, all);
        let is_server = self.root.store.backend() == "postgres";
        let added_kb = idle_kb.zip(empty_kb).map(|(idle, empty)| idle - empty);
        Ok(BenchRow {
            database: self.root.store.backend(),
            accounts,
            start_s,
            received_per_s: received.per_s,
            sent_per_s: sent.per_s,
            received_cpu_ms: received.cpu_ms,
            sent_cpu_ms: sent.cpu_ms,
            received_statements: received.statements,
            sent_statements: sent.statements,
            received_round_trips: is_server.then_some(received.waits),
            sent_round_trips: is_server.then_some(sent.waits),
            received_units: received.transactions,
            sent_units: sent.transactions,
            taken_p50_ms: part(&taken_ms, 50),
            taken_p99_ms: part(&taken_ms, 99),
            idle_mb: idle_kb.map(|kb| kb / 1_000.0),
            idle_account_kb: added_kb.map(|kb| kb / f64::from(accounts)),
            received_of_pgbench: self.of_pgbench(&received, tell).await?,
            sent_of_pgbench: self.of_pgbench(&sent, tell).await?,
            webhooks,
        })
    }

    async fn of_pgbench(
        &self,
        spent: &PerMessageCost,
        tell: &mut (dyn FnMut(String) + Send),
    ) -> Result<Option<f64>, BenchError> {
        let (DatabaseUrl::Postgres(url), Some(program)) = (&self.database, &self.pgbench) else {
            return Ok(None);
        };
        let rows = spent.writes / spent.transactions;
        tell(format!("pgbench writes {rows:.1} rows in a transaction"));
        let pgbench = Pgbench {
            program: program.clone(),
            url,
            folder: self.folder.path(),
        };
        let busy = u32::try_from(self.apps.len()).unwrap_or(u32::MAX);
        let theirs = pgbench.per_s(&self.root, rows, busy).await?;
        Ok(Some(spent.per_s * spent.transactions / theirs))
    }

    /// Starts the measured process and returns the address of its metrics.
    async fn start(&self) -> Result<(Child, SocketAddr), BenchError> {
        // The port is free now. If another process takes it first, the child logs the error.
        let metrics = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await?
            .local_addr()?;
        let config = self.folder.path().join("config.toml");
        // An empty configuration file replaces the user's own.
        File::create(&config)?;
        let log = File::options().create(true).append(true).open(self.log())?;
        let child = Command::new(&self.options.program)
            .arg("serve")
            .args(["--ends-with", &std::process::id().to_string()])
            .args(["--http", &metrics.to_string(), "--connecting", "64"])
            .args(["--webhook-allow", "127.0.0.0/8"])
            .args(["--server", &self.sim.ws_url()])
            .args(["--root-key", self.sim.root_key(), "--config"])
            .arg(&config)
            // An environment variable, not an argument: the URL may contain a password.
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

    /// Lets every contact write, and waits until every message is stored.
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

    /// Enqueues messages and waits until every contact has read them. Returns the time until each
    /// message was durable (ms).
    async fn send(&self, share: u32, word: &str) -> Result<Vec<f64>, BenchError> {
        let wanted = self.read_by_contacts().await? + f64::from(share) * self.apps.len() as f64;
        let one = async |number: u32, app: &App, contact: &str| {
            let message = Outgoing {
                to: format!("+{contact}"),
                text: format!("{word} {number}"),
                ..Outgoing::default()
            };
            let begun = Instant::now();
            send::enqueue(app, &message).await?;
            Ok::<_, BenchError>(begun.elapsed().as_secs_f64() * 1_000.0)
        };
        let apps = || self.apps.iter();
        let all = (0..share).flat_map(|number| apps().map(move |app| (number, app)));
        let mut written = futures_util::stream::iter(all)
            .map(|(number, (app, _, contact))| one(number, app, contact))
            .buffer_unordered(WRITERS);
        let mut taken_ms = Vec::new();
        while let Some(took_ms) = written.try_next().await? {
            taken_ms.push(took_ms);
        }
        let read = || async { self.read_by_contacts().await.unwrap_or_default() };
        self.until("messages go out", wanted, read).await?;
        Ok(taken_ms)
    }

    /// Lets every contact write to accounts with webhooks, first at full load and then at low load.
    async fn deliver(
        &self,
        share: u32,
        batch: u32,
        tell: &mut (dyn FnMut(String) + Send),
    ) -> Result<Delivered, BenchError> {
        let receiver = Receiver::start(self.root.surroundings.clone()).await?;
        let actor = AuditActor::of_user();
        for (app, ..) in &self.apps {
            let wanted = NewWebhook {
                id: None,
                url: receiver.url.clone(),
                types: vec![String::from("message")],
                batch: Some(batch),
                from_seq: None,
                secret: None,
            };
            let added = webhooks::add(app, &app.settings.tenant, wanted, &actor);
            added.await.map_err(|error| match error {
                webhooks::WebhookError::Rows(error) => error,
                error => RowsError::Database(error.to_string()),
            })?;
        }
        let accounts = self.apps.len();
        tell(format!(
            "{} events go to webhooks",
            share as usize * accounts
        ));
        // The process must notice the new webhooks first.
        self.chat_to(&receiver, 1, Duration::ZERO).await?;
        let begun = Instant::now();
        let all = self.chat_to(&receiver, share, Duration::ZERO).await?;
        let delivered_per_s = all.len() as f64 / begun.elapsed().as_secs_f64();
        let every = HOOK_PACE * u32::try_from(accounts).unwrap_or(u32::MAX);
        let mut delays = self.chat_to(&receiver, share.min(PACED_MAX), every).await?;
        delays.sort_by(f64::total_cmp);
        Ok(Delivered {
            delivered_per_s,
            delivery_p50_ms: part(&delays, 50),
            delivery_p99_ms: part(&delays, 99),
        })
    }

    /// Lets every contact write `share` messages, waits for their delivery, and returns the delays.
    async fn chat_to(
        &self,
        receiver: &Receiver,
        share: u32,
        every: Duration,
    ) -> Result<Vec<f64>, BenchError> {
        for (_, number, contact) in &self.apps {
            self.sim.phone_chats(contact, number, share, every).await?;
        }
        let wanted = f64::from(share) * self.apps.len() as f64;
        let got = || async { receiver.count() as f64 };
        self.until("webhooks get events", wanted, got).await?;
        Ok(receiver.take())
    }

    async fn read_by_contacts(&self) -> Result<f64, BenchError> {
        let mut read = 0;
        for (_, _, contact) in &self.apps {
            read += self.sim.phone_inbox_len(contact).await?;
        }
        Ok(read as f64)
    }

    /// Waits until a counter reaches a value.
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

    /// Returns the sum of a metric over its labels, or 0 if the process does not answer.
    async fn count(&self, metrics: SocketAddr, name: &str) -> f64 {
        let all = process::scrape(metrics).await.unwrap_or_default();
        sum(&all, name)
    }

    async fn read(&self, pid: u32, metrics: SocketAddr) -> Reading {
        let counts = process::scrape(metrics).await.unwrap_or_default();
        let own = self.root.store.work();
        let with = |own: u64, name: &str| own as f64 + sum(&counts, name);
        Reading {
            at: Instant::now(),
            cpu_s: process::cpu_s(pid),
            statements: with(own.statements, "wmctl_db_statements_total"),
            waits: with(own.waits, "wmctl_db_waits_total"),
            writes: with(own.writes, "wmctl_db_writes_total"),
            transactions: with(own.transactions, "wmctl_db_transactions_total"),
        }
    }

    /// Removes the tenants of the benchmark.
    async fn clear(&self) -> Result<(), BenchError> {
        for (app, _, _) in &self.apps {
            let tenant = &app.settings.tenant;
            let audit = app.audit(
                &AuditActor::of_user(),
                "remove",
                Some(tenant),
                String::new(),
            );
            let purged = app.store.purge(tenant, &audit).await;
            purged.map_err(RowsError::of)?;
        }
        if self.pgbench.is_some() && self.root.store.backend() == "postgres" {
            self.root
                .store
                .drop_scratch()
                .await
                .map_err(RowsError::of)?;
        }
        self.root.close().await;
        Ok(())
    }
}

fn tenant(index: u32) -> TenantId {
    let name = format!("bench-{index}");
    name.parse().expect("the name is valid")
}

/// Returns the sum of a metric over its labels.
fn sum(counts: &Counts, name: &str) -> f64 {
    let of = counts.iter();
    let of = of.filter(|(key, _)| key.split('{').next() == Some(name));
    of.map(|(_, value)| value).sum()
}

/// Returns a percentile of sorted values.
fn part(sorted: &[f64], percent: usize) -> f64 {
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}
