//! Names of things: tenants, hosts, messages, and WhatsApp addresses.
//!
//! Every one is a checked newtype with `FromStr` and `Display`; nothing here knows what it is for.

use std::fmt;
use std::str::FromStr;

mod jid;
#[cfg(test)]
mod tests;

pub use jid::{Address, DEVICE_HOSTED, Jid, JidError, Server, USER_BYTES_MAX};

/// Longest tenant name, so that it fits every key column and a file name.
pub const TENANT_BYTES_MAX: usize = 64;
/// Longest message id that is kept; clients use 16 to 32 characters.
pub const MESSAGE_ID_BYTES_MAX: usize = 128;

/// Why a text is not the id that it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not 1 to 64 characters out of `[A-Za-z0-9_.-]`.
    #[error("tenant must be 1 to {TENANT_BYTES_MAX} characters out of A-Z a-z 0-9 _ . -")]
    Tenant,
    /// A name that there may be, but that nobody new gets: it would be another path, a hidden file
    /// or an option somewhere.
    #[error("a new tenant's name begins with a letter, a digit or _ and does not end with a dot")]
    NewTenant,
    /// Empty, longer than the limit, or with control characters.
    #[error("message id must be 1 to {MESSAGE_ID_BYTES_MAX} printable characters")]
    Message,
    /// Not a UUID.
    #[error("host must be a UUID")]
    Host,
}

/// Who an account belongs to: the `business_id` of the tables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(String);

impl TenantId {
    /// The text form, as it stands in the database.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether somebody new may be called so: names that were given before are taken as they are.
    pub fn check_new(&self) -> Result<(), IdError> {
        match self.0.starts_with(['.', '-']) || self.0.ends_with('.') {
            true => Err(IdError::NewTenant),
            false => Ok(()),
        }
    }
}

impl FromStr for TenantId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        if text.is_empty() || TENANT_BYTES_MAX < text.len() || !text.bytes().all(allowed) {
            return Err(IdError::Tenant);
        }
        Ok(Self(text.to_owned()))
    }
}

/// The id that the sending client gave to a message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MessageId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.is_empty() || MESSAGE_ID_BYTES_MAX < text.len() || text.contains(char::is_control) {
            return Err(IdError::Message);
        }
        Ok(Self(text.to_owned()))
    }
}

/// One running process that may hold leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(uuid::Uuid);

impl HostId {
    /// Makes an id from 16 random bytes (a version 4 UUID).
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }
}

impl FromStr for HostId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        uuid::Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| IdError::Host)
    }
}

macro_rules! shown_as_its_text {
    ($($name:ty),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
shown_as_its_text!(TenantId, MessageId, HostId, Address);

macro_rules! serde_as_text {
    ($($name:ty),*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(source)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
serde_as_text!(TenantId, MessageId, HostId, Jid);
