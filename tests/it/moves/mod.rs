//! Accounts that move between databases with `wmctl migrate import` and `export`, and continue
//! there.

mod baileys;
mod chat;
mod kills;
mod records;
mod undo;
mod whatsapp_rust;
mod whatsmeow;

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

use crate::support::ours::Resting;
use crate::support::postgres::Postgres;

const SESSIONS: &str = "SELECT their_id, session FROM whatsmeow_sessions";
const SENDER_KEYS: &str = "SELECT chat_id || sender_id, sender_key FROM whatsmeow_sender_keys";

/// Returns the ratchets and sender keys of a file, each with its name.
async fn records_in(file: &Path) -> Vec<(String, Vec<u8>)> {
    let mut connection = SqliteConnection::connect(&chat::url(file)).await.unwrap();
    let sql = format!("{SESSIONS} UNION ALL {SENDER_KEYS} ORDER BY 1");
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection);
    let rows = rows.await.unwrap();
    connection.close().await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Returns the records of an export as text, each with our record that it was made from.
async fn records_of(
    export: &Path,
    ours: &Resting,
    server: Option<&Postgres>,
) -> Vec<(String, Vec<u8>)> {
    let own = match server {
        None => records_in(&ours.wmctl.database()).await,
        Some(server) => {
            let hex =
                |sql: &str, column: &str| sql.replace(column, &format!("encode({column}, 'hex')"));
            let sql = format!(
                "{} UNION ALL {} ORDER BY 1",
                hex(SESSIONS, " session "),
                hex(SENDER_KEYS, " sender_key ")
            );
            let rows = server.sql("wm", &sql);
            let rows = rows.lines().map(|line| {
                let (name, record) = line.split_once('|').expect("two columns");
                (
                    name.to_owned(),
                    hex::decode(record).expect("it is hexadecimal"),
                )
            });
            rows.collect()
        }
    };
    let mut exported = records_in(export).await;
    let mut own = own;
    exported.sort();
    own.sort();
    let names = |records: &[(String, Vec<u8>)]| -> Vec<String> {
        records.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&exported), names(&own));
    let texts = exported
        .into_iter()
        .map(|(_, record)| String::from_utf8(record).unwrap());
    texts
        .zip(own.into_iter().map(|(_, record)| record))
        .collect()
}
