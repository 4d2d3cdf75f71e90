//! The state of one paired account and its link, and what every part of the session does with it.
//!
//! `dispatch` passes inputs on; what stanzas mean is in the folders beside it.

use std::collections::{BTreeMap, HashMap};

use crate::ids::{Address, MessageId};
use crate::session::account::Account;
use crate::session::changes::{AccountState, EventBody};
use crate::session::config::ClientConfig;
use crate::session::deferred_acks::Owed;
use crate::session::input::Input;
use crate::session::keys::held_bundles::Bundles;
use crate::session::link::keepalive::KeepAlive;
use crate::session::link::requests::{Pending, Query, Request};
use crate::session::link::watchdog::{Pulse, Sign};
use crate::session::messages::attempts::Attempts;
use crate::session::messages::questions::Questions;
use crate::session::messages::resent::Resent;
use crate::session::output::Notice;
use crate::session::rows::Dedupe;
use crate::session::sync::collections::Syncing;
use crate::session::sync::history_progress::Histories;
use crate::session::unit::Unit;
use crate::wire::node::Node;

/// Most stanzas that wait for a later time, or for the end of login. More stay with the server,
/// which delivers them on the next link.
const WAITING_MAX: usize = 4_096;

/// One account and its link, without input or output.
#[derive(Debug)]
pub struct Session {
    pub(super) account: Account,
    pub(super) config: ClientConfig,
    pub(super) phase: Phase,
    pub(super) greeting_until: Option<u64>,
    pub(super) pending: Pending,
    pub(super) keepalive: KeepAlive,
    pub(super) pulse: Pulse,
    pub(super) bundles: Bundles,
    pub(super) attempts: Attempts,
    pub(super) resent: Resent,
    /// One-time keys that devices were given with a request for a message, by device. Lost with the
    /// process, which only makes it more generous.
    pub(super) given: HashMap<Address, u32>,
    pub(super) owed: Owed,
    pub(super) syncing: Syncing,
    pub(super) histories: Histories,
    pub(super) questions: Questions,
    /// The server's clock minus ours.
    pub(super) server_offset_ms: i64,
    /// Inputs by the time at which they are handled again.
    pub(super) later: BTreeMap<u64, Vec<Input>>,
    /// Stanzas that wait for the end of login.
    pub(super) held: Vec<Input>,
    /// There was no room for a stanza: another link is wanted once nothing waits.
    pub(super) left_over: bool,
}

/// How far the link has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// There is no link.
    Down,
    /// The link stands; the server has not said who we are to it.
    Greeting,
    /// Accepted; pre-keys and the active state are being settled.
    LoggingIn,
    /// Everything works.
    Ready,
}

impl Session {
    /// The session of an account without a link.
    pub fn new(account: Account, config: ClientConfig) -> Self {
        Self {
            account,
            config,
            phase: Phase::Down,
            greeting_until: None,
            pending: Pending::default(),
            keepalive: KeepAlive::default(),
            pulse: Pulse::default(),
            bundles: Bundles::default(),
            attempts: Attempts::default(),
            resent: Resent::default(),
            given: HashMap::new(),
            owed: Owed::default(),
            syncing: Syncing::default(),
            histories: Histories::default(),
            questions: Questions::default(),
            server_offset_ms: 0,
            later: BTreeMap::new(),
            held: Vec::new(),
            left_over: false,
        }
    }

    /// The account as the last commit left it.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// How far the link has come.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Says that a sign of life came, if it did for the first time on this link.
    pub(super) fn proved(&mut self, unit: &mut Unit<'_>, sign: Option<Sign>) {
        if let Some(sign) = sign {
            unit.notice(Notice::Works(sign));
        }
    }

    /// Has an input handled again after a while.
    ///
    /// Stanzas are bounded. What is ours is not: no peer makes more of it.
    pub(super) fn put_off(&mut self, unit: &mut Unit<'_>, input: Input, delay_ms: u64) {
        let is_stanza = |input: &&Input| matches!(input, Input::Node(_));
        if is_stanza(&&input) {
            let waiting = self.later.values().flatten().filter(is_stanza).count();
            if WAITING_MAX <= waiting {
                return self.leave(unit);
            }
        }
        self.later
            .entry(unit.now.mono_ms + delay_ms)
            .or_default()
            .push(input);
    }

    /// Has a stanza handled again once login is complete.
    pub(super) fn hold(&mut self, unit: &mut Unit<'_>, node: &Node) {
        if WAITING_MAX <= self.held.len() {
            return self.leave(unit);
        }
        self.held.push(Input::Node(node.clone()));
    }

    /// There is no room for a stanza: it is not acked, and comes again on the next link.
    fn leave(&mut self, unit: &mut Unit<'_>) {
        if !self.left_over {
            self.left_over = true;
            unit.notice(Notice::LeftOver);
        }
    }

    /// Gives back what waited for the end of login.
    pub(super) fn release(&mut self, unit: &mut Unit<'_>) {
        unit.out.again.append(&mut self.held);
    }

    /// Sends a request; false when too many wait for answers already.
    pub(super) fn ask(&mut self, unit: &mut Unit<'_>, query: Query, request: Request) -> bool {
        let is_ping = query == Query::Ping;
        let node = self.pending.ask(unit.now.mono_ms, query, request);
        let asked = node.is_some();
        if asked && !is_ping {
            self.pulse.asked(unit.now.mono_ms);
        }
        unit.out.transmit.extend(node);
        asked
    }

    /// Has the inputs that waited for an answer handled again.
    pub(super) fn wake(&mut self, unit: &mut Unit<'_>, waiting: Vec<Input>) {
        for input in waiting {
            unit.again(input);
        }
    }
}

/// An event about the account itself.
pub(super) fn state_event(
    unit: &mut Unit<'_>,
    state: AccountState,
    detail: Option<String>,
    until_ms: Option<i64>,
) {
    let body = EventBody::State {
        state,
        detail,
        until_ms,
    };
    // It happens to the link, and nothing delivers it a second time.
    unit.event(None, unit.now.unix_ms, None, body);
}

/// What makes an event about an outgoing message unique.
pub(super) fn outgoing(kind: &str, id: &MessageId) -> Dedupe {
    Dedupe(format!("{kind}|{id}"))
}
