//! Devices that come and go: a second companion, companions that log out, and copies that replace
//! the original.

use serde_json::{Value, json};
use wmctl::sim::Addressing;

use crate::support::baileys::Version::{V6, V7};
use crate::support::world::World;

const OURS: &str = "491510000001";
const BERT: &str = "491510000002";

/// Minimum pause (ms) before a replaced client logs in again. Otherwise the two would replace each
/// other for ever.
const REPLACED_PAUSE_MS: i64 = 2_000;

/// One account has wmctl and Baileys as companions. Each sees what the other sends, and both
/// receive all messages.
#[tokio::test]
async fn we_share_an_account_with_the_old_version() {
    let world = World::start().await;
    let mut bert = world.stranger(V7, BERT).await;
    let mut ours = world.ours(OURS).await;
    let mut twin = world.stranger(V6, OURS).await;
    let members = [BERT, OURS];
    let trip = world.sim.create_group("Trip", &members, Addressing::Pn);
    let trip = trip.await.unwrap().to_string();
    for (chat, group) in [(bert.jid(), false), (trip, true)] {
        for round in 0..2 {
            let text = format!("from wmctl {round} to {chat}");
            ours.send(&chat, &text).await;
            bert.client.message(&text).await;
            let key = twin.client.message(&text).await;
            assert_eq!(key["fromMe"], true);

            let text = format!("from the twin {round} to {chat}");
            twin.client.send(&chat, &text).await;
            bert.client.message(&text).await;
            let event = ours.message(&text).await;
            assert_eq!(event["from_me"], true);
            // A person has one chat, under the LID if it is known.
            let names = [&event["chat"], &event["chat_alt"]];
            assert!(names.contains(&&json!(chat)), "{event}");

            let text = format!("from Bert {round} about {chat}");
            let to = if group { chat.clone() } else { ours.jid() };
            bert.client.send(&to, &text).await;
            assert_eq!(ours.message(&text).await["from_me"], false);
            assert_eq!(twin.client.message(&text).await["fromMe"], false);
        }
    }
    assert_eq!(world.sim.breaches().await.unwrap(), []);
    ours.rest().await;
}

#[tokio::test]
async fn the_first_of_two_with_the_same_keys_leaves_them_time() {
    let world = World::start().await;
    let resting = world.pair(OURS).await;
    let copy = world.copy(&resting, "copy");
    let mut ours = resting.wake().await;
    let mut other = copy.start(&["run"]);
    let status = |state: &'static str| {
        move |line: &Value| line["type"] == "status" && line["state"] == state
    };
    other.expect("connected", status("connected")).await;
    ours.run.expect("replaced", status("replaced")).await;
    ours.run.expect("connected", status("connected")).await;
    let journal = world.sim.journal().await.unwrap();
    let logins = journal.iter().filter(|entry| entry.tag == "success");
    let logins: Vec<i64> = logins.map(|entry| entry.unix_ms).collect();
    // The logins in order: pairing, ours, the other client that replaced us, and ours again.
    let [_, _, other, again, ..] = logins[..] else {
        panic!("too few logins: {logins:?}");
    };
    assert!(REPLACED_PAUSE_MS <= again - other, "{logins:?}");
}

#[tokio::test]
async fn a_stranger_is_replaced_by_a_second_client() {
    let world = World::start().await;
    let ours = world.ours(OURS).await;
    let asleep = world.stranger(V7, BERT).await.sleep().await;
    let mut first = world.again(&asleep).await;
    ours.send(&asleep.jid(), "to the first").await;
    first.client.message("to the first").await;
    let mut second = world.again(&asleep).await;
    first.client.closed(440).await;
    first.client.kill().await;
    ours.send(&asleep.jid(), "to the second").await;
    second.client.message("to the second").await;
}

#[tokio::test]
async fn a_stranger_logs_out_while_it_talks_to_us_and_pairs_again() {
    let world = World::start().await;
    let mut bert = world.stranger(V7, BERT).await;
    let mut ours = world.ours(OURS).await;
    ours.send(&bert.jid(), "before").await;
    bert.client.message("before").await;
    bert.client.send(&ours.jid(), "before, too").await;
    ours.message("before, too").await;
    bert.client.last_command("logout").await;
    bert.client.closed(401).await;
    ours.run
        .expect("the device's end", is_devices_changed)
        .await;

    let id = ours.send(&bert.jid(), "to the phone").await;
    ours.receipt(&id, "delivered").await;
    let inbox = world.sim.phone_inbox(BERT).await.unwrap();
    assert!(
        inbox
            .iter()
            .any(|m| m.text.as_deref() == Some("to the phone"))
    );

    world.forget(&bert);
    let mut bert = world.stranger(V7, BERT).await;
    ours.run.expect("the new device", is_devices_changed).await;
    ours.send(&bert.jid(), "after").await;
    bert.client.message("after").await;
    bert.client.send(&ours.jid(), "after, too").await;
    ours.message("after, too").await;
    assert_eq!(world.sim.breaches().await.unwrap(), []);
    ours.rest().await;
}

fn is_devices_changed(line: &Value) -> bool {
    line["type"] == "devices_changed"
}

/// Messages that we sent while the other client was away arrive at its login, and its messages at
/// ours.
#[tokio::test]
async fn what_was_sent_meanwhile_waits_for_the_old_version() {
    let world = World::start().await;
    let mut bert = world.stranger(V6, BERT).await;
    let ours = world.ours(OURS).await.rest().await;
    for round in 0..3 {
        bert.client
            .send(&ours.jid(), &format!("meanwhile {round}"))
            .await;
    }
    let mut ours = ours.wake().await;
    for round in 0..3 {
        ours.message(&format!("meanwhile {round}")).await;
    }
    let asleep = bert.sleep().await;
    let id = ours.send(&asleep.jid(), "for later").await;
    let mut bert = world.again(&asleep).await;
    ours.receipt(&id, "delivered").await;
    // The client reports messages from its login together with the next one.
    ours.send(&asleep.jid(), "now").await;
    bert.client.message("for later").await;
    bert.client.message("now").await;
    assert_eq!(world.sim.breaches().await.unwrap(), []);
}

/// Both sides use LIDs.
#[tokio::test]
async fn we_talk_by_hidden_number() {
    let world = World::start().await;
    let mut bert = world.stranger(V7, BERT).await;
    let mut ours = world.ours(OURS).await;
    let hidden = |number| world.sim.add_account(number, "");
    let (us, him) = (hidden(OURS).await.unwrap(), hidden(BERT).await.unwrap());
    for round in 0..2 {
        let id = ours
            .send(&him.to_string(), &format!("to Bert {round}"))
            .await;
        bert.client.message(&format!("to Bert {round}")).await;
        ours.receipt(&id, "delivered").await;
        let text = format!("to us {round}");
        bert.client.send(&us.to_string(), &text).await;
        assert_eq!(ours.message(&text).await["from_me"], false);
    }
    assert_eq!(world.sim.breaches().await.unwrap(), []);
    ours.rest().await;
}
