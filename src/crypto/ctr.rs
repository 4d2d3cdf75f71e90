//! AES-256-CTR with a 128-bit big-endian counter.
//!
//! It is not authenticated. Pairing by code encrypts fresh public keys with it.

use aes::Aes256;
use aes::cipher::{KeyIvInit, StreamCipher};

/// Encrypts or decrypts `data` in place; both operations are the same.
pub fn apply(key: &[u8; 32], iv: &[u8; 16], data: &mut [u8]) {
    ctr::Ctr128BE::<Aes256>::new(key.into(), iv.into()).apply_keystream(data);
}
