//! Webhooks as people configure them, and the results of their deliveries.
//!
//! A webhook's position in the event stream is moved in [`cursor`], only by the process that holds
//! the tenant's lease.

use crate::ids::TenantId;
pub use crate::secret::SecretText;
use crate::store::Store;
use crate::store::db::{Row, args};
use crate::store::error::StoreError;
use crate::store::tenants::api_keys::{Audit, insert_audit};

pub mod cursor;

const TABLE: &str = "wmctl_webhook";

/// Maximum number of webhooks per tenant: each needs a task and a connection.
pub const WEBHOOKS_MAX: i64 = 10;
/// The largest count of waiting events that is reported.
pub const WAITING_MAX: i64 = 10_000;
/// Maximum number of dead letters in one listing.
pub const LETTERS_MAX: u32 = 1_000;

/// A value that changes with any webhook of any tenant.
const MARK: &str = "
    SELECT COUNT(*), CAST(COALESCE(SUM(version), 0) AS BIGINT) FROM wmctl_webhook";

const MARKS: &str = "
    SELECT business_id, CAST(SUM(version) AS BIGINT) FROM wmctl_webhook GROUP BY business_id";

const HOOKS: &str = "
    SELECT w.id, w.url, w.secret, w.kinds, w.batch, w.paused, w.created_ms, w.test_asked,
        d.seq, d.attempts, d.delivered, d.delivered_ms, d.failure, d.failed_ms, d.test_done,
        d.test_outcome
    FROM wmctl_webhook w
    JOIN wmctl_delivery d ON d.business_id = w.business_id AND d.webhook = w.id
    WHERE w.business_id = $1 AND ($2 = '' OR w.id = $2) ORDER BY w.id";

const BACKLOG: &str = "
    SELECT COUNT(*), MIN(stored_ms) FROM (
        SELECT stored_ms FROM wmctl_event WHERE business_id = $1 AND seq > $2
            AND kind <> 'pruned' AND ($3 = '' OR ',' || $3 || ',' LIKE '%,' || kind || ',%')
        ORDER BY seq LIMIT $4) AS waiting";

const DEAD: &str = "
    SELECT COUNT(*) FROM wmctl_dead_letter WHERE business_id = $1 AND webhook = $2";

const COUNT: &str = "SELECT COUNT(*) FROM wmctl_webhook WHERE business_id = $1";

const INSERT: &str = "
    INSERT INTO wmctl_webhook (business_id, id, url, secret, kinds, batch, created_ms, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (business_id, id) DO NOTHING";

const INSERT_PLACE: &str = "INSERT INTO wmctl_delivery (business_id, webhook, seq) VALUES
    ($1, $2, COALESCE($3, (SELECT event_seq FROM wmctl_account WHERE business_id = $1), 0))";

const REMOVE: &str = "DELETE FROM wmctl_webhook WHERE business_id = $1 AND id = $2";

const PAUSE: &str = "
    UPDATE wmctl_webhook SET paused = $3, version = $4 WHERE business_id = $1 AND id = $2";

const ASK_TEST: &str = "
    UPDATE wmctl_webhook SET test_asked = $3, version = $4 WHERE business_id = $1 AND id = $2";

const ASK_AGAIN: &str = "
    UPDATE wmctl_dead_letter SET redeliver = TRUE
    WHERE business_id = $1 AND webhook = $2 AND ($3 < 0 OR seq = $3)";

const TOUCH: &str = "
    UPDATE wmctl_webhook SET version = $3 WHERE business_id = $1 AND id = $2";

const LETTERS: &str = "
    SELECT seq, kind, at_ms, reason, attempts, dead_ms, redeliver FROM wmctl_dead_letter
    WHERE business_id = $1 AND webhook = $2 AND seq > $3 ORDER BY seq LIMIT $4";

/// For the whole database: when the oldest event that a webhook has not received was stored, and
/// the number of dead letters.
const LAG: &str = "
    SELECT (SELECT MIN(e.stored_ms) FROM wmctl_webhook w
        JOIN wmctl_delivery d ON d.business_id = w.business_id AND d.webhook = w.id
        JOIN wmctl_event e ON e.business_id = d.business_id AND e.seq = (
            SELECT MIN(n.seq) FROM wmctl_event n WHERE n.business_id = d.business_id
                AND n.seq > d.seq AND n.kind <> 'pruned')
        WHERE w.paused IS NULL),
    (SELECT COUNT(*) FROM wmctl_dead_letter)";

/// A webhook as it was configured.
#[derive(Clone, Debug)]
pub struct Webhook {
    pub id: String,
    pub url: String,
    pub secret: SecretText,
    /// Types of events separated by commas; empty for all.
    pub kinds: String,
    /// Maximum number of events in one request.
    pub batch: i64,
    /// Why deliveries are paused; `None` if they are not.
    pub paused: Option<String>,
    pub created_ms: i64,
    /// Identifies the last test that was requested; 0 for none.
    pub test_asked: i64,
}

/// The position of a webhook in the event stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookPosition {
    /// Every event up to this number was delivered, became a dead letter, or is of a type that the
    /// webhook does not want.
    pub seq: i64,
    /// The number of failed attempts to deliver the next event.
    pub attempts: i64,
    pub delivered: i64,
    pub delivered_ms: Option<i64>,
    pub failure: Option<String>,
    pub failed_ms: Option<i64>,
    /// The last test that was made, and its result.
    pub test_done: i64,
    pub test_outcome: Option<String>,
}

/// The events that a webhook has not received yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// At most [`WAITING_MAX`].
    pub events: i64,
    /// When the oldest of them was stored, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    pub dead: i64,
}

/// An event that a webhook did not accept, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub seq: i64,
    pub kind: String,
    pub at_ms: i64,
    pub reason: String,
    pub attempts: i64,
    pub dead_ms: i64,
    /// Whether it will be sent again.
    pub redeliver: bool,
}

/// The result of adding a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    Done,
    /// A webhook of this name exists.
    Taken,
    /// The tenant has the maximum number of webhooks.
    TooMany,
}

impl Store {
    /// Returns a value that changes whenever any webhook changes.
    pub async fn webhooks_mark(&self) -> Result<(i64, i64), StoreError> {
        let row = self.db.row(MARK, args![]).await?;
        row.map_or(Ok((0, 0)), |row| {
            Ok((row.column(TABLE, 0)?, row.column(TABLE, 1)?))
        })
    }

    /// Returns every tenant that has webhooks, with a value that changes whenever one of them
    /// changes.
    pub async fn webhooks_marks(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let rows = self.db.rows(MARKS, args![]).await?;
        let mark = |row: &Row| Ok((row.column(TABLE, 0)?, row.column(TABLE, 1)?));
        rows.iter().map(mark).collect()
    }

    /// Returns the webhooks of a tenant with their positions, ordered by id.
    pub async fn webhooks(
        &self,
        tenant: &TenantId,
    ) -> Result<Vec<(Webhook, WebhookPosition)>, StoreError> {
        let rows = self.db.rows(HOOKS, args![tenant.as_str(), ""]).await?;
        rows.iter().map(decode).collect()
    }

    /// Returns one webhook with its position.
    pub async fn webhook(
        &self,
        tenant: &TenantId,
        id: &str,
    ) -> Result<Option<(Webhook, WebhookPosition)>, StoreError> {
        let row = self.db.row(HOOKS, args![tenant.as_str(), id]).await?;
        row.as_ref().map(decode).transpose()
    }

    /// Returns the waiting events and the dead letters of a webhook.
    pub async fn backlog(
        &self,
        tenant: &TenantId,
        webhook: &Webhook,
        place: &WebhookPosition,
    ) -> Result<Backlog, StoreError> {
        let (tenant, kinds) = (tenant.as_str(), webhook.kinds.as_str());
        let waiting = args![tenant, place.seq, kinds, WAITING_MAX];
        let dead = args![tenant, webhook.id.as_str()];
        let rows = self.db.first_rows(vec![(BACKLOG, waiting), (DEAD, dead)]);
        let mut rows = rows.await?.into_iter().flatten();
        let (Some(waiting), Some(dead)) = (rows.next(), rows.next()) else {
            return Ok(Backlog::default());
        };
        Ok(Backlog {
            events: waiting.column(TABLE, 0)?,
            since_ms: waiting.column(TABLE, 1)?,
            dead: dead.column(TABLE, 0)?,
        })
    }

    /// Returns when the oldest event that any webhook waits for was stored (milliseconds since
    /// 1970), and the number of dead letters.
    pub async fn webhooks_lag(&self) -> Result<(Option<i64>, i64), StoreError> {
        let row = self.db.row(LAG, args![]).await?;
        row.map_or(Ok((None, 0)), |row| {
            Ok((row.column(TABLE, 0)?, row.column(TABLE, 1)?))
        })
    }

    /// Adds a webhook. It receives the events after the number `after`, or after the newest event.
    pub async fn add_webhook(
        &self,
        tenant: &TenantId,
        webhook: &Webhook,
        after: Option<i64>,
        version: i64,
        audit: &Audit,
    ) -> Result<Added, StoreError> {
        let mut tx = self.db.begin_briefly().await?;
        let row = args![
            tenant.as_str(),
            webhook.id.as_str(),
            webhook.url.as_str(),
            webhook.secret.expose(),
            webhook.kinds.as_str(),
            webhook.batch,
            webhook.created_ms,
            version
        ];
        if tx.run(INSERT, row).await? == 0 {
            return Ok(Added::Taken);
        }
        let count = tx.row(COUNT, args![tenant.as_str()]).await?;
        let count: i64 = count.map_or(Ok(0), |row| row.column(TABLE, 0))?;
        if WEBHOOKS_MAX < count {
            return Ok(Added::TooMany);
        }
        let row = args![tenant.as_str(), webhook.id.as_str(), after];
        tx.run(INSERT_PLACE, row).await?;
        insert_audit(&mut tx, audit).await?;
        tx.commit().await?;
        Ok(Added::Done)
    }

    /// Deletes a webhook and its dead letters. Returns whether it existed.
    pub async fn remove_webhook(
        &self,
        tenant: &TenantId,
        id: &str,
        audit: &Audit,
    ) -> Result<bool, StoreError> {
        self.change_webhook(REMOVE, args![tenant.as_str(), id], audit)
            .await
    }

    /// Pauses a webhook for the given reason, or resumes it. Returns whether it exists.
    pub async fn pause_webhook(
        &self,
        tenant: &TenantId,
        id: &str,
        reason: Option<&str>,
        version: i64,
        audit: &Audit,
    ) -> Result<bool, StoreError> {
        let reason = reason.map(str::to_owned);
        self.change_webhook(PAUSE, args![tenant.as_str(), id, reason, version], audit)
            .await
    }

    /// Requests a test of a webhook; `name` identifies the test. Returns whether the webhook
    /// exists.
    pub async fn ask_webhook_test(
        &self,
        tenant: &TenantId,
        id: &str,
        name: i64,
        version: i64,
        audit: &Audit,
    ) -> Result<bool, StoreError> {
        self.change_webhook(ASK_TEST, args![tenant.as_str(), id, name, version], audit)
            .await
    }

    async fn change_webhook(
        &self,
        sql: &'static str,
        row: Vec<crate::store::db::Val>,
        audit: &Audit,
    ) -> Result<bool, StoreError> {
        let mut tx = self.db.begin_briefly().await?;
        if tx.run(sql, row).await? == 0 {
            return Ok(false);
        }
        insert_audit(&mut tx, audit).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Requests that one dead letter, or all, are sent again. Returns their number.
    pub async fn ask_redelivery(
        &self,
        tenant: &TenantId,
        id: &str,
        seq: Option<i64>,
        version: i64,
        audit: &Audit,
    ) -> Result<u64, StoreError> {
        let mut tx = self.db.begin_briefly().await?;
        let row = args![tenant.as_str(), id, seq.unwrap_or(-1)];
        let count = tx.run(ASK_AGAIN, row).await?;
        if 0 < count {
            tx.run(TOUCH, args![tenant.as_str(), id, version]).await?;
            insert_audit(&mut tx, audit).await?;
        }
        tx.commit().await?;
        Ok(count)
    }

    /// Returns dead letters of a webhook in order, starting after a number.
    pub async fn dead_letters(
        &self,
        tenant: &TenantId,
        id: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Letter>, StoreError> {
        const TABLE: &str = "wmctl_dead_letter";
        let row = args![tenant.as_str(), id, after, limit.min(LETTERS_MAX)];
        let rows = self.db.rows(LETTERS, row).await?;
        let letter = |row: &Row| {
            Ok(Letter {
                seq: row.column(TABLE, 0)?,
                kind: row.column(TABLE, 1)?,
                at_ms: row.column(TABLE, 2)?,
                reason: row.column(TABLE, 3)?,
                attempts: row.column(TABLE, 4)?,
                dead_ms: row.column(TABLE, 5)?,
                redeliver: row.column(TABLE, 6)?,
            })
        };
        rows.iter().map(letter).collect()
    }
}

fn decode(row: &Row) -> Result<(Webhook, WebhookPosition), StoreError> {
    let webhook = Webhook {
        id: row.column(TABLE, 0)?,
        url: row.column(TABLE, 1)?,
        secret: SecretText::new(row.column(TABLE, 2)?),
        kinds: row.column(TABLE, 3)?,
        batch: row.column(TABLE, 4)?,
        paused: row.column(TABLE, 5)?,
        created_ms: row.column(TABLE, 6)?,
        test_asked: row.column(TABLE, 7)?,
    };
    let place = WebhookPosition {
        seq: row.column(TABLE, 8)?,
        attempts: row.column(TABLE, 9)?,
        delivered: row.column(TABLE, 10)?,
        delivered_ms: row.column(TABLE, 11)?,
        failure: row.column(TABLE, 12)?,
        failed_ms: row.column(TABLE, 13)?,
        test_done: row.column(TABLE, 14)?,
        test_outcome: row.column(TABLE, 15)?,
    };
    Ok((webhook, place))
}
