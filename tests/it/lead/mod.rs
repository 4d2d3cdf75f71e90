//! The coordinator's decisions under all faults, in virtual time: the real `wmctl::lead` with a
//! simulated database, network and server.
//!
//! One thread, one seed, one order of events. A failing seed is printed with the command that
//! repeats it.

mod database;
mod fleet;
mod model;
mod world;

use world::{Mutant, World};

use crate::support::number;

/// Runs one seed. The error describes the violation.
fn run(seed: u64, mutant: Mutant) -> Result<(), String> {
    World::new(seed, mutant).run()
}

#[test]
fn no_order_of_faults_breaks_a_promise() {
    let seeds = u64::from(number("WMCTL_HA_SEEDS", 10_000));
    let first = u64::from(number("WMCTL_HA_SEED", 1));
    // Two threads, because each seed has its own world.
    let half = |odd: u64| {
        move || {
            (first..first + seeds)
                .filter(|seed| seed % 2 == odd)
                .find_map(|seed| run(seed, Mutant::None).err().map(|what| (seed, what)))
        }
    };
    let failed = std::thread::scope(|scope| {
        let threads = [scope.spawn(half(0)), scope.spawn(half(1))];
        threads.map(|thread| thread.join().unwrap())
    });
    if let Some((seed, what)) = failed.into_iter().flatten().min() {
        panic!(
            "{what}\nrepeat: WMCTL_HA_SEED={seed} WMCTL_HA_SEEDS=1 \
             cargo nextest run -E 'test(no_order_of_faults)'"
        );
    }
}

/// Checks that a deliberate defect is detected by at least one seed.
fn must_fail(mutant: Mutant, with: &str) {
    const SEEDS: u64 = 3_000;
    let found = (1..=SEEDS).any(|seed| run(seed, mutant).is_err_and(|what| what.contains(with)));
    assert!(found, "{SEEDS} seeds, and {mutant:?} is not noticed");
}

#[test]
fn a_fence_without_its_row_lock_is_noticed() {
    must_fail(Mutant::NoRowLock, "after the takeover");
}

#[test]
fn a_token_without_its_owner_is_noticed() {
    must_fail(Mutant::EpochOnly, "after the takeover");
}

#[test]
fn a_state_that_is_not_loaded_anew_is_noticed() {
    must_fail(Mutant::NoReload, "stale state");
}

#[test]
fn a_wall_clock_is_noticed() {
    must_fail(Mutant::WallClock, "");
}
