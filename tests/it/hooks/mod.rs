//! Webhooks: what receivers get from real processes while either side fails.

mod delivery;
mod hosts;

use serde_json::Value;
use tempfile::TempDir;
use wmctl::sim::{SimConfig, Simulator};

use crate::support::program::Program;
use crate::support::receiver::Got;
use crate::support::wmctl::Wmctl;

const NUMBER: &str = "4915112345621";
const FRIEND: &str = "4915112345699";

/// A paired account on an SQLite database, and a contact that writes to it.
struct Scene {
    sim: Simulator,
    wmctl: Wmctl,
    folder: TempDir,
}

impl Scene {
    async fn set() -> Self {
        let sim = Simulator::start(SimConfig::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut wmctl = Wmctl::in_folder(folder.path());
        wmctl.set("WMCTL_SERVER", &sim.ws_url());
        wmctl.set("WMCTL_ROOT_KEY", sim.root_key());
        for number in [NUMBER, FRIEND] {
            sim.add_account(number, "Somebody").await.unwrap();
        }
        let mut pairing = wmctl.start(&["pair"]);
        let qr = pairing.expect("a code", |line| line["event"] == "qr").await;
        sim.scan(NUMBER, qr["code"].as_str().unwrap())
            .await
            .unwrap();
        assert!(pairing.ended().await.success(), "{}", pairing.log_tail());
        Self { sim, wmctl, folder }
    }

    /// Runs the account with short webhook timeouts. Deliveries to this machine are allowed.
    async fn serve(&self, more: &[&str]) -> Program {
        let arguments = ["serve", "--no-http", "--webhook-allow", "127.0.0.0/8"];
        let quick = ["--webhook-wait", "20", "--webhook-timeout", "600"];
        let mut serve = self.wmctl.start(&[&arguments[..], &quick, more].concat());
        serve
            .expect("the account", |line| line["state"] == "connected")
            .await;
        serve
    }

    /// Adds a webhook for messages. Returns its signing secret.
    async fn hook(&self, id: &str, url: &str, more: &[&str]) -> String {
        let arguments = ["webhooks", "add", url, "--id", id, "--type", "message"];
        let made = self.wmctl.done(&[&arguments[..], more].concat()).await;
        let made: Value = serde_json::from_str(&made).unwrap();
        made["secret"].as_str().unwrap().to_owned()
    }

    async fn shown(&self, id: &str) -> Value {
        let shown = self.wmctl.done(&["webhooks", "show", id]).await;
        serde_json::from_str(&shown).unwrap()
    }

    async fn says(&self, text: &str) {
        self.sim.phone_sends(FRIEND, NUMBER, text).await.unwrap();
    }
}

/// Returns the ids in the order of their first arrival.
fn firsts(got: &[Got]) -> Vec<String> {
    let mut ids = Vec::new();
    for id in got.iter().flat_map(Got::ids) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// Returns the event number in an id.
fn seq(id: &str) -> i64 {
    id.split('-').nth_back(1).unwrap().parse().unwrap()
}
