//! What is remembered of sends while the link stands.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::ids::{Address, Jid, MessageId};

/// Most participant hashes that wait for their ack.
const HASHES_MAX: usize = 1_024;
/// Most members of groups that are counted for lacking our key.
const LACKING_MAX: usize = 8_192;
/// How often one member is given our key anew; others have to be asked for new keys each time.
const HANDED_OUT_MAX: u32 = 5;

/// What is remembered of sends while the link stands.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct Attempts {
    pub(in crate::session) asks: HashMap<MessageId, u32>,
    pub(in crate::session) hashes: VecDeque<(MessageId, String)>,
    /// The messages to each group that the server has not confirmed.
    pub(in crate::session) under_way: HashMap<Jid, HashSet<MessageId>>,
    /// How often a member of a group was found to lack our key.
    pub(in crate::session) lacking: HashMap<(Jid, Address), u32>,
}

impl Attempts {
    /// Remembers for whom a message was encrypted, until the server says whom it expected.
    pub(in crate::session) fn remember_hash(&mut self, id: &MessageId, hash: &str) {
        if HASHES_MAX <= self.hashes.len() {
            self.hashes.pop_front();
        }
        self.hashes.push_back((id.clone(), hash.to_owned()));
    }

    /// A message to a group leaves.
    pub(in crate::session) fn leaves(&mut self, group: &Jid, id: &MessageId) {
        let under_way = self.under_way.entry(group.clone()).or_default();
        under_way.insert(id.clone());
    }

    /// A message to a group is confirmed, or given up.
    pub(in crate::session) fn arrived(&mut self, group: &Jid, id: &MessageId) {
        if let Some(under_way) = self.under_way.get_mut(group) {
            under_way.remove(id);
            if under_way.is_empty() {
                self.under_way.remove(group);
            }
        }
    }

    /// Whether messages to a group are under way.
    pub(in crate::session) fn is_busy(&self, group: &Jid) -> bool {
        self.under_way.contains_key(group)
    }

    /// Counts that a member lacks our key of a group; false when it was given it often enough.
    pub(in crate::session) fn may_hand_out_again(&mut self, group: &Jid, device: &Address) -> bool {
        if LACKING_MAX <= self.lacking.len() {
            self.lacking.clear();
        }
        let key = (group.clone(), device.clone());
        let count = self.lacking.entry(key).or_insert(0);
        *count += 1;
        *count <= HANDED_OUT_MAX
    }

    pub(in crate::session) fn take_hash(&mut self, id: &MessageId) -> Option<String> {
        let at = self.hashes.iter().position(|(of, _)| of == id)?;
        self.hashes.remove(at).map(|(_, hash)| hash)
    }
}
