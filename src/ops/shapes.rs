//! What machines read: the JSON forms, versioned and apart from the inner types.
//!
//! Within `wmctl/v1` fields are only ever added. Names are snake_case, times RFC 3339 in UTC,
//! lengths of time in seconds with `_s`.

use serde::Serialize;

use crate::session::changes::AccountState;

/// The version that every answer names.
pub const API_VERSION: &str = "wmctl/v1";

/// One object with its kind.
#[derive(Debug, Serialize)]
pub struct Object<'a, T> {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    body: &'a T,
}

impl<'a, T: Serialize> Object<'a, T> {
    /// `kind` is a singular noun in CamelCase.
    pub fn new(kind: &'static str, body: &'a T) -> Self {
        Self {
            api_version: API_VERSION,
            kind,
            body,
        }
    }
}

/// Several objects of one kind.
#[derive(Debug, Serialize)]
pub struct List<'a, T> {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    kind: &'static str,
    items: &'a [T],
}

impl<'a, T: Serialize> List<'a, T> {
    /// `kind` ends with `List`.
    pub fn new(kind: &'static str, items: &'a [T]) -> Self {
        Self {
            api_version: API_VERSION,
            kind,
            items,
        }
    }
}

/// What this binary is and what it was built with.
#[derive(Debug, Serialize)]
pub struct Version {
    pub version: &'static str,
    pub features: Vec<&'static str>,
    /// The WhatsApp Web version that servers are told.
    pub client_version: String,
}

/// A time in milliseconds since the epoch as RFC 3339 in UTC.
pub fn time(unix_ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(unix_ms).unwrap_or_default();
    format!("{time:.3}")
}

/// The word for a state, the same everywhere.
pub fn state_word(state: AccountState) -> &'static str {
    match state {
        AccountState::Connecting => "connecting",
        AccountState::Connected => "connected",
        AccountState::Disconnected => "disconnected",
        AccountState::Replaced => "replaced",
        AccountState::LoggedOut => "logged_out",
        AccountState::Banned => "banned",
        AccountState::Outdated => "outdated",
        AccountState::Stalled => "stalled",
    }
}
