//! Acks that wait until the server has taken what we answered a stanza with.
//!
//! A stanza that was acked never comes again. Two answers are stored nowhere: the request for a
//! message that we could not read, and a message sent again to somebody who could not read it.
//! Until the server confirms such an answer its cause stays unacked, so that an answer that is lost
//! on the way is given anew after the next login.

use std::collections::VecDeque;

use crate::ids::Jid;
use crate::session::messages::ack::ack;
use crate::wire::node::Node;

/// Most acks that wait at a time. Beyond that the oldest stanzas are left to come again.
const OWED_MAX: usize = 4_096;

/// The acks that wait, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Owed(VecDeque<Waiting>);

#[derive(Clone, Debug)]
struct Waiting {
    /// The tag of our answer.
    class: String,
    /// The id of our answer, which is that of the message that it is about.
    id: String,
    /// Whom our answer is for, in a group.
    participant: Option<Jid>,
    ack: Node,
}

impl Owed {
    /// Keeps the ack of `cause` back until the server has `answer`.
    pub(super) fn push(&mut self, cause: &Node, answer: &Node) {
        let (Some(id), Some(ack)) = (answer.attr_text("id"), ack(cause, None)) else {
            return;
        };
        if OWED_MAX <= self.0.len() {
            self.0.pop_front();
        }
        self.0.push_back(Waiting {
            class: answer.tag.clone(),
            id: id.into_owned(),
            participant: answer.attr_jid("participant"),
            ack,
        });
    }

    /// The ack that the server's word about an answer sets free. Where it does not say whom the
    /// answer was for, answers are confirmed in the order in which they left.
    pub(super) fn take(
        &mut self,
        class: &str,
        id: &str,
        participant: Option<&Jid>,
    ) -> Option<Node> {
        let fits = |waiting: &Waiting| waiting.class == class && waiting.id == id;
        let exact = |waiting: &Waiting| {
            fits(waiting) && participant.is_some() && waiting.participant.as_ref() == participant
        };
        let at = self.0.iter().position(exact);
        let at = at.or_else(|| self.0.iter().position(fits))?;
        self.0.remove(at).map(|waiting| waiting.ack)
    }
}
