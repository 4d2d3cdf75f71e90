//! Invalid stanzas: nothing panics, and no row is read that was not loaded.

use proptest::prelude::*;

use super::steps::Bench;
use crate::ids::{Jid, Server};
use crate::wire::node::{Content, Node, Value};

const TAGS: &[&str] = &[
    "message",
    "receipt",
    "notification",
    "ack",
    "iq",
    "ib",
    "call",
    "success",
    "enc",
    "participants",
    "to",
    "user",
    "list",
    "item",
    "retry",
    "keys",
    "registration",
    "identity",
    "key",
    "skey",
    "id",
    "value",
    "signature",
    "count",
    "group",
    "participant",
    "add",
    "remove",
    "create",
    "subject",
    "usync",
    "devices",
    "device-list",
    "device",
    "lid",
    "unavailable",
    "device-identity",
    "tokens",
    "token",
    "error",
    "offline",
    "dirty",
    "edge_routing",
    "routing_info",
    "promote",
    "delete",
    "sync",
    "collection",
    "patches",
    "patch",
    "snapshot",
];
const NAMES: &[&str] = &[
    "id",
    "from",
    "to",
    "type",
    "t",
    "participant",
    "participant_pn",
    "participant_lid",
    "sender_pn",
    "sender_lid",
    "recipient",
    "peer_recipient_pn",
    "jid",
    "lid",
    "val",
    "value",
    "count",
    "class",
    "error",
    "phash",
    "category",
    "notify",
    "key",
    "phone_number",
    "key-index",
    "addressing_mode",
    "offline",
    "code",
    "reason",
    "v",
];
const TEXTS: &[&str] = &[
    "",
    "1",
    "2",
    "0",
    "99999999999999999999",
    "get",
    "set",
    "result",
    "retry",
    "read",
    "sender",
    "encrypt",
    "devices",
    "w:gp2",
    "account_sync",
    "privacy_token",
    "pkmsg",
    "msg",
    "skmsg",
    "peer",
    "message",
    "trusted_contact",
    "lid",
    "pn",
    "name",
    "server_sync",
    "1.1-1",
    "regular",
    "regular_low",
];

fn jid() -> impl Strategy<Value = Jid> {
    let users = prop::sample::select(vec!["", "15550001", "90001", "15550002", "90002", "123"]);
    let servers = prop::sample::select(Server::ALL.to_vec());
    (users, servers, 0..3_u16)
        .prop_map(|(user, (server, _), device)| Jid::new(user, server).with_device(device))
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(TEXTS).prop_map(Value::from),
        jid().prop_map(Value::Jid),
        "\\PC{0,8}".prop_map(Value::Text),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    let tag = || prop::sample::select(TAGS);
    let attrs = || {
        let attr = (prop::sample::select(NAMES).prop_map(str::to_owned), value());
        prop::collection::vec(attr, 0..7)
    };
    let content = prop_oneof![
        Just(Content::None),
        prop::collection::vec(any::<u8>(), 0..80).prop_map(Content::Bytes),
        (0..3_u8, prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(_, bytes)| Content::Bytes([&[0x33], &bytes[..]].concat())),
    ];
    let leaf = (tag(), attrs(), content).prop_map(|(tag, attrs, content)| Node {
        tag: tag.to_owned(),
        attrs,
        content,
    });
    leaf.prop_recursive(4, 24, 5, move |inner| {
        (tag(), attrs(), prop::collection::vec(inner, 0..5)).prop_map(|(tag, attrs, nodes)| Node {
            tag: tag.to_owned(),
            attrs,
            content: Content::Nodes(nodes),
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn nonsense_is_survived(nodes in prop::collection::vec(node(), 1..12)) {
        let mut bench = Bench::ready();
        for node in nodes {
            bench.node(node);
        }
    }
}
