//! The phone of an account: the primary device, which the simulator plays itself.

use std::collections::BTreeMap;

use prost::Message;
use wmctl_proto::adv::{AdvDeviceIdentity, AdvSignedDeviceIdentity, AdvSignedDeviceIdentityHmac};

use crate::crypto::curve::{KeyPair, PublicKey};
use crate::crypto::random::{self, Random};
use crate::crypto::{mac, xeddsa};
use crate::ids::Jid;
use crate::sim::accounts::{Published, SignedKey};
use crate::wire::node::Node;

/// One-time keys that a phone publishes at a time.
const ONE_TIME_KEYS: u32 = 100;
/// Messages that an inbox keeps; later ones are only counted as received by the receipt.
const INBOX_MAX: usize = 100_000;
/// Registration ids have 14 bits.
const REGISTRATION_ID_MASK: u32 = 0x3FFF;
/// What stands before a signature of the phone over a companion.
const ACCOUNT_SIGNATURE_PREFIX: [u8; 2] = [6, 0];
/// What stands before a signature of a companion over itself.
const DEVICE_SIGNATURE_PREFIX: [u8; 2] = [6, 1];

/// One message as a phone received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The id that the sender gave it.
    pub id: String,
    /// The device that sent it.
    pub from: Jid,
    /// The group, if it came through one.
    pub group: Option<Jid>,
    /// Kind and bytes of each ciphertext: `pkmsg`, `msg` or `skmsg`.
    pub sealed: Vec<(String, Vec<u8>)>,
}

/// A phone with its private keys.
#[derive(Debug)]
pub(super) struct Phone {
    pub(super) identity: KeyPair,
    pub(super) registration_id: u32,
    pub(super) signed: KeyPair,
    pub(super) one_time: BTreeMap<u32, KeyPair>,
    raw_id: u32,
    next_one_time: u32,
    inbox: Vec<Incoming>,
}

impl Phone {
    pub(super) fn generate(random: &mut dyn Random) -> Self {
        Self {
            identity: KeyPair::generate(random),
            registration_id: (random::number(random) & REGISTRATION_ID_MASK).max(1),
            signed: KeyPair::generate(random),
            one_time: BTreeMap::new(),
            raw_id: random::number(random),
            next_one_time: 1,
            inbox: Vec::new(),
        }
    }

    /// What the phone tells the server about itself, without one-time keys.
    pub(super) fn published(&self, random: &mut dyn Random) -> Published {
        let signed = self.signed.public.to_signal();
        Published {
            registration_id: self.registration_id,
            identity: self.identity.public,
            signed: SignedKey {
                id: 1,
                public: self.signed.public,
                signature: xeddsa::sign(&self.identity.private, &signed, &random::bytes(random)),
            },
        }
    }

    /// Makes fresh one-time keys; gives their public halves.
    pub(super) fn one_time_keys(&mut self, random: &mut dyn Random) -> Vec<(u32, PublicKey)> {
        let ids = self.next_one_time..self.next_one_time + ONE_TIME_KEYS;
        self.next_one_time = ids.end;
        ids.map(|id| {
            let pair = KeyPair::generate(random);
            let public = pair.public;
            self.one_time.insert(id, pair);
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

    /// Takes a message in.
    pub(super) fn receive(&mut self, message: &Node) {
        let (Some(id), Some(from)) = (message.attr_text("id"), message.attr_jid("from")) else {
            return;
        };
        if self.inbox.len() == INBOX_MAX {
            return;
        }
        let sealed = message.children_named("enc").map(|enc| {
            let kind = enc.attr_text("type").unwrap_or_default().into_owned();
            (kind, enc.content_bytes().unwrap_or_default().to_vec())
        });
        let (from, group) = match message.attr_jid("participant") {
            Some(participant) => (participant, Some(from)),
            None => (from, None),
        };
        self.inbox.push(Incoming {
            id: id.into_owned(),
            from,
            group,
            sealed: sealed.collect(),
        });
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
