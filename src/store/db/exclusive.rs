//! A connection that stays with one owner while a transaction may be open on it.

use std::sync::Arc;

use crate::store::db::batch::{Batch, first_rows};
use crate::store::db::postgres::answer::Answered;
use crate::store::db::postgres::link::Rows;
use crate::store::db::postgres::pool::Pooled;
use crate::store::db::primary::{Served, Server};
use crate::store::db::value::Row;
use crate::store::error::StoreError;

/// A pooled connection. It is closed if it is dropped inside a transaction.
pub(in crate::store) struct Guarded {
    link: Pooled,
    served: Served,
}

impl Guarded {
    pub(in crate::store) async fn acquire(server: &Arc<Server>) -> Result<Self, StoreError> {
        let (pool, served) = server.pool();
        let link = served.ask(pool.acquire()).await?;
        Ok(Self { link, served })
    }

    /// Sends statements and returns all their answers, or the first error.
    pub(in crate::store) async fn ask(
        &mut self,
        batch: Batch,
    ) -> Result<Vec<Answered>, StoreError> {
        self.served.ask(self.link.ask(batch)).await
    }

    /// Sends statements and returns the outcome of each one.
    pub(in crate::store) async fn each(
        &mut self,
        batch: Batch,
    ) -> Result<Vec<Result<Answered, StoreError>>, StoreError> {
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
