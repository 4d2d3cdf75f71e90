//! Reads the rows of an installation from outside, as an operator's tools would.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Row as _};

use super::program::PATIENCE;
use super::wmctl::Wmctl;

/// Polling interval for progress.
const LOOK: Duration = Duration::from_millis(25);

impl Wmctl {
    /// The first column of every row, as text; numbers and bytes (hexadecimal digits) included.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<String> {
        let options = SqliteConnectOptions::new().filename(self.database());
        let options = options.read_only(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Waits until a query returns this result.
    pub(crate) async fn settles(&self, sql: &str, wanted: &[&str]) {
        let mut last = Vec::new();
        let settled = async {
            loop {
                last = self.rows(sql).await;
                if last == wanted {
                    break;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(PATIENCE, settled).await.is_err() {
            panic!("{sql}: {last:?} instead of {wanted:?}");
        }
    }
}
