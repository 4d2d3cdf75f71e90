//! What a session is told.

use crate::appstate::Collection;
use crate::ids::{Jid, MessageId};
use crate::wire::node::Node;

/// The time, as an argument: the session never asks what time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds of a clock that never jumps; only differences mean anything.
    pub mono_ms: u64,
    /// Milliseconds since the Unix epoch, for timestamps only, never for decisions.
    pub unix_ms: i64,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The encrypted link stands: log in starts with what the server says next.
    LinkUp,
    /// A stanza arrived.
    Node(Node),
    /// A deadline that [`super::machine::Session::wake_at`] named has passed.
    Tick,
    /// An outbox row is to be sent (state queued) or repeated (state encrypted).
    Send(MessageId),
    /// An application marks messages as read.
    MarkRead {
        chat: Jid,
        sender: Option<Jid>,
        ids: Vec<MessageId>,
    },
    /// Collections of app state that are wanted are to be asked for.
    SyncAppState,
    /// The answer about a collection is complete and to be applied.
    ApplyAppState(Collection),
    /// The phone is to be asked for keys that are missing.
    AskAppStateKeys,
    /// The phone is to be asked for a message that could not be read.
    AskPhone,
    /// What [`super::output::Fetch`] asked for, checked and decrypted; `None` if it cannot be had.
    Blob { id: u64, blob: Option<Vec<u8>> },
    /// The next piece of a history is to be taken in.
    History,
    /// Unlink this device from the phone.
    Logout,
    /// The link is gone; whatever waited for an answer will not get one.
    LinkDown,
}

impl Input {
    /// What it is, in a word: a stanza by its name where that is a known one.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Node(node) => match node.tag.as_str() {
                "message" => "message",
                "receipt" => "receipt",
                "notification" => "notification",
                "call" => "call",
                "ack" => "ack",
                "iq" => "iq",
                _ => "stanza",
            },
            Self::LinkUp | Self::LinkDown => "link",
            Self::Tick => "tick",
            Self::Send(_) => "send",
            Self::MarkRead { .. } => "mark_read",
            Self::AskPhone => "ask_phone",
            Self::SyncAppState | Self::ApplyAppState(_) | Self::AskAppStateKeys => "app_state",
            Self::Blob { .. } => "blob",
            Self::History => "history",
            Self::Logout => "logout",
        }
    }
}
