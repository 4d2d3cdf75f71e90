//! Answers whose cause is acknowledged once the server has them.

use crate::session::machine::Session;
use crate::session::messages::ack::TROUBLE;
use crate::session::unit::Unit;
use crate::wire::node::Node;

impl Session {
    /// Sends `answer` to `cause`, and acks `cause` once the server has it.
    pub(in crate::session) fn answer_then_ack(
        &mut self,
        unit: &mut Unit<'_>,
        cause: &Node,
        answer: Node,
    ) {
        self.owed.push(cause, &answer);
        unit.transmit(answer);
    }

    /// The server took an answer: its cause need not come again.
    pub(in crate::session) fn pay(&mut self, unit: &mut Unit<'_>, confirmation: &Node) {
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

    /// A readable copy of a message came: nobody waits for the first one any more.
    pub(in crate::session) fn came_again(&mut self, unit: &mut Unit<'_>, id: &str) {
        unit.out
            .transmit
            .extend(self.owed.take("receipt", id, None));
    }
}
