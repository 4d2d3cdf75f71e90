//! Refusals as `application/problem+json`: a status, a stable code, a sentence for people.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::ops::open::RowsError;
use crate::ops::send::SendError;
use crate::ops::tenants::TenantError;

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub status: StatusCode,
    /// Stable: programs may compare it.
    pub code: &'static str,
    pub detail: String,
    /// Methods that the path has, for 405.
    pub allow: Option<String>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            allow: None,
        }
    }

    /// The request makes no sense.
    pub fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", detail)
    }

    /// There is no such thing.
    pub fn absent(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", detail)
    }

    /// The answer, with the id under which the log tells of it.
    pub fn answer(self, request_id: &str) -> Response {
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Refused"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
            "request_id": request_id,
        });
        let head = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut answer = (self.status, head, body.to_string()).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let value = HeaderValue::from_static("Bearer realm=\"wmctl\"");
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        if let Some(allow) = self.allow.and_then(|text| HeaderValue::try_from(text).ok()) {
            answer.headers_mut().insert(header::ALLOW, allow);
        }
        answer
    }
}

impl From<RowsError> for Problem {
    fn from(error: RowsError) -> Self {
        match error {
            RowsError::Held { .. } => {
                Self::new(StatusCode::CONFLICT, "LOCK_HELD", error.to_string())
            }
            error => {
                // What the database says is for the log.
                tracing::warn!(%error, "the database did not answer a request");
                let detail = "the database is not available: try again";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "DATABASE", detail)
            }
        }
    }
}

impl From<TenantError> for Problem {
    fn from(error: TenantError) -> Self {
        match error {
            TenantError::Rows(error) => error.into(),
            TenantError::Unknown(_) => Self::absent(error.to_string()),
            error => Self::bad(error.to_string()),
        }
    }
}

impl From<SendError> for Problem {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Rows(error) => error.into(),
            error => Self::bad(error.to_string()),
        }
    }
}
