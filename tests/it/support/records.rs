//! Ratchets and sender keys as whatsmeow writes them: JSON in the order of its structs.
//!
//! Written separately from the product's code, so that the tests do not repeat its errors.
//!
//! Source: libsignal-protocol-go 0.2.0 `state/record/SessionRecord.go`,
//! `groups/state/record/SenderKeyRecord.go`, `groups/ratchet/SenderMessageKey.go`.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use wmctl::crypto::hkdf;
use wmctl_proto::records::session_structure::{Chain, PendingPreKey};
use wmctl_proto::records::{
    RecordStructure, SenderKeyRecordStructure, SenderKeyStateStructure, SessionStructure,
};

fn b64(bytes: Option<&Vec<u8>>) -> String {
    match bytes {
        Some(bytes) => format!("\"{}\"", STANDARD.encode(bytes)),
        None => "null".into(),
    }
}

fn list<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    let items: Vec<String> = items.iter().map(text).collect();
    format!("[{}]", items.join(","))
}

/// Encodes a struct with these fields.
fn object(fields: &[(&str, String)]) -> String {
    let mut text = String::from("{");
    for (at, (name, value)) in fields.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(text, "{comma}\"{name}\":{value}").expect("a text takes everything");
    }
    text + "}"
}

fn number(value: Option<u32>) -> String {
    value.unwrap_or(0).to_string()
}

fn chain(chain: &Chain) -> String {
    let key = chain.chain_key.as_ref().expect("a chain has a key");
    let skipped = list(&chain.message_keys, |key| {
        object(&[
            ("CipherKey", b64(key.cipher_key.as_ref())),
            ("MacKey", b64(key.mac_key.as_ref())),
            ("IV", b64(key.iv.as_ref())),
            ("Index", number(key.index)),
        ])
    });
    object(&[
        (
            "SenderRatchetKeyPublic",
            b64(chain.sender_ratchet_key.as_ref()),
        ),
        (
            "SenderRatchetKeyPrivate",
            b64(chain.sender_ratchet_key_private.as_ref()),
        ),
        (
            "ChainKey",
            object(&[("Key", b64(key.key.as_ref())), ("Index", number(key.index))]),
        ),
        ("MessageKeys", skipped),
    ])
}

fn pending(pending: &PendingPreKey) -> String {
    let signed = pending.signed_pre_key_id.unwrap_or(0);
    let one_time = object(&[
        ("Value", number(pending.pre_key_id)),
        ("IsEmpty", pending.pre_key_id.is_none().to_string()),
    ]);
    object(&[
        ("PreKeyID", one_time),
        ("SignedPreKeyID", signed.to_string()),
        ("BaseKey", b64(pending.base_key.as_ref())),
    ])
}

fn state(state: &SessionStructure) -> String {
    let sender = state.sender_chain.as_ref().expect("a state encrypts");
    let waiting = state.pending_pre_key.as_ref().map(pending);
    object(&[
        (
            "LocalIdentityPublic",
            b64(state.local_identity_public.as_ref()),
        ),
        ("LocalRegistrationID", number(state.local_registration_id)),
        ("NeedsRefresh", "false".into()),
        ("PendingKeyExchange", "null".into()),
        ("PendingPreKey", waiting.unwrap_or_else(|| "null".into())),
        ("PreviousCounter", number(state.previous_counter)),
        ("ReceiverChains", list(&state.receiver_chains, chain)),
        (
            "RemoteIdentityPublic",
            b64(state.remote_identity_public.as_ref()),
        ),
        ("RemoteRegistrationID", number(state.remote_registration_id)),
        ("RootKey", b64(state.root_key.as_ref())),
        ("SenderBaseKey", b64(state.alice_base_key.as_ref())),
        ("SenderChain", chain(sender)),
        ("SessionVersion", number(state.session_version)),
    ])
}

/// Converts a ratchet of ours to whatsmeow's form.
pub(crate) fn ratchet(record: &[u8]) -> String {
    let record = RecordStructure::decode(record).expect("it is one of ours");
    let current = record.current_session.expect("a ratchet is in use");
    object(&[
        ("SessionState", state(&current)),
        ("PreviousStates", list(&record.previous_sessions, state)),
    ])
}

fn sender_state(state: &SenderKeyStateStructure) -> String {
    let chain = state
        .sender_chain_key
        .as_ref()
        .expect("a state has a chain");
    let signing = state.sender_signing_key.as_ref().expect("it is signed");
    // Other devices' private keys are written as 32 zeros.
    let private = signing.private.clone().unwrap_or_else(|| vec![0; 32]);
    let skipped = list(&state.sender_message_keys, |key| {
        let seed = key.seed.as_ref().expect("a key has a seed");
        let derived = hkdf::derive::<48>(b"", seed, b"WhisperGroup");
        let (iv, cipher) = derived.expose().split_at(16);
        object(&[
            ("Iteration", number(key.iteration)),
            ("IV", b64(Some(&iv.to_vec()))),
            ("CipherKey", b64(Some(&cipher.to_vec()))),
            ("Seed", b64(Some(seed))),
        ])
    });
    object(&[
        ("Keys", skipped),
        ("KeyID", number(state.sender_key_id)),
        (
            "SenderChainKey",
            object(&[
                ("Iteration", number(chain.iteration)),
                ("ChainKey", b64(chain.seed.as_ref())),
            ]),
        ),
        ("SigningKeyPrivate", b64(Some(&private))),
        ("SigningKeyPublic", b64(signing.public.as_ref())),
    ])
}

/// Converts a sender key of ours to whatsmeow's form.
pub(crate) fn sender_key(record: &[u8]) -> String {
    let record = SenderKeyRecordStructure::decode(record).expect("it is one of ours");
    let states = list(&record.sender_key_states, sender_state);
    object(&[("SenderKeyStates", states)])
}
