//! What a session says of itself to the server; it is the same for every account of a process.

/// The WhatsApp Web version that we present ourselves as, unless configured otherwise.
pub const CLIENT_VERSION: [u32; 3] = [2, 3000, 1_045_649_367];

/// How a session behaves; everything here may differ between two runs of the same account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientConfig {
    /// The client version that the server is told; it refuses versions that are too old.
    pub version: [u32; 3],
    /// The name under which the phone lists this device.
    pub name: String,
    /// What kind of client the phone shows beside the name.
    pub browser: Browser,
    /// Whether we count as online, which makes delivery visible to senders.
    pub presence: Presence,
    /// The push name to announce as long as the account has none of its own.
    pub push_name: Option<String>,
    /// How long the server may leave acknowledgements, the offline queue or an answer open
    /// although it answers pings (milliseconds).
    pub stall_ms: u64,
}

/// Longer than a slow phone network needs, short enough that nobody waits for minutes.
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

/// The kinds of client that phones know by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Browser {
    Chrome,
    Edge,
    Firefox,
    Safari,
    Other,
}

impl Browser {
    /// By the word that settings use for it.
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

    /// The number in the QR text and in the request for a pairing code.
    pub fn pairing_id(self) -> &'static str {
        match self {
            Self::Chrome => "1",
            Self::Edge => "2",
            Self::Firefox => "3",
            Self::Safari => "6",
            Self::Other => "9",
        }
    }

    /// What the phone shows while a pairing code is being typed; the server checks its form.
    pub fn display(self) -> &'static str {
        match self {
            Self::Chrome | Self::Other => "Chrome (Linux)",
            Self::Edge => "Edge (Linux)",
            Self::Firefox => "Firefox (Linux)",
            Self::Safari => "Safari (Mac OS)",
        }
    }
}

/// Whether the session announces itself as online once it is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Senders see two ticks; the phone may hold back its notifications.
    Available,
    /// Delivery receipts say `inactive`, which senders' clients do not show.
    Unavailable,
}
