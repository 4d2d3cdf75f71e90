//! Counters of messages that were sent again.

use std::collections::{HashMap, HashSet};

use crate::ids::{Address, MessageId};

/// Maximum number of times that one device gets one message again.
pub(in crate::session) const RESENDS_PER_DEVICE_MAX: u32 = 5;
/// Maximum number of counted pairs of message and device.
pub(in crate::session) const COUNTED_MAX: usize = 8_192;

/// Resend counters. They are lost with the process; the only effect is that more resends are
/// allowed.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct Resent {
    pub(in crate::session) counts: HashMap<(MessageId, Address), u32>,
    /// Devices whose ratchet was replaced on request, which is done only once per device.
    pub(in crate::session) recreated: HashSet<Address>,
}

impl Resent {
    /// Counts a resend. Returns false if this device has reached the limit.
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
