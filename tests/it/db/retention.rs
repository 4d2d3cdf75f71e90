//! What retention deletes, by hand and in a running process, and what it never deletes.

use std::time::Duration;

use serde_json::Value;
use wmctl::sim::{Direction, Fault, FaultKind, Simulator};

use super::{NUMBER, asked, paired, read, simulator, typed};
use crate::support::postgres::Postgres;
use crate::support::program::{PATIENCE, Program};
use crate::support::wmctl::Wmctl;

const CONTACT: &str = "4915112345700";
const DAY_MS: i64 = 86_400_000;

/// Drops everything that acknowledges a message to the server.
async fn lose_confirmations(sim: &Simulator) {
    for tag in ["receipt", "ack"] {
        let fault = Fault {
            kind: FaultKind::Drop,
            number: Some(NUMBER.into()),
            direction: Direction::In,
            tag: Some(tag.into()),
            times: 1_000,
            per_mille: 1_000,
        };
        sim.add_fault(fault).await.unwrap();
    }
}

async fn connected(wmctl: &Wmctl) -> Program {
    let mut run = wmctl.start(&["run"]);
    run.expect("the connected state", |line| line["state"] == "connected")
        .await;
    run
}

fn text<'a>(expected: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |line| line["type"] == "message" && line["text"] == expected
}

async fn ended(mut run: Program) {
    run.terminate().await;
    assert!(run.ended().await.success());
}

/// Waits until a query returns the expected number.
async fn settles(wmctl: &Wmctl, server: Option<&Postgres>, sql: &str, expected: i64) {
    let look = async {
        while read(wmctl, server, sql).await != expected {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let settled = tokio::time::timeout(PATIENCE, look).await;
    assert!(settled.is_ok(), "{sql} is not {expected}");
}

/// A message whose acknowledgement was lost is redelivered after its event was deleted.
async fn a_pruned_event_does_not_come_back(server: Option<Postgres>) {
    let (sim, folder) = (simulator().await, tempfile::tempdir().unwrap());
    sim.add_account(CONTACT, "Ben").await.unwrap();
    let server = server.as_ref();
    let url = server.map(|server| {
        server.create("w");
        server.url("w")
    });
    let mut wmctl = paired(&sim, folder.path(), url.as_deref()).await;
    lose_confirmations(&sim).await;
    let mut run = connected(&wmctl).await;
    sim.phone_sends(CONTACT, NUMBER, "hello").await.unwrap();
    run.expect("the message", text("hello")).await;
    ended(run).await;
    let older = |days: i64| {
        let ms = days * DAY_MS;
        format!("UPDATE wmctl_event SET stored_ms = stored_ms - {ms}")
    };
    let hello = "SELECT COUNT(*) FROM wmctl_event WHERE text = 'hello'";
    typed(&wmctl, server, &older(29)).await;
    let (code, young) = asked(&wmctl, &["db", "prune", "--dry-run"]).await;
    assert_eq!((code, young), (0, vec![]));

    typed(&wmctl, server, &older(2)).await;
    let rows = read(&wmctl, server, "SELECT COUNT(*) FROM wmctl_event").await;
    let (_, would) = asked(&wmctl, &["db", "prune", "--dry-run"]).await;
    assert_eq!(would[0]["table"], "wmctl_event");
    assert_eq!(
        read(&wmctl, server, hello).await,
        1,
        "a dry run changes nothing"
    );
    let (_, went) = asked(&wmctl, &["db", "prune"]).await;
    assert_eq!(would, went);
    assert_eq!(read(&wmctl, server, hello).await, 0);
    // Events without a dedupe key are gone for good. The message's key is still known.
    let keys = "SELECT COUNT(*) FROM wmctl_event WHERE dedupe IS NOT NULL";
    assert_eq!(
        read(&wmctl, server, keys).await,
        read(&wmctl, server, "SELECT COUNT(*) FROM wmctl_event").await
    );
    let kept = read(&wmctl, server, keys).await;
    assert!((1..=rows).contains(&kept));
    assert_eq!(wmctl.done(&["events"]).await, "");

    sim.clear_faults().await.unwrap();
    wmctl.set("WMCTL_KEEP_EVERY", "1s");
    let mut run = connected(&wmctl).await;
    sim.phone_sends(CONTACT, NUMBER, "after").await.unwrap();
    run.expect("the next message", text("after")).await;
    assert!(run.heard(text("hello")).is_empty(), "it came twice");
    let (_, events) = asked(&wmctl, &["events", "--type", "message"]).await;
    assert_eq!(events.len(), 1, "{events:#?}");

    // The running process deletes keys that can no longer be needed, and records sizes.
    let pruned = "SELECT COUNT(*) FROM wmctl_event WHERE kind = 'pruned'";
    assert!(0 < read(&wmctl, server, pruned).await);
    let gone = format!("{} WHERE kind = 'pruned'", older(5));
    typed(&wmctl, server, &gone).await;
    settles(&wmctl, server, pruned, 0).await;
    let sizes = "SELECT COUNT(DISTINCT at_ms) FROM wmctl_table_size";
    settles(&wmctl, server, sizes, 1).await;
    ended(run).await;
}

async fn what_is_open_or_young_stays(server: Option<Postgres>) {
    let (sim, folder) = (simulator().await, tempfile::tempdir().unwrap());
    let server = server.as_ref();
    let url = server.map(|server| {
        server.create("w");
        server.url("w")
    });
    let mut wmctl = paired(&sim, folder.path(), url.as_deref()).await;
    let keys = "SELECT (SELECT COUNT(*) FROM whatsmeow_pre_keys)
        + (SELECT COUNT(*) FROM whatsmeow_identity_keys)
        + (SELECT COUNT(*) FROM whatsmeow_sessions) + (SELECT COUNT(*) FROM whatsmeow_device)";
    let had = read(&wmctl, server, keys).await;
    let now = "SELECT MAX(applied_ms) FROM wmctl_migration";
    let now_ms = read(&wmctl, server, now).await;
    let (old, young) = (now_ms - 40 * DAY_MS, now_ms - 20 * DAY_MS);
    let blob = if server.is_some() { "'\\x00'" } else { "X'00'" };
    let mut seq = 0;
    let mut outbox = |id: &str, state: &str, at_ms: i64| {
        seq += 1;
        format!(
            "INSERT INTO wmctl_outbox (business_id, message_id, seq, recipient, body, state,
                queued_ms)
             VALUES ('acme', '{id}', {seq}, '5@s.whatsapp.net', {blob}, '{state}', {at_ms});"
        )
    };
    let rows = [
        outbox("q-old", "queued", old),
        outbox("e-old", "encrypted", old),
        outbox("s-old", "sent", old),
        outbox("f-old", "failed", old),
        outbox("s-young", "sent", young),
        outbox("s-now", "sent", now_ms),
    ];
    let secret = |id: &str| {
        format!(
            "INSERT INTO whatsmeow_message_secrets
             SELECT 'acme', jid, '5@s.whatsapp.net', '5@s.whatsapp.net', '{id}', {blob}
             FROM whatsmeow_device;"
        )
    };
    let secrets = format!(
        "{}{} UPDATE wmctl_message_secret_time SET stored_ms = {} WHERE message_id = 'old'",
        secret("old"),
        secret("new"),
        now_ms - 366 * DAY_MS
    );
    typed(&wmctl, server, &(rows.concat() + &secrets)).await;

    old_rows_went(&wmctl, server).await;

    // By count, the newest hundred stay, and all messages sent today whatever their number.
    let many: String = (0..120)
        .map(|number| outbox(&format!("m{number}"), "sent", young))
        .collect();
    typed(&wmctl, server, &many).await;
    wmctl.set("WMCTL_KEEP_OUTBOX", "100");
    let (_, went) = asked(&wmctl, &["db", "prune"]).await;
    assert_eq!(went[0]["rows"], 21, "twenty of them, and s-young");
    let sent = "SELECT COUNT(*) FROM wmctl_outbox WHERE state = 'sent'";
    assert_eq!(read(&wmctl, server, sent).await, 101);
    assert_eq!(read(&wmctl, server, keys).await, had, "no key went");

    wmctl.set("WMCTL_KEEP_EVENTS", "30");
    let refused = wmctl.output(&["db", "prune"]).await;
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(3), "{words}");
    assert!(words.contains("keep_events"), "{words}");
}

/// Pruning deletes what is old and done, and nothing that is open or recent.
async fn old_rows_went(wmctl: &Wmctl, server: Option<&Postgres>) {
    let (_, went) = asked(wmctl, &["db", "prune"]).await;
    let went: Vec<_> = went
        .iter()
        .map(|one| {
            (
                one["table"].as_str().unwrap(),
                one["rows"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        went,
        [("wmctl_outbox", 2), ("whatsmeow_message_secrets", 1)]
    );
    let left =
        |table: &str, id: &str| format!("SELECT COUNT(*) FROM {table} WHERE message_id IN ({id})");
    let open = left("wmctl_outbox", "'q-old', 'e-old', 's-young', 's-now'");
    assert_eq!(read(wmctl, server, &open).await, 4);
    for (table, id, count) in [
        ("whatsmeow_message_secrets", "'old'", 0),
        ("whatsmeow_message_secrets", "'new'", 1),
        ("wmctl_message_secret_time", "'old', 'new'", 1),
    ] {
        assert_eq!(
            read(wmctl, server, &left(table, id)).await,
            count,
            "{table} {id}"
        );
    }
}

macro_rules! on_both {
    ($($name:ident),*) => {
        mod file {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(None).await;
            })*
        }
        mod server {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(Some(super::Postgres::start())).await;
            })*
        }
    };
}

on_both!(
    a_pruned_event_does_not_come_back,
    what_is_open_or_young_stays
);
