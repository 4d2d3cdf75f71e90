//! Acks that are held back until the server has confirmed our answer to the stanza.
//!
//! An acked stanza never arrives again. Two kinds of answer are not stored anywhere. One is the
//! retry receipt for a message that we could not decrypt. The other is a message that we send again
//! to a device that could not decrypt it. Until the server confirms such an answer, the stanza that
//! caused it stays unacked. If the answer is lost, the server delivers that stanza after the next
//! login, and it is answered again.

use std::collections::VecDeque;

use crate::ids::Jid;
use crate::session::messages::ack::ack;
use crate::wire::node::Node;

/// Maximum number of held acks. Beyond it, the oldest is dropped and its stanza arrives again.
const OWED_MAX: usize = 4_096;

/// Held acks, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct DeferredAcks(VecDeque<Waiting>);

#[derive(Clone, Debug)]
struct Waiting {
    /// The tag of our answer.
    class: String,
    /// The id of our answer, which equals the id of the message concerned.
    id: String,
    /// The recipient of our answer in a group.
    participant: Option<Jid>,
    ack: Node,
}

impl DeferredAcks {
    /// Holds back the ack for `cause` until the server confirms `answer`.
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

    /// Removes and returns the ack that a confirmation releases. If the confirmation names no
    /// participant, answers count as confirmed in the order in which they were sent.
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
