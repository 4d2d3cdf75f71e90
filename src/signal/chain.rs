//! Symmetric-key chains: each key derives the next one, and none derives an earlier one.
//!
//! Source: Double Ratchet (revision 1) sections 2.2 and 5.2; label as in libsignal-protocol-go
//! 0.2.0 `keys/message/MessageKey.go`.

use super::SKIPPED_MAX;
use super::error::RatchetError;
use crate::crypto::curve::{KeyPair, PublicKey};
use crate::crypto::{hkdf, mac};
use crate::secret::Secret;

const MESSAGE_KEYS_INFO: &[u8] = b"WhisperMessageKeys";
const MESSAGE_KEY_SEED: &[u8] = &[0x01];
const CHAIN_KEY_SEED: &[u8] = &[0x02];
const GIVEN_UP_SEED: &[u8] = b"given up";
const CLOSED_SEED: &[u8] = b"closed";

/// A position in a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChainKey {
    pub(super) index: u32,
    pub(super) key: Secret<32>,
}

impl ChainKey {
    /// Returns the first position of a chain.
    pub(super) const fn first(key: Secret<32>) -> Self {
        Self { index: 0, key }
    }

    /// Derives the keys of the message at this position.
    pub(super) fn message_keys(&self) -> MessageKeys {
        let seed = Secret::new(mac::hmac_sha256(self.key.expose(), &[MESSAGE_KEY_SEED]));
        MessageKeys::from_seed(self.index, &seed)
    }

    /// Returns the position of a dropped chain. Its counter is the last one, so nothing can be
    /// derived from it, and no other party knows its key.
    pub(super) fn given_up(root: &Secret<32>) -> Self {
        Self {
            index: u32::MAX,
            key: Secret::new(mac::hmac_sha256(root.expose(), &[GIVEN_UP_SEED])),
        }
    }

    /// Returns the next position; `None` after the last counter.
    pub(super) fn next(&self) -> Option<Self> {
        let key = Secret::new(mac::hmac_sha256(self.key.expose(), &[CHAIN_KEY_SEED]));
        Some(Self {
            index: self.index.checked_add(1)?,
            key,
        })
    }

    /// Moves behind the last position, so that nothing can be encrypted. The new key belongs to no
    /// chain and is unknown to the peer, in case another client uses it anyway.
    pub(super) fn close(&mut self) {
        if !self.is_closed() {
            let key = Secret::new(mac::hmac_sha256(self.key.expose(), &[CLOSED_SEED]));
            *self = Self {
                index: u32::MAX,
                key,
            };
        }
    }

    /// Returns whether nothing can be encrypted any more.
    pub(super) const fn is_closed(&self) -> bool {
        self.index == u32::MAX
    }
}

/// The keys of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MessageKeys {
    pub(super) index: u32,
    pub(super) cipher: Secret<32>,
    pub(super) mac: Secret<32>,
    pub(super) iv: Secret<16>,
}

impl MessageKeys {
    /// Derives the keys of a message from its seed.
    pub(super) fn from_seed(index: u32, seed: &Secret<32>) -> Self {
        let output = hkdf::derive::<80>(b"", seed.expose(), MESSAGE_KEYS_INFO);
        Self {
            index,
            cipher: output.part::<0, 32>(),
            mac: output.part::<32, 32>(),
            iv: output.part::<64, 16>(),
        }
    }
}

/// The sending chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SenderChain {
    pub(super) pair: KeyPair,
    pub(super) key: ChainKey,
}

/// A receiving chain of the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReceiverChain {
    pub(super) peer: PublicKey,
    pub(super) key: ChainKey,
    /// Keys of messages that have not arrived yet, oldest first.
    pub(super) skipped: Vec<MessageKeys>,
}

impl ReceiverChain {
    pub(super) const fn new(peer: PublicKey, key: Secret<32>) -> Self {
        Self {
            peer,
            key: ChainKey::first(key),
            skipped: Vec::new(),
        }
    }

    /// Returns the keys of message `counter` without advancing the chain, because the message is
    /// not authenticated yet.
    pub(super) fn keys_at(&self, counter: u32) -> Result<MessageKeys, RatchetError> {
        let Some(ahead) = counter.checked_sub(self.key.index) else {
            let kept = self.skipped.iter().find(|keys| keys.index == counter);
            return kept.cloned().ok_or(RatchetError::Duplicate { counter });
        };
        if SKIPPED_MAX < ahead as usize || counter == u32::MAX {
            return Err(RatchetError::TooFarAhead {
                counter,
                expected: self.key.index,
            });
        }
        let mut place = self.key.clone();
        while place.index < counter {
            place = place.next().ok_or(RatchetError::Exhausted)?;
        }
        Ok(place.message_keys())
    }

    /// Consumes the keys of message `counter` after [`ReceiverChain::keys_at`], and keeps the
    /// skipped keys before it.
    pub(super) fn advance(&mut self, counter: u32) {
        if counter < self.key.index {
            self.skipped.retain(|keys| keys.index != counter);
            return;
        }
        while self.key.index <= counter {
            if self.key.index < counter {
                self.skipped.push(self.key.message_keys());
            }
            let Some(next) = self.key.next() else { break };
            self.key = next;
        }
        let surplus = self.skipped.len().saturating_sub(SKIPPED_MAX);
        self.skipped.drain(..surplus);
    }
}
