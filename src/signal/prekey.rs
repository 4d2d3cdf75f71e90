//! Pre-keys, which a device publishes so that others can start ratchets with it while it is
//! offline.

use crate::crypto::curve::{KeyPair, PrivateKey};
use crate::crypto::random::{self, Random};
use crate::crypto::xeddsa::{self, SIGNATURE_BYTES};

/// A one-time pre-key: a peer starts one ratchet with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreKey {
    /// The id, from 1 to 2^24 - 1.
    pub id: u32,
    /// The key pair.
    pub pair: KeyPair,
}

impl PreKey {
    /// Generates a new key.
    pub fn generate(id: u32, random: &mut dyn Random) -> Self {
        Self {
            id,
            pair: KeyPair::generate(random),
        }
    }
}

/// A signed pre-key: the medium-term key that all peers start ratchets with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPreKey {
    /// The id, from 1 to 2^24 - 1.
    pub id: u32,
    /// The key pair.
    pub pair: KeyPair,
    /// The identity key's signature over the public key in Signal's 33-byte form.
    pub signature: [u8; SIGNATURE_BYTES],
}

impl SignedPreKey {
    /// Generates a new key, signed by `identity`.
    pub fn generate(id: u32, identity: &PrivateKey, random: &mut dyn Random) -> Self {
        let pair = KeyPair::generate(random);
        let signature = sign(identity, &pair, random);
        Self {
            id,
            pair,
            signature,
        }
    }
}

fn sign(identity: &PrivateKey, pair: &KeyPair, random: &mut dyn Random) -> [u8; SIGNATURE_BYTES] {
    xeddsa::sign(identity, &pair.public.to_signal(), &random::bytes(random))
}
