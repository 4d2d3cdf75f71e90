//! The endpoints for load balancers and rolling updates.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::frozen::Frozen;
pub(super) use crate::support::http::get_from;
use crate::support::postgres::Postgres;
use crate::support::program::{PATIENCE, Program};
use crate::support::stage::Stage;

/// Returns status code and body.
async fn get(port: u16, path: &str) -> (u16, String) {
    get_from(([127, 0, 0, 1], port).into(), path).await
}

/// Checks the output with `promtool`, except for one name that whatsmeow's guide prescribes.
fn lint(metrics: &str) {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("`./test` installs promtool");
    let mut input = child.stdin.take().unwrap();
    input.write_all(metrics.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let words = [output.stdout, output.stderr].concat();
    let words = String::from_utf8(words).unwrap();
    let known = "whatsmeow_tenants_total non-counter metrics should not have \"_total\" suffix";
    let wrong: Vec<&str> = words.lines().filter(|line| *line != known).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Checks the metrics that dashboards use.
fn check_metrics(metrics: &str, epoch: &Value) {
    for line in [
        "whatsmeow_tenants_total 1",
        "whatsmeow_tenants_connected 1",
        "wmctl_state{state=\"leader\"} 1",
        "wmctl_state{state=\"active\"} 1",
        "wmctl_state{state=\"standby\"} 0",
        "wmctl_state{state=\"suspect\"} 0",
        &format!("wmctl_lease_epoch{{business_id=\"default\"}} {}", epoch),
        "whatsmeow_failover_total 0",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}\n{metrics}"
        );
    }
    for name in [
        "whatsmeow_messages_received_total{business_id=\"default\"}",
        "whatsmeow_db_query_duration_seconds_bucket{",
    ] {
        assert!(metrics.contains(&format!("\n{name}")), "{name}\n{metrics}");
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn start(stage: &Stage, port: u16) -> Program {
    start_with(stage, port, "1500")
}

fn start_with(stage: &Stage, port: u16, timeout_ms: &str) -> Program {
    let address = format!("127.0.0.1:{port}");
    stage.wmctl.start(&[
        "run",
        "--ha",
        "--ha-timeout",
        timeout_ms,
        "--http",
        &address,
    ])
}

fn lease(wanted: &'static str) -> impl Fn(&Value) -> bool {
    move |line| line["type"] == "lease" && line["state"] == wanted
}

fn connected(line: &Value) -> bool {
    line["type"] == "status" && line["state"] == "connected"
}

/// Returns the value of a series without labels.
async fn metric(port: u16, name: &str) -> f64 {
    let metrics = get(port, "/metrics").await.1;
    let mut lines = metrics.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.expect(name).parse().unwrap()
}

/// Waits until a series has the value. Requests in quick succession get the same values.
async fn metric_becomes(port: u16, name: &str, wanted: f64) {
    let becomes = async {
        while metric(port, name).await != wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let became = tokio::time::timeout(PATIENCE, becomes).await;
    became.unwrap_or_else(|_| panic!("{name} does not become {wanted}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn doubt_and_takeovers_are_measured() {
    let server = Postgres::start();
    server.create("wm");
    let stage = Stage::set_on(Some(&server.url("wm"))).await;
    let (one, two) = (free_port(), free_port());
    let mut leader = start_with(&stage, one, "4000");
    leader.expect("its connection", connected).await;
    leader.expect("its lease", lease("active")).await;
    let mut standby = start_with(&stage, two, "4000");
    standby
        .expect("the standby", |line| line["role"] == "standby")
        .await;
    let health: Value = serde_json::from_str(&get(one, "/health").await.1).unwrap();
    assert_eq!(
        health["components"]["lease"]["liveness"], "lock",
        "{health}"
    );
    let route = &health["components"]["lease"]["route"];
    assert_eq!(route, "direct, liveness lock", "{health}");
    assert_eq!(metric(one, "wmctl_suspect_seconds_total").await, 0.0);

    let is_status = |line: &Value| line["type"] == "status";
    let before = leader.heard(is_status);
    let frozen = Frozen::freeze(&server);
    leader.expect("doubt", lease("suspect")).await;
    drop(frozen);
    leader.expect("its lease again", lease("active")).await;
    let doubt = metric(one, "wmctl_suspect_seconds_total").await;
    assert!(0.0 < doubt && doubt < 30.0, "{doubt}");
    let told = leader.heard(is_status);
    assert_eq!(told, before, "the link is kept");
    assert_eq!(metric(two, "whatsmeow_failover_total").await, 0.0);

    leader.kill().await;
    standby.expect("its lease", lease("active")).await;
    metric_becomes(two, "whatsmeow_failover_total", 1.0).await;
    let took = "wmctl_takeover_duration_seconds";
    assert_eq!(metric(two, &format!("{took}_count")).await, 1.0);
    assert!(0.0 < metric(two, &format!("{took}_sum")).await);
    standby.terminate().await;
    assert!(standby.ended().await.success());
}

#[tokio::test]
async fn leader_and_standby_say_what_they_are() {
    let stage = Stage::set().await;
    let (one, two) = (free_port(), free_port());
    let mut leader = start(&stage, one);
    leader
        .expect("its connection", |line| line["state"] == "connected")
        .await;
    let mut standby = start(&stage, two);
    standby
        .expect("the standby", |line| line["role"] == "standby")
        .await;
    assert_eq!(get(one, "/ready").await, (200, "Ready - Leader".into()));
    assert_eq!(
        get(two, "/ready").await,
        (503, "Not Ready - Standby".into())
    );
    for (path, codes) in [
        ("/live", [200, 200]),
        ("/health", [200, 200]),
        ("/readyz", [200, 200]),
        ("/leader", [200, 503]),
    ] {
        let found = [get(one, path).await.0, get(two, path).await.0];
        assert_eq!(found, codes, "{path}");
    }
    let health = get(two, "/health").await.1;
    let health: Value = serde_json::from_str(&health).unwrap();
    assert_eq!(health["role"], "standby");
    let components = &health["components"];
    assert!(components["lease"]["holder"].is_string(), "{health}");
    assert_eq!(components["lease"]["state"], "standby", "{health}");
    let health = get(one, "/health").await.1;
    let health: Value = serde_json::from_str(&health).unwrap();
    for component in ["database", "lease", "whatsapp", "outbox"] {
        assert_eq!(health["components"][component]["status"], "ok", "{health}");
    }
    assert_eq!(health["components"]["whatsapp"]["state"], "connected");
    let lease = &health["components"]["lease"];
    assert_eq!(lease["state"], "active", "{health}");
    assert!(lease["since"].is_string(), "{health}");
    assert!(lease["deadline"].is_string(), "{health}");
    let metrics = get(one, "/metrics").await.1;
    check_metrics(&metrics, &health["epoch"]);
    lint(&metrics);

    leader.kill().await;
    standby
        .expect("its connection", |line| line["state"] == "connected")
        .await;
    assert_eq!(get(two, "/ready").await, (200, "Ready - Leader".into()));
    let metrics = get(two, "/metrics").await.1;
    assert!(
        metrics.contains("\nwhatsmeow_failover_total 1\n"),
        "{metrics}"
    );
    standby.terminate().await;
    assert!(standby.ended().await.success());
}
