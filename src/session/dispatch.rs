//! The state machine of one paired account: inputs in, changes and stanzas out.
//!
//! This file routes inputs. The neighbouring folders interpret stanzas.

use crate::appstate::Collection;
use crate::session::account::{AccountUpdate, Ended};
use crate::session::changes::{AccountState, Change};
use crate::session::deferred_acks::DeferredAcks;
use crate::session::input::Input;
use crate::session::keys::held_bundles::BundleCache;
use crate::session::link::keepalive::Due;
use crate::session::link::requests::{self, Pending, Query, Request};
use crate::session::link::stream_error;
use crate::session::link::watchdog::LinkWatchdog;
use crate::session::messages::ack;
use crate::session::messages::attempts::Attempts;
use crate::session::messages::groups::doubt_groups;
use crate::session::messages::questions::PhoneRequests;
use crate::session::messages::receipt;
use crate::session::output::{Close, Notice, Output};
use crate::session::rows::{RowKey, Rows};
use crate::session::sync::collections::AppStateSync;
use crate::session::sync::history_progress::HistoryImport;
use crate::session::unit::{Context, Wants, WorkContext};
use crate::wire::node::Node;

use crate::session::machine::{Phase, Session, state_event};

/// Maximum time in ms for the server to answer a new link with `success` or `failure`.
const GREETING_MS_MAX: u64 = 30_000;

impl Session {
    /// Returns when [`Input::Tick`] is due, in monotonic ms.
    pub fn wake_at(&self) -> Option<u64> {
        let later = self.later.keys().next().copied();
        let times = [
            self.greeting_until,
            self.pending.wake_at(),
            self.keepalive.wake_at(),
            self.pulse.wake_at(),
            later,
        ];
        times.into_iter().flatten().min()
    }

    /// Returns the keys of rows that must be loaded before `input` is handled.
    ///
    /// Call it again after loading until it returns none, because one row decides which others are
    /// needed. Call it right before the input is handled, because earlier inputs may change the
    /// result.
    pub fn wants(&self, input: &Input, rows: &Rows) -> Vec<RowKey> {
        let mut wants = Wants::new(rows);
        match input {
            Input::Node(node) => self.want_node(&mut wants, node),
            Input::MoreOf { receipt, part } => self.want_receipt(&mut wants, receipt, *part),
            Input::Send(id) => {
                self.plan_send(&mut wants, id);
            }
            Input::SyncAppState => self.want_app_state_versions(&mut wants),
            Input::ApplyAppState(collection) => self.want_settings(&mut wants, *collection),
            Input::AskAppStateKeys => self.want_own_phone(&mut wants),
            Input::AskPhone => self.want_questions(&mut wants),
            Input::History => self.want_history(&mut wants),
            Input::LinkUp
            | Input::Blob { .. }
            | Input::Tick
            | Input::MarkRead { .. }
            | Input::Logout
            | Input::LinkDown => (),
        }
        wants.into_keys()
    }

    /// Handles one input. Changes are written to both `out` and `rows`.
    pub fn handle(
        &mut self,
        cx: &mut Context<'_>,
        input: Input,
        rows: &mut Rows,
        out: &mut Output,
    ) {
        rows.take_missed();
        self.bundles.forget_old(cx.now.mono_ms);
        let mut unit = WorkContext {
            now: cx.now,
            rng: cx.rng,
            rows,
            out,
        };
        match input {
            Input::LinkUp => self.link_up(&mut unit),
            Input::Node(node) => self.receive(&mut unit, &node),
            Input::MoreOf { receipt, part } => self.take_receipt(&mut unit, &receipt, part),
            Input::Tick => self.tick(&mut unit),
            Input::Send(id) => self.send(&mut unit, &id),
            Input::MarkRead { chat, sender, ids } => {
                if self.phase == Phase::Ready {
                    let read = receipt::read(&chat, sender.as_ref(), &ids, unit.now);
                    unit.out.transmit.extend(read);
                }
            }
            Input::SyncAppState => self.ask_app_state(&mut unit),
            Input::ApplyAppState(collection) => self.apply_app_state(&mut unit, collection),
            Input::AskAppStateKeys => self.ask_app_state_keys(&mut unit),
            Input::AskPhone => self.ask_phone(&mut unit),
            Input::History => self.work_on_history(&mut unit),
            Input::Blob { id, blob } if self.fetches_history(id) => {
                self.take_fetched(&mut unit, blob);
            }
            Input::Blob { id, blob } => self.take_blob(&mut unit, id, blob.as_deref()),
            Input::Logout => self.log_out(&mut unit),
            Input::LinkDown => {
                // If the account has ended, an event already says so.
                if self.phase == Phase::Ready && self.account.ended.is_none() {
                    state_event(&mut unit, AccountState::Disconnected, None, None);
                }
                self.link_down();
            }
        }
        if let Some(missed) = rows.take_missed() {
            debug_assert!(false, "{missed:?} was read without being loaded");
            rows.clear();
            *out = Output {
                close: Some(Close::Retry {
                    reason: "row_not_loaded",
                }),
                ..Output::default()
            };
        }
    }

    /// Starts the login of a new link.
    fn link_up(&mut self, unit: &mut WorkContext<'_>) {
        self.link_down();
        self.phase = Phase::Greeting;
        self.greeting_until = Some(unit.now.mono_ms + GREETING_MS_MAX);
        self.pending.start(unit.rng);
        self.keepalive.alive(unit.now.mono_ms, unit.rng);
        self.pulse.start(self.config.stall_ms);
    }

    /// Discards everything that belongs to the link.
    fn link_down(&mut self) {
        self.phase = Phase::Down;
        self.greeting_until = None;
        self.pending = Pending::default();
        self.keepalive.stop();
        self.pulse = LinkWatchdog::default();
        self.bundles = BundleCache::default();
        self.attempts = Attempts::default();
        self.owed = DeferredAcks::default();
        self.syncing = AppStateSync::default();
        self.histories = HistoryImport::default();
        self.questions = PhoneRequests::default();
        self.later.clear();
        self.held.clear();
        self.left_over = false;
    }

    /// Handles all deadlines that have passed.
    fn tick(&mut self, unit: &mut WorkContext<'_>) {
        let now = unit.now.mono_ms;
        if self.greeting_until.is_some_and(|until| until <= now) {
            self.greeting_until = None;
            return unit.close(Close::Retry {
                reason: "login_unanswered",
            });
        }
        match self.keepalive.due(now) {
            Due::Nothing => (),
            Due::Dead => {
                return unit.close(Close::Retry {
                    reason: "keep_alive",
                });
            }
            Due::Ping => self.ping(unit),
        }
        if self.pulse.asks(now) {
            self.count_pre_keys(unit, false);
        }
        // Ping if a sign is overdue: if nothing answers, the whole link is dead.
        if self.pulse.overdue(now) && self.keepalive.hurry(now) {
            self.ping(unit);
        }
        while let Some(query) = self.pending.overdue(now) {
            self.unanswered(unit, query);
        }
        while let Some(entry) = self.later.first_entry()
            && *entry.key() <= now
        {
            unit.out.again.extend(entry.remove());
        }
        let waits = |query: &Query| !matches!(query, Query::Ping | Query::Ignored);
        let is_stanza = |input: &Input| matches!(input, Input::Node(_));
        let mut waiting = self.later.values().flatten().chain(&unit.out.again);
        let idle = !waiting.any(is_stanza);
        if self.left_over && self.phase == Phase::Ready && idle && !self.pending.any(waits) {
            unit.close(Close::Retry {
                reason: "left_over",
            });
        }
    }

    fn ping(&mut self, unit: &mut WorkContext<'_>) {
        let request = Request::get("w:p", vec![Node::new("ping")]);
        self.ask(unit, Query::Ping, request);
    }

    /// Asks the server to unlink this device.
    fn log_out(&mut self, unit: &mut WorkContext<'_>) {
        let device = Node::new("remove-companion-device")
            .attr("jid", self.account.jid.clone())
            .attr("reason", "user_initiated");
        let ready = matches!(self.phase, Phase::LoggingIn | Phase::Ready);
        if !ready || !self.ask(unit, Query::Logout, Request::set("md", vec![device])) {
            unit.notice(Notice::LogoutDone);
        }
    }

    /// Requests the rows for a stanza.
    fn want_node(&self, wants: &mut Wants<'_>, node: &Node) {
        match node.tag.as_str() {
            "success" => self.want_success(wants, node),
            "message" => self.want_message(wants, node),
            "receipt" if is_retry(node) => {
                self.plan_resend(wants, node);
            }
            "receipt" => self.want_receipt(wants, node, 0),
            "notification" => self.want_notification(wants, node),
            "ack" => self.want_ack(wants, node),
            "iq" => self.want_answer(wants, node),
            _ => (),
        }
    }

    /// Routes a stanza.
    fn receive(&mut self, unit: &mut WorkContext<'_>, node: &Node) {
        if self.phase == Phase::Down {
            return;
        }
        self.keepalive.alive(unit.now.mono_ms, unit.rng);
        if node.value("offline").is_some() {
            self.pulse.offline(unit.now.mono_ms, false);
        }
        match node.tag.as_str() {
            "success" => self.succeeded(unit, node),
            "failure" | "stream:error" | "xmlstreamend" => self.ended_by_server(unit, node),
            "iq" => self.receive_iq(unit, node),
            "ib" => self.receive_ib(unit, node),
            "message" => self.receive_message(unit, node),
            "receipt" if is_retry(node) => self.resend(unit, node),
            "receipt" => self.take_receipt(unit, node, 0),
            "notification" => self.receive_notification(unit, node),
            "ack" => {
                self.pay(unit, node);
                self.receive_ack(unit, node);
            }
            "call" => unit.out.transmit.extend(ack::ack(node, None)),
            // Typing indicators and presence of others are not used.
            _ => (),
        }
        if let Some(sign) = self.pulse.heard() {
            unit.close(Close::Stalled(sign));
        }
    }

    /// Handles the stanza with which the server ends or refuses the link.
    fn ended_by_server(&mut self, unit: &mut WorkContext<'_>, node: &Node) {
        let close = stream_error::disposition(node, unit.now.unix_ms);
        match &close {
            Close::Ended(ended) => self.end(unit, ended.clone()),
            Close::Replaced => state_event(unit, AccountState::Replaced, None, None),
            _ => (),
        }
        unit.close(close);
    }

    /// Records that the account must not connect in its present form. Its rows are kept.
    fn end(&mut self, unit: &mut WorkContext<'_>, ended: Ended) {
        let (state, detail, until_ms) = match &ended {
            Ended::LoggedOut { reason, .. } => {
                (AccountState::LoggedOut, Some(reason.clone()), None)
            }
            Ended::Banned { code, until_ms } => {
                (AccountState::Banned, Some(code.to_string()), *until_ms)
            }
            Ended::Outdated => {
                let version = self.config.version.map(|part| part.to_string()).join(".");
                let detail = format!("client version {version}");
                (AccountState::Outdated, Some(detail), None)
            }
            // The server never sends this; the export writes it.
            Ended::Exported { .. } => (AccountState::Disconnected, None, None),
        };
        self.account.ended = Some(ended.clone());
        unit.change(Change::Update(AccountUpdate {
            ended: Some(Some(ended)),
            ..AccountUpdate::default()
        }));
        state_event(unit, state, detail, until_ms);
        unit.notice(Notice::State(state));
    }

    /// Answers a request of the server, or handles its answer to one of ours.
    fn receive_iq(&mut self, unit: &mut WorkContext<'_>, node: &Node) {
        if matches!(node.attr_text("type").as_deref(), Some("get" | "set")) {
            unit.out.transmit.extend(requests::result(node));
            return;
        }
        let Some(query) = node
            .attr_text("id")
            .and_then(|id| self.pending.answered(&id))
        else {
            return;
        };
        if query != Query::Ping {
            let open = self.pending.any(|query| *query != Query::Ping);
            let proof = self.pulse.answered(unit.now.mono_ms, open);
            self.proved(unit, proof);
        }
        match query {
            Query::PreKeyCount { login } => self.pre_keys_counted(unit, node, login),
            Query::KeyDigest => self.keys_told(unit, node),
            Query::PreKeyUpload { up_to, login } => {
                self.pre_keys_uploaded(unit, node, up_to, login);
            }
            Query::Active => self.active(unit),
            Query::Devices { users, waiting } => self.devices_listed(unit, node, &users, waiting),
            Query::Bundles { devices, waiting } => {
                self.bundles_fetched(unit, node, &devices, waiting);
            }
            Query::Group { group, waiting } => self.group_described(unit, node, &group, waiting),
            Query::AppState(asked) => self.app_state_answered(unit, node, &asked),
            Query::Logout => self.logged_out(unit),
            Query::Ping | Query::Ignored => (),
        }
    }

    /// Handles a request whose deadline has passed.
    fn unanswered(&mut self, unit: &mut WorkContext<'_>, query: Query) {
        match query {
            Query::PreKeyCount { login: true }
            | Query::PreKeyUpload { login: true, .. }
            | Query::Active => unit.close(Close::Retry {
                reason: "login_unanswered",
            }),
            Query::Logout => {
                unit.notice(Notice::LogoutDone);
            }
            // A server that does not answer with a count may not answer with a digest either.
            Query::KeyDigest => {
                self.keys_compared = true;
                self.count_pre_keys(unit, true);
            }
            Query::AppState(asked) => self.app_state_unanswered(unit, &asked),
            // The waiting inputs ask again; each send gives up after a fixed number of attempts.
            Query::Devices { waiting, .. }
            | Query::Bundles { waiting, .. }
            | Query::Group { waiting, .. } => self.wake(unit, waiting),
            Query::PreKeyCount { .. }
            | Query::PreKeyUpload { .. }
            | Query::Ping
            | Query::Ignored => (),
        }
    }

    /// Ends the account after the server confirmed that this device is unlinked.
    fn logged_out(&mut self, unit: &mut WorkContext<'_>) {
        let reason = String::from("user_initiated");
        let ended = Ended::LoggedOut {
            reason,
            at_ms: unit.now.unix_ms,
        };
        self.end(unit, ended.clone());
        unit.notice(Notice::LogoutDone);
        unit.close(Close::Ended(ended));
    }

    /// Handles the server's link information (`ib`).
    fn receive_ib(&mut self, unit: &mut WorkContext<'_>, node: &Node) {
        for child in node.children() {
            match child.tag.as_str() {
                "offline_preview" => {
                    let waits = child.attr_u64("count").is_some_and(|count| 0 < count);
                    self.pulse.offline(unit.now.mono_ms, waits);
                    let batch = Node::new("offline_batch").attr("count", "100");
                    unit.transmit(Node::new("ib").with_child(batch));
                }
                "offline" => {
                    let count = child.attr_u64("count").unwrap_or(0);
                    let messages = u32::try_from(count).unwrap_or(u32::MAX);
                    unit.notice(Notice::OfflineDone { messages });
                    let proof = self.pulse.offline_done();
                    self.proved(unit, proof);
                }
                "edge_routing" => self.learn_route(unit, child),
                "dirty" => self.clean(unit, child),
                "downgrade_webclient" => {
                    unit.close(Close::Retry {
                        reason: "multi_device_off",
                    });
                }
                _ => (),
            }
        }
    }

    /// Stores the routing hint for the next handshake.
    fn learn_route(&mut self, unit: &mut WorkContext<'_>, node: &Node) {
        let route = node.child("routing_info").and_then(Node::content_bytes);
        let Some(route) = route.filter(|route| route.len() <= ROUTE_BYTES_MAX) else {
            return;
        };
        if self.account.routing_info.as_deref() != Some(route) {
            self.account.routing_info = Some(route.to_vec());
            unit.change(Change::Update(AccountUpdate {
                routing_info: Some(route.to_vec()),
                ..AccountUpdate::default()
            }));
        }
    }

    /// Handles a `dirty` marker: drops the cached data that changed while we were offline, then
    /// confirms it with `clean`. The data is fetched again when needed.
    fn clean(&mut self, unit: &mut WorkContext<'_>, dirty: &Node) {
        match dirty.attr_text("type").as_deref() {
            Some("syncd_app_state") => self.sync_app_state(unit, &Collection::ALL),
            Some("groups") => doubt_groups(unit),
            Some("account_sync") => self.forget_own_devices(unit),
            _ => (),
        }
        let mut clean = Node::new("clean");
        for name in ["type", "timestamp"] {
            if let Some(value) = dirty.value(name) {
                clean = clean.attr(name, value.clone());
            }
        }
        let request = Request::set("urn:xmpp:whatsapp:dirty", vec![clean]);
        self.ask(unit, Query::Ignored, request);
    }
}

/// Maximum length of a stored routing hint, in bytes.
const ROUTE_BYTES_MAX: usize = 1_024;

fn is_retry(node: &Node) -> bool {
    matches!(node.attr_text("type").as_deref(), Some("retry"))
}
