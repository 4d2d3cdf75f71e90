//! Phones that chat: they encrypt and decrypt with ratchets of their own.
//!
//! Between accounts only; a phone has no sender keys and reads no group messages.

use std::time::Duration;

use prost::Message as _;
use wmctl_proto::message::Message;

use crate::crypto::random::Random;
use crate::ids::Jid;
use crate::signal::bundle::Bundle;
use crate::signal::padding;
use crate::signal::ratchet::{Identity, Kind, Ratchet, parse_prekey};
use crate::sim::phone::{Phone, SENT_MAX, Undecrypted};
use crate::sim::server::SimError;
use crate::sim::world::World;
use crate::wire::node::Node;

/// A retry that was asked for this often is not answered any more.
const RETRIES_MAX: u64 = 5;

impl Phone {
    fn own(&self) -> Identity {
        Identity {
            pair: self.identity.clone(),
            registration_id: self.registration_id,
        }
    }

    /// Decrypts one ciphertext of a device; the text of the message is empty if it has none.
    pub(super) fn decrypt(
        &mut self,
        from: &Jid,
        kind: &str,
        bytes: &[u8],
        random: &mut dyn Random,
    ) -> Result<String, Undecrypted> {
        let existing = self.ratchets.get(from).cloned();
        let (ratchet, padded) = match kind {
            "pkmsg" => {
                let message = parse_prekey(bytes).map_err(|_| Undecrypted)?;
                let used = message.prekey_id;
                let one_time = used.and_then(|id| self.one_time.get(&id));
                let own = self.own();
                let accepted =
                    Ratchet::accept(existing, &own, &self.signed, one_time, &message, random);
                let accepted = accepted.map_err(|_| Undecrypted)?;
                if let Some(id) = used {
                    self.one_time.remove(&id);
                }
                accepted
            }
            "msg" => {
                let mut ratchet = existing.ok_or(Undecrypted)?;
                let padded = ratchet.decrypt_message(bytes, random);
                (ratchet, padded.map_err(|_| Undecrypted)?)
            }
            _ => return Err(Undecrypted),
        };
        self.ratchets.insert(from.clone(), ratchet);
        let plain = padding::unpad(&padded).map_err(|_| Undecrypted)?;
        let message = Message::decode(plain).map_err(|_| Undecrypted)?;
        Ok(text_of(&message))
    }

    /// Encrypts a text for a device; `bundle` starts a new ratchet.
    fn encrypt(
        &mut self,
        to: &Jid,
        text: &str,
        bundle: Option<&Bundle>,
        random: &mut dyn Random,
    ) -> Option<Node> {
        let existing = self.ratchets.get(to).cloned();
        let mut ratchet = match bundle {
            Some(bundle) => Ratchet::start(existing, &self.own(), bundle, random).ok()?,
            None => existing?,
        };
        let message = Message {
            conversation: Some(text.to_owned()),
            ..Message::default()
        };
        let padded = padding::pad(&message.encode_to_vec(), random);
        let sealed = ratchet.encrypt(&padded).ok()?;
        self.ratchets.insert(to.clone(), ratchet);
        let kind = match sealed.kind {
            Kind::PreKey => "pkmsg",
            Kind::Message => "msg",
        };
        let enc = Node::new("enc").attr("v", 2).attr("type", kind);
        Some(enc.bytes(sealed.bytes))
    }
}

fn text_of(message: &Message) -> String {
    let sent = message.device_sent_message.as_deref();
    let inner = sent.and_then(|sent| sent.message.as_deref());
    let message = inner.unwrap_or(message);
    let extended = message.extended_text_message.as_deref();
    let extended = extended.and_then(|extended| extended.text.clone());
    message
        .conversation
        .clone()
        .or(extended)
        .unwrap_or_default()
}

impl World {
    /// The phone of one account sends a text to the companions of another; gives the message's id.
    pub(super) fn phone_sends(
        &mut self,
        from: &Jid,
        to: &Jid,
        text: &str,
    ) -> Result<String, SimError> {
        let id = format!("3EB0{:018X}", self.take_id());
        let account = self.accounts.get(to).ok_or(SimError::UnknownAccount)?;
        let devices = account.companions();
        let sender = self.accounts.get_mut(from);
        let sender = sender.ok_or(SimError::UnknownAccount)?;
        sender.phone.sent.insert(id.clone(), text.to_owned());
        if SENT_MAX < sender.phone.sent.len() {
            // Ids rise, so the first is the oldest.
            sender.phone.sent.pop_first();
        }
        for device in devices {
            self.phone_sends_copy(from, &device, &id, 0);
        }
        Ok(id)
    }

    /// Sends `count` texts, one every `every`.
    pub(super) fn phone_chats(&mut self, from: Jid, to: Jid, count: u32, every: Duration) {
        if count == 0 {
            return;
        }
        if let Err(error) = self.phone_sends(&from, &to, &format!("message {count}")) {
            tracing::warn!(%error, "a chat ends early");
            return;
        }
        let next = move |world: &mut Self| world.phone_chats(from, to, count - 1, every);
        self.later(every, Box::new(next));
    }

    /// Encrypts a text that was sent before for one device; a retry starts a new ratchet.
    fn phone_sends_copy(&mut self, from: &Jid, to: &Jid, id: &str, retry: u64) {
        let known = self.accounts.get(from).map(|account| &account.phone);
        let Some(known) = known.map(|phone| phone.ratchets.contains_key(to)) else {
            return;
        };
        let bundle = (!known || 0 < retry)
            .then(|| self.take_bundle(to))
            .flatten();
        let t = self.unix_s();
        let Some(sender) = self.accounts.get_mut(from) else {
            return;
        };
        let Some(text) = sender.phone.sent.get(id).cloned() else {
            return;
        };
        let random = &mut *self.random;
        let Some(enc) = sender.phone.encrypt(to, &text, bundle.as_ref(), random) else {
            return;
        };
        let enc = enc.attr_opt("count", (0 < retry).then_some(retry));
        let node = Node::new("message")
            .attr("id", id)
            .attr("from", sender.pn(0))
            .attr("sender_lid", sender.lid(0))
            .attr("t", t)
            .attr("type", "text")
            .attr("notify", &sender.name)
            .with_child(enc);
        self.deliver(to, node);
    }

    fn take_bundle(&mut self, of: &Jid) -> Option<Bundle> {
        let device = self.accounts.device_mut(of)?;
        Some(Bundle {
            registration_id: device.keys.registration_id,
            identity: device.keys.identity,
            signed_id: device.keys.signed.id,
            signed_public: device.keys.signed.public,
            signature: device.keys.signed.signature,
            one_time: device.one_time.pop_front(),
        })
    }

    /// A phone hears that its message arrived, or that it has to encrypt it again.
    pub(super) fn phone_hears(&mut self, phone: &Jid, receipt: &Node) {
        let (Some(id), Some(from)) = (receipt.attr_text("id"), receipt.attr_jid("from")) else {
            return;
        };
        let Some(from) = self.accounts.canonical(&from) else {
            return;
        };
        if receipt.attr_is("type", "retry") {
            let count = receipt
                .child("retry")
                .and_then(|retry| retry.attr_u64("count"));
            let count = count.unwrap_or(1).max(1);
            if count <= RETRIES_MAX {
                self.phone_sends_copy(phone, &from, &id, count);
            }
        } else if let Some(account) = self.accounts.get_mut(phone) {
            let kind = receipt.attr_text("type").unwrap_or("delivery".into());
            account.phone.hear(&id, &from, &kind);
        }
    }
}
