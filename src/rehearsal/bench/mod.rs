//! How much one process does: messages in and out through real rows, what they cost, how long a
//! start takes.
//!
//! The simulator and its contacts run in this process; `wmctl serve` is a child, so that what it
//! costs can be told apart. Both share the machine: it is a floor of what the child could do.

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
use crate::config::{DatabaseUrl, Server};
use crate::ids::TenantId;
use crate::ops::actor::Actor;
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

/// How often progress is looked at.
const TICK: Duration = Duration::from_millis(10);
/// Without progress for this long the measurement ends.
const STALL_MS: u64 = 60_000;
/// Time between two events of all accounts together while delays are measured, and most of each
/// account.
const HOOK_PACE: Duration = Duration::from_millis(20);
const PACED_MAX: u32 = 100;
/// Messages that are put in at the same time.
const WRITERS: usize = 8;
/// Accounts that are paired at the same time.
const PAIRINGS: usize = 8;

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
    /// Deliver what comes in to a webhook of each account too, so many events in a request.
    pub webhooks: Option<u32>,
    /// PostgreSQL's `pgbench`; without it the one on `PATH` is taken if there is one.
    pub pgbench: Option<PathBuf>,
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
    /// What the database is asked a message, its answers and receipts included: statements, waits
    /// for a server (none on a file), transactions that write.
    pub received_statements: f64,
    pub sent_statements: f64,
    pub received_round_trips: Option<f64>,
    pub sent_round_trips: Option<f64>,
    pub received_units: f64,
    pub sent_units: f64,
    /// Until a message that is put in is durable: half of them, and all but one in a hundred,
    /// milliseconds.
    pub taken_p50_ms: f64,
    pub taken_p99_ms: f64,
    /// Memory of the process while nobody writes, megabytes, and what each account adds to it,
    /// kilobytes.
    pub idle_mb: Option<f64>,
    pub idle_account_kb: Option<f64>,
    /// Our transactions a second as a part of those that `pgbench` makes on the same server, with
    /// as many row writes in each.
    pub received_of_pgbench: Option<f64>,
    pub sent_of_pgbench: Option<f64>,
    #[serde(flatten)]
    pub webhooks: Option<Delivered>,
}

/// Measures each number of accounts; `tell` hears what is being done.
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
    /// As the child is told it.
    url: String,
    database: DatabaseUrl,
    pgbench: Option<PathBuf>,
    folder: TempDir,
    sim: Simulator,
    /// One for each account, with the numbers of account and contact.
    apps: Vec<(App, String, String)>,
    root: App,
}

/// What was used and done up to a moment.
#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Instant,
    /// Of the child.
    cpu_s: Option<f64>,
    /// What the child asked of the database, and this process, which puts messages in.
    statements: f64,
    waits: f64,
    writes: f64,
    transactions: f64,
}

/// What a message took.
#[derive(Clone, Copy, Debug)]
struct Spent {
    per_s: f64,
    cpu_ms: Option<f64>,
    statements: f64,
    waits: f64,
    writes: f64,
    transactions: f64,
}

impl Spent {
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
            server: Server {
                url: sim.ws_url(),
                root_key: Some(root_key),
                ca_file: None,
                client_version: None,
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

    /// Pairs, measures, and leaves the database as it was.
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
            // The log is named in the error.
            leftovers::keep(self.folder);
        }
        let row = result?;
        cleared.map(|()| row)
    }

    /// What a process without any account needs (kilobytes).
    async fn empty_kb(&self) -> Result<Option<f64>, BenchError> {
        let (mut child, metrics) = self.start().await?;
        let answers = || async { f64::from(process::scrape(metrics).await.is_some()) };
        self.until("the process starts", 1.0, answers).await?;
        let Some(pid) = child.id() else {
            return Ok(None);
        };
        let memory_kb = process::memory_kb(pid);
        // It leaves in good order: others would wait for a host that is gone.
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
        // The first message each way sets ratchets up.
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
        // pgbench has the machine for itself.
        drop(child);
        let received = Spent::between(&before, &between, all);
        let sent = Spent::between(&between, &after, all);
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
        spent: &Spent,
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
            .args(["--ends-with", &std::process::id().to_string()])
            .args(["--http", &metrics.to_string(), "--connecting", "64"])
            .args(["--webhook-allow", "127.0.0.0/8"])
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
    /// How long each took until it was durable (milliseconds).
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

    /// Has every contact write to accounts with webhooks, at once and then now and then.
    async fn deliver(
        &self,
        share: u32,
        batch: u32,
        tell: &mut (dyn FnMut(String) + Send),
    ) -> Result<Delivered, BenchError> {
        let receiver = Receiver::start(self.root.surroundings.clone()).await?;
        let actor = Actor::of_user();
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
        // The process has to notice them first.
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

    /// Has every contact write so often, and waits until the webhooks have it; the delays.
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

    /// Leaves the database as it was.
    async fn clear(&self) -> Result<(), BenchError> {
        for (app, _, _) in &self.apps {
            let tenant = &app.settings.tenant;
            let audit = app.audit(&Actor::of_user(), "remove", Some(tenant), String::new());
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

/// The sum of a metric over its labels.
fn sum(counts: &Counts, name: &str) -> f64 {
    let of = counts.iter();
    let of = of.filter(|(key, _)| key.split('{').next() == Some(name));
    of.map(|(_, value)| value).sum()
}

/// What so many of a hundred sorted values do not exceed.
fn part(sorted: &[f64], percent: usize) -> f64 {
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}
