//! The client version that WhatsApp is told may become too old while a process runs.

use serde_json::Value;
use tokio::process::Command;
use wmctl::sim::{ConnectionEnd, SimConfig, Simulator};

use crate::support::program::Program;
use crate::support::wait::until;
use crate::support::wmctl::Wmctl;

const NUMBER: &str = "4915112345621";
const OLD: &str = "2.3000.1";
const NEW: &str = "2.3000.2";

async fn state(wmctl: &Wmctl) -> Value {
    let list = wmctl.done(&["tenants", "list", "--json"]).await;
    let list: Value = serde_json::from_str(&list).unwrap();
    list["items"][0].clone()
}

/// Waits for a state, and for what is said of the error before it.
async fn becomes(wmctl: &Wmctl, wanted: &str, error: &str) {
    let look = async || {
        let tenant = state(wmctl).await;
        let said = tenant["last_error"].to_string().contains(error);
        (tenant["state"] == wanted && said).then_some(())
    };
    until(|| format!("it is not {wanted}"), look).await;
}

async fn hang_up(program: &Program) {
    let id = program.id().unwrap().to_string();
    let sent = Command::new("kill").args(["-HUP", &id]).status().await;
    assert!(sent.unwrap().success());
}

#[tokio::test]
async fn a_new_client_version_is_taken_without_a_restart() {
    let sim = Simulator::start(SimConfig::default()).await.unwrap();
    sim.add_account(NUMBER, "Anna").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("client-version");
    std::fs::write(&file, OLD).unwrap();
    let mut wmctl = Wmctl::in_folder(folder.path());
    wmctl.set("WMCTL_SERVER", &sim.ws_url());
    wmctl.set("WMCTL_ROOT_KEY", sim.root_key());
    // A command that only reads needs no client version.
    let looks = wmctl.clone();
    wmctl.set("WMCTL_CLIENT_VERSION_FILE", file.to_str().unwrap());
    let mut pairing = wmctl.start(&["pair"]);
    let qr = pairing.expect("a code", |line| line["event"] == "qr").await;
    sim.scan(NUMBER, qr["code"].as_str().unwrap())
        .await
        .unwrap();
    assert!(pairing.ended().await.success());
    let mut serve = wmctl.start(&["serve", "--no-http"]);
    serve
        .expect("the account", |line| line["state"] == "connected")
        .await;

    sim.end(NUMBER, ConnectionEnd::Outdated).await.unwrap();
    becomes(&looks, "outdated", "client version").await;
    let events = looks.done(&["events", "--type", "state"]).await;
    let told = events
        .lines()
        .find(|line| line.contains("outdated"))
        .unwrap();
    assert!(told.contains(OLD), "{told}");

    // One that cannot be used changes nothing, and says so.
    sim.lift(NUMBER).await.unwrap();
    std::fs::write(&file, "newer").unwrap();
    hang_up(&serve).await;
    let said = async || {
        let log = wmctl.log();
        log.contains("the old client version stays in use")
            .then_some(())
    };
    until(|| wmctl.log(), said).await;
    assert_eq!(state(&looks).await["state"], "outdated");
    // A right one is tried at once, long before an outdated one would be again.
    std::fs::write(&file, format!("{NEW}\n")).unwrap();
    hang_up(&serve).await;
    becomes(&looks, "connected", "").await;
    let used = format!("version=\"{NEW}\"");
    assert!(wmctl.log().contains(&used), "{}", wmctl.log());
    serve.terminate().await;
    assert!(serve.ended().await.success());
}
