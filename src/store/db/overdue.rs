//! Commits that PostgreSQL does not answer. A server that has lost its synchronous standby confirms
//! no commit, and none of its own timeouts ends that wait.

use std::time::Duration;

use tokio::time::timeout;

use crate::store::Store;
use crate::store::db::Db;
use crate::store::db::value::args;
use crate::store::error::StoreError;

/// How long a server may take to confirm a commit. This is longer than a slow disk takes.
const COMMIT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long the query for the reason of a delay may take.
const WHY_TIME_MAX: Duration = Duration::from_secs(2);

const WAITS_FOR_COPY: &str = "commits wait for a synchronous standby";

/// Counts the sessions of this database that wait for a synchronous standby, as far as our role may
/// see them.
const WAITING: &str = "
    SELECT COUNT(*) FROM pg_stat_activity
    WHERE wait_event = 'SyncRep' AND datname = current_database()";

impl Db {
    /// Waits for a commit for at most 10 s. After that the outcome is unknown:
    /// [`StoreError::CommitUnknown`].
    pub(in crate::store) async fn in_time<T>(
        &self,
        commit: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if matches!(self, Self::Sqlite { .. }) {
            return commit.await;
        }
        match timeout(COMMIT_TIME_MAX, commit).await {
            Ok(done) => done,
            Err(_) => Err(StoreError::CommitUnknown(self.why().await.into())),
        }
    }

    async fn why(&self) -> &'static str {
        match timeout(WHY_TIME_MAX, self.waiting_for_copies()).await {
            Ok(Ok(1..)) => WAITS_FOR_COPY,
            _ => "no answer in time",
        }
    }

    async fn waiting_for_copies(&self) -> Result<i64, StoreError> {
        let row = self.row(WAITING, args![]).await?;
        row.map_or(Ok(0), |row| row.column("pg_stat_activity", 0))
    }
}

impl Store {
    /// Replaces [`StoreError::Busy`] with the cause if rows are locked because a commit waits for a
    /// synchronous standby. Returns other errors unchanged.
    pub async fn why_busy(&self, error: StoreError) -> StoreError {
        let Db::Postgres(_) = &self.db else {
            return error;
        };
        match error {
            StoreError::Busy if matches!(self.db.why().await, WAITS_FOR_COPY) => {
                StoreError::Unavailable(WAITS_FOR_COPY.into())
            }
            error => error,
        }
    }

    /// Returns the number of sessions that wait for a synchronous standby to confirm their commits;
    /// 0 on SQLite.
    pub async fn waiting_for_copies(&self) -> Result<i64, StoreError> {
        match self.db {
            Db::Sqlite { .. } => Ok(0),
            Db::Postgres(_) => self.db.waiting_for_copies().await,
        }
    }
}
