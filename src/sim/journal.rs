//! What happened, and which rules of the protocol a client broke.

use std::collections::{HashMap, HashSet};

use prost::Message;
use wmctl_proto::signal::{PreKeySignalMessage, SenderKeyMessage, SignalMessage};

use crate::crypto::hash;
use crate::crypto::xeddsa::SIGNATURE_BYTES;
use crate::ids::Jid;
use crate::sim::link::LinkId;
use crate::wire::node::Node;

/// Length of the MAC behind a Signal message.
const MAC_BYTES: usize = 8;

/// Which way a stanza went.
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
    /// Milliseconds since the Unix epoch.
    pub unix_ms: i64,
    /// Number of the connection, counted from 0.
    pub link: u64,
    /// The device, once it is logged in.
    pub device: Option<Jid>,
    /// Which way it went.
    pub direction: Direction,
    /// Its tag.
    pub tag: String,
    /// Its `id`, if it has one.
    pub id: Option<String>,
    /// Its `xmlns`, `class` or `type`, whichever comes first.
    pub kind: Option<String>,
}

/// One connection of a device, from its login on. Times are milliseconds of the server's own clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Number of the connection.
    pub link: u64,
    /// Who logged in.
    pub device: Jid,
    /// When the login was accepted.
    pub since_ms: u64,
    /// When the connection was closed, as the server sees it; the present while it is open.
    pub until_ms: u64,
}

/// Something that no client may do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(tag = "breach", rename_all = "snake_case")]
pub enum Breach {
    /// A message id came again with other ciphertexts, and nobody had asked for a retry.
    OtherCiphertext {
        /// Who sent it.
        device: Jid,
        /// Which message.
        id: String,
    },
    /// One ratchet step encrypted two different messages.
    MessageKeyReused {
        /// Who sent it.
        device: Jid,
        /// For which device.
        to: Jid,
        /// The counter that came twice.
        counter: u32,
    },
    /// A message left out a device of the account that it was for.
    DeviceMissed {
        /// Who sent it.
        device: Jid,
        /// Which message.
        id: String,
        /// The device that did not get it.
        missed: Jid,
    },
    /// A client uploaded a one-time key whose id it had used before for another key.
    PreKeyIdReused {
        /// Whose key.
        device: Jid,
        /// Its id.
        id: u32,
    },
}

impl Breach {
    /// One word, as in its JSON.
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
    /// Those that have no end yet are open.
    logins: Vec<(Login, bool)>,
    steps: HashMap<Step, [u8; 32]>,
}

/// One message key: who sends to whom, with which ratchet key, how many-th.
type Step = (Jid, Jid, Vec<u8>, u32);

impl Journal {
    /// Keeps so many stanzas.
    pub(super) fn new(entries_max: usize) -> Self {
        Self {
            entries_max,
            ..Self::default()
        }
    }

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

    pub(super) fn logged_in(&mut self, now_ms: u64, link: LinkId, device: &Jid) {
        if self.logins.len() < self.entries_max {
            let login = Login {
                link,
                device: device.clone(),
                since_ms: now_ms,
                until_ms: now_ms,
            };
            self.logins.push((login, true));
        }
    }

    pub(super) fn closed(&mut self, now_ms: u64, link: LinkId) {
        let logins = self.logins.iter_mut().rev();
        for (login, open) in logins.filter(|(login, open)| *open && login.link == link) {
            (login.until_ms, *open) = (now_ms, false);
        }
    }

    /// All logins so far, oldest first.
    pub(super) fn logins(&self, now_ms: u64) -> Vec<Login> {
        let until = |(login, open): &(Login, bool)| Login {
            until_ms: if *open { now_ms } else { login.until_ms },
            ..login.clone()
        };
        self.logins.iter().map(until).collect()
    }

    pub(super) fn breach(&mut self, breach: Breach) {
        if self.known.insert(breach.clone()) {
            tracing::warn!(breach = breach.kind(), "a client broke a rule");
            self.breaches.push(breach);
        }
    }

    /// Looks at a ciphertext on its way: each step of a chain may encrypt one message only.
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

    /// Some of the entries, from the `skip`-th on.
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

/// The chain and the counter of a ciphertext, if it has the form of one.
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
        // It was never logged in.
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
