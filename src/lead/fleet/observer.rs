//! What a host sees of the others, by its own clock.

use std::collections::BTreeMap;

use crate::ids::HostId;

/// How long a lock may be free before its host is taken for dead: one that lives and only lost the
/// session has it back by then.
const LOCK_GRACE_MS: u64 = 200;
/// A process that runs one account may have been told to take its time, and one that stands by
/// speaks seldom.
const OTHERS_SILENCE_MS: u64 = 120_000;

/// One host as the rows have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sign {
    pub host: HostId,
    /// Rises with each heartbeat; compared with itself only.
    pub beats: i64,
    pub serves: bool,
    /// It says that it holds its own lock as long as it lives.
    pub locks: bool,
    /// The lock is held at this moment.
    pub locked: bool,
}

/// What is known of one other host.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    beats: i64,
    moved_ms: u64,
    unlocked_ms: Option<u64>,
}

/// Judges the others. Times are milliseconds of the observer's own clock, which goes on while the
/// machine sleeps; only differences mean anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observer {
    me: Option<HostId>,
    silence_ms: u64,
    seen: BTreeMap<HostId, Seen>,
    looked_ms: Option<u64>,
    /// Free locks say nothing before: after an outage everybody gets the time to be back.
    trusted_ms: u64,
}

impl Observer {
    /// A host that says nothing for `silence_ms` is dead. Whoever begins to look soon after the
    /// server began, `server_ms` ago, may have missed an outage; `None` where none ends a lock.
    pub fn new(me: HostId, silence_ms: u64, now_ms: u64, server_ms: Option<u64>) -> Self {
        let grace_ms = server_ms.map_or(0, |server_ms| silence_ms.saturating_sub(server_ms));
        Self {
            me: Some(me),
            silence_ms,
            seen: BTreeMap::new(),
            looked_ms: None,
            trusted_ms: now_ms + grace_ms,
        }
    }

    /// One that is not among the hosts that it looks at, none of which serves.
    pub fn of_idle() -> Self {
        Self {
            me: None,
            silence_ms: OTHERS_SILENCE_MS,
            seen: BTreeMap::new(),
            looked_ms: None,
            trusted_ms: 0,
        }
    }

    /// The hosts could not be looked at: what was seen before says nothing about meanwhile.
    pub fn blind(&mut self, now_ms: u64) {
        self.seen.clear();
        self.looked_ms = None;
        self.trusted_ms = now_ms + self.silence_ms;
    }

    /// Takes in a look that is answered now. The hosts that are to be declared dead, each only if
    /// its counter still stands there.
    pub fn look(&mut self, now_ms: u64, signs: &[Sign]) -> Vec<(HostId, i64)> {
        // Whoever was stopped for a while cannot say that a lock was free all the time.
        let stopped = |at: u64| at + self.silence_ms / 2 < now_ms;
        if self.looked_ms.is_some_and(stopped) {
            for seen in self.seen.values_mut() {
                seen.unlocked_ms = None;
            }
        }
        self.looked_ms = Some(now_ms);
        self.seen
            .retain(|id, _| signs.iter().any(|sign| sign.host == *id));
        let others = signs.iter().filter(|sign| Some(sign.host) != self.me);
        let mut dead = Vec::new();
        for sign in others {
            let seen = self.seen.entry(sign.host).or_insert(Seen {
                beats: sign.beats,
                moved_ms: now_ms,
                unlocked_ms: None,
            });
            if seen.beats != sign.beats {
                (seen.beats, seen.moved_ms) = (sign.beats, now_ms);
            }
            let lost = sign.serves && sign.locks && !sign.locked;
            seen.unlocked_ms = lost.then_some(seen.unlocked_ms.unwrap_or(now_ms));
            let silence_ms = match sign.serves {
                true => self.silence_ms,
                false => OTHERS_SILENCE_MS,
            };
            let unlocked = seen.unlocked_ms;
            let unlocked = unlocked.is_some_and(|since| since + LOCK_GRACE_MS <= now_ms);
            let silent = seen.moved_ms + silence_ms <= now_ms;
            if silent || (unlocked && self.trusted_ms <= now_ms) {
                dead.push((sign.host, sign.beats));
            }
        }
        dead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE_MS: u64 = 2_000;

    fn host(number: u8) -> HostId {
        HostId::from_random([number; 16])
    }

    /// A look at host 2: when; its counter and whether its lock is held, `None` for a look that
    /// failed; whether it is dead.
    type Look = (u64, Option<(i64, bool)>, bool);

    fn check(looks: &[Look]) {
        check_since(None, looks);
    }

    /// The same soon after the server began.
    fn check_since(server_ms: Option<u64>, looks: &[Look]) {
        let mut observer = Observer::new(host(1), SILENCE_MS, 0, server_ms);
        for (now_ms, seen, dead) in looks {
            let Some((beats, locked)) = *seen else {
                observer.blind(*now_ms);
                continue;
            };
            let sign = |host, beats, locked| Sign {
                host,
                beats,
                serves: true,
                locks: true,
                locked,
            };
            let signs = [sign(host(1), 0, false), sign(host(2), beats, locked)];
            let found = observer.look(*now_ms, &signs);
            let expected = dead.then_some((host(2), beats));
            assert_eq!(found, Vec::from_iter(expected), "at {now_ms}");
        }
    }

    #[test]
    fn a_counter_that_stands_still_is_death() {
        check(&[
            (0, Some((7, true)), false),
            (1_999, Some((7, true)), false),
            (2_000, Some((7, true)), true),
            (2_100, Some((8, true)), false),
            (4_100, Some((8, true)), true),
        ]);
    }

    #[test]
    fn so_is_a_lock_that_stays_free() {
        check(&[
            (0, Some((7, true)), false),
            (100, Some((7, false)), false),
            (299, Some((7, false)), false),
            // It was only its session.
            (310, Some((8, true)), false),
            (400, Some((8, false)), false),
            (600, Some((8, false)), true),
        ]);
    }

    #[test]
    fn whoever_begins_with_the_server_gives_all_the_time_to_be_back() {
        let free = Some((7, false));
        check_since(Some(60_000), &[(0, free, false), (200, free, true)]);
        check_since(
            Some(500),
            &[
                (0, free, false),
                (800, free, false),
                (1_499, free, false),
                (1_500, free, true),
            ],
        );
    }

    #[test]
    fn nothing_is_concluded_from_what_was_not_seen() {
        check(&[
            (0, Some((7, true)), false),
            (100, None, false),
            // Everybody lost the lock with the server, and has two seconds to be back.
            (200, Some((7, false)), false),
            (1_900, Some((7, false)), false),
            (2_100, Some((7, false)), true),
            // This host was stopped for a while.
            (2_200, Some((8, true)), false),
            (2_300, Some((8, false)), false),
            (3_500, Some((9, false)), false),
            (3_600, Some((9, false)), false),
            (3_700, Some((9, false)), true),
        ]);
    }
}
