//! whatsmeow itself opens our exports, and we read its databases.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use super::chat::{CARLA, chat, chatted, elsewhere, url};
use crate::support::world::World;

const OURS: &str = "491510000009";

/// Returns what whatsmeow finds in a file. It creates the file if it is missing.
fn opened(file: &Path) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/whatsmeow");
    let output = Command::new(folder.join(".venv/bin/python"))
        .arg(folder.join("devices.py"))
        .arg(file)
        .output()
        .expect("whatsmeow is installed in tests/peers/whatsmeow: run ./test, which does it");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn texts(file: &Path, sql: &str) -> Vec<String> {
    let mut connection = SqliteConnection::connect(&url(file)).await.unwrap();
    let sql = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
    let texts = sql.fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    texts
}

/// Returns tables and columns with all properties that a writer must know. Whether a primary key is
/// declared NOT NULL is not among them.
async fn layout(file: &Path) -> Vec<String> {
    let columns =
        "SELECT concat_ws(' ', m.name, p.name, lower(p.type), p.\"notnull\" OR 0 < p.pk, p.pk,
            dflt_value)
        FROM sqlite_master m, pragma_table_info(m.name) p
        WHERE m.type = 'table' AND m.name LIKE 'whatsmeow%' ORDER BY m.name, p.name";
    texts(file, columns).await
}

#[tokio::test]
async fn whatsmeow_opens_an_export_and_we_take_it_back() {
    const OWN: &str = "SELECT jid || ' ' || registration_id FROM whatsmeow_device";
    let world = World::start().await;
    world.sim.add_account(CARLA, "Carla").await.unwrap();
    let (resting, group) = chatted(&world, OURS).await;
    let new = world.folder().join("new.db");
    assert_eq!(opened(&new), json!({"devices": [], "logged": []}));
    let from = url(&new);
    let import = ["migrate", "import", "--dry-run", "--from", &from];
    let refused = resting.wmctl.output(&import).await;
    let words = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(5), "{words}");
    assert!(words.contains("NOT_IN_SOURCE"), "{words}");

    let file = world.folder().join("whatsmeow.db");
    let to = url(&file);
    resting
        .wmctl
        .done(&["migrate", "export", "--to", &to])
        .await;
    assert_eq!(layout(&file).await, layout(&new).await);
    let own = texts(&file, OWN).await;
    let found = opened(&file);
    let device = &found["devices"][0];
    assert_eq!(found["devices"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["logged"], json!([]));
    let jid = device[0].as_str().unwrap();
    assert!(
        jid.starts_with(&format!("{OURS}:")) && own[0].starts_with(&format!("{jid} ")),
        "{found}"
    );
    assert_eq!(device[3], "true");
    assert_eq!(texts(&file, OWN).await, own);

    let moved = world.folder().join("moved.db");
    let moved = elsewhere(&resting, &url(&moved), "acme");
    let import = ["migrate", "import", "--from", &to];
    moved.wmctl.done(&import).await;
    let mut ours = moved.wake().await;
    chat(&world, &mut ours, &group, "after").await;
    ours.rest().await;
}
