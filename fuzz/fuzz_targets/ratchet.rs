#![no_main]

use libfuzzer_sys::fuzz_target;
use wmctl::clock::Surroundings;
use wmctl::crypto::curve::KeyPair;
use wmctl::signal::bundle::Bundle;
use wmctl::signal::prekey::{PreKey, SignedPreKey};
use wmctl::signal::ratchet::{Ratchet, parse_prekey};
use wmctl::signal::sealed::Identity;

fuzz_target!(|bytes: &[u8]| {
    let mut random = Surroundings::seeded(1).entropy.random();
    let random = &mut *random;
    let pair = KeyPair::from_private([7; 32]);
    let own = Identity {
        pair: pair.clone(),
        registration_id: 1,
    };
    let signed = SignedPreKey::generate(1, &pair.private, random);
    let one_time = PreKey::generate(2, random);
    let bundle = Bundle {
        registration_id: 2,
        identity: pair.public,
        signed_id: signed.id,
        signed_public: signed.pair.public,
        signature: signed.signature,
        one_time: Some((one_time.id, one_time.pair.public)),
    };
    let mut ratchet = Ratchet::start(None, &own, &bundle, random).expect("the bundle is sound");
    let before = ratchet.encode();
    assert!(ratchet.decrypt_message(bytes, random).is_err());
    assert_eq!(ratchet.encode(), before, "an error changes nothing");
    if let Ok(message) = parse_prekey(bytes) {
        let existing = Some(ratchet);
        let _ = Ratchet::accept(existing, &own, &signed, Some(&one_time), &message, random);
    }
    let (record, message) = bytes.split_at(bytes.len() / 2);
    if let Ok(mut stored) = Ratchet::decode(record) {
        let _ = Ratchet::decode(&stored.encode()).expect("what was stored can be read");
        let _ = stored.decrypt_message(message, random);
        let _ = stored.encrypt(b"text");
    }
});
