//! A client that is not paired yet, and its progress.

use crate::crypto::curve::{KeyPair, PublicKey};
use crate::ids::Jid;
use crate::sim::published::{DeviceLabel, Published};

/// Salt, counter block and key: a public key wrapped with the code.
pub(in crate::sim) const WRAPPED_BYTES: usize = 32 + 16 + 32;

/// Why a QR code did not lead to a pairing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// The text is not a valid QR code.
    #[error("the text is no QR code of a client")]
    Malformed,
    /// No connected client shows this code.
    #[error("no connected client shows this code")]
    UnknownReference,
    /// The keys in the code differ from those of the connected client.
    #[error("the code has other keys than the client")]
    OtherKeys,
    /// The account has used all its device numbers.
    #[error("the account has no device numbers left")]
    Full,
}

/// A companion that was linked before: its JID and its public keys.
#[derive(Clone, Debug)]
pub struct Linked {
    /// JID by phone number.
    pub jid: Jid,
    /// Static Noise key of its connections.
    pub noise: PublicKey,
    /// Public identity key.
    pub identity: PublicKey,
    /// Signal registration id.
    pub registration_id: u32,
    /// Signed pre-key: id, key and signature.
    pub signed: (u32, PublicKey, [u8; 64]),
}

/// A client that wants to pair.
#[derive(Debug)]
pub(super) struct Unpaired {
    /// References in its QR codes.
    pub(in crate::sim) refs: Vec<String>,
    pub(in crate::sim) noise: PublicKey,
    pub(super) keys: Published,
    pub(in crate::sim) looks: DeviceLabel,
    /// The phone's offer, if it has been sent.
    pub(in crate::sim) offer: Option<Offer>,
    /// Present if it shows a code to type.
    pub(super) hello: Option<Hello>,
}

/// The phone's offer that the client has not answered yet.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Offer {
    pub(in crate::sim) id: String,
    pub(in crate::sim) jid: Jid,
    pub(in crate::sim) key_index: u32,
    /// The encoded `ADVDeviceIdentity` that the client must sign.
    pub(in crate::sim) details: Vec<u8>,
}

/// A client whose code has not been typed yet.
#[derive(Debug)]
pub(super) struct Hello {
    /// Phone number that the client asked for.
    pub(in crate::sim) number: String,
    pub(in crate::sim) reference: Vec<u8>,
    /// The client's ephemeral key, wrapped with the code.
    pub(in crate::sim) wrapped: [u8; WRAPPED_BYTES],
    /// Present once the code was typed.
    pub(in crate::sim) typed: Option<Typed>,
}

/// After the code was typed: the phone's ephemeral key, and the client's as unwrapped with the
/// code.
#[derive(Debug)]
pub(in crate::sim) struct Typed {
    pub(in crate::sim) ephemeral: KeyPair,
    pub(in crate::sim) companion: PublicKey,
}
