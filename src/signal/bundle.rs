//! Pre-key bundles: a device's public keys, which start a ratchet with it.

use crate::crypto::curve::PublicKey;
use crate::crypto::xeddsa::{self, SIGNATURE_BYTES};

/// The public keys of another device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The device's registration id.
    pub registration_id: u32,
    /// The device's identity key.
    pub identity: PublicKey,
    /// Id of the signed pre-key.
    pub signed_id: u32,
    /// The signed pre-key.
    pub signed_public: PublicKey,
    /// The identity key's signature over the signed pre-key.
    pub signature: [u8; SIGNATURE_BYTES],
    /// Id and key of a one-time pre-key, if the server had one left.
    pub one_time: Option<(u32, PublicKey)>,
}

impl Bundle {
    /// Returns whether the identity key signed the signed pre-key.
    pub fn is_genuine(&self) -> bool {
        xeddsa::verify(
            &self.identity,
            &self.signed_public.to_signal(),
            &self.signature,
        )
    }
}
