//! Sending of messages that applications queued.
//!
//! A message is encrypted once for all devices and committed in that form before it is sent. After
//! that it is only repeated, byte for byte. If device lists, groups or pre-keys are missing, the
//! session requests them and continues with the message after the answer.

use crate::ids::{Jid, MessageId};
use crate::session::changes::EventBody;
use crate::session::input::Input;
use crate::session::keys::addresses::{self, is_own};
use crate::session::keys::ratchets::EncryptError;
use crate::session::machine::{Phase, Session, outgoing};
use crate::session::messages::ack::TROUBLE;
use crate::session::messages::content::{self, Content};
use crate::session::messages::groups::{GroupPlan, doubt_group};
use crate::session::messages::origin;
use crate::session::output::Notice;
use crate::session::pairing::device_identity;
use crate::session::rows::{OutboxRow, OutboxState, Row, RowKey};
use crate::session::unit::{Lookup, WorkContext};
use crate::signal::bundle::Bundle;
use crate::wire::node::Node;
use crate::wire::{decode, encode};

/// Maximum number of requests for one message before it fails.
const ASKS_MAX: u32 = 8;
/// Wait in ms before a message is repeated after a server error.
const TROUBLE_MS: u64 = 5_000;

/// The next step for an outbox row.
pub(in crate::session) enum Plan {
    /// Nothing: it is finished, or no such row exists.
    Nothing,
    /// Repeat this encrypted stanza.
    Repeat(Vec<u8>),
    /// Fail: it cannot be sent. The value is a stable code.
    Refuse(&'static str),
    AskDevices(Vec<Jid>),
    AskGroup(Jid),
    AskBundles(Vec<Jid>),
    Direct(Box<DirectPlan>),
    Group(Box<GroupPlan>),
}

/// A message to one person, with all data that it needs.
pub(in crate::session) struct DirectPlan {
    row: OutboxRow,
    to: Jid,
    /// The recipient's phone number, if the message is addressed to the LID.
    number: Option<Jid>,
    /// The recipient's and our own devices, except this one.
    devices: Vec<Jid>,
    /// The recipient's privacy token.
    token: Option<Vec<u8>>,
}

impl Session {
    /// Decides from the rows what a message needs next.
    pub(in crate::session) fn plan_send(&self, lookup: &mut impl Lookup, id: &MessageId) -> Plan {
        let Some(Row::Outbox(row)) = lookup.row(&RowKey::Outbox(id.clone())) else {
            return Plan::Nothing;
        };
        let row = row.clone();
        addresses::want_names(&self.account, lookup, &row.to);
        match (row.state, &row.stanza) {
            (OutboxState::Encrypted, Some(stanza)) => Plan::Repeat(stanza.clone()),
            (OutboxState::Queued, _) if row.to.is_account() => self.plan_direct(lookup, row),
            (OutboxState::Queued, _) if row.to.is_group() => self.plan_group(lookup, row),
            (OutboxState::Queued, _) => Plan::Refuse("unsupported_recipient"),
            _ => Plan::Nothing,
        }
    }

    /// Decides from the rows what a message to one person needs next.
    fn plan_direct(&self, lookup: &mut impl Lookup, row: OutboxRow) -> Plan {
        let to = addresses::home(&self.account, lookup, &row.to);
        let own = self.own_beside(&to);
        let mut users = vec![to.clone()];
        if !is_own(&self.account, &to) {
            users.push(own);
        }
        let devices = match self.all_devices(lookup, &users) {
            Ok(devices) => devices,
            Err(unknown) => return Plan::AskDevices(unknown),
        };
        if !devices.iter().any(|device| device.user == to.user) {
            return Plan::Refuse("not_on_whatsapp");
        }
        let devices: Vec<Jid> = devices
            .into_iter()
            .filter(|device| !self.is_this_device(device))
            .collect();
        let missing = self.without_keys(lookup, &devices);
        if !missing.is_empty() {
            return Plan::AskBundles(missing);
        }
        let number = if to.is_lid() {
            addresses::phone_number(&self.account, lookup, &to)
        } else {
            None
        };
        let token = match lookup.row(&RowKey::PrivacyToken(to.clone())) {
            Some(Row::PrivacyToken { token, .. }) => Some(token.clone()),
            _ => None,
        };
        Plan::Direct(Box::new(DirectPlan {
            row,
            to,
            number,
            devices,
            token,
        }))
    }

    /// Returns our own address without device, of the same kind (LID or phone number) as the
    /// recipient's.
    pub(in crate::session) fn own_beside(&self, to: &Jid) -> Jid {
        match &self.account.lid {
            Some(lid) if to.is_lid() => lid.bare(),
            _ => self.account.jid.bare(),
        }
    }

    /// Returns whether `device` is this device.
    pub(in crate::session) fn is_this_device(&self, device: &Jid) -> bool {
        device.device == self.account.jid.device && is_own(&self.account, device)
    }

    /// Returns the devices of all users, or the users whose devices are unknown.
    pub(in crate::session) fn all_devices(
        &self,
        lookup: &mut impl Lookup,
        users: &[Jid],
    ) -> Result<Vec<Jid>, Vec<Jid>> {
        let (mut devices, mut unknown) = (Vec::new(), Vec::new());
        for user in users {
            match self.devices(lookup, user) {
                Some(known) => devices.extend(known),
                None => unknown.push(user.clone()),
            }
        }
        if unknown.is_empty() {
            Ok(devices)
        } else {
            Err(unknown)
        }
    }

    /// Returns the devices whose pre-key bundle must be fetched before anything can be encrypted.
    pub(in crate::session) fn without_keys(
        &self,
        lookup: &mut impl Lookup,
        devices: &[Jid],
    ) -> Vec<Jid> {
        let mut missing = Vec::new();
        for device in devices {
            if !self.has_ratchet(lookup, device)
                && !self.bundles.has(device)
                && !self.bundles.is_barren(device)
            {
                missing.push(device.clone());
            }
        }
        missing
    }

    /// Takes a message one step further.
    pub(in crate::session) fn send(&mut self, unit: &mut WorkContext<'_>, id: &MessageId) {
        if self.phase != Phase::Ready {
            // The outbox is processed after the next login.
            return;
        }
        if let Some(code) = self.unsendable(unit, id) {
            return self.fail_send(unit, id, String::from(code));
        }
        let input = Input::Send(id.clone());
        match self.plan_send(unit, id) {
            Plan::Nothing => (),
            Plan::Repeat(stanza) => match decode::decode(&stanza) {
                Ok(node) => {
                    if let Some(group) = node.attr_jid("to").filter(Jid::is_group) {
                        self.attempts.leaves(&group, id);
                    }
                    self.pulse.sent(unit.now.mono_ms, id);
                    unit.transmit(node);
                }
                Err(_) => self.fail_send(unit, id, String::from("stored_stanza")),
            },
            Plan::Refuse(code) => self.fail_send(unit, id, code.to_owned()),
            Plan::AskDevices(users) => {
                if self.may_ask(unit, id) {
                    self.ask_devices(unit, &users, &input);
                }
            }
            Plan::AskGroup(group) => {
                if self.may_ask(unit, id) {
                    self.ask_group(unit, &group, &input);
                }
            }
            Plan::AskBundles(devices) => {
                if self.may_ask(unit, id) {
                    self.ask_bundles(unit, &devices, &input);
                }
            }
            Plan::Direct(plan) => self.send_direct(unit, *plan),
            Plan::Group(plan) => self.send_group(unit, *plan),
        }
    }

    /// Returns why a message must not be sent any more: it was queued for another account, or it
    /// expired. An encrypted message does not expire, because it may have been sent already.
    fn unsendable(&self, unit: &mut WorkContext<'_>, id: &MessageId) -> Option<&'static str> {
        let Some(Row::Outbox(row)) = unit.row(&RowKey::Outbox(id.clone())) else {
            return None;
        };
        let row = row.clone();
        let over = |expires_ms: i64| expires_ms <= unit.now.unix_ms;
        match row.state {
            OutboxState::Queued | OutboxState::Encrypted if !self.owns(&row) => {
                Some("other_account")
            }
            OutboxState::Queued if row.expires_ms.is_some_and(over) => Some("expired"),
            _ => None,
        }
    }

    /// Returns whether a message was queued for the account that is paired now.
    pub(in crate::session) fn owns(&self, row: &OutboxRow) -> bool {
        let ours = self.account.jid.bare();
        row.account
            .as_ref()
            .is_none_or(|account| account.bare() == ours)
    }

    /// Counts a request for a message and fails the message if there were too many.
    fn may_ask(&mut self, unit: &mut WorkContext<'_>, id: &MessageId) -> bool {
        let asks = self.attempts.asks.entry(id.clone()).or_insert(0);
        *asks += 1;
        let may = *asks <= ASKS_MAX;
        if !may {
            self.fail_send(unit, id, String::from("unanswered"));
        }
        may
    }

    /// Encrypts a message for all devices of the recipient and our other devices, and commits it.
    fn send_direct(&mut self, unit: &mut WorkContext<'_>, plan: DirectPlan) {
        let DirectPlan {
            mut row,
            to,
            number,
            devices,
            token,
        } = plan;
        row.body = content::with_secret(row.body, unit.rng);
        let copy = content::device_sent(&to, &row.body);
        let to_self = is_own(&self.account, &to);

        let (mut participants, mut proof, mut reached) = (Vec::new(), false, false);
        for device in &devices {
            let own = is_own(&self.account, device);
            let plain = if own { &copy } else { &row.body };
            let bundle = self.bundle_if_needed(unit, device);
            let encrypted = match self.encrypt_to(unit, device, plain, bundle) {
                Ok(encrypted) => encrypted,
                Err(EncryptError::NoKeys) => continue,
                // Start over with the keys for a new ratchet.
                Err(EncryptError::PutAside) => return unit.again(Input::Send(row.id)),
            };
            proof |= encrypted.starts_ratchet();
            reached |= !own || to_self;
            let enc = decorate(encrypted.node(), &Content::of(&row.body));
            participants.push(Node::new("to").attr("jid", device.clone()).with_child(enc));
        }
        if !reached {
            return self.fail_send(unit, &row.id, String::from("no_keys"));
        }
        let mut node = self.message(&row, &to);
        if let Some(number) = number {
            node = node.attr("peer_recipient_pn", number);
        }
        node = node.with_child(Node::new("participants").with_children(participants));
        if proof {
            node = node.with_child(device_identity::node(&self.account.adv));
        }
        if let Some(token) = token {
            node = node.with_child(Node::new("tctoken").bytes(token));
        }
        let sender = self.own_beside(&to);
        self.commit_send(unit, row, &to, sender, node);
    }

    /// Takes the held bundle for a device if there is no ratchet with it.
    pub(in crate::session) fn bundle_if_needed(
        &mut self,
        unit: &mut WorkContext<'_>,
        device: &Jid,
    ) -> Option<Bundle> {
        if self.has_ratchet(unit, device) {
            None
        } else {
            self.bundles.take(device)
        }
    }

    /// Returns the stanza without its encrypted content.
    pub(in crate::session) fn message(&self, row: &OutboxRow, to: &Jid) -> Node {
        let content = Content::of(&row.body);
        let node = Node::new("message")
            .attr("id", row.id.as_str())
            .attr("type", content.stanza_type())
            .attr("to", to.clone());
        match content.edit_attribute() {
            Some(edit) => node.attr("edit", edit),
            None => node,
        }
    }

    /// Stores the encrypted stanza and queues it; it is transmitted only after the commit.
    pub(in crate::session) fn commit_send(
        &mut self,
        unit: &mut WorkContext<'_>,
        mut row: OutboxRow,
        to: &Jid,
        sender: Jid,
        node: Node,
    ) {
        if let Some(secret) = Content::of(&row.body).secret {
            let key = RowKey::MessageSecret {
                chat: to.clone(),
                sender,
                id: row.id.clone(),
            };
            let secret = Row::MessageSecret(secret.to_vec());
            unit.put(key, secret);
        }
        self.attempts.asks.remove(&row.id);
        self.pulse.sent(unit.now.mono_ms, &row.id);
        if to.is_group() {
            self.attempts.leaves(to, &row.id);
        }
        row.state = OutboxState::Encrypted;
        row.stanza = Some(encode::encode(&node));
        unit.put(RowKey::Outbox(row.id.clone()), Row::Outbox(row));
        unit.transmit(node);
    }

    /// Fails a message with a stable code.
    pub(in crate::session) fn fail_send(
        &mut self,
        unit: &mut WorkContext<'_>,
        id: &MessageId,
        code: String,
    ) {
        self.attempts.asks.remove(id);
        let key = RowKey::Outbox(id.clone());
        let Some(Row::Outbox(row)) = unit.row(&key) else {
            return;
        };
        if !matches!(row.state, OutboxState::Queued | OutboxState::Encrypted) {
            return;
        }
        let mut row = row.clone();
        self.attempts.arrived(&row.to, id);
        row.state = OutboxState::Failed;
        row.stanza = None;
        row.error = Some(code.clone());
        let body = EventBody::SendFailed {
            chat: row.to.clone(),
            id: id.clone(),
            code,
        };
        unit.put(key, Row::Outbox(row));
        let at_ms = unit.now.unix_ms;
        self.tell(unit, Some(outgoing("send_failed", id)), at_ms, body);
    }

    /// Requests the rows for an ack.
    pub(in crate::session) fn want_ack(&self, lookup: &mut impl Lookup, node: &Node) {
        if let Some(id) = acknowledged(node) {
            self.want_answered_question(lookup, &id);
        }
        if let Some(id) = acknowledged(node)
            && let Some(Row::Outbox(row)) = lookup.row(&RowKey::Outbox(id))
        {
            let to = row.to.clone();
            addresses::want_names(&self.account, lookup, &to);
        }
    }

    /// Handles the server's ack: it accepted a message or refused it.
    pub(in crate::session) fn receive_ack(&mut self, unit: &mut WorkContext<'_>, node: &Node) {
        let Some(id) = acknowledged(node) else {
            return;
        };
        if let Some((after_ms, proof)) = self.pulse.acked(unit.now.mono_ms, &id) {
            unit.notice(Notice::Acknowledged { after_ms });
            self.proved(unit, proof);
        }
        if self.question_confirmed(unit, node, &id) {
            return;
        }
        let key = RowKey::Outbox(id.clone());
        let Some(Row::Outbox(row)) = unit.row(&key) else {
            return;
        };
        if row.state != OutboxState::Encrypted {
            return;
        }
        let mut row = row.clone();
        let ours = self.attempts.take_hash(&id);
        let expected = node.attr_text("phash");
        let outdated = matches!((&ours, &expected), (Some(ours), Some(theirs)) if ours != theirs);
        let error = node.attr_u64("error").filter(|code| *code != 0);
        if outdated || error.is_some() {
            self.forget_recipients(unit, &row.to);
        }
        match error {
            Some(code) if TROUBLE <= code => {
                self.put_off(unit, Input::Send(id), TROUBLE_MS);
            }
            Some(code) => self.fail_send(unit, &id, format!("server_{code}")),
            None => {
                self.attempts.arrived(&row.to, &id);
                let at_ms = origin::at_ms(node, unit.now.unix_ms);
                row.state = OutboxState::Sent;
                row.stanza = None;
                row.sent_ms = Some(at_ms);
                let body = EventBody::Sent {
                    chat: row.to.clone(),
                    id: id.clone(),
                };
                unit.put(key, Row::Outbox(row));
                self.tell(unit, Some(outgoing("sent", &id)), at_ms, body);
            }
        }
    }

    /// Drops cached recipients, because the server knows other devices or members.
    fn forget_recipients(&mut self, unit: &mut WorkContext<'_>, to: &Jid) {
        if to.is_group() {
            doubt_group(unit, to);
        } else {
            self.forget_devices(unit, to);
            let own = self.own_beside(to);
            self.forget_devices(unit, &own);
        }
    }
}

/// Returns the message that an ack is about.
fn acknowledged(node: &Node) -> Option<MessageId> {
    let class = node.attr_text("class")?;
    if class == "message" {
        origin::message_id(node)
    } else {
        None
    }
}

/// Adds the attributes that receiving clients read before decryption.
pub(in crate::session) fn decorate(enc: Node, content: &Content<'_>) -> Node {
    let enc = match content.media_type() {
        Some(media) => enc.attr("mediatype", media),
        None => enc,
    };
    let hidden =
        content.edit_attribute().is_some() || matches!(content.kind(), "reaction" | "poll_vote");
    if hidden {
        enc.attr("decrypt-fail", "hide")
    } else {
        enc
    }
}
