//! Whether the link still lives: pings go out every 20 to 30 s, and any stanza counts as an answer.

use crate::crypto::random::{Random, number};

/// Shortest pause between two pings: the server closes links that are silent for longer.
const PAUSE_MS_MIN: u64 = 20_000;
/// How much longer a pause may be, by chance.
const PAUSE_MS_SPREAD: u64 = 10_000;
/// A ping that nothing follows for this long means that the link is dead.
const ANSWER_MS_MAX: u64 = 15_000;

/// When to ping and when to give up. Times are monotonic milliseconds.
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

/// What a passed deadline asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Due {
    Nothing,
    Ping,
    Dead,
}

impl KeepAlive {
    /// Starts over, or notes a sign of life.
    pub(in crate::session) fn alive(&mut self, now: u64, rng: &mut dyn Random) {
        match self.state {
            // The next ping stays where it is: pings also keep the server's side of the link open.
            State::Quiet { .. } => (),
            State::Off | State::Asked { .. } => self.state = quiet(now, rng),
        }
    }

    /// Whether a ping is to go out at once: none is under way.
    pub(in crate::session) fn hurry(&mut self, now: u64) -> bool {
        let quiet = matches!(self.state, State::Quiet { .. });
        if quiet {
            self.state = State::Asked {
                dead_at: now + ANSWER_MS_MAX,
            };
        }
        quiet
    }

    /// The link is gone.
    pub(in crate::session) fn stop(&mut self) {
        self.state = State::Off;
    }

    /// When [`KeepAlive::due`] is to be asked again.
    pub(in crate::session) fn wake_at(&self) -> Option<u64> {
        match self.state {
            State::Off => None,
            State::Quiet { ping_at } => Some(ping_at),
            State::Asked { dead_at } => Some(dead_at),
        }
    }

    /// What is to be done now.
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
