//! Rate limits: one token bucket per key or address.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

/// Maximum number of buckets. Beyond it, buckets that are full again are removed, and new clients
/// share one bucket. This bounds the memory and does not slow down known clients.
const CALLERS_MAX: usize = 10_000;
/// Name of the shared bucket.
const CROWD: &str = "crowd";
/// Seconds until an empty bucket is full again.
const FULL_S: u32 = 2;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The token buckets of all clients.
pub(super) struct ClientRateLimit<C: Clock = DefaultClock> {
    buckets: RateLimiter<String, HashMapStateStore<String>, C, StateInformationMiddleware>,
    clock: C,
    burst: u32,
}

/// The remaining quota of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RemainingQuota {
    burst: u32,
    pub(super) tokens: u32,
    /// Seconds until the next token if none is left, otherwise until an empty bucket is full.
    pub(super) wait_s: u64,
}

impl RemainingQuota {
    /// Sets the headers of the IETF draft "RateLimit header fields for HTTP".
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        let Self {
            burst,
            tokens,
            wait_s,
        } = self;
        let policy = format!("\"requests\";q={burst};w={FULL_S}");
        let limit = format!("\"requests\";r={tokens};t={wait_s}");
        for (name, text) in [(POLICY, policy), (LIMIT, limit)] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }
}

impl ClientRateLimit {
    /// Allows `per_second` requests per second, with bursts of twice as many.
    pub(super) fn new(per_second: u32) -> Self {
        Self::by(DefaultClock::default(), per_second)
    }
}

impl<C: Clock + Clone> ClientRateLimit<C> {
    fn by(clock: C, per_second: u32) -> Self {
        let rate = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
        let burst = rate.saturating_mul(NonZeroU32::MIN.saturating_add(FULL_S - 1));
        let quota = Quota::per_second(rate).allow_burst(burst);
        let buckets = RateLimiter::new(quota, HashMapStateStore::default(), clock.clone());
        Self {
            buckets,
            clock,
            burst: burst.get(),
        }
    }

    /// Takes a token. If none is left, the error says how long to wait.
    pub(super) fn take(&self, caller: &str) -> Result<RemainingQuota, RemainingQuota> {
        if CALLERS_MAX <= self.buckets.len() {
            self.buckets.retain_recent();
        }
        let caller = match self.buckets.len() {
            len if len < CALLERS_MAX => caller,
            _ => CROWD,
        };
        let left = |tokens, wait_s| RemainingQuota {
            burst: self.burst,
            tokens,
            wait_s,
        };
        match self.buckets.check_key(&caller.to_owned()) {
            Ok(snapshot) => Ok(left(snapshot.remaining_burst_capacity(), u64::from(FULL_S))),
            Err(until) => {
                let wait = until.wait_time_from(self.clock.now());
                Err(left(0, seconds_up(wait).max(1)))
            }
        }
    }
}

fn seconds_up(span: Duration) -> u64 {
    span.as_secs() + u64::from(0 < span.subsec_nanos())
}

/// Returns the rate limit identity of an address: IPv6 clients are grouped by network, because one
/// client controls many addresses of it.
pub(super) fn network(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    #[test]
    fn each_caller_has_a_bucket_that_fills_again() {
        let clock = FakeRelativeClock::default();
        let limit = ClientRateLimit::by(clock.clone(), 2);
        let tokens = |caller: &str| limit.take(caller).map(|left| left.tokens);
        let left: Vec<_> = (0..4).map(|_| tokens("a").unwrap()).collect();
        assert_eq!(left, [3, 2, 1, 0]);
        assert_eq!(limit.take("a").unwrap_err().wait_s, 1);
        assert_eq!(tokens("b"), Ok(3));
        clock.advance(Duration::from_millis(500));
        assert_eq!(tokens("a"), Ok(0));
        assert!(tokens("a").is_err());
    }

    #[test]
    fn callers_without_end_take_no_memory_and_hold_up_nobody_who_is_known() {
        let clock = FakeRelativeClock::default();
        let limit = ClientRateLimit::by(clock.clone(), 2);
        for caller in 0..CALLERS_MAX * 2 {
            let _ = limit.take(&caller.to_string());
        }
        assert!(limit.buckets.len() <= CALLERS_MAX + 1);
        assert!(limit.take("somebody new").is_err(), "the crowd shares one");
        clock.advance(Duration::from_secs(u64::from(FULL_S) + 1));
        assert!(limit.take("somebody new").is_ok());
        assert!(limit.buckets.len() <= 2, "who has not asked is forgotten");
    }

    #[test]
    fn an_ipv6_network_is_one_caller() {
        for (text, caller) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(network(text.parse().unwrap()), caller);
        }
    }
}
