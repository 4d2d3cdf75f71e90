//! Handshakes between both sides, and every way in which a certificate can be wrong.

use proptest::prelude::*;
use prost::Message;
use rand::SeedableRng;
use rand::rngs::StdRng;
use wmctl_proto::handshake::cert_chain::NoiseCertificate;
use wmctl_proto::handshake::cert_chain::noise_certificate::Details;
use wmctl_proto::handshake::handshake_message::{ClientFinish, ClientHello};
use wmctl_proto::handshake::{CertChain, HandshakeMessage};

use super::HandshakeError;
use super::cert::{self, CertError, Issue, Level, RootKey, WHATSAPP_ROOT};
use super::client::{Client, Finished};
use super::server::{Accepted, Answer, Next, Responder};
use super::state::{IK, Side, SymmetricState, XX_FALLBACK};
use super::transport::{Transport, TransportError};
use crate::crypto::curve::{KeyPair, PublicKey};
use crate::crypto::xeddsa;

const PROLOGUE: &[u8] = b"WA\x06\x03";
const NOW_S: u64 = 1_700_000_000;
const HOUR_S: u64 = 3600;

fn pair(seed: u8) -> KeyPair {
    KeyPair::from_private([seed; 32])
}

const ROOT: u8 = 1;
const INTERMEDIATE: u8 = 2;
const SERVER: u8 = 3;
const CLIENT: u8 = 4;

fn root() -> RootKey {
    RootKey(pair(ROOT).public)
}

fn chain() -> Vec<u8> {
    let issue = Issue {
        root: &pair(ROOT).private,
        intermediate: &pair(INTERMEDIATE),
        server: pair(SERVER).public,
        intermediate_serial: 3,
        leaf_serial: 355,
        not_before_s: NOW_S - HOUR_S,
        not_after_s: NOW_S + HOUR_S,
    };
    cert::build(&issue, &mut StdRng::seed_from_u64(1))
}

fn client(prologue: &[u8]) -> Client {
    Client::new(pair(CLIENT), pair(5), root(), prologue)
}

fn answer(hello: &[u8], chain: &[u8]) -> Result<Answer, HandshakeError> {
    Responder {
        pair: &pair(SERVER),
        ephemeral: pair(6),
        chain,
        prologue: PROLOGUE,
    }
    .read_client_hello(hello)
}

fn shake_hands() -> (Finished, Accepted) {
    let client = client(PROLOGUE);
    let answer = answer(&client.start(), &chain()).unwrap();
    let finished = client
        .read_server_hello(&answer.reply, NOW_S, b"payload")
        .unwrap();
    let Next::Finish(unfinished) = answer.next else {
        panic!("XX has a third message")
    };
    let accepted = unfinished.read_client_finish(&finished.finish).unwrap();
    (finished, accepted)
}

fn check_link(client: &mut Transport, server: &mut Transport) {
    for round in 0..3 {
        let up = client.seal(&[round; 5]).unwrap();
        let down = server.seal(&[round; 7]).unwrap();
        assert_eq!(server.open(&up).unwrap(), [round; 5]);
        assert_eq!(client.open(&down).unwrap(), [round; 7]);
    }
}

#[test]
fn strangers_reach_an_open_link() {
    let (mut finished, mut accepted) = shake_hands();
    assert_eq!(accepted.client, pair(CLIENT).public);
    assert_eq!(accepted.payload, b"payload");
    assert_eq!(finished.server.key, pair(SERVER).public);
    assert_eq!(finished.server.serial, 355);
    assert_eq!(finished.server.not_after_s, NOW_S + HOUR_S);
    check_link(&mut finished.transport, &mut accepted.transport);
}

#[test]
fn a_frame_changed_lost_or_doubled_does_not_open() {
    let (finished, accepted) = shake_hands();
    let (mut sealer, _) = finished.transport.split();
    let (_, mut opener) = accepted.transport.split();
    let first = sealer.seal(b"first").unwrap();
    let second = sealer.seal(b"second").unwrap();
    let refused = |counter| Err(TransportError::Forged { counter });
    assert_eq!(opener.open(&second), refused(0));
    assert_eq!(opener.open(&first[..first.len() - 1]), refused(0));
    assert_eq!(opener.open(&first), Ok(b"first".to_vec()));
    assert_eq!(opener.open(&first), refused(1));
    assert_eq!(opener.open(&[]), refused(1));
    assert_eq!(opener.open(&second), Ok(b"second".to_vec()));
}

/// A client that knows `server` already. Ours never resumes, so the test builds its messages.
struct Resuming {
    state: SymmetricState,
    ephemeral: KeyPair,
    hello: Vec<u8>,
}

fn resuming(server: &PublicKey) -> Resuming {
    let (own, ephemeral) = (pair(CLIENT), pair(5));
    let mut state = SymmetricState::new(IK, PROLOGUE);
    state.mix_hash(server.as_bytes());
    state.mix_hash(ephemeral.public.as_bytes());
    state.agree(&ephemeral.private, server).unwrap();
    let sealed_static = state.seal(own.public.as_bytes());
    state.agree(&own.private, server).unwrap();
    let hello = ClientHello {
        ephemeral: Some(ephemeral.public.as_bytes().to_vec()),
        r#static: Some(sealed_static),
        payload: Some(state.seal(b"early payload")),
    };
    let hello = HandshakeMessage {
        client_hello: Some(hello),
        ..HandshakeMessage::default()
    };
    Resuming {
        state,
        ephemeral,
        hello: hello.encode_to_vec(),
    }
}

#[test]
fn a_client_that_knows_the_server_resumes() {
    let Resuming {
        mut state,
        ephemeral,
        hello,
    } = resuming(&pair(SERVER).public);
    let answer = answer(&hello, &chain()).unwrap();
    let Next::Open(mut accepted) = answer.next else {
        panic!("IK has two messages")
    };
    assert_eq!(accepted.client, pair(CLIENT).public);
    assert_eq!(accepted.payload, b"early payload");

    let reply = HandshakeMessage::decode(&answer.reply[..])
        .unwrap()
        .server_hello
        .unwrap();
    assert_eq!(reply.r#static, None);
    let server = PublicKey::from_slice(&reply.ephemeral.unwrap()).unwrap();
    state.mix_hash(server.as_bytes());
    state.agree(&ephemeral.private, &server).unwrap();
    state.agree(&pair(CLIENT).private, &server).unwrap();
    assert_eq!(state.open(&reply.payload.unwrap()).unwrap(), chain());
    check_link(&mut state.split(Side::Client), &mut accepted.transport);
}

#[test]
fn a_client_that_knows_an_old_key_falls_back() {
    let Resuming {
        ephemeral, hello, ..
    } = resuming(&pair(99).public);
    let answer = answer(&hello, &chain()).unwrap();
    let Next::Finish(unfinished) = answer.next else {
        panic!("XXfallback has a third message")
    };

    let reply = HandshakeMessage::decode(&answer.reply[..])
        .unwrap()
        .server_hello
        .unwrap();
    let server = PublicKey::from_slice(&reply.ephemeral.unwrap()).unwrap();
    let mut state = SymmetricState::new(XX_FALLBACK, PROLOGUE);
    state.mix_hash(ephemeral.public.as_bytes());
    state.mix_hash(server.as_bytes());
    state.agree(&ephemeral.private, &server).unwrap();
    let known = state.open_key(&reply.r#static.unwrap()).unwrap();
    assert_eq!(known, pair(SERVER).public);
    state.agree(&ephemeral.private, &known).unwrap();
    assert_eq!(state.open(&reply.payload.unwrap()).unwrap(), chain());
    let sealed_static = state.seal(pair(CLIENT).public.as_bytes());
    state.agree(&pair(CLIENT).private, &server).unwrap();
    let finish = ClientFinish {
        r#static: Some(sealed_static),
        payload: Some(state.seal(b"late payload")),
    };
    let finish = HandshakeMessage {
        client_finish: Some(finish),
        ..HandshakeMessage::default()
    };
    let mut accepted = unfinished
        .read_client_finish(&finish.encode_to_vec())
        .unwrap();
    assert_eq!(accepted.payload, b"late payload");
    check_link(&mut state.split(Side::Client), &mut accepted.transport);
}

#[test]
fn another_prologue_does_not_open() {
    let client = client(b"WA\x06\x02");
    let answer = answer(&client.start(), &chain()).unwrap();
    let error = client
        .read_server_hello(&answer.reply, NOW_S, b"")
        .unwrap_err();
    assert_eq!(error, HandshakeError::Forged);
}

#[test]
fn a_hello_without_its_parts_is_refused() {
    let refusal = |change: &dyn Fn(&mut HandshakeMessage)| {
        let client = client(PROLOGUE);
        let reply = answer(&client.start(), &chain()).unwrap().reply;
        let mut message = HandshakeMessage::decode(&reply[..]).unwrap();
        change(&mut message);
        client
            .read_server_hello(&message.encode_to_vec(), NOW_S, b"")
            .unwrap_err()
    };
    let missing = |part| HandshakeError::Missing { part };
    assert_eq!(
        refusal(&|message| message.server_hello = None),
        missing("server hello")
    );
    type Hello = wmctl_proto::handshake::handshake_message::ServerHello;
    let refusal = |change: &dyn Fn(&mut Hello)| {
        refusal(&|message| change(message.server_hello.as_mut().unwrap()))
    };
    assert_eq!(
        refusal(&|hello| hello.ephemeral = None),
        missing("ephemeral key")
    );
    assert_eq!(
        refusal(&|hello| hello.r#static = None),
        missing("static key")
    );
    assert_eq!(
        refusal(&|hello| hello.payload = None),
        missing("certificates")
    );
    let short = |hello: &mut Hello| hello.ephemeral = Some(vec![9; 31]);
    assert_eq!(refusal(&short), HandshakeError::Malformed);
    let low_order = |hello: &mut Hello| hello.ephemeral = Some(vec![0; 32]);
    assert_eq!(refusal(&low_order), HandshakeError::LowOrder);
    let changed = |hello: &mut Hello| hello.payload.as_mut().unwrap()[9] ^= 1;
    assert_eq!(refusal(&changed), HandshakeError::Forged);
}

#[test]
fn a_client_hello_without_its_key_is_refused() {
    let refusal = |message: &HandshakeMessage| {
        answer(&message.encode_to_vec(), &chain())
            .map(|_| ())
            .unwrap_err()
    };
    let hello = |ephemeral: Option<Vec<u8>>| HandshakeMessage {
        client_hello: Some(ClientHello {
            ephemeral,
            ..ClientHello::default()
        }),
        ..HandshakeMessage::default()
    };
    let missing = |part| HandshakeError::Missing { part };
    assert_eq!(
        refusal(&HandshakeMessage::default()),
        missing("client hello")
    );
    assert_eq!(refusal(&hello(None)), missing("ephemeral key"));
    assert_eq!(
        refusal(&hello(Some(vec![1; 33]))),
        HandshakeError::Malformed
    );
    assert_eq!(refusal(&hello(Some(vec![0; 32]))), HandshakeError::LowOrder);
}

#[test]
fn a_changed_client_finish_is_refused() {
    let client = client(PROLOGUE);
    let answer = answer(&client.start(), &chain()).unwrap();
    let mut finish = client
        .read_server_hello(&answer.reply, NOW_S, b"payload")
        .unwrap()
        .finish;
    *finish.last_mut().unwrap() ^= 1;
    let Next::Finish(unfinished) = answer.next else {
        panic!("XX has a third message")
    };
    assert_eq!(
        unfinished.read_client_finish(&finish).unwrap_err(),
        HandshakeError::Forged
    );
}

fn verify(chain: &[u8], now_s: u64) -> Result<u32, CertError> {
    cert::verify(chain, &root(), &pair(SERVER).public, now_s).map(|server| server.serial)
}

#[test]
fn a_server_without_a_good_chain_is_refused_in_the_handshake() {
    let refusal = |chain: &[u8]| {
        let client = client(PROLOGUE);
        let answer = answer(&client.start(), chain).unwrap();
        client
            .read_server_hello(&answer.reply, NOW_S, b"")
            .unwrap_err()
    };
    assert_eq!(
        refusal(b""),
        HandshakeError::Certificate(CertError::Malformed)
    );
    let mut forged = CertChain::decode(&chain()[..]).unwrap();
    forged.leaf.as_mut().unwrap().signature.as_mut().unwrap()[0] ^= 1;
    assert_eq!(
        refusal(&forged.encode_to_vec()),
        HandshakeError::Certificate(CertError::Signature { level: Level::Leaf })
    );
}

#[test]
fn validity_times_hold_with_their_ends() {
    let (start, end) = (NOW_S - HOUR_S, NOW_S + HOUR_S);
    let level = Level::Intermediate;
    assert_eq!(verify(&chain(), start), Ok(355));
    assert_eq!(verify(&chain(), end), Ok(355));
    let early = CertError::NotYetValid {
        level,
        not_before_s: start,
        now_s: start - 1,
    };
    assert_eq!(verify(&chain(), start - 1), Err(early));
    let late = CertError::Expired {
        level,
        not_after_s: end,
        now_s: end + 1,
    };
    assert_eq!(verify(&chain(), end + 1), Err(late));
}

#[test]
fn a_refusal_says_why_and_what_the_clock_says() {
    let check = |chain: &[u8], now_s: u64, expected: &str| {
        let client = client(PROLOGUE);
        let answer = answer(&client.start(), chain).unwrap();
        let refused = client.read_server_hello(&answer.reply, now_s, b"");
        assert_eq!(refused.unwrap_err().to_string(), expected);
    };
    let good = chain();
    check(
        &good,
        0,
        &format!(
            "server certificate refused: intermediate certificate is valid only from {} on, and \
             the clock here says 1970-01-01T00:00:00Z",
            jiff::Timestamp::from_second((NOW_S - HOUR_S) as i64).unwrap()
        ),
    );
    check(
        &good,
        4_102_444_800,
        &format!(
            "server certificate refused: intermediate certificate ended at {}, and the clock here \
             says 2100-01-01T00:00:00Z",
            jiff::Timestamp::from_second((NOW_S + HOUR_S) as i64).unwrap()
        ),
    );
    check(
        b"",
        NOW_S,
        "server certificate refused: malformed certificate chain",
    );
}

/// Signs a chain after `change` has modified the details of both certificates.
fn signed(change: impl FnOnce(&mut Details, &mut Details)) -> Vec<u8> {
    let details = |serial, issuer_serial, key: &PublicKey| Details {
        serial: Some(serial),
        issuer_serial: Some(issuer_serial),
        key: Some(key.as_bytes().to_vec()),
        not_before: Some(NOW_S - HOUR_S),
        not_after: Some(NOW_S + HOUR_S),
    };
    let mut intermediate = details(3, 0, &pair(INTERMEDIATE).public);
    let mut leaf = details(355, 3, &pair(SERVER).public);
    change(&mut intermediate, &mut leaf);
    let sign = |issuer: u8, details: &Details| {
        let details = details.encode_to_vec();
        let signature = xeddsa::sign(&pair(issuer).private, &details, &[7; 64]).to_vec();
        NoiseCertificate {
            details: Some(details),
            signature: Some(signature),
        }
    };
    CertChain {
        leaf: Some(sign(INTERMEDIATE, &leaf)),
        intermediate: Some(sign(ROOT, &intermediate)),
    }
    .encode_to_vec()
}

#[test]
fn signed_chains_with_wrong_details_are_refused() {
    let check = |error: CertError, change: &dyn Fn(&mut Details, &mut Details)| {
        assert_eq!(verify(&signed(change), NOW_S), Err(error));
    };
    assert_eq!(verify(&signed(|_, _| ()), NOW_S), Ok(355));
    let (intermediate, leaf) = (Level::Intermediate, Level::Leaf);
    check(
        CertError::Serial {
            level: intermediate,
        },
        &|middle, _| middle.issuer_serial = Some(1),
    );
    check(CertError::Serial { level: leaf }, &|middle, _| {
        middle.serial = Some(4)
    });
    check(CertError::Serial { level: leaf }, &|_, leaf| {
        leaf.issuer_serial = Some(0)
    });
    check(CertError::OtherKey, &|_, leaf| leaf.key = Some(vec![8; 32]));
    check(CertError::Signature { level: leaf }, &|middle, _| {
        middle.key = Some(vec![9; 32])
    });
    let late = NOW_S + 1;
    check(
        CertError::NotYetValid {
            level: leaf,
            not_before_s: late,
            now_s: NOW_S,
        },
        &|_, leaf| {
            leaf.not_before = Some(late);
        },
    );
    let early = NOW_S - 1;
    check(
        CertError::Expired {
            level: leaf,
            not_after_s: early,
            now_s: NOW_S,
        },
        &|_, leaf| {
            leaf.not_after = Some(early);
        },
    );
    check(
        CertError::Expired {
            level: intermediate,
            not_after_s: early,
            now_s: NOW_S,
        },
        &|middle, _| {
            middle.not_after = Some(early);
        },
    );
    check(CertError::Malformed, &|_, leaf| {
        leaf.key = Some(vec![8; 31])
    });
    check(CertError::Malformed, &|middle, _| middle.key = None);
    check(CertError::Malformed, &|_, leaf| leaf.issuer_serial = None);
    check(CertError::Malformed, &|_, leaf| leaf.not_after = None);
}

#[test]
fn chains_with_wrong_signatures_are_refused() {
    let check = |error: CertError, change: &dyn Fn(&mut CertChain)| {
        let mut chain = CertChain::decode(&chain()[..]).unwrap();
        change(&mut chain);
        assert_eq!(verify(&chain.encode_to_vec(), NOW_S), Err(error));
    };
    fn part(certificate: &mut Option<NoiseCertificate>) -> &mut NoiseCertificate {
        certificate.as_mut().unwrap()
    }
    let signature = |level| CertError::Signature { level };
    check(signature(Level::Intermediate), &|chain| {
        part(&mut chain.intermediate).signature = Some(vec![0; 64]);
    });
    check(signature(Level::Leaf), &|chain| {
        part(&mut chain.leaf).signature = Some(vec![0; 64])
    });
    check(signature(Level::Leaf), &|chain| {
        // Signed by the root, but a leaf must be signed by the intermediate.
        let leaf = part(&mut chain.leaf);
        let details = leaf.details.clone().unwrap();
        leaf.signature = Some(xeddsa::sign(&pair(ROOT).private, &details, &[7; 64]).to_vec());
    });
    check(signature(Level::Intermediate), &|chain| {
        std::mem::swap(&mut chain.leaf, &mut chain.intermediate);
    });
    check(CertError::Malformed, &|chain| {
        part(&mut chain.leaf).signature = Some(vec![0; 63])
    });
    check(CertError::Malformed, &|chain| {
        part(&mut chain.leaf).signature = None
    });
    check(CertError::Malformed, &|chain| {
        part(&mut chain.intermediate).details = None
    });
    check(CertError::Malformed, &|chain| chain.leaf = None);
    check(CertError::Malformed, &|chain| chain.intermediate = None);
    let other = cert::verify(&chain(), &WHATSAPP_ROOT, &pair(SERVER).public, NOW_S);
    assert_eq!(other, Err(signature(Level::Intermediate)));
}

#[test]
fn no_part_of_a_chain_is_enough() {
    let chain = chain();
    for length in 0..chain.len() {
        assert!(verify(&chain[..length], NOW_S).is_err(), "{length} bytes");
    }
}

/// A chain that WhatsApp's servers presented in 2026.
fn genuine() -> Vec<u8> {
    let text = include_str!("../../tests/vectors/whatsapp-cert-chain.hex");
    hex::decode(text.split_whitespace().collect::<String>()).unwrap()
}

#[test]
fn a_genuine_chain_verifies_while_it_lasts() {
    let leaf = CertChain::decode(&genuine()[..])
        .unwrap()
        .leaf
        .unwrap()
        .details
        .unwrap();
    let details = Details::decode(&leaf[..]).unwrap();
    let key = PublicKey::from_slice(&details.key.unwrap()).unwrap();
    let (start, end) = (details.not_before.unwrap(), details.not_after.unwrap());
    let verify = |now_s| cert::verify(&genuine(), &WHATSAPP_ROOT, &key, now_s);

    let server = verify(start).unwrap();
    assert_eq!((server.serial, server.not_after_s), (355, end));
    assert!(verify(end).is_ok());
    let expired = CertError::Expired {
        level: Level::Leaf,
        not_after_s: end,
        now_s: end + 1,
    };
    assert_eq!(verify(end + 1), Err(expired));
    let other = cert::verify(&genuine(), &WHATSAPP_ROOT, &pair(SERVER).public, start);
    assert_eq!(other, Err(CertError::OtherKey));
}

proptest! {
    #[test]
    fn no_bytes_make_the_client_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(client(PROLOGUE).read_server_hello(&bytes, NOW_S, b"").is_err());
        prop_assert!(verify(&bytes, NOW_S).is_err());
    }

    #[test]
    fn no_changed_byte_passes(at in any::<proptest::sample::Index>(), mask in 1..=255_u8) {
        let client = client(PROLOGUE);
        let mut reply = answer(&client.start(), &chain()).unwrap().reply;
        let at = at.index(reply.len());
        reply[at] ^= mask;
        prop_assert!(client.read_server_hello(&reply, NOW_S, b"").is_err());
    }
}
