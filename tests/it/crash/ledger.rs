//! What the simulator saw against what the database holds.
//!
//! Pure: the test fills a [`Ledger`] from the journal and from the rows, and [`Ledger::violations`]
//! says what is wrong with it. Each kind of violation has a test that plants one.

use std::collections::{BTreeMap, BTreeSet};

/// Both sides of all traffic of one account, by message id.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    /// What contacts sent to the account: id and text.
    pub(super) received: Vec<(String, String)>,
    /// Ids of those that the account told the server to forget.
    pub(super) acked: Vec<String>,
    /// Message events in the database: id and text.
    pub(super) events: Vec<(String, String)>,
    /// What applications put into the outbox: id and text.
    pub(super) outbox: Vec<(String, String)>,
    /// Ids in the outbox that count as sent.
    pub(super) sent: Vec<String>,
    /// What contacts read of it: contact, id and text.
    pub(super) read: Vec<(String, String, String)>,
    /// Ciphertexts that left the account: chain, counter and a digest of the bytes.
    pub(super) ciphertexts: Vec<(String, u32, String)>,
}

/// How far the traffic has come when it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// The process is dead: whatever it said to the server must be in the database.
    Killed,
    /// Everything has settled: nothing may be missing either.
    Settled,
}

/// How many violations of each kind there are, and the first few in words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Violations {
    pub(super) lost: Vec<String>,
    pub(super) doubled: Vec<String>,
    pub(super) acked_early: Vec<String>,
    pub(super) counters_reused: Vec<String>,
}

impl Violations {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Ledger {
    pub(super) fn violations(&self, moment: Moment) -> Violations {
        let mut found = Violations::default();
        self.check_incoming(moment, &mut found);
        self.check_outgoing(moment, &mut found);
        self.check_counters(&mut found);
        found
    }

    fn check_incoming(&self, moment: Moment, found: &mut Violations) {
        let mut texts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (id, text) in &self.events {
            texts.entry(id).or_default().push(text);
        }
        for (id, events) in texts.iter().filter(|(_, events)| 1 < events.len()) {
            found
                .doubled
                .push(format!("{} events of {id}", events.len()));
        }
        for id in self
            .acked
            .iter()
            .filter(|id| !texts.contains_key(id.as_str()))
        {
            found
                .acked_early
                .push(format!("{id} was acked and is no event"));
        }
        for (id, text) in self.received.iter().filter(|_| moment == Moment::Settled) {
            match texts.get(id.as_str()) {
                Some(events) if events.contains(&text.as_str()) => (),
                Some(events) => found
                    .lost
                    .push(format!("{id} is {events:?} and not {text:?}")),
                None => found.lost.push(format!("{id} came in and is no event")),
            }
        }
    }

    fn check_outgoing(&self, moment: Moment, found: &mut Violations) {
        let mut seen = BTreeSet::new();
        let mut texts = BTreeMap::new();
        for (contact, id, text) in &self.read {
            if !seen.insert((contact, id)) {
                found.doubled.push(format!("{contact} read {id} twice"));
            }
            if let Some(other) = texts
                .insert((contact, text), id)
                .filter(|other| *other != id)
            {
                found
                    .doubled
                    .push(format!("{contact} read {text:?} as {id} and as {other}"));
            }
        }
        let known: BTreeSet<&String> = self.outbox.iter().map(|(id, _)| id).collect();
        for (_, id, _) in self.read.iter().filter(|(_, id, _)| !known.contains(id)) {
            found
                .acked_early
                .push(format!("{id} left and is not in the outbox"));
        }
        let read: BTreeSet<&String> = self.read.iter().map(|(_, id, _)| id).collect();
        for (id, _) in self.outbox.iter().filter(|_| moment == Moment::Settled) {
            if !read.contains(id) {
                found
                    .lost
                    .push(format!("{id} was in the outbox and nobody read it"));
            }
            if !self.sent.contains(id) {
                found.lost.push(format!("{id} is still not sent"));
            }
        }
    }

    /// One chain key encrypts one text: the same counter with other bytes gives both away.
    fn check_counters(&self, found: &mut Violations) {
        let mut digests: BTreeMap<(&str, u32), &str> = BTreeMap::new();
        for (chain, counter, digest) in &self.ciphertexts {
            let earlier = digests.insert((chain, *counter), digest);
            if earlier.is_some_and(|earlier| earlier != digest) {
                found
                    .counters_reused
                    .push(format!("counter {counter} of chain {chain}"));
            }
        }
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

/// A ledger without fault: two messages each way.
fn sound() -> Ledger {
    let both = pairs(&[("A", "one"), ("B", "two")]);
    let ids = vec!["A".to_owned(), "B".to_owned()];
    let read = |id: &str, text: &str| ("anna".to_owned(), id.to_owned(), text.to_owned());
    let sent = |counter, digest: &str| ("chain".to_owned(), counter, digest.to_owned());
    Ledger {
        received: both.clone(),
        acked: ids.clone(),
        events: both.clone(),
        outbox: both,
        sent: ids,
        read: vec![read("A", "one"), read("B", "two")],
        ciphertexts: vec![sent(0, "x"), sent(1, "y"), sent(1, "y")],
    }
}

fn counts(moment: Moment, spoil: fn(&mut Ledger)) -> [usize; 4] {
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
    // What is under way at a kill is no loss.
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
    check(|ledger| ledger.ciphertexts[2].2 = "z".into(), [0, 0, 0, 1]);
    assert_eq!(
        counts(Moment::Killed, |ledger| ledger.acked.push("C".into())),
        [0, 0, 1, 0]
    );
}
