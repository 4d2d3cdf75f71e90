//! What one unit of work changes, as values that the store commits in one transaction.

use crate::ids::{Address, Jid, MessageId};
use crate::session::account::{Account, AccountUpdate};
use crate::session::rows::{Dedupe, Row, RowKey};
use crate::signal::prekey::PreKey;

/// One change. The store applies them in order, all or none.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Put(RowKey, Row),
    Delete(RowKey),
    /// A newly paired account: replaces every earlier row of this tenant's device.
    Paired(Box<Account>),
    Update(AccountUpdate),
    /// Fresh one-time pre-keys, not uploaded yet. Also moves the next pre-key id forward.
    NewPreKeys(Vec<PreKey>),
    /// The server confirmed the upload of all pre-keys up to this id.
    PreKeysUploaded {
        up_to: u32,
    },
    /// One-time pre-keys from the first id up to the second, which does not belong to them, are too
    /// old to be used.
    ForgetPreKeys {
        from: u32,
        to: u32,
    },
    /// Whatever is known of groups may be out of date: each is asked for before the next send.
    GroupsUnsure,
    /// These devices have none of our sender keys any more, in no group.
    Unshare(Vec<Address>),
    /// An event for applications. Ignored where its dedupe key exists already.
    Event(Box<Event>),
}

impl Change {
    /// What it takes, about.
    pub fn bytes(&self) -> usize {
        let inside = match self {
            Self::Put(_, row) => row.bytes(),
            Self::Event(event) => match &event.body {
                EventBody::Message(message) | EventBody::Past(message) => {
                    message.payload.len() + message.text.as_ref().map_or(0, String::len)
                }
                EventBody::Refused { payload, .. } => payload.len(),
                _ => 0,
            },
            _ => 0,
        };
        size_of::<Self>() + inside
    }
}

/// One entry of the durable stream that applications receive.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Unique within the account; `None` for events that may repeat.
    pub dedupe: Option<Dedupe>,
    /// Milliseconds since the epoch, the server's time where it gave one.
    pub at_ms: i64,
    /// The other name (phone number or LID) of the person that is the chat; where there is no
    /// chat, of the person that it is about.
    pub alt: Option<Jid>,
    pub body: EventBody,
}

impl EventBody {
    /// The chat that it belongs to.
    pub fn chat(&self) -> Option<&Jid> {
        match self {
            Self::Message(message) | Self::Past(message) => Some(&message.chat),
            Self::Undecryptable { chat, .. }
            | Self::Receipt { chat, .. }
            | Self::Sent { chat, .. }
            | Self::SendFailed { chat, .. }
            | Self::ChatChanged { chat, .. } => Some(chat),
            Self::GroupChanged { group, .. } => Some(group),
            Self::Refused { chat, .. } => chat.as_ref(),
            Self::IdentityChanged { .. }
            | Self::DevicesChanged { .. }
            | Self::ContactChanged { .. }
            | Self::NameChanged { .. }
            | Self::HistorySync { .. }
            | Self::State { .. } => None,
        }
    }

    /// The chat, or where there is none, the person that it is about.
    pub(super) fn about(&mut self) -> Option<&mut Jid> {
        match self {
            Self::Message(message) | Self::Past(message) => Some(&mut message.chat),
            Self::Undecryptable { chat, .. }
            | Self::Receipt { chat, .. }
            | Self::Sent { chat, .. }
            | Self::SendFailed { chat, .. }
            | Self::ChatChanged { chat, .. } => Some(chat),
            Self::GroupChanged { group, .. } => Some(group),
            Self::IdentityChanged { user }
            | Self::DevicesChanged { user }
            | Self::ContactChanged { user } => Some(user),
            // As it came: nothing that was looked up for it is to be trusted.
            Self::Refused { .. }
            | Self::NameChanged { .. }
            | Self::HistorySync { .. }
            | Self::State { .. } => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum EventBody {
    Message(MessageEvent),
    /// A message of the phone's history, from before it was linked or while nobody listened.
    Past(MessageEvent),
    /// A message that stays unreadable after the last retry.
    Undecryptable {
        chat: Jid,
        sender: Jid,
        id: MessageId,
        reason: &'static str,
    },
    /// Something that the database does not take as what it is, or that rests on a row that cannot
    /// be read: its bytes instead.
    Refused {
        /// `message`, `receipt`, `notification` and other stanzas; `send`, `history` and others.
        input: &'static str,
        chat: Option<Jid>,
        sender: Option<Jid>,
        id: Option<MessageId>,
        /// What the database said, without any value.
        reason: String,
        /// The decrypted `Message` protobuf where there is one, else the stanza as it came.
        payload: Vec<u8>,
        decrypted: bool,
    },
    Receipt {
        chat: Jid,
        sender: Jid,
        ids: Vec<MessageId>,
        kind: ReceiptKind,
    },
    /// The server accepted a message of ours.
    Sent {
        chat: Jid,
        id: MessageId,
    },
    SendFailed {
        chat: Jid,
        id: MessageId,
        code: String,
    },
    IdentityChanged {
        user: Jid,
    },
    DevicesChanged {
        user: Jid,
    },
    GroupChanged {
        group: Jid,
        author: Option<Jid>,
        what: String,
    },
    ContactChanged {
        user: Jid,
    },
    /// The phone or another companion set something for a chat.
    ChatChanged {
        chat: Jid,
        what: ChatChange,
    },
    /// The name that the account goes by was changed.
    NameChanged {
        name: String,
    },
    /// A part of the phone's history was taken in, or could not be.
    HistorySync {
        kind: u32,
        conversations: u32,
        messages: u64,
        progress: Option<u32>,
        /// Why it was not taken in, or not to its end: a stable word.
        failure: Option<&'static str>,
    },
    /// The account's own state changed: connected, disconnected, replaced, logged_out, banned…
    State {
        state: AccountState,
        detail: Option<String>,
        until_ms: Option<i64>,
    },
}

/// What was set for a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatChange {
    /// Seconds since the epoch; -1 for ever, 0 not muted.
    Muted {
        until_s: i64,
    },
    Pinned(bool),
    Archived(bool),
    Read(bool),
    /// Its messages were deleted.
    Cleared,
    Deleted,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MessageEvent {
    pub chat: Jid,
    /// The sending device.
    pub sender: Jid,
    /// The sender under the other addressing (LID or phone number), where known.
    pub sender_alt: Option<Jid>,
    pub id: MessageId,
    pub from_me: bool,
    pub push_name: Option<String>,
    /// `text`, `image`, `reaction`, … the field that is set in the payload.
    pub kind: &'static str,
    /// Text, caption or reaction, where the kind has one.
    pub text: Option<String>,
    /// The whole `Message` protobuf, as it was decrypted (wrappers removed).
    pub payload: Vec<u8>,
    /// It waited in the server's offline queue.
    pub offline: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptKind {
    Delivered,
    Read,
    ReadSelf,
    Played,
    PlayedSelf,
    Sender,
    Inactive,
}

/// What operators and applications are told of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    Connecting,
    Connected,
    Disconnected,
    Replaced,
    LoggedOut,
    Banned,
    Outdated,
    /// Connected, but nothing is delivered or acknowledged.
    Stalled,
    /// A device was linked; it has not connected yet.
    Paired,
    /// What had ended it is over: the ban, or the old version.
    Recovered,
}

impl AccountState {
    /// The word for it, the same everywhere.
    pub fn word(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Replaced => "replaced",
            Self::LoggedOut => "logged_out",
            Self::Banned => "banned",
            Self::Outdated => "outdated",
            Self::Stalled => "stalled",
            Self::Paired => "paired",
            Self::Recovered => "recovered",
        }
    }
}
