//! Keys that are damaged, used up, given away or outdated.

use super::chance;
use super::steps::Bench;
use super::world::{World, lid, pn};
use crate::ids::Jid;
use crate::session::changes::{Change, EventBody};
use crate::session::input::Input;
use crate::session::messages::content::{self, Content};
use crate::session::messages::protobuf;
use crate::session::rows::{OutboxState, Row, RowKey};
use crate::signal::padding;
use crate::signal::sender_key::SenderKey;
use crate::wire::node::Node;

/// Returns a ciphertext that cannot be decrypted.
fn garbage() -> Node {
    Node::new("enc")
        .attr("v", "2")
        .attr("type", "msg")
        .bytes(vec![0x33; 60])
}

fn message(from: &Jid, number: u32, enc: Node) -> Node {
    Node::new("message")
        .attr("from", from.clone())
        .attr("id", format!("3EB0{number:016}"))
        .attr("t", "1760000100")
        .attr("type", "text")
        .with_child(enc)
}

#[test]
fn whoever_cannot_be_read_costs_one_key_however_often_he_writes() {
    let mut bench = Bench::ready();
    let from = Jid::user("15550009");
    let mut made = 0;
    for number in 0..100 {
        for count in 0..6 {
            let enc = garbage().attr_opt("count", (0 < count).then_some(count));
            let out = bench.node(message(&from, number, enc));
            made += made_keys(&out.changes);
        }
    }
    assert_eq!(made, 1);
}

#[test]
fn pre_keys_that_nobody_used_go_when_there_are_enough_newer_ones() {
    let mut bench = Bench::ready();
    let (mut kept, mut most) = (std::collections::BTreeSet::new(), 0);
    for number in 0..3_000_u32 {
        let from = Jid::user(format!("1555{number:07}"));
        let enc = garbage().attr("count", 1);
        let out = bench.node(message(&from, number, enc));
        for change in &out.changes {
            match change {
                Change::NewPreKeys(keys) => kept.extend(keys.iter().map(|key| key.id)),
                Change::ForgetPreKeys { from, to } => kept.retain(|id| !(from..to).contains(&id)),
                _ => (),
            }
        }
        most = most.max(kept.len());
    }
    assert_eq!(kept.last(), Some(&3_000));
    assert!((1_000..=2_048).contains(&most), "{most}");
}

fn made_keys(changes: &[Change]) -> usize {
    let made = changes.iter().map(|change| match change {
        Change::NewPreKeys(keys) => keys.len(),
        _ => 0,
    });
    made.sum()
}

#[test]
fn pre_key_numbers_start_over_after_the_last() {
    let mut bench = Bench::ready();
    bench.session.account.next_pre_key_id = 0xFF_FFFE;
    let mut ids = Vec::new();
    for number in 0..3 {
        let from = Jid::user(format!("1555000{number}"));
        let out = bench.node(message(&from, number, garbage().attr("count", 1)));
        for change in &out.changes {
            match change {
                Change::NewPreKeys(keys) => ids.extend(keys.iter().map(|key| key.id)),
                Change::ForgetPreKeys { from, to } => {
                    let last = ids.last().unwrap();
                    assert!(!(from..to).contains(&last), "{from}..{to}");
                }
                _ => (),
            }
        }
    }
    assert_eq!(ids, [0xFF_FFFE, 1, 2]);
}

#[test]
fn a_ratchet_that_cannot_be_read_is_put_aside() {
    let mut world = World::new(1, &[1, 1]);
    world.send(0, &pn(2), "before");
    world.settle();
    for (key, row) in &mut world.devices[0].store {
        if matches!(key, RowKey::Ratchet(_)) {
            *row = Row::Record(vec![0xFF, 0xFF, 1]);
        }
    }
    world.connect(0);
    world.settle();
    let id = world.send(0, &pn(2), "after");
    world.settle();
    assert_eq!(world.devices[0].outbox(&id).state, OutboxState::Sent);
    assert_eq!(world.texts(1), ["before", "after"]);
}

#[test]
fn sender_keys_that_cannot_be_read_are_put_aside() {
    let mut world = World::new(1, &[1, 1]);
    let group = Jid::group("1203");
    world.groups.insert(group.clone(), vec![lid(1), lid(2)]);
    world.send(0, &group, "before");
    world.settle();
    for (key, row) in &mut world.devices[0].store {
        if matches!(key, RowKey::SenderKey { .. }) {
            *row = Row::Record(vec![0xFF, 0xFF, 1]);
        }
    }
    world.connect(0);
    world.settle();
    world.send(0, &group, "after");
    let handed = world.devices[1].inbox.back();
    let handed = handed.map(|node| node.children_named("enc").count());
    assert_eq!(handed, Some(2), "the new key comes with the message");
    world.settle();
    assert_eq!(world.texts(1), ["before", "after"]);
}

#[test]
fn a_secret_has_one_length() {
    for (length, taken) in [(32, true), (31, false), (33, false), (60_000, false)] {
        let mut message = content::text("hi");
        let mut context = Vec::new();
        protobuf::put(&mut context, 3, &vec![7; length]);
        protobuf::put(&mut message, 35, &context);
        let found = Content::of(&message).secret;
        assert_eq!(found.is_some(), taken, "{length}");
    }
}

#[test]
fn a_sender_key_moves_with_its_owner() {
    let mut bench = Bench::ready();
    let rng = &mut chance(9);
    let mut theirs = SenderKey::create(rng);
    let mut ours = SenderKey::default();
    ours.accept(&theirs.distribution().unwrap()).unwrap();
    let (group, number) = (Jid::group("1203"), Jid::user("15550009"));
    let filed = RowKey::SenderKey {
        chat: group.clone(),
        sender: number.address(),
    };
    bench.store(filed, Row::Record(ours.encode()));
    let padded = padding::pad(&content::text("hello"), rng);
    let sealed = theirs.encrypt(&padded, rng).unwrap();
    let enc = Node::new("enc")
        .attr("v", "2")
        .attr("type", "skmsg")
        .bytes(sealed);
    let node = message(&group, 1, enc)
        .attr("participant", Jid::lid("90009"))
        .attr("participant_pn", number)
        .attr("addressing_mode", "lid");
    let out = bench.node(node);
    let read = out.changes.iter().any(|change| match change {
        Change::Event(event) => matches!(event.body, EventBody::Message(_)),
        _ => false,
    });
    assert!(read, "{:?}", out.transmit);
}

#[test]
fn who_has_new_keys_is_handed_our_sender_key_anew() {
    let mut world = World::new(1, &[1, 1, 1]);
    let group = Jid::group("1203");
    let members = vec![lid(1), lid(2), lid(3)];
    world.groups.insert(group.clone(), members);
    world.send(0, &group, "one");
    world.settle();
    let second = &mut world.devices[1];
    second.lose_ratchets();
    second
        .store
        .retain(|key, _| !matches!(key, RowKey::SenderKey { .. } | RowKey::Identity(_)));
    world.connect(1);
    world.settle();
    let node = Node::new("notification")
        .attr("from", lid(2))
        .attr("id", "78")
        .attr("t", "1760000100")
        .attr("type", "encrypt")
        .with_child(Node::new("identity"));
    world.feed(0, Input::Node(node));
    world.settle();
    // A ratchet exists again before the group message is sent.
    world.send(0, &pn(2), "direct");
    world.settle();
    world.send(0, &group, "two");
    while world.devices[1].inbox.is_empty() {
        world.deliver(0);
    }
    let handed = world.devices[1].inbox.back();
    let handed = handed.map(|node| node.children_named("enc").count());
    assert_eq!(handed, Some(2));
    world.settle();
    assert_eq!(world.texts(1), ["one", "direct", "two"]);
}
