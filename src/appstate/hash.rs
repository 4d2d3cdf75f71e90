//! The lattice hash: a sum over all records of a collection, independent of their order.
//!
//! Source: whatsmeow 33cfac51 `appstate/lthash/lthash.go`.

use std::fmt;

use crate::crypto::hkdf;

const INFO: &[u8] = b"WhatsApp Patch Integrity";
/// Length of a hash in bytes: 64 little-endian numbers of 16 bits.
pub const HASH_BYTES: usize = 128;

/// The hash of a set of value MACs.
#[derive(Clone, PartialEq, Eq)]
pub struct LtHash([u8; HASH_BYTES]);

impl LtHash {
    /// Parses a stored hash; `None` if the length is wrong.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Returns the form that is stored and authenticated.
    pub fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    /// Adds a value MAC.
    pub fn add(&mut self, value_mac: &[u8; 32]) {
        self.combine(value_mac, u16::wrapping_add);
    }

    /// Subtracts a value MAC.
    pub fn subtract(&mut self, value_mac: &[u8; 32]) {
        self.combine(value_mac, u16::wrapping_sub);
    }

    fn combine(&mut self, value_mac: &[u8; 32], operation: fn(u16, u16) -> u16) {
        let expanded = hkdf::derive::<HASH_BYTES>(&[], value_mac, INFO);
        let pairs = expanded.expose().as_chunks::<2>().0;
        for (sum, item) in self.0.as_chunks_mut::<2>().0.iter_mut().zip(pairs) {
            let result = operation(u16::from_le_bytes(*sum), u16::from_le_bytes(*item));
            *sum = result.to_le_bytes();
        }
    }
}

impl Default for LtHash {
    /// Returns the hash of the empty set.
    fn default() -> Self {
        Self([0; HASH_BYTES])
    }
}

impl fmt::Debug for LtHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LtHash({})", hex::encode(&self.0[..8]))
    }
}
