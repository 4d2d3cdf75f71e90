//! X25519 keys and key agreement (RFC 7748), and Signal's 33-byte form of public keys.

use std::fmt;

use x25519_dalek::{PublicKey as Point, StaticSecret};

use super::random::{self, Random};
use crate::secret::Secret;

/// Signal's prefix byte of a Curve25519 public key.
pub const SIGNAL_PREFIX: u8 = 0x05;

/// Length of a public key in Signal's form, in bytes.
pub const SIGNAL_BYTES: usize = 33;

/// The private half of a [`KeyPair`].
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(Secret<32>);

impl PrivateKey {
    /// Accepts any 32 bytes. They are clamped on use.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    /// Copies `bytes`; `None` unless there are exactly 32.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Secret::from_slice(bytes).map(Self)
    }

    /// Returns the bytes as given, for the store.
    pub const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// Computes the public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(Point::from(&self.scalar()).to_bytes())
    }

    /// Computes the shared secret.
    ///
    /// Fails if the peer's key has low order, because the secret would then be zero for any key of
    /// ours.
    pub fn agree(&self, peer: &PublicKey) -> Result<Secret<32>, LowOrder> {
        let shared = self.scalar().diffie_hellman(&Point::from(peer.0));
        match shared.was_contributory() {
            true => Ok(Secret::new(shared.to_bytes())),
            false => Err(LowOrder),
        }
    }

    /// Returns a copy for one computation, which is zeroed when it is dropped.
    fn scalar(&self) -> StaticSecret {
        StaticSecret::from(*self.expose())
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A Curve25519 public key: its 32 bytes as on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Copies `bytes`; `None` unless there are exactly 32.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Returns the 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns Signal's form: [`SIGNAL_PREFIX`] and the 32 bytes.
    pub fn to_signal(&self) -> [u8; SIGNAL_BYTES] {
        let mut bytes = [SIGNAL_PREFIX; SIGNAL_BYTES];
        bytes[1..].copy_from_slice(&self.0);
        bytes
    }

    /// Parses Signal's form.
    pub fn from_signal(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [SIGNAL_PREFIX, key @ ..] => Self::from_slice(key),
            _ => None,
        }
    }
}

/// Shows two bytes, which are enough to distinguish keys in a log.
impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:02x}{:02x}..)", self.0[0], self.0[1])
    }
}

/// A private key with its public half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPair {
    /// The private half.
    pub private: PrivateKey,
    /// The public half.
    pub public: PublicKey,
}

impl KeyPair {
    /// Creates the pair of these private bytes.
    pub fn from_private(private: [u8; 32]) -> Self {
        Self::from(PrivateKey::new(private))
    }

    /// Generates a pair. The private bytes are clamped, because other programs store them in that
    /// form.
    pub fn generate(random: &mut dyn Random) -> Self {
        let bytes = random::bytes(random);
        Self::from_private(curve25519_dalek::scalar::clamp_integer(bytes))
    }
}

impl From<PrivateKey> for KeyPair {
    fn from(private: PrivateKey) -> Self {
        Self {
            public: private.public(),
            private,
        }
    }
}

/// The peer's key has low order, so the shared secret would be public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("public key of low order")]
pub struct LowOrder;
