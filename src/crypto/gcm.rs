//! AES-256-GCM: encryption that notices every change.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};

/// What sealing adds to the plain text.
pub const TAG_BYTES: usize = 16;

/// Length of a nonce.
pub const NONCE_BYTES: usize = 12;

/// A key that is set up once for many messages.
#[derive(Clone)]
pub struct Cipher(Aes256Gcm);

impl Cipher {
    /// Sets up `key`.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Aes256Gcm::new(key.into()))
    }

    /// Encrypts `plain` and appends the tag, which covers `associated` too.
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

    /// Decrypts what [`Cipher::seal`] made with the same nonce and associated data.
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

/// [`Cipher::seal`] for a key that is used once.
pub fn seal(key: &[u8; 32], nonce: &[u8; NONCE_BYTES], associated: &[u8], plain: &[u8]) -> Vec<u8> {
    Cipher::new(key).seal(nonce, associated, plain)
}

/// [`Cipher::open`] for a key that is used once.
pub fn open(
    key: &[u8; 32],
    nonce: &[u8; NONCE_BYTES],
    associated: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, Forged> {
    Cipher::new(key).open(nonce, associated, sealed)
}

/// The tag does not fit: another key or nonce, or the bytes were changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("authentication tag does not fit")]
pub struct Forged;
