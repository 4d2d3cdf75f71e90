//! What the server hands out about a device, so that a ratchet with it can be started.

use crate::crypto::curve::PublicKey;
use crate::crypto::xeddsa::{self, SIGNATURE_BYTES};

/// The public keys of another device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The number that the device gave itself when it registered.
    pub registration_id: u32,
    /// The device's identity key.
    pub identity: PublicKey,
    /// Number of the signed pre-key.
    pub signed_id: u32,
    /// The signed pre-key.
    pub signed_public: PublicKey,
    /// The identity's signature of it.
    pub signature: [u8; SIGNATURE_BYTES],
    /// Number and key of a one-time pre-key, while the server has any.
    pub one_time: Option<(u32, PublicKey)>,
}

impl Bundle {
    /// Whether the identity signed the signed pre-key.
    pub fn is_genuine(&self) -> bool {
        xeddsa::verify(
            &self.identity,
            &self.signed_public.to_signal(),
            &self.signature,
        )
    }
}
