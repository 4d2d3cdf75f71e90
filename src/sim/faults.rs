//! Faults on request: which stanzas they hit, and what becomes of those.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde::Deserialize;

use crate::crypto::random::{self, Random};
use crate::ids::Jid;
use crate::sim::journal::Direction;
use crate::sim::stanza;
use crate::sim::world::{LinkId, Peer, World};
use crate::wire::node::{Content, Node};

/// Faults that wait to happen at the same time.
const FAULTS_MAX: usize = 1_000;
/// Longest delay of [`FaultKind::Reorder`].
const REORDER_MS_MAX: u32 = 200;

/// A fault that is asked for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Asked")]
pub struct Fault {
    /// What becomes of the stanza.
    pub kind: FaultKind,
    /// The account whose connections it hits, by phone number; none hits everybody's.
    pub number: Option<String>,
    /// The way of the stanzas that it hits: `in` is from the client.
    pub direction: Direction,
    /// The tag that it hits, such as `message`, `ack` or `receipt`; none hits all.
    pub tag: Option<String>,
    /// How many matching stanzas it hits.
    pub times: u32,
    /// The chance of each matching stanza to be hit, in thousandths.
    pub per_mille: u32,
}

/// A fault as JSON. The kind and its delay are fields like the others: serde cannot both flatten a
/// kind into the object and refuse fields that it does not know.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    fault: Name,
    ms: Option<u32>,
    number: Option<String>,
    direction: Direction,
    tag: Option<String>,
    #[serde(default = "once")]
    times: u32,
    #[serde(default = "certain")]
    per_mille: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Name {
    Drop,
    Delay,
    Reorder,
    Duplicate,
    Corrupt,
    Close,
    CloseAfter,
}

impl TryFrom<Asked> for Fault {
    type Error = &'static str;

    fn try_from(asked: Asked) -> Result<Self, Self::Error> {
        let kind = match (asked.fault, asked.ms) {
            (Name::Delay, Some(ms)) => FaultKind::Delay { ms },
            (Name::Delay, None) => return Err("the fault `delay` needs `ms`"),
            (_, Some(_)) => return Err("only the fault `delay` takes `ms`"),
            (Name::Drop, None) => FaultKind::Drop,
            (Name::Reorder, None) => FaultKind::Reorder,
            (Name::Duplicate, None) => FaultKind::Duplicate,
            (Name::Corrupt, None) => FaultKind::Corrupt,
            (Name::Close, None) => FaultKind::Close,
            (Name::CloseAfter, None) => FaultKind::CloseAfter,
        };
        Ok(Self {
            kind,
            number: asked.number,
            direction: asked.direction,
            tag: asked.tag,
            times: asked.times,
            per_mille: asked.per_mille,
        })
    }
}

fn once() -> u32 {
    1
}

fn certain() -> u32 {
    1_000
}

/// What becomes of a stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It vanishes. What waits for a confirmation comes again after the next login.
    Drop,
    /// It comes later; others overtake it.
    Delay {
        /// How much later, in milliseconds.
        ms: u32,
    },
    /// It comes up to 200 ms later.
    Reorder,
    /// It comes twice.
    Duplicate,
    /// The last byte of each ciphertext to a client is changed: nobody can decrypt it.
    Corrupt,
    /// The connection breaks, and the stanza is lost with it.
    Close,
    /// The stanza takes effect, then the connection breaks.
    CloseAfter,
}

/// How the server ends a connection, or refuses a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Ending {
    /// Without a word.
    Cut,
    /// Another client with the same keys is said to have connected.
    Replaced,
    /// To be followed by a new connection at once (515).
    Restart,
    /// The service is in trouble (503).
    Unavailable,
    /// A temporary ban (402), refused at the next logins as well until it is lifted.
    Banned {
        /// How long, in seconds.
        expire_s: u32,
    },
    /// The client's version is too old (405), at the next logins as well.
    Outdated,
}

impl Ending {
    fn last(self) -> Option<Node> {
        match self {
            Self::Cut => None,
            Self::Replaced => Some(stanza::replaced()),
            Self::Restart => Some(stanza::stream_error(515)),
            Self::Unavailable => Some(stanza::stream_error(503)),
            Self::Banned { .. } | Self::Outdated => self.refusal(),
        }
    }

    fn refusal(self) -> Option<Node> {
        match self {
            Self::Banned { expire_s } => Some(
                stanza::failure(402)
                    .attr("code", 101)
                    .attr("expire", expire_s),
            ),
            Self::Outdated => Some(stanza::failure(405)),
            _ => None,
        }
    }
}

/// The faults that wait to happen, in the order in which they were asked for.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) -> bool {
        let room = self.0.len() < FAULTS_MAX;
        if room && 0 < fault.times {
            self.0.push(fault);
        }
        room
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What becomes of this stanza: the first fault that fits and happens.
    fn pick(
        &mut self,
        device: &Jid,
        direction: Direction,
        tag: &str,
        random: &mut dyn Random,
    ) -> Option<FaultKind> {
        let fits = |fault: &Fault| {
            fault.direction == direction
                && fault.tag.as_deref().is_none_or(|wanted| wanted == tag)
                && fault.number.as_deref().is_none_or(|of| of == device.user)
        };
        let at = self
            .0
            .iter()
            .position(|fault| fits(fault) && random::number(random) % 1_000 < fault.per_mille)?;
        let fault = self.0.get_mut(at)?;
        let kind = fault.kind;
        fault.times -= 1;
        if fault.times == 0 {
            self.0.remove(at);
        }
        Some(match kind {
            FaultKind::Reorder => FaultKind::Delay {
                ms: 1 + random::number(random) % REORDER_MS_MAX,
            },
            kind => kind,
        })
    }
}

/// Links that are half dead: pings are answered, and nothing else goes either way.
#[derive(Debug, Default)]
pub(super) struct Mute {
    links: HashSet<LinkId>,
    /// How many of an account's next links fall mute once they are logged in, by phone number.
    next: HashMap<String, u32>,
}

impl World {
    /// Has an account's connection fall mute, and as many of the next ones once they are logged in.
    pub(super) fn mute(&mut self, number: &str, logins: u32) -> usize {
        self.mute.next.insert(number.to_owned(), logins);
        let of = |peer: &Peer| matches!(peer, Peer::Device(jid) if jid.user == number);
        let open = self.links.iter().filter(|(_, open)| of(&open.peer));
        let open: Vec<LinkId> = open.map(|(link, _)| *link).collect();
        self.mute.links.extend(&open);
        open.len()
    }

    /// A client is logged in: its link may fall mute now.
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

    /// Takes a stanza from a client, unless a fault has it otherwise.
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

    /// Sends a stanza over a connection that may be gone, unless a fault has it otherwise.
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

    /// Ends the connections of an account's companions, and refuses their logins where the ending
    /// says so. Says how many connections there were.
    pub(super) fn end_links(&mut self, number: &str, ending: Ending) -> usize {
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

/// The same stanza with ciphertexts that do not decrypt.
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
