//! Pairing with a phone, by QR code and by typed code.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use prost::Message as _;
use rand::rngs::StdRng;
use wmctl_proto::adv::{AdvDeviceIdentity, AdvSignedDeviceIdentity, AdvSignedDeviceIdentityHmac};

use super::{at, chance};
use crate::crypto::curve::{KeyPair, PublicKey};
use crate::crypto::random;
use crate::crypto::{ctr, gcm, hkdf, mac, pbkdf2, xeddsa};
use crate::ids::Jid;
use crate::secret::Secret;
use crate::session::changes::Change;
use crate::session::config::ClientConfig;
use crate::session::output::{Close, Notice, Output};
use crate::session::pairing::code;
use crate::session::pairing::{DeviceKeys, PairInput, Pairing};
use crate::session::rows::{Row, RowKey};
use crate::session::unit::Context;
use crate::wire::node::Node;

struct World {
    pairing: Pairing,
    rng: StdRng,
    now: u64,
}

impl World {
    fn new() -> Self {
        let mut rng = chance(1);
        let keys = DeviceKeys::generate(&mut rng);
        let mut world = Self {
            pairing: Pairing::new(keys, ClientConfig::default()),
            rng,
            now: 0,
        };
        world.feed(PairInput::LinkUp);
        world
    }

    fn feed(&mut self, input: PairInput) -> Output {
        let mut out = Output::default();
        let mut cx = Context {
            now: at(self.now),
            rng: &mut self.rng,
        };
        self.pairing.handle(&mut cx, input, &mut out);
        out
    }

    fn pair_device(&mut self) -> Output {
        let refs = (1..=6).map(|n| Node::new("ref").bytes(format!("2@ref{n}").into_bytes()));
        let pair = Node::new("pair-device").with_children(refs);
        self.feed(PairInput::Node(server_set("1", pair)))
    }

    fn wait(&mut self) -> Output {
        self.now = self.pairing.wake_at().unwrap();
        self.feed(PairInput::Tick)
    }
}

fn server_set(id: &str, child: Node) -> Node {
    Node::new("iq")
        .attr("from", Jid::server())
        .attr("type", "set")
        .attr("id", id)
        .attr("xmlns", "md")
        .with_child(child)
}

/// Returns the phone's stanza that accepts `identity`, authenticated with the secret of the QR
/// code.
fn pair_success(rng: &mut StdRng, adv_secret: &[u8], identity: &PublicKey) -> (Node, KeyPair) {
    let phone = KeyPair::generate(rng);
    let details = AdvDeviceIdentity {
        key_index: Some(3),
        ..Default::default()
    }
    .encode_to_vec();
    let signed = [&[6, 0], &details[..], identity.as_bytes()].concat();
    let signature = xeddsa::sign(&phone.private, &signed, &random::bytes(rng));
    let details = AdvSignedDeviceIdentity {
        details: Some(details),
        account_signature_key: Some(phone.public.0.to_vec()),
        account_signature: Some(signature.to_vec()),
        ..Default::default()
    }
    .encode_to_vec();
    let container = AdvSignedDeviceIdentityHmac {
        hmac: Some(mac::hmac_sha256(adv_secret, &[&details]).to_vec()),
        details: Some(details),
        ..Default::default()
    };
    let device = Node::new("device")
        .attr("jid", Jid::user("15550001").with_device(7))
        .attr("lid", Jid::lid("9001").with_device(7));
    let success = Node::new("pair-success")
        .with_child(Node::new("device-identity").bytes(container.encode_to_vec()))
        .with_child(device)
        .with_child(Node::new("platform").attr("name", "android"));
    (server_set("2", success), phone)
}

/// Returns the secret in the displayed QR code.
fn adv_secret(out: &Output) -> Vec<u8> {
    let Some(Notice::Qr { text, .. }) = out.notices.first() else {
        panic!("{out:?}");
    };
    let (prefix, parts) = text.split_once('#').unwrap();
    assert_eq!(prefix, "https://wa.me/settings/linked_devices");
    let parts: Vec<&str> = parts.split(',').collect();
    assert_eq!((parts.len(), parts[0], parts[4]), (5, "2@ref1", "1"));
    BASE64.decode(parts[3]).unwrap()
}

#[test]
fn a_scanned_text_becomes_an_account_that_is_committed_before_it_is_confirmed() {
    let mut world = World::new();
    let shown = world.pair_device();
    let secret = adv_secret(&shown);
    let identity = world.pairing.keys().identity.public;
    let (success, phone) = pair_success(&mut chance(2), &secret, &identity);
    let out = world.feed(PairInput::Node(success));

    let Some(Change::Paired(account)) = out.changes.first() else {
        panic!("{out:?}");
    };
    assert_eq!(account.jid, Jid::user("15550001").with_device(7));
    assert_eq!(account.lid, Some(Jid::lid("9001").with_device(7)));
    assert_eq!(account.platform, "android");
    let phone_identity = RowKey::Identity(Jid::lid("9001").address());
    assert!(
        out.changes
            .contains(&Change::Put(phone_identity, Row::Identity(phone.public.0)))
    );

    let [answer] = &out.transmit[..] else {
        panic!("{out:?}");
    };
    let signed = answer
        .child("pair-device-sign")
        .and_then(|sign| sign.child("device-identity"));
    let signed = signed.unwrap();
    assert_eq!(signed.attr_u64("key-index"), Some(3));
    let adv = AdvSignedDeviceIdentity::decode(signed.content_bytes().unwrap()).unwrap();
    assert_eq!(adv.account_signature_key, None);
    let message = [
        &[6, 1],
        &adv.details.unwrap()[..],
        identity.as_bytes(),
        &phone.public.0,
    ]
    .concat();
    let signature = adv.device_signature.unwrap().try_into().unwrap();
    assert!(xeddsa::verify(&identity, &message, &signature));

    let restart = Node::new("stream:error").attr("code", "515");
    assert_eq!(
        world.feed(PairInput::Node(restart)).close,
        Some(Close::Restart)
    );
}

#[test]
fn forged_successes_are_refused_as_real_clients_do() {
    let mut world = World::new();
    let secret = adv_secret(&world.pair_device());
    let identity = world.pairing.keys().identity.public;
    let mut check = |success: Node, code: &str, text: &'static str| {
        let out = world.feed(PairInput::Node(success));
        let error = out
            .transmit
            .first()
            .and_then(|answer| answer.child("error"))
            .unwrap();
        assert!(
            error.attr_is("code", code) && error.attr_is("text", text),
            "{error:?}"
        );
        assert_eq!(out.notices, [Notice::PairingFailed(text)]);
        assert!(out.changes.is_empty());
    };
    let other = KeyPair::generate(&mut chance(3)).public;
    check(
        pair_success(&mut chance(2), b"wrong", &identity).0,
        "401",
        "hmac-mismatch",
    );
    check(
        pair_success(&mut chance(2), &secret, &other).0,
        "401",
        "signature-mismatch",
    );
    let empty = server_set("2", Node::new("pair-success"));
    check(empty, "401", "hmac-mismatch");
}

#[test]
fn texts_change_after_their_time_and_run_out() {
    let mut world = World::new();
    let mut out = world.pair_device();
    let mut shown = Vec::new();
    while let Some(Notice::Qr { valid_ms, last, .. }) = out.notices.first() {
        shown.push((*valid_ms, *last));
        out = loop {
            let out = world.wait();
            if !out.notices.is_empty() {
                break out;
            }
            // Only a ping is due before; the server answers it.
            let pong = Node::new("iq").attr("type", "result").attr("id", "pair-1");
            world.feed(PairInput::Node(pong));
        };
    }
    assert_eq!(shown[0], (60_000, false));
    assert_eq!(shown[1..5], [(20_000, false); 4]);
    assert_eq!(shown[5..], [(20_000, true)]);
    assert_eq!(out.notices, [Notice::PairingFailed("expired")]);
    assert_eq!(out.close, Some(Close::Asked));
}

/// The phone's side of pairing by code.
struct Phone {
    code: String,
    ephemeral: KeyPair,
    identity: KeyPair,
}

impl Phone {
    fn key(&self, salt: &[u8]) -> Secret<32> {
        pbkdf2::derive(self.code.as_bytes(), salt, 131_072)
    }

    /// Returns the answer to our hello: its own ephemeral key, encrypted with the code's key.
    fn hello(&self) -> Node {
        let mut public = self.ephemeral.public.0;
        ctr::apply(self.key(&[1; 32]).expose(), &[2; 16], &mut public);
        let wrapped = [&[1; 32][..], &[2; 16], &public].concat();
        let part = |tag: &str, bytes: &[u8]| Node::new(tag).bytes(bytes.to_vec());
        let hello = Node::new("link_code_companion_reg")
            .with_child(part("link_code_pairing_ref", b"ref"))
            .with_child(part("primary_identity_pub", &self.identity.public.0))
            .with_child(part(
                "link_code_pairing_wrapped_primary_ephemeral_pub",
                &wrapped,
            ));
        Node::new("notification")
            .attr("from", Jid::server())
            .attr("type", "link_code_companion_reg")
            .attr("id", "n1")
            .with_child(hello)
    }

    /// Decrypts our last message: our identity key, and the secret that authenticates success.
    fn open(&self, wrapped: &[u8], bundle: &[u8]) -> (PublicKey, Secret<32>) {
        let mut companion: [u8; 32] = wrapped[48..].try_into().unwrap();
        let iv = wrapped[32..48].try_into().unwrap();
        ctr::apply(self.key(&wrapped[..32]).expose(), &iv, &mut companion);
        let shared = self.ephemeral.private.agree(&PublicKey(companion)).unwrap();
        let info = b"link_code_pairing_key_bundle_encryption_key";
        let key: Secret<32> = hkdf::derive(&bundle[..32], shared.expose(), info);
        let nonce = bundle[32..44].try_into().unwrap();
        let opened = gcm::open(key.expose(), &nonce, &[], &bundle[44..]).unwrap();
        assert_eq!(opened[32..64], self.identity.public.0);
        let identity = PublicKey(opened[..32].try_into().unwrap());
        let between = self.identity.private.agree(&identity).unwrap();
        let material = [&shared.expose()[..], between.expose(), &opened[64..]].concat();
        (identity, hkdf::derive(&[], &material, b"adv_secret"))
    }
}

fn derivation(out: &Output) -> PairInput {
    match &out.notices[..] {
        [Notice::DeriveCode(work)] => PairInput::Derived(work.derive()),
        other => panic!("{other:?}"),
    }
}

/// Returns the content of one child of a sent stanza.
fn part_of(out: &Output, tag: &str) -> Vec<u8> {
    let request = out.transmit[0].child("link_code_companion_reg").unwrap();
    request
        .child(tag)
        .and_then(Node::content_bytes)
        .unwrap()
        .to_vec()
}

#[test]
fn a_typed_code_agrees_on_the_secret_that_proves_success() {
    let mut world = World::new();
    let out = world.feed(PairInput::UsePhone(Jid::user("15550001")));
    assert!(out.notices.is_empty());
    let work = derivation(&world.pair_device());
    let out = world.feed(work);
    let wrapped = part_of(&out, "link_code_pairing_wrapped_companion_ephemeral_pub");
    assert_eq!(wrapped.len(), 80);

    let reference = Node::new("link_code_pairing_ref").bytes(b"ref".to_vec());
    let answer = Node::new("iq")
        .attr("type", "result")
        .attr("id", out.transmit[0].attr_text("id").unwrap().into_owned())
        .with_child(Node::new("link_code_companion_reg").with_child(reference));
    let out = world.feed(PairInput::Node(answer));
    let [Notice::PairingCode(code)] = &out.notices[..] else {
        panic!("{out:?}");
    };
    let mut rng = chance(5);
    let phone = Phone {
        code: code.clone(),
        ephemeral: KeyPair::generate(&mut rng),
        identity: KeyPair::generate(&mut rng),
    };
    let work = derivation(&world.feed(PairInput::Node(phone.hello())));
    let out = world.feed(work);
    let bundle = part_of(&out, "link_code_pairing_wrapped_key_bundle");
    assert_eq!(bundle.len(), 156);
    let (identity, secret) = phone.open(&wrapped, &bundle);
    assert_eq!(identity, world.pairing.keys().identity.public);

    let (success, _) = pair_success(&mut rng, secret.expose(), &identity);
    let out = world.feed(PairInput::Node(success));
    assert!(matches!(out.changes.first(), Some(Change::Paired(_))));
}

#[test]
fn phone_numbers_are_international() {
    let check = |text: &str, expected: Option<&str>| {
        assert_eq!(code::phone_number(text), expected.map(Jid::user), "{text}");
    };
    check("+1 555-0001", Some("15550001"));
    check("+49 (151) 1234.567/8", Some("4915112345678"));
    check("call 15550001", None);
    check("1555+0001", None);
    check("0155500011", None);
    check("155", None);
    check("1234567890123456", None);
}
