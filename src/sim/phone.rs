//! The phone of an account: the primary device, played by the simulator.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use prost::Message as _;
use wmctl_proto::adv::{
    AdvDeviceIdentity, AdvKeyIndexList, AdvSignedDeviceIdentity, AdvSignedDeviceIdentityHmac,
    AdvSignedKeyIndexList,
};
use wmctl_proto::message::{Message, PeerDataOperationRequestMessage};

use crate::crypto::curve::{KeyPair, PublicKey};
use crate::crypto::random::{self, Random};
use crate::crypto::{mac, xeddsa};
use crate::ids::Jid;
use crate::signal::prekey::{PreKey, SignedPreKey};
use crate::signal::ratchet::Ratchet;
use crate::signal::sender_key::SenderKey;
use crate::sim::published::{Published, SignedKey};
use crate::wire::node::Node;

/// One-time pre-keys that a phone uploads at once.
const ONE_TIME_KEYS: u32 = 100;
/// Messages that an inbox keeps. Later ones are only confirmed by a receipt.
const INBOX_MAX: usize = 100_000;
/// Texts that a phone keeps for retries; the oldest are dropped first.
pub(super) const SENT_MAX: usize = 100_000;
/// Registration ids have 14 bits.
///
/// Source: Baileys 7.0.0-rc13 `src/Utils/generics.ts` (`generateRegistrationId`).
const REGISTRATION_ID_MASK: u32 = 0x3FFF;
/// Prefix of the bytes that the phone signs for a companion.
///
/// Source: whatsmeow 33cfac51 `pair.go` (`AdvAccountSignaturePrefix`).
const ACCOUNT_SIGNATURE_PREFIX: [u8; 2] = [6, 0];
/// Prefix of the bytes that the phone signs for its device list.
///
/// Source: Cobalt d150094b `DeviceADVValidator.java` (`KEY_INDEX_LIST_SIGNATURE_HEADER`).
const KEY_INDEXES_SIGNATURE_PREFIX: [u8; 2] = [6, 2];
/// Prefix of the bytes that a companion signs for itself.
///
/// Source: whatsmeow 33cfac51 `pair.go` (`AdvDeviceSignaturePrefix`).
const DEVICE_SIGNATURE_PREFIX: [u8; 2] = [6, 1];

/// A message that a phone received.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Incoming {
    /// Message id, chosen by the sender.
    pub id: String,
    /// The sending device.
    pub from: Jid,
    /// The group, if it is a group message.
    pub group: Option<Jid>,
    /// Type and bytes of each ciphertext: `pkmsg`, `msg` or `skmsg`.
    #[serde(skip)]
    pub sealed: Vec<(String, Vec<u8>)>,
    /// Decrypted text; empty for a message without text, `None` if decryption failed.
    pub text: Option<String>,
}

/// A receipt for a message that a phone sent.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Heard {
    /// The message id.
    pub id: String,
    /// The confirming device, by phone number.
    pub from: Jid,
    /// `delivery`, `read` or `played`.
    pub kind: String,
}

/// Why a phone could not decrypt a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undecrypted {
    /// It decrypted the message before.
    Again,
    /// It has no matching key.
    Unreadable,
}

/// A text that a phone sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) text: String,
    /// The group that it was sent to, if any.
    pub(super) group: Option<Jid>,
}

/// A phone's own sender key for a group, and the devices that have it.
#[derive(Debug)]
pub(super) struct GroupKey {
    pub(super) key: SenderKey,
    /// By phone number.
    pub(super) given: BTreeSet<Jid>,
}

/// A phone with its private keys.
#[derive(Debug)]
pub(super) struct Phone {
    pub(super) identity: KeyPair,
    pub(super) registration_id: u32,
    pub(super) signed: SignedPreKey,
    pub(super) one_time: BTreeMap<u32, PreKey>,
    /// Signal sessions by device (phone number).
    pub(super) ratchets: BTreeMap<Jid, Ratchet>,
    /// Own sender keys by group.
    pub(super) group_keys: BTreeMap<Jid, GroupKey>,
    /// Sender keys of other devices, by group and device.
    pub(super) sender_keys: BTreeMap<(Jid, Jid), SenderKey>,
    /// Sent texts by message id, for retries.
    pub(super) sent: BTreeMap<String, Sent>,
    /// Number of retries requested, by device and message id.
    pub(super) asked: HashMap<(Jid, String), u32>,
    heard: Vec<Heard>,
    /// A companion of the account has just requested app state keys.
    pub(super) keys_asked: bool,
    /// A companion of the account has just requested messages that it could not decrypt.
    pub(super) messages_asked: Option<PeerDataOperationRequestMessage>,
    /// Messages sent to companions on request, by message id, for retries.
    pub(super) answers: BTreeMap<String, Message>,
    raw_id: u32,
    next_one_time: u32,
    inbox: Vec<Incoming>,
}

impl Phone {
    pub(super) fn generate(random: &mut dyn Random) -> Self {
        let identity = KeyPair::generate(random);
        Self {
            registration_id: (random::number(random) & REGISTRATION_ID_MASK).max(1),
            signed: SignedPreKey::generate(1, &identity.private, random),
            identity,
            one_time: BTreeMap::new(),
            ratchets: BTreeMap::new(),
            group_keys: BTreeMap::new(),
            sender_keys: BTreeMap::new(),
            sent: BTreeMap::new(),
            asked: HashMap::new(),
            heard: Vec::new(),
            keys_asked: false,
            messages_asked: None,
            answers: BTreeMap::new(),
            raw_id: random::number(random),
            next_one_time: 1,
            inbox: Vec::new(),
        }
    }

    /// Simulates a reinstallation: new keys and no ratchets. The inbox and the receipts are kept.
    pub(super) fn reinstall(&mut self, fresh: Self) {
        let old = std::mem::replace(self, fresh);
        self.inbox = old.inbox;
        self.heard = old.heard;
        self.sent = old.sent;
    }

    /// Returns the public keys that the phone uploads, without one-time pre-keys.
    pub(super) fn published(&self) -> Published {
        Published {
            registration_id: self.registration_id,
            identity: self.identity.public,
            signed: SignedKey {
                id: self.signed.id,
                public: self.signed.pair.public,
                signature: self.signed.signature,
            },
        }
    }

    /// Creates one-time pre-keys to upload. Returns their public halves.
    pub(super) fn one_time_keys(&mut self, random: &mut dyn Random) -> Vec<(u32, PublicKey)> {
        self.make_keys(ONE_TIME_KEYS, random)
    }

    /// Creates `count` one-time pre-keys. Returns their public halves.
    pub(super) fn make_keys(
        &mut self,
        count: u32,
        random: &mut dyn Random,
    ) -> Vec<(u32, PublicKey)> {
        let ids = self.next_one_time..self.next_one_time + count;
        self.next_one_time = ids.end;
        ids.map(|id| {
            let key = PreKey::generate(id, random);
            let public = key.pair.public;
            self.one_time.insert(id, key);
            (id, public)
        })
        .collect()
    }

    /// Signs a companion's identity and authenticates it with the secret of its QR code.
    pub(super) fn sign_companion(
        &self,
        companion: &PublicKey,
        key_index: u32,
        now_s: u64,
        adv_secret: &[u8],
        random: &mut dyn Random,
    ) -> Signed {
        let details = AdvDeviceIdentity {
            raw_id: Some(self.raw_id),
            timestamp: Some(now_s),
            key_index: Some(key_index),
            account_type: Some(0),
            device_type: Some(0),
        }
        .encode_to_vec();
        let signed = [
            &ACCOUNT_SIGNATURE_PREFIX[..],
            &details,
            companion.as_bytes(),
        ]
        .concat();
        let signature = xeddsa::sign(&self.identity.private, &signed, &random::bytes(random));
        let identity = AdvSignedDeviceIdentity {
            details: Some(details.clone()),
            account_signature_key: Some(self.identity.public.as_bytes().to_vec()),
            account_signature: Some(signature.to_vec()),
            device_signature: None,
        }
        .encode_to_vec();
        let hmac = mac::hmac_sha256(adv_secret, &[&identity]);
        let outer = AdvSignedDeviceIdentityHmac {
            details: Some(identity),
            hmac: Some(hmac.to_vec()),
            account_type: None,
        };
        Signed {
            details,
            outer: outer.encode_to_vec(),
        }
    }

    /// Signs the list of companions as an `ADVSignedKeyIndexList`. `last` is the highest index ever
    /// assigned.
    pub(super) fn sign_key_indexes(
        &self,
        last: u32,
        valid: Vec<u32>,
        now_s: u64,
        random: &mut dyn Random,
    ) -> Vec<u8> {
        let details = AdvKeyIndexList {
            raw_id: Some(self.raw_id),
            timestamp: Some(now_s),
            current_index: Some(last),
            valid_indexes: valid,
            account_type: None,
        }
        .encode_to_vec();
        let signed = [&KEY_INDEXES_SIGNATURE_PREFIX[..], &details].concat();
        let signature = xeddsa::sign(&self.identity.private, &signed, &random::bytes(random));
        AdvSignedKeyIndexList {
            details: Some(details),
            account_signature: Some(signature.to_vec()),
            account_signature_key: Some(self.identity.public.as_bytes().to_vec()),
        }
        .encode_to_vec()
    }

    /// Returns whether the companion's own signature is valid.
    pub(super) fn accepts(&self, companion: &PublicKey, details: &[u8], answer: &[u8]) -> bool {
        let Ok(answer) = AdvSignedDeviceIdentity::decode(answer) else {
            return false;
        };
        let signature = answer.device_signature.as_deref().unwrap_or_default();
        let Ok(signature) = signature.try_into() else {
            return false;
        };
        let signed = [
            &DEVICE_SIGNATURE_PREFIX[..],
            details,
            companion.as_bytes(),
            self.identity.public.as_bytes(),
        ]
        .concat();
        xeddsa::verify(companion, &signed, signature)
    }

    /// Stores a message from `device` (by phone number). Returns whether the phone could decrypt
    /// it.
    pub(super) fn receive(
        &mut self,
        message: &Node,
        device: &Jid,
        random: &mut dyn Random,
    ) -> Result<(), Undecrypted> {
        let id = message.attr_text("id").ok_or(Undecrypted::Unreadable)?;
        let chat = message.attr_jid("from").filter(Jid::is_group);
        let mut sealed = Vec::new();
        // A sender key may precede the message that needs it.
        let mut read = Err(Undecrypted::Unreadable);
        for enc in message.children_named("enc") {
            let kind = enc.attr_text("type").unwrap_or_default();
            let bytes = enc.content_bytes().unwrap_or_default();
            read = self.decrypt(chat.as_ref(), device, &kind, bytes, random);
            sealed.push((kind.into_owned(), bytes.to_vec()));
        }
        let (outcome, text) = match read {
            // A requested message may arrive several times; show it once.
            Ok(_) if self.has_asked_and_read(device, &id) => (Ok(()), None),
            Ok(text) => (Ok(()), Some(text)),
            Err(why) => (Err(why), None),
        };
        if self.inbox.len() < INBOX_MAX {
            self.inbox.push(Incoming {
                id: id.into_owned(),
                from: device.clone(),
                group: chat,
                sealed,
                text,
            });
        }
        outcome
    }

    fn has_asked_and_read(&self, device: &Jid, id: &str) -> bool {
        let asked = self.asked.contains_key(&(device.clone(), id.to_owned()));
        let read = |message: &Incoming| {
            message.id == id && message.from == *device && message.text.is_some()
        };
        asked && self.inbox.iter().any(read)
    }

    /// Records a receipt.
    pub(super) fn hear(&mut self, id: &str, from: &Jid, kind: &str) {
        if self.heard.len() < INBOX_MAX {
            self.heard.push(Heard {
                id: id.to_owned(),
                from: from.clone(),
                kind: kind.to_owned(),
            });
        }
    }

    pub(super) fn heard(&self) -> &[Heard] {
        &self.heard
    }

    pub(super) fn inbox(&self) -> &[Incoming] {
        &self.inbox
    }
}

/// A companion's identity, signed by the phone.
pub(super) struct Signed {
    /// An `ADVDeviceIdentity`, which the companion signs too.
    pub(super) details: Vec<u8>,
    /// An `ADVSignedDeviceIdentityHMAC`, for the companion.
    pub(super) outer: Vec<u8>,
}
