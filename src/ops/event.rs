//! Events as machines read them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::ops::shapes::time;
use crate::store::event::StoredEvent;

/// One numbered event of one account.
#[derive(Debug, Serialize)]
pub struct Event {
    /// Rises with every event of the account: where a reader goes on.
    pub seq: i64,
    /// The server's time where it gave one, RFC 3339.
    pub at: String,
    /// `message`, `receipt`, `sent`, `state` and others.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_me: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What is particular to the type.
    #[serde(flatten)]
    pub detail: Map<String, Value>,
    /// The whole decrypted message, base64 of its protobuf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
}

/// The types that events have.
pub use crate::store::event::TYPES;

impl From<StoredEvent> for Event {
    fn from(stored: StoredEvent) -> Self {
        let detail: Map<String, Value> = serde_json::from_str(&stored.detail).unwrap_or_default();
        let said = |(name, value): (String, Value)| match (name.as_str(), value.as_i64()) {
            _ if value.is_null() => None,
            ("until_ms", Some(until_ms)) => Some((String::from("until"), time(until_ms).into())),
            _ => Some((name, value)),
        };
        Self {
            seq: stored.seq,
            at: time(stored.at_ms),
            from_me: is_message(&stored.kind).then_some(stored.from_me),
            kind: stored.kind,
            chat: stored.chat,
            sender: stored.sender,
            id: stored.message_id,
            text: stored.text,
            detail: detail.into_iter().filter_map(said).collect(),
            payload: stored.payload.map(|payload| BASE64.encode(payload)),
        }
    }
}

fn is_message(kind: &str) -> bool {
    matches!(kind, "message" | "history_message")
}

impl Event {
    /// One line of what people want to know of it.
    pub fn summary(&self) -> String {
        if let Some(text) = &self.text {
            return text.replace(char::is_control, " ");
        }
        let word = |name| {
            self.detail
                .get(name)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let words = [
            "content", "receipt", "state", "what", "code", "reason", "detail",
        ];
        let mut words: Vec<String> = words.into_iter().filter_map(word).collect();
        let is_message = is_message(&self.kind);
        if is_message {
            words = vec![format!("[{}]", words.concat())];
        }
        words.extend(self.id.clone().filter(|_| !is_message));
        words.join(" ")
    }
}
