//! Values that are refused before anything is stored: names of new tenants, and event types.

use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};
use wmctl::sim::{SimConfig, Simulator};

use super::http::{Answer, ask, curl};
use crate::support::wmctl::Wmctl;

const NUMBER: &str = "4915112345621";
/// Names that existing tenants may have but new ones may not.
const BAD: [&str; 7] = [".", "..", "...", ".hidden", "--yes", "-a", "acme."];

/// Runs SQL directly on the database. Returns the first number of the result.
async fn sql(wmctl: &Wmctl, sql: &str) -> i64 {
    let options = SqliteConnectOptions::new()
        .filename(wmctl.database())
        .foreign_keys(false);
    let mut file = SqliteConnection::connect_with(&options).await.unwrap();
    let query = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
    let number: Option<i64> = query.fetch_optional(&mut file).await.unwrap();
    file.close().await.unwrap();
    number.unwrap_or(0)
}

async fn refused(wmctl: &Wmctl, arguments: &[&str], words: &str) {
    let output = wmctl.output(arguments).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(said.contains(words), "{arguments:?}: {said}");
}

fn problem(answer: &Answer, words: &str) {
    let said = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, 400, "{said}");
    assert!(answer.head.contains("application/problem+json"), "{said}");
    assert!(said.contains(words), "{said}");
}

/// Creates an installation with one paired tenant, a simulator and a host that serves HTTP.
async fn one(folder: &std::path::Path) -> (Simulator, Wmctl) {
    let sim = Simulator::start(SimConfig::default()).await.unwrap();
    sim.add_account(NUMBER, "Anna").await.unwrap();
    let mut wmctl = Wmctl::in_folder(folder);
    wmctl.set("WMCTL_SERVER", &sim.ws_url());
    wmctl.set("WMCTL_ROOT_KEY", sim.root_key());
    let mut pairing = wmctl.start(&["pair", "--create", "--tenant", "acme"]);
    let qr = pairing.expect("a code", |line| line["event"] == "qr").await;
    sim.scan(NUMBER, qr["code"].as_str().unwrap())
        .await
        .unwrap();
    assert!(pairing.ended().await.success());
    (sim, wmctl)
}

#[tokio::test(flavor = "multi_thread")]
async fn new_tenants_have_names_that_lead_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let (_sim, wmctl) = one(folder.path()).await;
    let mut serve = wmctl.start(&["serve", "--http", "127.0.0.1:0"]);
    let http = serve.expect("an address", |line| line["type"] == "http");
    let address = http.await["address"].as_str().unwrap().to_owned();
    let from = format!("sqlite:{}", wmctl.database().display());
    let words = "begins with a letter";
    for name in BAD {
        let tenant = format!("--tenant={name}");
        refused(&wmctl, &["tenants", "add", "--", name], words).await;
        refused(&wmctl, &["pair", &tenant], words).await;
        let import = ["migrate", "import", "--from", &from, &tenant];
        refused(
            &wmctl,
            &[&import[..], &["--from-tenant", "acme"]].concat(),
            words,
        )
        .await;
        let body = json!({ "business_id": name });
        let added = ask(&address, "", "POST", "/api/tenants", Some(body)).await;
        problem(&added, words);
        let path = name.replace('.', "%2E");
        let url = format!("http://localhost:8080/api/tenants/{path}/pair");
        let asked = [
            "--path-as-is",
            "-X",
            "POST",
            &url,
            "-d",
            "{\"create\":true}",
        ];
        problem(&curl(&address, &asked).await, words);
    }
    for table in ["wmctl_tenant", "wmctl_pairing", "wmctl_account"] {
        let new = format!("SELECT count(*) FROM {table} WHERE business_id <> 'acme'");
        assert_eq!(sql(&wmctl, &new).await, 0, "{table}");
    }
    serve.terminate().await;
    assert!(serve.ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_that_have_such_a_name_keep_it() {
    let folder = tempfile::tempdir().unwrap();
    let (_sim, wmctl) = one(folder.path()).await;
    let (mut count, tables) = (
        0,
        "SELECT count(*) FROM sqlite_master m
        JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'business_id'",
    );
    for at in 0..sql(&wmctl, tables).await {
        let table = format!(
            "SELECT m.rowid FROM sqlite_master m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND c.name = 'business_id' LIMIT 1 OFFSET {at}"
        );
        let row = sql(&wmctl, &table).await;
        let options = SqliteConnectOptions::new()
            .filename(wmctl.database())
            .foreign_keys(false);
        let mut file = SqliteConnection::connect_with(&options).await.unwrap();
        let name = format!("SELECT name FROM sqlite_master WHERE rowid = {row}");
        let name: String = sqlx::query_scalar(AssertSqlSafe(name))
            .fetch_one(&mut file)
            .await
            .unwrap();
        let update = format!("UPDATE {name} SET business_id = '..'");
        sqlx::raw_sql(AssertSqlSafe(update))
            .execute(&mut file)
            .await
            .unwrap();
        file.close().await.unwrap();
        count += 1;
    }
    assert!(20 < count, "{count} tables");
    let shown = wmctl.done(&["tenants", "show", ".."]).await;
    assert!(shown.contains(NUMBER), "{shown}");
    wmctl
        .done(&["tenants", "add", "..", "--device-name", "Shop"])
        .await;
    let to = format!("sqlite:{}", folder.path().join("out.db").display());
    let export = ["migrate", "export", "--to", &to, "--tenant=.."];
    wmctl.done(&export).await;
    wmctl.done(&["tenants", "rm", "..", "--yes"]).await;
    let left = "SELECT count(*) FROM whatsmeow_device";
    assert_eq!(sql(&wmctl, left).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_no_event_has_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_sim, wmctl) = one(folder.path()).await;
    let add = ["webhooks", "add", "https://crm.example/", "--tenant=acme"];
    for types in [&["mesage"][..], &["message", "Receipt"], &[""], &["all"]] {
        let types: Vec<String> = types.iter().map(|one| format!("--type={one}")).collect();
        let types: Vec<&str> = types.iter().map(String::as_str).collect();
        refused(&wmctl, &[&add[..], &types].concat(), "history_message").await;
        let events = ["events", "--tenant=acme"];
        refused(&wmctl, &[&events[..], &types].concat(), "history_message").await;
    }
    wmctl
        .done(&[&add[..], &["--type=message", "--type=receipt"]].concat())
        .await;
    let mut serve = wmctl.start(&["serve", "--http", "127.0.0.1:0"]);
    let http = serve.expect("an address", |line| line["type"] == "http");
    let address = http.await["address"].as_str().unwrap().to_owned();
    let path = "/api/tenants/acme/webhooks";
    for types in [json!(["mesage"]), json!(["message", "x"]), json!([""])] {
        let body = json!({ "url": "https://crm.example/", "types": types });
        let answer = ask(&address, "", "POST", path, Some(body)).await;
        problem(&answer, "history_message");
    }
    let all = ask(&address, "", "GET", path, None).await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    serve.terminate().await;
    assert!(serve.ended().await.success());
}
