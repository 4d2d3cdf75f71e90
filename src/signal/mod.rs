//! End-to-end encryption: pre-keys, ratchets between two devices, and sender keys of groups.
//!
//! This is version 3 of the Signal protocol as used by WhatsApp: X3DH without post-quantum keys,
//! the Double Ratchet, and sender keys signed with XEdDSA. A [`ratchet::Ratchet`] or a
//! [`sender_key::SenderKey`] is one row of the store: it is decoded, advanced and encoded again.
//! Rows and addresses belong to the caller.
//!
//! The stored form is Signal's record protobuf. Some clients store the same keys in other forms.
//!
//! Source: the Double Ratchet (revision 1), X3DH and XEdDSA specifications; limits and KDF labels
//! as in libsignal-protocol-go 0.2.0.

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

/// Maximum number of skipped message keys per chain, and so the maximum distance of a message from
/// the chain's next counter.
/// Source: libsignal-protocol-go 0.2.0 `state/record/SessionState.go`, `session/SessionCipher.go`.
pub const SKIPPED_MAX: usize = 2_000;

/// Maximum number of archived ratchets, which still decrypt messages in transit.
/// Source: libsignal-protocol-go 0.2.0 `state/record/SessionRecord.go`.
pub const ARCHIVED_MAX: usize = 40;

/// Why a stored record cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The bytes are not the record protobuf: they are damaged, or in another client's form.
    #[error("not a stored record in protobuf form")]
    Malformed,
    /// The record has another protocol version than [`message::VERSION`].
    #[error("stored record of protocol version {found}")]
    Version {
        /// The version in the record.
        found: u32,
    },
    /// A required part is missing or has the wrong length.
    #[error("stored record without a valid {part}")]
    Part {
        /// The name of the part.
        part: &'static str,
    },
}
