//! State of sends while the link lasts.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::ids::{Address, Jid, MessageId};

/// Maximum number of participant hashes that wait for their ack.
const HASHES_MAX: usize = 1_024;
/// Maximum number of counted group members that lack our sender key.
const LACKING_MAX: usize = 8_192;
/// Maximum number of times that one member gets our sender key again, because each time may need a
/// new key for the whole group. After that, the member gets only the messages that it requests.
const HANDED_OUT_MAX: u32 = 5;

/// State of sends while the link lasts.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct Attempts {
    /// The number of requests made for each message.
    pub(in crate::session) asks: HashMap<MessageId, u32>,
    /// Participant hashes of messages that wait for their ack, oldest first.
    pub(in crate::session) hashes: VecDeque<(MessageId, String)>,
    /// The unconfirmed messages of each group.
    pub(in crate::session) under_way: HashMap<Jid, HashSet<MessageId>>,
    /// How often a group member was found to lack our sender key.
    pub(in crate::session) lacking: HashMap<(Jid, Address), u32>,
}

impl Attempts {
    /// Stores the participant hash of a message, to compare it with the server's ack.
    pub(in crate::session) fn remember_hash(&mut self, id: &MessageId, hash: &str) {
        if HASHES_MAX <= self.hashes.len() {
            self.hashes.pop_front();
        }
        self.hashes.push_back((id.clone(), hash.to_owned()));
    }

    /// Records that a group message was sent.
    pub(in crate::session) fn leaves(&mut self, group: &Jid, id: &MessageId) {
        let under_way = self.under_way.entry(group.clone()).or_default();
        under_way.insert(id.clone());
    }

    /// Records that a group message was confirmed or failed.
    pub(in crate::session) fn arrived(&mut self, group: &Jid, id: &MessageId) {
        if let Some(under_way) = self.under_way.get_mut(group) {
            under_way.remove(id);
            if under_way.is_empty() {
                self.under_way.remove(group);
            }
        }
    }

    /// Returns whether a group has unconfirmed messages.
    pub(in crate::session) fn is_busy(&self, group: &Jid) -> bool {
        self.under_way.contains_key(group)
    }

    /// Counts that a member lacks our sender key. Returns false if it has reached the limit.
    pub(in crate::session) fn may_hand_out_again(&mut self, group: &Jid, device: &Address) -> bool {
        if LACKING_MAX <= self.lacking.len() {
            self.lacking.clear();
        }
        let key = (group.clone(), device.clone());
        let count = self.lacking.entry(key).or_insert(0);
        *count += 1;
        *count <= HANDED_OUT_MAX
    }

    /// Removes and returns the participant hash of a message.
    pub(in crate::session) fn take_hash(&mut self, id: &MessageId) -> Option<String> {
        let at = self.hashes.iter().position(|(of, _)| of == id)?;
        self.hashes.remove(at).map(|(_, hash)| hash)
    }
}
