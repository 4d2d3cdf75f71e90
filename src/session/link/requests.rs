//! Requests to the server that wait for an answer.
//!
//! Answers are matched by id alone, as every client does. Each request has a deadline and there is
//! a limit to how many can wait.

use std::collections::BTreeMap;

use crate::appstate::Collection;
use crate::crypto::random::{self, Random};
use crate::ids::Jid;
use crate::session::input::Input;
use crate::wire::node::Node;

/// Most requests that wait at the same time; a send that would need one more waits itself.
pub(in crate::session) const PENDING_MAX: usize = 128;
/// Most inputs that wait for the same answer.
const WAITING_MAX: usize = 4_096;
/// How long an answer may take. Login and sends depend on them, so not for ever.
pub(in crate::session) const ANSWER_MS_MAX: u64 = 30_000;

/// What was asked, with all that the answer's handling needs.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::session) enum Query {
    /// How many one-time pre-keys the server has left. `login` says that login waits for it.
    PreKeyCount { login: bool },
    /// To take in pre-keys up to this id.
    PreKeyUpload { up_to: u32, login: bool },
    /// To count us as active, the last step of login.
    Active,
    /// A sign of life.
    Ping,
    /// The device lists of these users, without devices.
    Devices {
        users: Vec<Jid>,
        waiting: Vec<Input>,
    },
    /// Pre-key bundles of these devices, as they are addressed on the wire.
    Bundles {
        devices: Vec<Jid>,
        waiting: Vec<Input>,
    },
    /// Participants and addressing mode of a group.
    Group { group: Jid, waiting: Vec<Input> },
    /// These collections of app state.
    AppState(Vec<Collection>),
    /// To unlink our device.
    Logout,
    /// Something whose answer changes nothing.
    Ignored,
}

impl Query {
    /// Whether it asks for the devices of this user.
    pub(in crate::session) fn is_for_devices_of(&self, user: &Jid) -> bool {
        matches!(self, Self::Devices { users, .. } if users.contains(user))
    }

    /// Whether it asks for the bundle of this device.
    pub(in crate::session) fn is_for_bundle_of(&self, device: &Jid) -> bool {
        matches!(self, Self::Bundles { devices, .. } if devices.contains(device))
    }

    /// Whether it asks for this group.
    pub(in crate::session) fn is_for_group(&self, wanted: &Jid) -> bool {
        matches!(self, Self::Group { group, .. } if group == wanted)
    }

    /// The inputs that are handled again once the answer is there.
    pub(in crate::session) fn waiting(&mut self) -> Option<&mut Vec<Input>> {
        match self {
            Self::Devices { waiting, .. }
            | Self::Bundles { waiting, .. }
            | Self::Group { waiting, .. } => Some(waiting),
            _ => None,
        }
    }
}

/// All requests that wait.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::session) struct Pending {
    prefix: String,
    asked: u64,
    queries: BTreeMap<String, (u64, Query)>,
}

impl Pending {
    /// Starts over for a new link, whose request ids nobody used before.
    pub(in crate::session) fn start(&mut self, rng: &mut dyn Random) {
        let [a, b] = random::bytes(rng);
        *self = Self {
            prefix: format!("{a}.{b}"),
            ..Self::default()
        };
    }

    /// An id that no other request of this link has.
    pub(in crate::session) fn next_id(&mut self) -> String {
        self.asked += 1;
        format!("{}-{}", self.prefix, self.asked)
    }

    /// Whether another request may be made.
    pub(in crate::session) fn has_room(&self) -> bool {
        self.queries.len() < PENDING_MAX
    }

    /// Makes a request out of its parts; `None` when too many wait.
    pub(in crate::session) fn ask(
        &mut self,
        now: u64,
        query: Query,
        request: Request,
    ) -> Option<Node> {
        if !self.has_room() {
            return None;
        }
        let id = self.next_id();
        let node = Node::new("iq")
            .attr("id", id.as_str())
            .attr("xmlns", request.xmlns)
            .attr("type", request.kind)
            .attr("to", request.to)
            .with_children(request.children);
        self.queries.insert(id, (now + ANSWER_MS_MAX, query));
        Some(node)
    }

    /// Takes out the request that this id answers.
    pub(in crate::session) fn answered(&mut self, id: &str) -> Option<Query> {
        self.queries.remove(id).map(|(_, query)| query)
    }

    /// The inputs that wait for the answer with this id.
    pub(in crate::session) fn waiting_for(&self, id: &str) -> Option<&[Input]> {
        match &self.queries.get(id)?.1 {
            Query::Devices { waiting, .. }
            | Query::Bundles { waiting, .. }
            | Query::Group { waiting, .. } => Some(waiting),
            _ => None,
        }
    }

    /// Takes out one request whose deadline has passed.
    pub(in crate::session) fn overdue(&mut self, now: u64) -> Option<Query> {
        let id = self
            .queries
            .iter()
            .find(|(_, (deadline, _))| *deadline <= now)?
            .0
            .clone();
        self.answered(&id)
    }

    /// The next deadline.
    pub(in crate::session) fn wake_at(&self) -> Option<u64> {
        self.queries.values().map(|(deadline, _)| *deadline).min()
    }

    /// Lets `input` wait for a request that is under way already, if `fits` finds one with room.
    pub(in crate::session) fn join(
        &mut self,
        input: &Input,
        fits: impl Fn(&Query) -> bool,
    ) -> bool {
        let queries = self.queries.values_mut().map(|(_, query)| query);
        for query in queries.filter(|query| fits(query)) {
            let Some(waiting) = query.waiting() else {
                continue;
            };
            if waiting.contains(input) {
                return true;
            }
            if waiting.len() < WAITING_MAX {
                waiting.push(input.clone());
                return true;
            }
        }
        false
    }

    /// Whether such a request is under way.
    pub(in crate::session) fn any(&self, fits: impl Fn(&Query) -> bool) -> bool {
        self.queries.values().any(|(_, query)| fits(query))
    }
}

/// The parts of a request.
pub(in crate::session) struct Request {
    pub(in crate::session) xmlns: &'static str,
    /// `get` or `set`.
    pub(in crate::session) kind: &'static str,
    pub(in crate::session) to: Jid,
    pub(in crate::session) children: Vec<Node>,
}

impl Request {
    /// Reads something from the server.
    pub(in crate::session) fn get(xmlns: &'static str, children: Vec<Node>) -> Self {
        Self {
            xmlns,
            kind: "get",
            to: Jid::server(),
            children,
        }
    }

    /// Changes something on the server.
    pub(in crate::session) fn set(xmlns: &'static str, children: Vec<Node>) -> Self {
        Self {
            xmlns,
            kind: "set",
            to: Jid::server(),
            children,
        }
    }
}

/// The error code of an answer; `None` when it is a good one.
///
/// The `type` attribute alone is not trusted: an `error` child makes it a refusal, too.
pub(in crate::session) fn refusal(answer: &Node) -> Option<u32> {
    let code = |node: &Node| node.attr_u64("code").and_then(|code| code.try_into().ok());
    match answer.child("error") {
        Some(error) => Some(code(error).unwrap_or(500)),
        None if answer.attr_text("type").as_deref() == Some("error") => Some(500),
        None => None,
    }
}

/// Our answer to a request of the server that asks for nothing but an answer.
pub(in crate::session) fn result(request: &Node) -> Option<Node> {
    answer(request, "result")
}

/// Our refusal of a request of the server.
pub(in crate::session) fn error(request: &Node, code: &str, text: &str) -> Option<Node> {
    let error = Node::new("error").attr("code", code).attr("text", text);
    Some(answer(request, "error")?.with_child(error))
}

fn answer(request: &Node, kind: &str) -> Option<Node> {
    let id = request.attr_text("id")?.into_owned();
    let to = request.attr_jid("from").unwrap_or_else(Jid::server);
    Some(
        Node::new("iq")
            .attr("to", to)
            .attr("type", kind)
            .attr("id", id),
    )
}
