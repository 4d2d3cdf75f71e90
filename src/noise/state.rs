//! The symmetric state of a handshake: the transcript hash and the mixed keys.
//!
//! Source: the Noise Protocol Framework (revision 34), "The SymmetricState object".

use super::HandshakeError;
use super::transport::{Transport, nonce};
use crate::crypto::curve::{PrivateKey, PublicKey};
use crate::crypto::{gcm, hash, hkdf};
use crate::secret::Secret;

/// First contact: the client does not know the server's key.
pub(super) const XX: &[u8] = b"Noise_XX_25519_AESGCM_SHA256";
/// Resumption: the client knows the server's key from an earlier contact.
pub(super) const IK: &[u8] = b"Noise_IK_25519_AESGCM_SHA256";
/// Fallback: the server cannot decrypt an IK message and continues with XX.
pub(super) const XX_FALLBACK: &[u8] = b"Noise_XXfallback_25519_AESGCM_SHA256";

/// The side that owns a [`SymmetricState`]; it decides which final key is for sending.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Client,
    Server,
}

/// The symmetric state of the Noise framework.
pub(super) struct SymmetricState {
    hash: [u8; 32],
    chaining: Secret<32>,
    key: Secret<32>,
    counter: u32,
}

impl SymmetricState {
    /// Starts with the protocol name and the prologue that both sides know.
    pub(super) fn new(name: &[u8], prologue: &[u8]) -> Self {
        let mut start = [0; 32];
        match start.get_mut(..name.len()) {
            Some(head) => head.copy_from_slice(name),
            None => start = hash::sha256(&[name]),
        }
        let mut state = Self {
            hash: start,
            chaining: Secret::new(start),
            key: Secret::new(start),
            counter: 0,
        };
        state.mix_hash(prologue);
        state
    }

    /// Adds clear data to the transcript.
    pub(super) fn mix_hash(&mut self, data: &[u8]) {
        self.hash = hash::sha256(&[&self.hash, data]);
    }

    /// Mixes in the shared secret of `private` and `public`.
    pub(super) fn agree(
        &mut self,
        private: &PrivateKey,
        public: &PublicKey,
    ) -> Result<(), HandshakeError> {
        let shared = private.agree(public)?;
        let output = hkdf::derive::<64>(self.chaining.expose(), shared.expose(), b"");
        self.chaining = output.part::<0, 32>();
        self.key = output.part::<32, 32>();
        self.counter = 0;
        Ok(())
    }

    /// Encrypts `plain` and adds the ciphertext to the transcript.
    pub(super) fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        let sealed = gcm::seal(self.key.expose(), &nonce(self.counter), &self.hash, plain);
        self.counter += 1;
        self.mix_hash(&sealed);
        sealed
    }

    /// Decrypts the result of the peer's [`SymmetricState::seal`].
    pub(super) fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>, HandshakeError> {
        let plain = gcm::open(self.key.expose(), &nonce(self.counter), &self.hash, sealed)
            .map_err(|_| HandshakeError::Forged)?;
        self.counter += 1;
        self.mix_hash(sealed);
        Ok(plain)
    }

    /// Decrypts a public key.
    pub(super) fn open_key(&mut self, sealed: &[u8]) -> Result<PublicKey, HandshakeError> {
        PublicKey::from_slice(&self.open(sealed)?).ok_or(HandshakeError::Malformed)
    }

    /// Ends the handshake and returns the transport.
    pub(super) fn split(self, side: Side) -> Transport {
        let output = hkdf::derive::<64>(self.chaining.expose(), b"", b"");
        let (client, server) = (output.part::<0, 32>(), output.part::<32, 32>());
        match side {
            Side::Client => Transport::new(&client, &server),
            Side::Server => Transport::new(&server, &client),
        }
    }
}

/// Parses a public key that was sent in the clear.
pub(super) fn clear_key(
    bytes: Option<&Vec<u8>>,
    part: &'static str,
) -> Result<PublicKey, HandshakeError> {
    let bytes = bytes.ok_or(HandshakeError::Missing { part })?;
    PublicKey::from_slice(bytes).ok_or(HandshakeError::Malformed)
}
