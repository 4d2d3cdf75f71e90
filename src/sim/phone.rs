//! The phone of an account: the primary device, which the simulator plays itself.

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

/// One-time keys that a phone publishes at a time.
const ONE_TIME_KEYS: u32 = 100;
/// Messages that an inbox keeps; later ones are only counted as received by the receipt.
const INBOX_MAX: usize = 100_000;
/// Texts that a phone keeps for retries; older ones are forgotten first.
pub(super) const SENT_MAX: usize = 100_000;
/// Registration ids have 14 bits.
const REGISTRATION_ID_MASK: u32 = 0x3FFF;
/// What stands before a signature of the phone over a companion.
const ACCOUNT_SIGNATURE_PREFIX: [u8; 2] = [6, 0];
/// What stands before a signature of the phone over the list of its companions.
const KEY_INDEXES_SIGNATURE_PREFIX: [u8; 2] = [6, 2];
/// What stands before a signature of a companion over itself.
const DEVICE_SIGNATURE_PREFIX: [u8; 2] = [6, 1];

/// One message as a phone received it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Incoming {
    /// The id that the sender gave it.
    pub id: String,
    /// The device that sent it.
    pub from: Jid,
    /// The group, if it came through one.
    pub group: Option<Jid>,
    /// Kind and bytes of each ciphertext: `pkmsg`, `msg` or `skmsg`.
    #[serde(skip)]
    pub sealed: Vec<(String, Vec<u8>)>,
    /// What it says, if the phone could decrypt it; empty for messages without text.
    pub text: Option<String>,
}

/// One receipt for a message that a phone sent.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Heard {
    /// The id of the message.
    pub id: String,
    /// The device that confirms, by phone number.
    pub from: Jid,
    /// `delivery`, `read` or `played`.
    pub kind: String,
}

/// Why a phone could not read a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undecrypted {
    /// It has read it before.
    Again,
    /// It has no key that fits.
    Unreadable,
}

/// A text that a phone sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) text: String,
    /// The group that it was for.
    pub(super) group: Option<Jid>,
}

/// A phone's own sender key of a group, and the devices that have it.
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
    /// By device, by phone number.
    pub(super) ratchets: BTreeMap<Jid, Ratchet>,
    /// By group.
    pub(super) group_keys: BTreeMap<Jid, GroupKey>,
    /// Of others, by group and device.
    pub(super) sender_keys: BTreeMap<(Jid, Jid), SenderKey>,
    /// The texts that it sent, by message id, for retries.
    pub(super) sent: BTreeMap<String, Sent>,
    /// How often it asked a device for a message again.
    pub(super) asked: HashMap<(Jid, String), u32>,
    heard: Vec<Heard>,
    /// A companion of the account just asked for the keys of app state.
    pub(super) keys_asked: bool,
    /// A companion of the account just asked for messages that it could not read.
    pub(super) messages_asked: Option<PeerDataOperationRequestMessage>,
    /// What companions were handed on request, by message id, for retries.
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

    /// The app is installed anew: other keys, no ratchets; what was seen so far stays.
    pub(super) fn reinstall(&mut self, fresh: Self) {
        let old = std::mem::replace(self, fresh);
        self.inbox = old.inbox;
        self.heard = old.heard;
        self.sent = old.sent;
    }

    /// What the phone tells the server about itself, without one-time keys.
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

    /// Makes fresh one-time keys to publish; gives their public halves.
    pub(super) fn one_time_keys(&mut self, random: &mut dyn Random) -> Vec<(u32, PublicKey)> {
        self.make_keys(ONE_TIME_KEYS, random)
    }

    /// Makes so many one-time keys; gives their public halves.
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

    /// Signs a companion's identity, under the secret of its QR code.
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

    /// Signs which companions the account has: an `ADVSignedKeyIndexList`. `last` is the highest
    /// index that was ever given away.
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

    /// Whether a companion signed itself as the phone asked.
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

    /// Takes in a message of `device` (by phone number). Says whether the phone can read it.
    pub(super) fn receive(
        &mut self,
        message: &Node,
        device: &Jid,
        random: &mut dyn Random,
    ) -> Result<(), Undecrypted> {
        let id = message.attr_text("id").ok_or(Undecrypted::Unreadable)?;
        let chat = message.attr_jid("from").filter(Jid::is_group);
        let mut sealed = Vec::new();
        // A key for the group may come before the message itself.
        let mut read = Err(Undecrypted::Unreadable);
        for enc in message.children_named("enc") {
            let kind = enc.attr_text("type").unwrap_or_default();
            let bytes = enc.content_bytes().unwrap_or_default();
            read = self.decrypt(chat.as_ref(), device, &kind, bytes, random);
            sealed.push((kind.into_owned(), bytes.to_vec()));
        }
        let (outcome, text) = match read {
            // Of what it asked for it may get several copies; people see one.
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

    /// Notes a receipt.
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

/// A companion's identity as the phone signed it.
pub(super) struct Signed {
    /// An `ADVDeviceIdentity`, which the companion signs too.
    pub(super) details: Vec<u8>,
    /// An `ADVSignedDeviceIdentityHMAC`, for the companion.
    pub(super) outer: Vec<u8>,
}
