//! AES-256-GCM, an authenticated cipher.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};

/// Length of the tag that encryption adds, in bytes.
pub const TAG_BYTES: usize = 16;

/// Length of a nonce, in bytes.
pub const NONCE_BYTES: usize = 12;

/// A key prepared for many messages.
#[derive(Clone)]
pub struct Cipher(Aes256Gcm);

impl Cipher {
    /// Prepares `key`.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Aes256Gcm::new(key.into()))
    }

    /// Encrypts `plain` and appends the tag, which also covers `associated`.
    pub fn seal(&self, nonce: &[u8; NONCE_BYTES], associated: &[u8], plain: &[u8]) -> Vec<u8> {
        self.0
            .encrypt(
                &Nonce::from(*nonce),
                Payload {
                    msg: plain,
                    aad: associated,
                },
            )
            .expect("only inputs of 64 GiB are too long")
    }

    /// Decrypts the result of [`Cipher::seal`] with the same nonce and associated data.
    pub fn open(
        &self,
        nonce: &[u8; NONCE_BYTES],
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, Forged> {
        self.0
            .decrypt(
                &Nonce::from(*nonce),
                Payload {
                    msg: sealed,
                    aad: associated,
                },
            )
            .map_err(|_| Forged)
    }
}

/// Encrypts with a key that is used once; see [`Cipher::seal`].
pub fn seal(key: &[u8; 32], nonce: &[u8; NONCE_BYTES], associated: &[u8], plain: &[u8]) -> Vec<u8> {
    Cipher::new(key).seal(nonce, associated, plain)
}

/// Decrypts with a key that is used once; see [`Cipher::open`].
pub fn open(
    key: &[u8; 32],
    nonce: &[u8; NONCE_BYTES],
    associated: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, Forged> {
    Cipher::new(key).open(nonce, associated, sealed)
}

/// The tag is wrong: another key or nonce was used, or the bytes were modified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("authentication tag does not fit")]
pub struct Forged;
