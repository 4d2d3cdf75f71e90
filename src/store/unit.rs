//! The transaction of a unit of work: fenced at its start, whole or not at all.
//!
//! On PostgreSQL it takes two round trips whatever it holds: the fence, and everything else with
//! the commit. Statements are kept until then.

use sqlx::Postgres;
use sqlx::pool::PoolConnection;

use crate::store::Owner;
use crate::store::batch::Batch;
use crate::store::db::{Db, END_WHEN_IDLE, Row, Tx, Val, args};
use crate::store::error::StoreError;
use crate::store::event;
use crate::store::lease::{FENCE_POSTGRES, FENCE_SQLITE, Lease};

/// An open unit of work; dropped without a commit, it changes nothing.
pub(super) enum Unit {
    Sqlite { tx: Tx, answers: Vec<Option<Row>> },
    Postgres(Held),
}

/// A connection inside a transaction, and what is still to be sent on it.
pub(super) struct Held {
    connection: PoolConnection<Postgres>,
    /// Whether the connection is outside any transaction again.
    settled: bool,
    batch: Batch,
    /// Places of the statements whose answers are wanted.
    asked: Vec<usize>,
}

impl Drop for Held {
    fn drop(&mut self) {
        // Nobody else may get a connection whose transaction is open, or in an unknown state.
        if !self.settled {
            self.connection.close_on_drop();
        }
    }
}

impl Unit {
    /// Starts a unit that will hold so many events; the event number before the first of them.
    pub(super) async fn begin(
        db: &Db,
        lease: &Lease,
        owner: &Owner,
        events: usize,
    ) -> Result<(Self, i64), StoreError> {
        let lost = StoreError::LeaseLost { held: lease.epoch };
        let fence = args![lease.tenant.as_str(), lease.epoch, lease.owner.to_string()];
        let Db::Postgres(server) = db else {
            let mut tx = db.begin().await?;
            tx.row(FENCE_SQLITE, fence).await?.ok_or(lost)?;
            let row = match events {
                0 => None,
                count => tx.row(event::RESERVE, event::reserve(owner, count)).await?,
            };
            let answers = Vec::new();
            let seq = event::reserved(events, row)?;
            return Ok((Self::Sqlite { tx, answers }, seq));
        };
        let mut held = Held {
            connection: server.pool.acquire().await?,
            settled: false,
            batch: Batch::default(),
            asked: Vec::new(),
        };
        let mut batch = Batch::default();
        batch.push("BEGIN", &[]);
        if server.is_shared() {
            batch.push(END_WHEN_IDLE, &[]);
        }
        let fenced = batch.push(FENCE_POSTGRES, &fence);
        if 0 < events {
            batch.push(event::RESERVE, &event::reserve(owner, events));
        }
        let mut answers = batch
            .send(&mut held.connection)
            .await?
            .into_iter()
            .skip(fenced);
        if answers.next().flatten().is_none() {
            let mut batch = Batch::default();
            batch.push("ROLLBACK", &[]);
            held.settled = batch.send(&mut held.connection).await.is_ok();
            return Err(lost);
        }
        let seq = event::reserved(events, answers.next().flatten())?;
        Ok((Self::Postgres(held), seq))
    }

    /// Runs a statement no later than the commit.
    pub(super) async fn run(
        &mut self,
        sql: &'static str,
        args: Vec<Val>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { tx, .. } => tx.run(sql, args).await.map(|_| ()),
            Self::Postgres(held) => {
                held.batch.push(sql, &args);
                Ok(())
            }
        }
    }

    /// Runs a statement no later than the commit, which gives the first row of its answer.
    pub(super) async fn ask(
        &mut self,
        sql: &'static str,
        args: Vec<Val>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { tx, answers } => answers.push(tx.row(sql, args).await?),
            Self::Postgres(held) => {
                let place = held.batch.push(sql, &args);
                held.asked.push(place);
            }
        }
        Ok(())
    }

    /// Ends the unit for good; what was asked, in order.
    pub(super) async fn commit(self) -> Result<Vec<Option<Row>>, StoreError> {
        match self {
            Self::Sqlite { tx, answers } => {
                tx.commit().await?;
                Ok(answers)
            }
            Self::Postgres(mut held) => {
                let mut batch = std::mem::take(&mut held.batch);
                batch.push("COMMIT", &[]);
                let sent = batch.send(&mut held.connection).await;
                let mut answers = sent.map_err(StoreError::of_commit)?;
                held.settled = true;
                let asked = held.asked.iter();
                Ok(asked
                    .map(|place| answers.get_mut(*place).and_then(Option::take))
                    .collect())
            }
        }
    }
}
