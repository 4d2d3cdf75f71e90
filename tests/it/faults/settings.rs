//! Servers with unusual settings, and passwords that change, under traffic. Accounts must continue,
//! or the problem must be reported.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use wmctl::config::DatabaseUrl;
use wmctl::ids::HostId;
use wmctl::store::Store;

use super::{Traffic, server};
use crate::support::pooler::Pooler;
use crate::support::postgres::{Postgres, Setup};
use crate::support::program::PATIENCE;
use crate::support::stage::Stage;
use crate::support::wmctl::Wmctl;

/// How often progress is checked.
const LOOK: Duration = Duration::from_millis(25);

fn installed(folder: &Path, url: &str) -> Wmctl {
    let mut wmctl = Wmctl::in_folder(folder);
    wmctl.set("WMCTL_DATABASE_URL", url);
    wmctl
}

/// Returns the exit code and all output.
async fn asked(wmctl: &Wmctl, arguments: &[&str]) -> (i32, String) {
    let output = wmctl.output(arguments).await;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap_or(-1), said)
}

/// Session settings of a database must not reach our sessions.
#[tokio::test(flavor = "multi_thread")]
async fn no_setting_of_a_database_stops_an_account() {
    let server = server();
    for setting in [
        "bytea_output = 'escape'",
        "DateStyle = 'German'",
        "IntervalStyle = 'iso_8601'",
        "TimeZone = 'Asia/Kathmandu'",
        "standard_conforming_strings = off",
        "client_encoding = 'LATIN1'",
        "default_transaction_isolation = 'serializable'",
        "extra_float_digits = 0",
        "row_security = on",
    ] {
        server.sql("postgres", &format!("ALTER DATABASE wm SET {setting}"));
    }
    let mut traffic = Traffic::connect(&server.url("wm"), 40).await;
    traffic.chats().await;
    traffic.put_in(100).await;
    traffic.stage.flows().await;
    let (code, said) = asked(&traffic.stage.wmctl, &["db", "check"]).await;
    assert_eq!(code, 0, "{said}");
    traffic.settled().await;
}

/// A lock held by an open transaction must not keep the server from vacuuming.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_in_a_transaction_holds_no_snapshot() {
    let server = server();
    let set = "ALTER DATABASE wm SET default_transaction_isolation = 'repeatable read'";
    server.sql("postgres", set);
    let pooler = Pooler::start(&server, "transaction", 9, "");
    let url: DatabaseUrl = pooler.url("wm").parse().unwrap();
    let store = Store::open(&url).await.unwrap();
    store.migrate(1).await.unwrap();
    let tenant = "acme".parse().unwrap();
    let host = HostId::from_random([7; 16]);
    let lock = store.try_lock(&tenant, host, Duration::from_secs(20)).await;
    let lock = lock.unwrap().expect("it is free");
    let held = "SELECT COUNT(*), COUNT(backend_xmin) FROM pg_stat_activity
        WHERE state = 'idle in transaction'";
    assert_eq!(server.sql("wm", held).trim(), "1|0", "and no snapshot");
    lock.release().await;
}

/// A managed server behaves like this when its disk is full.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_writes_is_recognised() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let wmctl = installed(folder.path(), &server.url("wm"));
    // Only a tenant with a device can send messages.
    let _stage = Stage::set_on(Some(&server.url("wm"))).await;
    let send = ["send", "--to", "+4915112345622", "--text", "Hello"];
    wmctl.done(&send).await;
    let set = |value: &str| {
        let sql = format!("ALTER DATABASE wm SET default_transaction_read_only = {value}");
        server.sql("postgres", &sql);
    };
    set("on");
    let (code, said) = asked(&wmctl, &["doctor", "--offline"]).await;
    assert_eq!(code, 9, "{said}");
    assert!(
        said.contains("default_transaction_read_only is on"),
        "{said}"
    );
    let (code, said) = asked(&wmctl, &send).await;
    assert_eq!(code, 7, "{said}");
    assert!(
        said.contains("takes no writes") && !said.contains("unknown"),
        "{said}"
    );
    let (code, said) = asked(&wmctl, &["db", "check"]).await;
    assert!(
        code != 0 && said.contains("transaction_read_only = on"),
        "{code} {said}"
    );
    set("off");
    wmctl.done(&send).await;
    let taken = server.sql("wm", "SELECT COUNT(*) FROM wmctl_outbox");
    assert_eq!(taken.trim(), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_hold_every_character_is_refused() {
    let server = Postgres::start();
    server.sql(
        "postgres",
        "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
    );
    let folder = tempfile::tempdir().unwrap();
    let wmctl = installed(folder.path(), &server.url("latin"));
    let (code, said) = asked(&wmctl, &["migrate", "up"]).await;
    assert_eq!(code, 7, "{said}");
    assert!(said.contains("LATIN1") && said.contains("UTF8"), "{said}");
    let tables = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(server.sql("latin", tables).trim(), "0", "nothing was made");
    let (code, said) = asked(&wmctl, &["doctor", "--offline"]).await;
    assert_eq!(code, 9, "{said}");
    assert!(said.contains("LATIN1") && said.contains("UTF8"), "{said}");
}

/// Keys are bound values, and a server may be configured to log bound values.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_writes_values_down_is_named() {
    let server = Postgres::set_up(Setup {
        settings: vec!["log_min_duration_statement=0".into()],
        ..Setup::default()
    });
    server.create("wm");
    let folder = tempfile::tempdir().unwrap();
    let wmctl = installed(folder.path(), &server.url("wm"));
    wmctl.done(&["migrate", "up"]).await;
    let role = "CREATE ROLE plain LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO plain";
    server.sql("wm", role);
    let mut plain = installed(folder.path(), &server.url_as("plain", "wm"));
    plain.set("WMCTL_OUTPUT", "jsonl");
    let check = async |wmctl: &Wmctl| {
        let output = wmctl.output(&["doctor", "--offline"]).await;
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let mut lines = lines.filter(|line: &Value| line["check"] == "server_log");
        let line = lines.next().unwrap_or_else(|| panic!("{text}"));
        (line["state"].to_string(), line["found"].to_string())
    };
    let (state, found) = check(&plain).await;
    assert_eq!(state, "\"warning\"", "{found}");
    assert!(found.contains("log_parameter_max_length"), "{found}");
    // Its sessions may be allowed to set this themselves.
    assert_eq!(check(&wmctl).await.0, "\"ok\"");
    server.sql("wm", "ALTER ROLE plain SET log_parameter_max_length = 0");
    assert_eq!(check(&plain).await.0, "\"ok\"");
}

/// A password changes while accounts run: either the file first, or the server first.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_changes_under_traffic() {
    let server = server();
    let set = |password: &str| {
        server.sql(
            "postgres",
            &format!("ALTER ROLE keeper PASSWORD '{password}'"),
        );
    };
    server.sql("postgres", "CREATE ROLE keeper SUPERUSER LOGIN");
    set("first");
    server.put(
        "pg_hba.conf",
        "local all keeper scram-sha-256\nlocal all all trust\n",
    );
    server.sql("postgres", "SELECT pg_reload_conf()");
    let url = |password: &str| format!("{}&password={password}", server.url_as("keeper", "wm"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("database_url");
    let write = |password: &str| std::fs::write(&file, url(password)).unwrap();
    write("first");
    // The traffic of this test logs in as another role.
    let mut traffic = Traffic::connect(&server.url("wm"), 60).await;
    traffic.run.terminate().await;
    assert!(traffic.run.ended().await.success());
    traffic.stage.wmctl.unset("WMCTL_DATABASE_URL");
    traffic
        .stage
        .wmctl
        .set("DATABASE_URL_FILE", file.to_str().unwrap());
    traffic.run = traffic.stage.wmctl.start(&["run"]);
    let connected = super::state("connected");
    traffic.run.expect("the connected state", connected).await;
    let logins = traffic.logins().await;
    traffic.chats().await;
    for (percent, password) in [(40, "second"), (80, "third")] {
        traffic.put_in(percent).await;
        set(password);
        write(password);
        let ended = server.sql("wm", KILL);
        assert!(!ended.is_empty(), "nothing was ended");
        goes_on(&server).await;
        // A login with the old password is refused.
        let (code, said) = asked(
            &installed(folder.path(), &url("first")),
            &["migrate", "status"],
        )
        .await;
        assert_eq!(code, 7, "{said}");
    }
    assert_eq!(traffic.logins().await, logins, "the link was given up");
    traffic.settled().await;
}

const KILL: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE usename = 'keeper' AND application_name LIKE 'wmctl%'";

/// Waits until a heartbeat succeeds, which must use a session opened after all others had ended.
async fn goes_on(server: &Postgres) {
    let beat = || server.sql("wm", "SELECT SUM(hb_seq) FROM wmctl_host");
    let (before, begun) = (beat(), Instant::now());
    while beat() == before {
        assert!(begun.elapsed() < PATIENCE, "no heartbeat since");
        tokio::time::sleep(LOOK).await;
    }
}

/// The first name leads to a standby, or nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn the_primary_is_found_among_several() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let wmctl = installed(folder.path(), &server.url("wm"));
    wmctl.done(&["migrate", "up"]).await;
    let copy = server.follower();
    let hosts = |first: &Path| {
        let (first, second) = (first.display(), server.folder().display());
        format!("postgres:///wm?user=wm&host={first},{second}&port=5432")
    };
    for first in [copy.folder(), Path::new("/nowhere")] {
        for more in ["", "&target_session_attrs=read-write"] {
            let url = hosts(first) + more;
            let (code, said) = asked(&installed(folder.path(), &url), &["migrate", "status"]).await;
            assert_eq!(code, 0, "{url}: {said}");
        }
    }
    let url = format!(
        "postgres:///wm?user=wm&host={},/nowhere",
        copy.folder().display()
    );
    let (code, said) = asked(&installed(folder.path(), &url), &["migrate", "status"]).await;
    assert_eq!(code, 7, "{said}");
    // The other server takes over under the same names.
    let store = Store::open(&hosts(copy.folder()).parse().unwrap())
        .await
        .unwrap();
    server.stop("fast");
    copy.promote();
    let begun = Instant::now();
    while store.probe().await.is_err() {
        assert!(begun.elapsed() < PATIENCE, "the new primary is not found");
        tokio::time::sleep(LOOK).await;
    }
}
