//! The record of all stanzas and of the protocol rules that clients broke.

use std::collections::{HashMap, HashSet};

use prost::Message;
use wmctl_proto::signal::{PreKeySignalMessage, SenderKeyMessage, SignalMessage};

use crate::crypto::hash;
use crate::crypto::xeddsa::SIGNATURE_BYTES;
use crate::ids::Jid;
use crate::sim::link::LinkId;
use crate::wire::node::Node;

/// Length of the MAC at the end of a Signal message (bytes).
///
/// Source: libsignal-protocol-go cabf8159 `protocol/SignalMessage.go` (`MacLength`).
const MAC_BYTES: usize = 8;

/// Direction of a stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From a client.
    In,
    /// To a client.
    Out,
}

/// One stanza.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Entry {
    /// Time (Unix ms).
    pub unix_ms: i64,
    /// Number of the connection, from 0.
    pub link: u64,
    /// The device, after its login.
    pub device: Option<Jid>,
    /// Direction of the stanza.
    pub direction: Direction,
    /// Tag of the stanza.
    pub tag: String,
    /// Its `id`, if it has one.
    pub id: Option<String>,
    /// The first of its attributes `xmlns`, `class` and `type`.
    pub kind: Option<String>,
}

/// A logged-in connection. Times are in ms of the simulator's monotonic clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Number of the connection.
    pub link: u64,
    /// The device that logged in.
    pub device: Jid,
    /// Time at which the login was accepted.
    pub since_ms: u64,
    /// Time at which the server saw the connection close, or the current time if it is open.
    pub until_ms: u64,
    /// Whether it is still open.
    pub open: bool,
}

/// A violation of the protocol by a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(tag = "breach", rename_all = "snake_case")]
pub enum Breach {
    /// A message id was reused with other ciphertexts, although no device had asked for a retry.
    OtherCiphertext {
        /// The sender.
        device: Jid,
        /// The message id.
        id: String,
    },
    /// One ratchet step encrypted two different messages.
    MessageKeyReused {
        /// The sender.
        device: Jid,
        /// The device that the message was for.
        to: Jid,
        /// The repeated counter.
        counter: u32,
    },
    /// A message was not encrypted for all devices of its recipient.
    DeviceMissed {
        /// The sender.
        device: Jid,
        /// The message id.
        id: String,
        /// The device without a copy.
        missed: Jid,
    },
    /// A client uploaded a one-time pre-key with an id that it had used for another key.
    PreKeyIdReused {
        /// The owner of the key.
        device: Jid,
        /// The repeated id.
        id: u32,
    },
}

impl Breach {
    /// Returns the kind as in its JSON form.
    fn kind(&self) -> &'static str {
        match self {
            Self::OtherCiphertext { .. } => "other_ciphertext",
            Self::MessageKeyReused { .. } => "message_key_reused",
            Self::DeviceMissed { .. } => "device_missed",
            Self::PreKeyIdReused { .. } => "pre_key_id_reused",
        }
    }
}

/// The record of one run.
#[derive(Debug, Default)]
pub(super) struct Journal {
    entries: Vec<Entry>,
    entries_max: usize,
    breaches: Vec<Breach>,
    known: HashSet<Breach>,
    /// Logins, oldest first.
    logins: Vec<Login>,
    steps: HashMap<Step, [u8; 32]>,
}

/// A message key: sender, receiver, ratchet key and counter.
type Step = (Jid, Jid, Vec<u8>, u32);

impl Journal {
    /// Creates a journal that keeps at most `entries_max` stanzas.
    pub(super) fn new(entries_max: usize) -> Self {
        Self {
            entries_max,
            ..Self::default()
        }
    }

    /// Records a stanza, unless the journal is full.
    pub(super) fn note(
        &mut self,
        unix_ms: i64,
        link: LinkId,
        device: Option<&Jid>,
        direction: Direction,
        node: &Node,
    ) {
        if self.entries.len() == self.entries_max {
            return;
        }
        if self.entries.len() + 1 == self.entries_max {
            tracing::warn!(stanzas = self.entries_max, "the journal is full");
        }
        let text = |name| node.attr_text(name).map(|text| text.into_owned());
        self.entries.push(Entry {
            unix_ms,
            link,
            device: device.cloned(),
            direction,
            tag: node.tag.clone(),
            id: text("id"),
            kind: text("xmlns")
                .or_else(|| text("class"))
                .or_else(|| text("type")),
        });
    }

    /// Records a login.
    pub(super) fn logged_in(&mut self, now_ms: u64, link: LinkId, device: &Jid) {
        if self.logins.len() < self.entries_max {
            let login = Login {
                link,
                device: device.clone(),
                since_ms: now_ms,
                until_ms: now_ms,
                open: true,
            };
            self.logins.push(login);
        }
    }

    /// Records the end of a connection, if it was logged in.
    pub(super) fn closed(&mut self, now_ms: u64, link: LinkId) {
        let logins = self.logins.iter_mut().rev();
        for login in logins.filter(|login| login.open && login.link == link) {
            (login.until_ms, login.open) = (now_ms, false);
        }
    }

    /// Returns all logins so far, oldest first.
    pub(super) fn logins(&self, now_ms: u64) -> Vec<Login> {
        let until = |login: &Login| Login {
            until_ms: if login.open { now_ms } else { login.until_ms },
            ..login.clone()
        };
        self.logins.iter().map(until).collect()
    }

    /// Records a violation.
    pub(super) fn breach(&mut self, breach: Breach) {
        if self.known.insert(breach.clone()) {
            tracing::warn!(breach = breach.kind(), "a client broke a rule");
            self.breaches.push(breach);
        }
    }

    /// Checks that each step of a chain encrypts only one message.
    pub(super) fn check_ciphertext(&mut self, device: &Jid, to: &Jid, kind: &str, bytes: &[u8]) {
        let Some((chain, counter)) = chain_step(kind, bytes) else {
            return;
        };
        let digest = hash::sha256(&[bytes]);
        // A sender key is one chain for all readers.
        let reader = if kind == "skmsg" { device } else { to };
        let step = (device.clone(), reader.clone(), chain, counter);
        let first = *self.steps.entry(step).or_insert(digest);
        if first != digest {
            self.breach(Breach::MessageKeyReused {
                device: device.clone(),
                to: to.clone(),
                counter,
            });
        }
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.entries.clone()
    }

    /// Returns at most `limit` entries, starting at index `skip`.
    pub(super) fn page(&self, skip: usize, limit: usize) -> Vec<Entry> {
        self.entries
            .iter()
            .skip(skip)
            .take(limit)
            .cloned()
            .collect()
    }

    pub(super) fn breaches(&self) -> Vec<Breach> {
        self.breaches.clone()
    }
}

/// Returns the chain and the counter of a ciphertext, if it is well-formed.
fn chain_step(kind: &str, bytes: &[u8]) -> Option<(Vec<u8>, u32)> {
    let inner;
    let message = match kind {
        "pkmsg" => {
            inner = PreKeySignalMessage::decode(bytes.get(1..)?).ok()?.message?;
            inner.as_slice()
        }
        "msg" => bytes,
        "skmsg" => {
            let end = bytes.len().checked_sub(SIGNATURE_BYTES)?;
            let message = SenderKeyMessage::decode(bytes.get(1..end)?).ok()?;
            return Some((message.id?.to_be_bytes().to_vec(), message.iteration?));
        }
        _ => return None,
    };
    let end = message.len().checked_sub(MAC_BYTES)?;
    let message = SignalMessage::decode(message.get(1..end)?).ok()?;
    Some((message.ratchet_key?, message.counter?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_lasts_until_its_connection_is_closed() {
        let mut journal = Journal::new(3);
        let device = Jid::user("1");
        journal.logged_in(10, 7, &device);
        journal.logged_in(20, 8, &device);
        journal.closed(25, 7);
        journal.closed(26, 7);
        // A connection that never logged in.
        journal.closed(27, 9);
        let times = |journal: &Journal| -> Vec<(u64, u64, u64)> {
            let logins = journal.logins(90).into_iter();
            let times = logins.map(|login| (login.link, login.since_ms, login.until_ms));
            times.collect()
        };
        assert_eq!(times(&journal), [(7, 10, 25), (8, 20, 90)]);
        for link in [11, 12] {
            journal.logged_in(30, link, &device);
        }
        assert_eq!(times(&journal).len(), 3);
    }
}
