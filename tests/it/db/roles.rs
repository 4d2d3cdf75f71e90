//! A role for one tenant, set up as in docs/how-to/postgresql.md: what it can run, and what it can
//! reach of another.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use wmctl::sim::Simulator;

use super::{NUMBER, pair, paired, simulator};
use crate::support::postgres::Postgres;
use crate::support::program::PATIENCE;
use crate::support::wmctl::Wmctl;

const OTHER_NUMBER: &str = "4915112345622";

/// A statement that inserts a row into each table with tenants, built from the server's catalogue.
const FILLING: &str = "CREATE VIEW filling AS
    SELECT c.relname AS name, format('INSERT INTO %I (%s) VALUES (%s)', c.relname,
        string_agg(quote_ident(a.attname), ', '),
        string_agg(CASE WHEN a.attname = 'business_id'
            OR a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'bytea'::regtype)
            THEN '''?''' ELSE '''0''' END, ', ')) AS insertion
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
        AND 0 < a.attnum AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = ''
        AND (a.attname = 'business_id' OR a.attnotnull AND NOT a.atthasdef)
    GROUP BY c.relname HAVING bool_or(a.attname = 'business_id')";

/// Inserts one row for each of both tenants into every such table. Row-level security does not
/// check whether a row is valid, so the constraints are dropped first.
const FILL: &str = "DO $$
DECLARE t RECORD; k RECORD;
BEGIN
    FOR k IN SELECT conname, conrelid::regclass AS its FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype = 'c'
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', k.its, k.conname);
    END LOOP;
    SET LOCAL session_replication_role = replica;
    FOR t IN SELECT * FROM filling LOOP
        EXECUTE replace(t.insertion, '?', 'acme') || ' ON CONFLICT DO NOTHING';
        EXECUTE replace(t.insertion, '?', 'other') || ' ON CONFLICT DO NOTHING';
    END LOOP;
END $$";

/// Returns the SQL that the documentation gives to operators.
fn documented() -> &'static str {
    let page = include_str!("../../../docs/how-to/postgresql.md");
    let (_, rest) = page.split_once("## A role for each tenant").unwrap();
    let (_, rest) = rest.split_once("```sql\n").unwrap();
    rest.split_once("```").unwrap().0
}

/// Creates the tenants `acme`, paired under its own role, and `other`, paired by the owner.
async fn two_tenants(sim: &Simulator, server: &Postgres, folder: &Path) -> Wmctl {
    sim.add_account(OTHER_NUMBER, "Otto").await.unwrap();
    server.create("w");
    let mut owner = Wmctl::in_folder(folder);
    owner.set("WMCTL_SERVER", &sim.ws_url());
    owner.set("WMCTL_ROOT_KEY", sim.root_key());
    owner.set("WMCTL_DATABASE_URL", &server.url("w"));
    owner.set("WMCTL_TENANT", "other");
    owner.done(&["migrate", "up"]).await;
    server.sql("w", documented());
    pair(sim, &owner, OTHER_NUMBER).await;
    let mut acme = owner;
    acme.set("WMCTL_DATABASE_URL", &server.url_as("of_acme", "w"));
    acme.set("WMCTL_TENANT", "acme");
    pair(sim, &acme, NUMBER).await;
    acme
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_runs_its_own_tenant_and_no_other() {
    let (sim, folder) = (simulator().await, tempfile::tempdir().unwrap());
    let server = Postgres::start();
    let acme = two_tenants(&sim, &server, folder.path()).await;
    let mut run = acme.start(&["run"]);
    let sent = sim.phone_sends(OTHER_NUMBER, NUMBER, "hello acme").await;
    sent.unwrap();
    run.expect("the message", |line| {
        line.to_string().contains("hello acme")
    })
    .await;

    let commands: [(&[&str], &str); 5] = [
        (&["run", "--tenant", "other"], "tenant other"),
        (&["pair", "--tenant", "other"], "tenant other"),
        (
            &[
                "send",
                "--tenant",
                "other",
                "--to",
                "+4915100000",
                "--text",
                "a",
            ],
            "tenant other",
        ),
        (&["events", "--tenant", "other"], "tenant other"),
        (&["serve"], "every tenant"),
    ];
    for (command, what) in commands {
        let refused = acme.output(command).await;
        let words = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(3), "{command:?}: {words}");
        let expected = format!("role of_acme may not reach {what}");
        let named = words.contains("TENANT_OUT_OF_REACH") && words.contains(&expected);
        assert!(named && words.contains(r#""retryable":false"#), "{words}");
    }
    run.terminate().await;
    assert!(run.ended().await.success(), "{}", run.log_tail());
}

/// The server briefly refuses the role and ends all its sessions; the process must continue.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_outlives_a_refused_login() {
    let (sim, folder) = (simulator().await, tempfile::tempdir().unwrap());
    let server = Postgres::start();
    let acme = two_tenants(&sim, &server, folder.path()).await;
    let mut run = acme.start(&["run"]);
    let is = |text: &'static str| move |line: &Value| line["text"] == text;
    sim.phone_sends(OTHER_NUMBER, NUMBER, "before")
        .await
        .unwrap();
    run.expect("the first message", is("before")).await;
    server.sql("w", "ALTER ROLE of_acme NOLOGIN");
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'of_acme'";
    server.sql("w", end);
    sim.phone_sends(OTHER_NUMBER, NUMBER, "meanwhile")
        .await
        .unwrap();
    let refused = async {
        while !server.log_tail().contains("is not permitted to log in") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.unwrap();
    server.sql("w", "ALTER ROLE of_acme LOGIN");
    run.expect("the second message", is("meanwhile")).await;
    let twice = run.heard(is("before"));
    assert!(twice.is_empty(), "it came again");
    run.terminate().await;
    assert!(run.ended().await.success(), "{}", run.log_tail());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_reaches_no_row_of_another_tenant() {
    let (sim, folder) = (simulator().await, tempfile::tempdir().unwrap());
    let server = Postgres::start();
    server.create("w");
    drop(paired(&sim, folder.path(), Some(&server.url("w"))).await);
    server.sql("w", documented());
    server.sql("w", FILLING);
    server.sql("w", FILL);
    let tables = server.sql("w", "SELECT name FROM filling ORDER BY name");
    let tables: Vec<&str> = tables.lines().collect();
    assert!(tables.contains(&"whatsmeow_device") && tables.contains(&"wmctl_outbox"));
    for table in tables {
        out_of_reach(&server, table);
    }
}

/// Whatever was granted, the tables themselves must keep a tenant's role from changing shared rows.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_changes_nothing_that_is_everybodys() {
    let (sim, folder) = (simulator().await, tempfile::tempdir().unwrap());
    let server = Postgres::start();
    let acme = two_tenants(&sim, &server, folder.path()).await;
    let open = "SELECT string_agg(relname, ' ') FROM pg_class WHERE relkind IN ('r', 'p')
        AND relnamespace = 'public'::regnamespace AND NOT relrowsecurity
        AND (relname LIKE 'wmctl%' OR relname LIKE 'whatsmeow%')";
    assert_eq!(
        server.sql("w", open).trim(),
        "",
        "tables without row-level security"
    );
    acme.done(&["tenants", "stop", "acme"]).await;
    let kept = "SELECT (SELECT count(*) FROM wmctl_migration) || ' ' ||
        (SELECT count(*) FROM wmctl_audit WHERE action = 'disable' OR action = 'stop')";
    let before = server.sql("w", kept);
    assert!(before.trim().ends_with(" 1"), "{before}");
    for granted in [false, true] {
        if granted {
            let all = "GRANT ALL ON ALL TABLES IN SCHEMA public TO of_acme";
            server.sql("w", all);
        }
        for sql in [
            "INSERT INTO wmctl_migration (version, name, checksum, applied_ms)
                VALUES (999, 'a', 'a', 1)",
            "DELETE FROM wmctl_migration",
            "UPDATE wmctl_migration SET checksum = 'a'",
            "DELETE FROM wmctl_audit",
            "UPDATE wmctl_audit SET actor = 'somebody else'",
            "INSERT INTO wmctl_audit (id, at_ms, actor, action, business_id, role)
                VALUES ('a', 1, 'a', 'a', 'acme', 'wm')",
            "INSERT INTO wmctl_audit (id, at_ms, actor, action, business_id)
                VALUES ('b', 1, 'a', 'a', 'other')",
            "INSERT INTO wmctl_role (role, business_id) VALUES ('of_acme', '*')",
            "INSERT INTO wmctl_host (inc, name, pid, started_ms, hb_ms, serves)
                VALUES ('a', 'a', 1, 1, 1, TRUE)",
            "UPDATE wmctl_host SET serves = TRUE WHERE role = 'of_acme'",
        ] {
            let done = server.try_sql_as("of_acme", "w", &format!("{sql} RETURNING 1"));
            let untouched = done.as_ref().is_ok_and(|rows| rows.trim().is_empty());
            assert!(done.is_err() || untouched, "{sql}: {done:?}");
        }
        assert_eq!(server.sql("w", kept), before, "granted: {granted}");
    }
    acme.done(&["migrate", "status"]).await;
}

/// A standby must see a leader under another role, wait for it, and take over when it hangs.
#[tokio::test(flavor = "multi_thread")]
async fn a_standby_sees_a_leader_of_another_role() {
    let (sim, folder) = (simulator().await, tempfile::tempdir().unwrap());
    let server = Postgres::start();
    let acme = two_tenants(&sim, &server, folder.path()).await;
    let mut owner = acme.clone();
    owner.set("WMCTL_DATABASE_URL", &server.url("w"));
    let role = |wanted: &'static str| move |line: &Value| line["role"] == wanted;
    let run = ["run", "--ha", "--no-http", "--ha-timeout", "1500"];
    let mut leader = owner.start(&run);
    leader.expect("the leader", role("leader")).await;
    let mut standby = acme.start(&run);
    let said = standby.expect("the standby", role("standby")).await;
    let pid = leader.id().unwrap().to_string();
    assert!(said["holder"].as_str().unwrap().ends_with(&pid), "{said}");
    let locks = acme.done(&["lock-status", "-o", "json"]).await;
    let locks: Value = serde_json::from_str(&locks).unwrap();
    assert_eq!(locks["items"][0]["state"], "held", "{locks}");
    assert_eq!(locks["items"][0]["pid"].to_string(), pid, "{locks}");
    // The lease does not change while the leader lives.
    let epoch = "SELECT epoch FROM wmctl_lease WHERE business_id = 'acme'";
    let before = server.sql("w", epoch);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(server.sql("w", epoch), before);
    let stop = |signal: &'static str| {
        let sent = std::process::Command::new("kill")
            .args([signal, &pid])
            .status();
        assert!(sent.unwrap().success());
    };
    stop("-STOP");
    standby.expect("the takeover", role("leader")).await;
    stop("-CONT");
    leader.expect("that it is fenced", role("fenced")).await;
    leader.expect("that it stands by", role("standby")).await;
    for process in [&mut leader, &mut standby] {
        process.terminate().await;
        assert!(process.ended().await.success(), "{}", process.log_tail());
    }
}

/// Runs SQL as the role of `acme` against the rows of others in one table.
fn out_of_reach(server: &Postgres, table: &str) {
    let theirs = "business_id IS DISTINCT FROM 'acme'";
    let content = format!(
        "SELECT count(*), md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {table} t
         WHERE {theirs}"
    );
    let before = server.sql("w", &content);
    assert!(!before.starts_with("0|"), "{table}: no row of the other");
    let insertion =
        format!("SELECT replace(insertion, '?', 'other') FROM filling WHERE name = '{table}'");
    let insertion = server.sql("w", &insertion);
    let refused = server.try_sql_as("of_acme", "w", &insertion).unwrap_err();
    // Only the owner of the tables assigns a role to a tenant.
    let words = match table {
        "wmctl_role" => "permission denied",
        _ => "row-level security",
    };
    assert!(refused.contains(words), "{table}: {refused}");
    let changes = format!(
        "WITH u AS (UPDATE {table} SET business_id = 'acme' WHERE {theirs} RETURNING 1),
            d AS (DELETE FROM {table} WHERE {theirs} RETURNING 1)
         SELECT (SELECT count(*) FROM {table} WHERE {theirs}), (SELECT count(*) FROM u),
            (SELECT count(*) FROM d), EXISTS (SELECT 1 FROM {table} WHERE business_id = 'acme')"
    );
    let reached = match server.try_sql_as("of_acme", "w", &changes) {
        // These tables are only inserted into, so the role needs no right to update them.
        Err(refused) if refused.contains("permission denied") => {
            assert!(["wmctl_audit", "wmctl_role"].contains(&table), "{refused}");
            let read = format!(
                "SELECT (SELECT count(*) FROM {table} WHERE {theirs}), 0, 0,
                    EXISTS (SELECT 1 FROM {table} WHERE business_id = 'acme')"
            );
            server.try_sql_as("of_acme", "w", &read).unwrap()
        }
        reached => reached.unwrap(),
    };
    assert_eq!(
        reached.trim(),
        "0|0|0|t",
        "{table}: read, changed, deleted, own"
    );
    assert_eq!(server.sql("w", &content), before, "{table}");
}
