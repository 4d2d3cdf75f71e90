//! App state: what is requested and stored, and the reaction to a dishonest server.

use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message as _;
use rand::rngs::StdRng;
use wmctl_proto::appstate::sync_action_value::PinAction;
use wmctl_proto::appstate::{ExternalBlobReference, SyncActionValue, SyncdPatch};

use super::chance;
use super::steps::Bench;
use crate::appstate::Collection;
use crate::appstate::blob::{self, Kind};
use crate::appstate::collection::{Author, CollectionState};
use crate::appstate::keys::Keys;
use crate::appstate::mutation::{Action, Operation};
use crate::ids::Jid;
use crate::session::changes::{Change, ChatChange, EventBody};
use crate::session::input::Input;
use crate::session::output::{Notice, Output};
use crate::session::rows::{AppStateKey, ChatSettings, Row, RowKey};
use crate::wire::node::Node;

const KEY_ID: &[u8] = &[0, 1];
const KEY: [u8; 32] = [7; 32];
const LOW: Collection = Collection::RegularLow;

/// The phone's side of one collection.
struct Phone {
    state: CollectionState,
    rng: StdRng,
}

impl Phone {
    fn new() -> Self {
        Self {
            state: CollectionState::default(),
            rng: chance(9),
        }
    }

    /// Creates a patch that pins one more chat.
    fn pin(&mut self, number: u32) -> SyncdPatch {
        let action = Action {
            operation: Operation::Set,
            index: vec![String::from("pin_v1"), chat(number).to_string()],
            value: SyncActionValue {
                pin_action: Some(PinAction { pinned: Some(true) }),
                ..SyncActionValue::default()
            },
            version: 5,
        };
        let keys = Keys::expand(&KEY);
        let author = Author {
            key_id: KEY_ID,
            keys: &keys,
        };
        let macs = BTreeMap::new();
        let (patch, state) = author.patch(LOW, &self.state, &[action], &macs, &mut self.rng);
        self.state = state;
        patch
    }
}

fn chat(number: u32) -> Jid {
    Jid::user(format!("1555{number:04}"))
}

/// Returns a logged-in session that has the key and no synchronised collection.
fn bench() -> Bench {
    let mut bench = Bench::ready();
    bench.store(
        RowKey::AppStateKey(KEY_ID.to_vec()),
        Row::AppStateKey(AppStateKey {
            data: KEY.to_vec(),
            fingerprint: Vec::new(),
            timestamp: 1,
        }),
    );
    bench
}

/// Returns the collections of the last request in `out`, with their attributes.
fn asked(out: &Output) -> BTreeMap<String, (Option<u64>, String)> {
    let questions = out.transmit.iter().rev();
    let mut questions = questions.filter(|node| node.attr_is("xmlns", "w:sync:app:state"));
    let sync = questions.next().and_then(|node| node.child("sync"));
    sync.map(Node::children)
        .unwrap_or_default()
        .iter()
        .map(|one| {
            let text = |name: &str| one.attr_text(name).unwrap_or_default().into_owned();
            let version = one.attr_u64("version");
            (text("name"), (version, text("return_snapshot")))
        })
        .collect()
}

/// Returns the response for one collection; the others are empty.
fn about(low: Node) -> Node {
    let others = Collection::ALL.into_iter().filter(|one| *one != LOW);
    let empty = others.map(|one| Node::new("collection").attr("name", one.name()));
    let low = low.attr("name", LOW.name());
    Node::new("sync").with_children(empty.chain([low]))
}

fn patches<'a>(patches: impl IntoIterator<Item = &'a SyncdPatch>) -> Node {
    let each = |patch: &SyncdPatch| Node::new("patch").bytes(patch.encode_to_vec());
    let all = Node::new("patches").with_children(patches.into_iter().map(each));
    Node::new("collection").with_child(all)
}

fn unusable(out: &Output) -> Vec<&'static str> {
    let reason = |notice: &Notice| match notice {
        Notice::AppStateUnusable { reason, .. } => Some(*reason),
        _ => None,
    };
    out.notices.iter().filter_map(reason).collect()
}

fn version(out: &Output) -> Option<u64> {
    out.changes.iter().rev().find_map(|change| match change {
        Change::Put(_, Row::AppStateVersion { version, .. }) => Some(*version),
        _ => None,
    })
}

fn changed(out: &Output) -> Vec<ChatChange> {
    let body = |change: &Change| match change {
        Change::Event(event) => match &event.body {
            EventBody::ChatChanged { what, .. } => Some(what.clone()),
            _ => None,
        },
        _ => None,
    };
    out.changes.iter().filter_map(body).collect()
}

#[test]
fn a_whole_collection_is_no_news_but_what_follows_is() {
    let (mut bench, mut phone) = (bench(), Phone::new());
    let out = bench.run(Input::SyncAppState);
    let question = asked(&out);
    assert_eq!(question.len(), 5);
    assert!(
        question
            .values()
            .all(|asked| *asked == (None, "true".into()))
    );
    let (one, two, three) = (phone.pin(1), phone.pin(2), phone.pin(3));
    let out = bench.answer_all(
        &out,
        about(patches([&one]).attr("has_more_patches", "true")),
    );
    assert_eq!((version(&out), changed(&out)), (Some(1), vec![]));
    let settings = ChatSettings {
        pinned: true,
        ..ChatSettings::default()
    };
    let put = Change::Put(RowKey::ChatSettings(chat(1)), Row::ChatSettings(settings));
    assert!(out.changes.contains(&put));
    assert_eq!(
        asked(&out),
        [(LOW.name().into(), (Some(1), "false".into()))].into()
    );
    let out = bench.answer_all(
        &out,
        Node::new("sync").with_child(patches([&two]).attr("name", LOW.name())),
    );
    assert_eq!((version(&out), changed(&out)), (Some(2), vec![]));
    // A repeated response changes nothing.
    let notification = Node::new("notification")
        .attr("id", "n1")
        .attr("from", Jid::server())
        .attr("type", "server_sync")
        .with_child(Node::new("collection").attr("name", LOW.name()));
    let out = bench.run(Input::Node(notification));
    assert_eq!(
        asked(&out),
        [(LOW.name().into(), (Some(2), "false".into()))].into()
    );
    let sync = Node::new("sync").with_child(patches([&two, &three]).attr("name", LOW.name()));
    let out = bench.answer_all(&out, sync);
    assert_eq!(
        (version(&out), changed(&out)),
        (Some(3), vec![ChatChange::Pinned(true)])
    );
}

#[test]
fn who_lies_is_asked_from_the_beginning_and_then_left_alone() {
    let (mut bench, mut phone) = (bench(), Phone::new());
    let mut out = bench.run(Input::SyncAppState);
    let good = phone.pin(1);
    let mut forged = good.clone();
    forged.patch_mac = Some(vec![0; 32]);
    for round in 0..4 {
        out = bench.answer_all(&out, about(patches([&forged])));
        assert_eq!(unusable(&out), ["patch_mac"], "round {round}");
        assert_eq!(version(&out), None);
        let again = asked(&out).get(LOW.name()).cloned();
        let from_scratch = (None, String::from("true"));
        assert_eq!(again, (round < 3).then_some(from_scratch), "round {round}");
    }
}

#[test]
fn a_state_that_fits_no_more_is_replaced() {
    let (mut bench, mut phone) = (bench(), Phone::new());
    let stored = Row::AppStateVersion {
        version: 1,
        hash: vec![1; 128],
    };
    bench.store(RowKey::AppStateVersion(LOW), stored);
    let out = bench.run(Input::SyncAppState);
    assert_eq!(asked(&out)[LOW.name()], (Some(1), "false".into()));
    let (one, two) = (phone.pin(1), phone.pin(2));
    let out = bench.answer_all(&out, about(patches([&two])));
    assert_eq!(unusable(&out), ["snapshot_mac"]);
    assert_eq!(asked(&out)[LOW.name()], (None, "true".into()));
    let sync = Node::new("sync").with_child(patches([&one, &two]).attr("name", LOW.name()));
    let out = bench.answer_all(&out, sync);
    assert_eq!(out.changes[0], Change::Delete(RowKey::AppStateVersion(LOW)));
    assert_eq!((version(&out), unusable(&out)), (Some(2), vec![]));
}

#[test]
fn blobs_come_first_and_what_cannot_be_had_is_asked_for_again() {
    let (mut bench, mut phone) = (bench(), Phone::new());
    let patch = phone.pin(1);
    let whole = wmctl_proto::appstate::SyncdMutations {
        mutations: patch.mutations.clone(),
    };
    let plain = whole.encode_to_vec();
    let path = String::from("/mms/1");
    let (reference, _) = blob::seal(Kind::AppState, &plain, path, &mut chance(3));
    let external = ExternalBlobReference {
        media_key: Some(reference.media_key.expose().to_vec()),
        direct_path: Some(reference.direct_path.clone()),
        file_sha256: Some(reference.plain_sha256.to_vec()),
        file_enc_sha256: Some(reference.sealed_sha256.to_vec()),
        ..ExternalBlobReference::default()
    };
    let small = SyncdPatch {
        mutations: Vec::new(),
        external_mutations: Some(external),
        ..patch
    };
    let mut out = bench.run(Input::SyncAppState);
    for have in [false, true] {
        out = bench.answer_all(&out, about(patches([&small])));
        assert_eq!(version(&out), None);
        assert_eq!(out.fetches.len(), 1);
        assert_eq!(out.fetches[0].reference, reference);
        let blob = have.then(|| plain.clone());
        let id = out.fetches[0].id;
        // A blob that was not requested changes nothing.
        let other = bench.run(Input::Blob {
            id: id + 100,
            blob: None,
        });
        assert_eq!(other, Output::default());
        out = bench.run(Input::Blob { id, blob });
        let expected: &[&str] = if have { &[] } else { &["blob_unavailable"] };
        assert_eq!(unusable(&out), expected);
    }
    assert_eq!(version(&out), Some(1));
}

#[test]
fn missing_keys_are_asked_for_once_and_the_rest_follows() {
    let (mut bench, mut phone) = (Bench::ready(), Phone::new());
    let patch = phone.pin(1);
    let out = bench.run(Input::SyncAppState);
    let out = bench.answer_all(&out, about(patches([&patch])));
    assert_eq!((version(&out), unusable(&out)), (None, vec![]));
    assert_eq!(asked(&out), BTreeMap::new());
    // The phone gets time to share the keys unasked.
    let out = bench.run_at(6_000, Input::Tick);
    let keys = out
        .transmit
        .iter()
        .find(|node| node.attr_is("xmlns", "encrypt"));
    let asked_for = keys.and_then(|node| node.child("key")?.child("user")?.attr_jid("jid"));
    assert_eq!(asked_for, Some(Jid::lid("90001")), "{out:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn changed_answers_are_survived(at: prop::sample::Index, byte: u8, cut: bool) {
        let (mut bench, mut phone) = (bench(), Phone::new());
        let mut bytes = phone.pin(1).encode_to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        for child in ["patch", "snapshot"] {
            let out = bench.run(Input::SyncAppState);
            let node = Node::new("collection").with_child(Node::new(child).bytes(bytes.clone()));
            if asked(&out).is_empty() {
                continue;
            }
            let out = bench.answer_all(&out, about(node));
            prop_assert!(out.close.is_none());
            prop_assert!(matches!(version(&out), None | Some(1)));
        }
    }
}
