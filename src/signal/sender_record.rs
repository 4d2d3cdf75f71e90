//! The stored form of sender keys.

use prost::Message;
use wmctl_proto::records::sender_key_state_structure::{
    SenderChainKey as StoredChain, SenderMessageKey as StoredKey, SenderSigningKey,
};
use wmctl_proto::records::{SenderKeyRecordStructure, SenderKeyStateStructure};

use super::record::{public, secret};
use super::sender_key::{STATES_MAX, SenderChainKey, SenderMessageKey, SenderState};
use super::{RecordError, SKIPPED_MAX};
use crate::crypto::curve::PrivateKey;

pub(super) fn decode(bytes: &[u8]) -> Result<Vec<SenderState>, RecordError> {
    let stored = SenderKeyRecordStructure::decode(bytes).map_err(|_| RecordError::Malformed)?;
    stored
        .sender_key_states
        .iter()
        .take(STATES_MAX)
        .map(read_state)
        .collect()
}

pub(super) fn encode(states: &[SenderState]) -> Vec<u8> {
    let sender_key_states = states.iter().map(write_state).collect();
    SenderKeyRecordStructure { sender_key_states }.encode_to_vec()
}

fn read_state(stored: &SenderKeyStateStructure) -> Result<SenderState, RecordError> {
    let missing = |part| RecordError::Part { part };
    let chain = stored
        .sender_chain_key
        .as_ref()
        .ok_or(missing("sender chain key"))?;
    let signing = stored
        .sender_signing_key
        .as_ref()
        .ok_or(missing("signing key"))?;
    let private = signing.private.as_ref().filter(|key| !key.is_empty());
    let private = match private {
        Some(key) => Some(PrivateKey::from_slice(key).ok_or(missing("signing key"))?),
        None => None,
    };
    let surplus = stored.sender_message_keys.len().saturating_sub(SKIPPED_MAX);
    let skipped = stored.sender_message_keys.iter().skip(surplus);
    Ok(SenderState {
        id: stored.sender_key_id.unwrap_or_default(),
        chain: SenderChainKey {
            iteration: chain.iteration.unwrap_or_default(),
            seed: secret(chain.seed.as_ref(), "sender chain key")?,
        },
        verifying: public(signing.public.as_ref(), "signing key")?,
        signing: private,
        skipped: skipped.map(read_key).collect::<Result<_, _>>()?,
    })
}

fn write_state(state: &SenderState) -> SenderKeyStateStructure {
    let write_key = |key: &SenderMessageKey| StoredKey {
        iteration: Some(key.iteration),
        seed: Some(key.seed.expose().to_vec()),
    };
    SenderKeyStateStructure {
        sender_key_id: Some(state.id),
        sender_chain_key: Some(StoredChain {
            iteration: Some(state.chain.iteration),
            seed: Some(state.chain.seed.expose().to_vec()),
        }),
        sender_signing_key: Some(SenderSigningKey {
            public: Some(state.verifying.to_signal().to_vec()),
            private: state.signing.as_ref().map(|key| key.expose().to_vec()),
        }),
        sender_message_keys: state.skipped.iter().map(write_key).collect(),
    }
}

fn read_key(stored: &StoredKey) -> Result<SenderMessageKey, RecordError> {
    Ok(SenderMessageKey {
        iteration: stored.iteration.unwrap_or_default(),
        seed: secret(stored.seed.as_ref(), "sender message key")?,
    })
}
