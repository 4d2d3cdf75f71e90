//! Where a stanza comes from: the chat it belongs to, the device that sent it, and that person's
//! other address.

use crate::ids::{Jid, MessageId};
use crate::session::account::Account;
use crate::session::keys::addresses::{self, is_own, plain};
use crate::session::machine::Session;
use crate::session::rows::Dedupe;
use crate::session::unit::{Lookup, Unit};
use crate::wire::node::Node;

/// The origin of a message or a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::session) struct Source {
    /// A person or a group, without device.
    pub(in crate::session) chat: Jid,
    /// The sending device; hosted devices under their ordinary address.
    pub(in crate::session) sender: Jid,
    /// The sender's other address (LID or phone number), as far as the stanza tells.
    pub(in crate::session) sender_alt: Option<Jid>,
    /// The chat's other address, where the stanza is a copy of what we sent.
    pub(in crate::session) chat_alt: Option<Jid>,
    /// Another device of ours, or this one.
    pub(in crate::session) from_me: bool,
    /// Groups, broadcast lists and `status`.
    pub(in crate::session) group: bool,
}

impl Source {
    /// Reads the address attributes; `None` when one is missing that is needed.
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
        // Our own LID may be a name that nobody told us yet.
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

    /// The sender's home address with its device: what its ratchets are filed under.
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

    /// Asks for the rows that [`Session::learn_from`] compares with, and for the chat's names.
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

    /// What makes an event of this kind about this message unique.
    ///
    /// `home` is the sender's home address: a repetition may come under the other one.
    pub(in crate::session) fn dedupe(&self, kind: &str, home: &Jid, id: &MessageId) -> Dedupe {
        let sender = home.bare();
        if self.group {
            Dedupe(format!("{kind}|{}|{sender}|{id}", self.chat))
        } else {
            // The chat is left out: it follows from the sender, or is ours to choose.
            Dedupe(format!("{kind}|{sender}|{id}"))
        }
    }
}

impl Session {
    /// Files what the stanza tells about who is who.
    pub(in crate::session) fn learn_from(&mut self, unit: &mut Unit<'_>, source: &Source) {
        for (one, other) in source.pairs() {
            self.learn(unit, one, other);
        }
    }
}

/// The server's time of a stanza in milliseconds, or `now_ms` where it has none.
pub(in crate::session) fn at_ms(node: &Node, now_ms: i64) -> i64 {
    let seconds = node
        .attr_u64("t")
        .and_then(|seconds| i64::try_from(seconds).ok());
    seconds
        .and_then(|seconds| seconds.checked_mul(1_000))
        .unwrap_or(now_ms)
}

/// The stanza's id, if it is an acceptable one.
pub(in crate::session) fn message_id(node: &Node) -> Option<MessageId> {
    node.attr_text("id")?.parse().ok()
}
