//! wmctl as a participant in a simulated world: real processes, used as by scripts.

use serde_json::Value;

use super::program::Program;
use super::wmctl::Wmctl;
use super::world::World;

/// An account that `wmctl run` keeps connected.
pub(crate) struct Ours {
    pub(crate) wmctl: Wmctl,
    pub(crate) number: String,
    pub(crate) run: Program,
    /// The address of our device.
    pub(crate) device: String,
}

/// A paired account without a running process.
pub(crate) struct Resting {
    pub(crate) wmctl: Wmctl,
    pub(crate) number: String,
    pub(crate) device: String,
}

impl World {
    /// Creates an installation that connects to this world's server.
    pub(crate) fn installation(&self, number: &str) -> Wmctl {
        let folder = self.folder().join(format!("wmctl-{number}"));
        std::fs::create_dir(&folder).expect("a folder can be made");
        let mut wmctl = Wmctl::in_folder(&folder);
        wmctl.set("WMCTL_SERVER", &self.sim.ws_url());
        wmctl.set("WMCTL_ROOT_KEY", self.sim.root_key());
        wmctl
    }

    /// Runs `wmctl pair` for a new account with this number.
    pub(crate) async fn pair(&self, number: &str) -> Resting {
        self.sim
            .add_account(number, &format!("Owner of {number}"))
            .await
            .expect("it runs");
        let wmctl = self.installation(number);
        let mut pair = wmctl.start(&["pair"]);
        let code = pair.expect("a QR code", |line| line["event"] == "qr").await;
        let code = code["code"].as_str().expect("a code is text");
        self.sim
            .scan(number, code)
            .await
            .expect("the code is sound");
        let paired = pair
            .expect("the end of pairing", |line| line["event"] == "paired")
            .await;
        assert_eq!(pair.ended().await.code(), Some(0));
        let device = paired["jid"]
            .as_str()
            .expect("an address is text")
            .to_owned();
        Resting {
            wmctl,
            number: number.into(),
            device,
        }
    }

    /// Creates an installation for an account that is paired elsewhere; its rows must still be
    /// imported.
    pub(crate) fn guest(&self, number: &str) -> Resting {
        Resting {
            wmctl: self.installation(number),
            number: number.into(),
            device: format!("{number}:1@s.whatsapp.net"),
        }
    }

    /// Creates another installation with a copy of the rows.
    pub(crate) fn copy(&self, of: &Resting, name: &str) -> Wmctl {
        let copy = self.installation(name);
        // After a graceful stop, all data is in the one file.
        std::fs::copy(of.wmctl.database(), copy.database()).expect("the rows can be copied");
        copy
    }

    /// Returns a new account with this number, paired and running.
    pub(crate) async fn ours(&self, number: &str) -> Ours {
        self.pair(number).await.wake().await
    }
}

impl Resting {
    /// Returns the address that others write to.
    pub(crate) fn jid(&self) -> String {
        format!("{}@s.whatsapp.net", self.number)
    }

    /// Starts `wmctl run` and waits until it is connected.
    pub(crate) async fn wake(self) -> Ours {
        let mut run = self.wmctl.start(&["run"]);
        let connected = |line: &Value| line["type"] == "status" && line["state"] == "connected";
        run.expect("the connected state", connected).await;
        let Self {
            wmctl,
            number,
            device,
        } = self;
        Ours {
            wmctl,
            number,
            run,
            device,
        }
    }
}

impl Ours {
    /// Returns the address that others write to.
    pub(crate) fn jid(&self) -> String {
        format!("{}@s.whatsapp.net", self.number)
    }

    /// Puts a text into the outbox from another process. Returns the message's id.
    pub(crate) async fn send(&self, to: &str, text: &str) -> String {
        let answer = self.wmctl.done(&["send", "--to", to, "--text", text]).await;
        let delivery: Value = serde_json::from_str(answer.trim()).expect("one line of JSON");
        delivery["id"].as_str().expect("an id is text").to_owned()
    }

    /// Waits for the event of a message with this text.
    pub(crate) async fn message(&mut self, text: &str) -> Value {
        let is = |line: &Value| line["type"] == "message" && line["text"] == text;
        self.run.expect(&format!("the message {text:?}"), is).await
    }

    /// Returns the number of message events with this text that no test step has awaited.
    pub(crate) fn messages_left(&mut self, text: &str) -> usize {
        self.run
            .heard(|line| line["type"] == "message" && line["text"] == text)
            .len()
    }

    /// Waits for the event of a receipt of this kind for a message of ours.
    pub(crate) async fn receipt(&mut self, id: &str, kind: &str) {
        let is = |line: &Value| {
            let ids = line["ids"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            line["type"] == "receipt" && line["receipt"] == kind && ids.iter().any(|i| i == id)
        };
        self.run
            .expect(&format!("the receipt {kind} of {id}"), is)
            .await;
    }

    /// Stops `wmctl run` as a service manager would.
    pub(crate) async fn rest(mut self) -> Resting {
        self.run.terminate().await;
        assert_eq!(self.run.ended().await.code(), Some(0), "a clean stop");
        let Self {
            wmctl,
            number,
            device,
            ..
        } = self;
        Resting {
            wmctl,
            number,
            device,
        }
    }
}
