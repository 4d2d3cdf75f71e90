//! The live ledger: the store, under the lease of one account.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tracing::error;

use crate::engine::ledger::{Attempt, Ledger, LedgerError, OpenSends};
use crate::ids::Jid;
use crate::metrics::Meter;
use crate::session::account::Account;
use crate::session::changes::{Change, EventBody};
use crate::session::rows::{Row, RowKey};
use crate::signal::ratchet::Ratchet;
use crate::signal::sender_key::SenderKey;
use crate::store::bell::Bell;
use crate::store::commit::{Committed, Place};
use crate::store::error::StoreError;
use crate::store::lease::Lease;
use crate::store::outbox::Found;
use crate::store::{Owner, Store};

/// The rows of the account that the lease is for.
#[derive(Debug)]
pub struct Leased {
    store: Store,
    lease: Lease,
    known: Mutex<Known>,
    bell: Bell,
    meter: Meter,
}

/// What the rows said.
#[derive(Debug, Default)]
struct Known {
    /// Our device, once there is one: most rows carry its address.
    jid: Option<Jid>,
    /// The last unit that is known to be committed, once the rows were loaded, and the one that was
    /// tried last.
    committed: Option<String>,
    tried: Option<Place>,
    /// Whether the rows may be older than what was sent, once that was asked.
    behind: Option<bool>,
    /// Chains that were written under this lease: those are ahead of whatever was lost.
    ahead: BTreeSet<RowKey>,
}

fn is_chain(key: &RowKey) -> bool {
    matches!(key, RowKey::Ratchet(_) | RowKey::SenderKey { .. })
}

/// Leaves out keys that a lost later record may have used. What cannot be read is left to whoever
/// reads it.
fn leave_out(key: &RowKey, record: &mut Vec<u8>) {
    match key {
        RowKey::Ratchet(_) => {
            if let Ok(mut ratchet) = Ratchet::decode(record) {
                ratchet.leave_out();
                *record = ratchet.encode();
            }
        }
        _ => {
            if let Ok(mut sender_key) = SenderKey::decode(record) {
                sender_key.leave_out();
                *record = sender_key.encode();
            }
        }
    }
}

impl Leased {
    /// Reads and writes as the holder of `lease`.
    pub fn new(store: Store, lease: Lease) -> Self {
        let bell = store.outbox_bell(&lease.tenant);
        Self {
            store,
            lease,
            known: Mutex::default(),
            bell,
            meter: Meter::default(),
        }
    }

    /// Counts and measures with `meter`.
    #[must_use]
    pub fn metered(mut self, meter: Meter) -> Self {
        self.meter = meter;
        self
    }

    async fn timed<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, LedgerError> {
        let begun = Instant::now();
        let result = work.await;
        self.meter.query(operation, begun.elapsed());
        if matches!(result, Err(StoreError::LeaseLost { .. })) {
            self.meter.fenced();
        }
        Ok(result?)
    }

    /// Asked once, before the first chain is used.
    async fn is_behind(&self) -> Result<bool, LedgerError> {
        let known = self.known().behind;
        if let Some(behind) = known {
            return Ok(behind);
        }
        let behind = self.store.history_changed().await?;
        self.known().behind = Some(behind);
        Ok(behind)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn owner(&self) -> Result<Owner, LedgerError> {
        let jid = self.known().jid.clone();
        let jid = jid.ok_or_else(|| LedgerError::Unusable(String::from("no device is paired")))?;
        Ok(Owner {
            tenant: self.lease.tenant.clone(),
            jid,
        })
    }

    /// Where the next unit stands: behind the last one, under a name that is used once. Anywhere
    /// while nothing was loaded.
    fn place(&self, attempt: Attempt) -> Option<Place> {
        let mut known = self.known();
        let after = known.committed.clone()?;
        if attempt == Attempt::Again
            && let Some(tried) = &known.tried
        {
            return Some(tried.clone());
        }
        // Names rise within an epoch, and nobody else has the epoch.
        let epoch = self.lease.epoch;
        let number = |name: &str| -> Option<u64> {
            let (of, number) = name.split_once('.')?;
            (of.parse() == Ok(epoch)).then(|| number.parse().ok())?
        };
        let tried = known.tried.as_ref().and_then(|place| number(&place.name));
        let last = number(&after).max(tried).unwrap_or(0);
        let place = Place {
            after,
            name: format!("{epoch}.{}", last + 1),
        };
        known.tried = Some(place);
        known.tried.clone()
    }
}

impl Leased {
    /// Counts the messages that are new; all of them where the answer of their commit was lost.
    fn count(&self, changes: &[Change], committed: Option<&Committed>) {
        let events = changes.iter().filter_map(|change| match change {
            Change::Event(event) => Some(&event.body),
            _ => None,
        });
        let is_new =
            |at: usize| committed.is_none_or(|all| matches!(all.events.get(at), Some(Some(_))));
        let new = events.enumerate().filter(|(at, body)| {
            is_new(*at) && matches!(body, EventBody::Message(message) if !message.from_me)
        });
        self.meter.received(new.count() as u64);
    }
}

impl Ledger for Leased {
    async fn check(&self) -> Result<(), LedgerError> {
        match self.store.holds(&self.lease).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(LedgerError::LeaseLost),
            Err(error) => Err(error.into()),
        }
    }

    async fn account(&self) -> Result<Option<Account>, LedgerError> {
        let load = self.store.account_after(&self.lease.tenant);
        let (last, account) = self.timed("load", load).await?;
        let mut known = self.known();
        known.committed = Some(last);
        known.jid = account.as_ref().map(|account| account.jid.clone());
        Ok(account)
    }

    async fn read(&self, keys: &[RowKey]) -> Result<Vec<(RowKey, Option<Row>)>, LedgerError> {
        let owner = self.owner()?;
        let found = self.timed("read", self.store.look_up(&owner, keys)).await?;
        for table in found.unreadable {
            self.meter.refused("unreadable row");
            error!(business_id = %owner.tenant, table, "a row cannot be read: fetched again");
        }
        let mut rows = found.rows;
        if keys.iter().any(is_chain) && self.is_behind().await? {
            let known = self.known();
            for (key, row) in &mut rows {
                if let Some(Row::Record(record)) = row
                    && is_chain(key)
                    && !known.ahead.contains(key)
                {
                    leave_out(key, record);
                }
            }
        }
        Ok(rows)
    }

    async fn commit(&self, attempt: Attempt, changes: &[Change]) -> Result<i64, LedgerError> {
        for change in changes {
            if let Change::Paired(account) = change {
                self.known().jid = Some(account.jid.clone());
            }
        }
        let (owner, place) = (self.owner()?, self.place(attempt));
        let commit = self
            .store
            .commit_at(&self.lease, &owner, place.as_ref(), changes);
        let committed = self.timed("commit", commit).await?;
        let newest = match &committed {
            Some(committed) => committed.events.iter().flatten().max().copied(),
            // It was committed by the attempt whose outcome was unknown.
            None => Some(self.store.last_event(&self.lease.tenant).await?),
        };
        {
            let mut known = self.known();
            if let Some(place) = place {
                known.committed = Some(place.name);
            }
            if known.behind == Some(true) {
                let written = changes.iter().filter_map(|change| match change {
                    Change::Put(key, _) if is_chain(key) => Some(key.clone()),
                    _ => None,
                });
                known.ahead.extend(written);
            }
        }
        self.count(changes, committed.as_ref());
        Ok(newest.unwrap_or(0))
    }

    async fn open_sends(&self, cursor: i64, limit: u32) -> Result<OpenSends, LedgerError> {
        let tenant = &self.lease.tenant;
        let open = self.store.outbox_batch(tenant, cursor, limit);
        let open = self.timed("outbox", open).await?;
        let mut sends = OpenSends {
            more: u32::try_from(open.len()) == Ok(limit),
            cursor: open.last().map_or(cursor, |(_, place)| *place),
            ..OpenSends::default()
        };
        for (found, place) in open {
            match found {
                Some(Found::Row(row)) => sends.rows.push(row),
                Some(Found::Unreadable(id)) => sends.unreadable.push(id),
                None => {
                    self.meter.refused("unreadable row");
                    error!(business_id = %tenant, place, "a message to be sent cannot be read");
                }
            }
        }
        Ok(sends)
    }

    async fn outbox_changed(&self) {
        self.bell.rung().await;
    }
}

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::LeaseLost { .. } | StoreError::LeaseHeld { .. } => Self::LeaseLost,
            StoreError::CommitUnknown(_) => Self::Unknown,
            StoreError::Stale => Self::Stale,
            StoreError::Refused(_) | StoreError::Corrupt { .. } => Self::Refused(error.reason()),
            error if error.is_transient() => Self::Unavailable(explained(&error)),
            error => Self::Unusable(explained(&error)),
        }
    }
}

/// The error and what is behind it.
pub fn explained(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let behind = error.to_string();
        if !text.contains(&behind) {
            text = format!("{text}: {behind}");
        }
        source = error.source();
    }
    text
}
