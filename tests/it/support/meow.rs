//! Whatsmeow itself as a client in a simulated world; see `tests/peers/whatsmeow/client.py`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::process::Command;

use super::baileys::peers;
use super::program::Program;
use super::world::World;

/// An account that whatsmeow keeps connected.
pub(crate) struct Whatsmeow {
    program: Program,
    pub(crate) number: String,
    /// Its database.
    pub(crate) file: PathBuf,
}

impl World {
    /// Starts whatsmeow for a new account with this number, paired by QR code.
    pub(crate) async fn whatsmeow(&self, number: &str) -> Whatsmeow {
        let name = format!("Owner of {number}");
        self.sim.add_account(number, &name).await.expect("it runs");
        let file = self.folder().join(format!("{number}.meow"));
        let mut client = Whatsmeow::start(self, number, &file);
        let code = client.program.expect("a QR code", |it| it["event"] == "qr");
        let code = code.await["code"].as_str().expect("it is text").to_owned();
        self.sim.scan(number, &code).await.expect("it is sound");
        client.open().await;
        client
    }

    /// Starts whatsmeow with the keys in a file.
    pub(crate) async fn whatsmeow_with(&self, number: &str, file: &Path) -> Whatsmeow {
        let mut client = Whatsmeow::start(self, number, file);
        client.open().await;
        client
    }
}

impl Whatsmeow {
    fn start(world: &World, number: &str, file: &Path) -> Self {
        let home = peers().join("whatsmeow");
        let python = home.join(".venv/bin/python");
        assert!(
            python.exists(),
            "whatsmeow is not installed: run ./test once, it installs what tests need"
        );
        let mut command = Command::new(python);
        command
            .arg(home.join("client.py"))
            .arg(file)
            .arg(world.sim.ws_url())
            .arg(world.sim.root_key());
        let log = world.folder().join(format!("{number}.meow.log"));
        Self {
            program: Program::start(number, command, &log),
            number: number.to_owned(),
            file: file.to_owned(),
        }
    }

    async fn open(&mut self) {
        self.program
            .expect("an open connection", |it| it["event"] == "open")
            .await;
    }

    /// Returns the address that others write to.
    pub(crate) fn jid(&self) -> String {
        format!("{}@s.whatsapp.net", self.number)
    }

    /// Sends a text, and waits until the server has accepted it.
    pub(crate) async fn send(&mut self, to: &str, text: &str) {
        let command = json!({"cmd": "send", "to": to, "text": text});
        self.program.say(&command).await;
        let answered = |it: &Value| it["reply"].is_string();
        let answer = self.program.expect("an answer", answered).await;
        assert_eq!(answer["reply"], "sent", "{answer}");
    }

    /// Waits until it has received a text.
    pub(crate) async fn message(&mut self, text: &str) {
        let is = |it: &Value| it["event"] == "message" && it["text"] == text;
        let what = format!("the message {text:?}");
        self.program.expect(&what, is).await;
    }

    /// Stops it gracefully, and returns its database.
    pub(crate) async fn quit(mut self) -> PathBuf {
        let unread = self.program.heard(|it| it["event"] == "undecryptable");
        assert_eq!(unread, Vec::<Value>::new());
        self.program.say(&json!({"cmd": "quit"})).await;
        assert!(self.program.ended().await.success());
        self.file
    }
}
