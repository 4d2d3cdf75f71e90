//! Conversations: in order, out of order, with losses, with both sides starting, and tampered.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::bundle::Bundle;
use super::padding;
use super::prekey::{PreKey, SignedPreKey};
use super::ratchet::{Identity, Kind, Ratchet, RatchetError, Sealed, parse_prekey};
use super::sender_key::{SenderKey, SenderKeyError};
use crate::crypto::curve::KeyPair;

struct Device {
    own: Identity,
    signed: SignedPreKey,
    one_time: PreKey,
    ratchet: Option<Ratchet>,
    rng: StdRng,
}

impl Device {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let own = Identity {
            pair: KeyPair::generate(&mut rng),
            registration_id: seed as u32,
        };
        let signed = SignedPreKey::generate(3, &own.pair.private, &mut rng);
        let one_time = PreKey {
            id: 9,
            pair: KeyPair::generate(&mut rng),
        };
        Self {
            own,
            signed,
            one_time,
            ratchet: None,
            rng,
        }
    }

    fn bundle(&self, with_one_time: bool) -> Bundle {
        Bundle {
            registration_id: self.own.registration_id,
            identity: self.own.pair.public,
            signed_id: self.signed.id,
            signed_public: self.signed.pair.public,
            signature: self.signed.signature,
            one_time: with_one_time.then_some((self.one_time.id, self.one_time.pair.public)),
        }
    }

    fn start(&mut self, bundle: &Bundle) {
        let existing = self.ratchet.take();
        self.ratchet = Some(Ratchet::start(existing, &self.own, bundle, &mut self.rng).unwrap());
    }

    /// Through the stored form each time, as a restart would.
    fn restart(&mut self) {
        let record = self.ratchet.as_ref().unwrap().encode();
        let again = Ratchet::decode(&record).unwrap();
        assert_eq!(self.ratchet.as_ref(), Some(&again));
        self.ratchet = Some(again);
    }

    fn seal(&mut self, text: &str) -> Sealed {
        self.restart();
        self.ratchet
            .as_mut()
            .unwrap()
            .encrypt(text.as_bytes())
            .unwrap()
    }

    fn open(&mut self, sealed: &Sealed) -> Result<String, RatchetError> {
        let plain = match sealed.kind {
            Kind::Message => {
                let ratchet = self.ratchet.as_mut().ok_or(RatchetError::NoSession)?;
                ratchet.decrypt_message(&sealed.bytes, &mut self.rng)?
            }
            Kind::PreKey => {
                let message = parse_prekey(&sealed.bytes)?;
                let existing = self.ratchet.clone();
                let (own, signed, one_time) = (&self.own, &self.signed, Some(&self.one_time));
                let accepted =
                    Ratchet::accept(existing, own, signed, one_time, &message, &mut self.rng)?;
                self.ratchet = Some(accepted.0);
                accepted.1
            }
        };
        self.restart();
        Ok(String::from_utf8(plain).unwrap())
    }
}

fn pair(with_one_time: bool) -> (Device, Device) {
    let (mut ann, mut bob) = (Device::new(1), Device::new(2));
    ann.start(&bob.bundle(with_one_time));
    let first = ann.seal("first");
    assert_eq!(first.kind, Kind::PreKey);
    assert_eq!(bob.open(&first).as_deref(), Ok("first"));
    (ann, bob)
}

#[test]
fn a_conversation_turns_with_every_answer() {
    for with_one_time in [true, false] {
        let (mut ann, mut bob) = pair(with_one_time);
        for round in 0..20 {
            let text = format!("round {round}");
            let question = ann.seal(&text);
            assert_eq!(bob.open(&question).as_deref(), Ok(text.as_str()));
            let answer = bob.seal(&text);
            assert_eq!(answer.kind, Kind::Message);
            assert_eq!(ann.open(&answer).as_deref(), Ok(text.as_str()));
        }
        assert_eq!(ann.seal("known").kind, Kind::Message);
    }
}

#[test]
fn messages_may_come_in_any_order_and_some_never() {
    let mut dice = StdRng::seed_from_u64(7);
    for seed in 0..20 {
        let (mut ann, mut bob) = pair(seed % 2 == 0);
        let mut to_bob: Vec<(String, Sealed)> = Vec::new();
        let mut to_ann: Vec<(String, Sealed)> = Vec::new();
        for number in 0..120 {
            let text = format!("{seed} {number}");
            match dice.random_range(0..5) {
                0 => to_bob.push((text.clone(), ann.seal(&text))),
                1 => to_ann.push((text.clone(), bob.seal(&text))),
                2 if !to_bob.is_empty() => {
                    let (text, sealed) = to_bob.remove(dice.random_range(0..to_bob.len()));
                    read_once(&mut bob, &sealed, &text);
                }
                3 if !to_ann.is_empty() => {
                    let (text, sealed) = to_ann.remove(dice.random_range(0..to_ann.len()));
                    read_once(&mut ann, &sealed, &text);
                }
                _ if 9 < to_bob.len() => drop(to_bob.swap_remove(0)),
                _ => (),
            }
        }
    }
}

/// A message whose chain is too old to be kept is the only one that may be lost.
fn read_once(device: &mut Device, sealed: &Sealed, text: &str) {
    match device.open(sealed) {
        Ok(plain) => assert_eq!(plain, text),
        Err(error) => assert_eq!(
            error,
            RatchetError::BadMac,
            "an old chain starts anew and fails"
        ),
    }
    let again = device.open(sealed);
    assert!(again.is_err(), "read twice: {again:?}");
}

#[test]
fn a_repeated_message_is_told_from_a_damaged_one() {
    let (mut ann, mut bob) = pair(true);
    let answer = bob.seal("answer");
    ann.open(&answer).unwrap();
    let message = ann.seal("once");
    bob.open(&message).unwrap();
    assert_eq!(
        bob.open(&message),
        Err(RatchetError::Duplicate {
            counter: message.counter
        })
    );
    let mut damaged = ann.seal("damaged");
    let last = damaged.bytes.len() - 1;
    damaged.bytes[last] ^= 1;
    let before = bob.ratchet.clone();
    assert_eq!(bob.open(&damaged), Err(RatchetError::BadMac));
    assert_eq!(bob.ratchet, before);
    damaged.bytes[last] ^= 1;
    assert_eq!(bob.open(&damaged).as_deref(), Ok("damaged"));
}

#[test]
fn both_sides_may_start_at_once() {
    let (mut ann, mut bob) = (Device::new(1), Device::new(2));
    ann.start(&bob.bundle(true));
    bob.start(&ann.bundle(true));
    let (from_ann, from_bob) = (ann.seal("from ann"), bob.seal("from bob"));
    assert_eq!(bob.open(&from_ann).as_deref(), Ok("from ann"));
    assert_eq!(ann.open(&from_bob).as_deref(), Ok("from bob"));
    for round in 0..5 {
        let text = format!("{round}");
        let sealed = ann.seal(&text);
        assert_eq!(bob.open(&sealed).as_deref(), Ok(text.as_str()));
        let sealed = bob.seal(&text);
        assert_eq!(ann.open(&sealed).as_deref(), Ok(text.as_str()));
    }
}

#[test]
fn a_bundle_with_a_foreign_signature_is_refused() {
    let (ann, bob) = (Device::new(1), Device::new(2));
    let mut bundle = bob.bundle(true);
    bundle.identity = Device::new(3).own.pair.public;
    let mut rng = StdRng::seed_from_u64(1);
    let refused = Ratchet::start(None, &ann.own, &bundle, &mut rng);
    assert_eq!(refused, Err(RatchetError::BundleSignature));
}

#[test]
fn gaps_are_bounded() {
    let (mut ann, mut bob) = pair(true);
    let answer = bob.seal("answer");
    ann.open(&answer).unwrap();
    for _ in 0..=super::SKIPPED_MAX {
        ann.ratchet.as_mut().unwrap().encrypt(b"lost").unwrap();
    }
    let far = ann.seal("far");
    let refused = bob.open(&far);
    assert!(
        matches!(refused, Err(RatchetError::TooFarAhead { .. })),
        "{refused:?}"
    );
}

#[test]
fn groups_read_what_their_members_sign() {
    let mut rng = StdRng::seed_from_u64(4);
    let mut sender = SenderKey::create(&mut rng);
    let mut member = SenderKey::default();
    member.accept(&sender.distribution().unwrap()).unwrap();
    let mut messages: Vec<_> = (0..40_u8)
        .map(|number| (number, sender.encrypt(&[number], &mut rng).unwrap()))
        .collect();
    messages.reverse();
    for (number, bytes) in &messages {
        member = SenderKey::decode(&member.encode()).unwrap();
        assert_eq!(member.decrypt(bytes).as_deref(), Ok(&[*number][..]));
        let again = member.decrypt(bytes);
        let iteration = u32::from(*number);
        assert_eq!(again, Err(SenderKeyError::Duplicate { iteration }));
    }
    sender = SenderKey::decode(&sender.encode()).unwrap();
    let mut forged = sender.encrypt(b"x", &mut rng).unwrap();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    assert_eq!(member.decrypt(&forged), Err(SenderKeyError::BadSignature));
    assert_eq!(member.encrypt(b"x", &mut rng), Err(SenderKeyError::NotOurs));
}

#[test]
fn padding_comes_off_as_it_went_on() {
    let mut rng = StdRng::seed_from_u64(5);
    for _ in 0..256 {
        let padded = padding::pad(b"text", &mut rng);
        assert!((5..=20).contains(&padded.len()), "{}", padded.len());
        assert_eq!(padding::unpad(&padded), Ok(&b"text"[..]));
    }
}

proptest::proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(0_u8.., 0..300)) {
        let (mut ann, _) = pair(true);
        let mut message = vec![0x33];
        message.extend_from_slice(&bytes);
        for bytes in [&bytes, &message] {
            drop(Ratchet::decode(bytes));
            drop(SenderKey::decode(bytes));
            drop(parse_prekey(bytes));
            let _ = ann.ratchet.as_mut().unwrap().decrypt_message(bytes, &mut ann.rng);
            let mut key = SenderKey::default();
            let _ = key.accept(bytes);
            let _ = key.decrypt(bytes);
        }
    }
}
