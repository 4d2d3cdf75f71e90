//! What the server answers to the queries of a logged-in client.

use std::time::Duration;

use crate::crypto::curve::PublicKey;
use crate::crypto::{hash, xeddsa};
use crate::ids::Jid;
use crate::sim::accounts::{Account, Device, Published, SignedKey};
use crate::sim::journal::Breach;
use crate::sim::stanza;
use crate::sim::world::{LinkId, World};
use crate::wire::node::Node;

/// With fewer one-time keys left, the server asks the client for more.
const ONE_TIME_LOW: usize = 4;
/// Keys that one upload may have; clients send up to 812.
const UPLOAD_MAX: usize = 2000;
/// Curve25519 keys have this type on the wire.
const KEY_TYPE: u8 = 5;
/// The client expects to be still connected when it asks for its own removal to be confirmed.
const REMOVAL_DELAY: Duration = Duration::from_millis(50);

impl World {
    pub(super) fn answer(&mut self, link: LinkId, device: &Jid, query: &Node) {
        let kind = query.attr_text("type").unwrap_or_default();
        if kind == "result" || kind == "error" {
            return;
        }
        let id = query.attr_text("id").unwrap_or_default().into_owned();
        let xmlns = query.attr_text("xmlns").unwrap_or_default();
        let answer = match (xmlns.as_ref(), kind.as_ref()) {
            ("encrypt", "get") => self.keys_asked(&id, device, query),
            ("encrypt", "set") => self.keys_given(&id, device, query),
            ("usync", _) => self.usync(&id, query),
            ("w:g2", _) => self.group_query(&id, device, query),
            ("md", _) => self.companion_query(&id, device, query),
            ("w:sync:app:state", _) => self.app_state(&id, device, query),
            ("privacy", "get") => stanza::result(&id).with_child(privacy()),
            ("blocklist", "get") => stanza::result(&id).with_child(Node::new("list")),
            ("abt" | "w", "get") => stanza::result(&id).with_child(Node::new("props")),
            // Pings, `active`, tokens and everything else: an empty answer contents clients.
            _ => stanza::result(&id),
        };
        self.send(link, answer);
        if xmlns == "passive" {
            self.became_active(link, device);
        }
    }

    fn keys_asked(&mut self, id: &str, asker: &Jid, query: &Node) -> Node {
        if query.child("count").is_some() {
            let device = self.accounts.device(asker);
            let left = device.map_or(0, |device| device.one_time.len());
            return stanza::result(id).with_child(Node::new("count").attr("value", left));
        }
        if query.child("digest").is_some() {
            let device = self.accounts.device(asker);
            return match device.filter(|device| !device.one_time.is_empty()) {
                Some(device) => stanza::result(id).with_child(digest(device)),
                None => stanza::error(id, 404, "item-not-found"),
            };
        }
        let asked = query.child("key").map(Node::children).unwrap_or_default();
        let users = asked.iter().filter_map(|user| user.attr_jid("jid"));
        let users: Vec<Node> = users.map(|jid| self.bundle(&jid)).collect();
        stanza::result(id).with_child(Node::new("list").with_children(users))
    }

    /// The keys of a device, one of its one-time keys among them, under the address as asked.
    fn bundle(&mut self, jid: &Jid) -> Node {
        let user = Node::new("user").attr("jid", jid);
        if jid.device == 0 {
            self.refill_phone(jid);
        }
        let Some(device) = self.accounts.device_mut(jid) else {
            let error = Node::new("error").attr("code", 404);
            return user.with_child(error.attr("text", "item-not-found"));
        };
        let one_time = device.one_time.pop_front();
        let left = device.one_time.len();
        let mut user = with_identity(user, device).with_child(signed_key(&device.keys.signed));
        if let Some((id, public)) = one_time {
            user.push(key_node("key", id, &public));
        }
        if left <= ONE_TIME_LOW && jid.device != 0 {
            let count = Node::new("count").attr("value", left);
            self.notify(jid, &Jid::server(), "encrypt", count);
        }
        user
    }

    fn refill_phone(&mut self, jid: &Jid) {
        if let Some(account) = self.accounts.get_mut(jid)
            && let Some(device) = account.devices.get_mut(&0)
            && device.one_time.len() <= ONE_TIME_LOW
        {
            let fresh = account.phone.one_time_keys(&mut *self.random);
            device.one_time.extend(fresh);
        }
    }

    fn keys_given(&mut self, id: &str, owner: &Jid, query: &Node) -> Node {
        let Some(device) = self.accounts.device_mut(owner) else {
            return stanza::error(id, 404, "item-not-found");
        };
        // A rotation wraps the signed key once more.
        let holder = query.child("rotate").unwrap_or(query);
        if let Some(node) = holder.child("skey") {
            match read_signed_key(node, &device.keys.identity) {
                Some(key) => device.keys.signed = key,
                None => return stanza::error(id, 406, "not-acceptable"),
            }
        }
        let given = query.child("list").map(Node::children).unwrap_or_default();
        let keys: Option<Vec<_>> = given.iter().map(read_key).collect();
        let Some(keys) = keys.filter(|keys| keys.len() <= UPLOAD_MAX) else {
            return stanza::error(id, 406, "not-acceptable");
        };
        let mut reused = Vec::new();
        for (key_id, public) in keys {
            match device.one_time_known.insert(key_id, public) {
                Some(older) if older != public => reused.push(key_id),
                // The same upload again, after its answer was lost.
                Some(_) => (),
                None => device.one_time.push_back((key_id, public)),
            }
        }
        for id in reused {
            let device = owner.clone();
            self.journal.breach(Breach::PreKeyIdReused { device, id });
        }
        stanza::result(id)
    }

    fn usync(&mut self, id: &str, query: &Node) -> Node {
        let Some(usync) = query.child("usync") else {
            return stanza::error(id, 400, "bad-request");
        };
        let asked = usync.child("query").map(Node::children).unwrap_or_default();
        let listed = usync.child("list").map(Node::children).unwrap_or_default();
        let users: Vec<Node> = listed
            .iter()
            .filter_map(|user| self.usync_user(user, asked))
            .collect();
        let mut echo = Node::new("usync");
        for name in ["sid", "mode", "context", "index", "last"] {
            echo = echo.attr_opt(name, usync.attr_text(name));
        }
        let results = asked.iter().map(|node| Node::new(node.tag.clone()));
        let echo = echo
            .with_child(Node::new("result").with_children(results))
            .with_child(Node::new("list").with_children(users));
        stanza::result(id).with_child(echo)
    }

    fn usync_user(&self, user: &Node, asked: &[Node]) -> Option<Node> {
        let number = user.child("contact").and_then(Node::content_text);
        let by_number = number.map(|number| Jid::user(number.trim_start_matches('+')));
        let jid = user.attr_jid("jid").or(by_number)?;
        let account = self.accounts.get(&jid);
        let mut found = Node::new("user").attr("jid", &jid);
        for wanted in asked {
            match (wanted.tag.as_str(), account) {
                ("devices", Some(account)) => found.push(device_list(account)),
                ("lid", Some(account)) => {
                    found.push(Node::new("lid").attr("val", account.lid(0)));
                }
                ("contact", _) => {
                    let side = if account.is_some() { "in" } else { "out" };
                    found.push(Node::new("contact").attr("type", side));
                }
                _ => (),
            }
        }
        Some(found)
    }

    fn companion_query(&mut self, id: &str, device: &Jid, query: &Node) -> Node {
        if query.child("remove-companion-device").is_some() {
            let device = device.clone();
            self.later(
                REMOVAL_DELAY,
                Box::new(move |world| {
                    // The phone may have been quicker.
                    let _ = world.remove_device(&device);
                }),
            );
        }
        stanza::result(id)
    }

    /// Tells all other companions of the account, and of those that it chatted with, about a change
    /// of its devices.
    pub(super) fn tell_devices(&mut self, changed: &Jid, what: &str, key_index: u32) {
        let Some(account) = self.accounts.get(changed) else {
            return;
        };
        let mut others = account.companions();
        others.retain(|other| other.device != changed.device);
        others.extend(self.companions_of_contacts(changed));
        let device = Node::new("device")
            .attr("jid", changed)
            .attr("lid", account.lid(changed.device))
            .attr("key-index", key_index);
        let change = Node::new(what).with_child(device);
        for other in others {
            self.notify(&other, &changed.bare(), "devices", change.clone());
        }
    }

    /// Sends a notification, which waits if the device is not connected.
    pub(super) fn notify(&mut self, to: &Jid, from: &Jid, kind: &str, child: Node) {
        let (id, t) = (self.take_id(), self.unix_s());
        let node = stanza::notification(id, from, kind, t).with_child(child);
        self.deliver(to, node);
    }
}

fn device_list(account: &Account) -> Node {
    let devices = account.devices.iter().map(|(number, device)| {
        let index = (*number != 0).then_some(device.key_index);
        Node::new("device")
            .attr("id", *number)
            .attr_opt("key-index", index)
    });
    let list = Node::new("device-list").with_children(devices);
    Node::new("devices").with_child(list)
}

fn with_identity(node: Node, device: &Device) -> Node {
    let registration = device.keys.registration_id.to_be_bytes();
    node.with_child(Node::new("registration").bytes(registration))
        .with_child(Node::new("type").bytes([KEY_TYPE]))
        .with_child(Node::new("identity").bytes(*device.keys.identity.as_bytes()))
}

fn key_node(tag: &str, id: u32, public: &PublicKey) -> Node {
    // Ids have 24 bits: the first byte is zero.
    let [_, id @ ..] = id.to_be_bytes();
    Node::new(tag)
        .with_child(Node::new("id").bytes(id))
        .with_child(Node::new("value").bytes(*public.as_bytes()))
}

/// The keys in a retry receipt: what a new ratchet starts from.
pub(super) fn retry_keys(keys: &Published, one_time: &[(u32, PublicKey)]) -> Node {
    let one_time = one_time.iter().map(|(id, key)| key_node("key", *id, key));
    Node::new("keys")
        .with_child(Node::new("type").bytes([KEY_TYPE]))
        .with_child(Node::new("identity").bytes(*keys.identity.as_bytes()))
        .with_children(one_time)
        .with_child(signed_key(&keys.signed))
}

fn signed_key(key: &SignedKey) -> Node {
    key_node("skey", key.id, &key.public).with_child(Node::new("signature").bytes(key.signature))
}

/// All that the server holds of a device, with the hash by which the client compares it.
fn digest(device: &Device) -> Node {
    let signed = &device.keys.signed;
    let mut parts: Vec<&[u8]> = vec![
        device.keys.identity.as_bytes(),
        signed.public.as_bytes(),
        &signed.signature,
    ];
    parts.extend(device.one_time.iter().map(|(_, key)| &key.as_bytes()[..]));
    let hash = hash::sha1(&parts);
    let ids = device.one_time.iter().map(|(id, _)| {
        let [_, id @ ..] = id.to_be_bytes();
        Node::new("id").bytes(id)
    });
    with_identity(Node::new("digest"), device)
        .with_child(signed_key(signed))
        .with_child(Node::new("list").with_children(ids))
        .with_child(Node::new("hash").bytes(hash))
}

/// A number of up to four bytes, big end first.
pub(super) fn number(bytes: &[u8]) -> Option<u32> {
    let fold = |number, byte: &u8| number << 8 | u32::from(*byte);
    (!bytes.is_empty() && bytes.len() <= 4).then(|| bytes.iter().fold(0, fold))
}

fn read_key(node: &Node) -> Option<(u32, PublicKey)> {
    let id = number(node.child("id")?.content_bytes()?)?;
    let public = PublicKey::from_slice(node.child("value")?.content_bytes()?)?;
    Some((id, public))
}

fn read_signed_key(node: &Node, identity: &PublicKey) -> Option<SignedKey> {
    let (id, public) = read_key(node)?;
    let signature = node.child("signature")?.content_bytes()?.try_into().ok()?;
    xeddsa::verify(identity, &public.to_signal(), &signature).then_some(SignedKey {
        id,
        public,
        signature,
    })
}

/// Everybody may see everything: clients that are not told so send no read receipts.
fn privacy() -> Node {
    let category = Node::new("category").attr("name", "readreceipts");
    Node::new("privacy").with_child(category.attr("value", "all"))
}
