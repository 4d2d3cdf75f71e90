//! Notifications: one event each, even if repeated, and no lost state.

use super::steps::Bench;
use crate::ids::Jid;
use crate::session::changes::{Change, Event};
use crate::session::output::Output;
use crate::session::rows::{Addressing, GroupInfo, Participant, Row, RowKey};
use crate::wire::node::Node;

fn events(out: &Output) -> Vec<Event> {
    let event = |change: &Change| match change {
        Change::Event(event) => Some((**event).clone()),
        _ => None,
    };
    out.changes.iter().filter_map(event).collect()
}

fn notification(from: Jid, kind: &str, child: Node) -> Node {
    Node::new("notification")
        .attr("from", from)
        .attr("id", "77")
        .attr("t", "1760000100")
        .attr("type", kind)
        .with_child(child)
}

#[test]
fn a_notification_that_comes_twice_is_one_event() {
    let person = Jid::user("15550009");
    let group = Jid::group("1203");
    for (from, kind, child) in [
        (&person, "devices", Node::new("update")),
        (&person, "picture", Node::new("set")),
        (&person, "encrypt", Node::new("identity")),
        (&group, "w:gp2", Node::new("subject").attr("subject", "x")),
    ] {
        let node = notification(from.clone(), kind, child);
        let mut bench = Bench::ready();
        let told = events(&bench.node(node.clone()));
        assert_eq!(told.len(), 1, "{kind}");
        let key = told[0].dedupe.clone();
        assert!(key.is_some(), "{kind}");
        let again = bench.node(node.clone());
        assert_eq!(events(&again), [], "{kind}: it is known");
        assert_eq!(again.transmit.len(), 1, "{kind}: it is acked");
        assert_eq!(again.changes, [], "{kind}: it is not carried out twice");
        // Another process, if the first commit was not confirmed.
        let other = events(&Bench::ready().node(node));
        assert_eq!(other[0].dedupe, key, "{kind}");
        let mut later = notification(from.clone(), kind, Node::new("x"));
        later.set_attr("id", "78");
        assert!(
            events(&bench.node(later))
                .iter()
                .all(|event| event.dedupe != key)
        );
    }
}

#[test]
fn what_is_called_clean_is_forgotten_first() {
    let group = Jid::group("1203");
    let info = GroupInfo {
        subject: String::from("ours"),
        addressing: Addressing::Lid,
        participants: vec![Participant {
            jid: Jid::lid("90002"),
            pn: None,
            lid: Some(Jid::lid("90002")),
            admin: false,
        }],
        fetched_ms: 1_760_000_000_000,
    };
    let dirty = |kind: &str| {
        let dirty = Node::new("dirty").attr("type", kind).attr("timestamp", "1");
        Node::new("ib")
            .attr("from", Jid::server())
            .with_child(dirty)
    };
    let mut bench = Bench::ready();
    bench.store(RowKey::Group(group), Row::Group(info));
    let out = bench.node(dirty("groups"));
    assert_eq!(out.changes, [Change::GroupsUnsure]);
    assert!(out.transmit[0].child("clean").is_some());
    let own = RowKey::Devices(Jid::lid("90001"));
    let out = bench.node(dirty("account_sync"));
    assert_eq!(out.changes, [Change::Delete(own)]);
    assert!(out.transmit[0].child("clean").is_some());
}
