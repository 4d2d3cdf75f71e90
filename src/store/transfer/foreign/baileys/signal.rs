//! Converts ratchets and sender keys of Baileys to ours.
//!
//! Its counters are those of the last message, ours those of the next. It stores the seed of a
//! message's keys, and keeps chains after it has closed them.
//!
//! Source: libsignal-node 00aa5cea `src/session_record.js`.

use crate::crypto::curve::{KeyPair, PrivateKey, PublicKey};
use crate::secret::Secret;
use crate::signal::parts::{GroupParts, PendingParts, RatchetParts, ReceiverParts, SenderParts};
use crate::signal::ratchet::Ratchet;
use crate::signal::sealed::Identity;
use crate::signal::sender_key::SenderKey;
use crate::store::transfer::foreign::baileys::form::{
    Bytes, Chain, IterationSeed, Number, Record, SenderKeyState, Session,
};

/// The only version that records have had.
const RECORD_VERSION: &str = "v1";
const OPEN: i64 = -1;
const OURS: i64 = 1;
const THEIRS: i64 = 2;

/// One ratchet, with the values that decide its position among others.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    open: bool,
    /// When it last decrypted a message, or when it was created.
    used_ms: i64,
    pub(super) parts: RatchetParts,
}

type Fault = &'static str;

/// Converts all ratchets of a record.
pub(super) fn ratchets(record: Record, own: &Identity) -> Result<Vec<Loaded>, Fault> {
    match record.version.as_deref() {
        None | Some(RECORD_VERSION) => (),
        Some(_) => return Err("its version is unknown"),
    }
    let all = record.sessions.ok_or("it has no sessions")?;
    let given = record.registration_id;
    let sessions = all.0.into_iter().map(|(_, session)| session);
    sessions
        .map(|session| ratchet(session, given, own))
        .collect()
}

fn ratchet(session: Session, given: Option<Number>, own: &Identity) -> Result<Loaded, Fault> {
    let ratchet = session.current_ratchet;
    let registration_id = session.registration_id.or(given).unwrap_or_default();
    let pair = KeyPair {
        private: private(&ratchet.ephemeral_key_pair.priv_key)?,
        public: public(&ratchet.ephemeral_key_pair.pub_key)?,
    };
    if pair.private.public() != pair.public {
        return Err("its ratchet key does not fit");
    }
    let (mut sender, mut receivers) = (None, Vec::new());
    for (key, chain) in session.chains.0 {
        let key = Bytes(super::form::base64(&key).ok_or("a key has the wrong length")?);
        let peer = public(&key)?;
        match chain.chain_type.0 {
            OURS if peer == pair.public => sender = own_chain(&chain, &pair)?,
            // One of our chains that was replaced: it never encrypts again.
            OURS => (),
            THEIRS => receivers.push(their_chain(&chain, peer)?),
            _ => return Err("a chain is of no known type"),
        }
    }
    let pending = session.pending_pre_key.map(|pending| {
        let prekey_id = pending.pre_key_id.map(id).transpose()?;
        Ok::<_, Fault>(PendingParts {
            prekey_id,
            signed_prekey_id: id(pending.signed_key_id)?,
            base_key: public(&pending.base_key)?,
        })
    });
    Ok(Loaded {
        open: session.index_info.closed.0 == OPEN,
        used_ms: session.index_info.used.unwrap_or_default().0,
        parts: RatchetParts {
            local_identity: own.pair.public,
            remote_identity: public(&session.index_info.remote_identity_key)?,
            local_registration_id: own.registration_id,
            remote_registration_id: id(registration_id)?,
            root: secret(&ratchet.root_key)?,
            previous_counter: id(Number(ratchet.previous_counter.0.max(0)))?,
            sender,
            receivers,
            pending: pending.transpose()?,
            base_key: Some(public(&session.index_info.base_key)?),
        },
    })
}

fn own_chain(chain: &Chain, pair: &KeyPair) -> Result<Option<SenderParts>, Fault> {
    let Some(key) = &chain.chain_key.key else {
        return Ok(None);
    };
    Ok(Some(SenderParts {
        pair: pair.clone(),
        next: next(chain.chain_key.counter)?,
        key: secret(key)?,
    }))
}

fn their_chain(chain: &Chain, peer: PublicKey) -> Result<ReceiverParts, Fault> {
    let next = next(chain.chain_key.counter)?;
    let key = chain.chain_key.key.as_ref();
    let key = key.map(secret).transpose()?;
    let mut seeds = Vec::new();
    for (counter, seed) in &chain.message_keys.0 {
        let counter = counter.parse().map_err(|_| "a counter is out of range")?;
        seeds.push((counter, secret(seed)?));
    }
    Ok(ReceiverParts {
        peer,
        chain: key.map(|key| (next, key)),
        seeds,
    })
}

/// Combines the ratchets with one device into one record, whatever files they came from: first the
/// most recently used open one, then the others.
pub(super) fn together(mut loaded: Vec<Loaded>) -> Ratchet {
    loaded.sort_by_key(|one| std::cmp::Reverse((one.open, one.used_ms)));
    let mut known: Vec<Option<PublicKey>> = Vec::new();
    loaded.retain(|one| {
        let is_new = !known.contains(&one.parts.base_key);
        known.push(one.parts.base_key);
        is_new
    });
    let mut ratchets = loaded.into_iter().peekable();
    let current = ratchets.next_if(|one| one.open).map(|one| one.parts);
    Ratchet::from_parts(current, ratchets.map(|one| one.parts))
}

/// Converts the chains of one device in a group, newest first.
pub(super) fn chains(states: Vec<SenderKeyState>) -> Result<Vec<GroupParts>, Fault> {
    let mut chains: Vec<GroupParts> = Vec::new();
    for state in states {
        let chain = group_chain(state)?;
        // If several chains have the same id, Baileys uses the first one, so that one is current.
        match chains.iter().position(|known| known.id == chain.id) {
            Some(at) => {
                let known = chains.remove(at);
                chains.push(known);
            }
            None => chains.push(chain),
        }
    }
    chains.reverse();
    Ok(chains)
}

/// Combines these chains into one record.
pub(super) fn sender_key(chains: Vec<GroupParts>) -> SenderKey {
    let mut known = Vec::new();
    let kept = chains.into_iter().filter(|chain| {
        let is_new = !known.contains(&chain.id);
        known.push(chain.id);
        is_new
    });
    SenderKey::from_parts(kept.collect::<Vec<_>>())
}

fn group_chain(state: SenderKeyState) -> Result<GroupParts, Fault> {
    let signing = state.sender_signing_key.private.as_ref();
    let signing = signing.filter(|key| !key.0.is_empty());
    let signing = signing.map(private).transpose()?;
    let verifying = public(&state.sender_signing_key.public)?;
    if signing
        .as_ref()
        .is_some_and(|key| key.public() != verifying)
    {
        return Err("its signing key does not fit");
    }
    let seed = |key: &IterationSeed| Ok::<_, Fault>((id(key.iteration)?, secret(&key.seed)?));
    // We never receive what we encrypted, so skipped keys of our own chain are useless.
    let kept = match signing {
        Some(_) => Vec::new(),
        None => state.sender_message_keys,
    };
    Ok(GroupParts {
        id: id(state.sender_key_id)?,
        iteration: id(state.sender_chain_key.iteration)?,
        seed: secret(&state.sender_chain_key.seed)?,
        verifying,
        signing,
        seeds: kept.iter().map(seed).collect::<Result<_, _>>()?,
    })
}

fn id(number: Number) -> Result<u32, Fault> {
    u32::try_from(number.0).map_err(|_| "a number is out of range")
}

/// Returns the counter of the next message.
fn next(counter: Number) -> Result<u32, Fault> {
    let next = counter
        .0
        .checked_add(1)
        .ok_or("a counter is out of range")?;
    match u32::try_from(next) {
        Ok(next) if next < u32::MAX => Ok(next),
        _ => Err("a counter is out of range"),
    }
}

pub(super) fn secret(bytes: &Bytes) -> Result<Secret<32>, Fault> {
    Secret::from_slice(&bytes.0).ok_or("a key has the wrong length")
}

pub(super) fn private(bytes: &Bytes) -> Result<PrivateKey, Fault> {
    PrivateKey::from_slice(&bytes.0).ok_or("a key has the wrong length")
}

/// Decodes a public key, with or without Signal's type byte.
pub(super) fn public(bytes: &Bytes) -> Result<PublicKey, Fault> {
    let key = PublicKey::from_signal(&bytes.0).or_else(|| PublicKey::from_slice(&bytes.0));
    key.ok_or("a key has the wrong length")
}

/// Returns the identity key of the most recently used ratchet.
pub(super) fn newest_identity(loaded: &[Loaded]) -> Option<PublicKey> {
    let newest = loaded.iter().max_by_key(|one| (one.open, one.used_ms));
    newest.map(|one| one.parts.remote_identity)
}

/// Returns the identity keys, and whether their owners have answered.
pub(super) fn identities(loaded: &[Loaded]) -> impl Iterator<Item = (PublicKey, bool)> {
    let identity = |one: &Loaded| (one.parts.remote_identity, one.parts.pending.is_none());
    loaded.iter().map(identity)
}
