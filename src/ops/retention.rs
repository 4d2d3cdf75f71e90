//! Forgets rows that only grow: by the process that runs the tenant, or by hand.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Mutex;

use crate::clock::Surroundings;
use crate::config::retention::{Limit, Retention};
use crate::crypto::random;
use crate::engine::leased::explained;
use crate::ids::TenantId;
use crate::metrics::Metrics;
use crate::ops::open::{App, RowsError};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::lease::Lease;
use crate::store::retention::{Kind, Mode, Pruning, REDELIVERY_MS};

/// Wait between two transactions: units of work come first.
const PAUSE: Duration = Duration::from_millis(100);
/// The sizes of tables are kept about once a day (milliseconds).
const SIZES_MS: i64 = 20 * 3_600_000;

/// Old events that are kept for each webhook that has not got them; older ones are dead letters.
const UNDELIVERED_MAX: i64 = 10_000;
/// Dead letters of one tenant.
const LETTERS_MAX: u64 = 10_000;

/// The kinds of rows, with the tables that people know.
const KINDS: [(Kind, &str); 6] = [
    (Kind::Events, "wmctl_event"),
    (Kind::Outbox, "wmctl_outbox"),
    (Kind::Secrets, "whatsmeow_message_secrets"),
    (Kind::Buffer, "whatsmeow_event_buffer"),
    (Kind::Retries, "wmctl_retry"),
    (Kind::Letters, "wmctl_dead_letter"),
];

/// What one tenant may forget in one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pruned {
    pub business_id: String,
    pub table: &'static str,
    /// As it is written in the configuration.
    pub keep: String,
    /// Rows that were forgotten, or would be.
    pub rows: i64,
}

fn limit(kind: Kind, retention: &Retention) -> Limit {
    match kind {
        Kind::Events => retention.events,
        Kind::Outbox => retention.outbox,
        Kind::Secrets => retention.secrets,
        Kind::Buffer => retention.buffer,
        // It says how often a message was asked for again, which ends with its redelivery.
        Kind::Retries => Limit {
            age: u64::try_from(REDELIVERY_MS).ok().map(Duration::from_millis),
            count: None,
        },
        // They are events that found no taker: kept as long, counted from when they died.
        Kind::Letters => Limit {
            age: retention.events.age,
            count: Some(LETTERS_MAX.min(retention.events.count.unwrap_or(LETTERS_MAX))),
        },
    }
}

/// Forgets what is over the limits, or only counts it. Only what has rows to tell of is listed.
pub async fn by_hand(
    app: &App,
    tenant: Option<&TenantId>,
    dry_run: bool,
) -> Result<Vec<Pruned>, RowsError> {
    let mode = if dry_run { Mode::Dry } else { Mode::ByHand };
    let tenants = match tenant {
        Some(tenant) => vec![tenant.clone()],
        None => app.store.tenants().await.map_err(RowsError::of)?,
    };
    let now_ms = app.surroundings.clock.unix_ms();
    let now_ms = app.store.retention_clock(now_ms).await;
    let now_ms = now_ms.map_err(RowsError::of)?;
    let mut all = Vec::new();
    for tenant in tenants {
        for (kind, table) in KINDS {
            let limit = limit(kind, &app.retention);
            let pruning = app.store.pruning(&tenant, kind, limit, now_ms).await;
            let mut pruning = pruning.map_err(RowsError::of)?;
            let buried = bury(&app.store, &mut pruning, kind, mode).await;
            app.metrics.buried(buried.map_err(RowsError::of)?);
            while !pruning.done {
                let step = app.store.prune(&mut pruning, mode).await;
                step.map_err(RowsError::of)?;
            }
            if 0 < pruning.rows {
                all.push(Pruned {
                    business_id: tenant.to_string(),
                    table,
                    keep: limit.to_string(),
                    rows: pruning.rows,
                });
            }
        }
    }
    Ok(all)
}

/// What webhooks have not got keeps old events, but not without end.
async fn bury(
    store: &Store,
    pruning: &mut Pruning,
    kind: Kind,
    mode: Mode<'_>,
) -> Result<u64, StoreError> {
    match kind == Kind::Events && !pruning.done {
        true => store.bury(pruning, UNDELIVERED_MAX, mode).await,
        false => Ok(0),
    }
}

/// What a running process needs to forget the old rows of one tenant.
pub(super) struct Forgetting {
    store: Store,
    lease: Lease,
    retention: Retention,
    surroundings: Surroundings,
    metrics: Metrics,
    turn: Arc<Mutex<()>>,
}

impl Forgetting {
    pub(super) fn new(app: &App, lease: Lease) -> Self {
        Self {
            store: app.store.clone(),
            lease,
            retention: app.retention,
            surroundings: app.surroundings.clone(),
            metrics: app.metrics.clone(),
            turn: app.pruning.clone(),
        }
    }

    /// Forgets what is over the limits as long as the lease holds. Never ends by itself.
    pub(super) async fn keep(self) -> Infallible {
        // Accounts that start together must not look together.
        let [random] = random::bytes(&mut *self.surroundings.entropy.random());
        let mut pause = self.retention.every * (u32::from(random) + 50) / 3_000;
        let mut sizes = true;
        loop {
            tokio::time::sleep(pause).await;
            pause = self.retention.every;
            let now_ms = self.surroundings.clock.unix_ms();
            match Box::pin(self.pass(now_ms)).await {
                Ok(0) => (),
                Ok(rows) => {
                    tracing::info!(tenant = %self.lease.tenant, rows, "old rows are forgotten");
                }
                Err(StoreError::LeaseLost { .. }) => break,
                Err(error) => {
                    tracing::warn!(error = %explained(&error), "old rows are not forgotten");
                }
            }
            let keep_sizes = self.store.keep_sizes(now_ms, now_ms - SIZES_MS);
            if sizes && let Err(error) = Box::pin(keep_sizes).await {
                // A role that sees one tenant may not write them.
                sizes = error.is_transient();
                tracing::debug!(error = %explained(&error), "sizes of tables are not kept");
            }
        }
        // The account hears of its lease from elsewhere, and ends by itself.
        std::future::pending().await
    }

    /// Each kind of row once; how many went.
    async fn pass(&self, now_ms: i64) -> Result<i64, StoreError> {
        let _turn = self.turn.lock().await;
        let now_ms = self.store.retention_clock(now_ms).await?;
        let mut rows = 0;
        for (kind, _) in KINDS {
            let limit = limit(kind, &self.retention);
            let pruning = self.store.pruning(&self.lease.tenant, kind, limit, now_ms);
            let mut pruning = pruning.await?;
            let mode = Mode::Fenced(&self.lease);
            let buried = bury(&self.store, &mut pruning, kind, mode).await?;
            self.metrics.buried(buried);
            while !pruning.done {
                self.store.prune(&mut pruning, mode).await?;
                if !pruning.done {
                    tokio::time::sleep(PAUSE).await;
                }
            }
            rows += pruning.rows;
        }
        Ok(rows)
    }
}
