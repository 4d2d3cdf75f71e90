//! The sizes of the tables in total and per tenant, and their growth.
//!
//! The size of a table comes from the database and includes its indexes. A tenant's rows are
//! counted one by one, and its bytes are those of its values, because index pages are shared. The
//! growth of a table is the difference from an earlier recorded size. The growth of a tenant comes
//! from the times in its rows.

use std::collections::BTreeMap;

use crate::ids::TenantId;
use crate::store::Store;
use crate::store::db::{Db, args};
use crate::store::error::StoreError;
use crate::store::inspect::{Table, only, quoted};

const SIZES_SQLITE: &str = "
    SELECT m.tbl_name, CAST(SUM(s.pgsize) AS BIGINT), CAST(-1 AS BIGINT)
    FROM dbstat s JOIN sqlite_master m ON m.name = s.name
    WHERE s.aggregate = TRUE
        AND (m.tbl_name LIKE 'whatsmeow\\_%' ESCAPE '\\' OR m.tbl_name LIKE 'wmctl\\_%' ESCAPE '\\')
    GROUP BY m.tbl_name ORDER BY m.tbl_name";

const SIZES_POSTGRES: &str = "
    SELECT CAST(relname AS TEXT), pg_total_relation_size(oid), CAST(reltuples AS BIGINT)
    FROM pg_class
    WHERE relnamespace = CAST(current_schema() AS regnamespace) AND relkind = 'r'
        AND (relname LIKE 'whatsmeow\\_%' OR relname LIKE 'wmctl\\_%')
    ORDER BY relname";

const WHOLE_SQLITE: &str = "
    SELECT c.page_count * s.page_size FROM pragma_page_count() c, pragma_page_size() s";

const WHOLE_POSTGRES: &str = "SELECT pg_database_size(current_database())";

/// The newest recorded sizes that are old enough, or else the oldest ones.
const EARLIER: &str = "
    SELECT at_ms, name, bytes FROM wmctl_table_size
    WHERE at_ms = (SELECT COALESCE(MAX(CASE WHEN at_ms <= $1 THEN at_ms END), MIN(at_ms))
        FROM wmctl_table_size)";

const NEWEST: &str = "SELECT COALESCE(MAX(at_ms), 0) FROM wmctl_table_size";

const KEEP: &str = "
    INSERT INTO wmctl_table_size (at_ms, name, bytes) VALUES ($1, $2, $3)
    ON CONFLICT (at_ms, name) DO NOTHING";

const FORGET: &str = "DELETE FROM wmctl_table_size WHERE at_ms < $1";

const EVENTS_SINCE: &str = "
    SELECT business_id, COUNT(*) FROM wmctl_event
    WHERE stored_ms >= $2 AND ($1 = '' OR business_id = $1) GROUP BY business_id";

const OUTBOX_SINCE: &str = "
    SELECT business_id, COUNT(*) FROM wmctl_outbox
    WHERE queued_ms >= $2 AND ($1 = '' OR business_id = $1) GROUP BY business_id";

const FORGET_AUDIT: &str = "DELETE FROM wmctl_audit WHERE at_ms < $1";

/// How long recorded sizes and audit rows are kept, in milliseconds.
const KEPT_MS: i64 = 400 * 24 * 3_600_000;

/// The size of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSize {
    pub name: String,
    /// Including its indexes.
    pub bytes: i64,
    /// The database's own estimate; `None` if it has none.
    pub rows: Option<i64>,
    /// An earlier recorded size: when (milliseconds since 1970) and how many bytes.
    pub earlier: Option<(i64, i64)>,
}

/// The size of one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantSize {
    pub rows: i64,
    /// The bytes of its values, without indexes.
    pub bytes: i64,
    /// The table that holds most of these bytes.
    pub largest: String,
    largest_bytes: i64,
    /// Its events and outbox messages since the given time.
    pub events: i64,
    pub outbox: i64,
}

impl Store {
    /// Returns the size of the whole database in bytes, including foreign tables.
    pub async fn size(&self) -> Result<i64, StoreError> {
        let sql = match self.db {
            Db::Sqlite { .. } => WHOLE_SQLITE,
            Db::Postgres(_) => WHOLE_POSTGRES,
        };
        let row = self.db.row(sql, args![]).await?;
        row.map_or(Ok(0), |row| row.column("pg_database", 0))
    }

    /// Returns the size of every table, with the size recorded at `earlier_ms` or before.
    pub async fn table_sizes(&self, earlier_ms: i64) -> Result<Vec<TableSize>, StoreError> {
        let sql = match self.db {
            Db::Sqlite { .. } => SIZES_SQLITE,
            Db::Postgres(_) => SIZES_POSTGRES,
        };
        let mut earlier = BTreeMap::new();
        for row in self.db.rows(EARLIER, args![earlier_ms]).await? {
            const TABLE: &str = "wmctl_table_size";
            let at_ms: i64 = row.column(TABLE, 0)?;
            let (name, bytes): (String, i64) = (row.column(TABLE, 1)?, row.column(TABLE, 2)?);
            earlier.insert(name, (at_ms, bytes));
        }
        let mut sizes = Vec::new();
        for row in self.db.rows(sql, args![]).await? {
            const TABLE: &str = "pg_class";
            let (name, rows): (String, i64) = (row.column(TABLE, 0)?, row.column(TABLE, 2)?);
            sizes.push(TableSize {
                earlier: earlier.get(&name).copied(),
                name,
                bytes: row.column(TABLE, 1)?,
                rows: (0 <= rows).then_some(rows),
            });
        }
        Ok(sizes)
    }

    /// Returns the size of each tenant, counted row by row, and its growth since `since_ms`.
    pub async fn tenant_sizes(
        &self,
        tenant: Option<&TenantId>,
        since_ms: i64,
    ) -> Result<BTreeMap<String, TenantSize>, StoreError> {
        let mut sizes: BTreeMap<String, TenantSize> = BTreeMap::new();
        for table in self.catalogue().await? {
            if !table.has_tenants() || table.name == "wmctl_role" {
                continue;
            }
            let sql = self.count_tenants(&table);
            for row in self.catalogue_rows(sql, args![only(tenant)]).await? {
                const TABLE: &str = "pg_class";
                let name: String = row.column(TABLE, 0)?;
                let (rows, bytes): (i64, i64) = (row.column(TABLE, 1)?, row.column(TABLE, 2)?);
                let size = sizes.entry(name).or_default();
                size.rows += rows;
                size.bytes += bytes;
                if size.largest_bytes < bytes {
                    size.largest_bytes = bytes;
                    size.largest.clone_from(&table.name);
                }
            }
        }
        let counts = |sql| self.db.rows(sql, args![only(tenant), since_ms]);
        for row in counts(EVENTS_SINCE).await? {
            let name: String = row.column("wmctl_event", 0)?;
            sizes.entry(name).or_default().events = row.column("wmctl_event", 1)?;
        }
        for row in counts(OUTBOX_SINCE).await? {
            let name: String = row.column("wmctl_outbox", 0)?;
            sizes.entry(name).or_default().outbox = row.column("wmctl_outbox", 1)?;
        }
        Ok(sizes)
    }

    /// Records the sizes of the tables, unless they were recorded after `after_ms`. Returns whether
    /// it did.
    pub async fn keep_sizes(&self, now_ms: i64, after_ms: i64) -> Result<bool, StoreError> {
        let row = self.db.row(NEWEST, args![]).await?;
        let newest: i64 = row.map_or(Ok(0), |row| row.column("wmctl_table_size", 0))?;
        if after_ms < newest {
            return Ok(false);
        }
        let sizes = self.table_sizes(0).await?;
        let mut tx = self.db.begin().await?;
        for size in sizes {
            tx.run(KEEP, args![now_ms, size.name, size.bytes]).await?;
        }
        tx.run(FORGET, args![now_ms - KEPT_MS]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Deletes old audit rows. Roles that may only insert into the audit log are refused.
    pub async fn forget_audits(&self, now_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        tx.run(FORGET_AUDIT, args![now_ms - KEPT_MS]).await?;
        tx.commit().await
    }

    /// Returns the query for tenant, rows and bytes of one table.
    fn count_tenants(&self, table: &Table) -> String {
        let name = table.quoted();
        let bytes = match self.db {
            Db::Postgres(_) => String::from("pg_column_size(t)"),
            Db::Sqlite { .. } => {
                let length = |column: &String| {
                    let column = quoted(column);
                    format!("COALESCE(OCTET_LENGTH(t.{column}), 0)")
                };
                let lengths = table.columns.iter().map(length);
                lengths.collect::<Vec<_>>().join(" + ")
            }
        };
        format!(
            "SELECT t.business_id, COUNT(*), CAST(COALESCE(SUM({bytes}), 0) AS BIGINT)
             FROM {name} t
             WHERE t.business_id IS NOT NULL AND ($1 = '' OR t.business_id = $1)
             GROUP BY t.business_id"
        )
    }
}
