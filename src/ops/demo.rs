//! All of it in small: a simulated WhatsApp, an account that is paired and run, contacts that chat
//! both ways, a kill in the middle, and an account of what became of every message.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use crate::config::{DatabaseUrl, Server};
use crate::ids::TenantId;
use crate::ops::Stop;
use crate::ops::ledger::{GatherError, Ledger, Moment, Violations};
use crate::ops::open::{App, RowsError, Schema, Settings};
use crate::ops::pair::{self, PairError, PairOptions, PairStep};
use crate::ops::send::{self, Outgoing, SendError};
use crate::ops::simulated_phone::{self, Shown};
use crate::sim::{Direction, Entry};
use crate::sim::{SimConfig, SimError, Simulator};

/// Whose account it is.
const TENANT: &str = "demo";
/// The phone that scans the code; from the range for fiction.
const NUMBER: &str = "15555550100";
/// How often traffic is put in and progress is looked at.
const TICK: Duration = Duration::from_millis(20);
/// Without progress for this long the demonstration ends and tells what is missing.
const STALL_MS: u64 = 60_000;
/// How long the process may take to stop when it is asked to.
const STOP_TIME_MAX: Duration = Duration::from_secs(25);
/// Events that are read at once.
const EVENTS_MAX: u32 = 500;

/// What to show.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// The binary that is run and killed.
    pub program: PathBuf,
    /// Messages each way.
    pub messages: u32,
    /// Messages a second, each way.
    pub rate: u32,
    pub contacts: u32,
    /// How often the running process is killed, spread over the traffic.
    pub kills: u32,
}

/// What happens on the way.
#[derive(Debug)]
pub enum DemoStep {
    Simulator { url: String },
    Pairing(PairStep),
    Started { pid: u32 },
    Traffic { done: u64, total: u64 },
    Killed { pid: u32, done: u64 },
    Settled,
}

/// What became of the messages, read from the simulator's journal and the database.
#[derive(Clone, Debug, Serialize)]
pub struct DemoReport {
    /// Messages that contacts read.
    pub sent: u64,
    pub sent_of: u64,
    /// Messages that became events.
    pub received: u64,
    pub received_of: u64,
    pub kills: u64,
    pub violations: Violations,
    /// From each kill to the next login, seconds.
    pub recovery_s: Vec<f64>,
    /// From the first message to the last.
    pub took_s: f64,
}

impl DemoReport {
    /// Everything arrived once.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
            && self.sent == self.sent_of
            && self.received == self.received_of
            && self.recovery_s.len() as u64 == self.kills
    }
}

/// Why the demonstration did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("make a temporary folder")]
    Folder(#[source] std::io::Error),
    #[error(transparent)]
    Simulator(#[from] SimError),
    #[error(transparent)]
    Rows(#[from] RowsError),
    #[error(transparent)]
    Pair(#[from] PairError),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error("start {}: {source}", program.display())]
    Start {
        program: PathBuf,
        source: std::io::Error,
    },
    #[error("the running process ended by itself with {status}; its log: {}", log.display())]
    Ended {
        status: std::process::ExitStatus,
        log: PathBuf,
    },
    #[error("interrupted")]
    Stopped,
}

impl From<GatherError> for DemoError {
    fn from(error: GatherError) -> Self {
        match error {
            GatherError::Simulator(error) => Self::Simulator(error),
            GatherError::Rows(error) => Self::Rows(error),
        }
    }
}

/// Runs the demonstration to its end. Everything it writes is in a temporary folder.
pub async fn demo(
    options: &DemoOptions,
    stop: &Stop,
    tell: &mut (dyn FnMut(DemoStep) + Send),
) -> Result<DemoReport, DemoError> {
    let folder = tempfile::tempdir().map_err(DemoError::Folder)?;
    let sim = Simulator::start(SimConfig::default()).await?;
    tell(DemoStep::Simulator { url: sim.ws_url() });
    sim.add_account(NUMBER, "Demo").await?;
    let mut contacts = Vec::new();
    for number in 1..=options.contacts.max(1) {
        let contact = format!("1555556{number:04}");
        sim.add_account(&contact, &format!("Contact {number}"))
            .await?;
        contacts.push(contact);
    }
    let app = open(folder.path(), &sim).await?;
    scan_and_pair(&app, &sim, stop, tell).await?;
    let mut show = Show {
        options,
        app,
        sim,
        contacts,
        folder,
        outbox: Vec::new(),
        received: 0,
        next_seq: 1,
        kills_ms: Vec::new(),
    };
    let result = show.run(stop, tell).await;
    if matches!(result, Err(DemoError::Ended { .. })) {
        // The log is named in the error.
        let _ = show.folder.keep();
    }
    show.sim.stop().await;
    result
}

async fn open(folder: &Path, sim: &Simulator) -> Result<App, DemoError> {
    let mut root_key = [0; 32];
    hex::decode_to_slice(sim.root_key(), &mut root_key).expect("a root key is 64 digits");
    let settings = Settings {
        database: DatabaseUrl::Sqlite(folder.join("wmctl.db")),
        tenant: TENANT.parse::<TenantId>().expect("the name is valid"),
        server: Server {
            url: sim.ws_url(),
            root_key: Some(root_key),
            ca_file: None,
        },
        device_name: String::from("wmctl demo"),
    };
    Ok(App::open(settings, Schema::Current).await?)
}

/// Pairs, with a simulated phone that scans each code that is shown.
async fn scan_and_pair(
    app: &App,
    sim: &Simulator,
    stop: &Stop,
    tell: &mut (dyn FnMut(DemoStep) + Send),
) -> Result<(), DemoError> {
    let (shown, codes) = mpsc::unbounded_channel();
    let mut tell = |step: PairStep| {
        if let Some(code) = Shown::of(&step) {
            // The phone may have stopped looking.
            let _ = shown.send(code);
        }
        tell(DemoStep::Pairing(step));
    };
    let phone = simulated_phone::answer(codes, async |shown| match shown {
        Shown::Qr(code) => sim.scan(NUMBER, &code).await.map(|_| ()),
        Shown::Code(code) => sim.type_code(NUMBER, &code).await,
    });
    let options = PairOptions {
        phone: None,
        replace: false,
        simulator: None,
    };
    tokio::select! {
        paired = pair::pair(app, &options, stop, &mut tell) => paired.map(|_| ())?,
        scanned = phone => scanned?,
    }
    Ok(())
}

/// A demonstration whose account is paired.
struct Show<'a> {
    options: &'a DemoOptions,
    app: App,
    sim: Simulator,
    contacts: Vec<String>,
    folder: TempDir,
    /// Id and text of what was put into the outbox.
    outbox: Vec<(String, String)>,
    /// Message events so far.
    received: u64,
    next_seq: i64,
    /// When the process was killed (milliseconds since 1970).
    kills_ms: Vec<i64>,
}

impl Show<'_> {
    async fn run(
        &mut self,
        stop: &Stop,
        tell: &mut (dyn FnMut(DemoStep) + Send),
    ) -> Result<DemoReport, DemoError> {
        let mut child = self.start(tell)?;
        let began_ms = self.mono_ms();
        self.start_chats().await?;
        self.traffic(&mut child, began_ms, stop, tell).await?;
        let took_ms = self.mono_ms() - began_ms;
        tell(DemoStep::Settled);
        self.end(child).await;
        let ledger = Ledger::gather(&self.app, &self.sim, &self.contacts, &self.outbox).await?;
        let journal = self.sim.journal().await?;
        Ok(self.report(&ledger, &journal, took_ms))
    }

    /// Puts messages in, watches them come out, and kills the process on the way.
    async fn traffic(
        &mut self,
        child: &mut Child,
        began_ms: u64,
        stop: &Stop,
        tell: &mut (dyn FnMut(DemoStep) + Send),
    ) -> Result<(), DemoError> {
        let total = 2 * u64::from(self.options.messages);
        let mut last = (0, began_ms);
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                biased;
                () = stop.asked() => return Err(DemoError::Stopped),
                ended = child.wait() => return Err(self.ended(ended)),
                _ = tick.tick() => (),
            }
            let now_ms = self.mono_ms();
            self.put_in(now_ms - began_ms).await?;
            let done = self.done().await?;
            tell(DemoStep::Traffic { done, total });
            if done != last.0 {
                last = (done, now_ms);
            }
            let stalled = STALL_MS < now_ms - last.1;
            if stalled || (total <= done && self.is_flushed().await?) {
                return Ok(());
            }
            let kills = self.kills_ms.len() as u64;
            let next = total * (kills + 1) / (u64::from(self.options.kills) + 1);
            if kills < u64::from(self.options.kills) && next <= done {
                let pid = child.id().unwrap_or_default();
                self.kills_ms.push(self.app.surroundings.clock.unix_ms());
                // SIGKILL: the process gets no chance to put anything in order.
                let killed = child.kill().await;
                killed.map_err(|source| self.not_started(source))?;
                tell(DemoStep::Killed { pid, done });
                *child = self.start(tell)?;
            }
        }
    }

    fn start(&self, tell: &mut (dyn FnMut(DemoStep) + Send)) -> Result<Child, DemoError> {
        let failed = |source| self.not_started(source);
        let config = self.folder.path().join("config.toml");
        // An empty one keeps the user's own away.
        File::create(&config).map_err(failed)?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .map_err(failed)?;
        let database = self.folder.path().join("wmctl.db");
        let child = Command::new(&self.options.program)
            .arg("run")
            .args(["--tenant", TENANT, "--no-events"])
            .args(["--server", &self.sim.ws_url()])
            .args(["--root-key", self.sim.root_key()])
            .arg(format!("--database-url=sqlite:{}", database.display()))
            .arg("--config")
            .arg(&config)
            .env_remove("WMCTL_SIMULATOR")
            .env_remove("WMCTL_CA_FILE")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        tell(DemoStep::Started {
            pid: child.id().unwrap_or_default(),
        });
        Ok(child)
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("run.log")
    }

    fn not_started(&self, source: std::io::Error) -> DemoError {
        DemoError::Start {
            program: self.options.program.clone(),
            source,
        }
    }

    fn ended(&self, ended: std::io::Result<std::process::ExitStatus>) -> DemoError {
        match ended {
            Ok(status) => DemoError::Ended {
                status,
                log: self.log(),
            },
            Err(source) => self.not_started(source),
        }
    }

    fn mono_ms(&self) -> u64 {
        self.app.surroundings.clock.mono_ms()
    }

    /// Lets every contact write its share.
    async fn start_chats(&self) -> Result<(), DemoError> {
        let contacts = u32::try_from(self.contacts.len()).unwrap_or(1);
        let rate = self.options.rate.max(1);
        let every = Duration::from_secs(1) * contacts / rate;
        for (index, contact) in (0..contacts).zip(&self.contacts) {
            let share = self.options.messages / contacts
                + u32::from(index < self.options.messages % contacts);
            self.sim.phone_chats(contact, NUMBER, share, every).await?;
        }
        Ok(())
    }

    /// Puts into the outbox what is due by now.
    async fn put_in(&mut self, elapsed_ms: u64) -> Result<(), DemoError> {
        let due = elapsed_ms * u64::from(self.options.rate.max(1)) / 1_000 + 1;
        let due = due.min(u64::from(self.options.messages));
        while (self.outbox.len() as u64) < due {
            let number = self.outbox.len();
            let message = Outgoing {
                to: format!("+{}", self.contacts[number % self.contacts.len()]),
                text: format!("answer {}", number + 1),
                idempotency_key: None,
            };
            let taken = send::enqueue(&self.app, &message).await?;
            self.outbox.push((taken.id, message.text));
        }
        Ok(())
    }

    /// Messages that came to their end so far, both ways.
    async fn done(&mut self) -> Result<u64, DemoError> {
        let tenant = &self.app.settings.tenant;
        let events = self
            .app
            .store
            .events(tenant, self.next_seq, EVENTS_MAX)
            .await;
        let events = events.map_err(RowsError::of)?;
        if let Some(last) = events.last() {
            self.next_seq = last.seq + 1;
        }
        let messages = events
            .iter()
            .filter(|event| event.kind == "message" && !event.from_me);
        self.received += messages.count() as u64;
        let mut read = 0;
        for contact in &self.contacts {
            read += self.sim.phone_inbox_len(contact).await? as u64;
        }
        Ok(self.received + read)
    }

    /// Whether nothing waits in the outbox.
    async fn is_flushed(&self) -> Result<bool, DemoError> {
        let open = self
            .app
            .store
            .outbox_open(&self.app.settings.tenant, 0)
            .await;
        Ok(open.map_err(RowsError::of)?.is_empty())
    }

    /// Ends the process in an orderly way.
    async fn end(&self, mut child: Child) {
        if let Some(pid) = child.id() {
            let mut kill = Command::new("kill");
            let asked = kill.args(["-TERM", &pid.to_string()]).status().await;
            if asked.is_ok_and(|status| status.success()) {
                let _ = tokio::time::timeout(STOP_TIME_MAX, child.wait()).await;
            }
        }
    }

    fn report(&self, ledger: &Ledger, journal: &[Entry], took_ms: u64) -> DemoReport {
        let login = |entry: &&Entry| entry.tag == "success" && entry.direction == Direction::Out;
        let logins: Vec<i64> = journal
            .iter()
            .filter(login)
            .map(|entry| entry.unix_ms)
            .collect();
        let recovery_ms = self.kills_ms.iter().filter_map(|killed_ms| {
            let next = logins.iter().find(|login_ms| killed_ms <= *login_ms)?;
            u32::try_from(next - killed_ms).ok()
        });
        DemoReport {
            sent: ledger.read.len() as u64,
            sent_of: u64::from(self.options.messages),
            received: ledger.events.len() as u64,
            received_of: ledger.received.len() as u64,
            kills: self.kills_ms.len() as u64,
            violations: ledger.violations(Moment::Settled),
            recovery_s: recovery_ms.map(|ms| f64::from(ms) / 1_000.0).collect(),
            took_s: u32::try_from(took_ms).map_or(f64::NAN, f64::from) / 1_000.0,
        }
    }
}
