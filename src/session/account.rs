//! The account: our companion device's keys and names (`whatsmeow_device`, `wmctl_account`).

use crate::crypto::curve::KeyPair;
use crate::crypto::xeddsa;
use crate::ids::Jid;
use crate::secret::Secret;
use crate::session::pairing::device_identity::{self, AdvIdentity};

pub use crate::signal::prekey::{PreKey, SignedPreKey};

/// One paired companion device.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    pub jid: Jid,
    pub lid: Option<Jid>,
    pub registration_id: u32,
    pub noise: KeyPair,
    pub identity: KeyPair,
    pub signed_pre_key: SignedPreKey,
    /// The secret of the QR code that it was paired with.
    pub adv_secret: Secret<32>,
    /// The signed device identity, as the phone issued it and we countersigned it.
    pub adv: AdvIdentity,
    pub platform: String,
    pub business_name: String,
    pub push_name: String,
    /// The id that the next new one-time pre-key gets (1 to 0xff_fffe, wraps).
    pub next_pre_key_id: u32,
    /// Bytes that the server wants to see before the next hello.
    pub routing_info: Option<Vec<u8>>,
    /// Set once the phone or the server ended the pairing; the rows stay.
    pub ended: Option<Ended>,
}

impl Account {
    /// What is wrong with the keys, if they do not belong together: the identity key signed the
    /// pre-key, the phone accepted the identity key, and the identity key accepted the phone.
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

/// Why a paired account must not connect again as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Unlinked by the phone or by us: pair again.
    LoggedOut { reason: String, at_ms: i64 },
    /// Temporarily banned until a time (milliseconds since the epoch), where it was given.
    Banned { code: u32, until_ms: Option<i64> },
    /// The server wants a newer client version.
    Outdated,
    /// Its keys were given away: another program goes on with them, and two would use one counter.
    Exported { to: String, at_ms: i64 },
}

impl Ended {
    /// The word for it, as the state of the account.
    pub fn word(&self) -> &'static str {
        match self {
            Self::LoggedOut { .. } => "logged_out",
            Self::Banned { .. } => "banned",
            Self::Outdated => "outdated",
            Self::Exported { .. } => "exported",
        }
    }
}

/// A change of the account's own row; `None` leaves a field as it is.
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
