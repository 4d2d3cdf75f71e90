//! Routes messages and receipts between devices.

use std::collections::BTreeSet;

use crate::crypto::hash;
use crate::ids::{Jid, Server};
use crate::sim::journal::Breach;
use crate::sim::link::LinkId;
use crate::sim::phone::Undecrypted;
use crate::sim::stanza;
use crate::sim::world::World;
use crate::wire::encode;
use crate::wire::node::Node;

/// Attributes of a message that its receivers see unchanged.
const PASSED_ON: [&str; 3] = ["type", "edit", "category"];

/// A ciphertext for one device.
struct Copy {
    /// By phone number.
    to: Jid,
    sealed: Vec<Node>,
}

impl World {
    /// Acknowledges a device's message and delivers it to its recipients.
    pub(super) fn route_message(&mut self, link: LinkId, from: &Jid, message: &Node) {
        let (Some(id), Some(to)) = (message.attr_text("id"), message.attr_jid("to")) else {
            return;
        };
        let id = id.into_owned();
        let ack = Node::new("ack")
            .attr("class", "message")
            .attr("id", &id)
            .attr("from", &to)
            .attr_opt("participant", message.attr_text("participant"))
            .attr("t", self.unix_s());
        if matches!(to.server, Server::Broadcast | Server::Newsletter) {
            return self.send(link, ack.attr("error", 501));
        }
        self.send(link, ack);
        let copies = if to.is_group() {
            self.group_copies(from, &to, message)
        } else {
            self.direct_copies(&to, message)
        };
        if self.is_news(from, &to, message, &copies) {
            if !self.retried.contains_key(&(from.clone(), id.clone())) {
                // Only the first transmission must cover all devices.
                self.find_missed(from, &to, &id, message, &copies);
            }
            for copy in copies {
                self.carry(from, &to, message, copy);
            }
        }
    }

    /// Returns whether the message is neither a repetition nor an unrequested re-encryption.
    fn is_news(&mut self, from: &Jid, to: &Jid, message: &Node, copies: &[Copy]) -> bool {
        let id = message.attr_text("id").unwrap_or_default();
        let key = (from.clone(), id.into_owned());
        let digest = hash::sha256(&[&encode::encode(message)]);
        match self.sent.get(&key).copied() {
            None => {
                self.sent.insert(key, digest);
                true
            }
            Some(first) if first == digest => false,
            // Some clients encrypt again for the whole group when one member asks.
            Some(_) if to.is_group() && self.retried.contains_key(&key) => true,
            // A retry for devices that asked for it.
            Some(_) if copies.iter().all(|copy| self.has_asked(&key, &copy.to)) => true,
            Some(_) => {
                let (device, id) = key;
                self.journal.breach(Breach::OtherCiphertext { device, id });
                false
            }
        }
    }

    /// Returns whether a device asked for a retry of this message.
    fn has_asked(&self, message: &(Jid, String), device: &Jid) -> bool {
        let asked = self.retried.get(message);
        asked.is_some_and(|asked| asked.contains(device))
    }

    /// Returns the copies of a message to an account: one per participant, or a single one for a
    /// retry.
    fn direct_copies(&self, to: &Jid, message: &Node) -> Vec<Copy> {
        let Some(participants) = message.child("participants") else {
            let sealed: Vec<Node> = message.children_named("enc").cloned().collect();
            let to = self.accounts.canonical(to);
            return to
                .into_iter()
                .map(|to| Copy {
                    to,
                    sealed: sealed.clone(),
                })
                .collect();
        };
        let copy = |node: &Node| {
            let to = self.accounts.canonical(&node.attr_jid("jid")?)?;
            let sealed = node.children_named("enc").cloned().collect();
            Some(Copy { to, sealed })
        };
        participants.children_named("to").filter_map(copy).collect()
    }

    /// Returns the copies of a group message: the sender key for devices that lack it, then the
    /// message.
    fn group_copies(&self, from: &Jid, to: &Jid, message: &Node) -> Vec<Copy> {
        let common: Vec<Node> = message.children_named("enc").cloned().collect();
        let only = message.attr_jid("participant");
        if let Some(only) = only {
            let to = self.accounts.canonical(&only);
            return to
                .into_iter()
                .map(|to| Copy {
                    to,
                    sealed: common.clone(),
                })
                .collect();
        }
        let named = self.direct_copies(to, message);
        let own = |device: &Jid| named.iter().find(|copy| copy.to == *device);
        self.group_devices(to)
            .into_iter()
            .filter(|device| device != from)
            .map(|device| {
                let mut sealed = own(&device).map_or_else(Vec::new, |copy| copy.sealed.clone());
                sealed.extend(common.iter().cloned());
                Copy { to: device, sealed }
            })
            .collect()
    }

    /// Records a breach for every device of the recipient that has no copy.
    fn find_missed(&mut self, from: &Jid, to: &Jid, id: &str, message: &Node, copies: &[Copy]) {
        let whole = message.child("participants").is_some() && !to.is_group();
        let Some(account) = self.accounts.get(to).filter(|_| whole) else {
            return;
        };
        let given: BTreeSet<&Jid> = copies.iter().map(|copy| &copy.to).collect();
        let devices = account.devices.keys().map(|number| account.pn(*number));
        let missed: Vec<Jid> = devices
            .filter(|device| device != from && !given.contains(device))
            .collect();
        for missed in missed {
            self.journal.breach(Breach::DeviceMissed {
                device: from.clone(),
                id: id.to_owned(),
                missed,
            });
        }
    }

    /// Delivers one copy to its device. The sender's JID keeps the kind that the sender used.
    fn carry(&mut self, from: &Jid, chat: &Jid, message: &Node, copy: Copy) {
        for enc in &copy.sealed {
            let kind = enc.attr_text("type").unwrap_or_default();
            let bytes = enc.content_bytes().unwrap_or_default();
            self.journal.check_ciphertext(from, &copy.to, &kind, bytes);
        }
        let Some(sender) = self.accounts.get(from) else {
            return;
        };
        let (pn, lid) = (sender.pn(from.device), sender.lid(from.device));
        let mut node = Node::new("message").attr_opt("id", message.attr_text("id"));
        node = match chat.server {
            Server::Group => self.with_member(node.attr("from", chat), chat, pn, lid),
            Server::Lid => node.attr("from", lid).attr("sender_pn", pn.bare()),
            _ => node.attr("from", pn).attr("sender_lid", lid.bare()),
        };
        let own_copy = copy.to.same_account(from) && !chat.is_group();
        let peer = message.attr_is("category", "peer");
        if own_copy && !peer {
            node = node.attr("recipient", chat.bare());
            let recipient = self.accounts.get(chat).filter(|_| chat.is_lid());
            node = node.attr_opt("peer_recipient_pn", recipient.map(|account| account.pn(0)));
        }
        node = node.attr("t", self.unix_s()).attr("notify", &sender.name);
        for name in PASSED_ON {
            node = node.attr_opt(name, message.attr_text(name));
        }
        let first_contact = copy.sealed.iter().any(|enc| enc.attr_is("type", "pkmsg"));
        node = node.with_children(copy.sealed);
        if let Some(identity) = message.child("device-identity").filter(|_| first_contact) {
            node.push(identity.clone());
        }
        self.deliver(&copy.to, node);
    }

    /// Sends a stanza to a device that is connected, and queues it until it is confirmed. Phones
    /// process it at once.
    pub(super) fn deliver(&mut self, to: &Jid, node: Node) {
        if node.tag == "message" {
            self.meet(to, &node);
        }
        if to.device == 0 {
            return self.reach_phone(to, &node);
        }
        let Some(device) = self.accounts.device_mut(to) else {
            return;
        };
        let link = device.link;
        device.queue.push(node.clone(), link);
        if let Some(link) = link {
            self.send(link, node);
        }
    }

    /// Records that two accounts exchanged a message.
    fn meet(&mut self, to: &Jid, message: &Node) {
        let sender = message.attr_jid("participant").or(message.attr_jid("from"));
        let sender = sender.and_then(|sender| self.accounts.canonical(&sender));
        let Some(sender) = sender.filter(|sender| !sender.same_account(to)) else {
            return;
        };
        for (one, other) in [(to, &sender), (&sender, to)] {
            if let Some(account) = self.accounts.get_mut(one)
                && !account.contacts.contains(&other.user)
            {
                account.contacts.insert(other.user.clone());
            }
        }
    }

    /// Returns the companions of all accounts with which this one exchanged messages.
    pub(super) fn companions_of_contacts(&self, of: &Jid) -> Vec<Jid> {
        let contacts = self.accounts.get(of).map(|account| &account.contacts);
        contacts
            .into_iter()
            .flatten()
            .filter_map(|number| self.accounts.get(&Jid::user(number)))
            .flat_map(|account| account.companions())
            .collect()
    }

    fn reach_phone(&mut self, phone: &Jid, node: &Node) {
        if node.tag == "receipt" {
            return self.phone_hears(phone, node);
        }
        let from = node.attr_jid("from");
        let sender = node.attr_jid("participant").or(from.clone());
        let device = sender.as_ref().and_then(|jid| self.accounts.canonical(jid));
        let (Some(chat), Some(sender), Some(device)) = (from, sender, device) else {
            return;
        };
        let Some(account) = self
            .accounts
            .get_mut(phone)
            .filter(|_| node.tag == "message")
        else {
            return;
        };
        let read = account.phone.receive(node, &device, &mut *self.random);
        let asked = std::mem::take(&mut account.phone.keys_asked);
        let request = account.phone.messages_asked.take();
        if device.same_account(phone) {
            if asked {
                self.app_state_keys_asked(&device);
            }
            if let (Some(request), Some(id)) = (request, node.attr_text("id")) {
                self.messages_asked(&device, &id, &request);
            }
            return;
        }
        let phone = phone.clone();
        match read {
            Ok(()) => (),
            // Confirm it anyway: the first receipt may be lost.
            Err(Undecrypted::Again) => (),
            Err(Undecrypted::Unreadable) => {
                return self.phone_asks_again(&phone, &device, node);
            }
        }
        let receipt = Node::new("receipt")
            .attr_opt("id", node.attr_text("id"))
            .attr("to", &chat)
            .attr_opt("participant", chat.is_group().then_some(&sender));
        self.forward_receipt(&phone, &receipt);
    }

    /// Handles a device's receipt: removes confirmed messages from the queue and forwards the
    /// receipt.
    pub(super) fn route_receipt(&mut self, link: LinkId, from: &Jid, receipt: &Node) {
        let (Some(id), Some(to)) = (receipt.attr_text("id"), receipt.attr_jid("to")) else {
            return;
        };
        let kind = receipt.attr_text("type");
        let ack = Node::new("ack")
            .attr("class", "receipt")
            .attr("id", &*id)
            .attr("from", &to)
            .attr_opt("participant", receipt.attr_text("participant"))
            .attr_opt("type", kind.clone());
        // A message that could not be decrypted stays queued until it is acked.
        let read = kind.as_deref() != Some("retry");
        if let Some(device) = self.accounts.device_mut(from).filter(|_| read) {
            let listed = receipt
                .child("list")
                .map(Node::children)
                .unwrap_or_default();
            let more = listed.iter().filter_map(|item| item.attr_text("id"));
            for id in more.chain([id.clone()]) {
                device.queue.settle_message(&id);
            }
        }
        let own = ["sender", "peer_msg", "hist_sync", "read-self"];
        if !kind.is_some_and(|kind| own.contains(&kind.as_ref())) {
            self.forward_receipt(from, receipt);
        }
        self.send(link, ack);
    }

    /// Forwards a receipt to the device that sent the message; read receipts go to all its devices.
    pub(super) fn forward_receipt(&mut self, from: &Jid, receipt: &Node) {
        let (Some(id), Some(chat)) = (receipt.attr_text("id"), receipt.attr_jid("to")) else {
            return;
        };
        let target = receipt.attr_jid("participant").unwrap_or(chat.clone());
        let (Some(target), Some(reader)) =
            (self.accounts.canonical(&target), self.accounts.get(from))
        else {
            return;
        };
        let like = match self.groups.get(&chat) {
            Some(group) => group.addressing.server(),
            None => chat.server,
        };
        let reader = reader.address(like, from.device);
        let kind = receipt.attr_text("type").unwrap_or_default();
        let mut node = Node::new("receipt").attr("id", &*id);
        node = match chat.is_group() {
            true => node.attr("from", &chat).attr("participant", reader),
            false => node.attr("from", reader),
        };
        node = node.attr("t", self.unix_s());
        if !matches!(kind.as_ref(), "" | "inactive") {
            node = node.attr("type", &*kind);
        }
        node = node.with_children(receipt.children().iter().cloned());
        let Some(account) = self.accounts.get(&target) else {
            return;
        };
        let all = account.devices.keys().map(|number| account.pn(*number));
        // Some clients name the account instead of the sending device.
        let sent = |device: &Jid| self.sent.contains_key(&(device.clone(), id.to_string()));
        let target = all.clone().find(sent).unwrap_or(target);
        if kind == "retry" {
            let asked = self.retried.entry((target.clone(), id.into_owned()));
            asked.or_default().insert(from.clone());
            return self.deliver(&target, node);
        }
        let read = matches!(kind.as_ref(), "read" | "played");
        let devices: Vec<Jid> = all.filter(|device| read || *device == target).collect();
        for device in devices {
            self.deliver(&device, node.clone());
        }
    }

    /// Handles a device's `ack`: removes the confirmed stanza from the queue.
    pub(super) fn settle(&mut self, from: &Jid, ack: &Node) {
        if let Some(device) = self.accounts.device_mut(from) {
            device.queue.settle_acked(ack);
        }
    }

    /// Sends the queued stanzas, between `offline_preview` and `offline`.
    ///
    /// Source: whatsmeow 33cfac51 `connectionevents.go` (`handleIB`).
    pub(super) fn send_waiting(&mut self, link: LinkId, to: &Jid) {
        let Some(device) = self.accounts.device_mut(to) else {
            return;
        };
        let nodes = device.queue.take_unsent(link);
        let count = |tag| nodes.iter().filter(|node| node.tag == tag).count();
        let preview = Node::new("offline_preview")
            .attr("count", nodes.len())
            .attr("message", count("message"))
            .attr("notification", count("notification"))
            .attr("receipt", count("receipt"))
            .attr("appdata", 0);
        let end = Node::new("offline").attr("count", nodes.len());
        self.send(link, stanza::info(preview));
        for (index, mut node) in nodes.into_iter().enumerate() {
            node.set_attr("offline", index);
            self.send(link, node);
        }
        self.send(link, stanza::info(end));
    }
}
