//! Undecryptable messages: applications get an event at once, and the message itself if any device
//! still has it.

use prost::Message as _;
use wmctl_proto::history::WebMessageInfo;
use wmctl_proto::message::peer_data_operation_request_response_message as response;
use wmctl_proto::message::{
    Message, MessageKey, PeerDataOperationRequestResponseMessage, ProtocolMessage,
};

use super::steps::Bench;
use super::world::{Crash, World, lid, pn};
use crate::ids::{Jid, MessageId};
use crate::session::changes::{Change, Event, EventBody};
use crate::session::input::Input;
use crate::session::messages::content;
use crate::session::rows::{Dedupe, Row, RowKey};
use crate::wire::node::Node;

/// Index of our companion; its phone is the device before it.
const US: usize = 2;
const PHONE: usize = 1;

/// Returns a world in which our companion received a message that it cannot decrypt.
fn unreadable() -> (World, MessageId) {
    let mut world = World::new(1, &[1, 2]);
    world.send(0, &pn(2), "before");
    world.settle();
    // The companion and its phone have a ratchet.
    world.send(US, &pn(2), "a note");
    world.settle();
    lose_ratchets_with(&mut world, &lid(1));
    let id = world.send(0, &pn(2), "after");
    (world, id)
}

fn lose_ratchets_with(world: &mut World, them: &Jid) {
    let theirs = them.address();
    let store = &mut world.devices[US].store;
    store.retain(|key, _| !matches!(key, RowKey::Ratchet(address) if *address == theirs));
    world.connect(US);
    world.settle();
}

/// Returns the undecryptable events: chat, sender and id.
fn told(world: &World) -> Vec<(Jid, Jid, MessageId)> {
    let told = world.devices[US].events.iter();
    told.filter_map(|event| match &event.body {
        EventBody::Undecryptable {
            chat, sender, id, ..
        } => Some((chat.clone(), sender.clone(), id.clone())),
        _ => None,
    })
    .collect()
}

fn retries(world: &World) -> usize {
    let keys = world.devices[US].store.iter();
    keys.filter(|(key, row)| match (key, row) {
        (RowKey::Retry(_), Row::Retry(row)) => !row.is_quiet(),
        _ => false,
    })
    .count()
}

/// Returns the number of peer messages that wait for the phone.
fn questions(world: &World) -> usize {
    let inbox = world.devices[PHONE].inbox.iter();
    inbox
        .filter(|node| node.attr_is("category", "peer"))
        .count()
}

#[test]
fn what_cannot_be_read_is_told_at_once_and_replaced_by_a_copy() {
    let (mut world, id) = unreadable();
    world.deliver(US);
    assert_eq!(told(&world), [(lid(1), lid(1), id.clone())]);
    world.settle();
    let read = world.devices[US].messages().last().unwrap();
    assert_eq!((&read.id, read.text.as_deref()), (&id, Some("after")));
    assert_eq!((told(&world).len(), retries(&world)), (1, 0));
    // The message is there, so nothing more is requested.
    world.pass(US, 60_000);
    assert_eq!(questions(&world), 0);
}

/// Returns a world in which the sender never receives the retry receipt.
fn unanswered() -> (World, MessageId) {
    let (mut world, id) = unreadable();
    world.deliver(US);
    world.devices[0].inbox.clear();
    while !world.devices[US].inbox.is_empty() {
        world.deliver(US);
    }
    assert_eq!(world.devices[US].unacknowledged(), 0);
    (world, id)
}

#[test]
fn the_phone_is_asked_for_what_the_sender_does_not_send_again() {
    let (mut world, _) = unanswered();
    world.devices[PHONE].inbox.clear();
    world.pass(US, 4_000);
    assert_eq!(questions(&world), 0, "the sender may still answer");
    world.pass(US, 2_000);
    assert_eq!(questions(&world), 1);
    world.settle();
    world.pass(US, 60_000);
    assert_eq!(questions(&world), 0, "once is enough");
}

#[test]
fn a_question_that_the_server_does_not_confirm_is_asked_again() {
    let (mut world, _) = unanswered();
    world.devices[PHONE].inbox.clear();
    world.pass(US, 6_000);
    assert_eq!(questions(&world), 1);
    // Both are lost, and another process continues.
    world.devices[US].inbox.clear();
    world.devices[PHONE].inbox.clear();
    world.connect(US);
    while !world.devices[US].inbox.is_empty() {
        world.deliver(US);
    }
    assert_eq!(questions(&world), 1);
    world.pass(US, 60_000);
    assert_eq!(questions(&world), 1, "it is confirmed");
}

/// Returns the phone's response with a requested message.
fn answer(world: &mut World, id: &MessageId, text: &str) -> Node {
    let info = WebMessageInfo {
        key: Some(MessageKey {
            remote_jid: Some(pn(1).to_string()),
            from_me: Some(false),
            id: Some(id.to_string()),
            participant: None,
        }),
        message: Some(Message::decode(&content::text(text)[..]).unwrap()),
        message_timestamp: Some(1_760_000_050),
        ..WebMessageInfo::default()
    };
    let resent = response::peer_data_operation_result::PlaceholderMessageResendResponse {
        web_message_info_bytes: Some(info.encode_to_vec()),
    };
    let answer = PeerDataOperationRequestResponseMessage {
        peer_data_operation_result: vec![response::PeerDataOperationResult {
            placeholder_message_resend_response: Some(resent),
        }],
        ..PeerDataOperationRequestResponseMessage::default()
    };
    let protocol = ProtocolMessage {
        peer_data_operation_request_response_message: Some(answer),
        ..ProtocolMessage::default()
    };
    let message = Message {
        protocol_message: Some(Box::new(protocol)),
        ..Message::default()
    };
    world.whisper(PHONE, US, &message.encode_to_vec())
}

#[test]
fn what_the_phone_hands_over_takes_the_place_of_what_was_missing() {
    for crash in [None, Some(Crash::BeforeCommit), Some(Crash::BeforeTransmit)] {
        let (mut world, id) = unanswered();
        world.pass(US, 6_000);
        world.settle();
        let node = answer(&mut world, &id, "after");
        world.devices[US].crash = crash;
        world.hand(US, node);
        world.settle();
        let texts: Vec<_> = world.devices[US].messages().collect();
        let last = texts.last().unwrap();
        assert_eq!((&last.id, last.text.as_deref()), (&id, Some("after")));
        assert_eq!(last.chat, lid(1), "{crash:?}");
        assert_eq!(texts.len(), 2, "{crash:?}");
        assert_eq!((told(&world).len(), retries(&world)), (1, 0), "{crash:?}");
        assert_eq!(world.devices[US].unacknowledged(), 0, "{crash:?}");
    }
}

#[test]
fn the_phone_hands_over_nothing_that_was_not_missing() {
    let (mut world, id) = unreadable();
    world.settle();
    for (id, text) in [(id, "again"), ("3EB0FFFF".parse().unwrap(), "new")] {
        let node = answer(&mut world, &id, text);
        world.hand(US, node);
        world.settle();
    }
    assert_eq!(world.texts(US), ["before", "after"]);
}

/// Returns the number of a device's events that are not about its connection.
fn news(world: &World) -> usize {
    let events = world.devices[1].events.iter();
    let about_others = |event: &&Event| !matches!(event.body, EventBody::State { .. });
    events.filter(about_others).count()
}

#[test]
fn what_holds_nothing_for_people_is_not_missing_when_it_comes_again() {
    let mut world = World::new(1, &[1, 1]);
    let group = Jid::group("1203");
    world.groups.insert(group.clone(), vec![lid(1), lid(2)]);
    world.send(0, &group, "one");
    while world.devices[1].inbox.is_empty() {
        world.deliver(0);
    }
    let mut node = world.devices[1].inbox.pop_back().unwrap();
    let key = node.children_named("enc").next().unwrap().clone();
    node.content = crate::wire::node::Content::Nodes(vec![key]);
    for _ in 0..2 {
        world.devices[1].inbox.push_back(node.clone());
        world.deliver(1);
        // As after a crash before the receipt was sent.
        world.connect(1);
        world.devices[1].inbox.retain(|node| node.tag != "message");
        world.settle();
    }
    assert_eq!(news(&world), 0);
    let asked = |node: &Node| node.attr_is("type", "retry");
    assert!(!world.devices[0].inbox.iter().any(asked));
}

#[test]
fn a_message_that_was_read_is_not_missing_because_of_another_part() {
    let mut world = World::new(1, &[1, 1]);
    world.send(0, &pn(2), "before");
    world.settle();
    world.send(0, &pn(2), "after");
    let mut node = world.devices[1].inbox.pop_back().unwrap();
    let bad = Node::new("enc")
        .attr("v", "2")
        .attr("type", "msg")
        .bytes(vec![0x33; 60]);
    node.push(bad);
    world.devices[1].inbox.push_back(node);
    world.settle();
    assert_eq!(world.texts(1), ["before", "after"]);
    assert_eq!(news(&world), 2);
    assert_eq!(world.devices[1].unacknowledged(), 0);
}

#[test]
fn a_row_that_cannot_be_read_keeps_no_other_waiting() {
    let mut bench = Bench::ready();
    let spoilt = Dedupe("message|x|1".into());
    bench.forget(&RowKey::NextUnread);
    bench.store(RowKey::NextUnread, Row::Unread(spoilt.clone()));
    let out = bench.run(Input::AskPhone);
    let gone = Change::Delete(RowKey::Retry(spoilt));
    assert!(out.changes.contains(&gone), "{:?}", out.changes);
}

#[test]
fn what_no_client_could_read_and_what_is_kept_back_is_told() {
    let enc = |kind: &str| {
        Node::new("enc")
            .attr("v", "2")
            .attr("type", kind.to_owned())
            .bytes(vec![0x33; 60])
    };
    let view_once = "view_once_unavailable_fanout";
    let cases = [
        (enc("msmsg"), false),
        (enc("something"), true),
        (Node::new("other"), true),
        (Node::new("unavailable"), true),
        (Node::new("unavailable").attr("type", view_once), false),
    ];
    for (child, asked) in cases {
        let mut world = World::new(1, &[1, 2]);
        world.send(US, &pn(2), "a note");
        world.settle();
        let node = Node::new("message")
            .attr("from", lid(1))
            .attr("id", "3EB0FFFF")
            .attr("t", "1760000100")
            .attr("type", "text")
            .with_child(child.clone());
        for _ in 0..2 {
            world.feed(US, Input::Node(node.clone()));
        }
        assert_eq!(told(&world).len(), 1, "{child:?}");
        world.pass(US, 6_000);
        assert_eq!(questions(&world) == 1, asked, "{child:?}");
    }
}

#[test]
fn a_message_in_more_pieces_than_are_read_is_told_of() {
    for (count, read) in [(7, true), (8, false)] {
        let mut world = World::new(1, &[1, 1]);
        world.send(0, &pn(2), "before");
        world.settle();
        world.send(0, &pn(2), "after");
        let mut node = world.devices[1].inbox.pop_back().unwrap();
        for _ in 0..count {
            let enc = Node::new("enc").attr("v", "2").attr("type", "msg");
            node.push(enc.bytes(vec![0x33; 60]));
        }
        world.devices[1].inbox.push_back(node);
        world.settle();
        let texts = world.texts(1);
        assert_eq!(texts.iter().any(|text| text == "after"), read);
        let events = world.devices[1].events.iter();
        let is_told = |body: &EventBody| matches!(body, EventBody::Undecryptable { .. });
        let told = events.filter(|event| is_told(&event.body)).count();
        assert_eq!(told, usize::from(!read), "{count}");
        assert_eq!(world.devices[1].unacknowledged(), 0);
    }
}
