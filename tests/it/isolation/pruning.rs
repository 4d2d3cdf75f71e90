//! Tenants with locked old rows, beside others whose old rows must be pruned.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tokio::time::Instant;

use super::locked::run;
use super::{LOOK, comes, one_host, says};
use crate::api::fleet::{Fleet, tenant};
use crate::support::program::PATIENCE;

/// Two seconds of waiting for each of them would exceed [`SOON`].
const LOCKED: usize = 6;
const FREE: usize = 2;
const SOON: Duration = Duration::from_secs(8);

/// Makes all events of a tenant old.
fn age(fleet: &Fleet, index: usize) {
    let tenant = tenant(index);
    let sql = format!("UPDATE wmctl_event SET stored_ms = 1 WHERE business_id = '{tenant}'");
    fleet.server.sql("wm", &sql);
}

fn old(fleet: &Fleet, index: usize) -> bool {
    let tenant = tenant(index);
    let sql = format!(
        "SELECT count(*) FROM wmctl_event WHERE business_id = '{tenant}' AND stored_ms = 1"
    );
    fleet.server.sql("wm", &sql).trim() != "0"
}

/// Waits until a tenant has no old rows.
async fn forgotten(fleet: &Fleet, index: usize, within: Duration) {
    let begun = Instant::now();
    while old(fleet, index) {
        let took = begun.elapsed();
        assert!(took < within, "{} keeps old rows", tenant(index));
        tokio::time::sleep(LOOK).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_rows_of_others_go_while_some_are_locked() {
    let mut fleet = Fleet::start(LOCKED + FREE).await;
    one_host(&mut fleet).await;
    for index in 0..LOCKED + FREE {
        says(&fleet, index, "before").await;
        comes(&fleet, index, "before", 1).await;
    }
    fleet.hosts.get_mut("a").unwrap().kill().await;
    fleet.hosts.remove("a");
    let mut connection = PgConnection::connect(&fleet.server.url("wm"))
        .await
        .unwrap();
    run(&mut connection, "BEGIN").await;
    for index in 0..LOCKED {
        age(&fleet, index);
        let tenant = tenant(index);
        let sql = format!("SELECT 1 FROM wmctl_event WHERE business_id = '{tenant}' FOR UPDATE");
        run(&mut connection, &sql).await;
    }
    fleet.wmctl.set("WMCTL_KEEP_EVERY", "1s");
    fleet.join("b").await;
    fleet
        .until("all are connected", |list| {
            list.iter().all(|one| one["state"] == "connected")
        })
        .await;
    for round in 0..3 {
        for index in LOCKED..LOCKED + FREE {
            let text = format!("round {round}");
            says(&fleet, index, &text).await;
            comes(&fleet, index, &text, 1).await;
            age(&fleet, index);
            forgotten(&fleet, index, SOON).await;
        }
    }
    // The command lists the tenants that it could not prune, after it pruned all others.
    age(&fleet, LOCKED);
    let pruned = fleet.wmctl.output(&["db", "prune"]).await;
    let words = String::from_utf8_lossy(&pruned.stderr);
    assert_eq!(pruned.status.code(), Some(9), "{words}");
    assert!(words.contains(&tenant(0)), "{words}");
    assert!(!words.contains(&tenant(LOCKED)), "{words}");
    assert!(!old(&fleet, LOCKED));
    assert!((0..LOCKED).all(|index| old(&fleet, index)));
    run(&mut connection, "ROLLBACK").await;
    for index in 0..LOCKED {
        forgotten(&fleet, index, PATIENCE).await;
    }
}
