//! Tenants whose phones transfer a long history, beside one that chats, while a host is killed.

use std::time::Duration;

use tokio::time::Instant;
use wmctl::sim::HistorySpec;

use super::traffic::memory_kib;
use super::{comes, count, one_host, says};
use crate::api::fleet::{Fleet, phone, tenant};
use crate::support::number;
use crate::support::program::PATIENCE;

/// More tenants than may hold a history at the same time, and one that chats.
const LADEN: usize = 3;
const CHATTING: usize = LADEN;
/// Messages of one chat.
const OF_A_CHAT: u32 = 100;
/// Bytes of each text.
const PADDING: u32 = 300;
/// Most memory in KiB that the histories may add to a host.
const GROWTH_KIB_MAX: u64 = 200 << 10;

/// Returns the number of history messages of all tenants, and how many of them are distinct.
fn taken(fleet: &Fleet) -> (u64, u64) {
    let sql =
        "SELECT count(*) || ' ' || count(DISTINCT business_id || ' ' || split_part(text, '.', 1))
        FROM wmctl_event WHERE kind = 'history_message'";
    let row = fleet.server.sql("wm", sql);
    let (all, different) = row.trim().split_once(' ').unwrap();
    (all.parse().unwrap(), different.parse().unwrap())
}

/// Chats with the last tenant until `over` holds. Returns the host's largest memory in KiB.
async fn chat_until(fleet: &Fleet, host: &str, round: &mut u32, over: impl Fn() -> bool) -> u64 {
    let id = fleet.hosts[host].id().unwrap();
    let (begun, mut most) = (Instant::now(), 0);
    while !over() {
        let text = format!("live {round}");
        says(fleet, CHATTING, &text).await;
        comes(fleet, CHATTING, &text, 1).await;
        *round += 1;
        most = most.max(memory_kib(id));
        assert!(begun.elapsed() < PATIENCE * 4, "the history does not end");
    }
    most
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_past_of_some_holds_up_no_other_and_survives_a_kill() {
    let messages = number("WMCTL_HISTORY_MESSAGES", 3_000);
    let chats = messages.div_ceil(OF_A_CHAT);
    let all = u64::from(chats * OF_A_CHAT) * LADEN as u64;
    let mut fleet = Fleet::start(LADEN + 1).await;
    one_host(&mut fleet).await;
    let mut round = 0;
    let once = std::cell::Cell::new(false);
    chat_until(&fleet, "a", &mut round, || once.replace(true)).await;
    for index in 0..LADEN {
        let past = HistorySpec {
            conversations: chats,
            messages: OF_A_CHAT,
            padding: PADDING,
            inline: false,
            // The first download fails and must be retried.
            refused: u32::from(index == 0),
        };
        let given = fleet.sim.hand_over_past(&phone(index), past).await.unwrap();
        assert_eq!(given, 1);
    }
    chat_until(&fleet, "a", &mut round, || 0 < taken(&fleet).0).await;
    fleet.hosts.get_mut("a").unwrap().kill().await;
    fleet.hosts.remove("a");
    let (before, _) = taken(&fleet);
    assert!(
        before < all,
        "{before} of {all}: it was over before the kill"
    );
    fleet.join("b").await;
    says(&fleet, CHATTING, "after the kill").await;
    comes(&fleet, CHATTING, "after the kill", 1).await;
    let first = memory_kib(fleet.hosts["b"].id().unwrap());
    let rounds = round;
    let most = chat_until(&fleet, "b", &mut round, || all <= taken(&fleet).0).await;
    assert!(rounds < round, "the other tenant chatted meanwhile");
    assert!(
        most < first + GROWTH_KIB_MAX,
        "{first} KiB became {most} KiB"
    );
    assert_eq!(taken(&fleet), (all, all), "each message once");
    // The end is reported once, and no work is left.
    let told = "SELECT count(*) FROM wmctl_event WHERE kind = 'history_sync'";
    let left = "SELECT count(*) FROM wmctl_history";
    let begun = Instant::now();
    while fleet.server.sql("wm", told).trim() != LADEN.to_string() {
        assert!(begun.elapsed() < PATIENCE, "the end is not told");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(fleet.server.sql("wm", left).trim(), "0");
    let detail = "SELECT DISTINCT (CAST(detail AS json)->>'messages') || ' ' ||
        coalesce(CAST(detail AS json)->>'failure', 'whole')
        FROM wmctl_event WHERE kind = 'history_sync'";
    let detail = fleet.server.sql("wm", detail);
    assert_eq!(detail.trim(), format!("{} whole", chats * OF_A_CHAT));
    // The other tenant's messages, in order, each once.
    let sql = format!(
        "SELECT text FROM wmctl_event WHERE business_id = '{}' AND text LIKE 'live %' ORDER BY seq",
        tenant(CHATTING)
    );
    let live: Vec<String> = (0..round).map(|number| format!("live {number}")).collect();
    let stored = fleet.server.sql("wm", &sql);
    assert_eq!(stored.lines().collect::<Vec<_>>(), live);
    assert_eq!(count(&fleet, CHATTING, "past %"), 0);
}
