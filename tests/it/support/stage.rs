//! An account with contacts that write to it, and applications that answer.

use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;
use wmctl::app::{App, RowsError, Schema, Settings};
use wmctl::config::{DatabaseUrl, WhatsAppServer};
use wmctl::ops::send::{self, Outgoing, SendError};
use wmctl::rehearsal::audit::{DeliveryAudit, GatherError, Moment, Violations};
use wmctl::sim::{Addressing, ConnectionEnd, Direction, Entry, SimConfig, Simulator};

use super::program::{PATIENCE, Program};
use super::wmctl::Wmctl;

pub(crate) const NUMBER: &str = "4915112345621";
const CONTACTS: u32 = 4;
/// Polling interval for progress.
const LOOK: Duration = Duration::from_millis(25);

pub(crate) struct Stage {
    pub(crate) sim: Simulator,
    pub(crate) wmctl: Wmctl,
    /// The same rows, as an application on the same machine opens them.
    app: App,
    contacts: Vec<String>,
    /// A group with all contacts, which receives some of the messages.
    group: String,
    outbox: Vec<(String, String)>,
    /// Expected number of reads of outbox messages by contacts.
    readings: usize,
    _folder: TempDir,
}

impl Stage {
    /// Creates a paired account without a running process, on SQLite.
    pub(crate) async fn set() -> Self {
        Self::set_on(None).await
    }

    /// Creates the same on a database; its schema must be current.
    pub(crate) async fn set_on(database: Option<&str>) -> Self {
        let sim = Simulator::start(SimConfig::default()).await.unwrap();
        sim.add_account(NUMBER, "Anna").await.unwrap();
        let contacts: Vec<String> = (0..CONTACTS)
            .map(|index| format!("49151123457{index:02}"))
            .collect();
        for contact in &contacts {
            sim.add_account(contact, "Somebody").await.unwrap();
        }
        let everybody = contacts.iter().map(String::as_str);
        let everybody: Vec<&str> = [NUMBER].into_iter().chain(everybody).collect();
        let group = sim.create_group("Everybody", &everybody, Addressing::Lid);
        let group = group.await.unwrap().to_string();
        let folder = tempfile::tempdir().unwrap();
        let mut wmctl = Wmctl::in_folder(folder.path());
        wmctl.set("WMCTL_SERVER", &sim.ws_url());
        wmctl.set("WMCTL_ROOT_KEY", sim.root_key());
        wmctl.set("WMCTL_LOG_LEVEL", "wmctl=info,warn");
        if let Some(url) = database {
            wmctl.set("WMCTL_DATABASE_URL", url);
            wmctl.done(&["migrate", "up"]).await;
        }
        let mut pairing = wmctl.start(&["pair"]);
        let qr = pairing.expect("a code", |line| line["event"] == "qr").await;
        sim.scan(NUMBER, qr["code"].as_str().unwrap())
            .await
            .unwrap();
        assert!(pairing.ended().await.success(), "{}", pairing.log_tail());
        let settings = Settings {
            database: match database {
                Some(url) => url.parse().unwrap(),
                None => DatabaseUrl::Sqlite(wmctl.database()),
            },
            tenant: "default".parse().unwrap(),
            server: WhatsAppServer::default(),
            device_name: "test".into(),
        };
        Self {
            app: App::open(settings, Schema::Current).await.unwrap(),
            sim,
            wmctl,
            contacts,
            group,
            outbox: Vec::new(),
            readings: 0,
            _folder: folder,
        }
    }

    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    /// Closes this application's connections to the database.
    pub(crate) async fn let_go(&self) {
        self.app.close().await;
    }

    /// Opens the database again.
    pub(crate) async fn take_up(&mut self) {
        let settings = self.app.settings.clone();
        self.app = App::open(settings, Schema::Current).await.unwrap();
    }

    /// Returns the number of a contact.
    pub(crate) fn contact(&self, index: usize) -> &str {
        &self.contacts[index % self.contacts.len()]
    }

    pub(crate) fn run(&self) -> Program {
        self.wmctl.start(&["run", "--no-events"])
    }

    /// Makes the contacts write `messages` in total, `rate` per second; the last contact writes to
    /// the group.
    pub(crate) async fn start_chats(&self, messages: u32, rate: u32) {
        let every = Duration::from_secs(1) * CONTACTS / rate;
        for (index, contact) in (0..CONTACTS).zip(&self.contacts) {
            let share = messages / CONTACTS + u32::from(index < messages % CONTACTS);
            let last = index + 1 == CONTACTS;
            let to = if last { &self.group } else { NUMBER };
            self.sim
                .phone_chats(contact, to, share, every)
                .await
                .unwrap();
        }
    }

    /// Puts one message into the outbox; each fifth is for the group.
    pub(crate) async fn put_in(&mut self) {
        let number = self.outbox.len();
        let grouped = number % 5 == 4;
        self.readings += if grouped { self.contacts.len() } else { 1 };
        let message = Outgoing {
            to: match grouped {
                true => self.group.clone(),
                false => format!("+{}", self.contacts[number % self.contacts.len()]),
            },
            text: format!("answer {number}"),
            // An application retries until it knows that the message was stored.
            idempotency_key: Some(format!("answer {number}")),
            ..Outgoing::default()
        };
        let begun = Instant::now();
        let taken = loop {
            match send::enqueue(&self.app, &message).await {
                Ok(taken) => break taken,
                Err(SendError::Rows(error)) if begun.elapsed() < PATIENCE => {
                    assert!(matches!(error, RowsError::Database(_)), "{error}");
                    tokio::time::sleep(LOOK).await;
                }
                Err(error) => panic!("{error}"),
            }
        };
        self.outbox.push((taken.id, message.text));
    }

    /// Returns how many messages were put into the outbox.
    pub(crate) fn put(&self) -> u32 {
        u32::try_from(self.outbox.len()).unwrap()
    }

    /// Returns both sides of the traffic so far.
    pub(crate) async fn ledger(&self) -> DeliveryAudit {
        let begun = Instant::now();
        loop {
            let gathered =
                DeliveryAudit::gather(&self.app, &self.sim, &self.contacts, &self.outbox).await;
            match gathered {
                Ok(ledger) => return ledger,
                Err(GatherError::Rows(_)) if begun.elapsed() < PATIENCE => {
                    tokio::time::sleep(LOOK).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Waits until the first message arrived and all messages put in are sent.
    pub(crate) async fn flows(&self) {
        let first = async {
            loop {
                let ledger = self.ledger().await;
                if !ledger.events.is_empty() && ledger.sent.len() == self.outbox.len() {
                    break;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(PATIENCE, first)
            .await
            .expect("messages come in and go out");
    }

    /// Waits until the account confirms a message to the server, for at most `patience`.
    pub(crate) async fn next_confirmation(&self, patience: Duration) {
        const LOOK: Duration = Duration::from_micros(500);
        let mut seen = self.sim.journal().await.unwrap().len();
        let confirmed = async {
            loop {
                let page = self.sim.journal_page(seen, 1_000).await.unwrap();
                seen += page.len();
                let receipt =
                    |entry: &Entry| entry.direction == Direction::In && entry.tag == "receipt";
                if page.iter().any(receipt) {
                    break;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        // Without a confirmation, any moment is as good.
        let _ = tokio::time::timeout(patience, confirmed).await;
    }

    /// Returns the violations while messages are in transit.
    pub(crate) async fn violations(&self) -> Violations {
        self.ledger().await.violations(Moment::Killed)
    }

    /// Waits until `messages` arrived, and all outbox messages were sent and read. Returns the
    /// violations. Fails after a minute without progress.
    pub(crate) async fn settled(&self, messages: u32) -> Violations {
        self.settle(messages, false).await
    }

    /// The same, but forces a new login after a time without progress, because the server sends
    /// unconfirmed messages again only at a login.
    pub(crate) async fn settled_with_logins(&self, messages: u32) -> Violations {
        self.settle(messages, true).await
    }

    async fn settle(&self, messages: u32, logins: bool) -> Violations {
        // Grows with each login, because the account waits longer after each.
        let mut patience = Duration::from_secs(2);
        let mut last = (0, Instant::now());
        let mut quiet = Instant::now();
        loop {
            let ledger = self.ledger().await;
            let done = ledger.events.len() + ledger.read.len() + ledger.sent.len();
            let complete = ledger.received.len() == messages as usize
                && ledger.received.len() <= ledger.events.len()
                && self.readings <= ledger.read.len()
                && self.outbox.len() <= ledger.sent.len();
            if done != last.0 {
                last = (done, Instant::now());
                quiet = Instant::now();
            }
            if complete || PATIENCE < last.1.elapsed() {
                let violations = ledger.violations(Moment::Settled);
                assert_eq!(ledger.received.len(), messages as usize, "{violations:#?}");
                let read = ledger.read.len();
                assert_eq!(
                    read, self.readings,
                    "each by all it is for: {violations:#?}"
                );
                return violations;
            }
            if logins && patience < quiet.elapsed() {
                if 0 < self.sim.end(NUMBER, ConnectionEnd::Cut).await.unwrap() {
                    patience *= 2;
                }
                quiet = Instant::now();
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
