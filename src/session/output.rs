//! What a session asks its owner to do.

use crate::appstate::Collection;
use crate::appstate::blob::Reference;
use crate::session::changes::{AccountState, Change};
use crate::session::input::Input;
use crate::session::link::watchdog::Sign;
use crate::session::pairing::code::CodeWork;
use crate::wire::node::Node;

/// The result of one input, or of several that share a transaction.
///
/// `changes` are durable before any of `transmit` leaves the process: a crash between the two may
/// delay or repeat a send, but never reuses a message key and never acknowledges what is not
/// stored.
#[derive(Debug, Default, PartialEq)]
pub struct Output {
    pub changes: Vec<Change>,
    /// Stanzas, in order.
    pub transmit: Vec<Node>,
    pub notices: Vec<Notice>,
    /// Inputs to handle next, after this unit of work is committed: sends that waited for an
    /// answer.
    pub again: Vec<Input>,
    /// An input to handle with the next unit of work, which holds up nothing else that waits.
    pub beside: Option<Input>,
    /// Blobs to be downloaded while this link lasts.
    pub fetches: Vec<Fetch>,
    /// Set when the link is to be closed after `transmit` went out.
    pub close: Option<Close>,
}

/// A blob to be downloaded from the media server, checked and decrypted; it comes back as
/// [`Input::Blob`] with the same id.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetch {
    pub id: u64,
    pub reference: Reference,
}

/// What the owner should know at once; nothing durable.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// Login finished: pre-keys are there, the server counts us as active.
    LoggedIn,
    /// The offline queue is empty.
    OfflineDone {
        messages: u32,
    },
    State(AccountState),
    /// The server acknowledged a message so long after it left.
    Acknowledged {
        after_ms: u64,
    },
    /// This sign of life came on this link, for the first time.
    Works(Sign),
    /// No history is held any more, for now: another account may begin with one.
    HistoryDone,
    /// Our device is unlinked, or the server never answered that it is.
    LogoutDone,
    /// A text to show as a QR code; it is good for this long.
    Qr {
        text: String,
        valid_ms: u64,
        last: bool,
    },
    /// The eight characters to type on the phone, which expects them now.
    PairingCode(String),
    /// A slow derivation that pairing waits for; its result comes back as
    /// [`PairInput::Derived`](super::pair::PairInput::Derived).
    DeriveCode(CodeWork),
    /// The phone accepted us; a restart of the link follows.
    Paired,
    /// What came about a collection of app state is not what it should be.
    AppStateUnusable {
        collection: Collection,
        reason: &'static str,
    },
    /// A record of that kind could not be used; another one takes its place.
    PutAside(&'static str),
    /// Somebody asks for a message again and does not get it: a stable word that says why.
    NotSentAgain(&'static str),
    /// More stanzas wait than there is room for: the rest comes again on another link.
    LeftOver,
    /// Pairing ended without an account: a stable word that says why.
    PairingFailed(&'static str),
}

impl Notice {
    /// What kind it is, in one word: what is in it may be a secret.
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
            Self::PairingFailed(_) => "pairing_failed",
            Self::PutAside(_) => "put_aside",
            Self::NotSentAgain(_) => "not_sent_again",
            Self::LeftOver => "left_over",
        }
    }
}

/// Why the link is closed and what comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Close {
    /// Connect again at once (515 after pairing).
    Restart,
    /// Connect again after the back-off.
    Retry { reason: &'static str },
    /// Pings are answered and this is missing: the link is half dead.
    Stalled(Sign),
    /// Another client took our place: never at once; 5 s to 5 min with growing steps.
    Replaced,
    /// Never connect again by itself.
    Ended(super::account::Ended),
    /// The owner asked for it.
    Asked,
}
