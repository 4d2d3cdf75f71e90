//! The stored form of ratchets.

use prost::Message;
use wmctl_proto::records::session_structure::chain::{ChainKey as StoredKey, MessageKey};
use wmctl_proto::records::session_structure::{Chain, PendingPreKey};
use wmctl_proto::records::{RecordStructure, SessionStructure};

use super::chain::{ChainKey, MessageKeys, ReceiverChain, SenderChain};
use super::message::VERSION;
use super::state::{Pending, RECEIVER_CHAINS_MAX, SessionState};
use super::{ARCHIVED_MAX, RecordError, SKIPPED_MAX, stamp};
use crate::crypto::curve::{KeyPair, PrivateKey, PublicKey};
use crate::secret::Secret;

/// Decodes the current state, if any, and the archived states, newest first.
pub(super) fn decode(
    bytes: &[u8],
) -> Result<(Option<SessionState>, Vec<SessionState>), RecordError> {
    let stored = RecordStructure::decode(bytes).map_err(|_| RecordError::Malformed)?;
    let current = stored.current_session.filter(is_started);
    let archived = stored
        .previous_sessions
        .into_iter()
        .filter(is_started)
        .take(ARCHIVED_MAX);
    let archived = archived
        .map(|state| read_state(&state))
        .collect::<Result<_, _>>()?;
    Ok((
        current.map(|state| read_state(&state)).transpose()?,
        archived,
    ))
}

pub(super) fn encode(current: Option<&SessionState>, archived: &[SessionState]) -> Vec<u8> {
    RecordStructure {
        current_session: current.map(write_state),
        previous_sessions: archived.iter().map(write_state).collect(),
    }
    .encode_to_vec()
}

/// Returns whether there are archived states and no current one. Decodes nothing else.
pub(super) fn is_ended(bytes: &[u8]) -> bool {
    const CURRENT: u32 = 1;
    const ARCHIVED: u32 = 2;
    let has = |number| {
        let mut fields = stamp::fields(bytes);
        fields.any(|field| field.number == number && 0 < field.bytes)
    };
    !has(CURRENT) && has(ARCHIVED)
}

/// Returns whether the state is not empty. Other clients store an empty state instead of none.
fn is_started(stored: &SessionStructure) -> bool {
    stored
        .remote_identity_public
        .as_ref()
        .is_some_and(|key| !key.is_empty())
        || stored.root_key.as_ref().is_some_and(|key| !key.is_empty())
}

fn read_state(stored: &SessionStructure) -> Result<SessionState, RecordError> {
    let found = stored.session_version.unwrap_or_default();
    if found != u32::from(VERSION) {
        return Err(RecordError::Version { found });
    }
    let surplus = stored
        .receiver_chains
        .len()
        .saturating_sub(RECEIVER_CHAINS_MAX);
    let receivers = stored.receiver_chains.iter().skip(surplus);
    let base_key = stored.alice_base_key.as_ref().filter(|key| !key.is_empty());
    Ok(SessionState {
        local_identity: public(stored.local_identity_public.as_ref(), "local identity")?,
        remote_identity: public(stored.remote_identity_public.as_ref(), "remote identity")?,
        root: secret(stored.root_key.as_ref(), "root key")?,
        previous_counter: stored.previous_counter.unwrap_or_default(),
        sender: stored.sender_chain.as_ref().map(read_sender).transpose()?,
        receivers: receivers
            .map(|chain| read_receiver(chain, stored.root_key.as_ref()))
            .collect::<Result<_, _>>()?,
        pending: stored
            .pending_pre_key
            .as_ref()
            .map(read_pending)
            .transpose()?,
        remote_registration_id: stored.remote_registration_id.unwrap_or_default(),
        local_registration_id: stored.local_registration_id.unwrap_or_default(),
        base_key: base_key
            .map(|key| public(Some(key), "base key"))
            .transpose()?,
    })
}

fn write_state(state: &SessionState) -> SessionStructure {
    SessionStructure {
        session_version: Some(u32::from(VERSION)),
        local_identity_public: Some(state.local_identity.to_signal().to_vec()),
        remote_identity_public: Some(state.remote_identity.to_signal().to_vec()),
        root_key: Some(state.root.expose().to_vec()),
        previous_counter: Some(state.previous_counter),
        sender_chain: state.sender.as_ref().map(write_sender),
        receiver_chains: state.receivers.iter().map(write_receiver).collect(),
        pending_key_exchange: None,
        pending_pre_key: state.pending.as_ref().map(write_pending),
        remote_registration_id: Some(state.remote_registration_id),
        local_registration_id: Some(state.local_registration_id),
        needs_refresh: Some(false),
        alice_base_key: state.base_key.map(|key| key.to_signal().to_vec()),
    }
}

fn read_sender(stored: &Chain) -> Result<SenderChain, RecordError> {
    let private = stored
        .sender_ratchet_key_private
        .as_deref()
        .and_then(PrivateKey::from_slice);
    let private = private.ok_or(RecordError::Part {
        part: "sender ratchet key",
    })?;
    // The public half is stored too, so that loading need not compute it.
    let public = public(stored.sender_ratchet_key.as_ref(), "sender ratchet key")?;
    let key = read_chain_key(stored)?;
    Ok(SenderChain {
        pair: KeyPair { private, public },
        key,
    })
}

fn write_sender(chain: &SenderChain) -> Chain {
    Chain {
        sender_ratchet_key: Some(chain.pair.public.to_signal().to_vec()),
        sender_ratchet_key_private: Some(chain.pair.private.expose().to_vec()),
        chain_key: Some(write_chain_key(&chain.key)),
        message_keys: Vec::new(),
    }
}

fn read_receiver(stored: &Chain, root: Option<&Vec<u8>>) -> Result<ReceiverChain, RecordError> {
    let surplus = stored.message_keys.len().saturating_sub(SKIPPED_MAX);
    let skipped = stored.message_keys.iter().skip(surplus);
    Ok(ReceiverChain {
        peer: public(stored.sender_ratchet_key.as_ref(), "receiver ratchet key")?,
        key: match &stored.chain_key {
            // Some clients drop a chain after the next ratchet step and keep only its skipped keys.
            Some(StoredKey { key: None, .. }) => ChainKey::given_up(&secret(root, "root key")?),
            _ => read_chain_key(stored)?,
        },
        skipped: skipped.map(read_message_keys).collect::<Result<_, _>>()?,
    })
}

fn write_receiver(chain: &ReceiverChain) -> Chain {
    Chain {
        sender_ratchet_key: Some(chain.peer.to_signal().to_vec()),
        sender_ratchet_key_private: None,
        chain_key: Some(write_chain_key(&chain.key)),
        message_keys: chain.skipped.iter().map(write_message_keys).collect(),
    }
}

fn read_chain_key(stored: &Chain) -> Result<ChainKey, RecordError> {
    let stored = stored
        .chain_key
        .as_ref()
        .ok_or(RecordError::Part { part: "chain key" })?;
    Ok(ChainKey {
        index: stored.index.unwrap_or_default(),
        key: secret(stored.key.as_ref(), "chain key")?,
    })
}

fn write_chain_key(key: &ChainKey) -> StoredKey {
    StoredKey {
        index: Some(key.index),
        key: Some(key.key.expose().to_vec()),
    }
}

fn read_message_keys(stored: &MessageKey) -> Result<MessageKeys, RecordError> {
    Ok(MessageKeys {
        index: stored.index.unwrap_or_default(),
        cipher: secret(stored.cipher_key.as_ref(), "message key")?,
        mac: secret(stored.mac_key.as_ref(), "message key")?,
        iv: secret(stored.iv.as_ref(), "message key")?,
    })
}

fn write_message_keys(keys: &MessageKeys) -> MessageKey {
    MessageKey {
        index: Some(keys.index),
        cipher_key: Some(keys.cipher.expose().to_vec()),
        mac_key: Some(keys.mac.expose().to_vec()),
        iv: Some(keys.iv.expose().to_vec()),
    }
}

fn read_pending(stored: &PendingPreKey) -> Result<Pending, RecordError> {
    let signed_prekey_id = stored.signed_pre_key_id.unwrap_or_default();
    let part = "pending pre-key";
    Ok(Pending {
        // Ids start at 1; some clients store 0 for none.
        prekey_id: stored.pre_key_id.filter(|id| *id != 0),
        signed_prekey_id: u32::try_from(signed_prekey_id)
            .map_err(|_| RecordError::Part { part })?,
        base_key: public(stored.base_key.as_ref(), part)?,
    })
}

fn write_pending(pending: &Pending) -> PendingPreKey {
    PendingPreKey {
        pre_key_id: pending.prekey_id,
        base_key: Some(pending.base_key.to_signal().to_vec()),
        // The schema has a signed field for historical reasons; ids have 24 bits.
        signed_pre_key_id: i32::try_from(pending.signed_prekey_id).ok(),
    }
}

pub(super) fn public(
    stored: Option<&Vec<u8>>,
    part: &'static str,
) -> Result<PublicKey, RecordError> {
    let key = stored.and_then(|bytes| PublicKey::from_signal(bytes));
    key.ok_or(RecordError::Part { part })
}

pub(super) fn secret<const N: usize>(
    stored: Option<&Vec<u8>>,
    part: &'static str,
) -> Result<Secret<N>, RecordError> {
    stored
        .and_then(|bytes| Secret::from_slice(bytes))
        .ok_or(RecordError::Part { part })
}
