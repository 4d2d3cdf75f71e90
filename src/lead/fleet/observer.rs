//! A host's observation of the other hosts, by its own clock.

use std::collections::BTreeMap;

use crate::ids::HostId;

/// Shortest time in ms that a lock must be free before its host is considered dead. A live host
/// that lost only its session sends a heartbeat within this time. Two logins to the database are
/// added.
const LOCK_GRACE_MS: u64 = 200;
const GRACE_LOGINS: u64 = 2;
/// Shortest timeout for processes that are not `serve` hosts. A process that runs one account may
/// have a long timeout of its own, and a standby sends heartbeats rarely.
const OTHERS_SILENCE_MS: u64 = 120_000;
/// Longest interval between heartbeats, in ms, and least number of heartbeats per timeout. With
/// four, one late heartbeat still leaves permission until the next.
const BEAT_MS: u64 = 1_000;
const BEATS: u64 = 4;

/// Returns the interval between heartbeats of a host that is dead after `silence_ms` without one.
pub fn beat_every_ms(silence_ms: u64) -> u64 {
    BEAT_MS.min(silence_ms / BEATS)
}

/// One host as read from the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostSighting {
    pub host: HostId,
    /// Rises with each heartbeat; compared only with earlier values of the same host.
    pub beats: i64,
    pub serves: bool,
    /// The host states that it holds its own lock as long as it runs.
    pub locks: bool,
    /// The lock is held at this moment.
    pub locked: bool,
    /// The host's own timeout in ms.
    pub silence_ms: Option<u64>,
}

/// What is known of one other host.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    beats: i64,
    moved_ms: u64,
    lock: Lock,
}

/// Whether the host's lock indicates that the host is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lock {
    /// The lock is held, or the host does not state that it holds it.
    Silent,
    /// The lock was first seen free at this time, in ms.
    Free(u64),
    /// The lock is free, and the host sent a heartbeat since: it lost only its session.
    Excused,
}

/// Decides which other hosts are dead. Times are ms of the observer's own clock, which also runs
/// while the machine sleeps. Only differences between times have a meaning.
///
/// Only uninterrupted observation counts as silence. All observations are dropped after a slow
/// read, after a gap between two reads, and while the observer's own heartbeats are not answered.
/// The same cause may have delayed the heartbeats of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observer {
    me: Option<HostId>,
    silence_ms: u64,
    seen: BTreeMap<HostId, Seen>,
    looked_ms: Option<u64>,
    /// When the newest answered heartbeat of this host was sent.
    beaten_ms: u64,
    /// Start and duration, in ms, of recent successful logins to the database.
    logins: Vec<(u64, u64)>,
    /// This host holds its own lock; false until it was seen held once.
    own_lock: bool,
    /// Earliest time at which a free lock counts. After an outage, all hosts get time to reconnect.
    trusted_ms: u64,
}

impl Observer {
    /// Creates the observer of a host. Another host is dead after `silence_ms` without a heartbeat,
    /// or after its own timeout if it states one. `server_ms` is the age of the database server: if
    /// it started recently, the observer may have missed an outage. `None` if no outage releases
    /// the locks.
    pub fn new(me: HostId, silence_ms: u64, now_ms: u64, server_ms: Option<u64>) -> Self {
        let grace_ms = server_ms.map_or(0, |server_ms| silence_ms.saturating_sub(server_ms));
        Self {
            me: Some(me),
            silence_ms,
            beaten_ms: now_ms,
            trusted_ms: now_ms + grace_ms,
            ..Self::of_idle()
        }
    }

    /// Creates an observer that is not among the observed hosts, and never trusts free locks.
    pub fn of_idle() -> Self {
        Self {
            me: None,
            silence_ms: OTHERS_SILENCE_MS,
            seen: BTreeMap::new(),
            looked_ms: None,
            beaten_ms: 0,
            logins: Vec::new(),
            own_lock: false,
            trusted_ms: 0,
        }
    }

    /// Records that the hosts could not be read: earlier observations no longer count.
    pub fn blind(&mut self, now_ms: u64) {
        self.seen.clear();
        self.looked_ms = None;
        self.trusted_ms = self.trusted_ms.max(now_ms + self.silence_ms);
    }

    /// Records the answer to an own heartbeat sent at `sent_ms`.
    pub fn beaten(&mut self, sent_ms: u64) {
        self.beaten_ms = self.beaten_ms.max(sent_ms);
    }

    /// Records that the own lock was lost: the same cause may have released the locks of others.
    pub fn lost_lock(&mut self, at_ms: u64) {
        self.trusted_ms = self.trusted_ms.max(at_ms + self.silence_ms);
    }

    /// Returns true if a lock is free and no login was measured since. Another host that lost only
    /// its session needs about the same time to send a heartbeat.
    pub fn wants_login(&self) -> bool {
        let last_ms = self.logins.last().map(|(began_ms, _)| *began_ms);
        let measured = |free_ms| last_ms.is_some_and(|began_ms| free_ms <= began_ms);
        let mut locks = self.seen.values().map(|seen| seen.lock);
        locks.any(|lock| matches!(lock, Lock::Free(at) if !measured(at)))
    }

    /// Records a successful login that began at `began_ms`.
    pub fn logged_in(&mut self, began_ms: u64, now_ms: u64) {
        // The slowest login counts: another host may have begun its own some time ago.
        let recent_ms = now_ms.saturating_sub(2 * self.silence_ms);
        self.logins.retain(|(began_ms, _)| recent_ms <= *began_ms);
        let took_ms = now_ms.saturating_sub(began_ms);
        self.logins.push((began_ms, took_ms));
    }

    /// Handles a read that began at `began_ms` and was answered at `now_ms`. Returns the hosts to
    /// declare dead, each with its counter: declare it dead only if the counter is unchanged.
    pub fn look(
        &mut self,
        began_ms: u64,
        now_ms: u64,
        signs: &[HostSighting],
    ) -> Vec<(HostId, i64)> {
        let me = self.me;
        let own = signs.iter().find(|sign| Some(sign.host) == me);
        if me.is_some() && own.is_none() {
            // A host that is not among the living judges no other.
            self.blind(now_ms);
            return Vec::new();
        }
        let own_lock = own.is_some_and(|own| own.locked);
        if self.own_lock && !own_lock {
            self.lost_lock(now_ms);
        }
        self.own_lock = own_lock;
        let before = self.looked_ms.replace(now_ms);
        self.seen
            .retain(|id, _| signs.iter().any(|sign| sign.host == *id));
        let others = signs.iter().filter(|sign| Some(sign.host) != me);
        let judged = others.filter(|sign| self.judge(before, began_ms, now_ms, sign));
        judged.map(|sign| (sign.host, sign.beats)).collect()
    }

    /// Returns true if one host is dead.
    fn judge(
        &mut self,
        before: Option<u64>,
        began_ms: u64,
        now_ms: u64,
        sign: &HostSighting,
    ) -> bool {
        let said_ms = sign.silence_ms.unwrap_or(self.silence_ms);
        let silence_ms = match sign.serves {
            true => said_ms,
            false => OTHERS_SILENCE_MS.max(said_ms),
        };
        if !self.watched(silence_ms, before, began_ms, now_ms) {
            self.seen.remove(&sign.host);
            self.trusted_ms = self.trusted_ms.max(now_ms + self.silence_ms);
        }
        let seen = self.seen.entry(sign.host).or_insert(Seen {
            beats: sign.beats,
            moved_ms: now_ms,
            lock: Lock::Silent,
        });
        let moved = seen.beats != sign.beats;
        if moved {
            (seen.beats, seen.moved_ms) = (sign.beats, now_ms);
        }
        let lost = sign.serves && sign.locks && !sign.locked && self.own_lock;
        seen.lock = match seen.lock {
            _ if !lost => Lock::Silent,
            Lock::Silent => Lock::Free(now_ms),
            Lock::Free(_) if moved => Lock::Excused,
            lock => lock,
        };
        let silent = seen.moved_ms + silence_ms <= began_ms;
        let gone = match (seen.lock, self.logins.last()) {
            (Lock::Free(free_ms), Some((login_ms, _))) => {
                let slowest_ms = self.logins.iter().map(|(_, took_ms)| *took_ms).max();
                let grace_ms = LOCK_GRACE_MS + GRACE_LOGINS * slowest_ms.unwrap_or(0);
                free_ms <= *login_ms && free_ms + grace_ms <= began_ms
            }
            _ => false,
        };
        silent || (gone && self.trusted_ms <= began_ms)
    }

    /// Returns true if this host could have observed the whole of `silence_ms`, as far as it knows.
    fn watched(&self, silence_ms: u64, before: Option<u64>, began_ms: u64, now_ms: u64) -> bool {
        let half_ms = silence_ms / 2;
        let slow = began_ms + half_ms < now_ms;
        let gap = before.is_some_and(|at| at + half_ms < began_ms);
        let beats_ms = half_ms.max(2 * beat_every_ms(self.silence_ms));
        let unheard = self.me.is_some() && self.beaten_ms + beats_ms < began_ms;
        !(slow || gap || unheard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE_MS: u64 = 2_000;
    const LOOK_MS: u64 = 100;

    fn host(number: u8) -> HostId {
        HostId::from_random([number; 16])
    }

    /// A read of host 2: time in ms; its counter and whether its lock is held, or `None` for a
    /// failed read; whether it is then dead.
    type Look = (u64, Option<(i64, bool)>, bool);

    fn sign(number: u8, beats: i64, locked: bool) -> HostSighting {
        HostSighting {
            host: host(number),
            beats,
            serves: true,
            locks: true,
            locked,
            silence_ms: None,
        }
    }

    fn new(server_ms: Option<u64>) -> Observer {
        Observer::new(host(1), SILENCE_MS, 0, server_ms)
    }

    /// Reads at once. Logins take no time, and own heartbeats are answered.
    fn look(observer: &mut Observer, now_ms: u64, other: HostSighting) -> bool {
        observer.beaten(now_ms);
        let found = observer.look(now_ms, now_ms, &[sign(1, 0, true), other]);
        if observer.wants_login() {
            observer.logged_in(now_ms, now_ms);
        }
        let dead = !found.is_empty();
        assert!(!dead || found == [(other.host, other.beats)], "{found:?}");
        dead
    }

    fn check(looks: &[Look]) {
        check_since(None, looks);
    }

    /// Checks the reads, `server_ms` after the start of the server. Between two reads nothing
    /// changes.
    fn check_since(server_ms: Option<u64>, looks: &[Look]) {
        let mut observer = new(server_ms);
        let mut last: Option<(u64, HostSighting)> = None;
        for (now_ms, seen, dead) in looks {
            if let Some((at_ms, other)) = last.take() {
                for between_ms in (at_ms + LOOK_MS..*now_ms).step_by(100) {
                    assert!(!look(&mut observer, between_ms, other), "at {between_ms}");
                }
            }
            let Some((beats, locked)) = *seen else {
                observer.blind(*now_ms);
                continue;
            };
            let other = sign(2, beats, locked);
            assert_eq!(look(&mut observer, *now_ms, other), *dead, "at {now_ms}");
            last = (!dead).then_some((*now_ms, other));
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
            // It lost only its session.
            (310, Some((8, true)), false),
            (400, Some((8, false)), false),
            (600, Some((8, false)), true),
        ]);
        check(&[
            (0, Some((7, true)), false),
            (100, Some((7, false)), false),
            // It sends a heartbeat without its lock.
            (200, Some((8, false)), false),
            (2_199, Some((8, false)), false),
            (2_200, Some((8, false)), true),
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
            // All hosts lost their locks with the server, and have two seconds to reconnect.
            (200, Some((7, false)), false),
            (1_900, Some((7, false)), false),
            (2_100, Some((7, false)), true),
        ]);
    }

    #[test]
    fn silence_is_what_was_watched_all_the_time() {
        let signs = [sign(1, 0, true), sign(2, 7, true)];
        let dead = [(host(2), 7)];
        // Returns whether the host is dead at 2 s. Reads come every 100 ms, except for one slow
        // read between the two given times.
        let after = |began_ms, ended_ms| {
            let mut observer = new(None);
            for now_ms in (0..=2_000).step_by(100) {
                if began_ms < now_ms && now_ms < ended_ms {
                    continue;
                }
                observer.beaten(now_ms);
                let began_ms = if now_ms == ended_ms { began_ms } else { now_ms };
                let found = observer.look(began_ms, now_ms, &signs);
                if !found.is_empty() {
                    assert_eq!((now_ms, &found[..]), (2_000, &dead[..]));
                    return true;
                }
            }
            false
        };
        assert!(after(1_000, 1_000));
        assert!(after(400, 1_400));
        assert!(!after(400, 1_500), "a look that took long");
        assert!(
            !after(1_900, 2_000),
            "what the last look showed began earlier"
        );
        let mut observer = new(None);
        observer.look(0, 0, &signs);
        observer.beaten(1_900);
        assert_eq!(observer.look(2_000, 2_000, &signs), [], "after a gap");
    }

    #[test]
    fn whoever_is_not_heard_itself_judges_nobody() {
        let signs = [sign(1, 0, true), sign(2, 7, true)];
        let mut observer = new(None);
        for now_ms in (0..=9_000).step_by(100) {
            if now_ms == 5_000 {
                observer.beaten(now_ms);
            }
            assert_eq!(observer.look(now_ms, now_ms, &signs), [], "at {now_ms}");
        }
        assert_eq!(observer.look(9_100, 9_100, &signs[1..]), []);
    }

    #[test]
    fn a_lock_is_free_for_as_long_as_two_logins_take_here() {
        let mut observer = new(None);
        let mut dead_ms = None;
        for now_ms in (0..=2_000).step_by(100) {
            observer.beaten(now_ms);
            let signs = [sign(1, 0, true), sign(2, 7, now_ms < 300)];
            let dead = observer.look(now_ms, now_ms, &signs);
            dead_ms = dead_ms.or((!dead.is_empty()).then_some(now_ms));
            assert_eq!(observer.wants_login(), (300..700).contains(&now_ms));
            if now_ms == 600 {
                observer.logged_in(300, 700);
            }
        }
        assert_eq!(dead_ms, Some(300 + 200 + 2 * 400));
    }

    #[test]
    fn a_free_lock_says_nothing_to_whoever_lost_its_own() {
        let mut observer = new(None);
        let mut look = |now_ms, own, other| {
            observer.beaten(now_ms);
            observer.logged_in(now_ms, now_ms);
            let signs = [sign(1, 0, own), sign(2, 7, other)];
            !observer.look(now_ms, now_ms, &signs).is_empty()
        };
        assert!(!look(0, true, true));
        let dead = (100..1_900)
            .step_by(100)
            .any(|at| look(at, 200 < at, false));
        assert!(!dead);
        assert!(look(2_000, true, false), "its counter stood still");
    }

    #[test]
    fn each_host_is_given_the_time_that_it_takes() {
        let other = |beats, silence_ms| HostSighting {
            silence_ms: Some(silence_ms),
            ..sign(2, beats, true)
        };
        let dead_ms = |silence_ms| {
            let mut observer = new(None);
            let mut all = (0..=20_000).step_by(100);
            all.find(|at| look(&mut observer, *at, other(7, silence_ms)))
        };
        assert_eq!(dead_ms(10_000), Some(10_000));
        assert_eq!(dead_ms(1_500), Some(1_500));
    }
}
