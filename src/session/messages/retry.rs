//! Retries: requests for messages that we could not decrypt, and resends of messages that others
//! could not decrypt.
//!
//! Source: whatsmeow 33cfac51 `retry.go` (form of the receipt, five requests, keys from the second
//! on).

use crate::session::messages::resent::{COUNTED_MAX, RESENDS_PER_DEVICE_MAX};

use crate::ids::{Jid, MessageId};
use crate::secret::Secret;
use crate::session::input::Input;
use crate::session::keys::addresses::{self, is_own};
use crate::session::keys::prekeys::{one_time, read_bundle, registration, signed};
use crate::session::keys::ratchets::EncryptError;
use crate::session::machine::{Phase, Session};
use crate::session::messages::ack::{ack, receipt_for};
use crate::session::messages::content::{self, Content};
use crate::session::messages::origin::{self, MessageOrigin};
use crate::session::messages::receive::{Incoming, own_pre_key};
use crate::session::messages::send::decorate;
use crate::session::messages::unread::is_peer;
use crate::session::output::Notice;
use crate::session::pairing::device_identity;
use crate::session::rows::{OutboxRow, OutboxState, PreKeyRow, Row, RowKey};
use crate::session::unit::{Lookup, WorkContext};
use crate::signal::bundle::Bundle;
use crate::signal::prekey::PreKey;
use crate::wire::node::Node;

/// Maximum number of retry receipts for one message.
const ASKS_MAX: u32 = 5;
/// Maximum number of resends of one message over all requesters: each member of the largest group
/// at the limit per device.
const RESENDS_MAX: u32 = 4_096 * RESENDS_PER_DEVICE_MAX;
/// Maximum age in ms of a message that is sent again.
const AGE_MS_MAX: i64 = 14 * 24 * 3_600_000;

/// How to respond to a retry receipt.
pub(in crate::session) enum ResendPlan {
    /// Only ack: the message is not ours, or was not for the requester.
    Ignore,
    /// Ack and do not resend. The value is a stable word for the reason.
    Refuse(&'static str),
    /// Fetch a bundle first.
    AskBundle(Jid),
    /// Query the group's members first.
    AskGroup(Jid),
    Resend(Box<Resend>),
}

/// A message to send again to one device.
pub(in crate::session) struct Resend {
    row: OutboxRow,
    source: MessageOrigin,
    requester: Jid,
    bundle: Option<Bundle>,
}

impl Session {
    /// Sends a retry receipt to the sender of an undecryptable message, up to the limit.
    ///
    /// `bundle_at_once` includes fresh keys in the first receipt, because the sender cannot reach
    /// us with the keys it has.
    pub(in crate::session) fn ask_again(
        &mut self,
        unit: &mut WorkContext<'_>,
        node: &Node,
        incoming: &Incoming,
        bundle_at_once: bool,
        reason: &'static str,
    ) {
        let key = RowKey::Retry(incoming.dedupe.clone());
        let known = match unit.row(&key) {
            Some(Row::Retry(row)) => Some(row.count),
            _ => None,
        };
        let in_message = node
            .children_named("enc")
            .filter_map(|enc| enc.attr_u64("count"))
            .filter_map(|count| u32::try_from(count).ok())
            .max()
            .unwrap_or(0);
        let count = known.unwrap_or(in_message).saturating_add(1);
        self.remember_unread(unit, node, incoming, count, reason);
        if ASKS_MAX < count {
            // The phone may still have the message.
            unit.out.transmit.extend(ack(node, None));
            return;
        }
        let Some(mut receipt) = receipt_for(node, Some("retry")) else {
            return;
        };
        if is_peer(node) {
            receipt = receipt.attr("category", "peer");
        }
        let t = node.attr_text("t").unwrap_or_default().into_owned();
        let retry = Node::new("retry")
            .attr("count", count.to_string())
            .attr("id", incoming.id.as_str())
            .attr("t", t)
            .attr("v", "1");
        receipt = receipt
            .with_child(retry)
            .with_child(registration(&self.account));
        if 1 < count || bundle_at_once {
            receipt = receipt.with_child(self.bundle_for(unit, &incoming.home));
        }
        self.answer_then_ack(unit, node, receipt);
    }

    /// Returns the one-time key that was given to a device in a retry receipt, if it is unused.
    pub(in crate::session) fn given_key(
        &self,
        lookup: &mut impl Lookup,
        home: &Jid,
    ) -> Option<PreKey> {
        let id = *self.given.get(&home.address())?;
        own_pre_key(lookup, id)
    }

    /// Returns a pre-key bundle for one device. It stays the same until the device uses it.
    fn bundle_for(&mut self, unit: &mut WorkContext<'_>, home: &Jid) -> Node {
        let keys = match self.given_key(unit, home) {
            Some(key) => vec![key],
            None => self.new_pre_keys(unit, 1),
        };
        if let Some(key) = keys.first() {
            if COUNTED_MAX <= self.given.len() {
                self.given.clear();
            }
            self.given.insert(home.address(), key.id);
        }
        let mut bundle = Node::new("keys")
            .with_child(Node::new("type").bytes(vec![crate::crypto::curve::SIGNAL_PREFIX]))
            .with_child(Node::new("identity").bytes(self.account.identity.public.0.to_vec()));
        for key in &keys {
            // It is given to this device, so it must not be uploaded to the server.
            let private = Secret::new(*key.pair.private.expose());
            let row = Row::PreKey(PreKeyRow {
                private,
                uploaded: true,
            });
            unit.put(RowKey::PreKey(key.id), row);
            bundle = bundle.with_child(one_time("key", key));
        }
        bundle
            .with_child(signed(&self.account.signed_pre_key))
            .with_child(device_identity::node(&self.account.adv))
    }

    /// Decides from the rows how to respond to a retry receipt.
    pub(in crate::session) fn plan_resend(
        &self,
        lookup: &mut impl Lookup,
        node: &Node,
    ) -> ResendPlan {
        let Some((source, id)) = MessageOrigin::of(&self.account, node).zip(retried(node)) else {
            return ResendPlan::Ignore;
        };
        source.want(&self.account, lookup);
        let requester = source.sender.clone();
        let now = lookup.unix_ms();
        let Some(Row::Outbox(row)) = lookup.row(&RowKey::Outbox(id)) else {
            return ResendPlan::Ignore;
        };
        let row = row.clone();
        let young = now.is_none_or(|now| now - row.queued_ms <= AGE_MS_MAX);
        let sent = matches!(row.state, OutboxState::Sent | OutboxState::Encrypted);
        if !sent || !self.owns(&row) {
            return ResendPlan::Ignore;
        }
        if row.to.is_group() && lookup.row(&RowKey::Group(row.to.clone())).is_none() {
            return ResendPlan::AskGroup(row.to);
        }
        if !self.may_have(lookup, &row.to, &source) {
            return ResendPlan::Ignore;
        }
        if !young {
            return ResendPlan::Refuse("too_old");
        }
        if RESENDS_MAX <= row.resends {
            return ResendPlan::Refuse("too_often");
        }
        let has_ratchet = self.has_ratchet(lookup, &requester);
        if row.to.is_group() {
            lookup.row(&RowKey::SenderKeyShare(row.to.clone()));
        }
        let given = node
            .child("keys")
            .and_then(|keys| read_bundle(keys, node.child("registration")))
            .filter(|bundle| proven(node, &requester, bundle));
        let count = node
            .child("retry")
            .and_then(|retry| retry.attr_u64("count"))
            .unwrap_or(1);
        let place = self.home_address(lookup, &requester);
        let recreate = 1 < count && !self.resent.recreated.contains(&place);
        let fetched = self.bundles.has(&requester);
        if given.is_none() && !fetched && (!has_ratchet || recreate) {
            if !self.bundles.is_barren(&requester) {
                return ResendPlan::AskBundle(requester);
            }
            if !has_ratchet {
                return ResendPlan::Refuse("no_keys");
            }
        }
        ResendPlan::Resend(Box::new(Resend {
            row,
            source,
            requester,
            bundle: given,
        }))
    }

    /// Returns whether the requester was a recipient of the message. No other device gets it.
    fn may_have(&self, lookup: &mut impl Lookup, to: &Jid, source: &MessageOrigin) -> bool {
        let requester = addresses::home(&self.account, lookup, &source.sender);
        if is_own(&self.account, &requester) {
            return !self.is_this_device(&source.sender);
        }
        self.is_reader(lookup, to, &source.chat, &source.sender)
    }

    /// Handles a retry receipt.
    pub(in crate::session) fn resend(&mut self, unit: &mut WorkContext<'_>, node: &Node) {
        if self.phase != Phase::Ready {
            // Bundles can be fetched only after login, so the receipt waits.
            return self.hold(unit, node);
        }
        if let Some(source) = MessageOrigin::of(&self.account, node) {
            self.learn_from(unit, &source);
        }
        match self.plan_resend(unit, node) {
            ResendPlan::Ignore => (),
            ResendPlan::Refuse(reason) => unit.notice(Notice::NotSentAgain(reason)),
            ResendPlan::AskBundle(device) => {
                let input = Input::Node(node.clone());
                return self.ask_bundles(unit, &[device], &input);
            }
            ResendPlan::AskGroup(group) => {
                let input = Input::Node(node.clone());
                return self.ask_group(unit, &group, &input);
            }
            ResendPlan::Resend(resend) => match self.send_again(unit, node, *resend) {
                Ok(message) => return self.answer_then_ack(unit, node, message),
                Err(NotAgain::Yet) => return unit.again(Input::Node(node.clone())),
                Err(NotAgain::Ever(reason)) => unit.notice(Notice::NotSentAgain(reason)),
            },
        }
        unit.out.transmit.extend(ack(node, None));
    }

    /// Encrypts a message again for the requester, up to the limit per device.
    fn send_again(
        &mut self,
        unit: &mut WorkContext<'_>,
        node: &Node,
        resend: Resend,
    ) -> Result<Node, NotAgain> {
        let Resend {
            mut row,
            source,
            requester,
            bundle,
        } = resend;
        let place = self.home_address(unit, &requester);
        if !self.resent.count(&row.id, &place) {
            return Err(NotAgain::Ever("too_often"));
        }
        let bundle = bundle.or_else(|| self.bundles.take(&requester));
        if bundle.is_some() {
            self.resent.note_recreated(place.clone());
        }
        let group = row.to.is_group();
        if group {
            self.lacks_key(unit, &row.to, &place);
        }
        let plain = if source.from_me && !group {
            content::device_sent(&row.to, &row.body)
        } else {
            row.body.clone()
        };
        let encrypted = match self.encrypt_to(unit, &requester, &plain, bundle) {
            Ok(encrypted) => encrypted,
            Err(EncryptError::NoKeys) => return Err(NotAgain::Ever("no_keys")),
            Err(EncryptError::PutAside) => return Err(NotAgain::Yet),
        };
        let proof = encrypted.starts_ratchet();
        let count = node
            .child("retry")
            .and_then(|retry| retry.value("count").cloned());
        let mut enc = decorate(encrypted.node(), &Content::of(&row.body));
        if let Some(count) = count {
            enc = enc.attr("count", count);
        }
        let mut message = Node::new("message")
            .attr_opt("to", node.value("from").cloned())
            .attr("type", Content::of(&row.body).stanza_type())
            .attr("id", row.id.as_str());
        if let Some(t) = node
            .child("retry")
            .and_then(|retry| retry.value("t").cloned())
        {
            message = message.attr("t", t);
        }
        if !group {
            message = message.attr("device_fanout", "false");
        }
        for name in ["participant", "recipient"] {
            if let Some(value) = node.value(name) {
                message = message.attr(name, value.clone());
            }
        }
        message = message.with_child(enc);
        if proof {
            message = message.with_child(device_identity::node(&self.account.adv));
        }
        row.resends += 1;
        unit.put(RowKey::Outbox(row.id.clone()), Row::Outbox(row));
        Ok(message)
    }
}

/// Why a message is not sent again.
enum NotAgain {
    /// Not yet: a request must be answered first.
    Yet,
    /// Never. The value is a stable word for the reason.
    Ever(&'static str),
}

/// Returns the message that a retry receipt is about.
fn retried(node: &Node) -> Option<MessageId> {
    origin::message_id(node.child("retry")?)
}

/// Returns whether a companion's bundle is proven to belong to the account. True without a proof.
fn proven(node: &Node, requester: &Jid, bundle: &Bundle) -> bool {
    let proof = node
        .child("keys")
        .and_then(|keys| keys.child("device-identity"))
        .and_then(Node::content_bytes);
    match proof {
        Some(proof) if requester.device != 0 => {
            device_identity::proves(proof, &bundle.identity, None)
        }
        _ => true,
    }
}
