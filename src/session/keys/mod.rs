//! Whom a message is encrypted for, and with what: addresses, device lists, pre-keys, ratchets.

pub(super) mod addresses;
pub(super) mod bundles;
pub(super) mod devices;
pub(super) mod held_bundles;
pub(super) mod prekeys;
pub(super) mod ratchets;
