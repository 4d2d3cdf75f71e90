//! The content of a message: its kind, its text and its wrappers.
//!
//! Works on raw protobuf, so that payloads reach applications as they were sent, including fields
//! that are newer than this program.
//!
//! Source: field numbers of whatsmeow 33cfac51 `proto/waE2E/WAWebProtobufsE2E.proto` (`Message`).

use crate::crypto::random::{self, Random};
use crate::ids::{Jid, MessageId};
use crate::session::messages::protobuf;

/// Maximum number of nested wrappers that are removed.
const WRAPPERS_MAX: usize = 8;
/// Length of a message secret, in bytes.
const SECRET_BYTES: usize = 32;

/// Fields of `Message` that serve only the protocol.
pub(in crate::session) const SENDER_KEY_DISTRIBUTION: u32 = 2;
pub(in crate::session) const PROTOCOL: u32 = 12;
const DEVICE_SENT: u32 = 31;
const CONTEXT_INFO: u32 = 35;
const FAST_RATCHET_DISTRIBUTION: u32 = 15;
/// The wrapper around an edited message (`editedMessage`).
const EDITED: u32 = 58;

/// Fields that wrap another `Message` as their field 1.
const WRAPPERS: &[u32] = &[
    37, 40, 53, 55, 58, 59, 62, 67, 74, 85, 87, 90, 91, 92, 93, 95, 96, 99, 100, 101, 103, 104,
    106, 116, 118, 126, 131,
];

/// Kinds of content: the field of `Message`, the name, and the path of fields to its text.
const KINDS: &[(u32, &str, &[u32])] = &[
    (1, "text", &[]),
    (6, "text", &[1]),
    (3, "image", &[3]),
    (4, "contact", &[1]),
    (5, "location", &[3]),
    (7, "document", &[20]),
    (8, "audio", NO_TEXT),
    (9, "video", &[7]),
    (66, "video_note", &[7]),
    (10, "call", NO_TEXT),
    (13, "contacts", &[1]),
    (14, "highly_structured", NO_TEXT),
    (16, "payment", NO_TEXT),
    (18, "live_location", &[6]),
    (22, "payment_request", NO_TEXT),
    (25, "template", NO_TEXT),
    (26, "sticker", NO_TEXT),
    (28, "group_invite", &[6]),
    (29, "template_reply", &[2]),
    (30, "product", NO_TEXT),
    (36, "list", &[2]),
    (38, "order", &[7]),
    (39, "list_response", &[1]),
    (42, "buttons", &[6]),
    (43, "buttons_response", &[2]),
    (45, "interactive", NO_TEXT),
    (46, "reaction", &[2]),
    (48, "interactive_response", NO_TEXT),
    (49, "poll", &[2]),
    (60, "poll", &[2]),
    (64, "poll", &[2]),
    (111, "poll", &[2]),
    (119, "poll", &[2]),
    (50, "poll_vote", NO_TEXT),
    (51, "keep", NO_TEXT),
    (56, "encrypted_reaction", NO_TEXT),
    (63, "pin", NO_TEXT),
    (75, "event", &[3]),
    (76, "event_response", NO_TEXT),
    (77, "comment", NO_TEXT),
    (71, "comment", NO_TEXT),
    (78, "channel_invite", NO_TEXT),
    (80, "placeholder", NO_TEXT),
    (82, "secret_encrypted", NO_TEXT),
    (83, "album", NO_TEXT),
    (86, "sticker_pack", &[2]),
];
/// A path without a target: no message has field 0.
const NO_TEXT: &[u32] = &[0];

/// A decrypted message without its wrappers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) struct Content<'a> {
    /// The innermost `Message`.
    pub(in crate::session) payload: &'a [u8],
    /// The chat that the message was sent to, in a copy from another device of ours.
    pub(in crate::session) sent_to: Option<&'a [u8]>,
    /// The message secret, from any level.
    pub(in crate::session) secret: Option<&'a [u8]>,
    /// True if it replaces the content of an earlier message.
    edit: bool,
}

impl<'a> Content<'a> {
    /// Removes the wrappers of a decrypted message.
    pub(in crate::session) fn of(message: &'a [u8]) -> Self {
        let secret = |message| {
            let secret = protobuf::bytes(protobuf::bytes(message, CONTEXT_INFO)?, 3);
            secret.filter(|secret| is_secret(secret))
        };
        let mut content = Self {
            payload: message,
            sent_to: None,
            secret: secret(message),
            edit: false,
        };
        if let Some(sent) = protobuf::bytes(message, DEVICE_SENT)
            && let Some(inner) = protobuf::bytes(sent, 2)
        {
            content.payload = inner;
            content.sent_to = protobuf::bytes(sent, 1);
            content.secret = content.secret.or_else(|| secret(inner));
        }
        for _ in 0..WRAPPERS_MAX {
            let inner = |number: &u32| {
                let inner = protobuf::bytes(protobuf::bytes(content.payload, *number)?, 1)?;
                Some((*number, inner))
            };
            let Some((number, inner)) = WRAPPERS.iter().find_map(inner) else {
                break;
            };
            content.payload = inner;
            content.edit |= number == EDITED;
            content.secret = content.secret.or_else(|| secret(inner));
        }
        content
    }

    /// Returns whether there is content for people.
    pub(in crate::session) fn is_for_people(&self) -> bool {
        const QUIET: [u32; 4] = [
            SENDER_KEY_DISTRIBUTION,
            FAST_RATCHET_DISTRIBUTION,
            CONTEXT_INFO,
            DEVICE_SENT,
        ];
        protobuf::numbers(self.payload).any(|number| !QUIET.contains(&number))
    }

    /// Returns the kind of content as one word.
    pub(in crate::session) fn kind(&self) -> &'static str {
        if let Some(protocol) = protobuf::bytes(self.payload, PROTOCOL) {
            return protocol_kind(protocol);
        }
        match self.shape() {
            Some(_) if self.edit => "edit",
            Some((_, kind, _)) => kind,
            None => "unknown",
        }
    }

    /// Returns the text, caption or reaction, if the kind has one.
    pub(in crate::session) fn text(&self) -> Option<String> {
        let edited = protobuf::bytes(self.payload, PROTOCOL)
            .and_then(|protocol| protobuf::bytes(protocol, 14))
            .map(Content::of);
        if let Some(edited) = edited {
            return edited.plain_text();
        }
        self.plain_text()
    }

    fn plain_text(&self) -> Option<String> {
        let (number, _, path) = self.shape()?;
        let mut found = protobuf::bytes(self.payload, *number)?;
        for step in *path {
            found = protobuf::bytes(found, *step)?;
        }
        Some(String::from_utf8_lossy(found).into_owned())
    }

    fn shape(&self) -> Option<&'static (u32, &'static str, &'static [u32])> {
        KINDS
            .iter()
            .find(|(number, _, _)| protobuf::bytes(self.payload, *number).is_some())
    }

    /// Returns the value of a message stanza's `type` attribute.
    pub(in crate::session) fn stanza_type(&self) -> &'static str {
        match self.kind() {
            "reaction" | "encrypted_reaction" => "reaction",
            "poll" | "poll_vote" => "poll",
            _ if self.media_type().is_some() => "media",
            _ => "text",
        }
    }

    /// Returns the value of an `enc` child's `mediatype` attribute.
    pub(in crate::session) fn media_type(&self) -> Option<&'static str> {
        Some(match self.kind() {
            "image" => "image",
            "sticker" => "sticker",
            "document" => "document",
            "audio" => "audio",
            "video" => "video",
            "contact" => "vcard",
            "contacts" => "contact_array",
            _ => return None,
        })
    }

    /// Returns the value of a message stanza's `edit` attribute.
    pub(in crate::session) fn edit_attribute(&self) -> Option<&'static str> {
        match self.kind() {
            "edit" => Some("1"),
            "revoke" => Some("7"),
            _ => None,
        }
    }
}

/// Returns the kind of a protocol message, by the field that is set or else by its type.
fn protocol_kind(protocol: &[u8]) -> &'static str {
    const BY_FIELD: &[(u32, &str)] = &[
        (14, "edit"),
        (6, "history_sync"),
        (7, "app_state_keys"),
        (8, "app_state_key_request"),
        (11, "disappearing_mode"),
        (16, "peer_request"),
        (17, "peer_response"),
        (23, "lid_mapping"),
    ];
    let set: Vec<u32> = protobuf::numbers(protocol).collect();
    match BY_FIELD.iter().find(|(number, _)| set.contains(number)) {
        Some((_, kind)) => kind,
        None if set.contains(&5) || set.contains(&4) => "disappearing_mode",
        // The type of a revocation is zero, which some clients omit.
        None if set.contains(&1) => "revoke",
        None => "protocol",
    }
}

/// Returns a new message id in the form of web clients.
/// Source: whatsmeow 33cfac51 `send.go` (`WebMessageIDPrefix`).
pub fn new_id(rng: &mut dyn Random) -> MessageId {
    let id = format!("3EB0{}", hex::encode_upper(random::bytes::<9>(rng)));
    id.parse().expect("22 letters and digits are a message id")
}

/// Returns a `Message` with plain text.
pub fn text(text: &str) -> Vec<u8> {
    let mut message = Vec::new();
    protobuf::put(&mut message, 1, text.as_bytes());
    message
}

/// Returns whether a message secret has the valid length.
pub(in crate::session) fn is_secret(secret: &[u8]) -> bool {
    secret.len() == SECRET_BYTES
}

/// Adds a message secret unless the message has one.
pub(in crate::session) fn with_secret(mut message: Vec<u8>, rng: &mut dyn Random) -> Vec<u8> {
    if Content::of(&message).secret.is_none() {
        let mut context = Vec::new();
        protobuf::put(&mut context, 3, &random::bytes::<SECRET_BYTES>(rng));
        protobuf::put(&mut message, CONTEXT_INFO, &context);
    }
    message
}

/// Returns the form in which our own other devices receive a message to `chat`.
pub(in crate::session) fn device_sent(chat: &Jid, message: &[u8]) -> Vec<u8> {
    let mut sent = Vec::new();
    protobuf::put(&mut sent, 1, chat.to_string().as_bytes());
    protobuf::put(&mut sent, 2, message);
    let mut wrapped = Vec::new();
    protobuf::put(&mut wrapped, DEVICE_SENT, &sent);
    if let Some(context) = protobuf::bytes(message, CONTEXT_INFO) {
        protobuf::put(&mut wrapped, CONTEXT_INFO, context);
    }
    wrapped
}

/// Appends our sender key of `group` to a message, which may be empty.
pub(in crate::session) fn with_sender_key(
    mut message: Vec<u8>,
    group: &Jid,
    distribution: &[u8],
) -> Vec<u8> {
    let mut content = Vec::new();
    protobuf::put(&mut content, 1, group.to_string().as_bytes());
    protobuf::put(&mut content, 2, distribution);
    protobuf::put(&mut message, SENDER_KEY_DISTRIBUTION, &content);
    message
}

/// Returns the group and the distribution message of a sender key that a message carries.
pub(in crate::session) fn sender_key(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let content = protobuf::bytes(message, SENDER_KEY_DISTRIBUTION)?;
    Some((protobuf::bytes(content, 1)?, protobuf::bytes(content, 2)?))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn wrap(number: u32, inner: &[u8]) -> Vec<u8> {
        let mut message = Vec::new();
        protobuf::put(&mut message, number, inner);
        message
    }

    #[test]
    fn kinds_and_texts_are_told_apart() {
        let check = |message: &[u8], kind: &str, text: Option<&str>| {
            let content = Content::of(message);
            assert_eq!((content.kind(), content.text().as_deref()), (kind, text));
        };
        check(&text("hi"), "text", Some("hi"));
        check(&wrap(6, &wrap(1, b"long")), "text", Some("long"));
        check(&wrap(3, &wrap(3, b"caption")), "image", Some("caption"));
        check(&wrap(8, b""), "audio", None);
        check(&wrap(46, &wrap(2, b"+")), "reaction", Some("+"));
        check(
            &wrap(40, &wrap(1, &text("gone soon"))),
            "text",
            Some("gone soon"),
        );
        check(&wrap(12, &wrap(1, b"")), "revoke", None);
        check(&wrap(12, &wrap(14, &text("new"))), "edit", Some("new"));
        check(&wrap(999, b"?"), "unknown", None);
        check(&[], "unknown", None);
    }

    #[test]
    fn what_own_devices_get_holds_the_same_message_and_secret() {
        let rng = &mut StdRng::seed_from_u64(1);
        let message = with_secret(text("hi"), rng);
        assert_eq!(with_secret(message.clone(), rng), message);
        let sent = device_sent(&Jid::lid("99"), &message);
        let content = Content::of(&sent);
        assert_eq!(content.payload, message);
        assert_eq!(content.sent_to, Some(&b"99@lid"[..]));
        assert_eq!(content.secret.map(<[u8]>::len), Some(SECRET_BYTES));
    }

    #[test]
    fn sender_keys_alone_are_not_for_people() {
        let group = Jid::group("1");
        let alone = with_sender_key(Vec::new(), &group, b"key");
        assert!(!Content::of(&alone).is_for_people());
        assert_eq!(sender_key(&alone), Some((&b"1@g.us"[..], &b"key"[..])));
        assert!(Content::of(&with_sender_key(text("x"), &group, b"key")).is_for_people());
    }
}
