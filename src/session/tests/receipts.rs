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
