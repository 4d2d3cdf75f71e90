//! The rows that a unit of work reads and writes, as plain values.
//!
//! Nothing here knows a database: a [`RowKey`] names one row of one account, a [`Row`] is its
//! value. The store maps them onto tables; the session only ever sees these.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::ids::{Address, Jid, MessageId};
use crate::secret::Secret;

pub use crate::appstate::Collection;

/// The rows at hand: `None` says that the row is known to be absent.
///
/// Filled by the owner with what `Session::wants` asked for; the session keeps it
/// in step with the changes that it hands out, so that several inputs can share one transaction.
/// Thrown away as a whole when a commit fails or its outcome is unknown. Between units of work the
/// owner has it forget what is too much: rows can be loaded again at any time.
#[derive(Debug, Default)]
pub struct Rows {
    rows: HashMap<RowKey, AtHand>,
    /// What they take, about.
    bytes: usize,
    /// Units of work so far: what an older one used last goes first.
    unit: u32,
    /// The first row that was read without being known: whoever read it saw a false absence.
    missed: Mutex<Option<RowKey>>,
}

/// One row at hand.
#[derive(Debug)]
struct AtHand {
    row: Option<Box<Row>>,
    /// What it takes with its key.
    bytes: usize,
    /// The unit that used it last.
    used: AtomicU32,
}

impl Rows {
    /// Takes in what the store answered.
    pub fn load(&mut self, loaded: impl IntoIterator<Item = (RowKey, Option<Row>)>) {
        for (key, row) in loaded {
            self.set(key, row);
        }
    }

    /// Whether the row, or its absence, is known.
    pub fn knows(&self, key: &RowKey) -> bool {
        self.find(key).is_some()
    }

    /// The row; `None` where it is absent. A row that was never loaded reads as absent too, and is
    /// remembered as missed, so that nothing that follows from it is carried out.
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

    /// Records what a change makes of the row.
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

    /// The row that was read without being known, once.
    pub(super) fn take_missed(&mut self) -> Option<RowKey> {
        self.missed
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// The keys of the rows at hand for which that holds.
    pub(super) fn keys_where(&self, holds: impl Fn(&RowKey, &Row) -> bool) -> Vec<RowKey> {
        let holds =
            |key, at_hand: &AtHand| at_hand.row.as_deref().is_some_and(|row| holds(key, row));
        let rows = self.rows.iter();
        rows.filter(|(key, at_hand)| holds(key, at_hand))
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Changes the rows at hand, which the store changes by itself.
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

    /// Forgets one row: it has to be loaded again before it is read.
    pub(super) fn forget(&mut self, key: &RowKey) {
        if let Some(before) = self.rows.remove(key) {
            self.bytes -= before.bytes;
        }
    }

    /// Forgets the MACs of a collection, which go with its version.
    pub(super) fn forget_app_state_macs(&mut self, of: Collection) {
        self.keep(
            |key, _| !matches!(key, RowKey::AppStateMac { collection, .. } if *collection == of),
        );
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.rows = HashMap::new();
        self.bytes = 0;
    }

    /// A unit of work is committed: forgets what nobody needs again soon, and then what was used
    /// longest ago, until the rest takes no more than that.
    pub fn settle(&mut self, bytes_max: usize) {
        self.keep(|key, at_hand| key.is_used_again(at_hand.row.as_deref()));
        if bytes_max < self.bytes {
            // A quarter more than needed, so that not every unit has to look.
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

    /// What the rows at hand take, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing is held.
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
    /// Whether the row may well be wanted by later units: not what was looked at for one message,
    /// nor what is behind us.
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

    /// What an entry under it takes without its row, about.
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
    /// What it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let parts = match self {
            Self::Record(record) => record.len(),
            Self::SenderKeyShare(share) => {
                let device = |address: &Address| size_of::<Address>() + address.as_str().len();
                share.devices.iter().map(device).sum()
            }
            Self::User(jid) => jid.user.len(),
            Self::Unread(dedupe) => dedupe.0.len(),
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
    /// An incoming message that could not be read, or has no event (`wmctl_retry`).
    Retry(Dedupe),
    /// The oldest message that the phone was not asked for yet, read only.
    NextUnread,
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
    /// Answer to [`RowKey::NextUnread`].
    Unread(Dedupe),
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

/// An incoming message that could not be read yet, or that holds nothing for people and must be
/// recognised when it comes again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryRow {
    /// Retry receipts sent so far.
    pub count: u32,
    pub first_ms: i64,
    /// What the phone can be asked for.
    pub unread: Option<Unread>,
}

impl RetryRow {
    /// Whether it was read, and there was nothing to tell.
    pub fn is_quiet(&self) -> bool {
        self.count == 0 && self.unread.is_none()
    }
}

/// A message that the phone can be asked for, named as its stanza named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub chat: Jid,
    pub sender: Jid,
    pub id: MessageId,
    /// The phone has the question, or will have it.
    pub asked: bool,
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
    /// The device for which it was taken in; its account alone may send it.
    pub account: Option<Jid>,
    /// When it is not to be sent any more.
    pub expires_ms: Option<i64>,
    /// The name that the application gave it.
    pub idempotency_key: Option<String>,
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
            // This one is in every unit.
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
            id: "ID".parse().unwrap(),
            to: user(1),
            body: vec![0; 60_000],
            state,
            stanza: None,
            queued_ms: 1,
            sent_ms: None,
            delivered_ms: None,
            read_ms: None,
            error: None,
            resends: 0,
            account: None,
            expires_ms: None,
            idempotency_key: None,
        };
        let key = || RowKey::Outbox("ID".parse().unwrap());
        rows.set(RowKey::Seen(dedupe()), Some(Row::Seen(1)));
        rows.set(RowKey::Retry(dedupe()), None);
        rows.set(key(), Some(Row::Outbox(outbox(OutboxState::Encrypted))));
        rows.settle(usize::MAX);
        // Its acknowledgement is still to come.
        assert!(rows.knows(&key()));
        rows.set(key(), Some(Row::Outbox(outbox(OutboxState::Sent))));
        rows.settle(usize::MAX);
        assert_eq!((rows.bytes(), rows.is_empty()), (0, true));
    }
}
