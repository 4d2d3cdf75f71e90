//! The tables and columns of a database, according to its own catalogue.

use std::collections::BTreeSet;

use crate::store::db::{Row, Tx, args};
use crate::store::error::StoreError;

const TABLE: &str = "catalog";

/// The type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Bytes,
    Number,
    Flag,
    Uuid,
}

impl Kind {
    fn of(declared: &str) -> Option<Self> {
        Some(match declared {
            "text" | "character varying" => Self::Text,
            "bytea" | "blob" => Self::Bytes,
            "bigint" | "integer" | "smallint" => Self::Number,
            "boolean" => Self::Flag,
            "uuid" => Self::Uuid,
            _ => return None,
        })
    }
}

/// One column. `kind` is `None` if its type is not one that we move.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Option<Kind>,
    pub(super) required: bool,
}

/// Returns the columns of a table, in order; none if the table does not exist.
pub(super) async fn columns(tx: &mut Tx, table: &str) -> Result<Vec<Column>, StoreError> {
    const SQLITE: &str = "
        SELECT name, lower(type), CAST(\"notnull\" + pk AS BIGINT) FROM pragma_table_info($1)";
    const POSTGRES: &str = "
        SELECT CAST(attname AS TEXT), format_type(atttypid, NULL),
            CAST(CAST(attnotnull AS INTEGER) AS BIGINT)
        FROM pg_attribute
        WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
    let rows = tx.rows(either(tx, SQLITE, POSTGRES), args![table]).await?;
    let column = |row: &Row| {
        let declared: String = row.column(TABLE, 1)?;
        let required: i64 = row.column(TABLE, 2)?;
        Ok(Column {
            name: row.column(TABLE, 0)?,
            kind: Kind::of(&declared),
            required: required != 0,
        })
    };
    rows.iter().map(column).collect()
}

/// Returns whether a table of this name exists.
pub(super) async fn exists(tx: &mut Tx, table: &str) -> Result<bool, StoreError> {
    Ok(!columns(tx, table).await?.is_empty())
}

/// Returns the tables whose names begin with `prefix` and an underscore, ordered by name.
pub(super) async fn tables(tx: &mut Tx, prefix: &str) -> Result<Vec<String>, StoreError> {
    const SQLITE: &str = "
        SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE $1 ESCAPE '\\'
        ORDER BY name";
    const POSTGRES: &str = "
        SELECT CAST(tablename AS TEXT) FROM pg_tables
        WHERE schemaname = current_schema() AND tablename LIKE $1 ORDER BY tablename";
    let pattern = format!("{prefix}\\_%");
    let rows = tx
        .rows(either(tx, SQLITE, POSTGRES), args![pattern])
        .await?;
    rows.iter().map(|row| row.column(TABLE, 0)).collect()
}

/// Sorts the tables so that each one follows the tables that it references.
pub(super) async fn by_reference(
    tx: &mut Tx,
    tables: Vec<String>,
) -> Result<Vec<String>, StoreError> {
    const SQLITE: &str = "SELECT \"table\" FROM pragma_foreign_key_list($1)";
    const POSTGRES: &str = "
        SELECT CAST(r.relname AS TEXT) FROM pg_constraint c JOIN pg_class r ON r.oid = c.confrelid
        WHERE c.contype = 'f' AND c.conrelid = to_regclass($1)";
    let mut waiting = Vec::new();
    for table in tables {
        let rows = tx.rows(either(tx, SQLITE, POSTGRES), args![table.as_str()]);
        let referred = rows.await?;
        let referred = referred.iter().map(|row| row.column(TABLE, 0));
        let referred: BTreeSet<String> = referred.collect::<Result<_, _>>()?;
        waiting.push((table, referred));
    }
    let mut ordered = Vec::new();
    while !waiting.is_empty() {
        let left: BTreeSet<String> = waiting.iter().map(|(table, _)| table.clone()).collect();
        let is_free = |(table, referred): &(String, BTreeSet<String>)| {
            referred
                .iter()
                .all(|other| other == table || !left.contains(other))
        };
        // A cycle of references cannot be ordered. The database will report the problem.
        let at = waiting.iter().position(is_free).unwrap_or(0);
        ordered.push(waiting.remove(at).0);
    }
    Ok(ordered)
}

fn either(tx: &Tx, sqlite: &'static str, postgres: &'static str) -> &'static str {
    match tx {
        Tx::Sqlite(_) => sqlite,
        Tx::Postgres { .. } => postgres,
    }
}
