//! Inspects the database itself: who is connected, what it holds, how large it is, and what is
//! wrong.
//!
//! Everything here only reads and is meant for people; no decision of the product depends on it.
//! The list of tables comes from the database's catalogue, so a new table is not forgotten.

pub mod probe;

pub mod check;
pub mod content;
pub mod locks;
pub mod server;
pub mod size;

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;

use crate::ids::TenantId;
use crate::store::Store;
use crate::store::db::{Db, args};
use crate::store::error::StoreError;

const CATALOGUE: &str = "catalogue";

const COLUMNS_SQLITE: &str = "
    SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
    WHERE m.type = 'table'
        AND (m.name LIKE 'whatsmeow\\_%' ESCAPE '\\' OR m.name LIKE 'wmctl\\_%' ESCAPE '\\')
    ORDER BY m.name, c.cid";

const COLUMNS_POSTGRES: &str = "
    SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND c.relkind = 'r'
        AND (c.relname LIKE 'whatsmeow\\_%' OR c.relname LIKE 'wmctl\\_%')
        AND 0 < a.attnum AND NOT a.attisdropped
    ORDER BY c.relname, a.attnum";

/// One of our tables, as the catalogue describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Table {
    name: String,
    columns: Vec<String>,
}

impl Table {
    fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|name| name == column)
    }

    /// Returns whether its rows belong to tenants.
    fn has_tenants(&self) -> bool {
        self.has("business_id")
    }

    /// Returns the column that names the device of a row, if there is one.
    fn device(&self) -> Option<&'static str> {
        let shared = self.name.starts_with("whatsmeow_") && self.name != "whatsmeow_device";
        ["our_jid", "jid"]
            .into_iter()
            .find(|column| shared && self.has(column))
    }

    /// Returns the name quoted for SQL. Names come from the catalogue and may be anything.
    fn quoted(&self) -> String {
        quoted(&self.name)
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns the tenant, or an empty text for all tenants.
fn only(tenant: Option<&TenantId>) -> &str {
    tenant.map_or("", TenantId::as_str)
}

impl Store {
    /// Returns our tables, those of whatsmeow and those of wmctl, ordered by name.
    async fn catalogue(&self) -> Result<Vec<Table>, StoreError> {
        let sql = match self.db {
            Db::Sqlite { .. } => COLUMNS_SQLITE,
            Db::Postgres(_) => COLUMNS_POSTGRES,
        };
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in self.db.rows(sql, args![]).await? {
            let (table, column) = (row.column(CATALOGUE, 0)?, row.column(CATALOGUE, 1)?);
            tables.entry(table).or_default().push(column);
        }
        let table = |(name, columns)| Table { name, columns };
        Ok(tables.into_iter().map(table).collect())
    }

    /// Returns the rows of a query that was built from names of the catalogue.
    async fn catalogue_rows(
        &self,
        sql: String,
        args: Vec<crate::store::db::Val>,
    ) -> Result<Vec<crate::store::db::Row>, StoreError> {
        self.db.built_rows(AssertSqlSafe(sql), args).await
    }
}
