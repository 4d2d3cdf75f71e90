//! The use cases, carried out through the HTTP interface of another host.

mod webhooks;

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::app::event::Event;
use crate::app::events::Start;
use crate::engine::leased::explained;
use crate::ids::TenantId;
use crate::net::dial::DialError;
use crate::net::http::{HttpClient, HttpError};
use crate::ops::hosts::Host;
use crate::ops::send::{Delivery, Outgoing};
use crate::ops::tenants::{Changes, PAGE_MAX, Removed, Tenant};

/// Why a request to a host failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiClientError {
    /// The URL of the host is invalid.
    #[error("{0}")]
    Url(String),
    /// No valid response arrived. The request may have been carried out.
    #[error("{0}")]
    Unreachable(String),
    /// The host's certificate is not trusted, or the host does not speak TLS.
    #[error("{0}")]
    Untrusted(String),
    /// The host refused the request.
    #[error("{detail}")]
    Refused {
        status: u16,
        code: String,
        detail: String,
        /// JSON pointer to the invalid part of the body.
        pointer: Option<String>,
    },
}

impl ApiClientError {
    /// Returns the index (from 0) of the invalid message in a list.
    pub fn place(&self) -> Option<usize> {
        let Self::Refused { pointer, .. } = self else {
            return None;
        };
        let rest = pointer.as_deref()?.strip_prefix("#/messages/")?;
        rest.split('/').next()?.parse().ok()
    }
}

impl From<HttpError> for ApiClientError {
    fn from(error: HttpError) -> Self {
        let text = explained(&error);
        match error {
            HttpError::Url => Self::Url(text),
            HttpError::Dial(dial) if dial.is_configuration() => Self::Url(text),
            HttpError::Dial(DialError::Tls { .. }) => Self::Untrusted(text),
            _ => Self::Unreachable(text),
        }
    }
}

/// A client of one host's interface.
#[derive(Debug)]
pub struct ApiClient {
    client: HttpClient,
}

#[derive(Deserialize)]
pub(crate) struct Items<T> {
    pub(crate) items: Vec<T>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    errors: Vec<Wrong>,
}

#[derive(Deserialize)]
struct Wrong {
    #[serde(default)]
    pointer: Option<String>,
}

/// A page of events, and the number from which to request the next page.
#[derive(Deserialize)]
pub struct EventPage {
    /// Events in order of their numbers.
    pub items: Vec<Event>,
    /// Number from which to request the next page.
    pub next: i64,
    /// Whether more events are available now.
    pub has_more: bool,
}

impl ApiClient {
    /// Creates a client. Fails if the URL is invalid.
    pub fn new(
        url: &str,
        key: Option<String>,
        ca_file: Option<&Path>,
    ) -> Result<Self, ApiClientError> {
        let client = HttpClient::new(url, key, ca_file)?;
        Ok(Self { client })
    }

    /// See [`crate::ops::tenants::list`].
    pub async fn list(&self) -> Result<Vec<Tenant>, ApiClientError> {
        let mut all: Vec<Tenant> = Vec::new();
        loop {
            let after = all.last().map_or("", |last| last.business_id.as_str());
            let page = self.page(after, PAGE_MAX).await?;
            let full = page.len() == PAGE_MAX as usize;
            all.extend(page);
            if !full {
                return Ok(all);
            }
        }
    }

    /// See [`crate::ops::tenants::page`]. `after` is empty or the name of a tenant.
    pub async fn page(&self, after: &str, limit: u32) -> Result<Vec<Tenant>, ApiClientError> {
        let after = match after {
            "" => String::new(),
            name => format!("&after={name}"),
        };
        let path = format!("/api/tenants?limit={limit}{after}");
        let page: Items<Tenant> = self.json("GET", &path, None).await?;
        Ok(page.items)
    }

    /// See [`crate::ops::tenants::show`].
    pub async fn show(&self, tenant: &TenantId) -> Result<Option<Tenant>, ApiClientError> {
        let path = format!("/api/tenants/{tenant}");
        match self.json("GET", &path, None).await {
            Ok(shown) => Ok(Some(shown)),
            Err(ApiClientError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// See [`crate::ops::tenants::add`].
    pub async fn add(&self, tenant: &TenantId, changes: &Changes) -> Result<(), ApiClientError> {
        let mut body = json!({ "business_id": tenant.as_str() });
        for (name, text) in [
            ("proxy", &changes.proxy),
            ("device_name", &changes.device_name),
            ("platform", &changes.platform),
            ("host", &changes.host),
        ] {
            if let Some(text) = text {
                body[name] = json!(text);
            }
        }
        if let Some(ttl_s) = changes.message_ttl_s {
            body["message_ttl_s"] = json!(ttl_s);
        }
        self.done("POST", "/api/tenants", Some(body)).await
    }

    /// See [`crate::ops::tenants::enable`].
    pub async fn enable(&self, tenant: &TenantId, enabled: bool) -> Result<(), ApiClientError> {
        let word = if enabled { "start" } else { "stop" };
        let path = format!("/api/tenants/{tenant}/{word}");
        self.done("POST", &path, None).await
    }

    /// See [`crate::ops::tenants::place`].
    pub async fn place(&self, tenant: &TenantId, host: Option<&str>) -> Result<(), ApiClientError> {
        let path = format!("/api/tenants/{tenant}/move");
        let body = json!({ "host": host });
        self.done("POST", &path, Some(body)).await
    }

    /// See [`crate::ops::tenants::remove`].
    pub async fn remove(&self, tenant: &TenantId) -> Result<Removed, ApiClientError> {
        let path = format!("/api/tenants/{tenant}?purge=true&confirm={tenant}");
        let bytes = self.bytes("DELETE", &path, None).await?;
        if bytes.is_empty() {
            return Ok(Removed {
                business_id: tenant.to_string(),
                unlinked: None,
                reason: None,
            });
        }
        read(&bytes)
    }

    /// See [`crate::ops::logout::logout`].
    pub async fn logout(&self, tenant: &TenantId) -> Result<(), ApiClientError> {
        let path = format!("/api/tenants/{tenant}/logout?confirm={tenant}");
        self.done("POST", &path, None).await
    }

    /// See [`crate::ops::send::enqueue_all`]. Sends at most [`crate::ops::send::TOGETHER_MAX`]
    /// messages.
    pub async fn send(
        &self,
        tenant: &TenantId,
        messages: &[Outgoing],
    ) -> Result<Vec<Delivery>, ApiClientError> {
        let path = format!("/api/tenants/{tenant}/messages/batch");
        let body = json!({ "messages": messages });
        let taken: Items<Delivery> = self.json("POST", &path, Some(body)).await?;
        Ok(taken.items)
    }

    /// See [`crate::ops::send::show`].
    pub async fn message(&self, tenant: &TenantId, id: &str) -> Result<Delivery, ApiClientError> {
        let path = format!("/api/tenants/{tenant}/messages/{}", escaped(id));
        self.json("GET", &path, None).await
    }

    /// See [`crate::app::events::events`]. Waits at most the given seconds for the first event.
    pub async fn events(
        &self,
        tenant: &TenantId,
        start: Start,
        limit: u64,
        wait_s: u64,
    ) -> Result<EventPage, ApiClientError> {
        let from = match start {
            Start::Now => String::from("now"),
            Start::Seq(seq) => seq.to_string(),
        };
        let path = format!("/api/tenants/{tenant}/events");
        let path = format!("{path}?from_seq={from}&limit={limit}&wait={wait_s}");
        self.json("GET", &path, None).await
    }

    /// See [`crate::ops::hosts::list`].
    pub async fn hosts(&self) -> Result<Vec<Host>, ApiClientError> {
        let found: Items<Host> = self.json("GET", "/api/hosts", None).await?;
        Ok(found.items)
    }

    /// See [`crate::ops::hosts::drain`].
    pub async fn drain(&self, host: &str, draining: bool) -> Result<(), ApiClientError> {
        let body = json!({ "drain": draining });
        let path = format!("/api/hosts/{}/drain", escaped(host));
        self.done("POST", &path, Some(body)).await
    }

    pub(crate) async fn done(
        &self,
        method: &'static str,
        path: &str,
        body: Option<Value>,
    ) -> Result<(), ApiClientError> {
        self.bytes(method, path, body).await.map(|_| ())
    }

    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        method: &'static str,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, ApiClientError> {
        let bytes = self.bytes(method, path, body).await?;
        read(&bytes)
    }

    async fn bytes(
        &self,
        method: &'static str,
        path: &str,
        body: Option<Value>,
    ) -> Result<bytes::Bytes, ApiClientError> {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let (status, bytes) = self.client.ask(method, path, body.into()).await?;
        if (200..300).contains(&status) {
            return Ok(bytes);
        }
        let refusal: Refusal = serde_json::from_slice(&bytes).unwrap_or(Refusal {
            code: String::from("HTTP"),
            detail: format!("the host answered with status {status}"),
            errors: Vec::new(),
        });
        Err(ApiClientError::Refused {
            status,
            code: refusal.code,
            detail: refusal.detail,
            pointer: refusal.errors.into_iter().find_map(|one| one.pointer),
        })
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiClientError> {
    serde_json::from_slice(bytes)
        .map_err(|_| ApiClientError::Unreachable(String::from("the answer is not from wmctl")))
}

/// Escapes a name as one segment of a path.
pub(crate) fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let part = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    name.bytes().map(part).collect()
}
