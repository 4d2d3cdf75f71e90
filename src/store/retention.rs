//! Retention: deletes rows that would otherwise grow without limit, in small transactions.
//!
//! It covers events, sent messages, message secrets, whatsmeow's event buffer, retry counters and
//! dead letters. It also covers cached device lists and groups, which can be requested again. If a
//! tenant has very many ratchets, it deletes those of strangers, who then start new ones. It never
//! deletes a message that is still to be sent, nor an event that a webhook has not received.
//!
//! A deleted event leaves its dedupe key behind for as long as the server may redeliver its
//! message. The server keeps unacknowledged messages for thirty days, and an ack can be lost after
//! the commit. Without the key, the redelivered message would become a second event. So a young
//! event first loses only its content, and its row later.

use crate::config::retention::Limit;
use crate::ids::TenantId;
use crate::store::Store;
use crate::store::db::slots::{SHORT, Slot};
use crate::store::db::{Db, Row, Tx, args};
use crate::store::error::StoreError;
use crate::store::lease::{FENCE_POSTGRES, FENCE_SQLITE, Lease};

/// How long a dedupe key is kept after its commit: the server's thirty days, plus five for wrong
/// clocks and for connections that are resumed late.
pub const REDELIVERY_MS: i64 = 35 * 24 * 3_600_000;
/// How long a sent message is kept at least: a recipient that could not decrypt it may request it
/// again.
const RESEND_MS: i64 = 24 * 3_600_000;
/// The maximum number of rows per transaction, so that units of work never wait for more than
/// these.
pub const ROWS_MAX: i64 = 500;

const CLOCK: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";

const EVENTS: &str = "
    SELECT seq, stored_ms, dedupe IS NOT NULL, kind = 'pruned' FROM wmctl_event
    WHERE business_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";

const EVENT_AT: &str = "
    SELECT seq FROM wmctl_event WHERE business_id = $1 AND kind <> 'pruned'
    ORDER BY seq DESC LIMIT 1 OFFSET $2";

const DELETE_EVENTS: &str = "
    DELETE FROM wmctl_event WHERE business_id = $1 AND seq > $2 AND seq <= $3
        AND (stored_ms < $4 OR dedupe IS NULL)";

const STRIP_EVENTS: &str = "
    UPDATE wmctl_event SET kind = 'pruned', chat = NULL, sender = NULL, message_id = NULL,
        text = NULL, payload = NULL, detail = '{}'
    WHERE business_id = $1 AND seq > $2 AND seq <= $3 AND kind <> 'pruned'
        AND stored_ms >= $4 AND dedupe IS NOT NULL";

const OUTBOX: &str = "
    SELECT seq, queued_ms, state IN ('sent', 'failed'), COALESCE(sent_ms, queued_ms)
    FROM wmctl_outbox WHERE business_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";

const OUTBOX_AT: &str = "
    SELECT seq FROM wmctl_outbox WHERE business_id = $1 ORDER BY seq DESC LIMIT 1 OFFSET $2";

const DELETE_OUTBOX: &str = "
    DELETE FROM wmctl_outbox WHERE business_id = $1 AND seq > $2 AND seq <= $3
        AND state IN ('sent', 'failed') AND COALESCE(sent_ms, queued_ms) < $4
        AND (COALESCE(sent_ms, queued_ms) < $5 OR seq <= $6)";

const REMOVED_TO: &str = "
    UPDATE wmctl_account SET events_removed_to = $2
    WHERE business_id = $1 AND events_removed_to < $2";

/// A kind of row of which everything before a time is simply deleted.
struct Plain {
    /// Selects the time of the first row beyond a given count, newest first.
    at: &'static str,
    count: &'static str,
    delete: &'static str,
}

const SECRETS: Plain = Plain {
    at: "SELECT stored_ms FROM wmctl_message_secret_time WHERE business_id = $1
        ORDER BY stored_ms DESC LIMIT 1 OFFSET $2",
    count: "SELECT COUNT(*) FROM wmctl_message_secret_time
        WHERE business_id = $1 AND stored_ms < $2",
    delete: "DELETE FROM whatsmeow_message_secrets WHERE business_id = $1
        AND (our_jid, chat_jid, sender_jid, message_id) IN (
            SELECT our_jid, chat_jid, sender_jid, message_id FROM wmctl_message_secret_time
            WHERE business_id = $1 AND stored_ms < $2 ORDER BY stored_ms LIMIT $3)",
};

const BUFFER: Plain = Plain {
    at: "SELECT insert_timestamp FROM whatsmeow_event_buffer WHERE business_id = $1
        ORDER BY insert_timestamp DESC LIMIT 1 OFFSET $2",
    count: "SELECT COUNT(*) FROM whatsmeow_event_buffer
        WHERE business_id = $1 AND insert_timestamp < $2",
    delete: "DELETE FROM whatsmeow_event_buffer WHERE business_id = $1
        AND (our_jid, ciphertext_hash) IN (
            SELECT our_jid, ciphertext_hash FROM whatsmeow_event_buffer
            WHERE business_id = $1 AND insert_timestamp < $2 LIMIT $3)",
};

const RETRIES: Plain = Plain {
    at: "SELECT first_ms FROM wmctl_retry WHERE business_id = $1
        ORDER BY first_ms DESC LIMIT 1 OFFSET $2",
    count: "SELECT COUNT(*) FROM wmctl_retry WHERE business_id = $1 AND first_ms < $2",
    delete: "DELETE FROM wmctl_retry WHERE business_id = $1 AND dedupe IN (
        SELECT dedupe FROM wmctl_retry WHERE business_id = $1 AND first_ms < $2 LIMIT $3)",
};

const LETTERS: Plain = Plain {
    at: "SELECT dead_ms FROM wmctl_dead_letter WHERE business_id = $1
        ORDER BY dead_ms DESC LIMIT 1 OFFSET $2",
    count: "SELECT COUNT(*) FROM wmctl_dead_letter WHERE business_id = $1 AND dead_ms < $2",
    delete: "DELETE FROM wmctl_dead_letter WHERE business_id = $1 AND (webhook, seq) IN (
        SELECT webhook, seq FROM wmctl_dead_letter WHERE business_id = $1 AND dead_ms < $2
        ORDER BY dead_ms LIMIT $3)",
};

const DEVICES: Plain = Plain {
    at: "SELECT fetched_ms FROM wmctl_device_list WHERE business_id = $1
        ORDER BY fetched_ms DESC LIMIT 1 OFFSET $2",
    count: "SELECT COUNT(*) FROM wmctl_device_list WHERE business_id = $1 AND fetched_ms < $2",
    delete: "DELETE FROM wmctl_device_list WHERE business_id = $1 AND their_jid IN (
        SELECT their_jid FROM wmctl_device_list WHERE business_id = $1 AND fetched_ms < $2
        ORDER BY fetched_ms LIMIT $3)",
};

const GROUPS: Plain = Plain {
    at: "SELECT fetched_ms FROM wmctl_group WHERE business_id = $1
        ORDER BY fetched_ms DESC LIMIT 1 OFFSET $2",
    count: "SELECT COUNT(*) FROM wmctl_group WHERE business_id = $1 AND fetched_ms < $2",
    delete: "DELETE FROM wmctl_group WHERE business_id = $1 AND chat IN (
        SELECT chat FROM wmctl_group WHERE business_id = $1 AND fetched_ms < $2
        ORDER BY fetched_ms LIMIT $3)",
};

const COUNT_RATCHETS: &str = "SELECT COUNT(*) FROM whatsmeow_sessions WHERE business_id = $1";

/// Selects ratchets with devices of people whose device list is not cached: within the retention of
/// device lists we have not written to them. If such a person writes again, we request a new
/// ratchet.
const STRANGERS_POSTGRES: &str = "
    SELECT s.our_jid, s.their_id FROM whatsmeow_sessions s
    WHERE s.business_id = $1 AND NOT EXISTS (
        SELECT 1 FROM wmctl_device_list d WHERE d.business_id = $1 AND d.their_jid =
            CASE WHEN STRPOS(s.their_id, '_1:') > 0
            THEN SUBSTR(s.their_id, 1, STRPOS(s.their_id, '_1:') - 1) || '@lid'
            ELSE SUBSTR(s.their_id, 1, STRPOS(s.their_id, ':') - 1) || '@s.whatsapp.net' END)
    ORDER BY s.our_jid, s.their_id LIMIT $2";
const STRANGERS_SQLITE: &str = "
    SELECT s.our_jid, s.their_id FROM whatsmeow_sessions s
    WHERE s.business_id = $1 AND NOT EXISTS (
        SELECT 1 FROM wmctl_device_list d WHERE d.business_id = $1 AND d.their_jid =
            CASE WHEN INSTR(s.their_id, '_1:') > 0
            THEN SUBSTR(s.their_id, 1, INSTR(s.their_id, '_1:') - 1) || '@lid'
            ELSE SUBSTR(s.their_id, 1, INSTR(s.their_id, ':') - 1) || '@s.whatsapp.net' END)
    ORDER BY s.our_jid, s.their_id LIMIT $2";

const DELETE_RATCHET: [&str; 3] = [
    "DELETE FROM whatsmeow_sessions
     WHERE business_id = $1 AND our_jid = $2 AND their_id = $3",
    "DELETE FROM whatsmeow_identity_keys
     WHERE business_id = $1 AND our_jid = $2 AND their_id = $3",
    "DELETE FROM whatsmeow_sender_keys
     WHERE business_id = $1 AND our_jid = $2 AND sender_id = $3",
];

/// The kinds of rows that retention deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Events,
    Outbox,
    Secrets,
    Buffer,
    Retries,
    /// Events that a webhook did not accept.
    Letters,
    /// Cached device lists of people, which can be requested again.
    Devices,
    /// Cached group members, which can be requested again.
    Groups,
    /// Ratchets of strangers, with all other keys of their devices.
    Ratchets,
}

/// The authority under which rows are deleted.
#[derive(Clone, Copy, Debug)]
pub enum Mode<'a> {
    /// Rows are only counted.
    Dry,
    /// The process that runs the tenant. Fails once it has lost the lease.
    Fenced(&'a Lease),
    /// A person.
    ByHand,
}

/// The progress of retention for one kind of row of one tenant.
#[derive(Clone, Debug)]
pub struct Pruning {
    pub(super) tenant: TenantId,
    kind: Kind,
    /// Rows older than `age_ms` are too old (milliseconds since 1970). For rows up to `seq` there
    /// are too many newer ones.
    pub(super) age_ms: i64,
    pub(super) seq: i64,
    pub(super) now_ms: i64,
    /// Events after this number are kept, because a webhook has not received them.
    pub(super) floor: i64,
    behind: i64,
    /// The number of rows that were deleted, or would be.
    pub rows: i64,
    pub done: bool,
}

impl Store {
    /// Returns the current time by which rows age: the server's clock, or on SQLite the given time.
    pub async fn retention_clock(&self, now_ms: i64) -> Result<i64, StoreError> {
        match &self.db {
            Db::Sqlite { .. } => Ok(now_ms),
            Db::Postgres(_) => {
                let row = self.db.row(CLOCK, args![]).await?;
                row.map_or(Ok(now_ms), |row| row.column("clock", 0))
            }
        }
    }

    /// Begins retention for one kind of row of a tenant.
    pub async fn pruning(
        &self,
        tenant: &TenantId,
        kind: Kind,
        limit: Limit,
        now_ms: i64,
    ) -> Result<Pruning, StoreError> {
        let age_ms = limit.age.map_or(i64::MIN, |age| {
            now_ms.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
        });
        let mut pruning = Pruning {
            tenant: tenant.clone(),
            kind,
            age_ms,
            seq: 0,
            now_ms,
            floor: match kind {
                Kind::Events => self.delivered_to(tenant).await?.unwrap_or(i64::MAX),
                _ => i64::MAX,
            },
            behind: 0,
            rows: 0,
            done: limit == Limit::default(),
        };
        let Some(count) = limit.count.filter(|_| !pruning.done) else {
            return Ok(pruning);
        };
        let sql = match kind {
            Kind::Events => EVENT_AT,
            Kind::Outbox => OUTBOX_AT,
            Kind::Secrets => SECRETS.at,
            Kind::Buffer => BUFFER.at,
            Kind::Retries => RETRIES.at,
            Kind::Letters => LETTERS.at,
            Kind::Devices => DEVICES.at,
            Kind::Groups => GROUPS.at,
            Kind::Ratchets => {
                pruning.seq = i64::try_from(count).unwrap_or(i64::MAX);
                return Ok(pruning);
            }
        };
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let at: Option<i64> = match self.db.row(sql, args![tenant.as_str(), count]).await? {
            Some(row) => Some(row.column("wmctl_event", 0)?),
            None => None,
        };
        match (kind, at) {
            (_, None) => (),
            (Kind::Events | Kind::Outbox, Some(seq)) => pruning.seq = seq,
            // Rows with the same time are kept or deleted together, so one too many may stay. The
            // row at this position is the first to be deleted.
            (_, Some(at_ms)) => pruning.age_ms = pruning.age_ms.max(at_ms),
        }
        Ok(pruning)
    }

    /// Runs one small transaction; does nothing if it is done. Returns [`StoreError::Busy`] after
    /// 100 ms if rows of the tenant are locked. A later call continues where this one stopped.
    pub async fn prune(&self, pruning: &mut Pruning, mode: Mode<'_>) -> Result<(), StoreError> {
        if pruning.done {
            return Ok(());
        }
        let tenant = pruning.tenant.clone();
        let work = self.prune_now(pruning, mode);
        self.turns
            .take_within(SHORT, &tenant, Slot::Beside, work)
            .await
    }

    async fn prune_now(&self, pruning: &mut Pruning, mode: Mode<'_>) -> Result<(), StoreError> {
        match pruning.kind {
            Kind::Events => self.prune_events(pruning, mode).await,
            Kind::Outbox => self.prune_outbox(pruning, mode).await,
            Kind::Secrets => self.prune_plain(&SECRETS, pruning, mode).await,
            Kind::Buffer => self.prune_plain(&BUFFER, pruning, mode).await,
            Kind::Retries => self.prune_plain(&RETRIES, pruning, mode).await,
            Kind::Letters => self.prune_plain(&LETTERS, pruning, mode).await,
            Kind::Devices => self.prune_plain(&DEVICES, pruning, mode).await,
            Kind::Groups => self.prune_plain(&GROUPS, pruning, mode).await,
            Kind::Ratchets => self.prune_ratchets(pruning, mode).await,
        }
    }

    /// Deletes ratchets of strangers if the tenant has more than the limit.
    async fn prune_ratchets(
        &self,
        pruning: &mut Pruning,
        mode: Mode<'_>,
    ) -> Result<(), StoreError> {
        const TABLE: &str = "whatsmeow_sessions";
        let tenant = pruning.tenant.clone();
        let row = self.db.row(COUNT_RATCHETS, args![tenant.as_str()]).await?;
        let count: i64 = row.map_or(Ok(0), |row| row.column(TABLE, 0))?;
        let over = (count - pruning.seq).min(ROWS_MAX);
        if over <= 0 {
            pruning.done = true;
            return Ok(());
        }
        let sql = match &self.db {
            Db::Sqlite { .. } => STRANGERS_SQLITE,
            Db::Postgres(_) => STRANGERS_POSTGRES,
        };
        let rows = self.db.rows(sql, args![tenant.as_str(), over]).await?;
        let mut strangers: Vec<(String, String)> = Vec::with_capacity(rows.len());
        for row in &rows {
            strangers.push((row.column(TABLE, 0)?, row.column(TABLE, 1)?));
        }
        pruning.rows += i64::try_from(strangers.len()).unwrap_or(0);
        let Some(mut tx) = self.begin_pruning(mode).await? else {
            pruning.done = true;
            return Ok(());
        };
        for (our, their) in &strangers {
            for delete in DELETE_RATCHET {
                let values = args![tenant.as_str(), our.as_str(), their.as_str()];
                tx.run(delete, values).await?;
            }
        }
        tx.commit().await?;
        pruning.done = over < ROWS_MAX || strangers.is_empty();
        Ok(())
    }

    async fn prune_events(&self, pruning: &mut Pruning, mode: Mode<'_>) -> Result<(), StoreError> {
        const TABLE: &str = "wmctl_event";
        let rows = self.page(EVENTS, pruning).await?;
        let redelivery_ms = pruning.now_ms - REDELIVERY_MS;
        let (mut last, mut count) = (pruning.behind, 0);
        for row in &rows {
            let (seq, stored_ms): (i64, i64) = (row.column(TABLE, 0)?, row.column(TABLE, 1)?);
            // Numbers rise with time, so all following events are younger.
            let over = stored_ms < pruning.age_ms || seq <= pruning.seq;
            if !over || pruning.floor < seq {
                pruning.done = true;
                break;
            }
            let (has_key, stripped): (bool, bool) = (row.column(TABLE, 2)?, row.column(TABLE, 3)?);
            count += i64::from(!stripped || stored_ms < redelivery_ms || !has_key);
            last = seq;
        }
        let (from, to) = (pruning.behind, last);
        if 0 < count
            && let Some(mut tx) = self.begin_pruning(mode).await?
        {
            let values = || args![pruning.tenant.as_str(), from, to, redelivery_ms];
            let deleted = tx.run(DELETE_EVENTS, values()).await?;
            let stripped = tx.run(STRIP_EVENTS, values()).await?;
            // Last, and only once per transaction, because units of work need this row too.
            tx.run(REMOVED_TO, args![pruning.tenant.as_str(), to])
                .await?;
            tx.commit().await?;
            count = i64::try_from(deleted + stripped).unwrap_or(i64::MAX);
        }
        pruning.rows += count;
        pruning.behind = last;
        Ok(())
    }

    async fn prune_outbox(&self, pruning: &mut Pruning, mode: Mode<'_>) -> Result<(), StoreError> {
        const TABLE: &str = "wmctl_outbox";
        let rows = self.page(OUTBOX, pruning).await?;
        let resend_ms = pruning.now_ms - RESEND_MS;
        let (mut last, mut count) = (pruning.behind, 0);
        for row in &rows {
            let (seq, queued_ms): (i64, i64) = (row.column(TABLE, 0)?, row.column(TABLE, 1)?);
            if pruning.age_ms <= queued_ms && pruning.seq < seq {
                pruning.done = true;
                break;
            }
            let (settled, at_ms): (bool, i64) = (row.column(TABLE, 2)?, row.column(TABLE, 3)?);
            let over = at_ms < pruning.age_ms || seq <= pruning.seq;
            count += i64::from(settled && over && at_ms < resend_ms);
            last = seq;
        }
        let (from, to) = (pruning.behind, last);
        if 0 < count
            && let Some(mut tx) = self.begin_pruning(mode).await?
        {
            let tenant = pruning.tenant.as_str();
            let values = args![tenant, from, to, resend_ms, pruning.age_ms, pruning.seq];
            let deleted = tx.run(DELETE_OUTBOX, values).await?;
            tx.commit().await?;
            count = i64::try_from(deleted).unwrap_or(i64::MAX);
        }
        pruning.rows += count;
        pruning.behind = last;
        Ok(())
    }

    async fn prune_plain(
        &self,
        plain: &Plain,
        pruning: &mut Pruning,
        mode: Mode<'_>,
    ) -> Result<(), StoreError> {
        let (tenant, age_ms) = (pruning.tenant.as_str(), pruning.age_ms);
        // Counts without a lock first: usually there is nothing to delete.
        let row = self.db.row(plain.count, args![tenant, age_ms]).await?;
        let count: i64 = row.map_or(Ok(0), |row| row.column("count", 0))?;
        let Some(mut tx) = (match count {
            0 => None,
            _ => self.begin_pruning(mode).await?,
        }) else {
            pruning.rows += count;
            pruning.done = true;
            return Ok(());
        };
        let deleted = tx
            .run(plain.delete, args![tenant, age_ms, ROWS_MAX])
            .await?;
        tx.commit().await?;
        let deleted = i64::try_from(deleted).unwrap_or(i64::MAX);
        pruning.rows += deleted;
        pruning.done = deleted < ROWS_MAX;
        Ok(())
    }

    /// Reads the next rows in order of their numbers. Without further rows, retention is done.
    async fn page(&self, sql: &'static str, pruning: &mut Pruning) -> Result<Vec<Row>, StoreError> {
        let values = args![pruning.tenant.as_str(), pruning.behind, ROWS_MAX];
        let rows = self.db.rows(sql, values).await?;
        pruning.done = i64::try_from(rows.len()).unwrap_or(0) < ROWS_MAX;
        Ok(rows)
    }

    /// Begins a transaction under the given authority; `None` if nothing may change.
    pub(super) async fn begin_pruning(&self, mode: Mode<'_>) -> Result<Option<Tx>, StoreError> {
        let lease = match mode {
            Mode::Dry => return Ok(None),
            Mode::ByHand => return self.db.begin_at_once().await.map(Some),
            Mode::Fenced(lease) => lease,
        };
        let tx = self.db.begin_at_once().await?;
        fenced(tx, lease).await.map(Some)
    }

    /// Begins a fenced transaction that waits up to 2 s for locks.
    pub(super) async fn begin_fenced(&self, lease: &Lease) -> Result<Tx, StoreError> {
        fenced(self.db.begin_briefly().await?, lease).await
    }
}

async fn fenced(mut tx: Tx, lease: &Lease) -> Result<Tx, StoreError> {
    let fence = match tx {
        Tx::Sqlite(_) => FENCE_SQLITE,
        Tx::Postgres { .. } => FENCE_POSTGRES,
    };
    let row = args![lease.tenant.as_str(), lease.epoch, lease.owner.to_string()];
    let lost = StoreError::LeaseLost { held: lease.epoch };
    tx.row(fence, row).await?.ok_or(lost)?;
    Ok(tx)
}
