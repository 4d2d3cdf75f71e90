//! `wmctl bench` measures both databases and leaves nothing behind.

use serde_json::Value;

use crate::support::disk::SmallDisk;
use crate::support::postgres::Postgres;
use crate::support::wmctl::Wmctl;

fn numbers_are_there(row: &Value) {
    let of_all = [
        "start_s",
        "received_per_s",
        "sent_per_s",
        "received_statements",
        "sent_statements",
        "received_units",
        "sent_units",
        "taken_p50_ms",
        "taken_p99_ms",
        "idle_mb",
    ];
    let of_servers = [
        "received_round_trips",
        "sent_round_trips",
        "received_of_pgbench",
        "sent_of_pgbench",
    ];
    let is_there = |number: &str| row[number].as_f64().is_some_and(|it| 0.0 < it);
    assert!(of_all.into_iter().all(is_there), "{row}");
    let on_server = row["database"] == "postgres";
    for number in of_servers {
        assert_eq!(is_there(number), on_server, "{number}: {row}");
    }
    assert!(row["idle_account_kb"].is_number(), "{row}");
    assert!(is_there("delivered_per_s"), "{row}");
    let [p50, p99] = ["delivery_p50_ms", "delivery_p99_ms"].map(|name| row[name].as_f64().unwrap());
    assert!(0.0 <= p50 && p50 <= p99, "{row}");
    // A transaction that enqueues a message has at least two statements; a unit of work has three.
    let of = |number: &str| row[number].as_f64().unwrap();
    assert!(2.0 <= of("sent_statements") / of("sent_units"), "{row}");
}

#[tokio::test]
async fn a_measurement_has_numbers_and_leaves_no_tenant() {
    let server = Postgres::start();
    server.create("wm");
    let folder = tempfile::tempdir().unwrap();
    let mut wmctl = Wmctl::in_folder(folder.path());
    wmctl.set("WMCTL_DATABASE_URL", &server.url("wm"));
    wmctl.done(&["migrate", "up"]).await;
    wmctl.set("WMCTL_BENCH_POSTGRES", &server.url("wm"));
    let pgbench = server.program("pgbench").display().to_string();
    let arguments = ["bench", "--accounts", "2", "--messages", "20", "-o", "json"];
    let more = ["--pgbench", &pgbench, "--webhooks", "2"];
    let arguments = [&arguments[..], &more].concat();
    let answer: Value = serde_json::from_str(&wmctl.done(&arguments).await).unwrap();
    let rows = answer["items"].as_array().unwrap();
    let databases: Vec<&Value> = rows.iter().map(|row| &row["database"]).collect();
    assert_eq!(databases, ["sqlite", "postgres"]);
    rows.iter().for_each(numbers_are_there);
    let made = server.sql(
        "wm",
        "SELECT count(*) FROM pg_class WHERE relname = 'wmctl_scratch'",
    );
    assert_eq!(made.trim(), "0", "what pgbench wrote to is gone");
    let no_program = ["bench", "--pgbench", "/nowhere/pgbench"];
    let refused = wmctl.output(&no_program).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("/nowhere/pgbench"), "{said}");
    let left = "SELECT count(*) FROM whatsmeow_device";
    assert_eq!(server.sql("wm", left).trim(), "0");
    server.sql("wm", "INSERT INTO wmctl_account (business_id) VALUES ('x')");
    server.sql(
        "wm",
        "INSERT INTO whatsmeow_device (business_id, jid, registration_id, noise_key, identity_key,
            signed_pre_key, signed_pre_key_id, signed_pre_key_sig, adv_key, adv_details,
            adv_account_sig, adv_account_sig_key, adv_device_sig)
         VALUES ('x', '1:1@s.whatsapp.net', 1, decode(repeat('00', 32), 'hex'),
            decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'), 1,
            decode(repeat('00', 64), 'hex'), decode(repeat('00', 32), 'hex'), '',
            decode(repeat('00', 64), 'hex'), decode(repeat('00', 32), 'hex'),
            decode(repeat('00', 64), 'hex'))",
    );
    let refused = wmctl.output(&arguments).await;
    assert_eq!(
        refused.status.code(),
        Some(6),
        "a database in use is left alone"
    );
}

/// It needs a folder for the time it takes, and says so where there is none, or no room in it.
#[tokio::test]
async fn a_temporary_folder_that_is_of_no_use_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(8);
    disk.fill();
    let full = disk.path("");
    for (temporary, exit, words) in [
        ("/nowhere/at/all", 1, ["TEMPORARY_FOLDER", "set TMPDIR"]),
        (full.to_str().unwrap(), 7, ["DATABASE_FULL", "make room"]),
    ] {
        let mut wmctl = Wmctl::in_folder(folder.path());
        wmctl.set("TMPDIR", temporary);
        let refused = wmctl
            .output(&["bench", "--accounts", "1", "--messages", "1"])
            .await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(exit), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
    let left: Vec<_> = full.read_dir().unwrap().flatten().collect();
    let left: Vec<_> = left.iter().map(std::fs::DirEntry::file_name).collect();
    assert_eq!(left, ["ballast"]);
}
