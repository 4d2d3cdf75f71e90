//! The sender keys of one device in one group. Each is a chain that the device distributes to all
//! members.
//!
//! Members can decrypt with a chain but cannot forge messages: every message is signed, and the
//! signing key stays with the sender.
//!
//! Source: libsignal-protocol-go 0.2.0 `groups/GroupCipher.go`, `groups/state/record/`.

use prost::Message;
use wmctl_proto::signal::{SenderKeyDistributionMessage, SenderKeyMessage};

use super::message::{VERSION, with_version};
use super::{RecordError, SKIPPED_MAX, sender_record};
use crate::crypto::curve::{KeyPair, PrivateKey, PublicKey};
use crate::crypto::random::{self, Random};
use crate::crypto::xeddsa::{self, SIGNATURE_BYTES};
use crate::crypto::{cbc, hkdf, mac};
use crate::secret::Secret;

/// Maximum number of chains kept per device; late messages still need older ones.
pub const STATES_MAX: usize = 5;

const GROUP_INFO: &[u8] = b"WhisperGroup";
const MESSAGE_KEY_SEED: &[u8] = &[0x01];
const CHAIN_KEY_SEED: &[u8] = &[0x02];
/// Sender key ids have 31 bits, because some implementations store them as signed integers.
const ID_MASK: u32 = 0x7FFF_FFFF;

/// The sender keys of one device in one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SenderKey {
    /// States, newest first.
    pub(super) states: Vec<SenderState>,
}

/// One chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SenderState {
    pub(super) id: u32,
    pub(super) chain: SenderChainKey,
    pub(super) verifying: PublicKey,
    /// The signing key; only for our own sender key.
    pub(super) signing: Option<PrivateKey>,
    /// Seeds of messages that have not arrived yet, oldest first.
    pub(super) skipped: Vec<SenderMessageKey>,
}

/// A position in a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SenderChainKey {
    pub(super) iteration: u32,
    pub(super) seed: Secret<32>,
}

/// The seed of one message's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SenderMessageKey {
    pub(super) iteration: u32,
    pub(super) seed: Secret<32>,
}

impl SenderKey {
    /// Creates a new sender key of our own.
    pub fn create(random: &mut dyn Random) -> Self {
        let id = random::number(random) & ID_MASK;
        let chain = SenderChainKey {
            iteration: 0,
            seed: random::secret(random),
        };
        let KeyPair { private, public } = KeyPair::generate(random);
        let skipped = Vec::new();
        let state = SenderState {
            id,
            chain,
            verifying: public,
            signing: Some(private),
            skipped,
        };
        Self {
            states: vec![state],
        }
    }

    /// Decodes a stored record.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        sender_record::decode(bytes).map(|states| Self { states })
    }

    /// Encodes the record for the store. It contains private keys and must not go anywhere else.
    pub fn encode(&self) -> Vec<u8> {
        sender_record::encode(&self.states)
    }

    /// Returns the id of the newest chain; `None` if there is none.
    pub fn id(&self) -> Option<u32> {
        self.states.first().map(|state| state.id)
    }

    /// Returns the distribution message, with which a member can decrypt all messages from the
    /// current counter on. It is sent inside pairwise messages.
    pub fn distribution(&self) -> Result<Vec<u8>, SenderKeyError> {
        let state = self.states.first().ok_or(SenderKeyError::NotOurs)?;
        Ok(with_version(&SenderKeyDistributionMessage {
            id: Some(state.id),
            iteration: Some(state.chain.iteration),
            chain_key: Some(state.chain.seed.expose().to_vec()),
            signing_key: Some(state.verifying.to_signal().to_vec()),
        }))
    }

    /// Accepts another device's distribution message.
    ///
    /// A known chain keeps its position. Moving it back would allow messages to be decrypted twice.
    pub fn accept(&mut self, distribution: &[u8]) -> Result<(), SenderKeyError> {
        let body = body_of(distribution)?;
        let body =
            SenderKeyDistributionMessage::decode(body).map_err(|_| SenderKeyError::Malformed)?;
        let id = body.id.ok_or(SenderKeyError::Malformed)?;
        let iteration = body.iteration.ok_or(SenderKeyError::Malformed)?;
        let seed = body.chain_key.as_deref().and_then(Secret::from_slice);
        let seed = seed.ok_or(SenderKeyError::Malformed)?;
        let verifying = body.signing_key.as_deref().and_then(PublicKey::from_signal);
        let verifying = verifying.ok_or(SenderKeyError::Malformed)?;
        let known = self.states.iter().position(|state| state.id == id);
        let state = match known.map(|at| self.states.remove(at)) {
            Some(state) if state.verifying == verifying => state,
            _ => SenderState {
                id,
                chain: SenderChainKey { iteration, seed },
                verifying,
                signing: None,
                skipped: Vec::new(),
            },
        };
        self.states.insert(0, state);
        self.states.truncate(STATES_MAX);
        Ok(())
    }

    /// Returns whether we can encrypt with one of the chains.
    pub fn is_ours(&self) -> bool {
        self.states.iter().any(|state| state.signing.is_some())
    }

    /// Encrypts padded plaintext for the group with our own key. Fails with
    /// [`SenderKeyError::NotOurs`] or [`SenderKeyError::Exhausted`] if a new sender key is needed.
    /// The record must be stored before the message is sent.
    pub fn encrypt(
        &mut self,
        plain: &[u8],
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, SenderKeyError> {
        let state = self.states.first_mut().ok_or(SenderKeyError::NotOurs)?;
        let signing = state.signing.as_ref().ok_or(SenderKeyError::NotOurs)?;
        let key = state.chain.message_key();
        let next = state.chain.next().ok_or(SenderKeyError::Exhausted)?;
        let mut bytes = with_version(&SenderKeyMessage {
            id: Some(state.id),
            iteration: Some(key.iteration),
            ciphertext: Some(key.encrypt(plain)),
        });
        let signature = xeddsa::sign(signing, &bytes, &random::bytes(random));
        bytes.extend_from_slice(&signature);
        state.chain = next;
        Ok(bytes)
    }

    /// Decrypts a group message. Nothing changes on error.
    pub fn decrypt(&mut self, bytes: &[u8]) -> Result<Vec<u8>, SenderKeyError> {
        let (signed, signature) = bytes
            .split_last_chunk::<SIGNATURE_BYTES>()
            .ok_or(SenderKeyError::Malformed)?;
        let body =
            SenderKeyMessage::decode(body_of(signed)?).map_err(|_| SenderKeyError::Malformed)?;
        let id = body.id.ok_or(SenderKeyError::Malformed)?;
        let iteration = body.iteration.ok_or(SenderKeyError::Malformed)?;
        let ciphertext = body.ciphertext.ok_or(SenderKeyError::Malformed)?;
        let newest = self.states.iter().find(|state| state.id == id);
        let newest = newest.ok_or(SenderKeyError::NoKey { id })?;
        let verifying = newest.verifying;
        if !xeddsa::verify(&verifying, signed, signature) {
            return Err(SenderKeyError::BadSignature);
        }
        let (at, key) = self.key_at(id, &verifying, iteration)?;
        let plain = key.decrypt(&ciphertext)?;
        self.states[at].advance(iteration);
        let place = self.states[at].chain.clone();
        for older in &mut self.states[at + 1..] {
            if older.is(id, &verifying) && older.chain.iteration <= iteration {
                older.chain = place.clone();
            }
        }
        Ok(plain)
    }

    /// Returns the key of a message and the index of its state. Some clients store a chain again
    /// each time that it is distributed, so the newest state may start after a late message.
    fn key_at(
        &self,
        id: u32,
        verifying: &PublicKey,
        iteration: u32,
    ) -> Result<(usize, SenderMessageKey), SenderKeyError> {
        let states = self.states.iter().enumerate();
        for (at, state) in states.filter(|(_, state)| state.is(id, verifying)) {
            match state.key_at(iteration) {
                Err(SenderKeyError::Duplicate { .. }) => (),
                found => return found.map(|key| (at, key)),
            }
        }
        Err(SenderKeyError::Duplicate { iteration })
    }
}

impl SenderState {
    /// Returns whether this is a state of the given chain.
    fn is(&self, id: u32, verifying: &PublicKey) -> bool {
        self.id == id && self.verifying == *verifying
    }

    /// Returns the key of message `iteration` without advancing the chain.
    fn key_at(&self, iteration: u32) -> Result<SenderMessageKey, SenderKeyError> {
        let Some(ahead) = iteration.checked_sub(self.chain.iteration) else {
            let kept = self.skipped.iter().find(|key| key.iteration == iteration);
            return kept.cloned().ok_or(SenderKeyError::Duplicate { iteration });
        };
        if SKIPPED_MAX < ahead as usize || iteration == u32::MAX {
            let expected = self.chain.iteration;
            return Err(SenderKeyError::TooFarAhead {
                iteration,
                expected,
            });
        }
        let mut place = self.chain.clone();
        while place.iteration < iteration {
            place = place.next().ok_or(SenderKeyError::Exhausted)?;
        }
        Ok(place.message_key())
    }

    /// Consumes the key of message `iteration`, and keeps the skipped keys before it.
    fn advance(&mut self, iteration: u32) {
        if iteration < self.chain.iteration {
            self.skipped.retain(|key| key.iteration != iteration);
            return;
        }
        while self.chain.iteration <= iteration {
            if self.chain.iteration < iteration {
                self.skipped.push(self.chain.message_key());
            }
            let Some(next) = self.chain.next() else { break };
            self.chain = next;
        }
        let surplus = self.skipped.len().saturating_sub(SKIPPED_MAX);
        self.skipped.drain(..surplus);
    }
}

impl SenderChainKey {
    fn message_key(&self) -> SenderMessageKey {
        let seed = mac::hmac_sha256(self.seed.expose(), &[MESSAGE_KEY_SEED]);
        SenderMessageKey {
            iteration: self.iteration,
            seed: Secret::new(seed),
        }
    }

    pub(super) fn next(&self) -> Option<Self> {
        let seed = Secret::new(mac::hmac_sha256(self.seed.expose(), &[CHAIN_KEY_SEED]));
        Some(Self {
            iteration: self.iteration.checked_add(1)?,
            seed,
        })
    }
}

impl SenderMessageKey {
    fn encrypt(&self, plain: &[u8]) -> Vec<u8> {
        let (iv, key) = message_key(self.seed.expose());
        cbc::encrypt(key.expose(), iv.expose(), plain)
    }

    fn decrypt(&self, ciphertext: &[u8]) -> Result<Vec<u8>, SenderKeyError> {
        let (iv, key) = message_key(self.seed.expose());
        cbc::decrypt(key.expose(), iv.expose(), ciphertext).map_err(|_| SenderKeyError::Malformed)
    }
}

/// Derives the IV and the cipher key of a message. Some programs store them beside the seed.
pub fn message_key(seed: &[u8]) -> (Secret<16>, Secret<32>) {
    let output = hkdf::derive::<48>(b"", seed, GROUP_INFO);
    (output.part::<0, 16>(), output.part::<16, 32>())
}

/// Returns the protobuf after the version byte.
fn body_of(bytes: &[u8]) -> Result<&[u8], SenderKeyError> {
    let (version, body) = bytes.split_first().ok_or(SenderKeyError::Malformed)?;
    let found = version >> 4;
    if found != VERSION {
        return Err(SenderKeyError::Version { found });
    }
    Ok(body)
}

/// Why a sender key could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SenderKeyError {
    /// There is no sender key of our own.
    #[error("no sender key of our own")]
    NotOurs,
    /// The sender has not distributed this chain, or it is too old and was dropped.
    #[error("no sender key {id}")]
    NoKey {
        /// Id of the chain.
        id: u32,
    },
    /// The bytes are not a message, or one of its keys is invalid.
    #[error("malformed group message")]
    Malformed,
    /// The message has another protocol version.
    #[error("group message of protocol version {found}")]
    Version {
        /// The version in the message.
        found: u8,
    },
    /// The signature is not from the chain's owner.
    #[error("group message is not signed by its sender")]
    BadSignature,
    /// The message key no longer exists: the message was decrypted before, or it is too old.
    #[error("group message {iteration} was decrypted before")]
    Duplicate {
        /// Counter of the message.
        iteration: u32,
    },
    /// The message is more than [`SKIPPED_MAX`] ahead of the chain.
    #[error("group message {iteration} is too far ahead of {expected}")]
    TooFarAhead {
        /// Counter of the message.
        iteration: u32,
        /// The chain's next counter.
        expected: u32,
    },
    /// The chain has no counters left.
    #[error("chain has no numbers left")]
    Exhausted,
}
