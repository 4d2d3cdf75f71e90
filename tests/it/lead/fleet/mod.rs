//! Many hosts and many tenants in virtual time: the real `wmctl::lead::fleet` and
//! `wmctl::lead::HostPermission` with a simulated database and network.

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
    // Two threads, because each seed has its own world.
    let half = |odd: u64| {
        move || {
            (first..first + seeds)
                .filter(|seed| seed % 2 == odd)
                .find_map(|seed| {
                    let failed = World::new(seed, Mutant::None, None).run().err();
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

/// Checks that this fault alone never causes a declaration of death.
fn harms_nobody(fault: u64) {
    const SEEDS: u64 = 60;
    for seed in 1..=SEEDS {
        if let Err(what) = World::new(seed, Mutant::None, Some(fault)).run() {
            panic!("seed {seed}: {what}");
        }
    }
}

#[test]
fn a_server_that_stands_still_kills_no_host() {
    harms_nobody(faults::STALL);
}

#[test]
fn hosts_that_all_stand_still_do_not_kill_each_other() {
    harms_nobody(faults::PAUSE);
}

#[test]
fn slow_logins_kill_no_host() {
    harms_nobody(faults::LOGINS);
}

#[test]
fn a_database_that_takes_nothing_in_for_a_while_kills_no_host() {
    harms_nobody(faults::REFUSALS);
}

/// Checks that a deliberate defect is detected by at least one seed.
fn must_fail(mutant: Mutant, with: &str) {
    must_fail_of(mutant, None, with);
}

/// Checks the same with a single kind of fault.
fn must_fail_of(mutant: Mutant, fault: Option<u64>, with: &str) {
    const SEEDS: u64 = 100;
    let found = (1..=SEEDS).any(|seed| {
        let failed = World::new(seed, mutant, fault).run().err();
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
    must_fail_of(Mutant::Trusting, Some(faults::OUTAGE), "although it lives");
}

#[test]
fn an_observer_that_counts_slow_looks_is_noticed() {
    must_fail_of(
        Mutant::OverSlowLooks,
        Some(faults::STALL),
        "although it lives",
    );
}

#[test]
fn an_observer_that_counts_gaps_is_noticed() {
    must_fail_of(Mutant::OverGaps, Some(faults::PAUSE), "although it lives");
}

#[test]
fn an_observer_that_takes_logins_for_quick_is_noticed() {
    must_fail_of(Mutant::Impatient, Some(faults::LOGINS), "although it lives");
}

#[test]
fn an_observer_that_is_not_heard_itself_is_noticed() {
    must_fail_of(Mutant::Unheard, Some(faults::REFUSALS), "although it lives");
}

#[test]
fn a_host_that_gives_everything_away_at_once_is_noticed() {
    must_fail(Mutant::Hasty, "too fast");
}

#[test]
fn a_host_that_takes_more_than_its_share_is_noticed() {
    must_fail(Mutant::Greedy, "uneven");
}
