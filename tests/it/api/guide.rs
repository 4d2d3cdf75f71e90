//! Runs the commands of the deployment guide unchanged, in bash with real curl and jq.

use std::path::Path;

use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::Instant;

use super::balance::{free_port, stand};
use super::fleet::Fleet;
use crate::support::program::PATIENCE;

/// Pattern 1, step 4.
const VERIFY: &str = r#"
# Check leader status
curl http://host-a:8080/ready  # Should return "Ready - Leader"
curl http://host-b:8080/ready  # Should return "Not Ready - Standby"

# Check health
curl http://host-a:8080/health | jq .
"#;

/// Quick start for several accounts, step 4.
const QUICK_START: &str = r#"
# 4. Start tenants via API
curl -X POST http://localhost:8080/api/tenants \
  -H "Content-Type: application/json" \
  -d '{"business_id": "tenant1"}'

curl -X POST http://localhost:8080/api/tenants \
  -H "Content-Type: application/json" \
  -d '{"business_id": "tenant2"}'
"#;

/// Pattern 2, step 4.
const MANAGE: &str = r#"
# Start tenants
curl -X POST http://localhost:8080/api/tenants \
  -d '{"business_id": "customer1"}'

# List tenants
curl http://localhost:8080/api/tenants | jq .

# Stop tenant
curl -X DELETE http://localhost:8080/api/tenants/customer1
"#;

/// Returns the commands of a block: from `curl` to the first line without a continuation.
fn commands(block: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in block.lines() {
        if goes_on {
            let last = commands.last_mut().expect("something goes on");
            last.push_str(line);
            last.push('\n');
        } else if line.starts_with("curl") {
            commands.push(format!("{line}\n"));
        }
        goes_on = line.ends_with('\\');
    }
    commands
}

/// Runs one command in bash. `.curlrc` in `home` maps host names to addresses.
async fn typed(home: &Path, command: &str) -> String {
    let output = Command::new("bash")
        .args(["-o", "pipefail", "-c", command])
        .env("HOME", home)
        .env("CURL_HOME", home)
        .kill_on_drop(true)
        .output();
    let output = output.await.expect("bash is installed");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {words}");
    String::from_utf8(output.stdout).unwrap()
}

async fn json(home: &Path, command: &str) -> Value {
    let text = typed(home, command).await;
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{command}: {text}"))
}

#[test]
fn a_block_has_these_commands() {
    let found: Vec<usize> = [VERIFY, QUICK_START, MANAGE]
        .map(|block| commands(block).len())
        .to_vec();
    assert_eq!(found, [3, 2, 3]);
    assert!(commands(QUICK_START)[0].ends_with("\"tenant1\"}'\n"));
}

#[tokio::test]
async fn a_leader_and_its_standby_are_verified() {
    let fleet = Fleet::start(1).await;
    let [a, b] = [(); 2].map(|()| format!("127.0.0.1:{}", free_port()));
    let _leader = stand(&fleet, &a, "leader").await;
    let _standby = stand(&fleet, &b, "standby").await;
    let home = tempfile::tempdir().unwrap();
    let lines = [("host-a", &a), ("host-b", &b)]
        .map(|(name, at)| format!("connect-to = \"{name}:8080:{at}\"\n"));
    std::fs::write(home.path().join(".curlrc"), lines.concat()).unwrap();
    let [ready, waiting, health] = &commands(VERIFY)[..] else {
        panic!("three commands");
    };
    let begun = Instant::now();
    while typed(home.path(), ready).await != "Ready - Leader" {
        assert!(begun.elapsed() < PATIENCE, "the leader is not connected");
    }
    assert_eq!(typed(home.path(), waiting).await, "Not Ready - Standby");
    let health = json(home.path(), health).await;
    for component in ["database", "lease", "whatsapp", "outbox"] {
        let status = &health["components"][component]["status"];
        assert_eq!(status, "ok", "{component}: {health:#}");
    }
}

/// Once without keys, and once with a key from curl's own configuration.
#[tokio::test]
async fn tenants_are_managed() {
    let mut fleet = Fleet::start(0).await;
    let at = fleet.join("a").await;
    let home = tempfile::tempdir().unwrap();
    let settings = home.path().join(".curlrc");
    let resolved = format!("connect-to = \"localhost:8080:{at}\"\n");
    std::fs::write(&settings, &resolved).unwrap();
    for (command, name) in commands(QUICK_START).iter().zip(["tenant1", "tenant2"]) {
        let added = json(home.path(), command).await;
        assert_eq!(added["business_id"], name);
        assert_eq!(added["enabled"], true);
    }
    let allowed = ["ops", "--allow", "read", "--allow", "write"];
    let key = fleet.wmctl.key(&allowed).await;
    let [start, list, stop] = &commands(MANAGE)[..] else {
        panic!("three commands");
    };
    assert_eq!(json(home.path(), list).await["code"], "UNAUTHORIZED");
    let header = format!("header = \"Authorization: Bearer {}\"\n", key.trim());
    std::fs::write(&settings, resolved + &header).unwrap();
    let started = json(home.path(), start).await;
    assert_eq!(started["business_id"], "customer1");
    assert_eq!(started["enabled"], true);
    let listed = json(home.path(), list).await;
    let items = listed["items"].as_array().unwrap().iter();
    let names: Vec<_> = items.map(|one| one["business_id"].clone()).collect();
    assert_eq!(json!(names), json!(["customer1", "tenant1", "tenant2"]));
    assert_eq!(json(home.path(), stop).await["enabled"], false);
}
