//! Notifications of the server: low pre-key count, changed identities, devices and groups.
//!
//! A notification is acked after its changes are committed.
//!
//! Source: whatsmeow 33cfac51 `notification.go`.

use crate::crypto::hash;
use crate::ids::{Address, Jid};
use crate::session::changes::EventBody;
use crate::session::keys::addresses::{self, plain};
use crate::session::machine::Session;
use crate::session::messages::ack::ack;
use crate::session::messages::groups::{doubt_group, read_group, read_participants, two_addresses};
use crate::session::messages::origin;
use crate::session::rows::{Dedupe, GroupInfo, Participant, Row, RowKey};
use crate::session::unit::{Lookup, WorkContext};
use crate::wire::node::Node;

/// Maximum number of devices whose ratchets are deleted after an identity change.
const DEVICES_MAX: usize = 64;
/// Maximum length of a dedupe key in bytes. A longer one is replaced by its hash.
const KEY_BYTES_MAX: usize = 256;
/// Maximum length of a stored privacy token, in bytes.
const TOKEN_BYTES_MAX: usize = 1_024;

impl Session {
    /// Requests the rows for a notification.
    pub(in crate::session) fn want_notification(&self, lookup: &mut impl Lookup, node: &Node) {
        let Some(from) = node.attr_jid("from") else {
            return;
        };
        if let Some(lid) = node.attr_jid("lid").or_else(|| node.attr_jid("sender_lid")) {
            addresses::want_pair(lookup, &from, &lid);
        }
        if let Some(key) = told(node) {
            lookup.row(&RowKey::Seen(key));
        }
        addresses::want_names(&self.account, lookup, &from);
        match node.attr_text("type").as_deref() {
            Some("encrypt") if !from.is_server() => {
                self.known_devices(lookup, &from);
            }
            Some("w:gp2") => want_group_change(lookup, node, &from),
            _ => (),
        }
    }

    /// Applies a notification once, and acks it.
    pub(in crate::session) fn receive_notification(
        &mut self,
        unit: &mut WorkContext<'_>,
        node: &Node,
    ) {
        let again = told(node).is_some_and(|key| unit.row(&RowKey::Seen(key)).is_some());
        // Do not apply it twice: later changes may have superseded it.
        if let Some(from) = node.attr_jid("from").filter(|_| !again) {
            match node.attr_text("type").as_deref() {
                Some("encrypt") => self.encrypt_changed(unit, node, &from),
                Some("devices") => self.devices_changed(unit, node, &from),
                Some("account_sync") => self.account_changed(unit, node),
                Some("server_sync") => self.app_state_changed(unit, node),
                Some("w:gp2") => group_changed(self, unit, node, &from),
                Some("privacy_token") => self.token_given(unit, node, &from),
                Some("picture") => {
                    let at_ms = origin::at_ms(node, unit.now.unix_ms);
                    let body = EventBody::ContactChanged { user: from.bare() };
                    self.tell(unit, told(node), at_ms, body);
                }
                _ => (),
            }
        }
        unit.out.transmit.extend(ack(node, None));
    }

    fn encrypt_changed(&mut self, unit: &mut WorkContext<'_>, node: &Node, from: &Jid) {
        if from.is_server() {
            if let Some(left) = node
                .child("count")
                .and_then(|count| count.attr_u64("value"))
            {
                self.refill_pre_keys(unit, left, false);
            }
        } else if node.child("identity").is_some() {
            self.identity_changed(unit, node, from);
        }
    }

    /// Handles a re-registered account: its old ratchets and identity keys are no longer valid.
    fn identity_changed(&mut self, unit: &mut WorkContext<'_>, node: &Node, from: &Jid) {
        let (home, devices) = self.known_devices(unit, from);
        for address in &devices {
            unit.delete(RowKey::Ratchet(address.clone()));
            unit.delete(RowKey::Identity(address.clone()));
        }
        self.unshare(unit, devices);
        unit.delete(RowKey::Devices(home.clone()));
        let at_ms = origin::at_ms(node, unit.now.unix_ms);
        let body = EventBody::IdentityChanged { user: home };
        self.tell(unit, told(node), at_ms, body);
    }

    /// Returns the user's home address, and all addresses under which rows of its devices may be
    /// stored.
    fn known_devices(&self, lookup: &mut impl Lookup, user: &Jid) -> (Jid, Vec<Address>) {
        let home = addresses::home(&self.account, lookup, user);
        let number = addresses::phone_number(&self.account, lookup, &home);
        let mut ids = vec![0];
        if let Some(Row::Devices(list)) = lookup.row(&RowKey::Devices(home.clone())) {
            ids.extend(list.devices.iter().map(|(id, _)| *id).take(DEVICES_MAX));
        }
        ids.sort_unstable();
        ids.dedup();
        let mut users = vec![home.clone()];
        users.extend(number.filter(|number| *number != home));
        let mut addresses = Vec::new();
        for user in users {
            for id in &ids {
                let address = user.clone().with_device(*id).address();
                lookup.row(&RowKey::Ratchet(address.clone()));
                lookup.row(&RowKey::Identity(address.clone()));
                addresses.push(address);
            }
        }
        (home, addresses)
    }

    /// Drops the cached device list of a user whose devices changed.
    fn devices_changed(&mut self, unit: &mut WorkContext<'_>, node: &Node, from: &Jid) {
        if let Some(lid) = node.attr_jid("lid") {
            self.learn(unit, from, &lid);
        }
        let home = addresses::home(&self.account, unit, from);
        // The list is fetched again before the next send. This costs one request and is always
        // correct.
        unit.delete(RowKey::Devices(home.clone()));
        let at_ms = origin::at_ms(node, unit.now.unix_ms);
        let body = EventBody::DevicesChanged { user: home };
        self.tell(unit, told(node), at_ms, body);
    }

    fn account_changed(&mut self, unit: &mut WorkContext<'_>, node: &Node) {
        if node.child("devices").is_some() {
            self.forget_own_devices(unit);
        }
    }

    /// Drops the cached list of our own devices.
    pub(in crate::session) fn forget_own_devices(&self, unit: &mut WorkContext<'_>) {
        let own = self.account.lid.as_ref().unwrap_or(&self.account.jid);
        unit.delete(RowKey::Devices(own.bare()));
    }

    /// Stores the privacy tokens that a person gave us.
    fn token_given(&mut self, unit: &mut WorkContext<'_>, node: &Node, from: &Jid) {
        if let Some(lid) = node.attr_jid("sender_lid") {
            self.learn(unit, from, &lid);
        }
        let home = addresses::home(&self.account, unit, from);
        let tokens = node
            .child("tokens")
            .into_iter()
            .flat_map(|list| list.children_named("token"));
        for token in tokens.filter(|token| token.attr_is("type", "trusted_contact")) {
            let time = token.attr_u64("t").and_then(|t| i64::try_from(t).ok());
            let bytes = token
                .content_bytes()
                .filter(|bytes| bytes.len() <= TOKEN_BYTES_MAX);
            if let Some((timestamp_s, bytes)) = time.zip(bytes) {
                let row = Row::PrivacyToken {
                    token: bytes.to_vec(),
                    timestamp_s,
                };
                unit.put(RowKey::PrivacyToken(home.clone()), row);
            }
        }
    }
}

fn want_group_change(lookup: &mut impl Lookup, node: &Node, group: &Jid) {
    lookup.row(&RowKey::Group(group.clone()));
    for change in node.children() {
        let listed = change.child("group").unwrap_or(change);
        for (one, other) in read_participants(listed).iter().filter_map(two_addresses) {
            addresses::want_pair(lookup, &one, &other);
        }
    }
}

/// Applies the changes of a group to its cached metadata, and emits one event.
fn group_changed(session: &mut Session, unit: &mut WorkContext<'_>, node: &Node, group: &Jid) {
    if !group.is_group() {
        return;
    }
    let mut what = Vec::new();
    for change in node.children() {
        what.push(change.tag.clone());
        let members = read_participants(change);
        for (one, other) in members.iter().filter_map(two_addresses) {
            session.learn(unit, &one, &other);
        }
        match change.tag.as_str() {
            "create" => {
                if let Some(info) = change.child("group").and_then(read_group) {
                    session.file_group(unit, group, info);
                }
            }
            "delete" => unit.delete(RowKey::Group(group.clone())),
            "remove" => {
                session.left(unit, group, &members);
                edit_group(unit, group, |info| {
                    info.participants.retain(|member| !holds(&members, member));
                });
            }
            "add" => edit_group(unit, group, |info| {
                info.participants.retain(|member| !holds(&members, member));
                info.participants.extend(members);
            }),
            "promote" | "demote" => {
                let admin = change.tag == "promote";
                edit_group(unit, group, |info| {
                    let listed = info.participants.iter_mut();
                    for member in listed.filter(|member| holds(&members, member)) {
                        member.admin = admin;
                    }
                });
            }
            "subject" => {
                let subject = change.attr_text("subject").unwrap_or_default().into_owned();
                edit_group(unit, group, |info| info.subject = subject);
            }
            // Settings that do not affect a send.
            "description" | "announcement" | "not_announcement" | "locked" | "unlocked"
            | "ephemeral" | "not_ephemeral" | "invite" => (),
            // An unknown change: query the group's members before the next send.
            _ => doubt_group(unit, group),
        }
    }
    let author = node.attr_jid("participant").map(|author| author.bare());
    let at_ms = origin::at_ms(node, unit.now.unix_ms);
    let body = EventBody::GroupChanged {
        group: group.clone(),
        author,
        what: what.join(","),
    };
    session.tell(unit, told(node), at_ms, body);
}

/// Returns the dedupe key of the event about a notification.
fn told(node: &Node) -> Option<Dedupe> {
    let (kind, id) = (node.attr_text("type")?, node.attr_text("id")?);
    let (from, t) = (node.attr_jid("from")?, node.attr_text("t"));
    let mut key = format!("notification|{kind}|{from}|{}|{id}", t.unwrap_or_default());
    if KEY_BYTES_MAX < key.len() {
        let print = hash::sha256(&[key.as_bytes()]);
        key = format!("notification|{}", hex::encode(print));
    }
    Some(Dedupe(key))
}

impl Session {
    /// Discards our sender key after a member left who has it. The next message gets a new one.
    fn left(&mut self, unit: &mut WorkContext<'_>, group: &Jid, members: &[Participant]) {
        unit.delete(RowKey::SenderKeyShare(group.clone()));
        unit.delete(self.own_sender_key(group));
        if members
            .iter()
            .any(|member| addresses::is_me(&self.account, member))
        {
            // Receipts for sent messages may still arrive, so the other members stay known.
            doubt_group(unit, group);
        }
    }
}

/// Returns whether `members` contains this member, under any of its addresses.
fn holds(members: &[Participant], member: &Participant) -> bool {
    members.iter().any(|other| {
        plain(&other.jid) == plain(&member.jid)
            || (other.lid.is_some() && other.lid == member.lid)
            || (other.pn.is_some() && other.pn == member.pn)
    })
}

fn edit_group(unit: &mut WorkContext<'_>, group: &Jid, edit: impl FnOnce(&mut GroupInfo)) {
    let key = RowKey::Group(group.clone());
    if let Some(Row::Group(info)) = unit.row(&key) {
        let mut info = info.clone();
        edit(&mut info);
        unit.put(key, Row::Group(info));
    }
}
