//! Everything in a folder except the account itself: collected file by file, then stored as our
//! rows are.
//!
//! Baileys 7 stores a person under the LID if it is known. Baileys 6 writes no domain, so a name
//! may be a phone number or a LID, and one person may appear under both. Two names with the same
//! identity key are one person. If it cannot be decided, data is stored under both addresses, one
//! of which belongs to no one.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use wmctl_proto::message::AppStateSyncKeyFingerprint;

use crate::ids::{Address, Jid, Server};
use crate::secret::Secret;
use crate::session::account::Account;
use crate::session::rows::{AppStateKey, Collection, PreKeyRow, Row, RowKey, SenderKeyShare};
use crate::signal::parts::GroupParts;
use crate::signal::sealed::Identity;
use crate::store::transfer::foreign::baileys::folder::{self, Folder};
use crate::store::transfer::foreign::baileys::form::{
    Bytes, Holders, Number, Pair, Record, SenderKeyState, SyncKey, SyncVersion, Token,
};
use crate::store::transfer::foreign::baileys::name::{DeviceName, Name};
use crate::store::transfer::foreign::baileys::owner;
use crate::store::transfer::foreign::baileys::signal::{self, Loaded};
use crate::store::transfer::foreign::people::People;

type Fault = &'static str;
type Rows = BTreeMap<RowKey, Row>;

/// LIDs have 14 or 15 digits. A name with fewer digits than this is not a LID; otherwise it may be
/// one.
const LID_DIGITS_MIN: usize = 13;
/// A name with this many digits is unlikely to be a phone number.
const LID_DIGITS: usize = 14;

/// The contents of a folder's files.
pub(super) struct Found {
    own: Identity,
    uploaded_below: u32,
    /// Rows that do not belong to a person.
    rows: Rows,
    ratchets: BTreeMap<DeviceName, Vec<Loaded>>,
    identities: BTreeMap<DeviceName, [u8; 32]>,
    sender_keys: BTreeMap<(Jid, DeviceName), Vec<GroupParts>>,
    holders: BTreeMap<Jid, Vec<Jid>>,
    tokens: BTreeMap<Jid, (Vec<u8>, i64)>,
    token_times: BTreeMap<Jid, i64>,
    lid_of: BTreeMap<String, String>,
    number_of: BTreeMap<String, String>,
}

impl Found {
    pub(super) fn new(own: Identity, uploaded_below: u32) -> Self {
        Self {
            own,
            uploaded_below,
            rows: Rows::new(),
            ratchets: BTreeMap::new(),
            identities: BTreeMap::new(),
            sender_keys: BTreeMap::new(),
            holders: BTreeMap::new(),
            tokens: BTreeMap::new(),
            token_times: BTreeMap::new(),
            lid_of: BTreeMap::new(),
            number_of: BTreeMap::new(),
        }
    }

    /// Reads a file and keeps its content. The error says what is wrong with it.
    pub(super) fn take(&mut self, folder: &Folder, file: &str, name: &Name) -> Result<(), Fault> {
        match name {
            Name::PreKey(id) => self.take_pre_key(*id, &folder.read(file)?)?,
            Name::Session(place) => {
                let record: Record = folder.read(file)?;
                let ratchets = signal::ratchets(record, &self.own)?;
                self.ratchets.insert(place.clone(), ratchets);
            }
            Name::Identity(place) => {
                let key = signal::public(&folder.read(file)?)?;
                self.identities.insert(place.clone(), key.0);
            }
            Name::SenderKey { chat, sender } => {
                // A text stored as bytes, in which bytes are written as numbers.
                let text: Bytes = folder.read(file)?;
                let states: Vec<SenderKeyState> =
                    serde_json::from_slice(&text.0).map_err(|error| folder::fault(&error))?;
                let place = (chat.clone(), sender.clone());
                self.sender_keys.insert(place, signal::chains(states)?);
            }
            Name::Holders(chat) => {
                let holders: Holders = folder.read(file)?;
                let holders = holders.0.iter().filter(|(_, holds)| *holds == Some(true));
                let jids = holders.filter_map(|(jid, _)| jid.parse().ok());
                self.holders.insert(chat.clone(), jids.collect());
            }
            Name::SyncKey(id) => self.take_sync_key(id, folder.read(file)?)?,
            Name::SyncVersion(name) => self.take_sync_version(name, folder.read(file)?)?,
            Name::LidOf(number) => {
                self.lid_of
                    .insert(number.clone(), user(folder.read(file)?)?);
            }
            Name::NumberOf(lid) => {
                self.number_of
                    .insert(lid.clone(), user(folder.read(file)?)?);
            }
            Name::Token(jid) => self.take_token(jid, folder.read(file)?),
            Name::Odd => return Err("its name tells nothing"),
            Name::Other => (),
        }
        Ok(())
    }

    fn take_pre_key(&mut self, id: u32, pair: &Pair) -> Result<(), Fault> {
        let pair = owner::pair(pair)?;
        let row = PreKeyRow {
            private: Secret::new(*pair.private.expose()),
            uploaded: id < self.uploaded_below,
        };
        self.rows.insert(RowKey::PreKey(id), Row::PreKey(row));
        Ok(())
    }

    fn take_sync_key(&mut self, id: &[u8], key: SyncKey) -> Result<(), Fault> {
        let fingerprint = key.fingerprint.map(|print| AppStateSyncKeyFingerprint {
            raw_id: print.raw_id,
            current_index: print.current_index,
            device_indexes: print.device_indexes,
        });
        let row = AppStateKey {
            data: signal::secret(&key.key_data)?.expose().to_vec(),
            fingerprint: fingerprint.unwrap_or_default().encode_to_vec(),
            timestamp: key.timestamp.unwrap_or_default().0,
        };
        let key = RowKey::AppStateKey(id.to_vec());
        self.rows.insert(key, Row::AppStateKey(row));
        Ok(())
    }

    fn take_sync_version(&mut self, name: &str, found: SyncVersion) -> Result<(), Fault> {
        const HASH_BYTES: usize = 128;
        let collection = Collection::named(name).ok_or("its name tells nothing")?;
        let version = u64::try_from(found.version.0).map_err(|_| "a number is out of range")?;
        if found.hash.0.len() != HASH_BYTES {
            return Err("the hash has the wrong length");
        }
        let mut macs = Vec::new();
        for (index_mac, value) in &found.index_value_map.0 {
            let index_mac = super::form::base64(index_mac);
            let index_mac = index_mac.and_then(|mac| mac.as_slice().try_into().ok());
            let value_mac = value.value_mac.0.as_slice().try_into().ok();
            let macs_of = index_mac.zip(value_mac);
            let (index_mac, value_mac) = macs_of.ok_or("a MAC has the wrong length")?;
            let key = RowKey::AppStateMac {
                collection,
                index_mac,
            };
            // The patch that added the MAC is not recorded. Only the newest MAC of an index counts.
            macs.push((key, Row::AppStateMac { version, value_mac }));
        }
        let hash = found.hash.0.to_vec();
        let row = Row::AppStateVersion { version, hash };
        self.rows.insert(RowKey::AppStateVersion(collection), row);
        self.rows.extend(macs);
        Ok(())
    }

    fn take_token(&mut self, jid: &Jid, found: Token) {
        let token = found.token.filter(|token| !token.0.is_empty());
        if let Some(token) = token {
            let given_s = found.timestamp.unwrap_or_default().0;
            let row = (token.0.to_vec(), given_s);
            self.tokens.insert(jid.clone(), row);
        }
        if let Some(Number(sent_s)) = found.sender_timestamp {
            self.token_times.insert(jid.clone(), sent_s);
        }
    }

    /// Returns all rows, and when we gave people our privacy tokens.
    pub(super) fn into_rows(mut self, account: &Account) -> (Rows, BTreeMap<Jid, i64>) {
        let known = Known::of(&self);
        let mut people = self.people(&known);
        people.learn_own(account);
        let mut rows = std::mem::take(&mut self.rows);
        self.file_ratchets(&people, &known, &mut rows);
        self.file_sender_keys(account, &people, &known, &mut rows);
        for (jid, (token, timestamp_s)) in self.tokens {
            let key = RowKey::PrivacyToken(people.home(&jid.bare()));
            rows.insert(key, Row::PrivacyToken { token, timestamp_s });
        }
        let times = self.token_times.into_iter();
        let times = times.map(|(jid, sent_s)| (people.home(&jid.bare()), sent_s));
        // Our own pair is part of the account's row.
        let own = RowKey::LidOf(account.jid.bare());
        rows.extend(people.rows().filter(|(key, _)| *key != own));
        (rows, times.collect())
    }

    fn file_ratchets(&mut self, people: &People, known: &Known, rows: &mut Rows) {
        let mut filed: BTreeMap<Address, Vec<Loaded>> = BTreeMap::new();
        for (place, loaded) in std::mem::take(&mut self.ratchets) {
            for at in known.homes(&place, people) {
                filed.entry(at).or_default().extend(loaded.iter().cloned());
            }
        }
        for (place, identity) in &self.identities {
            for at in known.homes(place, people) {
                rows.insert(RowKey::Identity(at), Row::Identity(*identity));
            }
        }
        for (at, loaded) in filed {
            let newest = signal::newest_identity(&loaded);
            let ratchet = signal::together(loaded);
            if let Some(identity) = newest {
                rows.insert(RowKey::Identity(at.clone()), Row::Identity(identity.0));
                rows.insert(RowKey::Ratchet(at), Row::Record(ratchet.encode()));
            }
        }
    }

    fn file_sender_keys(
        &mut self,
        account: &Account,
        people: &People,
        known: &Known,
        rows: &mut Rows,
    ) {
        let mut filed: BTreeMap<(Jid, Address), Vec<GroupParts>> = BTreeMap::new();
        // Names with a domain sort last, and they are newer.
        for ((chat, sender), chains) in std::mem::take(&mut self.sender_keys).into_iter().rev() {
            for at in known.homes(&sender, people) {
                let place = filed.entry((chat.clone(), at)).or_default();
                place.extend(chains.iter().cloned());
            }
        }
        let own = people.home(&account.jid).address();
        for ((chat, sender), chains) in filed {
            let key = signal::sender_key(chains);
            let Some(key_id) = key.id() else { continue };
            if let Some(holders) = self.holders.get(&chat).filter(|_| sender == own) {
                let devices = holders.iter().map(|jid| people.home(jid).address());
                let devices: BTreeSet<Address> = devices.collect();
                let devices = devices.into_iter().collect();
                let share = SenderKeyShare { key_id, devices };
                let row = Row::SenderKeyShare(share);
                rows.insert(RowKey::SenderKeyShare(chat.clone()), row);
            }
            let place = RowKey::SenderKey { chat, sender };
            rows.insert(place, Row::Record(key.encode()));
        }
    }

    /// Returns the mapping of phone numbers and LIDs, from Baileys' own files and from identity
    /// keys.
    fn people(&self, known: &Known) -> People {
        let mut people = People::default();
        // A phone number may have moved to another LID, or a LID to another number. Then only one
        // side of the old pair was rewritten.
        for (number, lid) in &self.lid_of {
            if self.number_of.get(lid).is_none_or(|back| back == number) {
                people.learn(number, lid);
            }
        }
        for (lid, number) in &self.number_of {
            if !self.lid_of.contains_key(number) {
                people.learn(number, lid);
            }
        }
        let mut owners: BTreeMap<[u8; 32], Owner<'_>> = BTreeMap::new();
        for (place, loaded) in &self.ratchets {
            for (identity, proved) in signal::identities(loaded) {
                let owner = owners.entry(identity.0).or_default();
                owner.named.insert((&place.user, known.kind(place)));
                owner.proved |= proved;
            }
        }
        for owner in owners.into_values().filter(|owner| owner.proved) {
            let named: Vec<_> = owner.named.into_iter().collect();
            let [one, other] = named[..] else { continue };
            for (number, lid) in [(one, other), (other, one)] {
                let is_number = number.1 == Some(Server::User);
                let is_lid = match lid.1 {
                    Some(server) => server == Server::Lid,
                    None => LID_DIGITS <= lid.0.len(),
                };
                if is_number && is_lid {
                    people.learn(number.0, lid.0);
                }
            }
        }
        people
    }
}

/// The names under which one identity key appears.
#[derive(Default)]
struct Owner<'a> {
    named: BTreeSet<(&'a str, Option<Server>)>,
    /// One of them has answered, so the key certainly belongs to that person.
    proved: bool,
}

/// What is known about users whose files do not show their kind.
struct Known {
    /// Whether the folder's names contain domains, as those of version 7 do.
    with_domains: bool,
    numbers: BTreeSet<String>,
    lids: BTreeSet<String>,
}

impl Known {
    fn of(found: &Found) -> Self {
        let places = found.ratchets.keys().chain(found.identities.keys());
        let mut places = places.chain(found.sender_keys.keys().map(|(_, place)| place));
        let mut known = Self {
            with_domains: places.any(|place| place.domain.is_some()) || !found.lid_of.is_empty(),
            numbers: found.lid_of.keys().cloned().collect(),
            lids: found.number_of.keys().cloned().collect(),
        };
        let named = found.holders.values().flatten().chain(found.tokens.keys());
        for jid in named {
            if jid.is_lid() {
                known.lids.insert(jid.user.clone());
            } else if jid.is_phone_number() {
                known.numbers.insert(jid.user.clone());
            }
        }
        known
    }

    /// Returns whether the user is a phone number or a LID, if that can be decided.
    fn kind(&self, place: &DeviceName) -> Option<Server> {
        let user = &place.user;
        match place.domain {
            Some(Server::Lid | Server::HostedLid) => Some(Server::Lid),
            Some(_) => Some(Server::User),
            None if self.lids.contains(user) && !self.numbers.contains(user) => Some(Server::Lid),
            None if self.with_domains
                || self.numbers.contains(user)
                || user.len() < LID_DIGITS_MIN =>
            {
                Some(Server::User)
            }
            None => None,
        }
    }

    /// Returns the addresses under which a device is stored.
    fn homes(&self, place: &DeviceName, people: &People) -> Vec<Address> {
        let kind = self.kind(place).or_else(|| people.kind(&place.user));
        let servers = match kind {
            Some(server) => vec![server],
            None => vec![Server::User, Server::Lid],
        };
        let at = |server| {
            let device = Jid::new(place.user.clone(), server).with_device(place.device);
            people.home(&device).address()
        };
        servers.into_iter().map(at).collect()
    }
}

/// Parses a user from the mapping.
fn user(text: String) -> Result<String, Fault> {
    let is_user = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let user = Jid::checked(&text, Server::User, 0).ok();
    user.filter(|_| is_user)
        .map(|jid| jid.user)
        .ok_or("it names no user")
}
