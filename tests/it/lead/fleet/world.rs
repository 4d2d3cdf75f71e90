//! Time, the network between hosts and database, and the database's answers.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use wmctl::ids::{HostId, TenantId};
use wmctl::lead::fleet::HostSighting;

use super::host::Process;
use super::rows::{HostRow, LeaseRow, Rows};

/// Time without a heartbeat after which a host is dead, in ms.
pub(super) const SILENCE: u64 = 2_000;
/// End of the faults; afterwards the hosts must converge.
pub(super) const FAULTS_END: u64 = 15_000;
pub(super) const END: u64 = FAULTS_END + 40_000;
/// From this time on, no tenant may move.
pub(super) const REST: u64 = END - 8_000;
/// Interval at which a host with too many tenants gives one away.
pub(super) const REBALANCE: u64 = 500;

/// A deliberate defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutant {
    None,
    /// Sends at any time.
    Talkative,
    /// Keeps its observations from before an outage.
    Trusting,
    /// Counts the time of a slow read as silence.
    OverSlowLooks,
    /// Counts the gap between two reads as silence.
    OverGaps,
    /// Judges others while its own heartbeats are not answered.
    Unheard,
    /// Assumes that logins are fast.
    Impatient,
    /// Gives away its whole surplus at once.
    Hasty,
    /// Takes all free tenants, and gives none away.
    Greedy,
}

/// A request of one host.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    Register,
    /// Sends a heartbeat, in the lock's session or beside it.
    Beat(bool),
    Ping,
    Say(bool),
    TakeLock,
    /// Measures the duration of a login.
    Login,
    Look,
    Declare(HostId, i64),
    Plan,
    Claim(Vec<usize>),
    /// A unit of work.
    Commit(usize, i64),
    Tokens,
    Release(usize, i64),
    Drain,
    Leave,
}

#[derive(Clone, Debug)]
pub(super) enum Answer {
    Done,
    No,
    /// No answer came in time, or the server was down.
    Failed,
    Signs(Vec<HostSighting>, Vec<HostRow>, Vec<HostId>),
    Plan(Vec<LeaseRow>, BTreeSet<HostId>),
    Claimed(Vec<(usize, i64)>),
    Tokens(BTreeMap<usize, i64>),
}

pub(super) enum Event {
    /// The process wakes by itself at this time.
    Tick(usize, u64),
    /// A request arrives: process, life, call number, time of sending.
    Arrive(usize, u64, u64, u64, Ask),
    Hear(usize, u64, u64, u64, Ask, Answer),
    LockIdle(HostId, u64),
    Fault,
    /// Sessions are ended while logins are slow.
    SessionsEnd,
}

pub(super) struct World {
    pub(super) mutant: Mutant,
    /// The only kind of fault to inject.
    pub(super) only: Option<u64>,
    random: u64,
    pub(super) now: u64,
    number: u64,
    events: BTreeMap<u64, Event>,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    pub(super) rows: Rows,
    pub(super) up: bool,
    /// When the server came back.
    pub(super) up_since: u64,
    pub(super) slow_until: u64,
    /// The server does not respond until this time.
    pub(super) stalled_until: u64,
    /// All hosts are paused until this time.
    pub(super) paused_until: u64,
    /// The server refuses writes until this time.
    pub(super) refuses_until: u64,
    /// Approximate duration of a login until `slow_logins_until`.
    pub(super) login_ms: u64,
    pub(super) slow_logins_until: u64,
    pub(super) processes: Vec<Process>,
    pub(super) names: Vec<TenantId>,
    born: u64,
    calls: u64,
    /// Requests that are not answered yet.
    open: BTreeSet<u64>,
    pub(super) failed: Option<String>,
}

impl World {
    pub(super) fn new(seed: u64, mutant: Mutant, only: Option<u64>) -> Self {
        let mut world = Self {
            mutant,
            only,
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            now: 0,
            number: 0,
            events: BTreeMap::new(),
            queue: BinaryHeap::new(),
            rows: Rows::default(),
            up: true,
            up_since: 0,
            slow_until: 0,
            stalled_until: 0,
            paused_until: 0,
            refuses_until: 0,
            login_ms: 0,
            slow_logins_until: 0,
            processes: Vec::new(),
            names: Vec::new(),
            born: 0,
            calls: 0,
            open: BTreeSet::new(),
            failed: None,
        };
        let tenants = 5 + world.below(40);
        for index in 0..tenants {
            world.names.push(format!("tenant-{index}").parse().unwrap());
            let enabled = !world.one_in(10);
            world.rows.leases.push(LeaseRow {
                enabled,
                ..LeaseRow::default()
            });
        }
        let hosts = 2 + world.below(4);
        for process in 0..usize::try_from(hosts).unwrap() {
            world.processes.push(Process::new(process));
            world.start(process);
        }
        // Some worlds have no faults: there, no host may be declared dead at all.
        if !seed.is_multiple_of(8) {
            let after = 500 + world.below(2_000);
            world.at(after, Event::Fault);
        }
        world
    }

    pub(super) fn run(mut self) -> Result<(), String> {
        let mut healed = false;
        while let Some(Reverse((time, number))) = self.queue.pop() {
            self.now = time;
            if FAULTS_END <= time && !healed {
                healed = true;
                self.heal();
            }
            if END <= time || self.failed.is_some() {
                break;
            }
            if let Some(event) = self.events.remove(&number) {
                self.happen(event);
            }
        }
        if self.failed.is_none() {
            self.check_end();
        }
        match self.failed {
            None => Ok(()),
            Some(what) => Err(format!("at {} ms: {what}", self.now)),
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

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(super) fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    pub(super) fn at(&mut self, after: u64, event: Event) {
        self.number += 1;
        self.events.insert(self.number, event);
        self.queue.push(Reverse((self.now + after, self.number)));
    }

    pub(super) fn fail(&mut self, what: String) {
        self.failed.get_or_insert(what);
    }

    pub(super) fn fresh_id(&mut self) -> HostId {
        self.born += 1;
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.born.to_le_bytes());
        HostId::from_random(bytes)
    }

    fn latency(&mut self) -> u64 {
        match self.now < self.slow_until {
            true => 100 + self.below(1_500),
            false => 1 + self.below(10),
        }
    }

    /// Returns the duration of a login now.
    fn login(&mut self) -> u64 {
        match self.now < self.slow_logins_until {
            true => self.login_ms + self.below(self.login_ms / 4),
            false => 5 + self.below(10),
        }
    }

    /// Returns the time that a request waits for a session: the lock's own, or a pooled one.
    fn session_after(&mut self, p: usize, ask: &Ask) -> u64 {
        match ask {
            Ask::Beat(true) | Ask::Ping => 0,
            Ask::TakeLock | Ask::Login => self.login(),
            _ => {
                if std::mem::take(&mut self.processes[p].cold) {
                    let login = self.login();
                    self.processes[p].warm_at = self.now + login;
                }
                self.processes[p].warm_at.saturating_sub(self.now)
            }
        }
    }

    /// Sends a request to the database. It is answered once, or fails after the timeout.
    pub(super) fn ask(&mut self, p: usize, ask: Ask) {
        self.calls += 1;
        let (call, life) = (self.calls, self.processes[p].life);
        self.open.insert(call);
        let sent = self.now;
        let given_up = Event::Hear(p, life, call, sent, ask.clone(), Answer::Failed);
        if !self.processes[p].out_cut {
            let after = self.latency() + self.session_after(p, &ask);
            self.at(after, Event::Arrive(p, life, call, sent, ask));
        }
        self.at(SILENCE, given_up);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Fault => self.fault(),
            Event::SessionsEnd => self.sessions_end(),
            event @ (Event::LockIdle(..) | Event::Arrive(..)) if self.now < self.stalled_until => {
                let after = self.stalled_until - self.now;
                self.at(after, event);
            }
            Event::LockIdle(host, asked) => {
                if self.rows.locks.get(&host) == Some(&asked) {
                    self.rows.locks.remove(&host);
                }
            }
            Event::Arrive(p, life, call, sent, ask) => {
                let answer = match self.up {
                    true => self.answer(p, life, &ask),
                    false => Answer::Failed,
                };
                if !self.processes[p].in_cut {
                    let after = self.latency();
                    self.at(after, Event::Hear(p, life, call, sent, ask, answer));
                }
            }
            Event::Tick(p, at) if at != self.processes[p].woken => (),
            Event::Tick(p, _) | Event::Hear(p, ..)
                if self.now < self.processes[p].stopped_until =>
            {
                let after = self.processes[p].stopped_until - self.now;
                match event {
                    Event::Tick(p, _) => {
                        let at = self.now + after;
                        self.processes[p].woken = at;
                        self.at(after, Event::Tick(p, at));
                    }
                    event => self.at(after, event),
                }
            }
            Event::Tick(p, _) => self.tick(p),
            Event::Hear(p, life, call, sent, ask, answer) => {
                if self.open.remove(&call) && self.processes[p].life == life {
                    self.hear(p, sent, ask, answer);
                }
            }
        }
    }

    /// Carries out a request in the database and returns its answer.
    fn answer(&mut self, p: usize, life: u64, ask: &Ask) -> Answer {
        let process = &self.processes[p];
        // Requests of an earlier life arrive too.
        let Some(host) = process.ids.get(&life).copied() else {
            return Answer::No;
        };
        let yes = |yes| if yes { Answer::Done } else { Answer::No };
        let reads = matches!(
            ask,
            Ask::Ping | Ask::TakeLock | Ask::Login | Ask::Look | Ask::Plan | Ask::Tokens
        );
        if !reads && self.now < self.refuses_until {
            // A host whose heartbeat fails drops the session that holds its lock.
            if matches!(ask, Ask::Beat(true)) {
                self.rows.locks.remove(&host);
            }
            return Answer::Failed;
        }
        match ask {
            Ask::Register => {
                let row = HostRow {
                    process: p,
                    name: process.name.clone(),
                    capacity: process.capacity,
                    beats: 0,
                    dead: false,
                    draining: false,
                    locks: false,
                    silence_ms: Some(SILENCE),
                };
                self.rows.hosts.entry(host).or_insert(row);
                Answer::Done
            }
            Ask::Beat(true) | Ask::Ping if !self.lock_asked(host) => Answer::Failed,
            Ask::Ping | Ask::Login => Answer::Done,
            Ask::Beat(_) => yes(self.rows.beat(host)),
            Ask::Say(locks) => {
                if let Some(row) = self.rows.hosts.get_mut(&host) {
                    row.locks = *locks;
                }
                Answer::Done
            }
            // The earlier session with the lock still exists.
            Ask::TakeLock if self.rows.locks.contains_key(&host) => Answer::Failed,
            Ask::TakeLock => {
                self.rows.locks.insert(host, self.now);
                self.at(SILENCE, Event::LockIdle(host, self.now));
                Answer::Done
            }
            Ask::Look => self.signs(),
            Ask::Declare(other, beats) => {
                let dead = self.rows.declare(*other, *beats);
                if dead {
                    self.check_death(*other);
                    self.wake();
                }
                yes(dead)
            }
            Ask::Plan => {
                let dead = self.rows.hosts.iter().filter(|(_, row)| row.dead);
                let dead = dead.map(|(id, _)| *id).collect();
                Answer::Plan(self.rows.leases.clone(), dead)
            }
            ask => self.answer_of_leases(host, ask),
        }
    }

    fn answer_of_leases(&mut self, host: HostId, ask: &Ask) -> Answer {
        let yes = |yes| if yes { Answer::Done } else { Answer::No };
        match ask {
            Ask::Claim(tenants) => match self.rows.claim(host, tenants) {
                Ok(claimed) => {
                    self.check_claim(host, &claimed);
                    Answer::Claimed(claimed)
                }
                Err(what) => {
                    self.fail(what);
                    Answer::No
                }
            },
            Ask::Commit(tenant, epoch) => yes(self.rows.holds(host, *tenant, *epoch)),
            Ask::Tokens => {
                let leases = self.rows.leases.iter().enumerate();
                let own = leases.filter(|(_, lease)| lease.owner == Some(host));
                Answer::Tokens(own.map(|(tenant, lease)| (tenant, lease.epoch)).collect())
            }
            Ask::Release(tenant, epoch) => {
                if self.rows.release(host, *tenant, *epoch) {
                    self.wake();
                }
                Answer::Done
            }
            ask => {
                if let Some(row) = self.rows.hosts.get_mut(&host) {
                    row.draining = true;
                    row.dead |= matches!(ask, Ask::Leave);
                }
                self.wake();
                Answer::Done
            }
        }
    }

    /// Sends a request in the session that holds a lock. Returns false if the session has ended.
    fn lock_asked(&mut self, host: HostId) -> bool {
        let Some(asked) = self.rows.locks.get_mut(&host) else {
            return false;
        };
        *asked = self.now;
        self.at(SILENCE, Event::LockIdle(host, self.now));
        true
    }

    fn signs(&self) -> Answer {
        let (mut signs, mut rows, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        for (id, row) in self.rows.hosts.iter().filter(|(_, row)| !row.dead) {
            signs.push(HostSighting {
                host: *id,
                beats: row.beats,
                serves: true,
                locks: row.locks,
                locked: self.rows.locks.contains_key(id),
                silence_ms: row.silence_ms,
            });
            rows.push(row.clone());
            ids.push(*id);
        }
        Answer::Signs(signs, rows, ids)
    }

    /// Notifies all hosts that listen.
    fn wake(&mut self) {
        for p in 0..self.processes.len() {
            let process = &mut self.processes[p];
            if process.alive && !process.in_cut {
                process.scan_at = process.scan_at.min(self.now + 40);
                self.tick_in(p, 40);
            }
        }
    }
}
