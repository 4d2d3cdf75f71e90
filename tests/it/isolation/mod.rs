//! One tenant's trouble affects no other: real processes, several tenants.

mod history;
mod locked;
mod pruning;
mod traffic;

use std::time::Duration;

use tokio::time::Instant;

use crate::api::fleet::{Fleet, phone, tenant};
use crate::support::program::PATIENCE;

const FRIEND: &str = "4915112345699";
/// Polling interval for conditions.
const LOOK: Duration = Duration::from_millis(50);

/// Sends a message from a contact to a tenant.
async fn says(fleet: &Fleet, index: usize, text: &str) {
    fleet
        .sim
        .phone_sends(FRIEND, &phone(index), text)
        .await
        .unwrap();
}

/// Returns the number of a tenant's events with this text.
fn count(fleet: &Fleet, index: usize, text: &str) -> usize {
    let tenant = tenant(index);
    let sql = format!(
        "SELECT count(*) FROM wmctl_event WHERE business_id = '{tenant}' AND text LIKE '{text}'"
    );
    fleet.server.sql("wm", &sql).trim().parse().unwrap()
}

/// Waits until a tenant has `wanted` events with this text. Returns the time that it took.
async fn comes(fleet: &Fleet, index: usize, text: &str, wanted: usize) -> Duration {
    let begun = Instant::now();
    while count(fleet, index, text) < wanted {
        let took = begun.elapsed();
        assert!(took < PATIENCE, "{}: {text} does not come", tenant(index));
        tokio::time::sleep(LOOK).await;
    }
    begun.elapsed()
}

/// Starts one host and waits until all tenants are connected. Returns its HTTP address.
async fn one_host(fleet: &mut Fleet) -> String {
    let address = fleet.join("a").await;
    fleet
        .until("all are connected", |list| {
            list.iter().all(|one| one["state"] == "connected")
        })
        .await;
    address
}
