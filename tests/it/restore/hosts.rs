//! A host that serves several tenants from one database, which is set back.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;
use wmctl::sim::{Addressing, Breach, SimConfig, Simulator};

use super::files::put_inside;
use crate::api::fleet::{phone, tenant};
use crate::support::postgres::Postgres;
use crate::support::program::{PATIENCE, Program};
use crate::support::wmctl::Wmctl;

const TENANTS: usize = 3;
const FRIEND: &str = "4915112345699";
const LOOK: Duration = Duration::from_millis(25);

struct Scene {
    sim: Simulator,
    wmctl: Wmctl,
    groups: Vec<String>,
    host: Option<Program>,
    folder: TempDir,
}

/// What a reader knows of a tenant's events.
#[derive(Debug)]
struct Read {
    highest: i64,
    log: String,
}

impl Scene {
    /// Tenants that are paired, with a friend and a group each, and a host that serves them.
    async fn set(url: Option<&str>) -> Self {
        let sim = Simulator::start(SimConfig::default()).await.unwrap();
        sim.add_account(FRIEND, "Friend").await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut wmctl = Wmctl::in_folder(folder.path());
        wmctl.set("WMCTL_SERVER", &sim.ws_url());
        wmctl.set("WMCTL_ROOT_KEY", sim.root_key());
        wmctl.set("WMCTL_LOG_LEVEL", "wmctl=info,warn");
        if let Some(url) = url {
            wmctl.set("WMCTL_DATABASE_URL", url);
            wmctl.done(&["migrate", "up"]).await;
        }
        let mut groups = Vec::new();
        for index in 0..TENANTS {
            sim.add_account(&phone(index), "Somebody").await.unwrap();
            let members = [phone(index), String::from(FRIEND)];
            let members: Vec<&str> = members.iter().map(String::as_str).collect();
            let group = sim.create_group("Trip", &members, Addressing::Lid).await;
            groups.push(group.unwrap().to_string());
            let mut pairing = wmctl.start(&["pair", "--create", "--tenant", &tenant(index)]);
            let qr = pairing.expect("a code", |line| line["event"] == "qr").await;
            let code = qr["code"].as_str().unwrap();
            sim.scan(&phone(index), code).await.unwrap();
            assert!(pairing.ended().await.success(), "{}", pairing.log_tail());
        }
        let mut scene = Self {
            sim,
            wmctl,
            groups,
            host: None,
            folder,
        };
        scene.start().await;
        scene
    }

    async fn start(&mut self) {
        let mut host = self.wmctl.start(&["serve", "--name", "a"]);
        host.expect("a host", |line| line["type"] == "host").await;
        self.host = Some(host);
        let began = Instant::now();
        loop {
            let list = self.wmctl.done(&["tenants", "list", "--json"]).await;
            let list: Value = serde_json::from_str(&list).unwrap();
            let list = list["items"].as_array().unwrap().clone();
            if list
                .iter()
                .filter(|one| one["state"] == "connected")
                .count()
                == TENANTS
            {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "not connected: {list:#?}");
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn stop(&mut self) {
        let mut host = self.host.take().unwrap();
        host.terminate().await;
        assert!(host.ended().await.success(), "{}", host.log_tail());
    }

    async fn events(&self, index: usize) -> Vec<Value> {
        let told = self
            .wmctl
            .done(&["events", "--tenant", &tenant(index)])
            .await;
        let told = told.lines().map(|line| serde_json::from_str(line).unwrap());
        told.collect()
    }

    /// So many messages of each tenant to the friend and the group, and one back from each.
    async fn talk(&self, when: &str, each: u32) -> Vec<Read> {
        let mut told = BTreeSet::new();
        for index in 0..TENANTS {
            for to in [format!("+{FRIEND}"), self.groups[index].clone()] {
                for number in 0..each {
                    let text = format!("{when} {number} of {index} to {to}");
                    let (name, to) = (tenant(index), to.as_str());
                    let send = ["send", "--tenant", &name, "--to", to, "--text", &text];
                    self.wmctl.done(&send).await;
                    told.insert(text);
                }
            }
            for to in [phone(index), self.groups[index].clone()] {
                let text = format!("{when} back");
                self.sim.phone_sends(FRIEND, &to, &text).await.unwrap();
            }
        }
        let began = Instant::now();
        loop {
            let inbox = self.sim.phone_inbox(FRIEND).await.unwrap();
            let read: BTreeSet<String> = inbox.into_iter().filter_map(|got| got.text).collect();
            let missing: Vec<&String> = told.difference(&read).collect();
            if missing.is_empty() {
                break;
            }
            let late = began.elapsed();
            assert!(
                late < PATIENCE,
                "{when}: not read {missing:?}: {}",
                self.wmctl.log()
            );
            tokio::time::sleep(LOOK).await;
        }
        let mut all = Vec::new();
        for index in 0..TENANTS {
            all.push(self.heard(index, when).await);
        }
        all
    }

    /// Waits for what the friend wrote to a tenant.
    async fn heard(&self, index: usize, when: &str) -> Read {
        let (began, text) = (Instant::now(), format!("{when} back"));
        loop {
            let events = self.events(index).await;
            let heard = events.iter().filter(|event| event["text"] == text.as_str());
            let heard: Vec<&Value> = heard.collect();
            if heard.len() == 2 {
                let highest = events.last().unwrap()["seq"].as_i64().unwrap();
                let log = heard[0]["log"].as_str().expect("it has one").to_owned();
                assert_eq!(heard[1]["log"], log.as_str());
                return Read { highest, log };
            }
            assert!(began.elapsed() < PATIENCE, "{} is not heard", tenant(index));
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Talks after a restore, and checks everything.
    async fn goes_on(&mut self, before: &[Read], mark: &str) {
        let after = self.talk("after", 4).await;
        for (index, (before, after)) in before.iter().zip(&after).enumerate() {
            assert_ne!(before.log, after.log, "the log is another one");
            let events = self.events(index).await;
            let fresh = events
                .iter()
                .filter(|event| event["log"] == after.log.as_str());
            let first = fresh.map(|event| event["seq"].as_i64().unwrap()).min();
            assert!(
                before.highest < first.unwrap(),
                "{} says it again",
                tenant(index)
            );
        }
        let again = |breach: &Breach| matches!(breach, Breach::OtherCiphertext { .. });
        let mut breaches = self.sim.breaches().await.unwrap();
        breaches.retain(|breach| !again(breach));
        assert_eq!(breaches, Vec::<Breach>::new());
        let checks = self.wmctl.output(&["doctor", "--offline"]).await;
        let said = String::from_utf8(checks.stdout).unwrap();
        for index in 0..TENANTS {
            let of = format!("{}: ", tenant(index));
            let is_about = |line: &&str| line.contains("\"restore\"") && line.contains(&of);
            let restore = said.lines().find(is_about);
            let restore = restore.unwrap_or_else(|| panic!("{of} is not told of: {said}"));
            assert!(restore.contains(mark), "{restore}");
        }
        self.stop().await;
    }

    fn forget_marks(&self) {
        std::fs::remove_dir_all(self.folder.path().join(".local")).unwrap();
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }
}

async fn in_a_file(forgets: bool, mark: &str) {
    let mut scene = Scene::set(None).await;
    scene.talk("before", 2).await;
    scene.stop().await;
    let (database, kept) = (scene.wmctl.database(), scene.folder().join("backup.db"));
    std::fs::copy(&database, &kept).unwrap();
    scene.start().await;
    let read = scene.talk("lost", 3).await;
    scene.stop().await;
    put_inside(&kept, &database);
    if forgets {
        scene.forget_marks();
        for index in 0..TENANTS {
            let mut mark = database.clone().into_os_string();
            mark.push(format!(".{}.mark", tenant(index)));
            std::fs::remove_file(mark).unwrap();
        }
    }
    scene.start().await;
    scene.goes_on(&read, mark).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_a_host() {
    in_a_file(false, "unit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_a_host_that_kept_nothing() {
    in_a_file(true, "unmarked").await;
}

async fn on_a_server(forgets: bool, mark: &str) {
    let server = Postgres::start();
    server.create("wm");
    let mut scene = Scene::set(Some(&server.url("wm"))).await;
    scene.talk("before", 2).await;
    let file = scene.folder().join("dump");
    server.dump_to("wm", &file);
    let read = scene.talk("lost", 3).await;
    scene.stop().await;
    server.sql("postgres", "DROP DATABASE wm");
    server.create("wm");
    server.restore_from(&file, "wm", &[]);
    if forgets {
        scene.forget_marks();
    }
    scene.start().await;
    scene.goes_on(&read, mark).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_a_host() {
    on_a_server(false, "unit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_a_host_on_another_machine() {
    on_a_server(true, "place").await;
}
