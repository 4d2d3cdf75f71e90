//! Login: the steps from `success` to a ready session.

use crate::appstate::Collection;
use crate::ids::Jid;
use crate::session::account::AccountUpdate;
use crate::session::changes::{AccountState, Change};
use crate::session::config::Presence;
use crate::session::input::Input;
use crate::session::keys::addresses;
use crate::session::link::requests::{Query, Request, refusal};
use crate::session::machine::{Phase, Session, state_event};
use crate::session::output::{Close, Notice};
use crate::session::unit::{Lookup, WorkContext};
use crate::wire::node::Node;

/// The id of a `unified_session` is the number of ms since the start of the week (Monday, UTC).
/// Source: whatsmeow 33cfac51 `client.go` (`getUnifiedSessionID`).
const WEEK_MS: i64 = 7 * 24 * 3_600_000;
const MONDAY_MS: i64 = 3 * 24 * 3_600_000;

impl Session {
    /// Requests the rows for `success`.
    pub(in crate::session) fn want_success(&self, lookup: &mut impl Lookup, node: &Node) {
        if let Some(lid) = node.attr_jid("lid") {
            addresses::want_pair(lookup, &self.account.jid, &lid);
        }
        if let Some(lid) = &self.account.lid {
            addresses::want_pair(lookup, &self.account.jid, lid);
        }
    }

    /// Handles `success`: the server accepted the login.
    pub(in crate::session) fn succeeded(&mut self, unit: &mut WorkContext<'_>, node: &Node) {
        if self.phase != Phase::Greeting {
            return;
        }
        self.phase = Phase::LoggingIn;
        self.greeting_until = None;
        self.server_offset_ms = node
            .attr_u64("t")
            .and_then(|seconds| i64::try_from(seconds).ok()?.checked_mul(1_000))
            .map_or(0, |server_ms| server_ms - unit.now.unix_ms);
        if let Some(lid) = self.lid_to_take(node) {
            self.account.lid = Some(lid.clone());
            unit.change(Change::Update(AccountUpdate {
                lid: Some(lid),
                ..AccountUpdate::default()
            }));
        }
        if let Some(lid) = self.account.lid.clone() {
            let jid = self.account.jid.clone();
            self.learn(unit, &jid, &lid);
        }
        match self.keys_compared {
            true => self.count_pre_keys(unit, true),
            false => self.ask_key_digest(unit),
        }
    }

    /// Returns the LID in `success` if it differs from the known one. The stanza's LID has no
    /// device.
    fn lid_to_take(&self, node: &Node) -> Option<Jid> {
        let lid = node.attr_jid("lid").filter(Jid::is_lid)?;
        let with_device = lid.clone().with_device(self.account.jid.device);
        match &self.account.lid {
            Some(ours) if *ours == with_device => None,
            _ => Some(with_device),
        }
    }

    /// Handles the server's pre-key count; at login, uploads pre-keys or becomes active.
    pub(in crate::session) fn pre_keys_counted(
        &mut self,
        unit: &mut WorkContext<'_>,
        answer: &Node,
        login: bool,
    ) {
        let left = answer
            .child("count")
            .and_then(|count| count.attr_u64("value"));
        // Assume that the server has enough pre-keys if its answer has no count.
        let left = left
            .filter(|_| refusal(answer).is_none())
            .unwrap_or(u64::MAX);
        if !self.refill_pre_keys(unit, left, login) && login {
            self.become_active(unit);
        }
    }

    /// Handles the confirmation of an upload; at login, becomes active.
    pub(in crate::session) fn pre_keys_uploaded(
        &mut self,
        unit: &mut WorkContext<'_>,
        answer: &Node,
        up_to: u32,
        login: bool,
    ) {
        match refusal(answer) {
            None => unit.change(Change::PreKeysUploaded { up_to }),
            // Without pre-keys, new devices cannot write to us. Retrying the login is better.
            Some(_) if login => {
                return unit.close(Close::Retry {
                    reason: "pre_keys_refused",
                });
            }
            Some(_) => (),
        }
        if login {
            self.become_active(unit);
        }
    }

    /// Asks the server to treat this device as active, the last step of login.
    pub(in crate::session) fn become_active(&mut self, unit: &mut WorkContext<'_>) {
        let request = Request::set("passive", vec![Node::new("active")]);
        self.ask(unit, Query::Active, request);
    }

    /// Completes login after the server confirmed `active`.
    pub(in crate::session) fn active(&mut self, unit: &mut WorkContext<'_>) {
        if self.phase != Phase::LoggingIn {
            return;
        }
        self.phase = Phase::Ready;
        if let Some(ended) = self.account.ended.take() {
            unit.change(Change::Update(AccountUpdate {
                ended: Some(None),
                ..AccountUpdate::default()
            }));
            let from = String::from(ended.word());
            state_event(unit, AccountState::Recovered, Some(from), None);
        }
        state_event(unit, AccountState::Connected, None, None);
        self.announce(unit);
        self.release(unit);
        self.sync_app_state(unit, &Collection::ALL);
        self.go_on_with_history(unit);
        unit.again(Input::AskPhone);
        unit.notice(Notice::LoggedIn);
        self.pulse.logged_in(unit.now.mono_ms);
        unit.notice(Notice::State(AccountState::Connected));
    }

    /// Announces our presence and push name.
    pub(in crate::session) fn announce(&mut self, unit: &mut WorkContext<'_>) {
        let server_ms = unit.now.unix_ms.saturating_add(self.server_offset_ms);
        let id = server_ms.saturating_add(MONDAY_MS).rem_euclid(WEEK_MS);
        let unified = Node::new("unified_session").attr("id", id.to_string());
        unit.transmit(Node::new("ib").with_child(unified));
        let kind = match self.config.presence {
            Presence::Available => "available",
            Presence::Unavailable => "unavailable",
        };
        let mut presence = Node::new("presence").attr("type", kind);
        let names = [
            Some(&self.account.push_name),
            self.config.push_name.as_ref(),
        ];
        if let Some(name) = names.into_iter().flatten().find(|name| !name.is_empty()) {
            presence = presence.attr("name", name.as_str());
        }
        unit.transmit(presence);
    }
}
