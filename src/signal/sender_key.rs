//! The sender keys of one device in one group: one chain that the device hands to all members.
//!
//! A member can read with a chain but not write: every message is signed with a key whose private
//! half stays with the sender.

use prost::Message;
use wmctl_proto::signal::{SenderKeyDistributionMessage, SenderKeyMessage};

use super::message::{VERSION, with_version};
use super::{RecordError, SKIPPED_MAX, sender_record};
use crate::crypto::curve::{KeyPair, PrivateKey, PublicKey};
use crate::crypto::random::{self, Random};
use crate::crypto::xeddsa::{self, SIGNATURE_BYTES};
use crate::crypto::{cbc, hkdf, mac};
use crate::secret::Secret;

/// Most chains of one device that are kept: older ones are still needed for late messages.
pub const STATES_MAX: usize = 5;

const GROUP_INFO: &[u8] = b"WhisperGroup";
const MESSAGE_KEY_SEED: &[u8] = &[0x01];
const CHAIN_KEY_SEED: &[u8] = &[0x02];
/// Numbers of sender keys are positive where integers have a sign.
const ID_MASK: u32 = 0x7FFF_FFFF;

/// The sender keys of one device in one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SenderKey {
    /// Newest first.
    pub(super) states: Vec<SenderState>,
}

/// One chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SenderState {
    pub(super) id: u32,
    pub(super) chain: SenderChainKey,
    pub(super) verifying: PublicKey,
    /// Only in our own.
    pub(super) signing: Option<PrivateKey>,
    /// Seeds of messages that have not arrived yet, oldest first.
    pub(super) skipped: Vec<SenderMessageKey>,
}

/// A place in a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SenderChainKey {
    pub(super) iteration: u32,
    pub(super) seed: Secret<32>,
}

/// What encrypts one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SenderMessageKey {
    pub(super) iteration: u32,
    pub(super) seed: Secret<32>,
}

impl SenderKey {
    /// A fresh key of our own.
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

    /// Reads a stored record.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        sender_record::decode(bytes).map(|states| Self { states })
    }

    /// The record to store. It holds keys: it belongs into the database and nowhere else.
    pub fn encode(&self) -> Vec<u8> {
        sender_record::encode(&self.states)
    }

    /// Number of the newest chain; `None` before any was accepted.
    pub fn id(&self) -> Option<u32> {
        self.states.first().map(|state| state.id)
    }

    /// What a member needs to read all messages from now on; travels inside a ratchet message.
    pub fn distribution(&self) -> Result<Vec<u8>, SenderKeyError> {
        let state = self.states.first().ok_or(SenderKeyError::NotOurs)?;
        Ok(with_version(&SenderKeyDistributionMessage {
            id: Some(state.id),
            iteration: Some(state.chain.iteration),
            chain_key: Some(state.chain.seed.expose().to_vec()),
            signing_key: Some(state.verifying.to_signal().to_vec()),
        }))
    }

    /// Takes in what another device distributed.
    ///
    /// A chain that is known already stays where it is: going back would let messages that were
    /// read be read again.
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

    /// Whether we can encrypt with one of the chains.
    pub fn is_ours(&self) -> bool {
        self.states.iter().any(|state| state.signing.is_some())
    }

    /// Encrypts padded text for the group with our own key.
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

    /// Decrypts a message to the group. On an error nothing is changed.
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

    /// The key of a message, and the state that has it. Some clients keep a chain once more each
    /// time that it is distributed: the newest may have begun behind a message that comes late.
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
    /// Whether it is a state of this chain.
    fn is(&self, id: u32, verifying: &PublicKey) -> bool {
        self.id == id && self.verifying == *verifying
    }

    /// The key of message `iteration`; the chain stays where it is.
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

    /// Uses up the key of message `iteration` and keeps those of the messages before it.
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

/// Initial vector and cipher key of a message, which some programs store beside its seed.
pub fn message_key(seed: &[u8]) -> (Secret<16>, Secret<32>) {
    let output = hkdf::derive::<48>(b"", seed, GROUP_INFO);
    (output.part::<0, 16>(), output.part::<16, 32>())
}

/// The protobuf behind the version byte.
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
    /// There is no chain of ours to encrypt with.
    #[error("no sender key of our own")]
    NotOurs,
    /// The sender has not given us this chain, or so long ago that it is gone.
    #[error("no sender key {id}")]
    NoKey {
        /// Number of the chain.
        id: u32,
    },
    /// The bytes are no message, or one of its keys is none.
    #[error("malformed group message")]
    Malformed,
    /// The message is of another protocol version.
    #[error("group message of protocol version {found}")]
    Version {
        /// The version that the message names.
        found: u8,
    },
    /// The owner of the chain did not send this.
    #[error("group message is not signed by its sender")]
    BadSignature,
    /// The key of this message has been used: it was decrypted before, or is too old.
    #[error("group message {iteration} was decrypted before")]
    Duplicate {
        /// Place of the message in its chain.
        iteration: u32,
    },
    /// More messages are missing before this one than keys would be kept for.
    #[error("group message {iteration} is too far ahead of {expected}")]
    TooFarAhead {
        /// Place of the message in its chain.
        iteration: u32,
        /// Place of the next message that has not come.
        expected: u32,
    },
    /// The chain has no numbers left.
    #[error("chain has no numbers left")]
    Exhausted,
}
