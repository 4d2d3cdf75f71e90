//! Fetched pre-key bundles that are not used yet, and devices without keys.

use std::collections::HashMap;

use crate::ids::{Address, Jid};
use crate::signal::bundle::Bundle;

/// The server's answers about devices, by their wire address.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct BundleCache {
    pub(in crate::session) held: HashMap<Address, Bundle>,
    /// Devices without keys, with the time in monotonic ms at which they may be asked for again.
    pub(in crate::session) barren: HashMap<Address, u64>,
}

impl BundleCache {
    /// Returns whether a bundle for this device is held.
    pub(in crate::session) fn has(&self, device: &Jid) -> bool {
        self.held.contains_key(&device.address())
    }

    /// Removes and returns the bundle. Its one-time key may start only one ratchet.
    pub(in crate::session) fn take(&mut self, device: &Jid) -> Option<Bundle> {
        self.held.remove(&device.address())
    }

    /// Returns whether the server recently reported no keys for this device.
    pub(in crate::session) fn is_barren(&self, device: &Jid) -> bool {
        self.barren.contains_key(&device.address())
    }

    /// Expires the reports of devices without keys.
    pub(in crate::session) fn forget_old(&mut self, now: u64) {
        self.barren.retain(|_, until| now < *until);
    }
}
