//! A connection that stays with one owner while a transaction may be open on it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::store::db::batch::{Batch, first_rows};
use crate::store::db::overdue::{self, COMMIT_TIME_MAX};
use crate::store::db::postgres::answer::StatementResult;
use crate::store::db::postgres::link::Rows;
use crate::store::db::postgres::pool::Pooled;
use crate::store::db::primary::{Primary, PrimaryHandle};
use crate::store::db::value::Row;
use crate::store::error::StoreError;

/// A pooled connection. It is closed if it is dropped inside a transaction.
pub(in crate::store) struct ExclusiveConnection {
    link: Pooled,
    served: PrimaryHandle,
    server: Arc<Primary>,
    /// Longest time for a commit.
    commit_time_max: Duration,
}

impl ExclusiveConnection {
    pub(in crate::store) async fn acquire(server: &Arc<Primary>) -> Result<Self, StoreError> {
        let (pool, served) = server.pool();
        let link = served.ask(pool.acquire()).await?;
        Ok(Self {
            link,
            served,
            server: Arc::clone(server),
            commit_time_max: COMMIT_TIME_MAX,
        })
    }

    /// Sets the longest time for a commit.
    pub(super) fn be_patient(&mut self, commit_time_max: Duration) {
        self.commit_time_max = commit_time_max;
    }

    /// Sends statements and returns all their answers, or the first error.
    pub(in crate::store) async fn ask(
        &mut self,
        batch: Batch,
    ) -> Result<Vec<StatementResult>, StoreError> {
        self.each(batch).await?.into_iter().collect()
    }

    /// Sends statements and returns the outcome of each one. If a commit is not answered in time,
    /// its outcome is unknown. If a lock is not free in time, the server is asked for the reason.
    pub(in crate::store) async fn each(
        &mut self,
        batch: Batch,
    ) -> Result<Vec<Result<StatementResult, StoreError>>, StoreError> {
        let (commits, time_max) = (batch.commits, self.commit_time_max);
        let asked = self.plainly(batch);
        let answers = match commits {
            false => asked.await,
            true => match timeout(time_max, asked).await {
                Ok(answers) => answers,
                Err(_) => return Err(overdue::commit(&self.server).await),
            },
        };
        match answers {
            Err(StoreError::Busy) => Err(overdue::locked(&self.server).await),
            Ok(mut answers) => {
                for answer in &mut answers {
                    if matches!(answer, Err(StoreError::Busy)) {
                        *answer = Err(overdue::locked(&self.server).await);
                    }
                }
                Ok(answers)
            }
            failed => failed,
        }
    }

    /// Sends statements without a time limit.
    pub(super) async fn plainly(
        &mut self,
        batch: Batch,
    ) -> Result<Vec<Result<StatementResult, StoreError>>, StoreError> {
        self.served.ask(self.link.each(batch)).await
    }

    /// Sends statements and returns the first row of each answer.
    pub(in crate::store) async fn send(
        &mut self,
        batch: Batch,
    ) -> Result<Vec<Option<Row>>, StoreError> {
        Ok(first_rows(self.ask(batch).await?))
    }

    /// Returns the rows of a query as a stream.
    pub(in crate::store) fn stream(
        &mut self,
        sql: String,
        args: Vec<super::value::Val>,
    ) -> Rows<'_> {
        self.link.stream(sql, args)
    }
}
