//! Phones that chat. They encrypt and decrypt with their own ratchets and sender keys.

use std::time::Duration;

use prost::Message as _;
use wmctl_proto::message::Message;

use crate::crypto::random::Random;
use crate::ids::Jid;
use crate::signal::bundle::Bundle;
use crate::signal::error::RatchetError;
use crate::signal::padding;
use crate::signal::ratchet::{Ratchet, parse_prekey};
use crate::signal::sealed::{Identity, Kind};
use crate::sim::error::SimError;
use crate::sim::phone::{Phone, SENT_MAX, Sent, Undecrypted};
use crate::sim::world::World;
use crate::wire::node::Node;

/// Highest retry count that is still answered.
const RETRIES_MAX: u64 = 5;

impl From<RatchetError> for Undecrypted {
    fn from(error: RatchetError) -> Self {
        match error {
            RatchetError::Duplicate { .. } => Self::Again,
            _ => Self::Unreadable,
        }
    }
}

impl Phone {
    fn own(&self) -> Identity {
        Identity {
            pair: self.identity.clone(),
            registration_id: self.registration_id,
        }
    }

    /// Decrypts one ciphertext from a device. Returns an empty text for a message without text.
    /// Stores a sender key that the message contains.
    pub(super) fn decrypt(
        &mut self,
        group: Option<&Jid>,
        from: &Jid,
        kind: &str,
        bytes: &[u8],
        random: &mut dyn Random,
    ) -> Result<String, Undecrypted> {
        let padded = match kind {
            "skmsg" => self.open_group(group.ok_or(Undecrypted::Unreadable)?, from, bytes)?,
            _ => self.open_ratchet(from, kind, bytes, random)?,
        };
        let plain = padding::unpad(&padded).map_err(|_| Undecrypted::Unreadable)?;
        let message = Message::decode(plain).map_err(|_| Undecrypted::Unreadable)?;
        self.take_group_key(from, &message);
        // Some clients wrap requests to their own phone as a copy of a sent message.
        let protocol = content_of(&message).protocol_message.as_ref();
        self.keys_asked |=
            protocol.is_some_and(|message| message.app_state_sync_key_request.is_some());
        self.messages_asked = protocol
            .and_then(|message| message.peer_data_operation_request_message.clone())
            .or(self.messages_asked.take());
        Ok(text_of(&message))
    }

    fn open_ratchet(
        &mut self,
        from: &Jid,
        kind: &str,
        bytes: &[u8],
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, Undecrypted> {
        let existing = self.ratchets.get(from).cloned();
        let (ratchet, padded) = match kind {
            "pkmsg" => {
                let message = parse_prekey(bytes)?;
                let used = message.prekey_id;
                let one_time = used.and_then(|id| self.one_time.get(&id));
                let own = self.own();
                let accepted =
                    Ratchet::accept(existing, &own, &self.signed, one_time, &message, random)?;
                if let Some(id) = used {
                    self.one_time.remove(&id);
                }
                accepted
            }
            "msg" => {
                let mut ratchet = existing.ok_or(Undecrypted::Unreadable)?;
                let padded = ratchet.decrypt_message(bytes, random)?;
                (ratchet, padded)
            }
            _ => return Err(Undecrypted::Unreadable),
        };
        self.ratchets.insert(from.clone(), ratchet);
        Ok(padded)
    }

    /// Encrypts a message for a device. A `bundle` starts a new Signal session.
    pub(super) fn encrypt(
        &mut self,
        to: &Jid,
        message: &Message,
        bundle: Option<&Bundle>,
        random: &mut dyn Random,
    ) -> Option<Node> {
        let existing = self.ratchets.get(to).cloned();
        let mut ratchet = match bundle {
            Some(bundle) => Ratchet::start(existing, &self.own(), bundle, random).ok()?,
            None => existing?,
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

/// Returns a message that contains only a text.
pub(super) fn text_message(text: &str) -> Message {
    Message {
        conversation: Some(text.to_owned()),
        ..Message::default()
    }
}

/// Returns the message, or the message inside a `deviceSentMessage`.
fn content_of(message: &Message) -> &Message {
    let sent = message.device_sent_message.as_deref();
    let inner = sent.and_then(|sent| sent.message.as_deref());
    inner.unwrap_or(message)
}

fn text_of(message: &Message) -> String {
    let message = content_of(message);
    let extended = message.extended_text_message.as_deref();
    let extended = extended.and_then(|extended| extended.text.clone());
    message
        .conversation
        .clone()
        .or(extended)
        .unwrap_or_default()
}

impl World {
    /// Sends a text from one account's phone to the companions of another account, or to a group.
    /// Returns the message id.
    pub(super) fn phone_sends(
        &mut self,
        from: &Jid,
        to: &Jid,
        text: &str,
    ) -> Result<String, SimError> {
        let id = format!("3EB0{:018X}", self.take_id());
        let group = to.is_group().then(|| to.clone());
        let devices = match &group {
            Some(group) => self.readers(group, from)?,
            None => {
                let account = self.accounts.get(to).ok_or(SimError::UnknownAccount)?;
                account.companions()
            }
        };
        let sender = self.accounts.get_mut(from);
        let sender = sender.ok_or(SimError::UnknownAccount)?;
        let sent = Sent {
            text: text.to_owned(),
            group: group.clone(),
        };
        sender.phone.sent.insert(id.clone(), sent);
        if SENT_MAX < sender.phone.sent.len() {
            // Ids rise, so the first is the oldest.
            sender.phone.sent.pop_first();
        }
        match group {
            Some(group) => self.phone_sends_group(from, &group, &devices, &id, text),
            None => {
                for device in devices {
                    self.phone_sends_copy(from, &device, &id, 0);
                }
            }
        }
        Ok(id)
    }

    /// Sends `count` texts, one per `every`.
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

    /// Encrypts an earlier text again for one device. A retry starts a new Signal session.
    fn phone_sends_copy(&mut self, from: &Jid, to: &Jid, id: &str, retry: u64) {
        let Some(sender) = self.accounts.get(from) else {
            return;
        };
        let Some(sent) = sender.phone.sent.get(id).cloned() else {
            return;
        };
        let mut message = text_message(&sent.text);
        if let Some(group) = &sent.group {
            message.sender_key_distribution_message = sender.phone.distribution(group);
        }
        let Some(enc) = self.phone_encrypts(from, to, &message, 0 < retry) else {
            return;
        };
        let enc = enc.attr_opt("count", (0 < retry).then_some(retry));
        if let Some(node) = self.phone_message(from, sent.group.as_ref(), id) {
            self.deliver(to, node.with_child(enc));
        }
    }

    /// Encrypts a phone's message for a device. Starts a new Signal session if `fresh` is set or
    /// none exists.
    pub(super) fn phone_encrypts(
        &mut self,
        from: &Jid,
        to: &Jid,
        message: &Message,
        fresh: bool,
    ) -> Option<Node> {
        let known = &self.accounts.get(from)?.phone.ratchets;
        let bundle = (fresh || !known.contains_key(to))
            .then(|| self.take_bundle(to))
            .flatten();
        let sender = self.accounts.get_mut(from)?;
        let random = &mut *self.random;
        sender.phone.encrypt(to, message, bundle.as_ref(), random)
    }

    /// Returns a phone's message as its readers see it, without ciphertexts.
    pub(super) fn phone_message(&self, from: &Jid, group: Option<&Jid>, id: &str) -> Option<Node> {
        let sender = self.accounts.get(from)?;
        let (pn, lid) = (sender.pn(0), sender.lid(0));
        let node = Node::new("message").attr("id", id);
        let node = match group {
            Some(group) => self.with_member(node.attr("from", group), group, pn, lid),
            None => node.attr("from", pn).attr("sender_lid", lid),
        };
        let node = node.attr("t", self.unix_s()).attr("type", "text");
        Some(node.attr("notify", &sender.name))
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

    /// Handles a receipt for a phone's message, including a retry request.
    pub(super) fn phone_hears(&mut self, phone: &Jid, receipt: &Node) {
        let from = receipt.attr_jid("participant");
        let from = from.or_else(|| receipt.attr_jid("from"));
        let (Some(id), Some(from)) = (receipt.attr_text("id"), from) else {
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
            if count <= RETRIES_MAX && from.same_account(phone) {
                // A phone's other messages to its own companions contain app state keys.
                if !self.phone_answers(&from, &id, true) {
                    self.share_app_state_keys(&from, true);
                }
            } else if count <= RETRIES_MAX {
                self.phone_sends_copy(phone, &from, &id, count);
            }
        } else if let Some(account) = self.accounts.get_mut(phone) {
            let kind = receipt.attr_text("type").unwrap_or("delivery".into());
            account.phone.hear(&id, &from, &kind);
        }
    }
}
