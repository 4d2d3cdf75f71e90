//! The rows that a unit of work reads and writes, as plain values.
//!
//! No database is visible here. A [`RowKey`] names one row of one account, and a [`Row`] is its
//! value. The store maps both to tables.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::ids::{Address, Jid, MessageId};
use crate::secret::Secret;

pub use crate::appstate::Collection;

/// The loaded rows of one account. A stored `None` means that the row is known to be absent.
///
/// The owner loads the rows that `Session::wants` returns. The session keeps them in step with the
/// changes that it returns, so several inputs can share one transaction. The owner discards all
/// rows if a commit fails or its outcome is unknown. Between units of work it evicts rows beyond
/// its byte limit; rows can be loaded again at any time.
#[derive(Debug, Default)]
pub struct Rows {
    rows: HashMap<RowKey, AtHand>,
    /// Approximate size of all rows, in bytes.
    bytes: usize,
    /// Number of committed units of work (wraps). Rows that an older unit used last are evicted
    /// first.
    unit: u32,
    /// The first row that was read without being loaded. Its reader saw a false absence.
    missed: Mutex<Option<RowKey>>,
}

/// One loaded row.
#[derive(Debug)]
struct AtHand {
    row: Option<Box<Row>>,
    /// Approximate size of key and row, in bytes.
    bytes: usize,
    /// The last unit that used the row.
    used: AtomicU32,
}

impl Rows {
    /// Stores rows that the database returned.
    pub fn load(&mut self, loaded: impl IntoIterator<Item = (RowKey, Option<Row>)>) {
        for (key, row) in loaded {
            self.set(key, row);
        }
    }

    /// Returns whether the row, or its absence, is loaded.
    pub fn knows(&self, key: &RowKey) -> bool {
        self.find(key).is_some()
    }

    /// Returns the row, or `None` if it is absent. A row that was never loaded also reads as
    /// absent. It is recorded as missed, so that the output of this unit is discarded.
    pub fn row(&self, key: &RowKey) -> Option<&Row> {
        let known = self.find(key);
        if known.is_none() {
            let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
            missed.get_or_insert_with(|| key.clone());
        }
        known.and_then(|at_hand| at_hand.row.as_deref())
    }

    fn find(&self, key: &RowKey) -> Option<&AtHand> {
        let found = self.rows.get(key)?;
        found.used.store(self.unit, Ordering::Relaxed);
        Some(found)
    }

    /// Records the new value of a row.
    pub fn set(&mut self, key: RowKey, row: Option<Row>) {
        let row = row.map(Box::new);
        let bytes = key.bytes() + row.as_ref().map_or(0, |row| row.bytes());
        let at_hand = AtHand {
            row,
            bytes,
            used: AtomicU32::new(self.unit),
        };
        self.bytes += bytes;
        if let Some(before) = self.rows.insert(key, at_hand) {
            self.bytes -= before.bytes;
        }
    }

    /// Removes and returns the key of a row that was read without being loaded.
    pub(super) fn take_missed(&mut self) -> Option<RowKey> {
        self.missed
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Returns the keys of present rows that satisfy `holds`.
    pub(super) fn keys_where(&self, holds: impl Fn(&RowKey, &Row) -> bool) -> Vec<RowKey> {
        let holds =
            |key, at_hand: &AtHand| at_hand.row.as_deref().is_some_and(|row| holds(key, row));
        let rows = self.rows.iter();
        rows.filter(|(key, at_hand)| holds(key, at_hand))
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Edits all loaded rows, for changes that the store applies to its tables by itself.
    pub(super) fn edit(&mut self, mut edit: impl FnMut(&RowKey, &mut Option<Row>)) {
        for (key, at_hand) in &mut self.rows {
            let mut row = at_hand.row.take().map(|row| *row);
            edit(key, &mut row);
            at_hand.row = row.map(Box::new);
            self.bytes -= at_hand.bytes;
            at_hand.bytes = key.bytes() + at_hand.row.as_ref().map_or(0, |row| row.bytes());
            self.bytes += at_hand.bytes;
        }
    }

    /// Evicts one row; it must be loaded again before it is read.
    pub(super) fn forget(&mut self, key: &RowKey) {
        if let Some(before) = self.rows.remove(key) {
            self.bytes -= before.bytes;
        }
    }

    /// Evicts the MACs of a collection. The store deletes them together with its version.
    pub(super) fn forget_app_state_macs(&mut self, of: Collection) {
        self.keep(
            |key, _| !matches!(key, RowKey::AppStateMac { collection, .. } if *collection == of),
        );
    }

    /// Evicts everything.
    pub fn clear(&mut self) {
        self.rows = HashMap::new();
        self.bytes = 0;
    }

    /// Ends a committed unit of work. Evicts rows that are not used again, then the least recently
    /// used rows until at most `bytes_max` bytes remain.
    pub fn settle(&mut self, bytes_max: usize) {
        self.keep(|key, at_hand| key.is_used_again(at_hand.row.as_deref()));
        if bytes_max < self.bytes {
            // Evict down to three quarters of the limit, so that not every unit has to search.
            let target = bytes_max - bytes_max / 4;
            let mut ages: Vec<(u32, usize)> = self.rows.values().map(AtHand::age).collect();
            ages.sort_unstable();
            let mut left = self.bytes;
            let mut oldest = ages.into_iter();
            let mut upto = None;
            while target < left
                && let Some((used, bytes)) = oldest.next()
            {
                left -= bytes;
                upto = Some(used);
            }
            self.keep(|_, at_hand| upto.is_some_and(|upto| upto < at_hand.age().0));
        }
        if self.rows.len() < self.rows.capacity() / 4 {
            self.rows.shrink_to_fit();
        }
        self.unit = self.unit.wrapping_add(1);
    }

    fn keep(&mut self, wanted: impl Fn(&RowKey, &AtHand) -> bool) {
        let bytes = &mut self.bytes;
        self.rows.retain(|key, at_hand| {
            let wanted = wanted(key, at_hand);
            if !wanted {
                *bytes -= at_hand.bytes;
            }
            wanted
        });
    }

    /// Returns the approximate size of all rows, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns whether no row is loaded.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl AtHand {
    fn age(&self) -> (u32, usize) {
        (self.used.load(Ordering::Relaxed), self.bytes)
    }
}

impl RowKey {
    /// Returns whether later units are likely to need the row. Rows that belong to one message, and
    /// finished rows, are not kept.
    fn is_used_again(&self, row: Option<&Row>) -> bool {
        match self {
            Self::Seen(_)
            | Self::Retry(_)
            | Self::PreKey(_)
            | Self::MessageSecret { .. }
            | Self::AppStateMac { .. }
            | Self::HistoryDone(_) => false,
            Self::Outbox(_) => {
                let open = [OutboxState::Queued, OutboxState::Encrypted];
                matches!(row, Some(Row::Outbox(row)) if open.contains(&row.state))
            }
            _ => true,
        }
    }

    /// Returns the approximate size of an entry without its row, in bytes.
    fn bytes(&self) -> usize {
        let texts = match self {
            Self::Ratchet(address) | Self::Identity(address) => address.as_str().len(),
            Self::SenderKey { chat, sender } => chat.user.len() + sender.as_str().len(),
            Self::SenderKeyShare(jid)
            | Self::LidOf(jid)
            | Self::PnOf(jid)
            | Self::Devices(jid)
            | Self::Group(jid)
            | Self::Contact(jid)
            | Self::PrivacyToken(jid)
            | Self::ChatSettings(jid) => jid.user.len(),
            Self::Seen(dedupe)
            | Self::Retry(dedupe)
            | Self::History(dedupe)
            | Self::HistoryDone(dedupe) => dedupe.0.len(),
            Self::Outbox(id) => id.as_str().len(),
            Self::MessageSecret { chat, sender, id } => {
                chat.user.len() + sender.user.len() + id.as_str().len()
            }
            Self::AppStateKey(id) => id.len(),
            Self::PreKey(_)
            | Self::NextHistory
            | Self::NextUnread
            | Self::AppStateVersion(_)
            | Self::AppStateMac { .. } => 0,
        };
        size_of::<(Self, AtHand)>() + texts
    }
}

impl Row {
    /// Returns the approximate size in bytes.
    pub(super) fn bytes(&self) -> usize {
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let parts = match self {
            Self::Record(record) => record.len(),
            Self::SenderKeyShare(share) => {
                let device = |address: &Address| size_of::<Address>() + address.as_str().len();
                share.devices.iter().map(device).sum()
            }
            Self::User(jid) => jid.user.len(),
            Self::Unread(dedupe) | Self::SpoiltHistory(dedupe) => dedupe.0.len(),
            Self::Retry(row) => row.unread.as_ref().map_or(0, |unread| {
                unread.chat.user.len() + unread.sender.user.len() + unread.id.as_str().len()
            }),
            Self::Devices(list) => size_of_val(&list.devices[..]),
            Self::Group(group) => {
                let jid = |jid: &Option<Jid>| jid.as_ref().map_or(0, |jid| jid.user.len());
                let one = |one: &Participant| one.jid.user.len() + jid(&one.pn) + jid(&one.lid);
                let members = group.participants.iter().map(one).sum::<usize>();
                group.subject.len() + size_of_val(&group.participants[..]) + members
            }
            Self::Contact(contact) => {
                optional(&contact.first_name)
                    + optional(&contact.full_name)
                    + optional(&contact.push_name)
                    + optional(&contact.business_name)
                    + optional(&contact.redacted_phone)
            }
            Self::History(history) => history.dedupe.0.len() + history.notification.len(),
            Self::Outbox(row) => {
                let stanza = row.stanza.as_ref().map_or(0, Vec::len);
                row.body.len() + stanza + row.to.user.len() + optional(&row.error)
            }
            Self::MessageSecret(secret) => secret.len(),
            Self::PrivacyToken { token, .. } => token.len(),
            Self::AppStateKey(key) => key.data.len() + key.fingerprint.len(),
            Self::AppStateVersion { hash, .. } => hash.len(),
            Self::Identity(_)
            | Self::PreKey(_)
            | Self::Seen(_)
            | Self::HistoryDone { .. }
            | Self::ChatSettings(_)
            | Self::AppStateMac { .. } => 0,
        };
        size_of::<Self>() + parts
    }
}

/// The name of one row of one account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowKey {
    /// The ratchet with one device (`whatsmeow_sessions`).
    Ratchet(Address),
    /// The identity key of one device (`whatsmeow_identity_keys`).
    Identity(Address),
    /// The sender key of one device in one group (`whatsmeow_sender_keys`).
    SenderKey { chat: Jid, sender: Address },
    /// The devices that have our own sender key of one group (`wmctl_sender_key_share`).
    SenderKeyShare(Jid),
    /// One of our one-time pre-keys (`whatsmeow_pre_keys`).
    PreKey(u32),
    /// The LID of a phone-number user (`whatsmeow_lid_map`).
    LidOf(Jid),
    /// The phone-number user behind a LID (`whatsmeow_lid_map`).
    PnOf(Jid),
    /// The device list of a user (`wmctl_device_list`).
    Devices(Jid),
    /// The members and addressing mode of a group (`wmctl_group`).
    Group(Jid),
    /// The contact of a person (`whatsmeow_contacts`). A put merges: fields that are `None` keep
    /// their stored value.
    Contact(Jid),
    /// Whether an event with this dedupe key is committed (`wmctl_event`).
    Seen(Dedupe),
    /// An incoming message that could not be decrypted, or that has no event (`wmctl_retry`).
    Retry(Dedupe),
    /// The oldest message that the phone was not asked for yet; read only.
    NextUnread,
    /// A history that is not fully imported (`wmctl_history`).
    History(Dedupe),
    /// The import progress of a history, a part of its row; write only.
    HistoryDone(Dedupe),
    /// The next history to import; read only.
    NextHistory,
    /// An outgoing message (`wmctl_outbox`).
    Outbox(MessageId),
    /// The secret for encrypted replies to a message, such as poll votes
    /// (`whatsmeow_message_secrets`).
    MessageSecret {
        chat: Jid,
        sender: Jid,
        id: MessageId,
    },
    /// The privacy token that a person gave us (`whatsmeow_privacy_tokens`).
    PrivacyToken(Jid),
    /// Mute, pin and archive of a chat (`whatsmeow_chat_settings`).
    ChatSettings(Jid),
    /// An app state key (`whatsmeow_app_state_sync_keys`).
    AppStateKey(Vec<u8>),
    /// The version and hash of an app state collection (`whatsmeow_app_state_version`). Deleting
    /// the row also deletes the collection's MACs.
    AppStateVersion(Collection),
    /// The newest value MAC for an index MAC (`whatsmeow_app_state_mutation_macs`).
    AppStateMac {
        collection: Collection,
        index_mac: [u8; 32],
    },
}

/// The value of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A ratchet or sender key record (libsignal record protobuf).
    Record(Vec<u8>),
    Identity([u8; 32]),
    SenderKeyShare(SenderKeyShare),
    PreKey(PreKeyRow),
    /// The value of [`RowKey::LidOf`] and [`RowKey::PnOf`]: a user without device.
    User(Jid),
    Devices(DeviceList),
    Group(GroupInfo),
    Contact(Contact),
    /// The sequence number of the existing event.
    Seen(i64),
    Retry(RetryRow),
    /// The value of [`RowKey::NextUnread`].
    Unread(Dedupe),
    History(HistoryRow),
    /// Answer to [`RowKey::NextHistory`] where its row cannot be read.
    SpoiltHistory(Dedupe),
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

/// The dedupe key of an event, unique within one account: kind, chat, sender and message as one
/// text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dedupe(pub String);

/// The private half of a one-time pre-key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreKeyRow {
    pub private: Secret<32>,
    /// True if the server is known to have the public half.
    pub uploaded: bool,
}

/// The devices that have our current sender key of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SenderKeyShare {
    /// The id of the shared sender key.
    pub key_id: u32,
    pub devices: Vec<Address>,
}

/// The devices of one user as listed by the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceList {
    /// Device ids, each with its key index (0 for the phone).
    pub devices: Vec<(u16, u32)>,
    /// When the list was fetched, in ms since the Unix epoch.
    pub fetched_ms: i64,
}

/// How a group addresses its participants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    Pn,
    Lid,
}

/// The part of a group's metadata that a send needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupInfo {
    pub subject: String,
    pub addressing: Addressing,
    pub participants: Vec<Participant>,
    /// When the group was fetched, in ms since the Unix epoch; 0 if it must be queried again.
    pub fetched_ms: i64,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// The participant's address in the group's addressing mode.
    pub jid: Jid,
    /// The same person's phone-number JID, if the server sent it.
    pub pn: Option<Jid>,
    /// The same person's LID, if the server sent it.
    pub lid: Option<Jid>,
    /// True for admins and superadmins.
    pub admin: bool,
}

/// The names of a person. In a put, `None` keeps the stored value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    pub first_name: Option<String>,
    pub full_name: Option<String>,
    pub push_name: Option<String>,
    pub business_name: Option<String>,
    pub redacted_phone: Option<String>,
}

/// An incoming message that could not be decrypted yet, or that has no content for people. The
/// latter must be recognised if it arrives again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryRow {
    /// Number of retry receipts sent.
    pub count: u32,
    /// When the message first arrived, in ms since the Unix epoch.
    pub first_ms: i64,
    /// What to ask the phone for, if anything.
    pub unread: Option<Unread>,
}

impl RetryRow {
    /// Returns whether the message was decrypted and has no event.
    pub fn is_quiet(&self) -> bool {
        self.count == 0 && self.unread.is_none()
    }
}

/// A message to ask the phone for, with the addresses of its stanza.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub chat: Jid,
    pub sender: Jid,
    pub id: MessageId,
    /// True if the phone was asked, or does not need to be.
    pub asked: bool,
}

/// A history that the phone announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// The dedupe key of the message that announced it.
    pub dedupe: Dedupe,
    /// The time of that message in ms since the Unix epoch.
    pub at_ms: i64,
    /// A `HistorySyncNotification` protobuf.
    pub notification: Vec<u8>,
    /// Number of imported entries.
    pub done: u64,
    /// Number of failed downloads.
    pub failures: u32,
}

/// An outgoing message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    pub id: MessageId,
    pub to: Jid,
    /// The plain `Message` protobuf, kept to answer retry receipts.
    pub body: Vec<u8>,
    pub state: OutboxState,
    /// The encrypted stanza (binary XML), kept until the server's ack. A resend repeats its bytes.
    pub stanza: Option<Vec<u8>>,
    /// When the application queued it. This and the next three times are in ms since the Unix
    /// epoch.
    pub queued_ms: i64,
    /// When the server acked it.
    pub sent_ms: Option<i64>,
    /// When a recipient first received it.
    pub delivered_ms: Option<i64>,
    /// When a recipient first read it.
    pub read_ms: Option<i64>,
    /// A stable code for why it failed.
    pub error: Option<String>,
    /// Number of answered retry receipts, over all requesters.
    pub resends: u32,
    /// The device that the message was queued for. Only its account may send it.
    pub account: Option<Jid>,
    /// The time in ms since the Unix epoch after which it must not be sent.
    pub expires_ms: Option<i64>,
    /// The idempotency key of the application.
    pub idempotency_key: Option<String>,
}

impl OutboxRow {
    /// Returns a message that an application has just queued.
    pub fn queued(id: MessageId, to: Jid, body: Vec<u8>, queued_ms: i64) -> Self {
        Self {
            id,
            to,
            body,
            state: OutboxState::Queued,
            stanza: None,
            queued_ms,
            sent_ms: None,
            delivered_ms: None,
            read_ms: None,
            error: None,
            resends: 0,
            account: None,
            expires_ms: None,
            idempotency_key: None,
        }
    }
}

/// The state of an outgoing message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutboxState {
    /// Accepted from the application; not encrypted yet.
    Queued,
    /// Encrypted and committed; transmitted at least once or about to be; not acked by the server.
    Encrypted,
    /// Acked by the server.
    Sent,
    /// Permanently refused or given up.
    Failed,
}

/// The settings of a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatSettings {
    /// Seconds since the Unix epoch; -1 means forever, 0 means not muted.
    pub muted_until_s: i64,
    pub pinned: bool,
    pub archived: bool,
}

/// An app state key that the phone shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppStateKey {
    /// The secret from which five keys are derived.
    pub data: Vec<u8>,
    /// The `AppStateSyncKeyFingerprint` protobuf.
    pub fingerprint: Vec<u8>,
    /// The phone's timestamp of the key, unchanged.
    pub timestamp: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(number: u32) -> Jid {
        Jid::user(format!("49151{number:08}"))
    }

    fn ratchet(number: u32) -> (RowKey, Option<Row>) {
        let key = RowKey::Ratchet(user(number).address());
        (key, Some(Row::Record(vec![0; 1_000])))
    }

    #[test]
    fn what_was_used_longest_ago_is_forgotten_first() {
        const MAX: usize = 20_000;
        let mut rows = Rows::default();
        for number in 0..200 {
            rows.load([ratchet(number)]);
            // Row 0 is used in every unit.
            assert!(rows.knows(&ratchet(0).0), "after {number} units");
            rows.settle(MAX);
            assert!(rows.bytes() <= MAX, "{}", rows.bytes());
            assert!(rows.knows(&ratchet(number).0), "what was used last");
        }
        assert!(!rows.knows(&ratchet(100).0));
        assert!(MAX / 2 < rows.bytes(), "{} left", rows.bytes());
        rows.settle(0);
        assert_eq!((rows.bytes(), rows.is_empty()), (0, true));
    }

    #[test]
    fn rows_of_one_unit_may_be_more_than_that_until_it_is_committed() {
        let mut rows = Rows::default();
        rows.load((0..100).map(ratchet));
        assert!((0..100).all(|number| rows.knows(&ratchet(number).0)));
        rows.settle(10_000);
        assert!(rows.bytes() <= 10_000);
    }

    #[test]
    fn what_nobody_needs_again_is_not_kept() {
        let mut rows = Rows::default();
        let dedupe = || Dedupe(String::from("message|a|b|c"));
        let outbox = |state| OutboxRow {
            state,
            ..OutboxRow::queued("ID".parse().unwrap(), user(1), vec![0; 60_000], 1)
        };
        let key = || RowKey::Outbox("ID".parse().unwrap());
        rows.set(RowKey::Seen(dedupe()), Some(Row::Seen(1)));
        rows.set(RowKey::Retry(dedupe()), None);
        rows.set(key(), Some(Row::Outbox(outbox(OutboxState::Encrypted))));
        rows.settle(usize::MAX);
        // The ack is still to come.
        assert!(rows.knows(&key()));
        rows.set(key(), Some(Row::Outbox(outbox(OutboxState::Sent))));
        rows.settle(usize::MAX);
        assert_eq!((rows.bytes(), rows.is_empty()), (0, true));
    }
}
