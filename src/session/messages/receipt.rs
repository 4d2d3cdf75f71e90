//! Receipts in both directions.
//!
//! A message counts as delivered or read only if a recipient of that message says so. For groups,
//! applications get an event for the first member that received a message and for the first that
//! read it. One event per member would be thousands of events for each message of a large group.

use crate::ids::{Jid, MessageId};
use crate::session::changes::{EventBody, ReceiptKind};
use crate::session::config::Presence;
use crate::session::input::{Input, Now};
use crate::session::keys::addresses::{self, is_own};
use crate::session::machine::Session;
use crate::session::messages::ack::{ack, receipt_for};
use crate::session::messages::origin::{self, MessageOrigin};
use crate::session::rows::{Dedupe, OutboxRow, Row, RowKey};
use crate::session::unit::{Lookup, WorkContext};
use crate::wire::node::Node;

/// Number of messages, or of readers of one message, that one unit of work handles. A receipt with
/// more is handled in parts, and acked with the last one.
const PART: usize = 1_024;

/// Returns a read receipt for messages of one chat; `None` if `ids` is empty.
pub(in crate::session) fn read(
    chat: &Jid,
    sender: Option<&Jid>,
    ids: &[MessageId],
    now: Now,
) -> Option<Node> {
    let (first, rest) = ids.split_first()?;
    let mut receipt = Node::new("receipt")
        .attr("id", first.as_str())
        .attr(
            "type",
            if chat.is_newsletter() {
                "read-self"
            } else {
                "read"
            },
        )
        .attr("to", chat.clone())
        .attr("t", (now.unix_ms / 1_000).to_string());
    if let Some(sender) = sender.filter(|_| !chat.is_account()) {
        receipt = receipt.attr("participant", sender.bare());
    }
    if !rest.is_empty() {
        let items = rest
            .iter()
            .map(|id| Node::new("item").attr("id", id.as_str()));
        receipt = receipt.with_child(Node::new("list").with_children(items));
    }
    Some(receipt)
}

/// One receipt about our messages, or about those of our other devices.
struct Report {
    chat: Jid,
    sender: Jid,
    /// True if the sender is a device of our own account.
    from_me: bool,
    ids: Vec<MessageId>,
    at_ms: i64,
}

impl Report {
    /// Returns whether other group members will send the same receipt.
    fn is_of_member(&self) -> bool {
        self.chat.is_group() && !self.from_me
    }

    /// Returns the dedupe key that is shared by all members of a group.
    fn once(&self, kind: ReceiptKind, id: &MessageId) -> Dedupe {
        let kind = match kind {
            // To applications both mean delivered.
            ReceiptKind::Inactive => ReceiptKind::Delivered,
            kind => kind,
        };
        Dedupe(format!("receipt|{kind:?}|{}|{id}", self.chat))
    }
}

impl Session {
    /// Returns the delivery receipt for a stored message.
    pub(in crate::session) fn delivered(
        &self,
        node: &Node,
        source: &MessageOrigin,
    ) -> Option<Node> {
        let kind = match () {
            () if node.attr_text("category").as_deref() == Some("peer") => Some("peer_msg"),
            () if source.from_me => Some("sender"),
            () if self.config.presence == Presence::Unavailable => Some("inactive"),
            () => None,
        };
        receipt_for(node, kind)
    }

    /// Requests the rows for a receipt.
    pub(in crate::session) fn want_receipt(
        &self,
        lookup: &mut impl Lookup,
        node: &Node,
        part: usize,
    ) {
        if let Some(source) = MessageOrigin::of(&self.account, node) {
            source.want(&self.account, lookup);
        }
        let Some(kind) = kind_of(node) else {
            return;
        };
        for report in self.reports(node, 0, part) {
            addresses::want_names(&self.account, lookup, &report.chat);
            for id in &report.ids {
                self.may_confirm(lookup, &report, id);
                if report.is_of_member() {
                    lookup.row(&RowKey::Seen(report.once(kind, id)));
                }
            }
        }
    }

    /// Handles a part of a receipt that is not a retry receipt.
    pub(in crate::session) fn take_receipt(
        &mut self,
        unit: &mut WorkContext<'_>,
        node: &Node,
        part: usize,
    ) {
        if let Some(source) = MessageOrigin::of(&self.account, node) {
            self.learn_from(unit, &source);
        }
        if let Some(kind) = kind_of(node) {
            for report in self.reports(node, unit.now.unix_ms, part) {
                self.apply(unit, kind, report);
            }
            if has_more(node, part) {
                let (receipt, part) = (node.clone(), part + 1);
                return unit.again(Input::MoreOf { receipt, part });
            }
        }
        if let Some(ack) = ack(node, None) {
            unit.transmit(ack);
        }
    }

    /// Returns the receipts in a stanza; an aggregated one contains many.
    fn reports(&self, node: &Node, now_ms: i64, part: usize) -> Vec<Report> {
        let at_ms = origin::at_ms(node, now_ms);
        if let Some(source) = MessageOrigin::of(&self.account, node) {
            return vec![Report {
                chat: source.chat,
                sender: source.sender,
                from_me: source.from_me,
                ids: listed(node).skip(part * PART).take(PART).collect(),
                at_ms,
            }];
        }
        let Some(chat) = node.attr_jid("from").filter(|from| from.is_group()) else {
            return Vec::new();
        };
        let report = |(id, user): (MessageId, &Node)| {
            let sender = user.attr_jid("jid")?;
            Some(Report {
                chat: chat.clone(),
                from_me: is_own(&self.account, &sender),
                sender,
                ids: vec![id],
                at_ms: origin::at_ms(user, at_ms),
            })
        };
        let users = readers(node).skip(part * PART).take(PART);
        users.filter_map(report).collect()
    }

    /// Returns whether this receipt is credible for message `id`. A message of this device can be
    /// confirmed only by its recipients. Otherwise a receipt of a group member counts only if a
    /// copy shows that another device of ours sent the message there.
    fn may_confirm(&self, lookup: &mut impl Lookup, report: &Report, id: &MessageId) -> bool {
        let key = RowKey::Outbox(id.clone());
        if let Some(Row::Outbox(row)) = lookup.row(&key) {
            let to = row.to.clone();
            return !report.from_me && self.is_reader(lookup, &to, &report.chat, &report.sender);
        }
        !report.is_of_member() || (lookup.is_absent(&key) && self.is_copied(lookup, report, id))
    }

    /// Returns whether a copy of the message arrived from another device of ours, readable or not.
    fn is_copied(&self, lookup: &mut impl Lookup, report: &Report, id: &MessageId) -> bool {
        let own = self.account.lid.as_ref().unwrap_or(&self.account.jid);
        let source = MessageOrigin {
            chat: report.chat.clone(),
            sender: own.bare(),
            sender_alt: None,
            chat_alt: None,
            from_me: true,
            group: true,
        };
        let mut copied = false;
        for kind in ["message", "undecryptable"] {
            let seen = RowKey::Seen(source.dedupe(kind, own, id));
            copied |= lookup.row(&seen).is_some();
        }
        copied
    }

    /// Returns whether `person` is a recipient of a message to `to`: the person it was sent to, or
    /// a member of the group. `chat` must be that chat. Our own devices are not recipients.
    pub(in crate::session) fn is_reader(
        &self,
        lookup: &mut impl Lookup,
        to: &Jid,
        chat: &Jid,
        person: &Jid,
    ) -> bool {
        let home = addresses::home(&self.account, lookup, person);
        if is_own(&self.account, &home) {
            return false;
        }
        if !to.is_group() {
            let chat = addresses::home(&self.account, lookup, chat);
            return chat == home && addresses::home(&self.account, lookup, to) == home;
        }
        let number = addresses::phone_number(&self.account, lookup, &home);
        let names = [Some(addresses::plain(person)), Some(home), number];
        let Some(Row::Group(info)) = lookup.row(&RowKey::Group(to.clone())) else {
            return false;
        };
        let is = |name: &Jid| names.iter().flatten().any(|known| known == name);
        chat == to
            && info.participants.iter().any(|member| {
                let others = [&member.pn, &member.lid].into_iter().flatten();
                is(&member.jid) || others.into_iter().any(is)
            })
    }

    /// Applies a receipt to outbox rows, and emits its events.
    fn apply(&self, unit: &mut WorkContext<'_>, kind: ReceiptKind, mut report: Report) {
        let ids = std::mem::take(&mut report.ids);
        let ids = ids
            .into_iter()
            .filter(|id| self.may_confirm(unit, &report, id));
        report.ids = ids.collect();
        for id in &report.ids {
            let key = RowKey::Outbox(id.clone());
            if let Some(Row::Outbox(row)) = unit.rows.row(&key)
                && let Some(row) = with_times(row, kind, report.at_ms)
            {
                unit.put(key, Row::Outbox(row));
            }
        }
        if report.is_of_member() {
            for id in std::mem::take(&mut report.ids) {
                let once = report.once(kind, &id);
                if unit.row(&RowKey::Seen(once.clone())).is_none() {
                    self.tell_receipt(unit, once, kind, &report, vec![id]);
                }
            }
            return;
        }
        let Some(first) = report.ids.first() else {
            return;
        };
        let dedupe = Dedupe(format!(
            "receipt|{kind:?}|{}|{}|{first}|{}|{}",
            report.chat,
            report.sender,
            report.ids.len(),
            report.at_ms,
        ));
        let ids = std::mem::take(&mut report.ids);
        self.tell_receipt(unit, dedupe, kind, &report, ids);
    }

    fn tell_receipt(
        &self,
        unit: &mut WorkContext<'_>,
        dedupe: Dedupe,
        kind: ReceiptKind,
        report: &Report,
        ids: Vec<MessageId>,
    ) {
        let body = EventBody::Receipt {
            chat: report.chat.clone(),
            sender: report.sender.clone(),
            ids,
            kind,
        };
        self.tell(unit, Some(dedupe), report.at_ms, body);
    }
}

/// Returns the id of a receipt and the ids that it lists.
fn listed(node: &Node) -> impl Iterator<Item = MessageId> {
    let list = node.child("list").into_iter();
    let items = list.flat_map(|list| list.children_named("item"));
    let items = items.filter_map(origin::message_id);
    origin::message_id(node).into_iter().chain(items)
}

/// Returns the readers of an aggregated receipt, each with the message.
fn readers(node: &Node) -> impl Iterator<Item = (MessageId, &Node)> {
    node.children_named("participants").flat_map(|group| {
        let key = group.attr_text("key");
        let id = key.and_then(|key| key.parse::<MessageId>().ok());
        let users = group.children_named("user");
        users.filter_map(move |user| Some((id.clone()?, user)))
    })
}

/// Returns whether a receipt has entries after this part.
fn has_more(node: &Node, part: usize) -> bool {
    let behind = (part + 1).saturating_mul(PART);
    listed(node).nth(behind).is_some() || readers(node).nth(behind).is_some()
}

/// Returns the kind of a receipt; `None` for kinds that applications do not need.
fn kind_of(node: &Node) -> Option<ReceiptKind> {
    Some(match node.attr_text("type").as_deref() {
        None | Some("" | "delivery") => ReceiptKind::Delivered,
        Some("read") => ReceiptKind::Read,
        Some("read-self") => ReceiptKind::ReadSelf,
        Some("played") => ReceiptKind::Played,
        Some("played-self") => ReceiptKind::PlayedSelf,
        Some("sender") => ReceiptKind::Sender,
        Some("inactive") => ReceiptKind::Inactive,
        Some(_) => return None,
    })
}

/// Returns the row with the time of first delivery or reading; `None` if nothing changes.
fn with_times(row: &OutboxRow, kind: ReceiptKind, at_ms: i64) -> Option<OutboxRow> {
    let mut row = row.clone();
    let before = (row.delivered_ms, row.read_ms);
    match kind {
        ReceiptKind::Delivered | ReceiptKind::Inactive => {
            row.delivered_ms.get_or_insert(at_ms);
        }
        ReceiptKind::Read | ReceiptKind::Played => {
            row.delivered_ms.get_or_insert(at_ms);
            row.read_ms.get_or_insert(at_ms);
        }
        // Actions of our own devices say nothing about the recipient.
        ReceiptKind::ReadSelf | ReceiptKind::PlayedSelf | ReceiptKind::Sender => (),
    }
    (before != (row.delivered_ms, row.read_ms)).then_some(row)
}
