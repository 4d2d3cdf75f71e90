//! Events as machines read them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;

use crate::ops::shapes::time;
use crate::session::changes::{AccountState, Event, EventBody, MessageEvent, ReceiptKind};

/// One numbered event of one account.
#[derive(Debug, Serialize)]
pub struct NumberedEvent {
    /// Rises with every event of the account: where a reader goes on.
    pub seq: i64,
    /// The server's time where it gave one, RFC 3339.
    pub at: String,
    #[serde(flatten)]
    pub body: Body,
}

/// What happened.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Body {
    Message(Message),
    Undecryptable {
        chat: String,
        sender: String,
        id: String,
        reason: String,
    },
    Receipt {
        chat: String,
        sender: String,
        ids: Vec<String>,
        kind: &'static str,
    },
    Sent {
        chat: String,
        id: String,
    },
    SendFailed {
        chat: String,
        id: String,
        code: String,
    },
    IdentityChanged {
        user: String,
    },
    DevicesChanged {
        user: String,
    },
    GroupChanged {
        group: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        author: Option<String>,
        what: String,
    },
    ContactChanged {
        user: String,
    },
    ChatChanged {
        chat: String,
    },
    HistorySync {
        kind: u32,
        conversations: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        progress: Option<u32>,
    },
    State {
        state: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<String>,
    },
}

/// A message that arrived, or that another device of the account sent.
#[derive(Debug, Serialize)]
pub struct Message {
    pub chat: String,
    pub sender: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_alt: Option<String>,
    pub id: String,
    pub from_me: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_name: Option<String>,
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    pub offline: bool,
    /// The whole decrypted message, base64 of its protobuf.
    pub payload: String,
}

impl NumberedEvent {
    pub fn new(seq: i64, event: &Event) -> Self {
        Self {
            seq,
            at: time(event.at_ms),
            body: Body::new(&event.body),
        }
    }

    /// The word that `type` holds.
    pub fn kind(&self) -> &'static str {
        match &self.body {
            Body::Message(_) => "message",
            Body::Undecryptable { .. } => "undecryptable",
            Body::Receipt { .. } => "receipt",
            Body::Sent { .. } => "sent",
            Body::SendFailed { .. } => "send_failed",
            Body::IdentityChanged { .. } => "identity_changed",
            Body::DevicesChanged { .. } => "devices_changed",
            Body::GroupChanged { .. } => "group_changed",
            Body::ContactChanged { .. } => "contact_changed",
            Body::ChatChanged { .. } => "chat_changed",
            Body::HistorySync { .. } => "history_sync",
            Body::State { .. } => "state",
        }
    }

    /// Chat or user that it is about.
    pub fn subject(&self) -> &str {
        match &self.body {
            Body::Message(message) => &message.chat,
            Body::Undecryptable { chat, .. }
            | Body::Receipt { chat, .. }
            | Body::Sent { chat, .. }
            | Body::SendFailed { chat, .. }
            | Body::ChatChanged { chat } => chat,
            Body::GroupChanged { group, .. } => group,
            Body::IdentityChanged { user }
            | Body::DevicesChanged { user }
            | Body::ContactChanged { user } => user,
            Body::HistorySync { .. } | Body::State { .. } => "",
        }
    }

    /// One line of what people want to know of it.
    pub fn summary(&self) -> String {
        match &self.body {
            Body::Message(message) => match &message.text {
                Some(text) => text.replace(['\n', '\r'], " "),
                None => format!("[{}]", message.kind),
            },
            Body::Undecryptable { reason, .. } => reason.clone(),
            Body::Receipt { ids, kind, .. } => format!("{kind} {}", ids.join(" ")),
            Body::Sent { id, .. } => id.clone(),
            Body::SendFailed { id, code, .. } => format!("{id} {code}"),
            Body::GroupChanged { what, .. } => what.clone(),
            Body::HistorySync { conversations, .. } => format!("{conversations} conversations"),
            Body::State { state, detail, .. } => match detail {
                Some(detail) => format!("{state}: {detail}"),
                None => (*state).to_owned(),
            },
            Body::IdentityChanged { .. }
            | Body::DevicesChanged { .. }
            | Body::ContactChanged { .. }
            | Body::ChatChanged { .. } => String::new(),
        }
    }
}

impl Body {
    fn new(body: &EventBody) -> Self {
        match body {
            EventBody::Message(message) => Self::Message(Message::new(message)),
            EventBody::Undecryptable {
                chat,
                sender,
                id,
                reason,
            } => Self::Undecryptable {
                chat: chat.to_string(),
                sender: sender.to_string(),
                id: id.to_string(),
                reason: (*reason).to_owned(),
            },
            EventBody::Receipt {
                chat,
                sender,
                ids,
                kind,
            } => Self::Receipt {
                chat: chat.to_string(),
                sender: sender.to_string(),
                ids: ids.iter().map(ToString::to_string).collect(),
                kind: receipt_kind(*kind),
            },
            EventBody::Sent { chat, id } => Self::Sent {
                chat: chat.to_string(),
                id: id.to_string(),
            },
            EventBody::SendFailed { chat, id, code } => Self::SendFailed {
                chat: chat.to_string(),
                id: id.to_string(),
                code: code.clone(),
            },
            EventBody::IdentityChanged { user } => Self::IdentityChanged {
                user: user.to_string(),
            },
            EventBody::DevicesChanged { user } => Self::DevicesChanged {
                user: user.to_string(),
            },
            EventBody::GroupChanged {
                group,
                author,
                what,
            } => Self::GroupChanged {
                group: group.to_string(),
                author: author.as_ref().map(ToString::to_string),
                what: what.clone(),
            },
            EventBody::ContactChanged { user } => Self::ContactChanged {
                user: user.to_string(),
            },
            EventBody::ChatChanged { chat } => Self::ChatChanged {
                chat: chat.to_string(),
            },
            EventBody::HistorySync {
                kind,
                conversations,
                progress,
            } => Self::HistorySync {
                kind: *kind,
                conversations: *conversations,
                progress: *progress,
            },
            EventBody::State {
                state,
                detail,
                until_ms,
            } => Self::State {
                state: state_word(*state),
                detail: detail.clone(),
                until: until_ms.map(time),
            },
        }
    }
}

impl Message {
    fn new(message: &MessageEvent) -> Self {
        Self {
            chat: message.chat.to_string(),
            sender: message.sender.to_string(),
            sender_alt: message.sender_alt.as_ref().map(ToString::to_string),
            id: message.id.to_string(),
            from_me: message.from_me,
            push_name: message.push_name.clone(),
            kind: message.kind.to_owned(),
            text: message.text.clone(),
            offline: message.offline,
            payload: BASE64.encode(&message.payload),
        }
    }
}

fn receipt_kind(kind: ReceiptKind) -> &'static str {
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

/// The word for a state, the same everywhere.
pub fn state_word(state: AccountState) -> &'static str {
    match state {
        AccountState::Connecting => "connecting",
        AccountState::Connected => "connected",
        AccountState::Disconnected => "disconnected",
        AccountState::Replaced => "replaced",
        AccountState::LoggedOut => "logged_out",
        AccountState::Banned => "banned",
        AccountState::Outdated => "outdated",
        AccountState::Stalled => "stalled",
    }
}
