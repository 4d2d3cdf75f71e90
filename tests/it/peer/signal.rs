//! Conversations between our ratchets and sender keys and third-party ones, with lost, late and
//! repeated messages.
//!
//! `WMCTL_SIGNAL_SEEDS` sets the number of conversations, `WMCTL_SIGNAL_STEPS` their length.

use prost::Message as _;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use wmctl::clock::Surroundings;
use wmctl::crypto::curve::{KeyPair, PublicKey};
use wmctl::crypto::random::Random;
use wmctl::crypto::xeddsa;
use wmctl::signal::bundle::Bundle;
use wmctl::signal::error::RatchetError;
use wmctl::signal::prekey::{PreKey, SignedPreKey};
use wmctl::signal::ratchet::{Ratchet, parse_prekey};
use wmctl::signal::sealed::{Identity, Kind};
use wmctl::signal::sender_key::{SenderKey, SenderKeyError};
use wmctl_proto::signal::{PreKeySignalMessage, SignalMessage};

use crate::support::number;
use crate::support::oracle::{Oracle, b64, bytes};

/// Maximum number of messages in transit: fewer than either side can skip.
const UNDER_WAY_MAX: usize = 40;

/// Receiving chains that we keep per peer, like most libraries. The peer in these tests keeps all
/// its chains.
const CHAINS_KEPT: usize = 5;

/// Length of the MAC after the protobuf of each message.
const MAC_BYTES: usize = 8;

/// A message in transit, or one that arrived and is repeated.
#[derive(Clone)]
struct Message {
    kind: String,
    plain: Vec<u8>,
    sealed: Vec<u8>,
}

/// Our side of one conversation.
struct Ours {
    own: Identity,
    signed: SignedPreKey,
    one_time: Option<PreKey>,
    ratchet: Option<Ratchet>,
    random: Box<dyn Random + Send>,
}

impl Ours {
    fn new(seed: u64) -> Self {
        let mut random = Surroundings::seeded(seed).entropy.random();
        let pair = KeyPair::generate(&mut *random);
        Self {
            signed: SignedPreKey::generate(3, &pair.private, &mut *random),
            one_time: Some(PreKey::generate(5, &mut *random)),
            own: Identity {
                pair,
                registration_id: 4_242,
            },
            ratchet: None,
            random,
        }
    }

    fn bundle(&self, one_time: bool) -> Value {
        let one_time = self.one_time.as_ref().filter(|_| one_time);
        let one_time =
            one_time.map(|key| json!({"id": key.id, "public": b64(&key.pair.public.to_signal())}));
        json!({
            "registration_id": self.own.registration_id,
            "identity": b64(&self.own.pair.public.to_signal()),
            "signed": {
                "id": self.signed.id,
                "public": b64(&self.signed.pair.public.to_signal()),
                "signature": b64(&self.signed.signature),
            },
            "one_time": one_time,
        })
    }

    fn start(&mut self, theirs: &Value, one_time: bool) {
        let public = |value: &Value| PublicKey::from_signal(&bytes(value)).unwrap();
        let number = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
        let key = &theirs["one_time"];
        let bundle = Bundle {
            registration_id: number(&theirs["registration_id"]),
            identity: public(&theirs["identity"]),
            signed_id: number(&theirs["signed"]["id"]),
            signed_public: public(&theirs["signed"]["public"]),
            signature: bytes(&theirs["signed"]["signature"]).try_into().unwrap(),
            one_time: one_time.then(|| (number(&key["id"]), public(&key["public"]))),
        };
        assert!(bundle.is_genuine());
        let ratchet = Ratchet::start(None, &self.own, &bundle, &mut *self.random);
        self.ratchet = Some(ratchet.unwrap());
    }

    fn encrypt(&mut self, plain: Vec<u8>) -> Message {
        let sealed = self.ratchet.as_mut().unwrap().encrypt(&plain).unwrap();
        let kind = match sealed.kind {
            Kind::PreKey => "pkmsg",
            Kind::Message => "msg",
        };
        // Save and load the record, to show that the stored form is complete.
        let stored = self.ratchet.as_ref().unwrap().encode();
        self.ratchet = Some(Ratchet::decode(&stored).unwrap());
        Message {
            kind: kind.into(),
            plain,
            sealed: sealed.bytes,
        }
    }

    fn decrypt(&mut self, message: &Message) -> Result<Vec<u8>, RatchetError> {
        if message.kind == "pkmsg" {
            let parsed = parse_prekey(&message.sealed)?;
            let one_time = self.one_time.as_ref();
            let one_time = one_time.filter(|key| parsed.prekey_id == Some(key.id));
            let accepted = Ratchet::accept(
                self.ratchet.clone(),
                &self.own,
                &self.signed,
                one_time,
                &parsed,
                &mut *self.random,
            );
            let (ratchet, plain) = accepted?;
            self.ratchet = Some(ratchet);
            return Ok(plain);
        }
        let ratchet = self.ratchet.as_mut().unwrap();
        ratchet.decrypt_message(&message.sealed, &mut *self.random)
    }
}

/// The peer's chains that we keep, oldest first, and all chains that ever existed.
struct Chains {
    kept: Vec<Vec<u8>>,
    ever: Vec<Vec<u8>>,
}

impl Chains {
    /// The initiator knows the first chain before it reads a message.
    fn new(first: Option<Vec<u8>>) -> Self {
        let kept: Vec<_> = first.into_iter().collect();
        let ever = kept.clone();
        Self { kept, ever }
    }

    /// Returns whether a message belongs to a chain that we no longer keep.
    fn is_given_up(&self, message: &Message) -> bool {
        let chain = chain_of(message);
        self.ever.contains(&chain) && !self.kept.contains(&chain)
    }

    fn read(&mut self, message: &Message) {
        let chain = chain_of(message);
        if !self.ever.contains(&chain) {
            self.kept.push(chain.clone());
            self.ever.push(chain);
        }
        let surplus = self.kept.len().saturating_sub(CHAINS_KEPT);
        self.kept.drain(..surplus);
    }
}

/// Returns the ratchet key of a message, which identifies its chain.
fn chain_of(message: &Message) -> Vec<u8> {
    let inner = match message.kind.as_str() {
        "pkmsg" => PreKeySignalMessage::decode(&message.sealed[1..])
            .unwrap()
            .message
            .unwrap(),
        _ => message.sealed.clone(),
    };
    let body = &inner[1..inner.len() - MAC_BYTES];
    SignalMessage::decode(body).unwrap().ratchet_key.unwrap()
}

fn plain(random: &mut StdRng) -> Vec<u8> {
    let length = random.random_range(1..300);
    (0..length).map(|_| random.random()).collect()
}

/// Makes the peer encrypt a message.
async fn they_write(oracle: &mut Oracle, name: &str, plain: Vec<u8>) -> Message {
    let ask = json!({"op": "encrypt", "name": name, "plain": b64(&plain)});
    let answer = oracle.done(ask).await;
    Message {
        kind: answer["kind"].as_str().unwrap().into(),
        plain,
        sealed: bytes(&answer["sealed"]),
    }
}

/// Makes the peer decrypt a message.
async fn they_read(oracle: &mut Oracle, name: &str, message: &Message, step: u32) {
    let ask = json!({"op": "decrypt", "name": name, "kind": message.kind,
        "sealed": b64(&message.sealed)});
    let read = oracle.done(ask).await;
    assert_eq!(bytes(&read["plain"]), message.plain, "{name}, step {step}");
}

/// Runs one conversation. Either side may begin, with or without a one-time pre-key.
async fn converse(oracle: &mut Oracle, seed: u64, steps: u32) {
    let mut random = StdRng::seed_from_u64(seed);
    let name = format!("party {seed}");
    let (we_begin, one_time) = (random.random(), random.random());
    let theirs = oracle.done(json!({"op": "party", "name": name})).await;
    let mut ours = Ours::new(seed);
    if we_begin {
        ours.start(&theirs, one_time);
    } else {
        let bundle = ours.bundle(one_time);
        let start = json!({"op": "start", "name": name, "bundle": bundle});
        oracle.done(start).await;
    }
    let (mut to_us, mut to_them): (Vec<Message>, Vec<Message>) = (Vec::new(), Vec::new());
    let (mut read_by_us, mut read_by_them) = (0, 0);
    let first = we_begin.then(|| bytes(&theirs["signed"]["public"]));
    let mut chains = Chains::new(first);
    for step in 0..steps {
        let can_write = |begins: bool, read: u32| begins || 0 < read;
        match random.random_range(0..4) {
            0 if can_write(we_begin, read_by_us) && to_them.len() < UNDER_WAY_MAX => {
                to_them.push(ours.encrypt(plain(&mut random)));
            }
            1 if can_write(!we_begin, read_by_them) && to_us.len() < UNDER_WAY_MAX => {
                let plain = plain(&mut random);
                to_us.push(they_write(oracle, &name, plain).await);
            }
            2 if !to_us.is_empty() => {
                let message = to_us.swap_remove(random.random_range(0..to_us.len()));
                if random.random_ratio(1, 10) {
                    continue; // Lost for good: a key stays skipped.
                }
                let read = ours.decrypt(&message);
                if chains.is_given_up(&message) {
                    let error = Err(RatchetError::UnknownChain);
                    assert_eq!(read, error, "seed {seed}, step {step}");
                    continue;
                }
                chains.read(&message);
                assert_eq!(
                    read.as_ref(),
                    Ok(&message.plain),
                    "seed {seed}, step {step}"
                );
                read_by_us += 1;
                if random.random_ratio(1, 5) {
                    let again = ours.decrypt(&message);
                    assert!(again.is_err(), "seed {seed}, step {step}: read twice");
                }
            }
            3 if !to_them.is_empty() => {
                let message = to_them.swap_remove(random.random_range(0..to_them.len()));
                if random.random_ratio(1, 10) {
                    continue;
                }
                they_read(oracle, &name, &message, step).await;
                read_by_them += 1;
            }
            _ => (),
        }
    }
    assert!(0 < read_by_us + read_by_them, "seed {seed} says nothing");
}

#[tokio::test]
async fn ratchets_converse_with_those_of_libsignal() {
    let folder = tempfile::tempdir().unwrap();
    let mut oracle = Oracle::start(folder.path());
    for seed in 0..u64::from(number("WMCTL_SIGNAL_SEEDS", 20)) {
        converse(&mut oracle, seed, number("WMCTL_SIGNAL_STEPS", 150)).await;
    }
}

#[tokio::test]
async fn sender_keys_are_read_both_ways_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut oracle = Oracle::start(folder.path());
    // Signatures in plain JavaScript are slow, so run fewer seeds.
    for seed in 0..u64::from(number("WMCTL_SIGNAL_SEEDS", 20).div_ceil(4)) {
        let mut random = StdRng::seed_from_u64(seed);
        let mut chance = Surroundings::seeded(seed).entropy.random();
        let (from_us, from_them) = (format!("from us {seed}"), format!("from them {seed}"));
        let mut ours = SenderKey::create(&mut *chance);
        let ask = json!({"op": "group_accept", "name": from_us,
            "distribution": b64(&ours.distribution().unwrap())});
        oracle.done(ask).await;
        let theirs = oracle
            .done(json!({"op": "group_create", "name": from_them}))
            .await;
        let mut theirs_here = SenderKey::default();
        theirs_here.accept(&bytes(&theirs["distribution"])).unwrap();

        let (mut to_them, mut to_us) = (Vec::new(), Vec::new());
        for _ in 0..30 {
            let said = plain(&mut random);
            to_them.push((ours.encrypt(&said, &mut *chance).unwrap(), said));
            let said = plain(&mut random);
            let ask = json!({"op": "group_encrypt", "name": from_them, "plain": b64(&said)});
            to_us.push((bytes(&oracle.done(ask).await["sealed"]), said));
        }
        while !to_them.is_empty() {
            let (sealed, said) = to_them.swap_remove(random.random_range(0..to_them.len()));
            let ask = json!({"op": "group_decrypt", "name": from_us, "sealed": b64(&sealed)});
            let read = oracle.done(ask).await;
            assert_eq!(bytes(&read["plain"]), said, "seed {seed}");
            let (sealed, said) = to_us.swap_remove(random.random_range(0..to_us.len()));
            assert_eq!(theirs_here.decrypt(&sealed).unwrap(), said, "seed {seed}");
            assert!(
                theirs_here.decrypt(&sealed).is_err(),
                "seed {seed}: read twice"
            );
            let mut forged = sealed;
            *forged.last_mut().unwrap() ^= 1;
            let refused: Result<_, SenderKeyError> = theirs_here.decrypt(&forged);
            assert!(refused.is_err(), "seed {seed}: forged");
        }
    }
}

#[tokio::test]
async fn signatures_are_valid_on_both_sides_whatever_the_sign_bit() {
    let folder = tempfile::tempdir().unwrap();
    let mut oracle = Oracle::start(folder.path());
    let mut chance = Surroundings::seeded(1).entropy.random();
    let mut random = StdRng::seed_from_u64(1);
    let mut sign_bits = [0; 2];
    for _ in 0..number("WMCTL_SIGNAL_SEEDS", 20) * 3 {
        let message = plain(&mut random);
        let pair = KeyPair::generate(&mut *chance);
        let signature = xeddsa::sign(
            &pair.private,
            &message,
            &wmctl::crypto::random::bytes(&mut *chance),
        );
        let public = pair.public.to_signal();
        assert!(oracle.verifies(&public, &message, &signature).await);
        let mut forged = signature;
        forged[random.random_range(0..64)] ^= 0x10;
        assert!(!oracle.verifies(&public, &message, &forged).await);
        assert!(!xeddsa::verify(&pair.public, &message, &forged));

        let theirs = oracle.done(json!({"op": "key_pair"})).await;
        let ask = json!({"op": "sign", "private": theirs["private"], "message": b64(&message)});
        let signed = oracle.done(ask).await;
        let signature: [u8; 64] = bytes(&signed["signature"]).try_into().unwrap();
        let public = PublicKey::from_signal(&bytes(&theirs["public"])).unwrap();
        assert!(xeddsa::verify(&public, &message, &signature));
        // The highest bit of the last byte holds the sign bit of the signer's Edwards public key.
        sign_bits[usize::from(signature[63] >> 7)] += 1;
        let mut other = message.clone();
        other[0] ^= 1;
        assert!(!xeddsa::verify(&public, &other, &signature));
    }
    assert!(sign_bits.iter().all(|count| 0 < *count), "{sign_bits:?}");
}
