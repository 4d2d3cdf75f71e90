//! Phones that request a message again because they could not decrypt it.

use crate::ids::Jid;
use crate::sim::queries;
use crate::sim::world::World;
use crate::wire::node::Node;

/// Maximum number of requests for one message.
const ASKS_MAX: u32 = 5;

impl World {
    /// Sends a retry receipt with fresh keys to the device that wrote `message`, unless the phone
    /// has reached the limit of requests.
    pub(super) fn phone_asks_again(&mut self, phone: &Jid, sender: &Jid, message: &Node) {
        let (Some(id), Some(chat)) = (message.attr_text("id"), message.attr_jid("from")) else {
            return;
        };
        let t = message.attr_text("t").unwrap_or_default().into_owned();
        let participant = message.attr_jid("participant").filter(|_| chat.is_group());
        let Some(account) = self.accounts.get_mut(phone) else {
            return;
        };
        let asked = account.phone.asked.entry((sender.clone(), id.to_string()));
        let asked = asked.or_default();
        if *asked == ASKS_MAX {
            return;
        }
        *asked += 1;
        let retry = Node::new("retry")
            .attr("count", *asked)
            .attr("id", &*id)
            .attr("t", t)
            .attr("v", 1);
        let one_time = account.phone.make_keys(1, &mut *self.random);
        let published = account.phone.published();
        let registration = published.registration_id.to_be_bytes();
        let receipt = Node::new("receipt")
            .attr("id", &*id)
            .attr("to", &chat)
            .attr_opt("participant", participant)
            .attr("type", "retry")
            .with_child(retry)
            .with_child(Node::new("registration").bytes(registration))
            .with_child(queries::retry_keys(&published, &one_time));
        let phone = phone.clone();
        self.forward_receipt(&phone, &receipt);
    }
}
