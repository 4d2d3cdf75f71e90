//! One host and one receiver: order, signatures, retries, dead letters, tests and TLS.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use super::{FRIEND, NUMBER, Scene, firsts, seq};
use crate::support::program::{PATIENCE, Program};
use crate::support::receiver::{Got, Receiver, Reply};

/// Computes the signature of a request with OpenSSL.
async fn signature(secret: &str, got: &Got) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("signed");
    std::fs::write(
        &file,
        format!("{}.{}", got.header("wmctl-timestamp"), got.body),
    )
    .unwrap();
    let arguments = [
        "dgst",
        "-sha256",
        "-r",
        "-hmac",
        secret,
        file.to_str().unwrap(),
    ];
    let output = Command::new("openssl")
        .args(arguments)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    format!("v1={}", text.split(' ').next().unwrap())
}

/// Returns the ways in which a receiver can fail.
fn refusals() -> Vec<Reply> {
    let huge = format!("HTTP/1.1 500 No\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let broken_off = "HTTP/1.1 200 OK\r\nContent-Len";
    let elsewhere =
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n";
    vec![
        Reply::Status(500),
        Reply::Hang,
        Reply::Raw(elsewhere.into()),
        Reply::Reset,
        Reply::Raw(huge.into()),
        Reply::Raw(b"nonsense\r\n\r\n".into()),
        Reply::Raw(broken_off.into()),
        Reply::Status(404),
        Reply::Status(429),
    ]
}

/// Checks each request by itself. Returns the number of attempts per event.
async fn check(got: &[Got], secret: &str) -> BTreeMap<String, i64> {
    let mut attempts: BTreeMap<String, i64> = BTreeMap::new();
    for one in got {
        assert_eq!(one.header("wmctl-event-id"), one.ids()[0]);
        assert_eq!(one.header("wmctl-tenant"), "default");
        assert_eq!(one.header("content-type"), "application/json");
        let signed = one.header("wmctl-signature");
        assert_eq!(signed, signature(secret, one).await);
        assert_ne!(signed, signature("another secret", one).await);
        let attempt = attempts.entry(one.ids()[0].clone()).or_default();
        *attempt += 1;
        assert_eq!(one.header("wmctl-attempt"), attempt.to_string());
    }
    attempts
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_comes_in_order_whatever_the_receiver_does() {
    let scene = Scene::set().await;
    // Every event first fails in a different way.
    let mut replies = refusals();
    let (refused, count) = (replies.len(), replies.len() + 3);
    replies.reverse();
    let mut tried = Vec::new();
    let receiver = Receiver::start(move |got| {
        let id = got.header("wmctl-event-id").to_owned();
        if tried.contains(&id) {
            return Reply::Status(204);
        }
        tried.push(id);
        replies.pop().unwrap_or(Reply::Status(200))
    })
    .await;
    let secret = scene.hook("crm", &receiver.url, &[]).await;
    let mut serve = scene.serve(&["--webhook-attempts", "50"]).await;
    let expected: Vec<String> = (0..count)
        .map(|number| format!("message {number}"))
        .collect();
    for text in &expected {
        scene.says(text).await;
    }
    let got = receiver
        .until("all messages", |got| {
            got.last()
                .is_some_and(|one| one.texts() == expected[count - 1..])
        })
        .await;
    // A failed event is retried before the next one, with the same id.
    let seqs: Vec<i64> = got.iter().map(|one| seq(&one.ids()[0])).collect();
    assert!(seqs.is_sorted(), "{seqs:?}");
    assert_eq!(firsts(&got).len(), count);
    let mut texts: Vec<String> = got.iter().flat_map(Got::texts).collect();
    texts.dedup();
    assert_eq!(texts, expected);
    let attempts = check(&got, &secret).await;
    assert_eq!(
        attempts.values().filter(|tries| **tries == 2).count(),
        refused
    );
    assert_eq!(
        attempts.values().filter(|tries| **tries == 1).count(),
        count - refused
    );
    let hook = until(&scene, "crm", |hook| hook["waiting"] == 0).await;
    assert_eq!(
        (&hook["delivered"], &hook["dead_letters"]),
        (&json!(count), &json!(0))
    );
    let log = scene.wmctl.log();
    assert!(
        !log.contains(&secret) && !log.contains("message 1"),
        "a secret is logged"
    );
    ended(&mut serve).await;
}

/// Waits until `wanted` accepts the webhook.
async fn until(scene: &Scene, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let look = async {
        loop {
            let shown = scene.shown(id).await;
            if wanted(&shown) {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    match tokio::time::timeout(Duration::from_secs(30), look).await {
        Ok(shown) => shown,
        Err(_) => panic!("{:#?}", scene.shown(id).await),
    }
}

async fn ended(serve: &mut Program) {
    serve.terminate().await;
    assert!(serve.ended().await.success(), "{}", serve.log_tail());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_taken_becomes_a_dead_letter() {
    let scene = Scene::set().await;
    let plan = |got: &Got| match got.body.contains("poison") {
        true => Reply::Status(400),
        false => Reply::Status(200),
    };
    let receiver = Receiver::start(plan).await;
    scene.hook("crm", &receiver.url, &["--batch", "10"]).await;
    let mut serve = scene.serve(&["--webhook-attempts", "3"]).await;
    for text in ["first", "poison", "last"] {
        scene.says(text).await;
    }
    let got = receiver
        .until("the last one", |got| {
            got.iter().any(|one| one.texts() == ["last"])
        })
        .await;
    // The event fails in a batch or alone; after a failed batch it is always sent alone.
    let alone = got.iter().filter(|one| one.texts() == ["poison"]).count();
    assert!((2..=3).contains(&alone), "{got:#?}");
    let dead = scene.wmctl.done(&["webhooks", "dead", "crm"]).await;
    let dead: Value = serde_json::from_str(&dead).unwrap();
    assert_eq!(
        (&dead["type"], &dead["attempts"]),
        (&json!("message"), &json!(3))
    );
    assert_eq!(dead["reason"], "the receiver answers 400");
    // The redelivered event fails once more and then succeeds.
    for (status, left) in [(500, 1), (200, 0)] {
        receiver.becomes(move |_| Reply::Status(status));
        let before = receiver.got().len();
        scene.wmctl.done(&["webhooks", "redeliver", "crm"]).await;
        let again = receiver
            .until("the dead letter", |got| before < got.len())
            .await;
        assert_eq!(again[before].texts(), ["poison"]);
        assert_eq!(
            again[before].ids(),
            got.iter()
                .find(|one| one.texts() == ["poison"])
                .unwrap()
                .ids()
        );
        until(&scene, "crm", |hook| hook["dead_letters"] == left).await;
    }
    let absent = scene
        .wmctl
        .output(&["webhooks", "redeliver", "crm", "--seq", "7"])
        .await;
    assert_eq!(absent.status.code(), Some(5));
    ended(&mut serve).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_gone_is_paused() {
    let scene = Scene::set().await;
    let receiver = Receiver::start(|_| Reply::Status(410)).await;
    scene.hook("crm", &receiver.url, &[]).await;
    let mut serve = scene.serve(&[]).await;
    scene.says("hello").await;
    let hook = until(&scene, "crm", |hook| hook["state"] == "paused").await;
    assert_eq!(
        (&hook["reason"], &hook["waiting"]),
        (&json!("gone"), &json!(1))
    );
    receiver.becomes(|_| Reply::Status(200));
    scene.says("is anybody there?").await;
    until(&scene, "crm", |hook| hook["waiting"] == 2).await;
    assert_eq!(receiver.got().len(), 1);
    scene.wmctl.done(&["webhooks", "resume", "crm"]).await;
    let got = receiver.until("both messages", |got| got.len() == 3).await;
    assert_eq!(got[1].ids(), got[0].ids());
    assert_eq!(got[2].texts(), ["is anybody there?"]);
    // A paused webhook can still be tested.
    scene.wmctl.done(&["webhooks", "pause", "crm"]).await;
    let test = scene.wmctl.done(&["webhooks", "test", "crm"]).await;
    let test: Value = serde_json::from_str(&test).unwrap();
    assert_eq!(
        (&test["test"], &test["reason"]),
        (&json!("the receiver answers 200"), &json!("by_hand"))
    );
    assert_eq!(receiver.got()[3].events()[0]["type"], "test");
    receiver.becomes(|_| Reply::Status(503));
    let failed = scene.wmctl.output(&["webhooks", "test", "crm"]).await;
    assert_eq!(failed.status.code(), Some(9));
    ended(&mut serve).await;
    let nobody = scene
        .wmctl
        .output(&["webhooks", "test", "crm", "--timeout", "0"])
        .await;
    assert_eq!(nobody.status.code(), Some(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_words_of_an_account_are_delivered() {
    let scene = Scene::set().await;
    let receiver = Receiver::start(|_| Reply::Late(Duration::from_millis(200), 200)).await;
    let add = ["webhooks", "add", &receiver.url, "--type", "state"];
    scene.wmctl.done(&add).await;
    let mut serve = scene.serve(&[]).await;
    let device = scene.sim.devices(NUMBER).await.unwrap().pop().unwrap();
    scene.sim.remove_device(&device.jid).await.unwrap();
    serve
        .expect("its end", |line| line["type"] == "ended")
        .await;
    let got = receiver.got();
    let last = got.last().expect("something was said").events();
    assert_eq!(last[0]["state"], "logged_out", "{last:?}");
    ended(&mut serve).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_allowed_is_reached() {
    let scene = Scene::set().await;
    let plain = Receiver::start(|_| Reply::Status(200)).await;
    let (secured, root) = Receiver::start_secured(scene.folder.path()).await;
    let by_name = plain.url.replace("127.0.0.1", "localhost");
    for (id, url) in [
        ("plain", &plain.url),
        ("by-name", &by_name),
        ("secured", &secured.url),
    ] {
        scene.hook(id, url, &[]).await;
    }
    let test = async |id: &str, code: i32, outcome: &str| {
        let tested = scene.wmctl.output(&["webhooks", "test", id]).await;
        assert_eq!(tested.status.code(), Some(code), "{id}: {tested:?}");
        let shown = scene.shown(id).await;
        assert!(
            shown["test"].as_str().unwrap().contains(outcome),
            "{id}: {shown}"
        );
    };
    let mut serve = scene.wmctl.start(&["serve", "--no-http"]);
    for id in ["plain", "by-name", "secured"] {
        test(id, 9, "private network").await;
    }
    ended(&mut serve).await;
    assert!(plain.got().is_empty() && secured.got().is_empty());
    // The host first does not trust the receiver's root certificate, and then it does.
    let allow = ["--webhook-allow", "127.0.0.0/8", "--webhook-allow", "::1"];
    let mut serve = scene
        .wmctl
        .start(&[&["serve", "--no-http"], &allow[..]].concat());
    test("secured", 9, "no TLS").await;
    test("by-name", 0, "answers 200").await;
    ended(&mut serve).await;
    let trust = [
        "serve",
        "--no-http",
        "--webhook-ca-file",
        root.to_str().unwrap(),
    ];
    let mut serve = scene.wmctl.start(&[&trust[..], &allow].concat());
    test("secured", 0, "answers 200").await;
    ended(&mut serve).await;
    for (url, what) in [
        ("ftp://crm.example/", "https://"),
        ("https://me:secret@crm.example/", "user name"),
        ("https://crm.example/#a", "fragment"),
    ] {
        let refused = scene.wmctl.output(&["webhooks", "add", url]).await;
        let words = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{words}");
        assert!(
            words.contains(what) && !words.contains("secret@"),
            "{words}"
        );
    }
}

/// Returns the example receiver from the documents.
fn documented() -> &'static str {
    let page = include_str!("../../../docs/how-to/webhooks.md");
    let (_, rest) = page.split_once("```js receiver.mjs\n").unwrap();
    rest.split_once("```").unwrap().0
}

/// Sends an incomplete request, which must not end the receiver. Waits until the receiver notices
/// it.
async fn cut(port: &str, log: &Path) {
    let mut cut = TcpStream::connect(format!("127.0.0.1:{port}"))
        .await
        .unwrap();
    let head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"events\":";
    cut.write_all(head.as_bytes()).await.unwrap();
    drop(cut);
    let noticed = async {
        while std::fs::read_to_string(log).unwrap_or_default().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, noticed)
        .await
        .expect("the cut is noticed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_receiver_takes_what_is_genuine() {
    let scene = Scene::set().await;
    let script = scene.folder.path().join("receiver.mjs");
    // Replace the part that readers write themselves; here it fails once for each text.
    let own = "const handle = async (event) => console.log(event.type, event.text)";
    assert!(documented().contains(own));
    let failing = "const failed = new Set()
        const handle = async (event) => {
          if (failed.size < failed.add(event.text).size) throw new Error('not yet')
          console.log(event.type, event.text)
        }";
    std::fs::write(&script, documented().replace(own, failing)).unwrap();
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let secret =
        "a secret of\u{2026}sixteen".replace(|char: char| !char.is_ascii_alphabetic(), "-");
    let mut command = Command::new("node");
    command
        .arg(&script)
        .env("PORT", &port)
        .env("SECRET", &secret);
    let mut node = Program::start("receiver", command, &scene.folder.path().join("node.log"));
    let listens = async {
        while TcpStream::connect(format!("127.0.0.1:{port}"))
            .await
            .is_err()
        {
            tokio::task::yield_now().await;
        }
    };
    // Delivery makes two attempts, so wait until the receiver listens.
    let listens = timeout(PATIENCE, listens).await;
    listens.expect("the receiver listens");
    cut(&port, &scene.folder.path().join("node.log")).await;
    let file = scene.folder.path().join("secret");
    std::fs::write(&file, format!("{secret}\n")).unwrap();
    let url = format!("http://127.0.0.1:{port}/");
    let given = ["--secret-file", file.to_str().unwrap()];
    assert_eq!(scene.hook("genuine", &url, &given).await, secret);
    scene.hook("forged", &url, &[]).await;
    let mut serve = scene.serve(&["--webhook-attempts", "2"]).await;
    scene
        .sim
        .phone_sends(FRIEND, NUMBER, "gr\u{fc}\u{df}e")
        .await
        .unwrap();
    node.expect("the message", |line| line == "message gr\u{fc}\u{df}e")
        .await;
    let forged = until(&scene, "forged", |hook| hook["dead_letters"] == 1).await;
    assert_eq!(forged["last_failure"], "the receiver answers 401");
    assert!(
        node.heard(|line| line.to_string().contains("gr"))
            .is_empty(),
        "it came twice"
    );
    ended(&mut serve).await;
}
