//! How often somebody may ask: a bucket of tokens for each key or address.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// Callers that are told apart; beyond, the fullest buckets are forgotten, which refuses nobody.
const CALLERS_MAX: usize = 10_000;

struct Bucket {
    tokens: f64,
    at: Instant,
}

/// Tokens of everybody.
pub(super) struct Limit {
    per_second: f64,
    buckets: Mutex<HashMap<String, Bucket>>,
}

impl Limit {
    /// `per_second` requests, and twice as many at once.
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            per_second: f64::from(per_second),
            buckets: Mutex::default(),
        }
    }

    /// Takes a token; without one, the seconds until there is one again.
    pub(super) fn take(&self, caller: &str, now: Instant) -> Result<(), u64> {
        let most = self.per_second * 2.0;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let refilled = |bucket: &Bucket| {
            let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
            (bucket.tokens + passed * self.per_second).min(most)
        };
        if CALLERS_MAX <= buckets.len() && !buckets.contains_key(caller) {
            buckets.retain(|_, bucket| refilled(bucket) < most);
            if CALLERS_MAX <= buckets.len() {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(caller.to_owned()).or_insert(Bucket {
            tokens: most,
            at: now,
        });
        bucket.tokens = refilled(bucket);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return Err(1);
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_caller_has_a_bucket_that_fills_again() {
        let limit = Limit::new(2);
        let now = Instant::now();
        for _ in 0..4 {
            assert_eq!(limit.take("a", now), Ok(()));
        }
        assert_eq!(limit.take("a", now), Err(1));
        assert_eq!(limit.take("b", now), Ok(()));
        let later = now + Duration::from_millis(500);
        assert_eq!(limit.take("a", later), Ok(()));
        assert_eq!(limit.take("a", later), Err(1));
        for caller in 0..CALLERS_MAX * 2 {
            assert_eq!(limit.take(&caller.to_string(), later), Ok(()));
        }
    }
}
