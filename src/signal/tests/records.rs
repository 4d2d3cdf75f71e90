//! The stored form: compatibility with other clients in both directions.

use prost::Message;
use wmctl_proto::records::session_structure::PendingKeyExchange;
use wmctl_proto::records::{RecordStructure, SenderKeyRecordStructure, SessionStructure};

use super::*;
use crate::signal::RecordError;
use crate::signal::sender_key::SenderKey;

fn stored(ratchet: &Ratchet) -> RecordStructure {
    RecordStructure::decode(&ratchet.encode()[..]).unwrap()
}

#[test]
fn keys_are_stored_in_the_form_that_other_clients_use() {
    let (mut alice, mut bob) = acquainted();
    alice.send(b"lost");
    check(&mut alice, &mut bob, b"next", Kind::Message);
    let state = stored(bob.ratchet.as_ref().unwrap())
        .current_session
        .unwrap();
    assert_eq!(state.session_version, Some(3));
    assert_eq!(
        state.remote_identity_public.unwrap(),
        alice.own.pair.public.to_signal()
    );
    assert_eq!(
        state.local_identity_public.unwrap(),
        bob.own.pair.public.to_signal()
    );
    assert_eq!(
        (state.remote_registration_id, state.local_registration_id),
        (Some(1), Some(2))
    );
    assert_eq!(state.alice_base_key.unwrap().len(), 33);
    assert!(state.pending_pre_key.is_none());
    let sender = state.sender_chain.unwrap();
    assert_eq!(sender.sender_ratchet_key.unwrap().len(), 33);
    assert_eq!(sender.sender_ratchet_key_private.unwrap().len(), 32);
    let receiver = state.receiver_chains.last().unwrap();
    assert_eq!(receiver.chain_key.as_ref().unwrap().index, Some(2));
    let skipped = &receiver.message_keys[0];
    assert_eq!(skipped.index, Some(0));
    assert_eq!(skipped.cipher_key.as_ref().unwrap().len(), 32);
    assert_eq!(skipped.mac_key.as_ref().unwrap().len(), 32);
    assert_eq!(skipped.iv.as_ref().unwrap().len(), 16);
}

#[test]
fn a_pending_ratchet_survives_the_store() {
    let (mut alice, mut bob) = introduced();
    let state = stored(alice.ratchet.as_ref().unwrap())
        .current_session
        .unwrap();
    let pending = state.pending_pre_key.unwrap();
    assert_eq!(
        (pending.pre_key_id, pending.signed_pre_key_id),
        (Some(21), Some(7))
    );
    check(&mut alice, &mut bob, b"first", Kind::PreKey);
}

/// Empty or redundant fields of other clients do no harm.
#[test]
fn habits_of_other_clients_are_read() {
    let (mut alice, mut bob) = acquainted();
    let mut record = stored(alice.ratchet.as_ref().unwrap());
    let state = record.current_session.as_mut().unwrap();
    state.pending_key_exchange = Some(PendingKeyExchange::default());
    state.needs_refresh = None;
    state.receiver_chains[0].sender_ratchet_key_private = Some(Vec::new());
    record.previous_sessions.push(SessionStructure::default());
    record.previous_sessions.push(SessionStructure {
        session_version: Some(0),
        root_key: Some(Vec::new()),
        ..SessionStructure::default()
    });
    let loaded = Ratchet::decode(&record.encode_to_vec()).unwrap();
    assert_eq!(Some(&loaded), alice.ratchet.as_ref());
    alice.ratchet = Some(loaded);
    check(&mut alice, &mut bob, b"goes on", Kind::Message);

    let (alice, _) = introduced();
    let mut record = stored(alice.ratchet.as_ref().unwrap());
    let state = record.current_session.as_mut().unwrap();
    state.pending_pre_key.as_mut().unwrap().pre_key_id = Some(0);
    let mut ratchet = Ratchet::decode(&record.encode_to_vec()).unwrap();
    let sealed = ratchet.encrypt(b"first").unwrap();
    assert_eq!(
        ratchet::parse_prekey(&sealed.bytes).unwrap().prekey_id,
        None
    );
}

#[test]
fn an_empty_record_has_no_ratchet() {
    let empty = RecordStructure {
        current_session: Some(SessionStructure::default()),
        previous_sessions: Vec::new(),
    };
    assert_eq!(
        Ratchet::decode(&empty.encode_to_vec()),
        Ok(Ratchet::default())
    );
    assert_eq!(Ratchet::decode(b""), Ok(Ratchet::default()));
}

#[test]
fn other_forms_are_refused_with_their_reason() {
    assert_eq!(
        Ratchet::decode(b"{\"_sessions\":{}}"),
        Err(RecordError::Malformed)
    );
    assert_eq!(
        SenderKey::decode(b"[{\"senderKeyId\":1}]"),
        Err(RecordError::Malformed)
    );
    let (alice, _) = acquainted();
    let refusal = |change: &dyn Fn(&mut SessionStructure)| {
        let mut record = stored(alice.ratchet.as_ref().unwrap());
        change(record.current_session.as_mut().unwrap());
        Ratchet::decode(&record.encode_to_vec()).unwrap_err()
    };
    let part = |part| RecordError::Part { part };
    assert_eq!(
        refusal(&|state| state.session_version = Some(4)),
        RecordError::Version { found: 4 }
    );
    assert_eq!(
        refusal(&|state| state.session_version = None),
        RecordError::Version { found: 0 }
    );
    assert_eq!(
        refusal(&|state| state.root_key = Some(vec![0; 31])),
        part("root key")
    );
    assert_eq!(
        refusal(&|state| state.remote_identity_public = None),
        part("remote identity")
    );
    let short = Some(vec![5; 32]);
    assert_eq!(
        refusal(&|state| state.local_identity_public = short.clone()),
        part("local identity")
    );
    assert_eq!(
        refusal(&|state| state.alice_base_key = short.clone()),
        part("base key")
    );
    assert_eq!(
        refusal(&|state| state.receiver_chains[0].chain_key = None),
        part("chain key")
    );
    let private = |state: &mut SessionStructure| {
        state
            .sender_chain
            .as_mut()
            .unwrap()
            .sender_ratchet_key_private = None;
    };
    assert_eq!(refusal(&private), part("sender ratchet key"));
}

#[test]
fn sender_keys_are_stored_in_the_form_that_other_clients_use() {
    let mut random = StdRng::seed_from_u64(1);
    let mut writer = SenderKey::create(&mut random);
    writer.encrypt(b"x", &mut random).unwrap();
    let record = SenderKeyRecordStructure::decode(&writer.encode()[..]).unwrap();
    let state = &record.sender_key_states[0];
    assert_eq!(state.sender_key_id, writer.id());
    let chain = state.sender_chain_key.as_ref().unwrap();
    assert_eq!(
        (chain.iteration, chain.seed.as_ref().unwrap().len()),
        (Some(1), 32)
    );
    let signing = state.sender_signing_key.as_ref().unwrap();
    assert_eq!(signing.public.as_ref().unwrap().len(), 33);
    assert_eq!(signing.private.as_ref().unwrap().len(), 32);

    let mut reader = SenderKey::default();
    reader.accept(&writer.distribution().unwrap()).unwrap();
    writer.encrypt(b"lost", &mut random).unwrap();
    let read = writer.encrypt(b"read", &mut random).unwrap();
    assert!(reader.decrypt(&read).is_ok());
    let mut record = SenderKeyRecordStructure::decode(&reader.encode()[..]).unwrap();
    let state = &mut record.sender_key_states[0];
    assert_eq!(state.sender_message_keys[0].iteration, Some(1));
    assert_eq!(
        state.sender_message_keys[0].seed.as_ref().unwrap().len(),
        32
    );
    // Readers have no private half; some clients store it as empty.
    let signing = state.sender_signing_key.as_mut().unwrap();
    assert_eq!(signing.private, None);
    signing.private = Some(Vec::new());
    assert_eq!(SenderKey::decode(&record.encode_to_vec()), Ok(reader));
}
