//! Recipients and their keys: addresses, device lists, pre-keys and ratchets.

pub(super) mod addresses;
pub(super) mod bundles;
pub(super) mod devices;
pub(super) mod held_bundles;
pub(super) mod prekeys;
pub(super) mod ratchets;
