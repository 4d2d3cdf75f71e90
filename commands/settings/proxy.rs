//! The proxy of this process, and whether tenants' proxies may be in private networks.

use wmctl::config::proxy::ProcessProxy;

use crate::failure::Failure;
use crate::settings::{Origin, Settings};

/// The variable that is for servers with TLS, as curl and others spell it; upper case will do.
pub(super) const FOR_TLS: &str = "https_proxy";

/// What is shown of a proxy: not its password.
pub(super) fn shown(text: &str) -> String {
    match ProcessProxy::new(String::new(), text, "").proxy {
        Ok(proxy) => proxy.to_string(),
        Err(_) if text == "none" => text.to_owned(),
        Err(_) => String::from("***"),
    }
}

impl Settings {
    /// The proxy of this process to a server, if it has one: `none` is none.
    pub(super) fn proxy(&self, server: &str) -> Option<ProcessProxy> {
        let (text, origin) = self.values.get("proxy")?;
        let secured = server.starts_with("wss://");
        match origin {
            _ if text == "none" => return None,
            Origin::Variable(name) if name.eq_ignore_ascii_case(FOR_TLS) && !secured => {
                return None;
            }
            _ => (),
        }
        let bypass = self.value("no_proxy").unwrap_or_default();
        let named_by = match origin {
            Origin::Variable(name) => name.clone(),
            origin => format!("proxy ({origin})"),
        };
        Some(ProcessProxy::new(named_by, text, bypass))
    }

    /// Whether tenants' proxies may be on this machine and in private networks.
    pub(crate) fn private_proxies(&self) -> Result<bool, Failure> {
        match self.value("private_proxies") {
            Some("true" | "1") => Ok(true),
            None | Some("false" | "0") => Ok(false),
            Some(_) => Err(self.wrong("private_proxies", "must be true or false")),
        }
    }
}
