//! Many hosts and many tenants, in virtual time: `wmctl::lead::fleet` and `wmctl::lead::Pulse` as
//! they are, around them a database and a network that are simulated.

mod checks;
mod faults;
mod host;
mod rows;
mod world;

use world::{Mutant, World};

use crate::support::number;

#[test]
fn hosts_share_all_tenants_whatever_happens() {
    let seeds = u64::from(number("WMCTL_LEAD_FLEET_SEEDS", 150));
    let first = u64::from(number("WMCTL_HA_SEED", 1));
    // Two threads, as each seed is a world of its own.
    let half = |odd: u64| {
        move || {
            (first..first + seeds)
                .filter(|seed| seed % 2 == odd)
                .find_map(|seed| {
                    let failed = World::new(seed, Mutant::None).run().err();
                    failed.map(|what| (seed, what))
                })
        }
    };
    let failed = std::thread::scope(|scope| {
        let threads = [scope.spawn(half(0)), scope.spawn(half(1))];
        threads.map(|thread| thread.join().unwrap())
    });
    if let Some((seed, what)) = failed.into_iter().flatten().min() {
        panic!(
            "{what}\nrepeat: WMCTL_HA_SEED={seed} WMCTL_LEAD_FLEET_SEEDS=1 \
             cargo nextest run -E 'test(hosts_share_all_tenants)'"
        );
    }
}

/// Each of these is wrong on purpose, and some seed must show it.
fn must_fail(mutant: Mutant, with: &str) {
    const SEEDS: u64 = 100;
    let found = (1..=SEEDS).any(|seed| {
        let failed = World::new(seed, mutant).run().err();
        failed.is_some_and(|what| what.contains(with))
    });
    assert!(found, "{SEEDS} seeds, and {mutant:?} is not noticed");
}

#[test]
fn a_host_that_does_not_fall_silent_is_noticed() {
    must_fail(Mutant::Talkative, "after its deadline");
}

#[test]
fn an_observer_that_forgets_no_outage_is_noticed() {
    must_fail(Mutant::Trusting, "although it lives");
}

#[test]
fn a_host_that_gives_everything_away_at_once_is_noticed() {
    must_fail(Mutant::Hasty, "too fast");
}

#[test]
fn a_host_that_takes_more_than_its_share_is_noticed() {
    must_fail(Mutant::Greedy, "uneven");
}
