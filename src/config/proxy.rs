//! A proxy as a validated value, and the hosts that bypass it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::config::host;
use crate::config::webhook::Network;

/// Longest user name or password in SOCKS5, in bytes.
///
/// Source: RFC 1929 section 2.
const CREDENTIAL_BYTES_MAX: usize = 255;

/// The protocol of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// `CONNECT host:port` over plain HTTP.
    Http,
    /// SOCKS version 5; the proxy resolves names.
    Socks5,
}

/// The address of a proxy and our credentials there. Formatted without the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub kind: ProxyKind,
    pub host: String,
    pub port: u16,
    /// User name and password.
    pub credentials: Option<(String, String)>,
}

/// The reason why a proxy URL is rejected. The text is never repeated: it may contain a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    #[error("proxy URL must start with http:// or socks5://")]
    Scheme,
    #[error("proxy URL is not scheme://[user:password@]host:port")]
    Form,
    #[error("user name and password of a proxy have at most {CREDENTIAL_BYTES_MAX} bytes")]
    Credentials,
}

impl FromStr for Proxy {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let (scheme, rest) = text.split_once("://").ok_or(ProxyError::Scheme)?;
        let kind = match scheme {
            "http" => ProxyKind::Http,
            "socks5" | "socks5h" => ProxyKind::Socks5,
            _ => return Err(ProxyError::Scheme),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (credentials, authority) = match rest.rsplit_once('@') {
            Some((credentials, authority)) => (Some(credentials), authority),
            None => (None, rest),
        };
        let (host, port) = authority.rsplit_once(':').ok_or(ProxyError::Form)?;
        let host = host::checked(host).ok_or(ProxyError::Form)?;
        // The number parser would also accept a leading plus sign.
        let number = port.starts_with(|first: char| ('1'..='9').contains(&first));
        if !number {
            return Err(ProxyError::Form);
        }
        let credentials = credentials.map(|text| {
            let (user, password) = text.split_once(':').unwrap_or((text, ""));
            Some((decoded(user)?, decoded(password)?))
        });
        let credentials = match credentials {
            Some(None) => return Err(ProxyError::Form),
            Some(pair) => pair,
            None => None,
        };
        if credentials.as_ref().is_some_and(|(user, password)| {
            user.is_empty() || CREDENTIAL_BYTES_MAX < user.len().max(password.len())
        }) {
            return Err(ProxyError::Credentials);
        }
        Ok(Self {
            kind,
            host: host.to_owned(),
            port: port.parse().map_err(|_| ProxyError::Form)?,
            credentials,
        })
    }
}

/// The proxy of a whole process, which tenants without one of their own use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessProxy {
    /// The setting or the variable that names it.
    pub named_by: String,
    /// An unusable one matters only to what connects.
    pub proxy: Result<Proxy, ProxyError>,
    pub bypass: Bypass,
}

impl ProcessProxy {
    /// From what `HTTPS_PROXY` and the like hold, where a scheme may be missing; and `NO_PROXY`.
    pub fn new(named_by: String, proxy: &str, bypass: &str) -> Self {
        let proxy = match proxy.contains("://") {
            true => proxy.parse(),
            false => format!("http://{proxy}").parse(),
        };
        Self {
            named_by,
            proxy,
            bypass: Bypass::new(bypass),
        }
    }
}

/// Hosts that are reached without the process's proxy, as other programs read `NO_PROXY`: names
/// with all names below them, addresses, networks, `*`. This machine is always one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bypass(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    All,
    /// In lower case, without a dot at its ends.
    Name(String),
    Network(Network),
}

impl Bypass {
    fn new(text: &str) -> Self {
        let parts = text.split(|char: char| char == ',' || char.is_whitespace());
        let rules = parts.filter(|part| !part.is_empty()).map(|part| {
            let bare = part.trim_start_matches('[').trim_end_matches(']');
            match (part, bare.parse()) {
                ("*", _) => Rule::All,
                (_, Ok(network)) => Rule::Network(network),
                _ => {
                    let name = part.trim_start_matches('*').trim_matches('.');
                    Rule::Name(name.to_ascii_lowercase())
                }
            }
        });
        Self(rules.collect())
    }

    /// Whether a host, a name or an address without brackets, is reached directly.
    pub fn contains(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
            return true;
        }
        self.0.iter().any(|rule| match rule {
            Rule::All => true,
            Rule::Network(network) => address.is_some_and(|address| network.contains(address)),
            Rule::Name(name) => {
                let above = host.strip_suffix(name.as_str());
                above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
            }
        })
    }
}

/// Decodes percent escapes. Returns `None` for invalid text, or if it contains a control character
/// such as a line end.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.contains(char::is_control)).then_some(text)
}

/// Formats the URL with `***` in place of the password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            ProxyKind::Http => "http",
            ProxyKind::Socks5 => "socks5",
        };
        write!(f, "{scheme}://")?;
        if let Some((user, _)) = &self.credentials {
            for byte in user.bytes() {
                match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    true => write!(f, "{}", char::from(byte))?,
                    false => write!(f, "%{byte:02X}")?,
                }
            }
            write!(f, ":***@")?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_have_a_kind_a_place_and_hide_passwords() {
        check("http://proxy.example:3128", Ok("http://proxy.example:3128"));
        check(
            "socks5://a:b%40c@[2001:db8::1]:1080/",
            Ok("socks5://a:***@[2001:db8::1]:1080"),
        );
        check("http://a]ß%40:b@c:80", Ok("http://a%5D%C3%9F%40:***@c:80"));
        check("socks5h://10.0.0.1:1080", Ok("socks5://10.0.0.1:1080"));
        check("https://proxy:443", Err(ProxyError::Scheme));
        check("proxy:443", Err(ProxyError::Scheme));
        check("http://proxy", Err(ProxyError::Form));
        check("http://:80", Err(ProxyError::Form));
        check("http://a b:80", Err(ProxyError::Form));
        check("http://proxy:99999", Err(ProxyError::Form));
        check("http://proxy:+80", Err(ProxyError::Form));
        check("http://[proxy]:80", Err(ProxyError::Form));
        check("http://2001:db8::1:80", Err(ProxyError::Form));
        check("http://u%0d%0a:p@proxy:80", Err(ProxyError::Form));
        check("http://:p@proxy:80", Err(ProxyError::Credentials));
    }

    #[test]
    fn the_proxy_of_a_process_may_lack_its_scheme() {
        let of = |text: &str| ProcessProxy::new(String::new(), text, "").proxy;
        assert_eq!(of("proxy:3128"), "http://proxy:3128".parse());
        assert_eq!(of("socks5h://proxy:1080"), "socks5://proxy:1080".parse());
        assert_eq!(of("https://proxy:443"), Err(ProxyError::Scheme));
        assert_eq!(of("proxy"), Err(ProxyError::Form));
    }

    #[test]
    fn hosts_are_reached_directly_as_no_proxy_says() {
        for (text, host, direct) in [
            ("", "web.whatsapp.com", false),
            ("", "localhost", true),
            ("", "127.0.0.2", true),
            ("", "::1", true),
            ("*", "web.whatsapp.com", true),
            ("whatsapp.com", "web.whatsapp.com", true),
            (".whatsapp.com", "WEB.whatsapp.com.", true),
            ("*.whatsapp.com", "whatsapp.com", true),
            ("whatsapp.com", "notwhatsapp.com", false),
            ("com, example.net", "mmg.whatsapp.net", false),
            ("a.test web.whatsapp.com", "web.whatsapp.com", true),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("[2001:db8::1]", "2001:db8::1", true),
            ("192.0.2.1", "192.0.2.1", true),
            (", ,", "web.whatsapp.com", false),
        ] {
            assert_eq!(Bypass::new(text).contains(host), direct, "{text:?} {host}");
        }
    }

    fn check(text: &str, expected: Result<&str, ProxyError>) {
        let found = text.parse::<Proxy>().map(|proxy| format!("{proxy:?}"));
        assert_eq!(found, expected.map(str::to_owned), "{text}");
    }
}
