//! History sync: the blob on the media server, and the message that announces it.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use prost::Message as _;
use wmctl_proto::history::{
    Conversation, HistorySync, HistorySyncMsg, PhoneNumberToLid, PushName, WebMessageInfo,
};
use wmctl_proto::message::protocol_message::Type;
use wmctl_proto::message::{
    HistorySyncNotification, HistorySyncType, Message, MessageKey, ProtocolMessage,
};

use crate::appstate::blob::{self, Kind};
use crate::ids::Jid;
use crate::sim::appstate::BLOB_PATH;
use crate::sim::error::SimError;
use crate::sim::world::World;

/// Maximum number of messages in one history, over all chats.
const MESSAGES_MAX: u64 = 1_000_000;
/// Maximum padding of one text (bytes).
const TEXT_BYTES_MAX: u32 = 64 << 10;
/// First phone number of the history's chats.
const FIRST_NUMBER: u64 = 4_917_000_000_000;

/// The contents of a history.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistorySpec {
    /// Number of chats, each with a different person.
    pub conversations: u32,
    /// Messages per chat. Texts are `past C/M`, numbered from 0.
    pub messages: u32,
    /// Bytes of padding that are added to each text.
    #[serde(default)]
    pub padding: u32,
    /// Put the blob into the message itself instead of onto the media server.
    #[serde(default)]
    pub inline: bool,
    /// Number of downloads that the media server refuses first.
    #[serde(default)]
    pub refused: u32,
}

impl HistorySpec {
    fn packed(&self, owner: &Jid, now_s: u64) -> Vec<u8> {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        let mut write = |part: &HistorySync| zlib.write_all(&part.encode_to_vec());
        // Encoded protobuf messages can be concatenated into one, so no part has to be large.
        for chat in 0..self.conversations {
            let number = FIRST_NUMBER + u64::from(chat);
            let part = HistorySync {
                sync_type: Some(HistorySyncType::Recent.into()),
                conversations: vec![self.conversation(chat, owner, now_s)],
                pushnames: vec![PushName {
                    id: Some(Jid::user(number.to_string()).to_string()),
                    push_name: Some(format!("Past {chat}")),
                }],
                phone_number_to_lid_mappings: vec![PhoneNumberToLid {
                    pn_jid: Some(Jid::user(number.to_string()).to_string()),
                    lid_jid: Some(Jid::lid((number * 10).to_string()).to_string()),
                }],
                ..HistorySync::default()
            };
            write(&part).expect("memory takes everything");
        }
        zlib.finish().expect("memory takes everything")
    }

    fn conversation(&self, chat: u32, owner: &Jid, now_s: u64) -> Conversation {
        let jid = Jid::user((FIRST_NUMBER + u64::from(chat)).to_string()).to_string();
        let padding = ".".repeat(self.padding as usize);
        let messages = (0..self.messages).map(|message| {
            let head = WebMessageInfo {
                key: Some(MessageKey {
                    remote_jid: Some(jid.clone()),
                    from_me: Some(message % 2 == 1),
                    id: Some(format!("3A{}{chat:06X}{message:08X}", &owner.user)),
                    participant: None,
                }),
                message: Some(Message {
                    conversation: Some(format!("past {chat}/{message}{padding}")),
                    ..Message::default()
                }),
                message_timestamp: Some(now_s.saturating_sub(u64::from(message))),
                message_secret: Some(vec![7; 32]),
                ..WebMessageInfo::default()
            };
            HistorySyncMsg {
                message: Some(head),
                msg_order_id: Some(message.into()),
            }
        });
        Conversation {
            id: Some(jid.clone()),
            messages: messages.collect(),
            ..Conversation::default()
        }
    }
}

impl World {
    /// Sends the history to each companion. Returns the number of companions.
    pub(super) fn hand_over_past(
        &mut self,
        account: &Jid,
        past: &HistorySpec,
    ) -> Result<usize, SimError> {
        let messages = u64::from(past.conversations) * u64::from(past.messages);
        if MESSAGES_MAX < messages || TEXT_BYTES_MAX < past.padding {
            return Err(SimError::TooMuch);
        }
        let packed = past.packed(account, self.unix_s());
        let owner = self.accounts.get(account).ok_or(SimError::UnknownAccount)?;
        let phone = owner.pn(0);
        let companions = owner.companions();
        for device in &companions {
            let notification = match past.inline {
                true => HistorySyncNotification {
                    initial_hist_bootstrap_inline_payload: Some(packed.clone()),
                    ..HistorySyncNotification::default()
                },
                false => self.put_away(&packed, past.refused),
            };
            let protocol = ProtocolMessage {
                r#type: Some(Type::HistorySyncNotification.into()),
                history_sync_notification: Some(HistorySyncNotification {
                    sync_type: Some(HistorySyncType::Recent.into()),
                    progress: Some(100),
                    ..notification
                }),
                ..ProtocolMessage::default()
            };
            let message = Message {
                protocol_message: Some(Box::new(protocol)),
                ..Message::default()
            };
            let id = format!("3EB0{:018X}", self.take_id());
            let Some(enc) = self.phone_encrypts(&phone, device, &message, false) else {
                continue;
            };
            if let Some(node) = self.phone_message(&phone, None, &id) {
                self.deliver(device, node.attr("category", "peer").with_child(enc));
            }
        }
        Ok(companions.len())
    }

    /// Stores a blob on the media server and returns its reference.
    fn put_away(&mut self, packed: &[u8], refused: u32) -> HistorySyncNotification {
        let id = self.take_id();
        let path = format!("{BLOB_PATH}{id}.enc?oh=1&oe=2");
        let (reference, sealed) = blob::seal(Kind::History, packed, path, &mut *self.random);
        let path = format!("{BLOB_PATH}{id}.enc");
        if 0 < refused {
            self.refused_blobs.insert(path.clone(), refused);
        }
        self.blobs.insert(path, sealed);
        HistorySyncNotification {
            file_length: u64::try_from(packed.len()).ok(),
            media_key: Some(reference.media_key.expose().to_vec()),
            direct_path: Some(reference.direct_path.clone()),
            file_sha256: Some(reference.plain_sha256.to_vec()),
            file_enc_sha256: Some(reference.sealed_sha256.to_vec()),
            ..HistorySyncNotification::default()
        }
    }

    /// Returns the blob at a path of the media server, unless a refusal is still pending.
    pub(super) fn blob(&mut self, path: &str) -> Option<Vec<u8>> {
        if let Some(left) = self.refused_blobs.get_mut(path)
            && 0 < *left
        {
            *left -= 1;
            return None;
        }
        self.blobs.get(path).cloned()
    }
}
