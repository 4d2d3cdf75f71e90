//! Event schemas of the OpenAPI document: common fields, and the fields of each type.

use serde_json::{Map, Value, json};

use crate::api::openapi::{moment, object, reference, word};
use crate::app::shapes::API_VERSION;

/// Fields of one event type. A question mark after the name marks an optional field.
type Fields = &'static [(&'static str, Kind)];

/// The type of a field.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Truth,
    Moment,
    Texts,
    /// Bytes in base64.
    Bytes,
    Word(&'static [&'static str]),
}

use Kind::{Bytes, Moment, Number, Text, Texts, Truth, Word};

const RECEIPTS: &[&str] = &[
    "delivered",
    "read",
    "read_self",
    "played",
    "played_self",
    "sender",
    "inactive",
];
const CHANGES: &[&str] = &["muted", "pinned", "archived", "read", "cleared", "deleted"];
const ACCOUNT_STATES: &[&str] = &[
    "connecting",
    "connected",
    "disconnected",
    "replaced",
    "logged_out",
    "banned",
    "outdated",
    "stalled",
    "paired",
    "recovered",
];

const MESSAGE: Fields = &[
    ("chat", Text),
    ("chat_alt?", Text),
    ("sender", Text),
    ("id", Text),
    ("from_me", Truth),
    ("text?", Text),
    ("content", Text),
    ("push_name?", Text),
    ("sender_alt?", Text),
    ("offline", Truth),
    ("payload", Bytes),
];

/// Every event type: its name, the name of its schema, its description and its fields.
const EVENTS: &[(&str, &str, &str, Fields)] = &[
    (
        "message",
        "MessageEvent",
        "A message came in, or was sent from another device",
        MESSAGE,
    ),
    (
        "history_message",
        "HistoryMessageEvent",
        "A message from the phone's history",
        MESSAGE,
    ),
    (
        "undecryptable",
        "UndecryptableEvent",
        "A message that could not be decrypted",
        &[
            ("chat", Text),
            ("chat_alt?", Text),
            ("sender", Text),
            ("id", Text),
            ("reason", Text),
        ],
    ),
    (
        "refused",
        "RefusedEvent",
        "An input that could not be stored as what it is",
        &[
            ("chat?", Text),
            ("sender?", Text),
            ("id?", Text),
            ("input", Text),
            ("reason", Text),
            ("content", Word(&["message", "stanza"])),
            ("payload?", Bytes),
        ],
    ),
    (
        "receipt",
        "ReceiptEvent",
        "Messages were delivered, read or played",
        &[
            ("chat", Text),
            ("chat_alt?", Text),
            ("sender", Text),
            ("id?", Text),
            ("receipt", Word(RECEIPTS)),
            ("ids", Texts),
        ],
    ),
    (
        "sent",
        "SentEvent",
        "WhatsApp accepted a message of this account",
        &[("chat", Text), ("chat_alt?", Text), ("id", Text)],
    ),
    (
        "send_failed",
        "SendFailedEvent",
        "A message of this account will not be sent",
        &[
            ("chat", Text),
            ("chat_alt?", Text),
            ("id", Text),
            ("code", Text),
        ],
    ),
    (
        "identity_changed",
        "IdentityChangedEvent",
        "A contact has new keys, often because of a new phone",
        &[("sender", Text), ("sender_alt?", Text)],
    ),
    (
        "devices_changed",
        "DevicesChangedEvent",
        "The devices of a contact changed",
        &[("sender", Text), ("sender_alt?", Text)],
    ),
    (
        "group_changed",
        "GroupChangedEvent",
        "A group changed",
        &[
            ("chat", Text),
            ("chat_alt?", Text),
            ("sender?", Text),
            ("what", Text),
        ],
    ),
    (
        "contact_changed",
        "ContactChangedEvent",
        "A contact changed",
        &[("sender", Text), ("sender_alt?", Text)],
    ),
    (
        "chat_changed",
        "ChatChangedEvent",
        "A setting of a chat changed on another device",
        &[
            ("chat", Text),
            ("chat_alt?", Text),
            ("what", Word(CHANGES)),
            ("until_s?", Number),
            ("on?", Truth),
        ],
    ),
    (
        "name_changed",
        "NameChangedEvent",
        "The name of the account changed",
        &[("name", Text)],
    ),
    (
        "history_sync",
        "HistorySyncEvent",
        "A part of the phone's history was stored",
        &[
            ("sync", Number),
            ("conversations", Number),
            ("messages", Number),
            ("progress?", Number),
            ("failure?", Text),
        ],
    ),
    (
        "state",
        "StateEvent",
        "The state of the account changed",
        &[
            ("state", Word(ACCOUNT_STATES)),
            ("detail?", Text),
            ("until?", Moment),
        ],
    ),
];

fn schema(kind: Kind) -> Value {
    match kind {
        Text => json!({ "type": "string" }),
        Number => json!({ "type": "integer" }),
        Truth => json!({ "type": "boolean" }),
        Moment => moment(),
        Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        Word(words) => word(words),
    }
}

fn event(kind: &str, description: &str, fields: Fields) -> Value {
    let mut all = vec![
        ("event_id", json!({ "type": "string" })),
        ("business_id", reference("TenantName")),
        ("seq", json!({ "type": "integer" })),
        (
            "log",
            json!({ "type": "string", "description": "The log that `seq` is of; absent in events \
                from before there were logs. After a restore of the database another log begins, \
                with higher numbers: events of the one before may be missing" }),
        ),
        ("at", moment()),
        ("type", json!({ "type": "string", "const": kind })),
    ];
    let named = |(name, kind): &(&'static str, Kind)| (name.trim_end_matches('?'), schema(*kind));
    all.extend(fields.iter().map(named));
    let absent = fields.iter().filter_map(|(name, _)| name.strip_suffix('?'));
    let absent: Vec<&str> = absent.chain(["log"]).collect();
    let mut object = object(&all, &absent);
    object["description"] = json!(description);
    object
}

/// Returns the schemas of events, and of events as webhooks deliver them.
pub(super) fn schemas() -> Value {
    let mut all = Map::new();
    let mut mapping = Map::new();
    for (kind, name, description, fields) in EVENTS {
        all.insert((*name).to_owned(), event(kind, description, fields));
        let place = format!("#/components/schemas/{name}");
        mapping.insert((*kind).to_owned(), json!(place));
    }
    let each: Vec<Value> = EVENTS.iter().map(|(_, name, ..)| reference(name)).collect();
    let event = json!({
        "oneOf": each,
        "discriminator": { "propertyName": "type", "mapping": mapping },
        "examples": [{ "event_id": "acme-8812-1764500000000", "business_id": "acme", "seq": 8812,
            "log": "5f2c9be1d07a4c3893aa6e81f0b4d2c7", "at": "2026-07-01T12:00:00.000Z",
            "type": "message",
            "chat": "4915112345622@s.whatsapp.net", "sender": "4915112345622@s.whatsapp.net",
            "id": "3EB0A1", "from_me": false, "text": "Hello", "content": "text",
            "offline": false, "payload": "CgVIZWxsbw==" }],
    });
    all.insert(String::from("Event"), event);
    let test = object(
        &[
            ("event_id", json!({ "type": "string" })),
            ("business_id", reference("TenantName")),
            ("type", json!({ "type": "string", "const": "test" })),
            ("at", moment()),
        ],
        &[],
    );
    all.insert(String::from("TestEvent"), test);
    let item = json!({ "anyOf": [reference("Event"), reference("TestEvent")] });
    let delivery = object(
        &[
            (
                "apiVersion",
                json!({ "type": "string", "const": API_VERSION }),
            ),
            (
                "kind",
                json!({ "type": "string", "const": "EventDelivery" }),
            ),
            ("business_id", reference("TenantName")),
            ("webhook", json!({ "type": "string" })),
            (
                "events",
                json!({ "type": "array", "minItems": 1, "items": item }),
            ),
        ],
        &[],
    );
    all.insert(String::from("EventDelivery"), delivery);
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::event::TYPES;

    #[test]
    fn every_type_of_event_is_in_the_document_once() {
        let mut documented: Vec<&str> = EVENTS.iter().map(|(kind, ..)| *kind).collect();
        let mut types = TYPES.to_vec();
        documented.sort_unstable();
        types.sort_unstable();
        assert_eq!(documented, types);
    }
}
