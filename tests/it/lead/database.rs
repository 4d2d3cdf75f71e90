//! PostgreSQL, as far as leases need it: rows, row locks that make a takeover wait, locks that end
//! with their session, restarts, and a promoted server that lacks the end of the log.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use wmctl::ids::HostId;

/// Whoever holds a lease, and from which claim on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Token {
    pub(super) epoch: i64,
    pub(super) owner: HostId,
    /// Of all claims ever: what the rows do not know.
    pub(super) claim: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct HostRow {
    pub(super) beats: i64,
    pub(super) dead: bool,
    pub(super) locks: bool,
    /// The line of the server's history on which it was made known.
    pub(super) line: u64,
}

/// What a commit makes durable, and what a failover may lose.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub(super) hosts: BTreeMap<HostId, HostRow>,
    pub(super) epoch: i64,
    pub(super) owner: Option<HostId>,
    pub(super) claim: u64,
    /// The line on which the lease was taken.
    pub(super) line: u64,
    /// The account's state: a counter that each unit of work raises by one.
    pub(super) chain: u64,
}

/// One process's session, by process and its number there.
pub(super) type Session = (usize, u64);

#[derive(Debug, Default)]
pub(super) struct Database {
    pub(super) rows: Rows,
    /// Earlier rows, newest last: what a standby server may be at.
    past: VecDeque<Rows>,
    pub(super) up: bool,
    /// Which line of history this server writes; a promoted one begins another.
    pub(super) line: u64,
    /// Rises when everything that was connected is not any more.
    pub(super) boot: u64,
    pub(super) lock: Option<(Session, u64)>,
    pub(super) waiting: VecDeque<Session>,
    /// Transactions that hold the lease row `FOR SHARE`, and since when.
    pub(super) sharing: BTreeMap<Session, u64>,
    /// Tokens that were ever given out.
    tokens: BTreeSet<(i64, HostId)>,
    claims: u64,
}

impl Database {
    pub(super) fn new() -> Self {
        Self {
            up: true,
            ..Self::default()
        }
    }

    /// Takes note of the rows, for a failover.
    pub(super) fn remember(&mut self) {
        const PAST_MAX: usize = 8;
        if self.past.len() == PAST_MAX {
            self.past.pop_front();
        }
        self.past.push_back(self.rows.clone());
    }

    /// Everybody's session ends; `lose` is how much of the past the next server lacks.
    pub(super) fn fall(&mut self, lose: Option<usize>) {
        self.up = false;
        self.boot += 1;
        self.lock = None;
        self.waiting.clear();
        self.sharing.clear();
        let at = lose.and_then(|lose| self.past.len().checked_sub(lose + 1));
        if let Some(rows) = at.and_then(|at| self.past.get(at)) {
            self.rows = rows.clone();
            self.line += 1;
        }
    }

    /// Whether the process was declared dead, or known only before a failover.
    pub(super) fn is_dead(&self, host: HostId) -> bool {
        let row = self.rows.hosts.get(&host);
        row.is_none_or(|row| row.dead || row.line != self.line)
    }

    /// The fence: whether the token stands. Holds the lease row unless that is left out.
    pub(super) fn fence(&self, token: Token, epoch_only: bool) -> bool {
        self.rows.epoch == token.epoch
            && self.rows.owner.is_some()
            && (epoch_only || (self.rows.owner == Some(token.owner) && self.rows.line == self.line))
    }

    /// Takes the lease if it is free or its holder is dead.
    pub(super) fn claim(&mut self, host: HostId) -> Result<Option<Token>, String> {
        let free = self.rows.owner.is_none_or(|owner| self.is_dead(owner));
        if !free {
            return Ok(None);
        }
        self.claims += 1;
        self.rows.epoch += 1;
        self.rows.owner = Some(host);
        self.rows.claim = self.claims;
        self.rows.line = self.line;
        let token = Token {
            epoch: self.rows.epoch,
            owner: host,
            claim: self.claims,
        };
        if !self.tokens.insert((token.epoch, host)) {
            return Err(format!(
                "I1: the token of epoch {} was given twice",
                token.epoch
            ));
        }
        Ok(Some(token))
    }
}
