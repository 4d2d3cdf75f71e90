//! Servers with unusual settings, and passwords that change, under traffic. Accounts must continue,
//! or the problem must be reported.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use wmctl::config::DatabaseUrl;
use wmctl::ids::HostId;
use wmctl::store::Store;

use super::{Traffic, server};
use crate::support::http::free_address;
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

/// Where a process finds the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// In the file that holds the database's URL.
    UrlFile,
    /// In the file of passwords that PostgreSQL's own clients read.
    PasswordFile,
}

/// A server that lets `keeper` and `heir` in with a password only.
fn with_passwords() -> Postgres {
    let server = server();
    server.sql("postgres", "CREATE ROLE keeper SUPERUSER LOGIN");
    server.sql("postgres", "CREATE ROLE heir SUPERUSER LOGIN");
    let access = "local all keeper,heir scram-sha-256\nlocal all all trust\n";
    server.put("pg_hba.conf", access);
    server.sql("postgres", "SELECT pg_reload_conf()");
    server
}

fn set_password(server: &Postgres, role: &str, password: &str) {
    server.sql(
        "postgres",
        &format!("ALTER ROLE {role} PASSWORD '{password}'"),
    );
}

/// The same account run by a process that finds its password there.
async fn logged_in(traffic: Traffic, kept: Kept, server: &Postgres, command: &str) -> Keeper {
    let folder = tempfile::tempdir().unwrap();
    let mut keeper = Keeper {
        traffic,
        kept,
        plain: server.url_as("keeper", "wm"),
        file: folder.path().join("kept"),
        _folder: folder,
    };
    keeper.traffic.run.terminate().await;
    assert!(keeper.traffic.run.ended().await.success());
    keeper.write("keeper", "first");
    let file = keeper.file.to_str().unwrap().to_owned();
    let wmctl = &mut keeper.traffic.stage.wmctl;
    match kept {
        Kept::UrlFile => {
            wmctl.unset("WMCTL_DATABASE_URL");
            wmctl.set("DATABASE_URL_FILE", &file);
        }
        Kept::PasswordFile => {
            wmctl.set("WMCTL_DATABASE_URL", &keeper.plain);
            wmctl.set("PGPASSFILE", &file);
        }
    }
    let http = free_address().to_string();
    keeper.traffic.run = wmctl.start(&[command, "--http", &http]);
    let connected = super::state("connected");
    let run = &mut keeper.traffic.run;
    run.expect("the connected state", connected).await;
    keeper
}

struct Keeper {
    traffic: Traffic,
    kept: Kept,
    /// Without the password.
    plain: String,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Keeper {
    /// Puts a password where the process finds it.
    fn write(&self, role: &str, password: &str) {
        use std::os::unix::fs::PermissionsExt;
        let plain = self.plain.replace("user=keeper", &format!("user={role}"));
        let text = match self.kept {
            Kept::UrlFile => format!("{plain}&password={password}"),
            Kept::PasswordFile => format!("*:*:*:{role}:{password}\n"),
        };
        std::fs::write(&self.file, text).unwrap();
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&self.file, private).unwrap();
    }
}

/// A password is changed while an account runs.
async fn a_password_changes(command: &str, kept: Kept) {
    let server = with_passwords();
    set_password(&server, "keeper", "first");
    // The traffic of this test logs in as another role.
    let traffic = Traffic::connect(&server.url("wm"), 60).await;
    let mut keeper = logged_in(traffic, kept, &server, command).await;
    let logins = keeper.traffic.logins().await;
    keeper.traffic.chats().await;
    for (percent, password) in [(40, "second"), (80, "third")] {
        keeper.traffic.put_in(percent).await;
        set_password(&server, "keeper", password);
        keeper.write("keeper", password);
        let ended = server.sql("wm", KILL);
        assert!(!ended.is_empty(), "nothing was ended");
        goes_on(&server).await;
        // A login with the old password is refused.
        let folder = tempfile::tempdir().unwrap();
        let old = format!("{}&password=first", keeper.plain);
        let old = installed(folder.path(), &old);
        let (code, said) = asked(&old, &["migrate", "status"]).await;
        assert_eq!(code, 7, "{said}");
    }
    assert_eq!(
        keeper.traffic.logins().await,
        logins,
        "the link was given up"
    );
    keeper.traffic.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_changes_under_an_account() {
    a_password_changes("run", Kept::UrlFile).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_changes_under_a_host() {
    a_password_changes("serve", Kept::UrlFile).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_passwords_changes_under_an_account() {
    a_password_changes("run", Kept::PasswordFile).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_passwords_changes_under_a_host() {
    a_password_changes("serve", Kept::PasswordFile).await;
}

/// SIGHUP has the login read again although the old one is still good.
async fn a_role_changes(command: &str) {
    let server = with_passwords();
    set_password(&server, "keeper", "first");
    set_password(&server, "heir", "other");
    let traffic = Traffic::connect(&server.url("wm"), 40).await;
    let mut keeper = logged_in(traffic, Kept::UrlFile, &server, command).await;
    let logins = keeper.traffic.logins().await;
    keeper.traffic.chats().await;
    keeper.traffic.put_in(40).await;
    keeper.write("heir", "other");
    // Nobody has said so yet.
    assert!(!server.sql("wm", KILL).is_empty(), "nothing was ended");
    goes_on(&server).await;
    let sessions = |role: &str| {
        let sql = format!(
            "SELECT COUNT(*) FROM pg_stat_activity
             WHERE usename = '{role}' AND application_name LIKE 'wmctl%'"
        );
        server.sql("wm", &sql).trim().to_owned()
    };
    assert_eq!(sessions("heir"), "0");
    let pid = keeper.traffic.run.id().unwrap().to_string();
    let hangup = std::process::Command::new("kill")
        .args(["-HUP", &pid])
        .status();
    assert!(hangup.unwrap().success());
    let begun = Instant::now();
    while sessions("heir") == "0" {
        assert!(begun.elapsed() < PATIENCE, "nobody logs in as heir");
        server.sql("wm", KILL);
        tokio::time::sleep(LOOK).await;
    }
    goes_on(&server).await;
    assert_eq!(
        keeper.traffic.logins().await,
        logins,
        "the link was given up"
    );
    keeper.traffic.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_changes_under_an_account_that_is_told() {
    a_role_changes("run").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_changes_under_a_host_that_is_told() {
    a_role_changes("serve").await;
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
