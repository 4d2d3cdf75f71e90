//! One person has two addresses: which one events name, and how changed pairs are handled.

use super::steps::Bench;
use super::world::{World, lid, pn};
use crate::ids::{Jid, MessageId};
use crate::session::changes::{Change, EventBody};
use crate::session::input::Input;
use crate::session::messages::content;
use crate::session::rows::{OutboxRow, Row, RowKey};
use crate::wire::node::Node;

fn unreadable(number: u32) -> Node {
    let enc = Node::new("enc")
        .attr("v", "2")
        .attr("type", "msg")
        .bytes(vec![0x33; 60]);
    Node::new("message")
        .attr("id", format!("3EB0{number:016}"))
        .attr("t", "1760000100")
        .attr("type", "text")
        .with_child(enc)
}

fn queued(to: &Jid) -> (MessageId, Row) {
    let id: MessageId = "3EB0AAAAAAAAAAAAAAAA".parse().unwrap();
    let body = content::text("hello");
    let row = OutboxRow::queued(id.clone(), to.clone(), body, 1_760_000_000_000);
    (id, Row::Outbox(row))
}

/// Returns the users whose devices are requested.
fn asked(nodes: &[Node]) -> Vec<Jid> {
    let lists = nodes
        .iter()
        .filter_map(|node| node.child("usync")?.child("list"));
    lists
        .flat_map(|list| list.children_named("user"))
        .filter_map(|user| user.attr_jid("jid"))
        .collect()
}

#[test]
fn a_number_that_somebody_left_is_nobodys() {
    let (old, new, them) = (
        Jid::user("15550008"),
        Jid::user("15550009"),
        Jid::lid("90009"),
    );
    let mut bench = Bench::ready();
    let mut deleted = Vec::new();
    for (number, pn) in [(1, &old), (2, &new)] {
        let node = unreadable(number)
            .attr("from", them.clone())
            .attr("sender_pn", pn.clone());
        for change in bench.node(node).changes {
            deleted.extend(match change {
                Change::Delete(key @ (RowKey::LidOf(_) | RowKey::PnOf(_))) => Some(key),
                _ => None,
            });
        }
    }
    assert_eq!(deleted, [RowKey::LidOf(old.clone())]);
    let (id, row) = queued(&old);
    bench.store(RowKey::Outbox(id.clone()), row);
    let out = bench.run(Input::Send(id));
    assert!(asked(&out.transmit).contains(&old));
    assert!(!asked(&out.transmit).contains(&them));
}

#[test]
fn a_number_that_somebody_else_got_leads_to_him() {
    let (number, before, now) = (Jid::user("15550008"), Jid::lid("90008"), Jid::lid("90009"));
    let mut bench = Bench::ready();
    let mut changes = Vec::new();
    for (count, lid) in [(1, &before), (2, &now)] {
        let node = unreadable(count)
            .attr("from", number.clone())
            .attr("sender_lid", lid.clone());
        changes.extend(bench.node(node).changes);
    }
    let gone = Change::Delete(RowKey::PnOf(before));
    assert!(changes.contains(&gone), "{changes:?}");
}

#[test]
fn we_are_in_a_group_under_a_name_that_we_did_not_know() {
    let mut bench = Bench::without_lid();
    let (group, own, hidden) = (Jid::group("1203"), Jid::user("15550001"), Jid::lid("90001"));
    let (id, row) = queued(&group);
    bench.store(RowKey::Outbox(id.clone()), row);
    let out = bench.run(Input::Send(id));
    let members = [
        (hidden.clone(), own.clone()),
        (Jid::lid("90002"), Jid::user("15550002")),
    ];
    let member = |(lid, pn)| {
        Node::new("participant")
            .attr("jid", lid)
            .attr("phone_number", pn)
    };
    let described = Node::new("group")
        .attr("id", "1203")
        .attr("addressing_mode", "lid")
        .with_children(members.map(member));
    let out = bench.answer_all(&out, described);
    let failed = out.changes.iter().find_map(|change| match change {
        Change::Event(event) => match &event.body {
            EventBody::SendFailed { code, .. } => Some(code.clone()),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(failed, None);
    let own_lid = bench.session.account().lid.clone();
    assert_eq!(own_lid, Some(hidden.clone().with_device(2)));
    assert!(asked(&out.transmit).contains(&hidden));
}

#[test]
fn our_phone_is_ourselves_under_either_name() {
    let mut bench = Bench::without_lid();
    let node = unreadable(1)
        .attr("from", Jid::group("1203"))
        .attr("participant", Jid::lid("90001"))
        .attr("participant_pn", Jid::user("15550001"));
    bench.node(node);
    let own_lid = bench.session.account().lid.clone();
    assert_eq!(own_lid, Some(Jid::lid("90001").with_device(2)));
}

#[test]
fn one_person_is_one_chat_whatever_name_is_used() {
    let mut world = World::new(1, &[2, 2]);
    let mut ids = Vec::new();
    for to in [pn(2), lid(2)] {
        ids.push(world.send(1, &to, "there"));
        world.settle();
    }
    for to in [pn(1), lid(1)] {
        world.send(3, &to, "back");
        world.settle();
    }
    for index in [0, 1] {
        let chats = world.chats(index);
        assert!(!chats.is_empty());
        for (kind, chat, other) in chats {
            assert_eq!((&chat, other), (&lid(2), Some(pn(2))), "{index} {kind}");
        }
    }
}
