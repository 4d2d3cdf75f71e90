//! Commits a unit of work: the fence, its changes and the commit are one transaction.

use crate::session::changes::Change;
use crate::store::account::{log, put};
use crate::store::db::slots;
use crate::store::db::unit::{FencedTransaction, UnitPosition};
use crate::store::error::StoreError;
use crate::store::events;
use crate::store::lease::Lease;
use crate::store::{Owner, Store, account};

/// The result of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// One entry for each event among the changes, in order: its number, or `None` if an event with
    /// the same dedupe key already exists.
    pub events: Vec<Option<i64>>,
}

impl Store {
    /// Commits the changes in order, all or none, if the caller still holds the lease.
    ///
    /// [`StoreError::LeaseLost`]: stop this tenant now. [`StoreError::CommitUnknown`]: discard
    /// every row in memory and load again. Any other error: nothing was changed.
    pub async fn commit(
        &self,
        lease: &Lease,
        owner: &Owner,
        changes: &[Change],
    ) -> Result<Committed, StoreError> {
        let committed = self.commit_at(lease, owner, None, changes).await?;
        Ok(committed.unwrap_or_default())
    }

    /// Commits the changes as the unit of work at `place`. Returns `None` if this unit was
    /// committed before, and [`StoreError::Stale`] if another unit was committed since its rows
    /// were read.
    ///
    /// After [`StoreError::CommitUnknown`], repeat the same call to learn the outcome. This is safe
    /// even if the server may still run the first attempt: only one of the two finds its place
    /// free.
    pub async fn commit_at(
        &self,
        lease: &Lease,
        owner: &Owner,
        place: Option<&UnitPosition>,
        changes: &[Change],
    ) -> Result<Option<Committed>, StoreError> {
        let work = Box::pin(self.commit_now(lease, owner, place, changes));
        self.turns
            .take(&lease.tenant, slots::Slot::Unit, work)
            .await
    }

    async fn commit_now(
        &self,
        lease: &Lease,
        owner: &Owner,
        place: Option<&UnitPosition>,
        changes: &[Change],
    ) -> Result<Option<Committed>, StoreError> {
        let events = changes
            .iter()
            .filter(|change| matches!(change, Change::Event(_)))
            .count();
        let begun = FencedTransaction::begin(&self.db, lease, owner, place, events).await?;
        let Some((mut unit, mut seq)) = begun else {
            return Ok(None);
        };
        for change in changes {
            match change {
                Change::Put(key, row) => put::put(&mut unit, owner, key, row).await?,
                Change::Delete(key) => put::delete(&mut unit, owner, key).await?,
                Change::Paired(paired) => {
                    account::paired(&mut unit, owner, paired).await?;
                    log::begin_paired(&mut unit, owner, seq + 1).await?;
                }
                Change::Update(update) => account::update(&mut unit, owner, update).await?,
                Change::NewPreKeys(keys) => account::new_pre_keys(&mut unit, owner, keys).await?,
                Change::PreKeysUploaded { up_to } => {
                    account::pre_keys_uploaded(&mut unit, owner, *up_to).await?;
                }
                Change::ForgetPreKeys { from, to } => {
                    account::forget_pre_keys(&mut unit, owner, *from, *to).await?;
                }
                Change::GroupsUnsure => put::groups_unsure(&mut unit, owner).await?,
                Change::Unshare(devices) => put::unshare(&mut unit, owner, devices).await?,
                Change::Event(event) => {
                    seq += 1;
                    events::insert(&mut unit, owner, seq, event).await?;
                }
            }
        }
        let writes = unit.len();
        let answers = unit.commit().await?.into_iter();
        self.db.tally().unit(writes);
        let events = answers.map(events::inserted).collect::<Result<_, _>>()?;
        Ok(Some(Committed { events }))
    }
}
