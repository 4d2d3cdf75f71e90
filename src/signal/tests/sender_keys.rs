//! One device writes to a group, and others read.

use prost::Message;
use wmctl_proto::records::SenderKeyRecordStructure;
use wmctl_proto::signal::{SenderKeyDistributionMessage, SenderKeyMessage};

use super::*;
use crate::crypto::xeddsa;
use crate::signal::SKIPPED_MAX;
use crate::signal::sender_key::{STATES_MAX, SenderKey, SenderKeyError};

struct Group {
    random: StdRng,
    writer: SenderKey,
    reader: SenderKey,
}

impl Group {
    fn new() -> Self {
        let mut random = StdRng::seed_from_u64(5);
        let writer = SenderKey::create(&mut random);
        let mut reader = SenderKey::default();
        reader.accept(&writer.distribution().unwrap()).unwrap();
        Self {
            random,
            writer,
            reader,
        }
    }

    fn write(&mut self, text: &[u8]) -> Vec<u8> {
        self.writer = SenderKey::decode(&self.writer.encode()).unwrap();
        self.writer.encrypt(text, &mut self.random).unwrap()
    }

    fn read(&mut self, bytes: &[u8]) -> Result<Vec<u8>, SenderKeyError> {
        let loaded = SenderKey::decode(&self.reader.encode()).unwrap();
        assert_eq!(loaded, self.reader);
        self.reader = loaded;
        let before = self.reader.clone();
        let result = self.reader.decrypt(bytes);
        if result.is_err() {
            assert_eq!(self.reader, before, "a refused message must change nothing");
        }
        result
    }
}

#[test]
fn members_read_in_any_order_and_once() {
    let mut group = Group::new();
    let sent: Vec<_> = (0..5_u8).map(|text| group.write(&[text])).collect();
    for at in [1, 4, 0, 2, 3] {
        assert_eq!(group.read(&sent[at]), Ok(vec![at as u8]));
    }
    for (at, message) in sent.iter().enumerate() {
        let iteration = at as u32;
        assert_eq!(
            group.read(message),
            Err(SenderKeyError::Duplicate { iteration })
        );
    }
}

#[test]
fn a_record_tells_whether_it_is_ours() {
    let group = Group::new();
    assert!(group.writer.is_ours() && !group.reader.is_ours());
    let stored = SenderKey::decode(&group.writer.encode()).unwrap();
    assert!(stored.is_ours());
}

#[test]
fn a_late_member_reads_only_from_then_on() {
    let mut group = Group::new();
    let before = group.write(b"before");
    let mut late = SenderKey::default();
    late.accept(&group.writer.distribution().unwrap()).unwrap();
    assert_eq!(
        late.decrypt(&before),
        Err(SenderKeyError::Duplicate { iteration: 0 })
    );
    let after = group.write(b"after");
    assert_eq!(late.decrypt(&after), Ok(b"after".to_vec()));
}

#[test]
fn a_chain_does_not_go_back() {
    let mut group = Group::new();
    let distribution = group.writer.distribution().unwrap();
    let first = group.write(b"first");
    assert_eq!(group.read(&first), Ok(b"first".to_vec()));
    group.reader.accept(&distribution).unwrap();
    assert_eq!(
        group.read(&first),
        Err(SenderKeyError::Duplicate { iteration: 0 })
    );
    let second = group.write(b"second");
    assert_eq!(group.read(&second), Ok(b"second".to_vec()));
}

#[test]
fn old_chains_are_kept_for_a_while() {
    let mut group = Group::new();
    let late = group.write(b"late");
    for round in 1..=STATES_MAX {
        let expected = if round < STATES_MAX {
            Ok(b"late".to_vec())
        } else {
            Err(SenderKeyError::NoKey {
                id: group.writer.id().unwrap(),
            })
        };
        let fresh = SenderKey::create(&mut group.random);
        group.reader.accept(&fresh.distribution().unwrap()).unwrap();
        assert_eq!(
            group.reader.clone().decrypt(&late),
            expected,
            "after {round}"
        );
    }
}

/// Whatsmeow stores a chain again with each message that distributes it.
#[test]
fn a_chain_that_is_kept_more_than_once_reads_what_was_late() {
    let mut random = StdRng::seed_from_u64(1);
    let mut writer = SenderKey::create(&mut random);
    let (mut record, mut sealed) = (SenderKeyRecordStructure::default(), Vec::new());
    for number in 0..4_u8 {
        let mut reader = SenderKey::default();
        reader.accept(&writer.distribution().unwrap()).unwrap();
        sealed.push(writer.encrypt(&[number], &mut random).unwrap());
        if number == 2 {
            continue; // It comes late.
        }
        reader.decrypt(&sealed[usize::from(number)]).unwrap();
        let state = SenderKeyRecordStructure::decode(&reader.encode()[..]).unwrap();
        record
            .sender_key_states
            .splice(0..0, state.sender_key_states);
    }
    let mut reader = SenderKey::decode(&record.encode_to_vec()).unwrap();
    assert_eq!(reader.encode(), record.encode_to_vec());
    assert_eq!(reader.decrypt(&sealed[2]).unwrap(), [2]);
    let again = reader.decrypt(&sealed[2]);
    assert_eq!(again, Err(SenderKeyError::Duplicate { iteration: 2 }));
    let next = writer.encrypt(&[4], &mut random).unwrap();
    assert_eq!(reader.decrypt(&next).unwrap(), [4]);
    let again = reader.decrypt(&next);
    assert_eq!(again, Err(SenderKeyError::Duplicate { iteration: 4 }));
}

#[test]
fn readers_cannot_write() {
    let mut group = Group::new();
    let error = group.reader.encrypt(b"x", &mut group.random).unwrap_err();
    assert_eq!(error, SenderKeyError::NotOurs);
    assert_eq!(
        SenderKey::default().distribution(),
        Err(SenderKeyError::NotOurs)
    );
}

#[test]
fn every_changed_byte_is_refused() {
    let mut group = Group::new();
    let message = group.write(b"text");
    for at in 0..message.len() {
        let mut changed = message.clone();
        changed[at] ^= 0x20;
        assert!(group.read(&changed).is_err(), "byte {at}");
    }
    for length in 0..message.len() {
        assert!(group.read(&message[..length]).is_err(), "{length} bytes");
    }
    let mut forged = message.clone();
    let signed = message.len() - 64;
    let other = KeyPair::from_private([9; 32]);
    forged[signed..].copy_from_slice(&xeddsa::sign(&other.private, &message[..signed], &[1; 64]));
    assert_eq!(group.read(&forged), Err(SenderKeyError::BadSignature));
    assert_eq!(group.read(&message), Ok(b"text".to_vec()));
}

#[test]
fn messages_may_be_ahead_up_to_the_limit() {
    let mut group = Group::new();
    let mut sent = Vec::new();
    for _ in 0..SKIPPED_MAX + 2 {
        sent.push(group.writer.encrypt(b"x", &mut group.random).unwrap());
    }
    let iteration = SKIPPED_MAX as u32 + 1;
    let far = SenderKeyError::TooFarAhead {
        iteration,
        expected: 0,
    };
    assert_eq!(group.read(&sent[SKIPPED_MAX + 1]), Err(far));
    assert_eq!(group.read(&sent[SKIPPED_MAX]), Ok(b"x".to_vec()));
    assert_eq!(group.read(&sent[0]), Ok(b"x".to_vec()));
}

/// Some clients skip every odd counter.
#[test]
fn numbers_may_be_left_out() {
    let mut group = Group::new();
    for text in 0..6_u8 {
        let message = group.write(&[text]);
        if text % 2 == 0 {
            assert_eq!(group.read(&message), Ok(vec![text]));
        }
    }
}

#[test]
fn a_distribution_without_its_parts_is_refused() {
    let group = Group::new();
    let distribution = group.writer.distribution().unwrap();
    let refusal = |change: &dyn Fn(&mut SenderKeyDistributionMessage)| {
        let mut body = SenderKeyDistributionMessage::decode(&distribution[1..]).unwrap();
        change(&mut body);
        let bytes = [&distribution[..1], &body.encode_to_vec()].concat();
        SenderKey::default().accept(&bytes).unwrap_err()
    };
    assert_eq!(refusal(&|body| body.id = None), SenderKeyError::Malformed);
    assert_eq!(
        refusal(&|body| body.iteration = None),
        SenderKeyError::Malformed
    );
    assert_eq!(
        refusal(&|body| body.chain_key = Some(vec![0; 31])),
        SenderKeyError::Malformed
    );
    assert_eq!(
        refusal(&|body| body.signing_key = Some(vec![5; 32])),
        SenderKeyError::Malformed
    );
    let mut newer = distribution;
    newer[0] = 0x43;
    assert_eq!(
        SenderKey::default().accept(&newer),
        Err(SenderKeyError::Version { found: 4 })
    );
    let body = SenderKeyMessage {
        id: Some(1),
        iteration: Some(0),
        ciphertext: Some(vec![]),
    };
    let message = [&[0x33][..], &body.encode_to_vec(), &[0; 64]].concat();
    assert_eq!(
        SenderKey::default().decrypt(&message),
        Err(SenderKeyError::NoKey { id: 1 })
    );
}
