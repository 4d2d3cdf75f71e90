//! An account with contacts and groups whose database is restored.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;
use wmctl::app::Stop;
use wmctl::app::event::Event;
use wmctl::app::events::{self, EventsOptions};
use wmctl::app::{App, Schema, Settings};
use wmctl::config::WhatsAppServer;
use wmctl::ops::logs::{self, EventLog};
use wmctl::ops::send::{self, Outgoing};
use wmctl::sim::{Addressing, Breach, SimConfig, Simulator};

use crate::support::program::{PATIENCE, Program};
use crate::support::wmctl::Wmctl;

const NUMBER: &str = "4915112345621";
const CONTACTS: [&str; 3] = ["4915112345701", "4915112345702", "4915112345703"];
const STRANGER: &str = "4915112345704";
pub(super) const LOOK: Duration = Duration::from_millis(25);
const PLAINLY: &[&str] = &["run"];

/// The machine that runs the account after a restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    /// The same machine, with its mark files.
    Same,
    /// A new machine, without mark files.
    Another,
}

pub(super) struct Scene {
    sim: Simulator,
    pub(super) wmctl: Wmctl,
    url: String,
    groups: Vec<String>,
    pub(super) run: Option<Program>,
    arguments: &'static [&'static str],
    /// The highest event number that a reader may have seen.
    highest: i64,
    log: Option<EventLog>,
    folder: TempDir,
}

impl Scene {
    /// Sets up a paired account that runs on a database whose schema is created here.
    pub(super) async fn set(url: Option<&str>) -> Self {
        Self::set_with(url, PLAINLY).await
    }

    /// Sets up the same, run with these arguments.
    pub(super) async fn set_with(url: Option<&str>, arguments: &'static [&'static str]) -> Self {
        Self::set_beside(url, arguments, SimConfig::default()).await
    }

    /// The same with such a server.
    pub(super) async fn set_beside(
        url: Option<&str>,
        arguments: &'static [&'static str],
        config: SimConfig,
    ) -> Self {
        let sim = Simulator::start(config).await.unwrap();
        sim.add_account(NUMBER, "Anna").await.unwrap();
        for contact in CONTACTS {
            sim.add_account(contact, "Somebody").await.unwrap();
        }
        let everybody = [&[NUMBER], &CONTACTS[..]].concat();
        let mut groups = Vec::new();
        for (name, addressing) in [("Lids", Addressing::Lid), ("Numbers", Addressing::Pn)] {
            let group = sim.create_group(name, &everybody, addressing);
            groups.push(group.await.unwrap().to_string());
        }
        let folder = tempfile::tempdir().unwrap();
        let mut scene = Self {
            wmctl: installation(&sim, folder.path()),
            sim,
            url: String::new(),
            groups,
            run: None,
            arguments,
            highest: 0,
            log: None,
            folder,
        };
        let file = format!("sqlite:{}", scene.wmctl.database().display());
        scene.lead_to(url.unwrap_or(&file));
        if url.is_some() {
            scene.wmctl.done(&["migrate", "up"]).await;
        }
        let mut pairing = scene.wmctl.start(&["pair"]);
        let qr = pairing.expect("a code", |line| line["event"] == "qr").await;
        let code = qr["code"].as_str().unwrap();
        scene.sim.scan(NUMBER, code).await.unwrap();
        assert!(pairing.ended().await.success(), "{}", pairing.log_tail());
        scene.start().await;
        scene
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Switches to another database from now on.
    pub(super) fn lead_to(&mut self, url: &str) {
        self.url = url.to_owned();
        self.wmctl.set("WMCTL_DATABASE_URL", url);
    }

    /// Moves the account to a machine, and returns the path of its SQLite database there.
    pub(super) fn move_to(&mut self, machine: Machine) -> PathBuf {
        if machine == Machine::Another {
            let folder = self.folder.path().join("another");
            std::fs::create_dir(&folder).unwrap();
            self.wmctl = installation(&self.sim, &folder);
            self.wmctl.set("WMCTL_DATABASE_URL", &self.url);
        }
        self.wmctl.database()
    }

    pub(super) async fn start(&mut self) {
        let mut run = self.wmctl.start(self.arguments);
        run.expect("connected", connected).await;
        self.run = Some(run);
    }

    pub(super) async fn stop(&mut self) {
        let mut run = self.run.take().unwrap();
        run.terminate().await;
        assert!(run.ended().await.success(), "{}", run.log_tail());
    }

    async fn app(&self) -> App {
        let settings = Settings {
            database: self.url.parse().unwrap(),
            tenant: "default".parse().unwrap(),
            server: WhatsAppServer::default(),
            device_name: "test".into(),
        };
        App::open(settings, Schema::Current).await.unwrap()
    }

    /// Sends `each` messages to each contact and each group, and one from each of them. All must be
    /// decrypted.
    pub(super) async fn talk(&mut self, when: &str, each: u32) {
        let app = self.app().await;
        let contacts = CONTACTS.map(|contact| format!("+{contact}"));
        let (mut told, mut heard) = (Vec::new(), BTreeSet::new());
        for to in contacts.iter().chain(&self.groups) {
            for number in 0..each {
                let text = format!("{when} {number} to {to}");
                let message = Outgoing {
                    to: to.clone(),
                    text: text.clone(),
                    idempotency_key: None,
                    expires_at: None,
                    force: false,
                };
                send::enqueue(&app, &message).await.unwrap();
                let readers = CONTACTS
                    .iter()
                    .filter(|contact| self.groups.contains(to) || to.ends_with(**contact));
                told.extend(readers.map(|reader| ((*reader).to_owned(), text.clone())));
            }
        }
        for contact in CONTACTS {
            for to in [NUMBER]
                .into_iter()
                .chain(self.groups.iter().map(String::as_str))
            {
                let text = format!("{when} from {contact} to {to}");
                self.sim.phone_sends(contact, to, &text).await.unwrap();
                heard.insert(text);
            }
        }
        let began = Instant::now();
        loop {
            let missing = self.unread(&told).await;
            let events = self.texts(&app).await;
            let absent: Vec<&String> = heard.difference(&events).collect();
            if missing.is_empty() && absent.is_empty() {
                break;
            }
            let log = self.wmctl.log();
            let log = &log[log.len().saturating_sub(4_000)..];
            assert!(
                began.elapsed() < PATIENCE,
                "{when}: not read {missing:?}, not heard {absent:?}: {log}"
            );
            tokio::time::sleep(LOOK).await;
        }
        self.look(&app).await;
        app.close().await;
    }

    async fn unread(&self, told: &[(String, String)]) -> Vec<(String, String)> {
        let mut read = BTreeSet::new();
        for contact in CONTACTS {
            for message in self.sim.phone_inbox(contact).await.unwrap() {
                read.extend(message.text.map(|text| (contact.to_owned(), text)));
            }
        }
        told.iter()
            .filter(|one| !read.contains(one))
            .cloned()
            .collect()
    }

    async fn texts(&self, app: &App) -> BTreeSet<String> {
        self.events(app)
            .await
            .into_iter()
            .filter_map(|event| event.text)
            .collect()
    }

    async fn events(&self, app: &App) -> Vec<Event> {
        let mut all = Vec::new();
        let mut tell = |event: Event| {
            all.push(event);
            ControlFlow::Continue(())
        };
        let told = events::events(app, &EventsOptions::default(), &Stop::new(), &mut tell).await;
        told.unwrap();
        all
    }

    /// Records what readers have seen so far.
    async fn look(&mut self, app: &App) {
        let events = self.events(app).await;
        let last = events.iter().map(|event| event.seq).max();
        self.highest = self.highest.max(last.unwrap_or(0));
        self.log = logs::current(app).await.unwrap();
        let log = self.log.as_ref().map(|log| log.log.clone());
        assert_eq!(events.last().map(|event| &event.log), Some(&log));
    }

    /// Chats after a restore, and checks everything.
    pub(super) async fn goes_on(&mut self, mark: &str) {
        self.goes_on_with_what_was_queued(mark).await;
        self.unbroken().await;
    }

    /// The same where the rows may still have a message as queued that has left since: it leaves
    /// once more under its id, with a new key.
    pub(super) async fn goes_on_with_what_was_queued(&mut self, mark: &str) {
        let (seen, before) = (self.highest, self.log.clone().expect("it ran"));
        self.talk("after", 4).await;
        let app = self.app().await;
        let log = logs::current(&app).await.unwrap().expect("it runs");
        assert_ne!(log.log, before.log, "the log is another one");
        assert_eq!(log.mark.as_deref(), Some(mark), "{log:?}");
        let events = self.events(&app).await;
        let is_fresh = |event: &&Event| {
            let text = event.text.as_deref();
            text.is_some_and(|text| text.starts_with("after"))
        };
        for Event { seq, log: of, .. } in events.iter().filter(is_fresh) {
            assert!(
                seen < *seq && log.first_seq <= *seq,
                "{seq} was told before"
            );
            assert_eq!(of.as_ref(), Some(&log.log), "{seq} says which log it is of");
        }
        let old = events.iter().filter(|event| event.seq <= seen);
        let old: BTreeSet<_> = old.map(|event| event.log.as_deref()).collect();
        assert_eq!(old, BTreeSet::from([Some(before.log.as_str())]));
        app.close().await;
        self.no_key_twice().await;
        // As a script reads them.
        let from_seq = seen.to_string();
        let told = self.wmctl.done(&["events", "--from-seq", &from_seq]).await;
        let told: Vec<Value> = told
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(told.last().unwrap()["log"], log.log);
        let checks = self.wmctl.output(&["doctor", "--offline"]).await;
        let said = String::from_utf8(checks.stdout).unwrap();
        let restore = said.lines().find(|line| line.contains("\"restore\""));
        let restore = restore.unwrap_or_else(|| panic!("doctor says nothing of it: {said}"));
        assert!(
            restore.contains(mark) && restore.contains(&log.since),
            "{restore}"
        );
        assert!(
            self.wmctl
                .log()
                .contains("the database is older than what was sent from it")
        );
    }

    /// Checks that no key was used twice. After a restore, what was queued leaves once more.
    pub(super) async fn no_key_twice(&self) {
        let again = |breach: &Breach| matches!(breach, Breach::OtherCiphertext { .. });
        let mut breaches = self.sim.breaches().await.unwrap();
        breaches.retain(|breach| !again(breach));
        assert_eq!(breaches, Vec::<Breach>::new());
    }

    /// Checks that the account continues as if nothing had happened.
    pub(super) async fn is_the_same(&mut self) {
        let before = self.log.clone();
        self.talk("after", 2).await;
        assert_eq!(self.log, before);
        self.unbroken().await;
        let asked = self.retries().await;
        assert_eq!(asked, 0, "nobody had to ask for anything again");
    }

    pub(super) async fn retries(&self) -> usize {
        let journal = self.sim.journal().await.unwrap();
        let retry = |kind: &Option<String>| kind.as_deref() == Some("retry");
        journal
            .iter()
            .filter(|entry| entry.tag == "receipt" && retry(&entry.kind))
            .count()
    }

    /// Strangers ask for the account's keys until it has to upload fresh ones, and has.
    pub(super) async fn use_up_keys(&self) {
        let devices = self.sim.devices(NUMBER).await.unwrap();
        let ours = &devices[1];
        let times = ours.one_time_keys - 1;
        self.sim.hand_out_keys(&ours.jid, times).await.unwrap();
        let began = Instant::now();
        while self.sim.devices(NUMBER).await.unwrap()[1].one_time_keys <= 1 {
            assert!(began.elapsed() < PATIENCE, "no keys are uploaded");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Somebody new writes, who is given keys by the server.
    pub(super) async fn a_stranger_writes(&self) {
        self.sim.add_account(STRANGER, "Stranger").await.unwrap();
        let text = "from a stranger";
        self.sim.phone_sends(STRANGER, NUMBER, text).await.unwrap();
        let app = self.app().await;
        let began = Instant::now();
        while !self.texts(&app).await.contains(text) {
            assert!(began.elapsed() < PATIENCE, "a stranger is not heard");
            tokio::time::sleep(LOOK).await;
        }
        app.close().await;
    }

    /// Checks that no key and no pre-key id was used twice, and that no recipient was left out.
    pub(super) async fn unbroken(&self) {
        assert_eq!(self.sim.breaches().await.unwrap(), Vec::<Breach>::new());
    }
}

pub(super) fn connected(line: &Value) -> bool {
    line["type"] == "status" && line["state"] == "connected"
}

fn installation(sim: &Simulator, folder: &Path) -> Wmctl {
    let mut wmctl = Wmctl::in_folder(folder);
    wmctl.set("WMCTL_SERVER", &sim.ws_url());
    wmctl.set("WMCTL_ROOT_KEY", sim.root_key());
    wmctl.set("WMCTL_LOG_LEVEL", "wmctl=info,warn");
    wmctl
}
