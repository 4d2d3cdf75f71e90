//! Who asks: a key in a header, or anybody on this machine while there are no keys.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::api::problem::Problem;
use crate::ops::keys::{self, Grant};
use crate::ops::open::App;

/// Longest header that is looked at.
const KEY_BYTES_MAX: usize = 256;

/// What proxies add, besides `X-Forwarded-…`.
const PASSED_ON: &[&str] = &[
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-host",
    "x-envoy-external-address",
    "true-client-ip",
    "cf-connecting-ip",
    "cf-ray",
];

/// Who may use the interface without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Open {
    /// Whoever reaches a loopback address, while there is no key at all.
    Local,
    /// Nobody.
    Never,
}

/// The grant of whoever sent these headers.
pub(super) async fn grant(app: &App, headers: &HeaderMap, open: Open) -> Result<Grant, Problem> {
    let refused = |detail: &str| Problem::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", detail);
    let Some(text) = key_text(headers) else {
        if open == Open::Local && is_local(headers) && !keys::exist(app).await? {
            return Ok(Grant::local());
        }
        return Err(refused(
            "a key is needed: Authorization: Bearer …, or X-API-Key; none only for who asks this \
             machine by its own name and through no proxy",
        ));
    };
    let grant = keys::check(app, text).await?;
    grant.ok_or_else(|| refused("this is no key, or not any more"))
}

fn key_text(headers: &HeaderMap) -> Option<&str> {
    let value = |name| headers.get(name)?.to_str().ok();
    let bearer = |text: &'_ str| -> Option<usize> {
        let (scheme, _) = text.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then_some(scheme.len())
    };
    let authorization: Option<&str> = value(header::AUTHORIZATION);
    let given = match authorization {
        Some(text) => Some(bearer(text).map_or(text, |end| text[end..].trim())),
        None => headers
            .get("x-api-key")
            .and_then(|value| value.to_str().ok()),
    };
    given.filter(|text| text.len() <= KEY_BYTES_MAX)
}

/// Whether the request comes from this machine and is meant for it. A proxy on this machine asks
/// for somebody else, and most say so. A page elsewhere that makes a browser on this machine ask
/// sends its own name, even where that name leads to 127.0.0.1.
fn is_local(headers: &HeaderMap) -> bool {
    let passed_on = |name: &HeaderName| {
        let name = name.as_str();
        PASSED_ON.contains(&name) || name.starts_with("x-forwarded-")
    };
    if headers.keys().any(passed_on) || is_twice(headers) {
        return false;
    }
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if !matches!(site, None | Some(b"same-origin" | b"none")) {
        return false;
    }
    let name = |text: &str| {
        let host = match text.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => text.split(':').next().unwrap_or_default(),
        };
        matches!(host, "localhost" | "127.0.0.1" | "::1")
    };
    let text = |value: &HeaderValue| value.to_str().unwrap_or("?").to_owned();
    let host = headers.get(header::HOST).map(text);
    let origin = headers.get(header::ORIGIN).map(text);
    let own_origin = origin.as_ref().is_none_or(|origin| {
        let rest = origin.strip_prefix("http://");
        let rest = rest.or_else(|| origin.strip_prefix("https://"));
        rest.is_some_and(|rest| Some(rest) == host.as_deref())
    });
    host.is_some_and(|host| name(&host)) && own_origin
}

/// Whether something is said twice of which the second could be overlooked.
fn is_twice(headers: &HeaderMap) -> bool {
    let count = |name| headers.get_all(name).iter().count();
    1 < count(header::HOST).max(count(header::ORIGIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn keys_are_found_in_either_header() {
        let found = |pairs| key_text(&headers(pairs)).map(str::to_owned);
        assert_eq!(found(&[("authorization", "Bearer k")]).unwrap(), "k");
        assert_eq!(found(&[("authorization", "bearer  k")]).unwrap(), "k");
        assert_eq!(found(&[("authorization", "Basic k")]).unwrap(), "Basic k");
        assert_eq!(found(&[("x-api-key", "k")]).unwrap(), "k");
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn other_peoples_pages_are_not_local() {
        for (pairs, local) in [
            (&[("host", "localhost:8080")][..], true),
            (&[("host", "127.0.0.1")], true),
            (&[("host", "[::1]:80")], true),
            (
                &[("host", "localhost:80"), ("origin", "http://localhost:80")],
                true,
            ),
            (
                &[("host", "localhost:80"), ("origin", "http://evil.example")],
                false,
            ),
            (&[("host", "evil.example")], false),
            (&[("host", "localhost.evil.example")], false),
            (&[], false),
            (&[("host", "localhost"), ("host", "evil.example")], false),
            (&[("host", "localhost"), ("origin", "null")], false),
            (&[("host", "a@localhost")], false),
            (
                &[("host", "localhost"), ("sec-fetch-site", "cross-site")],
                false,
            ),
            (
                &[("host", "localhost"), ("sec-fetch-site", "same-origin")],
                true,
            ),
            (
                &[("host", "localhost"), ("origin", "https://localhost")],
                true,
            ),
            (
                &[("host", "localhost"), ("x-forwarded-for", "192.0.2.1")],
                false,
            ),
            (
                &[("host", "localhost"), ("x-forwarded-anything", "")],
                false,
            ),
            (
                &[("host", "localhost"), ("forwarded", "for=192.0.2.1")],
                false,
            ),
            (&[("host", "localhost"), ("via", "1.1 squid")], false),
        ] {
            assert_eq!(is_local(&headers(pairs)), local, "{pairs:?}");
        }
    }
}
