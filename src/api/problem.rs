//! Refusals as `application/problem+json`: a status, a stable code, a sentence for people, and the
//! invalid field if there is one.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::app::RowsError;
use crate::app::events::EventsError;
use crate::ops::logout::LogoutError;
use crate::ops::pairings::BeginError;
use crate::ops::send::SendError;
use crate::ops::tenants::TenantError;

/// Every code with its meaning and remedy. The command line uses the same codes.
pub const CODES: &[(&str, &str)] = &[
    (
        "ALREADY_PAIRED",
        "A device of the tenant is linked. Send \"replace\": true to unlink it first.",
    ),
    ("BAD_JSON", "The body is not a JSON object."),
    ("BAD_VALUE", "A value is not allowed; `errors` says which."),
    (
        "BANNED",
        "WhatsApp banned the account for a time. Wait, or set `expires_at` or `force`.",
    ),
    (
        "BUSY",
        "The host is at one of its limits. Retry, or ask another host.",
    ),
    ("CONTENT_TYPE", "A body has to be application/json."),
    (
        "DATABASE",
        "The database is not available. Retry; the log of the host says more.",
    ),
    (
        "EVENTS_AHEAD",
        "The number is beyond the last event, because the database was restored or \
        replaced. Start with from_seq=0, or after the last number.",
    ),
    (
        "EVENTS_REMOVED",
        "Retention deleted the events that were requested. The answer says which exist. \
        Keep events longer, or read more often.",
    ),
    (
        "EXPORTED",
        "The account was exported: another program runs it.",
    ),
    (
        "FORBIDDEN",
        "The API key does not allow this action or this tenant.",
    ),
    (
        "IDEMPOTENCY_KEY_REUSED",
        "The idempotency key was used before, for another text or recipient.",
    ),
    (
        "LOCK_HELD",
        "Another process runs the account. Stop it first, or retry.",
    ),
    (
        "LOGGED_OUT",
        "The phone unlinked the device. Pair again, or set `expires_at` or `force`.",
    ),
    (
        "METHOD_NOT_ALLOWED",
        "The path does not support this method; `Allow` lists those it does.",
    ),
    (
        "MISSING_FIELD",
        "A required field is missing; `errors` says which.",
    ),
    (
        "NOT_CONFIRMED",
        "The request cannot be undone: add confirm=NAME with the name of the tenant.",
    ),
    (
        "NOT_FOUND",
        "There is no tenant, webhook, message or host of that name.",
    ),
    ("NOT_PAIRED", "The tenant has no device. Pair one first."),
    (
        "NOT_PAIRING",
        "No device of the tenant is being linked, or there is no code to show yet.",
    ),
    (
        "NOT_UNLINKED",
        "WhatsApp did not confirm that the device is unlinked. Retry.",
    ),
    ("NO_PATH", "There is no such path."),
    ("PAIRING", "A device of the tenant is being linked already."),
    (
        "RATE_LIMIT",
        "Too many requests; `Retry-After` says when to retry.",
    ),
    (
        "RECIPIENT",
        "The recipient is neither an international phone number nor an address.",
    ),
    (
        "TIMEOUT",
        "The answer took too long. Check whether the request was carried out, then retry.",
    ),
    ("TOO_LARGE", "The body is too large."),
    (
        "TOO_MANY_WEBHOOKS",
        "The tenant has the maximum number of webhooks.",
    ),
    (
        "UNAUTHORIZED",
        "An API key is required, or this one is unknown or revoked.",
    ),
    (
        "UNKNOWN_FIELD",
        "The body has an unknown field; `errors` says which.",
    ),
    (
        "UNKNOWN_PARAMETER",
        "The query has an unknown parameter; `detail` lists the known ones.",
    ),
    ("WEBHOOK_EXISTS", "The tenant has a webhook with that ID."),
    (
        "WRONG_TYPE",
        "A value has the wrong JSON type; `errors` says which.",
    ),
];

/// Returns the explanation of a code, to which the `type` of a refusal links.
pub(super) fn page(code: &str) -> Option<String> {
    let (code, text) = CODES.iter().find(|(known, _)| *known == code)?;
    Some(format!("{code}\n\n{text}\n"))
}

/// The invalid part of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// A JSON pointer into the body.
    Pointer(String),
    /// A query parameter.
    Parameter(&'static str),
}

/// A refused request and the reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// Stable code that programs may compare.
    pub code: &'static str,
    /// A sentence for people.
    pub detail: String,
    more: Box<More>,
}

/// Fields that few refusals have.
#[derive(Clone, Debug, Default, PartialEq)]
struct More {
    /// Allowed methods of the path, for status 405.
    allow: Option<String>,
    /// Seconds after which to retry.
    retry_after_s: Option<u64>,
    place: Option<Place>,
    /// Values that a program needs to continue.
    facts: Vec<(&'static str, Value)>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        debug_assert!(page(code).is_some(), "{code} is not listed");
        Self {
            status,
            code,
            detail: detail.into(),
            more: Box::default(),
        }
    }

    /// Returns a refusal of an invalid value (400).
    pub fn value(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_VALUE", detail)
    }

    /// Returns a refusal of an unknown object (404).
    pub fn absent(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", detail)
    }

    /// Returns a refusal of an unknown path (404).
    pub fn no_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NO_PATH", "there is no such path")
    }

    pub(super) fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// Adds the seconds after which to retry.
    #[must_use]
    pub fn after(mut self, seconds: u64) -> Self {
        self.more.retry_after_s = Some(seconds);
        self
    }

    /// Adds the methods that the path allows.
    #[must_use]
    pub fn allowing(mut self, methods: &[&str]) -> Self {
        self.more.allow = Some(methods.join(", "));
        self
    }

    /// Adds a JSON pointer to the invalid field of the body.
    #[must_use]
    pub fn pointer(mut self, pointer: impl Into<String>) -> Self {
        self.more.place = Some(Place::Pointer(pointer.into()));
        self
    }

    /// Prefixes the pointer, for a value that is part of a larger body.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        if let Some(Place::Pointer(pointer)) = &mut self.more.place {
            pointer.insert_str(0, prefix);
        }
        self
    }

    /// Adds the name of the invalid query parameter.
    #[must_use]
    pub fn parameter(mut self, name: &'static str) -> Self {
        self.more.place = Some(Place::Parameter(name));
        self
    }

    #[must_use]
    fn fact(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.more.facts.push((name, value.into()));
        self
    }

    /// Builds the refusal of an invalid body from the parser's error.
    pub fn of_body(path: &str, error: &serde_json::Error) -> Self {
        let words = error.to_string();
        let detail = format!("the body is invalid: {words}");
        let bad = |code| Self::new(StatusCode::BAD_REQUEST, code, detail.clone());
        if !error.is_data() {
            return bad("BAD_JSON");
        }
        let named = words.split('`').nth(1).unwrap_or_default();
        let below = |name: &str| match name {
            "" => path.to_owned(),
            name => format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")),
        };
        if words.starts_with("missing field") {
            return bad("MISSING_FIELD").pointer(below(named));
        }
        if words.starts_with("unknown field") {
            // For an unknown field, the parser's path may already end with the field's name.
            let own = path.ends_with(&format!("/{named}"));
            return bad("UNKNOWN_FIELD").pointer(if own { path.to_owned() } else { below(named) });
        }
        let code = match words.starts_with("invalid type") {
            true => "WRONG_TYPE",
            false => "BAD_VALUE",
        };
        bad(code).pointer(path)
    }

    /// Returns the response, with the request id that the log uses.
    pub fn answer(self, request_id: &str) -> Response {
        let mut body = json!({
            "type": format!("/problems/{}", self.code),
            "title": self.status.canonical_reason().unwrap_or("Refused"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
            "request_id": request_id,
        });
        let more = *self.more;
        for (name, value) in more.facts {
            body[name] = value;
        }
        let place = more.place.map(|place| match place {
            Place::Pointer(pointer) => json!({ "pointer": format!("#{pointer}") }),
            Place::Parameter(name) => json!({ "parameter": name }),
        });
        if let Some(mut place) = place {
            place["detail"] = json!(self.detail);
            body["errors"] = json!([place]);
        }
        let head = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut answer = (self.status, head, body.to_string()).into_response();
        let headers = answer.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            let value = HeaderValue::from_static("Bearer realm=\"wmctl\"");
            headers.insert(header::WWW_AUTHENTICATE, value);
        }
        if let Some(allow) = more.allow.and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        if let Some(seconds) = more.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }
}

impl From<RowsError> for Problem {
    fn from(error: RowsError) -> Self {
        match error {
            RowsError::Held { .. } => Self::conflict("LOCK_HELD", error.to_string()),
            error => {
                // The database's own error text goes only to the log.
                tracing::warn!(%error, "the database did not answer a request");
                let detail = "the database is not available: retry later";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "DATABASE", detail)
            }
        }
    }
}

impl From<TenantError> for Problem {
    fn from(error: TenantError) -> Self {
        let field = error.field();
        match error {
            TenantError::Rows(error) => error.into(),
            TenantError::Unknown(_) => Self::absent(error.to_string()),
            error => match field {
                Some(field) => Self::value(error.to_string()).pointer(format!("/{field}")),
                None => Self::value(error.to_string()),
            },
        }
    }
}

impl From<SendError> for Problem {
    fn from(error: SendError) -> Self {
        let (detail, code) = (error.to_string(), error.code().unwrap_or("DATABASE"));
        let pointer = error.field().map(|field| format!("/{field}"));
        let status = match error {
            SendError::Rows(error) => return error.into(),
            SendError::UnknownTenant(_) => StatusCode::NOT_FOUND,
            SendError::KeyReused { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            SendError::Unpaired(_)
            | SendError::LoggedOut(_)
            | SendError::Banned(_)
            | SendError::Exported(_)
            | SendError::Expired => StatusCode::CONFLICT,
            _ => StatusCode::BAD_REQUEST,
        };
        let problem = Self::new(status, code, detail);
        match pointer {
            Some(pointer) => problem.pointer(pointer),
            None => problem,
        }
    }
}

impl From<EventsError> for Problem {
    fn from(error: EventsError) -> Self {
        let (detail, code) = (error.to_string(), error.code().unwrap_or("DATABASE"));
        match error {
            EventsError::Rows(error) => error.into(),
            EventsError::UnknownTenant(_) => Self::absent(detail),
            EventsError::Removed {
                removed_to,
                first,
                last,
                ..
            } => Self::new(StatusCode::GONE, code, detail)
                .parameter("from_seq")
                .fact("removed_to", removed_to)
                .fact("first_seq", first)
                .fact("last_seq", last),
            EventsError::Ahead { last, .. } => Self::conflict(code, detail)
                .parameter("from_seq")
                .fact("last_seq", last),
        }
    }
}

impl From<BeginError> for Problem {
    fn from(error: BeginError) -> Self {
        let detail = error.to_string();
        match error {
            BeginError::Rows(error) => error.into(),
            BeginError::Tenant(error) => error.into(),
            BeginError::AlreadyPaired { .. } => Self::conflict("ALREADY_PAIRED", detail),
            BeginError::Busy(_) => Self::conflict("PAIRING", detail),
        }
    }
}

impl From<LogoutError> for Problem {
    fn from(error: LogoutError) -> Self {
        let detail = error.to_string();
        match error {
            LogoutError::Rows(error) => error.into(),
            LogoutError::UnknownTenant(_) => Self::absent(detail),
            LogoutError::Unpaired(_) => Self::conflict("NOT_PAIRED", detail),
            LogoutError::Exported(_) => Self::conflict("EXPORTED", detail),
            LogoutError::NotUnlinked(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "NOT_UNLINKED", detail)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Body {
        name: String,
        #[serde(default)]
        counts: Vec<u8>,
    }

    fn said(text: &str) -> (&'static str, Option<String>) {
        let mut track = serde_path_to_error::Track::new();
        let mut from = serde_json::Deserializer::from_str(text);
        let from = serde_path_to_error::Deserializer::new(&mut from, &mut track);
        let error = Body::deserialize(from).unwrap_err();
        let problem = Problem::of_body(&crate::api::tenants::pointer(&track.path()), &error);
        let pointer = match problem.more.place {
            Some(Place::Pointer(pointer)) => Some(pointer),
            _ => None,
        };
        (problem.code, pointer)
    }

    #[test]
    fn a_body_that_does_not_fit_is_told_apart_and_pointed_at() {
        let at = |pointer: &str| Some(pointer.to_owned());
        assert_eq!(said("{"), ("BAD_JSON", None));
        assert_eq!(said("{}"), ("MISSING_FIELD", at("/name")));
        assert_eq!(
            said(r#"{"name":"a","nmae":1}"#),
            ("UNKNOWN_FIELD", at("/nmae"))
        );
        assert_eq!(said(r#"{"name":7}"#), ("WRONG_TYPE", at("/name")));
        assert_eq!(
            said(r#"{"name":"a","counts":[1,"b"]}"#),
            ("WRONG_TYPE", at("/counts/1"))
        );
        assert_eq!(
            said(r#"{"name":"a","counts":[300]}"#),
            ("BAD_VALUE", at("/counts/0"))
        );
    }

    #[test]
    fn codes_are_in_order_and_each_has_a_page() {
        assert!(CODES.is_sorted_by(|one, next| one.0 < next.0));
        assert!(page("RATE_LIMIT").unwrap().contains("Retry-After"));
        assert_eq!(page("rate_limit"), None);
    }
}
