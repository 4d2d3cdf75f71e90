//! One `serve` process: the decisions of `lead`, and the code that carries them out.

use std::collections::{BTreeMap, BTreeSet};

use wmctl::ids::{HostId, TenantId};
use wmctl::lead::fleet::{self, HostSighting, Observer, Pace, Peer, Placed, View};
use wmctl::lead::{Config, HostAction, HostPermission, Locks};

use super::rows::{HostRow, LeaseRow};
use super::world::{Answer, Ask, Event, Mutant, REBALANCE, SILENCE, World};

const PING: u64 = 100;
const BEAT: u64 = SILENCE / 4;
const SWEEP: u64 = 75;
const RESCAN: u64 = 500;
const RESCAN_MIN: u64 = 40;
const WORK: u64 = 150;
/// Wait before a host that was declared dead joins again.
const ANEW: u64 = 1_000;
/// Least start value of the clocks: none starts at zero.
const CLOCK_START: u64 = 1_000_000;

/// One tenant that runs here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub(super) epoch: i64,
    /// When the tenant ends and its lease is released.
    ends_at: Option<u64>,
}

/// The concurrent activities; each has at most one request in progress.
#[derive(Clone, Copy, Debug, Default)]
struct Busy {
    registering: bool,
    beating: bool,
    locking: bool,
    looking: bool,
    scanning: bool,
    working: bool,
    measuring: bool,
}

#[derive(Debug)]
pub(super) struct Process {
    pub(super) name: String,
    pub(super) capacity: usize,
    pub(super) alive: bool,
    /// Number of the registration, and the host id of each.
    pub(super) life: u64,
    pub(super) ids: BTreeMap<u64, HostId>,
    pub(super) stopped_until: u64,
    pub(super) out_cut: bool,
    pub(super) in_cut: bool,
    /// The host may rightly be declared dead until this time.
    pub(super) troubled_until: u64,
    /// The sessions were ended: the next request waits for a login, and delays others.
    pub(super) cold: bool,
    pub(super) warm_at: u64,
    boot_offset: u64,
    known: bool,
    pulse: Option<HostPermission>,
    pub(super) observer: Option<Observer>,
    pace: Pace,
    peers: Vec<Peer>,
    pub(super) running: BTreeMap<usize, Running>,
    /// By its own clock: end of the permission to send, and when the newest answered heartbeat was
    /// sent.
    until: u64,
    heard_of: u64,
    has_lock: bool,
    draining: bool,
    left: bool,
    busy: Busy,
    /// The last observation, for the mutants.
    seen: Vec<HostSighting>,
    seen_at: u64,
    beat_at: u64,
    ping_at: u64,
    lock_at: u64,
    look_at: u64,
    pub(super) scan_at: u64,
    work_at: u64,
    /// When the process wakes by itself.
    pub(super) woken: u64,
    /// When it last gave a tenant away.
    pub(super) gave: Option<u64>,
}

impl Process {
    pub(super) fn new(number: usize) -> Self {
        Self {
            name: format!("host-{number}"),
            capacity: 0,
            alive: false,
            life: 0,
            ids: BTreeMap::new(),
            stopped_until: 0,
            out_cut: false,
            in_cut: false,
            troubled_until: 0,
            cold: false,
            warm_at: 0,
            boot_offset: 0,
            known: false,
            pulse: None,
            observer: None,
            pace: Pace::new(REBALANCE, 0),
            peers: Vec::new(),
            running: BTreeMap::new(),
            until: 0,
            heard_of: 0,
            has_lock: false,
            draining: false,
            left: false,
            busy: Busy::default(),
            seen: Vec::new(),
            seen_at: 0,
            beat_at: 0,
            ping_at: 0,
            lock_at: 0,
            look_at: 0,
            scan_at: 0,
            work_at: 0,
            woken: 0,
            gave: None,
        }
    }

    pub(super) fn id(&self) -> HostId {
        self.ids[&self.life]
    }
}

fn config() -> Config {
    Config {
        timeout_ms: SILENCE,
        file_poll_ms: 50,
        locks: Locks::Sessions,
    }
}

impl World {
    /// Returns the process's own clock.
    pub(super) fn clock(&self, p: usize) -> u64 {
        self.now + self.processes[p].boot_offset + CLOCK_START
    }

    /// Begins a new life: the process starts, or joins again under another host id.
    pub(super) fn start(&mut self, p: usize) {
        let (id, offset) = (self.fresh_id(), self.below(1_000_000));
        let capacity = [20, 40, 40, 60][usize::try_from(self.below(4)).unwrap()];
        let now = self.now;
        let old = &self.processes[p];
        let mut fresh = Process {
            capacity,
            alive: true,
            life: old.life + 1,
            ids: old.ids.clone(),
            stopped_until: old.stopped_until,
            out_cut: old.out_cut,
            in_cut: old.in_cut,
            troubled_until: old.troubled_until,
            boot_offset: offset,
            scan_at: now + RESCAN_MIN,
            work_at: now + WORK,
            ..Process::new(p)
        };
        fresh.ids.insert(fresh.life, id);
        self.processes[p] = fresh;
        self.tick_in(p, 1);
    }

    /// Wakes the process after this time at the latest.
    pub(super) fn tick_in(&mut self, p: usize, after: u64) {
        let at = self.now + after;
        let woken = self.processes[p].woken;
        if woken <= self.now || at < woken {
            self.processes[p].woken = at;
            self.at(after, Event::Tick(p, at));
        }
    }

    /// Performs all due work, and schedules the next wake-up.
    pub(super) fn tick(&mut self, p: usize) {
        if !self.processes[p].alive {
            return;
        }
        let now = self.now;
        self.processes[p].woken = now;
        if !self.processes[p].known {
            if !self.processes[p].busy.registering {
                self.processes[p].busy.registering = true;
                self.ask(p, Ask::Register);
            }
            return self.tick_in(p, 250);
        }
        self.fall_silent(p);
        self.end_tenants(p);
        let process = &mut self.processes[p];
        let mut asks = Vec::new();
        if !process.busy.locking && !process.has_lock && process.lock_at <= now {
            process.busy.locking = true;
            // Until the lock is back, only the heartbeat counter counts.
            asks.push(Ask::Say(false));
        }
        let due = match process.has_lock {
            true => process.ping_at,
            false => process.beat_at,
        };
        if !process.busy.beating && due <= now {
            process.busy.beating = true;
            process.ping_at = now + PING;
            asks.push(match (process.beat_at <= now, process.has_lock) {
                (true, over_lock) => Ask::Beat(over_lock),
                (false, _) => Ask::Ping,
            });
            if process.beat_at <= now {
                process.beat_at = now + BEAT;
            }
        }
        if !process.busy.looking && process.look_at <= now {
            process.busy.looking = true;
            asks.push(Ask::Look);
        }
        if !process.busy.scanning && process.scan_at <= now && !process.draining {
            process.busy.scanning = true;
            process.scan_at = now + RESCAN;
            asks.push(Ask::Plan);
        }
        if !process.busy.working && process.work_at <= now {
            process.work_at = now + WORK;
            asks.extend(self.work(p));
        }
        for ask in asks {
            self.ask(p, ask);
        }
        let process = &self.processes[p];
        let due = [
            process.beat_at,
            process.look_at,
            process.work_at,
            process.ping_at,
            process.scan_at,
            process.lock_at,
        ];
        let ends = process.running.values().filter_map(|one| one.ends_at);
        let next = due.into_iter().chain(ends).filter(|at| now < *at).min();
        self.tick_in(p, next.unwrap_or(now + PING) - now);
    }

    fn work(&mut self, p: usize) -> Option<Ask> {
        let count = u64::try_from(self.processes[p].running.len()).unwrap();
        if count == 0 {
            return None;
        }
        let at = usize::try_from(self.below(count)).unwrap();
        let process = &mut self.processes[p];
        let (tenant, running) = process.running.iter().nth(at)?;
        process.busy.working = true;
        Some(Ask::Commit(*tenant, running.epoch))
    }

    fn fall_silent(&mut self, p: usize) {
        let (mut out, now) = (Vec::new(), self.clock(p));
        if let Some(pulse) = &mut self.processes[p].pulse {
            pulse.tick(now, &mut out);
        }
        self.carry_out(p, out);
    }

    fn carry_out(&mut self, p: usize, all: Vec<HostAction>) {
        for say in all {
            match say {
                HostAction::MaySend { until_ms } => self.processes[p].until = until_ms,
                HostAction::StopSending if self.mutant == Mutant::Talkative => (),
                HostAction::StopSending => self.processes[p].until = 0,
                HostAction::CheckTokens => self.ask(p, Ask::Tokens),
            }
        }
    }

    /// Releases the leases of tenants whose last work is done.
    fn end_tenants(&mut self, p: usize) {
        let now = self.now;
        let process = &mut self.processes[p];
        let ended = process.running.iter();
        let ended = ended.filter(|(_, one)| one.ends_at.is_some_and(|at| at <= now));
        let ended: Vec<(usize, i64)> = ended.map(|(tenant, one)| (*tenant, one.epoch)).collect();
        for (tenant, epoch) in ended {
            self.processes[p].running.remove(&tenant);
            self.ask(p, Ask::Release(tenant, epoch));
        }
        let process = &mut self.processes[p];
        if process.draining && process.running.is_empty() && !process.left {
            process.left = true;
            self.ask(p, Ask::Leave);
        }
    }

    fn end_one(&mut self, p: usize, tenant: usize) {
        let after = 10 + self.below(100);
        let ends_at = self.now + after;
        if let Some(running) = self.processes[p].running.get_mut(&tenant) {
            running.ends_at.get_or_insert(ends_at);
        }
        self.tick_in(p, after);
    }

    /// Releases all tenants and ends.
    pub(super) fn leave(&mut self, p: usize) {
        let process = &mut self.processes[p];
        if !process.known || process.draining {
            return;
        }
        process.draining = true;
        let tenants: Vec<usize> = process.running.keys().copied().collect();
        self.ask(p, Ask::Drain);
        for tenant in tenants {
            self.end_one(p, tenant);
        }
    }

    pub(super) fn hear(&mut self, p: usize, sent: u64, ask: Ask, answer: Answer) {
        if !self.processes[p].alive {
            return;
        }
        let (now, clock) = (self.now, self.clock(p));
        let sent_ms = clock - (now - sent);
        let failed = matches!(answer, Answer::Failed);
        let process = &mut self.processes[p];
        match (ask, answer) {
            (Ask::Register, Answer::Done) => {
                let id = process.id();
                process.known = true;
                process.heard_of = sent_ms;
                let pulse = HostPermission::new(config(), sent_ms);
                process.until = pulse.until_ms();
                process.pulse = Some(pulse);
                let server = Some(now - self.up_since);
                process.observer = Some(Observer::new(id, SILENCE, clock, server));
            }
            (Ask::Register, _) => process.busy.registering = false,
            (Ask::Beat(_) | Ask::Ping, Answer::No) => return self.fenced(p),
            (Ask::Beat(_), Answer::Done) => self.beaten(p, sent_ms),
            (Ask::Beat(_) | Ask::Ping, _) => {
                process.busy.beating = false;
                if failed && process.has_lock {
                    // An immediate heartbeat beside the lock shows that the host is alive.
                    process.has_lock = false;
                    if let Some(observer) = &mut process.observer {
                        observer.lost_lock(clock);
                    }
                    (process.lock_at, process.beat_at) = (now, now);
                }
            }
            (Ask::Login, answer) => self.logged_in(p, sent_ms, &answer),
            (Ask::Say(false), _) => self.ask(p, Ask::TakeLock),
            (Ask::TakeLock, Answer::Done) => self.ask(p, Ask::Say(true)),
            (Ask::Say(true), _) => {
                (process.has_lock, process.busy.locking) = (true, false);
            }
            (Ask::TakeLock, _) => {
                (process.busy.locking, process.lock_at) = (false, now + BEAT);
            }
            (Ask::Look, answer) => self.looked(p, sent_ms, answer),
            (Ask::Plan, Answer::Plan(leases, dead)) => self.scanned(p, &leases, &dead),
            (Ask::Plan, _) => process.busy.scanning = false,
            (Ask::Claim(tenants), answer) => self.claimed(p, &tenants, answer),
            (Ask::Commit(tenant, epoch), answer) => {
                process.busy.working = false;
                match answer {
                    Answer::Done => self.send(p, tenant),
                    Answer::No => self.lost(p, tenant, epoch),
                    _ => (),
                }
            }
            (Ask::Tokens, answer) => self.checked(p, answer),
            (Ask::Leave, _) => process.alive = false,
            _ => (),
        }
        self.tick_in(p, 0);
    }

    fn beaten(&mut self, p: usize, sent_ms: u64) {
        let clock = self.clock(p);
        let process = &mut self.processes[p];
        process.busy.beating = false;
        process.heard_of = process.heard_of.max(sent_ms);
        let mut out = Vec::new();
        if let Some(pulse) = &mut process.pulse {
            pulse.beaten(sent_ms, clock, &mut out);
        }
        if let Some(observer) = &mut process.observer {
            observer.beaten(sent_ms);
        }
        self.carry_out(p, out);
    }

    fn logged_in(&mut self, p: usize, sent_ms: u64, answer: &Answer) {
        let until_ms = match self.mutant {
            Mutant::Impatient => sent_ms,
            _ => self.clock(p),
        };
        let process = &mut self.processes[p];
        process.busy.measuring = false;
        if let (Answer::Done, Some(observer)) = (answer, &mut process.observer) {
            observer.logged_in(sent_ms, until_ms);
        }
    }

    /// Handles a declaration of death: drops all state, and joins again under another host id.
    fn fenced(&mut self, p: usize) {
        let process = &mut self.processes[p];
        process.running.clear();
        let stopped = process.stopped_until.max(self.now + ANEW);
        let before = process.stopped_until;
        self.start(p);
        // Nothing happens in between. The process is not paused, and must not count as paused.
        self.processes[p].stopped_until = before;
        self.processes[p].scan_at = stopped;
    }

    fn lost(&mut self, p: usize, tenant: usize, epoch: i64) {
        let running = &mut self.processes[p].running;
        if running.get(&tenant).is_some_and(|one| one.epoch == epoch) {
            running.remove(&tenant);
        }
    }

    /// Sends a committed stanza, if sending is allowed.
    fn send(&mut self, p: usize, tenant: usize) {
        let clock = self.clock(p);
        let process = &self.processes[p];
        let may = clock < process.until || self.mutant == Mutant::Talkative;
        if may && process.heard_of + config().validity_ms() <= clock {
            let name = &process.name;
            let what = format!("{name} sends for tenant {tenant} after its deadline");
            self.fail(what);
        }
    }

    fn checked(&mut self, p: usize, answer: Answer) {
        let clock = self.clock(p);
        let process = &mut self.processes[p];
        let known = match answer {
            Answer::Tokens(held) => {
                let stands =
                    |tenant: &usize, one: &mut Running| held.get(tenant) == Some(&one.epoch);
                process.running.retain(stands);
                true
            }
            _ => false,
        };
        let mut out = Vec::new();
        if let Some(pulse) = &mut process.pulse {
            pulse.checked(known, clock, &mut out);
        }
        self.carry_out(p, out);
    }

    fn looked(&mut self, p: usize, began: u64, answer: Answer) {
        let (now, clock, mutant) = (self.now, self.clock(p), self.mutant);
        let process = &mut self.processes[p];
        process.busy.looking = false;
        process.look_at = now + SWEEP;
        let Some(observer) = &mut process.observer else {
            return;
        };
        let Answer::Signs(signs, rows, ids) = answer else {
            if mutant != Mutant::Trusting {
                observer.blind(clock);
            } else if !process.seen.is_empty() {
                for at in (process.seen_at..clock).step_by(100) {
                    observer.beaten(at);
                    observer.look(at, at, &process.seen);
                }
                process.seen_at = clock;
            }
            return;
        };
        if mutant == Mutant::Unheard {
            observer.beaten(clock);
        }
        // These mutants treat an unobserved time as observed.
        let unseen = match mutant {
            Mutant::OverSlowLooks => began..clock,
            Mutant::OverGaps => process.seen_at..began,
            _ => 0..0,
        };
        let mut began = began;
        if !process.seen.is_empty() && unseen.start < unseen.end {
            for at in unseen.clone().step_by(100) {
                observer.beaten(at);
                observer.look(at, at, &process.seen);
            }
            observer.beaten(unseen.end);
            began = began.max(unseen.end);
        }
        (process.seen, process.seen_at) = (signs.clone(), clock);
        let dead = observer.look(began, clock, &signs);
        let measures = observer.wants_login() && !process.busy.measuring;
        process.busy.measuring |= measures;
        let peer = |(id, row): (&HostId, &HostRow)| Peer {
            id: *id,
            name: row.name.clone(),
            capacity: row.capacity,
        };
        let lives = |(id, row): &(&HostId, &HostRow)| {
            !row.draining && dead.iter().all(|(host, _)| host != *id)
        };
        let peers: Vec<Peer> = ids.iter().zip(&rows).filter(lives).map(peer).collect();
        if peers != process.peers {
            process.peers = peers;
            process.scan_at = process.scan_at.min(now + RESCAN_MIN);
        }
        if measures {
            self.ask(p, Ask::Login);
        }
        for (host, beats) in dead {
            self.ask(p, Ask::Declare(host, beats));
        }
    }

    fn scanned(&mut self, p: usize, leases: &[LeaseRow], dead: &BTreeSet<HostId>) {
        let names = self.names.clone();
        let process = &mut self.processes[p];
        let id = process.id();
        // A tenant that commits nothing learns of a lost lease only this way.
        process
            .running
            .retain(|tenant, _| leases[*tenant].owner == Some(id));
        let placed = names.iter().zip(leases).map(|(tenant, lease)| Placed {
            tenant,
            enabled: lease.enabled,
            wanted_host: lease.wanted_host.as_deref(),
            owner: lease.owner,
            orphaned: lease.owner.is_some_and(|owner| dead.contains(&owner)),
        });
        let placed: Vec<Placed<'_>> = placed.collect();
        let here = process.running.keys().map(|at| names[*at].clone());
        let here: BTreeSet<TenantId> = here.collect();
        let mut peers = process.peers.clone();
        if self.mutant == Mutant::Greedy {
            peers.retain(|peer| peer.id == id);
        }
        let decision = fleet::decide(&View {
            me: id,
            peers: &peers,
            plan: &placed,
            here: &here,
            resting: &BTreeSet::new(),
            embedded: false,
        });
        let number = |tenant: &TenantId| names.iter().position(|name| name == tenant).unwrap();
        let clock = self.clock(p);
        let process = &mut self.processes[p];
        let give = match self.mutant {
            Mutant::Hasty => &decision.give[..],
            _ => process.pace.due(clock, &decision.give, names.len()),
        };
        let give: Vec<usize> = give.iter().map(number).collect();
        process.busy.scanning = !decision.take.is_empty();
        self.check_giving(p, give.len());
        for tenant in decision.stop.iter().map(number).chain(give) {
            self.end_one(p, tenant);
        }
        if !decision.take.is_empty() {
            let take = decision.take.iter().map(number).collect();
            self.ask(p, Ask::Claim(take));
        }
    }

    fn claimed(&mut self, p: usize, tenants: &[usize], answer: Answer) {
        let now = self.now;
        let process = &mut self.processes[p];
        process.busy.scanning = false;
        let Answer::Claimed(claimed) = answer else {
            return;
        };
        // Tenants that another host took first are tried again soon.
        if claimed.len() < tenants.len() {
            process.scan_at = process.scan_at.min(now + RESCAN_MIN);
        }
        for (tenant, epoch) in claimed {
            let ends_at = process.draining.then_some(now);
            process.running.insert(tenant, Running { epoch, ends_at });
        }
    }
}
