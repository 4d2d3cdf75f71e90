//! `wmctl serve` and its database.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::scene::connected;
use crate::support::frozen::Frozen;
use crate::support::postgres::Postgres;
use crate::support::program::PATIENCE;
use crate::support::stage::Stage;

const GRACE: Duration = Duration::from_secs(2);
/// What is tried beyond that: leases are given back, and then it is said that nobody is here.
const LAST_WORDS: Duration = Duration::from_secs(3 + 3 + 1);
/// What a machine adds that is busy with other tests.
const BUSY: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(5);

fn is_host(line: &Value) -> bool {
    line["type"] == "host"
}

/// The server takes connections and answers nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_ends_in_time_while_its_database_hangs() {
    let server = Postgres::start();
    server.create("wm");
    let stage = Stage::set_on(Some(&server.url("wm"))).await;
    let grace = GRACE.as_secs().to_string();
    for when in ["it serves", "it begins anew"] {
        let mut host = stage
            .wmctl
            .start(&["serve", "--no-http", "--grace", &grace]);
        host.expect("the host", is_host).await;
        host.expect("its tenant", connected).await;
        if when == "it begins anew" {
            const SAID: &str = "beginning anew as another host";
            server.sql("wm", "UPDATE wmctl_host SET state = 'dead' WHERE serves");
            let begun = Instant::now();
            while !stage.wmctl.log().contains(SAID) {
                assert!(begun.elapsed() < PATIENCE, "it is not declared dead");
                tokio::time::sleep(LOOK).await;
            }
        }
        let frozen = Frozen::freeze(&server);
        if when == "it begins anew" {
            // It does so after a second, and gets no answer.
            tokio::time::sleep(Duration::from_secs(2)).await;
            assert_eq!(host.heard(is_host).len(), 0, "it is no host again");
        }
        let since = Instant::now();
        host.terminate().await;
        let code = host.ended().await.code();
        assert_eq!(code, Some(0), "SIGTERM while {when}");
        let took = since.elapsed();
        assert!(took < GRACE + LAST_WORDS + BUSY, "{when}: {took:?}");
        drop(frozen);
    }
}
