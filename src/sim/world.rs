//! The state of the server. One task owns it and feeds it events in order.

use crate::sim::link::LinkId;
use crate::sim::link::Peer;
use crate::sim::link::{Opened, Outgoing};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::clock::Surroundings;
use crate::crypto::curve::PublicKey;
use crate::crypto::random::{self, Random};
use crate::ids::Jid;
use crate::sim::accounts::{Account, Accounts, Device, DeviceView};
use crate::sim::error::SimError;
use crate::sim::faults::{Faults, Mute};
use crate::sim::group::{Addressing, Group};
use crate::sim::journal::{Direction, Journal, Login};
use crate::sim::phone::{Heard, Incoming, Phone};
use crate::sim::stanza;
use crate::wire::node::Node;

/// Maximum wait of the world if nothing is due.
const IDLE: Duration = Duration::from_secs(60);

/// An event for the world.
pub(super) enum Event {
    Opened(Opened),
    Stanza(LinkId, Node),
    Closed(LinkId),
    Call(Box<dyn FnOnce(&mut World) + Send>),
}

/// Work that is deferred to a later time.
pub(super) type Later = Box<dyn FnOnce(&mut World) + Send>;

#[derive(Debug)]
pub(super) struct Link {
    /// The peer of the connection.
    pub(super) peer: Peer,
    to_client: mpsc::Sender<Outgoing>,
}

/// All state of the simulated server.
pub(super) struct World {
    surroundings: Surroundings,
    /// Whether an upload of one-time keys takes the place of those that are left.
    pub(super) uploads_replace: bool,
    pub(super) random: Box<dyn Random + Send>,
    pub(super) accounts: Accounts,
    pub(super) groups: BTreeMap<Jid, Group>,
    /// Addressing of groups that clients create.
    pub(super) new_groups: Addressing,
    pub(super) links: HashMap<LinkId, Link>,
    pub(super) journal: Journal,
    /// Digest of the ciphertexts, by sending device and message id.
    pub(super) sent: HashMap<(Jid, String), [u8; 32]>,
    /// Messages for which devices have asked for a retry.
    pub(super) retried: HashMap<(Jid, String), HashSet<Jid>>,
    pub(super) faults: Faults,
    pub(super) mute: Mute,
    /// Blobs on the media server, by path.
    pub(super) blobs: HashMap<String, Vec<u8>>,
    /// Number of downloads that the media server still refuses, by path.
    pub(super) refused_blobs: HashMap<String, u32>,
    /// Refusals of an account's next logins, by phone number.
    pub(super) refused: HashMap<String, Node>,
    due: BTreeMap<(u64, u64), Later>,
    next_id: u64,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("links", &self.links)
            .finish_non_exhaustive()
    }
}

impl World {
    pub(super) fn new(
        surroundings: Surroundings,
        journal_max: usize,
        uploads_replace: bool,
    ) -> Self {
        Self {
            uploads_replace,
            random: surroundings.entropy.random(),
            surroundings,
            accounts: Accounts::default(),
            groups: BTreeMap::new(),
            new_groups: Addressing::default(),
            links: HashMap::new(),
            journal: Journal::new(journal_max),
            sent: HashMap::new(),
            retried: HashMap::new(),
            faults: Faults::default(),
            mute: Mute::default(),
            blobs: HashMap::new(),
            refused_blobs: HashMap::new(),
            refused: HashMap::new(),
            due: BTreeMap::new(),
            next_id: 1,
        }
    }

    /// Handles one event.
    pub(super) fn handle(&mut self, event: Event) {
        match event {
            Event::Opened(opened) => self.open(opened),
            Event::Stanza(link, node) => self.receive(link, node),
            Event::Closed(link) => {
                let now_ms = self.surroundings.clock.mono_ms();
                self.journal.closed(now_ms, link);
                self.forget(link);
            }
            Event::Call(work) => work(self),
        }
    }

    /// Returns all logins so far, oldest first.
    pub(super) fn logins(&self) -> Vec<Login> {
        self.journal.logins(self.surroundings.clock.mono_ms())
    }

    /// Returns the time until the next deferred work.
    pub(super) fn wait(&self) -> Duration {
        let now_ms = self.surroundings.clock.mono_ms();
        let first = self.due.keys().next();
        first.map_or(IDLE, |(at_ms, _)| {
            Duration::from_millis(at_ms.saturating_sub(now_ms))
        })
    }

    /// Runs all deferred work that is due.
    pub(super) fn run_due(&mut self) {
        let now_ms = self.surroundings.clock.mono_ms();
        while let Some(entry) = self.due.first_entry() {
            if now_ms < entry.key().0 {
                return;
            }
            entry.remove()(self);
        }
    }

    /// Runs `work` after `delay`.
    pub(super) fn later(&mut self, delay: Duration, work: Later) {
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        let at_ms = self.surroundings.clock.mono_ms().saturating_add(delay_ms);
        let number = self.take_id();
        self.due.insert((at_ms, number), work);
    }

    /// Returns a number that the server has not used yet.
    pub(super) fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Returns the wall-clock time (Unix s).
    pub(super) fn unix_s(&self) -> u64 {
        u64::try_from(self.surroundings.clock.unix_ms() / 1000).unwrap_or(0)
    }

    /// Sends a stanza without applying faults. The connection may have closed.
    pub(super) fn transmit(&mut self, link: LinkId, node: Node) {
        let unix_ms = self.surroundings.clock.unix_ms();
        let Some(open) = self.links.get(&link) else {
            return;
        };
        let device = match &open.peer {
            Peer::Device(jid) => Some(jid),
            Peer::Unpaired(_) | Peer::Leaving => None,
        };
        self.journal
            .note(unix_ms, link, device, Direction::Out, &node);
        if open.to_client.try_send(Outgoing::Node(node)).is_err() {
            // The client does not read or has gone. Unconfirmed stanzas stay queued.
            self.forget(link);
        }
    }

    /// Sends a last stanza, if any, and closes the connection.
    pub(super) fn dismiss(&mut self, link: LinkId, last: Option<Node>) {
        let end = match last {
            Some(node) => {
                self.transmit(link, node);
                Outgoing::Close
            }
            None => Outgoing::Cut,
        };
        self.release(link);
        if let Some(open) = self.links.get_mut(&link) {
            open.peer = Peer::Leaving;
            // If the channel is full, dropping the link below breaks the connection as well.
            let _ = open.to_client.try_send(end);
        }
        self.links.remove(&link);
    }

    fn open(&mut self, opened: Opened) {
        let link = opened.link;
        self.links.insert(
            link,
            Link {
                peer: Peer::Leaving,
                to_client: opened.to_client,
            },
        );
        match (&opened.payload.device_pairing_data, opened.payload.username) {
            (Some(data), _) => self.begin_pairing(link, opened.client, data),
            (None, Some(user)) => {
                let device = u16::try_from(opened.payload.device.unwrap_or(0)).unwrap_or(0);
                let jid = Jid::user(user.to_string()).with_device(device);
                self.log_in(link, &opened.client, jid);
            }
            (None, None) => self.dismiss(link, Some(stanza::failure(400))),
        }
    }

    fn log_in(&mut self, link: LinkId, client: &PublicKey, jid: Jid) {
        let device = self.accounts.device(&jid);
        let Some(device) = device.filter(|device| device.noise.as_ref() == Some(client)) else {
            return self.dismiss(link, Some(stanza::failure(401)));
        };
        if let Some(refusal) = self.refused.get(&jid.user).cloned() {
            return self.dismiss(link, Some(refusal));
        }
        if let Some(older) = device.link {
            self.dismiss(older, Some(stanza::replaced()));
        }
        let Some(account) = self.accounts.get_mut(&jid) else {
            return;
        };
        let lid = account.lid(jid.device);
        if let Some(device) = account.devices.get_mut(&jid.device) {
            device.link = Some(link);
            device.was_here = true;
        }
        if let Some(open) = self.links.get_mut(&link) {
            open.peer = Peer::Device(jid.clone());
        }
        let now_ms = self.surroundings.clock.mono_ms();
        self.journal.logged_in(now_ms, link, &jid);
        let success = Node::new("success")
            .attr("t", self.unix_s())
            .attr("lid", lid);
        self.send(link, success);
        self.send_waiting(link, &jid);
        self.give_app_state_keys(&jid);
    }

    /// Handles a client's stanza without applying faults.
    pub(super) fn take(&mut self, link: LinkId, node: &Node) {
        let Some(open) = self.links.get(&link) else {
            return;
        };
        let device = match &open.peer {
            Peer::Device(jid) => Some(jid.clone()),
            Peer::Unpaired(_) => None,
            Peer::Leaving => return,
        };
        let unix_ms = self.surroundings.clock.unix_ms();
        self.journal
            .note(unix_ms, link, device.as_ref(), Direction::In, node);
        let Some(device) = device else {
            return self.receive_unpaired(link, node);
        };
        match node.tag.as_str() {
            "iq" => self.answer(link, &device, node),
            "message" => self.route_message(link, &device, node),
            "receipt" => self.route_receipt(link, &device, node),
            "ack" => self.settle(&device, node),
            // Presence, typing and client hints need no response.
            _ => (),
        }
    }

    /// Removes a closed connection. Its unconfirmed stanzas are sent again on the next connection.
    fn forget(&mut self, link: LinkId) {
        self.forget_mute(link);
        self.release(link);
        self.links.remove(&link);
    }

    fn release(&mut self, link: LinkId) {
        let Some(Peer::Device(jid)) = self.links.get(&link).map(|open| &open.peer) else {
            return;
        };
        if let Some(device) = self.accounts.device_mut(&jid.clone())
            && device.link == Some(link)
        {
            device.link = None;
        }
    }

    /// Creates an account with a phone, or leaves an existing one unchanged. Returns its LID.
    pub(super) fn add_account(&mut self, number: &str, name: &str) -> Jid {
        let jid = Jid::user(number);
        if let Some(account) = self.accounts.get(&jid) {
            return account.lid(0);
        }
        let mut phone = Phone::generate(&mut *self.random);
        let keys = phone.published();
        let mut device = Device::new(None, 0, keys);
        device.one_time = phone.one_time_keys(&mut *self.random).into();
        // Fifteen digits, unlike any phone number of a test.
        let hidden = 100_000_000_000_000 + u64::from(random::number(&mut *self.random));
        let mut account = Account::new(number, hidden.to_string(), name, phone);
        account.devices.insert(0, device);
        let lid = account.lid(0);
        self.accounts.insert(account);
        lid
    }

    /// Simulates a reinstallation of the account's app: new keys and no companions.
    pub(super) fn reinstall(&mut self, account: &Jid) -> Result<(), SimError> {
        let devices = self.accounts.get(account).ok_or(SimError::UnknownAccount)?;
        let companions: Vec<Jid> = devices.companions();
        for companion in companions {
            self.remove_device(&companion)?;
        }
        let mut fresh = Phone::generate(&mut *self.random);
        let mut device = Device::new(None, 0, fresh.published());
        device.one_time = fresh.one_time_keys(&mut *self.random).into();
        if let Some(account) = self.accounts.get_mut(account) {
            account.phone.reinstall(fresh);
            account.devices.insert(0, device);
        }
        for contact in self.companions_of_contacts(account) {
            self.notify(&contact, account, "encrypt", Node::new("identity"));
        }
        Ok(())
    }

    pub(super) fn devices(&self, account: &Jid) -> Result<Vec<DeviceView>, SimError> {
        let account = self.accounts.get(account);
        Ok(account.ok_or(SimError::UnknownAccount)?.views())
    }

    pub(super) fn phone_inbox(&self, account: &Jid) -> Result<Vec<Incoming>, SimError> {
        let account = self.accounts.get(account);
        Ok(account
            .ok_or(SimError::UnknownAccount)?
            .phone
            .inbox()
            .to_vec())
    }

    pub(super) fn phone_inbox_len(&self, account: &Jid) -> Result<usize, SimError> {
        let account = self.accounts.get(account);
        Ok(account.ok_or(SimError::UnknownAccount)?.phone.inbox().len())
    }

    pub(super) fn phone_sent(&self, account: &Jid) -> Result<Vec<(String, String)>, SimError> {
        let account = self.accounts.get(account);
        let sent = &account.ok_or(SimError::UnknownAccount)?.phone.sent;
        let texts = sent.iter();
        Ok(texts
            .map(|(id, sent)| (id.clone(), sent.text.clone()))
            .collect())
    }

    pub(super) fn phone_heard(&self, account: &Jid) -> Result<Vec<Heard>, SimError> {
        let account = self.accounts.get(account);
        let account = account.ok_or(SimError::UnknownAccount)?;
        Ok(account.phone.heard().to_vec())
    }

    /// Removes a companion, as the phone would. The client is logged out.
    pub(super) fn remove_device(&mut self, jid: &Jid) -> Result<(), SimError> {
        let device = self.accounts.device(jid).ok_or(SimError::UnknownDevice)?;
        let (link, key_index) = (device.link, device.key_index);
        if let Some(link) = link {
            self.dismiss(link, Some(stanza::device_removed()));
        }
        if let Some(account) = self.accounts.get_mut(jid) {
            account.devices.remove(&jid.device);
        }
        self.tell_devices(jid, "remove", key_index);
        Ok(())
    }

    /// Sends a raw stanza to a device. Fails with `UnknownDevice` if it is not connected.
    pub(super) fn push_raw(&mut self, jid: &Jid, node: Node) -> Result<(), SimError> {
        let device = self.accounts.device(jid);
        let link = device.and_then(|device| device.link);
        self.send(link.ok_or(SimError::UnknownDevice)?, node);
        Ok(())
    }

    /// Closes a device's connection after sending `last`, or breaks it without a stanza. Fails with
    /// `UnknownDevice` if it is not connected.
    pub(super) fn disconnect(&mut self, jid: &Jid, last: Option<Node>) -> Result<(), SimError> {
        let device = self.accounts.device(jid);
        let link = device.and_then(|device| device.link);
        self.dismiss(link.ok_or(SimError::UnknownDevice)?, last);
        Ok(())
    }
}
