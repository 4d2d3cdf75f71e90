//! Hosts that lose the database fall silent by themselves before any takeover.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use wmctl::sim::{Direction, Entry};

use super::fleet::{FRIEND, Fleet, phone, tenant};
use crate::support::front::{Front, Target};
use crate::support::network::{Lost, Network};

/// Interval of the friend's messages to each tenant.
const EVERY: Duration = Duration::from_millis(100);

/// A host's own machine and its network paths.
struct Apart {
    network: Network,
    database: Front,
    _whatsapp: Front,
}

fn lease(wanted: &'static str) -> impl Fn(&Value) -> bool {
    move |line| line["type"] == "lease" && line["state"] == wanted
}

/// Starts a host on its own machine.
async fn join(fleet: &mut Fleet, name: &str, number: u32) -> Apart {
    let network = Network::start(number);
    let server = Target::Socket(fleet.server.socket());
    let database = Front::start(network.outside, server).await;
    let whatsapp = fleet.sim.ws_url();
    let address: SocketAddr = whatsapp.split('/').nth(2).unwrap().parse().unwrap();
    let whatsapp = Front::start(network.outside, Target::Address(address)).await;
    let own = fleet.wmctl.clone();
    let url = format!("postgres://wm@{}/wm?sslmode=disable", database.address);
    fleet.wmctl.set("WMCTL_DATABASE_URL", &url);
    let server = format!("ws://{}/ws/chat", whatsapp.address);
    fleet.wmctl.set("WMCTL_SERVER", &server);
    fleet.wmctl.start_inside(&network.inside());
    fleet.join(name).await;
    fleet.wmctl = own;
    Apart {
        network,
        database,
        _whatsapp: whatsapp,
    }
}

/// Lets the friend write to all tenants until `done` completes. Returns what was written.
async fn write_until<T>(
    fleet: &Fleet,
    round: &str,
    sent: &mut Vec<(usize, String)>,
    done: impl Future<Output = T>,
) -> T {
    tokio::pin!(done);
    for number in 0.. {
        for to in 0..fleet.tenants {
            let text = format!("{round} {number} for {to}");
            let phone = phone(to);
            let written = fleet.sim.phone_sends(FRIEND, &phone, &text);
            written.await.unwrap();
            sent.push((to, text));
        }
        tokio::select! {
            done = &mut done => return done,
            () = tokio::time::sleep(EVERY) => (),
        }
    }
    unreachable!("numbers do not end")
}

/// Returns the messages, acks and receipts on these links after a moment; pings do not count.
fn words(journal: &[Entry], links: &BTreeSet<u64>, after_ms: i64, way: Direction) -> Vec<String> {
    let said = journal.iter().filter(|entry| {
        let word = ["message", "ack", "receipt"].contains(&entry.tag.as_str());
        word && links.contains(&entry.link) && after_ms < entry.unix_ms && entry.direction == way
    });
    said.map(|entry| format!("{} at {}", entry.tag, entry.unix_ms))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_cut_off_from_the_database_says_nothing_more() {
    let mut fleet = Fleet::start(3).await;
    let cut = join(&mut fleet, "a", 0).await;
    fleet.settled(&BTreeSet::new()).await;
    let links: BTreeSet<u64> = fleet
        .sim
        .journal()
        .await
        .unwrap()
        .iter()
        .map(|e| e.link)
        .collect();
    let _other = join(&mut fleet, "b", 1).await;
    let mut sent = Vec::new();
    let all_at = |name: &'static str| {
        move |list: &[Value]| {
            list.iter()
                .all(|one| one["host"] == name && one["state"] == "connected")
        }
    };
    // Pin all tenants to `a`, also those that `b` has received, so that all must be taken over.
    for index in 0..fleet.tenants {
        fleet.wish(index, "wanted_host", "'a'");
    }
    let there = fleet.until("all tenants at one host", all_at("a"));
    write_until(&fleet, "before", &mut sent, there).await;
    let before = fleet.sim.journal().await.unwrap();
    let links: BTreeSet<u64> = before.iter().map(|e| e.link).chain(links).collect();

    cut.network.lose(cut.database.address.port(), Lost::Both);
    let taken = fleet.until("the other host has all of them", all_at("b"));
    write_until(&fleet, "cut", &mut sent, taken).await;
    let host = fleet.hosts.get_mut("a").unwrap();
    let suspect = host.expect("it falls silent", lease("suspect")).await;
    assert_eq!(suspect["reason"], "no_heartbeat");
    let deadline: jiff::Timestamp = suspect["deadline"].as_str().unwrap().parse().unwrap();
    let journal = fleet.sim.journal().await.unwrap();
    let after = |way| words(&journal, &links, deadline.as_millisecond(), way);
    // WhatsApp kept sending over the old links, and the host answered nothing.
    assert!(
        !after(Direction::Out).is_empty(),
        "nothing was to be answered"
    );
    assert_eq!(after(Direction::In), Vec::<String>::new());

    cut.network.heal();
    let anew = |line: &Value| line["type"] == "host";
    let host = fleet.hosts.get_mut("a").unwrap();
    host.expect("it begins anew", anew).await;
    fleet.settled(&BTreeSet::new()).await;
    fleet.nothing_lost_or_doubled(&sent).await;
    assert_eq!(fleet.sim.breaches().await.unwrap(), []);
}

async fn logins(fleet: &Fleet) -> usize {
    let journal = fleet.sim.journal().await.unwrap();
    journal
        .iter()
        .filter(|entry| entry.tag == "success")
        .count()
}

/// The database server is down for longer than a heartbeat entitles the hosts to speak. All fall
/// silent, and continue with the same tenants when it returns.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_finds_every_tenant_where_it_was() {
    // With few tenants none moves for rebalancing.
    let mut fleet = Fleet::start(2).await;
    for name in ["a", "b"] {
        fleet.join(name).await;
    }
    let before = fleet.settled(&BTreeSet::new()).await;
    let count = logins(&fleet).await;
    fleet.server.stop("fast");
    let mut sent = Vec::new();
    for to in 0..fleet.tenants {
        let text = format!("away, for {to}");
        fleet
            .sim
            .phone_sends(FRIEND, &phone(to), &text)
            .await
            .unwrap();
        sent.push((to, text));
    }
    for name in ["a", "b"] {
        let host = fleet.hosts.get_mut(name).unwrap();
        host.expect("it falls silent", lease("suspect")).await;
    }
    fleet.server.start_again();
    for name in ["a", "b"] {
        let host = fleet.hosts.get_mut(name).unwrap();
        // The first report is from the start.
        host.expect("it began", lease("active")).await;
        host.expect("it speaks again", lease("active")).await;
    }
    fleet.nothing_lost_or_doubled(&sent).await;
    let after = fleet.settled(&BTreeSet::new()).await;
    let place = |list: &[Value]| -> Vec<Value> {
        let of = |one: &Value| json!([one["business_id"], one["host"], one["epoch"]]);
        list.iter().map(of).collect()
    };
    assert_eq!(place(&after), place(&before));
    assert_eq!(logins(&fleet).await, count, "nobody connects anew");
    assert_eq!(fleet.sim.breaches().await.unwrap(), []);
}

/// A lease that is taken from a live host goes to another host, or returns with a new epoch. All
/// other leases stay.
#[tokio::test]
async fn a_lease_is_taken_from_a_host_that_serves() {
    let mut fleet = Fleet::start(2).await;
    for name in ["a", "b"] {
        fleet.join(name).await;
    }
    let before = fleet.settled(&BTreeSet::new()).await;
    let release = [
        "lock-status",
        "--release",
        &tenant(0),
        "--yes",
        "-o",
        "json",
    ];
    let release: Value = serde_json::from_str(&fleet.wmctl.done(&release).await).unwrap();
    assert_eq!(release["ended_backends"], json!([]), "{release}");
    let left = release["left"][0].as_str().unwrap();
    assert!(left.contains("a host with other tenants"), "{release}");
    assert!(
        before[0]["epoch"].as_i64() < release["epoch"].as_i64(),
        "{release}"
    );
    let after = fleet.settled(&BTreeSet::new()).await;
    assert!(release["epoch"].as_i64() <= after[0]["epoch"].as_i64());
    assert_eq!(after[1]["epoch"], before[1]["epoch"]);
    // `lock-status` explains both leases with the locks of their hosts.
    let locks = fleet.wmctl.done(&["lock-status", "-o", "json"]).await;
    let locks: Value = serde_json::from_str(&locks).unwrap();
    for host in locks["hosts"].as_array().unwrap() {
        assert_eq!(host["timeout_s"], 2.0, "{locks}");
        assert_eq!(
            [&host["session"]["of"], &host["session"]["lock"]],
            ["holder", "host"]
        );
        assert_eq!(host["problems"], Value::Null, "{locks}");
    }
    assert_eq!(locks["hosts"].as_array().unwrap().len(), 2, "{locks}");
    assert_eq!(locks["items"][0]["session"]["lock"], "host", "{locks}");
}
