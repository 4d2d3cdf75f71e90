//! Why PostgreSQL does not answer in time: commits that it does not confirm, and locks that are
//! not released.
//!
//! A server that has lost its synchronous standby confirms no commit, and none of its own timeouts
//! ends that wait. The locks of such a transaction stay held.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::store::db::batch::{Batch, first_rows};
use crate::store::db::exclusive::ExclusiveConnection;
use crate::store::db::primary::Primary;
use crate::store::db::value::{Row, args};
use crate::store::error::StoreError;

/// How long a server may take to confirm a commit. This is longer than a slow disk takes.
pub(super) const COMMIT_TIME_MAX: Duration = Duration::from_secs(10);
/// The same limit for a transaction that holds a whole account: a standby has to receive all of it.
pub(super) const LARGE_COMMIT_TIME_MAX: Duration = Duration::from_secs(60);
/// How long the query for the reason of a delay may take.
const WHY_TIME_MAX: Duration = Duration::from_secs(2);

/// Counts the sessions of this database that wait for a synchronous standby, as far as our role may
/// see them.
const WAITING: &str = "
    SELECT COUNT(*) FROM pg_stat_activity
    WHERE wait_event = 'SyncRep' AND datname = current_database()";

/// Returns the error for a commit that was not answered in time.
pub(super) async fn commit(server: &Arc<Primary>) -> StoreError {
    StoreError::CommitUnknown(match is_without_copy(server).await {
        true => Box::new(StoreError::NoCopy),
        false => "no answer in time".into(),
    })
}

/// Returns the error for a lock that was not free in time.
pub(in crate::store) async fn locked(server: &Arc<Primary>) -> StoreError {
    match is_without_copy(server).await {
        true => StoreError::NoCopy,
        false => StoreError::Busy,
    }
}

async fn is_without_copy(server: &Arc<Primary>) -> bool {
    // Boxed: this is rare, and large beside the futures of usual queries.
    let waiting = timeout(WHY_TIME_MAX, Box::pin(waiting_for_copies(server))).await;
    matches!(waiting, Ok(Ok(1..)))
}

/// Returns how many sessions wait for a synchronous standby to confirm their commits.
pub(in crate::store) async fn waiting_for_copies(server: &Arc<Primary>) -> Result<i64, StoreError> {
    let mut batch = Batch::default();
    batch.push(WAITING, args![]);
    let answers = ExclusiveConnection::acquire(server)
        .await?
        .plainly(batch)
        .await?;
    let answers = answers.into_iter().collect::<Result<_, _>>()?;
    let row: Option<Row> = first_rows(answers).pop().flatten();
    row.map_or(Ok(0), |row| row.column("pg_stat_activity", 0))
}
