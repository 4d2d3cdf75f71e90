//! `wmctl drill` and `wmctl demo`: their reports, and that they leave nothing behind.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::support::pooler::Pooler;
use crate::support::postgres::Postgres;
use crate::support::program::PATIENCE;
use crate::support::wmctl::Wmctl;

fn check(report: &Value, faults: &[&str]) {
    assert_eq!(report["passed"], true, "{report:#}");
    let rounds = report["rounds"].as_array().unwrap();
    let rehearsed: Vec<&str> = rounds
        .iter()
        .map(|round| round["fault"].as_str().unwrap())
        .collect();
    assert_eq!(rehearsed, faults, "{report:#}");
    for round in rounds {
        let took = |name: &str| round[name].as_f64().unwrap();
        assert!(0.0 < took("takeover_s"), "{round}");
        assert!(took("takeover_s") <= took("connected_s"), "{round}");
        assert!(took("connected_s") < 30.0, "{round}");
        let overlap = round["overlap_ms"].as_u64().unwrap();
        assert!(overlap <= report["overlap_ms"].as_u64().unwrap(), "{round}");
        // After a kill or a graceful stop, the old leader is never logged in beside the new one.
        if ["kill", "drain"].contains(&round["fault"].as_str().unwrap()) {
            assert_eq!(
                (overlap, &round["replaced"]),
                (0, &Value::from(0)),
                "{round}"
            );
        }
    }
    let messages = u64::try_from(faults.len()).unwrap() * 20;
    for name in ["sent", "sent_of", "received", "received_of"] {
        assert_eq!(report[name], messages, "{name}: {report:#}");
    }
}

async fn drill(wmctl: &Wmctl, more: &[&str]) -> Value {
    let mut arguments = vec!["drill", "--messages", "20", "--ha-timeout", "1500"];
    arguments.extend(more);
    let text = wmctl.done(&arguments).await;
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn every_fault_on_postgresql_and_nothing_stays() {
    let server = Postgres::start();
    server.create("wm");
    let folder = tempfile::tempdir().unwrap();
    let mut wmctl = Wmctl::in_folder(folder.path());
    wmctl.set("WMCTL_DATABASE_URL", &server.url("wm"));
    wmctl.done(&["migrate", "up"]).await;
    let report = drill(&wmctl, &[]).await;
    let faults = [
        "kill",
        "drain",
        "stop",
        "partition",
        "partition-to",
        "partition-from",
    ];
    check(&report, &faults);
    assert_eq!(report["overlap_ms_allowed"], 1_000, "{report:#}");
    // A leader that hangs keeps its connection until WhatsApp replaces it.
    let stopped = &report["rounds"][2];
    assert_eq!(stopped["replaced"], 1, "{stopped}");
    assert_ne!(stopped["overlap_ms"], 0, "{stopped}");
    let leases = wmctl.done(&["lock-status", "--json"]).await;
    let leases: Value = serde_json::from_str(&leases).unwrap();
    assert_eq!(leases["items"], Value::Array(Vec::new()), "{leases}");
    let tenants = wmctl.done(&["tenants", "list", "--json"]).await;
    let tenants: Value = serde_json::from_str(&tenants).unwrap();
    assert_eq!(tenants["items"], Value::Array(Vec::new()), "{tenants}");
}

/// Returns true if a process exists and is not a zombie.
fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned());
    state.is_some_and(|state| !state.starts_with('Z'))
}

/// Waits until the condition holds.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A drill that is killed takes its processes with it, even hung ones, and the next drill removes
/// its tenant. A drill that loses its terminal ends gracefully.
#[tokio::test]
async fn a_drill_that_is_ended_leaves_nothing() {
    let server = Postgres::start();
    server.create("wm");
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let folders = || std::fs::read_dir(&temporary).unwrap().count();
    let mut wmctl = Wmctl::in_folder(folder.path());
    wmctl.set("WMCTL_DATABASE_URL", &server.url("wm"));
    wmctl.set("TMPDIR", temporary.to_str().unwrap());
    wmctl.done(&["migrate", "up"]).await;
    let children = "SELECT pid FROM wmctl_host WHERE name NOT LIKE 'drill-%'
        AND EXISTS (SELECT 1 FROM wmctl_lease JOIN wmctl_host h ON h.inc = owner
            WHERE h.liveness = 'lock')";
    let tenants = "SELECT count(*) FROM wmctl_tenant";
    for signal in ["-KILL", "-HUP"] {
        let mut drill = wmctl.start(&["drill", "--fault", "kill", "--rounds", "1000"]);
        until("a leader and a standby", || {
            2 <= server.sql("wm", children).lines().count()
        })
        .await;
        let pids = server.sql("wm", children);
        let pids: Vec<&str> = pids.lines().collect();
        let hangs = signal == "-KILL";
        for (signal, pid) in [
            ("-STOP", pids[0]),
            (signal, &drill.id().unwrap().to_string()),
        ] {
            if signal != "-STOP" || hangs {
                let sent = Command::new("kill").args([signal, pid]).status();
                assert!(sent.unwrap().success());
            }
        }
        let code = drill.ended().await.code();
        until("its processes end with it", || {
            !pids.iter().any(|pid| lives(pid))
        })
        .await;
        if hangs {
            assert_eq!((code, server.sql("wm", tenants).trim()), (None, "1"));
            assert_eq!(folders(), 1);
            // As if a minute had passed.
            server.sql("wm", "UPDATE wmctl_host SET hb_ms = hb_ms - 70000");
            check(&self::drill(&wmctl, &["--fault", "kill"]).await, &["kill"]);
        } else {
            assert!(matches!(code, Some(130 | 143)), "{}", drill.log_tail());
        }
        assert_eq!(server.sql("wm", tenants).trim(), "0", "{signal}");
        assert_eq!(folders(), 0, "{signal}");
        server.sql("wm", "DELETE FROM wmctl_host");
    }
}

/// The processes of a drill get the lock URL from the same settings as the rest.
#[tokio::test]
async fn locks_go_the_way_that_a_file_names() {
    let server = Postgres::start();
    server.create("wm");
    let pooler = Pooler::start(&server, "transaction", 20, "");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let locks = format!("lock_database_url = \"{}\"\n", server.url("wm"));
    std::fs::write(&config, locks).unwrap();
    let mut wmctl = Wmctl::in_folder(folder.path());
    wmctl.set("WMCTL_DATABASE_URL", &pooler.url("wm"));
    wmctl.set("WMCTL_CONFIG", config.to_str().unwrap());
    wmctl.done(&["migrate", "up"]).await;
    let report = drill(&wmctl, &["--fault", "kill"]).await;
    check(&report, &["kill"]);
    let routes = "SELECT DISTINCT route FROM wmctl_host";
    let route = "transaction_pooler, locks direct, liveness lock";
    assert_eq!(server.sql("wm", routes).trim(), route);
}

#[tokio::test]
async fn a_file_has_no_network_to_cut() {
    let folder = tempfile::tempdir().unwrap();
    let wmctl = Wmctl::in_folder(folder.path());
    let report = drill(&wmctl, &["--fault", "kill,partition"]).await;
    check(&report, &["kill"]);
    assert_eq!(report["skipped"][0]["fault"], "partition", "{report:#}");
    let unknown = wmctl.output(&["drill", "--fault", "fire"]).await;
    assert_eq!(unknown.status.code(), Some(2));
}

#[tokio::test]
async fn the_demonstration_shows_a_takeover() {
    let folder = tempfile::tempdir().unwrap();
    let wmctl = Wmctl::in_folder(folder.path());
    let arguments = ["demo", "--messages", "60", "--kills", "2"];
    let output = wmctl.output(&arguments).await;
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{words}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let report: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(report["kills"], 2, "{report:#}");
    for name in ["sent", "received"] {
        assert_eq!(report[name], 60, "{report:#}");
    }
    for (what, times) in [(" leads", 3), ("✗ killed process", 2)] {
        assert_eq!(words.matches(what).count(), times, "{what}: {words}");
    }
}
