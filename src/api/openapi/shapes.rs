//! The larger object schemas of the document.

use serde_json::{Value, json};

use crate::api::openapi::{PLAIN, closed, moment, object, reference, with_example, word};
use crate::api::problem::CODES;
use crate::ops::pair::END_CODES;
use crate::ops::send::{KEY_CHARS_MAX, TEXT_CHARS_MAX};
use crate::ops::tenants::STATES;

pub(super) fn problem() -> Value {
    let text = || json!({ "type": "string" });
    let number = || json!({ "type": "integer" });
    let codes: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
    let place = object(
        &[
            ("pointer", text()),
            ("parameter", text()),
            ("detail", text()),
        ],
        &["pointer", "parameter"],
    );
    let errors = json!({ "type": "array", "items": place });
    let first = json!({ "type": ["integer", "null"] });
    with_example(
        object(
            &[
                (
                    "type",
                    json!({ "type": "string", "format": "uri-reference" }),
                ),
                ("title", text()),
                ("status", number()),
                ("code", word(&codes)),
                ("detail", text()),
                ("request_id", text()),
                ("errors", errors),
                ("removed_to", number()),
                ("first_seq", first),
                ("last_seq", number()),
            ],
            &["errors", "removed_to", "first_seq", "last_seq"],
        ),
        json!({ "type": "/problems/RECIPIENT", "title": "Bad Request", "status": 400,
            "code": "RECIPIENT", "detail": "\"007\" is neither a phone number nor an address",
            "request_id": "5f2b", "errors": [{ "pointer": "#/to",
            "detail": "\"007\" is neither a phone number nor an address" }] }),
    )
}

pub(super) fn tenant() -> Value {
    let text = || json!({ "type": "string" });
    let number = || json!({ "type": "integer" });
    let fields = [
        ("business_id", reference("TenantName")),
        ("jid", text()),
        ("state", word(&STATES)),
        ("reason", text()),
        ("since", moment()),
        ("last_error", text()),
        ("last_error_at", moment()),
        ("enabled", json!({ "type": "boolean" })),
        ("role", word(&["leader", "none"])),
        ("holder", text()),
        ("host", text()),
        ("wanted_host", text()),
        ("epoch", number()),
        ("heartbeat", moment()),
        ("proxy", text()),
        ("device_name", text()),
        ("platform", text()),
        ("message_ttl_s", number()),
    ];
    let always = [
        "business_id",
        "state",
        "enabled",
        "role",
        "epoch",
        "message_ttl_s",
    ];
    let names = fields.iter().map(|(name, _)| *name);
    let absent: Vec<&str> = names.filter(|name| !always.contains(name)).collect();
    object(&fields, &absent)
}

pub(super) fn pairing() -> Value {
    let text = || json!({ "type": "string" });
    let number = || json!({ "type": "integer" });
    let truth = || json!({ "type": "boolean" });
    let steps = [
        "connecting",
        "unlinked",
        "not_unlinked",
        "qr",
        "code",
        "scanned",
        "retrying",
        "paired",
        "failed",
    ];
    object(
        &[
            ("business_id", reference("TenantName")),
            ("number", number()),
            ("ended", truth()),
            ("since", moment()),
            ("event", word(&steps)),
            ("code", text()),
            ("expires_in_s", number()),
            ("seq", number()),
            ("last", truth()),
            ("jid", text()),
            ("error", word(&END_CODES)),
            ("reason", text()),
        ],
        &[
            "code",
            "expires_in_s",
            "seq",
            "last",
            "jid",
            "error",
            "reason",
        ],
    )
}

pub(super) fn message(to: &str) -> Value {
    let truth = || json!({ "type": "boolean" });
    let fields = [
        ("to", json!({ "type": "string", "pattern": to })),
        (
            "text",
            json!({ "type": "string", "minLength": 1, "maxLength": TEXT_CHARS_MAX }),
        ),
        (
            "idempotency_key",
            json!({ "type": ["string", "null"], "minLength": 1, "maxLength": KEY_CHARS_MAX,
                "pattern": PLAIN, "description": "The same key twice is one message" }),
        ),
        (
            "expires_at",
            json!({ "type": ["string", "null"], "format": "date-time",
                "description": "Not to be sent after this time, at most a year ahead" }),
        ),
        ("force", truth()),
    ];
    let absent = ["idempotency_key", "expires_at", "force"];
    let example = json!({ "to": "+4915112345621", "text": "Paid", "idempotency_key": "order-77" });
    with_example(closed(object(&fields, &absent)), example)
}

pub(super) fn delivered() -> Value {
    let text = || json!({ "type": "string" });
    let states = [
        "queued",
        "encrypted",
        "sent",
        "delivered",
        "read",
        "failed",
        "refused",
    ];
    object(
        &[
            ("business_id", reference("TenantName")),
            ("id", text()),
            ("to", text()),
            ("state", word(&states)),
            ("idempotency_key", text()),
            ("expires_at", moment()),
            ("error", text()),
            ("took_s", json!({ "type": "number" })),
        ],
        &["id", "idempotency_key", "expires_at", "error", "took_s"],
    )
}
