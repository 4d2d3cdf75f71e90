//! Sessions that talk to each other through a simulated server.

use proptest::prelude::*;
use prost::Message as _;
use wmctl_proto::signal::SenderKeyMessage;

use super::world::{Crash, World, lid, pn};
use crate::ids::Jid;
use crate::session::changes::{EventBody, ReceiptKind};
use crate::session::rows::{OutboxState, Row, RowKey};
use crate::wire::node::Node;

/// Returns two accounts, each with a phone and one companion.
fn two() -> World {
    World::new(1, &[2, 2])
}

#[test]
fn a_text_reaches_all_devices_of_both_and_ticks_come_back() {
    let mut world = two();
    let id = world.send(1, &pn(2), "hello");
    world.settle();
    for index in [0, 2, 3] {
        assert_eq!(world.texts(index), ["hello"], "{index}");
    }
    let copy = world.devices[0].messages().next().unwrap();
    assert!(copy.from_me);
    assert_eq!(copy.chat, lid(2));
    let received = world.devices[3].messages().next().unwrap();
    assert!(!received.from_me);
    assert_eq!(
        (&received.chat, &received.sender),
        (&lid(1), &lid(1).with_device(1))
    );

    let row = world.devices[1].outbox(&id);
    assert_eq!(row.state, OutboxState::Sent);
    assert_eq!(row.stanza, None);
    assert!(row.delivered_ms.is_some() && row.read_ms.is_none());
    let delivered = |event: &&crate::session::changes::Event| {
        matches!(
            &event.body,
            EventBody::Receipt {
                kind: ReceiptKind::Delivered,
                ..
            }
        )
    };
    assert_eq!(world.devices[1].events.iter().filter(delivered).count(), 2);
    assert!(
        world
            .devices
            .iter()
            .all(|device| device.unacknowledged() == 0)
    );
}

#[test]
fn talk_goes_back_and_forth() {
    let mut world = two();
    for turn in 0..6 {
        let (from, to) = if turn % 2 == 0 {
            (1, lid(2))
        } else {
            (3, lid(1))
        };
        world.send(from, &to, &format!("turn {turn}"));
        world.settle();
    }
    let expected: Vec<String> = (0..6).map(|turn| format!("turn {turn}")).collect();
    assert_eq!(world.texts(0), expected);
    assert_eq!(world.texts(2), expected);
}

#[test]
fn a_message_that_comes_twice_is_told_once() {
    let mut world = two();
    world.send(1, &pn(2), "one");
    world.settle();
    world.duplicate = 50;
    world.send(1, &pn(2), "two");
    world.settle();
    assert_eq!(world.texts(3), ["one", "two"]);
    assert_eq!(world.texts(0), ["one", "two"]);
    assert!(
        world
            .devices
            .iter()
            .all(|device| device.unacknowledged() == 0)
    );
}

#[test]
fn what_cannot_be_read_is_asked_for_and_sent_again() {
    let mut world = two();
    world.send(1, &pn(2), "before");
    world.settle();
    world.devices[3].lose_ratchets();
    world.connect(3);
    world.settle();
    world.send(1, &pn(2), "after");
    world.settle();
    assert_eq!(world.texts(3), ["before", "after"]);
    world.send(3, &pn(1), "answer");
    world.settle();
    assert_eq!(world.texts(1), ["answer"]);
    let retries = |key: &RowKey| matches!(key, RowKey::Retry(_));
    assert!(!world.devices[3].store.keys().any(retries));
}

#[test]
fn only_those_who_were_meant_get_a_message_again() {
    let mut world = World::new(1, &[1, 1, 1]);
    let id = world.send(0, &pn(2), "for two only");
    world.settle();
    // Account three knows the id and requests the message.
    let retry = crate::wire::node::Node::new("retry")
        .attr("id", id.as_str())
        .attr("count", "1")
        .attr("t", "1");
    let receipt = crate::wire::node::Node::new("receipt")
        .attr("from", lid(3))
        .attr("id", id.as_str())
        .attr("type", "retry")
        .attr("t", "1")
        .with_child(retry);
    world.feed(0, crate::session::input::Input::Node(receipt));
    world.settle();
    assert!(world.texts(2).is_empty());
    assert_eq!(world.devices[0].outbox(&id).resends, 0);
}

#[test]
fn a_group_is_written_to_once_and_read_by_all() {
    let mut world = World::new(1, &[2, 2, 1]);
    let group = Jid::group("120363000000000001");
    world
        .groups
        .insert(group.clone(), vec![lid(1), lid(2), lid(3)]);
    for text in ["one", "two"] {
        world.send(1, &group, text);
        world.settle();
    }
    world.send(4, &group, "three");
    world.settle();
    for index in [0, 2, 3] {
        assert_eq!(world.texts(index), ["one", "two", "three"], "{index}");
    }
    assert_eq!(world.texts(4), ["one", "two"]);
    assert_eq!(world.texts(1), ["three"]);
    let Some(Row::SenderKeyShare(share)) =
        world.devices[1].store.get(&RowKey::SenderKeyShare(group))
    else {
        panic!("no share");
    };
    assert_eq!(share.devices.len(), 4);
}

/// Returns two accounts in a group. The second read a message of the first and then lost its sender
/// key.
fn one_lost_the_sender_key() -> (World, Jid) {
    let mut world = World::new(1, &[1, 1]);
    let group = Jid::group("120363000000000001");
    world.groups.insert(group.clone(), vec![lid(1), lid(2)]);
    world.send(0, &group, "one");
    world.settle();
    world.devices[1]
        .store
        .retain(|key, _| !matches!(key, RowKey::SenderKey { .. }));
    world.connect(1);
    world.settle();
    (world, group)
}

#[test]
fn a_member_without_the_sender_key_asks_for_it() {
    let (mut world, group) = one_lost_the_sender_key();
    world.send(0, &group, "two");
    world.settle();
    world.send(0, &group, "three");
    world.settle();
    assert_eq!(world.texts(1), ["one", "two", "three"]);
}

/// Returns the sender key ids of the group messages that wait for a device.
fn keys_on_the_way(world: &World, index: usize) -> Vec<u32> {
    let encs = world.devices[index]
        .inbox
        .iter()
        .flat_map(|node| node.children_named("enc"))
        .filter(|enc| enc.attr_is("type", "skmsg"));
    let id = |enc: &Node| {
        let bytes = enc.content_bytes().unwrap();
        let message = SenderKeyMessage::decode(&bytes[1..bytes.len() - 64]).unwrap();
        message.id.unwrap()
    };
    encs.map(id).collect()
}

#[test]
fn a_key_that_is_handed_out_again_makes_nothing_unreadable_that_is_under_way() {
    let (mut world, group) = one_lost_the_sender_key();
    world.send(0, &group, "two");
    world.deliver(1);
    world.send(0, &group, "three");
    // The ack of the second message and the retry receipt for it, but not the ack of the third.
    world.deliver(0);
    world.deliver(0);
    world.send(0, &group, "four");
    let keys = keys_on_the_way(&world, 1);
    let [three, four] = keys.as_slice() else {
        panic!("{keys:?}");
    };
    assert_ne!(three, four);
    // The last one first, as after a crash.
    let inbox = &mut world.devices[1].inbox;
    let last = inbox.pop_back().unwrap();
    inbox.push_front(last);
    world.settle();
    assert_eq!(world.texts(1), ["one", "four", "two", "three"]);
    world.send(0, &group, "five");
    assert_eq!(keys_on_the_way(&world, 1), [*four]);
    world.settle();
    assert_eq!(world.texts(1).last().unwrap(), "five");
}

#[test]
fn a_question_and_its_answer_are_acked_when_the_server_has_them() {
    let mut world = World::new(1, &[1, 1]);
    world.send(0, &pn(2), "before");
    world.settle();
    world.devices[1].lose_ratchets();
    world.connect(1);
    world.settle();
    world.send(0, &pn(2), "after");
    world.deliver(1);
    assert_eq!(world.devices[1].unacknowledged(), 1, "it has only asked");
    world.deliver(1);
    assert_eq!(world.devices[1].unacknowledged(), 0, "the server knows");
    // The ack of the message, the retry receipt, and the answers needed to resend it.
    while world.devices[1].inbox.is_empty() {
        world.deliver(0);
    }
    assert_eq!(world.devices[0].unacknowledged(), 1, "it has only answered");
    world.deliver(0);
    assert_eq!(world.devices[0].unacknowledged(), 0, "the server has it");
    world.settle();
    assert_eq!(world.texts(1), ["before", "after"]);
}

#[test]
fn who_may_have_a_message_again_is_asked_for_when_it_is_not_known() {
    let (mut world, group) = one_lost_the_sender_key();
    world.send(0, &group, "two");
    world.deliver(1);
    world.devices[0]
        .store
        .retain(|key, _| !matches!(key, RowKey::Group(_)));
    world.connect(0);
    world.settle();
    assert_eq!(world.texts(1), ["one", "two"]);
}

#[test]
fn a_crash_anywhere_loses_and_doubles_nothing() {
    for crash in [Crash::BeforeCommit, Crash::BeforeTransmit] {
        for victim in [0, 1, 2, 3] {
            let mut world = two();
            world.send(1, &pn(2), "one");
            world.settle();
            world.devices[victim].crash = Some(crash);
            world.send(1, &pn(2), "two");
            world.settle();
            world.send(3, &pn(1), "three");
            world.settle();
            let context = format!("{crash:?} of {victim}");
            assert_eq!(world.texts(0), ["one", "two", "three"], "{context}");
            assert_eq!(world.texts(2), ["one", "two", "three"], "{context}");
            assert_eq!(world.texts(3), ["one", "two"], "{context}");
            assert_eq!(world.texts(1), ["three"], "{context}");
            assert!(
                world
                    .devices
                    .iter()
                    .all(|device| device.unacknowledged() == 0),
                "{context}"
            );
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Send { from: usize, to: u32, group: bool },
    Deliver { pick: usize, count: usize },
    Crash { victim: usize, crash: Crash },
    Restart { victim: usize },
    LoseRatchets { victim: usize },
    Duplicate,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let crash = prop_oneof![Just(Crash::BeforeCommit), Just(Crash::BeforeTransmit)];
    let step = prop_oneof![
        4 => (0..4usize, 1..3u32, any::<bool>())
            .prop_map(|(from, to, group)| Step::Send { from, to, group }),
        6 => (0..8usize, 1..12usize).prop_map(|(pick, count)| Step::Deliver { pick, count }),
        1 => (0..4usize, crash).prop_map(|(victim, crash)| Step::Crash { victim, crash }),
        1 => (0..4usize).prop_map(|victim| Step::Restart { victim }),
        1 => (0..4usize).prop_map(|victim| Step::LoseRatchets { victim }),
        1 => Just(Step::Duplicate),
    ];
    prop::collection::vec(step, 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// For any order of deliveries and any crashes, each message arrives exactly once at each of
    /// its devices. No key is used twice, which the world checks.
    #[test]
    fn nothing_is_lost_doubled_or_reused(steps in steps()) {
        let mut world = two();
        let group = Jid::group("120363000000000001");
        world.groups.insert(group.clone(), vec![lid(1), lid(2)]);
        let mut expected = vec![Vec::new(); 4];
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Send { from, to, group: in_group } => {
                    let text = format!("text {number}");
                    let own = u32::try_from(from).unwrap() / 2 + 1;
                    for (index, texts) in expected.iter_mut().enumerate() {
                        let account = u32::try_from(index).unwrap() / 2 + 1;
                        if index != from && (in_group || account == to || account == own) {
                            texts.push(text.clone());
                        }
                    }
                    let to = if in_group { group.clone() } else { pn(to) };
                    world.send(from, &to, &text);
                }
                Step::Deliver { pick, count } => {
                    for _ in 0..count {
                        let busy = world.busy();
                        if !busy.is_empty() {
                            world.deliver(busy[pick % busy.len()]);
                        }
                    }
                }
                Step::Crash { victim, crash } => world.devices[victim].crash = Some(crash),
                Step::Restart { victim } => world.connect(victim),
                Step::LoseRatchets { victim } => {
                    world.devices[victim].lose_ratchets();
                    world.connect(victim);
                }
                Step::Duplicate => world.duplicate += 1,
            }
        }
        for device in &mut world.devices {
            device.crash = None;
        }
        world.settle();
        for (index, mut expected) in expected.into_iter().enumerate() {
            let mut texts = world.texts(index);
            texts.sort();
            expected.sort();
            prop_assert_eq!(&texts, &expected, "device {}", index);
            prop_assert_eq!(world.devices[index].unacknowledged(), 0);
        }
    }
}
