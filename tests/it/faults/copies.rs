//! A server that confirms no commit, because its synchronous standby is gone.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{server, state};
use crate::support::http::{free_address, get_from};
use crate::support::postgres::Postgres;
use crate::support::program::PATIENCE;
use crate::support::stage::Stage;

/// How long a command may try before it must say why it failed.
const COMMAND_MAX: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

fn waits_for(server: &Postgres, names: &str) {
    server.sql(
        "wm",
        &format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'"),
    );
    server.sql("wm", "SELECT pg_reload_conf()");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_a_copy_that_is_gone_says_so() {
    let server = server();
    let stage = Stage::set_on(Some(&server.url("wm"))).await;
    let http = free_address();
    let address = http.to_string();
    let arguments = ["run", "--ha", "--ha-timeout", "2000", "--http", &address];
    let mut run = stage.wmctl.start(&arguments);
    run.expect("the connected state", state("connected")).await;
    waits_for(&server, "nosuch");
    let until = async |path: &str, wanted: u16| {
        let since = Instant::now();
        loop {
            let (code, body) = get_from(http, path).await;
            if code == wanted {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "{path}: {code} {body}");
            tokio::time::sleep(LOOK).await;
        }
    };
    for path in ["/ready", "/leader", "/readyz"] {
        until(path, 503).await;
    }
    for command in [
        &["send", "--to", "+4915112345700", "--text", "hello"][..],
        &["lock-status", "--release", "default", "--yes"],
    ] {
        let begun = Instant::now();
        let output = stage.wmctl.output(command).await;
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(7), "{command:?}: {words}");
        assert!(
            words.contains("commits wait for a synchronous standby"),
            "{command:?}: {words}"
        );
        assert!(begun.elapsed() < COMMAND_MAX, "{:?}", begun.elapsed());
    }
    let doctor = stage.wmctl.output(&["doctor"]).await;
    assert_eq!(doctor.status.code(), Some(9));
    let text = String::from_utf8(doctor.stdout).unwrap();
    let checks = text.lines().map(serde_json::from_str);
    let mut checks = checks.map(Result::<Value, _>::unwrap);
    let replication = checks.find(|one| one["check"] == "replication").unwrap();
    assert_eq!(replication["state"], "failed", "{replication}");
    assert!(replication.to_string().contains("nosuch"), "{replication}");
    waits_for(&server, "");
    until("/readyz", 200).await;
    run.terminate().await;
    assert!(run.ended().await.success());
}
