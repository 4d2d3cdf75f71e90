//! Applies the retention limits now, on request.

use std::time::Duration;

use serde::Serialize;

use crate::app::{App, RowsError};
use crate::daemon::retention::{KINDS, bury, limit};
use crate::ids::TenantId;
use crate::store::error::StoreError;
use crate::store::retention::Mode;

/// Pause before tenants with locked rows are retried, and the number of rounds.
const LOCKED_PAUSE: Duration = Duration::from_secs(1);
const ROUNDS: u32 = 4;

/// The rows that one tenant can remove from one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Name of the tenant.
    pub business_id: String,
    /// The table that the rows belong to.
    pub table: &'static str,
    /// The limit as written in the configuration.
    pub keep: String,
    /// Rows that were removed, or would be in a dry run.
    pub rows: i64,
}

/// The result of pruning.
#[derive(Debug, Default)]
pub struct PruneReport {
    /// Entries with at least one row.
    pub pruned: Vec<Pruned>,
    /// Tenants with rows locked by another process. Some of their rows were not removed.
    pub locked: Vec<TenantId>,
}

/// Removes the rows beyond the retention limits, or only counts them in a dry run. Skips tenants
/// with locked rows and retries them after all others, in at most 4 rounds.
pub async fn prune(
    app: &App,
    tenant: Option<&TenantId>,
    dry_run: bool,
) -> Result<PruneReport, RowsError> {
    let mode = if dry_run { Mode::Dry } else { Mode::ByHand };
    let tenants = match tenant {
        Some(tenant) => vec![tenant.clone()],
        None => app.store.tenants().await.map_err(RowsError::of)?,
    };
    let now_ms = app.surroundings.clock.unix_ms();
    let now_ms = app.store.retention_clock(now_ms).await;
    let now_ms = now_ms.map_err(RowsError::of)?;
    let mut done = PruneReport {
        locked: tenants,
        ..PruneReport::default()
    };
    for round in 0..ROUNDS {
        if 0 < round && !done.locked.is_empty() {
            tokio::time::sleep(LOCKED_PAUSE).await;
        }
        for tenant in std::mem::take(&mut done.locked) {
            match one(app, &tenant, mode, now_ms, &mut done.pruned).await {
                Ok(()) => (),
                Err(StoreError::Busy) => done.locked.push(tenant),
                Err(error) => return Err(RowsError::of(error)),
            }
        }
    }
    Ok(done)
}

async fn one(
    app: &App,
    tenant: &TenantId,
    mode: Mode<'_>,
    now_ms: i64,
    all: &mut Vec<Pruned>,
) -> Result<(), StoreError> {
    for (kind, table) in KINDS {
        let limit = limit(kind, &app.retention);
        let mut pruning = app.store.pruning(tenant, kind, limit, now_ms).await?;
        let outcome = async {
            let buried = bury(&app.store, &mut pruning, kind, mode).await?;
            app.metrics.buried(buried);
            while !pruning.done {
                app.store.prune(&mut pruning, mode).await?;
            }
            Ok(())
        };
        let outcome: Result<(), StoreError> = outcome.await;
        let business_id = tenant.to_string();
        let known = |one: &&mut Pruned| one.business_id == business_id && one.table == table;
        match all.iter_mut().find(known) {
            Some(before) => before.rows += pruning.rows,
            None if pruning.rows == 0 => (),
            None => all.push(Pruned {
                business_id,
                table,
                keep: limit.to_string(),
                rows: pruning.rows,
            }),
        }
        outcome?;
    }
    Ok(())
}
