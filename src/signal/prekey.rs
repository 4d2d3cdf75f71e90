//! The keys that a device hands out so that others can start ratchets with it while it is away.

use crate::crypto::curve::{KeyPair, PrivateKey};
use crate::crypto::random::{self, Random};
use crate::crypto::xeddsa::{self, SIGNATURE_BYTES};

/// A key that one peer starts one ratchet with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreKey {
    /// Its number, from 1 to 2^24 - 1.
    pub id: u32,
    /// The key.
    pub pair: KeyPair,
}

impl PreKey {
    /// A fresh key.
    pub fn generate(id: u32, random: &mut dyn Random) -> Self {
        Self {
            id,
            pair: KeyPair::generate(random),
        }
    }
}

/// The medium-term key that every peer starts ratchets with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPreKey {
    /// Its number, from 1 to 2^24 - 1.
    pub id: u32,
    /// The key.
    pub pair: KeyPair,
    /// The identity key's signature of the public half in Signal's form.
    pub signature: [u8; SIGNATURE_BYTES],
}

impl SignedPreKey {
    /// A fresh key, signed by `identity`.
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
