//! The JSON formats for programs: versioned, and separate from the inner types.
//!
//! Within `wmctl/v1`, fields are only added. Names are in snake_case, times are RFC 3339 in UTC,
//! and durations are in seconds with the suffix `_s`.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Number, Value};

/// The API version in each answer.
pub const API_VERSION: &str = "wmctl/v1";

/// Largest integer that other programs read exactly, 2^53 - 1.
pub(crate) const WHOLE_MAX: i64 = (1 << 53) - 1;

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
    /// Creates an object; `kind` is a singular noun in CamelCase.
    pub fn new(kind: &'static str, body: &'a T) -> Self {
        Self {
            api_version: API_VERSION,
            kind,
            body,
        }
    }
}

/// A list of objects of one kind.
#[derive(Debug, Serialize)]
pub struct List<'a, T> {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    kind: &'static str,
    items: &'a [T],
    /// Whether there are more items, and the cursor for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    has_more: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Value>,
}

impl<'a, T: Serialize> List<'a, T> {
    /// Creates a list; `kind` ends with `List`.
    pub fn new(kind: &'static str, items: &'a [T]) -> Self {
        Self {
            api_version: API_VERSION,
            kind,
            items,
            has_more: None,
            next: None,
        }
    }

    /// Adds whether there are more items, and the cursor for the next page.
    #[must_use]
    pub fn page(mut self, has_more: bool, next: Option<Value>) -> Self {
        (self.has_more, self.next) = (Some(has_more), next);
        self
    }
}

/// The version of this binary and the features that it was built with.
#[derive(Debug, Serialize)]
pub struct Version {
    pub version: &'static str,
    pub features: Vec<&'static str>,
    /// The WhatsApp Web version that this client reports to servers.
    pub client_version: String,
}

/// Formats Unix milliseconds as RFC 3339 in UTC.
pub fn time(unix_ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(unix_ms).unwrap_or_default();
    format!("{time:.3}")
}

/// Deserializes an optional whole number. JSON does not distinguish 288 from 288.0, so both are
/// accepted.
pub(crate) fn whole<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
where
    T: TryFrom<i64>,
    D: Deserializer<'de>,
{
    let wrong = || D::Error::custom("a whole number is needed, not too small or large");
    let Some(number) = Option::<Number>::deserialize(from)? else {
        return Ok(None);
    };
    let whole = |float: &f64| float.fract() == 0.0 && float.abs() <= WHOLE_MAX as f64;
    let float = number.as_f64().filter(whole).map(|float| float as i64);
    let integer = number
        .as_i64()
        .filter(|number| number.unsigned_abs() <= WHOLE_MAX.unsigned_abs());
    let number = integer.or(float).ok_or_else(wrong)?;
    T::try_from(number).map(Some).map_err(|_| wrong())
}
