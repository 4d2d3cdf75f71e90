//! `wmctl doctor`: what it finds, and that it changes nothing.

use serde_json::Value;

use super::{asked, paired, simulator, typed};
use crate::support::postgres::Postgres;
use crate::support::wmctl::Wmctl;

fn state<'a>(checks: &'a [Value], name: &str) -> &'a str {
    let check = checks.iter().find(|check| check["check"] == name);
    check.map_or("absent", |check| check["state"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_server_and_an_ill_tenant() {
    let (sim, folder) = (simulator().await, tempfile::tempdir().unwrap());
    let server = Postgres::start();
    server.create("w");
    let mut wmctl = paired(&sim, folder.path(), Some(&server.url("w"))).await;
    let (code, checks) = asked(&wmctl, &["doctor"]).await;
    assert_eq!(code, 0, "{checks:#?}");
    for name in [
        "config",
        "database",
        "schema",
        "pooler",
        "replication",
        "clock",
        "connections",
        "tenants",
        "network",
    ] {
        assert_eq!(state(&checks, name), "ok", "{name}: {checks:#?}");
    }

    let end = "UPDATE wmctl_account SET ended = 'logged_out' WHERE business_id = 'acme'";
    typed(&wmctl, Some(&server), end).await;
    wmctl.set("WMCTL_SERVER", "ws://127.0.0.1:1/ws/chat");
    let (code, checks) = asked(&wmctl, &["doctor"]).await;
    assert_eq!(code, 9);
    assert_eq!(state(&checks, "network"), "failed");
    assert_eq!(state(&checks, "tenant"), "failed");
    assert_eq!(state(&checks, "database"), "ok");

    server.create("empty");
    wmctl.set("WMCTL_DATABASE_URL", &server.url("empty"));
    let (code, checks) = asked(&wmctl, &["doctor", "--offline"]).await;
    assert_eq!((code, state(&checks, "schema")), (9, "failed"));
    let tables = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(server.sql("empty", tables).trim(), "0", "nothing was made");

    wmctl.set("WMCTL_DATABASE_URL", "postgres://u:secret@127.0.0.1:1/w");
    let refused = wmctl.output(&["doctor", "--offline"]).await;
    assert_eq!(refused.status.code(), Some(9));
    let said = [refused.stdout, refused.stderr].concat();
    assert!(!String::from_utf8(said).unwrap().contains("secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_neither_made_nor_changed() {
    let folder = tempfile::tempdir().unwrap();
    let wmctl = Wmctl::in_folder(folder.path());
    let (code, checks) = asked(&wmctl, &["doctor", "--offline"]).await;
    assert_eq!((code, state(&checks, "database")), (0, "skipped"));
    assert!(!wmctl.database().exists());

    wmctl.done(&["migrate", "up"]).await;
    let before = std::fs::read(wmctl.database()).unwrap();
    let (code, checks) = asked(&wmctl, &["doctor", "--offline"]).await;
    assert_eq!((code, state(&checks, "file")), (0, "ok"), "{checks:#?}");
    assert_eq!(before, std::fs::read(wmctl.database()).unwrap());

    use std::os::unix::fs::PermissionsExt;
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(wmctl.database(), open).unwrap();
    let (code, checks) = asked(&wmctl, &["doctor", "--offline"]).await;
    assert_eq!((code, state(&checks, "file")), (9, "failed"));
}
