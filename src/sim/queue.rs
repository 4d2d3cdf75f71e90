//! The queue of stanzas that a device has not confirmed.

use std::collections::VecDeque;

use crate::sim::link::LinkId;
use crate::wire::node::Node;

/// Maximum stanzas per device; the oldest are dropped first.
const QUEUE_MAX: usize = 100_000;

/// The stanzas for one device, in order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    node: Node,
    /// The connection on which it was sent, if any.
    sent: Option<LinkId>,
}

impl Queue {
    /// Adds a stanza. `sent` is the connection on which it is sent at once.
    pub(super) fn push(&mut self, node: Node, sent: Option<LinkId>) {
        if self.waiting.len() == QUEUE_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Waiting { node, sent });
    }

    /// Removes the first message with that id, after the device's receipt.
    pub(super) fn settle_message(&mut self, id: &str) {
        self.settle("message", id, |_| true);
    }

    /// Removes the first stanza that an `ack` refers to. Several stanzas may have the same id: a
    /// resent message, and the receipts of several group members.
    pub(super) fn settle_acked(&mut self, ack: &Node) {
        let (Some(class), Some(id)) = (ack.attr_text("class"), ack.attr_text("id")) else {
            return;
        };
        let same = |node: &Node, name: &str| node.attr_text(name) == ack.attr_text(name);
        self.settle(&class, &id, |node| {
            node.tag != "receipt" || same(node, "participant") && same(node, "type")
        });
    }

    fn settle(&mut self, tag: &str, id: &str, fits: impl Fn(&Node) -> bool) {
        let found = self.waiting.iter().position(|waiting| {
            let node = &waiting.node;
            node.tag == tag && node.attr_is("id", id) && fits(node)
        });
        if let Some(index) = found {
            self.waiting.remove(index);
        }
    }

    /// Returns all stanzas that were not sent on `link`, in order, and marks them as sent.
    pub(super) fn take_unsent(&mut self, link: LinkId) -> Vec<Node> {
        let unsent = self
            .waiting
            .iter_mut()
            .filter(|waiting| waiting.sent != Some(link));
        unsent
            .map(|waiting| {
                waiting.sent = Some(link);
                waiting.node.clone()
            })
            .collect()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}
