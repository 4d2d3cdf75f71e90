//! What goes wrong, and how it mends.

use super::world::{Event, FAULTS_END, SILENCE, World};

/// How long after its end a fault may still have a host taken for dead: what is under way arrives,
/// and what was lost is taken again.
const AFTERMATH: u64 = SILENCE + 1_500;

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
        match self.below(10) {
            0 => self.kill(p),
            1 if self.processes[p].alive => self.leave(p),
            1 => self.join(p),
            2 | 3 => {
                let long = self.below(2 * SILENCE);
                self.troubled(p, long);
                self.processes[p].stopped_until = self.now + long;
            }
            4 => self.cut(p),
            5 => {
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
            7 => {
                // An administrator ends the session of a lock.
                if self.processes[p].alive {
                    let id = self.processes[p].id();
                    self.troubled(p, 0);
                    self.rows.locks.remove(&id);
                }
            }
            8 => {
                let tenants = u64::try_from(self.rows.leases.len()).unwrap();
                let at = usize::try_from(self.below(tenants)).unwrap();
                let name = self.processes[p].name.clone();
                match self.one_in(3) {
                    true => self.rows.leases[at].wanted_host = Some(name),
                    false => self.rows.leases[at].enabled ^= true,
                }
            }
            _ => self.join(p),
        }
        let after = 100 + self.below(1_200);
        self.at(after, Event::Fault);
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

    /// It starts, perhaps with another capacity.
    fn join(&mut self, p: usize) {
        if !self.processes[p].alive {
            self.processes[p].stopped_until = 0;
            self.start(p);
        }
    }

    /// All faults end, and everybody is there.
    pub(super) fn heal(&mut self) {
        if !self.up {
            self.up = true;
            self.came_or_went();
        }
        self.slow_until = self.now;
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
