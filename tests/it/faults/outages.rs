//! Servers that go away and come back during traffic.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Traffic, server, state};
use crate::support::frozen::Frozen;
use crate::support::http::{free_address, get_from};
use crate::support::postgres::Postgres;
use crate::support::program::PATIENCE;
use crate::support::stage::Stage;
use crate::support::tap::Tap;

/// The longest outage that the connection must survive.
const OUTAGE: Duration = Duration::from_secs(9);
/// How soon the state must report an outage.
const NOTICE_MAX: Duration = Duration::from_secs(3);
/// How soon after the server accepts connections again the account must work.
const RECOVERY_MAX: Duration = Duration::from_secs(1);
const ROUNDS: u32 = 3;
/// Longer than a loop that hangs may go unnoticed.
const AWAY: Duration = Duration::from_secs(14);
const LOOK: Duration = Duration::from_millis(200);

/// Repeatedly causes a fault of the server during traffic.
async fn survives(server: Postgres, messages: u32, fault: fn(&Postgres)) {
    let server = Arc::new(server);
    let mut traffic = Traffic::connect(&server.url("wm"), messages).await;
    let logins = traffic.logins().await;
    traffic.chats().await;
    for round in 1..=ROUNDS {
        traffic.put_in(round * 90 / ROUNDS).await;
        let server = server.clone();
        let faulty = tokio::task::spawn_blocking(move || fault(&server));
        faulty.await.unwrap();
        let violations = traffic.stage.violations().await;
        assert!(violations.is_empty(), "{violations:#?}");
    }
    assert_eq!(traffic.logins().await, logins, "the link was given up");
    traffic.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fast_restarts_cost_nothing() {
    survives(server(), 120, |server| server.restart("fast")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn immediate_restarts_cost_nothing() {
    survives(server(), 120, |server| server.restart("immediate")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_backends_cost_nothing() {
    survives(server(), 120, |server| {
        // Several in a row, so that new connections are killed too.
        let killed: String = (0..5).map(|_| server.sql("wm", KILL)).collect();
        assert!(!killed.is_empty(), "nothing was killed");
    })
    .await;
}

const KILL: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name LIKE 'wmctl%'";

/// A period in which the server cannot be used.
struct Outage {
    begin: fn(&Postgres),
    lasts: Duration,
    end: fn(&Postgres),
}

/// Checks that the state reports the outage at once, that the connection survives, and that the
/// account works again soon after.
async fn outlives(server: Postgres, url: &str, outage: Outage) {
    let mut traffic = Traffic::connect(url, 120).await;
    let logins = traffic.logins().await;
    traffic.chats().await;
    traffic.put_in(40).await;
    (outage.begin)(&server);
    let since = Instant::now();
    let stalled = state("stalled");
    let stalled = traffic.run.expect("the stalled state", stalled).await;
    assert_eq!(stalled["reason"], "database");
    assert!(since.elapsed() < NOTICE_MAX, "{:?}", since.elapsed());
    tokio::time::sleep_until(since + outage.lasts).await;
    (outage.end)(&server);
    let since = Instant::now();
    let connected = state("connected");
    traffic.run.expect("the connected state", connected).await;
    let took = since.elapsed();
    assert!(took < RECOVERY_MAX, "back after {took:?}");
    assert_eq!(traffic.logins().await, logins, "the link was given up");
    traffic.settled().await;
}

/// All connections are taken, and those of wmctl are killed.
#[tokio::test(flavor = "multi_thread")]
async fn refused_connections_cost_nothing() {
    let server = server();
    server.sql(
        "wm",
        "CREATE ROLE app LOGIN; ALTER DATABASE wm OWNER TO app;",
    );
    server.sql("wm", "GRANT ALL ON SCHEMA public TO app");
    let url = server.url("wm").replace("user=wm", "user=app");
    let refused = Outage {
        begin: |server| {
            server.sql("wm", "ALTER ROLE app CONNECTION LIMIT 0");
            assert!(!server.sql("wm", KILL).is_empty(), "nothing was killed");
        },
        lasts: Duration::from_secs(3),
        end: |server| {
            server.sql("wm", "ALTER ROLE app CONNECTION LIMIT -1");
        },
    };
    outlives(server, &url, refused).await;
}

/// The server is down for as long as WhatsApp waits.
#[tokio::test(flavor = "multi_thread")]
async fn the_link_outlives_an_outage() {
    let server = server();
    let url = server.url("wm");
    let down = Outage {
        begin: |server| server.stop("fast"),
        lasts: OUTAGE,
        end: Postgres::start_again,
    };
    outlives(server, &url, down).await;
}

/// Without any traffic, the state must still report an outage, and its end.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_account_says_that_the_server_is_away() {
    let server = server();
    let tap = Tap::before(&server.socket()).await;
    let mut traffic = Traffic::connect(&tap.url("wm"), 8).await;
    let logins = traffic.logins().await;
    tap.set_open(false);
    traffic
        .run
        .expect("the stalled state", state("stalled"))
        .await;
    tap.set_open(true);
    traffic
        .run
        .expect("the connected state", state("connected"))
        .await;
    assert_eq!(traffic.logins().await, logins, "the link was given up");
    traffic.chats().await;
    traffic.settled().await;
}

/// Asks whether processes work, again and again for so long.
async fn all_live(addresses: &[SocketAddr], lasts: Duration) {
    let since = Instant::now();
    while since.elapsed() < lasts {
        for address in addresses {
            let (code, body) = get_from(*address, "/live").await;
            assert_eq!(code, 200, "{address} after {:?}: {body}", since.elapsed());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A supervisor ends no process because the database server is down or hangs: a new process could
/// do no better.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_process_is_live_while_the_server_is_away() {
    let server = server();
    let commands: [&[&str]; 3] = [
        &["run"],
        &["run", "--ha", "--ha-timeout", "20s"],
        // Longer than a loop may stand still.
        &["serve", "--silence", "20s"],
    ];
    let mut all = Vec::new();
    for (database, command) in ["a", "b", "c"].into_iter().zip(commands) {
        server.create(database);
        let stage = Stage::set_on(Some(&server.url(database))).await;
        let http = free_address();
        let run = stage
            .wmctl
            .start(&[command, &["--http", &http.to_string()]].concat());
        all.push((http, Traffic::of(stage, run, 8).await));
    }
    let addresses: Vec<SocketAddr> = all.iter().map(|(http, _)| *http).collect();
    for round in 0..2 {
        if round == 0 {
            let frozen = Frozen::freeze(&server);
            all_live(&addresses, AWAY).await;
            drop(frozen);
        } else {
            server.stop("fast");
            all_live(&addresses, AWAY).await;
            server.start_again();
        }
        let since = Instant::now();
        for address in &addresses {
            while get_from(*address, "/readyz").await.0 != 200 {
                assert!(since.elapsed() < PATIENCE, "{address} does not come back");
                tokio::time::sleep(LOOK).await;
            }
        }
    }
    for (_, mut traffic) in all {
        traffic.run.terminate().await;
        assert!(traffic.run.ended().await.success());
    }
}
