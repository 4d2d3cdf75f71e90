//! The common part of demonstrations and drills: a simulated WhatsApp, a paired account, contacts
//! that chat in both directions, processes that are subject to faults, and an audit of every
//! message.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::app::Stop;
use crate::app::{App, RowsError, Schema, Settings};
use crate::config::{DatabaseUrl, DatabaseUrlError, WhatsAppServer};
use crate::ids::TenantId;
use crate::ops::pair::{self, PairError, PairOptions, PairStep};
use crate::ops::send::{self, Outgoing, SendError};
use crate::ops::tenants::TenantError;
use crate::rehearsal::audit::{DeliveryAudit, GatherError};
use crate::rehearsal::simulated_phone::{self, Shown};
use crate::sim::{SimConfig, SimError, Simulator};

pub(crate) mod host;
pub(crate) mod leftovers;
pub(crate) mod overlap;
pub(crate) mod proxy;

/// Number of the simulated phone, from a range reserved for fictional use.
const NUMBER: &str = "15555550100";
/// Events that are read per query.
const EVENTS_MAX: u32 = 500;

/// Why a rehearsal or a measurement failed.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// The temporary folder cannot be used.
    #[error("use a temporary folder")]
    Folder(#[from] std::io::Error),
    /// The simulator failed.
    #[error(transparent)]
    Simulator(#[from] SimError),
    /// The database failed.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// An account could not be paired.
    #[error(transparent)]
    Pair(#[from] PairError),
    /// A message could not be put into the outbox.
    #[error(transparent)]
    Send(#[from] SendError),
    /// A tenant could not be added or removed.
    #[error(transparent)]
    Tenant(#[from] TenantError),
    /// The binary cannot be started.
    #[error("start {}: {source}", program.display())]
    Start {
        program: PathBuf,
        source: std::io::Error,
    },
    /// A process of the rehearsal ended unexpectedly. Its log is kept.
    #[error("the running process ended by itself with {status}; its log: {}", log.display())]
    Ended {
        status: std::process::ExitStatus,
        log: PathBuf,
    },
    /// No standby took over in time (s). The log is kept.
    #[error("nobody took over within {0} s; the log of the processes: {1}")]
    NoTakeover(u64, PathBuf),
    /// The database has tenants; a benchmark needs an empty one.
    #[error("the database holds tenants: a measurement needs one of its own")]
    NotEmpty,
    /// No progress was made for a minute. The log is kept.
    #[error("nothing moved for a minute while {doing}; the log: {}", log.display())]
    Stalled { doing: &'static str, log: PathBuf },
    /// pgbench failed.
    #[error("pgbench ended with {status}: {said}")]
    Pgbench {
        status: std::process::ExitStatus,
        said: String,
    },
    /// The database URL is invalid.
    #[error(transparent)]
    Url(#[from] DatabaseUrlError),
    /// The caller requested a stop.
    #[error("interrupted")]
    Stopped,
}

/// Pairs an account, with a simulated phone that scans each code.
pub(crate) async fn pair(
    app: &App,
    sim: &Simulator,
    number: &str,
    stop: &Stop,
    tell: &mut (dyn FnMut(PairStep) + Send),
) -> Result<(), RehearsalError> {
    let (shown, codes) = mpsc::unbounded_channel();
    let mut tell = |step: PairStep| {
        if let Some(code) = Shown::of(&step) {
            // Sending fails if the phone has given up.
            let _ = shown.send(code);
        }
        tell(step);
    };
    let phone = simulated_phone::answer(codes, async |shown| match shown {
        Shown::Qr(code) => sim.scan(number, &code).await.map(|_| ()),
        Shown::Code(code) => sim.type_code(number, &code).await,
    });
    let options = PairOptions {
        create: true,
        phone: None,
        replace: false,
    };
    tokio::select! {
        paired = pair::pair(app, &options, stop, &mut tell) => paired.map(|_| ())?,
        scanned = phone => scanned?,
    }
    Ok(())
}

impl From<GatherError> for RehearsalError {
    fn from(error: GatherError) -> Self {
        match error {
            GatherError::Simulator(error) => Self::Simulator(error),
            GatherError::Rows(error) => Self::Rows(error),
        }
    }
}

/// A simulated WhatsApp, one account, and its contacts.
pub(crate) struct Stage {
    pub(crate) app: App,
    pub(crate) sim: Simulator,
    /// The binary to run.
    pub(crate) program: PathBuf,
    /// Folder for logs, and for the SQLite database if there is no other.
    pub(crate) folder: TempDir,
    contacts: Vec<String>,
    /// Id and text of each message that was put into the outbox.
    outbox: Vec<(String, String)>,
    /// Message events so far.
    received: u64,
    next_seq: i64,
}

impl Stage {
    /// Creates a stage with the tenant's rows in `database`, or in a new SQLite file.
    pub(crate) async fn set(
        program: &Path,
        database: Option<DatabaseUrl>,
        tenant: TenantId,
        contacts: u32,
    ) -> Result<Self, RehearsalError> {
        let folder = leftovers::folder()?;
        let sim = Simulator::start(SimConfig::default()).await?;
        sim.add_account(NUMBER, "Rehearsal").await?;
        let mut numbers = Vec::new();
        for number in 1..=contacts.max(1) {
            let contact = format!("1555556{number:04}");
            sim.add_account(&contact, &format!("Contact {number}"))
                .await?;
            numbers.push(contact);
        }
        let mut root_key = [0; 32];
        hex::decode_to_slice(sim.root_key(), &mut root_key).expect("a root key is 64 digits");
        let own = DatabaseUrl::Sqlite(folder.path().join("wmctl.db"));
        let settings = Settings {
            database: database.unwrap_or(own),
            device_name: format!("wmctl {tenant}"),
            tenant,
            server: WhatsAppServer {
                url: sim.ws_url(),
                root_key: Some(root_key),
                ca_file: None,
                client_version: None,
                proxy: None,
            },
        };
        Ok(Self {
            app: App::open(settings, Schema::Current).await?,
            sim,
            program: program.to_owned(),
            folder,
            contacts: numbers,
            outbox: Vec::new(),
            received: 0,
            next_seq: 1,
        })
    }

    /// Pairs the account, with a simulated phone that scans each code.
    pub(crate) async fn pair(
        &self,
        stop: &Stop,
        tell: &mut (dyn FnMut(PairStep) + Send),
    ) -> Result<(), RehearsalError> {
        pair(&self.app, &self.sim, NUMBER, stop, tell).await
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("run.log")
    }

    pub(crate) fn mono_ms(&self) -> u64 {
        self.app.surroundings.clock.mono_ms()
    }

    /// Makes the contacts write `messages` in total, at `rate` messages per second in total.
    pub(crate) async fn start_chats(&self, messages: u32, rate: u32) -> Result<(), RehearsalError> {
        let contacts = u32::try_from(self.contacts.len()).unwrap_or(1);
        let every = Duration::from_secs(1) * contacts / rate.max(1);
        for (index, contact) in (0..contacts).zip(&self.contacts) {
            let share = messages / contacts + u32::from(index < messages % contacts);
            self.sim.phone_chats(contact, NUMBER, share, every).await?;
        }
        Ok(())
    }

    /// Puts messages into the outbox until there are `due` in total.
    pub(crate) async fn put_in(&mut self, due: u64) -> Result<(), RehearsalError> {
        while (self.outbox.len() as u64) < due {
            let number = self.outbox.len();
            let message = Outgoing {
                to: format!("+{}", self.contacts[number % self.contacts.len()]),
                text: format!("answer {}", number + 1),
                // The key makes a retry safe if the result of the first attempt is unknown.
                idempotency_key: Some(format!("answer {}", number + 1)),
                ..Outgoing::default()
            };
            let taken = send::enqueue(&self.app, &message).await?;
            self.outbox.push((taken.id, message.text));
        }
        Ok(())
    }

    /// Returns the number of completed messages in both directions.
    pub(crate) async fn done(&mut self) -> Result<u64, RehearsalError> {
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

    /// Returns whether no message waits in the outbox.
    pub(crate) async fn is_flushed(&self) -> Result<bool, RehearsalError> {
        let tenant = &self.app.settings.tenant;
        let open = self.app.store.outbox_open(tenant, 0).await;
        Ok(open.map_err(RowsError::of)?.is_empty())
    }

    /// Gathers the audit ledger of all messages.
    pub(crate) async fn ledger(&self) -> Result<DeliveryAudit, RehearsalError> {
        Ok(DeliveryAudit::gather(&self.app, &self.sim, &self.contacts, &self.outbox).await?)
    }

    /// Stops everything. Keeps the folder with the log if `keep_log` is set.
    pub(crate) async fn end(self, keep_log: bool) {
        self.app.close().await;
        if keep_log {
            leftovers::keep(self.folder);
        }
        self.sim.stop().await;
    }
}
