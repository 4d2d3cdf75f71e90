//! Pairing, login, and the end of connections.

use wmctl::ids::Jid;
use wmctl::sim::{ScanError, SimConfig, SimError, Simulator};
use wmctl::wire::node::Node;

use super::client::{Client, Keys, paired, qr_text};

#[tokio::test]
async fn a_scanned_client_logs_in_with_its_hidden_address() {
    let sim = Simulator::start(SimConfig::default()).await.unwrap();
    let (mut client, mut keys, jid) = paired(&sim, "4915100000001", 1).await;
    assert_eq!(jid, Jid::user("4915100000001").with_device(1));

    assert!(client.until("ib").await.child("offline_preview").is_some());
    let lid = sim.devices("4915100000001").await.unwrap()[1].lid.clone();
    let mut again = Client::log_in(&sim, &mut keys, &jid).await;
    let success = again.until("success").await;
    assert_eq!(success.attr_jid("lid"), Some(lid));
    sim.stop().await;
}

#[tokio::test]
async fn the_newer_connection_replaces_the_older() {
    let sim = Simulator::start(SimConfig::default()).await.unwrap();
    let (mut client, mut keys, jid) = paired(&sim, "4915100000001", 1).await;
    let mut newer = Client::log_in(&sim, &mut keys, &jid).await;
    newer.until("success").await;

    let error = client.until("stream:error").await;
    assert!(error.child("conflict").unwrap().attr_is("type", "replaced"));
    assert_eq!(client.next().await, None);
    sim.disconnect(&jid, None).await.unwrap();
    while newer.next().await.is_some() {}
    // The journal records how long both connections were open.
    let logins = loop {
        let logins = sim.logins().await.unwrap();
        // A client sees the end of its connection before the server notes it.
        if logins.iter().all(|login| !login.open) {
            break logins;
        }
        tokio::task::yield_now().await;
    };
    let [older, newer] = &logins[..] else {
        panic!("{logins:?}");
    };
    assert_eq!((&older.device, &newer.device), (&jid, &jid));
    assert!(older.since_ms <= newer.since_ms && newer.since_ms <= older.until_ms);
    assert!(older.link < newer.link);
}

#[tokio::test]
async fn strangers_and_removed_devices_are_refused() {
    let sim = Simulator::start(SimConfig::default()).await.unwrap();
    let (mut client, mut keys, jid) = paired(&sim, "4915100000001", 1).await;
    let mut stranger = Client::log_in(&sim, &mut Keys::new(2), &jid).await;
    assert!(stranger.until("failure").await.attr_is("reason", "401"));

    sim.remove_device(&jid).await.unwrap();
    assert!(client.until("stream:error").await.attr_is("code", "401"));
    let mut removed = Client::log_in(&sim, &mut keys, &jid).await;
    assert!(removed.until("failure").await.attr_is("reason", "401"));
}

#[tokio::test]
async fn a_phone_scans_only_codes_that_are_shown() {
    let sim = Simulator::start(SimConfig::default()).await.unwrap();
    sim.add_account("1", "One").await.unwrap();
    let mut keys = Keys::new(1);
    let mut client = Client::register(&sim, &mut keys).await;
    let offer = client.until("iq").await;
    let reference = offer.child("pair-device").unwrap().children()[0].clone();
    let reference = reference.content_text().unwrap();

    let refusals = [
        ("nothing".to_owned(), ScanError::Malformed),
        (qr_text("2@other", &keys), ScanError::UnknownReference),
        (qr_text(reference, &Keys::new(2)), ScanError::OtherKeys),
    ];
    for (text, expected) in refusals {
        match sim.scan("1", &text).await {
            Err(SimError::Scan(error)) => assert_eq!(error, expected),
            other => panic!("{other:?} instead of {expected:?}"),
        }
    }
}

#[tokio::test]
async fn uploaded_keys_are_counted_and_handed_out_once() {
    let sim = Simulator::start(SimConfig::default()).await.unwrap();
    let (mut client, keys, jid) = paired(&sim, "4915100000001", 1).await;
    let key = |id: u8| {
        Node::new("key")
            .with_child(Node::new("id").bytes([0, 0, id]))
            .with_child(Node::new("value").bytes([id; 32]))
    };
    let list = Node::new("list").with_children([key(1), key(2)]);
    client.ask("encrypt", "set", list).await;
    let count = client.ask("encrypt", "get", Node::new("count")).await;
    assert!(count.child("count").unwrap().attr_is("value", "2"));

    let asked = Node::new("key").with_child(Node::new("user").attr("jid", &jid));
    for expected in [Some([1; 32]), Some([2; 32]), None] {
        let answer = client.ask("encrypt", "get", asked.clone()).await;
        let user = &answer.child("list").unwrap().children()[0];
        assert_eq!(user.attr_jid("jid").as_ref(), Some(&jid));
        let identity = user.child("identity").unwrap().content_bytes().unwrap();
        assert_eq!(identity, keys.identity.public.as_bytes());
        let value = user.child("key").map(|key| key.child("value").unwrap());
        let value = value.map(|value| value.content_bytes().unwrap().to_vec());
        assert_eq!(value, expected.map(|bytes: [u8; 32]| bytes.to_vec()));
    }
    assert_eq!(sim.breaches().await.unwrap(), []);
}
