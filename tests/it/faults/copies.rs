//! A server that confirms no commit, because its synchronous standby is gone.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{server, state};
use crate::support::http::{free_address, get_from};
use crate::support::postgres::Postgres;
use crate::support::program::PATIENCE;
use crate::support::stage::Stage;
use crate::support::wmctl::Wmctl;

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

/// A command ends in time, and says why it could not do what it was asked; or what else it did.
async fn gives_up(wmctl: &Wmctl, command: &[&str]) -> Result<(), String> {
    let begun = Instant::now();
    let output = wmctl.output(command).await;
    let took = begun.elapsed();
    let words = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code();
    let why = ["commits wait for a synchronous standby", "DATABASE_NO_COPY"];
    let told = why.into_iter().all(|word| words.contains(word));
    match code == Some(7) && told && took < COMMAND_MAX {
        true => Ok(()),
        false => Err(format!("{command:?}: {code:?} after {took:?}: {words}")),
    }
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
        gives_up(&stage.wmctl, command).await.unwrap();
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

/// What a command that writes finds to write.
const MADE: &str = "
    UPDATE wmctl_lease SET epoch = epoch + 1, owner = NULL;
    INSERT INTO wmctl_dead_letter (business_id, webhook, seq, reason, attempts, dead_ms, kind,
        at_ms, stored_ms, detail) VALUES ('default', 'hook', 1, 'x', 1, 1, 'state', 1, 1, '{}');
    INSERT INTO wmctl_lease (business_id, epoch, owner) SELECT 'held', 1, inc FROM wmctl_host
        WHERE name = 'host-a';
    INSERT INTO wmctl_retry (business_id, dedupe, count, first_ms) VALUES ('default', 'a', 1, 1)";

/// Every command that writes, each on rows that nobody else locks and on rows that a commit keeps
/// locked which waits for the copy.
#[tokio::test(flavor = "multi_thread")]
async fn no_command_waits_without_end_for_a_copy_that_is_gone() {
    let server = server();
    server.create("fresh");
    let stage = Stage::set_on(Some(&server.url("wm"))).await;
    let wmctl = &stage.wmctl;
    let mut fresh = wmctl.clone();
    fresh.set("WMCTL_DATABASE_URL", &server.url("fresh"));
    for command in [
        &["tenants", "add", "other"][..],
        &["keys", "add", "one", "--allow", "admin"],
        &["webhooks", "add", "https://example.com/", "--id", "hook"],
    ] {
        wmctl.done(command).await;
    }
    // Killed, it keeps its name.
    let http = free_address().to_string();
    let mut host = wmctl.start(&["serve", "--name", "host-a", "--http", &http]);
    let held = "SELECT count(*) FROM wmctl_lease WHERE owner IS NOT NULL";
    let begun = Instant::now();
    while server.sql("wm", held).trim() == "0" {
        assert!(begun.elapsed() < PATIENCE, "{}", host.log_tail());
        tokio::time::sleep(LOOK).await;
    }
    host.kill().await;
    server.sql("wm", MADE);
    waits_for(&server, "nosuch");
    let folder = tempfile::tempdir().unwrap();
    let export = format!("sqlite:{}", folder.path().join("away.db").display());
    let commands: Vec<Vec<&str>> = [
        "tenants add third",
        "tenants start default",
        "tenants stop default",
        "tenants move default --to host-a",
        "tenants drain --host host-a",
        "tenants logout default --yes",
        "tenants rm other --yes",
        "keys add two --allow read",
        "keys rm one --yes",
        "webhooks add https://example.com/ --id more",
        "webhooks pause hook",
        "webhooks resume hook",
        "webhooks test hook",
        "webhooks redeliver hook",
        "webhooks rm hook --yes",
        "db prune",
        "db restored default",
        "lock-status --release held --yes",
        "send --to +4915112345700 --text hello",
        "pair --tenant newcomer --create",
        "run",
        "migrate export --to",
    ]
    .map(|line| line.split(' ').collect())
    .into();
    let all = commands.into_iter().map(async |mut command: Vec<&str>| {
        if command.ends_with(&["--to"]) {
            command.push(&export);
        }
        gives_up(wmctl, &command).await
    });
    let first = gives_up(&fresh, &["migrate", "up"]);
    let (first, all) = tokio::join!(first, futures_util::future::join_all(all));
    // Those behind it find what it has locked.
    let next = gives_up(&fresh, &["migrate", "up"]).await;
    let ended = all.into_iter().chain([first, next]);
    let wrong: Vec<String> = ended.filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    waits_for(&server, "");
    wmctl.done(&["tenants", "add", "fourth"]).await;
}
