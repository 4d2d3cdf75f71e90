//! What both sides of a handshake keep in step: the transcript hash and the keys mixed so far.

use super::HandshakeError;
use super::transport::{Transport, nonce};
use crate::crypto::curve::{PrivateKey, PublicKey};
use crate::crypto::{gcm, hash, hkdf};
use crate::secret::Secret;

/// The first contact: the client does not know the server's key.
pub(super) const XX: &[u8] = b"Noise_XX_25519_AESGCM_SHA256";
/// The client knows the server's key from an earlier contact.
pub(super) const IK: &[u8] = b"Noise_IK_25519_AESGCM_SHA256";
/// The server answers an IK that it cannot read as if it were an XX.
pub(super) const XX_FALLBACK: &[u8] = b"Noise_XXfallback_25519_AESGCM_SHA256";

/// Which side a [`State`] belongs to; it decides which final key sends.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Client,
    Server,
}

/// The symmetric state of the Noise framework.
pub(super) struct State {
    hash: [u8; 32],
    chaining: Secret<32>,
    key: Secret<32>,
    counter: u32,
}

impl State {
    /// Starts with the protocol's name and the bytes that both sides have seen already.
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

    /// Adds to the transcript what is sent in the clear.
    pub(super) fn mix_hash(&mut self, data: &[u8]) {
        self.hash = hash::sha256(&[&self.hash, data]);
    }

    /// Mixes in the secret that `private` and `public` agree on.
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

    /// Encrypts `plain` and adds the result to the transcript.
    pub(super) fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        let sealed = gcm::seal(self.key.expose(), &nonce(self.counter), &self.hash, plain);
        self.counter += 1;
        self.mix_hash(&sealed);
        sealed
    }

    /// Undoes the peer's [`State::seal`].
    pub(super) fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>, HandshakeError> {
        let plain = gcm::open(self.key.expose(), &nonce(self.counter), &self.hash, sealed)
            .map_err(|_| HandshakeError::Forged)?;
        self.counter += 1;
        self.mix_hash(sealed);
        Ok(plain)
    }

    /// [`State::open`] for a public key.
    pub(super) fn open_key(&mut self, sealed: &[u8]) -> Result<PublicKey, HandshakeError> {
        PublicKey::from_slice(&self.open(sealed)?).ok_or(HandshakeError::Malformed)
    }

    /// Ends the handshake.
    pub(super) fn split(self, side: Side) -> Transport {
        let output = hkdf::derive::<64>(self.chaining.expose(), b"", b"");
        let (client, server) = (output.part::<0, 32>(), output.part::<32, 32>());
        match side {
            Side::Client => Transport::new(&client, &server),
            Side::Server => Transport::new(&server, &client),
        }
    }
}

/// Reads a public key that is sent in the clear.
pub(super) fn clear_key(
    bytes: Option<&Vec<u8>>,
    part: &'static str,
) -> Result<PublicKey, HandshakeError> {
    let bytes = bytes.ok_or(HandshakeError::Missing { part })?;
    PublicKey::from_slice(bytes).ok_or(HandshakeError::Malformed)
}
