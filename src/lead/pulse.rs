//! What the heartbeats of a host entitle its tenants to, all of them together.
//!
//! One machine for a process that runs many tenants: as
//! [`Machine`](crate::lead::machine::Machine) for one.
//! Which tenants are its own stands in their lease rows; this only says when it may speak for them.

use crate::lead::Config;

/// What to do, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say {
    /// All tenants may dial, send and acknowledge until then, by this process's own clock.
    MaySend { until_ms: u64 },
    /// None may until it is told otherwise.
    StopSending,
    /// Ask which leases still name this host; drop the others.
    CheckTokens,
}

/// A host's right to speak. Times are milliseconds of its own clock, which goes on while the
/// machine sleeps; only differences mean anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulse {
    config: Config,
    until_ms: u64,
    /// Sending is suspended since then.
    held_ms: Option<u64>,
    /// The tokens are being checked.
    checking: bool,
}

impl Pulse {
    /// Of a host that made itself known at `known_ms`: others watch it from then on.
    pub fn new(config: Config, known_ms: u64) -> Self {
        Self {
            until_ms: known_ms + config.validity_ms(),
            config,
            held_ms: None,
            checking: false,
        }
    }

    /// Until when the last answered heartbeat entitles to speak.
    pub fn until_ms(&self) -> u64 {
        self.until_ms
    }

    /// Since when it is silent, if it is.
    pub fn held_ms(&self) -> Option<u64> {
        self.held_ms
    }

    /// When to come back with [`Pulse::tick`], if nothing happens before.
    pub fn wake_at(&self) -> Option<u64> {
        self.held_ms.is_none().then_some(self.until_ms)
    }

    /// Time has passed: at the deadline the host falls silent by itself.
    pub fn tick(&mut self, now_ms: u64, out: &mut Vec<Say>) {
        if self.held_ms.is_none() && self.until_ms <= now_ms {
            self.held_ms = Some(now_ms);
            out.push(Say::StopSending);
        }
    }

    /// A heartbeat that was sent at `sent_ms` is answered: nobody has declared this host dead.
    pub fn beaten(&mut self, sent_ms: u64, now_ms: u64, out: &mut Vec<Say>) {
        self.tick(now_ms, out);
        // The answer may have been long under way: what counts is when it was asked for.
        self.until_ms = self.until_ms.max(sent_ms + self.config.validity_ms());
        if self.until_ms <= now_ms {
            return;
        }
        if self.held_ms.is_none() {
            let until_ms = self.until_ms;
            out.push(Say::MaySend { until_ms });
        } else if !self.checking {
            // Leases may have been taken away one by one meanwhile.
            self.checking = true;
            out.push(Say::CheckTokens);
        }
    }

    /// What the rows say of the tokens is carried out; not if they could not be read.
    pub fn checked(&mut self, known: bool, now_ms: u64, out: &mut Vec<Say>) {
        self.checking = false;
        if known && self.held_ms.is_some() && now_ms < self.until_ms {
            self.held_ms = None;
            let until_ms = self.until_ms;
            out.push(Say::MaySend { until_ms });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::Locks;

    const CONFIG: Config = Config {
        timeout_ms: 4_000,
        file_poll_ms: 50,
        locks: Locks::Sessions,
    };

    /// What happens, when, and what is to be done.
    fn check(steps: &[(&str, u64, &[Say])]) {
        let mut pulse = Pulse::new(CONFIG, 1_000);
        for (what, now_ms, expected) in steps {
            let (mut out, (what, sent_ms)) = (
                Vec::new(),
                match what.split_once('@') {
                    Some((what, sent_ms)) => (what, sent_ms.parse().unwrap()),
                    None => (*what, *now_ms),
                },
            );
            match what {
                "beat" => pulse.beaten(sent_ms, *now_ms, &mut out),
                "known" => pulse.checked(true, *now_ms, &mut out),
                "unread" => pulse.checked(false, *now_ms, &mut out),
                _ => pulse.tick(*now_ms, &mut out),
            }
            assert_eq!(&out, expected, "{what} at {now_ms}");
        }
    }

    #[test]
    fn a_heartbeat_entitles_for_three_quarters_of_the_timeout() {
        let may = |until_ms| [Say::MaySend { until_ms }];
        check(&[
            ("tick", 3_999, &[]),
            ("beat", 2_000, &may(5_000)),
            ("beat@2500", 4_900, &may(5_500)),
            // An older answer that comes late takes nothing back.
            ("beat@2100", 5_000, &may(5_500)),
            ("tick", 5_499, &[]),
            ("tick", 5_500, &[Say::StopSending]),
            ("tick", 9_000, &[]),
        ]);
    }

    #[test]
    fn whoever_was_silent_asks_what_is_still_its_own() {
        let may = |until_ms| [Say::MaySend { until_ms }];
        check(&[
            // Too long under way: it entitles to nothing any more.
            ("beat@1500", 4_600, &[Say::StopSending]),
            ("beat", 5_000, &[Say::CheckTokens]),
            ("beat", 5_500, &[]),
            ("unread", 5_600, &[]),
            ("beat", 6_000, &[Say::CheckTokens]),
            ("known", 6_100, &may(9_000)),
            ("tick", 9_000, &[Say::StopSending]),
            ("beat", 9_100, &[Say::CheckTokens]),
            // The answer came after the next deadline.
            ("known", 12_100, &[]),
            ("beat", 12_200, &[Say::CheckTokens]),
            ("known", 12_300, &may(15_200)),
        ]);
    }
}
