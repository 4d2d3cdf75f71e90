//! Conversations of two devices.

use proptest::prelude::*;

use super::*;
use crate::signal::ARCHIVED_MAX;
use crate::signal::SKIPPED_MAX;

#[test]
fn a_conversation_turns_the_ratchet_both_ways() {
    let (mut alice, mut bob) = introduced();
    check(&mut alice, &mut bob, b"one", Kind::PreKey);
    check(&mut alice, &mut bob, b"two", Kind::PreKey);
    assert!(alice.ratchet.as_ref().unwrap().is_unanswered());
    for round in 0..10 {
        check(&mut bob, &mut alice, &[round; 30], Kind::Message);
        check(&mut alice, &mut bob, &[round; 16], Kind::Message);
        check(&mut alice, &mut bob, b"", Kind::Message);
    }
    let ratchet = alice.ratchet.unwrap();
    assert!(ratchet.is_open() && !ratchet.is_unanswered());
    assert_eq!(ratchet.remote_identity(), Some(bob.own.pair.public));
    assert_eq!(ratchet.remote_registration_id(), Some(2));
    assert_eq!(ratchet.base_key(), bob.ratchet.unwrap().base_key());
}

#[test]
fn a_ratchet_starts_without_a_one_time_key() {
    let (mut alice, mut bob) = (Device::new(1), Device::new(2));
    bob.one_time = None;
    alice.start(&bob.bundle()).unwrap();
    check(&mut alice, &mut bob, b"one", Kind::PreKey);
    check(&mut bob, &mut alice, b"two", Kind::Message);
}

#[test]
fn a_bundle_with_a_wrong_signature_starts_nothing() {
    let (mut alice, bob) = (Device::new(1), Device::new(2));
    let refused = |alice: &mut Device, bundle: &Bundle| {
        assert_eq!(alice.start(bundle), Err(RatchetError::BundleSignature));
        assert_eq!(alice.ratchet, None);
    };
    let mut bundle = bob.bundle();
    bundle.signature[9] ^= 1;
    refused(&mut alice, &bundle);
    let mut bundle = bob.bundle();
    bundle.signed_public = Device::new(3).signed.pair.public;
    refused(&mut alice, &bundle);
    let mut bundle = bob.bundle();
    bundle.identity = Device::new(3).own.pair.public;
    refused(&mut alice, &bundle);
}

#[test]
fn a_message_comes_once() {
    let (mut alice, mut bob) = introduced();
    let first = alice.send(b"first");
    let second = alice.send(b"second");
    assert_eq!(bob.receive(&first).unwrap(), b"first");
    // The pre-key is used up; the existing ratchet recognises the message.
    assert_eq!(
        bob.receive(&first),
        Err(RatchetError::Duplicate { counter: 0 })
    );
    assert_eq!(bob.receive(&second).unwrap(), b"second");
    assert_eq!(
        bob.receive(&second),
        Err(RatchetError::Duplicate { counter: 1 })
    );

    let answer = bob.send(b"answer");
    assert_eq!(alice.receive(&answer).unwrap(), b"answer");
    assert_eq!(
        alice.receive(&answer),
        Err(RatchetError::Duplicate { counter: 0 })
    );
}

#[test]
fn first_messages_may_come_in_any_order() {
    let (mut alice, mut bob) = introduced();
    let sent: Vec<_> = (0..4_u8).map(|round| alice.send(&[round])).collect();
    for at in [2, 0, 3, 1] {
        assert_eq!(bob.receive(&sent[at]).unwrap(), [at as u8]);
    }
}

#[test]
fn late_messages_of_earlier_chains_are_read() {
    let (mut alice, mut bob) = acquainted();
    let mut late = Vec::new();
    for round in 0..4 {
        late.push(alice.send(&[round, 0]));
        late.push(alice.send(&[round, 1]));
        check(&mut alice, &mut bob, b"now", Kind::Message);
        check(&mut bob, &mut alice, b"and back", Kind::Message);
    }
    for (at, sealed) in late.iter().enumerate().rev() {
        assert_eq!(bob.receive(sealed).unwrap(), [at as u8 / 2, at as u8 % 2]);
    }
    for sealed in &late {
        let counter = sealed.counter;
        assert_eq!(
            bob.receive(sealed),
            Err(RatchetError::Duplicate { counter })
        );
    }
}

#[test]
fn chains_older_than_five_turns_are_gone() {
    let (mut alice, mut bob) = acquainted();
    let late = alice.send(b"late");
    for _ in 0..6 {
        check(&mut alice, &mut bob, b"now", Kind::Message);
        check(&mut bob, &mut alice, b"and back", Kind::Message);
    }
    assert_eq!(bob.receive(&late), Err(RatchetError::UnknownChain));
}

#[test]
fn messages_may_be_ahead_up_to_the_limit() {
    let (mut alice, mut bob) = acquainted();
    let sent: Vec<_> = (0..=SKIPPED_MAX + 1)
        .map(|_| alice.ratchet.as_mut().unwrap().encrypt(b"x").unwrap())
        .collect();
    let counter = SKIPPED_MAX as u32 + 1;
    let far = RatchetError::TooFarAhead {
        counter,
        expected: 0,
    };
    assert_eq!(bob.receive(&sent[SKIPPED_MAX + 1]), Err(far));
    assert_eq!(bob.receive(&sent[SKIPPED_MAX]).unwrap(), b"x");
    assert_eq!(bob.receive(&sent[0]).unwrap(), b"x");
    // If there are too many keys, the oldest is dropped.
    let more: Vec<_> = (0..3)
        .map(|_| alice.ratchet.as_mut().unwrap().encrypt(b"y").unwrap())
        .collect();
    assert_eq!(bob.receive(&more[2]).unwrap(), b"y");
    assert_eq!(
        bob.receive(&sent[1]),
        Err(RatchetError::Duplicate { counter: 1 })
    );
    assert_eq!(bob.receive(&sent[5]).unwrap(), b"x");
    assert_eq!(bob.receive(&more[0]).unwrap(), b"y");
}

#[test]
fn a_record_that_stepped_back_encrypts_nothing_until_it_is_replaced() {
    // Including first messages that the peer has not answered.
    for (mut alice, mut bob) in [introduced(), acquainted()] {
        let mut back = alice.ratchet.clone().unwrap();
        for _ in 0..300 {
            alice.send(b"lost");
        }
        back.close();
        assert!(!back.is_open());
        assert_eq!(back.encrypt(b"x"), Err(RatchetError::NoSession));
        let back = Ratchet::decode(&back.encode()).unwrap();
        assert!(ratchet::is_ended(&back.encode()));
        alice.ratchet = Some(back);
        // A message on the peer's known chain is decrypted and reopens nothing.
        if bob.ratchet.as_ref().is_some_and(Ratchet::is_open) {
            let late = bob.send(b"late");
            assert_eq!(alice.receive(&late), Ok(b"late".to_vec()));
        }
        alice.start(&bob.bundle()).unwrap();
        assert!(!ratchet::is_ended(
            &alice.ratchet.as_ref().unwrap().encode()
        ));
        check(&mut alice, &mut bob, b"after", Kind::PreKey);
        check(&mut bob, &mut alice, b"and back", Kind::Message);
    }
}

#[test]
fn an_ended_ratchet_encrypts_again_once_the_peer_turned_it() {
    let (mut alice, mut bob) = acquainted();
    let mut back = alice.ratchet.clone().unwrap();
    check(&mut alice, &mut bob, b"lost", Kind::Message);
    back.close();
    alice.ratchet = Some(back);
    // The peer's reply to a lost message causes a ratchet step with a new key of ours.
    check(&mut bob, &mut alice, b"answer to it", Kind::Message);
    let ratchet = alice.ratchet.as_ref().unwrap();
    assert!(ratchet.is_open() && !ratchet::is_ended(&ratchet.encode()));
    check(&mut alice, &mut bob, b"after", Kind::Message);
    check(&mut bob, &mut alice, b"and back", Kind::Message);
}

#[test]
fn both_sides_may_start_at_once() {
    let (mut alice, mut bob) = (Device::new(1), Device::new(2));
    alice.start(&bob.bundle()).unwrap();
    bob.start(&alice.bundle()).unwrap();
    let (to_bob, to_alice) = (alice.send(b"from alice"), bob.send(b"from bob"));
    assert_eq!(bob.receive(&to_bob).unwrap(), b"from alice");
    assert_eq!(alice.receive(&to_alice).unwrap(), b"from bob");
    for round in 0..6_u8 {
        let (to_bob, to_alice) = (alice.send(&[round, 1]), bob.send(&[round, 2]));
        assert_eq!(bob.receive(&to_bob).unwrap(), [round, 1]);
        assert_eq!(alice.receive(&to_alice).unwrap(), [round, 2]);
    }
    // Once they take turns, both use the same ratchet.
    check(&mut alice, &mut bob, b"a", Kind::Message);
    check(&mut bob, &mut alice, b"b", Kind::Message);
    assert_eq!(
        alice.ratchet.unwrap().base_key(),
        bob.ratchet.unwrap().base_key()
    );
}

#[test]
fn an_archived_ratchet_comes_back_when_the_peer_uses_it() {
    let (mut alice, mut bob) = acquainted();
    let first = alice.ratchet.as_ref().unwrap().base_key();
    let pending = alice.send(b"under way");
    bob.start(&alice.bundle()).unwrap();
    assert_ne!(bob.ratchet.as_ref().unwrap().base_key(), first);
    assert_eq!(bob.receive(&pending).unwrap(), b"under way");
    assert_eq!(bob.ratchet.as_ref().unwrap().base_key(), first);
    check(&mut bob, &mut alice, b"as before", Kind::Message);
}

#[test]
fn archived_ratchets_are_bounded() {
    let (mut alice, mut bob) = acquainted();
    let oldest = bob.send(b"oldest");
    let newer = {
        check(&mut alice, &mut bob, b"turn", Kind::Message);
        bob.send(b"newer")
    };
    let mut bundle = bob.bundle();
    bundle.one_time = None;
    for _ in 0..ARCHIVED_MAX {
        alice.start(&bundle).unwrap();
    }
    assert_eq!(alice.receive(&oldest).unwrap(), b"oldest");
    // That moved the oldest ratchet to the front; now it is last again.
    for _ in 0..=ARCHIVED_MAX {
        alice.start(&bundle).unwrap();
    }
    assert_eq!(alice.receive(&newer), Err(RatchetError::UnknownChain));
}

#[test]
fn an_archived_ratchet_does_not_encrypt() {
    let (mut alice, mut bob) = acquainted();
    let ratchet = alice.ratchet.as_mut().unwrap();
    ratchet.archive();
    assert!(!ratchet.is_open());
    assert_eq!(ratchet.encrypt(b"x"), Err(RatchetError::NoSession));
    check(&mut bob, &mut alice, b"still read", Kind::Message);
    assert!(alice.ratchet.as_ref().unwrap().is_open());
    let mut nobody = Ratchet::default();
    nobody.archive();
    assert_eq!(nobody, Ratchet::default());
    assert_eq!(nobody.encrypt(b"x"), Err(RatchetError::NoSession));
}

#[test]
fn a_message_needs_the_keys_that_it_names() {
    let (mut alice, mut bob) = introduced();
    let sealed = alice.send(b"first");
    let one_time = bob.one_time.take();
    assert_eq!(
        bob.receive(&sealed),
        Err(RatchetError::MissingPreKey { id: 21 })
    );
    bob.one_time = Some(PreKey {
        id: 22,
        ..one_time.clone().unwrap()
    });
    assert_eq!(
        bob.receive(&sealed),
        Err(RatchetError::MissingPreKey { id: 21 })
    );
    bob.one_time = one_time;
    bob.signed.id = 8;
    assert_eq!(
        bob.receive(&sealed),
        Err(RatchetError::MissingSignedPreKey { id: 7 })
    );
    bob.signed.id = 7;
    assert_eq!(bob.receive(&sealed).unwrap(), b"first");
}

#[test]
fn a_message_without_a_ratchet_says_so() {
    let (mut alice, mut bob) = acquainted();
    bob.ratchet = Some(Ratchet::default());
    let sealed = alice.send(b"lost");
    assert_eq!(bob.receive(&sealed), Err(RatchetError::NoSession));
}

/// The next action of the network.
#[derive(Clone, Debug)]
enum Step {
    Send { from_alice: bool },
    Deliver { to_alice: bool, at: usize },
    Drop { to_alice: bool, at: usize },
    Repeat { to_alice: bool, at: usize },
    Restart { alice: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => any::<bool>().prop_map(|from_alice| Step::Send { from_alice }),
        5 => (any::<bool>(), 0..8_usize).prop_map(|(to_alice, at)| Step::Deliver { to_alice, at }),
        1 => (any::<bool>(), 0..8_usize).prop_map(|(to_alice, at)| Step::Drop { to_alice, at }),
        1 => (any::<bool>(), 0..8_usize).prop_map(|(to_alice, at)| Step::Repeat { to_alice, at }),
        1 => any::<bool>().prop_map(|alice| Step::Restart { alice }),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Under any behaviour of the network, each message that arrives is decrypted exactly once.
    #[test]
    fn every_message_that_comes_is_read_once(steps in steps()) {
        let (alice, bob) = introduced();
        let bundles = [alice.bundle(), bob.bundle()];
        let bundles = bundles.map(|bundle| Bundle { one_time: None, ..bundle });
        let mut devices = [alice, bob];
        let mut under_way: [Vec<(Vec<u8>, Sealed)>; 2] = [Vec::new(), Vec::new()];
        let mut read: [Vec<Sealed>; 2] = [Vec::new(), Vec::new()];
        // Chains are dropped after five ratchet steps. Few restarts keep messages from being that
        // late.
        let mut restarts = 0;
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Send { from_alice } => {
                    let from = usize::from(!from_alice);
                    if devices[from].ratchet.is_none() {
                        continue;
                    }
                    let text = number.to_be_bytes().to_vec();
                    let sealed = devices[from].send(&text);
                    under_way[1 - from].push((text, sealed));
                }
                Step::Deliver { to_alice, at } => {
                    let to = usize::from(!to_alice);
                    // At most four messages are late, because older chains may be gone.
                    if under_way[to].is_empty() {
                        continue;
                    }
                    let at = at.min(under_way[to].len() - 1).min(3);
                    let (text, sealed) = under_way[to].remove(at);
                    prop_assert_eq!(devices[to].receive(&sealed), Ok(text));
                    read[to].push(sealed);
                }
                Step::Drop { to_alice, at } => {
                    let to = usize::from(!to_alice);
                    if at < under_way[to].len() {
                        under_way[to].remove(at);
                    }
                }
                Step::Repeat { to_alice, at } => {
                    let to = usize::from(!to_alice);
                    if let Some(sealed) = read[to].iter().rev().nth(at) {
                        prop_assert!(devices[to].receive(sealed).is_err());
                    }
                }
                Step::Restart { alice } if restarts < 3 => {
                    restarts += 1;
                    let own = usize::from(!alice);
                    devices[own].start(&bundles[1 - own]).unwrap();
                }
                Step::Restart { .. } => (),
            }
        }
    }
}
