//! The sources of each setting: flag, environment, secret file, configuration file, default.
//!
//! Only this module reads the environment. It refuses misspelt settings and never shows secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wmctl::api::tls::TlsFiles;
use wmctl::config::retention::{Limit, Retention};
use wmctl::config::span;
use wmctl::config::{DatabaseUrl, DatabaseUrlError, WhatsAppServer, client_version};
use wmctl::ids::TenantId;
use wmctl::rehearsal::simulated_phone::ControlUrl;

use crate::cli::Globals;
use crate::failure::{Exit, Failure};
use crate::log::Log;
use crate::tls::TlsArgs;
use crate::ui::{Colour, Format, Look};

mod proxy;

/// Maximum size of a secret or configuration file (bytes).
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A setting and its names.
struct Key {
    name: &'static str,
    /// Other names in the configuration file.
    aliases: &'static [&'static str],
    /// Environment variables besides `WMCTL_…`, as in the deployment guide.
    guide: &'static [&'static str],
    /// The value is never shown. It can be read from `…_FILE` or from a systemd credential.
    secret: bool,
    /// Not a secret, but it can be read from a `…_FILE` that another program updates.
    file: bool,
    default: Option<&'static str>,
}

const fn key(name: &'static str, default: Option<&'static str>) -> Key {
    Key {
        name,
        aliases: &[],
        guide: &[],
        secret: false,
        file: false,
        default,
    }
}

const KEYS: &[Key] = &[
    Key {
        guide: &["DATABASE_URL"],
        secret: true,
        ..key("database_url", None)
    },
    Key {
        guide: &["LOCK_DATABASE_URL"],
        secret: true,
        ..key("lock_database_url", None)
    },
    Key {
        aliases: &["business_id"],
        guide: &["WMCTL_BUSINESS_ID", "BUSINESS_ID"],
        ..key("tenant", Some("default"))
    },
    Key {
        guide: &["HTTP_PORT"],
        ..key("http_port", Some("8080"))
    },
    key("tls_cert", None),
    key("tls_key", None),
    key("api", None),
    Key {
        secret: true,
        ..key("api_key", None)
    },
    Key {
        secret: true,
        ..key("webhook_secret", None)
    },
    key("server", None),
    key("root_key", None),
    key("ca_file", None),
    key("simulator", None),
    Key {
        guide: &[proxy::FOR_TLS, "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
        secret: true,
        ..key("proxy", None)
    },
    Key {
        guide: &["no_proxy", "NO_PROXY"],
        ..key("no_proxy", None)
    },
    key("private_proxies", Some("false")),
    Key {
        file: true,
        ..key("client_version", None)
    },
    key("device_name", Some("wmctl")),
    key("keep_events", Some("30d")),
    key("keep_outbox", Some("30d")),
    key("keep_secrets", Some("365d,1000000")),
    key("keep_buffer", Some("35d")),
    key("keep_every", Some("1h")),
    key("output", Some("table")),
    key("color", Some("auto")),
    key("log_level", None),
    key("log_format", Some("text")),
];

/// The origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag,
    Variable(String),
    File(PathBuf),
    /// A file that contains only the value.
    Secret(PathBuf),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Variable(name) => write!(f, "environment {name}"),
            Self::File(path) | Self::Secret(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A snapshot of the environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Takes the environment of this process. Omits names and values that are not UTF-8.
    pub(crate) fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    /// Returns a variable. An empty one counts as unset, because compose files cannot unset one.
    fn value(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Returns whether the locale uses UTF-8, by the first variable that is set.
    fn has_utf8(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
        let locale = locale.filter_map(|name| self.value(name)).next();
        locale.is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        })
    }

    /// Returns a folder of this user or service, from the first variable that is set.
    fn folder(&self, variables: &[(&str, &str)]) -> Option<PathBuf> {
        let found = |(name, below): &(&str, &str)| {
            // systemd separates several folders with colons; the first is the main one.
            let first = self.value(name)?.split(':').next()?;
            let path = Path::new(first);
            path.is_absolute().then(|| path.join(below))
        };
        variables.iter().find_map(found)
    }
}

/// All settings with their origins.
#[derive(Debug)]
pub(crate) struct Settings {
    values: BTreeMap<&'static str, (String, Origin)>,
    environment: Environment,
    quiet: bool,
    verbose: u8,
    heads: bool,
    log: Option<Log>,
}

impl Settings {
    /// Reads all sources in order of precedence. Fails on conflicting sources and unknown keys.
    pub(crate) fn find(globals: &Globals, environment: Environment) -> Result<Self, Failure> {
        let mut values = BTreeMap::new();
        for key in KEYS {
            if let Some(default) = key.default {
                values.insert(key.name, (default.to_owned(), Origin::Default));
            }
        }
        for path in config_files(globals, &environment) {
            read_config(&path, globals.config.is_some(), &mut values)?;
        }
        for key in KEYS {
            if let Some(found) = from_environment(key, &environment)? {
                values.insert(key.name, found);
            }
        }
        for (name, value) in globals.flags() {
            values.insert(name, (value, Origin::Flag));
        }
        for name in ["database_url", "lock_database_url"] {
            if let Some((url, Origin::Flag)) = values.get(name)
                && DatabaseUrl::has_password(url)
            {
                let (flag, variable) = (name.replace('_', "-"), name.to_uppercase());
                let message =
                    format!("--{flag} holds a password, which every user of this machine can see");
                return Err(
                    Failure::new(Exit::Usage, "SECRET_ON_COMMAND_LINE", message).hint(format!(
                        "set {variable}, or {variable}_FILE to a file that holds it"
                    )),
                );
            }
        }
        let heads = !globals.no_headers;
        Ok(Self {
            values,
            environment,
            quiet: globals.quiet,
            verbose: globals.verbose,
            heads,
            log: None,
        })
    }

    /// Attaches the log that was started with these settings.
    pub(crate) fn with_log(mut self, log: Log) -> Self {
        self.log = Some(log);
        self
    }

    /// Reloads the settings that can change while the process runs, and returns the new ones.
    pub(crate) fn reload(&self) -> Option<Self> {
        self.log.as_ref().and_then(|log| log.reload(self))
    }

    /// Returns the names of the settings that differ. A different database login does not count.
    pub(crate) fn changed(&self, other: &Self) -> Vec<&'static str> {
        let names = KEYS.iter().map(|key| key.name);
        let same = |name: &str| match (self.value(name), other.value(name)) {
            (Some(one), Some(other)) if name.ends_with("database_url") => {
                one == other || DatabaseUrl::differ_in_login(one, other)
            }
            (one, other) => one == other,
        };
        names.filter(|name| !same(name)).collect()
    }

    /// Parses a URL and attaches the file that it came from.
    fn url(&self, name: &str) -> Option<Result<DatabaseUrl, DatabaseUrlError>> {
        let (text, origin) = self.values.get(name)?;
        let url = text.parse::<DatabaseUrl>();
        Some(match origin {
            Origin::Secret(path) => url.map(|url| url.with_file(path)),
            _ => url,
        })
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|(value, _)| value.as_str())
    }

    /// Returns the failure for an invalid value: exit code 2 for a flag, 3 for a configured value.
    fn wrong(&self, name: &str, why: impl fmt::Display) -> Failure {
        match self.values.get(name) {
            Some((_, Origin::Flag)) => Failure::new(
                Exit::Usage,
                "BAD_VALUE",
                format!("--{}: {why}", name.replace('_', "-")),
            ),
            Some((_, origin)) => Failure::new(
                Exit::Config,
                "BAD_VALUE",
                format!("{name} ({origin}): {why}"),
            ),
            None => Failure::new(Exit::Config, "BAD_VALUE", format!("{name}: {why}")),
        }
    }

    fn choice<T: clap::ValueEnum>(&self, name: &str, otherwise: T) -> Result<T, Failure> {
        let Some(value) = self.value(name) else {
            return Ok(otherwise);
        };
        T::from_str(value, true).map_err(|_| {
            let known: Vec<_> = T::value_variants()
                .iter()
                .filter_map(|variant| Some(variant.to_possible_value()?.get_name().to_owned()))
                .collect();
            self.wrong(
                name,
                format!("{value:?} is not one of {}", known.join(", ")),
            )
        })
    }

    /// Returns the terminal settings.
    pub(crate) fn look(&self) -> Result<Look, Failure> {
        if let Some(format @ ("wide" | "yaml")) = self.value("output") {
            return Err(self
                .wrong(
                    "output",
                    format!("{format} is not available in this version"),
                )
                .hint("use table, json, jsonl or name"));
        }
        let set = |name| {
            self.environment
                .value(name)
                .is_some_and(|value| value != "0")
        };
        Ok(Look {
            format: self.choice("output", Format::Table)?,
            colour: self.choice("color", Colour::Auto)?,
            no_color: self.environment.value("NO_COLOR").is_some(),
            force_color: set("CLICOLOR_FORCE"),
            dumb: self.environment.value("TERM") == Some("dumb"),
            quiet: self.quiet,
            heads: self.heads,
            utf8: self.environment.has_utf8(),
            json_log: self.choice("log_format", LogFormat::Text)? == LogFormat::Json,
        })
    }

    /// Returns the log filter in `tracing` syntax, and the log format.
    pub(crate) fn log(&self) -> Result<(String, LogFormat), Failure> {
        let level = match (self.value("log_level"), self.quiet, self.verbose) {
            (Some(filter), ..) => filter.to_owned(),
            (None, true, _) => "error".to_owned(),
            (None, false, 0) => "wmctl=info,warn".to_owned(),
            (None, false, 1) => "wmctl=debug,info".to_owned(),
            (None, false, _) => "trace".to_owned(),
        };
        Ok((level, self.choice("log_format", LogFormat::Text)?))
    }

    /// Returns the tenant.
    pub(crate) fn tenant(&self) -> Result<TenantId, Failure> {
        let text = self.value("tenant").unwrap_or("default");
        text.parse().map_err(|error| self.wrong("tenant", error))
    }

    /// Returns the tenant given by a flag, for commands that otherwise show all tenants.
    pub(crate) fn typed_tenant(&self) -> Result<Option<TenantId>, Failure> {
        match self.values.get("tenant") {
            Some((_, Origin::Flag)) => self.tenant().map(Some),
            _ => Ok(None),
        }
    }

    /// Validates every value in the same way as the commands do. Returns the first error.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.tenant()?;
        self.database()?;
        if let Some(Err(error)) = self.server()?.proxy.map(|proxy| proxy.proxy) {
            return Err(self.wrong("proxy", error));
        }
        self.private_proxies()?;
        self.http_address()?;
        self.simulator()?;
        self.retention()?;
        self.look()?;
        self.log().map(|_| ())
    }

    /// Returns the database URL as given, including its password.
    pub(crate) fn database_text(&self) -> Result<String, Failure> {
        match self.value("database_url") {
            Some(text) => Ok(text.to_owned()),
            None => Ok(self.database()?.to_string()),
        }
    }

    /// Returns the lock database URL as given, if it is set.
    pub(crate) fn lock_database_text(&self) -> Option<String> {
        self.value("lock_database_url").map(str::to_owned)
    }

    /// Returns the database. Default: a file in the user's or the service's data folder.
    pub(crate) fn database(&self) -> Result<DatabaseUrl, Failure> {
        let locks = self.url("lock_database_url");
        if let Some(url) = self.url("database_url") {
            let url = url.map_err(|error| self.wrong("database_url", error))?;
            let Some(locks) = locks else {
                return Ok(url);
            };
            let whole = locks.and_then(|locks| url.with_locks_at(locks));
            return whole.map_err(|error| self.wrong("lock_database_url", error));
        }
        if locks.is_some() {
            return Err(self.wrong("lock_database_url", DatabaseUrlError::NoServer));
        }
        let folder = self.environment.folder(&[
            ("STATE_DIRECTORY", ""),
            ("XDG_DATA_HOME", "wmctl"),
            ("HOME", ".local/share/wmctl"),
        ]);
        let folder = folder.ok_or_else(|| {
            Failure::new(
                Exit::Config,
                "NO_DATABASE",
                "no database is set and there is no HOME",
            )
            .hint("set DATABASE_URL, for example to sqlite:/var/lib/wmctl/wmctl.db")
        })?;
        Ok(DatabaseUrl::Sqlite(folder.join("wmctl.db")))
    }

    /// Returns the folder for this machine's marks, which record the progress of accounts outside
    /// the database.
    pub(crate) fn marks(&self) -> Option<PathBuf> {
        let folder = self.environment.folder(&[
            ("STATE_DIRECTORY", ""),
            ("XDG_STATE_HOME", "wmctl"),
            ("HOME", ".local/state/wmctl"),
        ]);
        folder.map(|folder| folder.join("marks"))
    }

    /// Returns whether no database is configured.
    pub(crate) fn database_is_default(&self) -> bool {
        self.value("database_url").is_none()
    }

    /// Returns the WhatsApp server to connect to.
    pub(crate) fn server(&self) -> Result<WhatsAppServer, Failure> {
        let mut server = WhatsAppServer::default();
        if let Some(url) = self.value("server") {
            if !url.starts_with("wss://") && !url.starts_with("ws://") {
                return Err(self.wrong("server", "the URL must start with wss:// or ws://"));
            }
            server.url = url.to_owned();
        }
        if let Some(hex) = self.value("root_key") {
            let mut bytes = [0; 32];
            hex::decode_to_slice(hex, &mut bytes)
                .map_err(|_| self.wrong("root_key", "must be 64 hexadecimal digits"))?;
            server.root_key = Some(bytes);
        }
        server.ca_file = self.value("ca_file").map(PathBuf::from);
        server.client_version = self.client_version()?;
        server.proxy = self.proxy(&server.url);
        Ok(server)
    }

    /// Returns the client version to report to WhatsApp, if one is set.
    pub(crate) fn client_version(&self) -> Result<Option<[u32; 3]>, Failure> {
        let Some(text) = self.value("client_version") else {
            return Ok(None);
        };
        let wrong = || {
            self.wrong(
                "client_version",
                "must be three numbers like 2.3000.1045649367",
            )
        };
        client_version(text).map(Some).ok_or_else(wrong)
    }

    /// Returns the URL of the HTTP interface to use instead of the database.
    pub(crate) fn api(&self) -> Option<&str> {
        self.value("api")
    }

    /// Returns the API key for that interface.
    pub(crate) fn api_key(&self) -> Option<&str> {
        self.value("api_key")
    }

    /// Returns the signing secret for a new webhook.
    pub(crate) fn webhook_secret(&self) -> Option<&str> {
        self.value("webhook_secret")
    }

    /// Returns the address of the health interface, if a port is set.
    pub(crate) fn http_address(&self) -> Result<Option<SocketAddr>, Failure> {
        match self.values.get("http_port") {
            None | Some((_, Origin::Default)) => Ok(None),
            Some((port, _)) => {
                let port: u16 = port
                    .parse()
                    .map_err(|_| self.wrong("http_port", format!("{port:?} is no port")))?;
                Ok(Some(SocketAddr::from(([0, 0, 0, 0], port))))
            }
        }
    }

    /// Returns the certificate and key of the HTTP interface, from flags or settings. Both or
    /// neither must be set.
    pub(crate) fn tls_files(&self, typed: &TlsArgs) -> Result<Option<TlsFiles>, Failure> {
        let found = |typed: &Option<PathBuf>, name| {
            let typed = typed.clone();
            typed.or_else(|| self.value(name).map(PathBuf::from))
        };
        let cert = found(&typed.tls_cert, "tls_cert");
        let key = found(&typed.tls_key, "tls_key");
        match (cert, key) {
            (None, None) => Ok(None),
            (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert, key })),
            (cert, _) => {
                let missing = if cert.is_some() { "key" } else { "certificate" };
                let message =
                    format!("TLS needs a certificate and its key: the {missing} is missing");
                Err(Failure::new(Exit::Config, "TLS_FILES", message).hint(
                    "set both: --tls-cert and --tls-key, or WMCTL_TLS_CERT and WMCTL_TLS_KEY",
                ))
            }
        }
    }

    /// Returns the control URL of a simulator that replaces WhatsApp.
    pub(crate) fn simulator(&self) -> Result<Option<ControlUrl>, Failure> {
        let url = self.value("simulator").map(str::parse).transpose();
        url.map_err(|error| self.wrong("simulator", error))
    }

    /// Returns the retention limits of growing tables.
    pub(crate) fn retention(&self) -> Result<Retention, Failure> {
        let limit = |name| {
            let limit = self.value(name).unwrap_or("forever").parse::<Limit>();
            limit.map_err(|error| self.wrong(name, error))
        };
        let every = self.value("keep_every").and_then(span::parse);
        Ok(Retention {
            events: limit("keep_events")?,
            outbox: limit("keep_outbox")?,
            secrets: limit("keep_secrets")?,
            buffer: limit("keep_buffer")?,
            every: every
                .filter(|every| Duration::from_secs(1) <= *every)
                .ok_or_else(|| self.wrong("keep_every", "must be like 1h, and at least 1s"))?,
        })
    }

    /// Returns the device name that the phone shows.
    pub(crate) fn device_name(&self) -> &str {
        self.value("device_name").unwrap_or("wmctl")
    }

    /// Returns the files from which values were read.
    pub(crate) fn files(&self) -> Vec<String> {
        let files = self.values.values().filter_map(|(_, origin)| match origin {
            Origin::File(path) | Origin::Secret(path) => Some(path.display().to_string()),
            _ => None,
        });
        files.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Returns the secret files that other users of this machine can read.
    pub(crate) fn open_secrets(&self) -> BTreeSet<&Path> {
        use std::os::unix::fs::MetadataExt;
        let secrets = KEYS.iter().filter(|key| key.secret);
        let files = secrets.filter_map(|key| match self.values.get(key.name) {
            Some((_, Origin::File(path) | Origin::Secret(path))) => Some(path.as_path()),
            _ => None,
        });
        let is_open = |path: &&Path| std::fs::metadata(path).is_ok_and(|of| of.mode() & 0o004 != 0);
        files.filter(is_open).collect()
    }

    /// Returns every key with its displayed value and its origin.
    pub(crate) fn shown(&self) -> Vec<(&'static str, String, String)> {
        let shown = |key: &Key| {
            let Some((value, origin)) = self.values.get(key.name) else {
                return (key.name, String::new(), "unset".to_owned());
            };
            let value = match value.parse::<DatabaseUrl>() {
                _ if key.name == "proxy" => proxy::shown(value),
                _ if !key.secret => value.clone(),
                Ok(url) => url.to_string(),
                Err(_) => "***".to_owned(),
            };
            (key.name, value, origin.to_string())
        };
        KEYS.iter().map(shown).collect()
    }
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// Reads a value in this order: `WMCTL_X`, the guide's names, `X_FILE`, systemd credential.
fn from_environment(
    key: &Key,
    environment: &Environment,
) -> Result<Option<(String, Origin)>, Failure> {
    let own = format!("WMCTL_{}", key.name.to_uppercase());
    let names: Vec<&str> = std::iter::once(own.as_str())
        .chain(key.guide.iter().copied())
        .collect();
    let files: Vec<String> = names.iter().map(|name| format!("{name}_FILE")).collect();
    for (name, file) in names.iter().zip(&files) {
        let from_file = key.secret || key.file;
        if from_file && environment.value(name).is_some() && environment.value(file).is_some() {
            let message = format!("{name} and {file} are both set");
            return Err(Failure::new(Exit::Config, "CONTRADICTION", message).hint("unset one"));
        }
    }
    let variable = |name: &&str| {
        Some((
            environment.value(name)?.to_owned(),
            Origin::Variable((*name).to_owned()),
        ))
    };
    if let Some(found) = names.iter().find_map(variable) {
        return Ok(Some(found));
    }
    if !key.secret && !key.file {
        return Ok(None);
    }
    for name in &files {
        if let Some(path) = environment.value(name) {
            return read_secret(Path::new(path), name).map(Some);
        }
    }
    if let Some(folder) = environment.value("CREDENTIALS_DIRECTORY") {
        let path = Path::new(folder).join(key.name);
        if path.exists() {
            return read_secret(&path, "CREDENTIALS_DIRECTORY").map(Some);
        }
    }
    Ok(None)
}

fn read_secret(path: &Path, named_by: &str) -> Result<(String, Origin), Failure> {
    let text = read_file(path).map_err(|error| {
        let message = format!("read {} (named by {named_by}): {error}", path.display());
        Failure::new(Exit::Config, "SECRET_FILE", message)
    })?;
    Ok((
        text.trim_end_matches(['\r', '\n']).to_owned(),
        Origin::Secret(path.to_owned()),
    ))
}

fn read_file(path: &Path) -> io::Result<String> {
    let length = std::fs::metadata(path)?.len();
    if FILE_BYTES_MAX < length {
        return Err(io::Error::other("file is too large"));
    }
    std::fs::read_to_string(path)
}

/// Returns the configuration files; later ones take precedence.
fn config_files(globals: &Globals, environment: &Environment) -> Vec<PathBuf> {
    if let Some(path) = &globals.config {
        return vec![path.clone()];
    }
    if let Some(path) = environment.value("WMCTL_CONFIG") {
        return vec![PathBuf::from(path)];
    }
    let own = environment.folder(&[("XDG_CONFIG_HOME", "wmctl"), ("HOME", ".config/wmctl")]);
    let files = [Some(PathBuf::from("/etc/wmctl")), own];
    files
        .into_iter()
        .flatten()
        .map(|folder| folder.join("config.toml"))
        .collect()
}

fn read_config(
    path: &Path,
    required: bool,
    values: &mut BTreeMap<&'static str, (String, Origin)>,
) -> Result<(), Failure> {
    let wrong = |why: String| {
        Failure::new(
            Exit::Config,
            "CONFIG_FILE",
            format!("{}: {why}", path.display()),
        )
    };
    let text = match read_file(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !required => return Ok(()),
        Err(error) => return Err(wrong(error.to_string())),
    };
    // The parser's message would quote the line, which may contain a password.
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error
            .span()
            .map_or(0, |span| text[..span.start].lines().count().max(1));
        wrong(format!("line {line}: {}", error.message()))
    })?;
    for (name, value) in table {
        let key = KEYS
            .iter()
            .find(|key| key.name == name || key.aliases.contains(&name.as_str()));
        let Some(key) = key else {
            let failure = wrong(format!("unknown key {name:?}"));
            return Err(match nearest(&name) {
                Some(known) => failure.hint(format!("did you mean {known:?}?")),
                None => failure.hint("`wmctl config show` lists the known ones"),
            });
        };
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(word) => word.to_string(),
            _ => {
                return Err(wrong(format!(
                    "{name} must be a text, a number, true or false"
                )));
            }
        };
        if key.secret && DatabaseUrl::has_password(&value) && others_can_read(path) {
            return Err(wrong(format!(
                "holds a password in {name} and everybody can read it"
            ))
            .hint(format!("chmod 600 {}", path.display())));
        }
        values.insert(key.name, (value, Origin::File(path.to_owned())));
    }
    Ok(())
}

#[cfg(unix)]
fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn others_can_read(_path: &Path) -> bool {
    false
}

/// Returns the most similar known key, if the similarity suggests a typing error.
fn nearest(name: &str) -> Option<&'static str> {
    let names = KEYS
        .iter()
        .flat_map(|key| std::iter::once(&key.name).chain(key.aliases));
    let (distance, known) = names.map(|known| (edits(name, known), *known)).min()?;
    (distance <= known.len() / 3 + 1).then_some(known)
}

/// Returns the number of insertions, deletions and replacements between two texts.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (column, other) in right.iter().enumerate() {
            let replace = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replace.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
pub(crate) mod reference;
#[cfg(test)]
mod tests;
