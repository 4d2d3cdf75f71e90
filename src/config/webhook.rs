//! URLs of webhooks, networks that they may reach, and the retry settings of deliveries.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use hyper::Uri;

use crate::config::host;

/// Longest URL in bytes.
const URL_BYTES_MAX: usize = 2_048;

/// The URL of a webhook as a validated value.
#[derive(Clone, PartialEq, Eq)]
pub struct HookUrl {
    text: String,
    /// Whether the connection uses TLS.
    pub tls: bool,
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
    /// Path and query; starts with a slash.
    pub path: String,
    /// Host and port as in an HTTP `Host` header.
    pub authority: String,
}

/// The reason why a webhook URL is rejected. The text is never repeated: it may contain a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HookUrlError {
    #[error("a webhook's URL has at most {URL_BYTES_MAX} bytes")]
    Long,
    #[error("a webhook's URL starts with https://, or with http:// in an allowed network")]
    Scheme,
    #[error("a webhook's URL is https://host[:port]/path in printable ASCII, without a fragment")]
    Form,
    #[error("a webhook's URL has no user name or password: requests are signed instead")]
    UserInfo,
}

impl FromStr for HookUrl {
    type Err = HookUrlError;

    fn from_str(text: &str) -> Result<Self, HookUrlError> {
        if URL_BYTES_MAX < text.len() {
            return Err(HookUrlError::Long);
        }
        if text.contains('#') || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(HookUrlError::Form);
        }
        let uri: Uri = text.parse().map_err(|_| HookUrlError::Form)?;
        let (tls, default_port) = match uri.scheme_str() {
            Some("https") => (true, 443),
            Some("http") => (false, 80),
            _ => return Err(HookUrlError::Scheme),
        };
        let authority = uri.authority().ok_or(HookUrlError::Form)?;
        if authority.as_str().contains('@') {
            return Err(HookUrlError::UserInfo);
        }
        let host = host::checked(authority.host()).ok_or(HookUrlError::Form)?;
        let port = match authority.port() {
            // The URI parser treats an invalid port as absent.
            None if authority.as_str() != authority.host() => return Err(HookUrlError::Form),
            None => default_port,
            Some(port) if port.as_u16() == 0 => return Err(HookUrlError::Form),
            Some(port) => port.as_u16(),
        };
        let query = uri.query().map(|query| format!("?{query}"));
        let path = uri.path().to_owned() + &query.unwrap_or_default();
        Ok(Self {
            text: text.to_owned(),
            tls,
            host: host.to_owned(),
            port,
            path,
            authority: authority.to_string(),
        })
    }
}

impl HookUrl {
    /// Returns the complete URL, which may contain a token.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Formats the URL without path and query, which may contain a token.
impl fmt::Debug for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}/…", self.authority)
    }
}

/// A range of addresses, such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// The reason why a range is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a network is an address, or an address and the number of its fixed bits: 10.0.0.0/8")]
pub struct NetworkError;

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(text) => text.parse().map_err(|_| NetworkError)?,
            None => most,
        };
        if most < bits {
            return Err(NetworkError);
        }
        Ok(Self { address, bits })
    }
}

impl Network {
    /// Returns true if the range contains the address. IPv4 ranges contain no IPv6 address, and
    /// vice versa.
    pub fn contains(&self, address: IpAddr) -> bool {
        let same = |own: u128, other: u128, width: u32| {
            let free = width - u32::from(self.bits);
            own.checked_shr(free).unwrap_or(0) == other.checked_shr(free).unwrap_or(0)
        };
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                same(own.to_bits().into(), other.to_bits().into(), 32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => same(own.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }
}

/// Settings for the delivery of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Networks that webhooks may reach although they are not public, also without TLS.
    pub allow: Vec<Network>,
    /// Longest time of one attempt.
    pub attempt: Duration,
    /// Number of failed attempts after which an event becomes a dead letter.
    pub attempts_max: u32,
    /// Age after which an event that fails becomes a dead letter.
    pub age_max: Duration,
    /// Wait after the first failure; it doubles up to [`Delivery::WAIT_MAX`].
    pub first_wait: Duration,
}

impl Delivery {
    /// Longest wait between two attempts.
    pub const WAIT_MAX: Duration = Duration::from_secs(900);
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            attempt: Duration::from_secs(10),
            attempts_max: 12,
            age_max: Duration::from_secs(86_400),
            first_wait: Duration::from_secs(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_host_and_nobody() {
        for (text, expected) in [
            (
                "https://crm.example/hook",
                Ok((true, "crm.example", 443, "/hook")),
            ),
            ("https://crm.example", Ok((true, "crm.example", 443, "/"))),
            (
                "https://crm.example?a=b",
                Ok((true, "crm.example", 443, "/?a=b")),
            ),
            (
                "http://10.0.0.7:8080/a?b=c",
                Ok((false, "10.0.0.7", 8080, "/a?b=c")),
            ),
            (
                "https://[2001:db8::1]:1/x",
                Ok((true, "2001:db8::1", 1, "/x")),
            ),
            ("ftp://crm.example/", Err(HookUrlError::Scheme)),
            ("crm.example/hook", Err(HookUrlError::Form)),
            ("/hook", Err(HookUrlError::Scheme)),
            (
                "https://me:secret@crm.example/",
                Err(HookUrlError::UserInfo),
            ),
            ("https://crm.example@10.0.0.1/", Err(HookUrlError::UserInfo)),
            ("https://crm.example/#there", Err(HookUrlError::Form)),
            ("https://crm.example/a b", Err(HookUrlError::Form)),
            ("https://crm.example:0/", Err(HookUrlError::Form)),
            ("https://]crm.example/", Err(HookUrlError::Form)),
            ("https://[crm.example]/", Err(HookUrlError::Form)),
            ("https://crm.example[/", Err(HookUrlError::Form)),
            ("https://crm.example:99999/", Err(HookUrlError::Form)),
            ("https://bücher.example/", Err(HookUrlError::Form)),
            ("https://[fe80::1%25eth0]/", Err(HookUrlError::Form)),
            ("https:///hook", Err(HookUrlError::Form)),
        ] {
            let found = text.parse::<HookUrl>();
            let found = found
                .as_ref()
                .map(|url| (url.tls, url.host.as_str(), url.port, url.path.as_str()));
            assert_eq!(found, expected.as_ref().map(|it| *it), "{text}");
        }
        let long = format!("https://crm.example/{}", "x".repeat(URL_BYTES_MAX));
        assert_eq!(long.parse::<HookUrl>(), Err(HookUrlError::Long));
        let shown: HookUrl = "https://crm.example/token".parse().unwrap();
        assert_eq!(format!("{shown:?}"), "https://crm.example/…");
    }

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("0.0.0.0/0", "203.0.113.7", "::1"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("::/0", "2001:db8::1", "127.0.0.1"),
            ("192.168.1.64/26", "192.168.1.127", "192.168.1.128"),
        ] {
            let parsed: Network = network.parse().unwrap();
            assert!(
                parsed.contains(inside.parse().unwrap()),
                "{network} {inside}"
            );
            assert!(
                !parsed.contains(outside.parse().unwrap()),
                "{network} {outside}"
            );
        }
        for wrong in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "10.0.0.0/-1",
            "host/8",
        ] {
            assert_eq!(wrong.parse::<Network>(), Err(NetworkError), "{wrong}");
        }
    }
}
