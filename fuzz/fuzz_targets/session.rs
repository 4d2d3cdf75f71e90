#![no_main]

use libfuzzer_sys::fuzz_target;
use wmctl::clock::Surroundings;
use wmctl::crypto::curve::KeyPair;
use wmctl::ids::Jid;
use wmctl::secret::Secret;
use wmctl::session::account::{Account, SignedPreKey};
use wmctl::session::config::ClientConfig;
use wmctl::session::input::{Input, Now};
use wmctl::session::machine::Session;
use wmctl::session::output::Output;
use wmctl::session::pairing::device_identity::AdvIdentity;
use wmctl::session::rows::Rows;
use wmctl::session::unit::Context;
use wmctl::wire::decode;
use wmctl::wire::node::Node;

/// Maximum number of row requests per input, as in the engine.
const ROUNDS_MAX: usize = 16;

fn account() -> Account {
    let mut random = Surroundings::seeded(2).entropy.random();
    let identity = KeyPair::from_private([9; 32]);
    Account {
        jid: Jid::user("4915112345621").with_device(3),
        lid: Some(Jid::lid("100000000000001").with_device(3)),
        registration_id: 17,
        noise: KeyPair::from_private([8; 32]),
        signed_pre_key: SignedPreKey::generate(1, &identity.private, &mut *random),
        identity,
        adv_secret: Secret::new([5; 32]),
        adv: AdvIdentity {
            details: vec![1],
            account_signature: [2; 64],
            account_signature_key: [3; 32],
            device_signature: [4; 64],
        },
        platform: "android".into(),
        business_name: String::new(),
        push_name: "Anna".into(),
        next_pre_key_id: 1,
        routing_info: None,
        ended: None,
    }
}

fn feed(session: &mut Session, rows: &mut Rows, input: Input, mono_ms: u64) -> Output {
    for _ in 0..ROUNDS_MAX {
        let wanted = session.wants(&input, rows);
        if wanted.is_empty() {
            break;
        }
        // The database has none of these rows.
        rows.load(wanted.into_iter().map(|key| (key, None)));
    }
    let mut random = Surroundings::seeded(mono_ms).entropy.random();
    let now = Now {
        mono_ms,
        unix_ms: 1_700_000_000_000,
    };
    let mut context = Context {
        now,
        rng: &mut *random,
    };
    let mut out = Output::default();
    session.handle(&mut context, input, rows, &mut out);
    out
}

fuzz_target!(|bytes: &[u8]| {
    let mut session = Session::new(account(), ClientConfig::default());
    let mut rows = Rows::default();
    feed(&mut session, &mut rows, Input::LinkUp, 1);
    // The input is a sequence of stanzas, each after a two-byte length.
    let (logged_in, mut rest) = match bytes.split_first() {
        Some((first, rest)) => (first % 2 == 1, rest),
        None => return,
    };
    let mut mono_ms = 2;
    if logged_in {
        let success = Node::new("success").attr("t", 1_700_000_000_u64);
        let mut waiting = vec![Input::Node(success)];
        // Answer every query of the login with an empty result.
        while let Some(input) = waiting.pop() {
            mono_ms += 1;
            let out = feed(&mut session, &mut rows, input, mono_ms);
            for sent in out.transmit.iter().filter(|sent| sent.tag == "iq") {
                let id = sent.attr_text("id").unwrap_or_default();
                let answer = Node::new("iq").attr("type", "result").attr("id", &*id);
                waiting.push(Input::Node(answer.attr("from", Jid::server())));
            }
            waiting.extend(out.again);
            if 200 < mono_ms {
                return;
            }
        }
    }
    while let Some((length, behind)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(behind.len());
        let (stanza, behind) = behind.split_at(length);
        rest = behind;
        let Ok(node) = decode::decode(stanza) else {
            continue;
        };
        mono_ms += 10;
        let out = feed(&mut session, &mut rows, Input::Node(node), mono_ms);
        for input in out.again {
            feed(&mut session, &mut rows, input, mono_ms);
        }
        feed(&mut session, &mut rows, Input::Tick, mono_ms);
        if out.close.is_some() {
            break;
        }
    }
});
