//! The positions of webhooks in the event stream. The delivery task reads them and moves them
//! behind the fence.
//!
//! A process that lost its lease moves nothing. The new holder of the lease delivers the same
//! events again, under the same event ids.

use crate::ids::TenantId;
use crate::store::Store;
use crate::store::db::slots;
use crate::store::db::{Row, Tx, args};
use crate::store::error::StoreError;
use crate::store::events::{self, StoredEvent};
use crate::store::lease::Lease;
use crate::store::retention::{Mode, Pruning};

/// Maximum number of dead letters that one transaction writes.
const BURIED_MAX: i64 = 500;
const TOO_MANY: &str = "more old events wait than are kept for a webhook";

const NEXT: &str = "
    SELECT e.seq, e.at_ms, e.kind, e.chat, e.sender, e.message_id, e.from_me, e.text, e.payload,
        e.detail, e.stored_ms, (SELECT l.log_id FROM wmctl_log l
            WHERE l.business_id = $1 AND l.first_seq <= e.seq ORDER BY l.number DESC LIMIT 1)
    FROM wmctl_event e WHERE e.business_id = $1 AND e.seq > $2 AND e.kind <> 'pruned'
    ORDER BY e.seq LIMIT $3";

const NEXT_LETTER: &str = "
    SELECT d.seq, d.at_ms, d.kind, d.chat, d.sender, d.message_id, d.from_me, d.text, d.payload,
        d.detail, d.stored_ms, (SELECT l.log_id FROM wmctl_log l
            WHERE l.business_id = $1 AND l.first_seq <= d.seq ORDER BY l.number DESC LIMIT 1),
        d.attempts
    FROM wmctl_dead_letter d WHERE d.business_id = $1 AND d.webhook = $2 AND d.redeliver
    ORDER BY d.seq LIMIT 1";

const MOVE: &str = "
    UPDATE wmctl_delivery SET seq = $4, attempts = 0, delivered = delivered + $5,
        delivered_ms = CASE WHEN $5 > 0 THEN $6 ELSE delivered_ms END
    WHERE business_id = $1 AND webhook = $2 AND seq = $3";

const FAIL: &str = "
    UPDATE wmctl_delivery SET attempts = attempts + 1, failure = $4, failed_ms = $5
    WHERE business_id = $1 AND webhook = $2 AND seq = $3";

const BURY: &str = "
    INSERT INTO wmctl_dead_letter (business_id, webhook, seq, at_ms, stored_ms, kind, chat, sender,
        message_id, from_me, text, payload, detail, reason, attempts, dead_ms)
    SELECT e.business_id, d.webhook, e.seq, e.at_ms, e.stored_ms, e.kind, e.chat, e.sender,
        e.message_id, e.from_me, e.text, e.payload, e.detail, $5,
        CASE WHEN $6 = 1 THEN d.attempts + 1 ELSE 0 END, $7
    FROM wmctl_event e JOIN wmctl_delivery d ON d.business_id = e.business_id AND d.webhook = $2
    JOIN wmctl_webhook w ON w.business_id = e.business_id AND w.id = $2
    WHERE e.business_id = $1 AND e.seq > $3 AND e.seq <= $4 AND d.seq = $3
        AND e.kind <> 'pruned'
        AND (w.kinds = '' OR ',' || w.kinds || ',' LIKE '%,' || e.kind || ',%')
    ON CONFLICT (business_id, webhook, seq) DO NOTHING";

const GONE: &str = "
    UPDATE wmctl_webhook SET paused = 'gone' WHERE business_id = $1 AND id = $2
        AND paused IS NULL";

const LETTER_DELIVERED: &str = "
    DELETE FROM wmctl_dead_letter WHERE business_id = $1 AND webhook = $2 AND seq = $3";

const COUNT_ONE: &str = "
    UPDATE wmctl_delivery SET delivered = delivered + 1, delivered_ms = $3
    WHERE business_id = $1 AND webhook = $2";

const LETTER_FAILED: &str = "
    UPDATE wmctl_dead_letter SET redeliver = FALSE, attempts = attempts + 1, reason = $4,
        dead_ms = $5
    WHERE business_id = $1 AND webhook = $2 AND seq = $3";

const TESTED: &str = "
    UPDATE wmctl_delivery SET test_done = $3, test_outcome = $4
    WHERE business_id = $1 AND webhook = $2";

/// The webhooks of a tenant that have not received the event of a given number, with their
/// positions.
const BEHIND: &str = "
    SELECT webhook, seq FROM wmctl_delivery WHERE business_id = $1 AND seq < $2 ORDER BY webhook";

/// The last number of the next few events that exceed their limit, while more events than the
/// maximum wait.
const OVERDUE: &str = "
    SELECT MAX(seq) FROM (SELECT seq FROM wmctl_event WHERE business_id = $1 AND seq > $2
        AND seq <= (SELECT seq FROM wmctl_event WHERE business_id = $1 AND seq > $2
            AND kind <> 'pruned' ORDER BY seq DESC LIMIT 1 OFFSET $3)
        AND (stored_ms < $4 OR seq <= $5) ORDER BY seq LIMIT $6) AS part";

const FLOOR: &str = "SELECT MIN(seq) FROM wmctl_delivery WHERE business_id = $1";

/// An event, and when it was stored (milliseconds since 1970).
pub type Due = (StoredEvent, i64);

/// The result of one or more delivery attempts. `from` is the webhook's position before them. If
/// the webhook is at another position now, nothing changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every event up to `to` is done, and `delivered` of them were delivered.
    Passed { from: i64, to: i64, delivered: i64 },
    /// The delivery of the event after `from` failed.
    Failed { from: i64, failure: String },
    /// The delivery of the event `to` failed for the last time: it becomes a dead letter.
    Dead { from: i64, to: i64, failure: String },
    /// The receiver says that the webhook no longer exists, so it is paused.
    Gone { from: i64, failure: String },
    /// A dead letter was delivered.
    LetterDelivered { seq: i64 },
    /// The delivery of a dead letter failed again, so it stays one.
    LetterFailed { seq: i64, failure: String },
    /// A test was made.
    Tested { name: i64, outcome: String },
}

impl Store {
    /// Returns at most `limit` events, starting after a number.
    pub async fn due(
        &self,
        tenant: &TenantId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Due>, StoreError> {
        let rows = self.db.rows(NEXT, args![tenant.as_str(), after, limit]);
        rows.await?.iter().map(due).collect()
    }

    /// Returns the first dead letter that should be sent again, and its number of attempts.
    pub async fn due_letter(
        &self,
        tenant: &TenantId,
        webhook: &str,
    ) -> Result<Option<(Due, i64)>, StoreError> {
        let row = self.db.row(NEXT_LETTER, args![tenant.as_str(), webhook]);
        let row = row.await?;
        row.map(|row| Ok((due(&row)?, row.column("wmctl_dead_letter", 12)?)))
            .transpose()
    }

    /// Records the result of a delivery, if the caller still holds the lease. Returns `false` if
    /// the webhook is at another position, or does not exist.
    pub async fn settle(
        &self,
        lease: &Lease,
        webhook: &str,
        outcome: &Outcome,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let work = async {
            let mut tx = self.begin_fenced(lease).await?;
            let tenant = lease.tenant.as_str();
            let settled = settle(&mut tx, tenant, webhook, outcome, now_ms).await?;
            tx.commit().await?;
            Ok(settled)
        };
        self.turns
            .take(&lease.tenant, slots::Slot::Beside, work)
            .await
    }

    /// Turns events that exceed their retention limit into dead letters for the webhooks that have
    /// not received them, while more than `most` events wait for a webhook. Returns the number of
    /// dead letters. Retention can then delete these events.
    pub async fn bury(
        &self,
        pruning: &mut Pruning,
        most: i64,
        mode: Mode<'_>,
    ) -> Result<u64, StoreError> {
        let tenant = pruning.tenant.clone();
        let work = self.bury_now(pruning, most, mode);
        self.turns
            .take_within(slots::SHORT, &tenant, slots::Slot::Beside, work)
            .await
    }

    async fn bury_now(
        &self,
        pruning: &mut Pruning,
        most: i64,
        mode: Mode<'_>,
    ) -> Result<u64, StoreError> {
        const TABLE: &str = "wmctl_delivery";
        let name = pruning.tenant.clone();
        let tenant = name.as_str();
        let mut buried = 0;
        while let Some(floor) = self.delivered_to(&name).await? {
            pruning.floor = floor;
            let limits = args![tenant, floor, most, pruning.age_ms, pruning.seq, BURIED_MAX];
            let to = self.db.row(OVERDUE, limits).await?;
            let to: Option<i64> = to.map_or(Ok(None), |row| row.column("wmctl_event", 0))?;
            let Some((to, mut tx)) = to.zip(self.begin_pruning(mode).await?) else {
                break;
            };
            for row in tx.rows(BEHIND, args![tenant, to]).await? {
                let (webhook, from): (String, i64) = (row.column(TABLE, 0)?, row.column(TABLE, 1)?);
                let (name, now_ms) = (webhook.as_str(), pruning.now_ms);
                let row = args![tenant, name, from, to, TOO_MANY, 0_i64, now_ms];
                buried += tx.run(BURY, row).await?;
                let row = args![tenant, name, from, to, 0_i64, now_ms];
                tx.run(MOVE, row).await?;
            }
            tx.commit().await?;
        }
        Ok(buried)
    }

    /// Returns the number up to which every webhook of a tenant is done; `None` without webhooks.
    pub async fn delivered_to(&self, tenant: &TenantId) -> Result<Option<i64>, StoreError> {
        let row = self.db.row(FLOOR, args![tenant.as_str()]).await?;
        row.map_or(Ok(None), |row| row.column("wmctl_delivery", 0))
    }
}

async fn settle(
    tx: &mut Tx,
    tenant: &str,
    webhook: &str,
    outcome: &Outcome,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let changed = match outcome {
        Outcome::Passed {
            from,
            to,
            delivered,
        } => {
            let row = args![tenant, webhook, *from, *to, *delivered, now_ms];
            tx.run(MOVE, row).await?
        }
        Outcome::Failed { from, failure } => {
            let row = args![tenant, webhook, *from, failure.as_str(), now_ms];
            tx.run(FAIL, row).await?
        }
        Outcome::Dead { from, to, failure } => {
            // The dead letter is inserted first, because its statement adds this attempt to the
            // stored count.
            let row = args![tenant, webhook, *from, *to, failure.as_str(), 1_i64, now_ms];
            tx.run(BURY, row).await?;
            let row = args![tenant, webhook, *from, failure.as_str(), now_ms];
            tx.run(FAIL, row).await?;
            let row = args![tenant, webhook, *from, *to, 0_i64, now_ms];
            tx.run(MOVE, row).await?
        }
        Outcome::Gone { from, failure } => {
            let row = args![tenant, webhook, *from, failure.as_str(), now_ms];
            tx.run(FAIL, row).await?;
            tx.run(GONE, args![tenant, webhook]).await?
        }
        Outcome::LetterDelivered { seq } => {
            let gone = tx
                .run(LETTER_DELIVERED, args![tenant, webhook, *seq])
                .await?;
            tx.run(COUNT_ONE, args![tenant, webhook, now_ms]).await?;
            gone
        }
        Outcome::LetterFailed { seq, failure } => {
            let row = args![tenant, webhook, *seq, failure.as_str(), now_ms];
            tx.run(LETTER_FAILED, row).await?
        }
        Outcome::Tested { name, outcome } => {
            let row = args![tenant, webhook, *name, outcome.as_str()];
            tx.run(TESTED, row).await?
        }
    };
    Ok(0 < changed)
}

fn due(row: &Row) -> Result<Due, StoreError> {
    Ok((events::decode(row)?, row.column("wmctl_event", 10)?))
}
