//! What a session presents to the server; the same for every account of a process.

/// The default WhatsApp Web version that wmctl presents.
pub const CLIENT_VERSION: [u32; 3] = [2, 3000, 1_045_649_367];

/// Settings of a session. All of them may change between two runs of the same account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientConfig {
    /// The client version sent to the server, which rejects versions that are too old.
    pub version: [u32; 3],
    /// The name that the phone shows for this device.
    pub name: String,
    /// The kind of client that the phone shows beside the name.
    pub browser: Browser,
    /// Whether the device appears online, which makes delivery visible to senders.
    pub presence: Presence,
    /// The push name to announce while the account has none of its own.
    pub push_name: Option<String>,
    /// Maximum time in ms for which acknowledgements, the offline queue or an answer may be missing
    /// although the server answers pings.
    pub stall_ms: u64,
}

/// Default of `stall_ms`: longer than a slow mobile network needs, and well under a minute.
pub const STALL_MS: u64 = 30_000;

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            version: CLIENT_VERSION,
            name: String::from("wmctl"),
            browser: Browser::Chrome,
            presence: Presence::Available,
            push_name: None,
            stall_ms: STALL_MS,
        }
    }
}

/// The kinds of client that phones can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Browser {
    Chrome,
    Edge,
    Firefox,
    Safari,
    Other,
}

impl Browser {
    /// Returns the kind for its name in the settings.
    pub fn named(word: &str) -> Option<Self> {
        Some(match word {
            "chrome" => Self::Chrome,
            "edge" => Self::Edge,
            "firefox" => Self::Firefox,
            "safari" => Self::Safari,
            "other" => Self::Other,
            _ => return None,
        })
    }

    /// Returns the platform id in the QR text and in the request for a pairing code.
    /// Source: whatsmeow 33cfac51 `pair-code.go`.
    pub fn pairing_id(self) -> &'static str {
        match self {
            Self::Chrome => "1",
            Self::Edge => "2",
            Self::Firefox => "3",
            Self::Safari => "6",
            Self::Other => "9",
        }
    }

    /// Returns the client name that the phone shows while a pairing code is typed. The server
    /// checks its form.
    pub fn display(self) -> &'static str {
        match self {
            Self::Chrome | Self::Other => "Chrome (Linux)",
            Self::Edge => "Edge (Linux)",
            Self::Firefox => "Firefox (Linux)",
            Self::Safari => "Safari (Mac OS)",
        }
    }
}

/// Whether the session announces itself as online after login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Senders see two ticks. The phone may suppress its own notifications.
    Available,
    /// Delivery receipts have the type `inactive`, which senders' clients do not show.
    Unavailable,
}
