//! Log lines of a host with many tenants name their tenant.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::fleet::{FRIEND, Fleet, phone, tenant};

/// Modules that work for one account at a time, so that each of their lines must name it.
const OF_ONE_ACCOUNT: [&str; 3] = [
    "wmctl::engine::actor",
    "wmctl::engine::leased",
    "wmctl::daemon::webhooks",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_line_about_a_tenant_names_it() {
    let mut fleet = Fleet::start(2).await;
    fleet.wmctl.set("WMCTL_LOG_FORMAT", "json");
    fleet.wmctl.set("WMCTL_LOG_LEVEL", "wmctl=debug,warn");
    let before = fleet.wmctl.log().len();
    fleet.join("a").await;
    fleet.settled(&BTreeSet::new()).await;
    let mut sent = Vec::new();
    for to in 0..fleet.tenants {
        let text = format!("for {to}");
        let written = fleet.sim.phone_sends(FRIEND, &phone(to), &text).await;
        written.unwrap();
        sent.push((to, text));
    }
    fleet.nothing_lost_or_doubled(&sent).await;
    // The server closes both connections, so that their actors log something.
    let host = fleet.hosts.get_mut("a").unwrap();
    host.terminate().await;
    assert!(host.ended().await.success());
    let log = fleet.wmctl.log()[before..].to_owned();
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    for line in log.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        assert!(line["tenant"].is_null(), "{line}");
        let target = line["target"].as_str().unwrap_or_default();
        let name = match &line["span"]["business_id"] {
            Value::Null => &line["business_id"],
            name => name,
        };
        let of_one = OF_ONE_ACCOUNT
            .iter()
            .any(|module| target.starts_with(module));
        assert!(!of_one || name.is_string(), "of which tenant? {line}");
        if of_one {
            *named.entry(name.as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    for index in 0..fleet.tenants {
        assert!(named.contains_key(&tenant(index)), "{named:?}\n{log}");
    }
}
