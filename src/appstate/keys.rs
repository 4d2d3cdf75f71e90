//! The keys of app state: each shared key is expanded to five keys.
//!
//! Source: whatsmeow 33cfac51 `appstate/keys.go`.

use std::collections::BTreeMap;

use crate::appstate::AppStateError;
use crate::crypto::hkdf;
use crate::secret::Secret;

const INFO: &[u8] = b"WhatsApp Mutation Keys";

/// The keys derived from one shared key.
#[derive(Clone, Debug)]
pub struct Keys {
    pub(super) index: Secret<32>,
    pub(super) value: Secret<32>,
    pub(super) value_mac: Secret<32>,
    pub(super) snapshot_mac: Secret<32>,
    pub(super) patch_mac: Secret<32>,
}

impl Keys {
    /// Derives the five keys from a shared key's bytes.
    pub fn expand(data: &[u8]) -> Self {
        let all: Secret<160> = hkdf::derive(&[], data, INFO);
        Self {
            index: all.part::<0, 32>(),
            value: all.part::<32, 32>(),
            value_mac: all.part::<64, 32>(),
            snapshot_mac: all.part::<96, 32>(),
            patch_mac: all.part::<128, 32>(),
        }
    }
}

/// The available keys, by id.
#[derive(Clone, Debug, Default)]
pub struct KeyRing(BTreeMap<Vec<u8>, Keys>);

impl KeyRing {
    /// Adds a shared key.
    pub fn add(&mut self, id: &[u8], data: &[u8]) {
        self.0.insert(id.to_vec(), Keys::expand(data));
    }

    /// Returns the key with this id, or [`AppStateError::MissingKey`].
    pub fn get(&self, id: &[u8]) -> Result<&Keys, AppStateError> {
        let missing = || AppStateError::MissingKey(id.to_vec());
        self.0.get(id).ok_or_else(missing)
    }
}
