//! Reads an SQLite file of whatsapp-rust 0.7, which holds several numbered accounts.
//!
//! Its addresses are `USER[:DEVICE]@lid.0` and `USER[:DEVICE]@c.us.0`. Its records are those of
//! libsignal, with an extra field that says which of our counters may have been used. One record
//! holds the sender keys of all devices of a person, with an address that names no device.
//!
//! Source: whatsapp-rust 0.7.0 `wacore/libsignal/src/core/address.rs`.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use sqlx::AssertSqlSafe;
use wmctl_proto::adv::AdvSignedDeviceIdentity;

use crate::crypto::curve::{KeyPair, PublicKey};
use crate::ids::{Jid, Server};
use crate::secret::Secret;
use crate::session::account::{Account, SignedPreKey};
use crate::session::pairing::device_identity::AdvIdentity;
use crate::session::rows::{AppStateKey, Collection, PreKeyRow, Row, RowKey, SenderKeyShare};
use crate::signal::ratchet::Ratchet;
use crate::signal::sender_key::SenderKey;
use crate::store::db::{Column, Row as Stored, Tx, args};
use crate::store::transfer::catalog;
use crate::store::transfer::foreign::account::ForeignAccount;
use crate::store::transfer::foreign::people::People;
use crate::store::transfer::report::Origin;
use crate::store::transfer::report::{Damage, TransferError};

/// The maximum number of rows read from one table.
const ROWS_MAX: i64 = 1_000_000;
/// The maximum size of a value, in bytes. A ratchet with all the keys that it may keep can be this
/// large.
const VALUE_BYTES_MAX: i64 = 8 << 20;

/// The tables that identify its files: no other client has both.
const TABLES: [&str; 2] = ["device", "lid_pn_mapping"];

const DEVICES: &str = "
    SELECT id, pn, lid, registration_id, noise_key, identity_key, signed_pre_key,
        signed_pre_key_id, signed_pre_key_signature, adv_secret_key, account, push_name,
        edge_routing_info, next_pre_key_id, nct_salt
    FROM device ORDER BY id LIMIT 1000";
const LIDS: &str = "
    SELECT lid, phone_number FROM lid_pn_mapping WHERE device_id = $1 ORDER BY updated_at DESC";
const PRE_KEYS: &str = "SELECT id, key, uploaded FROM prekeys WHERE device_id = $1";
const SESSIONS: &str = "SELECT address, record FROM sessions WHERE device_id = $1 ORDER BY address";
const IDENTITIES: &str = "SELECT address, key FROM identities WHERE device_id = $1";
const SENDER_KEYS: &str = "
    SELECT address, record FROM sender_keys WHERE device_id = $1 ORDER BY address";
const HOLDERS: &str = "
    SELECT group_jid, device_jid FROM sender_key_devices WHERE device_id = $1 AND has_key <> 0";
const SYNC_KEYS: &str = "SELECT key_id, key_data FROM app_state_keys WHERE device_id = $1";
const SYNC_VERSIONS: &str = "SELECT name, state_data FROM app_state_versions WHERE device_id = $1";
const MACS: &str = "
    SELECT name, version, index_mac, value_mac FROM app_state_mutation_macs WHERE device_id = $1";
const TOKENS: &str = "
    SELECT jid, token, token_timestamp, sender_timestamp FROM tc_tokens WHERE device_id = $1";
const SECRETS: &str = "
    SELECT chat, sender, msg_id, secret FROM msg_secrets WHERE device_id = $1";

/// The tables and their largest columns.
const SIZES: [(&str, &str); 11] = [
    ("lid_pn_mapping", "lid"),
    ("prekeys", "key"),
    ("sessions", "record"),
    ("identities", "key"),
    ("sender_keys", "record"),
    ("sender_key_devices", "device_jid"),
    ("app_state_keys", "key_data"),
    ("app_state_versions", "state_data"),
    ("app_state_mutation_macs", "value_mac"),
    ("tc_tokens", "token"),
    ("msg_secrets", "secret"),
];

/// The extra field of a record: the first of our counters that was certainly not used.
///
/// Source: whatsapp-rust 0.7.0 `wacore/libsignal/src/protocol/local_field.rs`.
#[derive(Clone, PartialEq, Message)]
struct Reserved {
    #[prost(uint32, repeated, packed = "false", tag = "100")]
    counters: Vec<u32>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredPreKey {
    #[prost(bytes = "vec", optional, tag = "2")]
    public: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "3")]
    private: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredSyncKey {
    #[prost(bytes = "vec", tag = "1")]
    data: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    fingerprint: Vec<u8>,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct StoredVersion {
    #[prost(uint64, tag = "1")]
    version: u64,
    #[prost(bytes = "vec", tag = "2")]
    hash: Vec<u8>,
}

type Fault = &'static str;

const TYPE: Fault = "a value is missing or of another type";
const LENGTH: Fault = "a key, hash or signature has the wrong length";
const RANGE: Fault = "a number is out of range";
const ADDRESS: Fault = "an address is none";
const RECORD: Fault = "the record cannot be decoded";
const RESERVED: Fault = "the record's counters are too far apart";

/// Returns whether a database is a file of whatsapp-rust.
pub(in crate::store::transfer) async fn is_one(tx: &mut Tx) -> Result<bool, TransferError> {
    for table in TABLES {
        if !catalog::exists(tx, table).await? {
            return Ok(false);
        }
    }
    Ok(matches!(tx, Tx::Sqlite(_)))
}

/// Reads the account of the given device, or the only account.
pub(in crate::store::transfer) async fn read(
    tx: &mut Tx,
    wanted: Option<&Jid>,
) -> Result<ForeignAccount, TransferError> {
    let (id, account) = account(tx, wanted).await?;
    for (table, column) in SIZES {
        must_be_bounded(tx, table, column, id).await?;
    }
    let mut reading = Reading::new(account);
    reading.learn(tx, id).await?;
    let tables: [(&'static str, &'static str, Take); 10] = [
        (PRE_KEYS, "whatsmeow_pre_keys", Reading::take_pre_key),
        (
            IDENTITIES,
            "whatsmeow_identity_keys",
            Reading::take_identity,
        ),
        (SESSIONS, "whatsmeow_sessions", Reading::take_session),
        (
            SENDER_KEYS,
            "whatsmeow_sender_keys",
            Reading::take_sender_key,
        ),
        (HOLDERS, "wmctl_sender_key_share", Reading::take_holder),
        (
            SYNC_KEYS,
            "whatsmeow_app_state_sync_keys",
            Reading::take_sync_key,
        ),
        (
            SYNC_VERSIONS,
            "whatsmeow_app_state_version",
            Reading::take_sync_version,
        ),
        (MACS, "whatsmeow_app_state_mutation_macs", Reading::take_mac),
        (TOKENS, "whatsmeow_privacy_tokens", Reading::take_token),
        (SECRETS, "whatsmeow_message_secrets", Reading::take_secret),
    ];
    for (sql, table, take) in tables {
        for row in tx.rows(sql, args![id]).await? {
            let damaged = |what| Damage {
                table: table.to_owned(),
                row: named(&row),
                what,
            };
            if let Err(what) = take(&mut reading, &row) {
                reading.foreign.damaged.push(damaged(what));
            }
        }
    }
    Ok(reading.end())
}

type Take = fn(&mut Reading, &Stored) -> Result<(), Fault>;

/// Returns the wanted device, and its number in the file.
async fn account(tx: &mut Tx, wanted: Option<&Jid>) -> Result<(i64, Account), TransferError> {
    let rows = tx.rows(DEVICES, args![]).await?;
    let mut paired = Vec::new();
    for row in &rows {
        let jid = value::<String>(row, 1)
            .ok()
            .and_then(|text| text.parse::<Jid>().ok());
        let accepted = value::<Option<Vec<u8>>>(row, 10).ok().flatten();
        if let Some((jid, accepted)) = jid.zip(accepted).filter(|(jid, _)| jid.device != 0) {
            paired.push((people_name(jid), accepted, row));
        }
    }
    let there: Vec<String> = paired.iter().map(|(jid, ..)| jid.to_string()).collect();
    if there.is_empty() {
        let why = "no row of its table device has a signed identity: it was never paired";
        return Err(TransferError::SourceUnpaired(why));
    }
    paired.retain(|(jid, ..)| wanted.is_none_or(|wanted| wanted == jid));
    let [(jid, accepted, row)] = &paired[..] else {
        return Err(match (paired.is_empty(), wanted) {
            (true, Some(wanted)) => TransferError::Absent {
                wanted: format!("device {wanted}"),
                there,
            },
            _ => TransferError::Several { there },
        });
    };
    let damaged = |what| TransferError::File {
        file: format!("device {jid}"),
        what,
    };
    let id = value(row, 0).map_err(damaged)?;
    Ok((id, decode(row, jid, accepted).map_err(damaged)?))
}

fn people_name(jid: Jid) -> Jid {
    match jid.server {
        Server::Legacy => Jid::user(jid.user).with_device(jid.device),
        _ => jid,
    }
}

fn decode(row: &Stored, jid: &Jid, accepted: &[u8]) -> Result<Account, Fault> {
    let adv = AdvSignedDeviceIdentity::decode(accepted).map_err(|_| RECORD)?;
    let lid: String = value(row, 2)?;
    let lid = match lid.is_empty() {
        true => None,
        false => Some(lid.parse::<Jid>().ok().filter(Jid::is_lid).ok_or(ADDRESS)?),
    };
    // The column stores registration ids as signed numbers.
    let registration_id: i64 = value(row, 3)?;
    Ok(Account {
        jid: jid.clone(),
        lid: lid.map(|lid| lid.with_device(jid.device)),
        registration_id: (registration_id & 0xFFFF_FFFF)
            .try_into()
            .map_err(|_| RANGE)?,
        noise: pair(&value::<Vec<u8>>(row, 4)?)?,
        identity: pair(&value::<Vec<u8>>(row, 5)?)?,
        signed_pre_key: SignedPreKey {
            pair: pair(&value::<Vec<u8>>(row, 6)?)?,
            id: number(row, 7)?,
            signature: array(&value::<Vec<u8>>(row, 8)?)?,
        },
        adv_secret: Secret::new(array(&value::<Vec<u8>>(row, 9)?)?),
        adv: AdvIdentity {
            details: adv.details.unwrap_or_default(),
            account_signature: array(&adv.account_signature.unwrap_or_default())?,
            account_signature_key: array(&adv.account_signature_key.unwrap_or_default())?,
            device_signature: array(&adv.device_signature.unwrap_or_default())?,
        },
        platform: String::new(),
        business_name: String::new(),
        push_name: value(row, 11)?,
        next_pre_key_id: number(row, 13)?.max(1),
        routing_info: value(row, 12)?,
        ended: None,
    })
}

/// An account that is being read.
struct Reading {
    foreign: ForeignAccount,
    people: People,
    /// The devices that have ratchets, by person.
    devices: BTreeMap<Jid, BTreeSet<u16>>,
    holders: BTreeMap<Jid, Vec<Jid>>,
    salt: Option<Vec<u8>>,
}

impl Reading {
    fn new(account: Account) -> Self {
        Self {
            foreign: ForeignAccount {
                origin: Origin::WhatsappRust,
                account,
                rows: BTreeMap::new(),
                salt: None,
                token_times: BTreeMap::new(),
                damaged: Vec::new(),
                changed_s: None,
            },
            people: People::default(),
            devices: BTreeMap::new(),
            holders: BTreeMap::new(),
            salt: None,
        }
    }

    async fn learn(&mut self, tx: &mut Tx, id: i64) -> Result<(), TransferError> {
        const SALT: &str = "SELECT nct_salt FROM device WHERE id = $1";
        self.people.learn_own(&self.foreign.account);
        for row in tx.rows(LIDS, args![id]).await? {
            let pair = value::<String>(&row, 0).and_then(|lid| Ok((lid, value(&row, 1)?)));
            let pair = pair.and_then(|(lid, number): (String, String)| {
                let lid = Jid::checked(&lid, Server::Lid, 0).map_err(|_| ADDRESS)?;
                let number = Jid::checked(&number, Server::User, 0).map_err(|_| ADDRESS)?;
                Ok((lid, number))
            });
            match pair {
                // The newest pair comes first.
                Ok((lid, number)) => self.people.learn(&number.user, &lid.user),
                Err(what) => self.foreign.damaged.push(Damage {
                    table: String::from("whatsmeow_lid_map"),
                    row: named(&row),
                    what,
                }),
            }
        }
        let row = tx.row(SALT, args![id]).await?;
        self.salt = row.and_then(|row| value::<Option<Vec<u8>>>(&row, 0).ok().flatten());
        Ok(())
    }

    fn put(&mut self, key: RowKey, row: Row) {
        self.foreign.rows.insert(key, row);
    }

    /// Returns the address under which a device is stored.
    fn home(&self, address: &str) -> Result<Jid, Fault> {
        let text = address.strip_suffix(".0").ok_or(ADDRESS)?;
        let jid: Jid = text.parse().map_err(|_| ADDRESS)?;
        let is_device = jid.is_account() || (jid.server == Server::Legacy && !jid.user.is_empty());
        is_device.then(|| self.people.home(&jid)).ok_or(ADDRESS)
    }

    fn take_pre_key(&mut self, row: &Stored) -> Result<(), Fault> {
        let id = number(row, 0)?;
        let stored: Vec<u8> = value(row, 1)?;
        let stored = StoredPreKey::decode(&stored[..]).map_err(|_| RECORD)?;
        let pair = KeyPair::from_private(array(&stored.private.unwrap_or_default())?);
        let public = stored.public.as_deref().and_then(PublicKey::from_signal);
        if public.is_some_and(|public| public != pair.public) {
            return Err("the halves of a key do not belong together");
        }
        let row = PreKeyRow {
            private: Secret::new(*pair.private.expose()),
            uploaded: value(row, 2)?,
        };
        self.put(RowKey::PreKey(id), Row::PreKey(row));
        Ok(())
    }

    fn take_identity(&mut self, row: &Stored) -> Result<(), Fault> {
        let at = self.home(&value::<String>(row, 0)?)?;
        let key = RowKey::Identity(at.address());
        let identity = Row::Identity(array(&value::<Vec<u8>>(row, 1)?)?);
        self.put(key, identity);
        Ok(())
    }

    fn take_session(&mut self, row: &Stored) -> Result<(), Fault> {
        let address: String = value(row, 0)?;
        let record: Vec<u8> = value(row, 1)?;
        let home = self.home(&address)?;
        let devices = self.devices.entry(home.bare()).or_default();
        devices.insert(home.device);
        let at = RowKey::Ratchet(home.address());
        let mut ratchet = Ratchet::decode(&record).map_err(|_| RECORD)?;
        if !ratchet.skip_to(reserved(&record)?) {
            return Err(RESERVED);
        }
        let known = match self.foreign.rows.get(&at) {
            Some(Row::Record(record)) => Ratchet::decode(record).ok(),
            _ => None,
        };
        // The same person under both addresses: the ratchet under the LID is newer.
        let ratchet = match known {
            Some(known) if address.contains("@lid") => ratchet.with(known),
            Some(known) => known.with(ratchet),
            None => ratchet,
        };
        self.put(at, Row::Record(ratchet.encode()));
        Ok(())
    }

    fn take_sender_key(&mut self, row: &Stored) -> Result<(), Fault> {
        let address: String = value(row, 0)?;
        let record: Vec<u8> = value(row, 1)?;
        let (chat, sender) = address
            .split_once('@')
            .and_then(|(user, rest)| Some((user.len() + 1 + rest.find(':')?, &address)))
            .map(|(at, address)| (&address[..at], &address[at + 1..]))
            .ok_or(ADDRESS)?;
        let chat: Jid = chat.parse().map_err(|_| ADDRESS)?;
        if !(chat.is_group() || chat.is_broadcast()) {
            return Err(ADDRESS);
        }
        let mut key = SenderKey::decode(&record).map_err(|_| RECORD)?;
        if !key.skip_to(reserved(&record)?) {
            return Err(RESERVED);
        }
        if key.id().is_none() {
            return Ok(());
        }
        let record = key.encode();
        for device in self.senders(&self.home(sender)?) {
            let place = RowKey::SenderKey {
                chat: chat.clone(),
                sender: device.address(),
            };
            // The key under the LID is newer.
            if sender.contains("@lid") || !self.foreign.rows.contains_key(&place) {
                self.put(place, Row::Record(record.clone()));
            }
        }
        Ok(())
    }

    /// Returns the devices that a sender key may belong to. Only our own key is stored with its
    /// device.
    fn senders(&self, home: &Jid) -> Vec<Jid> {
        let own = self.people.home(&self.foreign.account.jid);
        if *home == own || home.device != 0 {
            return vec![home.clone()];
        }
        let known = self.devices.get(home).into_iter().flatten();
        let devices: BTreeSet<u16> = known.copied().chain([0]).collect();
        let devices = devices
            .into_iter()
            .map(|device| home.clone().with_device(device));
        devices.filter(|device| *device != own).collect()
    }

    fn take_holder(&mut self, row: &Stored) -> Result<(), Fault> {
        let chat: Jid = value::<String>(row, 0)?.parse().map_err(|_| ADDRESS)?;
        let device: Jid = value::<String>(row, 1)?.parse().map_err(|_| ADDRESS)?;
        self.holders.entry(chat).or_default().push(device);
        Ok(())
    }

    fn take_sync_key(&mut self, row: &Stored) -> Result<(), Fault> {
        const DATA_BYTES: usize = 32;
        let (id, stored) = (value::<Vec<u8>>(row, 0)?, value::<Vec<u8>>(row, 1)?);
        let stored = StoredSyncKey::decode(&stored[..]).ok();
        // Keys of an older format count as missing, and are requested from the phone again.
        if let Some(stored) = stored.filter(|stored| stored.data.len() == DATA_BYTES) {
            let row = AppStateKey {
                data: stored.data,
                fingerprint: stored.fingerprint,
                timestamp: stored.timestamp,
            };
            self.put(RowKey::AppStateKey(id), Row::AppStateKey(row));
        }
        Ok(())
    }

    fn take_sync_version(&mut self, row: &Stored) -> Result<(), Fault> {
        const HASH_BYTES: usize = 128;
        let name: String = value(row, 0)?;
        let stored: Vec<u8> = value(row, 1)?;
        let Some(collection) = Collection::named(&name) else {
            return Ok(());
        };
        let stored = StoredVersion::decode(&stored[..]).ok();
        // A version of an older format, or without content, is skipped: the collection is then
        // fetched in full.
        let is_whole =
            |stored: &StoredVersion| 0 < stored.version && stored.hash.len() == HASH_BYTES;
        if let Some(stored) = stored.filter(is_whole) {
            let StoredVersion { version, hash } = stored;
            let row = Row::AppStateVersion { version, hash };
            self.put(RowKey::AppStateVersion(collection), row);
        }
        Ok(())
    }

    fn take_mac(&mut self, row: &Stored) -> Result<(), Fault> {
        let name: String = value(row, 0)?;
        let Some(collection) = Collection::named(&name) else {
            return Ok(());
        };
        // A MAC without its collection's version is meaningless.
        if !self
            .foreign
            .rows
            .contains_key(&RowKey::AppStateVersion(collection))
        {
            return Ok(());
        }
        let version: i64 = value(row, 1)?;
        let key = RowKey::AppStateMac {
            collection,
            index_mac: array(&value::<Vec<u8>>(row, 2)?)?,
        };
        let mac = Row::AppStateMac {
            version: u64::try_from(version).map_err(|_| RANGE)?,
            value_mac: array(&value::<Vec<u8>>(row, 3)?)?,
        };
        self.put(key, mac);
        Ok(())
    }

    fn take_token(&mut self, row: &Stored) -> Result<(), Fault> {
        let text: String = value(row, 0)?;
        // Usually the user part alone: a LID, if one is known.
        let jid = match text.contains('@') {
            true => text.parse().map_err(|_| ADDRESS)?,
            false => {
                let server = self.people.kind(&text).unwrap_or(Server::Lid);
                Jid::checked(&text, server, 0).map_err(|_| ADDRESS)?
            }
        };
        let jid = self.people.home(&jid.bare());
        let (token, timestamp_s): (Vec<u8>, i64) = (value(row, 1)?, value(row, 2)?);
        if let Some(sent_s) = value::<Option<i64>>(row, 3)? {
            self.foreign.token_times.insert(jid.clone(), sent_s);
        }
        if !token.is_empty() {
            let row = Row::PrivacyToken { token, timestamp_s };
            self.put(RowKey::PrivacyToken(jid), row);
        }
        Ok(())
    }

    fn take_secret(&mut self, row: &Stored) -> Result<(), Fault> {
        let address = |at| {
            value::<String>(row, at)?
                .parse::<Jid>()
                .map_err(|_| ADDRESS)
        };
        let key = RowKey::MessageSecret {
            chat: address(0)?,
            sender: address(1)?,
            id: value::<String>(row, 2)?
                .parse()
                .map_err(|_| "an id is none")?,
        };
        let secret: [u8; 32] = array(&value::<Vec<u8>>(row, 3)?)?;
        self.put(key, Row::MessageSecret(secret.to_vec()));
        Ok(())
    }

    fn end(mut self) -> ForeignAccount {
        let own = self.people.home(&self.foreign.account.jid).address();
        for (chat, devices) in std::mem::take(&mut self.holders) {
            let place = RowKey::SenderKey {
                chat: chat.clone(),
                sender: own.clone(),
            };
            let key = match self.foreign.rows.get(&place) {
                Some(Row::Record(record)) => SenderKey::decode(record).ok(),
                _ => None,
            };
            let Some(key_id) = key.and_then(|key| key.id()) else {
                continue;
            };
            let devices = devices.iter().map(|jid| self.people.home(jid).address());
            let mut devices: Vec<_> = devices.collect();
            devices.sort_unstable();
            devices.dedup();
            let share = SenderKeyShare { key_id, devices };
            self.put(RowKey::SenderKeyShare(chat), Row::SenderKeyShare(share));
        }
        let own = RowKey::LidOf(self.foreign.account.jid.bare());
        let pairs = self.people.rows().filter(|(key, _)| *key != own);
        self.foreign.rows.extend(pairs);
        self.foreign.salt = self.salt;
        self.foreign
    }
}

/// Returns the first of our counters that no message has used.
fn reserved(record: &[u8]) -> Result<u32, Fault> {
    let found = Reserved::decode(record).map_err(|_| RECORD)?;
    Ok(found.counters.into_iter().max().unwrap_or(0))
}

async fn must_be_bounded(
    tx: &mut Tx,
    table: &str,
    column: &str,
    id: i64,
) -> Result<(), TransferError> {
    let sql = format!(
        "SELECT COUNT(*), COALESCE(MAX(length({column})), 0) FROM {table} WHERE device_id = $1"
    );
    let row = tx.built_row(AssertSqlSafe(sql), args![id]).await?;
    let sizes = row.map(|row| Ok::<_, Fault>((value::<i64>(&row, 0)?, value::<i64>(&row, 1)?)));
    let what = match sizes.transpose() {
        Ok(Some((rows, _))) if ROWS_MAX < rows => "it has more than a million rows",
        Ok(Some((_, bytes))) if VALUE_BYTES_MAX < bytes => "a value has more than 8 MiB",
        Ok(_) => return Ok(()),
        Err(what) => what,
    };
    let file = format!("table {table}");
    Err(TransferError::File { file, what })
}

fn value<T: Column>(row: &Stored, at: usize) -> Result<T, Fault> {
    row.column("source", at).map_err(|_| TYPE)
}

fn number(row: &Stored, at: usize) -> Result<u32, Fault> {
    u32::try_from(value::<i64>(row, at)?).map_err(|_| RANGE)
}

fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Fault> {
    bytes.try_into().map_err(|_| LENGTH)
}

/// Decodes a key pair from one value and checks that its halves fit together.
fn pair(bytes: &[u8]) -> Result<KeyPair, Fault> {
    let (private, public) = bytes.split_at_checked(32).ok_or(LENGTH)?;
    let pair = KeyPair::from_private(array(private)?);
    match PublicKey::from_slice(public) {
        Some(public) if public == pair.public => Ok(pair),
        Some(_) => Err("the halves of a key do not belong together"),
        None => Err(LENGTH),
    }
}

/// Returns what identifies a row.
fn named(row: &Stored) -> String {
    const SHOWN_CHARS: usize = 80;
    match (value::<String>(row, 0), value::<i64>(row, 0)) {
        (Ok(text), _) => text
            .chars()
            .flat_map(char::escape_default)
            .take(SHOWN_CHARS)
            .collect(),
        (_, Ok(number)) => number.to_string(),
        _ => String::from("a row"),
    }
}
