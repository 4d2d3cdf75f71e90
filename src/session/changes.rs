//! The changes of one unit of work, as values that the store commits in one transaction.

use crate::ids::{Address, Jid, MessageId};
use crate::session::account::{Account, AccountUpdate};
use crate::session::rows::{Dedupe, Row, RowKey};
use crate::signal::prekey::PreKey;

/// One change. The store applies all changes of a unit in order, or none of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Put(RowKey, Row),
    Delete(RowKey),
    /// A newly paired account. It replaces all earlier rows of this tenant's device.
    Paired(Box<Account>),
    Update(AccountUpdate),
    /// New one-time pre-keys that are not uploaded yet. Also advances the next pre-key id.
    NewPreKeys(Vec<PreKey>),
    /// The server confirmed the upload of all pre-keys up to and including this id.
    PreKeysUploaded {
        up_to: u32,
    },
    /// One-time pre-keys from `from` (inclusive) to `to` (exclusive) are too old to be used.
    ForgetPreKeys {
        from: u32,
        to: u32,
    },
    /// All cached groups may be stale; each is queried again before the next send to it.
    GroupsUnsure,
    /// These devices no longer have any of our sender keys.
    Unshare(Vec<Address>),
    /// An event for applications. Ignored if its dedupe key already exists.
    Event(Box<Event>),
}

impl Change {
    /// Returns the approximate size in bytes.
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

/// One entry of the durable event stream for applications.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Unique within the account; `None` for events that may repeat.
    pub dedupe: Option<Dedupe>,
    /// Milliseconds since the Unix epoch: the server's time if it sent one, else local time.
    pub at_ms: i64,
    /// The other address (phone number or LID) of the chat partner, or of the person if the event
    /// has no chat.
    pub alt: Option<Jid>,
    pub body: EventBody,
}

impl EventBody {
    /// Returns the chat of the event, if it has one.
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

    /// Returns the chat or else the person of the event, for replacement by its canonical address.
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
            // Left as received: the addresses were not looked up.
            Self::Refused { .. }
            | Self::NameChanged { .. }
            | Self::HistorySync { .. }
            | Self::State { .. } => None,
        }
    }
}

/// The content of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum EventBody {
    Message(MessageEvent),
    /// A message of the phone's history: sent before this device was linked or while it was
    /// offline.
    Past(MessageEvent),
    /// A message that could not be decrypted. A copy that can be decrypted later is a `Message`
    /// event with the same id.
    Undecryptable {
        chat: Jid,
        sender: Jid,
        id: MessageId,
        reason: &'static str,
    },
    /// An input whose changes the database rejects, or whose rows cannot be read. The event carries
    /// its bytes instead.
    Refused {
        /// The kind of input: `message`, `receipt`, `notification`, `send`, `history` and others.
        input: &'static str,
        chat: Option<Jid>,
        sender: Option<Jid>,
        id: Option<MessageId>,
        /// The database's error text, without any values.
        reason: String,
        /// The decrypted `Message` protobuf if there is one, else the stanza as received.
        payload: Vec<u8>,
        decrypted: bool,
    },
    Receipt {
        chat: Jid,
        sender: Jid,
        ids: Vec<MessageId>,
        kind: ReceiptKind,
    },
    /// The server accepted an outgoing message.
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
    /// The phone or another companion changed a setting of a chat.
    ChatChanged {
        chat: Jid,
        what: ChatChange,
    },
    /// The account's own push name changed.
    NameChanged {
        name: String,
    },
    /// A part of the phone's history was imported, or its import failed.
    HistorySync {
        kind: u32,
        conversations: u32,
        messages: u64,
        progress: Option<u32>,
        /// A stable word for why it was not imported completely; `None` on success.
        failure: Option<&'static str>,
    },
    /// The account's own state changed: connected, disconnected, replaced, logged_out, banned and
    /// others.
    State {
        state: AccountState,
        detail: Option<String>,
        until_ms: Option<i64>,
    },
}

/// A changed setting of a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatChange {
    /// Seconds since the Unix epoch; -1 means forever, 0 means not muted.
    Muted {
        until_s: i64,
    },
    Pinned(bool),
    Archived(bool),
    Read(bool),
    /// All messages of the chat were deleted.
    Cleared,
    Deleted,
}

/// A decrypted message.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageEvent {
    pub chat: Jid,
    /// The sending device.
    pub sender: Jid,
    /// The sender's other address (LID or phone number), if known.
    pub sender_alt: Option<Jid>,
    pub id: MessageId,
    /// True if a device of our own account sent it.
    pub from_me: bool,
    /// The sender's push name, if the stanza has it.
    pub push_name: Option<String>,
    /// `text`, `image`, `reaction` and others, by the field that is set in the payload.
    pub kind: &'static str,
    /// The text, caption or reaction, if the kind has one.
    pub text: Option<String>,
    /// The whole `Message` protobuf as decrypted, without wrappers.
    pub payload: Vec<u8>,
    /// True if the message came from the server's offline queue.
    pub offline: bool,
}

/// The kind of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptKind {
    Delivered,
    Read,
    /// Read on another device of our own account.
    ReadSelf,
    Played,
    /// Played on another device of our own account.
    PlayedSelf,
    /// Another device of our own account received a message that we sent.
    Sender,
    /// Delivered to a device that does not appear online.
    Inactive,
}

/// The state of an account, as shown to operators and applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    Connecting,
    Connected,
    Disconnected,
    Replaced,
    LoggedOut,
    Banned,
    Outdated,
    /// Connected, but the server delivers or acknowledges nothing.
    Stalled,
    /// A device was linked and has not connected yet.
    Paired,
    /// The earlier end is over: the ban expired, or the client version was updated.
    Recovered,
}

impl AccountState {
    /// Returns the stable word for the state, the same everywhere.
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
