//! Accepts outgoing messages from applications: each one once, in order, and in batches.
//!
//! There is no background task. Of the concurrent calls for one tenant, one at a time does the work
//! for all that wait.

use crate::store::outbox::queue::{NewMessage, Queue, Waiting, lock};

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use crate::ids::{MessageId, TenantId};
use crate::store::Store;
use crate::store::db::slots::Slot;
use crate::store::db::{Row, Val, args};
use crate::store::error::StoreError;
use crate::store::outbox::notify::{CHANNEL, call_of};

const TABLE: &str = "wmctl_outbox";

/// The maximum number of messages in one transaction. This is enough to make the cost per message
/// small. It is few enough that the account's units of work do not wait longer for a batch than for
/// each other.
const TOGETHER_MAX: usize = 64;

/// Reserves sequence numbers for the messages and locks the account's row until the commit. So
/// messages become visible in order, and calls with the same idempotency key wait for each other.
const PLACES: &str = "
    INSERT INTO wmctl_account (business_id, outbox_seq) VALUES ($1, $2)
    ON CONFLICT (business_id)
    DO UPDATE SET outbox_seq = wmctl_account.outbox_seq + excluded.outbox_seq";

/// Inserts a message, unless its id or its idempotency key exists already.
const INSERT: &str = "
    INSERT INTO wmctl_outbox (business_id, message_id, seq, idempotency_key, recipient, body,
        state, queued_ms, account, expires_ms)
    VALUES ($1, $2, (SELECT outbox_seq - $3 FROM wmctl_account WHERE business_id = $1), $4, $5, $6,
        'queued', $7, $8, $9)
    ON CONFLICT DO NOTHING
    RETURNING message_id";

/// Notifies the process that runs the account.
const CALL: &str = "SELECT pg_notify($1, $2)";

/// Finds the conflicting message: the one with the same idempotency key, else the one with the same
/// id.
const EARLIER: &str = "
    SELECT message_id, idempotency_key, recipient, body FROM wmctl_outbox
    WHERE business_id = $1 AND (message_id = $2 OR idempotency_key = $3)
    ORDER BY CASE WHEN idempotency_key = $3 THEN 0 ELSE 1 END LIMIT 1";

impl Store {
    /// Adds a message to the outbox. Returns its id, or the id of an earlier message with the same
    /// idempotency key. Returns [`StoreError::KeyReused`] if that message has another text or
    /// recipient.
    ///
    /// Any process may call this; no lease is needed. After [`StoreError::CommitUnknown`],
    /// repeating the call with the same id is safe.
    pub async fn enqueue(
        &self,
        tenant: &TenantId,
        message: &NewMessage,
        now_ms: i64,
    ) -> Result<MessageId, StoreError> {
        let queue = self.intake.queue(tenant);
        let (answer, mut answered) = oneshot::channel();
        lock(&queue.waiting).push_back(Waiting {
            message: message.clone(),
            now_ms,
            answer,
        });
        let answer = tokio::select! {
            biased;
            answer = &mut answered => answer.ok(),
            _turn = queue.turn.lock() => loop {
                match answered.try_recv() {
                    Ok(answer) => break Some(answer),
                    Err(TryRecvError::Closed) => break None,
                    Err(TryRecvError::Empty) => self.take_waiting(tenant, &queue).await,
                }
            },
        };
        match answer {
            Some(answer) => answer,
            // The call that did the work was cancelled, or failed for a reason that may concern
            // another message.
            None => self.take_in(tenant, &[(message, now_ms)]).await?.remove(0),
        }
    }

    /// Adds the messages of one caller in order, in one transaction. All are added, except those
    /// whose idempotency key belongs to a different message.
    pub async fn enqueue_all(
        &self,
        tenant: &TenantId,
        messages: &[NewMessage],
        now_ms: i64,
    ) -> Result<Vec<Result<MessageId, StoreError>>, StoreError> {
        let together: Vec<_> = messages.iter().map(|one| (one, now_ms)).collect();
        self.take_in(tenant, &together).await
    }

    /// Adds the messages that have waited longest, in one transaction.
    async fn take_waiting(&self, tenant: &TenantId, queue: &Queue) {
        let mut group: Vec<Waiting> = {
            let mut waiting = lock(&queue.waiting);
            let count = waiting.len().min(TOGETHER_MAX);
            waiting.drain(..count).collect()
        };
        let messages: Vec<_> = group.iter().map(|one| (&one.message, one.now_ms)).collect();
        let answers = match self.take_in(tenant, &messages).await {
            Ok(answers) => answers,
            Err(error) if group.len() == 1 => vec![Err(error)],
            // Each caller retries alone: an error cannot be shared, and one bad message may have
            // caused it.
            Err(_) => return,
        };
        for (one, answer) in group.drain(..).zip(answers) {
            // The caller may have been cancelled.
            let _ = one.answer.send(answer);
        }
    }

    /// Adds messages in one transaction, in the tenant's slot. Returns one result for each message.
    async fn take_in(
        &self,
        tenant: &TenantId,
        messages: &[(&NewMessage, i64)],
    ) -> Result<Vec<Result<MessageId, StoreError>>, StoreError> {
        let work = self.take_in_now(tenant.as_str(), messages);
        self.turns.take(tenant, Slot::Beside, work).await
    }

    /// Runs the transaction, and looks up the earlier messages that conflicted.
    async fn take_in_now(
        &self,
        tenant: &str,
        messages: &[(&NewMessage, i64)],
    ) -> Result<Vec<Result<MessageId, StoreError>>, StoreError> {
        let count = i64::try_from(messages.len()).unwrap_or(i64::MAX);
        let places = (PLACES, args![tenant, count]);
        let rows = (1..=count)
            .zip(messages)
            .map(|(number, (message, now_ms))| {
                let behind = count - number;
                (INSERT, row(tenant, message, behind, *now_ms))
            });
        let statements = [places].into_iter().chain(rows).collect();
        let told = (CALL, args![CHANNEL, call_of(tenant)]);
        let taken = self.db.at_once(statements, told).await?;
        let taken: Vec<bool> = taken.iter().skip(1).map(Option::is_some).collect();
        let others = messages.iter().zip(&taken).filter(|(_, taken)| !**taken);
        let asked = others.map(|((message, _), _)| {
            let key = message.idempotency_key.clone();
            (EARLIER, args![tenant, message.id.as_str(), key])
        });
        let asked: Vec<_> = asked.collect();
        let mut earlier = Vec::new().into_iter();
        if !asked.is_empty() {
            earlier = self.db.first_rows(asked).await?.into_iter();
        }
        let answers = messages
            .iter()
            .zip(&taken)
            .map(|((message, _), taken)| match taken {
                true => Ok(message.id.clone()),
                false => same(earlier.next().flatten(), message),
            });
        Ok(answers.collect())
    }
}

/// Returns the id of the earlier message, after checking that it has the same text and recipient.
fn same(row: Option<Row>, message: &NewMessage) -> Result<MessageId, StoreError> {
    let corrupt = |column| StoreError::Corrupt {
        table: TABLE,
        column,
    };
    let row = row.ok_or(corrupt(0))?;
    let id: MessageId = row.parsed(TABLE, 0)?;
    let key: Option<String> = row.column(TABLE, 1)?;
    if key.is_some() && key == message.idempotency_key {
        let (to, body): (String, Vec<u8>) = (row.column(TABLE, 2)?, row.column(TABLE, 3)?);
        if to != message.to.to_string() || body != message.body {
            return Err(StoreError::KeyReused { id: id.to_string() });
        }
    }
    Ok(id)
}

fn row(tenant: &str, message: &NewMessage, behind: i64, now_ms: i64) -> Vec<Val> {
    args![
        tenant,
        message.id.as_str(),
        behind,
        message.idempotency_key.clone(),
        message.to.to_string(),
        message.body.as_slice(),
        now_ms,
        message.account.to_string(),
        message.expires_ms,
    ]
}
