//! Messages between devices, queued messages, and the receipts for them.

use wmctl::ids::Jid;
use wmctl::sim::{Addressing, Breach, SimConfig, Simulator};
use wmctl::wire::node::Node;

use super::client::{Client, paired};

fn sealed(kind: &str, text: &str) -> Node {
    Node::new("enc")
        .attr("v", 2)
        .attr("type", kind)
        .bytes(text.as_bytes())
}

fn message(id: &str, to: &Jid, text: &str, devices: &[&Jid]) -> Node {
    let copies = devices.iter().map(|jid| {
        Node::new("to")
            .attr("jid", *jid)
            .with_child(sealed("msg", text))
    });
    Node::new("message")
        .attr("id", id)
        .attr("to", to)
        .attr("type", "text")
        .with_child(Node::new("participants").with_children(copies))
}

fn text_of(message: &Node) -> &str {
    message.child("enc").unwrap().content_text().unwrap()
}

#[tokio::test]
async fn a_message_reaches_every_device_and_waits_for_those_that_are_away() {
    let sim = Simulator::start(SimConfig::default()).await.unwrap();
    let (mut alice, _, alice_jid) = paired(&sim, "1", 1).await;
    let (bob, mut bob_keys, bob_jid) = paired(&sim, "2", 2).await;
    sim.disconnect(&bob_jid, None).await.unwrap();
    drop(bob);

    let to = bob_jid.bare();
    for (id, text) in [("A", "one"), ("B", "two")] {
        alice.send(&message(id, &to, text, &[&to, &bob_jid])).await;
        assert!(alice.until("ack").await.attr_is("id", id));
    }
    assert_eq!(sim.phone_inbox("2").await.unwrap().len(), 2);

    // Twice, because nothing is confirmed the first time.
    for _ in 0..2 {
        let mut bob = Client::log_in(&sim, &mut bob_keys, &bob_jid).await;
        let preview = bob.until("ib").await;
        let preview = preview.child("offline_preview").unwrap();
        assert!(preview.attr_is("message", "2"));
        let first = bob.until("message").await;
        assert_eq!(first.attr_jid("from").as_ref(), Some(&alice_jid));
        assert_eq!(
            (text_of(&first), first.attr_u64("offline")),
            ("one", Some(0))
        );
        assert_eq!(text_of(&bob.until("message").await), "two");
    }

    let mut bob = Client::log_in(&sim, &mut bob_keys, &bob_jid).await;
    bob.until("message").await;
    let receipt = Node::new("receipt").attr("id", "A").attr("to", &alice_jid);
    bob.send(&receipt).await;
    bob.until("ack").await;
    // Bob's phone confirmed before Bob's companion.
    while alice.until("receipt").await.attr_jid("from").as_ref() != Some(&bob_jid) {}

    let mut bob = Client::log_in(&sim, &mut bob_keys, &bob_jid).await;
    assert_eq!(text_of(&bob.until("message").await), "two");
    assert_eq!(sim.breaches().await.unwrap(), []);
}

#[tokio::test]
async fn the_same_message_twice_arrives_once_and_a_changed_one_is_a_breach() {
    let sim = Simulator::start(SimConfig::default()).await.unwrap();
    let (mut alice, _, alice_jid) = paired(&sim, "1", 1).await;
    let (_bob, _, bob_jid) = paired(&sim, "2", 2).await;
    let to = Jid::user("2");
    for text in ["one", "one", "other"] {
        alice.send(&message("A", &to, text, &[&to, &bob_jid])).await;
        alice.until("ack").await;
    }
    // The phone cannot decrypt it and asks for a retry; the companion did not ask.
    assert_eq!(sim.phone_inbox("2").await.unwrap().len(), 1);
    let changed = Breach::OtherCiphertext {
        device: alice_jid,
        id: "A".into(),
    };
    assert_eq!(sim.breaches().await.unwrap(), [changed]);
}

#[tokio::test]
async fn a_device_left_out_is_a_breach() {
    let sim = Simulator::start(SimConfig::default()).await.unwrap();
    let (mut alice, _, alice_jid) = paired(&sim, "1", 1).await;
    let (_bob, _, bob_jid) = paired(&sim, "2", 2).await;
    let to = bob_jid.bare();
    alice.send(&message("A", &to, "one", &[&to])).await;
    alice.until("ack").await;
    let missed = Breach::DeviceMissed {
        device: alice_jid,
        id: "A".into(),
        missed: bob_jid,
    };
    assert_eq!(sim.breaches().await.unwrap(), [missed]);
}

#[tokio::test]
async fn a_retry_goes_to_the_sender_and_its_answer_to_the_one_who_asked() {
    let sim = Simulator::start(SimConfig::default()).await.unwrap();
    let (mut alice, _, alice_jid) = paired(&sim, "1", 1).await;
    let (mut bob, _, bob_jid) = paired(&sim, "2", 2).await;
    let to = bob_jid.bare();
    alice
        .send(&message("A", &to, "one", &[&to, &bob_jid]))
        .await;
    bob.until("message").await;
    let retry = Node::new("receipt")
        .attr("id", "A")
        .attr("to", &alice_jid)
        .attr("type", "retry");
    let count = Node::new("retry").attr("count", 1).attr("id", "A");
    bob.send(&retry.with_child(count)).await;
    let asked = loop {
        let receipt = alice.until("receipt").await;
        assert!(receipt.attr_is("type", "retry"));
        // Skip the retry receipt of Bob's phone, which cannot decrypt it either.
        if receipt.attr_jid("from") != Some(bob_jid.bare()) {
            break receipt;
        }
    };
    assert_eq!(asked.attr_jid("from").as_ref(), Some(&bob_jid));
    assert!(asked.child("retry").is_some());

    let again = Node::new("message")
        .attr("id", "A")
        .attr("to", &bob_jid)
        .attr("type", "text")
        .with_child(sealed("msg", "again"));
    alice.send(&again).await;
    assert_eq!(text_of(&bob.until("message").await), "again");
    assert_eq!(sim.breaches().await.unwrap(), []);
}

#[tokio::test]
async fn a_group_message_reaches_all_members() {
    let sim = Simulator::start(SimConfig::default()).await.unwrap();
    let (mut alice, _, alice_jid) = paired(&sim, "1", 1).await;
    let (mut bob, _, bob_jid) = paired(&sim, "2", 2).await;
    let group = sim
        .create_group("Tea", &["1", "2"], Addressing::Lid)
        .await
        .unwrap();
    let key = Node::new("to")
        .attr("jid", &bob_jid)
        .with_child(sealed("msg", "key"));
    let message = Node::new("message")
        .attr("id", "G")
        .attr("to", &group)
        .attr("type", "text")
        .with_child(sealed("skmsg", "tea?"))
        .with_child(Node::new("participants").with_child(key));
    alice.send(&message).await;

    let received = bob.until("message").await;
    assert_eq!(received.attr_jid("from"), Some(group));
    assert_eq!(received.attr_jid("participant_pn"), Some(alice_jid));
    let kinds: Vec<_> = received
        .children_named("enc")
        .map(|enc| enc.attr_text("type").unwrap().into_owned())
        .collect();
    assert_eq!(kinds, ["msg", "skmsg"]);
    assert_eq!(sim.phone_inbox("2").await.unwrap().len(), 1);
}
