//! Sends: puts messages into the outbox, from where the process that runs the account takes them.

use std::time::Duration;

use prost::Message as _;
use serde::{Deserialize, Serialize};
use wmctl_proto::message::Message;

use crate::crypto::random;
use crate::ids::{Jid, MessageId, Server};
use crate::ops::open::{App, RowsError};
use crate::session::pair_code;
use crate::session::rows::{OutboxRow, OutboxState};
use crate::store::intake::NewMessage;

/// How often the outbox row is looked at while waiting.
const LOOK: Duration = Duration::from_millis(50);
/// A process whose heartbeat is older than this does not run anything any more.
const HEARTBEAT_AGE_MS_MAX: i64 = 20_000;
/// Longest text: what WhatsApp's own clients allow.
pub const TEXT_BYTES_MAX: usize = 65_536;
/// Longest idempotency key.
pub const KEY_BYTES_MAX: usize = 255;

/// One message, as a line of input has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outgoing {
    /// A phone number, or the address of a person or group.
    pub to: String,
    pub text: String,
    /// The same key twice is one message.
    #[serde(default)]
    pub idempotency_key: Option<String>,
}

/// How far a message has come.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Delivery {
    pub id: String,
    pub to: String,
    /// `queued`, `encrypted`, `sent`, `delivered`, `read` or `failed`.
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// From taking in to the state that was waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_s: Option<f64>,
}

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    Queued,
    Sent,
    Delivered,
    Read,
}

/// Why a message was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("{0:?} is neither a phone number nor an address")]
    Recipient(String),
    #[error("text must have 1 to {TEXT_BYTES_MAX} bytes")]
    Text,
    #[error("idempotency key must have 1 to {KEY_BYTES_MAX} bytes")]
    Key,
    #[error(transparent)]
    Rows(#[from] RowsError),
}

/// Takes a message in; returns at once.
pub async fn enqueue(app: &App, message: &Outgoing) -> Result<Delivery, SendError> {
    let new = checked(app, message)?;
    let now_ms = app.surroundings.clock.unix_ms();
    let taken = app.store.enqueue(&app.settings.tenant, &new, now_ms).await;
    delivery(app, &new, taken.map_err(RowsError::of)?).await
}

/// Takes messages in, in their order. One that cannot be sent stops all of them, and is named by
/// its place, from 0. After an error of the database some of them may have been taken in.
pub async fn enqueue_all(
    app: &App,
    messages: &[Outgoing],
) -> Result<Vec<Delivery>, (Option<usize>, SendError)> {
    let checked = messages.iter().enumerate().map(|(place, message)| {
        let new = checked(app, message);
        new.map_err(|error| (Some(place), error))
    });
    let all = checked.collect::<Result<Vec<NewMessage>, _>>()?;
    let of_rows = |error| (None, SendError::Rows(RowsError::of(error)));
    let now_ms = app.surroundings.clock.unix_ms();
    let taken = app.store.enqueue_all(&app.settings.tenant, &all, now_ms);
    let taken = taken.await.map_err(of_rows)?;
    let mut deliveries = Vec::with_capacity(all.len());
    for (new, id) in all.iter().zip(taken) {
        deliveries.push(
            delivery(app, new, id)
                .await
                .map_err(|error| (None, error))?,
        );
    }
    Ok(deliveries)
}

/// The message as the outbox takes it, under an id of its own.
fn checked(app: &App, message: &Outgoing) -> Result<NewMessage, SendError> {
    let to = recipient(&message.to)?;
    if message.text.is_empty() || TEXT_BYTES_MAX < message.text.len() {
        return Err(SendError::Text);
    }
    let key = message.idempotency_key.as_ref();
    if key.is_some_and(|key| key.is_empty() || KEY_BYTES_MAX < key.len()) {
        return Err(SendError::Key);
    }
    let body = Message {
        conversation: Some(message.text.clone()),
        ..Message::default()
    };
    Ok(NewMessage {
        id: fresh_id(app),
        to,
        body: body.encode_to_vec(),
        idempotency_key: message.idempotency_key.clone(),
    })
}

/// How far a message has come that was just taken in, or before under another id.
async fn delivery(app: &App, new: &NewMessage, id: MessageId) -> Result<Delivery, SendError> {
    if id != new.id
        && let Some(earlier) = look(app, &id).await?
    {
        return Ok(earlier);
    }
    Ok(Delivery {
        id: id.to_string(),
        to: new.to.to_string(),
        state: "queued",
        error: None,
        took_s: None,
    })
}

/// Waits until the message has come that far, or failed, or the time is up.
pub async fn wait(
    app: &App,
    id: &str,
    until: Until,
    timeout: Duration,
) -> Result<Delivery, SendError> {
    let id: MessageId = id
        .parse()
        .map_err(|_| SendError::Recipient(id.to_owned()))?;
    let clock = &app.surroundings.clock;
    let deadline = clock.mono_ms() + u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX / 2);
    loop {
        let found = look(app, &id).await?;
        let over = deadline <= clock.mono_ms();
        if let Some(delivery) = found
            && (over || delivery.state == "failed" || until <= reached(delivery.state))
        {
            return Ok(delivery);
        }
        if over {
            return Err(RowsError::Database(String::from("the message is gone")).into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether some process runs the account, as far as its heartbeat tells.
pub async fn is_run(app: &App) -> Result<bool, RowsError> {
    let leases = app.store.leases().await.map_err(RowsError::of)?;
    let oldest_ms = app.surroundings.clock.unix_ms() - HEARTBEAT_AGE_MS_MAX;
    Ok(leases.iter().any(|lease| {
        lease.tenant == app.settings.tenant
            && lease.owner.is_some()
            && lease
                .heartbeat_ms
                .is_some_and(|beat_ms| oldest_ms < beat_ms)
    }))
}

/// How far a state is on the way.
pub fn reached(state: &str) -> Until {
    match state {
        "read" => Until::Read,
        "delivered" => Until::Delivered,
        "sent" => Until::Sent,
        _ => Until::Queued,
    }
}

async fn look(app: &App, id: &MessageId) -> Result<Option<Delivery>, SendError> {
    let row = app
        .store
        .outbox_row(&app.settings.tenant, id)
        .await
        .map_err(RowsError::of)?;
    Ok(row.map(Delivery::from))
}

impl From<OutboxRow> for Delivery {
    fn from(row: OutboxRow) -> Self {
        let (state, at_ms) = match (row.state, row.delivered_ms, row.read_ms) {
            (OutboxState::Failed, ..) => ("failed", None),
            (_, _, Some(at_ms)) => ("read", Some(at_ms)),
            (_, Some(at_ms), _) => ("delivered", Some(at_ms)),
            (OutboxState::Sent, ..) => ("sent", row.sent_ms),
            (OutboxState::Encrypted, ..) => ("encrypted", None),
            (OutboxState::Queued, ..) => ("queued", None),
        };
        Self {
            id: row.id.to_string(),
            to: row.to.to_string(),
            state,
            error: row.error,
            took_s: at_ms.and_then(|at_ms| {
                let took_ms = u32::try_from(at_ms.checked_sub(row.queued_ms)?).ok()?;
                Some(f64::from(took_ms) / 1_000.0)
            }),
        }
    }
}

/// A person by phone number, or any address that can be written to.
fn recipient(text: &str) -> Result<Jid, SendError> {
    let wrong = || SendError::Recipient(text.to_owned());
    if !text.contains('@') {
        return pair_code::phone_number(text).ok_or_else(wrong);
    }
    let jid: Jid = text.parse().map_err(|_| wrong())?;
    let somebody = matches!(jid.server, Server::User | Server::Lid | Server::Group);
    if jid.user.is_empty() || text.contains(':') || !somebody {
        Err(wrong())
    } else {
        Ok(jid)
    }
}

/// An id in the form that web clients use.
fn fresh_id(app: &App) -> MessageId {
    let bytes: [u8; 9] = random::bytes(&mut *app.surroundings.entropy.random());
    let text = format!("3EB0{}", hex::encode_upper(bytes));
    text.parse().expect("hexadecimal digits are an id")
}
