//! Sessions against hand-made server stanzas, and against each other.

mod bounds;
mod history;
mod keys;
mod names;
mod noise;
mod notifications;
mod pairing;
mod receipts;
mod settings;
mod steps;
mod talk;
mod unread;
mod world;

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::session::input::Now;

/// Returns a reproducible random generator.
fn chance(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// Returns a time; both clocks advance together.
fn at(mono_ms: u64) -> Now {
    let unix_ms = 1_760_000_000_000 + i64::try_from(mono_ms).unwrap();
    Now { mono_ms, unix_ms }
}
