//! The stored stream of events for applications, numbered per tenant, without duplicates.

use serde_json::{Value, json};

use crate::ids::{Jid, TenantId};
use crate::session::changes::{ChatChange, Event, EventBody, MessageEvent, ReceiptKind};
use crate::store::db::unit::FencedTransaction;
use crate::store::db::{Row, Val, args};
use crate::store::error::StoreError;
use crate::store::{Owner, Store};

const TABLE: &str = "wmctl_event";

/// Maximum length of an address or id in a `refused` event, in bytes. Longer ones are left out.
const REFUSED_TEXT_MAX: usize = 128;

/// The types of events.
pub const TYPES: [&str; 15] = [
    "message",
    "history_message",
    "undecryptable",
    "refused",
    "receipt",
    "sent",
    "send_failed",
    "identity_changed",
    "devices_changed",
    "group_changed",
    "contact_changed",
    "chat_changed",
    "name_changed",
    "history_sync",
    "state",
];

/// On PostgreSQL a column default records when the event was stored.
const INSERT_POSTGRES: &str = "
    INSERT INTO wmctl_event (business_id, seq, dedupe, at_ms, kind, chat, sender, message_id,
        from_me, text, payload, detail)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (business_id, dedupe) DO NOTHING RETURNING seq";

const INSERT_SQLITE: &str = "
    INSERT INTO wmctl_event (business_id, seq, dedupe, at_ms, kind, chat, sender, message_id,
        from_me, text, payload, detail, stored_ms)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
        CAST(unixepoch('subsec') * 1000 AS INTEGER))
    ON CONFLICT (business_id, dedupe) DO NOTHING RETURNING seq";

/// Each with the log that it belongs to: the newest that had begun by then.
const LIST: &str = "
    SELECT e.seq, e.at_ms, e.kind, e.chat, e.sender, e.message_id, e.from_me, e.text, e.payload,
        e.detail, e.stored_ms, (SELECT l.log_id FROM wmctl_log l
            WHERE l.business_id = $1 AND l.first_seq <= e.seq ORDER BY l.number DESC LIMIT 1)
    FROM wmctl_event e WHERE e.business_id = $1 AND e.seq >= $2 AND e.kind <> 'pruned'
    ORDER BY e.seq LIMIT $3";

const LAST: &str = "
    SELECT seq FROM wmctl_event WHERE business_id = $1 ORDER BY seq DESC LIMIT 1";

/// Selects the first existing number, the last number assigned, and the number up to which
/// retention has removed events.
const BOUNDS: &str = "
    SELECT (SELECT MIN(e.seq) FROM wmctl_event e
            WHERE e.business_id = $1 AND e.kind <> 'pruned'), a.event_seq, a.events_removed_to
    FROM wmctl_account a WHERE a.business_id = $1";

/// The range of a tenant's event numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The number of the first event that still exists.
    pub first: Option<i64>,
    /// The last number that was assigned.
    pub last: i64,
    /// Retention has removed all events up to this number; 0 if none.
    pub removed_to: i64,
}

/// One stored event: the fields that most types share, and the rest as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Rises within a tenant. Numbers may be skipped.
    pub seq: i64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// `message`, `receipt`, `sent`, …
    pub kind: String,
    pub chat: Option<String>,
    pub sender: Option<String>,
    pub message_id: Option<String>,
    pub from_me: bool,
    pub text: Option<String>,
    /// The complete `Message` protobuf, for messages.
    pub payload: Option<Vec<u8>>,
    /// A JSON object with the fields that only this type has.
    pub detail: String,
    /// When the event was stored, in milliseconds since 1970. Together with the number it forms an
    /// id that no other event ever has.
    pub stored_ms: i64,
    /// The id of the log that its number is of; none from before there were any.
    pub log: Option<String>,
}

impl Store {
    /// Returns at most `limit` events in order, starting with the number `from_seq`.
    pub async fn events(
        &self,
        tenant: &TenantId,
        from_seq: i64,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let rows = self
            .db
            .rows(LIST, args![tenant.as_str(), from_seq, limit])
            .await?;
        rows.iter().map(decode).collect()
    }

    /// Returns the range of a tenant's event numbers.
    pub async fn event_bounds(&self, tenant: &TenantId) -> Result<Bounds, StoreError> {
        let Some(row) = self.db.row(BOUNDS, args![tenant.as_str()]).await? else {
            return Ok(Bounds::default());
        };
        Ok(Bounds {
            first: row.column(TABLE, 0)?,
            last: row.column(TABLE, 1)?,
            removed_to: row.column(TABLE, 2)?,
        })
    }

    /// Returns the number of the newest event; 0 before the first one.
    pub async fn last_event(&self, tenant: &TenantId) -> Result<i64, StoreError> {
        let row = self.db.row(LAST, args![tenant.as_str()]).await?;
        row.map_or(Ok(0), |row| row.column(TABLE, 0))
    }
}

/// Inserts one event. The commit returns its number, or nothing if its dedupe key already exists.
pub(super) async fn insert(
    unit: &mut FencedTransaction,
    owner: &Owner,
    seq: i64,
    event: &Event,
) -> Result<(), StoreError> {
    let mut values = args![
        owner.tenant.as_str(),
        seq,
        event.dedupe.as_ref().map(|dedupe| dedupe.0.clone()),
        event.at_ms,
    ];
    let columns = columns(event);
    let listed = |kind: &Val| matches!(kind, Val::Text(Some(kind)) if TYPES.contains(&&**kind));
    debug_assert!(columns.first().is_some_and(listed), "a type is missing");
    values.extend(columns);
    let insert = match unit {
        FencedTransaction::Sqlite { .. } => INSERT_SQLITE,
        FencedTransaction::Postgres(_) => INSERT_POSTGRES,
    };
    unit.ask(insert, values).await
}

/// Returns the number of an inserted event.
pub(super) fn inserted(row: Option<Row>) -> Result<Option<i64>, StoreError> {
    row.map(|row| row.column(TABLE, 0)).transpose()
}

/// Returns kind, chat, sender, message id, from_me, text, payload and detail.
fn columns(event: &Event) -> Vec<Val> {
    let body = &event.body;
    let none = || None::<String>;
    let plain = |kind: &str,
                 chat: Option<String>,
                 sender: Option<String>,
                 id: Option<String>,
                 mut detail: Value| {
        if let Some(alt) = &event.alt {
            let name = if chat.is_some() {
                "chat_alt"
            } else {
                "sender_alt"
            };
            detail[name] = Value::from(alt.to_string());
        }
        args![
            kind,
            chat,
            sender,
            id,
            false,
            none(),
            None::<Vec<u8>>,
            detail.to_string()
        ]
    };
    match body {
        EventBody::Message(message) => message_columns("message", event, message),
        EventBody::Past(message) => message_columns("history_message", event, message),
        EventBody::Undecryptable {
            chat,
            sender,
            id,
            reason,
        } => {
            let (chat, sender) = (Some(chat.to_string()), Some(sender.to_string()));
            let id = Some(id.as_str().to_owned());
            plain(
                "undecryptable",
                chat,
                sender,
                id,
                json!({ "reason": reason }),
            )
        }
        EventBody::Refused { .. } => refused_columns(body),
        EventBody::Receipt {
            chat,
            sender,
            ids,
            kind,
        } => {
            let (chat, sender) = (Some(chat.to_string()), Some(sender.to_string()));
            let first = ids.first().map(|id| id.as_str().to_owned());
            let ids: Vec<_> = ids.iter().map(|id| id.as_str()).collect();
            let detail = json!({ "receipt": receipt(*kind), "ids": ids });
            plain("receipt", chat, sender, first, detail)
        }
        EventBody::Sent { chat, id } => plain(
            "sent",
            Some(chat.to_string()),
            none(),
            Some(id.as_str().to_owned()),
            json!({}),
        ),
        EventBody::SendFailed { chat, id, code } => {
            let id = Some(id.as_str().to_owned());
            plain(
                "send_failed",
                Some(chat.to_string()),
                none(),
                id,
                json!({ "code": code }),
            )
        }
        EventBody::IdentityChanged { user } => plain(
            "identity_changed",
            none(),
            Some(user.to_string()),
            none(),
            json!({}),
        ),
        EventBody::DevicesChanged { user } => plain(
            "devices_changed",
            none(),
            Some(user.to_string()),
            none(),
            json!({}),
        ),
        EventBody::GroupChanged {
            group,
            author,
            what,
        } => {
            let author = author.as_ref().map(ToString::to_string);
            plain(
                "group_changed",
                Some(group.to_string()),
                author,
                none(),
                json!({ "what": what }),
            )
        }
        EventBody::ContactChanged { user } => plain(
            "contact_changed",
            none(),
            Some(user.to_string()),
            none(),
            json!({}),
        ),
        EventBody::ChatChanged { chat, what } => plain(
            "chat_changed",
            Some(chat.to_string()),
            none(),
            none(),
            chat_change(what),
        ),
        EventBody::NameChanged { name } => plain(
            "name_changed",
            none(),
            none(),
            none(),
            json!({ "name": name }),
        ),
        EventBody::HistorySync {
            kind,
            conversations,
            messages,
            progress,
            failure,
        } => {
            let detail = json!({
                "sync": kind, "conversations": conversations, "messages": messages,
                "progress": progress, "failure": failure,
            });
            plain("history_sync", none(), none(), none(), detail)
        }
        EventBody::State {
            state,
            detail,
            until_ms,
        } => {
            let detail = json!({
                "state": state.word(), "detail": detail, "until_ms": until_ms,
            });
            plain("state", none(), none(), none(), detail)
        }
    }
}

/// Returns the columns of a `refused` event. They contain only ASCII text and raw bytes, because
/// the database must accept this row even though it rejected the values of the original one.
fn refused_columns(body: &EventBody) -> Vec<Val> {
    let EventBody::Refused {
        input,
        chat,
        sender,
        id,
        reason,
        payload,
        decrypted,
    } = body
    else {
        return Vec::new();
    };
    let plain = |text: String| (text.is_ascii() && text.len() <= REFUSED_TEXT_MAX).then_some(text);
    let address = |jid: &Option<Jid>| jid.as_ref().and_then(|jid| plain(jid.to_string()));
    let detail = json!({
        "input": input,
        "reason": plain(reason.clone()),
        "content": if *decrypted { "message" } else { "stanza" },
    });
    args![
        "refused",
        address(chat),
        address(sender),
        id.as_ref().and_then(|id| plain(id.as_str().to_owned())),
        false,
        None::<String>,
        payload.as_slice(),
        detail.to_string(),
    ]
}

fn message_columns(kind: &str, event: &Event, message: &MessageEvent) -> Vec<Val> {
    let detail = json!({
        "chat_alt": event.alt.as_ref().map(ToString::to_string),
        "content": message.kind,
        "push_name": message.push_name,
        "sender_alt": message.sender_alt.as_ref().map(ToString::to_string),
        "offline": message.offline,
    });
    args![
        kind,
        message.chat.to_string(),
        message.sender.to_string(),
        message.id.as_str(),
        message.from_me,
        message.text.clone(),
        message.payload.as_slice(),
        detail.to_string(),
    ]
}

fn chat_change(what: &ChatChange) -> Value {
    match what {
        ChatChange::Muted { until_s } => json!({ "what": "muted", "until_s": until_s }),
        ChatChange::Pinned(on) => json!({ "what": "pinned", "on": on }),
        ChatChange::Archived(on) => json!({ "what": "archived", "on": on }),
        ChatChange::Read(on) => json!({ "what": "read", "on": on }),
        ChatChange::Cleared => json!({ "what": "cleared" }),
        ChatChange::Deleted => json!({ "what": "deleted" }),
    }
}

fn receipt(kind: ReceiptKind) -> &'static str {
    match kind {
        ReceiptKind::Delivered => "delivered",
        ReceiptKind::Read => "read",
        ReceiptKind::ReadSelf => "read_self",
        ReceiptKind::Played => "played",
        ReceiptKind::PlayedSelf => "played_self",
        ReceiptKind::Sender => "sender",
        ReceiptKind::Inactive => "inactive",
    }
}

pub(super) fn decode(row: &Row) -> Result<StoredEvent, StoreError> {
    Ok(StoredEvent {
        seq: row.column(TABLE, 0)?,
        at_ms: row.column(TABLE, 1)?,
        kind: row.column(TABLE, 2)?,
        chat: row.column(TABLE, 3)?,
        sender: row.column(TABLE, 4)?,
        message_id: row.column(TABLE, 5)?,
        from_me: row.column(TABLE, 6)?,
        text: row.column(TABLE, 7)?,
        payload: row.column(TABLE, 8)?,
        detail: row.column(TABLE, 9)?,
        stored_ms: row.column(TABLE, 10)?,
        log: row.column(TABLE, 11)?,
    })
}
