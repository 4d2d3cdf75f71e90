//! A small world: a server that routes stanzas between sessions, and the store of each.
//!
//! Like WhatsApp, the server keeps each stanza until it is acked. It also checks every ciphertext:
//! two different ones must never have the same chain and counter.

use std::collections::{BTreeMap, HashMap, VecDeque};

use prost::Message as _;
use rand::rngs::StdRng;
use wmctl_proto::signal::{PreKeySignalMessage, SenderKeyMessage, SignalMessage};

use super::{at, chance};
use crate::crypto::curve::KeyPair;
use crate::crypto::{random, xeddsa};
use crate::ids::{Jid, MessageId};
use crate::secret::Secret;
use crate::session::account::Account;
use crate::session::changes::{Change, Event, EventBody, MessageEvent};
use crate::session::config::ClientConfig;
use crate::session::input::Input;
use crate::session::machine::Session;
use crate::session::messages::content;
use crate::session::output::{Notice, Output};
use crate::session::pairing::DeviceKeys;
use crate::session::pairing::device_identity;
use crate::session::pairing::device_identity::AdvIdentity;
use crate::session::rows::{OutboxRow, OutboxState, PreKeyRow, Row, RowKey, Rows};
use crate::session::unit::{Context, Wants, WorkContext};
use crate::wire::node::Node;
use crate::wire::{decode, encode};

/// The point at which a process crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    BeforeCommit,
    BeforeTransmit,
}

/// One device: its session in memory, its store, and the server's data about it.
pub(super) struct Device {
    pub(super) session: Session,
    rows: Rows,
    pub(super) store: HashMap<RowKey, Row>,
    pub(super) events: Vec<Event>,
    account: Account,
    /// Stanzas on their way to the device.
    pub(super) inbox: VecDeque<Node>,
    /// Stanzas sent to the device and not acked.
    unacked: Vec<Node>,
    keys: Option<Node>,
    one_time: VecDeque<Node>,
    pub(super) crash: Option<Crash>,
    pub(super) notices: Vec<Notice>,
}

/// All devices and the server.
pub(super) struct World {
    pub(super) devices: Vec<Device>,
    pub(super) groups: BTreeMap<Jid, Vec<Jid>>,
    rng: StdRng,
    now: u64,
    sent: u32,
    /// The ciphertext for each used chain and counter.
    journal: HashMap<(Vec<u8>, u32), Vec<u8>>,
    /// The number of next messages to deliver twice.
    pub(super) duplicate: u32,
}

impl World {
    /// Creates a world with this number of devices for each account; the first of each is the
    /// phone.
    pub(super) fn new(seed: u64, accounts: &[u16]) -> Self {
        let mut world = Self {
            devices: Vec::new(),
            groups: BTreeMap::new(),
            rng: chance(seed),
            now: 0,
            sent: 0,
            journal: HashMap::new(),
            duplicate: 0,
        };
        for (number, devices) in (1..).zip(accounts) {
            let phone = KeyPair::generate(&mut world.rng);
            for device in 0..*devices {
                world.add_device(number, device, &phone);
            }
        }
        for index in 0..world.devices.len() {
            world.connect(index);
        }
        world.settle();
        world
    }

    fn add_device(&mut self, number: u32, device: u16, phone: &KeyPair) {
        let mut keys = DeviceKeys::generate(&mut self.rng);
        if device == 0 {
            keys.identity = phone.clone();
            let public = keys.signed_pre_key.pair.public.to_signal();
            let fresh = random::bytes(&mut self.rng);
            keys.signed_pre_key.signature = xeddsa::sign(&phone.private, &public, &fresh);
        }
        let details = b"details".to_vec();
        let signed = [&[6, 0], &details[..], keys.identity.public.as_bytes()].concat();
        let fresh = random::bytes(&mut self.rng);
        let mut adv = AdvIdentity {
            account_signature: xeddsa::sign(&phone.private, &signed, &fresh),
            account_signature_key: phone.public.0,
            device_signature: [0; 64],
            details,
        };
        adv.device_signature = device_identity::countersign(&adv, &keys.identity, &mut self.rng);
        let account = Account {
            jid: pn(number).with_device(device),
            lid: Some(lid(number).with_device(device)),
            registration_id: keys.registration_id,
            noise: keys.noise,
            identity: keys.identity,
            signed_pre_key: keys.signed_pre_key,
            adv_secret: Secret::new([0; 32]),
            adv,
            platform: String::new(),
            business_name: String::new(),
            push_name: format!("name {number}"),
            next_pre_key_id: 1,
            routing_info: None,
            ended: None,
        };
        self.devices.push(Device {
            session: Session::new(account.clone(), ClientConfig::default()),
            rows: Rows::default(),
            store: HashMap::new(),
            events: Vec::new(),
            account,
            inbox: VecDeque::new(),
            unacked: Vec::new(),
            keys: None,
            one_time: VecDeque::new(),
            crash: None,
            notices: Vec::new(),
        });
    }

    /// Starts a new process, which has only committed data.
    pub(super) fn connect(&mut self, index: usize) {
        let device = &mut self.devices[index];
        device.session = Session::new(device.account.clone(), ClientConfig::default());
        device.rows = Rows::default();
        device.inbox.clear();
        let success = Node::new("success")
            .attr("t", "1760000000")
            .attr("lid", device.account.lid.clone().unwrap());
        device.inbox.push_back(success);
        device.inbox.extend(device.unacked.iter().cloned());
        self.feed(index, Input::LinkUp);
    }

    /// Queues a text message and sends it.
    pub(super) fn send(&mut self, index: usize, to: &Jid, text: &str) -> MessageId {
        self.sent += 1;
        let id: MessageId = format!("3EB0{:016}", self.sent).parse().unwrap();
        let queued_ms = at(self.now).unix_ms;
        let row = OutboxRow::queued(id.clone(), to.clone(), content::text(text), queued_ms);
        self.devices[index]
            .store
            .insert(RowKey::Outbox(id.clone()), Row::Outbox(row));
        self.feed(index, Input::Send(id.clone()));
        id
    }

    /// Does what the engine does with one input: load, handle, commit, transmit.
    pub(super) fn feed(&mut self, index: usize, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let device = &mut self.devices[index];
            loop {
                let wants = device.session.wants(&input, &device.rows);
                if wants.is_empty() {
                    break;
                }
                let found = |key: RowKey| (key.clone(), device.find(&key));
                let loaded: Vec<_> = wants.into_iter().map(found).collect();
                device.rows.load(loaded);
            }
            let mut out = Output::default();
            let mut cx = Context {
                now: at(self.now),
                rng: &mut self.rng,
            };
            device
                .session
                .handle(&mut cx, input, &mut device.rows, &mut out);
            let crash = match out.changes.is_empty() {
                true => None,
                false => device.crash.take(),
            };
            if crash == Some(Crash::BeforeCommit) {
                return self.connect(index);
            }
            device.commit(out.changes);
            if crash == Some(Crash::BeforeTransmit) {
                return self.connect(index);
            }
            device.notices.extend(out.notices.iter().cloned());
            inputs.extend(out.again);
            inputs.extend(out.beside);
            if out.notices.contains(&Notice::LoggedIn) {
                let mut open: Vec<MessageId> = device.open().collect();
                open.sort();
                inputs.extend(open.into_iter().map(Input::Send));
            }
            for node in out.transmit {
                // Through the codec, as on a real link.
                let node = decode::decode(&encode::encode(&node)).unwrap();
                self.route(index, &node);
            }
        }
    }

    /// Delivers stanzas until none is left.
    pub(super) fn settle(&mut self) {
        for _ in 0..100_000 {
            let Some(index) = self
                .devices
                .iter()
                .position(|device| !device.inbox.is_empty())
            else {
                return;
            };
            self.deliver(index);
        }
        panic!("the world does not come to rest");
    }

    /// Sends a stanza to a device, which gets it until it acks it.
    pub(super) fn hand(&mut self, index: usize, node: Node) {
        self.push(index, node);
    }

    /// Advances the time and runs what is due on a device.
    pub(super) fn pass(&mut self, index: usize, ms: u64) {
        self.now += ms;
        self.feed(index, Input::Tick);
    }

    /// Encrypts a peer message from a phone for another device of its account.
    pub(super) fn whisper(&mut self, phone: usize, to: usize, message: &[u8]) -> Node {
        let target = self.devices[to].account.lid.clone().unwrap();
        let device = &mut self.devices[phone];
        loop {
            let mut wants = Wants::new(&device.rows);
            device.session.has_ratchet(&mut wants, &target);
            let wants = wants.into_keys();
            if wants.is_empty() {
                break;
            }
            let found = |key: RowKey| (key.clone(), device.store.get(&key).cloned());
            let loaded: Vec<_> = wants.into_iter().map(found).collect();
            device.rows.load(loaded);
        }
        let mut out = Output::default();
        let mut unit = WorkContext {
            now: at(self.now),
            rng: &mut self.rng,
            rows: &mut device.rows,
            out: &mut out,
        };
        let sealed = device
            .session
            .encrypt_to(&mut unit, &target, message, None)
            .unwrap();
        device.commit(out.changes);
        self.sent += 1;
        Node::new("message")
            .attr("from", self.devices[phone].account.lid.clone().unwrap())
            .attr("id", format!("3EB0{:016}", self.sent))
            .attr("t", "1760000300")
            .attr("type", "text")
            .attr("category", "peer")
            .with_child(sealed.node())
    }

    /// Delivers one stanza.
    pub(super) fn deliver(&mut self, index: usize) {
        if let Some(node) = self.devices[index].inbox.pop_front() {
            self.feed(index, Input::Node(node));
        }
    }

    /// Returns the devices with waiting stanzas.
    pub(super) fn busy(&self) -> Vec<usize> {
        let busy = |(index, device): (usize, &Device)| (!device.inbox.is_empty()).then_some(index);
        self.devices.iter().enumerate().filter_map(busy).collect()
    }

    pub(super) fn index_of(&self, jid: &Jid) -> Option<usize> {
        let is = |own: &Jid| own.same_account(jid) && own.device == jid.device;
        self.devices.iter().position(|device| {
            is(&device.account.jid) || device.account.lid.as_ref().is_some_and(is)
        })
    }

    fn of_account(&self, jid: &Jid) -> Vec<usize> {
        let bare = jid.bare();
        (0..self.devices.len())
            .filter(|index| {
                let account = &self.devices[*index].account;
                account.jid.same_account(&bare) || account.lid.as_ref().unwrap().same_account(&bare)
            })
            .collect()
    }

    fn route(&mut self, from: usize, node: &Node) {
        match node.tag.as_str() {
            "iq" => self.answer(from, node),
            "message" => self.route_message(from, node),
            "receipt" => self.route_receipt(from, node),
            "ack" => {
                let class = node.attr_text("class").unwrap().into_owned();
                self.acknowledged(from, &class, node);
            }
            _ => (),
        }
    }

    fn acknowledged(&mut self, index: usize, class: &str, node: &Node) {
        let id = node.attr_text("id").unwrap().into_owned();
        // Members of a group send different receipts for one message.
        let same = |sent: &Node| {
            class != "receipt" || sent.attr_text("participant") == node.attr_text("participant")
        };
        let unacked = &mut self.devices[index].unacked;
        let at = unacked
            .iter()
            .position(|sent| sent.tag == class && sent.attr_is("id", &id) && same(sent));
        if let Some(at) = at {
            unacked.remove(at);
        }
    }

    fn answer(&mut self, from: usize, node: &Node) {
        let id = node.attr_text("id").unwrap().into_owned();
        let mut answer = Node::new("iq").attr("type", "result").attr("id", id);
        let child = |tag: &str| node.child(tag);
        if child("count").is_some() {
            let left = self.devices[from].one_time.len().to_string();
            answer = answer.with_child(Node::new("count").attr("value", left));
        } else if let Some(list) = child("list") {
            let device = &mut self.devices[from];
            device.one_time.extend(list.children().iter().cloned());
            let mut keys = node.clone();
            keys.content = crate::wire::node::Content::Nodes(
                ["registration", "identity", "skey"]
                    .map(|tag| node.child(tag).unwrap().clone())
                    .to_vec(),
            );
            device.keys = Some(keys);
        } else if let Some(usync) = child("usync") {
            let users = usync.child("list").unwrap().children();
            let users: Vec<Node> = users.iter().map(|user| self.list_devices(user)).collect();
            let list = Node::new("list").with_children(users);
            answer = answer.with_child(Node::new("usync").with_child(list));
        } else if let Some(key) = child("key") {
            let users: Vec<Node> = key
                .children()
                .iter()
                .map(|user| self.bundle(user))
                .collect();
            answer = answer.with_child(Node::new("list").with_children(users));
        } else if child("query").is_some() {
            let group = node.attr_jid("to").unwrap();
            let members = self.groups[&group].iter().map(|member| {
                let number = self.devices[self.of_account(member)[0]].account.jid.bare();
                Node::new("participant")
                    .attr("jid", member.clone())
                    .attr("phone_number", number)
            });
            let described = Node::new("group")
                .attr("id", group.user.as_str())
                .attr("subject", "a group")
                .attr("addressing_mode", "lid")
                .with_children(members);
            answer = answer.with_child(described);
        }
        self.devices[from].inbox.push_back(answer);
    }

    fn list_devices(&self, user: &Node) -> Node {
        let jid = user.attr_jid("jid").unwrap();
        let mut answer = Node::new("user").attr("jid", jid.clone());
        let found = self.of_account(&jid);
        let devices = found.iter().map(|index| {
            let id = self.devices[*index].account.jid.device.to_string();
            Node::new("device").attr("id", id).attr("key-index", "1")
        });
        let list = Node::new("device-list").with_children(devices);
        answer = answer.with_child(Node::new("devices").with_child(list));
        if let Some(index) = found.first() {
            let lid = self.devices[*index].account.lid.as_ref().unwrap().bare();
            answer = answer.with_child(Node::new("lid").attr("val", lid));
        }
        answer
    }

    fn bundle(&mut self, user: &Node) -> Node {
        let jid = user.attr_jid("jid").unwrap();
        let answer = Node::new("user").attr("jid", jid.clone());
        let keys = self.index_of(&jid).and_then(|index| {
            let device = &mut self.devices[index];
            Some((device.keys.clone()?, device.one_time.pop_front()))
        });
        match keys {
            None => answer.with_child(Node::new("error").attr("code", "404")),
            Some((keys, one_time)) => answer
                .with_children(keys.children().iter().cloned())
                .with_children(one_time),
        }
    }

    fn route_message(&mut self, from: usize, node: &Node) {
        let to = node.attr_jid("to").unwrap();
        let account = self.devices[from].account.clone();
        let sender = if to.is_phone_number() {
            account.jid
        } else {
            account.lid.unwrap()
        };
        let id = node.attr_text("id").unwrap().into_owned();
        let head = Node::new("message")
            .attr(
                "from",
                if to.is_group() {
                    to.clone()
                } else {
                    sender.clone()
                },
            )
            .attr("id", id.as_str())
            .attr("t", "1760000100")
            .attr("type", "text")
            .attr_opt("category", node.attr_text("category"))
            .attr("notify", "somebody");
        let proof: Vec<Node> = node.children_named("device-identity").cloned().collect();
        let number = self.devices[from].account.jid.bare();
        for (index, encs) in self.ciphertexts(from, node) {
            for enc in &encs {
                self.note(from, index, enc);
            }
            let own = self.of_account(&sender).contains(&index);
            let mut message = head.clone();
            if to.is_group() {
                message = message
                    .attr("participant", sender.clone())
                    .attr("participant_pn", number.clone())
                    .attr("addressing_mode", "lid");
            } else if own && node.attr_text("category").is_none() {
                // A resent copy goes to the device and names the chat it belongs to.
                let chat = node.attr_jid("recipient").unwrap_or_else(|| to.clone());
                let number = self
                    .of_account(&chat)
                    .first()
                    .copied()
                    .filter(|_| chat.is_lid());
                let number = number.map(|index| self.devices[index].account.jid.bare());
                message = message
                    .attr("recipient", chat)
                    .attr_opt("peer_recipient_pn", number);
            } else if sender.is_lid() {
                message = message.attr("sender_pn", number.clone());
            }
            message = message
                .with_children(encs)
                .with_children(proof.iter().cloned());
            self.push(index, message);
        }
        let ack = Node::new("ack")
            .attr("class", "message")
            .attr("id", id)
            .attr("from", to);
        self.devices[from]
            .inbox
            .push_back(ack.attr("t", "1760000101"));
    }

    /// Returns the ciphertexts of a message for each device.
    fn ciphertexts(&self, from: usize, node: &Node) -> BTreeMap<usize, Vec<Node>> {
        let to = node.attr_jid("to").unwrap();
        let shared: Vec<Node> = node.children_named("enc").cloned().collect();
        let alone = node.attr_is("device_fanout", "false") || node.attr_is("category", "peer");
        let direct = alone.then(|| to.clone());
        if let Some(device) = node.attr_jid("participant").or(direct) {
            return BTreeMap::from([(self.index_of(&device).unwrap(), shared)]);
        }
        let mut single: BTreeMap<usize, Vec<Node>> = BTreeMap::new();
        for entry in node
            .child("participants")
            .map(Node::children)
            .unwrap_or_default()
        {
            let index = self.index_of(&entry.attr_jid("jid").unwrap()).unwrap();
            single.insert(index, entry.children().to_vec());
        }
        for member in self.groups.get(&to).into_iter().flatten() {
            for index in self.of_account(member) {
                single
                    .entry(index)
                    .or_default()
                    .extend(shared.iter().cloned());
            }
        }
        if to.is_group() {
            single.remove(&from);
        }
        single
    }

    fn push(&mut self, index: usize, node: Node) {
        let device = &mut self.devices[index];
        if 0 < self.duplicate {
            self.duplicate -= 1;
            device.inbox.push_back(node.clone());
        }
        device.inbox.push_back(node.clone());
        device.unacked.push(node);
    }

    fn route_receipt(&mut self, from: usize, node: &Node) {
        if !node.attr_is("type", "retry") {
            self.acknowledged(from, "message", node);
        }
        let to = node.attr_jid("to").unwrap();
        let mut ack = Node::new("ack")
            .attr("class", "receipt")
            .attr("from", to.clone());
        for name in ["id", "participant", "type"] {
            ack = ack.attr_opt(name, node.attr_text(name));
        }
        self.devices[from].inbox.push_back(ack);
        let account = self.devices[from].account.clone();
        let sender = if to.is_phone_number() {
            account.jid
        } else {
            account.lid.unwrap()
        };
        let mut forwarded = node.clone();
        forwarded.remove_attr("to");
        forwarded.set_attr("t", "1760000200");
        let target = if to.is_group() {
            forwarded.set_attr("from", to);
            let target = node.attr_jid("participant").unwrap();
            forwarded.set_attr("participant", sender);
            target
        } else {
            forwarded.set_attr("from", sender);
            to
        };
        if let Some(index) = self.index_of(&target)
            && index != from
        {
            self.push(index, forwarded);
        }
    }

    /// Checks and records a ciphertext in transit.
    fn note(&mut self, from: usize, to: usize, enc: &Node) {
        let bytes = enc.content_bytes().unwrap().to_vec();
        let end = bytes.len() - 8;
        let (chain, counter) = match enc.attr_text("type").unwrap().as_ref() {
            "msg" => signal_place(&bytes[1..end]),
            "pkmsg" => {
                let message = PreKeySignalMessage::decode(&bytes[1..])
                    .unwrap()
                    .message
                    .unwrap();
                signal_place(&message[1..message.len() - 8])
            }
            "skmsg" => {
                let message = SenderKeyMessage::decode(&bytes[1..bytes.len() - 64]).unwrap();
                let chain = format!("sender key {from} {}", message.id.unwrap());
                let used = self.journal.insert(
                    (chain.into_bytes(), message.iteration.unwrap()),
                    bytes.clone(),
                );
                assert!(
                    used.is_none_or(|used| used == bytes),
                    "a sender key step was reused"
                );
                return;
            }
            other => panic!("{other}"),
        };
        let chain = [&[from as u8, to as u8], &chain[..]].concat();
        let used = self.journal.insert((chain, counter), bytes.clone());
        let same = |used: Vec<u8>| inner(&used, enc) == inner(&bytes, enc);
        assert!(used.is_none_or(same), "a message key was reused");
    }

    /// Returns kind, chat and other address of the chat, for each event of a device that has a
    /// chat.
    pub(super) fn chats(&self, index: usize) -> Vec<(String, Jid, Option<Jid>)> {
        let kind = |body: &EventBody| format!("{body:?}").chars().take(12).collect();
        let chat = |event: &Event| {
            let chat = event.body.chat()?.clone();
            Some((kind(&event.body), chat, event.alt.clone()))
        };
        self.devices[index].events.iter().filter_map(chat).collect()
    }

    /// Returns the texts of received messages, in order.
    pub(super) fn texts(&self, index: usize) -> Vec<String> {
        let text = |message: &MessageEvent| message.text.clone().unwrap_or_default();
        self.devices[index].messages().map(text).collect()
    }
}

/// Returns the inner message of a pre-key message; other messages unchanged.
fn inner(bytes: &[u8], enc: &Node) -> Vec<u8> {
    if enc.attr_is("type", "pkmsg") {
        PreKeySignalMessage::decode(&bytes[1..])
            .unwrap()
            .message
            .unwrap()
    } else {
        bytes.to_vec()
    }
}

fn signal_place(message: &[u8]) -> (Vec<u8>, u32) {
    let message = SignalMessage::decode(message).unwrap();
    (message.ratchet_key.unwrap(), message.counter.unwrap_or(0))
}

impl Device {
    /// Returns the row in the store.
    fn find(&self, key: &RowKey) -> Option<Row> {
        match key {
            RowKey::NextUnread => {
                let unread = self.store.iter().filter_map(|(key, row)| match (key, row) {
                    (RowKey::Retry(dedupe), Row::Retry(row)) => {
                        let open = row.unread.as_ref().is_some_and(|unread| !unread.asked);
                        open.then(|| (row.first_ms, dedupe.clone()))
                    }
                    _ => None,
                });
                unread.min().map(|(_, dedupe)| Row::Unread(dedupe))
            }
            RowKey::NextHistory => {
                let mut histories = self.store.iter();
                histories.find_map(|(key, row)| match key {
                    RowKey::History(_) => Some(row.clone()),
                    _ => None,
                })
            }
            key => self.store.get(key).cloned(),
        }
    }

    fn commit(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Put(RowKey::Contact(_) | RowKey::HistoryDone(_), _) => (),
                Change::Put(key, row) => {
                    self.store.insert(key, row);
                }
                Change::Delete(key) => {
                    self.store.remove(&key);
                }
                Change::NewPreKeys(keys) => {
                    for key in keys {
                        self.account.next_pre_key_id = key.id + 1;
                        let private = Secret::new(*key.pair.private.expose());
                        let row = PreKeyRow {
                            private,
                            uploaded: false,
                        };
                        self.store.insert(RowKey::PreKey(key.id), Row::PreKey(row));
                    }
                }
                Change::Event(event) => {
                    if let Some(dedupe) = &event.dedupe {
                        let seen = RowKey::Seen(dedupe.clone());
                        let sequence = i64::try_from(self.events.len()).unwrap();
                        if self.store.insert(seen, Row::Seen(sequence)).is_some() {
                            continue;
                        }
                    }
                    self.events.push(*event);
                }
                Change::Update(update) => {
                    if let Some(lid) = update.lid {
                        self.account.lid = Some(lid);
                    }
                    if let Some(ended) = update.ended {
                        self.account.ended = ended;
                    }
                }
                Change::ForgetPreKeys { from, to } => {
                    let old = |key: &RowKey| match key {
                        RowKey::PreKey(id) => (from..to).contains(id),
                        _ => false,
                    };
                    self.store.retain(|key, _| !old(key));
                }
                Change::GroupsUnsure => {
                    for row in self.store.values_mut() {
                        if let Row::Group(group) = row {
                            group.fetched_ms = 0;
                        }
                    }
                }
                Change::Unshare(devices) => {
                    for row in self.store.values_mut() {
                        if let Row::SenderKeyShare(share) = row {
                            share.devices.retain(|known| !devices.contains(known));
                        }
                    }
                }
                Change::PreKeysUploaded { .. } | Change::Paired(_) => (),
            }
        }
    }

    /// Returns the messages that the server has not acked.
    fn open(&self) -> impl Iterator<Item = MessageId> {
        self.store.values().filter_map(|row| match row {
            Row::Outbox(row)
                if matches!(row.state, OutboxState::Queued | OutboxState::Encrypted) =>
            {
                Some(row.id.clone())
            }
            _ => None,
        })
    }

    pub(super) fn messages(&self) -> impl Iterator<Item = &MessageEvent> {
        self.events.iter().filter_map(|event| match &event.body {
            EventBody::Message(message) => Some(message),
            _ => None,
        })
    }

    pub(super) fn outbox(&self, id: &MessageId) -> &OutboxRow {
        match self.store.get(&RowKey::Outbox(id.clone())) {
            Some(Row::Outbox(row)) => row,
            other => panic!("{other:?}"),
        }
    }

    /// Deletes all ratchets, as after the restore of an old backup.
    pub(super) fn lose_ratchets(&mut self) {
        self.store
            .retain(|key, _| !matches!(key, RowKey::Ratchet(_)));
    }

    /// Returns the number of stanzas that the server still keeps for this device.
    pub(super) fn unacknowledged(&self) -> usize {
        self.unacked.len()
    }
}

pub(super) fn pn(number: u32) -> Jid {
    Jid::user(format!("1555000{number}"))
}

pub(super) fn lid(number: u32) -> Jid {
    Jid::lid(format!("9000{number}"))
}
