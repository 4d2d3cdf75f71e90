//! Faults, and their end.

use super::world::{Event, FAULTS_END, SILENCE, World};

/// Time after the end of a fault during which a host may still be declared dead: delayed messages
/// arrive, and lost ones are sent again.
const AFTERMATH: u64 = SILENCE + 1_500;

/// Faults that alone must not cause a declaration of death.
pub(super) const OUTAGE: u64 = 5;
pub(super) const STALL: u64 = 10;
pub(super) const PAUSE: u64 = 11;
pub(super) const LOGINS: u64 = 12;
pub(super) const REFUSALS: u64 = 13;

impl World {
    fn troubled(&mut self, p: usize, long: u64) {
        let until = self.now + long + AFTERMATH;
        let process = &mut self.processes[p];
        process.troubled_until = process.troubled_until.max(until);
    }

    pub(super) fn fault(&mut self) {
        if FAULTS_END <= self.now {
            return;
        }
        let count = u64::try_from(self.processes.len()).unwrap();
        let p = usize::try_from(self.below(count)).unwrap();
        let kind = match self.only {
            Some(kind) => kind,
            None => self.below(15),
        };
        match kind {
            0 => self.kill(p),
            1 if self.processes[p].alive => self.leave(p),
            1 => self.join(p),
            2 | 3 => {
                let long = self.below(2 * SILENCE);
                self.troubled(p, long);
                self.processes[p].stopped_until = self.now + long;
            }
            4 => self.cut(p),
            OUTAGE => {
                self.up = !self.up;
                self.came_or_went();
            }
            6 => {
                let long = self.below(SILENCE);
                self.slow_until = self.now + long;
                for p in 0..self.processes.len() {
                    self.troubled(p, long + 1_600);
                }
            }
            // An administrator ends the sessions of one host.
            7 => self.end_sessions(p),
            8 => {
                let tenants = u64::try_from(self.rows.leases.len()).unwrap();
                let at = usize::try_from(self.below(tenants)).unwrap();
                let name = self.processes[p].name.clone();
                match self.one_in(3) {
                    true => self.rows.leases[at].wanted_host = Some(name),
                    false => self.rows.leases[at].enabled ^= true,
                }
            }
            9 | 14 => self.join(p),
            STALL => self.stall(),
            PAUSE => self.pause_all(),
            LOGINS => self.slow_logins(),
            _ => {
                // The database refuses writes, and answers reads.
                let long = self.below(2 * SILENCE);
                self.refuses_until = self.refuses_until.max(self.now + long);
            }
        }
        let after = 100 + self.below(1_200);
        self.at(after, Event::Fault);
    }

    /// The server does not respond: all requests wait, reads and heartbeats alike.
    fn stall(&mut self) {
        // A second stall directly after the first would lengthen it.
        if self.stalled_until + SILENCE < self.now || self.stalled_until == 0 {
            self.stalled_until = self.now + SILENCE / 4 + self.below(SILENCE);
        }
    }

    /// All hosts pause at once, as when their machine is migrated.
    fn pause_all(&mut self) {
        let until = self.now + self.below(2 * SILENCE);
        self.paused_until = self.paused_until.max(until);
        for process in &mut self.processes {
            process.stopped_until = process.stopped_until.max(until);
        }
    }

    /// Logins are slow, and sessions are ended repeatedly.
    fn slow_logins(&mut self) {
        self.login_ms = 200 + self.below(SILENCE / 4);
        self.slow_logins_until = self.now + 3 * SILENCE;
        self.at(1, Event::SessionsEnd);
    }

    /// Ends the sessions of all hosts, or of one.
    pub(super) fn sessions_end(&mut self) {
        if self.slow_logins_until <= self.now {
            return;
        }
        let count = u64::try_from(self.processes.len()).unwrap();
        let one = usize::try_from(self.below(2 * count)).unwrap();
        for p in 0..self.processes.len() {
            if one == p || self.processes.len() <= one {
                self.end_sessions(p);
            }
        }
        let after = 300 + self.below(2 * SILENCE);
        self.at(after, Event::SessionsEnd);
    }

    fn end_sessions(&mut self, p: usize) {
        if self.processes[p].alive {
            let id = self.processes[p].id();
            self.rows.locks.remove(&id);
            self.processes[p].cold = true;
        }
    }

    fn cut(&mut self, p: usize) {
        let (out, both) = (self.one_in(2), self.one_in(2));
        let process = &mut self.processes[p];
        if process.out_cut || process.in_cut {
            (process.out_cut, process.in_cut) = (false, false);
            process.troubled_until = self.now + AFTERMATH;
        } else {
            (process.out_cut, process.in_cut) = (out || both, !out || both);
            process.troubled_until = u64::MAX;
        }
    }

    fn came_or_went(&mut self) {
        // Sessions end with the server.
        self.rows.locks.clear();
        if self.up {
            self.up_since = self.now;
        }
    }

    fn kill(&mut self, p: usize) {
        let process = &mut self.processes[p];
        if !process.alive {
            return self.join(p);
        }
        process.alive = false;
        process.running.clear();
        let id = process.id();
        self.rows.locks.remove(&id);
    }

    /// Starts a process, possibly with another capacity.
    fn join(&mut self, p: usize) {
        if !self.processes[p].alive {
            self.processes[p].stopped_until = self.paused_until;
            self.start(p);
        }
    }

    /// Ends all faults, and starts all hosts.
    pub(super) fn heal(&mut self) {
        if !self.up {
            self.up = true;
            self.came_or_went();
        }
        self.slow_until = self.now;
        self.stalled_until = self.stalled_until.min(self.now);
        self.paused_until = self.paused_until.min(self.now);
        self.refuses_until = self.refuses_until.min(self.now);
        self.slow_logins_until = self.now;
        for p in 0..self.processes.len() {
            let process = &mut self.processes[p];
            process.stopped_until = process.stopped_until.min(self.now);
            (process.out_cut, process.in_cut) = (false, false);
            process.troubled_until = self.now + AFTERMATH;
            self.join(p);
        }
        for p in 0..self.processes.len() {
            self.tick_in(p, 1);
        }
    }
}
