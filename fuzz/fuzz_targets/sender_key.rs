#![no_main]

use libfuzzer_sys::fuzz_target;
use wmctl::clock::Surroundings;
use wmctl::signal::sender_key::SenderKey;

fuzz_target!(|bytes: &[u8]| {
    let mut random = Surroundings::seeded(1).entropy.random();
    let mut ours = SenderKey::create(&mut *random);
    let before = ours.encode();
    assert!(ours.decrypt(bytes).is_err());
    assert_eq!(ours.encode(), before, "an error changes nothing");
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let mut theirs = SenderKey::default();
    if theirs.accept(first).is_ok() {
        let _ = theirs.decrypt(second);
    }
    if let Ok(mut stored) = SenderKey::decode(first) {
        let _ = stored.decrypt(second);
        let _ = stored.encrypt(b"text", &mut *random);
        let _ = stored.distribution();
    }
});
