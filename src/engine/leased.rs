//! The production ledger: the store under the lease of one account.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tracing::error;

use crate::engine::ledger::{AccountStore, AccountStoreError, Attempt, OpenSends};
use crate::ids::Jid;
use crate::metrics::Meter;
use crate::session::account::Account;
use crate::session::changes::{Change, EventBody};
use crate::session::rows::{Row, RowKey};
use crate::signal::ratchet::Ratchet;
use crate::signal::sender_key::SenderKey;
use crate::signal::stamp;
use crate::store::account::commit::Committed;
use crate::store::account::log::{Current, Seen};
use crate::store::db::unit::UnitPosition;
use crate::store::error::StoreError;
use crate::store::lease::Lease;
use crate::store::outbox::Found;
use crate::store::outbox::notify::OutboxSubscription;
use crate::store::{Owner, Store};

/// The rows of the account that the lease covers.
#[derive(Debug)]
pub struct LeasedAccountStore {
    store: Store,
    lease: Lease,
    known: Mutex<Known>,
    bell: OutboxSubscription,
    meter: Meter,
}

/// State remembered from the rows and from earlier commits.
#[derive(Debug, Default)]
struct Known {
    /// Our device, once it is known: most rows carry its address.
    jid: Option<Jid>,
    /// The last unit known to be committed, once the rows were loaded. `tried` is the last unit
    /// that was attempted.
    committed: Option<String>,
    tried: Option<UnitPosition>,
    /// The log in which the rows are written, once it was checked, and the account's name outside
    /// the database.
    log: Option<(Current, String)>,
    /// The server knows of a pre-key that they do not.
    given_out: Option<u32>,
    /// The start of the database's server that they were judged in.
    run: i64,
}

impl Known {
    /// Returns true if units of this lease were committed that the rows lack. `last` is the last
    /// unit that the rows name. Only this lease holder commits units of this lease.
    fn is_ahead_of(&self, last: &str) -> bool {
        let tried = self.tried.as_ref().is_some_and(|place| place.name == last);
        let committed = self.committed.as_ref();
        !tried && committed.is_some_and(|committed| committed != last)
    }

    fn log_number(&self) -> u64 {
        self.log.as_ref().map_or(0, |(log, _)| log.number)
    }
}

fn is_chain(key: &RowKey) -> bool {
    matches!(key, RowKey::Ratchet(_) | RowKey::SenderKey { .. })
}

/// Reduces a record of an earlier log to decryption only. Returns `None` if the record has no
/// further use. A record that cannot be decoded is returned unchanged, and the caller that decodes
/// it handles the error.
fn ended(key: &RowKey, record: Vec<u8>) -> Option<Vec<u8>> {
    match key {
        RowKey::Ratchet(_) => Some(match Ratchet::decode(&record) {
            Ok(mut ratchet) => {
                ratchet.close();
                ratchet.encode()
            }
            Err(_) => record,
        }),
        _ => {
            let ours = SenderKey::decode(&record).is_ok_and(|key| key.is_ours());
            (!ours).then_some(record)
        }
    }
}

/// Returns the changes with records stamped with their log. Returns `None` in log 0, where records
/// carry no stamp.
fn stamped(changes: &[Change], log: u64) -> Option<Vec<Change>> {
    if log == 0 {
        return None;
    }
    let mut changes = changes.to_vec();
    for change in &mut changes {
        if let Change::Put(key, Row::Record(record)) = change
            && is_chain(key)
        {
            stamp::put(record, log);
        }
    }
    Some(changes)
}

impl LeasedAccountStore {
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
    ) -> Result<T, AccountStoreError> {
        let begun = Instant::now();
        let result = work.await;
        self.meter.query(operation, begun.elapsed());
        if matches!(result, Err(StoreError::LeaseLost { .. })) {
            self.meter.fenced();
        }
        Ok(result?)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that no row was lost when the database server restarted under this process, so that
    /// the next lease holder need not begin another log.
    async fn live_through(&self, run: i64) {
        let (account, unit) = {
            let known = self.known();
            let account = known.log.as_ref().map(|(_, account)| account.clone());
            match (account, known.committed.clone()) {
                (Some(account), Some(unit)) if known.run != run => (account, unit),
                _ => return,
            }
        };
        // On an error the record is missing; the next unit tries again.
        let said = self.store.lived_through(&self.lease, &account, &unit);
        if said.await.is_ok() {
            self.known().run = run;
        }
    }

    fn owner(&self) -> Result<Owner, AccountStoreError> {
        let jid = self.known().jid.clone();
        let jid =
            jid.ok_or_else(|| AccountStoreError::Unusable(String::from("no device is paired")))?;
        Ok(Owner {
            tenant: self.lease.tenant.clone(),
            jid,
        })
    }

    /// Returns the place of the next unit: after the last one, under a name that is used once.
    /// Returns `None` while nothing is loaded; then the unit has no required predecessor.
    fn place(&self, attempt: Attempt) -> Option<UnitPosition> {
        let mut known = self.known();
        let after = known.committed.clone()?;
        if attempt == Attempt::Again
            && let Some(tried) = &known.tried
        {
            return Some(tried.clone());
        }
        // Unit numbers rise within an epoch, and no other process has the epoch.
        let epoch = self.lease.epoch;
        let number = |name: &str| -> Option<u64> {
            let (of, number) = name.split_once('.')?;
            (of.parse() == Ok(epoch)).then(|| number.parse().ok())?
        };
        let tried = known.tried.as_ref().and_then(|place| number(&place.name));
        let last = number(&after).max(tried).unwrap_or(0);
        let place = UnitPosition {
            after,
            name: format!("{epoch}.{}", last + 1),
        };
        known.tried = Some(place);
        known.tried.clone()
    }
}

impl LeasedAccountStore {
    /// Counts new messages. Counts all messages of the unit if the answer to its commit was lost.
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

impl AccountStore for LeasedAccountStore {
    async fn check(&self) -> Result<(), AccountStoreError> {
        match self.store.holds(&self.lease).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(AccountStoreError::LeaseLost),
            Err(error) => Err(error.into()),
        }
    }

    async fn account(&self) -> Result<Option<Account>, AccountStoreError> {
        let load = || self.store.account_after(&self.lease.tenant);
        let (mut last, mut account) = self.timed("load", load()).await?;
        let (judged, seen) = {
            let known = self.known();
            let seen = match known.given_out {
                Some(pre_key) => Some(Seen::PreKey(pre_key)),
                None => known.is_ahead_of(&last).then_some(Seen::Memory),
            };
            (known.log.is_some(), seen)
        };
        if let Some(found) = &account
            && (!judged || seen.is_some())
        {
            let run = *self.store.runs().borrow();
            let recognised = self.store.recognise(&self.lease, found, seen);
            let log = self.timed("load", recognised).await?;
            let begun = log.begun;
            {
                let mut known = self.known();
                known.log = Some((log, Store::mark_of(found)));
                known.given_out = None;
                known.run = run;
            }
            if begun {
                (last, account) = self.timed("load", load()).await?;
            }
        }
        let mut known = self.known();
        known.committed = Some(last);
        known.jid = account.as_ref().map(|account| account.jid.clone());
        Ok(account)
    }

    async fn read(&self, keys: &[RowKey]) -> Result<Vec<(RowKey, Option<Row>)>, AccountStoreError> {
        let owner = self.owner()?;
        let found = self.timed("read", self.store.look_up(&owner, keys)).await?;
        for table in found.unreadable {
            self.meter.refused("unreadable row");
            error!(business_id = %owner.tenant, table, "a row cannot be read: fetched again");
        }
        let mut rows = found.rows;
        let log = self.known().log_number();
        if 0 < log {
            for (key, row) in rows.iter_mut().filter(|(key, _)| is_chain(key)) {
                if let Some(Row::Record(record)) = row
                    && stamp::of(record) < log
                {
                    *row = ended(key, std::mem::take(record)).map(Row::Record);
                }
            }
        }
        Ok(rows)
    }

    async fn commit(&self, attempt: Attempt, changes: &[Change]) -> Result<i64, AccountStoreError> {
        for change in changes {
            if let Change::Paired(account) = change {
                self.known().jid = Some(account.jid.clone());
            }
        }
        let (owner, place) = (self.owner()?, self.place(attempt));
        let stamped = stamped(changes, self.known().log_number());
        let written = stamped.as_deref().unwrap_or(changes);
        let commit = self
            .store
            .commit_at(&self.lease, &owner, place.as_ref(), written);
        let committed = self.timed("commit", commit).await?;
        let newest = match &committed {
            Some(committed) => committed.events.iter().flatten().max().copied(),
            // The attempt whose outcome was unknown has committed it.
            None => Some(self.store.last_event(&self.lease.tenant).await?),
        };
        {
            let mut known = self.known();
            if let Some(place) = place {
                if let Some((log, account)) = &known.log {
                    let tenant = &self.lease.tenant;
                    self.store.mark_unit(tenant, account, &log.id, &place.name);
                }
                known.committed = Some(place.name);
            }
        }
        let run = *self.store.runs().borrow();
        self.live_through(run).await;
        self.count(changes, committed.as_ref());
        Ok(newest.unwrap_or(0))
    }

    async fn open_sends(&self, cursor: i64, limit: u32) -> Result<OpenSends, AccountStoreError> {
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
                Some(Found::Row(row)) => sends.rows.push(*row),
                Some(Found::Unreadable(id)) => sends.unreadable.push(id),
                None => {
                    self.meter.refused("unreadable row");
                    error!(business_id = %tenant, place, "a message to be sent cannot be read");
                }
            }
        }
        Ok(sends)
    }

    fn older(&self, pre_key: u32) {
        self.known().given_out = Some(pre_key);
    }

    async fn outbox_changed(&self) {
        let mut runs = self.store.runs();
        loop {
            let run = *runs.borrow_and_update();
            self.live_through(run).await;
            tokio::select! {
                () = self.bell.rung() => return,
                Ok(()) = runs.changed() => (),
            }
        }
    }
}

impl From<StoreError> for AccountStoreError {
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

/// Returns the error's text followed by the text of its sources.
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
