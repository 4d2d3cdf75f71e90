//! The origin of a stanza: its chat, the sending device, and the sender's other address.
//!
//! Source: whatsmeow 33cfac51 `message.go` (address attributes).

use crate::ids::{Jid, MessageId};
use crate::session::account::Account;
use crate::session::keys::addresses::{self, is_own, plain};
use crate::session::machine::Session;
use crate::session::rows::Dedupe;
use crate::session::unit::{Lookup, WorkContext};
use crate::wire::node::Node;

/// The origin of a message or receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::session) struct MessageOrigin {
    /// A person or a group, without device.
    pub(in crate::session) chat: Jid,
    /// The sending device. A hosted device has its ordinary address here.
    pub(in crate::session) sender: Jid,
    /// The sender's other address (LID or phone number), if the stanza has it.
    pub(in crate::session) sender_alt: Option<Jid>,
    /// The chat's other address, if the stanza is a copy of a message that we sent.
    pub(in crate::session) chat_alt: Option<Jid>,
    /// True if the sender is a device of our own account.
    pub(in crate::session) from_me: bool,
    /// True for groups, broadcast lists and `status`.
    pub(in crate::session) group: bool,
}

impl MessageOrigin {
    /// Reads the address attributes. Returns `None` if a required one is missing.
    pub(in crate::session) fn of(account: &Account, node: &Node) -> Option<Self> {
        let from = node.attr_jid("from")?;
        if from.is_group() || from.is_broadcast() {
            return Self::of_group(account, node, from);
        }
        if from.is_newsletter() {
            return Some(Self::simple(from.clone(), from));
        }
        let sender = plain(&from).with_device(from.device);
        let alt = node
            .attr_jid("sender_pn")
            .or_else(|| node.attr_jid("sender_lid"));
        // Our own LID may not be known yet.
        let own = is_own(account, &from) || alt.as_ref().is_some_and(|alt| is_own(account, alt));
        if !own {
            return Some(Self {
                sender_alt: alt.map(|alt| plain(&alt)),
                ..Self::simple(from.bare(), sender)
            });
        }
        let recipient = node.attr_jid("recipient");
        let chat_alt = node
            .attr_jid("peer_recipient_pn")
            .or_else(|| node.attr_jid("peer_recipient_lid"));
        Some(Self {
            sender_alt: alt.map(|alt| plain(&alt)),
            chat_alt: chat_alt
                .filter(|_| recipient.is_some())
                .map(|alt| plain(&alt)),
            from_me: true,
            ..Self::simple(recipient.unwrap_or(from).bare(), sender)
        })
    }

    fn of_group(account: &Account, node: &Node, chat: Jid) -> Option<Self> {
        let participant = node.attr_jid("participant")?;
        let alt = node
            .attr_jid("participant_pn")
            .or_else(|| node.attr_jid("participant_lid"));
        let own_alt = alt.as_ref().is_some_and(|alt| is_own(account, alt));
        Some(Self {
            chat,
            from_me: own_alt || is_own(account, &participant),
            sender: plain(&participant).with_device(participant.device),
            sender_alt: alt.map(|alt| plain(&alt)),
            chat_alt: None,
            group: true,
        })
    }

    fn simple(chat: Jid, sender: Jid) -> Self {
        let chat = if chat.is_account() {
            plain(&chat)
        } else {
            chat
        };
        Self {
            chat,
            sender,
            sender_alt: None,
            chat_alt: None,
            from_me: false,
            group: false,
        }
    }

    /// Returns the sender's home address with its device. Its ratchet is stored under this address.
    pub(in crate::session) fn sender_home(
        &self,
        account: &Account,
        lookup: &mut impl Lookup,
    ) -> Jid {
        let known = self.sender_alt.as_ref().filter(|alt| alt.is_lid());
        let home = match known {
            Some(lid) if !self.sender.is_lid() => lid.clone(),
            _ => addresses::home(account, lookup, &self.sender),
        };
        home.with_device(self.sender.device)
    }

    /// Requests the rows that [`Session::learn_from`] compares with, and the chat's address rows.
    pub(in crate::session) fn want(&self, account: &Account, lookup: &mut impl Lookup) {
        for (one, other) in self.pairs() {
            addresses::want_pair(lookup, one, other);
        }
        addresses::want_names(account, lookup, &self.chat);
    }

    fn pairs(&self) -> impl Iterator<Item = (&Jid, &Jid)> {
        let sender = self.sender_alt.as_ref().map(|alt| (&self.sender, alt));
        let chat = self.chat_alt.as_ref().map(|alt| (&self.chat, alt));
        sender.into_iter().chain(chat)
    }

    /// Returns the dedupe key of an event of this kind about this message.
    ///
    /// `home` is the sender's home address, because a repeated stanza may use the other address.
    pub(in crate::session) fn dedupe(&self, kind: &str, home: &Jid, id: &MessageId) -> Dedupe {
        let sender = home.bare();
        if self.group {
            Dedupe(format!("{kind}|{}|{sender}|{id}", self.chat))
        } else {
            // Without the chat: it follows from the sender, or is our own choice.
            Dedupe(format!("{kind}|{sender}|{id}"))
        }
    }
}

impl Session {
    /// Stores the pairs of addresses that the stanza contains.
    pub(in crate::session) fn learn_from(
        &mut self,
        unit: &mut WorkContext<'_>,
        source: &MessageOrigin,
    ) {
        for (one, other) in source.pairs() {
            self.learn(unit, one, other);
        }
    }
}

/// Returns the server's time of a stanza in ms, or `now_ms` if it has none.
pub(in crate::session) fn at_ms(node: &Node, now_ms: i64) -> i64 {
    let seconds = node
        .attr_u64("t")
        .and_then(|seconds| i64::try_from(seconds).ok());
    seconds
        .and_then(|seconds| seconds.checked_mul(1_000))
        .unwrap_or(now_ms)
}

/// Returns the stanza's id if it is valid.
pub(in crate::session) fn message_id(node: &Node) -> Option<MessageId> {
    node.attr_text("id")?.parse().ok()
}
