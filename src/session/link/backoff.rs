//! The backoff before the next connection attempt.
//!
//! The wait doubles up to a cap and has random jitter, so that many accounts do not reconnect in
//! step. It resets only after a connection that proved stable. A connection that is accepted and
//! dropped at once must not be retried at full speed.

use crate::crypto::random::{Random, number};

/// Logged-in time in ms after which a connection counts as stable.
pub const STABLE_MS: u64 = 60_000;

/// A growing wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    first_ms: u64,
    cap_ms: u64,
    failures: u32,
}

impl Backoff {
    /// Returns the backoff for lost connections: 1 s, 2 s, 4 s and so on, at most 2 min.
    pub fn reconnect() -> Self {
        Self::new(1_000, 120_000)
    }

    /// Returns the backoff for replaced connections: at least 5 s, at most 5 min.
    pub fn replaced() -> Self {
        Self::new(10_000, 300_000)
    }

    /// Creates a backoff that starts at `first_ms` and doubles, at most `cap_ms`.
    pub fn new(first_ms: u64, cap_ms: u64) -> Self {
        Self {
            first_ms,
            cap_ms,
            failures: 0,
        }
    }

    /// Returns the number of failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Records a connection that was logged in for `logged_in_ms`; resets the backoff if it was
    /// stable.
    pub fn connected(&mut self, logged_in_ms: u64) {
        if STABLE_MS <= logged_in_ms {
            self.failures = 0;
        }
    }

    /// Returns the wait in ms before the next attempt: a random value from half the step to the
    /// whole step.
    pub fn next_ms(&mut self, rng: &mut dyn Random) -> u64 {
        let factor = 1_u64.checked_shl(self.failures.min(32)).unwrap_or(u64::MAX);
        let step = self.first_ms.saturating_mul(factor).min(self.cap_ms);
        self.failures = self.failures.saturating_add(1);
        let half = step / 2;
        half + u64::from(number(rng)) % (step - half + 1)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_start_over_only_when_stable() {
        let rng = &mut StdRng::seed_from_u64(1);
        let mut backoff = Backoff::new(1_000, 8_000);
        for step in [1_000, 2_000, 4_000, 8_000, 8_000] {
            let wait = backoff.next_ms(rng);
            assert!((step / 2..=step).contains(&wait), "{wait} for {step}");
        }
        backoff.connected(STABLE_MS - 1);
        assert!(4_000 <= backoff.next_ms(rng));
        backoff.connected(STABLE_MS);
        assert!(backoff.next_ms(rng) <= 1_000);
    }
}
