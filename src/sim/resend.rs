//! Phones that resend messages which their companions could not decrypt.

use prost::Message as _;
use wmctl_proto::history::WebMessageInfo;
use wmctl_proto::message::peer_data_operation_request_response_message as response;
use wmctl_proto::message::protocol_message::Type;
use wmctl_proto::message::{
    Message, MessageKey, PeerDataOperationRequestMessage, PeerDataOperationRequestResponseMessage,
    PeerDataOperationRequestType, ProtocolMessage,
};

use crate::ids::Jid;
use crate::sim::contact::text_message;
use crate::sim::phone::SENT_MAX;
use crate::sim::world::World;

/// Maximum messages per request.
const KEYS_MAX: usize = 64;

impl World {
    /// Answers a companion's request with the messages that the phone has. Sends nothing if it has
    /// none.
    pub(super) fn messages_asked(
        &mut self,
        device: &Jid,
        id: &str,
        request: &PeerDataOperationRequestMessage,
    ) {
        let requests = &request.placeholder_message_resend_request;
        let keys = requests.iter().take(KEYS_MAX);
        let keys = keys.filter_map(|request| request.message_key.as_ref());
        let found = keys.filter_map(|key| self.message_of(device, key));
        let result = |info: WebMessageInfo| {
            let resent = response::peer_data_operation_result::PlaceholderMessageResendResponse {
                web_message_info_bytes: Some(info.encode_to_vec()),
            };
            response::PeerDataOperationResult {
                placeholder_message_resend_response: Some(resent),
            }
        };
        let results: Vec<response::PeerDataOperationResult> = found.map(result).collect();
        if results.is_empty() {
            return;
        }
        let kind = PeerDataOperationRequestType::PlaceholderMessageResend;
        let protocol = ProtocolMessage {
            r#type: Some(Type::PeerDataOperationRequestResponseMessage.into()),
            peer_data_operation_request_response_message: Some(
                PeerDataOperationRequestResponseMessage {
                    peer_data_operation_request_type: Some(kind.into()),
                    stanza_id: Some(id.to_owned()),
                    peer_data_operation_result: results,
                },
            ),
            ..ProtocolMessage::default()
        };
        let message = Message {
            protocol_message: Some(Box::new(protocol)),
            ..Message::default()
        };
        let id = format!("3EB0{:018X}", self.take_id());
        if let Some(account) = self.accounts.get_mut(device) {
            let answers = &mut account.phone.answers;
            answers.insert(id.clone(), message);
            if SENT_MAX < answers.len() {
                // Ids rise, so the first is the oldest.
                answers.pop_first();
            }
        }
        self.phone_answers(device, &id, false);
    }

    /// Sends a companion an answer, or repeats it after a retry receipt. Returns false if no answer
    /// has that id.
    pub(super) fn phone_answers(&mut self, device: &Jid, id: &str, fresh: bool) -> bool {
        let Some(account) = self.accounts.get(device) else {
            return false;
        };
        let phone = account.pn(0);
        let Some(message) = account.phone.answers.get(id).cloned() else {
            return false;
        };
        if let Some(enc) = self.phone_encrypts(&phone, device, &message, fresh)
            && let Some(node) = self.phone_message(&phone, None, id)
        {
            self.deliver(device, node.attr("category", "peer").with_child(enc));
        }
        true
    }

    /// Returns a message as the phone has it. Other simulated phones encrypt only for companions,
    /// but the phone knows their texts too.
    fn message_of(&self, device: &Jid, key: &MessageKey) -> Option<WebMessageInfo> {
        let id = key.id.as_deref()?;
        let phone = &self.accounts.get(device)?.phone;
        let received = phone.inbox().iter();
        let mut received = received.filter(|message| message.id == id);
        let text = received.find_map(|message| message.text.clone());
        let text = text.or_else(|| {
            // Some clients send an empty participant instead of none.
            let member = key.participant.as_ref().filter(|jid| !jid.is_empty());
            let sender = member.or(key.remote_jid.as_ref())?;
            let sender = self.accounts.canonical(&sender.parse().ok()?)?;
            let sent = &self.accounts.get(&sender)?.phone.sent;
            Some(sent.get(id)?.text.clone())
        })?;
        Some(WebMessageInfo {
            key: Some(key.clone()),
            message: Some(text_message(&text)),
            message_timestamp: Some(self.unix_s()),
            ..WebMessageInfo::default()
        })
    }
}
