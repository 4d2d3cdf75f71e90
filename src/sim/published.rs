//! What a device publishes: its public keys, and its name and platform.

use crate::crypto::curve::PublicKey;

/// The long-term public keys of a device.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) registration_id: u32,
    pub(super) identity: PublicKey,
    pub(super) signed: SignedKey,
}

/// A signed pre-key: id, public key and signature.
#[derive(Clone, Debug)]
pub(super) struct SignedKey {
    pub(super) id: u32,
    pub(super) public: PublicKey,
    pub(super) signature: [u8; 64],
}

/// Name and platform that a companion gave when it was linked. Empty for the phone.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct DeviceLabel {
    /// Name that the companion gave itself.
    pub name: String,
    /// `chrome`, `firefox` and so on.
    pub platform: String,
}
