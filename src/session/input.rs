//! Inputs of a session.

use crate::appstate::Collection;
use crate::ids::{Jid, MessageId};
use crate::wire::node::Node;

/// The time, passed as an argument: the session never reads a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds of a monotonic clock; only differences are meaningful.
    pub mono_ms: u64,
    /// Milliseconds since the Unix epoch; used for timestamps and the age of caches.
    pub unix_ms: i64,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The encrypted link is open. Login starts with the server's next stanza.
    LinkUp,
    /// A stanza arrived.
    Node(Node),
    /// The next part of a receipt that has more entries than one unit of work handles.
    MoreOf { receipt: Node, part: usize },
    /// A deadline announced by [`super::machine::Session::wake_at`] has passed.
    Tick,
    /// Send an outbox row (state queued) or repeat it (state encrypted).
    Send(MessageId),
    /// An application marks messages as read.
    MarkRead {
        chat: Jid,
        sender: Option<Jid>,
        ids: Vec<MessageId>,
    },
    /// Request the app state collections that are due.
    SyncAppState,
    /// The response for a collection is complete; apply it.
    ApplyAppState(Collection),
    /// Ask the phone for missing app state keys.
    AskAppStateKeys,
    /// Ask the phone for a message that could not be decrypted.
    AskPhone,
    /// The result of a [`super::output::Fetch`], verified and decrypted; `None` if the download
    /// failed.
    Blob { id: u64, blob: Option<Vec<u8>> },
    /// Process the next chunk of a history.
    History,
    /// Unlink this device from the phone.
    Logout,
    /// The link is gone. Pending requests will not be answered.
    LinkDown,
}

impl Input {
    /// Returns a stable word for the kind of input; a known stanza gives its name.
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
            Self::MoreOf { .. } => "receipt",
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
