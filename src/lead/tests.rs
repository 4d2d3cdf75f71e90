//! The state machine against scripted inputs, one test for each rule. The simulation tests random
//! orders of faults.

use super::machine::Machine;
use super::*;
use crate::ids::HostId;

const T: u64 = 3_000;

fn host(number: u8) -> HostId {
    HostId::from_random([number; 16])
}

/// A machine and its clock.
struct Bench {
    machine: Machine,
    now: u64,
}

impl Bench {
    fn new(locks: Locks) -> Self {
        let config = Config {
            timeout_ms: T,
            file_poll_ms: 50,
            locks,
        };
        Self {
            machine: Machine::new(config, 0),
            now: 0,
        }
    }

    fn hear(&mut self, input: Input) -> Vec<Action> {
        let mut out = Vec::new();
        self.machine.handle(self.now, input, &mut out);
        out.retain(|action| !matches!(action, Action::Notify(_)));
        out
    }

    fn after(&mut self, ms: u64, input: Input) -> Vec<Action> {
        self.now += ms;
        self.hear(input)
    }

    /// Returns a registered standby at its first read of the holder.
    fn standing_by(locks: Locks) -> Self {
        let mut bench = Self::new(locks);
        assert_eq!(bench.hear(Input::Tick), [Action::Register]);
        let looks = bench.hear(Input::Registered(host(1)));
        assert!(looks.contains(&Action::ReadHolder));
        bench
    }

    /// Returns a leader without a lock, with its first heartbeat answered.
    fn active() -> Self {
        let mut bench = Self::standing_by(Locks::None);
        let claims = bench.hear(Input::HolderRead(None));
        assert_eq!(claims, [Action::Claim { orphan: false }]);
        let loads = bench.hear(Input::Claimed { epoch: 7 });
        assert!(loads.contains(&Action::Load));
        assert!(loads.contains(&Action::Beat { over_lock: false }));
        assert!(!loads.contains(&Action::Dial));
        let acked = bench.hear(Input::BeatAcked);
        assert!(matches!(
            acked[..],
            [Action::MaySend { .. }, Action::CheckToken]
        ));
        assert_eq!(bench.hear(Input::TokenStands), []);
        assert_eq!(bench.hear(Input::Loaded), [Action::Dial]);
        bench.hear(Input::LinkUp);
        assert_eq!(bench.machine.state(), State::Active);
        bench
    }
}

fn seen(beats: i64) -> Input {
    seen_of(beats, None)
}

/// Returns a read of a holder with its own timeout.
fn seen_of(beats: i64, silence_ms: Option<u64>) -> Input {
    Input::HolderRead(Some(Holder {
        host: host(9),
        beats,
        dead: false,
        locks: false,
        silence_ms,
    }))
}

/// Returns when a silent holder is declared dead, if each read is answered at once.
fn declared_ms(silence_ms: Option<u64>) -> u64 {
    let mut bench = Bench::standing_by(Locks::None);
    let mut actions = bench.hear(seen_of(4, silence_ms));
    while !actions
        .iter()
        .any(|one| matches!(one, Action::DeclareDead { .. }))
    {
        let wake = bench.machine.wake_at().unwrap();
        actions = bench.after(wake - bench.now, Input::Tick);
        assert_eq!(actions, [Action::ReadHolder], "at {}", bench.now);
        actions = bench.hear(seen_of(4, silence_ms));
        assert!(bench.now < 20 * T, "never");
    }
    bench.now
}

#[test]
fn each_holder_is_given_the_time_that_it_says() {
    assert_eq!(declared_ms(None), T);
    assert_eq!(declared_ms(Some(4 * T)), 4 * T);
    assert_eq!(declared_ms(Some(T / 4)), T / 4);
}

#[test]
fn a_look_that_took_long_shows_no_silence() {
    let mut bench = Bench::standing_by(Locks::None);
    bench.hear(seen(4));
    for _ in 0..2 {
        assert_eq!(bench.after(T / 8, Input::Tick), [Action::ReadHolder]);
        // The server did not respond for more than half the timeout.
        assert_eq!(bench.after(T / 2 + 1, seen(4)), []);
    }
}

#[test]
fn a_silent_holder_is_declared_dead_after_the_timeout_and_no_earlier() {
    let mut bench = Bench::standing_by(Locks::None);
    bench.hear(seen(4));
    for _ in 0..3 {
        assert_eq!(bench.after(T / 4, Input::Tick), [Action::ReadHolder]);
        assert_eq!(bench.hear(seen(4)), []);
    }
    // A heartbeat restarts the timeout.
    bench.after(T / 4, Input::Tick);
    assert_eq!(bench.hear(seen(5)), []);
    for _ in 0..3 {
        bench.after(T / 4, Input::Tick);
        assert_eq!(bench.hear(seen(5)), []);
    }
    bench.after(T / 4, Input::Tick);
    let dead = Action::DeclareDead {
        host: host(9),
        beats: 5,
    };
    assert_eq!(bench.hear(seen(5)), [dead]);
    // A heartbeat in between prevents the declaration.
    assert_eq!(bench.hear(Input::Declared(false)), []);
    assert_eq!(bench.machine.state(), State::Standby);
}

#[test]
fn whoever_was_stopped_observes_anew() {
    let mut bench = Bench::standing_by(Locks::None);
    bench.hear(seen(4));
    assert_eq!(bench.after(10 * T, Input::Tick), [Action::ReadHolder]);
    assert_eq!(bench.hear(seen(4)), []);
}

#[test]
fn a_free_lock_of_one_that_had_it_means_that_it_is_gone() {
    let mut bench = Bench::standing_by(Locks::Sessions);
    let holder = |locks| {
        Input::HolderRead(Some(Holder {
            host: host(9),
            beats: 4,
            dead: false,
            locks,
            silence_ms: None,
        }))
    };
    assert_eq!(bench.hear(holder(true)), []);
    assert_eq!(bench.hear(Input::LockGranted), [Action::ReadHolder]);
    let dead = Action::DeclareDead {
        host: host(9),
        beats: 4,
    };
    assert_eq!(bench.hear(holder(true)), [dead]);
    let claim = Action::Claim { orphan: true };
    assert_eq!(bench.hear(Input::Declared(true)), [claim]);
    // A live holder without its lock gets the lock back.
    let mut bench = Bench::standing_by(Locks::Sessions);
    bench.hear(holder(false));
    bench.hear(Input::LockGranted);
    assert_eq!(bench.hear(holder(false)), [Action::Unlock]);
    assert_eq!(bench.after(T / 2, Input::Tick).len(), 2);
}

#[test]
fn a_leader_falls_silent_at_its_deadline_and_comes_back_without_dialling() {
    let mut bench = Bench::active();
    let deadline = T - T / 4;
    bench.after(T / 4, Input::Tick);
    assert_eq!(bench.hear(Input::BeatFailed), []);
    let silent = bench.after(deadline - T / 4, Input::Tick);
    assert!(silent.contains(&Action::StopSending), "{silent:?}");
    assert_eq!(bench.machine.state(), State::Suspect);
    // A late answer counts from when the heartbeat was sent.
    let beaten = bench.after(100, Input::BeatAcked);
    assert_eq!(beaten, [Action::CheckToken]);
    let until_ms = bench.now - 100 + deadline;
    let resumed = bench.hear(Input::TokenStands);
    assert_eq!(resumed, [Action::MaySend { until_ms }]);
    assert_eq!(bench.machine.state(), State::Active);
}

#[test]
fn an_answer_that_took_too_long_entitles_to_nothing() {
    let mut bench = Bench::active();
    bench.after(T / 4, Input::Tick);
    let late = bench.after(T, Input::BeatAcked);
    assert_eq!(
        late,
        [Action::StopSending, Action::Beat { over_lock: false }]
    );
    assert_eq!(bench.machine.state(), State::Suspect);
}

#[test]
fn a_lost_token_drops_everything_and_another_life_begins() {
    for lost in [Input::BeatRefused, Input::TokenLost, Input::TimelineChanged] {
        let mut bench = Bench::active();
        let dropped = bench.hear(lost);
        assert_eq!(dropped, [Action::StopSending, Action::Drop]);
        assert_eq!(bench.machine.state(), State::Fenced);
        let fenced = true;
        let anew = bench.hear(Input::AccountEnded { fenced });
        assert_eq!(anew, [Action::Register]);
        assert_eq!(bench.machine.state(), State::Standby);
    }
}

#[test]
fn whoever_stands_by_under_a_void_name_is_made_known_anew() {
    let voids = [
        (Input::TimelineChanged, "timeline"),
        (Input::BeatRefused, "declared_dead"),
    ];
    for (void, reason) in voids {
        let mut bench = Bench::standing_by(Locks::Sessions);
        let anew = bench.hear(void);
        assert_eq!(anew, [Action::Unlock, Action::Register]);
        assert_eq!(bench.machine.status().reason, Some(reason));
        let looks = bench.hear(Input::Registered(host(2)));
        assert_eq!(looks, [Action::WaitForLock, Action::ReadHolder]);
    }
}

/// The connection that a call opens may be the first to reach the new server.
#[test]
fn nobody_leads_under_a_name_of_another_timeline() {
    let mut bench = Bench::standing_by(Locks::None);
    bench.hear(seen(4));
    for _ in 0..4 {
        bench.after(T / 4, Input::Tick);
        bench.hear(seen(4));
    }
    let declared = Input::Declared(true);
    assert_eq!(bench.hear(Input::TimelineChanged), [Action::Register]);
    assert_eq!(bench.hear(declared), []);
    let answers = [
        Input::Claimed { epoch: 7 },
        Input::ClaimRefused,
        Input::ClaimUnknown,
        Input::Failed(Call::Claim),
    ];
    for answer in answers {
        let mut bench = Bench::standing_by(Locks::None);
        bench.hear(Input::HolderRead(None));
        // The claim could succeed after the id is given up, so its answer is awaited.
        assert_eq!(bench.hear(Input::TimelineChanged), []);
        let anew = bench.hear(answer);
        assert_eq!(anew, [Action::Register]);
        assert_eq!(bench.machine.state(), State::Standby);
    }
    // A process that is stopping gives back a lease that it claimed.
    let mut bench = Bench::standing_by(Locks::None);
    bench.hear(Input::HolderRead(None));
    bench.hear(Input::TimelineChanged);
    assert_eq!(bench.hear(Input::Stop), []);
    let claimed = bench.hear(Input::Claimed { epoch: 1 });
    assert!(claimed.contains(&Action::Release) && !claimed.contains(&Action::Load));
}

#[test]
fn a_claim_whose_answer_was_lost_ends_that_life() {
    let mut bench = Bench::standing_by(Locks::None);
    bench.hear(Input::HolderRead(None));
    assert_eq!(bench.hear(Input::ClaimUnknown), [Action::Register]);
    let looks = bench.hear(Input::Registered(host(2)));
    assert_eq!(looks, [Action::ReadHolder]);
    // A lease under the former host id has no live holder: no need to wait.
    let former = Input::HolderRead(Some(Holder {
        host: host(1),
        beats: 0,
        dead: false,
        locks: false,
        silence_ms: None,
    }));
    let dead = Action::DeclareDead {
        host: host(1),
        beats: 0,
    };
    assert_eq!(bench.hear(former), [dead]);
}

#[test]
fn the_account_dials_only_while_the_lease_is_valid() {
    let mut bench = Bench::standing_by(Locks::None);
    bench.hear(Input::HolderRead(None));
    // The claim took longer than the permission that it grants.
    bench.after(T, Input::Claimed { epoch: 7 });
    assert_eq!(bench.hear(Input::Loaded), [Action::StopSending]);
    assert_eq!(bench.hear(Input::BeatAcked), [Action::CheckToken]);
    let resumed = bench.hear(Input::TokenStands);
    assert!(resumed.contains(&Action::Dial), "{resumed:?}");
    assert_eq!(bench.machine.state(), State::Connecting);
}

#[test]
fn an_orderly_stop_gives_the_lease_back_before_the_lock() {
    let mut bench = Bench::standing_by(Locks::Sessions);
    bench.hear(Input::LockGranted);
    bench.hear(Input::HolderRead(None));
    bench.hear(Input::HolderRead(None));
    bench.hear(Input::Claimed { epoch: 1 });
    bench.hear(Input::LinkUp);
    assert_eq!(bench.hear(Input::Stop), [Action::Drain]);
    let fenced = false;
    let ended = bench.hear(Input::AccountEnded { fenced });
    assert_eq!(ended, [Action::Release]);
    assert_eq!(bench.hear(Input::Released), [Action::Unlock, Action::End]);
    assert_eq!(bench.machine.wake_at(), None);
    // A claim in progress is awaited, and its lease given back.
    let mut bench = Bench::standing_by(Locks::None);
    bench.hear(Input::HolderRead(None));
    assert_eq!(bench.hear(Input::Stop), []);
    let claimed = bench.hear(Input::Claimed { epoch: 1 });
    assert!(claimed.contains(&Action::Release) && !claimed.contains(&Action::Load));
}

#[test]
fn being_replaced_is_no_reason_to_dial() {
    assert_eq!(after_replaced(Token::Lost), AfterReplaced::Stop);
    assert_eq!(after_replaced(Token::Unknown), AfterReplaced::AskAgain);
    assert_eq!(after_replaced(Token::Stands), AfterReplaced::Alarm);
    let mut bench = Bench::active();
    assert_eq!(bench.hear(Input::Replaced), []);
    bench.hear(Input::LinkDown);
    assert_eq!(bench.machine.status().reason, Some("foreign_session"));
    assert_eq!(bench.machine.state(), State::Replaced);
    bench.hear(Input::LinkUp);
    assert_eq!(bench.machine.state(), State::Active);
}
