//! What the simulator saw against what the database holds.
//!
//! [`Ledger::violations`] is pure; [`Ledger::gather`] fills a ledger from a simulator and the rows
//! of one account that talks to its phones. Demonstrations and fault tests judge by it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::app::{App, RowsError};
use crate::ids::MessageId;
use crate::session::rows::OutboxState;
use crate::sim::Simulator;
use crate::sim::{Breach, Direction, Entry, SimError};

/// Events that are read at once.
const EVENTS_MAX: u32 = 1_000;

/// Both sides of all traffic of one account, by message id.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// What contacts sent to the account: id and text.
    pub received: Vec<(String, String)>,
    /// Ids of those that the account told the server to forget.
    pub acked: Vec<String>,
    /// Message events in the database: id and text.
    pub events: Vec<(String, String)>,
    /// What applications put into the outbox: id and text.
    pub outbox: Vec<(String, String)>,
    /// Ids in the outbox that count as sent.
    pub sent: Vec<String>,
    /// What contacts read of it: contact, id and text.
    pub read: Vec<(String, String, String)>,
    /// What the simulator saw the account do that no client may do.
    pub breaches: Vec<Breach>,
}

/// How far the traffic has come when it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The process is dead: whatever it said to the server must be in the database.
    Killed,
    /// Everything has settled: nothing may be missing either.
    Settled,
}

/// How many violations of each kind there are, and the first few in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Violations {
    /// Came in and is nowhere, or was to leave and did not.
    pub lost: Vec<String>,
    /// Came to its reader twice.
    pub doubled: Vec<String>,
    /// Confirmed or transmitted before it was stored.
    pub acked_early: Vec<String>,
    /// Keys that encrypted two things.
    pub counters_reused: Vec<String>,
}

impl Violations {
    /// Nothing is wrong.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Ledger {
    /// Everything that is wrong at that moment.
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
    #[error(transparent)]
    Simulator(#[from] SimError),
    #[error(transparent)]
    Rows(#[from] RowsError),
}

impl Ledger {
    /// Looks at both sides: first at the simulator, then at the rows, so that whatever the server
    /// was told before must be in the rows.
    ///
    /// `contacts` are the phone numbers that write to the account and are written to; `outbox` are
    /// the ids and texts that applications put in.
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

    /// The same for one of many accounts, from a journal that was read before; without breaches.
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
                // What a phone could not read it asks for again.
                if let Some(text) = message.text {
                    ledger.read.push((contact.clone(), message.id, text));
                }
            }
        }
        let incoming: BTreeSet<&String> = ledger.received.iter().map(|(id, _)| id).collect();
        // In a group contacts read each other, too.
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
