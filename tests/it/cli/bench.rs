//! `wmctl bench`: it measures both databases and leaves nothing behind.

use serde_json::Value;

use crate::support::postgres::Postgres;
use crate::support::wmctl::Wmctl;

#[tokio::test]
async fn a_measurement_has_numbers_and_leaves_no_tenant() {
    let server = Postgres::start();
    server.create("wm");
    let folder = tempfile::tempdir().unwrap();
    let mut wmctl = Wmctl::in_folder(folder.path());
    wmctl.set("WMCTL_DATABASE_URL", &server.url("wm"));
    wmctl.done(&["migrate", "up"]).await;
    wmctl.set("WMCTL_BENCH_POSTGRES", &server.url("wm"));
    let arguments = ["bench", "--accounts", "2", "--messages", "20", "-o", "json"];
    let answer: Value = serde_json::from_str(&wmctl.done(&arguments).await).unwrap();
    let rows = answer["items"].as_array().unwrap();
    let databases: Vec<&Value> = rows.iter().map(|row| &row["database"]).collect();
    assert_eq!(databases, ["sqlite", "postgres"]);
    for row in rows {
        for number in ["start_s", "received_per_s", "sent_per_s", "received_units"] {
            assert!(row[number].as_f64().is_some_and(|it| 0.0 < it), "{row}");
        }
        let trips = row["received_round_trips"].as_f64();
        assert_eq!(trips.is_some(), row["database"] == "postgres", "{row}");
    }
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
