//! A connection target as a URL describes it: servers, login, TLS and session settings.
//!
//! What the URL leaves out comes from the environment variables and the password file of
//! PostgreSQL's own clients.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crate::config::postgres::{Binding, Keepalives, PostgresUrl, Roots, TlsMode, WantedServer};
use crate::store::db::postgres::address::{Address, Files};
use crate::store::db::postgres::environment::var;
use crate::store::db::postgres::login::Login;

const PORT: u16 = 5432;
/// Folders of Unix sockets, by distribution.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];
/// Maximum number of prepared statements of a connection: more than the program has.
const STATEMENTS_MAX: usize = 500;
/// How to connect.
#[derive(Clone, Debug)]
pub(in crate::store) struct Target {
    pub(super) servers: Arc<Vec<Address>>,
    /// The index of the server that was suitable last.
    pub(super) last: Arc<AtomicUsize>,
    pub(super) wanted: WantedServer,
    pub(super) login: Login,
    pub(super) database: Option<String>,
    pub(super) application: String,
    /// Settings that a session starts with.
    pub(super) settings: Vec<(String, String)>,
    pub(super) tls: TlsMode,
    pub(super) binding: Binding,
    pub(super) keepalives: Keepalives,
    pub(super) files: Arc<Files>,
    pub(super) statements: usize,
}

impl Target {
    /// Creates the target of a URL. Sessions get this name unless the URL sets one.
    pub(in crate::store) fn of(url: &PostgresUrl, name: &str) -> Self {
        let servers = servers(url);
        let options = url.options.clone().or_else(|| var("PGOPTIONS"));
        Self {
            tls: mode(url, &servers),
            servers: Arc::new(servers),
            last: Arc::default(),
            wanted: url.wanted,
            login: Login::of(url),
            database: url.database.clone().or_else(|| var("PGDATABASE")),
            binding: url.binding,
            keepalives: url.keepalives,
            files: Arc::new(files(url)),
            settings: settings_of(options.as_deref().unwrap_or_default()),
            application: url.application.clone().unwrap_or_else(|| name.to_owned()),
            statements: url.statement_cache.unwrap_or(STATEMENTS_MAX),
        }
    }

    /// Returns the target with another TLS mode.
    pub(in crate::store) fn with_tls(&self, tls: TlsMode) -> Self {
        Self {
            tls,
            ..self.clone()
        }
    }

    pub(in crate::store) fn tls(&self) -> TlsMode {
        self.tls
    }

    pub(in crate::store) fn roots(&self) -> &Roots {
        &self.files.roots
    }

    pub(in crate::store) fn client(&self) -> Option<&(PathBuf, PathBuf)> {
        self.files.client.as_ref()
    }

    /// Returns the target with more settings. A setting from the URL is not overridden.
    pub(in crate::store) fn with_settings(&self, more: &[(&str, &str)]) -> Self {
        let mut target = self.clone();
        for (name, value) in more {
            if target.settings.iter().all(|(known, _)| known != name) {
                let setting = ((*name).to_owned(), (*value).to_owned());
                target.settings.push(setting);
            }
        }
        target
    }

    /// Returns the target without prepared statements, which outlive a transaction.
    pub(in crate::store) fn without_statements(&self) -> Self {
        Self {
            statements: 0,
            ..self.clone()
        }
    }

    /// Reads the login again from the file that it came from.
    pub(in crate::store) fn renew_login(&self) {
        self.login.renew();
    }
}

/// Returns the servers that the URL names, else those of the environment, else this machine.
fn servers(url: &PostgresUrl) -> Vec<Address> {
    let port = var("PGPORT").and_then(|port| port.parse().ok());
    let named = || var("PGHOSTADDR").or_else(|| var("PGHOST"));
    let first = (url.host.clone().or_else(named), url.port);
    let all = [first].into_iter().chain(url.others.iter().cloned());
    let address = |(host, its): (Option<String>, Option<u16>)| {
        let port = its.or(port).unwrap_or(PORT);
        Address {
            host: host.unwrap_or_else(|| default_host(port)),
            port,
        }
    };
    all.map(address).collect()
}

fn mode(url: &PostgresUrl, servers: &[Address]) -> TlsMode {
    // No server offers TLS over its Unix socket, and no network lies in between.
    if servers.iter().all(Address::is_socket) {
        return TlsMode::Disable;
    }
    let named = || TlsMode::named(&var("PGSSLMODE")?);
    url.tls.or_else(named).unwrap_or_default()
}

fn files(url: &PostgresUrl) -> Files {
    let named = || var("PGSSLROOTCERT").filter(|path| !path.is_empty());
    let roots = match (&url.roots, named()) {
        (Roots::Any, Some(path)) if path == "system" => Roots::System,
        (Roots::Any, Some(path)) => Roots::File(path.into()),
        (roots, _) => roots.clone(),
    };
    let named = || {
        let (certificate, key) = (var("PGSSLCERT")?, var("PGSSLKEY")?);
        Some((certificate.into(), key.into()))
    };
    let client = url.client.clone().or_else(named);
    Files { roots, client }
}

/// Returns the folder that has a socket for this port, else `localhost`.
fn default_host(port: u16) -> String {
    let socket = format!(".s.PGSQL.{port}");
    let has_it = |folder: &&&str| Path::new(folder).join(&socket).exists();
    let folder = SOCKET_FOLDERS.iter().find(has_it);
    folder.map_or("localhost", |folder| *folder).to_owned()
}

/// Parses `-c name=value` and `--name=value`, separated by blanks (which a URL writes as `%20`).
fn settings_of(options: &str) -> Vec<(String, String)> {
    let parts = options.split("-c").flat_map(|part| part.split("--"));
    let pairs = parts.filter_map(|part| part.trim().split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Formats settings as the server parses them.
pub(super) fn options(settings: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in settings {
        text.push_str("-c ");
        for char in name.chars().chain(['=']).chain(value.chars()) {
            if char == ' ' || char == '\\' {
                text.push('\\');
            }
            text.push(char);
        }
        text.push(' ');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_reach_the_server_as_they_are() {
        let settings = settings_of("-c a=1 --b=x  -c c.d='e'");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            settings,
            [pair("a", "1"), pair("b", "x"), pair("c.d", "'e'")]
        );
        assert_eq!(
            options(&[pair("a", "b c\\d"), pair("e", "1")]),
            "-c a=b\\ c\\\\d -c e=1 "
        );
    }
}
