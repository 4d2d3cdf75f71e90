//! The live ledger: the store, under the lease of one account.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior};

use crate::engine::ledger::{Ledger, LedgerError, OpenSends};
use crate::ids::Jid;
use crate::metrics::Meter;
use crate::session::account::Account;
use crate::session::changes::{Change, EventBody};
use crate::session::rows::{Row, RowKey};
use crate::store::error::StoreError;
use crate::store::lease::Lease;
use crate::store::{Owner, Store};

/// How often the outbox is looked at: other processes write to it.
const OUTBOX_POLL: Duration = Duration::from_millis(100);

/// The rows of the account that the lease is for.
#[derive(Debug)]
pub struct Leased {
    store: Store,
    lease: Lease,
    /// Our device, once there is one: most rows carry its address.
    jid: Mutex<Option<Jid>>,
    poll: tokio::sync::Mutex<Poll>,
    meter: Meter,
}

/// When the outbox was looked at, and what was there.
#[derive(Debug)]
struct Poll {
    tick: Interval,
    version: Option<i64>,
}

impl Leased {
    /// Reads and writes as the holder of `lease`.
    pub fn new(store: Store, lease: Lease) -> Self {
        let mut poll = tokio::time::interval(OUTBOX_POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            store,
            lease,
            jid: Mutex::default(),
            poll: tokio::sync::Mutex::new(Poll {
                tick: poll,
                version: None,
            }),
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

    fn owner(&self) -> Result<Owner, LedgerError> {
        let jid = self
            .jid
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let jid = jid.ok_or_else(|| LedgerError::Unusable(String::from("no device is paired")))?;
        Ok(Owner {
            tenant: self.lease.tenant.clone(),
            jid,
        })
    }

    fn set_jid(&self, jid: Option<Jid>) {
        *self.jid.lock().unwrap_or_else(PoisonError::into_inner) = jid;
    }
}

impl Ledger for Leased {
    async fn account(&self) -> Result<Option<Account>, LedgerError> {
        let account = self
            .timed("load", self.store.account(&self.lease.tenant))
            .await?;
        self.set_jid(account.as_ref().map(|account| account.jid.clone()));
        Ok(account)
    }

    async fn read(&self, keys: &[RowKey]) -> Result<Vec<(RowKey, Option<Row>)>, LedgerError> {
        let owner = self.owner()?;
        self.timed("read", self.store.read(&owner, keys)).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<i64, LedgerError> {
        for change in changes {
            if let Change::Paired(account) = change {
                self.set_jid(Some(account.jid.clone()));
            }
        }
        let owner = self.owner()?;
        let commit = self.store.commit(&self.lease, &owner, changes);
        let committed = self.timed("commit", commit).await?;
        let events = changes.iter().filter_map(|change| match change {
            Change::Event(event) => Some(&event.body),
            _ => None,
        });
        let incoming = |body: &EventBody| matches!(body, EventBody::Message(it) if !it.from_me);
        let new = events.zip(&committed.events);
        let new = new.filter(|(body, seq)| seq.is_some() && incoming(body));
        self.meter.received(new.count() as u64);
        Ok(committed.events.into_iter().flatten().max().unwrap_or(0))
    }

    async fn open_sends(&self, cursor: i64, limit: usize) -> Result<OpenSends, LedgerError> {
        let mut open = self
            .timed("outbox", self.store.outbox_open(&self.lease.tenant, cursor))
            .await?;
        let more = limit < open.len();
        open.truncate(limit);
        let cursor = open.last().map_or(cursor, |(_, place)| *place);
        Ok(OpenSends {
            ids: open.into_iter().map(|(id, _)| id).collect(),
            cursor,
            more,
        })
    }

    async fn outbox_changed(&self) {
        let mut poll = self.poll.lock().await;
        loop {
            poll.tick.tick().await;
            match self.store.outbox_version().await {
                Ok(version) if poll.version == Some(version) => (),
                Ok(version) => {
                    poll.version = Some(version);
                    return;
                }
                // Whoever asks next finds out what is wrong.
                Err(_) => return,
            }
        }
    }
}

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::LeaseLost { .. } | StoreError::LeaseHeld { .. } => Self::LeaseLost,
            StoreError::CommitUnknown(_) => Self::Unknown,
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
