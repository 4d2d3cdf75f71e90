//! Builds the OpenAPI document from the table of routes.

use serde_json::{Map, Value, json};

use crate::api::openapi::shapes::{delivered, message, pairing, problem, tenant};
use crate::api::routes::{Op, Param, ROUTES, Route};
use crate::app::event::TYPES;
use crate::app::shapes::{API_VERSION, WHOLE_MAX};
use crate::ops::send::{TOGETHER_MAX, TTL_S_MAX};

mod events;
mod shapes;

/// Pattern of an existing tenant's name, as in [`crate::ids::TenantId`].
const TENANT_NAME: &str = "^[A-Za-z0-9_.-]{1,64}$";
/// Pattern of a new tenant's name.
const NEW_TENANT_NAME: &str = "^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9_-])?$";
/// Text without control characters.
const PLAIN: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";
/// Phone number in international form, with the usual separators.
const PHONE: &str = r"\+?[ ().\/-]*[1-9]([ ().\/-]*[0-9]){6,14}[ ().\/-]*";
/// JID of a person or group.
const ADDRESS: &str = r"[!-\-\/-9;-?A-~]{1,64}@(s\.whatsapp\.net|lid|g\.us)";
/// Port from 1 to 65535, with its colon.
macro_rules! port {
    () => {
        r":([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
    };
}
/// URL of a webhook. The server accepts some other characters too.
const HOOK_URL: &str = concat!(
    r"^https?:\/\/[A-Za-z0-9]([A-Za-z0-9.-]{0,200}[A-Za-z0-9])?(",
    port!(),
    r")?(\/[A-Za-z0-9._~!$&'()*+,;=:@\/-]{0,800})?(\?[A-Za-z0-9._~=&\/-]{0,800})?$"
);
/// URL of a proxy, or empty. The server also accepts non-ASCII escapes.
const PROXY: &str = concat!(
    r"^((http|socks5h?):\/\/(",
    r"([^:@%\u0000-\u001f\u007f-\u009f]|%[2-6][0-9A-Fa-f]|%7[0-9A-Ea-e]){1,60}",
    r"(:([^%\u0000-\u001f\u007f-\u009f]|%[2-6][0-9A-Fa-f]|%7[0-9A-Ea-e]){0,60})?@)?",
    r"([A-Za-z0-9._-]{1,253}|\[([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}\]|\[::1\])",
    port!(),
    r"\/?)?$"
);
/// Refusals of every route: malformed request, missing key, missing permission, body too large,
/// rate limit exceeded, database unavailable.
const ALWAYS: [(u16, &str); 6] = [
    (400, "the request makes no sense"),
    (401, "a key is needed"),
    (403, "the key is not for this"),
    (413, "the body is too large"),
    (429, "too many requests"),
    (503, "the database is not available, or it takes too long"),
];

/// The sections of the document and their descriptions.
const TAGS: [(&str, &str); 7] = [
    ("tenants", "Who is to run, and what becomes of each"),
    ("pairing", "Devices are linked to a phone, and unlinked"),
    (
        "messages",
        "Messages are put into the outbox, and looked at",
    ),
    ("events", "The numbered events of a tenant"),
    ("webhooks", "Events are delivered to a URL"),
    ("hosts", "The processes that run tenants"),
    ("deliveries", "What receivers of webhooks get"),
];

/// Returns the whole document.
pub fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let path = paths
            .entry(route.path)
            .or_insert_with(|| json!({ "parameters": path_parameters(route.path) }));
        path[route.method.to_lowercase()] = operation(route);
    }
    let tags = TAGS.map(|(name, description)| json!({ "name": name, "description": description }));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "wmctl",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Tenants of a database, and the hosts that run them. Any host answers \
                for any tenant. Refusals are application/problem+json; their `type` leads to what \
                their code means. Lengths of texts are counted in Unicode characters.",
            "license": { "name": env!("CARGO_PKG_LICENSE"),
                "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{ "url": "/", "description": "The host that gives this document" }],
        "tags": tags,
        "security": [{ "bearer": [] }, { "header": [] }],
        "paths": paths,
        "webhooks": { "events": { "post": delivery() } },
        "components": {
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "header": { "type": "apiKey", "in": "header", "name": "X-API-Key" },
            },
            "headers": headers(),
            "schemas": merged(merged(schemas(), webhook_schemas()), events::schemas()),
        },
    })
}

/// Describes the request that a webhook receiver gets.
fn delivery() -> Value {
    let parameter = |(name, description): (&str, &str)| {
        json!({ "name": name, "in": "header", "required": true, "description": description,
            "schema": { "type": "string" } })
    };
    let parameters = [
        (
            "wmctl-event-id",
            "The id of the first event, the same in every attempt",
        ),
        ("wmctl-tenant", "Whose events these are"),
        ("wmctl-attempt", "1 for the first attempt"),
        (
            "wmctl-timestamp",
            "When it was signed, in seconds since 1970",
        ),
        (
            "wmctl-signature",
            "v1= and the HMAC-SHA-256 of the timestamp, a dot and the body, in hexadecimal digits",
        ),
    ];
    json!({
        "operationId": "deliverEvents",
        "summary": "Take events",
        "description": "Any answer of 200 to 299 takes the events; any other, or none in time, has \
            them sent again under the same ids.",
        "tags": ["deliveries"],
        "security": [],
        "parameters": parameters.map(parameter),
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": reference("EventDelivery") } },
        },
        "responses": {
            "200": { "description": "The events are dealt with" },
            "410": { "description": "No more events, ever: the webhook is paused" },
        },
    })
}

fn headers() -> Value {
    let text =
        |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    json!({
        "Location": text("Where what was made can be looked at"),
        "RateLimit": text("What is left of the rate: r requests, and t seconds until it is full"),
        "RateLimit-Policy": text("The rate: q requests in w seconds"),
        "Retry-After": { "description": "Seconds to wait",
            "schema": { "type": "integer", "minimum": 0 } },
        "X-Request-Id": text("Names the request in the log and in the audit"),
    })
}

fn path_parameters(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{'));
    let parameter = |name: &str| {
        let name = name.trim_end_matches('}');
        let schema = match name {
            "id" => json!({ "$ref": "#/components/schemas/TenantName" }),
            _ => json!({ "type": "string", "minLength": 1, "maxLength": 64 }),
        };
        let description = match name {
            "id" => "The name of the tenant",
            "webhook" => "The id of the webhook",
            "message" => "The id of the message",
            _ => "Name or id of the host",
        };
        json!({ "name": name, "in": "path", "required": true, "description": description,
            "schema": schema })
    };
    names.map(parameter).collect()
}

fn operation(route: &Route) -> Value {
    let query = route.query.iter().map(|(name, param)| {
        let schema = match param {
            Param::Number(least, most, otherwise) => json!({
                "type": "integer", "format": "int64",
                "minimum": least, "maximum": most, "default": otherwise,
            }),
            Param::Word(words) => {
                json!({ "type": "string", "enum": words, "default": words[0] })
            }
            Param::Truth => json!({ "type": "boolean", "default": false }),
            Param::Place => json!({ "default": 0, "anyOf": [
                { "type": "integer", "format": "int64", "minimum": 0, "maximum": i64::MAX },
                { "type": "string", "const": "now" },
            ] }),
            Param::Tenant => json!({ "$ref": "#/components/schemas/TenantName" }),
        };
        json!({ "name": name, "in": "query", "description": route.meaning(name),
            "schema": schema })
    });
    let key = (route.op == Op::SendMessage).then(|| {
        json!({ "name": "Idempotency-Key", "in": "header",
            "description": "The same as `idempotency_key` of the body",
            "schema": { "type": "string", "pattern": "^[!-~]{1,255}$" } })
    });
    let mut operation = json!({
        "operationId": format!("{:?}", route.op),
        "summary": route.summary,
        "description": format!("Needs a key that may `{}`.", route.action.word()),
        "tags": [route.tag()],
        "parameters": query.chain(key).collect::<Vec<_>>(),
        "responses": responses(route),
    });
    if let Some((name, required)) = route.body {
        operation["requestBody"] = json!({
            "required": required,
            "content": { "application/json": { "schema": reference(name) } },
        });
    }
    operation
}

/// Returns the refusals of a route and what they mean.
pub fn refusals(route: &Route) -> Vec<(u16, &'static str)> {
    let mut refusals = ALWAYS.to_vec();
    if route.path.contains('{') {
        refusals.push((404, "there is no such thing"));
    }
    if route.body.is_some() {
        refusals.push((415, "the body is called something other than JSON"));
    }
    if let Some(why) = route.conflict {
        refusals.push((409, why));
    }
    refusals.extend(route.also);
    refusals
}

fn responses(route: &Route) -> Value {
    let header = |name: &str| json!({ "$ref": format!("#/components/headers/{name}") });
    let usual = || {
        json!({ "RateLimit": header("RateLimit"), "RateLimit-Policy": header("RateLimit-Policy"),
            "X-Request-Id": header("X-Request-Id") })
    };
    let mut answers = Map::new();
    for (status, media, schema) in route.answers {
        let answer = answers
            .entry(status.to_string())
            .or_insert_with(|| json!({ "description": "done", "headers": usual() }));
        if matches!(status, 201) || (*status == 202 && media_is_new(schema)) {
            answer["headers"]["Location"] = header("Location");
        }
        if !media.is_empty() {
            answer["content"][*media] = json!({ "schema": reference(schema) });
        }
    }
    for (status, why) in refusals(route) {
        let mut problem = json!({
            "description": why,
            "headers": usual(),
            "content": { "application/problem+json": { "schema": reference("Problem") } },
        });
        if matches!(status, 429 | 503) {
            problem["headers"]["Retry-After"] = header("Retry-After");
        }
        answers.insert(status.to_string(), problem);
    }
    Value::Object(answers)
}

/// Returns whether a response with this schema describes a new resource with its own path.
fn media_is_new(schema: &str) -> bool {
    matches!(schema, "Delivery" | "Pairing")
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// Returns an object schema with these fields; those in `optional` may be absent.
fn object(fields: &[(&str, Value)], optional: &[&str]) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
        .collect();
    let names = fields.iter().map(|(name, _)| *name);
    let required: Vec<&str> = names.filter(|name| !optional.contains(name)).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

fn closed(mut object: Value) -> Value {
    object["additionalProperties"] = json!(false);
    object
}

fn list(item: &str) -> Value {
    let text = json!({ "type": "string" });
    let items = json!({ "type": "array", "items": reference(item) });
    let next = match item {
        "Event" | "DeadLetter" => json!({ "type": "integer",
            "description": "With what to ask for what follows" }),
        _ => json!({ "type": "string", "description": "With what to ask for what follows" }),
    };
    object(
        &[
            (
                "apiVersion",
                json!({ "type": "string", "const": API_VERSION }),
            ),
            ("kind", text),
            ("items", items),
            ("has_more", json!({ "type": "boolean" })),
            ("next", next),
        ],
        &["next"],
    )
}

/// Returns the schema of an enumeration.
fn word(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

/// Returns the schema of a time (RFC 3339, UTC).
fn moment() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn with_example(mut schema: Value, example: Value) -> Value {
    schema["examples"] = json!([example]);
    schema
}

fn merged(mut schemas: Value, more: Value) -> Value {
    if let (Value::Object(all), Value::Object(more)) = (&mut schemas, more) {
        all.extend(more);
    }
    schemas
}

fn webhook_schemas() -> Value {
    let text = || json!({ "type": "string" });
    let number = || json!({ "type": "integer" });
    let truth = || json!({ "type": "boolean" });
    let either = |schema: Value| json!({ "anyOf": [schema, { "type": "null" }] });
    let kind = json!({ "type": "string", "pattern": "^[a-z_]{1,32}$" });
    let types = json!({ "type": "array", "items": kind, "maxItems": 32 });
    let known = json!({ "type": "string", "enum": TYPES });
    let wanted = json!({ "type": "array", "items": known, "maxItems": 32 });
    let id = json!({ "type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$" });
    let batch = json!({ "type": "integer", "minimum": 1, "maximum": 100 });
    let from = json!({ "type": "integer", "format": "int64", "minimum": 0,
        "maximum": WHOLE_MAX });
    let secret = json!({ "type": "string", "pattern": "^[!-~]{16,256}$" });
    let url = json!({ "type": "string", "pattern": HOOK_URL });
    let webhook = [
        ("business_id", reference("TenantName")),
        ("id", id.clone()),
        ("url", text()),
        ("types", types),
        ("batch", number()),
        (
            "state",
            json!({ "type": "string", "enum": ["active", "paused"] }),
        ),
        ("reason", word(&["by_hand", "gone"])),
        ("created", moment()),
        ("seq", number()),
        ("delivered", number()),
        ("delivered_at", moment()),
        ("attempts", number()),
        ("last_failure", text()),
        ("last_failure_at", moment()),
        ("waiting", number()),
        ("waiting_since", moment()),
        ("dead_letters", number()),
        ("test", text()),
    ];
    let absent = [
        "reason",
        "delivered_at",
        "last_failure",
        "last_failure_at",
        "waiting_since",
        "test",
    ];
    let made = [&webhook[..], &[("secret", text())]].concat();
    json!({
        "Webhook": object(&webhook, &absent),
        "WebhookList": list("Webhook"),
        "WebhookMade": object(&made, &absent),
        "WebhookAdd": with_example(closed(object(&[("url", url),
            ("id", either(id)), ("types", wanted), ("batch", either(batch)),
            ("from_seq", either(from.clone())), ("secret", either(secret))],
            &["id", "types", "batch", "from_seq", "secret"])),
            json!({ "url": "https://crm.example.com/hook", "types": ["message"], "batch": 20 })),
        "WebhookRedeliver": closed(object(&[("seq", either(from))], &["seq"])),
        "Count": object(&[("count", number())], &[]),
        "DeadLetter": object(&[("seq", number()), ("type", text()), ("at", moment()),
            ("reason", text()), ("attempts", number()), ("dead_since", moment()),
            ("redeliver", truth())], &[]),
        "DeadLetterList": list("DeadLetter"),
    })
}

fn schemas() -> Value {
    let text = || json!({ "type": "string" });
    let number = || json!({ "type": "integer" });
    let truth = || json!({ "type": "boolean" });
    let setting = || json!({ "type": "string", "maxLength": 64, "pattern": PLAIN });
    let pattern = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    let to = format!("^({PHONE}|{ADDRESS})$");
    let phone = format!("^{PHONE}$");
    let platforms = json!(["", "chrome", "edge", "firefox", "safari", "other"]);
    let name = || reference("TenantName");
    let mut all = json!({
        "TenantName": pattern(TENANT_NAME),
        "Text": { "type": "string" },
        "Image": { "type": "string", "format": "binary" },
        "Problem": problem(),
        "Tenant": tenant(),
        "StoppedOrRemoved": { "anyOf": [reference("Tenant"), reference("Removed")] },
        "Removed": object(&[("business_id", name()), ("unlinked", truth()), ("reason", text())],
            &["unlinked", "reason"]),
        "TenantList": list("Tenant"),
        "TenantAdd": with_example(closed(object(&[("business_id", pattern(NEW_TENANT_NAME)),
            ("proxy", pattern(PROXY)), ("device_name", setting()),
            ("platform", json!({ "type": "string", "enum": platforms })),
            ("host", setting()), ("message_ttl_s", json!({ "type": "integer", "minimum": 0,
            "maximum": TTL_S_MAX, "description": "How long messages may wait for the account; 0 \
            is for ever" }))], &["proxy", "device_name", "platform", "host", "message_ttl_s"])),
            json!({ "business_id": "acme" })),
        "TenantMove": closed(object(&[("host", json!({ "type": ["string", "null"],
            "minLength": 1, "maxLength": 64, "pattern": PLAIN }))], &[])),
        "PairBegin": closed(object(&[("phone", json!({ "type": ["string", "null"],
            "pattern": phone })),
            ("replace", truth()), ("create", truth())], &["phone", "replace", "create"])),
        "Pairing": pairing(),
        "PairingStep": object(&[("id", text()), ("data", json!({ "type": "string",
            "contentMediaType": "application/json", "contentSchema": reference("Pairing") }))],
            &[]),
        "Message": message(&to),
        "MessageBatch": closed(object(&[("messages", json!({ "type": "array", "minItems": 1,
            "maxItems": TOGETHER_MAX, "items": reference("Message") }))], &[])),
        "Delivery": delivered(),
        "DeliveryList": list("Delivery"),
        "EventList": list("Event"),
        "Host": object(&[("id", text()), ("name", text()), ("pid", number()), ("state", text()),
            ("serves", truth()), ("tenants", number()), ("capacity", number()),
            ("liveness", word(&["lock", "counter"])), ("started", moment()),
            ("heartbeat", moment())],
            &[]),
        "HostList": list("Host"),
        "HostDrain": closed(object(&[("drain", truth())], &["drain"])),
        "Audit": object(&[("id", text()), ("at", moment()), ("actor", text()), ("action", text()),
            ("business_id", text()), ("detail", text()), ("request_id", text())],
            &["business_id", "detail", "request_id"]),
        "AuditList": list("Audit"),
    });
    if let (Some(all), Value::Object(locks)) = (all.as_object_mut(), lock_schemas()) {
        all.extend(locks);
    }
    all
}

fn lock_schemas() -> Value {
    let text = || json!({ "type": "string" });
    let number = || json!({ "type": "integer" });
    let truth = || json!({ "type": "boolean" });
    let seconds = || json!({ "type": "number" });
    let array = |items: Value| json!({ "type": "array", "items": items });
    let (name, lock_key) = (|| reference("TenantName"), || array(number()));
    json!({
        "Lock": object(&[("business_id", name()),
            ("state", word(&["free", "held", "orphaned", "void"])), ("epoch", number()),
            ("waiting", number()), ("holder", text()), ("host_id", text()), ("pid", number()),
            ("liveness", word(&["lock", "counter"])), ("route", text()),
            ("since", moment()), ("held_s", number()),
            ("heartbeat", moment()), ("heartbeat_age_s", number()), ("beats", number()),
            ("timeout_s", seconds()), ("deadline_s", seconds()),
            ("session", reference("DatabaseSession")), ("lock_key", lock_key()),
            ("file_lock_pid", number()),
            ("waiters", array(object(&[("process", text()), ("backend_pid", number()),
            ("client", text())], &["process", "client"]))), ("standing_by", text()),
            ("problem", text()), ("problems", array(reference("Trouble")))],
            &["holder", "host_id", "pid", "liveness", "route", "since", "held_s", "heartbeat",
            "heartbeat_age_s", "beats", "timeout_s", "deadline_s", "session", "lock_key",
            "file_lock_pid", "waiters", "standing_by", "problem", "problems"]),
        "HostLock": object(&[("id", text()), ("name", text()), ("pid", number()),
            ("state", text()), ("tenants", number()),
            ("liveness", word(&["lock", "counter"])), ("route", text()),
            ("heartbeat", moment()), ("heartbeat_age_s", number()), ("beats", number()),
            ("timeout_s", seconds()), ("deadline_s", seconds()),
            ("session", reference("DatabaseSession")), ("lock_key", lock_key()),
            ("problems", array(reference("Trouble")))],
            &["route", "timeout_s", "deadline_s", "session", "lock_key", "problems"]),
        "UnknownLock": object(&[("lock_key", lock_key()), ("key_of", text()),
            ("granted", truth()), ("backend_pid", number()), ("application", text()),
            ("role", text()), ("client", text()), ("problem", reference("Trouble"))],
            &["key_of", "client"]),
        "DatabaseSession": object(&[("lock", text()), ("backend_pid", number()), ("of", text()),
            ("client", text()), ("age_s", seconds()), ("silent_s", seconds())],
            &["client", "age_s", "silent_s"]),
        "Trouble": object(&[("code", text()), ("text", text()), ("command", text())], &[]),
        "LockList": object(&[("apiVersion", text()), ("kind", text()),
            ("items", array(reference("Lock"))), ("hosts", array(reference("HostLock"))),
            ("unknown", array(reference("UnknownLock")))], &[]),
    })
}
