//! The app state of one account, as server and phone have it.

use std::collections::BTreeMap;

use wmctl_proto::appstate::{ExternalBlobReference, SyncActionValue, SyncdPatch, SyncdRecord};

use crate::appstate::collection::{State, apply_patch};
use crate::appstate::keys::KeyRing;
use crate::appstate::mutation::Operation;
use crate::appstate::{AppStateError, Collection};
use crate::sim::settings::Setting;

/// The app state of one account.
#[derive(Debug, Default)]
pub(super) struct AppState {
    pub(in crate::sim) keys: Vec<SharedKey>,
    /// How many of the keys each companion was given.
    pub(in crate::sim) given: BTreeMap<u16, usize>,
    /// The newest key is only for those who ask.
    pub(in crate::sim) withheld: bool,
    pub(in crate::sim) collections: BTreeMap<Collection, Kept>,
}

#[derive(Clone, Debug)]
pub(in crate::sim) struct SharedKey {
    pub(in crate::sim) id: Vec<u8>,
    pub(in crate::sim) data: [u8; 32],
    pub(in crate::sim) made_ms: i64,
}

/// One collection, as server and phone have it.
#[derive(Debug, Default)]
pub(in crate::sim) struct Kept {
    pub(in crate::sim) state: State,
    pub(in crate::sim) macs: BTreeMap<[u8; 32], [u8; 32]>,
    pub(in crate::sim) records: BTreeMap<[u8; 32], SyncdRecord>,
    /// What the phone reads in it.
    pub(in crate::sim) values: BTreeMap<Vec<String>, SyncActionValue>,
    /// All versions up to here are in the snapshot.
    pub(in crate::sim) base: u64,
    pub(in crate::sim) snapshot: Option<ExternalBlobReference>,
    pub(in crate::sim) patches: Vec<SyncdPatch>,
}

/// What can be seen of a collection.
#[derive(Clone, Debug, serde::Serialize)]
pub struct CollectionView {
    /// Its name.
    pub name: &'static str,
    /// How many patches it had.
    pub version: u64,
    /// What the phone reads in it.
    pub items: Vec<ItemView>,
}

/// One setting.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ItemView {
    /// Kind and chat.
    pub index: Vec<String>,
    /// What is set.
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

    /// Takes a patch of whoever made it, whole; `mutations` is all that it does.
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
