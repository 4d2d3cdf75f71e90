//! Unlinking a device over HTTP, and whose device is not unlinked.

use serde_json::{Value, json};
use wmctl::sim::ConnectionEnd;

use super::fleet::{Fleet, phone, tenant};
use super::http::{Answer, ask};
use crate::support::wait::until;

async fn log_out(address: &str, index: usize) -> Answer {
    let name = tenant(index);
    let path = format!("/api/tenants/{name}/logout?confirm={name}");
    ask(address, "", "POST", &path, None).await
}

impl Fleet {
    /// Devices that a phone lists, beside itself.
    async fn linked(&self, index: usize) -> usize {
        let devices = self.sim.devices(&phone(index)).await.unwrap();
        devices.iter().filter(|one| one.jid.device != 0).count()
    }

    async fn is(&self, index: usize, state: &str) {
        self.until(state, |list| list[index]["state"] == state)
            .await;
    }
}

#[tokio::test]
async fn a_device_is_unlinked_and_its_tenant_stays() {
    let mut fleet = Fleet::start(1).await;
    let address = fleet.join("a").await;
    fleet.is(0, "connected").await;
    assert_eq!(fleet.linked(0).await, 1);
    let done = log_out(&address, 0).await;
    assert_eq!(
        (done.status, &done.json()["state"]),
        (200, &json!("logged_out"))
    );
    let gone = async || (fleet.linked(0).await == 0).then_some(());
    until(|| "the phone still lists it".into(), gone).await;
    // It is wanted as before, and once more changes nothing.
    assert_eq!(fleet.list().await[0]["enabled"], true);
    assert_eq!(log_out(&address, 0).await.status, 200);
    let nobody = ask(
        &address,
        "",
        "POST",
        "/api/tenants/nobody/logout?confirm=nobody",
        None,
    )
    .await;
    assert_eq!(
        (nobody.status, &nobody.json()["code"]),
        (404, &json!("NOT_FOUND"))
    );
    let new = json!({ "business_id": "new" });
    ask(&address, "", "POST", "/api/tenants", Some(new)).await;
    let unpaired = ask(
        &address,
        "",
        "POST",
        "/api/tenants/new/logout?confirm=new",
        None,
    )
    .await;
    assert_eq!(
        (unpaired.status, &unpaired.json()["code"]),
        (409, &json!("NOT_PAIRED"))
    );
}

/// WhatsApp lets a banned account do nothing; an exported one is another program's.
#[tokio::test]
async fn banned_and_exported_accounts_are_not_unlinked() {
    let mut fleet = Fleet::start(2).await;
    let address = fleet.join("a").await;
    fleet.is(0, "connected").await;
    fleet.is(1, "connected").await;
    let ban = ConnectionEnd::Banned { expire_s: 3_600 };
    fleet.sim.end(&phone(0), ban).await.unwrap();
    fleet.is(0, "banned").await;
    let refused = log_out(&address, 0).await;
    let told = refused.json();
    assert_eq!(
        (refused.status, &told["code"]),
        (503, &json!("NOT_UNLINKED")),
        "{told}"
    );
    let after = fleet.list().await;
    assert_eq!(
        (&after[0]["state"], &after[0]["enabled"]),
        (&json!("banned"), &json!(true))
    );
    assert_eq!(fleet.linked(0).await, 1);

    let name = tenant(1);
    fleet.wmctl.done(&["tenants", "stop", &name]).await;
    fleet.is(1, "stopped").await;
    let to = tempfile::tempdir().unwrap();
    let to = format!("sqlite:{}", to.path().join("whatsmeow.db").display());
    let export = ["migrate", "export", "--tenant", &name, "--to", &to];
    fleet.wmctl.done(&export).await;
    let refused = log_out(&address, 1).await;
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (409, &json!("EXPORTED"))
    );
    let command = ["tenants", "logout", &name, "--yes"];
    let command = fleet.wmctl.output(&command).await;
    let words = String::from_utf8(command.stderr).unwrap();
    assert!(
        command.status.code() == Some(6) && words.contains("EXPORTED"),
        "{words}"
    );
    // Its rows may go; the other program's device stays linked, and the answer says so.
    let path = format!("/api/tenants/{name}?purge=true&confirm={name}");
    let gone = ask(&address, "", "DELETE", &path, None).await;
    let gone: Value = serde_json::from_slice(&gone.body).unwrap();
    assert_eq!(gone["unlinked"], false, "{gone}");
    assert!(gone["reason"].to_string().contains("exported"), "{gone}");
    assert_eq!(fleet.linked(1).await, 1);
}
