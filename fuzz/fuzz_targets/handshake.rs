#![no_main]

use libfuzzer_sys::fuzz_target;
use wmctl::crypto::curve::KeyPair;
use wmctl::noise::cert::{self, RootKey};
use wmctl::noise::client::Client;
use wmctl::noise::server::{Next, Responder};
use wmctl::wire::frame;

fuzz_target!(|bytes: &[u8]| {
    let [one, two, three] = [1, 2, 3].map(|byte| KeyPair::from_private([byte; 32]));
    let root = RootKey(three.public);
    let client = Client::new(one.clone(), two.clone(), root, &frame::HEADER);
    assert!(
        client
            .read_server_hello(bytes, 1_700_000_000, b"payload")
            .is_err()
    );
    let root = RootKey(three.public);
    assert!(cert::verify(bytes, &root, &one.public, 1_700_000_000).is_err());
    let server = Responder {
        pair: &one,
        ephemeral: two,
        chain: b"chain",
        prologue: &frame::HEADER,
    };
    let (hello, finish) = bytes.split_at(bytes.len() / 2);
    if let Ok(answer) = server.read_client_hello(hello)
        && let Next::Finish(unfinished) = answer.next
    {
        let _ = unfinished.read_client_finish(finish);
    }
});
