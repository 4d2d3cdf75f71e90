//! Receipts and acks, in both directions.

use crate::ids::{Jid, MessageId};
use crate::session::ack::{ack, receipt_for};
use crate::session::changes::{EventBody, ReceiptKind};
use crate::session::config::Presence;
use crate::session::input::Now;
use crate::session::machine::Session;
use crate::session::rows::{Dedupe, OutboxRow, Row, RowKey};
use crate::session::source::{self, Source};
use crate::session::unit::{Lookup, Unit};
use crate::wire::node::Node;

/// Most messages that one receipt may speak of.
const IDS_MAX: usize = 1_024;
/// Most readers that one grouped receipt may name.
const USERS_MAX: usize = 4_096;

/// Tells the senders of `ids` that they were read.
pub(super) fn read(chat: &Jid, sender: Option<&Jid>, ids: &[MessageId], now: Now) -> Option<Node> {
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

/// One receipt of others about messages of ours, or of our other devices.
struct Report {
    chat: Jid,
    sender: Jid,
    ids: Vec<MessageId>,
    at_ms: i64,
}

impl Session {
    /// The receipt that a message gets once it is stored.
    pub(super) fn delivered(&self, node: &Node, source: &Source) -> Option<Node> {
        let kind = match () {
            () if node.attr_text("category").as_deref() == Some("peer") => Some("peer_msg"),
            () if source.from_me => Some("sender"),
            () if self.config.presence == Presence::Unavailable => Some("inactive"),
            () => None,
        };
        receipt_for(node, kind)
    }

    pub(super) fn want_receipt(&self, lookup: &mut impl Lookup, node: &Node) {
        if let Some(source) = Source::of(&self.account, node) {
            source.want(lookup);
        }
        for report in self.reports(node, 0) {
            for id in report.ids {
                lookup.row(&RowKey::Outbox(id));
            }
        }
    }

    /// Takes in a receipt that is no request to send again.
    pub(super) fn take_receipt(&mut self, unit: &mut Unit<'_>, node: &Node) {
        if let Some(source) = Source::of(&self.account, node) {
            source.learn(unit);
        }
        if let Some(kind) = kind_of(node) {
            for report in self.reports(node, unit.now.unix_ms) {
                apply(unit, kind, report);
            }
        }
        if let Some(ack) = ack(node, None) {
            unit.transmit(ack);
        }
    }

    fn reports(&self, node: &Node, now_ms: i64) -> Vec<Report> {
        let at_ms = source::at_ms(node, now_ms);
        if let Some(source) = Source::of(&self.account, node) {
            let (chat, sender) = (source.chat, source.sender);
            return vec![Report {
                chat,
                sender,
                ids: listed_ids(node),
                at_ms,
            }];
        }
        let Some(chat) = node.attr_jid("from").filter(|from| from.is_group()) else {
            return Vec::new();
        };
        let users = node.children_named("participants").flat_map(|group| {
            let id = group
                .attr_text("key")
                .and_then(|key| key.parse::<MessageId>().ok());
            group
                .children_named("user")
                .filter_map(move |user| Some((id.clone()?, user)))
        });
        let report = |(id, user): (MessageId, &Node)| {
            let (chat, sender) = (chat.clone(), user.attr_jid("jid")?);
            Some(Report {
                chat,
                sender,
                ids: vec![id],
                at_ms: source::at_ms(user, at_ms),
            })
        };
        users.filter_map(report).take(USERS_MAX).collect()
    }
}

/// The message that a receipt is about, and those that it lists.
pub(super) fn listed_ids(node: &Node) -> Vec<MessageId> {
    let listed = node
        .child("list")
        .into_iter()
        .flat_map(|list| list.children_named("item"));
    let mut ids: Vec<MessageId> = Vec::new();
    for id in source::message_id(node)
        .into_iter()
        .chain(listed.filter_map(source::message_id))
    {
        if IDS_MAX <= ids.len() {
            break;
        }
        ids.push(id);
    }
    ids
}

/// What a receipt says; `None` for those that only the protocol cares about.
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

fn apply(unit: &mut Unit<'_>, kind: ReceiptKind, report: Report) {
    let Some(first) = report.ids.first() else {
        return;
    };
    for id in &report.ids {
        let key = RowKey::Outbox(id.clone());
        if let Some(Row::Outbox(row)) = unit.rows.row(&key)
            && let Some(row) = with_times(row, kind, report.at_ms)
        {
            unit.put(key, Row::Outbox(row));
        }
    }
    let dedupe = Dedupe(format!(
        "receipt|{kind:?}|{}|{}|{first}|{}|{}",
        report.chat,
        report.sender,
        report.ids.len(),
        report.at_ms,
    ));
    let Report {
        chat,
        sender,
        ids,
        at_ms,
    } = report;
    unit.event(
        Some(dedupe),
        at_ms,
        EventBody::Receipt {
            chat,
            sender,
            ids,
            kind,
        },
    );
}

/// The outbox row with the first time that it was delivered or read; `None` if that is known.
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
        // What our own devices did says nothing about the other side.
        ReceiptKind::ReadSelf | ReceiptKind::PlayedSelf | ReceiptKind::Sender => (),
    }
    (before != (row.delivered_ms, row.read_ms)).then_some(row)
}
