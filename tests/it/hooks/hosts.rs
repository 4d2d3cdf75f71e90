//! Hosts that die or hang in the middle of a delivery.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::{FRIEND, NUMBER, Scene, firsts, seq};
use crate::api::fleet::{Fleet, phone, tenant};
use crate::support::program::PATIENCE;
use crate::support::receiver::{Got, Receiver, Reply};

/// Checks order and completeness. A gap in the numbers is an event of another type.
fn check(got: &[Got], texts: &[String]) {
    let ids = firsts(got);
    let seqs: Vec<i64> = ids.iter().map(|id| seq(id)).collect();
    assert!(seqs.is_sorted(), "out of order: {seqs:?}");
    let numbers: BTreeSet<i64> = seqs.iter().copied().collect();
    assert_eq!(numbers.len(), ids.len(), "one event under two ids");
    let mut came: Vec<String> = Vec::new();
    for (id, text) in got
        .iter()
        .flat_map(|one| one.ids().into_iter().zip(one.texts()))
    {
        let at = ids.iter().position(|known| *known == id).unwrap();
        match came.get(at) {
            None => came.push(text),
            Some(before) => assert_eq!(*before, text, "{id} has two contents"),
        }
    }
    assert_eq!(came, texts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_killed_loses_nothing() {
    const MESSAGES: u32 = 40;
    const KILLS: usize = 4;
    let scene = Scene::set().await;
    let slow = |_: &Got| Reply::Late(Duration::from_millis(30), 200);
    let receiver = Receiver::start(slow).await;
    scene.hook("crm", &receiver.url, &[]).await;
    let pause = Duration::from_millis(20);
    scene
        .sim
        .phone_chats(FRIEND, NUMBER, MESSAGES, pause)
        .await
        .unwrap();
    for kill in 1..=KILLS {
        let mut serve = scene.serve(&[]).await;
        // Kill while a request has arrived and is not yet answered.
        let share = MESSAGES as usize / (KILLS + 2) * kill;
        receiver
            .until("some messages", |got| share <= firsts(got).len())
            .await;
        serve.kill().await;
    }
    let mut serve = scene.serve(&[]).await;
    receiver
        .until("all messages", |got| firsts(got).len() == MESSAGES as usize)
        .await;
    serve.terminate().await;
    assert!(serve.ended().await.success());
    let texts: Vec<String> = (1..=MESSAGES)
        .rev()
        .map(|left| format!("message {left}"))
        .collect();
    let got = receiver.got();
    check(&got, &texts);
    assert!(
        got.len() <= MESSAGES as usize + KILLS,
        "more doubles than kills"
    );
}

/// Returns the webhook's position and its count of delivered events.
fn place(fleet: &Fleet) -> (i64, i64) {
    let sql = "SELECT seq || ' ' || delivered FROM wmctl_delivery";
    let text = fleet.server.sql("wm", sql);
    let (seq, delivered) = text.trim().split_once(' ').unwrap();
    (seq.parse().unwrap(), delivered.parse().unwrap())
}

async fn says(fleet: &Fleet, text: &str) {
    fleet
        .sim
        .phone_sends(FRIEND, &phone(0), text)
        .await
        .unwrap();
}

/// Waits until the only tenant is connected at a host.
async fn runs_at(fleet: &Fleet, name: &str) {
    let there = |list: &[Value]| list[0]["state"] == "connected" && list[0]["host"] == name;
    fleet.until("the tenant runs there", there).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_host_moves_nothing() {
    let mut fleet = Fleet::start(1).await;
    let receiver = Receiver::start(|_| Reply::Status(200)).await;
    let (tenant, kind) = (tenant(0), ["--type", "message"]);
    let add = ["webhooks", "add", &receiver.url, "--tenant", &tenant];
    fleet.wmctl.done(&[&add[..], &kind].concat()).await;
    fleet.join("a").await;
    runs_at(&fleet, "a").await;
    says(&fleet, "one").await;
    receiver.until("one", |got| got.len() == 1).await;

    // The host hangs between the request and its response.
    receiver.becomes(|_| Reply::Late(Duration::from_millis(500), 200));
    says(&fleet, "two").await;
    receiver.until("two", |got| got.len() == 2).await;
    fleet.signal("a", "-STOP").await;
    receiver.becomes(|_| Reply::Status(200));
    fleet.join("b").await;
    runs_at(&fleet, "b").await;
    let got = receiver.until("two again", |got| got.len() == 3).await;
    assert_eq!(got[1].ids(), got[2].ids());
    says(&fleet, "three").await;
    receiver.until("three", |got| got.len() == 4).await;
    let moved = async {
        while place(&fleet).1 < 3 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, moved).await.unwrap();
    let before = place(&fleet);

    // The host resumes with the response, and must not record it.
    fleet.signal("a", "-CONT").await;
    let anew = |line: &Value| line["type"] == "host";
    fleet
        .hosts
        .get_mut("a")
        .unwrap()
        .expect("a begins anew", anew)
        .await;
    let after = place(&fleet);
    assert!(before.0 <= after.0 && after.1 == 3, "{before:?} {after:?}");
    says(&fleet, "four").await;
    receiver.until("four", |got| got.len() == 5).await;
    let texts = ["one", "two", "three", "four"].map(str::to_owned);
    check(&receiver.got(), &texts);
}
