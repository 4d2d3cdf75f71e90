//! The only module that asks the operating system for time or randomness.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::Instant;

use crate::crypto::random::Random;

/// A source of time.
pub trait Clock: Send + Sync {
    /// Returns monotonic milliseconds. Only differences have a meaning.
    fn mono_ms(&self) -> u64;

    /// Returns monotonic milliseconds that also count while the machine sleeps. Only differences
    /// have a meaning. Lease deadlines use this clock.
    fn boot_ms(&self) -> u64;

    /// Returns Unix milliseconds, for timestamps; never for decisions between hosts.
    fn unix_ms(&self) -> i64;
}

/// Creates sources of randomness, one for each task.
pub trait Entropy: Send + Sync {
    /// Returns a new source.
    fn random(&self) -> Box<dyn Random + Send>;
}

/// The clock of this machine. Under tokio's paused time, its monotonic part is paused too.
#[derive(Clone, Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Creates a clock whose monotonic time starts at zero now.
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn mono_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn boot_ms(&self) -> u64 {
        use rustix::time::{ClockId, clock_gettime};
        let now = clock_gettime(ClockId::Boottime);
        let (s, ns) = (u64::try_from(now.tv_sec), u64::try_from(now.tv_nsec));
        s.unwrap_or(0) * 1_000 + ns.unwrap_or(0) / 1_000_000
    }

    /// On other systems, a machine that slept notices it only by its next heartbeat.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn boot_ms(&self) -> u64 {
        self.mono_ms()
    }

    fn unix_ms(&self) -> i64 {
        // Jiff reads the system clock. Times outside its range do not occur.
        jiff::Timestamp::now().as_millisecond()
    }
}

/// The randomness of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn random(&self) -> Box<dyn Random + Send> {
        let mut seed = [0; 32];
        #[expect(clippy::disallowed_methods, reason = "this is the place")]
        let filled = getrandom::fill(&mut seed);
        filled.expect("the operating system has randomness");
        Box::new(StdRng::from_seed(seed))
    }
}

/// Reproducible randomness: for simulators, never for keys of a real account.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    given: AtomicU64,
}

impl Entropy for SeededEntropy {
    fn random(&self) -> Box<dyn Random + Send> {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        seed[8..16].copy_from_slice(&number.to_le_bytes());
        Box::new(StdRng::from_seed(seed))
    }
}

/// The clock and entropy that are passed to tasks.
#[derive(Clone)]
pub struct Surroundings {
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

impl Surroundings {
    /// Returns this machine's clock with seeded randomness. The sources depend on the seed and on
    /// the order in which they are created.
    pub fn seeded(seed: u64) -> Self {
        Self {
            entropy: Arc::new(SeededEntropy {
                seed,
                given: AtomicU64::new(0),
            }),
            ..Self::system()
        }
    }

    /// Returns this machine's clock and randomness.
    pub fn system() -> Self {
        Self {
            clock: Arc::new(SystemClock::start()),
            entropy: Arc::new(SystemEntropy),
        }
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Surroundings")
    }
}
