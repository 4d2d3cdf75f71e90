//! PostgreSQL connection URLs, in the forms that libpq and Go's pgxpool accept.
//!
//! URLs are parsed here, because the driver rejects some of these forms and ignores unknown
//! parameters. Errors name the parameter but never repeat a value, which may be a password.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

/// Most characters of a wrong parameter's name that are shown.
pub(super) const PARAMETER_SHOWN: usize = 40;

/// Most connections that may be configured, far above what a server accepts.
const CONNECTIONS_MAX: u32 = 10_000;

/// Settings for connections to a PostgreSQL server.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PostgresUrl {
    /// Host name, address, or folder of a Unix socket; by default the local host.
    pub host: Option<String>,
    /// By default 5432.
    pub port: Option<u16>,
    /// By default the operating system user of the process.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<Zeroizing<String>>,
    /// Further servers, tried if the first one is not the primary.
    pub others: Vec<(Option<String>, Option<u16>)>,
    /// The required role of the server.
    pub wanted: WantedServer,
    /// By default the user's name.
    pub database: Option<String>,
    /// TLS mode; by default `PGSSLMODE`, or else `prefer`.
    pub tls: Option<TlsMode>,
    /// Whether the login is bound to the TLS connection.
    pub binding: Binding,
    /// TCP keepalive settings.
    pub keepalives: Keepalives,
    /// Trusted TLS roots.
    pub roots: Roots,
    /// PEM files of the client's certificate and key.
    pub client: Option<(PathBuf, PathBuf)>,
    /// The application name in the server's list of connections.
    pub application: Option<String>,
    /// Session settings in the form `-c name=value`.
    pub options: Option<String>,
    /// Most prepared statements that one connection keeps; 0 for old poolers.
    pub statement_cache: Option<usize>,
    /// Size and lifetimes of the pool.
    pub pool: PoolSettings,
    /// The file that the URL was read from. After a refused login, it is read again.
    pub file: Option<PathBuf>,
    /// A separate URL of the same database for locks only, which bypasses a pooler.
    pub locks: Option<Box<PostgresUrl>>,
}

/// `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TlsMode {
    Disable,
    Allow,
    #[default]
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// `target_session_attrs`. Values that request a read-only server are rejected, because wmctl
/// writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum WantedServer {
    /// A primary: `any`, `primary`.
    #[default]
    Primary,
    /// A primary that accepts writes at present: `read-write`.
    Writable,
}

/// `channel_binding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Binding {
    Disable,
    #[default]
    Prefer,
    Require,
}

/// `keepalives*` and `tcp_user_timeout`; `None` means the system's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Keepalives {
    pub off: bool,
    pub idle: Option<Duration>,
    pub interval: Option<Duration>,
    pub count: Option<u32>,
    /// Longest time that sent data may stay unacknowledged.
    pub user_timeout: Option<Duration>,
}

/// `sslrootcert`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Roots {
    /// Not set: an `sslmode` below `verify-ca` accepts any certificate.
    #[default]
    Any,
    /// `system`: the roots of the operating system. Host names must be verified.
    System,
    /// A PEM file.
    File(PathBuf),
}

/// `pool_*` and `connect_timeout`; `None` means our default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PoolSettings {
    pub connections_max: Option<u32>,
    pub connections_min: Option<u32>,
    pub lifetime: Option<Duration>,
    pub idle_time: Option<Duration>,
    /// Idle time after which a connection is checked before use.
    pub check_period: Option<Duration>,
    pub connect_timeout: Option<Duration>,
}

/// The reason why a PostgreSQL URL is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostgresUrlError {
    #[error("unknown parameter {name} in the database URL")]
    Unknown {
        /// The name as written, shortened.
        name: String,
    },
    #[error("parameter {name} of the database URL has no usable value")]
    Value { name: &'static str },
    #[error("database URL names {hosts} hosts and {ports} ports: give one port, or one for each")]
    Ports { hosts: usize, ports: usize },
    #[error(
        "target_session_attrs of the database URL must be any, primary or read-write: wmctl \
             writes"
    )]
    Follower,
    #[error("database URL has no usable port; in a password write %23 for #, %2F for /, %3A for :")]
    Port,
    #[error("database URL has a percent sign without two hexadecimal digits: write %25")]
    Percent,
    #[error("pool_min_conns is above pool_max_conns")]
    PoolBounds,
    #[error("sslcert and sslkey of the database URL go together: one of them is missing")]
    HalfClient,
    #[error("sslrootcert=system needs sslmode=verify-full: anybody has some certificate of these")]
    WeakSystem,
}

impl PostgresUrl {
    /// Parses the part after `postgres://`. White space is removed, because URLs are often folded.
    pub(super) fn parse(rest: &str) -> Result<Self, PostgresUrlError> {
        let rest: Zeroizing<String> =
            Zeroizing::new(rest.chars().filter(|char| !char.is_whitespace()).collect());
        let (rest, query) = rest.split_once('?').unwrap_or((&rest, ""));
        // A password may contain an unescaped `@`: the last one ends it.
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, rest),
        };
        let (address, database) = match rest.split_once('/') {
            Some((address, database)) => (address, Some(database)),
            None => (rest, None),
        };
        let mut url = Self::default();
        let mut servers = Servers::default();
        if let Some(user) = user {
            let (name, password) = match user.split_once(':') {
                Some((name, password)) => (name, Some(password)),
                None => (user, None),
            };
            url.user = some(decoded(name)?);
            url.password = password.map(decoded).transpose()?.map(Zeroizing::new);
        }
        servers.read(address)?;
        url.database = database.map(decoded).transpose()?.and_then(some);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, Zeroizing::new(decoded(value)?));
            match name.as_str() {
                "host" | "hostaddr" => servers.set_hosts(&value),
                "port" => servers.set_ports(&value)?,
                name => url.parameter(name, value)?,
            }
        }
        let mut servers = servers.pairs()?.into_iter();
        (url.host, url.port) = servers.next().unwrap_or_default();
        url.others = servers.collect();
        url.contradicts_itself().map_or(Ok(url), Err)
    }

    fn contradicts_itself(&mut self) -> Option<PostgresUrlError> {
        let pool = self.pool;
        if let Some((min, max)) = pool.connections_min.zip(pool.connections_max)
            && max < min
        {
            return Some(PostgresUrlError::PoolBounds);
        }
        if let Some((cert, key)) = &self.client
            && [cert, key].iter().any(|path| path.as_os_str().is_empty())
        {
            return Some(PostgresUrlError::HalfClient);
        }
        if self.roots == Roots::System {
            let mode = *self.tls.get_or_insert(TlsMode::VerifyFull);
            return (mode != TlsMode::VerifyFull).then_some(PostgresUrlError::WeakSystem);
        }
        None
    }

    fn parameter(&mut self, name: &str, value: Zeroizing<String>) -> Result<(), PostgresUrlError> {
        let text = || some(value.as_str().to_owned());
        let wrong = |name| PostgresUrlError::Value { name };
        match name {
            "user" => self.user = text(),
            "password" => self.password = Some(value),
            "dbname" => self.database = text(),
            "sslmode" => self.tls = Some(TlsMode::named(&value).ok_or(wrong("sslmode"))?),
            "sslrootcert" => {
                self.roots = match value.as_str() {
                    "" => Roots::Any,
                    "system" => Roots::System,
                    path => Roots::File(path.into()),
                };
            }
            "sslcert" if !value.is_empty() => {
                self.client.get_or_insert_default().0 = value.as_str().into();
            }
            "sslkey" if !value.is_empty() => {
                self.client.get_or_insert_default().1 = value.as_str().into();
            }
            "sslcert" | "sslkey" => (),
            "channel_binding" => {
                self.binding = match value.as_str() {
                    "disable" => Binding::Disable,
                    "prefer" => Binding::Prefer,
                    "require" => Binding::Require,
                    _ => return Err(wrong("channel_binding")),
                };
            }
            "target_session_attrs" => {
                self.wanted = match value.as_str() {
                    "any" | "primary" => WantedServer::Primary,
                    "read-write" => WantedServer::Writable,
                    "read-only" | "standby" | "prefer-standby" => {
                        return Err(PostgresUrlError::Follower);
                    }
                    _ => return Err(wrong("target_session_attrs")),
                };
            }
            "application_name" => self.application = text(),
            "options" => self.options = text(),
            "statement_cache_capacity" | "statement-cache-capacity" => {
                let capacity = value.parse();
                self.statement_cache =
                    Some(capacity.map_err(|_| wrong("statement_cache_capacity"))?);
            }
            _ if self.keepalives.takes(name, &value)? => (),
            _ => return self.pool.parameter(name, &value),
        }
        Ok(())
    }
}

impl Keepalives {
    /// Applies a keepalive parameter. Returns false if the name is not one. The value 0 means the
    /// system's default.
    fn takes(&mut self, name: &str, value: &str) -> Result<bool, PostgresUrlError> {
        const NAMES: [&str; 5] = [
            "keepalives",
            "keepalives_idle",
            "keepalives_interval",
            "keepalives_count",
            "tcp_user_timeout",
        ];
        let Some(name) = NAMES.into_iter().find(|known| *known == name) else {
            return Ok(false);
        };
        let number: u32 = value
            .parse()
            .map_err(|_| PostgresUrlError::Value { name })?;
        let some = (0 < number).then_some(number);
        let seconds = || some.map(|number| Duration::from_secs(number.into()));
        match name {
            "keepalives" => self.off = number == 0,
            "keepalives_idle" => self.idle = seconds(),
            "keepalives_interval" => self.interval = seconds(),
            "keepalives_count" => self.count = some,
            _ => self.user_timeout = some.map(|number| Duration::from_millis(number.into())),
        }
        Ok(true)
    }
}

/// The lists of hosts and ports of a URL, before they are combined.
#[derive(Default)]
struct Servers {
    hosts: Vec<Option<String>>,
    ports: Vec<Option<u16>>,
}

/// A host and a port, if the URL names them.
type HostAndPort = (Option<String>, Option<u16>);

impl Servers {
    /// Parses `host:port,host:port`.
    fn read(&mut self, addresses: &str) -> Result<(), PostgresUrlError> {
        for address in addresses.split(',') {
            let (host, port) = match address.rsplit_once(':') {
                // In a bracketed IPv6 address without a port, the last colon is part of the
                // address.
                Some((host, port)) if !port.ends_with(']') => (host, some(port.to_owned())),
                _ => (address, None),
            };
            let port = port.map(|port| port.parse().map_err(|_| PostgresUrlError::Port));
            self.ports.push(port.transpose()?);
            let bracketed = host
                .strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'));
            let host = bracketed.unwrap_or(host);
            if host.contains(['/', '#', '[', ']']) || (bracketed.is_none() && host.contains(':')) {
                return Err(PostgresUrlError::Port);
            }
            self.hosts.push(some(decoded(host)?));
        }
        Ok(())
    }

    fn set_hosts(&mut self, value: &str) {
        self.hosts = value.split(',').map(|host| some(host.to_owned())).collect();
    }

    fn set_ports(&mut self, value: &str) -> Result<(), PostgresUrlError> {
        let port = |text: &str| match text {
            "" => Ok(None),
            text => text.parse().map(Some),
        };
        let ports: Result<_, _> = value.split(',').map(port).collect();
        self.ports = ports.map_err(|_| PostgresUrlError::Value { name: "port" })?;
        Ok(())
    }

    /// Combines each host with its port; a single port applies to all hosts.
    fn pairs(self) -> Result<Vec<HostAndPort>, PostgresUrlError> {
        let Self { hosts, mut ports } = self;
        if let [port] = ports[..] {
            ports = vec![port; hosts.len()];
        }
        // No port was named.
        if ports.iter().all(Option::is_none) {
            ports = vec![None; hosts.len()];
        }
        match hosts.len() == ports.len() {
            true => Ok(hosts.into_iter().zip(ports).collect()),
            false => Err(PostgresUrlError::Ports {
                hosts: hosts.len(),
                ports: ports.len(),
            }),
        }
    }
}

impl PoolSettings {
    fn parameter(&mut self, name: &str, value: &str) -> Result<(), PostgresUrlError> {
        let wrong = |name| PostgresUrlError::Value { name };
        let count = |name, least: u32| {
            let count = value.parse().ok();
            count
                .filter(|count| (least..=CONNECTIONS_MAX).contains(count))
                .ok_or(wrong(name))
        };
        let duration = |name| go_duration(value).ok_or(wrong(name));
        match name {
            "pool_max_conns" => self.connections_max = Some(count("pool_max_conns", 1)?),
            "pool_min_conns" => self.connections_min = Some(count("pool_min_conns", 0)?),
            "pool_max_conn_lifetime" => self.lifetime = Some(duration("pool_max_conn_lifetime")?),
            "pool_max_conn_idle_time" => {
                self.idle_time = Some(duration("pool_max_conn_idle_time")?);
            }
            "pool_health_check_period" => {
                self.check_period = Some(duration("pool_health_check_period")?);
            }
            "connect_timeout" => {
                let seconds: u32 = value.parse().map_err(|_| wrong("connect_timeout"))?;
                // 0 means no limit in libpq; here it means our default, because each wait has a
                // limit.
                self.connect_timeout =
                    (0 < seconds).then(|| Duration::from_secs(u64::from(seconds)));
            }
            _ => {
                let name = name.chars().filter(|char| char.is_ascii_graphic());
                let name = name.take(PARAMETER_SHOWN).collect();
                return Err(PostgresUrlError::Unknown { name });
            }
        }
        Ok(())
    }
}

/// Formats the URL without its password and without defaults.
impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if self.user.is_some() || self.password.is_some() {
            let hidden = if self.password.is_some() { ":***" } else { "" };
            write!(f, "{}{hidden}@", self.user.as_deref().unwrap_or_default())?;
        }
        let host = self.host.as_deref().unwrap_or_default();
        let socket = host.starts_with('/');
        let first = (self.host.clone(), self.port);
        for (at, (host, port)) in [&first].into_iter().chain(&self.others).enumerate() {
            if 0 < at {
                f.write_str(",")?;
            }
            match host.as_deref().unwrap_or_default() {
                host if host.starts_with('/') && self.others.is_empty() => (),
                host if host.starts_with('/') => f.write_str(&host.replace('/', "%2F"))?,
                host if host.contains(':') => write!(f, "[{host}]")?,
                host => f.write_str(host)?,
            }
            if let Some(port) = port {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.database.as_deref().unwrap_or_default())?;
        let mut sign = '?';
        if socket && self.others.is_empty() {
            write!(f, "{sign}host={host}")?;
            sign = '&';
        }
        if let Some(mode) = self.tls {
            write!(f, "{sign}sslmode={}", mode.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const TLS_MODES: [(TlsMode, &str); 6] = [
    (TlsMode::Disable, "disable"),
    (TlsMode::Allow, "allow"),
    (TlsMode::Prefer, "prefer"),
    (TlsMode::Require, "require"),
    (TlsMode::VerifyCa, "verify-ca"),
    (TlsMode::VerifyFull, "verify-full"),
];

impl TlsMode {
    /// Returns the mode's name in a URL.
    pub fn name(self) -> &'static str {
        let known = TLS_MODES.iter().find(|(mode, _)| *mode == self);
        known.map_or("prefer", |(_, name)| *name)
    }

    /// Returns the mode of that name.
    pub fn named(text: &str) -> Option<Self> {
        let known = TLS_MODES.iter().find(|(_, name)| *name == text);
        known.map(|(mode, _)| *mode)
    }
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Parses a Go duration: `1h`, `30m`, `1h30m`, `1.5h`, `500ms`. A number without a unit is
/// rejected.
fn go_duration(text: &str) -> Option<Duration> {
    if !text.ends_with(|char: char| char.is_ascii_alphabetic()) {
        return None;
    }
    let duration: jiff::SignedDuration = text.parse().ok()?;
    Duration::try_from(duration).ok()
}

fn decoded(text: &str) -> Result<String, PostgresUrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let [high, low, after @ ..] = rest else {
            return Err(PostgresUrlError::Percent);
        };
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (Some(high), Some(low)) = (digit(*high), digit(*low)) else {
            return Err(PostgresUrlError::Percent);
        };
        bytes.push(u8::try_from(high << 4 | low).map_err(|_| PostgresUrlError::Percent)?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| PostgresUrlError::Percent)
}

#[cfg(test)]
mod tests;
