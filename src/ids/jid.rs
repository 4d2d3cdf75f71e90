//! WhatsApp addresses: who, on which server, with which device.

use std::fmt;
use std::str::FromStr;

/// Longest user part that is accepted; real ones have up to 31 characters.
pub const USER_BYTES_MAX: usize = 64;
/// The device number under which a business's hosting provider answers.
pub const DEVICE_HOSTED: u16 = 99;
/// The wire gives the device of an ordinary account one byte.
const DEVICE_BYTE_MAX: u16 = 255;

/// The part of an address behind the `@`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Server {
    /// `s.whatsapp.net`: accounts by phone number; with an empty user, the server itself.
    User,
    /// `lid`: accounts by a number that does not tell the phone number.
    Lid,
    /// `g.us`: groups and communities.
    Group,
    /// `broadcast`: broadcast lists and `status`.
    Broadcast,
    /// `newsletter`: channels.
    Newsletter,
    /// `hosted`: devices run by a hosting provider, by phone number.
    Hosted,
    /// `hosted.lid`: the same by hidden number.
    HostedLid,
    /// `c.us`: the older name of `s.whatsapp.net`.
    Legacy,
    /// `bot`.
    Bot,
    /// `msgr`: Messenger accounts.
    Messenger,
    /// `interop`: accounts of other services; the user is `INTEGRATOR-USER`.
    Interop,
    /// `call`.
    Call,
}

impl Server {
    /// Every server with its text.
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::User, "s.whatsapp.net"),
        (Self::Lid, "lid"),
        (Self::Group, "g.us"),
        (Self::Broadcast, "broadcast"),
        (Self::Newsletter, "newsletter"),
        (Self::Hosted, "hosted"),
        (Self::HostedLid, "hosted.lid"),
        (Self::Legacy, "c.us"),
        (Self::Bot, "bot"),
        (Self::Messenger, "msgr"),
        (Self::Interop, "interop"),
        (Self::Call, "call"),
    ];

    /// The text behind the `@`.
    pub fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The server of that text, if there is one.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(server, _)| *server)
    }

    /// The number by which device addresses name the server, for those that have one.
    pub fn domain(self) -> Option<u8> {
        match self {
            Self::User => Some(0),
            Self::Lid => Some(1),
            Self::Hosted => Some(128),
            Self::HostedLid => Some(129),
            _ => None,
        }
    }

    /// The inverse of [`Server::domain`].
    pub fn from_domain(domain: u8) -> Option<Self> {
        match domain {
            0 => Some(Self::User),
            1 => Some(Self::Lid),
            128 => Some(Self::Hosted),
            129 => Some(Self::HostedLid),
            _ => None,
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JidError {
    /// The part behind the `@` names no known server.
    #[error("address names an unknown server")]
    Server,
    /// The user part is too long or has characters that no user has.
    #[error("address has a malformed user")]
    User,
    /// The device is no number, or too large for this server.
    #[error("address has a malformed device")]
    Device,
}

/// An address: `user:device@server`, where device 0 is the phone and is not shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Jid {
    /// Digits for accounts; empty for a server itself.
    pub user: String,
    /// What kind of address this is.
    pub server: Server,
    /// 0 is the phone (or the account as a whole), companions count from 1.
    pub device: u16,
}

impl Jid {
    /// The address of those parts, unchecked: for constants and for parts already checked.
    pub fn new(user: impl Into<String>, server: Server) -> Self {
        Self {
            user: user.into(),
            server,
            device: 0,
        }
    }

    /// The checked form of [`Jid::new`] with a device.
    pub fn checked(user: &str, server: Server, device: u16) -> Result<Self, JidError> {
        let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'@' | b':' | b'.');
        if USER_BYTES_MAX < user.len() || !user.bytes().all(allowed) {
            return Err(JidError::User);
        }
        let wide = matches!(server, Server::Messenger | Server::Interop);
        if (!wide && DEVICE_BYTE_MAX < device) || (device != 0 && user.is_empty()) {
            return Err(JidError::Device);
        }
        Ok(Self {
            user: user.to_owned(),
            server,
            device,
        })
    }

    /// An account by phone number (digits, no plus sign).
    pub fn user(user: impl Into<String>) -> Self {
        Self::new(user, Server::User)
    }

    /// An account by hidden number.
    pub fn lid(user: impl Into<String>) -> Self {
        Self::new(user, Server::Lid)
    }

    /// A group.
    pub fn group(user: impl Into<String>) -> Self {
        Self::new(user, Server::Group)
    }

    /// The WhatsApp server itself.
    pub fn server() -> Self {
        Self::new("", Server::User)
    }

    /// The list to which status posts are addressed.
    pub fn status() -> Self {
        Self::new("status", Server::Broadcast)
    }

    /// The same account with that device.
    #[must_use]
    pub fn with_device(mut self, device: u16) -> Self {
        self.device = device;
        self
    }

    /// The account without its device.
    #[must_use]
    pub fn bare(&self) -> Self {
        Self {
            user: self.user.clone(),
            server: self.server,
            device: 0,
        }
    }

    /// Whether both name the same account, whatever the device.
    pub fn same_account(&self, other: &Self) -> bool {
        self.user == other.user && self.server == other.server
    }

    /// Whether this is the server itself rather than somebody on it.
    pub fn is_server(&self) -> bool {
        self.user.is_empty()
    }

    /// Whether this is an account by phone number, hosted or not.
    pub fn is_phone_number(&self) -> bool {
        matches!(self.server, Server::User | Server::Hosted) && !self.user.is_empty()
    }

    /// Whether this is an account by hidden number, hosted or not.
    pub fn is_lid(&self) -> bool {
        matches!(self.server, Server::Lid | Server::HostedLid) && !self.user.is_empty()
    }

    /// Whether this is an account (which has devices and ratchets), by either number.
    pub fn is_account(&self) -> bool {
        self.is_phone_number() || self.is_lid()
    }

    /// Whether this is a group.
    pub fn is_group(&self) -> bool {
        self.server == Server::Group
    }

    /// Whether this is a broadcast list, the status list included.
    pub fn is_broadcast(&self) -> bool {
        self.server == Server::Broadcast
    }

    /// Whether this is the status list.
    pub fn is_status(&self) -> bool {
        self.is_broadcast() && self.user == "status"
    }

    /// Whether this is a channel.
    pub fn is_newsletter(&self) -> bool {
        self.server == Server::Newsletter
    }

    /// Whether a hosting provider runs this device.
    pub fn is_hosted(&self) -> bool {
        matches!(self.server, Server::Hosted | Server::HostedLid)
    }

    /// The Signal address under which ratchets of this device are filed.
    pub fn address(&self) -> Address {
        match self.server.domain() {
            None | Some(0) => Address(format!("{}:{}", self.user, self.device)),
            Some(domain) => Address(format!("{}_{}:{}", self.user, domain, self.device)),
        }
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.user.as_str(), self.device) {
            ("", _) => f.write_str(self.server.as_str()),
            (user, 0) => write!(f, "{user}@{}", self.server),
            (user, device) => write!(f, "{user}:{device}@{}", self.server),
        }
    }
}

impl FromStr for Jid {
    type Err = JidError;

    /// Reads `user@server`, `user:device@server`, the older `user.0:device@server`, `@server`
    /// and a bare `server`.
    fn from_str(text: &str) -> Result<Self, JidError> {
        let (user, server) = text.rsplit_once('@').unwrap_or(("", text));
        let server = Server::from_text(server).ok_or(JidError::Server)?;
        let (user, device) = match user.split_once(':') {
            None => (user, 0),
            Some((user, device)) => (user, parse_device(device)?),
        };
        let user = user.strip_suffix(".0").unwrap_or(user);
        Self::checked(user, server, device)
    }
}

fn parse_device(text: &str) -> Result<u16, JidError> {
    // `parse` alone would also take a leading plus sign.
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(JidError::Device);
    }
    text.parse().map_err(|_| JidError::Device)
}

/// A Signal address, `USER:DEVICE` or `USER_DOMAIN:DEVICE`: the `their_id` of the tables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub(super) String);

impl Address {
    /// Takes the text as it was stored.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text form, as it stands in the database.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The account device that this address names; `None` if the text has another form.
    pub fn jid(&self) -> Option<Jid> {
        let (name, device) = self.0.rsplit_once(':')?;
        let (user, server) = match name.rsplit_once('_') {
            None => (name, Server::User),
            Some((user, domain)) => (user, Server::from_domain(domain.parse().ok()?)?),
        };
        Jid::checked(user, server, parse_device(device).ok()?).ok()
    }
}
