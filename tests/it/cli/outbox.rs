//! Queued messages belong to one account and expire; its events are read line by line.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use wmctl::sim::{ConnectionEnd, SimConfig, Simulator};

use crate::db::typed;
use crate::support::program::{PATIENCE, Program};
use crate::support::wait::until;
use crate::support::wmctl::Wmctl;

const NUMBER: &str = "4915112345621";
const OTHER: &str = "4915112345623";
const FRIEND: &str = "4915112345622";

/// An installation whose account can change, and a contact to write to.
struct Desk {
    sim: Simulator,
    wmctl: Wmctl,
    folder: TempDir,
}

impl Desk {
    async fn start() -> Self {
        let sim = Simulator::start(SimConfig::default()).await.unwrap();
        for number in [NUMBER, OTHER, FRIEND] {
            sim.add_account(number, "Somebody").await.unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let mut wmctl = Wmctl::in_folder(folder.path());
        wmctl.set("WMCTL_SERVER", &sim.ws_url());
        wmctl.set("WMCTL_ROOT_KEY", sim.root_key());
        Self { sim, wmctl, folder }
    }

    async fn pair(&self, number: &str) {
        let mut pairing = self.wmctl.start(&["pair"]);
        let qr = pairing.expect("a code", |line| line["event"] == "qr").await;
        let code = qr["code"].as_str().unwrap();
        self.sim.scan(number, code).await.unwrap();
        assert!(pairing.ended().await.success(), "{}", pairing.log_tail());
    }

    async fn run(&self) -> Program {
        let mut run = self.wmctl.start(&["run", "--no-http"]);
        run.expect("the connected state", |line| {
            line["type"] == "status" && line["state"] == "connected"
        })
        .await;
        run
    }

    async fn serve(&self) -> Program {
        let mut serve = self.wmctl.start(&["serve", "--no-http"]);
        serve
            .expect("the account", |line| line["state"] == "connected")
            .await;
        serve
    }

    /// Returns the exit code, the lines of the answer, and the code of the error.
    async fn asked(&self, arguments: &[&str]) -> (i32, Vec<Value>, Value) {
        let output = self.wmctl.output(arguments).await;
        let lines = |bytes: Vec<u8>| -> Vec<Value> {
            let text = String::from_utf8(bytes).unwrap();
            let lines = text.lines();
            lines
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect()
        };
        let error = lines(output.stderr)
            .pop()
            .map_or(Value::Null, |line| line["error"]["code"].clone());
        (output.status.code().unwrap(), lines(output.stdout), error)
    }

    async fn send(&self, more: &[&str]) -> (i32, Vec<Value>, Value) {
        self.asked(&[&["send", "--to", FRIEND], more].concat())
            .await
    }

    async fn inbox(&self) -> Vec<String> {
        let inbox = self.sim.phone_inbox(FRIEND).await.unwrap();
        inbox.into_iter().filter_map(|one| one.text).collect()
    }

    async fn events(&self, more: &[&str]) -> Vec<Value> {
        let (code, events, error) = self.asked(&[&["events"], more].concat()).await;
        assert_eq!(code, 0, "{error}");
        events
    }

    async fn state(&self) -> Value {
        let list = self.wmctl.done(&["tenants", "list", "--json"]).await;
        let list: Value = serde_json::from_str(&list).unwrap();
        list["items"][0]["state"].clone()
    }

    async fn until_state(&self, wanted: &str) {
        let reached = async || (self.state().await == wanted).then_some(());
        until(|| format!("it is not {wanted}"), reached).await;
    }
}

async fn stopped(mut program: Program) {
    program.terminate().await;
    assert!(program.ended().await.success());
}

#[tokio::test]
async fn a_message_leaves_from_the_account_that_it_was_taken_in_for() {
    let desk = Desk::start().await;
    // No account can send: an unknown tenant, and a tenant without a device.
    let (code, _, error) = desk.send(&["--text", "nobody", "--force"]).await;
    assert_eq!((code, error), (5, json!("NOT_FOUND")));
    desk.wmctl.done(&["tenants", "add", "default"]).await;
    let (code, _, error) = desk.send(&["--text", "unpaired", "--force"]).await;
    assert_eq!((code, error), (5, json!("NOT_PAIRED")));
    desk.pair(NUMBER).await;
    // One message waits when the phone unlinks the device. Another one is queued with `--force`,
    // and one is refused.
    let mut run = desk.run().await;
    let device = desk.sim.devices(NUMBER).await.unwrap().pop().unwrap().jid;
    desk.sim.remove_device(&device).await.unwrap();
    assert_eq!(run.ended().await.code(), Some(4));
    let (code, _, error) = desk.send(&["--text", "refused"]).await;
    assert_eq!((code, error), (4, json!("LOGGED_OUT")));
    let (code, queued, _) = desk.send(&["--text", "old", "--force"]).await;
    assert_eq!((code, &queued[0]["state"]), (0, &json!("queued")));
    desk.pair(OTHER).await;
    let run = desk.run().await;
    let (code, ..) = desk.send(&["--text", "new", "--wait", "delivered"]).await;
    assert_eq!(code, 0);
    assert_eq!(desk.inbox().await, ["new"]);
    let failed = desk.events(&["--type", "send_failed"]).await;
    assert_eq!(failed.len(), 1);
    assert_eq!(
        (&failed[0]["id"], &failed[0]["code"]),
        (&queued[0]["id"], &json!("other_account"))
    );
    stopped(run).await;
    // After the same account is paired again, it sends the waiting messages.
    let device = desk.sim.devices(OTHER).await.unwrap().pop().unwrap().jid;
    let mut run = desk.run().await;
    desk.sim.remove_device(&device).await.unwrap();
    assert_eq!(run.ended().await.code(), Some(4));
    let (code, ..) = desk.send(&["--text", "later", "--force"]).await;
    assert_eq!(code, 0);
    desk.pair(OTHER).await;
    let run = desk.run().await;
    let (code, ..) = desk.send(&["--text", "last", "--wait", "delivered"]).await;
    assert_eq!(code, 0);
    assert_eq!(desk.inbox().await, ["new", "later", "last"]);
    stopped(run).await;
}

#[tokio::test]
async fn a_message_whose_time_is_over_is_not_sent() {
    let desk = Desk::start().await;
    desk.pair(NUMBER).await;
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(1_500);
    let (code, soon_over, _) = desk
        .send(&["--text", "stale", "--expires-at", &soon.to_string()])
        .await;
    assert_eq!(code, 0);
    let (code, _, error) = desk
        .send(&["--text", "past", "--expires-at", "2020-01-01T00:00:00Z"])
        .await;
    assert_eq!((code, error), (2, json!("BAD_VALUE")));
    desk.wmctl
        .done(&["tenants", "add", "default", "--message-ttl", "1s"])
        .await;
    let (_, by_tenant, _) = desk.send(&["--text", "stale too"]).await;
    desk.wmctl
        .done(&["tenants", "add", "default", "--message-ttl", "1h"])
        .await;
    let (_, fresh, _) = desk.send(&["--text", "fresh"]).await;
    for one in [&soon_over, &by_tenant, &fresh] {
        assert!(one[0]["expires_at"].is_string(), "{one:?}");
    }
    let over = soon + jiff::SignedDuration::from_millis(200);
    while jiff::Timestamp::now() < over {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let run = desk.run().await;
    let (code, ..) = desk.send(&["--text", "last", "--wait", "delivered"]).await;
    assert_eq!(code, 0);
    assert_eq!(desk.inbox().await, ["fresh", "last"]);
    let failed = desk.events(&["--type", "send_failed"]).await;
    let told: Vec<_> = failed
        .iter()
        .map(|one| (&one["id"], &one["code"]))
        .collect();
    let expired = json!("expired");
    assert_eq!(
        told,
        [
            (&soon_over[0]["id"], &expired),
            (&by_tenant[0]["id"], &expired)
        ]
    );
    stopped(run).await;
}

#[tokio::test]
async fn a_key_is_for_one_message() {
    let desk = Desk::start().await;
    desk.pair(NUMBER).await;
    let key = ["--idempotency-key", "order-77"];
    let paid = [&["--text", "paid"][..], &key].concat();
    let (_, first, _) = desk.send(&paid).await;
    let (code, again, _) = desk.send(&paid).await;
    assert_eq!((code, &again[0]["id"]), (0, &first[0]["id"]));
    assert_eq!(again[0]["idempotency_key"], "order-77");
    let (code, answer, error) = desk
        .send(&[&["--text", "cancelled"][..], &key].concat())
        .await;
    assert_eq!((code, error), (6, json!("IDEMPOTENCY_KEY_REUSED")));
    assert_eq!(answer, Vec::<Value>::new());
    let elsewhere = ["send", "--to", OTHER, "--text", "paid"];
    let (code, _, error) = desk.asked(&[&elsewhere[..], &key].concat()).await;
    assert_eq!((code, error), (6, json!("IDEMPOTENCY_KEY_REUSED")));
}

#[tokio::test]
async fn lines_are_taken_in_and_answered_as_they_come() {
    let desk = Desk::start().await;
    desk.pair(NUMBER).await;
    let mut send = desk.wmctl.start(&["send", "--file", "-"]);
    let line =
        |text: &str, key: &str| json!({ "to": FRIEND, "text": text, "idempotency_key": key });
    let answered = |key: &str| {
        let key = key.to_owned();
        move |answer: &Value| answer["idempotency_key"] == key.as_str()
    };
    // Each line is answered before the next is written. An invalid line stops nothing.
    for number in 0..3 {
        let key = format!("k{number}");
        send.say(&line("hello", &key)).await;
        let answer = send.expect("an answer", answered(&key)).await;
        assert_eq!(answer["state"], "queued");
    }
    send.say(&json!({ "to": "nobody", "text": "x", "idempotency_key": "wrong" }))
        .await;
    let answer = send.expect("an answer", answered("wrong")).await;
    assert_eq!(
        (&answer["state"], &answer["error"]),
        (&json!("refused"), &json!("RECIPIENT"))
    );
    send.say(&line("something else", "k1")).await;
    let answer = send
        .expect("an answer", |one| one["error"].is_string())
        .await;
    assert_eq!(
        (&answer["idempotency_key"], &answer["error"]),
        (&json!("k1"), &json!("IDEMPOTENCY_KEY_REUSED"))
    );
    send.close_input();
    assert_eq!(send.ended().await.code(), Some(9));
    let mut hopeless = desk.wmctl.start(&["send", "--file", "-"]);
    hopeless.say(&json!({ "to": "nobody", "text": "x" })).await;
    hopeless.close_input();
    assert_eq!(hopeless.ended().await.code(), Some(1));
}

/// Runs `events --follow | jq | send --file -` as shown in the help.
#[tokio::test]
async fn a_pipe_of_events_answers_what_comes_from_now_on() {
    let desk = Desk::start().await;
    desk.pair(NUMBER).await;
    let mut run = desk.run().await;
    let says = async |text: &str| {
        desk.sim.phone_sends(FRIEND, NUMBER, text).await.unwrap();
    };
    says("before").await;
    run.expect("the message", |line| line["text"] == "before")
        .await;
    let mut events = desk.wmctl.start(&[
        "events",
        "--follow",
        "--from-seq",
        "now",
        "--type",
        "message",
    ]);
    let mut send = desk.wmctl.start(&["send", "--file", "-"]);
    // `--follow` begins with new events, so write until one message gets through.
    let first = async {
        for number in 0.. {
            says(&format!("hello {number}")).await;
            tokio::time::sleep(Duration::from_millis(500)).await;
            let heard = events.heard(|_| true);
            if !heard.is_empty() {
                return heard;
            }
        }
        unreachable!("it goes on until there is one")
    };
    let heard = tokio::time::timeout(PATIENCE, first)
        .await
        .expect("an event");
    let event = heard.first().unwrap();
    assert_ne!(event["text"], "before", "the past is replayed");
    let id = event["event_id"].as_str().unwrap();
    assert!(
        id.starts_with(&format!("default-{}-", event["seq"])),
        "{event}"
    );
    assert_eq!(event["business_id"], "default");
    send.say(&json!({ "to": event["chat"], "text": "got it", "idempotency_key": id }))
        .await;
    let answer = send
        .expect("an answer", |answer| answer["idempotency_key"] == id)
        .await;
    run.expect("it is sent", |line| {
        line["type"] == "sent" && line["id"] == answer["id"]
    })
    .await;
    send.close_input();
    assert!(send.ended().await.success());
    stopped(events).await;
    stopped(run).await;
}

#[tokio::test]
async fn a_reader_is_told_of_what_was_removed_and_of_another_log() {
    let desk = Desk::start().await;
    let (code, _, error) = desk.asked(&["events"]).await;
    assert_eq!((code, error), (5, json!("NOT_FOUND")));
    desk.pair(NUMBER).await;
    let mut run = desk.run().await;
    for number in 0..6 {
        let text = format!("hello {number}");
        desk.sim.phone_sends(FRIEND, NUMBER, &text).await.unwrap();
        run.expect("the message", |line| line["text"] == text.as_str())
            .await;
    }
    stopped(run).await;
    let all = desk.events(&[]).await;
    let last = all.last().unwrap()["seq"].as_i64().unwrap();
    // Make all but two events older than the retention limit.
    let old = format!(
        "UPDATE wmctl_event SET stored_ms = 1 WHERE seq < {}",
        last - 1
    );
    typed(&desk.wmctl, None, &old).await;
    desk.wmctl.done(&["db", "prune"]).await;
    let left = desk.events(&[]).await;
    assert_eq!(left, all[all.len() - 2..], "0 is whatever there is");
    let first = left[0]["seq"].as_i64().unwrap();
    for from in [1, first - 1] {
        for command in ["events", "run"] {
            let from = from.to_string();
            let output = desk.wmctl.output(&[command, "--from-seq", &from]).await;
            let words = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(11), "{command}: {words}");
            assert!(words.contains("EVENTS_REMOVED"), "{words}");
            assert!(
                words.contains(&format!("there are {first} to {last}")),
                "{words}"
            );
        }
    }
    assert_eq!(desk.events(&["--from-seq", &first.to_string()]).await, left);
    let next = (last + 1).to_string();
    assert_eq!(
        desk.events(&["--from-seq", &next]).await,
        Vec::<Value>::new()
    );
    let beyond = (last + 2).to_string();
    for arguments in [
        &["events", "--from-seq", &beyond][..],
        &["events", "--follow", "--from-seq", &beyond],
        &["run", "--from-seq", &beyond],
        &[
            "webhooks",
            "add",
            "https://crm.example/h",
            "--from-seq",
            &beyond,
        ],
    ] {
        let (code, _, error) = desk.asked(arguments).await;
        assert_eq!((code, error), (6, json!("EVENTS_AHEAD")), "{arguments:?}");
    }
}

#[tokio::test]
async fn the_state_is_what_is_so() {
    let desk = Desk::start().await;
    desk.pair(NUMBER).await;
    assert_eq!(desk.state().await, "waiting");
    let run = desk.run().await;
    desk.until_state("connected").await;
    stopped(run).await;
    let serve = desk.serve().await;
    // A temporary ban.
    let ban = ConnectionEnd::Banned { expire_s: 1 };
    desk.sim.end(NUMBER, ban).await.unwrap();
    desk.until_state("banned").await;
    desk.sim.lift(NUMBER).await.unwrap();
    desk.until_state("connected").await;
    let doctor = desk.wmctl.output(&["doctor", "--json"]).await;
    let doctor = String::from_utf8(doctor.stdout).unwrap();
    assert!(!doctor.contains("banned"), "{doctor}");
    stopped(serve).await;
    let events = desk.events(&["--type", "state"]).await;
    let mut states: Vec<_> = events
        .iter()
        .map(|one| one["state"].as_str().unwrap())
        .collect();
    states.dedup();
    let told = ["banned", "recovered", "connected", "disconnected"];
    assert!(states.ends_with(&told), "{states:?}");
    let begun = ["paired", "connected", "disconnected", "connected"];
    assert!(states.starts_with(&begun), "{states:?}");
}

/// A healthy installation with one host, one account and an SQLite file reports no problems.
#[tokio::test]
async fn nothing_wrong_is_nothing_wrong() {
    let desk = Desk::start().await;
    desk.pair(NUMBER).await;
    let serve = desk.serve().await;
    let locks = desk.wmctl.done(&["lock-status", "--json"]).await;
    let locks: Value = serde_json::from_str(&locks).unwrap();
    assert_eq!(locks["hosts"].as_array().unwrap().len(), 1);
    assert!(!locks.to_string().contains("\"code\""), "{locks}");
    let check = desk.wmctl.output(&["lock-status", "--check"]).await;
    assert_eq!(check.status.code(), Some(0));
    stopped(serve).await;
}

#[tokio::test]
async fn a_device_that_is_removed_is_unlinked() {
    let desk = Desk::start().await;
    desk.pair(NUMBER).await;
    let serve = desk.serve().await;
    let devices = async || {
        let all = desk.sim.devices(NUMBER).await.unwrap();
        all.iter().filter(|one| one.jid.device != 0).count()
    };
    // WhatsApp answers the request before it removes the device.
    let unlinked = async || {
        let gone = async || (devices().await == 0).then_some(());
        until(|| "the phone still lists it".into(), gone).await;
    };
    assert_eq!(devices().await, 1);
    desk.wmctl
        .done(&["tenants", "logout", "default", "--yes"])
        .await;
    unlinked().await;
    assert_eq!(desk.state().await, "logged_out");
    desk.pair(NUMBER).await;
    desk.until_state("connected").await;
    desk.wmctl
        .done(&["tenants", "rm", "default", "--yes"])
        .await;
    unlinked().await;
    stopped(serve).await;
    let (code, found, _) = desk.asked(&["db", "check"]).await;
    assert_eq!(code, 0, "{found:?}");
    let left = desk.wmctl.done(&["tenants", "list"]).await;
    assert_eq!(left, "");
    assert!(desk.folder.path().exists());
}
