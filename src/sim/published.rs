//! What a device says of itself to the server: its public keys, and how it looks to its phone.

use crate::crypto::curve::PublicKey;

/// The public keys of a device that never run out.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) registration_id: u32,
    pub(super) identity: PublicKey,
    pub(super) signed: SignedKey,
}

#[derive(Clone, Debug)]
pub(super) struct SignedKey {
    pub(super) id: u32,
    pub(super) public: PublicKey,
    pub(super) signature: [u8; 64],
}

/// What a companion said of itself when it was linked; the phone says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Looks {
    pub name: String,
    /// `chrome`, `firefox` and so on.
    pub platform: String,
}
