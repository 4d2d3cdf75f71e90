//! Faults between server and client while `wmctl run` works.

use serde_json::Value;
use wmctl::rehearsal::audit::Violations;
use wmctl::sim::{ConnectionEnd, Direction, Fault, FaultKind};

use crate::support::number;
use crate::support::stage::{NUMBER, Stage};

const RATE: u32 = 60;

fn fault(kind: FaultKind, direction: Direction, tag: Option<&str>, times: u32) -> Fault {
    Fault {
        kind,
        number: Some(NUMBER.into()),
        direction,
        tag: tag.map(str::to_owned),
        times,
        per_mille: 100,
    }
}

/// Sends traffic both ways with faults; each message must arrive once.
async fn survives(faults: Vec<Fault>) {
    let messages = number("WMCTL_CRASH_MESSAGES", 60);
    let mut stage = Stage::set().await;
    for fault in faults {
        stage.sim.add_fault(fault).await.unwrap();
    }
    let mut run = stage.run();
    stage.start_chats(messages, RATE).await;
    for _ in 0..messages {
        stage.put_in().await;
    }
    // A stanza that was dropped for good comes again only with the next login.
    let violations = stage.settled_with_logins(messages).await;
    assert_eq!(violations, Violations::default());
    run.terminate().await;
    assert!(run.ended().await.success());
}

#[tokio::test]
async fn lost_stanzas_come_again() {
    survives(vec![
        fault(FaultKind::Drop, Direction::Out, Some("message"), 10),
        fault(FaultKind::Drop, Direction::Out, Some("ack"), 10),
        fault(FaultKind::Drop, Direction::In, Some("receipt"), 10),
        fault(FaultKind::Drop, Direction::In, Some("message"), 10),
    ])
    .await;
}

#[tokio::test]
async fn doubled_late_and_overtaken_stanzas_do_no_harm() {
    survives(vec![
        fault(FaultKind::Duplicate, Direction::Out, None, 20),
        fault(FaultKind::Duplicate, Direction::In, Some("receipt"), 10),
        fault(FaultKind::Duplicate, Direction::In, Some("message"), 10),
        fault(FaultKind::Reorder, Direction::Out, Some("message"), 20),
        fault(
            FaultKind::Delay { ms: 300 },
            Direction::Out,
            Some("ack"),
            10,
        ),
    ])
    .await;
}

#[tokio::test]
async fn broken_connections_lose_nothing() {
    survives(vec![
        fault(FaultKind::Close, Direction::Out, Some("message"), 1),
        fault(FaultKind::CloseAfter, Direction::In, Some("message"), 1),
        fault(FaultKind::Close, Direction::In, Some("receipt"), 1),
    ])
    .await;
}

#[tokio::test]
async fn what_does_not_decrypt_is_asked_for_again() {
    survives(vec![
        fault(FaultKind::Corrupt, Direction::Out, Some("message"), 6),
        fault(FaultKind::Corrupt, Direction::In, Some("message"), 6),
    ])
    .await;
}

/// Neither the first copy nor the copies that the sender sends after retry requests can be read.
#[tokio::test]
async fn what_its_sender_cannot_make_readable_comes_from_the_phone() {
    const COPIES: u32 = 6;
    let stage = Stage::set().await;
    let mut run = stage.wmctl.start(&["run"]);
    let state = |line: &Value| line["type"] == "status" && line["state"] == "connected";
    run.expect("connected", state).await;
    let mut fault = fault(FaultKind::Corrupt, Direction::Out, Some("message"), COPIES);
    fault.per_mille = 1_000;
    stage.sim.add_fault(fault).await.unwrap();
    let sent = stage
        .sim
        .phone_sends(stage.contact(0), NUMBER, "who reads this?");
    let id = sent.await.unwrap();
    let unreadable = run.expect("news of it", |line| line["type"] == "undecryptable");
    let unreadable = unreadable.await;
    assert_eq!(unreadable["id"], id.as_str());
    let read = run
        .expect("the message", |line| line["type"] == "message")
        .await;
    assert_eq!(read["id"], id.as_str());
    assert_eq!(read["text"], "who reads this?");
    for name in ["chat", "chat_alt"] {
        assert!(read[name].is_string(), "{read}");
        assert_eq!(read[name], unreadable[name]);
    }
    run.terminate().await;
    assert!(run.ended().await.success());
}

#[tokio::test]
async fn each_ending_has_its_own_reaction() {
    let stage = Stage::set().await;
    let mut run = stage.wmctl.start(&["run"]);
    let status = |state: &'static str| {
        move |line: &Value| line["type"] == "status" && line["state"] == state
    };
    run.expect("connected", status("connected")).await;
    for ending in [ConnectionEnd::Cut, ConnectionEnd::Unavailable] {
        assert_eq!(
            stage.sim.end(NUMBER, ending).await.unwrap(),
            1,
            "{ending:?}"
        );
        run.expect("disconnected", status("disconnected")).await;
        run.expect("connected again", status("connected")).await;
    }
    stage
        .sim
        .end(NUMBER, ConnectionEnd::Replaced)
        .await
        .unwrap();
    let replaced = run.expect("replaced", status("replaced")).await;
    assert_eq!(replaced["reason"], "foreign_session");
    run.expect("connected again", status("connected")).await;
    let logins = |entries: Vec<wmctl::sim::Entry>| {
        let logins = entries.iter().filter(|entry| entry.tag == "success");
        logins.map(|entry| entry.unix_ms).collect::<Vec<_>>()
    };
    let logins = logins(stage.sim.journal().await.unwrap());
    let [.., before, after] = logins.as_slice() else {
        panic!("there were several logins");
    };
    assert!(1_000 <= after - before, "it came back at once");

    stage
        .sim
        .end(NUMBER, ConnectionEnd::Banned { expire_s: 3_600 })
        .await
        .unwrap();
    assert_eq!(run.ended().await.code(), Some(4));
    let again = stage.wmctl.output(&["run"]).await;
    assert_eq!(again.status.code(), Some(4));
    let words = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(
        words.contains("BANNED") && words.contains("until"),
        "{words}"
    );
}
