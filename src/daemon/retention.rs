//! Prunes rows that would grow without limit, in the process that runs the tenant.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::app::App;
use crate::clock::Surroundings;
use crate::config::retention::{Limit, Retention};
use crate::crypto::random;
use crate::engine::leased::explained;
use crate::metrics::Metrics;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::lease::Lease;
use crate::store::retention::{Kind, Mode, Pruning, REDELIVERY_MS};

/// Wait between two transactions, so that units of work go first.
const PAUSE: Duration = Duration::from_millis(100);
/// Wait before a tenant with locked rows is retried; it doubles each time.
const LOCKED_PAUSE: Duration = Duration::from_secs(30);
/// Least interval between two records of the table sizes: 20 hours, in ms.
const SIZES_MS: i64 = 20 * 3_600_000;

/// Most old events kept for each webhook that has not received them; older ones become dead
/// letters.
const UNDELIVERED_MAX: i64 = 10_000;
/// Most dead letters of one tenant.
const LETTERS_MAX: u64 = 10_000;

/// Most messages of one tenant that are remembered as unreadable, or as read without an event.
const RETRIES_MAX: u64 = 50_000;
/// Most groups of one tenant whose members are cached.
const GROUPS_MAX: u64 = 4_096;
/// Number of ratchets of one tenant above which those with strangers are removed.
const RATCHETS_MAX: u64 = 20_000;
/// Age after which an unused device list is removed. Device lists are queried again after a day
/// anyway.
const DEVICES_AGE: Duration = Duration::from_secs(30 * 24 * 3_600);

/// The kinds of rows, with the names of their tables.
pub(crate) const KINDS: [(Kind, &str); 9] = [
    (Kind::Events, "wmctl_event"),
    (Kind::Outbox, "wmctl_outbox"),
    (Kind::Secrets, "whatsmeow_message_secrets"),
    (Kind::Buffer, "whatsmeow_event_buffer"),
    (Kind::Retries, "wmctl_retry"),
    (Kind::Letters, "wmctl_dead_letter"),
    (Kind::Devices, "wmctl_device_list"),
    (Kind::Groups, "wmctl_group"),
    (Kind::Ratchets, "whatsmeow_sessions"),
];

/// Tables that are bounded elsewhere, with their bounds.
const BOUNDED: [(&str, &str); 9] = [
    ("whatsmeow_pre_keys", "2048 a tenant"),
    ("whatsmeow_identity_keys", "as whatsmeow_sessions"),
    ("whatsmeow_sender_keys", "as whatsmeow_sessions"),
    ("whatsmeow_lid_map", "1 a person"),
    ("whatsmeow_contacts", "1 a person"),
    ("wmctl_sender_key_share", "1 a group"),
    ("wmctl_message_secret_time", "as whatsmeow_message_secrets"),
    ("wmctl_audit", "400d"),
    ("wmctl_table_size", "400d"),
];

/// Returns the bound of a table as text; `None` if the table does not grow.
pub(crate) fn kept(table: &str, retention: &Retention) -> Option<String> {
    let by_kind = KINDS.iter().find(|(_, name)| *name == table);
    let limited = by_kind.map(|(kind, _)| limit(*kind, retention).to_string());
    let elsewhere = BOUNDED.iter().find(|(name, _)| *name == table);
    limited.or_else(|| elsewhere.map(|(_, bound)| (*bound).to_owned()))
}

/// Returns how much of a kind is kept.
pub(crate) fn limit(kind: Kind, retention: &Retention) -> Limit {
    match kind {
        Kind::Events => retention.events,
        Kind::Outbox => retention.outbox,
        Kind::Secrets => retention.secrets,
        Kind::Buffer => retention.buffer,
        // These rows count retry requests for a message, which are needed only while it may be
        // redelivered.
        Kind::Retries => Limit {
            age: u64::try_from(REDELIVERY_MS).ok().map(Duration::from_millis),
            count: Some(RETRIES_MAX),
        },
        Kind::Devices => Limit {
            age: Some(DEVICES_AGE),
            count: None,
        },
        Kind::Groups => Limit {
            age: None,
            count: Some(GROUPS_MAX),
        },
        Kind::Ratchets => Limit {
            age: None,
            count: Some(RATCHETS_MAX),
        },
        // Dead letters are undelivered events. They are kept as long as events, counted from when
        // they became dead letters.
        Kind::Letters => Limit {
            age: retention.events.age,
            count: Some(LETTERS_MAX.min(retention.events.count.unwrap_or(LETTERS_MAX))),
        },
    }
}

/// Moves old events that webhooks have not received to the dead letters, beyond
/// [`UNDELIVERED_MAX`]. Returns how many.
pub(crate) async fn bury(
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

/// The state for pruning the rows of one tenant in a running process.
pub(crate) struct PruneTask {
    store: Store,
    lease: Lease,
    retention: Retention,
    surroundings: Surroundings,
    metrics: Metrics,
    turn: Arc<Mutex<()>>,
}

impl PruneTask {
    /// Creates the task for the tenant of `lease`.
    pub(crate) fn new(app: &App, lease: Lease) -> Self {
        Self {
            store: app.store.clone(),
            lease,
            retention: app.retention,
            surroundings: app.surroundings.clone(),
            metrics: app.metrics.clone(),
            turn: app.pruning.clone(),
        }
    }

    /// Prunes rows over the limits while the lease is held. Never returns.
    pub(crate) async fn keep(self) -> Infallible {
        // A random first wait, so that accounts that start together do not prune together.
        let [random] = random::bytes(&mut *self.surroundings.entropy.random());
        let mut pause = self.retention.every * (u32::from(random) + 50) / 3_000;
        let (mut sizes, mut locked) = (true, LOCKED_PAUSE);
        loop {
            tokio::time::sleep(pause).await;
            pause = self.retention.every;
            let now_ms = self.surroundings.clock.unix_ms();
            let passed = Box::pin(self.pass(now_ms)).await;
            match &passed {
                // Other tenants continue meanwhile; this one is retried at growing intervals.
                Err(StoreError::Busy) => {
                    pause = pause.min(locked);
                    locked = (locked * 2).min(self.retention.every.max(LOCKED_PAUSE));
                }
                _ => locked = LOCKED_PAUSE,
            }
            match passed {
                Ok(0) => (),
                Ok(rows) => {
                    tracing::info!(rows, "deleted old rows");
                }
                Err(StoreError::LeaseLost { .. }) => break,
                Err(error) => {
                    tracing::warn!(error = %explained(&error), "old rows could not be deleted");
                }
            }
            if sizes {
                sizes = Box::pin(self.keep_sizes(now_ms)).await;
            }
        }
        // The account learns of the lost lease by itself, and ends.
        std::future::pending().await
    }

    /// Records the sizes of tables about once a day, and then prunes audit rows. Returns true if it
    /// should be called again.
    async fn keep_sizes(&self, now_ms: i64) -> bool {
        match self.store.keep_sizes(now_ms, now_ms - SIZES_MS).await {
            Ok(false) => true,
            Ok(true) => {
                if let Err(error) = self.store.forget_audits(now_ms).await {
                    tracing::debug!(error = %explained(&error), "audit rows are kept");
                }
                true
            }
            Err(error) => {
                tracing::debug!(error = %explained(&error), "sizes of tables are not kept");
                // A database role that is limited to one tenant may not write sizes.
                error.is_transient()
            }
        }
    }

    /// Prunes each kind of row once. Returns the number of removed rows.
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
