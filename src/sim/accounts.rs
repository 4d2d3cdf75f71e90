//! The account directory: accounts by phone number and by LID, and their devices.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

use crate::crypto::curve::PublicKey;
use crate::crypto::hash;
use crate::crypto::random::Random;
use crate::ids::{Jid, Server};
use crate::sim::collections::AppState;
use crate::sim::link::LinkId;
use crate::sim::phone::Phone;
use crate::sim::published::{DeviceLabel, Published};
use crate::sim::queue::Queue;

/// Highest device number; the binary format has one byte for it.
const DEVICE_MAX: u16 = 255;

/// A device as the server knows it. Number 0 is the phone.
#[derive(Debug)]
pub(super) struct Device {
    /// Static Noise key of its connections. Phones have none, because they live in this process.
    pub(super) noise: Option<PublicKey>,
    /// Key index that the phone assigned when it signed the device.
    pub(super) key_index: u32,
    pub(super) keys: Published,
    /// Unused one-time pre-keys: id and public key, oldest first.
    pub(super) one_time: VecDeque<(u32, PublicKey)>,
    /// All one-time pre-keys that it ever uploaded, by id.
    pub(super) one_time_known: BTreeMap<u32, PublicKey>,
    /// Stanzas that it has not confirmed.
    pub(super) queue: Queue,
    /// Its connection, if it is logged in.
    pub(super) link: Option<LinkId>,
    /// Whether it has ever logged in.
    pub(super) was_here: bool,
    pub(super) looks: DeviceLabel,
}

impl Device {
    pub(super) fn new(noise: Option<PublicKey>, key_index: u32, keys: Published) -> Self {
        Self {
            noise,
            key_index,
            keys,
            one_time: VecDeque::new(),
            one_time_known: BTreeMap::new(),
            queue: Queue::default(),
            link: None,
            was_here: false,
            looks: DeviceLabel::default(),
        }
    }
}

/// The visible state of a device.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DeviceView {
    /// JID by phone number.
    pub jid: Jid,
    /// JID by LID.
    pub lid: Jid,
    /// Key index that the phone assigned when it signed the device.
    pub key_index: u32,
    /// Number of unused one-time pre-keys.
    pub one_time_keys: usize,
    /// Number of stanzas that it has not confirmed.
    pub queued: usize,
    /// Whether it is logged in.
    pub connected: bool,
    /// Name and platform as the phone lists them.
    #[serde(flatten)]
    pub looks: DeviceLabel,
}

/// An account with its phone and its companions.
#[derive(Debug)]
pub(super) struct Account {
    /// Phone number, digits only.
    pub(super) number: String,
    /// User part of the LID.
    pub(super) hidden: String,
    /// Name that others see.
    pub(super) name: String,
    pub(super) phone: Phone,
    /// Devices by number; 0 is the phone.
    pub(super) devices: BTreeMap<u16, Device>,
    /// Phone numbers of the accounts with which it exchanged messages.
    pub(super) contacts: BTreeSet<String>,
    pub(super) app_state: AppState,
    /// Time at which the phone last signed its device list (Unix s), and the signed bytes; `None`
    /// before the first signature.
    pub(super) signed_devices: Option<(u64, Vec<u8>)>,
    next_device: u16,
}

impl Account {
    pub(super) fn new(number: &str, hidden: String, name: &str, phone: Phone) -> Self {
        Self {
            number: number.to_owned(),
            hidden,
            name: name.to_owned(),
            phone,
            devices: BTreeMap::new(),
            contacts: BTreeSet::new(),
            app_state: AppState::default(),
            signed_devices: None,
            next_device: 1,
        }
    }

    /// Returns the JID of a device: by LID if `like` is [`Server::Lid`], otherwise by phone number.
    pub(super) fn address(&self, like: Server, device: u16) -> Jid {
        match like {
            Server::Lid => self.lid(device),
            _ => self.pn(device),
        }
    }

    /// Returns the JID of a device by phone number.
    pub(super) fn pn(&self, device: u16) -> Jid {
        Jid::user(&self.number).with_device(device)
    }

    /// Returns the JID of a device by LID.
    pub(super) fn lid(&self, device: u16) -> Jid {
        Jid::lid(&self.hidden).with_device(device)
    }

    /// Returns all devices except the phone.
    pub(super) fn companions(&self) -> Vec<Jid> {
        let numbers = self.devices.keys().filter(|number| **number != 0);
        numbers.map(|number| self.pn(*number)).collect()
    }

    /// Adds a companion that was linked elsewhere. New companions get other numbers.
    pub(super) fn adopt(&mut self, number: u16, device: Device) {
        self.next_device = self.next_device.max(number.saturating_add(1));
        self.devices.insert(number, device);
    }

    /// Returns a device number that was never used, or `None` if there is none left.
    pub(super) fn take_device_number(&mut self) -> Option<u16> {
        let number = self.next_device;
        if DEVICE_MAX < number {
            return None;
        }
        self.next_device += 1;
        Some(number)
    }

    /// Makes the phone sign its device list. Must be called after each change of the list.
    pub(super) fn sign_devices(&mut self, now_s: u64, random: &mut dyn Random) {
        let indexes: Vec<u32> = self
            .devices
            .iter()
            .filter(|(number, _)| **number != 0)
            .map(|(_, device)| device.key_index)
            .collect();
        let last = u32::from(self.next_device.saturating_sub(1));
        self.signed_devices = (!indexes.is_empty()).then(|| {
            let list = self.phone.sign_key_indexes(last, indexes, now_s, random);
            (now_s, list)
        });
    }

    /// Returns the hash by which clients compare device lists. All JIDs are of the same kind.
    ///
    /// Source: whatsmeow 33cfac51 `send.go` (`participantListHashV2`) and `notification.go`.
    pub(super) fn device_hash(&self, like: Server) -> String {
        let server = match like {
            Server::Lid => "lid",
            _ => "s.whatsapp.net",
        };
        let user = &self.address(like, 0).user;
        let mut devices: Vec<String> = self
            .devices
            .keys()
            .map(|number| format!("{user}.0:{number}@{server}"))
            .collect();
        devices.sort();
        let hash = hash::sha256(&[devices.concat().as_bytes()]);
        format!("2:{}", BASE64.encode(&hash[..6]))
    }

    pub(super) fn views(&self) -> Vec<DeviceView> {
        let view = |(number, device): (&u16, &Device)| DeviceView {
            jid: self.pn(*number),
            lid: self.lid(*number),
            key_index: device.key_index,
            one_time_keys: device.one_time.len(),
            queued: device.queue.len(),
            connected: device.link.is_some(),
            looks: device.looks.clone(),
        };
        self.devices.iter().map(view).collect()
    }
}

/// All accounts, with an index by LID.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    by_number: BTreeMap<String, Account>,
    numbers: BTreeMap<String, String>,
}

impl Accounts {
    pub(super) fn insert(&mut self, account: Account) {
        self.numbers
            .insert(account.hidden.clone(), account.number.clone());
        self.by_number.insert(account.number.clone(), account);
    }

    /// Returns the lowest phone number.
    pub(super) fn first(&self) -> Option<&str> {
        self.by_number.keys().next().map(String::as_str)
    }

    /// Returns the account of a JID of either kind; the device number is ignored.
    pub(super) fn get(&self, jid: &Jid) -> Option<&Account> {
        self.by_number.get(self.number(jid)?)
    }

    pub(super) fn get_mut(&mut self, jid: &Jid) -> Option<&mut Account> {
        let number = self.number(jid)?.to_owned();
        self.by_number.get_mut(&number)
    }

    pub(super) fn device(&self, jid: &Jid) -> Option<&Device> {
        self.get(jid)?.devices.get(&jid.device)
    }

    pub(super) fn device_mut(&mut self, jid: &Jid) -> Option<&mut Device> {
        self.get_mut(jid)?.devices.get_mut(&jid.device)
    }

    /// Converts a JID of either kind to the phone number kind.
    pub(super) fn canonical(&self, jid: &Jid) -> Option<Jid> {
        Some(self.get(jid)?.pn(jid.device))
    }

    fn number<'a>(&'a self, jid: &'a Jid) -> Option<&'a str> {
        match jid.server {
            Server::User | Server::Legacy => Some(&jid.user),
            Server::Lid => self.numbers.get(&jid.user).map(String::as_str),
            _ => None,
        }
    }
}
