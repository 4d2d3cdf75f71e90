//! All ratchets with one device, current and archived, as the store keeps them in one row.

use super::bundle::Bundle;
use super::error::RatchetError;
pub use super::message::PreKeyMessage;
use super::message::RatchetMessage;
use super::prekey::{PreKey, SignedPreKey};
use super::record;
use super::sealed::{Identity, Sealed};
use super::state::SessionState;
use super::{ARCHIVED_MAX, RecordError};
use crate::crypto::curve::{LowOrder, PublicKey};
use crate::crypto::random::Random;

/// The ratchets with one device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ratchet {
    pub(super) current: Option<SessionState>,
    /// Archived ratchets, newest first.
    pub(super) archived: Vec<SessionState>,
}

/// Returns whether a stored record has archived ratchets and no current one. Does not decode keys.
pub fn is_ended(record: &[u8]) -> bool {
    record::is_ended(record)
}

/// Parses a pre-key message, so that the rows it names can be loaded.
pub fn parse_prekey(bytes: &[u8]) -> Result<PreKeyMessage, RatchetError> {
    PreKeyMessage::parse(bytes)
}

impl Ratchet {
    /// Decodes a stored record.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let (current, archived) = record::decode(bytes)?;
        Ok(Self { current, archived })
    }

    /// Encodes the record for the store. It contains private keys and must not go anywhere else.
    pub fn encode(&self) -> Vec<u8> {
        record::encode(self.current.as_ref(), &self.archived)
    }

    /// Starts a new ratchet with the device that `bundle` describes. Archives the current ratchet.
    ///
    /// The caller must check whether the bundle's identity is the known one.
    pub fn start(
        existing: Option<Self>,
        own: &Identity,
        bundle: &Bundle,
        random: &mut dyn Random,
    ) -> Result<Self, RatchetError> {
        if !bundle.is_genuine() {
            return Err(RatchetError::BundleSignature);
        }
        let mut ratchet = existing.unwrap_or_default();
        ratchet.replace(SessionState::initiate(own, bundle, random)?);
        Ok(ratchet)
    }

    /// Decrypts a message that starts a ratchet, or that was sent before our first reply arrived.
    ///
    /// `signed` and `one_time` are the rows that the message names. A missing row is an error only
    /// if the message starts a new ratchet. Pass `existing` whenever a record exists, because it
    /// distinguishes a repeated message from a new ratchet.
    ///
    /// Returns the record to store and the padded plaintext. After success, the message's identity
    /// is proven, and a one-time pre-key that it names is used up.
    pub fn accept(
        existing: Option<Self>,
        own: &Identity,
        signed: &SignedPreKey,
        one_time: Option<&PreKey>,
        message: &PreKeyMessage,
        random: &mut dyn Random,
    ) -> Result<(Self, Vec<u8>), RatchetError> {
        let mut ratchet = existing.unwrap_or_default();
        match ratchet.started_by(&message.base_key) {
            // The MAC covers the ratchet's identity, not the one that this message claims.
            Some(state) if state.remote_identity != message.identity => {
                return Err(RatchetError::OtherIdentity);
            }
            Some(_) => (),
            None => {
                ratchet.replace(respond(own, signed, one_time, message)?);
            }
        }
        let plain = ratchet.decrypt(&message.message, random)?;
        Ok((ratchet, plain))
    }

    /// Encrypts padded plaintext for the device. The record must be stored before the message is
    /// sent.
    ///
    /// Fails with [`RatchetError::NoSession`] if there is no current ratchet. Fails with
    /// [`RatchetError::Exhausted`] if its chain is closed or at its end. Then a bundle is needed.
    pub fn encrypt(&mut self, plain: &[u8]) -> Result<Sealed, RatchetError> {
        self.current
            .as_mut()
            .ok_or(RatchetError::NoSession)?
            .encrypt(plain)
    }

    /// Decrypts a message of an established ratchet. Nothing changes on error.
    pub fn decrypt_message(
        &mut self,
        bytes: &[u8],
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, RatchetError> {
        self.decrypt(&RatchetMessage::parse(bytes)?, random)
    }

    /// Archives the current ratchet. The next message to the device then needs a bundle.
    pub fn archive(&mut self) {
        if let Some(state) = self.current.take() {
            self.archived.insert(0, state);
            self.archived.truncate(ARCHIVED_MAX);
        }
    }

    /// Closes all sending chains. A later record, which was lost, may have used any number of their
    /// keys, and no key may encrypt two messages. Messages from the peer can still be decrypted.
    /// The next message to the peer needs a bundle unless the peer performs a ratchet step first.
    pub fn close(&mut self) {
        self.archive();
        self.archived.iter_mut().for_each(SessionState::close);
    }

    /// Returns whether there is a ratchet that can encrypt.
    pub fn is_open(&self) -> bool {
        self.current.as_ref().is_some_and(SessionState::is_open)
    }

    /// Returns whether the peer has not replied yet on the current ratchet.
    pub fn is_unanswered(&self) -> bool {
        self.current
            .as_ref()
            .is_some_and(|state| state.pending.is_some())
    }

    /// Returns the peer's identity key of the current ratchet.
    pub fn remote_identity(&self) -> Option<PublicKey> {
        self.current.as_ref().map(|state| state.remote_identity)
    }

    /// Returns the peer's registration id of the current ratchet.
    pub fn remote_registration_id(&self) -> Option<u32> {
        self.current
            .as_ref()
            .map(|state| state.remote_registration_id)
    }

    /// Returns the base key, which distinguishes the current ratchet from others with the same
    /// device.
    pub fn base_key(&self) -> Option<PublicKey> {
        self.current.as_ref().and_then(|state| state.base_key)
    }

    fn replace(&mut self, state: SessionState) {
        self.archive();
        self.current = Some(state);
    }

    fn started_by(&self, base_key: &PublicKey) -> Option<&SessionState> {
        let mut states = self.current.iter().chain(&self.archived);
        states.find(|state| state.base_key.as_ref() == Some(base_key))
    }

    /// Tries the current ratchet, then the archived ones. A ratchet that decrypts the message
    /// becomes current, because the peer uses it. A closed one does so only if the message caused a
    /// ratchet step.
    fn decrypt(
        &mut self,
        message: &RatchetMessage,
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, RatchetError> {
        let mut refusal = RatchetError::NoSession;
        if let Some(state) = &mut self.current {
            match state.decrypt(message, random) {
                Ok(plain) => return Ok(plain),
                Err(error) => refusal = error,
            }
        }
        for at in 0..self.archived.len() {
            match self.archived[at].decrypt(message, random) {
                Ok(plain) => {
                    if self.archived[at].is_open() {
                        let state = self.archived.remove(at);
                        self.replace(state);
                    }
                    return Ok(plain);
                }
                Err(error) if refusal.weight() < error.weight() => refusal = error,
                Err(_) => (),
            }
        }
        Err(refusal)
    }
}

/// Starts the ratchet of a pre-key message with our keys that it names.
fn respond(
    own: &Identity,
    signed: &SignedPreKey,
    one_time: Option<&PreKey>,
    message: &PreKeyMessage,
) -> Result<SessionState, RatchetError> {
    if signed.id != message.signed_prekey_id {
        return Err(RatchetError::MissingSignedPreKey {
            id: message.signed_prekey_id,
        });
    }
    let one_time = match message.prekey_id {
        Some(id) => {
            let found = one_time.filter(|one_time| one_time.id == id);
            Some(found.ok_or(RatchetError::MissingPreKey { id })?)
        }
        None => None,
    };
    SessionState::respond(own, signed, one_time, message)
}

impl From<LowOrder> for RatchetError {
    fn from(_: LowOrder) -> Self {
        Self::LowOrder
    }
}
