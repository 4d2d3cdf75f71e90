//! A foreign Signal protocol implementation as an oracle, with one request per line.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use tokio::process::Command;

use super::baileys::{node, peers};
use super::program::Program;

/// A running oracle.
pub(crate) struct Oracle {
    program: Program,
}

impl Oracle {
    pub(crate) fn start(folder: &Path) -> Self {
        let mut command = Command::new(node());
        command.arg(peers().join("baileys/oracle.mjs"));
        let program = Program::start("the oracle", command, &folder.join("oracle.log"));
        Self { program }
    }

    /// Returns the answer to an operation, or the error that it threw.
    pub(crate) async fn ask(&mut self, question: Value) -> Result<Value, String> {
        self.program.say(&question).await;
        let answer = self
            .program
            .expect("an answer", |line| line["ok"].is_boolean())
            .await;
        match answer["ok"] == true {
            true => Ok(answer),
            false => Err(answer["error"].to_string()),
        }
    }

    /// Returns the answer to an operation that must not fail.
    pub(crate) async fn done(&mut self, question: Value) -> Value {
        let asked = question.to_string();
        let answer = self.ask(question).await;
        answer.unwrap_or_else(|error| panic!("{asked}: {error}"))
    }

    /// Returns true if the signature of the message is valid for the public key.
    pub(crate) async fn verifies(&mut self, public: &[u8], message: &[u8], sig: &[u8]) -> bool {
        let question = json!({"op": "verify", "public": b64(public), "message": b64(message),
            "signature": b64(sig)});
        // An exception counts as a refusal too.
        let answer = self.ask(question).await;
        answer.is_ok_and(|answer| answer["valid"] == true)
    }
}

pub(crate) fn b64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    BASE64
        .decode(value.as_str().expect("bytes are text"))
        .expect("bytes are in base64")
}
