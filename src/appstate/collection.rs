//! Whole collections: applying and creating patches and snapshots.
//!
//! Source: whatsmeow 33cfac51 `appstate/decode.go`, `appstate/hash.go`.

use std::collections::{BTreeMap, BTreeSet};

use wmctl_proto::appstate::SyncdVersion;
use wmctl_proto::appstate::{KeyId, SyncdMutation, SyncdPatch, SyncdRecord, SyncdSnapshot};

use crate::appstate::hash::LtHash;
use crate::appstate::keys::{KeyRing, Keys};
use crate::appstate::mutation::{self, Action, MAC_BYTES, Mutation, Operation, Parts};
use crate::appstate::{AppStateError, Collection};
use crate::crypto::mac;
use crate::crypto::random::Random;

/// Maximum number of records in one snapshot or patch.
pub const RECORDS_MAX: usize = 100_000;

/// The state of a collection: version 0 and the empty hash at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectionState {
    pub version: u64,
    pub hash: LtHash,
}

/// Lookup of value MACs by index MAC.
pub trait Macs {
    /// Returns the value MAC of the newest record under this index; `None` if there is none.
    fn value_mac(&self, index_mac: &[u8; MAC_BYTES]) -> Option<[u8; MAC_BYTES]>;
}

impl Macs for BTreeMap<[u8; MAC_BYTES], [u8; MAC_BYTES]> {
    fn value_mac(&self, index_mac: &[u8; MAC_BYTES]) -> Option<[u8; MAC_BYTES]> {
        self.get(index_mac).copied()
    }
}

/// The result of a patch or a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    pub state: CollectionState,
    /// The mutations, in order.
    pub mutations: Vec<Mutation>,
}

/// Returns the ids of all keys that a patch needs. Malformed ids are ignored.
pub fn patch_key_ids(patch: &SyncdPatch) -> BTreeSet<Vec<u8>> {
    let records = patch.mutations.iter().filter_map(|one| one.record.as_ref());
    key_ids(patch.key_id.as_ref(), records)
}

/// Returns the ids of all keys that a snapshot needs. Malformed ids are ignored.
pub fn snapshot_key_ids(snapshot: &SyncdSnapshot) -> BTreeSet<Vec<u8>> {
    key_ids(snapshot.key_id.as_ref(), snapshot.records.iter())
}

fn key_ids<'a>(
    own: Option<&'a KeyId>,
    records: impl Iterator<Item = &'a SyncdRecord>,
) -> BTreeSet<Vec<u8>> {
    let ids = records.map(|record| record.key_id.as_ref()).chain([own]);
    ids.filter_map(|id| mutation::key_id(id).ok())
        .map(<[u8]>::to_vec)
        .collect()
}

/// Returns the index MACs that a patch touches. Malformed ones are ignored.
pub fn index_macs(patch: &SyncdPatch) -> impl Iterator<Item = [u8; MAC_BYTES]> {
    let records = patch.mutations.iter().filter_map(|one| one.record.as_ref());
    records.filter_map(|record| record.index.as_ref()?.blob.as_deref()?.try_into().ok())
}

/// Verifies a whole collection. Nothing is applied unless everything is valid.
pub fn apply_snapshot(
    collection: Collection,
    snapshot: &SyncdSnapshot,
    ring: &KeyRing,
) -> Result<Applied, AppStateError> {
    if RECORDS_MAX < snapshot.records.len() {
        return Err(AppStateError::TooMany);
    }
    let keys = ring.get(mutation::key_id(snapshot.key_id.as_ref())?)?;
    let mut state = CollectionState {
        version: version(snapshot.version.as_ref())?,
        hash: LtHash::default(),
    };
    let parts: Vec<Parts<'_>> = snapshot
        .records
        .iter()
        .map(Parts::of)
        .collect::<Result<_, _>>()?;
    for record in &parts {
        state.hash.add(&record.value_mac);
    }
    check_snapshot_mac(collection, &state, keys, snapshot.mac.as_deref())?;
    let mutations = parts
        .iter()
        .map(|parts| mutation::decode(Operation::Set, parts, ring))
        .collect::<Result<_, _>>()?;
    Ok(Applied { state, mutations })
}

/// Verifies a patch on top of `before`. Nothing is applied unless everything is valid.
pub fn apply_patch(
    collection: Collection,
    before: &CollectionState,
    patch: &SyncdPatch,
    ring: &KeyRing,
    known: &impl Macs,
) -> Result<Applied, AppStateError> {
    if RECORDS_MAX < patch.mutations.len() {
        return Err(AppStateError::TooMany);
    }
    let keys = ring.get(mutation::key_id(patch.key_id.as_ref())?)?;
    let mut parts = Vec::with_capacity(patch.mutations.len());
    for one in &patch.mutations {
        let record = one.record.as_ref();
        let record = record.ok_or(AppStateError::Malformed("record"))?;
        parts.push((Operation::of(one)?, Parts::of(record)?));
    }
    let changes = parts
        .iter()
        .map(|(operation, parts)| (*operation, parts.index_mac, parts.value_mac));
    let state = CollectionState {
        version: version(patch.version.as_ref())?,
        hash: advance(&before.hash, changes, known),
    };
    check_snapshot_mac(collection, &state, keys, patch.snapshot_mac.as_deref())?;
    let value_macs: Vec<_> = parts.iter().map(|(_, parts)| parts.value_mac).collect();
    let snapshot_mac = patch.snapshot_mac.as_deref().unwrap_or_default();
    let expected = patch_mac(collection, state.version, snapshot_mac, &value_macs, keys);
    if !mac::verify(&expected, patch.patch_mac.as_deref().unwrap_or_default()) {
        return Err(AppStateError::PatchMac);
    }
    let mutations = parts
        .iter()
        .map(|(operation, parts)| mutation::decode(*operation, parts, ring))
        .collect::<Result<_, _>>()?;
    Ok(Applied { state, mutations })
}

/// Returns the hash after some changes. Removing a record that does not exist has no effect; phones
/// do that.
fn advance(
    before: &LtHash,
    changes: impl Iterator<Item = (Operation, [u8; MAC_BYTES], [u8; MAC_BYTES])>,
    known: &impl Macs,
) -> LtHash {
    let mut hash = before.clone();
    let mut fresh: BTreeMap<[u8; MAC_BYTES], Option<[u8; MAC_BYTES]>> = BTreeMap::new();
    for (operation, index_mac, value_mac) in changes {
        let after = (operation == Operation::Set).then_some(value_mac);
        let earlier = match fresh.insert(index_mac, after) {
            Some(earlier) => earlier,
            None => known.value_mac(&index_mac),
        };
        if let Some(earlier) = earlier {
            hash.subtract(&earlier);
        }
        if let Some(after) = after {
            hash.add(&after);
        }
    }
    hash
}

fn version(version: Option<&SyncdVersion>) -> Result<u64, AppStateError> {
    version
        .and_then(|version| version.version)
        .filter(|version| (1..=i64::MAX.unsigned_abs()).contains(version))
        .ok_or(AppStateError::Malformed("version"))
}

fn snapshot_mac(collection: Collection, state: &CollectionState, keys: &Keys) -> [u8; 32] {
    let version = state.version.to_be_bytes();
    let parts = [
        state.hash.as_bytes(),
        &version[..],
        collection.name().as_bytes(),
    ];
    mac::hmac_sha256(keys.snapshot_mac.expose(), &parts)
}

fn check_snapshot_mac(
    collection: Collection,
    state: &CollectionState,
    keys: &Keys,
    found: Option<&[u8]>,
) -> Result<(), AppStateError> {
    let expected = snapshot_mac(collection, state, keys);
    match mac::verify(&expected, found.unwrap_or_default()) {
        true => Ok(()),
        false => Err(AppStateError::SnapshotMac),
    }
}

fn patch_mac(
    collection: Collection,
    version: u64,
    snapshot_mac: &[u8],
    value_macs: &[[u8; MAC_BYTES]],
    keys: &Keys,
) -> [u8; 32] {
    let version = version.to_be_bytes();
    let mut parts = vec![snapshot_mac];
    parts.extend(value_macs.iter().map(|mac| &mac[..]));
    parts.extend([&version[..], collection.name().as_bytes()]);
    mac::hmac_sha256(keys.patch_mac.expose(), &parts)
}

/// The author of a patch: a key with its id.
pub struct Author<'a> {
    pub key_id: &'a [u8],
    pub keys: &'a Keys,
}

impl Author<'_> {
    fn id(&self) -> Option<KeyId> {
        Some(KeyId {
            id: Some(self.key_id.to_vec()),
        })
    }

    /// Creates a patch on top of `before`. Also returns the resulting state.
    ///
    /// The patch contains its version. The server also accepts patches without one.
    pub fn patch(
        &self,
        collection: Collection,
        before: &CollectionState,
        actions: &[Action],
        known: &impl Macs,
        rng: &mut dyn Random,
    ) -> (SyncdPatch, CollectionState) {
        let mutations: Vec<SyncdMutation> = actions
            .iter()
            .map(|action| mutation::encode(action, self.key_id, self.keys, rng))
            .collect();
        let mut changes = Vec::with_capacity(mutations.len());
        for (action, mutation) in actions.iter().zip(&mutations) {
            let parts = mutation.record.as_ref().map(Parts::of);
            if let Some(Ok(parts)) = parts {
                changes.push((action.operation, parts.index_mac, parts.value_mac));
            }
        }
        let state = CollectionState {
            version: before.version + 1,
            hash: advance(&before.hash, changes.iter().copied(), known),
        };
        let snapshot_mac = snapshot_mac(collection, &state, self.keys);
        let value_macs: Vec<_> = changes.iter().map(|(_, _, value_mac)| *value_mac).collect();
        let patch_mac = patch_mac(
            collection,
            state.version,
            &snapshot_mac,
            &value_macs,
            self.keys,
        );
        let patch = SyncdPatch {
            version: Some(SyncdVersion {
                version: Some(state.version),
            }),
            mutations,
            snapshot_mac: Some(snapshot_mac.to_vec()),
            patch_mac: Some(patch_mac.to_vec()),
            key_id: self.id(),
            ..SyncdPatch::default()
        };
        (patch, state)
    }

    /// Authenticates all records of a collection as a snapshot.
    pub fn snapshot(
        &self,
        collection: Collection,
        state: &CollectionState,
        records: Vec<SyncdRecord>,
    ) -> SyncdSnapshot {
        SyncdSnapshot {
            version: Some(SyncdVersion {
                version: Some(state.version),
            }),
            records,
            mac: Some(snapshot_mac(collection, state, self.keys).to_vec()),
            key_id: self.id(),
        }
    }
}
