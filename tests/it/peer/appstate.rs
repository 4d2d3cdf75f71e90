//! Our app state against Baileys and its library: keys, hashes, patches and snapshots in both
//! directions, valid and forged.
//!
//! `WMCTL_APP_STATE_SEEDS` sets the number of collections, `WMCTL_APP_STATE_STEPS` the patches of
//! each.

use std::collections::BTreeMap;

use prost::Message as _;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use wmctl::appstate::Collection;
use wmctl::appstate::collection::{Author, CollectionState, apply_patch, apply_snapshot};
use wmctl::appstate::hash::LtHash;
use wmctl::appstate::keys::{KeyRing, Keys};
use wmctl::appstate::mutation::{Action, Mutation, Operation};
use wmctl_proto::appstate::sync_action_value::{
    ArchiveChatAction, ContactAction, MuteAction, PinAction, PushNameSetting,
};
use wmctl_proto::appstate::{SyncActionValue, SyncdPatch, SyncdRecord};

use crate::support::number;
use crate::support::oracle::{Oracle, b64, bytes};

const KEY_ID: &[u8] = &[0, 0, 7, 1, 9, 200];

/// Our side of one collection.
#[derive(Default)]
struct Ours {
    state: CollectionState,
    macs: BTreeMap<[u8; 32], [u8; 32]>,
    records: BTreeMap<[u8; 32], SyncdRecord>,
}

impl Ours {
    fn take(&mut self, mutations: &[Mutation], patch: &SyncdPatch, state: CollectionState) {
        for (mutation, source) in mutations.iter().zip(&patch.mutations) {
            match mutation.operation {
                Operation::Set => {
                    let record = source.record.clone().unwrap();
                    self.macs.insert(mutation.index_mac, mutation.value_mac);
                    self.records.insert(mutation.index_mac, record);
                }
                Operation::Remove => {
                    self.macs.remove(&mutation.index_mac);
                    self.records.remove(&mutation.index_mac);
                }
            }
        }
        self.state = state;
    }
}

fn action(random: &mut StdRng) -> Action {
    let chat = format!("1555{}@s.whatsapp.net", random.random_range(0..8));
    let mut value = SyncActionValue {
        timestamp: Some(random.random_range(1..2_000_000_000_000)),
        ..SyncActionValue::default()
    };
    let on = Some(random.random());
    let kind = match random.random_range(0..5) {
        0 => {
            value.contact_action = Some(ContactAction {
                full_name: Some(format!("Zoë \"{}\" \\ \u{2028}", random.random::<u32>())),
                first_name: Some(String::from("Zoë")),
                ..ContactAction::default()
            });
            "contact"
        }
        1 => {
            value.mute_action = Some(MuteAction {
                muted: on,
                mute_end_timestamp: Some(-1),
                ..MuteAction::default()
            });
            "mute"
        }
        2 => {
            value.pin_action = Some(PinAction { pinned: on });
            "pin_v1"
        }
        3 => {
            value.archive_chat_action = Some(ArchiveChatAction {
                archived: on,
                message_range: None,
            });
            "archive"
        }
        _ => {
            let name = Some("n".repeat(random.random_range(0..300)));
            value.push_name_setting = Some(PushNameSetting { name });
            "setting_pushName"
        }
    };
    let mut index = vec![kind.to_owned()];
    if kind != "setting_pushName" {
        index.push(chat);
    }
    Action {
        operation: Operation::Set,
        index,
        value,
        version: random.random_range(1..9),
    }
}

/// Compares what Baileys read with what we wrote. Baileys reports the last action of each index.
fn assert_same(read: &Value, actions: &[Action], state: &CollectionState) {
    assert_eq!(read["version"], state.version);
    assert_eq!(bytes(&read["hash"]), state.hash.as_bytes());
    let last: BTreeMap<_, _> = actions.iter().map(|one| (one.index.clone(), one)).collect();
    let read = read["actions"].as_array().unwrap();
    assert_eq!(read.len(), last.len());
    for one in read {
        let index: Vec<String> = serde_json::from_value(one["index"].clone()).unwrap();
        assert_eq!(bytes(&one["value"]), last[&index].value.encode_to_vec());
        assert_eq!(one["version"], last[&index].version);
    }
}

async fn share(oracle: &mut Oracle, data: &[u8]) -> KeyRing {
    let ask = json!({"op": "app_state_share", "id": b64(KEY_ID), "data": b64(data)});
    oracle.done(ask).await;
    let mut ring = KeyRing::default();
    ring.add(KEY_ID, data);
    ring
}

fn forged(patch: &SyncdPatch, random: &mut StdRng) -> SyncdPatch {
    let mut patch = patch.clone();
    let flip = |bytes: &mut Option<Vec<u8>>, at: usize| bytes.as_mut().unwrap()[at] ^= 4;
    match random.random_range(0..4) {
        0 => flip(&mut patch.snapshot_mac, 3),
        1 => flip(&mut patch.patch_mac, 31),
        2 => {
            // Forge the last record: Baileys skips unreadable records, and a later record of the
            // same index would hide a forged one.
            let record = patch.mutations.last_mut().unwrap().record.as_mut().unwrap();
            flip(&mut record.value.as_mut().unwrap().blob, 20);
        }
        _ => {
            let version = patch.version.as_mut().unwrap();
            version.version = version.version.map(|version| version + 1);
        }
    }
    patch
}

#[tokio::test]
async fn keys_and_sums_are_those_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut oracle = Oracle::start(folder.path());
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..20 {
        let mut base = LtHash::default();
        let mut mac = || -> [u8; 32] { random.random() };
        (0..5).for_each(|_| base.add(&mac()));
        let (subtract, add): (Vec<_>, Vec<_>) = (
            (0..3).map(|_| mac()).collect(),
            (0..4).map(|_| mac()).collect(),
        );
        let encode = |macs: &[[u8; 32]]| macs.iter().map(|mac| b64(mac)).collect::<Vec<_>>();
        let ask = json!({"op": "app_state_hash", "base": b64(base.as_bytes()),
            "subtract": encode(&subtract), "add": encode(&add)});
        let theirs = oracle.done(ask).await;
        subtract.iter().for_each(|mac| base.subtract(mac));
        add.iter().for_each(|mac| base.add(mac));
        assert_eq!(bytes(&theirs["hash"]), base.as_bytes());
    }
}

#[tokio::test]
async fn patches_and_snapshots_are_read_by_baileys_and_ours_by_us() {
    let folder = tempfile::tempdir().unwrap();
    let mut oracle = Oracle::start(folder.path());
    for seed in 0..u64::from(number("WMCTL_APP_STATE_SEEDS", 5)) {
        let mut random = StdRng::seed_from_u64(seed);
        let data: [u8; 32] = random.random();
        let ring = share(&mut oracle, &data).await;
        let keys = Keys::expand(&data);
        let author = Author {
            key_id: KEY_ID,
            keys: &keys,
        };
        let collection = Collection::ALL[usize::try_from(seed).unwrap() % 5];
        let held = format!("{seed}");
        let mut ours = Ours::default();
        for _ in 0..number("WMCTL_APP_STATE_STEPS", 20) {
            let told = json!({"name": held, "collection": collection.name()});
            let with = |more: Value| {
                let mut all = told.clone();
                all.as_object_mut()
                    .unwrap()
                    .extend(more.as_object().unwrap().clone());
                all
            };
            let (patch, actions) = if random.random() {
                let actions: Vec<Action> = (0..random.random_range(1..6))
                    .map(|_| action(&mut random))
                    .collect();
                let made = author.patch(collection, &ours.state, &actions, &ours.macs, &mut random);
                let wrong = forged(&made.0, &mut random).encode_to_vec();
                let ask = with(json!({"op": "app_state_patch", "patch": b64(&wrong)}));
                assert!(
                    oracle.ask(ask).await.is_err(),
                    "seed {seed}: Baileys took a forged one"
                );
                let encoded = b64(&made.0.encode_to_vec());
                let ask = with(json!({"op": "app_state_patch", "patch": encoded}));
                assert_same(&oracle.done(ask).await, &actions, &made.1);
                (made.0, actions)
            } else {
                let action = action(&mut random);
                let ask = with(json!({"op": "app_state_make", "id": b64(KEY_ID),
                    "index": action.index, "value": b64(&action.value.encode_to_vec()),
                    "version": action.version, "remove": false}));
                let made = bytes(&oracle.done(ask).await["patch"]);
                (SyncdPatch::decode(&made[..]).unwrap(), vec![action])
            };
            let wrong = forged(&patch, &mut random);
            let refused = apply_patch(collection, &ours.state, &wrong, &ring, &ours.macs);
            assert!(refused.is_err(), "seed {seed}: we took a forged one");
            let applied = apply_patch(collection, &ours.state, &patch, &ring, &ours.macs).unwrap();
            let read = applied
                .mutations
                .iter()
                .map(|one| one.action.clone().unwrap());
            assert_eq!(read.collect::<Vec<_>>(), actions);
            ours.take(&applied.mutations, &patch, applied.state);
        }
        let name = format!("{seed} late");
        assert_snapshot_is_read(&mut oracle, &name, collection, &author, &ours, &ring).await;
    }
}

async fn assert_snapshot_is_read(
    oracle: &mut Oracle,
    name: &str,
    collection: Collection,
    author: &Author<'_>,
    ours: &Ours,
    ring: &KeyRing,
) {
    let records = ours.records.values().cloned().collect();
    let snapshot = author.snapshot(collection, &ours.state, records);
    let late = apply_snapshot(collection, &snapshot, ring).unwrap();
    let actions: Vec<Action> = late
        .mutations
        .into_iter()
        .map(|one| one.action.unwrap())
        .collect();
    assert_eq!(late.state, ours.state);
    let ask = json!({"op": "app_state_snapshot", "name": name,
            "collection": collection.name(), "snapshot": b64(&snapshot.encode_to_vec())});
    assert_same(&oracle.done(ask).await, &actions, &ours.state);
}
