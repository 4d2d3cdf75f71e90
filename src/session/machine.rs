//! The state of one paired account and its link, with the helpers that every part of the session
//! uses.
//!
//! `dispatch` routes inputs. The neighbouring folders interpret stanzas.

use std::collections::{BTreeMap, HashMap};

use crate::ids::{Address, MessageId};
use crate::session::account::Account;
use crate::session::changes::{AccountState, EventBody};
use crate::session::config::ClientConfig;
use crate::session::deferred_acks::DeferredAcks;
use crate::session::input::Input;
use crate::session::keys::held_bundles::BundleCache;
use crate::session::link::keepalive::KeepAlive;
use crate::session::link::requests::{Pending, Query, Request};
use crate::session::link::watchdog::{LinkWatchdog, SignOfLife};
use crate::session::messages::attempts::Attempts;
use crate::session::messages::questions::PhoneRequests;
use crate::session::messages::resent::Resent;
use crate::session::output::Notice;
use crate::session::rows::Dedupe;
use crate::session::sync::collections::AppStateSync;
use crate::session::sync::history_progress::HistoryImport;
use crate::session::unit::WorkContext;
use crate::wire::node::Node;

/// Maximum number of stanzas that wait for a later time or for the end of login. The server keeps
/// any further stanzas and delivers them on the next link.
const WAITING_MAX: usize = 4_096;

/// One account and its link, without input or output.
#[derive(Debug)]
pub struct Session {
    pub(super) account: Account,
    pub(super) config: ClientConfig,
    pub(super) phase: Phase,
    /// When the server's answer to a new link is overdue, in monotonic ms.
    pub(super) greeting_until: Option<u64>,
    /// Requests to the server that wait for an answer.
    pub(super) pending: Pending,
    pub(super) keepalive: KeepAlive,
    pub(super) pulse: LinkWatchdog,
    /// Fetched pre-key bundles that are not used yet.
    pub(super) bundles: BundleCache,
    pub(super) attempts: Attempts,
    pub(super) resent: Resent,
    /// Id of the one-time pre-key that each device received with a retry receipt. The map is lost
    /// with the process; the only effect is that a device may receive one more key.
    pub(super) given: HashMap<Address, u32>,
    /// Acks that are held back until the server confirms our answer.
    pub(super) owed: DeferredAcks,
    /// The sync state of app state.
    pub(super) syncing: AppStateSync,
    /// The history import in progress.
    pub(super) histories: HistoryImport,
    /// The questions to our own phone.
    pub(super) questions: PhoneRequests,
    /// It was seen since the rows were loaded that the server has the keys that they hold.
    pub(super) keys_compared: bool,
    /// Server time minus local time, in ms.
    pub(super) server_offset_ms: i64,
    /// Deferred inputs by their due time, in monotonic ms.
    pub(super) later: BTreeMap<u64, Vec<Input>>,
    /// Stanzas that wait for the end of login.
    pub(super) held: Vec<Input>,
    /// True once a stanza was left with the server for lack of room. The session then asks for a
    /// new link as soon as it is idle.
    pub(super) left_over: bool,
}

/// How far the link has progressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No link.
    Down,
    /// The link is open; the server has not accepted the login yet.
    Greeting,
    /// Login accepted; the pre-key check and the switch to active are in progress.
    LoggingIn,
    /// Login complete.
    Ready,
}

impl Session {
    /// Creates the session of an account that has no link yet.
    pub fn new(account: Account, config: ClientConfig) -> Self {
        Self {
            account,
            config,
            phase: Phase::Down,
            greeting_until: None,
            pending: Pending::default(),
            keepalive: KeepAlive::default(),
            pulse: LinkWatchdog::default(),
            bundles: BundleCache::default(),
            attempts: Attempts::default(),
            resent: Resent::default(),
            given: HashMap::new(),
            owed: DeferredAcks::default(),
            syncing: AppStateSync::default(),
            histories: HistoryImport::default(),
            questions: PhoneRequests::default(),
            keys_compared: false,
            server_offset_ms: 0,
            later: BTreeMap::new(),
            held: Vec::new(),
            left_over: false,
        }
    }

    /// Returns the account as of the last handled input.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Returns how far the link has progressed.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Notifies the owner if this is the first sign of its kind on this link.
    pub(super) fn proved(&mut self, unit: &mut WorkContext<'_>, sign: Option<SignOfLife>) {
        if let Some(sign) = sign {
            unit.notice(Notice::Works(sign));
        }
    }

    /// Schedules `input` to be handled again after `delay_ms`.
    ///
    /// The number of stanzas is bounded. Our own inputs are not, because no peer can create more of
    /// them.
    pub(super) fn put_off(&mut self, unit: &mut WorkContext<'_>, input: Input, delay_ms: u64) {
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

    /// Keeps a stanza until login is complete.
    pub(super) fn hold(&mut self, unit: &mut WorkContext<'_>, node: &Node) {
        if WAITING_MAX <= self.held.len() {
            return self.leave(unit);
        }
        self.held.push(Input::Node(node.clone()));
    }

    /// Leaves a stanza with the server for lack of room: without an ack, it arrives again on the
    /// next link.
    fn leave(&mut self, unit: &mut WorkContext<'_>) {
        if !self.left_over {
            self.left_over = true;
            unit.notice(Notice::LeftOver);
        }
    }

    /// Queues the stanzas that waited for the end of login.
    pub(super) fn release(&mut self, unit: &mut WorkContext<'_>) {
        unit.out.again.append(&mut self.held);
    }

    /// Sends a request. Returns false if too many requests are pending.
    pub(super) fn ask(
        &mut self,
        unit: &mut WorkContext<'_>,
        query: Query,
        request: Request,
    ) -> bool {
        let is_ping = query == Query::Ping;
        let node = self.pending.ask(unit.now.mono_ms, query, request);
        let asked = node.is_some();
        if asked && !is_ping {
            self.pulse.asked(unit.now.mono_ms);
        }
        unit.out.transmit.extend(node);
        asked
    }

    /// Queues the inputs that waited for an answer.
    pub(super) fn wake(&mut self, unit: &mut WorkContext<'_>, waiting: Vec<Input>) {
        for input in waiting {
            unit.again(input);
        }
    }
}

/// Emits an event about the account itself.
pub(super) fn state_event(
    unit: &mut WorkContext<'_>,
    state: AccountState,
    detail: Option<String>,
    until_ms: Option<i64>,
) {
    let body = EventBody::State {
        state,
        detail,
        until_ms,
    };
    // No dedupe key: it describes the link, and nothing delivers it a second time.
    unit.event(None, unit.now.unix_ms, None, body);
}

/// Returns the dedupe key of an event about an outgoing message.
pub(super) fn outgoing(kind: &str, id: &MessageId) -> Dedupe {
    Dedupe(format!("{kind}|{id}"))
}
