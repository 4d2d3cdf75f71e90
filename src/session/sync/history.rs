//! The phone's history: names, address pairs, secrets and messages.
//!
//! An announced history is stored together with its announcement. It is downloaded while the
//! session works, and imported in chunks beside other inputs. The progress is stored with each
//! chunk.

use crate::session::sync::history_progress::ImportStep;
use std::io::Read as _;

use flate2::read::ZlibDecoder;
use prost::Message as _;
use wmctl_proto::history::{Conversation, PhoneNumberToLid, PushName, WebMessageInfo};
use wmctl_proto::message::{HistorySyncNotification, LidMappingPayload, LidMappingSync};

use crate::appstate::blob::{Kind, Reference};
use crate::ids::{Jid, MessageId};
use crate::session::account::AccountUpdate;
use crate::session::changes::{Change, EventBody, MessageEvent};
use crate::session::input::Input;
use crate::session::keys::addresses;
use crate::session::machine::{Phase, Session};
use crate::session::messages::content::{Content, is_secret};
use crate::session::messages::origin::MessageOrigin;
use crate::session::messages::receive::Incoming;
use crate::session::messages::unread::is_resent;
use crate::session::output::{Fetch, Notice};
use crate::session::rows::{Contact, Dedupe, HistoryRow, Row, RowKey};
use crate::session::sync::history_reader::{Entry, HistoryChunk, HistoryReader};
use crate::session::unit::{Lookup, WorkContext};

/// Maximum inflated size of a list of address pairs, in bytes.
const UNPACKED_BYTES_MAX: u64 = 64 << 20;
/// Maximum number of entries read from such a list.
const ENTRIES_MAX: usize = 50_000;
/// Maximum length of a stored name, in characters.
const NAME_CHARS_MAX: usize = 128;
/// Maximum size of an imported message's content, in bytes.
const CONTENT_BYTES_MAX: usize = 256 << 10;
/// Maximum number of failed downloads of one history before it is given up.
const FAILURES_MAX: u32 = 8;
/// Base of the wait after a failed download in ms. It doubles with each failure.
const RETRY_MS: u64 = 5_000;

impl Session {
    /// Stores a history that a message contains or announces.
    pub(in crate::session) fn take_history(
        &mut self,
        unit: &mut WorkContext<'_>,
        incoming: &Incoming,
        notification: &HistorySyncNotification,
    ) {
        let Incoming {
            source, home, id, ..
        } = incoming;
        let dedupe = MessageOrigin::dedupe(source, "history", home, id);
        self.keep_history(unit, dedupe, incoming.at_ms, notification);
    }

    /// Keeps what is to be taken in piece by piece, and begins with it.
    pub(in crate::session) fn keep_history(
        &mut self,
        unit: &mut WorkContext<'_>,
        dedupe: Dedupe,
        at_ms: i64,
        notification: &HistorySyncNotification,
    ) {
        let row = HistoryRow {
            dedupe: dedupe.clone(),
            at_ms,
            notification: notification.encode_to_vec(),
            done: 0,
            failures: 0,
        };
        unit.put(RowKey::History(dedupe), Row::History(row));
        unit.rows.forget(&RowKey::NextHistory);
        self.go_on_with_history(unit);
    }

    /// Schedules the next step beside other inputs.
    pub(in crate::session) fn go_on_with_history(&mut self, unit: &mut WorkContext<'_>) {
        if self.phase == Phase::Ready {
            unit.out.beside = Some(Input::History);
        }
    }

    /// Requests the rows for the next step of the import.
    pub(in crate::session) fn want_history(&self, lookup: &mut impl Lookup) {
        match &self.histories.current {
            None => {
                lookup.row(&RowKey::NextHistory);
            }
            Some((_, ImportStep::Fetching(_))) => (),
            Some((row, ImportStep::Reading(_, piece))) => {
                for entry in &piece.entries {
                    self.want_entry(lookup, row, entry);
                }
            }
        }
    }

    fn want_entry(&self, lookup: &mut impl Lookup, row: &HistoryRow, entry: &Entry) {
        match entry {
            Entry::Message { chat, head, .. } => {
                let source = chat
                    .parse()
                    .ok()
                    .and_then(|chat| self.past_source(&chat, head));
                if let Some((source, id)) = source.zip(past_id(head)) {
                    let home = source.sender_home(&self.account, lookup);
                    let dedupe = source.dedupe("message", &home, &id);
                    lookup.row(&RowKey::Seen(dedupe.clone()));
                    if is_resent(row) {
                        lookup.row(&RowKey::Retry(dedupe));
                    }
                    addresses::want_names(&self.account, lookup, &source.chat);
                }
            }
            // These pairs decide under which address later messages are stored.
            Entry::Chat(chat) => want_pair(lookup, &chat.pn_jid, &chat.lid_jid),
            Entry::Pair(pair) => want_pair(lookup, &pair.pn_jid, &pair.lid_jid),
            Entry::Name(_) => (),
        }
    }

    /// Does the next step: starts a history, or imports a chunk of it.
    pub(in crate::session) fn work_on_history(&mut self, unit: &mut WorkContext<'_>) {
        if self.phase != Phase::Ready {
            return;
        }
        match self.histories.current.take() {
            None => self.begin_history(unit),
            Some((row, ImportStep::Fetching(id))) => {
                self.histories.current = Some((row, ImportStep::Fetching(id)));
            }
            Some((row, ImportStep::Reading(past, piece))) => {
                self.take_piece(unit, row, past, piece)
            }
        }
    }

    /// Starts with the next history: reads its inline content, or starts its download.
    fn begin_history(&mut self, unit: &mut WorkContext<'_>) {
        let row = match unit.row(&RowKey::NextHistory) {
            Some(Row::History(row)) => row.clone(),
            // Nobody has it any more, and those behind it wait.
            Some(Row::SpoiltHistory(dedupe)) => {
                let row = HistoryRow {
                    dedupe: dedupe.clone(),
                    at_ms: unit.now.unix_ms,
                    notification: Vec::new(),
                    done: 0,
                    failures: 0,
                };
                return self.end_history(unit, &row, (0, 0), Some("unreadable"));
            }
            _ => return,
        };
        if 0 < row.failures && unit.now.mono_ms < self.histories.retry_at {
            return;
        }
        let Some(notification) = announced(&row) else {
            return self.end_history(unit, &row, (0, 0), Some("malformed"));
        };
        if let Some(packed) = notification.initial_hist_bootstrap_inline_payload {
            return self.read_history(unit, row, packed);
        }
        let reference = Reference::new(
            Kind::History,
            notification.media_key.as_deref(),
            notification.direct_path.as_deref(),
            notification.file_sha256.as_deref(),
            notification.file_enc_sha256.as_deref(),
        );
        let Some(reference) = reference else {
            return self.end_history(unit, &row, (0, 0), Some("nothing_there"));
        };
        let id = self.syncing.fetch_id();
        unit.out.fetches.push(Fetch { id, reference });
        self.histories.current = Some((row, ImportStep::Fetching(id)));
    }

    /// Returns whether a history download with this id is in progress.
    pub(in crate::session) fn fetches_history(&self, id: u64) -> bool {
        let current = &self.histories.current;
        matches!(current, Some((_, ImportStep::Fetching(awaited))) if *awaited == id)
    }

    /// Handles the end of a download: the blob is verified and decrypted, or `None` on failure.
    pub(in crate::session) fn take_fetched(
        &mut self,
        unit: &mut WorkContext<'_>,
        blob: Option<Vec<u8>>,
    ) {
        let Some((mut row, _)) = self.histories.current.take() else {
            return;
        };
        if let Some(packed) = blob {
            return self.read_history(unit, row, packed);
        }
        row.failures += 1;
        if FAILURES_MAX < row.failures {
            return self.end_history(unit, &row, (0, 0), Some("unavailable"));
        }
        let wait_ms = RETRY_MS << row.failures.min(FAILURES_MAX);
        self.histories.retry_at = unit.now.mono_ms + wait_ms;
        put_done(unit, &row);
        self.put_off(unit, Input::History, wait_ms);
        unit.notice(Notice::HistoryDone);
        self.go_on_with_history(unit);
    }

    /// Starts to read a downloaded history.
    fn read_history(&mut self, unit: &mut WorkContext<'_>, row: HistoryRow, packed: Vec<u8>) {
        let mut past = Box::new(HistoryReader::new(packed));
        let piece = past.piece(row.done);
        self.histories.current = Some((row, ImportStep::Reading(past, piece)));
        self.go_on_with_history(unit);
    }

    /// Imports one chunk and reads the next one.
    fn take_piece(
        &mut self,
        unit: &mut WorkContext<'_>,
        mut row: HistoryRow,
        mut past: Box<HistoryReader>,
        piece: HistoryChunk,
    ) {
        row.done += piece.entries.len() as u64;
        let progress = !piece.entries.is_empty();
        for entry in piece.entries {
            self.file(unit, &row, entry);
        }
        if let Some(end) = piece.end {
            let failure = end.err().map(|spoilt| spoilt.0);
            return self.end_history(unit, &row, past.counts(), failure);
        }
        if progress {
            put_done(unit, &row);
        }
        let piece = past.piece(row.done);
        self.histories.current = Some((row, ImportStep::Reading(past, piece)));
        self.go_on_with_history(unit);
    }

    /// Ends an import: emits its summary event and deletes its row.
    fn end_history(
        &mut self,
        unit: &mut WorkContext<'_>,
        row: &HistoryRow,
        (chats, messages): (u64, u64),
        failure: Option<&'static str>,
    ) {
        let notification = announced(row).unwrap_or_default();
        let kind = notification
            .sync_type
            .and_then(|kind| u32::try_from(kind).ok());
        let body = EventBody::HistorySync {
            kind: kind.unwrap_or(0),
            conversations: u32::try_from(chats).unwrap_or(u32::MAX),
            messages,
            progress: notification.progress,
            failure,
        };
        if !is_resent(row) {
            unit.event(Some(row.dedupe.clone()), row.at_ms, None, body);
        }
        unit.delete(RowKey::History(row.dedupe.clone()));
        unit.rows.forget(&RowKey::NextHistory);
        unit.notice(Notice::HistoryDone);
        self.go_on_with_history(unit);
    }

    /// Imports one entry.
    fn file(&mut self, unit: &mut WorkContext<'_>, row: &HistoryRow, entry: Entry) {
        match entry {
            Entry::Message {
                chat,
                head,
                content,
            } => {
                if let Ok(chat) = chat.parse() {
                    self.file_message(unit, is_resent(row), chat, *head, content);
                }
            }
            Entry::Chat(chat) => self.file_chat(unit, *chat),
            Entry::Name(name) => self.file_name(unit, name),
            Entry::Pair(PhoneNumberToLid { pn_jid, lid_jid }) => {
                if let (Some(number), Some(lid)) = (address(pn_jid), address(lid_jid)) {
                    self.learn(unit, &number, &lid);
                }
            }
        }
    }

    fn file_name(&mut self, unit: &mut WorkContext<'_>, entry: PushName) {
        let name = entry
            .push_name
            .filter(|name| !name.is_empty() && name != "-");
        let Some((user, name)) = address(entry.id).zip(name) else {
            return;
        };
        let name: String = name.chars().take(NAME_CHARS_MAX).collect();
        if addresses::is_own(&self.account, &user) {
            self.take_own_name(unit, name);
        } else {
            let contact = Contact {
                push_name: Some(name),
                ..Contact::default()
            };
            unit.merge_contact(RowKey::Contact(user.bare()), contact);
        }
    }

    /// Returns the origin of a history message as far as it is known.
    fn past_source(&self, chat: &Jid, head: &WebMessageInfo) -> Option<MessageOrigin> {
        let key = head.key.as_ref()?;
        let from_me = key.from_me == Some(true);
        let sender = if from_me {
            self.account.jid.bare()
        } else if chat.is_account() {
            chat.clone()
        } else {
            address(key.participant.clone().or(head.participant.clone()))?
        };
        Some(MessageOrigin {
            chat: chat.clone(),
            sender: sender.bare(),
            sender_alt: None,
            chat_alt: None,
            from_me,
            group: !chat.is_account(),
        })
    }

    /// Imports one message, unless its event exists already.
    fn file_message(
        &mut self,
        unit: &mut WorkContext<'_>,
        resent: bool,
        chat: Jid,
        head: WebMessageInfo,
        bytes: Vec<u8>,
    ) {
        let Some((source, id)) = self.past_source(&chat, &head).zip(past_id(&head)) else {
            return;
        };
        if let Some(secret) = head.message_secret.filter(|secret| is_secret(secret)) {
            let key = RowKey::MessageSecret {
                chat,
                sender: source.sender.clone(),
                id: id.clone(),
            };
            unit.put(key, Row::MessageSecret(secret));
        }
        let content = Content::of(&bytes);
        let home = source.sender_home(&self.account, unit);
        let live = source.dedupe("message", &home, &id);
        let seen = RowKey::Seen(live.clone());
        if resent && !was_unread(unit, &live) {
            return;
        }
        if CONTENT_BYTES_MAX < bytes.len() || !content.is_for_people() || unit.row(&seen).is_some()
        {
            return;
        }
        let seconds = head
            .message_timestamp
            .and_then(|time| i64::try_from(time).ok());
        let at_ms = seconds.and_then(|seconds| seconds.checked_mul(1_000));
        let name = head.push_name.filter(|name| !name.is_empty());
        let message = MessageEvent {
            sender_alt: (home.server != source.sender.server).then(|| home.clone()),
            push_name: name.map(|name| name.chars().take(NAME_CHARS_MAX).collect()),
            kind: content.kind(),
            text: content.text(),
            payload: content.payload.to_vec(),
            offline: false,
            id: id.clone(),
            from_me: source.from_me,
            sender: source.sender.clone(),
            chat: source.chat.clone(),
        };
        let at_ms = at_ms.unwrap_or(unit.now.unix_ms);
        if resent {
            Self::forget_unread(unit, &live);
            self.tell(unit, Some(live), at_ms, EventBody::Message(message));
        } else {
            let dedupe = source.dedupe("past", &home, &id);
            self.tell(unit, Some(dedupe), at_ms, EventBody::Past(message));
        }
    }

    /// Stores our own push name after it was changed on the phone.
    pub(in crate::session) fn take_own_name(&mut self, unit: &mut WorkContext<'_>, name: String) {
        if self.account.push_name == name {
            return;
        }
        self.account.push_name = name.clone();
        unit.change(Change::Update(AccountUpdate {
            push_name: Some(name),
            ..AccountUpdate::default()
        }));
        if self.phase == Phase::Ready {
            self.announce(unit);
        }
    }

    /// Stores the mapping of LIDs to phone numbers that the phone sends.
    pub(in crate::session) fn take_lid_mapping(
        &mut self,
        unit: &mut WorkContext<'_>,
        mapping: LidMappingSync,
    ) {
        let packed = mapping.encoded_mapping_payload.unwrap_or_default();
        let payload = unpack(&packed).unwrap_or(packed);
        let Ok(payload) = LidMappingPayload::decode(&payload[..]) else {
            return;
        };
        let pairs = payload.pn_to_lid_mappings.into_iter().take(ENTRIES_MAX);
        let pairs = pairs.filter_map(|pair| {
            let lid = Jid::lid(pair.latest_lid.or(pair.assigned_lid)?.to_string());
            Some((lid, Jid::user(pair.pn?.to_string())))
        });
        self.learn_pairs(unit, &pairs.collect::<Vec<_>>());
    }

    /// Imports the address pair and the privacy token of a chat.
    fn file_chat(&mut self, unit: &mut WorkContext<'_>, conversation: Conversation) {
        let Some(chat) = address(conversation.id) else {
            return;
        };
        let (number, lid) = (address(conversation.pn_jid), address(conversation.lid_jid));
        if let (Some(number), Some(lid)) = (number, lid) {
            self.learn(unit, &number, &lid);
        }
        let time = conversation
            .tc_token_timestamp
            .and_then(|time| i64::try_from(time).ok());
        if let (Some(token), Some(timestamp_s)) = (conversation.tc_token, time) {
            let row = Row::PrivacyToken { token, timestamp_s };
            unit.put(RowKey::PrivacyToken(addresses::plain(&chat)), row);
        }
    }
}

/// Returns whether the phone was, or was going to be, asked for this message.
fn was_unread(unit: &mut WorkContext<'_>, dedupe: &Dedupe) -> bool {
    match unit.row(&RowKey::Retry(dedupe.clone())) {
        Some(Row::Retry(row)) => row.unread.is_some(),
        _ => false,
    }
}

fn want_pair(lookup: &mut impl Lookup, number: &Option<String>, lid: &Option<String>) {
    if let (Some(number), Some(lid)) = (address(number.clone()), address(lid.clone())) {
        addresses::want_pair(lookup, &number, &lid);
    }
}

fn past_id(head: &WebMessageInfo) -> Option<MessageId> {
    head.key.as_ref()?.id.as_ref()?.parse().ok()
}

/// Returns the phone's announcement of a history.
fn announced(row: &HistoryRow) -> Option<HistorySyncNotification> {
    HistorySyncNotification::decode(&row.notification[..]).ok()
}

/// Records the import progress of a history.
fn put_done(unit: &mut WorkContext<'_>, row: &HistoryRow) {
    let (done, failures) = (row.done, row.failures);
    let key = RowKey::HistoryDone(row.dedupe.clone());
    unit.put(key, Row::HistoryDone { done, failures });
    unit.rows.forget(&RowKey::NextHistory);
}

fn address(text: Option<String>) -> Option<Jid> {
    text?.parse().ok()
}

/// Inflates zlib data, at most `UNPACKED_BYTES_MAX` bytes.
fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    let mut reader = ZlibDecoder::new(packed).take(UNPACKED_BYTES_MAX + 1);
    reader.read_to_end(&mut unpacked).ok()?;
    (unpacked.len() as u64 <= UNPACKED_BYTES_MAX).then_some(unpacked)
}
