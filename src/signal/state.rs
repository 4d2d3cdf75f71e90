//! One Double Ratchet. X3DH starts it, each reply is a Diffie-Hellman ratchet step, and each
//! message advances a chain.
//!
//! Source: Double Ratchet (revision 1) sections 2.3 and 3; X3DH sections 3.3 and 3.4.

use wmctl_proto::signal::PreKeySignalMessage;
use zeroize::Zeroizing;

use super::bundle::Bundle;
use super::chain::{ChainKey, ReceiverChain, SenderChain};
use super::error::RatchetError;
use super::message::{self, PreKeyMessage, RatchetMessage};
use super::prekey::{PreKey, SignedPreKey};
use super::sealed::{Identity, Kind, Sealed};
use crate::crypto::curve::{KeyPair, PublicKey};
use crate::crypto::hkdf;
use crate::crypto::random::Random;
use crate::secret::Secret;

/// Maximum number of the peer's chains that are kept. Messages of older chains cannot be decrypted.
/// Source: libsignal-protocol-go 0.2.0 `state/record/SessionState.go`.
pub(super) const RECEIVER_CHAINS_MAX: usize = 5;

const START_INFO: &[u8] = b"WhisperText";
const TURN_INFO: &[u8] = b"WhisperRatchet";

/// The state of one ratchet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SessionState {
    pub(super) local_identity: PublicKey,
    pub(super) remote_identity: PublicKey,
    pub(super) root: Secret<32>,
    /// The last counter of the previous sending chain.
    pub(super) previous_counter: u32,
    pub(super) sender: Option<SenderChain>,
    /// Receiving chains, oldest first.
    pub(super) receivers: Vec<ReceiverChain>,
    /// Set until the peer has replied.
    pub(super) pending: Option<Pending>,
    pub(super) remote_registration_id: u32,
    pub(super) local_registration_id: u32,
    /// The initiator's base key, which distinguishes this ratchet from others with the same device.
    pub(super) base_key: Option<PublicKey>,
}

/// The data that each message must carry until the peer has replied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) prekey_id: Option<u32>,
    pub(super) signed_prekey_id: u32,
    pub(super) base_key: PublicKey,
}

impl SessionState {
    /// Starts a ratchet with the owner of `bundle`. The caller must have verified the bundle's
    /// signature.
    pub(super) fn initiate(
        own: &Identity,
        bundle: &Bundle,
        random: &mut dyn Random,
    ) -> Result<Self, RatchetError> {
        let base = KeyPair::generate(random);
        let mut agreements = vec![
            own.pair.private.agree(&bundle.signed_public)?,
            base.private.agree(&bundle.identity)?,
            base.private.agree(&bundle.signed_public)?,
        ];
        if let Some((_, one_time)) = &bundle.one_time {
            agreements.push(base.private.agree(one_time)?);
        }
        let (root, chain) = start_keys(&agreements);
        let pair = KeyPair::generate(random);
        let (root, sender) = turn_keys(&root, &pair.private.agree(&bundle.signed_public)?);
        Ok(Self {
            local_identity: own.pair.public,
            remote_identity: bundle.identity,
            root,
            previous_counter: 0,
            sender: Some(SenderChain {
                pair,
                key: ChainKey::first(sender),
            }),
            receivers: vec![ReceiverChain::new(bundle.signed_public, chain)],
            pending: Some(Pending {
                prekey_id: bundle.one_time.map(|(id, _)| id),
                signed_prekey_id: bundle.signed_id,
                base_key: base.public,
            }),
            remote_registration_id: bundle.registration_id,
            local_registration_id: own.registration_id,
            base_key: Some(base.public),
        })
    }

    /// Starts the ratchet of the receiving side, the counterpart of [`SessionState::initiate`].
    pub(super) fn respond(
        own: &Identity,
        signed: &SignedPreKey,
        one_time: Option<&PreKey>,
        message: &PreKeyMessage,
    ) -> Result<Self, RatchetError> {
        let mut agreements = vec![
            signed.pair.private.agree(&message.identity)?,
            own.pair.private.agree(&message.base_key)?,
            signed.pair.private.agree(&message.base_key)?,
        ];
        if let Some(one_time) = one_time {
            agreements.push(one_time.pair.private.agree(&message.base_key)?);
        }
        let (root, chain) = start_keys(&agreements);
        let sender = SenderChain {
            pair: signed.pair.clone(),
            key: ChainKey::first(chain),
        };
        Ok(Self {
            local_identity: own.pair.public,
            remote_identity: message.identity,
            root,
            previous_counter: 0,
            sender: Some(sender),
            receivers: Vec::new(),
            pending: None,
            remote_registration_id: message.registration_id,
            local_registration_id: own.registration_id,
            base_key: Some(message.base_key),
        })
    }

    /// Encrypts with the next key of the sending chain.
    pub(super) fn encrypt(&mut self, plain: &[u8]) -> Result<Sealed, RatchetError> {
        let sender = self.sender.as_mut().ok_or(RatchetError::NoSession)?;
        let keys = sender.key.message_keys();
        let next = sender.key.next().ok_or(RatchetError::Exhausted)?;
        let ends = [&self.local_identity, &self.remote_identity];
        let sealed = message::seal(
            &keys,
            &sender.pair.public,
            self.previous_counter,
            ends,
            plain,
        );
        sender.key = next;
        let counter = keys.index;
        let Some(pending) = &self.pending else {
            return Ok(Sealed {
                kind: Kind::Message,
                bytes: sealed,
                counter,
            });
        };
        let bytes = message::with_version(&PreKeySignalMessage {
            pre_key_id: pending.prekey_id,
            base_key: Some(pending.base_key.to_signal().to_vec()),
            identity_key: Some(self.local_identity.to_signal().to_vec()),
            message: Some(sealed),
            registration_id: Some(self.local_registration_id),
            signed_pre_key_id: Some(pending.signed_prekey_id),
        });
        Ok(Sealed {
            kind: Kind::PreKey,
            bytes,
            counter,
        })
    }

    /// Returns whether there is a sending chain that can encrypt.
    pub(super) fn is_open(&self) -> bool {
        self.sender
            .as_ref()
            .is_some_and(|sender| !sender.key.is_closed())
    }

    /// Closes the sending chain. Encryption fails until the peer's next key causes a ratchet step.
    pub(super) fn close(&mut self) {
        if let Some(sender) = &mut self.sender {
            sender.key.close();
        }
    }

    /// Decrypts a message. Nothing changes on error.
    pub(super) fn decrypt(
        &mut self,
        message: &RatchetMessage,
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, RatchetError> {
        let known = self
            .receivers
            .iter()
            .position(|chain| chain.peer == message.ratchet_key);
        let plain = match known {
            Some(at) => {
                let keys = self.receivers[at].keys_at(message.counter)?;
                let plain = message.open(&keys, &self.remote_identity, &self.local_identity)?;
                self.receivers[at].advance(message.counter);
                plain
            }
            None => self.turn(message, random)?,
        };
        self.pending = None;
        Ok(plain)
    }

    /// Decrypts the first message with a new ratchet key of the peer, and performs a ratchet step
    /// with a new key of ours.
    fn turn(
        &mut self,
        message: &RatchetMessage,
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, RatchetError> {
        let sender = self.sender.as_ref().ok_or(RatchetError::NoSession)?;
        let peer = message.ratchet_key;
        let (root, chain) = turn_keys(&self.root, &sender.pair.private.agree(&peer)?);
        let mut receiver = ReceiverChain::new(peer, chain);
        let keys = receiver.keys_at(message.counter)?;
        let opened = message.open(&keys, &self.remote_identity, &self.local_identity);
        let started = !self.receivers.is_empty();
        let plain = opened.map_err(|error| match error {
            // All that is certain is that our chains do not lead to it.
            RatchetError::BadMac if started => RatchetError::UnknownChain,
            error => error,
        })?;
        receiver.advance(message.counter);

        let pair = KeyPair::generate(random);
        let (root, chain) = turn_keys(&root, &pair.private.agree(&peer)?);
        self.previous_counter = match sender.key.is_closed() {
            true => 0,
            false => sender.key.index.saturating_sub(1),
        };
        self.root = root;
        self.sender = Some(SenderChain {
            pair,
            key: ChainKey::first(chain),
        });
        self.receivers.push(receiver);
        let surplus = self.receivers.len().saturating_sub(RECEIVER_CHAINS_MAX);
        self.receivers.drain(..surplus);
        Ok(plain)
    }
}

/// Derives the root key and the first chain key from the X3DH agreements, in their order.
fn start_keys(agreements: &[Secret<32>]) -> (Secret<32>, Secret<32>) {
    let mut material = Zeroizing::new(Vec::with_capacity(32 * (agreements.len() + 1)));
    // X3DH section 2.2: the prefix separates this KDF input from that of other protocols.
    material.extend_from_slice(&[0xFF; 32]);
    for agreement in agreements {
        material.extend_from_slice(agreement.expose());
    }
    let output = hkdf::derive::<64>(b"", &material, START_INFO);
    (output.part::<0, 32>(), output.part::<32, 32>())
}

/// Derives the next root key and the key of the chain it starts.
fn turn_keys(root: &Secret<32>, agreement: &Secret<32>) -> (Secret<32>, Secret<32>) {
    let output = hkdf::derive::<64>(root.expose(), agreement.expose(), TURN_INFO);
    (output.part::<0, 32>(), output.part::<32, 32>())
}
