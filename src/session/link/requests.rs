//! Requests (`iq`) to the server that wait for an answer.
//!
//! Answers are matched by id alone. Each request has a deadline, and the number of pending requests
//! is limited.

use std::collections::BTreeMap;

use crate::appstate::Collection;
use crate::crypto::random::{self, Random};
use crate::ids::Jid;
use crate::session::input::Input;
use crate::wire::node::Node;

/// Maximum number of pending requests. A send that needs one more has to wait.
pub(in crate::session) const PENDING_MAX: usize = 128;
/// Maximum number of inputs that wait for the same answer.
const WAITING_MAX: usize = 4_096;
/// Maximum time for an answer, in ms. Login and sends depend on it.
pub(in crate::session) const ANSWER_MS_MAX: u64 = 30_000;

/// A pending request, with everything that is needed to handle its answer.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::session) enum Query {
    /// The number of one-time pre-keys left on the server. `login` is true if login waits for it.
    PreKeyCount { login: bool },
    /// What the server has of our keys; login waits for it.
    KeyDigest,
    /// The upload of pre-keys up to and including this id.
    PreKeyUpload { up_to: u32, login: bool },
    /// The switch to active, the last step of login.
    Active,
    /// A keepalive ping.
    Ping,
    /// The device lists of these users (JIDs without device).
    Devices {
        users: Vec<Jid>,
        waiting: Vec<Input>,
    },
    /// The pre-key bundles of these devices, by their wire address.
    Bundles {
        devices: Vec<Jid>,
        waiting: Vec<Input>,
    },
    /// The participants and addressing mode of a group.
    Group { group: Jid, waiting: Vec<Input> },
    /// App state collections.
    AppState(Vec<Collection>),
    /// The removal of our own device from the account.
    Logout,
    /// A request whose answer has no effect.
    Ignored,
}

impl Query {
    /// Returns whether it requests the devices of this user.
    pub(in crate::session) fn is_for_devices_of(&self, user: &Jid) -> bool {
        matches!(self, Self::Devices { users, .. } if users.contains(user))
    }

    /// Returns whether it requests the bundle of this device.
    pub(in crate::session) fn is_for_bundle_of(&self, device: &Jid) -> bool {
        matches!(self, Self::Bundles { devices, .. } if devices.contains(device))
    }

    /// Returns whether it requests this group.
    pub(in crate::session) fn is_for_group(&self, wanted: &Jid) -> bool {
        matches!(self, Self::Group { group, .. } if group == wanted)
    }

    /// Returns the inputs that wait for the answer, if this kind of request has any.
    pub(in crate::session) fn waiting(&mut self) -> Option<&mut Vec<Input>> {
        match self {
            Self::Devices { waiting, .. }
            | Self::Bundles { waiting, .. }
            | Self::Group { waiting, .. } => Some(waiting),
            _ => None,
        }
    }
}

/// All pending requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::session) struct Pending {
    prefix: String,
    asked: u64,
    queries: BTreeMap<String, (u64, Query)>,
}

impl Pending {
    /// Resets for a new link, with a random prefix for request ids.
    /// Source: whatsmeow 33cfac51 `client.go` (`uniqueIDPrefix`).
    pub(in crate::session) fn start(&mut self, rng: &mut dyn Random) {
        let [a, b] = random::bytes(rng);
        *self = Self {
            prefix: format!("{a}.{b}"),
            ..Self::default()
        };
    }

    /// Returns an id that is unique on this link.
    pub(in crate::session) fn next_id(&mut self) -> String {
        self.asked += 1;
        format!("{}-{}", self.prefix, self.asked)
    }

    /// Returns whether another request may be sent.
    pub(in crate::session) fn has_room(&self) -> bool {
        self.queries.len() < PENDING_MAX
    }

    /// Registers a request and returns its stanza; `None` if too many are pending.
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

    /// Removes and returns the request with this id.
    pub(in crate::session) fn answered(&mut self, id: &str) -> Option<Query> {
        self.queries.remove(id).map(|(_, query)| query)
    }

    /// Whether the request with this id asks what the server has of our keys.
    pub(in crate::session) fn is_for_keys(&self, id: &str) -> bool {
        matches!(self.queries.get(id), Some((_, Query::KeyDigest)))
    }

    /// Returns the inputs that wait for the answer with this id.
    pub(in crate::session) fn waiting_for(&self, id: &str) -> Option<&[Input]> {
        match &self.queries.get(id)?.1 {
            Query::Devices { waiting, .. }
            | Query::Bundles { waiting, .. }
            | Query::Group { waiting, .. } => Some(waiting),
            _ => None,
        }
    }

    /// Removes and returns one request whose deadline has passed.
    pub(in crate::session) fn overdue(&mut self, now: u64) -> Option<Query> {
        let id = self
            .queries
            .iter()
            .find(|(_, (deadline, _))| *deadline <= now)?
            .0
            .clone();
        self.answered(&id)
    }

    /// Returns the earliest deadline, in monotonic ms.
    pub(in crate::session) fn wake_at(&self) -> Option<u64> {
        self.queries.values().map(|(deadline, _)| *deadline).min()
    }

    /// Adds `input` to a pending request that satisfies `fits` and has room. Returns whether it
    /// did.
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

    /// Returns whether a pending request satisfies `fits`.
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
    /// Creates a request that reads from the server.
    pub(in crate::session) fn get(xmlns: &'static str, children: Vec<Node>) -> Self {
        Self {
            xmlns,
            kind: "get",
            to: Jid::server(),
            children,
        }
    }

    /// Creates a request that changes something on the server.
    pub(in crate::session) fn set(xmlns: &'static str, children: Vec<Node>) -> Self {
        Self {
            xmlns,
            kind: "set",
            to: Jid::server(),
            children,
        }
    }
}

/// Returns the error code of an answer, or `None` if it reports success.
///
/// The `type` attribute alone is not trusted: an `error` child also makes the answer a refusal.
pub(in crate::session) fn refusal(answer: &Node) -> Option<u32> {
    let code = |node: &Node| node.attr_u64("code").and_then(|code| code.try_into().ok());
    match answer.child("error") {
        Some(error) => Some(code(error).unwrap_or(500)),
        None if answer.attr_text("type").as_deref() == Some("error") => Some(500),
        None => None,
    }
}

/// Returns an empty `result` for a request of the server.
pub(in crate::session) fn result(request: &Node) -> Option<Node> {
    answer(request, "result")
}

/// Returns an `error` for a request of the server.
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
