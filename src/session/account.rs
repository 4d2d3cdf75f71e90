//! The account: keys and names of our companion device (`whatsmeow_device`, `wmctl_account`).

use crate::crypto::curve::KeyPair;
use crate::crypto::xeddsa;
use crate::ids::Jid;
use crate::secret::Secret;
use crate::session::pairing::device_identity::{self, AdvIdentity};

pub use crate::signal::prekey::{PreKey, SignedPreKey};

/// One paired companion device.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// The phone-number JID, with our device id.
    pub jid: Jid,
    /// The LID with our device id, if known.
    pub lid: Option<Jid>,
    pub registration_id: u32,
    /// The static Noise key, which identifies this device to the server.
    pub noise: KeyPair,
    /// The Signal identity key.
    pub identity: KeyPair,
    /// The current signed pre-key.
    pub signed_pre_key: SignedPreKey,
    /// The ADV secret: part of the QR code that the device was paired with, or derived from the
    /// typed code.
    pub adv_secret: Secret<32>,
    /// The signed device identity, issued by the phone and countersigned by this device.
    pub adv: AdvIdentity,
    /// The platform of the phone, as the server sent it at pairing.
    pub platform: String,
    /// The business name; empty if there is none.
    pub business_name: String,
    /// The push name; empty until it is known.
    pub push_name: String,
    /// The id of the next one-time pre-key (1 to 0xff_fffe, then wraps to 1).
    pub next_pre_key_id: u32,
    /// The routing hint to send before the next handshake.
    pub routing_info: Option<Vec<u8>>,
    /// Set once the phone or the server ended the pairing. The rows are kept.
    pub ended: Option<Ended>,
}

impl Account {
    /// Returns what is inconsistent about the keys, or `None` if they belong together. Checks three
    /// signatures: the identity key over the signed pre-key, the phone over the identity key, and
    /// the identity key over the phone's key.
    pub fn unsound(&self) -> Option<&'static str> {
        let signed = &self.signed_pre_key;
        let public = signed.pair.public.to_signal();
        if !xeddsa::verify(&self.identity.public, &public, &signed.signature) {
            return Some("the identity key did not sign the signed pre-key");
        }
        if !device_identity::account_signed(&self.adv, &self.identity.public) {
            return Some("the phone did not sign the identity key");
        }
        if !device_identity::device_signed(&self.adv, &self.identity.public) {
            return Some("the identity key did not sign the phone's key");
        }
        None
    }
}

/// Why a paired account must not connect in its present form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Unlinked by the phone or by us; it must be paired again.
    LoggedOut { reason: String, at_ms: i64 },
    /// Temporarily banned. `until_ms` is in milliseconds since the Unix epoch, if the server gave
    /// it.
    Banned { code: u32, until_ms: Option<i64> },
    /// The server requires a newer client version.
    Outdated,
    /// The keys were exported to another program. If both ran, they would use the same chain
    /// counters.
    Exported { to: String, at_ms: i64 },
}

impl Ended {
    /// Returns the stable word for the reason, used as the state of the account.
    pub fn word(&self) -> &'static str {
        match self {
            Self::LoggedOut { .. } => "logged_out",
            Self::Banned { .. } => "banned",
            Self::Outdated => "outdated",
            Self::Exported { .. } => "exported",
        }
    }
}

/// A change of the account's own row. Fields that are `None` stay unchanged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountUpdate {
    pub lid: Option<Jid>,
    pub push_name: Option<String>,
    pub business_name: Option<String>,
    pub platform: Option<String>,
    pub signed_pre_key: Option<SignedPreKey>,
    pub routing_info: Option<Vec<u8>>,
    /// `Some(None)` clears it.
    pub ended: Option<Option<Ended>>,
}
