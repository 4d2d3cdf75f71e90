//! Fault requests: which stanzas they affect, and how.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use crate::crypto::random::{self, Random};
use crate::ids::Jid;
use crate::sim::journal::Direction;
use crate::sim::link::LinkId;
use crate::sim::stanza;
use crate::wire::node::Node;

/// Maximum number of pending faults.
const FAULTS_MAX: usize = 1_000;
/// Maximum delay of [`FaultKind::Reorder`] (ms).
const REORDER_MS_MAX: u32 = 200;

/// A requested fault.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Asked")]
pub struct Fault {
    /// The effect on the stanza.
    pub kind: FaultKind,
    /// Phone number of the affected account; `None` affects all accounts.
    pub number: Option<String>,
    /// Direction of the affected stanzas; `in` means from the client.
    pub direction: Direction,
    /// Affected tag, such as `message`, `ack` or `receipt`; `None` affects all tags.
    pub tag: Option<String>,
    /// Number of matching stanzas that are affected.
    pub times: u32,
    /// Probability that a matching stanza is affected, in thousandths.
    pub per_mille: u32,
}

/// A fault as JSON. The kind and its delay are plain fields, because serde cannot flatten an enum
/// into an object and also refuse unknown fields.
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

/// The effect of a fault on a stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The stanza is lost. If it needs a confirmation, it is sent again after the next login.
    Drop,
    /// The stanza is delayed, so that others overtake it.
    Delay {
        /// Delay in milliseconds.
        ms: u32,
    },
    /// The stanza is delayed by up to 200 ms.
    Reorder,
    /// The stanza is delivered twice.
    Duplicate,
    /// The last byte of each ciphertext to a client is changed, so that decryption fails.
    Corrupt,
    /// The connection breaks and the stanza is lost.
    Close,
    /// The stanza takes effect, then the connection breaks.
    CloseAfter,
}

/// How the server ends a connection or refuses a login.
///
/// Source: whatsmeow 33cfac51 `connectionevents.go` (codes), `types/events/events.go` (reasons).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum ConnectionEnd {
    /// The connection breaks without a stanza.
    Cut,
    /// Reports that another client with the same keys has connected.
    Replaced,
    /// Asks the client to reconnect at once (515).
    Restart,
    /// Reports that the service is unavailable (503).
    Unavailable,
    /// A temporary ban (402). Logins are refused too until the ban is lifted.
    Banned {
        /// Duration of the ban in seconds.
        expire_s: u32,
    },
    /// The client's version is too old (405). Logins are refused too.
    Outdated,
}

impl ConnectionEnd {
    /// Returns the last stanza before the close; `None` for a broken connection.
    pub(super) fn last(self) -> Option<Node> {
        match self {
            Self::Cut => None,
            Self::Replaced => Some(stanza::replaced()),
            Self::Restart => Some(stanza::stream_error(515)),
            Self::Unavailable => Some(stanza::stream_error(503)),
            Self::Banned { .. } | Self::Outdated => self.refusal(),
        }
    }

    /// Returns the stanza that refuses later logins, if they are refused.
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

/// The pending faults, in the order of their requests.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// Adds a fault. Returns false if the limit is reached.
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

    /// Selects the effect for this stanza: the first matching fault whose probability applies.
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

/// Half-dead connections: they answer pings and carry no other stanza.
#[derive(Debug, Default)]
pub(super) struct Mute {
    /// The muted connections.
    pub(super) links: HashSet<LinkId>,
    /// Number of an account's next connections to mute after login, by phone number.
    pub(super) next: HashMap<String, u32>,
}
