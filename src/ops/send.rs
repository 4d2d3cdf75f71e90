//! Puts messages into the outbox. The process that runs the account sends them from there.

use std::time::Duration;

use prost::Message as _;
use serde::{Deserialize, Serialize};
use wmctl_proto::message::Message;

use crate::app::shapes::time;
use crate::app::{App, RowsError};
use crate::crypto::random;
use crate::ids::{Jid, MessageId, Server, TenantId};
use crate::session::pairing::code;
use crate::session::rows::{OutboxRow, OutboxState};
use crate::store::error::StoreError;
use crate::store::outbox::queue::NewMessage;
use crate::store::tenants::Sender;

/// Interval between reads of the outbox row while waiting.
const LOOK: Duration = Duration::from_millis(50);
/// A process whose last heartbeat is older than this (ms) no longer runs an account.
const HEARTBEAT_AGE_MS_MAX: i64 = 20_000;
/// Maximum length of a text, the same as in WhatsApp's own clients. Text lengths count Unicode
/// scalar values, as JSON Schema does, not bytes.
pub const TEXT_CHARS_MAX: usize = 65_536;
/// Maximum length of an idempotency key.
pub const KEY_CHARS_MAX: usize = 255;
/// Maximum number of messages per transaction.
pub const TOGETHER_MAX: usize = 256;
/// Default time that a message may wait for its account (s). A late message is worse than a report
/// that it was not sent.
pub const TTL_S: i64 = 24 * 3_600;
/// Maximum waiting time that a tenant may set, and maximum distance of an expiry (s).
pub const TTL_S_MAX: i64 = 365 * 24 * 3_600;

/// An outgoing message, as one line of input.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outgoing {
    /// Recipient: a phone number, or the JID of a person or group.
    pub to: String,
    /// Text of the message, 1 to [`TEXT_CHARS_MAX`] characters.
    pub text: String,
    /// Idempotency key: a repeated key means the same message.
    #[serde(default)]
    pub idempotency_key: Option<String>,
    /// Expiry time (RFC 3339). The message is not sent after it.
    #[serde(default)]
    pub expires_at: Option<String>,
    /// Accept the message even if the account cannot send now. An expiry time has the same effect.
    #[serde(default)]
    pub force: bool,
}

/// The state of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Name of the sending tenant.
    pub business_id: String,
    /// Message id; empty and omitted if the message was refused.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// JID of the recipient.
    pub to: String,
    /// `queued`, `encrypted`, `sent`, `delivered`, `read` or `failed`; `refused` if it never
    /// entered the outbox.
    pub state: String,
    /// The idempotency key of the message, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Expiry time. The message is not sent after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Stable code of a failure or refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Seconds from acceptance until the awaited state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_s: Option<f64>,
}

impl Delivery {
    /// Builds the result for a message that was refused with this stable code.
    pub fn refused(tenant: &TenantId, message: &Outgoing, code: &str) -> Self {
        Self {
            business_id: tenant.to_string(),
            id: String::new(),
            to: message.to.clone(),
            state: String::from("refused"),
            idempotency_key: message.idempotency_key.clone(),
            expires_at: None,
            error: Some(code.to_owned()),
            took_s: None,
        }
    }

    /// Returns whether the message will never be sent.
    pub fn is_lost(&self) -> bool {
        matches!(self.state.as_str(), "failed" | "refused")
    }
}

/// The state to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AwaitedState {
    Queued,
    Sent,
    Delivered,
    Read,
}

/// Why a message was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The recipient is invalid.
    #[error("{0:?} is neither a phone number nor an address")]
    Recipient(String),
    /// The text is empty or too long.
    #[error("text must have 1 to {TEXT_CHARS_MAX} characters")]
    Text,
    /// The idempotency key is invalid.
    #[error("an idempotency key has 1 to {KEY_CHARS_MAX} characters and no control characters")]
    Key,
    /// The key belongs to another message. Only this message is refused.
    #[error(
        "the idempotency key was used before, for the message {id} with another text or recipient"
    )]
    KeyReused { id: String },
    /// The expiry is invalid or too far ahead.
    #[error("expires_at is a time like 2026-07-01T12:00:00Z, at most a year ahead")]
    Expiry,
    /// The expiry has passed.
    #[error("expires_at is in the past")]
    Expired,
    /// The tenant does not exist.
    #[error("there is no tenant {0}")]
    UnknownTenant(TenantId),
    /// No device is paired. Refused even with `force`.
    #[error("{0} has no paired device")]
    Unpaired(TenantId),
    /// The device was unlinked. With `force` the message waits for a new pairing.
    #[error("{0} was unlinked by the phone: it cannot send until a device is paired again")]
    LoggedOut(TenantId),
    /// The account is banned. With `force` the message waits for the end of the ban.
    #[error("WhatsApp banned the account of {0}: it cannot send until the ban ends")]
    Banned(TenantId),
    /// Another program has the account's keys.
    #[error("{0} was exported: another program has its keys and sends for it")]
    Exported(TenantId),
    /// The database failed. Retry with the same idempotency key.
    #[error(transparent)]
    Rows(#[from] RowsError),
}

impl SendError {
    /// Returns the stable code, the same on the command line and over HTTP. Returns `None` for a
    /// database error, which has its own code.
    pub fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Recipient(_) => "RECIPIENT",
            Self::Text | Self::Key | Self::Expiry | Self::Expired => "BAD_VALUE",
            Self::KeyReused { .. } => "IDEMPOTENCY_KEY_REUSED",
            Self::UnknownTenant(_) => "NOT_FOUND",
            Self::Unpaired(_) => "NOT_PAIRED",
            Self::LoggedOut(_) => "LOGGED_OUT",
            Self::Banned(_) => "BANNED",
            Self::Exported(_) => "EXPORTED",
            Self::Rows(_) => return None,
        })
    }

    /// Returns the name of the invalid field, if the error concerns a field.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Recipient(_) => Some("to"),
            Self::Text => Some("text"),
            Self::Key | Self::KeyReused { .. } => Some("idempotency_key"),
            Self::Expiry | Self::Expired => Some("expires_at"),
            _ => None,
        }
    }

    fn of(error: StoreError) -> Self {
        match error {
            StoreError::KeyReused { id } => Self::KeyReused { id },
            error => Self::Rows(RowsError::of(error)),
        }
    }
}

/// Accepts a message into the outbox and returns at once.
pub async fn enqueue(app: &App, message: &Outgoing) -> Result<Delivery, SendError> {
    let sender = sender(app).await?;
    let new = checked(app, &sender, message)?;
    let now_ms = app.surroundings.clock.unix_ms();
    let taken = app.store.enqueue(&app.settings.tenant, &new, now_ms).await;
    delivery(app, &new, taken.map_err(SendError::of)?).await
}

/// Accepts messages in order, at most [`TOGETHER_MAX`] per transaction. If one message is invalid,
/// none is accepted, and the error has its index (from 0). A message whose key was used with other
/// content is refused alone. After a database error, some messages may have been accepted.
pub async fn enqueue_all(
    app: &App,
    messages: &[Outgoing],
) -> Result<Vec<Delivery>, (Option<usize>, SendError)> {
    let sender = sender(app).await.map_err(|error| (None, error))?;
    let checked = messages.iter().enumerate().map(|(place, message)| {
        let new = checked(app, &sender, message);
        // An error of the account applies to all messages, so it has no index.
        new.map_err(|error| (error.field().map(|_| place), error))
    });
    let all = checked.collect::<Result<Vec<NewMessage>, _>>()?;
    let now_ms = app.surroundings.clock.unix_ms();
    let mut deliveries = Vec::with_capacity(all.len());
    for (news, given) in all.chunks(TOGETHER_MAX).zip(messages.chunks(TOGETHER_MAX)) {
        let taken = app.store.enqueue_all(&app.settings.tenant, news, now_ms);
        let taken = taken.await.map_err(|error| (None, SendError::of(error)))?;
        for ((new, message), taken) in news.iter().zip(given).zip(taken) {
            let known = match taken.map_err(SendError::of) {
                Ok(id) => delivery(app, new, id).await,
                Err(error @ SendError::KeyReused { .. }) => {
                    let code = error.code().unwrap_or_default();
                    Ok(Delivery::refused(&app.settings.tenant, message, code))
                }
                Err(error) => Err(error),
            };
            deliveries.push(known.map_err(|error| (None, error))?);
        }
    }
    Ok(deliveries)
}

/// Loads the current state of the sending account.
async fn sender(app: &App) -> Result<Sender, SendError> {
    let tenant = &app.settings.tenant;
    let sender = app.store.sender(tenant).await.map_err(RowsError::of)?;
    sender.ok_or_else(|| SendError::UnknownTenant(tenant.clone()))
}

/// Returns the JID of the sending account. Refuses an account that cannot send now, unless the
/// message is forced or has an expiry time.
fn account(app: &App, sender: &Sender, message: &Outgoing) -> Result<Jid, SendError> {
    let tenant = || app.settings.tenant.clone();
    let jid = sender
        .jid
        .clone()
        .ok_or_else(|| SendError::Unpaired(tenant()))?;
    let lasts = |until_ms: i64| app.surroundings.clock.unix_ms() < until_ms;
    match sender.ended.as_deref() {
        _ if message.force || message.expires_at.is_some() => Ok(jid),
        Some("logged_out") => Err(SendError::LoggedOut(tenant())),
        Some("banned") if sender.ended_at_ms.is_none_or(lasts) => Err(SendError::Banned(tenant())),
        Some("exported") => Err(SendError::Exported(tenant())),
        _ => Ok(jid),
    }
}

/// Returns the time (Unix ms) after which the message must not be sent; `None` means never.
fn expires_ms(app: &App, sender: &Sender, message: &Outgoing) -> Result<Option<i64>, SendError> {
    let now_ms = app.surroundings.clock.unix_ms();
    let Some(text) = &message.expires_at else {
        let ttl_s = sender.message_ttl_s.unwrap_or(TTL_S);
        return Ok((0 < ttl_s).then(|| now_ms.saturating_add(ttl_s.saturating_mul(1_000))));
    };
    let at: jiff::Timestamp = text.parse().map_err(|_| SendError::Expiry)?;
    match at.as_millisecond() - now_ms {
        left if left <= 0 => Err(SendError::Expired),
        left if TTL_S_MAX * 1_000 < left => Err(SendError::Expiry),
        _ => Ok(Some(at.as_millisecond())),
    }
}

/// Validates the message and gives it a new id for the outbox.
fn checked(app: &App, sender: &Sender, message: &Outgoing) -> Result<NewMessage, SendError> {
    let to = recipient(&message.to)?;
    if message.text.is_empty() || TEXT_CHARS_MAX < message.text.chars().count() {
        return Err(SendError::Text);
    }
    let key = message.idempotency_key.as_ref();
    let unsound = |key: &String| {
        let count = key.chars().count();
        count == 0 || KEY_CHARS_MAX < count || key.contains(char::is_control)
    };
    if key.is_some_and(unsound) {
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
        account: account(app, sender, message)?,
        expires_ms: expires_ms(app, sender, message)?,
    })
}

/// Returns the state of a message that was just accepted, or accepted earlier under another id.
async fn delivery(app: &App, new: &NewMessage, id: MessageId) -> Result<Delivery, SendError> {
    if id != new.id
        && let Some(earlier) = look(app, &id).await?
    {
        return Ok(earlier);
    }
    Ok(Delivery {
        business_id: app.settings.tenant.to_string(),
        id: id.to_string(),
        to: new.to.to_string(),
        state: String::from("queued"),
        idempotency_key: new.idempotency_key.clone(),
        expires_at: new.expires_ms.map(time),
        error: None,
        took_s: None,
    })
}

/// Returns the state of one message, or `None` if the id is unknown.
pub async fn show(app: &App, id: &str) -> Result<Option<Delivery>, RowsError> {
    let Ok(id) = id.parse() else { return Ok(None) };
    look(app, &id).await
}

/// Waits until the message reaches the state, fails, or the timeout ends.
pub async fn wait(
    app: &App,
    id: &str,
    until: AwaitedState,
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
            && (over || delivery.is_lost() || until <= reached(&delivery.state))
        {
            return Ok(delivery);
        }
        if over {
            return Err(RowsError::Database(String::from("the message is gone")).into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Returns whether a process runs the account, judged by the age of its heartbeat.
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

/// Returns the milestone that a state has reached.
pub fn reached(state: &str) -> AwaitedState {
    match state {
        "read" => AwaitedState::Read,
        "delivered" => AwaitedState::Delivered,
        "sent" => AwaitedState::Sent,
        _ => AwaitedState::Queued,
    }
}

async fn look(app: &App, id: &MessageId) -> Result<Option<Delivery>, RowsError> {
    let tenant = &app.settings.tenant;
    let row = app.store.outbox_row(tenant, id).await;
    let row = row.map_err(RowsError::of)?;
    Ok(row.map(|row| shown(tenant, row)))
}

fn shown(tenant: &TenantId, row: OutboxRow) -> Delivery {
    let (state, at_ms) = match (row.state, row.delivered_ms, row.read_ms) {
        (OutboxState::Failed, ..) => ("failed", None),
        (_, _, Some(at_ms)) => ("read", Some(at_ms)),
        (_, Some(at_ms), _) => ("delivered", Some(at_ms)),
        (OutboxState::Sent, ..) => ("sent", row.sent_ms),
        (OutboxState::Encrypted, ..) => ("encrypted", None),
        (OutboxState::Queued, ..) => ("queued", None),
    };
    Delivery {
        business_id: tenant.to_string(),
        id: row.id.to_string(),
        to: row.to.to_string(),
        state: state.to_owned(),
        idempotency_key: row.idempotency_key,
        expires_at: row.expires_ms.map(time),
        error: row.error,
        took_s: at_ms.and_then(|at_ms| {
            let took_ms = u32::try_from(at_ms.checked_sub(row.queued_ms)?).ok()?;
            Some(f64::from(took_ms) / 1_000.0)
        }),
    }
}

/// Parses a phone number, or a JID that can receive messages.
fn recipient(text: &str) -> Result<Jid, SendError> {
    let wrong = || SendError::Recipient(text.to_owned());
    if !text.contains('@') {
        return code::phone_number(text).ok_or_else(wrong);
    }
    let jid: Jid = text.parse().map_err(|_| wrong())?;
    let somebody = matches!(jid.server, Server::User | Server::Lid | Server::Group);
    if jid.user.is_empty() || text.contains(':') || !somebody {
        Err(wrong())
    } else {
        Ok(jid)
    }
}

/// Creates a message id in the form that web clients use.
///
/// Source: whatsmeow 33cfac51 `send.go` (`WebMessageIDPrefix`).
fn fresh_id(app: &App) -> MessageId {
    let bytes: [u8; 9] = random::bytes(&mut *app.surroundings.entropy.random());
    let text = format!("3EB0{}", hex::encode_upper(bytes));
    text.parse().expect("hexadecimal digits are an id")
}
