//! A tenant that receives very many messages, and a webhook that never answers.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{FRIEND, comes, count, one_host, says};
use crate::api::fleet::{Fleet, phone, tenant};
use crate::api::http::ask;
use crate::support::number;
use crate::support::program::PATIENCE;
use crate::support::receiver::{Receiver, Reply};

/// Much longer than one message needs, and much shorter than the flood lasts on a slow machine.
const SOON: Duration = Duration::from_secs(5);
/// Most memory in KiB that the flood may add to the host.
const GROWTH_KIB_MAX: u64 = 200 << 10;

/// Returns the resident memory of a process in KiB.
pub(super) fn memory_kib(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_leaves_room_for_others() {
    let messages = number("WMCTL_FLOOD_MESSAGES", 1_500);
    let mut fleet = Fleet::start(2).await;
    one_host(&mut fleet).await;
    let id = fleet.hosts["a"].id().unwrap();
    says(&fleet, 0, "before").await;
    comes(&fleet, 0, "before", 1).await;
    let before = memory_kib(id);
    let at_once = Duration::ZERO;
    fleet
        .sim
        .phone_chats(FRIEND, &phone(0), messages, at_once)
        .await
        .unwrap();
    comes(&fleet, 0, "message %", 1).await;
    let (mut slowest, mut most, mut round) = (Duration::ZERO, before, 0);
    let all = usize::try_from(messages).unwrap();
    let begun = Instant::now();
    while count(&fleet, 0, "message %") < all {
        let text = format!("quiet {round}");
        says(&fleet, 1, &text).await;
        slowest = slowest.max(comes(&fleet, 1, &text, 1).await);
        most = most.max(memory_kib(id));
        round += 1;
        assert!(begun.elapsed() < PATIENCE * 3, "the flood does not end");
    }
    assert!(0 < round, "the flood was over at once");
    assert!(slowest < SOON, "the slowest took {slowest:?}");
    let grown = most.saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX, "{grown} KiB more");
}

/// A polling reader waits for an event, and continues after the last one.
async fn polled(fleet: &Fleet, address: &str) {
    let path = format!("/api/tenants/{}/events", tenant(1));
    let mut next = 0;
    let mut page = async |wait: u32| {
        let path = format!("{path}?limit=256&wait={wait}&from_seq={next}");
        let page = ask(address, "", "GET", &path, None).await.json();
        let page = page["items"].as_array().unwrap().clone();
        next = page
            .last()
            .map_or(next, |last| last["seq"].as_i64().unwrap() + 1);
        page
    };
    while !page(0).await.is_empty() {}
    let waits = async { while !page(25).await.iter().any(|event| event["text"] == "news") {} };
    let ((), ()) = tokio::join!(waits, says(fleet, 1, "news"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_never_answers_holds_up_no_other() {
    let mut fleet = Fleet::start(2).await;
    let endless = Receiver::start(|_| Reply::Hang).await;
    let quick = Receiver::start(|_| Reply::Status(200)).await;
    for (index, id, url) in [
        (0, "endless", &endless.url),
        (0, "quick", &quick.url),
        (1, "quick", &quick.url),
    ] {
        let add = ["webhooks", "add", url, "--id", id, "--type", "message"];
        let name = tenant(index);
        fleet
            .wmctl
            .done(&[&add[..], &["--tenant", &name]].concat())
            .await;
    }
    let address = one_host(&mut fleet).await;
    says(&fleet, 0, "first").await;
    endless.until("the first", |got| !got.is_empty()).await;
    for round in 0..10 {
        says(&fleet, 0, &format!("zero {round}")).await;
        says(&fleet, 1, &format!("one {round}")).await;
    }
    quick
        .until("all of the others", |got| got.len() == 21)
        .await;
    assert_eq!(endless.got().len(), 1, "one request at a time");
    polled(&fleet, &address).await;
    quick.until("the news", |got| got.len() == 22).await;
    // The backlog is visible without a series for each tenant.
    let path = format!("/api/tenants/{}/webhooks", tenant(0));
    let hooks = ask(&address, "", "GET", &path, None).await.json();
    let waiting: Vec<&Value> = hooks["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["waiting"])
        .collect();
    assert_eq!(waiting, [&Value::from(11), &Value::from(0)]);
    let metrics = ask(&address, "", "GET", "/metrics", None).await;
    let metrics = String::from_utf8(metrics.body).unwrap();
    let lag = metrics
        .lines()
        .find_map(|line| line.strip_prefix("wmctl_webhook_lag_seconds "));
    assert!(0.0 < lag.unwrap().parse().unwrap(), "{metrics}");
    let taken = "wmctl_webhook_deliveries_total{outcome=\"delivered\"} 22";
    assert!(metrics.lines().any(|line| line == taken), "{metrics}");
}
