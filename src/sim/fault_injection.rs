//! Applies faults to stanzas.

use std::time::Duration;

use crate::ids::Jid;
use crate::sim::faults::{ConnectionEnd, FaultKind};
use crate::sim::journal::Direction;
use crate::sim::link::{LinkId, Peer};
use crate::sim::world::World;
use crate::wire::node::{Content, Node};

impl World {
    /// Mutes the account's open connections, and its next `logins` connections after their login.
    /// Returns the number of open connections.
    pub(super) fn mute(&mut self, number: &str, logins: u32) -> usize {
        self.mute.next.insert(number.to_owned(), logins);
        let of = |peer: &Peer| matches!(peer, Peer::Device(jid) if jid.user == number);
        let open = self.links.iter().filter(|(_, open)| of(&open.peer));
        let open: Vec<LinkId> = open.map(|(link, _)| *link).collect();
        self.mute.links.extend(&open);
        open.len()
    }

    /// Mutes the connection of a client that just logged in, if the account has muted logins left.
    pub(super) fn became_active(&mut self, link: LinkId, device: &Jid) {
        if let Some(left) = self.mute.next.get_mut(&device.user)
            && 0 < *left
        {
            *left -= 1;
            self.mute.links.insert(link);
        }
    }

    pub(super) fn forget_mute(&mut self, link: LinkId) {
        self.mute.links.remove(&link);
    }

    /// Handles a client's stanza, subject to faults.
    pub(super) fn receive(&mut self, link: LinkId, node: Node) {
        if self.mute.links.contains(&link) {
            if node.attr_is("xmlns", "w:p") {
                let pong = Node::new("iq")
                    .attr("type", "result")
                    .attr_opt("id", node.attr_text("id"));
                self.transmit(link, pong.attr("from", Jid::server()));
            }
            return;
        }
        match self.fault(link, Direction::In, &node) {
            None | Some(FaultKind::Corrupt | FaultKind::Reorder) => self.take(link, &node),
            Some(FaultKind::Drop) => (),
            Some(FaultKind::Delay { ms }) => {
                let later = move |world: &mut Self| world.take(link, &node);
                self.later(Duration::from_millis(ms.into()), Box::new(later));
            }
            Some(FaultKind::Duplicate) => {
                self.take(link, &node);
                self.take(link, &node);
            }
            Some(FaultKind::Close) => self.dismiss(link, None),
            Some(FaultKind::CloseAfter) => {
                self.take(link, &node);
                self.dismiss(link, None);
            }
        }
    }

    /// Sends a stanza, subject to faults. The connection may have closed.
    pub(super) fn send(&mut self, link: LinkId, node: Node) {
        if self.mute.links.contains(&link) {
            return;
        }
        match self.fault(link, Direction::Out, &node) {
            None | Some(FaultKind::Reorder) => self.transmit(link, node),
            Some(FaultKind::Drop) => (),
            Some(FaultKind::Delay { ms }) => {
                let later = move |world: &mut Self| world.transmit(link, node);
                self.later(Duration::from_millis(ms.into()), Box::new(later));
            }
            Some(FaultKind::Duplicate) => {
                self.transmit(link, node.clone());
                self.transmit(link, node);
            }
            Some(FaultKind::Corrupt) => self.transmit(link, corrupted(node)),
            Some(FaultKind::Close) => self.dismiss(link, None),
            Some(FaultKind::CloseAfter) => {
                self.transmit(link, node);
                self.dismiss(link, None);
            }
        }
    }

    fn fault(&mut self, link: LinkId, direction: Direction, node: &Node) -> Option<FaultKind> {
        let Some(Peer::Device(device)) = self.links.get(&link).map(|open| &open.peer) else {
            return None;
        };
        self.faults
            .pick(device, direction, &node.tag, &mut *self.random)
    }

    /// Closes the connections of an account's companions. If the ending says so, also refuses their
    /// logins. Returns the number of connections.
    pub(super) fn end_links(&mut self, number: &str, ending: ConnectionEnd) -> usize {
        match ending.refusal() {
            Some(refusal) => self.refused.insert(number.to_owned(), refusal),
            None => self.refused.remove(number),
        };
        let of = |peer: &Peer| matches!(peer, Peer::Device(jid) if jid.user == number);
        let open: Vec<LinkId> = self
            .links
            .iter()
            .filter(|(_, open)| of(&open.peer))
            .map(|(link, _)| *link)
            .collect();
        for link in &open {
            self.dismiss(*link, ending.last());
        }
        open.len()
    }

    /// Lets an account log in again.
    pub(super) fn lift(&mut self, number: &str) {
        self.refused.remove(number);
    }
}

/// Returns the stanza with corrupted ciphertexts.
fn corrupted(mut node: Node) -> Node {
    if node.tag == "enc" {
        if let Content::Bytes(bytes) = &mut node.content
            && let Some(last) = bytes.last_mut()
        {
            *last ^= 0xFF;
        }
        return node;
    }
    if let Content::Nodes(children) = node.content {
        node.content = Content::Nodes(children.into_iter().map(corrupted).collect());
    }
    node
}
