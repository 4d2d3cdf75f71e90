//! Compares what the simulator saw with what the database holds.
//!
//! [`DeliveryAudit::gather`] fills an audit from a simulator and the rows of one account that talks
//! to its phones. [`DeliveryAudit::violations`] is pure. Demonstrations and fault tests use its
//! verdict.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::app::{App, RowsError};
use crate::ids::MessageId;
use crate::session::rows::OutboxState;
use crate::sim::Simulator;
use crate::sim::{Breach, Direction, Entry, SimError};

/// Events that are read per query.
const EVENTS_MAX: u32 = 1_000;

/// Both sides of all traffic of one account, by message id.
#[derive(Clone, Debug, Default)]
pub struct DeliveryAudit {
    /// Messages that contacts sent to the account: id and text.
    pub received: Vec<(String, String)>,
    /// Ids of the messages that the account acked or confirmed with a receipt.
    pub acked: Vec<String>,
    /// Message events in the database: id and text.
    pub events: Vec<(String, String)>,
    /// Messages that applications put into the outbox: id and text.
    pub outbox: Vec<(String, String)>,
    /// Ids of outbox messages in a state that counts as sent.
    pub sent: Vec<String>,
    /// Messages of the account that contacts decrypted: contact, id and text.
    pub read: Vec<(String, String, String)>,
    /// Protocol violations by the account that the simulator saw.
    pub breaches: Vec<Breach>,
}

/// The state of the traffic when it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The process is dead: everything that it confirmed or sent must be in the database.
    Killed,
    /// All traffic has ended: in addition, no message may be missing.
    Settled,
}

/// The violations of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Violations {
    /// Incoming messages without an event, and outgoing messages that were never sent.
    pub lost: Vec<String>,
    /// Messages that reached their reader twice.
    pub doubled: Vec<String>,
    /// Messages that were acked or transmitted before they were stored.
    pub acked_early: Vec<String>,
    /// Message keys that encrypted two texts.
    pub counters_reused: Vec<String>,
}

impl Violations {
    /// Returns whether there are no violations.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl DeliveryAudit {
    /// Returns all violations at that moment.
    pub fn violations(&self, moment: Moment) -> Violations {
        let mut found = Violations::default();
        self.check_incoming(moment, &mut found);
        self.check_outgoing(moment, &mut found);
        self.check_breaches(&mut found);
        found
    }

    fn check_incoming(&self, moment: Moment, found: &mut Violations) {
        let mut texts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (id, text) in &self.events {
            texts.entry(id).or_default().push(text);
        }
        for (id, events) in texts.iter().filter(|(_, events)| 1 < events.len()) {
            found
                .doubled
                .push(format!("{} events of {id}", events.len()));
        }
        for id in self
            .acked
            .iter()
            .filter(|id| !texts.contains_key(id.as_str()))
        {
            found
                .acked_early
                .push(format!("{id} was acked and is no event"));
        }
        for (id, text) in self.received.iter().filter(|_| moment == Moment::Settled) {
            match texts.get(id.as_str()) {
                Some(events) if events.contains(&text.as_str()) => (),
                Some(events) => found
                    .lost
                    .push(format!("{id} is {events:?} and not {text:?}")),
                None => found.lost.push(format!("{id} came in and is no event")),
            }
        }
    }

    fn check_outgoing(&self, moment: Moment, found: &mut Violations) {
        let mut seen = BTreeSet::new();
        let mut texts = BTreeMap::new();
        for (contact, id, text) in &self.read {
            if !seen.insert((contact, id)) {
                found.doubled.push(format!("{contact} read {id} twice"));
            }
            if let Some(other) = texts
                .insert((contact, text), id)
                .filter(|other| *other != id)
            {
                found
                    .doubled
                    .push(format!("{contact} read {text:?} as {id} and as {other}"));
            }
        }
        let known: BTreeSet<&String> = self.outbox.iter().map(|(id, _)| id).collect();
        for (_, id, _) in self.read.iter().filter(|(_, id, _)| !known.contains(id)) {
            found
                .acked_early
                .push(format!("{id} left and is not in the outbox"));
        }
        let read: BTreeSet<&String> = self.read.iter().map(|(_, id, _)| id).collect();
        for (id, _) in self.outbox.iter().filter(|_| moment == Moment::Settled) {
            if !read.contains(id) {
                found
                    .lost
                    .push(format!("{id} was in the outbox and nobody read it"));
            }
            if !self.sent.contains(id) {
                found.lost.push(format!("{id} is still not sent"));
            }
        }
    }

    fn check_breaches(&self, found: &mut Violations) {
        for breach in &self.breaches {
            let list = match breach {
                Breach::MessageKeyReused { .. } | Breach::PreKeyIdReused { .. } => {
                    &mut found.counters_reused
                }
                Breach::OtherCiphertext { .. } => &mut found.doubled,
                Breach::DeviceMissed { .. } => &mut found.lost,
            };
            list.push(format!("{breach:?}"));
        }
    }
}

/// Why a ledger could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// The simulator failed.
    #[error(transparent)]
    Simulator(#[from] SimError),
    /// The database failed.
    #[error(transparent)]
    Rows(#[from] RowsError),
}

impl DeliveryAudit {
    /// Reads the simulator first and the rows second, so that everything confirmed to the server
    /// must already be in the rows.
    ///
    /// `contacts` are the phone numbers that exchange messages with the account. `outbox` holds the
    /// ids and texts that applications sent.
    pub async fn gather(
        app: &App,
        sim: &Simulator,
        contacts: &[String],
        outbox: &[(String, String)],
    ) -> Result<Self, GatherError> {
        let journal = sim.journal().await?;
        let breaches = sim.breaches().await?;
        let mut ledger = Self::gather_from(app, sim, &journal, contacts, outbox).await?;
        ledger.breaches = breaches;
        Ok(ledger)
    }

    /// Does the same for one of many accounts, with a journal that was read before. Omits breaches.
    pub async fn gather_from(
        app: &App,
        sim: &Simulator,
        journal: &[Entry],
        contacts: &[String],
        outbox: &[(String, String)],
    ) -> Result<Self, GatherError> {
        let mut ledger = Self {
            outbox: outbox.to_vec(),
            ..Self::default()
        };
        for contact in contacts {
            ledger.received.extend(sim.phone_sent(contact).await?);
            for message in sim.phone_inbox(contact).await? {
                // A contact asks again for a message that it could not decrypt.
                if let Some(text) = message.text {
                    ledger.read.push((contact.clone(), message.id, text));
                }
            }
        }
        let incoming: BTreeSet<&String> = ledger.received.iter().map(|(id, _)| id).collect();
        // In a group, contacts also read each other's messages.
        ledger.read.retain(|(_, id, _)| !incoming.contains(id));
        let confirms = |tag: &str, kind: Option<&str>| match tag {
            "receipt" => kind != Some("retry"),
            tag => tag == "ack",
        };
        ledger.acked = journal
            .iter()
            .filter(|entry| entry.direction == Direction::In)
            .filter(|entry| confirms(&entry.tag, entry.kind.as_deref()))
            .filter_map(|entry| entry.id.clone())
            .filter(|id| incoming.contains(id))
            .collect();
        ledger.read_rows(app).await?;
        Ok(ledger)
    }

    async fn read_rows(&mut self, app: &App) -> Result<(), RowsError> {
        let tenant = &app.settings.tenant;
        let mut next = 1;
        loop {
            let events = app.store.events(tenant, next, EVENTS_MAX).await;
            let events = events.map_err(RowsError::of)?;
            let Some(last) = events.last() else {
                break;
            };
            next = last.seq + 1;
            for event in events {
                if event.kind == "message" && !event.from_me {
                    let id = event.message_id.unwrap_or_default();
                    self.events.push((id, event.text.unwrap_or_default()));
                }
            }
        }
        for (id, _) in &self.outbox {
            let Ok(key) = id.parse::<MessageId>() else {
                continue;
            };
            let row = app.store.outbox_row(tenant, &key).await;
            let row = row.map_err(RowsError::of)?;
            if row.is_some_and(|row| row.state == OutboxState::Sent) {
                self.sent.push(id.clone());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
