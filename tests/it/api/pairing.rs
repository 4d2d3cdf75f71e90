//! Linking a device over HTTP: one host links, another shows the code.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::{Instant, timeout};

use super::fleet::{Fleet, phone};
use super::http::{Answer, ask, strict};
use crate::support::program::PATIENCE;

/// Repeats a request until `wanted` accepts the response.
async fn until(address: &str, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = ask(address, "", "GET", path, None).await;
        if wanted(&answer) {
            return answer;
        }
        let body = String::from_utf8_lossy(&answer.body);
        assert!(
            begun.elapsed() < PATIENCE,
            "{path}: {} {body}",
            answer.status
        );
    }
}

/// Checks that both hosts draw the current code.
async fn is_drawn(a: &str, b: &str, path: &str) {
    let drawn = until(b, &format!("{path}?format=text"), |drawn| {
        drawn.status == 200
    })
    .await;
    assert!(String::from_utf8(drawn.body).unwrap().contains("█▀▀▀▀▀█"));
    let image = ask(a, "", "GET", &format!("{path}?format=png"), None).await;
    assert!(image.head.contains("content-type: image/png"));
    assert!(image.body.starts_with(b"\x89PNG"));
}

/// An unknown tenant is refused, unless the request asks to create it.
async fn is_begun_on_purpose(at: &str, path: &str) {
    let unknown = ask(at, "", "POST", path, None).await;
    assert_eq!(
        (unknown.status, &unknown.json()["code"]),
        (404, &json!("NOT_FOUND"))
    );
    let create = Some(json!({ "create": true }));
    let begun = ask(at, "", "POST", path, create).await;
    assert_eq!(
        (begun.status, &begun.json()["event"]),
        (202, &json!("connecting"))
    );
    assert!(begun.head.contains(&format!("\r\nlocation: {path}")));
}

#[tokio::test]
async fn any_host_shows_the_code_that_another_got() {
    let mut fleet = Fleet::start(0).await;
    let (a, b) = (fleet.join("a").await, fleet.join("b").await);
    fleet.sim.add_account(&phone(0), "Somebody").await.unwrap();
    let path = "/api/tenants/acme/pair";
    assert_eq!(ask(&b, "", "GET", path, None).await.status, 404);
    is_begun_on_purpose(&a, path).await;
    assert_eq!(ask(&b, "", "POST", path, None).await.status, 409);
    // One host cancels, the other ends the attempt, and a new attempt starts.
    until(&b, path, |answer| answer.json()["event"] == "qr").await;
    assert_eq!(ask(&b, "", "DELETE", path, None).await.status, 204);
    let failed = ask(&a, "", "GET", path, None).await.json();
    assert_eq!(
        (&failed["event"], &failed["ended"], &failed["error"]),
        (&json!("failed"), &json!(true), &json!("CANCELLED"))
    );
    let begun = Instant::now();
    while ask(&b, "", "POST", path, None).await.status != 202 {
        assert!(begun.elapsed() < PATIENCE, "the first attempt does not end");
    }
    let mut events = Command::new("curl")
        .args(["-sSN", &format!("http://{a}{path}/events")])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(events.stdout.take().unwrap()).lines();
    let mut code = None;
    let mut heard = Vec::new();
    let follow = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            let Some(data) = line.strip_prefix("data:") else {
                continue;
            };
            let step: Value = strict(data.as_bytes()).unwrap();
            assert_eq!(step["business_id"], "acme");
            heard.push(step["event"].as_str().unwrap().to_owned());
            if step["event"] == "qr" && code.is_none() {
                let text = step["code"].as_str().unwrap().to_owned();
                is_drawn(&a, &b, path).await;
                fleet.sim.scan(&phone(0), &text).await.unwrap();
                code = Some(text);
            }
        }
    };
    timeout(PATIENCE, follow).await.expect("the events end");
    assert_eq!(
        heard.last().map(String::as_str),
        Some("paired"),
        "{heard:?}"
    );
    let connected = |list: &[Value]| list.iter().any(|one| one["state"] == "connected");
    fleet.until("the new tenant runs", connected).await;
    let last = ask(&b, "", "GET", path, None).await.json();
    assert!(
        last["jid"].as_str().unwrap().starts_with(&phone(0)),
        "{last}"
    );
    nothing_is_to_begin(&b, path).await;
}

/// Checks that a paired tenant allows no new attempt and has no code.
async fn nothing_is_to_begin(host: &str, path: &str) {
    let again = ask(host, "", "POST", path, None).await;
    assert_eq!(
        (again.status, &again.json()["code"]),
        (409, &json!("ALREADY_PAIRED"))
    );
    let drawn = ask(host, "", "GET", &format!("{path}?format=png"), None).await;
    assert_eq!(drawn.status, 404);
}

#[tokio::test]
async fn a_code_is_typed_on_the_phone() {
    let mut fleet = Fleet::start(0).await;
    let at = fleet.join("a").await;
    fleet.sim.add_account(&phone(0), "Somebody").await.unwrap();
    let path = "/api/tenants/acme/pair";
    let body = json!({ "phone": format!("+{}", phone(0)), "create": true });
    assert_eq!(ask(&at, "", "POST", path, Some(body)).await.status, 202);
    let shown = until(&at, path, |answer| answer.json()["event"] == "code")
        .await
        .json();
    let code = shown["code"].as_str().unwrap();
    fleet.sim.type_code(&phone(0), code).await.unwrap();
    until(&at, path, |answer| answer.json()["event"] == "paired").await;
    assert_eq!(fleet.sim.breaches().await.unwrap(), []);
}

#[tokio::test]
async fn only_so_many_devices_are_linked_at_once() {
    const MOST: usize = 16;
    let mut fleet = Fleet::start(0).await;
    let a = fleet.join("a").await;
    let begin = async |index: usize| {
        let path = format!("/api/tenants/tenant-{index}/pair");
        ask(&a, "", "POST", &path, Some(json!({ "create": true }))).await
    };
    for index in 0..MOST {
        assert_eq!(begin(index).await.status, 202);
    }
    let refused = begin(MOST).await;
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (503, &json!("BUSY"))
    );
    // The end of one attempt frees a slot for the next.
    let first = "/api/tenants/tenant-0/pair";
    assert_eq!(ask(&a, "", "DELETE", first, None).await.status, 204);
    let begun = Instant::now();
    while begin(MOST).await.status != 202 {
        assert!(begun.elapsed() < PATIENCE, "there is no room");
    }
}
