//! Groups: their members, and messages that are encrypted once with a sender key.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

use crate::crypto::hash;
use crate::ids::{Address, Jid};
use crate::session::changes::Change;
use crate::session::input::Input;
use crate::session::keys::addresses::{self, is_own, plain};
use crate::session::keys::ratchets::EncryptError;
use crate::session::link::requests::{Query, Request, refusal};
use crate::session::machine::Session;
use crate::session::messages::content::{self, Content};
use crate::session::messages::send::{Plan, decorate};
use crate::session::pairing::device_identity;
use crate::session::rows::{
    Addressing, GroupInfo, OutboxRow, Participant, Row, RowKey, SenderKeyShare,
};
use crate::session::unit::{Lookup, WorkContext};
use crate::signal::padding;
use crate::signal::sender_key::SenderKey;
use crate::wire::node::Node;

/// Maximum number of participants read from a group.
const PARTICIPANTS_MAX: usize = 4_096;
/// Value of `fetched_ms` for a group that must be queried again.
const UNSURE: i64 = 0;
/// Maximum age in ms of a member list without us before the group is queried again.
const REFUSED_MS: i64 = 60_000;
/// Wait in ms before a request is repeated if too many are pending.
const ASK_PAUSE_MS: u64 = 1_000;

/// A message to a group, with all data that it needs.
pub(in crate::session) struct GroupPlan {
    row: OutboxRow,
    addressing: Addressing,
    /// All devices of all members, including this one. The participant hash covers them.
    devices: Vec<Jid>,
    /// The devices that need our sender key with this message.
    without_key: Vec<Jid>,
    /// True if a new sender key is needed. Either there is none, or a holder left the group, or a
    /// device needs the key while messages are unconfirmed.
    fresh_key: bool,
}

impl Session {
    /// Decides from the rows what a group message needs next.
    pub(in crate::session) fn plan_group(&self, lookup: &mut impl Lookup, row: OutboxRow) -> Plan {
        let (addressing, members) = match self.members(lookup, &row.to) {
            Ok(found) => found,
            Err(plan) => return plan,
        };
        let devices = match self.all_devices(lookup, &members) {
            Ok(devices) => devices,
            Err(unknown) => return Plan::AskDevices(unknown),
        };
        // Groups do not include hosted devices.
        let devices: Vec<Jid> = devices
            .into_iter()
            .filter(|device| !device.is_hosted())
            .collect();
        let (without_key, fresh_key) = self.without_sender_key(lookup, &row.to, &devices);
        let missing = self.without_keys(lookup, &without_key);
        if !missing.is_empty() {
            return Plan::AskBundles(missing);
        }
        Plan::Group(Box::new(GroupPlan {
            row,
            addressing,
            devices,
            without_key,
            fresh_key,
        }))
    }

    /// Returns the addressing mode of a group and its members without duplicates, or the plan for
    /// what must happen first.
    fn members(
        &self,
        lookup: &mut impl Lookup,
        group: &Jid,
    ) -> Result<(Addressing, Vec<Jid>), Plan> {
        let now = lookup.unix_ms();
        let info = match lookup.row(&RowKey::Group(group.clone())) {
            Some(Row::Group(info)) if info.fetched_ms != UNSURE => info,
            _ => return Err(Plan::AskGroup(group.clone())),
        };
        let members = info.participants.iter().map(|member| plain(&member.jid));
        let members: BTreeSet<Jid> = members.collect();
        if members.iter().any(|member| is_own(&self.account, member)) {
            return Ok((info.addressing, members.into_iter().collect()));
        }
        // The response may show under which address we are a member. We may also have missed that
        // we were added.
        let mut named = info.participants.iter();
        let under_other_name = named.any(|member| addresses::is_me(&self.account, member));
        let age_ms = now.map(|now| now - info.fetched_ms);
        let old = age_ms.is_some_and(|age_ms| !(0..REFUSED_MS).contains(&age_ms));
        Err(match under_other_name || old {
            true => Plan::AskGroup(group.clone()),
            false => Plan::Refuse("not_in_group"),
        })
    }

    /// Returns the devices that need our sender key, and whether it must be a new one.
    fn without_sender_key(
        &self,
        lookup: &mut impl Lookup,
        group: &Jid,
        devices: &[Jid],
    ) -> (Vec<Jid>, bool) {
        let have_key = match lookup.row(&self.own_sender_key(group)) {
            Some(Row::Record(record)) => SenderKey::decode(record).is_ok(),
            _ => false,
        };
        let share = match lookup.row(&RowKey::SenderKeyShare(group.clone())) {
            Some(Row::SenderKeyShare(share)) if have_key => share.clone(),
            _ => SenderKeyShare::default(),
        };
        let given: BTreeSet<&Address> = share.devices.iter().collect();
        let mut present = BTreeSet::new();
        let (mut lacking, mut overtaken) = (Vec::new(), false);
        let others = || devices.iter().filter(|device| !self.is_this_device(device));
        for device in others() {
            // A device may have received the key before its LID was known.
            let places = self.places(lookup, device);
            let has_it = places.iter().any(|place| given.contains(place));
            present.extend(places);
            if !has_it {
                overtaken |= self.has_ratchet(lookup, device) || !self.bundles.is_barren(device);
                lacking.push(device.clone());
            }
        }
        let left = given.iter().any(|known| !present.contains(*known));
        // A device receives the sender key at its current counter. It would treat messages still in
        // transit with lower counters as already read. With a new key they count as undecryptable,
        // and the device requests them.
        overtaken &= self.attempts.is_busy(group);
        let fresh_key = !have_key || left || overtaken;
        match fresh_key {
            true => (others().cloned().collect(), true),
            false => (lacking, false),
        }
    }

    /// Returns the home address of a device, under which all its rows are stored.
    pub(in crate::session) fn home_address(
        &self,
        lookup: &mut impl Lookup,
        device: &Jid,
    ) -> Address {
        addresses::home(&self.account, lookup, device)
            .with_device(device.device)
            .address()
    }

    /// Returns the row key of our own sender key.
    pub(in crate::session) fn own_sender_key(&self, group: &Jid) -> RowKey {
        let own = self.account.lid.as_ref().unwrap_or(&self.account.jid);
        let own = plain(own).with_device(self.account.jid.device);
        RowKey::SenderKey {
            chat: group.clone(),
            sender: own.address(),
        }
    }

    /// Returns our sender key of a group. Creates one if there is none or `fresh` is set.
    pub(in crate::session) fn sender_key(
        &self,
        unit: &mut WorkContext<'_>,
        group: &Jid,
        fresh: bool,
    ) -> SenderKey {
        let known = match unit.row(&self.own_sender_key(group)) {
            Some(Row::Record(record)) if !fresh => SenderKey::decode(record).ok(),
            _ => None,
        };
        known.unwrap_or_else(|| SenderKey::create(unit.rng))
    }

    /// Encrypts a group message, with our sender key for the devices that need it, and commits it.
    pub(in crate::session) fn send_group(&mut self, unit: &mut WorkContext<'_>, plan: GroupPlan) {
        let GroupPlan {
            mut row,
            addressing,
            devices,
            without_key,
            fresh_key,
        } = plan;
        let group = row.to.clone();
        row.body = content::with_secret(row.body, unit.rng);
        let mut key = self.sender_key(unit, &group, fresh_key);
        let Ok(distribution) = key.distribution() else {
            return self.fail_send(unit, &row.id, String::from("sender_key"));
        };
        let handout = content::with_sender_key(Vec::new(), &group, &distribution);
        let handed_out = self.hand_out(unit, &without_key, &handout);
        let Some((participants, reached, proof)) = handed_out else {
            return unit.again(Input::Send(row.id));
        };

        let padded = padding::pad(&row.body, unit.rng);
        let Ok(sealed) = key.encrypt(&padded, unit.rng) else {
            return self.fail_send(unit, &row.id, String::from("sender_key"));
        };
        unit.put(self.own_sender_key(&group), Row::Record(key.encode()));
        self.note_shared(unit, &group, key.id().unwrap_or(0), fresh_key, reached);

        let hash = participant_hash(&devices);
        self.attempts.remember_hash(&row.id, &hash);
        let mut node = self.message(&row, &group).attr("phash", hash).attr(
            "addressing_mode",
            match addressing {
                Addressing::Lid => "lid",
                Addressing::Pn => "pn",
            },
        );
        if !participants.is_empty() {
            node = node.with_child(Node::new("participants").with_children(participants));
        }
        let enc = Node::new("enc")
            .attr("v", "2")
            .attr("type", "skmsg")
            .bytes(sealed);
        node = node.with_child(decorate(enc, &Content::of(&row.body)));
        if proof {
            node = node.with_child(device_identity::node(&self.account.adv));
        }
        let sender = match (&self.account.lid, addressing) {
            (Some(lid), Addressing::Lid) => lid.bare(),
            _ => self.account.jid.bare(),
        };
        self.commit_send(unit, row, &group, sender, node);
    }

    /// Encrypts our sender key for each device. Returns the stanza children, the devices that they
    /// reach, and whether a receiver needs our device identity. Returns `None` if a ratchet was
    /// discarded and bundles must be fetched first.
    fn hand_out(
        &mut self,
        unit: &mut WorkContext<'_>,
        devices: &[Jid],
        handout: &[u8],
    ) -> Option<(Vec<Node>, Vec<Address>, bool)> {
        let (mut nodes, mut reached, mut proof) = (Vec::new(), Vec::new(), false);
        for device in devices {
            let bundle = self.bundle_if_needed(unit, device);
            let encrypted = match self.encrypt_to(unit, device, handout, bundle) {
                Ok(encrypted) => encrypted,
                // The device will send a retry receipt.
                Err(EncryptError::NoKeys) => continue,
                Err(EncryptError::PutAside) => return None,
            };
            proof |= encrypted.starts_ratchet();
            reached.push(self.home_address(unit, device));
            nodes.push(
                Node::new("to")
                    .attr("jid", device.clone())
                    .with_child(encrypted.node()),
            );
        }
        Some((nodes, reached, proof))
    }

    /// Records which devices have our sender key.
    pub(in crate::session) fn note_shared(
        &self,
        unit: &mut WorkContext<'_>,
        group: &Jid,
        key_id: u32,
        fresh: bool,
        reached: Vec<Address>,
    ) {
        let row_key = RowKey::SenderKeyShare(group.clone());
        let mut share = match unit.row(&row_key) {
            Some(Row::SenderKeyShare(share)) if !fresh => share.clone(),
            _ => SenderKeyShare::default(),
        };
        share.key_id = key_id;
        share.devices.extend(reached);
        share.devices.sort_unstable();
        share.devices.dedup();
        unit.put(row_key, Row::SenderKeyShare(share));
    }

    /// Records that a member lacks our sender key. It gets the key with the next message.
    ///
    /// It does not get the key with the message that it requests. That key would have today's
    /// counter, and messages still in transit with lower counters would count as already read.
    pub(in crate::session) fn lacks_key(
        &mut self,
        unit: &mut WorkContext<'_>,
        group: &Jid,
        device: &Address,
    ) {
        let row_key = RowKey::SenderKeyShare(group.clone());
        let Some(Row::SenderKeyShare(share)) = unit.row(&row_key) else {
            return;
        };
        let mut share = share.clone();
        share.devices.retain(|known| known != device);
        if self.attempts.may_hand_out_again(group, device) {
            unit.put(row_key, Row::SenderKeyShare(share));
        }
    }

    /// Requests the metadata of a group. `input` is handled again after the answer.
    pub(in crate::session) fn ask_group(
        &mut self,
        unit: &mut WorkContext<'_>,
        group: &Jid,
        input: &Input,
    ) {
        if self.pending.join(input, |query| query.is_for_group(group)) {
            return;
        }
        let question = Node::new("query").attr("request", "interactive");
        let request = Request {
            to: group.clone(),
            ..Request::get("w:g2", vec![question])
        };
        let query = Query::Group {
            group: group.clone(),
            waiting: vec![input.clone()],
        };
        if !self.ask(unit, query, request) {
            self.put_off(unit, input.clone(), ASK_PAUSE_MS);
        }
    }

    /// Requests the address rows for the answer to a group query.
    pub(in crate::session) fn want_group(&self, lookup: &mut impl Lookup, node: &Node) {
        if let Some(info) = node.child("group").and_then(read_group) {
            for (one, other) in info.participants.iter().filter_map(two_addresses) {
                addresses::want_pair(lookup, &one, &other);
            }
        }
    }

    /// Handles the answer to a group query.
    pub(in crate::session) fn group_described(
        &mut self,
        unit: &mut WorkContext<'_>,
        node: &Node,
        group: &Jid,
        waiting: Vec<Input>,
    ) {
        let info = node.child("group").and_then(read_group);
        match info.filter(|_| refusal(node).is_none()) {
            Some(info) => {
                self.file_group(unit, group, info);
                self.wake(unit, waiting);
            }
            None => {
                let code = refusal(node).unwrap_or(404);
                self.question_refused(unit, code, waiting);
            }
        }
    }

    /// Stores a group's metadata and the address pairs of its members.
    pub(in crate::session) fn file_group(
        &mut self,
        unit: &mut WorkContext<'_>,
        group: &Jid,
        mut info: GroupInfo,
    ) {
        for (one, other) in info.participants.iter().filter_map(two_addresses) {
            self.learn(unit, &one, &other);
        }
        info.fetched_ms = unit.now.unix_ms;
        unit.put(RowKey::Group(group.clone()), Row::Group(info));
    }
}

/// Marks a group for another query before the next send. Its members stay known, because receipts
/// for sent messages may still arrive.
pub(in crate::session) fn doubt_group(unit: &mut WorkContext<'_>, group: &Jid) {
    let key = RowKey::Group(group.clone());
    if let Some(Row::Group(info)) = unit.row(&key) {
        let info = GroupInfo {
            fetched_ms: UNSURE,
            ..info.clone()
        };
        unit.put(key, Row::Group(info));
    }
}

/// Marks all groups for another query.
pub(in crate::session) fn doubt_groups(unit: &mut WorkContext<'_>) {
    unit.rows.edit(|_, row| {
        if let Some(Row::Group(info)) = row {
            info.fetched_ms = UNSURE;
        }
    });
    unit.change(Change::GroupsUnsure);
}

/// Returns both addresses of a participant if both are known.
pub(in crate::session) fn two_addresses(participant: &Participant) -> Option<(Jid, Jid)> {
    Some((participant.pn.clone()?, participant.lid.clone()?))
}

/// Reads a `group` element; `None` if it has no participants.
pub(in crate::session) fn read_group(group: &Node) -> Option<GroupInfo> {
    let lid = group.attr_text("addressing_mode").as_deref() == Some("lid");
    let addressing = if lid { Addressing::Lid } else { Addressing::Pn };
    Some(GroupInfo {
        subject: group.attr_text("subject").unwrap_or_default().into_owned(),
        addressing,
        participants: read_participants(group),
        fetched_ms: 0,
    })
    .filter(|info| !info.participants.is_empty())
}

/// Reads the `participant` children of a group or of a group change.
pub(in crate::session) fn read_participants(node: &Node) -> Vec<Participant> {
    let read = |participant: &Node| {
        let jid = plain(&participant.attr_jid("jid").filter(Jid::is_account)?);
        let also = |name| participant.attr_jid(name).map(|jid| plain(&jid));
        let (number, lid) = (also("phone_number"), also("lid"));
        Some(Participant {
            pn: number.or_else(|| jid.is_phone_number().then(|| jid.clone())),
            lid: lid.or_else(|| jid.is_lid().then(|| jid.clone())),
            jid,
            admin: participant
                .attr_text("type")
                .is_some_and(|kind| kind.ends_with("admin")),
        })
    };
    node.children_named("participant")
        .filter_map(read)
        .take(PARTICIPANTS_MAX)
        .collect()
}

/// Returns the participant hash, by which the server and clients compare the recipients of a
/// message.
/// Source: whatsmeow 33cfac51 `send.go` (`participantListHashV2`).
pub(in crate::session) fn participant_hash(devices: &[Jid]) -> String {
    let text = |device: &Jid| format!("{}.0:{}@{}", device.user, device.device, device.server);
    let mut texts: Vec<String> = devices.iter().map(text).collect();
    texts.sort_unstable();
    let digest = hash::sha256(&[texts.concat().as_bytes()]);
    format!("2:{}", BASE64.encode(&digest[..6]))
}
