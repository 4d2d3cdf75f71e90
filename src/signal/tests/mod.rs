//! Two devices and a group in conversation, over a network that loses, duplicates and reorders
//! messages.

mod hostile;
mod ratchets;
mod records;
mod sender_keys;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::bundle::Bundle;
use super::error::RatchetError;
use super::padding::{self, BadPadding};
use super::prekey::{PreKey, SignedPreKey};
use super::ratchet::{self, PreKeyMessage, Ratchet};
use super::sealed::{Identity, Kind, Sealed};
use crate::crypto::curve::KeyPair;

/// One device with its keys and its ratchet with the other one.
struct Device {
    random: StdRng,
    own: Identity,
    signed: SignedPreKey,
    one_time: Option<PreKey>,
    ratchet: Option<Ratchet>,
}

impl Device {
    fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let own = Identity {
            pair: KeyPair::generate(&mut random),
            registration_id: seed as u32,
        };
        let signed = SignedPreKey::generate(7, &own.pair.private, &mut random);
        let one_time = Some(PreKey::generate(21, &mut random));
        Self {
            random,
            own,
            signed,
            one_time,
            ratchet: None,
        }
    }

    fn bundle(&self) -> Bundle {
        Bundle {
            registration_id: self.own.registration_id,
            identity: self.own.pair.public,
            signed_id: self.signed.id,
            signed_public: self.signed.pair.public,
            signature: self.signed.signature,
            one_time: self.one_time.as_ref().map(|key| (key.id, key.pair.public)),
        }
    }

    fn start(&mut self, bundle: &Bundle) -> Result<(), RatchetError> {
        let existing = self.ratchet.clone();
        self.ratchet = Some(Ratchet::start(
            existing,
            &self.own,
            bundle,
            &mut self.random,
        )?);
        Ok(())
    }

    fn send(&mut self, text: &[u8]) -> Sealed {
        self.through_the_store();
        self.ratchet.as_mut().unwrap().encrypt(text).unwrap()
    }

    fn receive(&mut self, sealed: &Sealed) -> Result<Vec<u8>, RatchetError> {
        self.through_the_store();
        let before = self.ratchet.clone();
        let result = match sealed.kind {
            Kind::PreKey => {
                let message = ratchet::parse_prekey(&sealed.bytes)?;
                self.accept(&message)
            }
            Kind::Message => match &mut self.ratchet {
                Some(ratchet) => ratchet.decrypt_message(&sealed.bytes, &mut self.random),
                None => Err(RatchetError::NoSession),
            },
        };
        if result.is_err() {
            assert_eq!(
                self.ratchet, before,
                "a refused message must change nothing"
            );
        }
        result
    }

    fn accept(&mut self, message: &PreKeyMessage) -> Result<Vec<u8>, RatchetError> {
        let (ratchet, plain) = Ratchet::accept(
            self.ratchet.clone(),
            &self.own,
            &self.signed,
            self.one_time.as_ref(),
            message,
            &mut self.random,
        )?;
        self.ratchet = Some(ratchet);
        if message.prekey_id.is_some() {
            self.one_time = None;
        }
        Ok(plain)
    }

    /// Encodes and decodes everything, as between two units of work.
    fn through_the_store(&mut self) {
        if let Some(ratchet) = &self.ratchet {
            let loaded = Ratchet::decode(&ratchet.encode()).unwrap();
            assert_eq!(&loaded, ratchet);
            self.ratchet = Some(loaded);
        }
    }
}

/// Returns two devices. The first has started a ratchet; the second does not know of it yet.
fn introduced() -> (Device, Device) {
    let (mut alice, bob) = (Device::new(1), Device::new(2));
    alice.start(&bob.bundle()).unwrap();
    (alice, bob)
}

/// Returns two devices with a ratchet that both have used.
fn acquainted() -> (Device, Device) {
    let (mut alice, mut bob) = introduced();
    check(&mut alice, &mut bob, b"first", Kind::PreKey);
    check(&mut bob, &mut alice, b"answer", Kind::Message);
    (alice, bob)
}

/// Sends `text` and checks that it arrives.
fn check(from: &mut Device, to: &mut Device, text: &[u8], kind: Kind) {
    let sealed = from.send(text);
    assert_eq!(sealed.kind, kind);
    assert_eq!(to.receive(&sealed).as_deref(), Ok(text));
}

#[test]
fn padding_comes_off_as_it_went_on() {
    let mut random = StdRng::seed_from_u64(1);
    let mut lengths = std::collections::BTreeSet::new();
    for round in 0..200 {
        let plain = vec![3; round % 40];
        let padded = padding::pad(&plain, &mut random);
        lengths.insert(padded.len() - plain.len());
        assert_eq!(padding::unpad(&padded), Ok(&plain[..]));
    }
    assert_eq!(lengths, (1..=16).collect());
    assert_eq!(padding::unpad(&[]), Err(BadPadding));
    assert_eq!(padding::unpad(&[0]), Err(BadPadding));
    assert_eq!(padding::unpad(&[1, 4]), Err(BadPadding));
    assert_eq!(padding::unpad(&[9, 2]), Ok(&[][..]));
}
