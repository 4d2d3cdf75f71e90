//! A process: it carries out the machine's actions, and converts answers to inputs.

use wmctl::lead::{Action, Call, Input};

use super::super::database::Session;
use super::{Account, Answer, Ask, Event, Mutant, T, World};

impl World {
    pub(super) fn input(&mut self, p: usize, input: Input) {
        let now = self.clock(&self.processes[p]);
        let mut actions = Vec::new();
        self.processes[p].machine.handle(now, input, &mut actions);
        for action in actions {
            self.perform(p, action);
        }
        let Some(wake) = self.processes[p].machine.wake_at() else {
            return;
        };
        let after = wake.saturating_sub(now).max(1);
        if self.now + after < self.processes[p].woken {
            self.processes[p].woken = self.now + after;
            self.at(after, Event::Tick(p));
        }
    }

    fn perform(&mut self, p: usize, action: Action) {
        let own = self.true_clock(p);
        match action {
            Action::Register => {
                let process = &mut self.processes[p];
                process.life += 1;
                process.token = None;
                (process.dial, process.until) = (false, 0);
                self.ask(p, Ask::Register);
            }
            Action::WaitForLock => {
                self.processes[p].session += 1;
                self.ask(p, Ask::WaitLock);
            }
            Action::TryLock => {
                self.processes[p].session += 1;
                self.ask(p, Ask::TryLock);
            }
            Action::Unlock => {
                let session = self.session(p);
                self.processes[p].session += 1;
                if !self.processes[p].out_cut {
                    self.unlock(session);
                }
            }
            Action::ReadHolder => self.ask(p, Ask::Read),
            Action::DeclareDead { host, beats } => self.ask(p, Ask::Declare(host, beats)),
            Action::Claim { .. } => {
                self.processes[p].claim_sent = own;
                self.ask(p, Ask::Claim);
            }
            Action::Load => {
                let process = &mut self.processes[p];
                process.account.running = true;
                self.ask(p, Ask::Load);
            }
            Action::Dial => self.processes[p].dial = true,
            Action::MaySend { until_ms } => self.processes[p].until = until_ms,
            Action::StopSending => self.processes[p].until = 0,
            Action::Beat { over_lock } => {
                self.processes[p].beat_sent = own;
                self.ask(p, Ask::Beat(over_lock));
            }
            Action::SayLiveness { locks } => self.ask(p, Ask::Say(locks)),
            Action::CheckToken => self.ask(p, Ask::Check),
            Action::Drop => self.end_account(p, true),
            Action::Drain => self.end_account(p, false),
            Action::Release => self.ask(p, Ask::Release),
            Action::Notify(_) => (),
            Action::End => self.processes[p].alive = false,
        }
    }

    pub(super) fn session(&self, p: usize) -> Session {
        let process = &self.processes[p];
        (p, process.start * 1_000_000 + process.session)
    }

    fn end_account(&mut self, p: usize, fenced: bool) {
        let chain = self.processes[p].account.chain;
        self.processes[p].account = Account::default();
        if self.mutant == Mutant::NoReload {
            self.processes[p].account.chain = chain;
        }
        if self.socket == Some(p) {
            self.socket = None;
        }
        self.input(p, Input::AccountEnded { fenced });
    }

    /// Returns true if the machine allows the account to act now.
    fn may(&self, p: usize) -> bool {
        let process = &self.processes[p];
        self.clock(process) < process.until
    }

    /// Checks that the last heartbeat still permits an action, by the process's own clock.
    fn check_validity(&mut self, p: usize, what: &str) {
        if self.processes[p].heard_of + T <= self.true_clock(p) {
            self.fail(format!("I5: process {p} {what} without a sign of life"));
        }
    }

    pub(super) fn work(&mut self, p: usize) {
        let process = &self.processes[p];
        if !process.alive || self.now < process.stopped_until || !process.account.running {
            return;
        }
        let account = process.account;
        let Some(chain) = account.chain else {
            return;
        };
        if let (true, Some(number)) = (account.connected, account.to_send) {
            if self.may(p) {
                self.check_validity(p, "sends");
                self.processes[p].account.to_send = None;
                if self.socket == Some(p) && !self.sent.insert(number) && !self.lossy {
                    self.fail(format!("I4: {number} of the chain is sent twice"));
                }
            }
            return;
        }
        if !account.connected {
            if self.processes[p].dial && self.may(p) && !account.dialling {
                self.check_validity(p, "dials");
                self.processes[p].account.dialling = true;
                let (start, life) = (self.processes[p].start, self.processes[p].life);
                let after = 5 + self.below(60);
                self.at(after, Event::LinkUp(p, start, life));
            }
            return;
        }
        if !account.working {
            self.processes[p].account.working = true;
            self.units += 1;
            self.processes[p].unit = self.units;
            self.ask(p, Ask::Fence(chain));
        }
    }

    pub(super) fn link_up(&mut self, p: usize, start: u64, life: u64) {
        let process = &self.processes[p];
        if !process.alive || (process.start, process.life) != (start, life) {
            return;
        }
        if self.now < process.stopped_until {
            let after = process.stopped_until - self.now + 1;
            return self.at(after, Event::LinkUp(p, start, life));
        }
        if !process.account.running {
            return;
        }
        if let Some(other) = self.socket.filter(|other| *other != p) {
            self.processes[other].account.connected = false;
            self.processes[other].account.dialling = true;
            // The other process learns of it at once, or when it continues.
            let (start, life) = (self.processes[other].start, self.processes[other].life);
            let answer = Answer::Input(Input::Replaced);
            self.at(3, Event::Hear(other, start, life, Ask::Check, answer));
            self.ask(other, Ask::Check);
        }
        self.socket = Some(p);
        self.processes[p].account.connected = true;
        self.processes[p].account.dialling = false;
        self.input(p, Input::LinkUp);
    }

    pub(super) fn hear(&mut self, p: usize, ask: Ask, answer: Answer) {
        match (ask, answer) {
            (_, Answer::Registered(host)) => {
                self.processes[p].me = Some(host);
                self.input(p, Input::Registered(host));
            }
            (_, Answer::Claimed(token)) => {
                let process = &mut self.processes[p];
                process.token = Some(token);
                process.heard_of = process.claim_sent;
                self.input(p, Input::Claimed { epoch: token.epoch });
            }
            (_, Answer::Loaded(chain)) => {
                let account = &mut self.processes[p].account;
                if !account.running {
                    return;
                }
                if self.mutant != Mutant::NoReload || account.chain.is_none() {
                    account.chain = Some(chain);
                }
                self.input(p, Input::Loaded);
            }
            (_, Answer::Fenced) if self.processes[p].account.running => self.end_account(p, true),
            // The answer to a unit that was given up.
            (_, Answer::FenceHeld(base, unit))
                if self.processes[p].unit != unit
                    || self.processes[p].account.chain != Some(base) =>
            {
                if !self.processes[p].out_cut {
                    self.db.sharing.remove(&(p, unit));
                }
            }
            (_, Answer::FenceHeld(base, _)) if self.processes[p].account.running => {
                self.ask(p, Ask::Commit(base));
            }
            (_, Answer::Committed(chain)) if self.processes[p].account.running => {
                let account = &mut self.processes[p].account;
                account.working = false;
                account.chain = Some(chain);
                account.to_send = Some(chain);
            }
            (_, Answer::Fenced | Answer::FenceHeld(..) | Answer::Committed(_)) => (),
            (_, Answer::LockLost) => {
                self.input(p, Input::LockLost);
                self.input(p, Input::BeatFailed);
            }
            (_, Answer::Input(input)) => {
                if input == Input::BeatAcked {
                    let process = &mut self.processes[p];
                    process.heard_of = process.heard_of.max(process.beat_sent);
                }
                if input == Input::Replaced {
                    self.processes[p].account.dialling = false;
                    self.processes[p].dial = true;
                }
                self.input(p, input);
            }
            (ask, Answer::Nothing) => self.unheard(p, ask),
        }
    }

    fn unheard(&mut self, p: usize, ask: Ask) {
        let input = match ask {
            Ask::Register => Input::Failed(Call::Register),
            Ask::TryLock | Ask::WaitLock => Input::LockFailed,
            Ask::Read => Input::Failed(Call::ReadHolder),
            Ask::Declare(..) => Input::Failed(Call::DeclareDead),
            Ask::Claim => Input::ClaimUnknown,
            Ask::Beat(over_lock) => {
                if over_lock {
                    self.input(p, Input::LockLost);
                }
                Input::BeatFailed
            }
            Ask::Check => Input::Failed(Call::CheckToken),
            Ask::Release => Input::Released,
            Ask::Say(_) => return,
            // The rows are unknown now, so they are loaded again.
            Ask::Load | Ask::Fence(_) | Ask::Commit(_) => {
                let account = &mut self.processes[p].account;
                if account.running {
                    account.working = false;
                    account.chain = None;
                    account.to_send = None;
                    account.connected = false;
                    if self.socket == Some(p) {
                        self.socket = None;
                    }
                    self.input(p, Input::LinkDown);
                    self.ask(p, Ask::Load);
                }
                return;
            }
        };
        self.input(p, input);
    }
}
