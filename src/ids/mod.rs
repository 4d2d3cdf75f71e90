//! Identifiers: tenants, hosts, messages and WhatsApp addresses.
//!
//! Each is a validated newtype with `FromStr` and `Display`. This module knows nothing of their
//! use.

use std::fmt;
use std::str::FromStr;

mod jid;
#[cfg(test)]
mod tests;

pub use jid::{Address, DEVICE_HOSTED, Jid, JidError, Server, USER_BYTES_MAX};

/// Maximum length of a tenant name in bytes; it fits every key column and file name.
pub const TENANT_BYTES_MAX: usize = 64;
/// Maximum length of a message id in bytes; clients use 16 to 32 characters.
pub const MESSAGE_ID_BYTES_MAX: usize = 128;

/// Why a text is not a valid id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not 1 to 64 characters of `[A-Za-z0-9_.-]`.
    #[error("tenant must be 1 to {TENANT_BYTES_MAX} characters out of A-Z a-z 0-9 _ . -")]
    Tenant,
    /// A name that existing tenants may have, but new ones may not: it would be a relative path, a
    /// hidden file or a command-line option.
    #[error("a new tenant's name begins with a letter, a digit or _ and does not end with a dot")]
    NewTenant,
    /// Empty, longer than the limit, or with control characters.
    #[error("message id must be 1 to {MESSAGE_ID_BYTES_MAX} printable characters")]
    Message,
    /// Not a UUID.
    #[error("host must be a UUID")]
    Host,
}

/// The owner of an account: the `business_id` column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(String);

impl TenantId {
    /// Returns the text form, as in the database.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Checks whether a new tenant may have this name. Existing names are accepted unchanged.
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

/// The message id that the sending client chose.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// Returns the text form.
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
    /// Creates an id from 16 random bytes (a version 4 UUID).
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
