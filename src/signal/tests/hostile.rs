//! Modified, forged and invented messages.

use proptest::prelude::*;
use prost::Message;
use wmctl_proto::signal::{PreKeySignalMessage, SignalMessage};

use super::*;
use crate::signal::sender_key::SenderKey;

fn changed(sealed: &Sealed, at: usize, mask: u8) -> Sealed {
    let mut sealed = sealed.clone();
    sealed.bytes[at] ^= mask;
    sealed
}

#[test]
fn every_changed_byte_is_refused() {
    let (mut alice, mut bob) = acquainted();
    let sealed = alice.send(b"a text of more than one block of the cipher");
    for at in 1..sealed.bytes.len() {
        for mask in [1, 0x80] {
            assert!(
                bob.receive(&changed(&sealed, at, mask)).is_err(),
                "byte {at}"
            );
        }
    }
    let version = bob.receive(&changed(&sealed, 0, 0x10));
    assert_eq!(version, Err(RatchetError::Version { found: 2 }));
    for length in 0..sealed.bytes.len() {
        let cut = Sealed {
            bytes: sealed.bytes[..length].to_vec(),
            ..sealed
        };
        assert!(bob.receive(&cut).is_err(), "{length} bytes");
    }
    assert!(bob.receive(&sealed).is_ok());
}

#[test]
fn changes_of_the_inner_message_are_refused() {
    let (mut alice, mut bob) = introduced();
    let sealed = alice.send(b"first");
    let edit = |change: &dyn Fn(&mut PreKeySignalMessage)| {
        let mut body = PreKeySignalMessage::decode(&sealed.bytes[1..]).unwrap();
        change(&mut body);
        let bytes = [&sealed.bytes[..1], &body.encode_to_vec()].concat();
        Sealed {
            bytes,
            ..sealed.clone()
        }
    };
    let other = Device::new(3).own.pair.public.to_signal().to_vec();
    let replaced = edit(&|body| body.identity_key = Some(other.clone()));
    assert_eq!(bob.receive(&replaced), Err(RatchetError::BadMac));
    let replaced = edit(&|body| body.base_key = Some(other.clone()));
    assert_eq!(bob.receive(&replaced), Err(RatchetError::BadMac));
    let low = edit(&|body| body.base_key = Some([&[5_u8][..], &[0; 32]].concat()));
    assert_eq!(bob.receive(&low), Err(RatchetError::LowOrder));
    let dropped = edit(&|body| body.pre_key_id = None);
    assert_eq!(bob.receive(&dropped), Err(RatchetError::BadMac));
    for change in [
        &(|body: &mut PreKeySignalMessage| body.message = None) as &dyn Fn(&mut _),
        &|body: &mut PreKeySignalMessage| body.identity_key = Some(vec![5; 32]),
        &|body: &mut PreKeySignalMessage| body.identity_key = Some(vec![6; 33]),
        &|body: &mut PreKeySignalMessage| body.base_key = None,
        &|body: &mut PreKeySignalMessage| body.signed_pre_key_id = None,
        &|body: &mut PreKeySignalMessage| body.message = Some(vec![0x33; 9]),
    ] {
        assert_eq!(bob.receive(&edit(change)), Err(RatchetError::Malformed));
    }
    assert!(bob.receive(&sealed).is_ok());

    // In an established ratchet the MAC covers the identity that started it, not the claimed one.
    let again = alice.send(b"second");
    let mut body = PreKeySignalMessage::decode(&again.bytes[1..]).unwrap();
    body.identity_key = Some(other);
    let bytes = [&again.bytes[..1], &body.encode_to_vec()].concat();
    let claimed = Sealed { bytes, ..again };
    assert_eq!(bob.receive(&claimed), Err(RatchetError::OtherIdentity));
}

#[test]
fn a_message_is_for_one_receiver() {
    let (mut alice, mut bob) = acquainted();
    let mut carol = Device::new(3);
    alice.start(&carol.bundle()).unwrap();
    let first = alice.send(b"for carol");
    // Bob has pre-keys with the same ids, but not the same keys.
    bob.one_time = Some(PreKey::generate(21, &mut bob.random));
    assert_eq!(bob.receive(&first), Err(RatchetError::BadMac));
    check(&mut alice, &mut carol, b"too", Kind::PreKey);
    let (mut alice, mut bob) = acquainted();
    let sealed = alice.send(b"for bob");
    assert_eq!(carol.receive(&sealed), Err(RatchetError::UnknownChain));
    // The sender cannot decrypt it either.
    assert!(alice.receive(&sealed).is_err());
    assert!(bob.receive(&sealed).is_ok());
}

#[test]
fn a_counter_at_the_end_of_numbers_is_refused() {
    let (mut alice, mut bob) = acquainted();
    let sealed = alice.send(b"text");
    let body = &sealed.bytes[1..sealed.bytes.len() - 8];
    let mut body = SignalMessage::decode(body).unwrap();
    body.counter = Some(u32::MAX);
    let bytes = [&sealed.bytes[..1], &body.encode_to_vec(), &[0; 8]].concat();
    let refused = bob.receive(&Sealed { bytes, ..sealed });
    assert_eq!(
        refused,
        Err(RatchetError::TooFarAhead {
            counter: u32::MAX,
            expected: 0
        })
    );
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = ratchet::parse_prekey(&bytes);
        let _ = Ratchet::decode(&bytes);
        let _ = SenderKey::decode(&bytes);
        let mut sender_key = SenderKey::default();
        prop_assert!(sender_key.accept(&bytes).is_err() || bytes[0] >> 4 == 3);
        prop_assert!(sender_key.decrypt(&bytes).is_err());
        let mut bytes = bytes;
        bytes.insert(0, 0x33);
        let (mut alice, _) = acquainted();
        let ratchet = alice.ratchet.as_mut().unwrap();
        prop_assert!(ratchet.decrypt_message(&bytes, &mut alice.random).is_err());
    }

    #[test]
    fn a_changed_record_is_refused_or_still_works(
        at in any::<proptest::sample::Index>(),
        mask in 1..=255_u8,
    ) {
        let (mut alice, mut bob) = acquainted();
        let sealed = alice.send(b"text");
        let mut record = bob.ratchet.as_ref().unwrap().encode();
        let at = at.index(record.len());
        record[at] ^= mask;
        if let Ok(ratchet) = Ratchet::decode(&record) {
            bob.ratchet = Some(ratchet);
            let _ = bob.ratchet.as_mut().unwrap().decrypt_message(&sealed.bytes, &mut bob.random);
            let _ = bob.ratchet.as_mut().unwrap().encrypt(b"answer");
        }
    }
}
