//! How often messages were sent again, and to whom.

use std::collections::{HashMap, HashSet};

use crate::ids::{Address, MessageId};

/// How often one device gets one message again.
pub(in crate::session) const RESENDS_PER_DEVICE_MAX: u32 = 5;
/// Most pairs of message and device that are counted.
pub(in crate::session) const COUNTED_MAX: usize = 8_192;

/// What is remembered of resends; lost with the process, which only makes it more generous.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct Resent {
    pub(in crate::session) counts: HashMap<(MessageId, Address), u32>,
    /// Devices whose ratchet was replaced on their word that they cannot read us: once is enough.
    pub(in crate::session) recreated: HashSet<Address>,
}

impl Resent {
    /// Counts a resend; false when this device had enough of them.
    pub(in crate::session) fn count(&mut self, id: &MessageId, device: &Address) -> bool {
        if COUNTED_MAX <= self.counts.len() {
            self.counts.clear();
        }
        let count = self.counts.entry((id.clone(), device.clone())).or_insert(0);
        *count += 1;
        *count <= RESENDS_PER_DEVICE_MAX
    }

    pub(in crate::session) fn note_recreated(&mut self, device: Address) {
        if COUNTED_MAX <= self.recreated.len() {
            self.recreated.clear();
        }
        self.recreated.insert(device);
    }
}
