//! `wmctl serve` with several tenants.

use serde_json::Value;
use wmctl::sim::{SimConfig, Simulator};

use crate::support::wmctl::Wmctl;

const FRIEND: &str = "4915112345699";

fn number(index: usize) -> String {
    format!("49151123456{index:02}")
}

async fn pair(sim: &Simulator, wmctl: &Wmctl, index: usize) {
    sim.add_account(&number(index), "Somebody").await.unwrap();
    let tenant = format!("tenant-{index}");
    let mut pairing = wmctl.start(&["pair", "--create", "--tenant", &tenant]);
    let qr = pairing.expect("a code", |line| line["event"] == "qr").await;
    let code = qr["code"].as_str().unwrap();
    sim.scan(&number(index), code).await.unwrap();
    assert!(pairing.ended().await.success());
}

fn status<'a>(tenant: &'a str, state: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |line| line["business_id"] == tenant && line["state"] == state
}

#[tokio::test]
async fn every_tenant_is_served_by_exactly_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let sim = Simulator::start(SimConfig::default()).await.unwrap();
    sim.add_account(FRIEND, "Friend").await.unwrap();
    let mut wmctl = Wmctl::in_folder(folder.path());
    wmctl.set("WMCTL_SERVER", &sim.ws_url());
    wmctl.set("WMCTL_ROOT_KEY", sim.root_key());
    for index in 0..3 {
        pair(&sim, &wmctl, index).await;
    }
    let mut serve = wmctl.start(&["serve"]);
    for index in 0..3 {
        let tenant = format!("tenant-{index}");
        serve
            .expect("a connected tenant", status(&tenant, "connected"))
            .await;
        // No other process can run the tenant.
        let run = wmctl.output(&["run", "--tenant", &tenant]).await;
        assert_eq!(run.status.code(), Some(6));
        sim.phone_sends(FRIEND, &number(index), &format!("to {tenant}"))
            .await
            .unwrap();
    }
    // A tenant that is paired later is taken too.
    pair(&sim, &wmctl, 3).await;
    serve
        .expect("the new tenant", status("tenant-3", "connected"))
        .await;
    for index in 0..3 {
        let tenant = format!("tenant-{index}");
        let read = [
            "events", "--tenant", &tenant, "--type", "message", "--follow",
        ];
        let mut events = wmctl.start(&[&read[..], &["--from-seq", "1"]].concat());
        let text = format!("to {tenant}");
        events
            .expect("the message", |line| line["text"] == text.as_str())
            .await;
    }
    // The other tenants continue when one is unlinked.
    let devices = sim.devices(&number(0)).await.unwrap();
    sim.remove_device(&devices[1].jid).await.unwrap();
    let ended = serve
        .expect("the end of one", |line| line["type"] == "ended")
        .await;
    assert_eq!(ended["business_id"], "tenant-0");
    assert_eq!(ended["reason"], "logged out: device_removed");

    // After a kill, another process takes all remaining tenants.
    serve.kill().await;
    let mut serve = wmctl.start(&["serve"]);
    for index in 1..4 {
        let tenant = format!("tenant-{index}");
        serve
            .expect("a connected tenant", status(&tenant, "connected"))
            .await;
    }
    serve.terminate().await;
    assert_eq!(serve.ended().await.code(), Some(0));
    assert_eq!(sim.breaches().await.unwrap(), []);
}
