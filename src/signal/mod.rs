//! End-to-end encryption: pre-keys, ratchets between two devices, sender keys of groups.
//!
//! This is version 3 of the Signal protocol as WhatsApp speaks it: X3DH without post-quantum keys,
//! the double ratchet, and sender keys signed with XEdDSA. A [`ratchet::Ratchet`] or a
//! [`sender_key::SenderKey`] is one row of the store, decoded, moved on and encoded again; rows and
//! addresses are the caller's.
//!
//! The stored form is Signal's record protobuf. Some clients keep the same keys in other forms.

pub mod bundle;
mod chain;
pub mod error;
mod message;
pub mod padding;
pub mod parts;
pub mod prekey;
pub mod ratchet;
mod record;
pub mod sealed;
pub mod sender_key;
mod sender_record;
pub mod stamp;
mod state;

#[cfg(test)]
mod tests;

/// Most message keys of one chain that are kept for messages still to come, and so the furthest
/// that a message may be ahead of the last one.
pub const SKIPPED_MAX: usize = 2_000;

/// Most replaced ratchets that are kept, for messages that are still under way.
pub const ARCHIVED_MAX: usize = 40;

/// Why a stored record cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The bytes are not the record protobuf: damaged, or in another client's form.
    #[error("not a stored record in protobuf form")]
    Malformed,
    /// The record is of an older or newer protocol than [`message::VERSION`].
    #[error("stored record of protocol version {found}")]
    Version {
        /// The version that the record names.
        found: u32,
    },
    /// A part without which the record is of no use is missing or has the wrong length.
    #[error("stored record without a valid {part}")]
    Part {
        /// Which part.
        part: &'static str,
    },
}
