//! Processes, the network between them and the database, a server with one connection per device,
//! and the checks.

mod faults;
mod process;
mod server;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use wmctl::ids::HostId;
use wmctl::lead::machine::Machine;
use wmctl::lead::{Config, Input, Locks, State};

use super::database::{Database, Session, Token};

const T: u64 = 1_000;
/// End of the faults; afterwards the processes must converge.
const FAULTS_END: u64 = 8_000;
const END: u64 = FAULTS_END + 9_000;
const PROCESSES: usize = 3;
/// Time after which the server ends a silent transaction, in ms.
const IDLE_TX: u64 = 1_500;
/// Least start value of the clocks: none starts at zero.
const CLOCK_START: u64 = 10_000_000;

/// A deliberate defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutant {
    None,
    /// The fence compares the lease row but does not lock it.
    NoRowLock,
    /// The fence compares only the epoch.
    EpochOnly,
    /// A new leader continues with its old state in memory.
    NoReload,
    /// The machine gets the wall clock.
    WallClock,
}

/// A request of one process.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Register,
    TryLock,
    WaitLock,
    Read,
    Declare(HostId, i64),
    Claim,
    Beat(bool),
    Say(bool),
    Check,
    Load,
    Release,
    /// A unit of work: the fence, then the commit.
    Fence(u64),
    Commit(u64),
}

#[derive(Clone, Debug)]
enum Answer {
    Input(Input),
    Registered(HostId),
    Claimed(Token),
    Loaded(u64),
    Fenced,
    FenceHeld(u64, u64),
    Committed(u64),
    /// No answer came.
    Nothing,
    LockLost,
}

/// The state of a process at the time of its request.
#[derive(Clone, Copy, Debug)]
struct Who {
    start: u64,
    life: u64,
    boot: u64,
    me: Option<HostId>,
    token: Option<Token>,
    session: Session,
    /// Each unit of work has its own transaction.
    unit: u64,
}

enum Event {
    Tick(usize),
    /// A request arrives at the database.
    Arrive(usize, Who, Ask),
    /// The answer or its absence is noticed; with the start and the life of the request.
    Hear(usize, u64, u64, Ask, Answer),
    LinkUp(usize, u64, u64),
    Work(usize),
    LockIdle(Session, u64),
    TxIdle(Session, u64),
    Fault,
    Up,
    Snapshot,
}

/// The account of a process.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    chain: Option<u64>,
    running: bool,
    dialling: bool,
    connected: bool,
    working: bool,
    /// Committed, but not sent yet.
    to_send: Option<u64>,
}

struct Process {
    machine: Machine,
    /// Number of the start.
    start: u64,
    alive: bool,
    stopped_until: u64,
    /// The two directions to the database.
    out_cut: bool,
    in_cut: bool,
    boot_offset: u64,
    wall_offset: i64,
    life: u64,
    me: Option<HostId>,
    token: Option<Token>,
    session: u64,
    unit: u64,
    dial: bool,
    until: u64,
    /// When the newest answered heartbeat, or the claim, was sent; by its own clock.
    heard_of: u64,
    beat_sent: u64,
    claim_sent: u64,
    account: Account,
    woken: u64,
}

pub(super) struct World {
    mutant: Mutant,
    random: u64,
    now: u64,
    number: u64,
    events: BTreeMap<u64, Event>,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    db: Database,
    processes: Vec<Process>,
    hosts: u64,
    units: u64,
    socket: Option<usize>,
    sent: BTreeSet<u64>,
    /// A failover lost commits, so its chain numbers may rightly be used again.
    lossy: bool,
    failed: Option<String>,
}

impl World {
    pub(super) fn new(seed: u64, mutant: Mutant) -> Self {
        let mut world = Self {
            mutant,
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            now: 0,
            number: 0,
            events: BTreeMap::new(),
            queue: BinaryHeap::new(),
            db: Database::new(),
            processes: Vec::new(),
            hosts: 0,
            units: 0,
            socket: None,
            sent: BTreeSet::new(),
            lossy: false,
            failed: None,
        };
        for _ in 0..PROCESSES {
            let process = world.fresh_process(0);
            world.processes.push(process);
        }
        world
    }

    fn fresh_process(&mut self, start: u64) -> Process {
        let boot_offset = self.below(1_000_000);
        let config = Config {
            timeout_ms: T,
            file_poll_ms: 50,
            locks: Locks::Sessions,
        };
        Process {
            machine: Machine::new(config, self.now + boot_offset + CLOCK_START),
            start,
            alive: true,
            stopped_until: 0,
            out_cut: false,
            in_cut: false,
            boot_offset,
            wall_offset: 0,
            life: 0,
            me: None,
            token: None,
            session: 0,
            unit: 0,
            dial: false,
            until: 0,
            heard_of: 0,
            beat_sent: 0,
            claim_sent: 0,
            account: Account::default(),
            woken: u64::MAX,
        }
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    fn at(&mut self, after: u64, event: Event) {
        self.number += 1;
        self.events.insert(self.number, event);
        self.queue.push(Reverse((self.now + after, self.number)));
    }

    /// Returns the clock that the machine gets.
    fn clock(&self, process: &Process) -> u64 {
        let time = self.now + process.boot_offset + CLOCK_START;
        if self.mutant == Mutant::WallClock {
            time.saturating_add_signed(process.wall_offset)
        } else {
            time
        }
    }

    /// Returns the process's own clock, even if the machine gets another.
    fn true_clock(&self, p: usize) -> u64 {
        self.now + self.processes[p].boot_offset + CLOCK_START
    }

    fn fail(&mut self, what: String) {
        let now = self.now;
        self.failed.get_or_insert(format!("at {now} ms: {what}"));
    }

    pub(super) fn run(mut self) -> Result<(), String> {
        for p in 0..PROCESSES {
            let after = self.below(200);
            self.at(after, Event::Tick(p));
            self.at(after, Event::Work(p));
        }
        self.at(500, Event::Fault);
        self.at(50, Event::Snapshot);
        while let Some(Reverse((at, number))) = self.queue.pop() {
            if END < at || self.failed.is_some() {
                break;
            }
            self.now = at;
            if let Some(event) = self.events.remove(&number) {
                self.happen(event);
            }
        }
        if self.failed.is_none() {
            let active = self.processes.iter().filter(|process| {
                process.alive
                    && process.account.connected
                    && process.machine.state() == State::Active
            });
            let active = active.count();
            if active != 1 {
                let states = self.processes.iter().map(|process| {
                    let (status, account) = (process.machine.status(), process.account);
                    let ago = self.clock(process) - status.since_ms;
                    format!("{:?} for {ago} ms, {account:?}", status.state)
                });
                let states: Vec<_> = states.collect();
                self.fail(format!(
                    "I6: {active} lead long after the last fault: {states:#?}"
                ));
            }
        }
        self.failed.map_or(Ok(()), Err)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Tick(p) => {
                let process = &mut self.processes[p];
                process.woken = u64::MAX;
                if !process.alive {
                    return;
                }
                if self.now < process.stopped_until {
                    let after = process.stopped_until - self.now;
                    return self.at(after, Event::Tick(p));
                }
                self.input(p, Input::Tick);
            }
            Event::Arrive(p, who, ask) => self.arrive(p, who, ask),
            Event::Hear(p, start, life, ask, answer) => {
                let process = &self.processes[p];
                if !process.alive || process.start != start || process.life != life {
                    return;
                }
                if self.now < process.stopped_until {
                    let after = process.stopped_until - self.now + 1;
                    return self.at(after, Event::Hear(p, start, life, ask, answer));
                }
                self.hear(p, ask, answer);
            }
            Event::LinkUp(p, start, life) => self.link_up(p, start, life),
            Event::Work(p) => {
                self.work(p);
                let after = 40 + self.below(80);
                self.at(after, Event::Work(p));
            }
            Event::LockIdle(session, heard) => {
                if self.db.lock == Some((session, heard)) {
                    self.unlock(session);
                }
            }
            Event::TxIdle(session, began) => {
                if self.db.sharing.get(&session) == Some(&began) {
                    self.db.sharing.remove(&session);
                }
            }
            Event::Fault => self.fault(),
            Event::Up => self.db.up = true,
            Event::Snapshot => {
                self.db.remember();
                self.at(50, Event::Snapshot);
            }
        }
    }
}
