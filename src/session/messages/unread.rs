//! Incoming messages that could not be decrypted.
//!
//! Applications get an event at once, in the transaction that records the message. A copy that can
//! be decrypted later is a `message` event with the same id. The session asks the sender for
//! another copy. If the sender does not answer in time, it asks our own phone, which may have the
//! message. Each message that the phone was not asked for yet is a row, so it survives a restart.
//!
//! Source: whatsmeow 33cfac51 `send.go` (`BuildUnavailableMessageRequest`) and Baileys 7.0.0-rc13
//! `src/Socket/messages-recv.ts` (types of `unavailable`).

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use prost::Message as _;
use wmctl_proto::history::WebMessageInfo;
use wmctl_proto::message::peer_data_operation_request_message::PlaceholderMessageResendRequest;
use wmctl_proto::message::protocol_message::Type;
use wmctl_proto::message::{
    HistorySyncNotification, Message, MessageKey, PeerDataOperationRequestMessage,
    PeerDataOperationRequestResponseMessage, PeerDataOperationRequestType, ProtocolMessage,
};

use crate::ids::MessageId;
use crate::session::changes::{Change, EventBody};
use crate::session::input::Input;
use crate::session::keys::addresses::is_own;
use crate::session::machine::{Phase, Session};
use crate::session::messages::ack::TROUBLE;
use crate::session::messages::origin::MessageOrigin;
use crate::session::messages::protobuf;
use crate::session::messages::receive::Incoming;
use crate::session::rows::{Dedupe, HistoryRow, RetryRow, Row, RowKey, Unread};
use crate::session::unit::{Lookup, WorkContext};
use crate::wire::node::Node;

/// Time in ms for the sender to answer before the phone is asked.
const PATIENCE_MS: u64 = 5_000;
/// Pause in ms between two questions to the phone.
const PAUSE_MS: u64 = 1_000;
/// Maximum time in ms for the server to confirm a question before it is repeated.
const CONFIRMED_MS_MAX: u64 = 30_000;
/// Wait in ms if the phone cannot be asked now.
const NO_WAY_MS: u64 = 60_000;
/// Maximum age in ms of a message that the phone is asked for.
const AGE_MS_MAX: i64 = 14 * 24 * 3_600_000;
/// Maximum number of messages read from one response.
const ANSWERS_MAX: usize = 64;
/// Maximum size of a message in a response, in bytes: just below the limit of a history entry.
const ANSWER_BYTES_MAX: usize = (1 << 20) - 64;
/// Types of unavailable messages that phones do not pass on to companions.
const KEPT_BACK: [&str; 3] = [
    "bot_unavailable_fanout",
    "hosted_unavailable_fanout",
    "view_once_unavailable_fanout",
];

impl Session {
    /// Records an undecryptable message. The first time, it also emits an event.
    pub(in crate::session) fn remember_unread(
        &mut self,
        unit: &mut WorkContext<'_>,
        node: &Node,
        incoming: &Incoming,
        count: u32,
        reason: &'static str,
    ) {
        let key = RowKey::Retry(incoming.dedupe.clone());
        let known = match unit.row(&key) {
            Some(Row::Retry(row)) => Some(row.clone()),
            _ => None,
        };
        let first = known.is_none();
        let first_ms = known.as_ref().map_or(unit.now.unix_ms, |row| row.first_ms);
        let unread = match known {
            Some(row) => row.unread,
            None => asked_for(node, incoming, reason),
        };
        let waits = unread.as_ref().is_some_and(|unread| !unread.asked);
        let row = RetryRow {
            count,
            first_ms,
            unread,
        };
        unit.put(key, Row::Retry(row));
        if waits {
            unit.rows.forget(&RowKey::NextUnread);
            self.ask_phone_later(unit, PATIENCE_MS);
        }
        // Peer messages between our own devices are not for people.
        if first && !is_peer(node) {
            let body = EventBody::Undecryptable {
                chat: incoming.source.chat.clone(),
                sender: incoming.source.sender.clone(),
                id: incoming.id.clone(),
                reason,
            };
            // Not the message's own dedupe key: a later copy may be readable.
            let dedupe = incoming
                .source
                .dedupe("undecryptable", &incoming.home, &incoming.id);
            self.tell(unit, Some(dedupe), incoming.at_ms, body);
        }
    }

    /// Records a message that was decrypted and has no content for people. If it arrives again, its
    /// message key no longer exists.
    pub(in crate::session) fn remember_quiet(unit: &mut WorkContext<'_>, incoming: &Incoming) {
        let row = RetryRow {
            count: 0,
            first_ms: unit.now.unix_ms,
            unread: None,
        };
        unit.put(RowKey::Retry(incoming.dedupe.clone()), Row::Retry(row));
    }

    /// Deletes the record after a readable copy arrived.
    pub(in crate::session) fn forget_unread(unit: &mut WorkContext<'_>, dedupe: &Dedupe) {
        unit.delete(RowKey::Retry(dedupe.clone()));
        unit.rows.forget(&RowKey::NextUnread);
    }

    /// Schedules a question to the phone.
    pub(in crate::session) fn ask_phone_later(
        &mut self,
        unit: &mut WorkContext<'_>,
        delay_ms: u64,
    ) {
        if !self.questions.due {
            self.questions.due = true;
            self.put_off(unit, Input::AskPhone, delay_ms);
        }
    }

    /// Requests the rows for a question to the phone.
    pub(in crate::session) fn want_questions(&self, lookup: &mut impl Lookup) {
        if let Some(Row::Unread(dedupe)) = lookup.row(&RowKey::NextUnread) {
            let dedupe = dedupe.clone();
            lookup.row(&RowKey::Retry(dedupe));
            self.has_ratchet(lookup, &self.own_phone());
        }
    }

    /// Asks the phone for the oldest message that could not be decrypted.
    pub(in crate::session) fn ask_phone(&mut self, unit: &mut WorkContext<'_>) {
        self.questions.due = false;
        if self.phase != Phase::Ready {
            return;
        }
        let now = unit.now.mono_ms;
        if let Some((.., until)) = &self.questions.open
            && now < *until
        {
            let wait = until - now;
            return self.ask_phone_later(unit, wait);
        }
        self.questions.open = None;
        let Some(Row::Unread(dedupe)) = unit.row(&RowKey::NextUnread) else {
            return;
        };
        let dedupe = dedupe.clone();
        let Some(Row::Retry(row)) = unit.row(&RowKey::Retry(dedupe.clone())) else {
            // It cannot be read: there is nothing to ask for, and those behind it wait.
            unit.change(Change::Delete(RowKey::Retry(dedupe)));
            unit.rows.forget(&RowKey::NextUnread);
            return self.ask_phone_later(unit, PAUSE_MS);
        };
        let row = row.clone();
        let age_ms = unit.now.unix_ms.saturating_sub(row.first_ms);
        if let (Ok(age), true) = (u64::try_from(age_ms), age_ms < AGE_MS_MAX)
            && age < PATIENCE_MS
        {
            return self.ask_phone_later(unit, PATIENCE_MS - age);
        }
        let Some(unread) = row.unread.clone().filter(|_| age_ms < AGE_MS_MAX) else {
            self.was_asked(unit, &dedupe);
            return self.ask_phone_later(unit, PAUSE_MS);
        };
        let question = question(self, &unread);
        match self.send_to_phone(unit, &question, "high_force", &Input::AskPhone) {
            Some(id) => {
                self.questions.open = Some((id, dedupe, now + CONFIRMED_MS_MAX));
                self.ask_phone_later(unit, CONFIRMED_MS_MAX);
            }
            None if self.questions.due => (),
            None => self.ask_phone_later(unit, NO_WAY_MS),
        }
    }

    /// Requests the row of the question that the ack with this id confirms.
    pub(in crate::session) fn want_answered_question(
        &self,
        lookup: &mut impl Lookup,
        id: &MessageId,
    ) {
        if let Some((open, dedupe, _)) = &self.questions.open
            && open == id
        {
            lookup.row(&RowKey::Retry(dedupe.clone()));
        }
    }

    /// Handles the server's confirmation of a question. Returns whether it was one.
    pub(in crate::session) fn question_confirmed(
        &mut self,
        unit: &mut WorkContext<'_>,
        node: &Node,
        id: &MessageId,
    ) -> bool {
        let open = self.questions.open.take_if(|(open, ..)| open == id);
        let Some((_, dedupe, _)) = open else {
            return false;
        };
        let trouble = node.attr_u64("error").is_some_and(|code| TROUBLE <= code);
        if !trouble {
            self.was_asked(unit, &dedupe);
        }
        self.questions.due = false;
        self.ask_phone_later(unit, PAUSE_MS);
        true
    }

    /// Records that the phone was asked for a message.
    fn was_asked(&self, unit: &mut WorkContext<'_>, dedupe: &Dedupe) {
        let key = RowKey::Retry(dedupe.clone());
        if let Some(Row::Retry(row)) = unit.row(&key) {
            let mut row = row.clone();
            if let Some(unread) = &mut row.unread {
                unread.asked = true;
            }
            unit.put(key, Row::Retry(row));
        }
        unit.rows.forget(&RowKey::NextUnread);
    }

    /// Accepts messages that the phone sends on request. They are stored as a history until they
    /// are imported.
    pub(in crate::session) fn take_resent(
        &mut self,
        unit: &mut WorkContext<'_>,
        incoming: &Incoming,
        answer: &PeerDataOperationRequestResponseMessage,
    ) {
        if incoming.home.device != 0 {
            return;
        }
        let results = answer.peer_data_operation_result.iter().take(ANSWERS_MAX);
        let mut history = Vec::new();
        for result in results {
            let resent = result.placeholder_message_resend_response.as_ref();
            let info = resent.and_then(|resent| resent.web_message_info_bytes.as_deref());
            if let Some(chat) = info.and_then(chat_of) {
                let info = info.unwrap_or_default();
                protobuf::put(&mut history, 2, &conversation(&chat, info));
            }
        }
        if history.is_empty() {
            return;
        }
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        let packed = zlib.write_all(&history).and_then(|()| zlib.finish());
        let Ok(packed) = packed else {
            return;
        };
        let notification = HistorySyncNotification {
            initial_hist_bootstrap_inline_payload: Some(packed),
            ..HistorySyncNotification::default()
        };
        let dedupe = MessageOrigin::dedupe(&incoming.source, RESENT, &incoming.home, &incoming.id);
        self.keep_history(unit, dedupe, incoming.at_ms, &notification);
    }
}

/// Dedupe key prefix of requested messages, which distinguishes them from a history.
const RESENT: &str = "resent";

/// Returns whether this is a set of requested messages instead of a history.
pub(in crate::session) fn is_resent(row: &HistoryRow) -> bool {
    row.dedupe.0.starts_with(RESENT)
}

/// Returns whether a message is only between our own devices.
pub(in crate::session) fn is_peer(node: &Node) -> bool {
    node.attr_is("category", "peer")
}

/// Returns what to ask the phone for; `None` if the phone would not send it.
fn asked_for(node: &Node, incoming: &Incoming, reason: &str) -> Option<Unread> {
    let unavailable = node.child("unavailable");
    let kind = unavailable.and_then(|unavailable| unavailable.attr_text("type"));
    let kept_back = kind.is_some_and(|kind| KEPT_BACK.contains(&&*kind));
    let no_use = kept_back || is_peer(node) || reason == "message_secret";
    (!no_use).then(|| Unread {
        chat: incoming.source.chat.clone(),
        sender: incoming.source.sender.bare(),
        id: incoming.id.clone(),
        asked: false,
    })
}

/// Returns the question for one message.
fn question(session: &Session, unread: &Unread) -> Message {
    let from_me = is_own(&session.account, &unread.sender);
    let participant = (!from_me && !unread.chat.is_account()).then(|| unread.sender.to_string());
    let request = PlaceholderMessageResendRequest {
        message_key: Some(MessageKey {
            remote_jid: Some(unread.chat.to_string()),
            from_me: Some(from_me),
            id: Some(unread.id.to_string()),
            participant,
        }),
    };
    let request = PeerDataOperationRequestMessage {
        peer_data_operation_request_type: Some(
            PeerDataOperationRequestType::PlaceholderMessageResend.into(),
        ),
        placeholder_message_resend_request: vec![request],
        ..PeerDataOperationRequestMessage::default()
    };
    let protocol = ProtocolMessage {
        r#type: Some(Type::PeerDataOperationRequestMessage.into()),
        peer_data_operation_request_message: Some(request),
        ..ProtocolMessage::default()
    };
    Message {
        protocol_message: Some(Box::new(protocol)),
        ..Message::default()
    }
}

/// Returns the chat of a message that is not too large.
fn chat_of(info: &[u8]) -> Option<String> {
    if ANSWER_BYTES_MAX < info.len() {
        return None;
    }
    // Decode only the key: the decoded lists could take a hundred times the memory of their bytes.
    let mut head = Vec::new();
    protobuf::put(&mut head, 1, protobuf::bytes(info, 1)?);
    let head = WebMessageInfo::decode(&head[..]).ok()?;
    head.key?.remote_jid
}

/// Returns a conversation of a history that contains this one message.
fn conversation(chat: &str, info: &[u8]) -> Vec<u8> {
    let (mut message, mut conversation) = (Vec::new(), Vec::new());
    protobuf::put(&mut message, 1, info);
    protobuf::put(&mut conversation, 1, chat.as_bytes());
    protobuf::put(&mut conversation, 2, &message);
    conversation
}
