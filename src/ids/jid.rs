//! WhatsApp addresses: user, server and device.

use std::fmt;
use std::str::FromStr;

/// Maximum length of the user part in bytes; real ones have up to 31 characters.
pub const USER_BYTES_MAX: usize = 64;
/// The device id of a business's hosting provider.
pub const DEVICE_HOSTED: u16 = 99;
/// The wire form has one byte for the device of an ordinary account.
const DEVICE_BYTE_MAX: u16 = 255;

/// The part of an address after the `@`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Server {
    /// `s.whatsapp.net`: accounts by phone number; the server itself if the user is empty.
    User,
    /// `lid`: accounts by LID, which hides the phone number.
    Lid,
    /// `g.us`: groups and communities.
    Group,
    /// `broadcast`: broadcast lists and `status`.
    Broadcast,
    /// `newsletter`: channels.
    Newsletter,
    /// `hosted`: devices of a hosting provider, by phone number.
    Hosted,
    /// `hosted.lid`: devices of a hosting provider, by LID.
    HostedLid,
    /// `c.us`: the older name of `s.whatsapp.net`.
    Legacy,
    /// `bot`.
    Bot,
    /// `msgr`: Messenger accounts.
    Messenger,
    /// `interop`: accounts of other services. The user is `INTEGRATOR-USER`.
    Interop,
    /// `call`.
    Call,
}

impl Server {
    /// All servers with their text.
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

    /// Returns the text after the `@`.
    pub fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Returns the server for a text, if it is known.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(server, _)| *server)
    }

    /// Returns the domain number in wire addresses with a device, for servers that have one.
    pub fn domain(self) -> Option<u8> {
        match self {
            Self::User => Some(0),
            Self::Lid => Some(1),
            Self::Hosted => Some(128),
            Self::HostedLid => Some(129),
            _ => None,
        }
    }

    /// Returns the server of a domain number.
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
    /// The server is unknown.
    #[error("address names an unknown server")]
    Server,
    /// The user part is too long or has invalid characters.
    #[error("address has a malformed user")]
    User,
    /// The device is not a number, or too large for this server.
    #[error("address has a malformed device")]
    Device,
}

/// An address: `user:device@server`. Device 0 is the phone and is omitted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Jid {
    /// Digits for accounts; empty for a server itself.
    pub user: String,
    /// The server, which determines the kind of address.
    pub server: Server,
    /// 0 is the phone, or the account as a whole. Companions count from 1.
    pub device: u16,
}

impl Jid {
    /// Creates an address without checks, for constants and checked parts.
    pub fn new(user: impl Into<String>, server: Server) -> Self {
        Self {
            user: user.into(),
            server,
            device: 0,
        }
    }

    /// Creates an address with a device after checking its parts.
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

    /// Creates the address of an account by phone number (digits without plus sign).
    pub fn user(user: impl Into<String>) -> Self {
        Self::new(user, Server::User)
    }

    /// Creates the address of an account by LID.
    pub fn lid(user: impl Into<String>) -> Self {
        Self::new(user, Server::Lid)
    }

    /// Creates the address of a group.
    pub fn group(user: impl Into<String>) -> Self {
        Self::new(user, Server::Group)
    }

    /// Returns the address of the WhatsApp server.
    pub fn server() -> Self {
        Self::new("", Server::User)
    }

    /// Returns the address of the status broadcast list.
    pub fn status() -> Self {
        Self::new("status", Server::Broadcast)
    }

    /// Returns the same account with this device.
    #[must_use]
    pub fn with_device(mut self, device: u16) -> Self {
        self.device = device;
        self
    }

    /// Returns the account without device.
    #[must_use]
    pub fn bare(&self) -> Self {
        Self {
            user: self.user.clone(),
            server: self.server,
            device: 0,
        }
    }

    /// Returns whether both are the same account, ignoring the device.
    pub fn same_account(&self, other: &Self) -> bool {
        self.user == other.user && self.server == other.server
    }

    /// Returns whether this is a server instead of a user.
    pub fn is_server(&self) -> bool {
        self.user.is_empty()
    }

    /// Returns whether this is an account by phone number, hosted or not.
    pub fn is_phone_number(&self) -> bool {
        matches!(self.server, Server::User | Server::Hosted) && !self.user.is_empty()
    }

    /// Returns whether this is an account by LID, hosted or not.
    pub fn is_lid(&self) -> bool {
        matches!(self.server, Server::Lid | Server::HostedLid) && !self.user.is_empty()
    }

    /// Returns whether this is an account (with devices and ratchets), by phone number or LID.
    pub fn is_account(&self) -> bool {
        self.is_phone_number() || self.is_lid()
    }

    /// Returns whether this is a group.
    pub fn is_group(&self) -> bool {
        self.server == Server::Group
    }

    /// Returns whether this is a broadcast list, including the status list.
    pub fn is_broadcast(&self) -> bool {
        self.server == Server::Broadcast
    }

    /// Returns whether this is the status list.
    pub fn is_status(&self) -> bool {
        self.is_broadcast() && self.user == "status"
    }

    /// Returns whether this is a channel.
    pub fn is_newsletter(&self) -> bool {
        self.server == Server::Newsletter
    }

    /// Returns whether a hosting provider runs this device.
    pub fn is_hosted(&self) -> bool {
        matches!(self.server, Server::Hosted | Server::HostedLid)
    }

    /// Returns the Signal address, under which ratchets of this device are stored.
    /// Source: whatsmeow 33cfac51 `types/jid.go` (`SignalAddress`).
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

    /// Parses `user@server`, `user:device@server`, the older `user.0:device@server`, `@server` and
    /// a bare `server`.
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
    // `parse` alone would accept a leading plus sign.
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(JidError::Device);
    }
    text.parse().map_err(|_| JidError::Device)
}

/// A Signal address, `USER:DEVICE` or `USER_DOMAIN:DEVICE`: the `their_id` column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub(super) String);

impl Address {
    /// Wraps a stored text without checks.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text form, as in the database.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the device that this address names; `None` if the text has another form.
    pub fn jid(&self) -> Option<Jid> {
        let (name, device) = self.0.rsplit_once(':')?;
        let (user, server) = match name.rsplit_once('_') {
            None => (name, Server::User),
            Some((user, domain)) => (user, Server::from_domain(domain.parse().ok()?)?),
        };
        Jid::checked(user, server, parse_device(device).ok()?).ok()
    }
}
