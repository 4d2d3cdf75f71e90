//! The host part of a URL.

use std::net::Ipv6Addr;

/// Longest DNS name in bytes.
const BYTES_MAX: usize = 253;

/// Validates a name or address and returns it. An IPv6 address must be in brackets, which are
/// removed.
pub(super) fn checked(text: &str) -> Option<&str> {
    let inside = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let host = inside.unwrap_or(text);
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let is_one = match inside {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => (1..=BYTES_MAX).contains(&host.len()) && host.bytes().all(sound),
    };
    is_one.then_some(host)
}
