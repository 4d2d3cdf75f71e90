//! A role of one tenant, as README sets it up: what it runs, and what it reaches of another.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use wmctl::sim::Simulator;

use super::{NUMBER, pair, paired, simulator};
use crate::support::postgres::Postgres;
use crate::support::program::PATIENCE;
use crate::support::wmctl::Wmctl;

const OTHER_NUMBER: &str = "4915112345622";

/// How a row is written into each table that has a tenant, from the server's own catalog.
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

/// One row for each of both tenants in every such table. Row-level security does not ask whether
/// a row makes sense, so that what rows are to be like goes first.
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

/// The SQL that README gives to operators.
fn documented() -> &'static str {
    let readme = include_str!("../../../README.md");
    let (_, rest) = readme.split_once("## A role for each tenant").unwrap();
    let (_, rest) = rest.split_once("```sql\n").unwrap();
    rest.split_once("```").unwrap().0
}

/// The tenants `acme`, paired under its own role, and `other`, paired by the owner.
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

/// For a moment the server refuses the role and ends all its sessions: the process goes on.
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

/// Types SQL as the role of `acme` against the rows of others in one table.
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
    assert!(refused.contains("row-level security"), "{table}: {refused}");
    let changes = format!(
        "WITH u AS (UPDATE {table} SET business_id = 'acme' WHERE {theirs} RETURNING 1),
            d AS (DELETE FROM {table} WHERE {theirs} RETURNING 1)
         SELECT (SELECT count(*) FROM {table} WHERE {theirs}), (SELECT count(*) FROM u),
            (SELECT count(*) FROM d), EXISTS (SELECT 1 FROM {table} WHERE business_id = 'acme')"
    );
    let reached = server.try_sql_as("of_acme", "w", &changes).unwrap();
    assert_eq!(
        reached.trim(),
        "0|0|0|t",
        "{table}: read, changed, deleted, own"
    );
    assert_eq!(server.sql("w", &content), before, "{table}");
}
