#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use prost::Message;
use wmctl::appstate::Collection;
use wmctl::appstate::blob::{Kind, Reference};
use wmctl::appstate::collection::{
    CollectionState, apply_patch, apply_snapshot, index_macs, patch_key_ids, snapshot_key_ids,
};
use wmctl::appstate::keys::KeyRing;
use wmctl_proto::appstate::{SyncdPatch, SyncdSnapshot};

fuzz_target!(|bytes: &[u8]| {
    let mut ring = KeyRing::default();
    let macs = BTreeMap::new();
    if let Ok(patch) = SyncdPatch::decode(bytes) {
        // Provide every key that the patch names, so that decoding passes the first check.
        patch_key_ids(&patch)
            .iter()
            .for_each(|id| ring.add(id, b"key"));
        assert!(index_macs(&patch).count() <= patch.mutations.len());
        let applied = apply_patch(
            Collection::Regular,
            &CollectionState::default(),
            &patch,
            &ring,
            &macs,
        );
        assert!(applied.is_err(), "nobody can guess a MAC");
    }
    if let Ok(snapshot) = SyncdSnapshot::decode(bytes) {
        snapshot_key_ids(&snapshot)
            .iter()
            .for_each(|id| ring.add(id, b"key"));
        assert!(apply_snapshot(Collection::Regular, &snapshot, &ring).is_err());
    }
    let zero = [0_u8; 32];
    let sum = Some(&zero[..]);
    if let Ok(path) = std::str::from_utf8(bytes)
        && let Some(reference) = Reference::new(Kind::History, sum, Some(path), sum, sum)
    {
        assert!(reference.open(bytes.to_vec()).is_err());
    }
});
