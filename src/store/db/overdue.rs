//! Commits to which no answer comes. A server whose synchronous standby is gone confirms none, and
//! none of its own limits of time ends that wait.

use std::time::Duration;

use tokio::time::timeout;

use crate::store::Store;
use crate::store::db::Db;
use crate::store::db::value::args;
use crate::store::error::StoreError;

/// How long a server may take to confirm a commit; longer than a disk that is slow.
const COMMIT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long the question may take why it does not.
const WHY_TIME_MAX: Duration = Duration::from_secs(2);

const WAITS_FOR_COPY: &str = "commits wait for a synchronous standby";

/// Sessions of this database, of those that the role may see, that wait for a copy.
const WAITING: &str = "
    SELECT COUNT(*) FROM pg_stat_activity
    WHERE wait_event = 'SyncRep' AND datname = current_database()";

impl Db {
    /// Gives a commit up that takes too long: then nobody knows what becomes of it.
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
    /// Says why rows are locked for so long, if it is that a commit waits for a copy.
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

    /// How many sessions wait for a copy of the server to confirm their commits; 0 of a file.
    pub async fn waiting_for_copies(&self) -> Result<i64, StoreError> {
        match self.db {
            Db::Sqlite { .. } => Ok(0),
            Db::Postgres(_) => self.db.waiting_for_copies().await,
        }
    }
}
