//! A client that wants to become a companion, and how far that has come.

use crate::crypto::curve::{KeyPair, PublicKey};
use crate::ids::Jid;
use crate::sim::published::{Looks, Published};

/// Salt, counter block and key: a public key wrapped with the code.
pub(in crate::sim) const WRAPPED_BYTES: usize = 32 + 16 + 32;

/// Why a QR code did not lead to a pairing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// The text has not the parts of a QR code.
    #[error("the text is no QR code of a client")]
    Malformed,
    /// No connected client shows this code.
    #[error("no connected client shows this code")]
    UnknownReference,
    /// The keys in the code are not those of the connected client.
    #[error("the code has other keys than the client")]
    OtherKeys,
    /// The account had too many devices in its life.
    #[error("the account has no device numbers left")]
    Full,
}

/// A companion as it can be told of: its address and the public halves of its keys.
#[derive(Clone, Debug)]
pub struct Linked {
    /// By phone number.
    pub jid: Jid,
    /// The static key of its connections.
    pub noise: PublicKey,
    pub identity: PublicKey,
    pub registration_id: u32,
    /// Its signed pre-key: number, key and signature.
    pub signed: (u32, PublicKey, [u8; 64]),
}

/// A client that wants to be paired.
#[derive(Debug)]
pub(super) struct Unpaired {
    pub(in crate::sim) refs: Vec<String>,
    pub(in crate::sim) noise: PublicKey,
    pub(super) keys: Published,
    pub(in crate::sim) looks: Looks,
    pub(in crate::sim) offer: Option<Offer>,
    /// It shows a code to be typed.
    pub(super) hello: Option<Hello>,
}

/// What the phone offered and the client has not answered.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Offer {
    pub(in crate::sim) id: String,
    pub(in crate::sim) jid: Jid,
    pub(in crate::sim) key_index: u32,
    pub(in crate::sim) details: Vec<u8>,
}

/// A client that waits for its code to be typed.
#[derive(Debug)]
pub(super) struct Hello {
    pub(in crate::sim) number: String,
    pub(in crate::sim) reference: Vec<u8>,
    pub(in crate::sim) wrapped: [u8; WRAPPED_BYTES],
    pub(in crate::sim) typed: Option<Typed>,
}

/// The code was typed: the phone's ephemeral key, and the client's as the code unwraps it.
#[derive(Debug)]
pub(in crate::sim) struct Typed {
    pub(in crate::sim) ephemeral: KeyPair,
    pub(in crate::sim) companion: PublicKey,
}
