//! Settings as validated values.
//!
//! They are built from text. This module reads no file, environment variable or flag, and its
//! output never shows a password.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

mod host;
pub mod postgres;
pub mod proxy;
pub mod retention;
pub mod span;
pub mod webhook;

use crate::config::postgres::{PARAMETER_SHOWN, PostgresUrl, PostgresUrlError};
use crate::config::proxy::ProcessProxy;

/// The location of the database.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file on this machine; its folder is created on first use.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(Box<PostgresUrl>),
}

impl DatabaseUrl {
    /// Returns `sqlite` or `postgres`.
    pub fn backend(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// Sets a separate URL of the same database that is used for locks only.
    pub fn with_locks_at(self, locks: Self) -> Result<Self, DatabaseUrlError> {
        match (self, locks) {
            (Self::Postgres(mut url), Self::Postgres(locks)) => {
                url.locks = Some(locks);
                Ok(Self::Postgres(url))
            }
            _ => Err(DatabaseUrlError::NoServer),
        }
    }

    /// Sets the file that the URL was read from.
    pub fn with_file(mut self, path: &Path) -> Self {
        if let Self::Postgres(url) = &mut self {
            url.file = Some(path.to_owned());
        }
        self
    }

    /// Returns true if two URLs name the same database but different users or passwords.
    pub fn differ_in_login(one: &str, other: &str) -> bool {
        let place = |text: &str| match text.parse() {
            Ok(Self::Postgres(mut url)) => {
                (url.user, url.password) = (None, None);
                Some(url)
            }
            _ => None,
        };
        one != other && place(one).is_some() && place(one) == place(other)
    }

    /// Returns true if the text of a URL contains a password, which must not be on a command line.
    pub fn has_password(text: &str) -> bool {
        redacted(text) != text
    }
}

/// The reason why a database URL is rejected. The text is never repeated: it may contain a
/// password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    #[error("database URL is empty")]
    Empty,
    #[error("database URL names no file")]
    NoFile,
    #[error(
        "parameter {name} of the database URL means nothing to a file; mode=rwc is meant anyway"
    )]
    FileParameter {
        /// The parameter as written, shortened.
        name: String,
    },
    #[error("only a postgres:// database has locks with a URL of their own")]
    NoServer,
    #[error("database URL starts with neither sqlite: nor postgres://")]
    Scheme,
    #[error(transparent)]
    Postgres(#[from] PostgresUrlError),
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(DatabaseUrlError::Empty);
        }
        for scheme in ["postgres://", "postgresql://"] {
            if let Some(rest) = text.strip_prefix(scheme) {
                return Ok(Self::Postgres(Box::new(PostgresUrl::parse(rest)?)));
            }
        }
        let path = if let Some(rest) = text.strip_prefix("sqlite:") {
            rest.strip_prefix("//").unwrap_or(rest)
        } else if text.contains("://") {
            return Err(DatabaseUrlError::Scheme);
        } else if Path::new(text).is_absolute() || text.starts_with("./") {
            text
        } else {
            return Err(DatabaseUrlError::Scheme);
        };
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        if path.is_empty() {
            return Err(DatabaseUrlError::NoFile);
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("mode", "rw" | "rwc") => (),
                // Connection settings of other clients; ours sets its own.
                (name, _) if name.starts_with('_') => (),
                (name, _) => {
                    let name = name.chars().filter(|char| char.is_ascii_graphic());
                    let name = name.take(PARAMETER_SHOWN).collect();
                    return Err(DatabaseUrlError::FileParameter { name });
                }
            }
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }
}

/// Formats the URL with `***` in place of a password.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Replaces the password in the authority and in `password=` and `sslpassword=` parameters.
fn redacted(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    // A password may contain an unescaped `@` or `/`: the last `@` ends it.
    let rest = match rest.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, _)) => format!("{user}:***@{host}"),
            None => format!("{user}@{host}"),
        },
        None => rest.to_owned(),
    };
    let query = query.map_or_else(String::new, |query| {
        let hide = |pair: &str| match pair.split_once('=') {
            Some((key @ ("password" | "sslpassword"), _)) => format!("{key}=***"),
            _ => pair.to_owned(),
        };
        format!(
            "?{}",
            query.split('&').map(hide).collect::<Vec<_>>().join("&")
        )
    });
    format!("{scheme}{rest}{query}")
}

/// The WhatsApp server to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatsAppServer {
    /// `wss://…`, or `ws://…` for a simulator on this machine.
    pub url: String,
    /// The public key that signs the server's certificates; `None` means WhatsApp's own.
    pub root_key: Option<[u8; 32]>,
    /// PEM file with the only trusted TLS roots; `None` trusts the system's and the built-in ones.
    pub ca_file: Option<PathBuf>,
    /// The client version sent to the server; `None` means the version that this build knows.
    pub client_version: Option<[u32; 3]>,
    /// How it is reached where a tenant has no proxy of its own; `None` is directly.
    pub proxy: Option<ProcessProxy>,
}

/// Parses a client version: three numbers separated by dots, like `2.3000.1045649367`.
pub fn client_version(text: &str) -> Option<[u32; 3]> {
    let mut numbers = text.trim().split('.').map(str::parse);
    let version = [(); 3].map(|()| numbers.next().and_then(Result::ok));
    let [Some(first), Some(second), Some(third)] = version else {
        return None;
    };
    numbers.next().is_none().then_some([first, second, third])
}

/// The URL of the WhatsApp service.
pub const WHATSAPP_URL: &str = "wss://web.whatsapp.com/ws/chat";

impl Default for WhatsAppServer {
    fn default() -> Self {
        Self {
            url: String::from(WHATSAPP_URL),
            root_key: None,
            ca_file: None,
            client_version: None,
            proxy: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_version_is_three_numbers() {
        assert_eq!(
            client_version("2.3000.1045649367\n"),
            Some([2, 3000, 1_045_649_367])
        );
        for wrong in ["", "2", "2.3000", "2.3000.1.2", "2.3000.x", "v2.3000.1"] {
            assert_eq!(client_version(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn urls_name_a_backend_and_hide_passwords() {
        check("sqlite:/var/lib/w.db", Ok("sqlite:/var/lib/w.db"));
        check(
            "sqlite:///var/lib/w.db?mode=rwc",
            Ok("sqlite:/var/lib/w.db"),
        );
        check("/tmp/w.db", Ok("sqlite:/tmp/w.db"));
        check(
            "postgres://localhost/whatsmeow",
            Ok("postgres://localhost/whatsmeow"),
        );
        check(
            "postgres://user:p:a@ss@db/w?sslmode=require",
            Ok("postgres://user:***@db/w?sslmode=require"),
        );
        check(
            "postgresql:///w?host=/run&password=x",
            Ok("postgres://:***@/w?host=/run"),
        );
        check("mysql://user:secret@db", Err(DatabaseUrlError::Scheme));
        check("whatsmeow", Err(DatabaseUrlError::Scheme));
        check("sqlite:", Err(DatabaseUrlError::NoFile));
        check("sqlite:w.db?_foreign_keys=on", Ok("sqlite:w.db"));
        for (query, name) in [("mode=ro", "mode"), ("cache=shared", "cache"), ("x", "x")] {
            let name = name.to_owned();
            let refused = Err(DatabaseUrlError::FileParameter { name });
            check(&format!("sqlite:w.db?{query}"), refused);
        }
        check("", Err(DatabaseUrlError::Empty));
    }

    fn check(text: &str, expected: Result<&str, DatabaseUrlError>) {
        let found = text.parse::<DatabaseUrl>().map(|url| format!("{url:?}"));
        assert_eq!(found, expected.map(str::to_owned), "{text}");
    }
}
