//! A model that checks all orders of events up to a bound: two hosts, one account, and a database
//! that may fail over to a server without the newest commits. The simulation beside it runs the
//! real code with random orders. This model covers only the protocol, but completely.
//!
//! A write has three steps: its snapshot, its row lock, its commit. Each deliberate defect must
//! have a counterexample, and the correct protocol none.

use stateright::{Checker, HasDiscoveries, Model, Property};

/// Ticks without a heartbeat after which a host counts as dead.
const TIMEOUT: u8 = 2;
/// Ticks for which a heartbeat permits sending; fewer than the timeout.
const VALID: u8 = 1;
const CLAIMS_MAX: u8 = 2;
const CHAIN_MAX: u8 = 2;

const FENCE: &str = "no write after a takeover";
const STATE: &str = "no write from stale state";
const TWICE: &str = "nothing is sent twice";
const ALONE: &str = "one host may send at a time";
const PLACE: &str = "one replaced connection for each takeover";
const ALIVE: &str = "both hosts can send, one after the other";
const LOST: &str = "a claim can be lost and the lease be claimed again";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lease {
    Sound,
    /// The fence compares the row but does not lock it.
    NoRowLock,
    /// A token is only its epoch, without its owner and the server's timeline.
    EpochOnly,
    /// The state is loaded before the epoch rises.
    LoadFirst,
    /// The wall clock decides whether the holder is dead.
    WallClock,
}

/// A host, and how many leases it has lost: each time it registers under a new id.
type Owner = (usize, u8);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Rows {
    epoch: u8,
    owner: Option<Owner>,
    /// Number of the claim among all claims, which the real rows do not contain.
    claim: u8,
    /// Whether the lease was taken after the failover.
    after: bool,
    chain: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Token {
    epoch: u8,
    owner: Owner,
    claim: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Write {
    Seen(u8),
    Locked(u8),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Host {
    paused: bool,
    /// Ticks since the last heartbeat; they also count while the host is paused.
    age: u8,
    losses: u8,
    /// The host has reached the promoted server.
    after: bool,
    token: Option<Token>,
    chain: Option<u8>,
    write: Option<Write>,
    /// Committed, but not sent yet.
    to_send: Option<u8>,
    /// Another client took the connection: the host checks its token before it connects.
    replaced: bool,
}

impl Host {
    fn may_send(&self) -> bool {
        self.token.is_some() && self.age < VALID
    }

    /// Drops all state in memory.
    fn fenced(&mut self) {
        *self = Self {
            losses: self.losses + 1,
            after: self.after,
            ..Self::default()
        };
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct State {
    rows: Rows,
    /// The rows of the standby server.
    copy: Rows,
    failed_over: bool,
    jumped: bool,
    claims: u8,
    hosts: [Host; 2],
    socket: Option<usize>,
    replaced: u8,
    /// The chain numbers that each host has sent, as bits.
    sent: [u8; 2],
    broken: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Tick,
    Jump,
    Replicate,
    FailOver,
    Pause(usize),
    Resume(usize),
    /// The server ends the transaction of a silent host.
    EndIdle(usize),
    Reconnect(usize),
    Beat(usize),
    Claim(usize),
    Load(usize),
    Snapshot(usize),
    Lock(usize),
    Commit(usize, bool),
    Connect(usize),
    CheckToken(usize),
    Send(usize),
}

impl Lease {
    fn stands(self, rows: &Rows, token: &Token) -> bool {
        let same = rows.owner == Some(token.owner) || self == Self::EpochOnly;
        rows.epoch == token.epoch && same
    }

    fn is_free(self, state: &State) -> bool {
        let Some((host, losses)) = state.rows.owner else {
            return true;
        };
        let holder = &state.hosts[host];
        state.rows.after != state.failed_over
            || holder.losses != losses
            || holder.age == TIMEOUT
            || (self == Self::WallClock && state.jumped)
    }

    fn claim(self, state: &mut State, h: usize) -> Option<()> {
        let locked = |host: &Host| matches!(host.write, Some(Write::Locked(_)));
        let waits = self != Self::NoRowLock && state.hosts.iter().any(locked);
        if waits || state.claims == CLAIMS_MAX || !self.is_free(state) {
            return None;
        }
        if self == Self::LoadFirst {
            state.hosts[h].chain?;
        }
        state.claims += 1;
        state.replaced = 0;
        let owner = (h, state.hosts[h].losses);
        let rows = &mut state.rows;
        rows.epoch += 1;
        (rows.owner, rows.claim) = (Some(owner), state.claims);
        rows.after = state.failed_over;
        let host = &mut state.hosts[h];
        host.age = 0;
        host.token = Some(Token {
            epoch: rows.epoch,
            owner,
            claim: rows.claim,
        });
        Some(())
    }

    /// Returns whether the token is valid; if it is not, fences the host.
    fn check(self, state: &mut State, h: usize) -> Option<bool> {
        let stands = self.stands(&state.rows, state.hosts[h].token.as_ref()?);
        if !stands {
            state.hosts[h].fenced();
            if state.socket == Some(h) {
                state.socket = None;
            }
        }
        Some(stands)
    }

    /// Performs one of the three steps of a write.
    fn write(self, state: &mut State, h: usize, step: Step) -> Option<()> {
        match (step, state.hosts[h].write) {
            (Step::Snapshot(_), None) if state.hosts[h].to_send.is_none() => {
                let base = state.hosts[h].chain.filter(|chain| *chain < CHAIN_MAX)?;
                if self.check(state, h)? {
                    state.hosts[h].write = Some(Write::Seen(base));
                }
            }
            (Step::Lock(_), Some(Write::Seen(base))) => {
                if self == Self::NoRowLock || self.check(state, h)? {
                    state.hosts[h].write = Some(Write::Locked(base));
                }
            }
            (Step::Commit(_, answered), Some(Write::Locked(base))) => {
                let host = &mut state.hosts[h];
                if state.rows.claim != host.token.as_ref()?.claim {
                    state.broken = Some(FENCE);
                } else if state.rows.chain != base {
                    state.broken = Some(STATE);
                }
                state.rows.chain = base + 1;
                host.write = None;
                host.chain = answered.then_some(base + 1);
                host.to_send = host.chain;
            }
            _ => return None,
        }
        Some(())
    }

    /// Performs a step that needs the database.
    fn ask(self, state: &mut State, h: usize, step: Step) -> Option<()> {
        match step {
            Step::Claim(_) if state.hosts[h].token.is_none() => self.claim(state, h),
            Step::Load(_) => {
                let host = &mut state.hosts[h];
                let early = self == Self::LoadFirst && host.token.is_none();
                if host.chain.is_some() || (host.token.is_none() && !early) {
                    return None;
                }
                host.chain = Some(state.rows.chain);
                Some(())
            }
            Step::Beat(_) => {
                if self.check(state, h)? {
                    state.hosts[h].age = 0;
                }
                Some(())
            }
            Step::CheckToken(_) if state.hosts[h].replaced => {
                if self.check(state, h)? {
                    state.hosts[h].replaced = false;
                }
                Some(())
            }
            Step::Snapshot(_) | Step::Lock(_) | Step::Commit(..) => self.write(state, h, step),
            _ => None,
        }
    }

    fn reconnect(self, state: &mut State, h: usize) {
        let host = &mut state.hosts[h];
        host.after = true;
        host.chain = None;
        if host.token.is_some() && self != Self::EpochOnly {
            host.fenced();
            if state.socket == Some(h) {
                state.socket = None;
            }
        }
    }
}

/// Performs a step without the database, under a lease that is valid by the host's own clock.
fn speak(state: &mut State, h: usize, step: Step) -> Option<()> {
    let host = &mut state.hosts[h];
    if !host.may_send() {
        return None;
    }
    match step {
        Step::Connect(_) => {
            host.chain?;
            if host.replaced || state.socket == Some(h) {
                return None;
            }
            if let Some(other) = state.socket.replace(h) {
                state.hosts[other].replaced = true;
                state.replaced = (state.replaced + 1).min(2);
            }
        }
        Step::Send(_) if state.socket == Some(h) => {
            let bit = 1 << host.to_send.take()?;
            let sent = state.sent[0] | state.sent[1];
            if sent & bit != 0 && !state.failed_over {
                state.broken = Some(TWICE);
            }
            state.sent[h] |= bit;
        }
        _ => return None,
    }
    Some(())
}

/// Performs an event of the database or of all hosts.
fn befall(state: &mut State, step: Step) -> Option<()> {
    match step {
        Step::Tick => {
            for host in &mut state.hosts {
                let age = (host.age + 1).min(TIMEOUT);
                host.age = if host.token.is_some() { age } else { 0 };
            }
        }
        Step::Replicate if !state.failed_over => state.copy = state.rows.clone(),
        Step::FailOver if !state.failed_over => {
            state.failed_over = true;
            state.rows = std::mem::take(&mut state.copy);
            for host in &mut state.hosts {
                host.write = None;
            }
        }
        _ => return None,
    }
    Some(())
}

impl Model for Lease {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, _state: &State, actions: &mut Vec<Step>) {
        actions.extend([Step::Tick, Step::Jump, Step::Replicate, Step::FailOver]);
        for h in 0..2 {
            actions.extend([
                Step::Pause(h),
                Step::Resume(h),
                Step::EndIdle(h),
                Step::Reconnect(h),
                Step::Beat(h),
                Step::Claim(h),
                Step::Load(h),
                Step::Snapshot(h),
                Step::Lock(h),
                Step::Commit(h, true),
                Step::Commit(h, false),
                Step::Connect(h),
                Step::CheckToken(h),
                Step::Send(h),
            ]);
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            // The other variants use no wall clock.
            Step::Jump if *self == Self::WallClock => state.jumped = true,
            Step::Tick | Step::Replicate | Step::FailOver => {
                befall(&mut state, step)?;
            }
            Step::Pause(h) => state.hosts[h].paused = true,
            Step::Resume(h) => state.hosts[h].paused = false,
            Step::EndIdle(h) if last.hosts[h].paused => {
                state.hosts[h].write.take()?;
                state.hosts[h].chain = None;
            }
            Step::Connect(h) | Step::Send(h) if !last.hosts[h].paused => {
                speak(&mut state, h, step)?;
            }
            Step::Reconnect(h) if !last.hosts[h].paused => {
                if last.hosts[h].after == last.failed_over {
                    return None;
                }
                self.reconnect(&mut state, h);
            }
            Step::Beat(h)
            | Step::Claim(h)
            | Step::Load(h)
            | Step::Snapshot(h)
            | Step::Lock(h)
            | Step::Commit(h, _)
            | Step::CheckToken(h) => {
                let host = &last.hosts[h];
                if host.paused || host.after != last.failed_over {
                    return None;
                }
                self.ask(&mut state, h, step)?;
            }
            _ => return None,
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(FENCE, |_, state: &State| state.broken != Some(FENCE)),
            Property::always(STATE, |_, state: &State| state.broken != Some(STATE)),
            Property::always(TWICE, |_, state: &State| state.broken != Some(TWICE)),
            Property::always(ALONE, |_, state: &State| {
                state.failed_over || !state.hosts.iter().all(Host::may_send)
            }),
            Property::always(PLACE, |_, state: &State| {
                state.failed_over || state.replaced < 2
            }),
            Property::sometimes(ALIVE, |_, state: &State| {
                state.sent.iter().all(|sent| *sent != 0)
            }),
            Property::sometimes(LOST, |_, state: &State| {
                state.failed_over && state.rows.after && state.rows.epoch < state.rows.claim
            }),
        ]
    }
}

#[test]
fn the_lease_has_no_counterexample() {
    let checker = Lease::Sound.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
}

/// Checks that a deliberate defect violates this property.
fn must_break(lease: Lease, promise: &'static str) {
    let found = HasDiscoveries::AllOf([promise].into());
    let checker = lease.checker().threads(2).finish_when(found);
    let checker = checker.spawn_bfs().join();
    assert!(
        checker.discovery(promise).is_some(),
        "{lease:?}: no order of events breaks '{promise}'"
    );
}

#[test]
fn a_fence_without_its_row_lock_has_a_counterexample() {
    must_break(Lease::NoRowLock, FENCE);
}

#[test]
fn a_token_without_its_owner_has_a_counterexample() {
    must_break(Lease::EpochOnly, FENCE);
}

#[test]
fn a_state_that_is_loaded_before_the_epoch_rises_has_a_counterexample() {
    must_break(Lease::LoadFirst, STATE);
}

#[test]
fn a_wall_clock_has_a_counterexample() {
    must_break(Lease::WallClock, ALONE);
}
