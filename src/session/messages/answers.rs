//! Answers whose causing stanza is acked only after the server has confirmed the answer.

use crate::session::machine::Session;
use crate::session::messages::ack::TROUBLE;
use crate::session::unit::WorkContext;
use crate::wire::node::Node;

impl Session {
    /// Sends `answer`, and acks `cause` once the server confirms it.
    pub(in crate::session) fn answer_then_ack(
        &mut self,
        unit: &mut WorkContext<'_>,
        cause: &Node,
        answer: Node,
    ) {
        self.owed.push(cause, &answer);
        unit.transmit(answer);
    }

    /// Releases the ack whose answer the server confirmed.
    pub(in crate::session) fn pay(&mut self, unit: &mut WorkContext<'_>, confirmation: &Node) {
        let (Some(class), Some(id)) = (
            confirmation.attr_text("class"),
            confirmation.attr_text("id"),
        ) else {
            return;
        };
        let trouble = confirmation.attr_u64("error");
        if trouble.is_some_and(|code| TROUBLE <= code) {
            return;
        }
        let participant = confirmation.attr_jid("participant");
        unit.out
            .transmit
            .extend(self.owed.take(&class, &id, participant.as_ref()));
    }

    /// Releases the ack of an unreadable copy after a readable copy arrived.
    pub(in crate::session) fn came_again(&mut self, unit: &mut WorkContext<'_>, id: &str) {
        unit.out
            .transmit
            .extend(self.owed.take("receipt", id, None));
    }
}
