//! The number of round trips to the server per message, counted by a proxy.

use std::time::Duration;

use serde_json::Value;
use wmctl::ids::Jid;
use wmctl::sim::{Direction, Fault, FaultKind};
use wmctl::store::Store;
use wmctl::store::outbox::queue::NewMessage;

use super::{Traffic, server, state};
use crate::support::postgres::Postgres;
use crate::support::stage::{NUMBER, Stage};
use crate::support::tap::Tap;
use crate::support::wmctl::Wmctl;

/// Long enough to separate messages, short enough for few heartbeats.
const QUIET: Duration = Duration::from_millis(250);

/// Counts round trips until there are none for a while.
async fn until_quiet(tap: &Tap) -> u64 {
    let mut all = 0;
    loop {
        tokio::time::sleep(QUIET).await;
        match tap.trips() {
            0 => return all,
            trips => all += trips,
        }
    }
}

/// Sets up an account behind a proxy, with ratchets and device lists already present.
async fn warm(server: &Postgres) -> (Traffic, Tap) {
    let tap = Tap::before(&server.socket()).await;
    let mut traffic = Traffic::connect(&tap.url("wm"), 8).await;
    traffic.chats().await;
    for percent in [50, 100] {
        traffic.put_in(percent).await;
        until_quiet(&tap).await;
    }
    (traffic, tap)
}

#[tokio::test]
async fn a_message_takes_at_most_three_round_trips() {
    const ROUNDS: u32 = 8;
    let server = server();
    let (traffic, tap) = warm(&server).await;
    let contact = traffic.stage.contact(0);
    let mut incoming = 0;
    for round in 0..ROUNDS {
        let text = format!("round {round}");
        let sent = traffic.stage.sim.phone_sends(contact, NUMBER, &text);
        sent.await.unwrap();
        incoming += until_quiet(&tap).await;
    }
    // The answers to a message are separate stanzas, and are not counted here.
    for tag in ["ack", "receipt"] {
        let fault = Fault {
            kind: FaultKind::Drop,
            number: Some(NUMBER.into()),
            direction: Direction::Out,
            tag: Some(tag.into()),
            times: 1_000,
            per_mille: 1_000,
        };
        traffic.stage.sim.add_fault(fault).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    // Not through the proxy, like another process.
    let mut other = Wmctl::in_folder(folder.path());
    other.set("WMCTL_DATABASE_URL", &server.url("wm"));
    let mut outgoing = 0;
    for round in 0..ROUNDS {
        let (to, text) = (format!("+{contact}"), format!("round {round}"));
        other.done(&["send", "--to", &to, "--text", &text]).await;
        outgoing += until_quiet(&tap).await;
    }
    let rounds = u64::from(ROUNDS);
    // Three round trips each: the rows that decide on the message, the fence, and its changes with
    // the commit.
    assert_eq!((incoming, outgoing), (3 * rounds, 3 * rounds));
}

#[tokio::test]
async fn many_that_waited_take_less_than_one_round_trip_each() {
    const WAITING: u32 = 200;
    let server = server();
    let (mut traffic, tap) = warm(&server).await;
    traffic.run.terminate().await;
    assert!(traffic.run.ended().await.success());
    for number in 0..WAITING {
        let contact = traffic.stage.contact(number as usize % 4);
        let text = format!("waiting {number}");
        let sent = traffic.stage.sim.phone_sends(contact, NUMBER, &text);
        sent.await.unwrap();
    }
    tap.trips();
    traffic.run = traffic.stage.wmctl.start(&["run"]);
    let connected = state("connected");
    traffic.run.expect("the connected state", connected).await;
    let trips = until_quiet(&tap).await;
    let last = format!("waiting {}", WAITING - 1);
    let of_last = |line: &Value| line["type"] == "message" && line["text"] == last;
    traffic.run.expect("the last message", of_last).await;
    assert!(
        trips < u64::from(WAITING),
        "{trips} round trips for {WAITING} messages"
    );
    eprintln!("{trips} round trips for {WAITING} messages that waited, login included");
}

#[tokio::test]
async fn sends_that_wait_together_are_taken_in_by_few_round_trips() {
    const WAITING: u64 = 200;
    let server = server();
    let tap = Tap::before(&server.socket()).await;
    let store = Store::open(&tap.url("wm").parse().unwrap()).await.unwrap();
    store.migrate(1).await.unwrap();
    let tenant = "acme".parse().unwrap();
    let message = |number: u64| NewMessage {
        id: format!("ID{number}").parse().unwrap(),
        to: Jid::user("491600"),
        body: vec![1],
        idempotency_key: Some(format!("key {number}")),
        account: Jid::user("4915112345621"),
        expires_ms: None,
    };
    let take_in = async |number| store.enqueue(&tenant, &message(number), 1).await.unwrap();
    tap.trips();
    take_in(0).await;
    assert_eq!(tap.trips(), 1, "one transaction");
    take_in(0).await;
    assert_eq!(tap.trips(), 2, "and a look at what was there");
    let ids = futures_util::future::join_all((1..=WAITING).map(take_in)).await;
    assert!(
        ids.iter()
            .zip(1..)
            .all(|(id, number)| *id == message(number).id)
    );
    // The first one alone, and then up to 64 at a time.
    assert_eq!(tap.trips(), 1 + (WAITING - 1).div_ceil(64));
}

#[tokio::test]
async fn a_file_of_messages_takes_few_round_trips_or_is_refused_as_a_whole() {
    let server = server();
    let tap = Tap::before(&server.socket()).await;
    let folder = tempfile::tempdir().unwrap();
    let mut wmctl = Wmctl::in_folder(folder.path());
    wmctl.set("WMCTL_DATABASE_URL", &tap.url("wm"));
    // Only a tenant with a device can send messages.
    let _stage = Stage::set_on(Some(&server.url("wm"))).await;
    let write = |name: &str, recipients: &[&str]| {
        let line = |to: &&str| format!("{{\"to\":\"{to}\",\"text\":\"Hello\"}}\n");
        let path = folder.path().join(name);
        std::fs::write(&path, recipients.iter().map(line).collect::<String>()).unwrap();
        path.display().to_string()
    };
    let one = write("one", &["+4915112345600"]);
    let many = write("many", &["+4915112345600"; 600]);
    let wrong = write(
        "wrong",
        &[["+4915112345600"; 100].as_slice(), &["nobody"]].concat(),
    );
    tap.trips();
    wmctl.done(&["send", "--file", &one]).await;
    let of_one = tap.trips();
    wmctl.done(&["send", "--file", &many]).await;
    // A transaction takes 256 messages. The second one also prepares its statements. The server may
    // answer that while the messages are still being sent, which counts as a wait.
    let more = tap.trips() - of_one;
    assert!((2..=3).contains(&more), "{more} more round trips");
    let refused = wmctl.output(&["send", "--file", &wrong]).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("message 101: "), "{said}");
    let taken = server.sql("wm", "SELECT count(*), max(seq) FROM wmctl_outbox");
    assert_eq!(taken.trim(), "601|601");
}
