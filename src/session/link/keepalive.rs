//! Keepalive pings: one every 20 s to 30 s. Any stanza counts as an answer.
//!
//! Source: whatsmeow 33cfac51 `keepalive.go` (interval of 20 s to 30 s).

use crate::crypto::random::{Random, number};

/// Minimum pause between two pings, in ms. The server closes links that stay silent for longer.
const PAUSE_MS_MIN: u64 = 20_000;
/// Maximum random addition to the pause, in ms.
const PAUSE_MS_SPREAD: u64 = 10_000;
/// Maximum time in ms from a ping to the next stanza. After it the link is dead.
const ANSWER_MS_MAX: u64 = 15_000;

/// When to ping and when to give up. Times are in monotonic ms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::session) struct KeepAlive {
    state: State,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Off,
    Quiet {
        ping_at: u64,
    },
    Asked {
        dead_at: u64,
    },
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Due {
    Nothing,
    Ping,
    Dead,
}

impl KeepAlive {
    /// Starts the timer, or records a sign of life.
    pub(in crate::session) fn alive(&mut self, now: u64, rng: &mut dyn Random) {
        match self.state {
            // Do not postpone the next ping: pings also keep the server's side of the link open.
            State::Quiet { .. } => (),
            State::Off | State::Asked { .. } => self.state = quiet(now, rng),
        }
    }

    /// Returns whether to ping at once. False if a ping is already pending or there is no link.
    pub(in crate::session) fn hurry(&mut self, now: u64) -> bool {
        let quiet = matches!(self.state, State::Quiet { .. });
        if quiet {
            self.state = State::Asked {
                dead_at: now + ANSWER_MS_MAX,
            };
        }
        quiet
    }

    /// Stops the timer: the link is gone.
    pub(in crate::session) fn stop(&mut self) {
        self.state = State::Off;
    }

    /// Returns when to call [`KeepAlive::due`] again.
    pub(in crate::session) fn wake_at(&self) -> Option<u64> {
        match self.state {
            State::Off => None,
            State::Quiet { ping_at } => Some(ping_at),
            State::Asked { dead_at } => Some(dead_at),
        }
    }

    /// Returns what is due now.
    pub(in crate::session) fn due(&mut self, now: u64) -> Due {
        match self.state {
            State::Quiet { ping_at } if ping_at <= now => {
                self.state = State::Asked {
                    dead_at: now + ANSWER_MS_MAX,
                };
                Due::Ping
            }
            State::Asked { dead_at } if dead_at <= now => {
                self.state = State::Off;
                Due::Dead
            }
            _ => Due::Nothing,
        }
    }
}

fn quiet(now: u64, rng: &mut dyn Random) -> State {
    let spread = u64::from(number(rng)) % (PAUSE_MS_SPREAD + 1);
    State::Quiet {
        ping_at: now + PAUSE_MS_MIN + spread,
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn pings_then_gives_up_unless_anything_arrives() {
        let rng = &mut StdRng::seed_from_u64(1);
        let mut keep = KeepAlive::default();
        assert_eq!(keep.wake_at(), None);
        keep.alive(1_000, rng);
        let ping_at = keep.wake_at().unwrap();
        assert!((21_000..=31_000).contains(&ping_at));
        assert_eq!(keep.due(ping_at - 1), Due::Nothing);
        assert_eq!(keep.due(ping_at), Due::Ping);
        keep.alive(ping_at + 5, rng);
        let next = keep.wake_at().unwrap();
        assert!(ping_at + PAUSE_MS_MIN < next);
        assert_eq!(keep.due(next), Due::Ping);
        assert_eq!(keep.due(next + ANSWER_MS_MAX), Due::Dead);
        assert_eq!(keep.wake_at(), None);
    }
}
