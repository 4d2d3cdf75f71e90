//! Responses to the queries of logged-in clients.

use std::time::Duration;

use crate::crypto::curve::PublicKey;
use crate::crypto::{hash, xeddsa};
use crate::ids::{Jid, Server};
use crate::sim::accounts::{Account, Device};
use crate::sim::journal::Breach;
use crate::sim::link::LinkId;
use crate::sim::published::{Published, SignedKey};
use crate::sim::stanza;
use crate::sim::world::World;
use crate::wire::node::Node;

/// Below this number of one-time pre-keys the server asks the client for more.
const ONE_TIME_LOW: usize = 4;
/// Maximum keys per upload. Clients send up to 812.
///
/// Source: Baileys 7.0.0-rc13 `src/Defaults/index.ts` (`INITIAL_PREKEY_COUNT`).
const UPLOAD_MAX: usize = 2000;
/// Queries that have no effect here and get an empty result: pings, active and passive mode, push
/// configuration, and cleaning of dirty state.
const NEEDS_NO_ANSWER: [&str; 5] = [
    "w:p",
    "urn:xmpp:ping",
    "passive",
    "urn:xmpp:whatsapp:push",
    "urn:xmpp:whatsapp:dirty",
];
/// Type byte of Curve25519 keys.
///
/// Source: whatsmeow 33cfac51 `prekeys.go` (`ecc.DjbType`).
const KEY_TYPE: u8 = 5;
/// Delay until a phone notices a companion and sends it the missing keys. One client loses its
/// events for good if the first key arrives before it is ready.
const PHONE_NOTICES: Duration = Duration::from_millis(500);
/// The client expects to be connected still when the server confirms its removal.
const REMOVAL_DELAY: Duration = Duration::from_millis(50);

impl World {
    /// Answers a query of a logged-in client. Unsupported queries get error 501.
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
            // No account has a picture or a business profile.
            ("w:profile:picture" | "w:biz", "get") => stanza::error(&id, 404, "item-not-found"),
            ("privacy", "set") if query.child("tokens").is_some() => stanza::result(&id),
            (xmlns, _) if NEEDS_NO_ANSWER.contains(&xmlns) => stanza::result(&id),
            _ => stanza::not_implemented(&id),
        };
        self.send(link, answer);
        if xmlns == "passive" {
            self.became_active(link, device);
            let account = device.clone();
            let notice = move |world: &mut Self| {
                world.first_app_state_key(&account);
                world.give_app_state_keys(&account);
            };
            self.later(PHONE_NOTICES, Box::new(notice));
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

    pub(super) fn hand_out_keys(&mut self, device: &Jid, times: usize) {
        for _ in 0..times {
            self.bundle(device);
        }
    }

    /// Returns the pre-key bundle of a device with one one-time pre-key. Keeps the kind of JID that
    /// was requested.
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
        let replace = self.uploads_replace;
        let Some(device) = self.accounts.device_mut(owner) else {
            return stanza::error(id, 404, "item-not-found");
        };
        // A key rotation wraps the signed pre-key in one more element.
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
        if replace && !keys.is_empty() {
            device.one_time.clear();
        }
        let mut reused = Vec::new();
        for (key_id, public) in keys {
            match device.one_time_known.insert(key_id, public) {
                Some(older) if older != public => reused.push(key_id),
                // A repeated upload, because the response was lost.
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
        let by_number = number.and_then(phone_number);
        let invalid = number.is_some() && by_number.is_none();
        let jid = user.attr_jid("jid").or(by_number);
        let account = jid.as_ref().and_then(|jid| self.accounts.get(jid));
        let mut found = match (jid, account) {
            // Answer a query by phone number with the LID if the client asks for it.
            (_, Some(account)) if number.is_some() && wants_lid(asked) => Node::new("user")
                .attr("jid", account.lid(0))
                .attr("pn_jid", account.pn(0)),
            (Some(jid), _) => Node::new("user").attr("jid", &jid),
            (None, _) if invalid => Node::new("user"),
            (None, _) => return None,
        };
        for wanted in asked {
            match (wanted.tag.as_str(), account) {
                ("devices", Some(account)) => found.push(device_list(account)),
                ("lid", Some(account)) => {
                    found.push(Node::new("lid").attr("val", account.lid(0)));
                }
                ("contact", _) => {
                    let side = match account {
                        Some(_) => "in",
                        None if invalid => "invalid",
                        None => "out",
                    };
                    let contact = Node::new("contact").attr("type", side);
                    // Clients match the responses to their queries by this text.
                    found.push(match &number {
                        Some(number) => contact.bytes(number.as_bytes()),
                        None => contact,
                    });
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
                    // The phone may have removed the device already.
                    let _ = world.remove_device(&device);
                }),
            );
            return stanza::result(id);
        }
        stanza::not_implemented(id)
    }

    /// Notifies the account's other companions, and those of its contacts, of a change of its
    /// devices.
    pub(super) fn tell_devices(&mut self, changed: &Jid, what: &str, key_index: u32) {
        let now_s = self.unix_s();
        let Some(account) = self.accounts.get_mut(changed) else {
            return;
        };
        account.sign_devices(now_s, &mut *self.random);
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
        let mut change = Node::new(what)
            .attr("device_hash", account.device_hash(Server::User))
            .attr("device_lid_hash", account.device_hash(Server::Lid))
            .with_child(device);
        if let Some(list) = key_index_list(account) {
            change.push(list);
        }
        let lid = account.lid(0);
        for other in others {
            let (id, t) = (self.take_id(), self.unix_s());
            let node = stanza::notification(id, &changed.bare(), "devices", t);
            self.deliver(&other, node.attr("lid", &lid).with_child(change.clone()));
        }
    }

    /// Sends a notification, or queues it if the device is not connected.
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
    let mut devices = Node::new("devices").with_child(list);
    if let Some(list) = key_index_list(account) {
        devices.push(list);
    }
    devices
}

/// Returns the signed device list, if there is one.
fn key_index_list(account: &Account) -> Option<Node> {
    let (at_s, signed) = account.signed_devices.as_ref()?;
    let list = Node::new("key-index-list").attr("ts", *at_s);
    Some(list.bytes(signed.as_slice()))
}

/// Parses a phone number as clients write it: with or without `+`, with or without a server.
fn phone_number(text: &str) -> Option<Jid> {
    let text = text.trim();
    let (text, server) = text.split_once('@').unwrap_or((text, "c.us"));
    let digits = text.trim_start_matches('+');
    let known = matches!(server, "c.us" | "s.whatsapp.net");
    let valid = (5..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    (known && valid).then(|| Jid::user(digits))
}

fn wants_lid(asked: &[Node]) -> bool {
    let contact = asked.iter().find(|node| node.tag == "contact");
    contact.is_some_and(|node| node.attr_is("addressing_mode", "lid"))
}

fn with_identity(node: Node, device: &Device) -> Node {
    let registration = device.keys.registration_id.to_be_bytes();
    node.with_child(Node::new("registration").bytes(registration))
        .with_child(Node::new("type").bytes([KEY_TYPE]))
        .with_child(Node::new("identity").bytes(*device.keys.identity.as_bytes()))
}

fn key_node(tag: &str, id: u32, public: &PublicKey) -> Node {
    // Ids have 24 bits, so the first of four bytes is zero.
    let [_, id @ ..] = id.to_be_bytes();
    Node::new(tag)
        .with_child(Node::new("id").bytes(id))
        .with_child(Node::new("value").bytes(*public.as_bytes()))
}

/// Returns the keys of a retry receipt, from which a new Signal session starts.
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

/// Returns the server's view of a device's keys, with the SHA-1 hash that the client compares.
///
/// Source: whatsapp-rust 1489b7da `wacore/src/iq/prekeys.rs` (`DigestKeyBundleSpec`).
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

/// Parses a big-endian number of one to four bytes.
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

/// Returns privacy settings that allow read receipts. Clients send none without this setting.
fn privacy() -> Node {
    let category = Node::new("category").attr("name", "readreceipts");
    Node::new("privacy").with_child(category.attr("value", "all"))
}
