//! All ratchets with one device: the one in use and those that it replaced, as the store keeps
//! them in one row.

use super::bundle::Bundle;
use super::error::RatchetError;
pub use super::message::PreKeyMessage;
use super::message::RatchetMessage;
use super::prekey::{PreKey, SignedPreKey};
use super::record;
use super::sealed::{Identity, Sealed};
use super::state::State;
use super::{ARCHIVED_MAX, RecordError};
use crate::crypto::curve::{LowOrder, PublicKey};
use crate::crypto::random::Random;

/// The ratchets with one device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ratchet {
    pub(super) current: Option<State>,
    /// Newest first.
    pub(super) archived: Vec<State>,
}

/// Whether a stored record has ratchets, and none in use; its keys are not read.
pub fn is_ended(record: &[u8]) -> bool {
    record::is_ended(record)
}

/// Reads a message that can start a ratchet, so that the rows it names can be loaded.
pub fn parse_prekey(bytes: &[u8]) -> Result<PreKeyMessage, RatchetError> {
    PreKeyMessage::parse(bytes)
}

impl Ratchet {
    /// Reads a stored record.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let (current, archived) = record::decode(bytes)?;
        Ok(Self { current, archived })
    }

    /// The record to store. It holds keys: it belongs into the database and nowhere else.
    pub fn encode(&self) -> Vec<u8> {
        record::encode(self.current.as_ref(), &self.archived)
    }

    /// Starts a new ratchet with the device that `bundle` describes; `existing` is archived.
    ///
    /// Whether the identity in the bundle is the one that we know is the caller's question.
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
        ratchet.replace(State::initiate(own, bundle, random)?);
        Ok(ratchet)
    }

    /// Decrypts a message that starts a ratchet, or that was sent before our first answer came.
    ///
    /// `signed` and `one_time` are the rows that the message names; a row that is no longer there
    /// matters only if the ratchet has not been started before. `existing` must be given whenever
    /// there is a record, since it tells a repeated message from a new ratchet. Returns the record
    /// to store and the padded text; the message's identity is then proved, and a one-time pre-key
    /// that it names is used up.
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
            // The MAC covers the identity that we know, not the one that this message claims.
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

    /// Encrypts padded text for the device.
    pub fn encrypt(&mut self, plain: &[u8]) -> Result<Sealed, RatchetError> {
        self.current
            .as_mut()
            .ok_or(RatchetError::NoSession)?
            .encrypt(plain)
    }

    /// Decrypts a message of a ratchet that runs. On an error nothing is changed.
    pub fn decrypt_message(
        &mut self,
        bytes: &[u8],
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, RatchetError> {
        self.decrypt(&RatchetMessage::parse(bytes)?, random)
    }

    /// Archives the current ratchet: the next message to the device needs a bundle.
    pub fn archive(&mut self) {
        if let Some(state) = self.current.take() {
            self.archived.insert(0, state);
            self.archived.truncate(ARCHIVED_MAX);
        }
    }

    /// Ends everything that encrypts: a later record, which is lost, may have used its keys,
    /// however many, and no key encrypts two texts. What the peer sends can still be read; the next
    /// message to it needs a bundle, unless the peer turns a ratchet before.
    pub fn close(&mut self) {
        self.archive();
        self.archived.iter_mut().for_each(State::close);
    }

    /// Whether there is a ratchet that can encrypt.
    pub fn is_open(&self) -> bool {
        self.current.as_ref().is_some_and(State::is_open)
    }

    /// Whether the peer has not answered yet on the current ratchet.
    pub fn is_unanswered(&self) -> bool {
        self.current
            .as_ref()
            .is_some_and(|state| state.pending.is_some())
    }

    /// The peer's identity key in the current ratchet.
    pub fn remote_identity(&self) -> Option<PublicKey> {
        self.current.as_ref().map(|state| state.remote_identity)
    }

    /// The peer's registration number in the current ratchet.
    pub fn remote_registration_id(&self) -> Option<u32> {
        self.current
            .as_ref()
            .map(|state| state.remote_registration_id)
    }

    /// The key that tells the current ratchet from its predecessors with the same device.
    pub fn base_key(&self) -> Option<PublicKey> {
        self.current.as_ref().and_then(|state| state.base_key)
    }

    fn replace(&mut self, state: State) {
        self.archive();
        self.current = Some(state);
    }

    fn started_by(&self, base_key: &PublicKey) -> Option<&State> {
        let mut states = self.current.iter().chain(&self.archived);
        states.find(|state| state.base_key.as_ref() == Some(base_key))
    }

    /// Tries the current ratchet, then the archived ones. One that fits becomes the current one:
    /// the peer is using it. One that was ended does so only if this message turned it.
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

fn respond(
    own: &Identity,
    signed: &SignedPreKey,
    one_time: Option<&PreKey>,
    message: &PreKeyMessage,
) -> Result<State, RatchetError> {
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
    State::respond(own, signed, one_time, message)
}

impl From<LowOrder> for RatchetError {
    fn from(_: LowOrder) -> Self {
        Self::LowOrder
    }
}
