//! The table of all routes: method, path, required permission and documentation. The router and the
//! OpenAPI document are both built from it.

use crate::ids::TenantId;
use crate::ops::keys::Action;

/// The operation of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    ListTenants,
    AddTenant,
    ShowTenant,
    RemoveTenant,
    StartTenant,
    StopTenant,
    MoveTenant,
    BeginPairing,
    ShowPairing,
    WatchPairing,
    CancelPairing,
    LogoutTenant,
    SendMessage,
    SendMessages,
    ShowMessage,
    ReadEvents,
    ListWebhooks,
    AddWebhook,
    ShowWebhook,
    RemoveWebhook,
    PauseWebhook,
    ResumeWebhook,
    TestWebhook,
    RedeliverLetters,
    ListLetters,
    ListHosts,
    DrainHost,
    ListLocks,
    ReadAudit,
}

/// A route.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The operation.
    pub op: Op,
    /// HTTP method.
    pub method: &'static str,
    /// Path template, with names in braces.
    pub path: &'static str,
    /// Permission that a key needs.
    pub action: Action,
    /// Whether the key must apply to all tenants.
    pub everyone: bool,
    /// One-line description for the document.
    pub summary: &'static str,
    /// Schema of the body, and whether a body is required.
    pub body: Option<(&'static str, bool)>,
    /// Names and types of query parameters.
    pub query: &'static [(&'static str, Param)],
    /// Meaning of status 409 for this route, if it can occur.
    pub conflict: Option<&'static str>,
    /// Further refusals that only this route has.
    pub also: &'static [(u16, &'static str)],
    /// Status, media type and schema of each successful response.
    pub answers: &'static [(u16, &'static str, &'static str)],
}

impl Route {
    /// Returns the description of a query parameter.
    pub fn meaning(&self, name: &str) -> &'static str {
        match (self.op, name) {
            (Op::ListTenants, "after") => "Start after the tenant of this name",
            (Op::ListLetters, "after") => "Start after the dead letter of this number",
            (_, "limit") => "Largest number of items",
            (_, "purge") => "Delete keys, sessions and events for good",
            (_, "confirm") => "Name of the tenant again, to confirm what cannot be undone",
            (_, "format") => "Format of the code",
            (_, "from_seq") => {
                "Start with the event of this number; 0 is the first that exists, `now` the \
                 next one"
            }
            (_, "wait") => "Wait at most this many seconds for the first event",
            _ => "",
        }
    }

    /// Returns the section of the document that the route belongs to.
    pub fn tag(&self) -> &'static str {
        match self.path {
            path if path.contains("/webhooks") => "webhooks",
            path if path.contains("/pair") || path.ends_with("/logout") => "pairing",
            path if path.contains("/messages") => "messages",
            path if path.contains("/events") => "events",
            path if path.starts_with(ID) || path == "/api/tenants" => "tenants",
            _ => "hosts",
        }
    }
}

/// The type of a query parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Param {
    /// A number: minimum, maximum and default.
    Number(i64, i64, i64),
    /// A boolean; the default is false.
    Truth,
    /// One of these words; the first is the default.
    Word(&'static [&'static str]),
    /// The name of a tenant.
    Tenant,
    /// The number of an event, or `now` for the next event.
    Place,
}

impl Param {
    /// Checks a value. The error describes what is expected.
    pub fn check(self, value: &str) -> Result<(), String> {
        let (sound, what) = match self {
            Self::Number(least, most, _) => {
                let digits = value.bytes().all(|byte| byte.is_ascii_digit());
                let number: Option<i64> = value.parse().ok().filter(|_| digits);
                let sound = number.is_some_and(|number| (least..=most).contains(&number));
                (sound, format!("a number from {least} to {most}"))
            }
            Self::Truth => {
                let what = String::from("true or false");
                (matches!(value, "true" | "false"), what)
            }
            Self::Word(words) => {
                let what = format!("one of {}", words.join(", "));
                (words.contains(&value), what)
            }
            Self::Place => {
                let digits = value.bytes().all(|byte| byte.is_ascii_digit());
                let number = digits && value.parse::<i64>().is_ok();
                (number || value == "now", String::from("a number or `now`"))
            }
            Self::Tenant => {
                let what = String::from("the name of a tenant");
                (value.parse::<TenantId>().is_ok(), what)
            }
        };
        sound.then_some(()).ok_or(what)
    }
}

const JSON: &str = "application/json";
const ID: &str = "/api/tenants/{id}";
const HOOKS: &str = "/api/tenants/{id}/webhooks";
const HOOK: &str = "/api/tenants/{id}/webhooks/{webhook}";

/// Refusal of an idempotency key that was used with other content.
const REUSED: (u16, &str) = (
    422,
    "the idempotency key was used before, for something else",
);
/// Refusal of a request for events that retention has removed.
const REMOVED: (u16, &str) = (410, "events that were asked for are removed");

const fn route(op: Op, method: &'static str, path: &'static str, action: Action) -> Route {
    Route {
        op,
        method,
        path,
        action,
        everyone: false,
        summary: "",
        body: None,
        query: &[],
        conflict: None,
        also: &[],
        answers: &[(200, JSON, "Tenant")],
    }
}

/// All routes that need a key.
pub const ROUTES: &[Route] = &[
    Route {
        summary: "List tenants in the order of their names",
        query: &[
            ("after", Param::Tenant),
            ("limit", Param::Number(1, 1_000, 1_000)),
        ],
        answers: &[(200, JSON, "TenantList")],
        ..route(Op::ListTenants, "GET", "/api/tenants", Action::Read)
    },
    Route {
        summary: "Add or change a tenant, and start it",
        body: Some(("TenantAdd", true)),
        answers: &[(200, JSON, "Tenant"), (201, JSON, "Tenant")],
        ..route(Op::AddTenant, "POST", "/api/tenants", Action::Write)
    },
    Route {
        summary: "Show one tenant",
        ..route(Op::ShowTenant, "GET", ID, Action::Read)
    },
    Route {
        summary: "Stop a tenant; with purge=true, delete its keys and sessions for good",
        query: &[("purge", Param::Truth), ("confirm", Param::Tenant)],
        conflict: Some("confirm does not name the tenant"),
        answers: &[(200, JSON, "StoppedOrRemoved"), (204, "", "")],
        ..route(Op::RemoveTenant, "DELETE", ID, Action::Write)
    },
    Route {
        summary: "Start a tenant",
        ..route(
            Op::StartTenant,
            "POST",
            "/api/tenants/{id}/start",
            Action::Write,
        )
    },
    Route {
        summary: "Stop a tenant; its data is kept",
        ..route(
            Op::StopTenant,
            "POST",
            "/api/tenants/{id}/stop",
            Action::Write,
        )
    },
    Route {
        summary: "Pin a tenant to a host while that host is alive; null unpins it",
        body: Some(("TenantMove", true)),
        ..route(
            Op::MoveTenant,
            "POST",
            "/api/tenants/{id}/move",
            Action::Write,
        )
    },
    Route {
        summary: "Start to link a device",
        body: Some(("PairBegin", false)),
        conflict: Some("a device is linked, or being linked, already"),
        answers: &[(202, JSON, "Pairing")],
        ..route(
            Op::BeginPairing,
            "POST",
            "/api/tenants/{id}/pair",
            Action::Pair,
        )
    },
    Route {
        summary: "Show the state of linking, and the code as JSON, text or image",
        query: &[("format", Param::Word(&["json", "text", "png"]))],
        answers: &[
            (200, JSON, "Pairing"),
            (200, "text/plain", "Text"),
            (200, "image/png", "Image"),
        ],
        ..route(
            Op::ShowPairing,
            "GET",
            "/api/tenants/{id}/pair",
            Action::Pair,
        )
    },
    Route {
        summary: "Cancel linking",
        answers: &[(204, "", "")],
        ..route(
            Op::CancelPairing,
            "DELETE",
            "/api/tenants/{id}/pair",
            Action::Pair,
        )
    },
    Route {
        summary: "Follow linking as server-sent events until it ends",
        answers: &[(200, "text/event-stream", "PairingStep")],
        ..route(
            Op::WatchPairing,
            "GET",
            "/api/tenants/{id}/pair/events",
            Action::Pair,
        )
    },
    Route {
        summary: "Unlink the device; its data is kept",
        query: &[("confirm", Param::Tenant)],
        conflict: Some("confirm does not name the tenant, or there is nothing to unlink"),
        ..route(
            Op::LogoutTenant,
            "POST",
            "/api/tenants/{id}/logout",
            Action::Pair,
        )
    },
    Route {
        summary: "Queue messages in one transaction: all or none, except those whose idempotency \
            key was used for another message",
        body: Some(("MessageBatch", true)),
        conflict: Some("the account cannot send now, or there is none"),
        answers: &[(202, JSON, "DeliveryList")],
        ..route(
            Op::SendMessages,
            "POST",
            "/api/tenants/{id}/messages/batch",
            Action::Send,
        )
    },
    Route {
        summary: "Show the state of a message",
        answers: &[(200, JSON, "Delivery")],
        ..route(
            Op::ShowMessage,
            "GET",
            "/api/tenants/{id}/messages/{message}",
            Action::Send,
        )
    },
    Route {
        summary: "Queue a message",
        body: Some(("Message", true)),
        conflict: Some("the account cannot send now, or there is none"),
        also: &[REUSED],
        answers: &[(202, JSON, "Delivery")],
        ..route(
            Op::SendMessage,
            "POST",
            "/api/tenants/{id}/messages",
            Action::Send,
        )
    },
    Route {
        summary: "Read numbered events; `wait` waits for the first one",
        query: &[
            ("from_seq", Param::Place),
            ("limit", Param::Number(1, 256, 100)),
            ("wait", Param::Number(0, 25, 0)),
        ],
        conflict: Some("the number is beyond the last event: this is another log"),
        also: &[REMOVED],
        answers: &[(200, JSON, "EventList")],
        ..route(
            Op::ReadEvents,
            "GET",
            "/api/tenants/{id}/events",
            Action::Read,
        )
    },
    Route {
        summary: "List the webhooks of a tenant with their progress",
        answers: &[(200, JSON, "WebhookList")],
        ..route(Op::ListWebhooks, "GET", HOOKS, Action::Read)
    },
    Route {
        summary: "Add a webhook; only this answer shows its secret",
        body: Some(("WebhookAdd", true)),
        conflict: Some("there is a webhook of that id, too many, or from_seq is beyond the end"),
        also: &[REMOVED],
        answers: &[(201, JSON, "WebhookMade")],
        ..route(Op::AddWebhook, "POST", HOOKS, Action::Write)
    },
    Route {
        summary: "Show one webhook",
        answers: &[(200, JSON, "Webhook")],
        ..route(Op::ShowWebhook, "GET", HOOK, Action::Read)
    },
    Route {
        summary: "Remove a webhook and its dead letters",
        answers: &[(204, "", "")],
        ..route(Op::RemoveWebhook, "DELETE", HOOK, Action::Write)
    },
    Route {
        summary: "Pause a webhook; events wait",
        answers: &[(200, JSON, "Webhook")],
        ..route(
            Op::PauseWebhook,
            "POST",
            "/api/tenants/{id}/webhooks/{webhook}/pause",
            Action::Write,
        )
    },
    Route {
        summary: "Resume a webhook at once",
        answers: &[(200, JSON, "Webhook")],
        ..route(
            Op::ResumeWebhook,
            "POST",
            "/api/tenants/{id}/webhooks/{webhook}/resume",
            Action::Write,
        )
    },
    Route {
        summary: "Send a test event from the host that runs the tenant; `test` has the result",
        answers: &[(202, JSON, "Webhook")],
        ..route(
            Op::TestWebhook,
            "POST",
            "/api/tenants/{id}/webhooks/{webhook}/test",
            Action::Write,
        )
    },
    Route {
        summary: "Deliver dead letters again: one by its number, or all",
        body: Some(("WebhookRedeliver", false)),
        answers: &[(202, JSON, "Count")],
        ..route(
            Op::RedeliverLetters,
            "POST",
            "/api/tenants/{id}/webhooks/{webhook}/redeliver",
            Action::Write,
        )
    },
    Route {
        summary: "List dead letters, without their content",
        query: &[
            ("after", Param::Number(0, i64::MAX, 0)),
            ("limit", Param::Number(1, 1_000, 100)),
        ],
        answers: &[(200, JSON, "DeadLetterList")],
        ..route(
            Op::ListLetters,
            "GET",
            "/api/tenants/{id}/webhooks/{webhook}/dead",
            Action::Read,
        )
    },
    Route {
        everyone: true,
        summary: "List hosts",
        answers: &[(200, JSON, "HostList")],
        ..route(Op::ListHosts, "GET", "/api/hosts", Action::Read)
    },
    Route {
        everyone: true,
        summary: "Drain a host, or end that",
        body: Some(("HostDrain", false)),
        answers: &[(204, "", "")],
        ..route(
            Op::DrainHost,
            "POST",
            "/api/hosts/{host}/drain",
            Action::Admin,
        )
    },
    Route {
        summary: "Show who holds each lease, and what is wrong",
        answers: &[(200, JSON, "LockList")],
        ..route(Op::ListLocks, "GET", "/api/locks", Action::Read)
    },
    Route {
        everyone: true,
        summary: "Show who changed what, newest first",
        answers: &[(200, JSON, "AuditList")],
        ..route(Op::ReadAudit, "GET", "/api/audit", Action::Admin)
    },
];
