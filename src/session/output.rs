//! Outputs of a session: what its owner has to do.

use crate::appstate::Collection;
use crate::appstate::blob::Reference;
use crate::session::changes::{AccountState, Change};
use crate::session::input::Input;
use crate::session::link::watchdog::SignOfLife;
use crate::session::pairing::code::CodeWork;
use crate::wire::node::Node;

/// The result of one input, or of several inputs that share a transaction.
///
/// All `changes` must be committed before any of `transmit` leaves the process. A crash between the
/// two may delay or repeat a send. It never reuses a message key, and it never acknowledges a
/// message that is not stored.
#[derive(Debug, Default, PartialEq)]
pub struct Output {
    pub changes: Vec<Change>,
    /// Stanzas to send, in this order.
    pub transmit: Vec<Node>,
    pub notices: Vec<Notice>,
    /// Inputs to handle after this unit of work is committed, for example sends that waited for an
    /// answer.
    pub again: Vec<Input>,
    /// An input to handle together with the next unit of work. It does not delay other inputs.
    pub beside: Option<Input>,
    /// Blobs to download while this link lasts.
    pub fetches: Vec<Fetch>,
    /// Set if the link must be closed after `transmit` was sent.
    pub close: Option<Close>,
}

/// A blob to download from the media server, verify and decrypt. The result comes back as
/// [`Input::Blob`] with the same id.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetch {
    pub id: u64,
    pub reference: Reference,
}

/// News for the owner that need no storage.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// Login is complete: pre-keys are uploaded, and the server treats this device as active.
    LoggedIn,
    /// The server delivered its whole offline queue.
    OfflineDone {
        messages: u32,
    },
    State(AccountState),
    /// The server acknowledged a message `after_ms` milliseconds after it was sent.
    Acknowledged {
        after_ms: u64,
    },
    /// This sign of life was seen for the first time on this link.
    Works(SignOfLife),
    /// This session holds no history in memory now, so another account may start with one.
    HistoryDone,
    /// Our device is unlinked, or the server did not confirm the request in time.
    LogoutDone,
    /// A text to show as a QR code, valid for `valid_ms` milliseconds.
    Qr {
        text: String,
        valid_ms: u64,
        last: bool,
    },
    /// The eight-character code to type on the phone, which expects it now.
    PairingCode(String),
    /// A slow key derivation that pairing waits for. Its result comes back as
    /// [`PairInput::Derived`](super::pairing::PairInput::Derived).
    DeriveCode(CodeWork),
    /// The phone accepted this device. The server restarts the link next.
    Paired,
    /// The response for an app state collection is invalid.
    AppStateUnusable {
        collection: Collection,
        reason: &'static str,
    },
    /// A stored record of this kind could not be used and is being replaced.
    PutAside(&'static str),
    /// A device asked for a message again and does not get it. The value is a stable word for the
    /// reason.
    NotSentAgain(&'static str),
    /// There is no room for further stanzas. The server delivers them on another link.
    LeftOver,
    /// The server had keys of ours that we do not have, and gets fresh ones.
    KeysRenewed,
    /// Pairing ended without an account. The value is a stable word for the reason.
    PairingFailed(&'static str),
}

impl Notice {
    /// Returns the kind as one stable word. The content may be secret and must not be logged.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::LoggedIn => "logged_in",
            Self::OfflineDone { .. } => "offline_done",
            Self::State(_) => "state",
            Self::Acknowledged { .. } => "acknowledged",
            Self::Works(_) => "works",
            Self::HistoryDone => "history_done",
            Self::LogoutDone => "logout_done",
            Self::Qr { .. } => "qr",
            Self::PairingCode(_) => "pairing_code",
            Self::DeriveCode(_) => "derive_code",
            Self::Paired => "paired",
            Self::AppStateUnusable { .. } => "app_state_unusable",
            Self::KeysRenewed => "keys_renewed",
            Self::PairingFailed(_) => "pairing_failed",
            Self::PutAside(_) => "put_aside",
            Self::NotSentAgain(_) => "not_sent_again",
            Self::LeftOver => "left_over",
        }
    }
}

/// Why the link is closed, and what follows.
#[derive(Clone, Debug, PartialEq)]
pub enum Close {
    /// Reconnect at once (stream error 515 after pairing).
    Restart,
    /// Reconnect after the backoff.
    Retry { reason: &'static str },
    /// Pings are answered, but this sign of life is missing: the link is half dead.
    Stalled(SignOfLife),
    /// The server has a pre-key of ours that the rows do not know of, with this id: they are older
    /// than what was sent.
    Older { pre_key: u32 },
    /// Another client replaced this connection. Reconnect only after a longer backoff, which grows
    /// from 5 s to 5 min.
    Replaced,
    /// Do not reconnect automatically: the account has ended.
    Ended(super::account::Ended),
    /// The owner requested it.
    Asked,
}
