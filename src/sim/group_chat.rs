//! Phones that chat in groups. Each sends its sender key once to every device of the members.

use std::collections::BTreeSet;

use wmctl_proto::message::{Message, SenderKeyDistributionMessage};

use crate::crypto::random::Random;
use crate::ids::Jid;
use crate::signal::padding;
use crate::signal::sender_key::{SenderKey, SenderKeyError};
use crate::sim::contact::text_message;
use crate::sim::error::SimError;
use crate::sim::phone::{GroupKey, Phone, Undecrypted};
use crate::sim::world::World;
use crate::wire::node::Node;

impl From<SenderKeyError> for Undecrypted {
    fn from(error: SenderKeyError) -> Self {
        match error {
            SenderKeyError::Duplicate { .. } => Self::Again,
            _ => Self::Unreadable,
        }
    }
}

impl Phone {
    /// Decrypts a group message from a device.
    pub(super) fn open_group(
        &mut self,
        group: &Jid,
        from: &Jid,
        bytes: &[u8],
    ) -> Result<Vec<u8>, Undecrypted> {
        let key = self.sender_keys.get_mut(&(group.clone(), from.clone()));
        Ok(key.ok_or(Undecrypted::Unreadable)?.decrypt(bytes)?)
    }

    /// Stores a sender key that came with a message.
    pub(super) fn take_group_key(&mut self, from: &Jid, message: &Message) {
        let Some(given) = &message.sender_key_distribution_message else {
            return;
        };
        let group = given.group_id.as_deref().and_then(|id| id.parse().ok());
        let key = given.axolotl_sender_key_distribution_message.as_deref();
        let Some((group, key)) = group.zip(key) else {
            return;
        };
        let known = self.sender_keys.entry((group, from.clone())).or_default();
        if let Err(error) = known.accept(key) {
            tracing::warn!(%error, "a sender key is unusable");
        }
    }

    /// Returns this phone's sender key distribution message, valid from the next message on.
    pub(super) fn distribution(&self, group: &Jid) -> Option<SenderKeyDistributionMessage> {
        let key = self.group_keys.get(group)?.key.distribution().ok()?;
        Some(SenderKeyDistributionMessage {
            group_id: Some(group.to_string()),
            axolotl_sender_key_distribution_message: Some(key),
        })
    }

    /// Returns the devices that lack this phone's sender key. Replaces the key if a device that has
    /// it left the group.
    fn without_key(&mut self, group: &Jid, readers: &[Jid], random: &mut dyn Random) -> Vec<Jid> {
        let all: BTreeSet<Jid> = readers.iter().cloned().collect();
        let kept = self.group_keys.get(group);
        if kept.is_none_or(|known| !known.given.is_subset(&all)) {
            let fresh = GroupKey {
                key: SenderKey::create(random),
                given: BTreeSet::new(),
            };
            self.group_keys.insert(group.clone(), fresh);
        }
        let given = self.group_keys.get(group).map(|known| &known.given);
        let lacks = |device: &&Jid| given.is_none_or(|given| !given.contains(*device));
        readers.iter().filter(lacks).cloned().collect()
    }

    /// Encrypts a text once for all members.
    fn encrypt_group(&mut self, group: &Jid, text: &str, random: &mut dyn Random) -> Option<Node> {
        use prost::Message as _;
        let padded = padding::pad(&text_message(text).encode_to_vec(), random);
        let known = self.group_keys.get_mut(group)?;
        let sealed = known.key.encrypt(&padded, random).ok()?;
        let enc = Node::new("enc").attr("v", 2).attr("type", "skmsg");
        Some(enc.bytes(sealed))
    }
}

impl World {
    /// Returns the devices that read a phone's messages to a group.
    pub(super) fn readers(&self, group: &Jid, from: &Jid) -> Result<Vec<Jid>, SimError> {
        let found = self.groups.get(group).ok_or(SimError::UnknownGroup)?;
        if !found.members.contains(&from.bare()) {
            return Err(SimError::NotInGroup);
        }
        let all = self.group_devices(group).into_iter();
        Ok(all.filter(|device| device != from).collect())
    }

    pub(super) fn phone_sends_group(
        &mut self,
        from: &Jid,
        group: &Jid,
        readers: &[Jid],
        id: &str,
        text: &str,
    ) {
        let Some(sender) = self.accounts.get_mut(from) else {
            return;
        };
        let lacking = sender.phone.without_key(group, readers, &mut *self.random);
        let hand_over = Message {
            sender_key_distribution_message: sender.phone.distribution(group),
            ..Message::default()
        };
        let common = sender.phone.encrypt_group(group, text, &mut *self.random);
        let node = self.phone_message(from, Some(group), id);
        let (Some(common), Some(node)) = (common, node) else {
            return;
        };
        for device in readers {
            let mut node = node.clone();
            if lacking.contains(device) {
                let Some(enc) = self.phone_encrypts(from, device, &hand_over, false) else {
                    continue;
                };
                node.push(enc);
                self.note_given(from, group, device);
            }
            self.deliver(device, node.with_child(common.clone()));
        }
    }

    fn note_given(&mut self, from: &Jid, group: &Jid, device: &Jid) {
        if let Some(account) = self.accounts.get_mut(from)
            && let Some(known) = account.phone.group_keys.get_mut(group)
        {
            known.given.insert(device.clone());
        }
    }
}
