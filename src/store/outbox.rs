//! What applications send: taken in once, kept until it was acknowledged, and after.

use crate::ids::{Jid, MessageId, TenantId};
use crate::session::rows::OutboxRow;
use crate::store::db::{Row, args};
use crate::store::error::StoreError;
use crate::store::unit::Unit;
use crate::store::{Owner, Store, text};

const TABLE: &str = "wmctl_outbox";

/// Most rows that one listing gives.
const OPEN_ROWS_MAX: i64 = 1_000;

pub(super) const ROW: &str = "
    SELECT message_id, recipient, body, state, stanza, queued_ms, sent_ms, delivered_ms, read_ms,
        error, resends
    FROM wmctl_outbox WHERE business_id = $1 AND message_id = $2";

const UPDATE: &str = "
    UPDATE wmctl_outbox SET state = $3, stanza = $4, sent_ms = $5, delivered_ms = $6, read_ms = $7,
        error = $8, resends = $9
    WHERE business_id = $1 AND message_id = $2";

const ENSURE_ACCOUNT: &str = "
    INSERT INTO wmctl_account (business_id) VALUES ($1) ON CONFLICT (business_id) DO NOTHING";

const NEXT: &str = "
    UPDATE wmctl_account SET outbox_seq = outbox_seq + 1 WHERE business_id = $1
    RETURNING outbox_seq";

const BY_KEY: &str = "
    SELECT message_id FROM wmctl_outbox WHERE business_id = $1 AND idempotency_key = $2";

const INSERT: &str = "
    INSERT INTO wmctl_outbox (business_id, message_id, seq, idempotency_key, recipient, body,
        state, queued_ms)
    VALUES ($1, $2, $3, $4, $5, $6, 'queued', $7)
    ON CONFLICT (business_id, message_id) DO NOTHING";

const BATCH: &str = "
    SELECT message_id, recipient, body, state, stanza, queued_ms, sent_ms, delivered_ms, read_ms,
        error, resends, seq
    FROM wmctl_outbox
    WHERE business_id = $1 AND seq > $2 AND state IN ('queued', 'encrypted')
    ORDER BY seq LIMIT $3";

const OPEN: &str = "
    SELECT message_id, seq FROM wmctl_outbox
    WHERE business_id = $1 AND seq > $2 AND state IN ('queued', 'encrypted')
    ORDER BY seq LIMIT $3";

/// A message that an application wants to send.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Chosen by the caller; the same id twice is one message.
    pub id: MessageId,
    /// A person or a group.
    pub to: Jid,
    /// The plain `Message` protobuf.
    pub body: Vec<u8>,
    /// The same key twice is one message, whatever the ids.
    pub idempotency_key: Option<String>,
}

impl Store {
    /// Takes a message in; its id, or that of the earlier one with the same idempotency key.
    ///
    /// Any process may call this: it needs no lease.
    pub async fn enqueue(
        &self,
        tenant: &TenantId,
        message: &NewMessage,
        now_ms: i64,
    ) -> Result<MessageId, StoreError> {
        let mut tx = self.db.begin().await?;
        tx.run(ENSURE_ACCOUNT, args![tenant.as_str()]).await?;
        // This row's lock also makes two calls with the same key wait for each other.
        let next = tx.row(NEXT, args![tenant.as_str()]).await?;
        if let Some(key) = &message.idempotency_key {
            let earlier = tx.row(BY_KEY, args![tenant.as_str(), key.as_str()]).await?;
            if let Some(row) = earlier {
                let id: String = row.column(TABLE, 0)?;
                return id.parse().map_err(|_| StoreError::Corrupt {
                    table: TABLE,
                    column: 0,
                });
            }
        }
        let seq: i64 = match next {
            Some(row) => row.column("wmctl_account", 0)?,
            None => {
                return Err(StoreError::Corrupt {
                    table: "wmctl_account",
                    column: 0,
                });
            }
        };
        let row = args![
            tenant.as_str(),
            message.id.as_str(),
            seq,
            message.idempotency_key.clone(),
            message.to.to_string(),
            message.body.as_slice(),
            now_ms,
        ];
        tx.run(INSERT, row).await?;
        tx.commit().await?;
        Ok(message.id.clone())
    }

    /// The same with their rows, at most `limit`.
    pub async fn outbox_batch(
        &self,
        tenant: &TenantId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(OutboxRow, i64)>, StoreError> {
        let args = args![tenant.as_str(), after, limit];
        let rows = self.db.rows(BATCH, args).await?;
        rows.iter()
            .map(|row| Ok((decode(row)?, row.column(TABLE, 11)?)))
            .collect()
    }

    /// Messages that are not acknowledged yet, in the order in which they were taken in, behind a
    /// place: at most a thousand, each with its place.
    pub async fn outbox_open(
        &self,
        tenant: &TenantId,
        after: i64,
    ) -> Result<Vec<(MessageId, i64)>, StoreError> {
        let rows = self
            .db
            .rows(OPEN, args![tenant.as_str(), after, OPEN_ROWS_MAX])
            .await?;
        rows.iter()
            .map(|row| {
                let id: String = row.column(TABLE, 0)?;
                let id = id.parse().map_err(|_| StoreError::Corrupt {
                    table: TABLE,
                    column: 0,
                })?;
                Ok((id, row.column(TABLE, 1)?))
            })
            .collect()
    }
}

/// Writes what a unit of work made of a message.
pub(super) async fn update(
    unit: &mut Unit,
    owner: &Owner,
    row: &OutboxRow,
) -> Result<(), StoreError> {
    let values = args![
        owner.tenant.as_str(),
        row.id.as_str(),
        text::outbox_state(row.state),
        row.stanza.clone(),
        row.sent_ms,
        row.delivered_ms,
        row.read_ms,
        row.error.clone(),
        row.resends,
    ];
    unit.run(UPDATE, values).await?;
    Ok(())
}

pub(super) fn decode(row: &Row) -> Result<OutboxRow, StoreError> {
    let corrupt = |column| StoreError::Corrupt {
        table: TABLE,
        column,
    };
    let id: String = row.column(TABLE, 0)?;
    let to: String = row.column(TABLE, 1)?;
    let state: String = row.column(TABLE, 3)?;
    let resends: i64 = row.column(TABLE, 10)?;
    Ok(OutboxRow {
        id: id.parse().map_err(|_| corrupt(0))?,
        to: to.parse().map_err(|_| corrupt(1))?,
        body: row.column(TABLE, 2)?,
        state: text::parse_outbox_state(&state).ok_or(corrupt(3))?,
        stanza: row.column(TABLE, 4)?,
        queued_ms: row.column(TABLE, 5)?,
        sent_ms: row.column(TABLE, 6)?,
        delivered_ms: row.column(TABLE, 7)?,
        read_ms: row.column(TABLE, 8)?,
        error: row.column(TABLE, 9)?,
        resends: resends.try_into().map_err(|_| corrupt(10))?,
    })
}
