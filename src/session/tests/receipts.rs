//! Receipts: whose receipts count, and which events applications get.

use super::world::{World, lid, pn};
use crate::ids::{Jid, MessageId};
use crate::session::changes::{EventBody, ReceiptKind};
use crate::session::input::Input;
use crate::wire::node::Node;

fn receipt(from: Jid, id: &MessageId, kind: Option<&str>) -> Node {
    Node::new("receipt")
        .attr("from", from)
        .attr("id", id.as_str())
        .attr("t", "1760000200")
        .attr_opt("type", kind)
}

fn in_group(group: &Jid, member: Jid, id: &MessageId, kind: Option<&str>) -> Node {
    receipt(group.clone(), id, kind).attr("participant", member)
}

/// Returns an account with a sending companion, a friend and a stranger.
fn three() -> World {
    World::new(1, &[2, 1, 1])
}

/// Sends a message that only the server has.
fn sent(world: &mut World, to: &Jid) -> MessageId {
    let id = world.send(1, to, "hello");
    while world.devices[1].outbox(&id).sent_ms.is_none() {
        world.deliver(1);
    }
    for index in [0, 2, 3] {
        world.devices[index].inbox.clear();
    }
    id
}

/// Returns whether the message is marked as delivered, and as read.
fn ticks(world: &World, id: &MessageId) -> (bool, bool) {
    let row = world.devices[1].outbox(id);
    (row.delivered_ms.is_some(), row.read_ms.is_some())
}

/// Returns the receipt events of the sender.
fn told(world: &World) -> Vec<(Jid, ReceiptKind)> {
    let told = world.devices[1].events.iter();
    told.filter_map(|event| match &event.body {
        EventBody::Receipt { sender, kind, .. } => Some((sender.clone(), *kind)),
        _ => None,
    })
    .collect()
}

#[test]
fn only_whom_a_message_was_sent_to_confirms_it() {
    let mut world = three();
    let id = sent(&mut world, &pn(2));
    let strangers = [
        pn(1),
        lid(1),
        lid(1).with_device(1),
        pn(3),
        lid(3),
        lid(3).with_device(7),
    ];
    for from in strangers {
        for kind in [None, Some("read"), Some("played"), Some("inactive")] {
            world.feed(1, Input::Node(receipt(from.clone(), &id, kind)));
            assert_eq!(ticks(&world, &id), (false, false), "{from} {kind:?}");
        }
    }
    let group = Jid::group("1203");
    let node = in_group(&group, lid(2), &id, Some("read"));
    world.feed(1, Input::Node(node));
    assert_eq!(ticks(&world, &id), (false, false), "in a group");
    assert_eq!(told(&world), []);

    world.feed(1, Input::Node(receipt(pn(2).with_device(3), &id, None)));
    assert_eq!(ticks(&world, &id), (true, false));
    world.feed(1, Input::Node(receipt(lid(2), &id, Some("read"))));
    assert_eq!(ticks(&world, &id), (true, true));
    assert_eq!(told(&world).len(), 2);
}

#[test]
fn only_members_confirm_what_was_sent_to_a_group() {
    let mut world = three();
    let group = Jid::group("1203");
    world.groups.insert(group.clone(), vec![lid(1), lid(2)]);
    let id = sent(&mut world, &group);
    let nodes = [
        in_group(&group, lid(3), &id, Some("read")),
        in_group(&group, lid(1), &id, None),
        in_group(&group, pn(1), &id, None),
        in_group(&Jid::group("1204"), lid(2), &id, None),
        receipt(lid(2), &id, Some("read")),
    ];
    for node in nodes {
        world.feed(1, Input::Node(node.clone()));
        assert_eq!(ticks(&world, &id), (false, false), "{node:?}");
    }
    world.feed(1, Input::Node(in_group(&group, pn(2), &id, None)));
    assert_eq!(ticks(&world, &id), (true, false));
}

#[test]
fn a_group_confirms_a_message_once() {
    let mut world = World::new(1, &[2, 1, 1, 1]);
    let group = Jid::group("1203");
    let members = vec![lid(1), lid(2), lid(3), lid(4)];
    world.groups.insert(group.clone(), members);
    let id = sent(&mut world, &group);
    world.devices[4].inbox.clear();
    let each = [lid(2), lid(3), lid(3), lid(4)];
    for kind in [None, Some("inactive"), Some("read")] {
        for member in &each {
            let node = in_group(&group, member.clone(), &id, kind);
            world.feed(1, Input::Node(node));
        }
    }
    let kinds: Vec<ReceiptKind> = told(&world).into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, [ReceiptKind::Delivered, ReceiptKind::Read]);
    assert_eq!(ticks(&world, &id), (true, true));
}

#[test]
fn what_our_phone_read_is_told() {
    let mut world = three();
    let id = world.send(2, &pn(1), "read me");
    world.settle();
    let node = receipt(lid(1), &id, Some("read-self")).attr("recipient", lid(2));
    world.feed(1, Input::Node(node));
    assert_eq!(told(&world), [(lid(1), ReceiptKind::ReadSelf)]);
}

/// Ids that no message of ours has: others read what our phone sent.
fn many(count: usize) -> Vec<MessageId> {
    let id = |number| format!("3EB0{number:016}").parse().unwrap();
    (0..count).map(id).collect()
}

#[test]
fn a_receipt_for_thousands_is_taken_in_by_parts() {
    let mut world = three();
    let all = many(2_500);
    let items = all[1..].iter();
    let items = items.map(|id| Node::new("item").attr("id", id.as_str()));
    let list = Node::new("list").with_children(items);
    let node = receipt(pn(2), &all[0], Some("read")).with_child(list);
    // Nothing is told twice when it comes again.
    for _ in 0..2 {
        world.feed(1, Input::Node(node.clone()));
    }
    let events = world.devices[1].events.iter();
    let told = events.filter_map(|event| match &event.body {
        EventBody::Receipt { ids, .. } => Some(ids.clone()),
        _ => None,
    });
    let told: Vec<Vec<MessageId>> = told.collect();
    assert_eq!(told.iter().map(Vec::len).max(), Some(1_024));
    assert_eq!(told.concat(), all);
}

#[test]
fn a_receipt_is_acked_with_its_last_part() {
    let mut bench = super::steps::Bench::ready();
    let id = &many(1)[0];
    let users = (0..1_500).map(|user| {
        let jid = Jid::user(format!("1555{user:07}"));
        Node::new("user").attr("jid", jid).attr("t", "1760000200")
    });
    let group = Node::new("participants").attr("key", id.as_str());
    let group = group.with_children(users);
    let chat = Jid::group("1203");
    let node = receipt(chat, id, Some("read")).with_child(group);
    let out = bench.node(node.clone());
    assert_eq!(out.transmit, []);
    let [rest] = &out.again[..] else {
        panic!("{:?}", out.again)
    };
    let (receipt, part) = (node, 1);
    assert_eq!(*rest, Input::MoreOf { receipt, part });
    let out = bench.feed(rest.clone());
    assert_eq!(out.transmit.len(), 1);
    assert_eq!(out.transmit[0].tag, "ack");
    assert!(out.transmit[0].attr_is("id", id.as_str()));
    assert_eq!(out.again, []);
}
