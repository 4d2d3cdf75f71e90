//! A connection that nobody else gets while a transaction may be open on it.

use std::sync::Arc;

use sqlx::Postgres;
use sqlx::pool::PoolConnection;

use crate::store::batch::Batch;
use crate::store::db::Row;
use crate::store::server::{Served, Server};

/// A connection of the pool; closed when it is dropped before it was settled.
pub(super) struct Guarded {
    connection: PoolConnection<Postgres>,
    served: Served,
    /// Whether the connection is outside any transaction again.
    settled: bool,
}

impl Guarded {
    pub(super) async fn acquire(server: &Arc<Server>) -> Result<Self, sqlx::Error> {
        let (pool, served) = server.pool();
        Ok(Self {
            connection: served.ask(pool.acquire()).await?,
            served,
            settled: false,
        })
    }

    /// Sends statements; the first row of each answer.
    pub(super) async fn send(&mut self, batch: Batch) -> Result<Vec<Option<Row>>, sqlx::Error> {
        self.served.ask(batch.send(&mut self.connection)).await
    }

    /// The transaction is over: somebody else may have the connection.
    pub(super) fn settle(&mut self) {
        self.settled = true;
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if !self.settled {
            self.connection.close_on_drop();
        }
    }
}
