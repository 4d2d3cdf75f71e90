//! Messages that applications send. They are kept until they are acknowledged, and for a while
//! after.

pub mod enqueue;
pub mod notify;
pub mod queue;

use crate::ids::{MessageId, TenantId};
use crate::session::rows::OutboxRow;
use crate::store::db::encoding;
use crate::store::db::unit::FencedTransaction;
use crate::store::db::{Row, args};
use crate::store::error::StoreError;
use crate::store::outbox::notify::OutboxSubscription;
use crate::store::{Owner, Store};

const TABLE: &str = "wmctl_outbox";

/// Maximum number of rows in one listing.
const OPEN_ROWS_MAX: i64 = 1_000;

pub(super) const ROW: &str = "
    SELECT message_id, recipient, body, state, stanza, queued_ms, sent_ms, delivered_ms, read_ms,
        error, resends, account, expires_ms,
        idempotency_key
    FROM wmctl_outbox WHERE business_id = $1 AND message_id = $2";

const UPDATE: &str = "
    UPDATE wmctl_outbox SET state = $3, stanza = $4, sent_ms = $5, delivered_ms = $6, read_ms = $7,
        error = $8, resends = $9
    WHERE business_id = $1 AND message_id = $2";

const BATCH: &str = "
    SELECT message_id, recipient, body, state, stanza, queued_ms, sent_ms, delivered_ms, read_ms,
        error, resends, account, expires_ms,
        idempotency_key, seq
    FROM wmctl_outbox
    WHERE business_id = $1 AND seq > $2 AND state IN ('queued', 'encrypted')
    ORDER BY seq LIMIT $3";

const OPEN: &str = "
    SELECT message_id, seq FROM wmctl_outbox
    WHERE business_id = $1 AND seq > $2 AND state IN ('queued', 'encrypted')
    ORDER BY seq LIMIT $3";

/// A message of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Row(Box<OutboxRow>),
    /// The row cannot be decoded.
    Unreadable(MessageId),
}

impl Store {
    /// Returns a subscription to the outbox of a tenant.
    pub fn outbox_bell(&self, tenant: &TenantId) -> OutboxSubscription {
        self.bells.bell(&self.db, &notify::call_of(tenant.as_str()))
    }

    /// Returns a subscription for hosts; `None` if the database cannot be listened to.
    pub(in crate::store) fn wake_bell(&self) -> Option<OutboxSubscription> {
        let heard = notify::way(&self.db).is_some();
        heard.then(|| self.bells.bell(&self.db, notify::HOSTS))
    }

    /// Returns at most `limit` messages that are not acknowledged yet, in the order in which they
    /// were added, each with its sequence number. They start after the number `after`. For a row
    /// that cannot be decoded it returns only the id, or `None` if not even the id can be.
    pub async fn outbox_batch(
        &self,
        tenant: &TenantId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(Option<Found>, i64)>, StoreError> {
        let args = args![tenant.as_str(), after, limit];
        let rows = self.db.rows(BATCH, args).await?;
        rows.iter()
            .map(|row| {
                let found = match decode(row) {
                    Ok(row) => Some(Found::Row(Box::new(row))),
                    Err(_) => row.parsed(TABLE, 0).ok().map(Found::Unreadable),
                };
                Ok((found, row.column(TABLE, 14)?))
            })
            .collect()
    }

    /// Returns id and sequence number of messages that are not acknowledged yet, at most 1,000 of
    /// them.
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
            .map(|row| Ok((row.parsed(TABLE, 0)?, row.column(TABLE, 1)?)))
            .collect()
    }
}

/// Writes a message's new state in a unit of work.
pub(super) async fn update(
    unit: &mut FencedTransaction,
    owner: &Owner,
    row: &OutboxRow,
) -> Result<(), StoreError> {
    let values = args![
        owner.tenant.as_str(),
        row.id.as_str(),
        encoding::outbox_state(row.state),
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
    let state: String = row.column(TABLE, 3)?;
    let resends: i64 = row.column(TABLE, 10)?;
    let account: Option<String> = row.column(TABLE, 11)?;
    let account = account.map(|text| text.parse().map_err(|_| corrupt(11)));
    Ok(OutboxRow {
        id: row.parsed(TABLE, 0)?,
        to: row.parsed(TABLE, 1)?,
        body: row.column(TABLE, 2)?,
        state: encoding::parse_outbox_state(&state).ok_or(corrupt(3))?,
        stanza: row.column(TABLE, 4)?,
        queued_ms: row.column(TABLE, 5)?,
        sent_ms: row.column(TABLE, 6)?,
        delivered_ms: row.column(TABLE, 7)?,
        read_ms: row.column(TABLE, 8)?,
        error: row.column(TABLE, 9)?,
        resends: resends.try_into().map_err(|_| corrupt(10))?,
        account: account.transpose()?,
        expires_ms: row.column(TABLE, 12)?,
        idempotency_key: row.column(TABLE, 13)?,
    })
}
