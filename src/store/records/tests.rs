//! Both forms of one record, each built here from the same facts.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::crypto::hkdf;

type Key = [u8; 32];

/// A chain with the private half of its key, and the keys of skipped messages: index, cipher key,
/// MAC key and initialization vector.
#[derive(Clone, Debug)]
struct ChainOf {
    public: Key,
    private: Option<Key>,
    key: Key,
    index: u32,
    skipped: Vec<(u32, Key, Key, [u8; 16])>,
}

#[derive(Clone, Debug)]
struct StateOf {
    identities: [Key; 2],
    registrations: [u32; 2],
    root: Key,
    previous_counter: u32,
    sender: ChainOf,
    receivers: Vec<ChainOf>,
    /// One-time pre-key, signed pre-key and base key.
    pending: Option<(Option<u32>, u32, Key)>,
    base_key: Option<Key>,
}

#[derive(Clone, Debug)]
struct SenderStateOf {
    id: u32,
    iteration: u32,
    chain: Key,
    public: Key,
    private: Option<Key>,
    skipped: Vec<(u32, Key)>,
}

fn chain(private: bool) -> impl Strategy<Value = ChainOf> {
    let skipped = vec(any::<(u32, Key, Key, [u8; 16])>(), 0..4);
    (any::<(Key, Key, Key, u32)>(), skipped).prop_map(
        move |((public, half, key, index), skipped)| ChainOf {
            public,
            private: private.then_some(half),
            key,
            index,
            skipped: if private { Vec::new() } else { skipped },
        },
    )
}

fn state() -> impl Strategy<Value = StateOf> {
    let id = 1..0x0100_0000_u32;
    let pending = option::of((option::of(id.clone()), id, any::<Key>()));
    let chains = (chain(true), vec(chain(false), 0..=5));
    let plain = any::<([Key; 2], [u32; 2], Key, u32, Option<Key>)>();
    (plain, chains, pending).prop_map(|(plain, (sender, receivers), pending)| {
        let (identities, registrations, root, previous_counter, base_key) = plain;
        StateOf {
            identities,
            registrations,
            root,
            previous_counter,
            sender,
            receivers,
            pending,
            base_key,
        }
    })
}

fn sender_state() -> impl Strategy<Value = SenderStateOf> {
    let plain = any::<(u32, u32, Key, Key, Option<Key>)>();
    (plain, vec(any::<(u32, Key)>(), 0..4)).prop_map(
        |((id, iteration, chain, public, private), skipped)| SenderStateOf {
            id,
            iteration,
            chain,
            public,
            private,
            skipped,
        },
    )
}

fn signal(key: &Key) -> Vec<u8> {
    [&[5], &key[..]].concat()
}

fn b64(bytes: &[u8]) -> String {
    format!("\"{}\"", STANDARD.encode(bytes))
}

fn or_null(text: Option<String>) -> String {
    text.unwrap_or_else(|| "null".into())
}

fn joined<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    items.iter().map(text).collect::<Vec<_>>().join(",")
}

impl ChainOf {
    fn json(&self) -> String {
        let keys = joined(&self.skipped, |(index, cipher, mac, iv)| {
            format!(
                r#"{{"CipherKey":{},"MacKey":{},"IV":{},"Index":{index}}}"#,
                b64(cipher),
                b64(mac),
                b64(iv)
            )
        });
        format!(
            concat!(
                r#"{{"SenderRatchetKeyPublic":{},"SenderRatchetKeyPrivate":{},"#,
                r#""ChainKey":{{"Key":{},"Index":{}}},"MessageKeys":[{keys}]}}"#,
            ),
            b64(&signal(&self.public)),
            or_null(self.private.map(|key| b64(&key))),
            b64(&self.key),
            self.index,
            keys = keys,
        )
    }

    fn protobuf(&self) -> Chain {
        let skipped = self
            .skipped
            .iter()
            .map(|(index, cipher, mac, iv)| MessageKey {
                index: Some(*index),
                cipher_key: Some(cipher.to_vec()),
                mac_key: Some(mac.to_vec()),
                iv: Some(iv.to_vec()),
            });
        Chain {
            sender_ratchet_key: Some(signal(&self.public)),
            sender_ratchet_key_private: self.private.map(|key| key.to_vec()),
            chain_key: Some(ChainKey {
                index: Some(self.index),
                key: Some(self.key.to_vec()),
            }),
            message_keys: skipped.collect(),
        }
    }
}

impl StateOf {
    fn json(&self) -> String {
        let pending = self.pending.map(|(one_time, signed, base)| {
            format!(
                concat!(
                    r#"{{"PreKeyID":{{"Value":{},"IsEmpty":{}}},"#,
                    r#""SignedPreKeyID":{signed},"BaseKey":{}}}"#,
                ),
                one_time.unwrap_or(0),
                one_time.is_none(),
                b64(&signal(&base)),
                signed = signed,
            )
        });
        format!(
            concat!(
                r#"{{"LocalIdentityPublic":{},"LocalRegistrationID":{},"#,
                r#""NeedsRefresh":false,"PendingKeyExchange":null,"#,
                r#""PendingPreKey":{},"PreviousCounter":{},"#,
                r#""ReceiverChains":[{}],"RemoteIdentityPublic":{},"#,
                r#""RemoteRegistrationID":{},"RootKey":{},"SenderBaseKey":{},"#,
                r#""SenderChain":{},"SessionVersion":3}}"#,
            ),
            b64(&signal(&self.identities[0])),
            self.registrations[0],
            or_null(pending),
            self.previous_counter,
            joined(&self.receivers, ChainOf::json),
            b64(&signal(&self.identities[1])),
            self.registrations[1],
            b64(&self.root),
            b64(&signal(&self.base_key.unwrap_or(self.identities[0]))),
            self.sender.json(),
        )
    }

    fn protobuf(&self) -> SessionStructure {
        let pending = self.pending.map(|(one_time, signed, base)| PendingPreKey {
            pre_key_id: one_time,
            base_key: Some(signal(&base)),
            signed_pre_key_id: Some(signed as i32),
        });
        SessionStructure {
            session_version: Some(3),
            local_identity_public: Some(signal(&self.identities[0])),
            remote_identity_public: Some(signal(&self.identities[1])),
            root_key: Some(self.root.to_vec()),
            previous_counter: Some(self.previous_counter),
            sender_chain: Some(self.sender.protobuf()),
            receiver_chains: self.receivers.iter().map(ChainOf::protobuf).collect(),
            pending_key_exchange: None,
            pending_pre_key: pending,
            remote_registration_id: Some(self.registrations[1]),
            local_registration_id: Some(self.registrations[0]),
            needs_refresh: Some(false),
            alice_base_key: self.base_key.map(|key| signal(&key)),
        }
    }
}

impl SenderStateOf {
    fn json(&self) -> String {
        let keys = joined(&self.skipped, |(iteration, seed)| {
            let derived = hkdf::derive::<48>(b"", seed, b"WhisperGroup");
            let (iv, cipher) = derived.expose().split_at(16);
            format!(
                r#"{{"Iteration":{iteration},"IV":{},"CipherKey":{},"Seed":{}}}"#,
                b64(iv),
                b64(cipher),
                b64(seed)
            )
        });
        format!(
            concat!(
                r#"{{"Keys":[{keys}],"KeyID":{},"#,
                r#""SenderChainKey":{{"Iteration":{},"ChainKey":{}}},"#,
                r#""SigningKeyPrivate":{},"SigningKeyPublic":{}}}"#,
            ),
            self.id,
            self.iteration,
            b64(&self.chain),
            b64(&self.private.unwrap_or([0; 32])),
            b64(&signal(&self.public)),
            keys = keys,
        )
    }

    fn protobuf(&self) -> SenderKeyStateStructure {
        let skipped = self
            .skipped
            .iter()
            .map(|(iteration, seed)| SenderMessageKey {
                iteration: Some(*iteration),
                seed: Some(seed.to_vec()),
            });
        SenderKeyStateStructure {
            sender_key_id: Some(self.id),
            sender_chain_key: Some(SenderChainKey {
                iteration: Some(self.iteration),
                seed: Some(self.chain.to_vec()),
            }),
            sender_signing_key: Some(SenderSigningKey {
                public: Some(signal(&self.public)),
                private: self.private.map(|key| key.to_vec()),
            }),
            sender_message_keys: skipped.collect(),
        }
    }
}

fn ratchet_json(states: &[StateOf]) -> String {
    let current = states[0].json();
    let previous = joined(&states[1..], StateOf::json);
    format!(r#"{{"SessionState":{current},"PreviousStates":[{previous}]}}"#)
}

fn ratchet_protobuf(states: &[StateOf]) -> RecordStructure {
    RecordStructure {
        current_session: Some(states[0].protobuf()),
        previous_sessions: states[1..].iter().map(StateOf::protobuf).collect(),
    }
}

fn converted(kind: Kind, record: impl Into<Vec<u8>>, to: Form) -> Vec<u8> {
    kind.convert(record.into(), to).unwrap().unwrap()
}

fn text(record: Vec<u8>) -> String {
    String::from_utf8(record).unwrap()
}

proptest! {
    #[test]
    fn ratchets_go_both_ways(states in vec(state(), 1..5)) {
        let (json, protobuf) = (ratchet_json(&states), ratchet_protobuf(&states));
        let ours = converted(Kind::Ratchet, json.clone(), Form::Protobuf);
        prop_assert_eq!(RecordStructure::decode(&ours[..]).unwrap(), protobuf.clone());
        let theirs = converted(Kind::Ratchet, protobuf.encode_to_vec(), Form::Json);
        prop_assert_eq!(text(theirs), json.clone());
        let again = converted(Kind::Ratchet, ours.clone(), Form::Json);
        prop_assert_eq!(text(again), json);
        // A record that has the form already keeps its bytes.
        prop_assert_eq!(converted(Kind::Ratchet, ours.clone(), Form::Protobuf), ours);
    }

    #[test]
    fn sender_keys_go_both_ways(states in vec(sender_state(), 1..=5)) {
        let json = joined(&states, SenderStateOf::json);
        let json = format!(r#"{{"SenderKeyStates":[{json}]}}"#);
        let protobuf = SenderKeyRecordStructure {
            sender_key_states: states.iter().map(SenderStateOf::protobuf).collect(),
        };
        let ours = converted(Kind::SenderKey, json.clone(), Form::Protobuf);
        prop_assert_eq!(SenderKeyRecordStructure::decode(&ours[..]).unwrap(), protobuf);
        prop_assert_eq!(text(converted(Kind::SenderKey, ours, Form::Json)), json);
    }
}

fn a_chain(number: u8) -> ChainOf {
    ChainOf {
        public: [number; 32],
        private: None,
        key: [number + 1; 32],
        index: u32::from(number),
        skipped: vec![(0, [7; 32], [8; 32], [9; 16])],
    }
}

fn a_state() -> StateOf {
    StateOf {
        identities: [[1; 32], [2; 32]],
        // Larger than phones accept, but accepted by whatsmeow.
        registrations: [u32::MAX, 3_307_947_812],
        root: [3; 32],
        previous_counter: u32::MAX,
        sender: ChainOf {
            private: Some([4; 32]),
            skipped: Vec::new(),
            ..a_chain(10)
        },
        receivers: vec![a_chain(20), a_chain(30)],
        pending: None,
        base_key: Some([5; 32]),
    }
}

fn refusal(kind: Kind, json: &str) -> &'static str {
    kind.convert(json.into(), Form::Protobuf).unwrap_err()
}

/// Variants that whatsmeow may write can all be read.
#[test]
fn habits_of_whatsmeow_are_read() {
    let state = StateOf {
        pending: Some((None, 1, [6; 32])),
        receivers: Vec::new(),
        ..a_state()
    };
    let json = ratchet_json(std::slice::from_ref(&state));
    let plain = ratchet_protobuf(&[state]);
    for (was, is) in [
        (r#""ReceiverChains":[]"#, r#""ReceiverChains":null"#),
        (r#""PreviousStates":[]"#, r#""PreviousStates":null"#),
        (r#""MessageKeys":[]"#, r#""MessageKeys":null"#),
        (r#"{"Value":0,"IsEmpty":true}"#, "null"),
        (r#""NeedsRefresh":false"#, r#""NeedsRefresh":true"#),
        (
            r#""PendingKeyExchange":null"#,
            r#""PendingKeyExchange":{"Sequence":0,"LocalBaseKeyPublic":null}"#,
        ),
        (
            r#""SessionVersion":3"#,
            r#""SessionVersion":3,"Later":[{}]"#,
        ),
        (r#"{"SessionState""#, "\n { \"SessionState\""),
    ] {
        assert!(json.contains(was), "{was}");
        let ours = converted(Kind::Ratchet, json.replacen(was, is, 1), Form::Protobuf);
        let ours = RecordStructure::decode(&ours[..]).unwrap();
        assert_eq!(ours, plain, "{is}");
    }

    // Another device's key that has never decrypted anything. Once used, it gets a private half of
    // zeros.
    let state = SenderStateOf {
        id: u32::MAX,
        iteration: 1,
        chain: [1; 32],
        public: [2; 32],
        private: None,
        skipped: vec![(0, [3; 32])],
    };
    let zeros = format!(r#"{{"SenderKeyStates":[{}]}}"#, state.json());
    let null = zeros.replace(
        &format!(r#""SigningKeyPrivate":{}"#, b64(&[0; 32])),
        r#""SigningKeyPrivate":null"#,
    );
    assert_ne!(null, zeros);
    let ours = converted(Kind::SenderKey, null, Form::Protobuf);
    assert_eq!(
        ours,
        converted(Kind::SenderKey, zeros.clone(), Form::Protobuf)
    );
    assert_eq!(text(converted(Kind::SenderKey, ours, Form::Json)), zeros);
}

#[test]
fn damaged_json_is_refused() {
    let json = ratchet_json(&[a_state()]);
    for (was, is) in [
        (b64(&[3; 32]), b64(&[3; 31])),
        (b64(&[3; 32]), "\"#\"".into()),
        (b64(&[9; 16]), "null".into()),
        (
            r#""SessionVersion":3"#.into(),
            r#""SessionVersion":2"#.into(),
        ),
        (r#""Index":20"#.into(), r#""Index":4294967296"#.into()),
        (b64(&signal(&[2; 32])), b64(&[2; 32])),
        (r#"[]}"#.into(), "".into()),
    ] {
        assert!(json.contains(&was), "{was}");
        let broken = json.replacen(&was, &is, 1);
        let what = refusal(Kind::Ratchet, &broken);
        assert_eq!(what, "the ratchet cannot be decoded", "{is}");
    }
    assert_eq!(refusal(Kind::Ratchet, "{}"), "the ratchet is empty");
    assert_eq!(refusal(Kind::SenderKey, "{}"), "the sender key is empty");
    // A valid form, but of the other column.
    assert_eq!(refusal(Kind::SenderKey, &json), "the sender key is empty");

    let state = SenderStateOf {
        id: 1,
        iteration: 1,
        chain: [1; 32],
        public: [2; 32],
        private: Some([4; 32]),
        skipped: vec![(0, [3; 32])],
    };
    let json = format!(r#"{{"SenderKeyStates":[{}]}}"#, state.json());
    // Derived keys must be those that the seed yields.
    let broken = json.replacen(&b64(&[3; 32]), &b64(&[5; 32]), 1);
    let what = refusal(Kind::SenderKey, &broken);
    assert_eq!(what, "the sender key cannot be decoded");
}

/// Checks what whatsmeow cannot represent: it has no record without a current state, and crashes at
/// a state that cannot encrypt.
#[test]
fn what_whatsmeow_cannot_hold_gives_way_to_what_it_can() {
    let (newer, older) = (
        a_state(),
        StateOf {
            root: [99; 32],
            ..a_state()
        },
    );
    let record = |current: Option<SessionStructure>, previous: Vec<SessionStructure>| {
        let record = RecordStructure {
            current_session: current,
            previous_sessions: previous,
        };
        let record = Kind::Ratchet.convert(record.encode_to_vec(), Form::Json);
        record.unwrap().map(text)
    };
    let deaf = SessionStructure {
        sender_chain: None,
        ..newer.protobuf()
    };
    let both = ratchet_json(&[newer.clone(), older.clone()]);
    let archived = record(None, vec![newer.protobuf(), older.protobuf()]);
    assert_eq!(archived, Some(both));
    let one = ratchet_json(std::slice::from_ref(&older));
    let rest = record(Some(deaf.clone()), vec![older.protobuf()]);
    assert_eq!(rest, Some(one.clone()));
    assert_eq!(record(Some(deaf), Vec::new()), None);
    // It also has no chain whose indexes are all used up.
    let mut ended = newer.clone();
    ended.sender.index = u32::MAX;
    assert_eq!(record(Some(ended.protobuf()), Vec::new()), None);
    let both = ratchet_json(&[older.clone(), ended.clone()]);
    let behind = record(Some(ended.protobuf()), vec![older.protobuf()]);
    assert_eq!(behind, Some(both));
}
