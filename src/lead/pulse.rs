//! The permission that a host's heartbeats grant to all its tenants together.
//!
//! This is the counterpart of [`Machine`](crate::lead::machine::Machine) for a process that runs
//! many tenants. The lease rows say which tenants the host owns. This machine only says when it may
//! send for them.

use crate::lead::Config;

/// What to do, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostAction {
    /// All tenants may connect, send and acknowledge until this time, by this process's own clock.
    MaySend { until_ms: u64 },
    /// No tenant may send until the next `MaySend`.
    StopSending,
    /// Check which leases still name this host, and drop the others.
    CheckTokens,
}

/// A host's permission to send. Times are ms of its own clock, which also runs while the machine
/// sleeps. Only differences between times have a meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPermission {
    config: Config,
    until_ms: u64,
    /// Start of the suspension; `None` while sending is allowed.
    held_ms: Option<u64>,
    /// A check of the leases is in progress.
    checking: bool,
}

impl HostPermission {
    /// Creates the state of a host that registered at `known_ms`, from which time others observe
    /// it.
    pub fn new(config: Config, known_ms: u64) -> Self {
        Self {
            until_ms: known_ms + config.validity_ms(),
            config,
            held_ms: None,
            checking: false,
        }
    }

    /// Returns the end of the permission that the last answered heartbeat granted.
    pub fn until_ms(&self) -> u64 {
        self.until_ms
    }

    /// Returns the start of the suspension; `None` while sending is allowed.
    pub fn held_ms(&self) -> Option<u64> {
        self.held_ms
    }

    /// Returns when the next [`HostPermission::tick`] is due if nothing else happens first.
    pub fn wake_at(&self) -> Option<u64> {
        self.held_ms.is_none().then_some(self.until_ms)
    }

    /// Stops sending if the deadline has passed.
    pub fn tick(&mut self, now_ms: u64, out: &mut Vec<HostAction>) {
        if self.held_ms.is_none() && self.until_ms <= now_ms {
            self.held_ms = Some(now_ms);
            out.push(HostAction::StopSending);
        }
    }

    /// Handles the answer to a heartbeat sent at `sent_ms`: this host is not declared dead.
    pub fn beaten(&mut self, sent_ms: u64, now_ms: u64, out: &mut Vec<HostAction>) {
        self.tick(now_ms, out);
        // The answer may have taken long, so the permission counts from when the heartbeat was
        // sent.
        self.until_ms = self.until_ms.max(sent_ms + self.config.validity_ms());
        if self.until_ms <= now_ms {
            return;
        }
        if self.held_ms.is_none() {
            let until_ms = self.until_ms;
            out.push(HostAction::MaySend { until_ms });
        } else if !self.checking {
            // Single leases may have been taken from this host meanwhile.
            self.checking = true;
            out.push(HostAction::CheckTokens);
        }
    }

    /// Handles the end of a lease check, after lost leases were dropped. `known` is false if the
    /// rows could not be read.
    pub fn checked(&mut self, known: bool, now_ms: u64, out: &mut Vec<HostAction>) {
        self.checking = false;
        if known && self.held_ms.is_some() && now_ms < self.until_ms {
            self.held_ms = None;
            let until_ms = self.until_ms;
            out.push(HostAction::MaySend { until_ms });
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

    /// Checks steps of an event, its time in ms, and the expected actions.
    fn check(steps: &[(&str, u64, &[HostAction])]) {
        let mut pulse = HostPermission::new(CONFIG, 1_000);
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
        let may = |until_ms| [HostAction::MaySend { until_ms }];
        check(&[
            ("tick", 3_999, &[]),
            ("beat", 2_000, &may(5_000)),
            ("beat@2500", 4_900, &may(5_500)),
            // A late answer to an older heartbeat does not shorten the permission.
            ("beat@2100", 5_000, &may(5_500)),
            ("tick", 5_499, &[]),
            ("tick", 5_500, &[HostAction::StopSending]),
            ("tick", 9_000, &[]),
        ]);
    }

    #[test]
    fn whoever_was_silent_asks_what_is_still_its_own() {
        let may = |until_ms| [HostAction::MaySend { until_ms }];
        check(&[
            // The answer took too long to grant anything.
            ("beat@1500", 4_600, &[HostAction::StopSending]),
            ("beat", 5_000, &[HostAction::CheckTokens]),
            ("beat", 5_500, &[]),
            ("unread", 5_600, &[]),
            ("beat", 6_000, &[HostAction::CheckTokens]),
            ("known", 6_100, &may(9_000)),
            ("tick", 9_000, &[HostAction::StopSending]),
            ("beat", 9_100, &[HostAction::CheckTokens]),
            // The answer came after the next deadline.
            ("known", 12_100, &[]),
            ("beat", 12_200, &[HostAction::CheckTokens]),
            ("known", 12_300, &may(15_200)),
        ]);
    }
}
