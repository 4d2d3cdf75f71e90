//! A model of PostgreSQL with the features that leases use: rows, row locks that delay a takeover,
//! locks that end with their session, restarts, and a promoted server that lacks the newest
//! commits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use wmctl::ids::HostId;

/// A fencing token: the holder of a lease, and its claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Token {
    pub(super) epoch: i64,
    pub(super) owner: HostId,
    /// Number of the claim among all claims, which the rows do not contain.
    pub(super) claim: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct HostRow {
    pub(super) beats: i64,
    pub(super) dead: bool,
    pub(super) locks: bool,
    /// The timeline of the server on which the host registered.
    pub(super) line: u64,
}

/// State that a commit makes durable, and that a failover may lose.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub(super) hosts: BTreeMap<HostId, HostRow>,
    pub(super) epoch: i64,
    pub(super) owner: Option<HostId>,
    pub(super) claim: u64,
    /// The timeline on which the lease was taken.
    pub(super) line: u64,
    /// The account's state: a counter that each unit of work raises by one.
    pub(super) chain: u64,
}

/// A session of a process: process and session number.
pub(super) type Session = (usize, u64);

#[derive(Debug, Default)]
pub(super) struct Database {
    pub(super) rows: Rows,
    /// Earlier rows, newest last: a standby server may be at one of these states.
    past: VecDeque<Rows>,
    pub(super) up: bool,
    /// The timeline that this server writes; a promoted server begins another.
    pub(super) line: u64,
    /// Rises when all connections are lost.
    pub(super) boot: u64,
    pub(super) lock: Option<(Session, u64)>,
    pub(super) waiting: VecDeque<Session>,
    /// Transactions that hold the lease row `FOR SHARE`, with their start.
    pub(super) sharing: BTreeMap<Session, u64>,
    /// All tokens ever issued.
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

    /// Records the rows for a later failover.
    pub(super) fn remember(&mut self) {
        const PAST_MAX: usize = 8;
        if self.past.len() == PAST_MAX {
            self.past.pop_front();
        }
        self.past.push_back(self.rows.clone());
    }

    /// Ends all sessions; `lose` is how many recorded states the next server lacks.
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

    /// Returns true if the process was declared dead, or registered only before a failover.
    pub(super) fn is_dead(&self, host: HostId) -> bool {
        let row = self.rows.hosts.get(&host);
        row.is_none_or(|row| row.dead || row.line != self.line)
    }

    /// The fence: returns true if the token is valid. A mutant compares only the epoch.
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
