//! Incoming messages, including copies of messages that our other devices sent.
//!
//! Decryption, the event and the advanced ratchet are one unit of work. The receipt is sent only
//! after all of them are committed. A message that arrives again is recognised by its event.

use wmctl_proto::message::ProtocolMessage;

use crate::crypto::curve::PublicKey;
use crate::ids::{Address, Jid, MessageId};
use crate::session::changes::{EventBody, MessageEvent};
use crate::session::keys::addresses;
use crate::session::keys::ratchets::move_row;
use crate::session::machine::Session;
use crate::session::messages::ack::{ack, receipt_for, refused};
use crate::session::messages::content::{self, Content, PROTOCOL};
use crate::session::messages::origin::{self, MessageOrigin};
use crate::session::messages::protobuf;
use crate::session::messages::unread::is_peer;
use crate::session::pairing::device_identity;
use crate::session::rows::{Contact, Dedupe, Row, RowKey};
use crate::session::unit::{Lookup, WorkContext};
use crate::signal::error::RatchetError;
use crate::signal::padding;
use crate::signal::prekey;
use crate::signal::ratchet::{self, PreKeyMessage, Ratchet};
use crate::signal::sender_key::{SenderKey, SenderKeyError};
use crate::wire::node::Node;
use prost::Message as _;

/// Maximum number of ciphertexts per stanza. Usually there are two: a sender key and a message. If
/// there are more than this, none is decrypted.
const ENC_MAX: usize = 8;
/// Maximum length of a stored name, in characters.
const NAME_CHARS_MAX: usize = 128;

/// The metadata of an incoming message.
pub(in crate::session) struct Incoming {
    pub(in crate::session) source: MessageOrigin,
    /// The sending device under its home address (the LID if known).
    pub(in crate::session) home: Jid,
    pub(in crate::session) id: MessageId,
    /// The server's time of the message, in ms since the Unix epoch.
    pub(in crate::session) at_ms: i64,
    pub(in crate::session) dedupe: Dedupe,
}

/// Why a ciphertext has no readable content.
#[derive(PartialEq, Eq)]
enum Unreadable {
    /// It was decrypted before.
    Again,
    /// No client can decrypt it. The value is the error code of the refusal.
    Refuse(u32),
    /// The sender should send it again. `bundle` is true if the retry receipt must include fresh
    /// keys.
    AskAgain { bundle: bool, reason: &'static str },
}

impl Session {
    fn incoming(&self, lookup: &mut impl Lookup, node: &Node, now_ms: i64) -> Option<Incoming> {
        let source = MessageOrigin::of(&self.account, node)?;
        let id = origin::message_id(node)?;
        let home = source.sender_home(&self.account, lookup);
        let dedupe = source.dedupe("message", &home, &id);
        Some(Incoming {
            at_ms: origin::at_ms(node, now_ms),
            source,
            home,
            id,
            dedupe,
        })
    }

    /// Requests the rows for an incoming message.
    pub(in crate::session) fn want_message(&self, lookup: &mut impl Lookup, node: &Node) {
        let Some(incoming) = self.incoming(lookup, node, 0) else {
            return;
        };
        let Incoming {
            source,
            home,
            dedupe,
            ..
        } = incoming;
        if source.chat.is_newsletter() {
            return;
        }
        source.want(&self.account, lookup);
        lookup.row(&RowKey::Retry(dedupe.clone()));
        if lookup.row(&RowKey::Seen(dedupe)).is_some() {
            return;
        }
        if push_name(node).is_some() {
            lookup.row(&RowKey::Contact(source.sender.bare()));
        }
        lookup.row(&RowKey::Identity(home.bare().address()));
        self.has_ratchet(lookup, &home);
        self.given_key(lookup, &home);
        if source.group {
            for place in self.places(lookup, &home) {
                lookup.row(&sender_key_of(&source.chat, place));
            }
        }
        for enc in ciphertexts(node).filter(|enc| is_kind(enc, "pkmsg")) {
            let message = enc
                .content_bytes()
                .and_then(|bytes| ratchet::parse_prekey(bytes).ok());
            if let Some(id) = message.and_then(|message| message.prekey_id) {
                lookup.row(&RowKey::PreKey(id));
            }
        }
    }

    /// Handles an incoming message: decrypts it, records the result, and answers the server.
    pub(in crate::session) fn receive_message(&mut self, unit: &mut WorkContext<'_>, node: &Node) {
        let now_ms = unit.now.unix_ms;
        let Some(incoming) = self.incoming(unit, node, now_ms) else {
            unit.out
                .transmit
                .extend(ack(node, Some(refused::MALFORMED)));
            return;
        };
        if incoming.source.chat.is_newsletter() {
            unit.out.transmit.extend(ack(node, None));
            return;
        }
        self.learn_from(unit, &incoming.source);
        if self.is_known(unit, &incoming) {
            return self.confirm(unit, node, &incoming);
        }
        let any = ciphertexts(node).next().is_some();
        if !any && node.child("unavailable").is_some() {
            self.remember_unread(unit, node, &incoming, 1, "unavailable");
            unit.out.transmit.extend(ack(node, None));
            return;
        }
        if !any {
            return self.decline(unit, node, &incoming, refused::UNRECOGNISED);
        }
        if ciphertexts(node).nth(ENC_MAX).is_some() {
            return self.decline(unit, node, &incoming, refused::MALFORMED);
        }
        let mut used_up = false;
        for enc in ciphertexts(node) {
            let read = self.decrypt(unit, node, &incoming, enc);
            used_up = read == Err(Unreadable::Again);
            match read {
                Ok(plain) => self.take(unit, node, &incoming, &plain),
                Err(Unreadable::Again) => (),
                // The content for people already has its event.
                Err(_) if self.is_known(unit, &incoming) => break,
                Err(Unreadable::Refuse(code)) => {
                    return self.decline(unit, node, &incoming, code);
                }
                Err(Unreadable::AskAgain { bundle, reason }) => {
                    return self.ask_again(unit, node, &incoming, bundle, reason);
                }
            }
        }
        let known = self.is_known(unit, &incoming);
        if used_up && !known && !is_peer(node) {
            // The message key is gone and there is no event. Either the sender key that we received
            // starts at a later counter, or too many later messages arrived first. Only a new
            // ciphertext helps.
            return self.ask_again(unit, node, &incoming, true, "key_used_up");
        }
        match known || is_peer(node) {
            true => Self::forget_unread(unit, &incoming.dedupe),
            false => Self::remember_quiet(unit, &incoming),
        }
        learn_name(unit, node, &incoming.source);
        self.confirm(unit, node, &incoming);
    }

    /// Returns whether the message has an event, or was decrypted without content for people.
    fn is_known(&self, unit: &mut WorkContext<'_>, incoming: &Incoming) -> bool {
        let told = unit.row(&RowKey::Seen(incoming.dedupe.clone())).is_some();
        let row = unit.row(&RowKey::Retry(incoming.dedupe.clone()));
        told || matches!(row, Some(Row::Retry(row)) if row.is_quiet())
    }

    /// Refuses a message that no client of our kind can decrypt. The phone may still have it.
    fn decline(&mut self, unit: &mut WorkContext<'_>, node: &Node, incoming: &Incoming, code: u32) {
        let reason = match code {
            refused::MALFORMED => "malformed",
            refused::CONTENT => "content",
            refused::MESSAGE_SECRET => "message_secret",
            _ => "unrecognised",
        };
        self.remember_unread(unit, node, incoming, 1, reason);
        unit.out.transmit.extend(ack(node, Some(code)));
    }

    /// Confirms a stored message to the server, and releases the ack of an unreadable earlier copy.
    fn confirm(&mut self, unit: &mut WorkContext<'_>, node: &Node, incoming: &Incoming) {
        let receipt = self.delivered(node, &incoming.source);
        unit.out.transmit.extend(receipt);
        self.came_again(unit, incoming.id.as_str());
    }

    /// Decrypts one ciphertext and removes its padding.
    fn decrypt(
        &mut self,
        unit: &mut WorkContext<'_>,
        node: &Node,
        incoming: &Incoming,
        enc: &Node,
    ) -> Result<Vec<u8>, Unreadable> {
        let kind = enc.attr_text("type").unwrap_or_default();
        let bytes = enc
            .content_bytes()
            .ok_or(Unreadable::Refuse(refused::MALFORMED))?;
        let padded = match kind.as_ref() {
            "pkmsg" => self.decrypt_first(unit, node, incoming, bytes)?,
            "msg" => self.decrypt_next(unit, incoming, bytes)?,
            "skmsg" if incoming.source.group => self.decrypt_group(unit, node, incoming, bytes)?,
            "msmsg" => return Err(Unreadable::Refuse(refused::MESSAGE_SECRET)),
            _ => return Err(Unreadable::Refuse(refused::UNRECOGNISED)),
        };
        let plain = padding::unpad(&padded).map_err(|_| Unreadable::Refuse(refused::CONTENT))?;
        Ok(plain.to_vec())
    }

    /// Decrypts a message that starts a ratchet, or that was sent before our first reply arrived.
    fn decrypt_first(
        &mut self,
        unit: &mut WorkContext<'_>,
        node: &Node,
        incoming: &Incoming,
        bytes: &[u8],
    ) -> Result<Vec<u8>, Unreadable> {
        let message = ratchet::parse_prekey(bytes).map_err(|_| Unreadable::AskAgain {
            bundle: true,
            reason: "malformed",
        })?;
        self.check_companion(unit, node, incoming, &message)?;
        let (existing, place) = self.ratchet(unit, &incoming.home);
        let one_time = message.prekey_id.and_then(|id| own_pre_key(unit, id));
        let signed = &self.account.signed_pre_key;
        let own = self.own_identity();
        let accepted = Ratchet::accept(
            existing,
            &own,
            signed,
            one_time.as_ref(),
            &message,
            unit.rng,
        );
        let (ratchet, plain) = accepted.map_err(|error| unreadable(&error))?;
        unit.put(RowKey::Ratchet(place), Row::Record(ratchet.encode()));
        if let Some(id) = message.prekey_id.filter(|_| one_time.is_some()) {
            unit.delete(RowKey::PreKey(id));
        }
        self.trust(unit, &incoming.home, message.identity.0);
        Ok(plain)
    }

    /// Verifies the proof, if present, that a companion device belongs to its account.
    fn check_companion(
        &self,
        unit: &mut WorkContext<'_>,
        node: &Node,
        incoming: &Incoming,
        message: &PreKeyMessage,
    ) -> Result<(), Unreadable> {
        let proof = node.child("device-identity").and_then(Node::content_bytes);
        let Some(proof) = proof.filter(|_| incoming.home.device != 0) else {
            return Ok(());
        };
        let phone = RowKey::Identity(incoming.home.bare().address());
        let account_key = match unit.row(&phone) {
            Some(Row::Identity(key)) => Some(*key),
            _ => None,
        };
        let identity = PublicKey(message.identity.0);
        if device_identity::proves(proof, &identity, account_key) {
            Ok(())
        } else {
            Err(Unreadable::AskAgain {
                bundle: false,
                reason: "device_identity",
            })
        }
    }

    /// Decrypts a message of an established ratchet.
    fn decrypt_next(
        &mut self,
        unit: &mut WorkContext<'_>,
        incoming: &Incoming,
        bytes: &[u8],
    ) -> Result<Vec<u8>, Unreadable> {
        let (ratchet, place) = self.ratchet(unit, &incoming.home);
        let mut ratchet = ratchet.ok_or(Unreadable::AskAgain {
            bundle: true,
            reason: "no_ratchet",
        })?;
        let plain = ratchet
            .decrypt_message(bytes, unit.rng)
            .map_err(|error| unreadable(&error))?;
        unit.put(RowKey::Ratchet(place), Row::Record(ratchet.encode()));
        Ok(plain)
    }

    /// Processes decrypted content: keys for the protocol, and content for people.
    fn take(&mut self, unit: &mut WorkContext<'_>, node: &Node, incoming: &Incoming, plain: &[u8]) {
        let content = Content::of(plain);
        let source = &incoming.source;
        if source.group
            && let Some((_, distribution)) =
                content::sender_key(plain).or_else(|| content::sender_key(content.payload))
        {
            self.accept_sender_key(unit, &source.chat, &incoming.home, distribution);
        }
        if let Some(secret) = content.secret {
            let key = RowKey::MessageSecret {
                chat: source.chat.clone(),
                sender: source.sender.bare(),
                id: incoming.id.clone(),
            };
            unit.put(key, Row::MessageSecret(secret.to_vec()));
        }
        if source.from_me && self.take_protocol(unit, node, incoming, content.payload) {
            return;
        }
        if !content.is_for_people() {
            return;
        }
        let sent_to = content
            .sent_to
            .and_then(|text| std::str::from_utf8(text).ok());
        // A copy without `recipient` names its chat inside the payload.
        let chat = match sent_to.and_then(|text| text.parse::<Jid>().ok()) {
            Some(chat) if source.from_me && node.value("recipient").is_none() => chat,
            _ => source.chat.clone(),
        };
        let message = MessageEvent {
            chat,
            sender: source.sender.clone(),
            sender_alt: self.other_address(unit, source),
            id: incoming.id.clone(),
            from_me: source.from_me,
            push_name: push_name(node),
            kind: content.kind(),
            text: content.text(),
            payload: content.payload.to_vec(),
            offline: node.value("offline").is_some(),
        };
        let named = addresses::knows_names(&self.account, unit.rows, &message.chat);
        let (dedupe, body) = (Some(incoming.dedupe.clone()), EventBody::Message(message));
        match named {
            true => self.tell(unit, dedupe, incoming.at_ms, body),
            // Only the ciphertext named the chat, so its other address is not loaded.
            false => unit.event(dedupe, incoming.at_ms, None, body),
        }
    }

    fn other_address(&self, unit: &mut WorkContext<'_>, source: &MessageOrigin) -> Option<Jid> {
        let home = source.sender_home(&self.account, unit);
        let alt = match &source.sender_alt {
            Some(alt) => alt.clone(),
            None if home.server != source.sender.server => home,
            None => return None,
        };
        Some(alt.with_device(source.sender.device))
    }

    /// Processes a message from our phone to its companions. Returns false if it has content for
    /// people.
    fn take_protocol(
        &mut self,
        unit: &mut WorkContext<'_>,
        node: &Node,
        incoming: &Incoming,
        payload: &[u8],
    ) -> bool {
        let protocol = protobuf::bytes(payload, PROTOCOL);
        let Some(protocol) = protocol.and_then(|bytes| ProtocolMessage::decode(bytes).ok()) else {
            return false;
        };
        if let Some(share) = protocol.app_state_sync_key_share {
            self.take_app_state_keys(unit, share);
        } else if let Some(history) = protocol.history_sync_notification {
            self.take_history(unit, incoming, &history);
            unit.out
                .transmit
                .extend(receipt_for(node, Some("hist_sync")));
        } else if let Some(mapping) = protocol.lid_migration_mapping_sync_message {
            self.take_lid_mapping(unit, mapping);
        } else if let Some(answer) = protocol.peer_data_operation_request_response_message {
            self.take_resent(unit, incoming, &answer);
        } else {
            // Other peer messages concern clients with a user interface.
            return is_peer(node);
        }
        true
    }
}

fn ciphertexts(node: &Node) -> impl Iterator<Item = &Node> {
    // One more tells that there are too many.
    node.children_named("enc").take(ENC_MAX + 1)
}

fn is_kind(enc: &Node, kind: &str) -> bool {
    enc.attr_text("type").as_deref() == Some(kind)
}

fn unreadable(error: &RatchetError) -> Unreadable {
    match error {
        RatchetError::Duplicate { .. } => Unreadable::Again,
        // The sender uses keys of ours that no longer exist, so it needs new ones.
        RatchetError::NoSession
        | RatchetError::MissingPreKey { .. }
        | RatchetError::MissingSignedPreKey { .. } => Unreadable::AskAgain {
            bundle: true,
            reason: "no_ratchet",
        },
        _ => Unreadable::AskAgain {
            bundle: false,
            reason: "undecryptable",
        },
    }
}

/// Returns one of our one-time pre-keys, if it is unused.
pub(in crate::session) fn own_pre_key(lookup: &mut impl Lookup, id: u32) -> Option<prekey::PreKey> {
    match lookup.row(&RowKey::PreKey(id)) {
        Some(Row::PreKey(row)) => Some(prekey::PreKey {
            id,
            pair: crate::crypto::curve::KeyPair::from_private(*row.private.expose()),
        }),
        _ => None,
    }
}

fn sender_key_of(chat: &Jid, sender: Address) -> RowKey {
    RowKey::SenderKey {
        chat: chat.clone(),
        sender,
    }
}

impl Session {
    /// Returns a device's sender key, moved to its home row if needed, and the key of that row.
    fn sender_key_from(
        &self,
        unit: &mut WorkContext<'_>,
        chat: &Jid,
        home: &Jid,
    ) -> (Option<SenderKey>, RowKey) {
        let (place, earlier) = self.filed(unit, home).into_parts();
        let key = sender_key_of(chat, place);
        if let Some(earlier) = earlier {
            move_row(unit, sender_key_of(chat, earlier), key.clone());
        }
        let known = match unit.row(&key) {
            Some(Row::Record(record)) => SenderKey::decode(record).ok(),
            _ => None,
        };
        (known, key)
    }

    /// Decrypts a message with the sender's sender key.
    fn decrypt_group(
        &self,
        unit: &mut WorkContext<'_>,
        node: &Node,
        incoming: &Incoming,
        bytes: &[u8],
    ) -> Result<Vec<u8>, Unreadable> {
        // Without a pairwise message in the stanza, the sender assumes that we have its sender key.
        let alone = !ciphertexts(node).any(|enc| is_kind(enc, "pkmsg") || is_kind(enc, "msg"));
        let missing = Unreadable::AskAgain {
            bundle: alone,
            reason: "no_sender_key",
        };
        let (known, key) = self.sender_key_from(unit, &incoming.source.chat, &incoming.home);
        let Some(mut sender_key) = known else {
            return Err(missing);
        };
        let plain = sender_key.decrypt(bytes).map_err(|error| match error {
            SenderKeyError::Duplicate { .. } => Unreadable::Again,
            SenderKeyError::NoKey { .. } => missing,
            _ => Unreadable::AskAgain {
                bundle: false,
                reason: "undecryptable",
            },
        })?;
        unit.put(key, Row::Record(sender_key.encode()));
        Ok(plain)
    }

    /// Stores a sender key that another device distributed.
    fn accept_sender_key(
        &self,
        unit: &mut WorkContext<'_>,
        chat: &Jid,
        home: &Jid,
        distribution: &[u8],
    ) {
        let (known, key) = self.sender_key_from(unit, chat, home);
        let mut sender_key = known.unwrap_or_default();
        if sender_key.accept(distribution).is_ok() {
            unit.put(key, Row::Record(sender_key.encode()));
        }
    }
}

/// Returns the sender's push name.
fn push_name(node: &Node) -> Option<String> {
    let name = node.attr_text("notify")?;
    let name: String = name.chars().take(NAME_CHARS_MAX).collect();
    (!name.is_empty() && name != "-").then_some(name)
}

/// Stores a sender's push name if it changed.
fn learn_name(unit: &mut WorkContext<'_>, node: &Node, source: &MessageOrigin) {
    let Some(name) = push_name(node).filter(|_| !source.from_me) else {
        return;
    };
    let key = RowKey::Contact(source.sender.bare());
    let known = match unit.row(&key) {
        Some(Row::Contact(contact)) => contact.push_name.as_ref() == Some(&name),
        _ => false,
    };
    if !known {
        let contact = Contact {
            push_name: Some(name),
            ..Contact::default()
        };
        unit.merge_contact(key, contact);
    }
}
