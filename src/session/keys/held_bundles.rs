//! Pre-key bundles that are held until they are used, and devices that have none.

use std::collections::HashMap;

use crate::ids::{Address, Jid};
use crate::signal::bundle::Bundle;

/// What the server said about devices, by the address as it was asked for.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct Bundles {
    pub(in crate::session) held: HashMap<Address, Bundle>,
    pub(in crate::session) barren: HashMap<Address, u64>,
}

impl Bundles {
    /// Whether there is a bundle of this device.
    pub(in crate::session) fn has(&self, device: &Jid) -> bool {
        self.held.contains_key(&device.address())
    }

    /// Takes the bundle out: its one-time key is good for one ratchet.
    pub(in crate::session) fn take(&mut self, device: &Jid) -> Option<Bundle> {
        self.held.remove(&device.address())
    }

    /// Whether the server said lately that this device has no keys.
    pub(in crate::session) fn is_barren(&self, device: &Jid) -> bool {
        self.barren.contains_key(&device.address())
    }

    /// Lets devices without keys be asked for again after a while.
    pub(in crate::session) fn forget_old(&mut self, now: u64) {
        self.barren.retain(|_, until| now < *until);
    }
}
