//! A table of meaningless rows for measurements of the database alone.

use std::fmt::Write as _;

use crate::store::Store;
use crate::store::db::args;
use crate::store::error::StoreError;

const MAKE: &str = "
    CREATE TABLE wmctl_scratch (id BIGINT PRIMARY KEY, filler TEXT NOT NULL)
    WITH (fillfactor = 50)";
const FILL: &str = "
    INSERT INTO wmctl_scratch
    SELECT number, repeat('x', 400) FROM generate_series(0, $1 - 1) number";
const DROP: &str = "DROP TABLE IF EXISTS wmctl_scratch";

impl Store {
    /// Creates a table of `rows` rows, each as long as a ratchet. On PostgreSQL only.
    pub async fn make_scratch(&self, rows: u32) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        tx.script(DROP).await?;
        tx.script(MAKE).await?;
        tx.run(FILL, args![rows]).await?;
        tx.commit().await
    }

    pub async fn drop_scratch(&self) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        tx.script(DROP).await?;
        tx.commit().await
    }
}

/// Returns a `pgbench` script with one transaction that updates `writes` rows of that table. Each
/// client has its own rows.
pub fn scratch_script(writes: u32) -> String {
    let mut script = String::from("BEGIN;\n");
    for number in 0..writes {
        // Writing to a string cannot fail.
        let _ = writeln!(
            script,
            "\\set id :client_id * {writes} + {number}\n\
             UPDATE wmctl_scratch SET filler = repeat('y', 400) WHERE id = :id;"
        );
    }
    script.push_str("COMMIT;\n");
    script
}
