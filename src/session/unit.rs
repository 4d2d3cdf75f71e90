//! One unit of work in progress: the rows it reads, and the changes and stanzas it collects.

use std::collections::HashMap;

use crate::crypto::random::Random;
use crate::ids::Jid;
use crate::session::changes::{Change, Event, EventBody};
use crate::session::input::{Input, Now};
use crate::session::output::{Close, Notice, Output};
use crate::session::rows::{Contact, Dedupe, Row, RowKey, Rows};
use crate::wire::node::Node;

/// External values that a session needs to handle an input.
pub struct Context<'a> {
    pub now: Now,
    pub rng: &'a mut dyn Random,
}

/// Access to rows, used both to find out which rows are needed and to work with them.
///
/// Code that decides by rows is written once against this trait. [`Wants`] therefore requests
/// exactly the rows that the work will read.
pub(super) trait Lookup {
    /// Returns the row, or `None` if it is absent or not loaded yet.
    fn row(&mut self, key: &RowKey) -> Option<&Row>;

    /// Returns the time for the age of caches; `None` while wants are collected.
    fn unix_ms(&self) -> Option<i64>;

    /// Returns whether the row is known to be absent. Requests it if it is not loaded.
    fn is_absent(&mut self, key: &RowKey) -> bool;

    /// Records the value that the work will write to a row before it reads it.
    fn assume(&mut self, key: RowKey, row: Row);
}

/// Collects the keys of rows that are not loaded.
pub(super) struct Wants<'a> {
    rows: &'a Rows,
    keys: Vec<RowKey>,
    assumed: HashMap<RowKey, Row>,
}

impl<'a> Wants<'a> {
    /// Starts with the loaded rows.
    pub(super) fn new(rows: &'a Rows) -> Self {
        Self {
            rows,
            keys: Vec::new(),
            assumed: HashMap::new(),
        }
    }

    /// Returns whether all requested rows are loaded.
    pub(super) fn is_complete(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns the requested keys that are not loaded, sorted and without duplicates.
    pub(super) fn into_keys(mut self) -> Vec<RowKey> {
        self.keys.sort_unstable();
        self.keys.dedup();
        self.keys
    }
}

impl Lookup for Wants<'_> {
    fn row(&mut self, key: &RowKey) -> Option<&Row> {
        let known = self.rows.knows(key);
        if !known {
            self.keys.push(key.clone());
        }
        match self.assumed.get(key) {
            Some(assumed) => Some(assumed),
            None if known => self.rows.row(key),
            None => None,
        }
    }

    fn is_absent(&mut self, key: &RowKey) -> bool {
        self.row(key).is_none() && self.rows.knows(key)
    }

    fn unix_ms(&self) -> Option<i64> {
        None
    }

    fn assume(&mut self, key: RowKey, row: Row) {
        self.assumed.insert(key, row);
    }
}

/// The working state of one input.
pub(super) struct WorkContext<'a> {
    pub(super) now: Now,
    pub(super) rng: &'a mut dyn Random,
    pub(super) rows: &'a mut Rows,
    pub(super) out: &'a mut Output,
}

impl Lookup for WorkContext<'_> {
    fn row(&mut self, key: &RowKey) -> Option<&Row> {
        self.rows.row(key)
    }

    fn is_absent(&mut self, key: &RowKey) -> bool {
        self.rows.row(key).is_none()
    }

    fn unix_ms(&self) -> Option<i64> {
        Some(self.now.unix_ms)
    }

    /// Does nothing: the work has written the row itself.
    fn assume(&mut self, _: RowKey, _: Row) {}
}

impl WorkContext<'_> {
    /// Writes a row unless it is known to hold this value.
    pub(super) fn put(&mut self, key: RowKey, row: Row) {
        if self.rows.knows(&key) && self.rows.row(&key) == Some(&row) {
            return;
        }
        self.rows.set(key.clone(), Some(row.clone()));
        self.out.changes.push(Change::Put(key, row));
    }

    /// Adds to the contact of a person. Fields that are `None` keep their stored value.
    pub(super) fn merge_contact(&mut self, key: RowKey, contact: Contact) {
        self.rows.forget(&key);
        self.out
            .changes
            .push(Change::Put(key, Row::Contact(contact)));
    }

    /// Deletes a row unless it is known to be absent.
    pub(super) fn delete(&mut self, key: RowKey) {
        if self.rows.knows(&key) && self.rows.row(&key).is_none() {
            return;
        }
        self.rows.set(key.clone(), None);
        self.out.changes.push(Change::Delete(key));
    }

    /// Records a change that is not a row of its own.
    pub(super) fn change(&mut self, change: Change) {
        self.out.changes.push(change);
    }

    /// Emits an event for applications, with addresses as given.
    pub(super) fn event(
        &mut self,
        dedupe: Option<Dedupe>,
        at_ms: i64,
        alt: Option<Jid>,
        body: EventBody,
    ) {
        if let Some(dedupe) = &dedupe {
            let seen = RowKey::Seen(dedupe.clone());
            self.rows.set(seen, Some(Row::Seen(0)));
        }
        let event = Event {
            dedupe,
            at_ms,
            alt,
            body,
        };
        self.out.changes.push(Change::Event(Box::new(event)));
    }

    /// Queues a stanza for transmission after the commit.
    pub(super) fn transmit(&mut self, node: Node) {
        self.out.transmit.push(node);
    }

    /// Queues a notice for the owner.
    pub(super) fn notice(&mut self, notice: Notice) {
        self.out.notices.push(notice);
    }

    /// Queues an input for the next unit of work.
    pub(super) fn again(&mut self, input: Input) {
        self.out.again.push(input);
    }

    /// Closes the link after everything is transmitted. The first reason wins.
    pub(super) fn close(&mut self, close: Close) {
        self.out.close.get_or_insert(close);
    }
}
