//! Authenticates requests: by an API key in a header, or as the local user while no keys exist.
//! Requests over the rate limit are refused before any database access.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use tokio::time::Instant;

use crate::api::door::Ends;
use crate::api::limit::{ClientRateLimit, RemainingQuota, network};
use crate::api::problem::Problem;
use crate::app::App;
use crate::ops::keys::{self, Fingerprint, Grant};

/// Maximum length of a key header (bytes). A longer one is ignored.
const KEY_BYTES_MAX: usize = 256;

/// Headers that proxies add, besides `X-Forwarded-…`.
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

/// Maximum number of keys remembered as valid, and for how long. The memory only selects a rate
/// limit bucket: every request still checks its key, so a deleted key is refused at once.
const GOOD_MAX: usize = 10_000;
const GOOD_FOR: Duration = Duration::from_secs(600);

/// The clients that may use the interface without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnonymousAccess {
    /// The user of this process, from this machine, while no keys exist.
    Local,
    /// No client.
    Never,
}

/// The parts of a request that matter for authentication.
pub(super) struct Asked<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) uri: &'a Uri,
    pub(super) ends: Option<Ends>,
}

/// Admits or refuses requests.
pub(super) struct Authenticator {
    open: AnonymousAccess,
    limit: ClientRateLimit,
    good: Mutex<HashMap<Fingerprint, Instant>>,
}

impl Authenticator {
    pub(super) fn new(open: AnonymousAccess, rate: u32) -> Self {
        Self {
            open,
            limit: ClientRateLimit::new(rate),
            good: Mutex::default(),
        }
    }

    /// Returns the client's permissions and its remaining rate limit, which a refusal has too.
    ///
    /// Takes a rate limit token before any database access. A key known to be valid has its own
    /// bucket; other requests share the bucket of their address. So a client that guesses keys
    /// cannot block clients with valid keys.
    pub(super) async fn admit(
        &self,
        app: &App,
        asked: &Asked<'_>,
    ) -> (Result<Grant, Problem>, Option<RemainingQuota>) {
        let text = key_text(asked.headers);
        let print = text.map(keys::fingerprint);
        let local = text.is_none() && self.open == AnonymousAccess::Local && is_local(asked);
        let bucket = match &print {
            Some(print) if self.is_good(print) => format!("key {}", hex::encode(print)),
            _ if local => String::from("local"),
            _ => asked
                .ends
                .map_or_else(String::new, |ends| network(ends.peer.ip())),
        };
        let left = match self.limit.take(&bucket) {
            Ok(left) => left,
            Err(left) => return (Err(too_often(left)), Some(left)),
        };
        let grant = match text {
            Some(text) => self.with_key(app, text).await,
            None => without_key(app, local).await,
        };
        (grant, Some(left))
    }

    async fn with_key(&self, app: &App, text: &str) -> Result<Grant, Problem> {
        let print = keys::fingerprint(text);
        let grant = keys::check(app, text).await?;
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(grant) = grant else {
            good.remove(&print);
            return Err(refused("this is no key, or not any more"));
        };
        let now = Instant::now();
        if GOOD_MAX <= good.len() {
            good.retain(|_, until| now < *until);
        }
        if good.len() < GOOD_MAX {
            good.insert(print, now + GOOD_FOR);
        }
        Ok(grant)
    }

    fn is_good(&self, print: &Fingerprint) -> bool {
        let good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        good.get(print).is_some_and(|until| Instant::now() < *until)
    }
}

async fn without_key(app: &App, local: bool) -> Result<Grant, Problem> {
    if local && !keys::exist(app).await? {
        return Ok(Grant::local());
    }
    Err(refused(
        "a key is needed: Authorization: Bearer …, or X-API-Key; none only for the user of this \
         process, who asks this machine by its own name and through no proxy, while there are none",
    ))
}

fn refused(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", detail)
}

fn too_often(left: RemainingQuota) -> Problem {
    let detail = format!("too many requests: wait {} s", left.wait_s);
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMIT", detail).after(left.wait_s)
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

/// Returns whether the request comes from the user of this process on this machine and is addressed
/// to it. A proxy on this machine forwards requests of other clients: most proxies run as another
/// user, and most add a header. A foreign web page that makes a local browser send requests sends
/// its own host name, even if that name resolves to 127.0.0.1.
fn is_local(asked: &Asked<'_>) -> bool {
    let headers = asked.headers;
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
    let text = |value: &HeaderValue| value.to_str().unwrap_or("?").to_owned();
    let host = headers.get(header::HOST).map(text);
    let origin = headers.get(header::ORIGIN).map(text);
    let own_origin = origin.as_ref().is_none_or(|origin| {
        let rest = origin.strip_prefix("http://");
        let rest = rest.or_else(|| origin.strip_prefix("https://"));
        rest.is_some_and(|rest| Some(rest) == host.as_deref())
    });
    let named = asked.uri.authority().map(|authority| authority.as_str());
    own_origin
        && host.is_some_and(|host| is_own_name(&host))
        && named.is_none_or(is_own_name)
        && asked.ends.is_some_and(is_own_process)
}

/// Returns whether the text is one of this machine's own names, with or without a port.
fn is_own_name(text: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| {
        let Some(rest) = text.strip_prefix(name) else {
            return false;
        };
        let port = rest.strip_prefix(':');
        let number = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        rest.is_empty() || port.is_some_and(|port| number(port) && port.parse::<u16>().is_ok())
    })
}

/// Returns whether the user of this process owns the other end. The kernel names the socket's
/// owner.
#[cfg(target_os = "linux")]
fn is_own_process(ends: Ends) -> bool {
    let own = rustix::process::geteuid().as_raw();
    owner_of(ends.peer, ends.local) == Some(own)
}

/// On other systems the owner is unknown; any loopback address is accepted.
#[cfg(not(target_os = "linux"))]
fn is_own_process(ends: Ends) -> bool {
    ends.peer.ip().is_loopback()
}

/// Returns the user id that owns the local socket connected from `from` to `to`.
#[cfg(target_os = "linux")]
fn owner_of(from: SocketAddr, to: Option<SocketAddr>) -> Option<u32> {
    let to = to?;
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|path| {
        let table = std::fs::read_to_string(path).ok()?;
        table.lines().skip(1).find_map(|line| {
            let mut fields = line.split_ascii_whitespace().skip(1);
            let (local, remote) = (socket(fields.next()?)?, socket(fields.next()?)?);
            let uid = fields.nth(4)?.parse().ok()?;
            let same = |one: SocketAddr, other: SocketAddr| {
                (one.ip().to_canonical(), one.port()) == (other.ip().to_canonical(), other.port())
            };
            (same(local, from) && same(remote, to)).then_some(uid)
        })
    })
}

/// Parses an address of the kernel's table: words of four bytes in the machine's byte order.
#[cfg(target_os = "linux")]
fn socket(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = address.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    let ip: IpAddr = match address.len() {
        8 => word(0)?.into(),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            bytes.into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Returns whether a header that must be unique occurs twice, where a check might miss the second.
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

    /// Checks a request over a connection of this process.
    fn asked_by_us(pairs: &[(&'static str, &'static str)], uri: &'static str) -> bool {
        let (_client, ends) = own_connection();
        is_local(&Asked {
            headers: &headers(pairs),
            uri: &Uri::from_static(uri),
            ends: Some(ends),
        })
    }

    fn own_connection() -> ((std::net::TcpStream, std::net::TcpStream), Ends) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, peer) = listener.accept().unwrap();
        let local = server.local_addr().ok();
        ((client, server), Ends { local, peer })
    }

    #[test]
    fn a_request_line_that_names_somebody_else_is_not_local() {
        let host = [("host", "localhost")];
        assert!(asked_by_us(&host, "http://localhost/api"));
        assert!(!asked_by_us(&host, "http://evil.example/api"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_knows_whose_connection_it_is() {
        let (_client, ends) = own_connection();
        let own = rustix::process::geteuid().as_raw();
        assert_eq!(owner_of(ends.peer, ends.local), Some(own));
        let nobody = SocketAddr::new(ends.peer.ip(), 1);
        assert_eq!(owner_of(nobody, ends.local), None);
        assert_eq!(owner_of(ends.peer, None), None);
        let written = "0000000000000000FFFF00000100007F:1F90";
        let meant: SocketAddr = "[::ffff:127.0.0.1]:8080".parse().unwrap();
        assert_eq!(socket(written), Some(meant));
        assert_eq!(socket("0100007F:1F90"), "127.0.0.1:8080".parse().ok());
        assert_eq!(socket("0100007F"), None);
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
            (&[("host", "localhost:80:80")], false),
            (&[("host", "localhost:")], false),
            (&[("host", "localhost:99999")], false),
            (&[("host", "localhost:+80")], false),
            (&[("host", "localhost.")], false),
            (&[("host", "[::1]evil.example")], false),
            (&[("host", "[::1")], false),
            (&[("host", "::1")], false),
            (&[("host", "127.0.0.1 evil.example")], false),
        ] {
            assert_eq!(asked_by_us(pairs, "/"), local, "{pairs:?}");
        }
    }
}
