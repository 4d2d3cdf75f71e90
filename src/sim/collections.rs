//! The app state of one account, as the server and the phone have it.

use std::collections::BTreeMap;

use wmctl_proto::appstate::{ExternalBlobReference, SyncActionValue, SyncdPatch, SyncdRecord};

use crate::appstate::collection::{CollectionState, apply_patch};
use crate::appstate::keys::KeyRing;
use crate::appstate::mutation::Operation;
use crate::appstate::{AppStateError, Collection};
use crate::sim::settings::Setting;

/// The app state of one account.
#[derive(Debug, Default)]
pub(super) struct AppState {
    /// All keys, oldest first.
    pub(in crate::sim) keys: Vec<SharedKey>,
    /// Number of keys that each companion has received.
    pub(in crate::sim) given: BTreeMap<u16, usize>,
    /// Whether the newest key is sent only on request.
    pub(in crate::sim) withheld: bool,
    pub(in crate::sim) collections: BTreeMap<Collection, Kept>,
}

/// A key of app state that the phone shares with its companions.
#[derive(Clone, Debug)]
pub(in crate::sim) struct SharedKey {
    pub(in crate::sim) id: Vec<u8>,
    pub(in crate::sim) data: [u8; 32],
    /// Time of creation (Unix ms).
    pub(in crate::sim) made_ms: i64,
}

/// One collection, as the server and the phone have it.
#[derive(Debug, Default)]
pub(in crate::sim) struct Kept {
    /// Version and hash of the collection.
    pub(in crate::sim) state: CollectionState,
    /// Value MACs by index MAC.
    pub(in crate::sim) macs: BTreeMap<[u8; 32], [u8; 32]>,
    /// Encrypted records by index MAC.
    pub(in crate::sim) records: BTreeMap<[u8; 32], SyncdRecord>,
    /// The decrypted values that the phone sees.
    pub(in crate::sim) values: BTreeMap<Vec<String>, SyncActionValue>,
    /// The snapshot contains all versions up to this one.
    pub(in crate::sim) base: u64,
    /// Reference to the snapshot's blob, if there is one.
    pub(in crate::sim) snapshot: Option<ExternalBlobReference>,
    /// Patches after the snapshot, oldest first.
    pub(in crate::sim) patches: Vec<SyncdPatch>,
}

/// The visible state of a collection.
#[derive(Clone, Debug, serde::Serialize)]
pub struct CollectionView {
    /// Name of the collection.
    pub name: &'static str,
    /// Number of patches so far.
    pub version: u64,
    /// The decrypted settings.
    pub items: Vec<ItemView>,
}

/// One setting.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ItemView {
    /// Kind of the setting, and its chat if it has one.
    pub index: Vec<String>,
    /// Value of the setting.
    pub value: serde_json::Value,
}

impl AppState {
    pub(in crate::sim) fn ring(&self) -> KeyRing {
        let mut ring = KeyRing::default();
        self.keys
            .iter()
            .for_each(|key| ring.add(&key.id, &key.data));
        ring
    }

    /// Applies a complete patch from the phone or a companion.
    pub(in crate::sim) fn take(
        &mut self,
        collection: Collection,
        whole: &SyncdPatch,
    ) -> Result<(), AppStateError> {
        let ring = self.ring();
        let kept = self.collections.entry(collection).or_default();
        let applied = apply_patch(collection, &kept.state, whole, &ring, &kept.macs)?;
        for (mutation, source) in applied.mutations.into_iter().zip(&whole.mutations) {
            match mutation.operation {
                Operation::Set => {
                    kept.macs.insert(mutation.index_mac, mutation.value_mac);
                    let record = source.record.clone().unwrap_or_default();
                    kept.records.insert(mutation.index_mac, record);
                }
                Operation::Remove => {
                    kept.macs.remove(&mutation.index_mac);
                    kept.records.remove(&mutation.index_mac);
                }
            }
            match mutation.action {
                Some(action) if action.operation == Operation::Set => {
                    kept.values.insert(action.index, action.value);
                }
                Some(action) => {
                    kept.values.remove(&action.index);
                }
                None => (),
            }
        }
        kept.state = applied.state;
        Ok(())
    }

    pub(in crate::sim) fn version(&self, collection: Collection) -> u64 {
        self.collections
            .get(&collection)
            .map_or(0, |kept| kept.state.version)
    }

    pub(in crate::sim) fn views(&self) -> Vec<CollectionView> {
        let view = |(collection, kept): (&Collection, &Kept)| CollectionView {
            name: collection.name(),
            version: kept.state.version,
            items: kept
                .values
                .iter()
                .map(|(index, value)| ItemView {
                    index: index.clone(),
                    value: Setting::shown(value),
                })
                .collect(),
        };
        self.collections.iter().map(view).collect()
    }
}
