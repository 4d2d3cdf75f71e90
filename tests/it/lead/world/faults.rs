//! Faults, and their end.

use wmctl::lead::Input;

use super::{Answer, Ask, Event, FAULTS_END, Mutant, PROCESSES, T, World};

impl World {
    pub(super) fn fault(&mut self) {
        if FAULTS_END <= self.now {
            for p in 0..PROCESSES {
                let process = &mut self.processes[p];
                (process.out_cut, process.in_cut) = (false, false);
                process.stopped_until = process.stopped_until.min(self.now);
                if !process.alive {
                    self.start_again(p);
                }
            }
            self.db.up = true;
            return;
        }
        let p = usize::try_from(self.below(3)).unwrap();
        match self.below(9) {
            0 => self.crash(p),
            1 | 2 => {
                let long = self.below(3 * T);
                self.processes[p].stopped_until = self.now + long;
            }
            3 => self.processes[p].out_cut ^= true,
            4 => self.processes[p].in_cut ^= true,
            5 => {
                let jump = [3_600_000, -3_600_000, 700, -700];
                let at = usize::try_from(self.below(4)).unwrap();
                self.processes[p].wall_offset += jump[at];
            }
            6 => self.outage(None),
            7 => {
                let lose = usize::try_from(self.below(8)).unwrap();
                self.lossy = true;
                if self.one_in(2) {
                    let long = self.below(5 * T);
                    self.processes[p].stopped_until = self.now + long;
                }
                self.outage(Some(lose));
                if self.mutant == Mutant::EpochOnly {
                    self.db.line = 0;
                }
            }
            _ => {
                if let Some((session, _)) = self.db.lock {
                    self.unlock(session);
                }
            }
        }
        let after = 200 + self.below(900);
        self.at(after, Event::Fault);
    }

    fn outage(&mut self, lose: Option<usize>) {
        self.db.fall(lose);
        let after = 50 + self.below(2 * T);
        self.at(after, Event::Up);
        for p in 0..PROCESSES {
            // Sessions that waited for the lock or held it fail.
            let (start, life) = (self.processes[p].start, self.processes[p].life);
            for input in [Input::LockFailed, Input::LockLost] {
                let ask = Ask::Say(false);
                self.at(2, Event::Hear(p, start, life, ask, Answer::Input(input)));
            }
        }
    }

    fn crash(&mut self, p: usize) {
        if !self.processes[p].alive {
            return self.start_again(p);
        }
        let session = self.session(p);
        self.processes[p].alive = false;
        self.db.sharing.retain(|(process, _), _| *process != p);
        if self.socket == Some(p) {
            self.socket = None;
        }
        if !self.processes[p].out_cut {
            self.unlock(session);
        }
    }

    fn start_again(&mut self, p: usize) {
        let start = self.processes[p].start + 1;
        self.processes[p] = self.fresh_process(start);
        self.at(1, Event::Tick(p));
    }
}
