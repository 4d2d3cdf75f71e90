//! The database as operators use it: `wmctl db`, retention, roles, connection URLs, `doctor`.

mod connect;
mod doctor;
mod look;
mod migrate;
mod retention;
mod roles;

use std::path::Path;

use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};
use wmctl::sim::{SimConfig, Simulator};

use crate::support::postgres::Postgres;
use crate::support::wmctl::Wmctl;

pub(super) const NUMBER: &str = "4915112345621";

/// Returns a paired account of the tenant `acme` in a database with the current schema.
pub(super) async fn paired(sim: &Simulator, folder: &Path, database: Option<&str>) -> Wmctl {
    let mut wmctl = Wmctl::in_folder(folder);
    wmctl.set("WMCTL_SERVER", &sim.ws_url());
    wmctl.set("WMCTL_ROOT_KEY", sim.root_key());
    wmctl.set("WMCTL_TENANT", "acme");
    if let Some(url) = database {
        wmctl.set("WMCTL_DATABASE_URL", url);
        wmctl.done(&["migrate", "up"]).await;
    }
    pair(sim, &wmctl, NUMBER).await;
    wmctl
}

/// Links the device of an installation to the account with this number.
async fn pair(sim: &Simulator, wmctl: &Wmctl, number: &str) {
    let mut pairing = wmctl.start(&["pair"]);
    let qr = pairing.expect("a code", |line| line["event"] == "qr").await;
    let code = qr["code"].as_str().unwrap();
    sim.scan(number, code).await.unwrap();
    assert!(pairing.ended().await.success(), "{}", pairing.log_tail());
}

/// Starts a simulator with one account.
pub(super) async fn simulator() -> Simulator {
    let sim = Simulator::start(SimConfig::default()).await.unwrap();
    sim.add_account(NUMBER, "Anna").await.unwrap();
    sim
}

/// Returns the JSON lines that a command prints, and its exit code.
pub(super) async fn asked(wmctl: &Wmctl, arguments: &[&str]) -> (i32, Vec<Value>) {
    let output = wmctl.output(arguments).await;
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    (output.status.code().unwrap_or(-1), lines.collect())
}

/// Opens the file directly, so that a test can change anything in it.
async fn file(wmctl: &Wmctl) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(wmctl.database())
        .foreign_keys(false);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// Runs SQL directly on the database.
pub(super) async fn typed(wmctl: &Wmctl, server: Option<&Postgres>, sql: &str) {
    let Some(server) = server else {
        let mut file = file(wmctl).await;
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        sql.execute(&mut file).await.unwrap();
        file.close().await.unwrap();
        return;
    };
    server.sql("w", sql);
}

/// Reads one number directly from the database.
pub(super) async fn read(wmctl: &Wmctl, server: Option<&Postgres>, sql: &str) -> i64 {
    let Some(server) = server else {
        let mut file = file(wmctl).await;
        let sql = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
        let number = sql.fetch_one(&mut file).await.unwrap();
        file.close().await.unwrap();
        return number;
    };
    server.sql("w", sql).trim().parse().unwrap()
}
