//! Codecs and ciphers, each measured alone.

use std::collections::BTreeMap;
use std::hint::black_box;

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce};
use criterion::{BatchSize, Criterion};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use wmctl::appstate::Collection;
use wmctl::appstate::collection::{self, Author, CollectionState};
use wmctl::appstate::keys::{KeyRing, Keys};
use wmctl::appstate::mutation::{Action, Operation};
use wmctl::crypto::curve::KeyPair;
use wmctl::crypto::{random, xeddsa};
use wmctl::ids::Jid;
use wmctl::noise::cert::{self, Issue, RootKey};
use wmctl::noise::client::Client;
use wmctl::noise::server::{Next, Responder};
use wmctl::noise::transport::Transport;
use wmctl::session::pairing::DeviceKeys;
use wmctl::signal::bundle::Bundle;
use wmctl::signal::prekey::PreKey;
use wmctl::signal::ratchet::{self, Ratchet};
use wmctl::signal::sealed::Identity;
use wmctl::signal::sender_key::SenderKey;
use wmctl::wire::node::Node;
use wmctl::wire::{decode, encode};
use wmctl_proto::appstate::SyncActionValue;

/// A padded text of a few lines.
const TEXT: [u8; 200] = [b'a'; 200];
/// Mutations per patch.
const MUTATIONS: usize = 100;
const NOW_S: u64 = 1_760_000_000;
const PROLOGUE: &[u8] = b"WA\x06\x03";

pub(crate) fn chance() -> StdRng {
    StdRng::seed_from_u64(7)
}

/// Returns a message stanza as the server delivers it.
pub(crate) fn stanza(from: &Jid, id: &str, kind: &str, sealed: &[u8]) -> Node {
    Node::new("message")
        .attr("from", from.clone())
        .attr("id", id)
        .attr("t", NOW_S.to_string())
        .attr("type", "text")
        .attr("notify", "Łukasz")
        .with_child(
            Node::new("enc")
                .attr("v", "2")
                .attr("type", kind)
                .bytes(sealed),
        )
}

/// Compares our codec with wacore's on the same stanza.
pub(crate) fn binary_xml(criterion: &mut Criterion) {
    let from = Jid::user("4915112345678").with_device(3);
    let node = stanza(&from, "3EB0C431C26A1916E3E8", "msg", &TEXT);
    let bytes = encode::encode(&node);
    let read = || wacore_binary::marshal::unmarshal_ref(&bytes[1..]).unwrap();
    let theirs = read().to_owned();
    assert_eq!(wacore_binary::marshal(&theirs).unwrap(), bytes);
    let mut group = criterion.benchmark_group("binary_xml");
    group.bench_function("encode/wmctl", |bench| {
        bench.iter(|| encode::encode(black_box(&node)));
    });
    group.bench_function("encode/wacore", |bench| {
        bench.iter(|| wacore_binary::marshal(black_box(&theirs)).unwrap());
    });
    group.bench_function("decode/wmctl", |bench| {
        bench.iter(|| decode::decode(black_box(&bytes)).unwrap());
    });
    // wacore's decoder borrows; ours returns owned data, so measure the copy as well.
    group.bench_function("decode/wacore, owned", |bench| {
        bench.iter(|| black_box(read()).to_owned());
    });
    group.bench_function("decode/wacore, borrowed", |bench| {
        bench.iter(|| black_box(read()));
    });
    group.finish();
}

/// Returns both ends of an established Noise link.
fn link() -> (Transport, Transport) {
    let pair = |seed: u8| KeyPair::from_private([seed; 32]);
    let (server, ephemeral) = (pair(3), pair(6));
    let issue = Issue {
        root: &pair(1).private,
        intermediate: &pair(2),
        server: server.public,
        intermediate_serial: 3,
        leaf_serial: 355,
        not_before_s: NOW_S - 3_600,
        not_after_s: NOW_S + 3_600,
    };
    let chain = cert::build(&issue, &mut chance());
    let client = Client::new(pair(4), pair(5), RootKey(pair(1).public), PROLOGUE);
    let host = Responder {
        pair: &server,
        ephemeral,
        chain: &chain,
        prologue: PROLOGUE,
    };
    let answer = host.read_client_hello(&client.start()).unwrap();
    let finished = client.read_server_hello(&answer.reply, NOW_S, b"payload");
    let finished = finished.unwrap();
    let Next::Finish(unfinished) = answer.next else {
        panic!("a first link has a third message");
    };
    let accepted = unfinished.read_client_finish(&finished.finish).unwrap();
    (finished.transport, accepted.transport)
}

/// Measures a whole frame, and its cipher alone.
pub(crate) fn noise_frame(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("noise_frame");
    let (mut client, mut server) = link();
    group.bench_function("seal/wmctl", |bench| {
        bench.iter(|| client.seal(black_box(&TEXT)).unwrap());
    });
    group.bench_function("open/wmctl", |bench| {
        let (mut client, _) = link();
        bench.iter_batched(
            || client.seal(&TEXT).unwrap(),
            |sealed| server.open(&sealed).unwrap(),
            BatchSize::NumIterations(1_000),
        );
        // Frames must be decrypted in order: start the next measurement with a fresh link.
        server = link().1;
    });
    let cipher = Aes256Gcm::new(&[7; 32].into());
    let nonce = Nonce::from([0; 12]);
    group.bench_function("seal/aes-gcm", |bench| {
        bench.iter(|| cipher.encrypt(&nonce, black_box(&TEXT[..])).unwrap());
    });
    group.finish();
}

pub(crate) fn identity(keys: &DeviceKeys) -> Identity {
    Identity {
        pair: keys.identity.clone(),
        registration_id: keys.registration_id,
    }
}

fn bundle(keys: &DeviceKeys, one_time: &PreKey) -> Bundle {
    Bundle {
        registration_id: keys.registration_id,
        identity: keys.identity.public,
        signed_id: keys.signed_pre_key.id,
        signed_public: keys.signed_pre_key.pair.public,
        signature: keys.signed_pre_key.signature,
        one_time: Some((one_time.id, one_time.pair.public)),
    }
}

/// Returns the ratchets of two devices after their first exchange: the peer's, and the one with
/// `keys`.
pub(crate) fn talking(keys: &DeviceKeys, rng: &mut StdRng) -> (Ratchet, Ratchet) {
    let (other, one_time) = (DeviceKeys::generate(rng), PreKey::generate(1, rng));
    let bundle = bundle(keys, &one_time);
    let mut theirs = Ratchet::start(None, &identity(&other), &bundle, rng).unwrap();
    let first = theirs.encrypt(&TEXT).unwrap();
    let first = ratchet::parse_prekey(&first.bytes).unwrap();
    let (own, signed) = (identity(keys), &keys.signed_pre_key);
    let accepted = Ratchet::accept(None, &own, signed, Some(&one_time), &first, rng);
    let mut ours = accepted.unwrap().0;
    let answer = ours.encrypt(&TEXT).unwrap();
    theirs.decrypt_message(&answer.bytes, rng).unwrap();
    (theirs, ours)
}

/// Measures messages of established ratchets with and without the stored record, X3DH on both
/// sides, and the key agreements that X3DH needs.
pub(crate) fn ratchets(criterion: &mut Criterion) {
    let rng = &mut chance();
    let keys = DeviceKeys::generate(rng);
    let (theirs, ours) = talking(&keys, rng);
    let mut group = criterion.benchmark_group("ratchet");
    let mut sending = theirs.clone();
    group.bench_function("encrypt", |bench| {
        bench.iter(|| sending.encrypt(black_box(&TEXT)).unwrap());
    });
    let record = theirs.encode();
    group.bench_function("encrypt, from record to record", |bench| {
        bench.iter(|| {
            let mut ratchet = Ratchet::decode(black_box(&record)).unwrap();
            let sealed = ratchet.encrypt(&TEXT).unwrap();
            (sealed, ratchet.encode())
        });
    });
    let (mut sending, mut reading) = (theirs, ours);
    group.bench_function("decrypt", |bench| {
        bench.iter_batched(
            || sending.encrypt(&TEXT).unwrap().bytes,
            |sealed| reading.decrypt_message(&sealed, rng).unwrap(),
            BatchSize::NumIterations(1_000),
        );
    });
    group.finish();
    let mut group = criterion.benchmark_group("x3dh");
    let one_time = PreKey::generate(1, rng);
    let (bundle, other) = (bundle(&keys, &one_time), DeviceKeys::generate(rng));
    let (own, other) = (identity(&keys), identity(&other));
    group.bench_function("start", |bench| {
        bench.iter(|| Ratchet::start(None, &other, black_box(&bundle), rng).unwrap());
    });
    let mut started = Ratchet::start(None, &other, &bundle, rng).unwrap();
    let first = started.encrypt(&TEXT).unwrap();
    let first = ratchet::parse_prekey(&first.bytes).unwrap();
    let signed = &keys.signed_pre_key;
    group.bench_function("accept", |bench| {
        bench.iter(|| {
            let first = black_box(&first);
            Ratchet::accept(None, &own, signed, Some(&one_time), first, rng).unwrap()
        });
    });
    let (secret, public) = (
        x25519_dalek::StaticSecret::from([7; 32]),
        x25519_dalek::PublicKey::from(own.pair.public.0),
    );
    group.bench_function("one agreement/x25519-dalek", |bench| {
        bench.iter(|| secret.diffie_hellman(black_box(&public)));
    });
    group.finish();
}

/// Measures a group message, and its signature alone.
pub(crate) fn sender_keys(criterion: &mut Criterion) {
    let rng = &mut chance();
    let mut group = criterion.benchmark_group("sender_key");
    let mut ours = SenderKey::create(rng);
    let mut theirs = SenderKey::default();
    theirs.accept(&ours.distribution().unwrap()).unwrap();
    let mut sending = ours.clone();
    group.bench_function("encrypt", |bench| {
        bench.iter(|| sending.encrypt(black_box(&TEXT), rng).unwrap());
    });
    group.bench_function("decrypt", |bench| {
        bench.iter_batched(
            || ours.encrypt(&TEXT, &mut chance()).unwrap(),
            |sealed| theirs.decrypt(&sealed).unwrap(),
            BatchSize::NumIterations(1_000),
        );
    });
    let pair = KeyPair::generate(rng);
    let fresh: [u8; 64] = random::bytes(rng);
    let signature = xeddsa::sign(&pair.private, &TEXT, &fresh);
    group.bench_function("signature alone", |bench| {
        bench.iter(|| xeddsa::sign(&pair.private, black_box(&TEXT), &fresh));
    });
    group.bench_function("check alone", |bench| {
        bench.iter(|| assert!(xeddsa::verify(&pair.public, black_box(&TEXT), &signature)));
    });
    group.finish();
}

/// Measures a patch with many mutations: hash, MACs and ciphers.
pub(crate) fn patches(criterion: &mut Criterion) {
    let rng = &mut chance();
    let (id, data) = ([0, 1, 2, 3, 4, 5], [9; 32]);
    let keys = Keys::expand(&data);
    let author = Author {
        key_id: &id,
        keys: &keys,
    };
    let actions: Vec<Action> = (0..MUTATIONS)
        .map(|number| Action {
            operation: Operation::Set,
            index: vec![
                String::from("contact"),
                format!("1555{number}@s.whatsapp.net"),
            ],
            value: SyncActionValue::default(),
            version: 2,
        })
        .collect();
    let (before, none) = (CollectionState::default(), BTreeMap::new());
    let (patch, _) = author.patch(Collection::Regular, &before, &actions, &none, rng);
    let mut ring = KeyRing::default();
    ring.add(&id, &data);
    let mut group = criterion.benchmark_group("app_state");
    group.bench_function("apply 100 mutations", |bench| {
        bench.iter(|| {
            let patch = black_box(&patch);
            collection::apply_patch(Collection::Regular, &before, patch, &ring, &none).unwrap()
        });
    });
    let mut hash = before.hash.clone();
    group.bench_function("LTHash of 100 mutations", |bench| {
        bench.iter(|| (0..MUTATIONS).for_each(|_| hash.add(black_box(&[7; 32]))));
    });
    group.finish();
}
