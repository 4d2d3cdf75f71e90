//! The rows that a unit of work reads and writes, as plain values.
//!
//! Nothing here knows a database: a [`RowKey`] names one row of one account, a [`Row`] is its
//! value. The store maps them onto tables; the session only ever sees these.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::ids::{Address, Jid, MessageId};
use crate::secret::Secret;

pub use crate::appstate::Collection;

/// The rows at hand: `None` says that the row is known to be absent.
///
/// Filled by the owner with what `Session::wants` asked for; the session keeps it
/// in step with the changes that it hands out, so that several inputs can share one transaction.
/// Thrown away as a whole when a commit fails or its outcome is unknown.
#[derive(Debug, Default)]
pub struct Rows {
    rows: HashMap<RowKey, Option<Row>>,
    /// The first row that was read without being known: whoever read it saw a false absence.
    missed: Mutex<Option<RowKey>>,
}

impl Rows {
    /// Takes in what the store answered.
    pub fn load(&mut self, loaded: impl IntoIterator<Item = (RowKey, Option<Row>)>) {
        self.rows.extend(loaded);
    }

    /// Whether the row, or its absence, is known.
    pub fn knows(&self, key: &RowKey) -> bool {
        self.rows.contains_key(key)
    }

    /// The row; `None` where it is absent. A row that was never loaded reads as absent too, and is
    /// remembered as missed, so that nothing that follows from it is carried out.
    pub fn row(&self, key: &RowKey) -> Option<&Row> {
        let known = self.rows.get(key);
        if known.is_none() {
            let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
            missed.get_or_insert_with(|| key.clone());
        }
        known.and_then(Option::as_ref)
    }

    /// Records what a change makes of the row.
    pub fn set(&mut self, key: RowKey, row: Option<Row>) {
        self.rows.insert(key, row);
    }

    /// The row that was read without being known, once.
    pub(super) fn take_missed(&mut self) -> Option<RowKey> {
        self.missed
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// The keys of the rows at hand for which that holds.
    pub(super) fn keys_where(&self, holds: impl Fn(&RowKey, &Row) -> bool) -> Vec<RowKey> {
        let rows = self.rows.iter();
        rows.filter(|(key, row)| row.as_ref().is_some_and(|row| holds(key, row)))
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Changes the rows at hand, which the store changes by itself.
    pub(super) fn edit(&mut self, mut edit: impl FnMut(&RowKey, &mut Option<Row>)) {
        self.rows.iter_mut().for_each(|(key, row)| edit(key, row));
    }

    /// Forgets one row: it has to be loaded again before it is read.
    pub(super) fn forget(&mut self, key: &RowKey) {
        self.rows.remove(key);
    }

    /// Forgets the MACs of a collection, which go with its version.
    pub(super) fn forget_app_state_macs(&mut self, of: Collection) {
        self.rows.retain(
            |key, _| !matches!(key, RowKey::AppStateMac { collection, .. } if *collection == of),
        );
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// How many rows are held.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Names one row of one account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowKey {
    /// The ratchet with one device (`whatsmeow_sessions`).
    Ratchet(Address),
    /// The identity key of one device (`whatsmeow_identity_keys`).
    Identity(Address),
    /// The sender key of one device in one group (`whatsmeow_sender_keys`).
    SenderKey { chat: Jid, sender: Address },
    /// Which devices hold our own sender key of one group (`wmctl_sender_key_share`).
    SenderKeyShare(Jid),
    /// One of our one-time pre-keys (`whatsmeow_pre_keys`).
    PreKey(u32),
    /// The LID of a phone-number user (`whatsmeow_lid_map`).
    LidOf(Jid),
    /// The phone-number user behind a LID (`whatsmeow_lid_map`).
    PnOf(Jid),
    /// The device list of a user (`wmctl_device_list`).
    Devices(Jid),
    /// Members and addressing mode of a group (`wmctl_group`).
    Group(Jid),
    /// What we know of a person (`whatsmeow_contacts`). A put adds to the row: fields that are
    /// `None` keep their stored value.
    Contact(Jid),
    /// Whether an event with this key was committed already (`wmctl_event`).
    Seen(Dedupe),
    /// How often an incoming message was asked for again (`wmctl_retry`).
    Retry(Dedupe),
    /// A history that is not taken in yet (`wmctl_history`).
    History(Dedupe),
    /// How far a history is taken in: a part of its row, written only.
    HistoryDone(Dedupe),
    /// The history that comes next, read only.
    NextHistory,
    /// A message that an application sends (`wmctl_outbox`).
    Outbox(MessageId),
    /// The secret that answers to a message are encrypted with (`whatsmeow_message_secrets`).
    MessageSecret {
        chat: Jid,
        sender: Jid,
        id: MessageId,
    },
    /// A token that allows messages to a person (`whatsmeow_privacy_tokens`).
    PrivacyToken(Jid),
    /// Mute, pin and archive of a chat (`whatsmeow_chat_settings`).
    ChatSettings(Jid),
    /// An app state key (`whatsmeow_app_state_sync_keys`).
    AppStateKey(Vec<u8>),
    /// Version and hash of an app state collection (`whatsmeow_app_state_version`). Its deletion
    /// deletes the collection's MACs.
    AppStateVersion(Collection),
    /// The newest value MAC under an index MAC (`whatsmeow_app_state_mutation_macs`).
    AppStateMac {
        collection: Collection,
        index_mac: [u8; 32],
    },
}

/// The value of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A stored ratchet or sender key record (libsignal record protobuf).
    Record(Vec<u8>),
    Identity([u8; 32]),
    SenderKeyShare(SenderKeyShare),
    PreKey(PreKeyRow),
    /// Answer to [`RowKey::LidOf`] and [`RowKey::PnOf`]: a user without device.
    User(Jid),
    Devices(DeviceList),
    Group(GroupInfo),
    Contact(Contact),
    /// The event exists; its sequence number.
    Seen(i64),
    Retry(RetryRow),
    History(HistoryRow),
    HistoryDone {
        done: u64,
        failures: u32,
    },
    Outbox(OutboxRow),
    MessageSecret(Vec<u8>),
    PrivacyToken {
        token: Vec<u8>,
        timestamp_s: i64,
    },
    ChatSettings(ChatSettings),
    AppStateKey(AppStateKey),
    AppStateVersion {
        version: u64,
        hash: Vec<u8>,
    },
    AppStateMac {
        version: u64,
        value_mac: [u8; 32],
    },
}

/// What makes an event unique within one account: kind, chat, sender and message, as one text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dedupe(pub String);

/// A one-time pre-key: the private half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreKeyRow {
    pub private: Secret<32>,
    /// The server is known to have it.
    pub uploaded: bool,
}

/// The devices that were given our current sender key of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SenderKeyShare {
    /// Key id of the sender key that was shared.
    pub key_id: u32,
    pub devices: Vec<Address>,
}

/// The devices of one user, as the server listed them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceList {
    /// Device ids with their key index (0 for the phone).
    pub devices: Vec<(u16, u32)>,
    pub fetched_ms: i64,
}

/// How a group's participants are addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    Pn,
    Lid,
}

/// What a send to a group needs to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupInfo {
    pub subject: String,
    pub addressing: Addressing,
    pub participants: Vec<Participant>,
    pub fetched_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// The participant under the group's addressing mode.
    pub jid: Jid,
    /// The same person's phone-number JID, where the server said it.
    pub pn: Option<Jid>,
    /// The same person's LID, where the server said it.
    pub lid: Option<Jid>,
    pub admin: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    pub first_name: Option<String>,
    pub full_name: Option<String>,
    pub push_name: Option<String>,
    pub business_name: Option<String>,
    pub redacted_phone: Option<String>,
}

/// An incoming message that could not be decrypted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryRow {
    /// Retry receipts sent so far.
    pub count: u32,
    pub first_ms: i64,
}

/// A history that the phone announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// Of the message that announced it.
    pub dedupe: Dedupe,
    pub at_ms: i64,
    /// A `HistorySyncNotification` protobuf.
    pub notification: Vec<u8>,
    /// Entries that were taken in.
    pub done: u64,
    /// Downloads that failed.
    pub failures: u32,
}

/// A message on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    pub id: MessageId,
    pub to: Jid,
    /// The plain `Message` protobuf, kept for retry receipts.
    pub body: Vec<u8>,
    pub state: OutboxState,
    /// The encrypted stanza (binary XML), kept until the server's ack: a resend repeats its bytes.
    pub stanza: Option<Vec<u8>>,
    pub queued_ms: i64,
    pub sent_ms: Option<i64>,
    pub delivered_ms: Option<i64>,
    pub read_ms: Option<i64>,
    /// Why it failed: a stable code.
    pub error: Option<String>,
    /// Retry receipts answered, over all requesters.
    pub resends: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutboxState {
    /// Accepted from the application, not encrypted.
    Queued,
    /// Encrypted and committed; transmitted at least once or about to be; no server ack yet.
    Encrypted,
    /// The server acknowledged it.
    Sent,
    /// Refused for good.
    Failed,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatSettings {
    /// Seconds since the epoch; -1 for ever, 0 not muted.
    pub muted_until_s: i64,
    pub pinned: bool,
    pub archived: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppStateKey {
    pub data: Vec<u8>,
    pub fingerprint: Vec<u8>,
    pub timestamp: i64,
}
