//! The simulator refuses what it does not support, and does what it confirms.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use prost::Message as _;
use wmctl::crypto::hash;
use wmctl::ids::Jid;
use wmctl::sim::{SimConfig, Simulator};
use wmctl::wire::node::Node;
use wmctl_proto::adv::{AdvKeyIndexList, AdvSignedKeyIndexList};

use super::client::paired;

const OWN: &str = "4915100000001";
const OTHER: &str = "4915100000002";

#[tokio::test]
async fn queries_that_are_not_answered_are_refused() {
    let sim = Simulator::start(SimConfig::default()).await.unwrap();
    let (mut client, ..) = paired(&sim, OWN, 1).await;
    for (xmlns, kind, child) in [
        ("w:m", "set", Node::new("media_conn")),
        ("w:g2", "set", Node::new("subject")),
        ("w:g2", "set", Node::new("leave")),
        ("privacy", "set", Node::new("privacy")),
        ("blocklist", "set", Node::new("item")),
        ("status", "set", Node::new("status")),
        ("w:mex", "get", Node::new("query")),
        ("md", "set", Node::new("unheard-of")),
    ] {
        let answer = client.ask(xmlns, kind, child).await;
        assert!(answer.attr_is("type", "error"), "{xmlns}: {answer:?}");
        let error = answer.child("error").unwrap();
        assert!(error.attr_is("code", "501"), "{xmlns}: {answer:?}");
        assert!(
            error.attr_is("text", "feature-not-implemented"),
            "{answer:?}"
        );
    }
    let answer = client.ask("w:p", "get", Node::new("ping")).await;
    assert!(answer.attr_is("type", "result"));
    for chat in ["status@broadcast", "120363000000000001@newsletter"] {
        let message = Node::new("message")
            .attr("id", "3EB0X")
            .attr("type", "text");
        client
            .send(&message.attr("to", chat.parse::<Jid>().unwrap()))
            .await;
        let ack = client.until("ack").await;
        assert!(ack.attr_is("error", "501"), "{ack:?}");
    }
    sim.stop().await;
}

#[tokio::test]
async fn numbers_are_looked_up_in_every_form_that_clients_write() {
    let sim = Simulator::start(SimConfig::default()).await.unwrap();
    let (mut client, ..) = paired(&sim, OWN, 1).await;
    let lid = sim.add_account(OTHER, "Other").await.unwrap();
    let pn = Jid::user(OTHER);
    for (text, mode, side, jid) in [
        (format!("+{OTHER}"), None, "in", Some(&pn)),
        (OTHER.to_owned(), None, "in", Some(&pn)),
        (format!("{OTHER}@c.us"), None, "in", Some(&pn)),
        (
            format!("+{OTHER}@s.whatsapp.net"),
            Some("lid"),
            "in",
            Some(&lid),
        ),
        (String::from("+4915100000009"), None, "out", None),
        (String::from("+49x"), None, "invalid", None),
    ] {
        let answer = client.ask("usync", "get", contact_query(&text, mode)).await;
        let list = answer.child("usync").and_then(|node| node.child("list"));
        let user = &list.unwrap().children()[0];
        let contact = user.child("contact").unwrap();
        assert!(contact.attr_is("type", side), "{text}: {user:?}");
        assert_eq!(contact.content_text(), Some(text.as_str()));
        if let Some(jid) = jid {
            assert_eq!(user.attr_jid("jid").as_ref(), Some(jid), "{text}");
        }
        if mode.is_some() {
            assert_eq!(user.attr_jid("pn_jid").as_ref(), Some(&pn));
        }
    }
    sim.stop().await;
}

fn contact_query(text: &str, mode: Option<&str>) -> Node {
    let wanted = Node::new("contact").attr_opt("addressing_mode", mode);
    let user = Node::new("user").with_child(Node::new("contact").bytes(text.as_bytes()));
    Node::new("usync")
        .attr("sid", "1")
        .attr("mode", "query")
        .with_child(Node::new("query").with_child(wanted))
        .with_child(Node::new("list").with_child(user))
}

#[tokio::test]
async fn a_change_of_devices_comes_with_hashes_and_the_signed_list() {
    let sim = Simulator::start(SimConfig::default()).await.unwrap();
    let (mut client, _, own) = paired(&sim, OWN, 1).await;
    let (_second, _, second) = paired(&sim, OWN, 2).await;
    let told = loop {
        let node = client.until("notification").await;
        if node.attr_is("type", "devices") {
            break node;
        }
    };
    assert!(told.attr_jid("lid").is_some_and(|lid| lid.is_lid()));
    let change = told.child("add").unwrap();
    // Computes whatsmeow's `participantListHashV2` of the phone and both companions. Source:
    // whatsmeow 33cfac51 `send.go`.
    let addresses =
        [0, own.device, second.device].map(|device| format!("{OWN}.0:{device}@s.whatsapp.net"));
    let hash = hash::sha256(&[addresses.concat().as_bytes()]);
    let hash = format!("2:{}", BASE64.encode(&hash[..6]));
    assert!(change.attr_is("device_hash", &hash), "{change:?}");
    assert!(change.attr_text("device_lid_hash").is_some());
    assert_eq!(valid_indexes(change), [1, 2]);

    let query = Node::new("usync")
        .with_child(Node::new("query").with_child(Node::new("devices")))
        .with_child(Node::new("list").with_child(Node::new("user").attr("jid", Jid::user(OWN))));
    let answer = client.ask("usync", "get", query).await;
    let list = answer.child("usync").and_then(|node| node.child("list"));
    let devices = list.unwrap().children()[0].child("devices").unwrap();
    assert_eq!(valid_indexes(devices), [1, 2]);
    sim.stop().await;
}

fn valid_indexes(node: &Node) -> Vec<u32> {
    let list = node.child("key-index-list").unwrap();
    let signed = AdvSignedKeyIndexList::decode(list.content_bytes().unwrap()).unwrap();
    let details = AdvKeyIndexList::decode(signed.details()).unwrap();
    details.valid_indexes
}

#[tokio::test]
async fn a_companion_gets_the_keys_of_app_state_before_anything_is_set() {
    let sim = Simulator::start(SimConfig::default()).await.unwrap();
    let (mut client, ..) = paired(&sim, OWN, 1).await;
    client.ask("passive", "set", Node::new("active")).await;
    // It has sent no message yet, so the phone uses the bundle from its registration.
    let message = client.until("message").await;
    assert!(message.attr_is("category", "peer"), "{message:?}");
    sim.stop().await;
}

#[tokio::test]
async fn a_client_that_is_slow_still_reads_why_it_was_closed() {
    let sim = Simulator::start(SimConfig::default()).await.unwrap();
    let (mut client, _, jid) = paired(&sim, OWN, 1).await;
    let last = Node::new("stream:error").attr("code", "515");
    sim.disconnect(&jid, Some(last)).await.unwrap();
    // Data that the server has not read would reset the connection at the close.
    for _ in 0..50 {
        client
            .send(&Node::new("presence").attr("type", "available"))
            .await;
    }
    assert!(client.until("stream:error").await.attr_is("code", "515"));
    sim.stop().await;
}
