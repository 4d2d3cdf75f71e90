//! Construction of ratchets and sender keys from their parts, for records in another library's
//! form.
//!
//! This file parses no such form; its callers do. Parts that our records have no room for are
//! dropped: very old chains, and skipped messages beyond the limit.

use super::ARCHIVED_MAX;
use super::SKIPPED_MAX;
use super::chain::{ChainKey, MessageKeys, ReceiverChain, SenderChain};
use super::ratchet::Ratchet;
use super::sender_key::{STATES_MAX, SenderChainKey, SenderKey, SenderMessageKey, SenderState};
use super::state::{Pending, RECEIVER_CHAINS_MAX, SessionState};
use crate::crypto::curve::{KeyPair, PrivateKey, PublicKey};
use crate::secret::Secret;

/// One ratchet.
#[derive(Clone, Debug)]
pub struct RatchetParts {
    pub local_identity: PublicKey,
    pub remote_identity: PublicKey,
    pub local_registration_id: u32,
    pub remote_registration_id: u32,
    pub root: Secret<32>,
    /// The last counter of the previous sending chain.
    pub previous_counter: u32,
    pub sender: Option<SenderParts>,
    /// Receiving chains, oldest first.
    pub receivers: Vec<ReceiverParts>,
    pub pending: Option<PendingParts>,
    /// The initiator's base key.
    pub base_key: Option<PublicKey>,
}

/// The sending chain.
#[derive(Clone, Debug)]
pub struct SenderParts {
    pub pair: KeyPair,
    /// The counter of the next message.
    pub next: u32,
    pub key: Secret<32>,
}

/// A receiving chain of the peer.
#[derive(Clone, Debug)]
pub struct ReceiverParts {
    pub peer: PublicKey,
    /// The next counter and its chain key. `None` if the chain was dropped, so that only messages
    /// with a kept seed can be decrypted.
    pub chain: Option<(u32, Secret<32>)>,
    /// Counters and seeds of messages that have not arrived yet.
    pub seeds: Vec<(u32, Secret<32>)>,
}

/// The data that each message must carry until the peer has replied.
#[derive(Clone, Debug)]
pub struct PendingParts {
    pub prekey_id: Option<u32>,
    pub signed_prekey_id: u32,
    pub base_key: PublicKey,
}

/// One chain of a device in a group.
#[derive(Clone, Debug)]
pub struct GroupParts {
    pub id: u32,
    /// The counter of the next message.
    pub iteration: u32,
    pub seed: Secret<32>,
    pub verifying: PublicKey,
    /// The signing key; only for our own sender key.
    pub signing: Option<PrivateKey>,
    /// Counters and seeds of messages that have not arrived yet.
    pub seeds: Vec<(u32, Secret<32>)>,
}

impl Ratchet {
    /// Builds a record from the current ratchet, if there is one, and the archived ones, newest
    /// first.
    pub fn from_parts(
        current: Option<RatchetParts>,
        archived: impl IntoIterator<Item = RatchetParts>,
    ) -> Self {
        let archived = archived.into_iter().take(ARCHIVED_MAX);
        Self {
            current: current.map(state),
            archived: archived.map(state).collect(),
        }
    }
}

impl SenderKey {
    /// Builds a record from the chains of one device, newest first.
    pub fn from_parts(chains: impl IntoIterator<Item = GroupParts>) -> Self {
        let chains = chains.into_iter().take(STATES_MAX);
        Self {
            states: chains.map(sender_state).collect(),
        }
    }
}

fn state(parts: RatchetParts) -> SessionState {
    SessionState {
        local_identity: parts.local_identity,
        remote_identity: parts.remote_identity,
        previous_counter: parts.previous_counter,
        sender: parts.sender.map(|sender| SenderChain {
            pair: sender.pair,
            key: ChainKey {
                index: sender.next,
                key: sender.key,
            },
        }),
        receivers: receivers(parts.receivers, &parts.root),
        root: parts.root,
        pending: parts.pending.map(|pending| Pending {
            prekey_id: pending.prekey_id,
            signed_prekey_id: pending.signed_prekey_id,
            base_key: pending.base_key,
        }),
        remote_registration_id: parts.remote_registration_id,
        local_registration_id: parts.local_registration_id,
        base_key: parts.base_key,
    }
}

/// Returns the newest chains that can still decrypt.
fn receivers(mut parts: Vec<ReceiverParts>, root: &Secret<32>) -> Vec<ReceiverChain> {
    parts.retain(|chain| chain.chain.is_some() || !chain.seeds.is_empty());
    let surplus = parts.len().saturating_sub(RECEIVER_CHAINS_MAX);
    let kept = parts.into_iter().skip(surplus);
    kept.map(|chain| receiver(chain, root)).collect()
}

fn receiver(parts: ReceiverParts, root: &Secret<32>) -> ReceiverChain {
    let seeds = newest(parts.seeds);
    let key = match parts.chain {
        Some((index, key)) => ChainKey { index, key },
        None => ChainKey::given_up(root),
    };
    let keys = |(index, seed): &(u32, Secret<32>)| MessageKeys::from_seed(*index, seed);
    ReceiverChain {
        peer: parts.peer,
        key,
        skipped: seeds.iter().map(keys).collect(),
    }
}

fn sender_state(parts: GroupParts) -> SenderState {
    let kept = |(iteration, seed)| SenderMessageKey { iteration, seed };
    SenderState {
        id: parts.id,
        chain: SenderChainKey {
            iteration: parts.iteration,
            seed: parts.seed,
        },
        verifying: parts.verifying,
        signing: parts.signing,
        skipped: newest(parts.seeds).into_iter().map(kept).collect(),
    }
}

/// Returns the newest seeds, oldest first.
fn newest(mut seeds: Vec<(u32, Secret<32>)>) -> Vec<(u32, Secret<32>)> {
    seeds.sort_by_key(|(number, _)| *number);
    seeds.dedup_by_key(|(number, _)| *number);
    let surplus = seeds.len().saturating_sub(SKIPPED_MAX);
    seeds.drain(..surplus);
    seeds
}

impl Ratchet {
    /// Appends the ratchets of another record of the same device. Both records were in use under
    /// two addresses, and messages for either may still arrive.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        let others = other.current.into_iter().chain(other.archived);
        let known = |ratchet: &Self, state: &SessionState| {
            let mut states = ratchet.current.iter().chain(&ratchet.archived);
            states.any(|have| have.base_key.is_some() && have.base_key == state.base_key)
        };
        for state in others {
            if self.current.is_none() && self.archived.is_empty() {
                self.current = Some(state);
            } else if !known(&self, &state) {
                self.archived.push(state);
            }
        }
        self.archived.truncate(ARCHIVED_MAX);
        self
    }

    /// Skips our message keys before `counter`, which a later record may have used. Returns false,
    /// and changes nothing, if that is more than [`SKIPPED_MAX`] keys.
    pub fn skip_to(&mut self, counter: u32) -> bool {
        let sender = self
            .current
            .as_mut()
            .and_then(|state| state.sender.as_mut());
        let Some(sender) = sender else { return true };
        if SKIPPED_MAX < counter.saturating_sub(sender.key.index) as usize {
            return false;
        }
        while sender.key.index < counter {
            let Some(next) = sender.key.next() else { break };
            sender.key = next;
        }
        true
    }
}

impl SenderKey {
    /// Skips message keys of our own sender key in the same way.
    pub fn skip_to(&mut self, iteration: u32) -> bool {
        let state = self.states.first_mut();
        let Some(state) = state.filter(|state| state.signing.is_some()) else {
            return true;
        };
        if SKIPPED_MAX < iteration.saturating_sub(state.chain.iteration) as usize {
            return false;
        }
        while state.chain.iteration < iteration {
            let Some(next) = state.chain.next() else {
                break;
            };
            state.chain = next;
        }
        true
    }
}
