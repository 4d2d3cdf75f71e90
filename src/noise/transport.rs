//! The ciphers of an open link: one key and one counter per direction.

use std::fmt;

use crate::crypto::gcm::{self, Cipher};
use crate::secret::Secret;

/// Encrypts and decrypts the frames of one link. Each direction has its own order.
#[derive(Debug)]
pub struct Transport {
    sealer: Sealer,
    opener: Opener,
}

impl Transport {
    pub(super) fn new(send: &Secret<32>, receive: &Secret<32>) -> Self {
        Self {
            sealer: Sealer {
                cipher: Cipher::new(send.expose()),
                counter: Some(0),
            },
            opener: Opener {
                cipher: Cipher::new(receive.expose()),
                counter: Some(0),
            },
        }
    }

    /// Encrypts the next frame to send.
    pub fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.sealer.seal(plain)
    }

    /// Decrypts the next received frame. After an error the link is unusable.
    pub fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.opener.open(sealed)
    }

    /// Splits the transport into its two directions.
    pub fn split(self) -> (Sealer, Opener) {
        (self.sealer, self.opener)
    }
}

/// The sending half of a [`Transport`].
pub struct Sealer {
    cipher: Cipher,
    counter: Option<u32>,
}

impl Sealer {
    /// Encrypts the next frame to send.
    pub fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, TransportError> {
        let counter = self.counter.ok_or(TransportError::Exhausted)?;
        // After the last counter this half fails, so that no nonce is used twice.
        self.counter = counter.checked_add(1);
        Ok(self.cipher.seal(&nonce(counter), b"", plain))
    }
}

/// The receiving half of a [`Transport`].
pub struct Opener {
    cipher: Cipher,
    counter: Option<u32>,
}

impl Opener {
    /// Decrypts the next received frame. After an error the link is unusable.
    pub fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>, TransportError> {
        let counter = self.counter.ok_or(TransportError::Exhausted)?;
        let plain = self
            .cipher
            .open(&nonce(counter), b"", sealed)
            .map_err(|_| TransportError::Forged { counter })?;
        self.counter = counter.checked_add(1);
        Ok(plain)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("counter", &self.counter)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("counter", &self.counter)
            .finish_non_exhaustive()
    }
}

/// Why a frame could not be encrypted or decrypted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The frame was modified, or an earlier one was lost or repeated.
    #[error("frame {counter} does not open")]
    Forged {
        /// Number of the expected frame, from 0 in each direction.
        counter: u32,
    },
    /// All 2^32 nonces of this direction are used. A new link is needed.
    #[error("link has carried all the frames that its key allows")]
    Exhausted,
}

/// Returns the nonce: the counter, big-endian, in its last four bytes.
pub(super) fn nonce(counter: u32) -> [u8; gcm::NONCE_BYTES] {
    let mut nonce = [0; gcm::NONCE_BYTES];
    nonce[8..].copy_from_slice(&counter.to_be_bytes());
    nonce
}
