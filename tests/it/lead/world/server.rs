//! The network to the database and back, and the database's handling of requests.

use wmctl::ids::HostId;
use wmctl::lead::{Holder, Input};

use super::super::database::{HostRow, Session};
use super::{Answer, Ask, Event, FAULTS_END, IDLE_TX, Mutant, T, Who, World};

impl World {
    pub(super) fn ask(&mut self, p: usize, ask: Ask) {
        let process = &self.processes[p];
        let (start, life) = (process.start, process.life);
        if process.out_cut || !self.db.up {
            let after = if self.db.up { T } else { 5 + self.below(20) };
            return self.at(after, Event::Hear(p, start, life, ask, Answer::Nothing));
        }
        let slow = if self.one_in(50) { 400 } else { 6 };
        let after = 1 + self.below(slow);
        let who = self.who(p);
        self.at(after, Event::Arrive(p, who, ask));
    }

    pub(super) fn who(&self, p: usize) -> Who {
        let process = &self.processes[p];
        Who {
            start: process.start,
            life: process.life,
            boot: self.db.boot,
            me: process.me,
            token: process.token,
            session: self.session(p),
            unit: process.unit,
        }
    }

    pub(super) fn answer(&mut self, p: usize, who: Who, ask: Ask, answer: Answer) {
        let process = &self.processes[p];
        let (start, life) = (who.start, who.life);
        let lost = process.in_cut
            || (matches!(ask, Ask::Commit(_) | Ask::Claim)
                && self.now < FAULTS_END
                && self.one_in(60));
        let (after, answer) = if lost {
            (T, Answer::Nothing)
        } else {
            (1 + self.below(6), answer)
        };
        self.at(after, Event::Hear(p, start, life, ask, answer));
    }

    pub(super) fn arrive(&mut self, p: usize, who: Who, ask: Ask) {
        if self.processes[p].start != who.start {
            return;
        }
        let Who {
            me, token, session, ..
        } = who;
        if who.boot != self.db.boot || !self.db.up {
            return self.answer(p, who, ask, Answer::Nothing);
        }
        let answer = match ask {
            Ask::Register => Answer::Registered(self.register()),
            Ask::TryLock | Ask::WaitLock => {
                if self.db.lock.is_none() {
                    self.grant(session);
                    return;
                }
                if matches!(ask, Ask::WaitLock) {
                    self.db.waiting.push_back(session);
                    return;
                }
                Answer::Input(Input::LockRefused)
            }
            Ask::Read => Answer::Input(Input::HolderRead(self.holder())),
            Ask::Declare(host, seen) => {
                let row = self.db.rows.hosts.get_mut(&host);
                let row = row.filter(|row| row.beats == seen && !row.dead);
                let dead = row.is_some();
                if let Some(row) = row {
                    row.dead = true;
                }
                Answer::Input(Input::Declared(dead))
            }
            Ask::Claim => return self.claim(p, who),
            Ask::Beat(over_lock) => self.beat(me, session, over_lock),
            Ask::Say(locks) => {
                if let Some(row) = me.and_then(|me| self.db.rows.hosts.get_mut(&me)) {
                    row.locks = locks;
                }
                return;
            }
            Ask::Check => match token {
                Some(token) if self.db.fence(token, false) => Answer::Input(Input::TokenStands),
                _ => Answer::Input(Input::TokenLost),
            },
            Ask::Load => Answer::Loaded(self.db.rows.chain),
            Ask::Release => {
                if token.is_some_and(|token| self.db.fence(token, false)) {
                    self.db.rows.epoch += 1;
                    self.db.rows.owner = None;
                }
                Answer::Input(Input::Released)
            }
            Ask::Fence(base) => self.fence(p, who, base),
            Ask::Commit(base) => return self.commit(p, who, base),
        };
        self.answer(p, who, ask, answer);
    }

    fn register(&mut self) -> HostId {
        self.hosts += 1;
        let mut name = [0; 16];
        name[..8].copy_from_slice(&self.hosts.to_be_bytes());
        let host = HostId::from_random(name);
        let row = HostRow {
            line: self.db.line,
            ..HostRow::default()
        };
        self.db.rows.hosts.insert(host, row);
        host
    }

    fn holder(&self) -> Option<Holder> {
        let host = self.db.rows.owner?;
        let row = self.db.rows.hosts.get(&host).cloned().unwrap_or_default();
        Some(Holder {
            host,
            beats: row.beats,
            dead: self.db.is_dead(host),
            locks: row.locks,
            silence_ms: None,
        })
    }

    fn beat(&mut self, me: Option<HostId>, session: Session, over_lock: bool) -> Answer {
        if over_lock {
            if !matches!(self.db.lock, Some((holder, _)) if holder == session) {
                return Answer::LockLost;
            }
            self.db.lock = Some((session, self.now));
            self.at(T, Event::LockIdle(session, self.now));
        }
        let line = self.db.line;
        let row = me.and_then(|me| self.db.rows.hosts.get_mut(&me));
        match row {
            Some(row) if !row.dead && row.line == line => {
                row.beats += 1;
                Answer::Input(Input::BeatAcked)
            }
            _ => Answer::Input(Input::BeatRefused),
        }
    }

    /// The first half of a unit of work; it holds the lease row until the commit.
    fn fence(&mut self, p: usize, who: Who, base: u64) -> Answer {
        let epoch_only = self.mutant == Mutant::EpochOnly;
        let token = who.token;
        if !token.is_some_and(|token| self.db.fence(token, epoch_only)) {
            return Answer::Fenced;
        }
        if self.mutant != Mutant::NoRowLock {
            let session = (p, who.unit);
            self.db.sharing.insert(session, self.now);
            self.at(IDLE_TX, Event::TxIdle(session, self.now));
        }
        Answer::FenceHeld(base, who.unit)
    }

    /// A claim; it waits while a transaction holds the lease row.
    fn claim(&mut self, p: usize, who: Who) {
        if !self.db.sharing.is_empty() {
            return self.at(5, Event::Arrive(p, who, Ask::Claim));
        }
        let Some(me) = who.me else {
            return;
        };
        let answer = match self.db.claim(me) {
            Ok(Some(token)) => Answer::Claimed(token),
            Ok(None) => Answer::Input(Input::ClaimRefused),
            Err(what) => return self.fail(what),
        };
        self.answer(p, who, Ask::Claim, answer);
    }

    fn commit(&mut self, p: usize, who: Who, base: u64) {
        let session = (p, who.unit);
        let held = self.db.sharing.remove(&session).is_some();
        if !held && self.mutant != Mutant::NoRowLock {
            // The server ended the transaction.
            return self.answer(p, who, Ask::Commit(base), Answer::Nothing);
        }
        let Some(token) = who.token else {
            return;
        };
        if self.db.rows.claim != token.claim {
            let what = format!(
                "I2: process {p} commits with epoch {} after the takeover",
                token.epoch
            );
            return self.fail(what);
        }
        if self.db.rows.chain != base {
            let chain = self.db.rows.chain;
            return self.fail(format!(
                "I3: process {p} writes from stale state {base}, not {chain}"
            ));
        }
        self.db.rows.chain = base + 1;
        self.answer(p, who, Ask::Commit(base), Answer::Committed(base + 1));
    }

    fn grant(&mut self, session: Session) {
        self.db.lock = Some((session, self.now));
        self.at(T, Event::LockIdle(session, self.now));
        let (p, _) = session;
        if self.session(p) == session && self.processes[p].alive {
            let who = self.who(p);
            self.answer(p, who, Ask::WaitLock, Answer::Input(Input::LockGranted));
        }
    }

    pub(super) fn unlock(&mut self, session: Session) {
        self.db.waiting.retain(|waiting| *waiting != session);
        if self.db.lock.is_some_and(|(holder, _)| holder == session) {
            self.db.lock = None;
            if let Some(next) = self.db.waiting.pop_front() {
                self.grant(next);
            }
        }
    }
}
