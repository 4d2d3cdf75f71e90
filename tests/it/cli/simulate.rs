//! `wmctl simulate` as scripts use it, with URLs only.

use serde_json::{Value, json};
use tempfile::TempDir;
use wmctl::rehearsal::simulated_phone::{ControlError, ControlUrl};

use crate::support::program::Program;
use crate::support::wmctl::Wmctl;

const ACCOUNT: &str = "15555550100";
const CONTACT: &str = "15555560001";

struct Stage {
    wmctl: Wmctl,
    control: ControlUrl,
    simulator: Program,
    _folder: TempDir,
}

async fn stage(arguments: &[&str]) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let mut wmctl = Wmctl::in_folder(folder.path());
    let free = ["simulate", "--port", "0", "--control-port", "0"];
    let mut simulator = wmctl.start(&[&free, arguments].concat());
    let about = simulator
        .expect("where it is", |line| line["kind"] == "Simulator")
        .await;
    let url = about["control_url"].as_str().unwrap();
    wmctl.set("WMCTL_SIMULATOR", url);
    Stage {
        wmctl,
        control: url.parse().unwrap(),
        simulator,
        _folder: folder,
    }
}

/// Repeats a request until the response has a matching item.
async fn item(control: &ControlUrl, path: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let asked = async {
        loop {
            let answer = control.get(path).await.unwrap();
            let found = answer["items"].as_array().unwrap().iter().find(|i| fits(i));
            if let Some(found) = found {
                return found.clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::support::program::PATIENCE, asked)
        .await
        .unwrap_or_else(|_| panic!("{path} never has the item"))
}

async fn pairs_and_chats(mut stage: Stage, pair: &[&str]) {
    let mut pairing = stage.wmctl.start(&[&["pair"], pair].concat());
    pairing
        .expect("the end of pairing", |line| line["event"] == "paired")
        .await;
    assert!(pairing.ended().await.success());
    let mut run = stage.wmctl.start(&["run"]);
    let message = json!({"from": CONTACT, "to": ACCOUNT, "text": "Hello"});
    stage.control.post("/v1/messages", &message).await.unwrap();
    run.expect("the message", |line| line["text"] == "Hello")
        .await;
    stage
        .wmctl
        .done(&["send", "--to", CONTACT, "--text", "Hello yourself"])
        .await;
    let inbox = format!("/v1/accounts/{CONTACT}/inbox");
    item(&stage.control, &inbox, |item| {
        item["text"] == "Hello yourself"
    })
    .await;
    let breaches = stage.control.get("/v1/breaches").await.unwrap();
    assert_eq!(breaches, json!({"items": []}));
    run.terminate().await;
    assert!(run.ended().await.success());
    stage.simulator.terminate().await;
    assert_eq!(stage.simulator.ended().await.code(), Some(0));
}

#[tokio::test]
async fn an_account_is_paired_by_code_and_chats() {
    let stage = stage(&[]).await;
    pairs_and_chats(stage, &["--phone", ACCOUNT]).await;
}

#[tokio::test]
async fn an_account_is_paired_by_qr_over_tls_and_chats() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let stage = stage(&["--tls", "--write-ca", ca.to_str().unwrap()]).await;
    let about = stage.control.get("/v1").await.unwrap();
    assert!(
        about["ws_url"]
            .as_str()
            .unwrap()
            .starts_with("wss://127.0.0.1:")
    );
    pairs_and_chats(stage, &[]).await;
}

#[tokio::test]
async fn the_same_seed_has_the_same_root_key() {
    let mut keys = Vec::new();
    for seed in ["7", "7", "8"] {
        let stage = stage(&["--seed", seed]).await;
        let about = stage.control.get("/v1").await.unwrap();
        keys.push(about["root_key"].as_str().unwrap().to_owned());
    }
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[0], keys[2]);
}

#[tokio::test]
async fn every_documented_fault_is_taken() {
    let stage = stage(&[]).await;
    let kinds = [
        "drop",
        "reorder",
        "duplicate",
        "corrupt",
        "close",
        "close_after",
    ];
    for kind in kinds {
        let fault = json!({"fault": kind, "direction": "in", "tag": "message"});
        stage.control.post("/v1/faults", &fault).await.unwrap();
    }
    let full = json!({"fault": "delay", "ms": 5, "direction": "out", "number": CONTACT,
        "tag": "ack", "times": 2, "per_mille": 500});
    stage.control.post("/v1/faults", &full).await.unwrap();
    for wrong in [
        json!({"fault": "delay", "direction": "in"}),
        json!({"fault": "drop", "ms": 5, "direction": "in"}),
        json!({"fault": "drop", "direction": "in", "unknown": 1}),
    ] {
        let answer = stage.control.post("/v1/faults", &wrong).await;
        assert!(matches!(answer, Err(ControlError::Refused(_))), "{wrong}");
    }
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_with_a_reason() {
    let stage = stage(&[]).await;
    let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (path, body) in [
        (
            "/v1/devices",
            json!({"jid": "15555550100:1@s.whatsapp.net", "noise_key": key, "identity_key": key,
                "registration_id": 1,
                "signed_pre_key": {"id": 1, "key": key, "signature": "AAAA"}}),
        ),
        ("/v1/scan", json!({"code": "nonsense"})),
        ("/v1/scan", json!({"unknown": 1})),
        ("/v1/type-code", json!({"code": "AAAAAAAA", "number": "1"})),
        ("/v1/accounts", json!({"number": "12ab", "name": ""})),
        ("/v1/faults", json!({"fault": "explode", "direction": "in"})),
        (
            "/v1/messages",
            json!({"from": CONTACT, "to": "1", "text": ""}),
        ),
    ] {
        match stage.control.post(path, &body).await {
            Err(ControlError::Refused(reason)) => assert!(!reason.is_empty(), "{path}"),
            other => panic!("{path} {body}: {other:?}"),
        }
    }
    let wrong = stage
        .wmctl
        .output(&["--simulator", "http://10.0.0.1:1", "pair"])
        .await;
    assert_eq!(wrong.status.code(), Some(2));
}
