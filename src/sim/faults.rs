//! Faults on request: which stanzas they hit, and what becomes of those.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use crate::crypto::random::{self, Random};
use crate::ids::Jid;
use crate::sim::journal::Direction;
use crate::sim::link::LinkId;
use crate::sim::stanza;
use crate::wire::node::Node;

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
    pub(super) fn last(self) -> Option<Node> {
        match self {
            Self::Cut => None,
            Self::Replaced => Some(stanza::replaced()),
            Self::Restart => Some(stanza::stream_error(515)),
            Self::Unavailable => Some(stanza::stream_error(503)),
            Self::Banned { .. } | Self::Outdated => self.refusal(),
        }
    }

    pub(super) fn refusal(self) -> Option<Node> {
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
    pub(super) fn pick(
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
    pub(super) links: HashSet<LinkId>,
    /// How many of an account's next links fall mute once they are logged in, by phone number.
    pub(super) next: HashMap<String, u32>,
}
