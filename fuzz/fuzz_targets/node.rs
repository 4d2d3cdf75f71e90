#![no_main]

use libfuzzer_sys::fuzz_target;
use wmctl::wire::{decode, encode};

fuzz_target!(|bytes: &[u8]| {
    let Ok(node) = decode::decode(bytes) else {
        return;
    };
    // The encoder may choose other tokens; after one round trip the bytes are stable.
    let once = encode::encode(&node);
    let again = decode::decode(&once).expect("what was encoded decodes");
    assert_eq!(encode::encode(&again), once);
    let _ = format!("{again}");
});
