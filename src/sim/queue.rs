//! What waits for one device until the device says that it has it.

use std::collections::VecDeque;

use crate::sim::world::LinkId;
use crate::wire::node::Node;

/// Stanzas that are kept for a device; older ones are forgotten first.
const QUEUE_MAX: usize = 100_000;

/// The stanzas for one device, in order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    node: Node,
    /// The connection on which it was sent.
    sent: Option<LinkId>,
}

impl Queue {
    /// Takes a stanza in; `sent` says on which connection it goes out at once.
    pub(super) fn push(&mut self, node: Node, sent: Option<LinkId>) {
        if self.waiting.len() == QUEUE_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Waiting { node, sent });
    }

    /// Forgets the first stanza with that tag and id, once the device has it. Says whether there
    /// was one.
    pub(super) fn settle(&mut self, tag: &str, id: &str) -> bool {
        let found = self
            .waiting
            .iter()
            .position(|waiting| waiting.node.tag == tag && waiting.node.attr_is("id", id));
        found.is_some_and(|index| self.waiting.remove(index).is_some())
    }

    /// Everything that `link` has not been sent, in order, and marks it as sent.
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
