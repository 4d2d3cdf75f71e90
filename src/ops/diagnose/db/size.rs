//! Sizes of the database, its tables and its tenants, and their growth.

use serde::Serialize;

use crate::app::shapes::time;
use crate::app::{App, RowsError};
use crate::daemon::retention::kept;
use crate::ids::TenantId;
use crate::store::inspect::size::{TableSize, TenantSize};

const DAY_MS: i64 = 86_400_000;
/// Growth is measured over the last seven days, or over the available figures if there are fewer.
const LOOK_BACK_MS: i64 = 7 * DAY_MS;
/// Minimum age of a figure (ms) from which a daily growth can be computed.
const YOUNGEST_MS: i64 = 3_600_000;

/// The size of the database, of one table, or of one tenant's rows in all tables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Size {
    /// What is measured: `database`, `table` or `tenant`.
    pub of: &'static str,
    pub name: String,
    /// Size in bytes. A table includes its indexes; a tenant counts only its values.
    pub bytes: i64,
    /// Number of rows: exact for a tenant, the server's estimate for a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<i64>,
    /// Growth in bytes per day, computed from stored figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_day: Option<i64>,
    /// Start of the period over which the growth was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// New events per day, and outgoing messages per day; for tenants only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events_per_day: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outbox_per_day: Option<i64>,
    /// Retention: how long a table's rows are kept, or how many rows a tenant keeps at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
    /// The table that takes the most space for a tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest: Option<String>,
}

/// The kinds of objects to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    All,
    Tables,
    Tenants,
}

/// Returns the database, then its tables, then its tenants, each group with the largest first.
pub async fn sizes(
    app: &App,
    parts: Parts,
    tenant: Option<&TenantId>,
) -> Result<Vec<Size>, RowsError> {
    let now_ms = app.surroundings.clock.unix_ms();
    let since_ms = now_ms - LOOK_BACK_MS;
    let mut sizes = Vec::new();
    if parts != Parts::Tenants && tenant.is_none() {
        sizes.push(Size {
            of: "database",
            name: app.settings.database.to_string(),
            bytes: app.store.size().await.map_err(RowsError::of)?,
            ..Size::default()
        });
        let tables = app.store.table_sizes(since_ms).await;
        let mut tables: Vec<Size> = tables
            .map_err(RowsError::of)?
            .into_iter()
            .map(|table| Size {
                kept: kept(&table.name, &app.retention),
                ..of_table(table, now_ms)
            })
            .collect();
        tables.sort_by_key(|size| -size.bytes);
        sizes.extend(tables);
    }
    if parts != Parts::Tables {
        let tenants = app.store.tenant_sizes(tenant, since_ms).await;
        let tenants = tenants.map_err(RowsError::of)?.into_iter();
        let mut tenants: Vec<Size> = tenants.map(|(name, size)| of_tenant(name, size)).collect();
        tenants.sort_by_key(|size| -size.bytes);
        sizes.extend(tenants);
    }
    Ok(sizes)
}

fn of_table(table: TableSize, now_ms: i64) -> Size {
    let earlier = table
        .earlier
        .filter(|(at_ms, _)| YOUNGEST_MS <= now_ms - at_ms);
    let growth = earlier.map(|(at_ms, bytes)| {
        let growth = i128::from(table.bytes - bytes) * i128::from(DAY_MS);
        i64::try_from(growth / i128::from(now_ms - at_ms)).unwrap_or(i64::MAX)
    });
    Size {
        of: "table",
        name: table.name,
        bytes: table.bytes,
        rows: table.rows,
        bytes_per_day: growth,
        since: earlier.map(|(at_ms, _)| time(at_ms)),
        ..Size::default()
    }
}

fn of_tenant(name: String, size: TenantSize) -> Size {
    const DAYS: i64 = LOOK_BACK_MS / DAY_MS;
    Size {
        of: "tenant",
        name,
        bytes: size.bytes,
        rows: Some(size.rows),
        events_per_day: Some(size.events / DAYS),
        outbox_per_day: Some(size.outbox / DAYS),
        largest: Some(size.largest),
        ..Size::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_a_difference_for_each_day() {
        let table = |earlier| TableSize {
            name: String::from("t"),
            bytes: 5_000,
            rows: None,
            earlier,
        };
        let now_ms = 100 * DAY_MS;
        let growth = |earlier| of_table(table(earlier), now_ms).bytes_per_day;
        assert_eq!(growth(Some((now_ms - 4 * DAY_MS, 1_000))), Some(1_000));
        assert_eq!(growth(Some((now_ms - DAY_MS / 2, 5_100))), Some(-200));
        assert_eq!(growth(Some((now_ms - YOUNGEST_MS + 1, 0))), None);
        assert_eq!(growth(None), None);
    }
}
