//! Tests of app state. Known answers come from npm's whatsapp-rust-bridge 0.5.4 and Baileys 7.

use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message as _;
use rand::SeedableRng;
use rand::rngs::StdRng;
use wmctl_proto::appstate::sync_action_value::{ContactAction, PinAction};
use wmctl_proto::appstate::{SyncActionValue, SyncdPatch, SyncdRecord, SyncdSnapshot};

use super::blob::{self, Kind, Reference};
use super::collection::{Author, CollectionState, apply_patch, apply_snapshot};
use super::hash::LtHash;
use super::keys::{KeyRing, Keys};
use super::mutation::{Action, Operation};
use super::{AppStateError, Collection};

const KEY_ID: &[u8] = &[0, 1, 2, 3, 4];
const NO_MACS: BTreeMap<[u8; 32], [u8; 32]> = BTreeMap::new();
/// Baileys pins a chat in an empty collection.
const PATCH: &str = concat!(
    "0a02080112a601080012a1010a220a20918dc0d71474aaba259c00c7a26d5b1dd009d23aae53b193b814",
    "29b73d4dfeb412720a70e4bf5fbef5eb53fa02ba03426417cdb083ff17d90a8a86e9f15447218d29a9f9",
    "824f09fccba6ddab38893e663af1d4732f97a9aaaed4c9b65afd6551e9f5cfacea3c0c0429309cbe5810",
    "36dd1069aa6e882b25efac2c330a5799d42123bad3681f6173c0937cdf58e936400480479da01a070a05",
    "00010203042220818100c1a1c002c3627a8b136b2935db052e6c491ab431a1acdf0043edacf54a2a20b4",
    "7bf9dc9f7a765fbee254162386afe8b05095d205e68ff7901f72406977d4e332070a050001020304",
);

fn key_data() -> Vec<u8> {
    (0..32).collect()
}

fn ring() -> KeyRing {
    let mut ring = KeyRing::default();
    ring.add(KEY_ID, &key_data());
    ring
}

fn text(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

#[test]
fn one_key_becomes_five() {
    let keys = Keys::expand(&key_data());
    let found = [
        &keys.index,
        &keys.value,
        &keys.value_mac,
        &keys.snapshot_mac,
        &keys.patch_mac,
    ]
    .map(|key| text(key.expose()));
    let expected = [
        "61387bcf643616a68bd611a45516b3980418323087d78bf08c615645549434b4",
        "900ba2843ba5fb0cee55cf2a4de9503dce68187d3f6b95b420b008bde66f5a20",
        "d0879f6b61f0bcba79faad3f47a8a768fd7fc04a6cc8b3ecefedfa087413226f",
        "69b2e91be6587307c43c29b027a71fdd55be25f07ca726714115430d23093071",
        "693845bdd996652aca9ca0b96d0f081abf29943303c5eb19bdb84f38b24c32ab",
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_lattice_hash_is_that_of_others() {
    let mut hash = LtHash::default();
    hash.subtract(&[9; 32]);
    hash.add(&[7; 32]);
    hash.add(&[8; 32]);
    let expected = concat!(
        "f841c6b033e7491b77722c1d5a8363ba4d4920d93f9a9e0150de3f7ecc14d67283fca5a603bfd8cac14956eb",
        "26f81ad6344057cef74d487c25d3dc56a772ff69f6777e5fe3d85a3a69712c08be846a56aee1db08a17858d8",
        "e5afdd3cd4f2e26f983e06b12896e7c27ba8bff86a593290df0944c99f8bfe01ed375b4348d5af7d",
    );
    assert_eq!(text(hash.as_bytes()), expected);
}

#[test]
fn a_patch_of_others_is_understood() {
    let patch = SyncdPatch::decode(&hex::decode(PATCH).expect("hex")[..]).expect("a patch");
    let applied = apply_patch(
        Collection::RegularLow,
        &CollectionState::default(),
        &patch,
        &ring(),
        &NO_MACS,
    )
    .expect("a good patch");
    assert_eq!(applied.state.version, 1);
    let action = applied.mutations[0].action.as_ref().expect("an action");
    assert_eq!(action.index, ["pin_v1", "15550001@s.whatsapp.net"]);
    assert_eq!(action.version, 5);
    let pinned = action.value.pin_action.as_ref().and_then(|pin| pin.pinned);
    assert_eq!(pinned, Some(true));
    // The same bytes are invalid in another collection.
    let elsewhere = apply_patch(
        Collection::Regular,
        &CollectionState::default(),
        &patch,
        &ring(),
        &NO_MACS,
    );
    assert_eq!(elsewhere, Err(AppStateError::SnapshotMac));
    let empty = KeyRing::default();
    let blind = apply_patch(
        Collection::RegularLow,
        &CollectionState::default(),
        &patch,
        &empty,
        &NO_MACS,
    );
    assert_eq!(blind, Err(AppStateError::MissingKey(KEY_ID.to_vec())));
}

/// A device that holds a collection.
#[derive(Default)]
struct Holder {
    state: CollectionState,
    macs: BTreeMap<[u8; 32], [u8; 32]>,
    records: BTreeMap<[u8; 32], SyncdRecord>,
}

const COLLECTION: Collection = Collection::CriticalUnblockLow;

impl Holder {
    fn make(&mut self, actions: &[Action], rng: &mut StdRng) -> SyncdPatch {
        let keys = Keys::expand(&key_data());
        let author = Author {
            key_id: KEY_ID,
            keys: &keys,
        };
        let (patch, state) = author.patch(COLLECTION, &self.state, actions, &self.macs, rng);
        let applied = self.take(&patch);
        assert_eq!(applied, Ok(()));
        assert_eq!(self.state, state);
        patch
    }

    fn take(&mut self, patch: &SyncdPatch) -> Result<(), AppStateError> {
        let applied = apply_patch(COLLECTION, &self.state, patch, &ring(), &self.macs)?;
        for (mutation, source) in applied.mutations.iter().zip(&patch.mutations) {
            match mutation.operation {
                Operation::Set => {
                    self.macs.insert(mutation.index_mac, mutation.value_mac);
                    let record = source.record.clone().expect("a record");
                    self.records.insert(mutation.index_mac, record);
                }
                Operation::Remove => {
                    self.macs.remove(&mutation.index_mac);
                    self.records.remove(&mutation.index_mac);
                }
            }
        }
        self.state = applied.state;
        Ok(())
    }

    fn snapshot(&self) -> SyncdSnapshot {
        let keys = Keys::expand(&key_data());
        let author = Author {
            key_id: KEY_ID,
            keys: &keys,
        };
        author.snapshot(
            COLLECTION,
            &self.state,
            self.records.values().cloned().collect(),
        )
    }
}

fn action(operation: Operation, who: u8, name: &str) -> Action {
    Action {
        operation,
        index: vec![String::from("contact"), format!("1555{who}@s.whatsapp.net")],
        value: SyncActionValue {
            timestamp: Some(1_700_000_000_000),
            contact_action: Some(ContactAction {
                full_name: Some(name.to_owned()),
                ..ContactAction::default()
            }),
            ..SyncActionValue::default()
        },
        version: 2,
    }
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let one = (any::<bool>(), 0..6_u8, "[a-z\u{e9}\"\\\\]{0,12}").prop_map(|(set, who, name)| {
        let operation = if set {
            Operation::Set
        } else {
            Operation::Remove
        };
        action(operation, who, &name)
    });
    proptest::collection::vec(one, 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn who_follows_patches_and_who_takes_the_snapshot_agree(
        steps in proptest::collection::vec(actions(), 1..8), seed: u64,
    ) {
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut author, mut reader) = (Holder::default(), Holder::default());
        for step in &steps {
            let patch = author.make(step, &mut rng);
            let patch = SyncdPatch::decode(&patch.encode_to_vec()[..]).expect("a patch");
            prop_assert_eq!(reader.take(&patch), Ok(()));
            prop_assert_eq!(&reader.state, &author.state);
        }
        let late = apply_snapshot(COLLECTION, &author.snapshot(), &ring()).expect("a snapshot");
        prop_assert_eq!(&late.state, &author.state);
        prop_assert_eq!(late.mutations.len(), author.records.len());
        let mut sum = LtHash::default();
        author.macs.values().for_each(|mac| sum.add(mac));
        prop_assert_eq!(sum, author.state.hash);
    }

    #[test]
    fn any_changed_byte_is_noticed(step in actions(), seed: u64, at: prop::sample::Index,
        bit in 0..8_u8)
    {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut author = Holder::default();
        let mut reader = Holder::default();
        let first = author.make(&[action(Operation::Set, 0, "before")], &mut rng);
        prop_assert_eq!(reader.take(&first), Ok(()));
        let mut bytes = author.make(&step, &mut rng).encode_to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let before = reader.state.clone();
        // A changed field number gives another message with possibly the same content.
        if let Ok(patch) = SyncdPatch::decode(&bytes[..])
            && reader.take(&patch).is_ok()
        {
            prop_assert_eq!(&reader.state, &author.state);
        } else {
            prop_assert_eq!(&reader.state, &before);
        }
    }

    #[test]
    fn bytes_of_anybody_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let state = CollectionState::default();
        if let Ok(patch) = SyncdPatch::decode(&bytes[..]) {
            prop_assert!(apply_patch(COLLECTION, &state, &patch, &ring(), &NO_MACS).is_err());
        }
        if let Ok(snapshot) = SyncdSnapshot::decode(&bytes[..]) {
            prop_assert!(apply_snapshot(COLLECTION, &snapshot, &ring()).is_err());
        }
    }

    #[test]
    fn blobs_open_once_and_unchanged(plain in proptest::collection::vec(any::<u8>(), 0..300),
        seed: u64, at: prop::sample::Index)
    {
        let mut rng = StdRng::seed_from_u64(seed);
        let (reference, mut sealed) =
            blob::seal(Kind::AppState, &plain, String::from("/v/1?a=b"), &mut rng);
        prop_assert_eq!(reference.open(sealed.clone()), Ok(plain));
        let history = Reference { kind: Kind::History, ..reference.clone() };
        prop_assert_eq!(history.open(sealed.clone()), Err(AppStateError::Blob));
        let at = at.index(sealed.len());
        sealed[at] ^= 1;
        prop_assert_eq!(reference.open(sealed), Err(AppStateError::Blob));
    }
}

#[test]
fn a_record_under_a_foreign_index_and_a_left_out_one_are_noticed() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut author = Holder::default();
    let (one, other) = (
        action(Operation::Set, 1, "one"),
        action(Operation::Set, 2, "other"),
    );
    let patch = author.make(&[one, other], &mut rng);
    let take = |patch: &SyncdPatch| Holder::default().take(patch);
    let mut swapped = patch.clone();
    let index = |patch: &SyncdPatch, at: usize| {
        patch.mutations[at]
            .record
            .as_ref()
            .and_then(|record| record.index.clone())
    };
    let (first, second) = (index(&patch, 0), index(&patch, 1));
    for (mutation, index) in swapped.mutations.iter_mut().zip([second, first]) {
        mutation.record.as_mut().expect("a record").index = index;
    }
    // The sums do not depend on indices; the index MAC does.
    assert_eq!(take(&swapped), Err(AppStateError::IndexMac));
    let mut shorter = patch.clone();
    shorter.mutations.pop();
    assert_eq!(take(&shorter), Err(AppStateError::SnapshotMac));
    let mut turned = patch.clone();
    turned.mutations.reverse();
    assert_eq!(take(&turned), Err(AppStateError::PatchMac));
    let mut removing = patch;
    removing.mutations[0].operation = Some(1);
    assert_eq!(take(&removing), Err(AppStateError::SnapshotMac));
    let mut snapshot = author.snapshot();
    snapshot.records.pop();
    let short = apply_snapshot(COLLECTION, &snapshot, &ring());
    assert_eq!(short, Err(AppStateError::SnapshotMac));
    snapshot.records.clear();
    snapshot.version = None;
    let unnumbered = apply_snapshot(COLLECTION, &snapshot, &ring());
    assert_eq!(unnumbered, Err(AppStateError::Malformed("version")));
}

#[test]
fn authentic_records_that_say_nothing_to_us_still_count() {
    let mut rng = StdRng::seed_from_u64(2);
    let mut strange = action(Operation::Set, 1, "");
    strange.index = Vec::new();
    strange.value.pin_action = Some(PinAction { pinned: None });
    let patch = Holder::default().make(&[strange], &mut rng);
    let applied = apply_patch(
        COLLECTION,
        &CollectionState::default(),
        &patch,
        &ring(),
        &NO_MACS,
    )
    .expect("a good patch");
    assert_eq!(applied.mutations.len(), 1);
    assert_eq!(applied.mutations[0].action, None);
}

#[test]
fn blobs_lie_on_the_media_server_only() {
    let of = |path: &str| {
        let sum: &[u8] = &[1; 32];
        Reference::new(Kind::AppState, Some(sum), Some(path), Some(sum), Some(sum))
    };
    assert!(of("/v/t62.1-24/1_n.enc?ccb=11-4&oh=01_Q&oe=6&_nc_sid=5e").is_some());
    for path in [
        "",
        "v/1",
        "//evil.test/1",
        "https://evil.test/",
        "/a b",
        "/a\\b",
        "/a#b",
        "/a\nb",
    ] {
        assert_eq!(of(path), None, "{path:?}");
    }
    assert_eq!(of(&format!("/{}", "x".repeat(3_000))), None);
}
