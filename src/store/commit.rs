//! A unit of work: the fence, its changes and the commit, all in one transaction.

use crate::session::changes::Change;
use crate::store::error::StoreError;
use crate::store::lease::{Lease, fence};
use crate::store::{Owner, Store, account, event, put};

/// What a commit gave out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// For each event among the changes, in order: its number, or `None` where an event with its
    /// dedupe key exists already.
    pub events: Vec<Option<i64>>,
}

impl Store {
    /// Commits the changes in order, all or none, if the lease still holds.
    ///
    /// [`StoreError::LeaseLost`]: stop this tenant now. [`StoreError::CommitUnknown`]: throw away
    /// every row in memory and load again. Any other error: nothing was changed.
    pub async fn commit(
        &self,
        lease: &Lease,
        owner: &Owner,
        changes: &[Change],
    ) -> Result<Committed, StoreError> {
        let mut tx = self.db.begin().await?;
        fence(&mut tx, &self.db, lease).await?;
        let events = changes
            .iter()
            .filter(|change| matches!(change, Change::Event(_)))
            .count();
        let mut seq = match events {
            0 => 0,
            count => event::reserve(&mut tx, owner, count).await?,
        };
        let mut committed = Committed::default();
        for change in changes {
            match change {
                Change::Put(key, row) => put::put(&mut tx, owner, key, row).await?,
                Change::Delete(key) => put::delete(&mut tx, owner, key).await?,
                Change::Paired(paired) => account::paired(&mut tx, owner, paired).await?,
                Change::Update(update) => account::update(&mut tx, owner, update).await?,
                Change::NewPreKeys(keys) => account::new_pre_keys(&mut tx, owner, keys).await?,
                Change::PreKeysUploaded { up_to } => {
                    account::pre_keys_uploaded(&mut tx, owner, *up_to).await?;
                }
                Change::Event(event) => {
                    seq += 1;
                    committed
                        .events
                        .push(event::insert(&mut tx, owner, seq, event).await?);
                }
            }
        }
        tx.commit().await?;
        Ok(committed)
    }
}
