//! Events as JSON for programs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::app::shapes::time;
use crate::ids::TenantId;
use crate::store::events::StoredEvent;

/// One numbered event of one account.
#[derive(Debug, Serialize, Deserialize)]
pub struct Event {
    /// Id of the event, the same in API answers and at webhooks. No other event has this id.
    pub event_id: String,
    pub business_id: String,
    /// Rises with each event of the account. A reader continues from here.
    pub seq: i64,
    /// The log that the number is of. After a restore another one begins; its numbers are higher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// The server's time if it gave one, in RFC 3339.
    pub at: String,
    /// `message`, `receipt`, `sent`, `state` and others.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_me: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Fields of the particular type.
    #[serde(flatten)]
    pub detail: Map<String, Value>,
    /// The decrypted message, as base64 of its protobuf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
}

/// All event types.
pub use crate::store::events::TYPES;

/// Names of the common fields, which type-specific fields must not use.
const COMMON: [&str; 12] = [
    "event_id",
    "business_id",
    "seq",
    "log",
    "at",
    "type",
    "chat",
    "sender",
    "id",
    "from_me",
    "text",
    "payload",
];

impl Event {
    /// Converts a stored event of a tenant.
    pub fn of(tenant: &TenantId, stored: StoredEvent) -> Self {
        let detail: Map<String, Value> = serde_json::from_str(&stored.detail).unwrap_or_default();
        let said = |(name, value): (String, Value)| match (name.as_str(), value.as_i64()) {
            (name, _) if value.is_null() || COMMON.contains(&name) => None,
            ("until_ms", Some(until_ms)) => Some((String::from("until"), time(until_ms).into())),
            _ => Some((name, value)),
        };
        Self {
            // Numbers restart for a tenant that was removed and added again, so the id also
            // contains the time.
            event_id: format!("{tenant}-{}-{}", stored.seq, stored.stored_ms),
            business_id: tenant.to_string(),
            seq: stored.seq,
            log: stored.log,
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
    /// Returns a one-line summary for people.
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
