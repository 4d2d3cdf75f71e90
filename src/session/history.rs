//! The phone's history: names, who is who, and secrets are taken in; the messages are not.

use std::io::Read as _;

use flate2::read::ZlibDecoder;
use prost::Message as _;
use wmctl_proto::history::{Conversation, HistorySync, PhoneNumberToLid};
use wmctl_proto::message::{HistorySyncNotification, LidMappingPayload, LidMappingSync};

use crate::ids::Jid;
use crate::session::account::AccountUpdate;
use crate::session::changes::{Change, EventBody};
use crate::session::machine::{Phase, Session};
use crate::session::people;
use crate::session::receive::Incoming;
use crate::session::rows::{Contact, Row, RowKey};
use crate::session::source::Source;
use crate::session::unit::Unit;

/// Largest history that is unpacked; inline ones are far smaller.
const UNPACKED_BYTES_MAX: u64 = 64 << 20;
/// Most entries of one kind that are taken out of one history.
const ENTRIES_MAX: usize = 50_000;
/// Longest name that is kept of somebody.
const NAME_CHARS_MAX: usize = 128;

impl Session {
    /// A history came with a message. One that has to be downloaded is only reported: nothing in it
    /// is needed to send or to receive.
    pub(super) fn take_history(
        &mut self,
        unit: &mut Unit<'_>,
        incoming: &Incoming,
        notification: HistorySyncNotification,
    ) {
        let unpacked = notification
            .initial_hist_bootstrap_inline_payload
            .as_deref()
            .and_then(|packed| HistorySync::decode(&unpack(packed)?[..]).ok());
        let kind = notification
            .sync_type
            .and_then(|kind| u32::try_from(kind).ok())
            .unwrap_or(0);
        let conversations = unpacked
            .as_ref()
            .map_or(0, |history| history.conversations.len());
        if let Some(history) = unpacked {
            self.file_history(unit, history);
        }
        let body = EventBody::HistorySync {
            kind,
            conversations: u32::try_from(conversations).unwrap_or(u32::MAX),
            progress: notification.progress,
        };
        let Incoming {
            source, home, id, ..
        } = incoming;
        unit.event(
            Some(Source::dedupe(source, "history", home, id)),
            incoming.at_ms,
            body,
        );
    }

    fn file_history(&mut self, unit: &mut Unit<'_>, history: HistorySync) {
        for pair in history
            .phone_number_to_lid_mappings
            .into_iter()
            .take(ENTRIES_MAX)
        {
            let PhoneNumberToLid { pn_jid, lid_jid } = pair;
            if let (Some(number), Some(lid)) = (address(pn_jid), address(lid_jid)) {
                people::learn(unit, &number, &lid);
            }
        }
        for entry in history.pushnames.into_iter().take(ENTRIES_MAX) {
            let name = entry
                .push_name
                .filter(|name| !name.is_empty() && name != "-");
            let Some((user, name)) = address(entry.id).zip(name) else {
                continue;
            };
            let name: String = name.chars().take(NAME_CHARS_MAX).collect();
            if people::is_own(&self.account, &user) {
                self.take_own_name(unit, name);
            } else {
                let contact = Contact {
                    push_name: Some(name),
                    ..Contact::default()
                };
                unit.merge_contact(RowKey::Contact(user.bare()), contact);
            }
        }
        for conversation in history.conversations.into_iter().take(ENTRIES_MAX) {
            file_conversation(self, unit, conversation);
        }
    }

    /// The name that our account goes by was set on the phone.
    pub(super) fn take_own_name(&mut self, unit: &mut Unit<'_>, name: String) {
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

    /// The phone tells which hidden numbers belong to which phone numbers.
    pub(super) fn take_lid_mapping(&mut self, unit: &mut Unit<'_>, mapping: LidMappingSync) {
        let packed = mapping.encoded_mapping_payload.unwrap_or_default();
        let payload = unpack(&packed).unwrap_or(packed);
        let Ok(payload) = LidMappingPayload::decode(&payload[..]) else {
            return;
        };
        for pair in payload.pn_to_lid_mappings.into_iter().take(ENTRIES_MAX) {
            let lid = pair.latest_lid.or(pair.assigned_lid);
            if let (Some(number), Some(lid)) = (pair.pn, lid) {
                let (number, lid) = (Jid::user(number.to_string()), Jid::lid(lid.to_string()));
                people::learn(unit, &number, &lid);
            }
        }
    }
}

fn file_conversation(session: &Session, unit: &mut Unit<'_>, conversation: Conversation) {
    let Some(chat) = address(conversation.id) else {
        return;
    };
    if let (Some(number), Some(lid)) = (address(conversation.pn_jid), address(conversation.lid_jid))
    {
        people::learn(unit, &number, &lid);
    }
    let time = conversation
        .tc_token_timestamp
        .and_then(|time| i64::try_from(time).ok());
    if let (Some(token), Some(timestamp_s)) = (conversation.tc_token, time) {
        let row = Row::PrivacyToken { token, timestamp_s };
        unit.put(RowKey::PrivacyToken(people::plain(&chat)), row);
    }
    for message in conversation
        .messages
        .into_iter()
        .filter_map(|entry| entry.message)
    {
        let Some((secret, key)) = message.message_secret.zip(message.key) else {
            continue;
        };
        let sender = if key.from_me == Some(true) {
            Some(session.account.jid.bare())
        } else if chat.is_account() {
            Some(chat.clone())
        } else {
            address(key.participant.or(message.participant))
        };
        let id = key.id.and_then(|id| id.parse().ok());
        if let Some((sender, id)) = sender.zip(id) {
            let key = RowKey::MessageSecret {
                chat: chat.clone(),
                sender: sender.bare(),
                id,
            };
            unit.put(key, Row::MessageSecret(secret));
        }
    }
}

fn address(text: Option<String>) -> Option<Jid> {
    text?.parse().ok()
}

fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    let mut reader = ZlibDecoder::new(packed).take(UNPACKED_BYTES_MAX + 1);
    reader.read_to_end(&mut unpacked).ok()?;
    (unpacked.len() as u64 <= UNPACKED_BYTES_MAX).then_some(unpacked)
}
