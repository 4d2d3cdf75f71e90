//! Tests with one injected fault for each kind of violation.

use super::*;
use crate::ids::Jid;

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

/// Returns a ledger without violations: two messages in each direction.
fn sound() -> DeliveryAudit {
    let both = pairs(&[("A", "one"), ("B", "two")]);
    let ids = vec!["A".to_owned(), "B".to_owned()];
    let read = |id: &str, text: &str| ("anna".to_owned(), id.to_owned(), text.to_owned());
    DeliveryAudit {
        received: both.clone(),
        acked: ids.clone(),
        events: both.clone(),
        outbox: both,
        sent: ids,
        read: vec![read("A", "one"), read("B", "two")],
        breaches: Vec::new(),
    }
}

fn counts(moment: Moment, spoil: fn(&mut DeliveryAudit)) -> [usize; 4] {
    let mut ledger = sound();
    spoil(&mut ledger);
    let found = ledger.violations(moment);
    let lists = [
        found.lost,
        found.doubled,
        found.acked_early,
        found.counters_reused,
    ];
    lists.map(|list| list.len())
}

#[test]
fn a_sound_ledger_has_no_violation() {
    assert!(sound().violations(Moment::Settled).is_empty());
    // A message in transit when the process is killed is not lost.
    let check = |spoil| assert_eq!(counts(Moment::Killed, spoil), [0; 4]);
    check(|ledger| ledger.read.clear());
    check(|ledger| ledger.sent.clear());
    check(|ledger| ledger.received.push(("C".into(), "three".into())));
}

#[test]
fn each_violation_is_found() {
    let check = |spoil, expected| assert_eq!(counts(Moment::Settled, spoil), expected);
    check(
        |ledger| ledger.received.push(("C".into(), "three".into())),
        [1, 0, 0, 0],
    );
    check(|ledger| ledger.events[0].1 = "other".into(), [1, 0, 0, 0]);
    check(
        |ledger| ledger.events.push(("A".into(), "one".into())),
        [0, 1, 0, 0],
    );
    check(|ledger| ledger.acked.push("C".into()), [0, 0, 1, 0]);
    check(
        |ledger| ledger.outbox.push(("C".into(), "three".into())),
        [2, 0, 0, 0],
    );
    check(|ledger| ledger.sent.truncate(1), [1, 0, 0, 0]);
    check(
        |ledger| ledger.read.push(ledger.read[0].clone()),
        [0, 1, 0, 0],
    );
    check(
        |ledger| ledger.read.push(("anna".into(), "C".into(), "one".into())),
        [0, 1, 1, 0],
    );
    check(
        |ledger| {
            ledger.breaches.push(Breach::MessageKeyReused {
                device: Jid::user("1").with_device(1),
                to: Jid::user("2"),
                counter: 7,
            });
        },
        [0, 0, 0, 1],
    );
    assert_eq!(
        counts(Moment::Killed, |ledger| ledger.acked.push("C".into())),
        [0, 0, 1, 0]
    );
}
