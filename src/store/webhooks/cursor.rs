//! How far webhooks have come: read by whoever delivers, moved behind the fence.
//!
//! A process that lost its lease moves nothing: what it delivered meanwhile is delivered again by
//! the one that has it, under the same event ids.

use crate::ids::TenantId;
use crate::store::Store;
use crate::store::db::slots;
use crate::store::db::{Row, Tx, args};
use crate::store::error::StoreError;
use crate::store::events::{self, StoredEvent};
use crate::store::lease::Lease;
use crate::store::retention::{Mode, Pruning};

/// Dead letters that one transaction writes.
const BURIED_MAX: i64 = 500;
const TOO_MANY: &str = "more old events wait than are kept for a webhook";

const NEXT: &str = "
    SELECT seq, at_ms, kind, chat, sender, message_id, from_me, text, payload, detail, stored_ms
    FROM wmctl_event WHERE business_id = $1 AND seq > $2 AND kind <> 'pruned'
    ORDER BY seq LIMIT $3";

const NEXT_LETTER: &str = "
    SELECT seq, at_ms, kind, chat, sender, message_id, from_me, text, payload, detail, stored_ms,
        attempts
    FROM wmctl_dead_letter WHERE business_id = $1 AND webhook = $2 AND redeliver
    ORDER BY seq LIMIT 1";

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

/// The webhooks of a tenant that have not got the event of a number, with where each stands.
const BEHIND: &str = "
    SELECT webhook, seq FROM wmctl_delivery WHERE business_id = $1 AND seq < $2 ORDER BY webhook";

/// Where the next few events end that are over their limit, as long as many more wait.
const OVERDUE: &str = "
    SELECT MAX(seq) FROM (SELECT seq FROM wmctl_event WHERE business_id = $1 AND seq > $2
        AND seq <= (SELECT seq FROM wmctl_event WHERE business_id = $1 AND seq > $2
            AND kind <> 'pruned' ORDER BY seq DESC LIMIT 1 OFFSET $3)
        AND (stored_ms < $4 OR seq <= $5) ORDER BY seq LIMIT $6) AS part";

const FLOOR: &str = "SELECT MIN(seq) FROM wmctl_delivery WHERE business_id = $1";

/// An event, and when it was stored.
pub type Due = (StoredEvent, i64);

/// What became of an attempt, or of several. `from` is where the webhook stood: if it stands
/// elsewhere by now, nothing changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything up to `to` is dealt with, and so many events were delivered.
    Passed { from: i64, to: i64, delivered: i64 },
    /// The event after `from` was not taken.
    Failed { from: i64, failure: String },
    /// The same, and it is not tried again: it is the event `to`.
    Dead { from: i64, to: i64, failure: String },
    /// The receiver says that there is no webhook any more: it is paused.
    Gone { from: i64, failure: String },
    /// A dead letter was delivered after all.
    LetterDelivered { seq: i64 },
    /// It was not: it stays.
    LetterFailed { seq: i64, failure: String },
    /// A test was made.
    Tested { name: i64, outcome: String },
}

impl Store {
    /// Events after a number, at most `limit`.
    pub async fn due(
        &self,
        tenant: &TenantId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Due>, StoreError> {
        let rows = self.db.rows(NEXT, args![tenant.as_str(), after, limit]);
        rows.await?.iter().map(due).collect()
    }

    /// The first dead letter that is to be sent once more, and how often it was tried.
    pub async fn due_letter(
        &self,
        tenant: &TenantId,
        webhook: &str,
    ) -> Result<Option<(Due, i64)>, StoreError> {
        let row = self.db.row(NEXT_LETTER, args![tenant.as_str(), webhook]);
        let row = row.await?;
        row.map(|row| Ok((due(&row)?, row.column("wmctl_dead_letter", 11)?)))
            .transpose()
    }

    /// Writes down what became of a delivery, if the lease still stands. False if the webhook is
    /// not where it was, or not at all.
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
            .take(&lease.tenant, slots::Place::Beside, work)
            .await
    }

    /// Makes dead letters of events that are over their limit and that webhooks have not got, as
    /// long as more than `most` are ahead of a webhook; how many. They are not kept any longer.
    pub async fn bury(
        &self,
        pruning: &mut Pruning,
        most: i64,
        mode: Mode<'_>,
    ) -> Result<u64, StoreError> {
        let tenant = pruning.tenant.clone();
        let work = self.bury_now(pruning, most, mode);
        self.turns
            .take_within(slots::SHORT, &tenant, slots::Place::Beside, work)
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

    /// The number up to which every webhook of a tenant has everything; `None` without any.
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
            // The letter is written first: it counts the attempt that comes next.
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
