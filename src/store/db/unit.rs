//! The transaction of a unit of work: it checks the fence first, and commits as a whole or not at
//! all.
//!
//! On PostgreSQL it takes two round trips, whatever it contains: one for the fence, and one for all
//! other statements with the commit. Until then the statements are buffered.

use crate::store::Owner;
use crate::store::db::batch::Batch;
use crate::store::db::begin::BRIEFLY;
use crate::store::db::exclusive::ExclusiveConnection;
use crate::store::db::value::{Row, Val, args};
use crate::store::db::{Db, Tx};
use crate::store::error::StoreError;
use crate::store::lease::{FENCE_POSTGRES, FENCE_SQLITE, Lease};

pub(in crate::store) const LAST_UNIT: &str = "
    SELECT last_unit FROM wmctl_account WHERE business_id = $1";

/// The position of a unit of work in the sequence of its account's units. It makes a retry safe
/// when the outcome of a commit is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitPosition {
    /// The name of the unit that was the last one when this unit's rows were read.
    pub after: String,
    /// The name of this unit. No other unit of the account ever has the same name.
    pub name: String,
}

const TABLE: &str = "wmctl_account";
const CORRUPT: StoreError = StoreError::Corrupt {
    table: TABLE,
    column: 0,
};

/// Reserves numbers for events and returns the number before the first.
const RESERVE: &str = "
    UPDATE wmctl_account SET event_seq = event_seq + $2 WHERE business_id = $1
    RETURNING event_seq - $2";

/// Reserves numbers in the same way, but only if the last unit is still the expected one.
const RESERVE_AT: &str = "
    UPDATE wmctl_account SET event_seq = event_seq + $2, last_unit = $4
    WHERE business_id = $1 AND last_unit = $3
    RETURNING event_seq - $2";

/// An open unit of work. It changes nothing if it is dropped without a commit.
pub(in crate::store) enum FencedTransaction {
    Sqlite {
        tx: Tx,
        answers: Vec<Option<Row>>,
        statements: usize,
    },
    Postgres(BufferedTransaction),
}

/// A connection inside a transaction, with the statements that are not sent yet.
pub(in crate::store) struct BufferedTransaction {
    line: ExclusiveConnection,
    batch: Batch,
    /// Indexes of the statements whose answers the caller wants.
    asked: Vec<usize>,
}

impl BufferedTransaction {
    /// Runs a last query and rolls the transaction back. Returns the first row of the query's
    /// answer.
    async fn undo(&mut self, mut batch: Batch) -> Result<Option<Row>, StoreError> {
        batch.rollback();
        let answers = self.line.send(batch).await?;
        Ok(answers.into_iter().next().flatten())
    }
}

/// Returns the statement that records the unit's name and reserves numbers for its events. `None`
/// if the unit needs neither.
fn reserve(
    owner: &Owner,
    place: Option<&UnitPosition>,
    events: usize,
) -> Option<(&'static str, Vec<Val>)> {
    let tenant = owner.tenant.as_str();
    let count = i64::try_from(events).unwrap_or(i64::MAX);
    match place {
        Some(place) => {
            let (after, name) = (place.after.as_str(), place.name.as_str());
            Some((RESERVE_AT, args![tenant, count, after, name]))
        }
        None if events == 0 => None,
        None => Some((RESERVE, args![tenant, count])),
    }
}

/// Explains why the position was taken; `last` is the name of the last unit. `Ok` means that this
/// same unit was committed before; [`StoreError::Stale`] that another one was.
fn taken(place: &UnitPosition, last: Option<Row>) -> Result<(), StoreError> {
    let last: Option<String> = last.map(|row| row.column(TABLE, 0)).transpose()?;
    match last {
        Some(name) if name == place.name => Ok(()),
        _ => Err(StoreError::Stale),
    }
}

impl FencedTransaction {
    /// Begins a unit that will hold `events` events, and returns the event number before the first
    /// of them. Returns `None` if the unit of that name is already committed.
    pub(in crate::store) async fn begin(
        db: &Db,
        lease: &Lease,
        owner: &Owner,
        place: Option<&UnitPosition>,
        events: usize,
    ) -> Result<Option<(Self, i64)>, StoreError> {
        let lost = StoreError::LeaseLost { held: lease.epoch };
        let fence = args![lease.tenant.as_str(), lease.epoch, lease.owner.to_string()];
        let reserve = reserve(owner, place, events);
        let Db::Postgres(server) = db else {
            let mut tx = db.begin().await?;
            tx.row(FENCE_SQLITE, fence).await?.ok_or(lost)?;
            let Some((sql, args)) = reserve else {
                return Ok(Some((Self::of(tx), 0)));
            };
            let row = tx.row(sql, args).await?;
            return match (row, place) {
                (Some(row), _) => Ok(Some((Self::of(tx), row.column(TABLE, 0)?))),
                (None, Some(place)) => {
                    let last = tx.row(LAST_UNIT, args![owner.tenant.as_str()]).await?;
                    taken(place, last).map(|()| None)
                }
                (None, None) => Err(CORRUPT),
            };
        };
        let mut held = BufferedTransaction {
            line: ExclusiveConnection::acquire(server).await?,
            batch: Batch::default(),
            asked: Vec::new(),
        };
        let mut batch = Batch::default();
        batch.begin(BRIEFLY.on(server));
        let fenced = batch.push(FENCE_POSTGRES, fence);
        let reserves = reserve.is_some();
        if let Some((sql, args)) = reserve {
            batch.push(sql, args);
        }
        let answers = held.line.send(batch).await?;
        let mut answers = answers.into_iter().skip(fenced);
        if answers.next().flatten().is_none() {
            held.undo(Batch::default()).await?;
            return Err(lost);
        }
        match (answers.next().flatten(), place) {
            (Some(row), _) => Ok(Some((Self::Postgres(held), row.column(TABLE, 0)?))),
            (None, _) if !reserves => Ok(Some((Self::Postgres(held), 0))),
            (None, Some(place)) => {
                let mut batch = Batch::default();
                batch.push(LAST_UNIT, args![owner.tenant.as_str()]);
                let last = held.undo(batch).await?;
                taken(place, last).map(|()| None)
            }
            (None, None) => Err(CORRUPT),
        }
    }

    fn of(tx: Tx) -> Self {
        Self::Sqlite {
            tx,
            answers: Vec::new(),
            statements: 0,
        }
    }

    /// Returns the number of statements so far.
    pub(in crate::store) fn len(&self) -> usize {
        match self {
            Self::Sqlite { statements, .. } => *statements,
            Self::Postgres(held) => held.batch.len(),
        }
    }

    /// Runs a statement, at the latest with the commit.
    pub(in crate::store) async fn run(
        &mut self,
        sql: &'static str,
        args: Vec<Val>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { tx, statements, .. } => {
                *statements += 1;
                tx.run(sql, args).await.map(|_| ())
            }
            Self::Postgres(held) => {
                held.batch.push(sql, args);
                Ok(())
            }
        }
    }

    /// Runs a statement, at the latest with the commit, which then returns the first row of its
    /// answer.
    pub(in crate::store) async fn ask(
        &mut self,
        sql: &'static str,
        args: Vec<Val>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite {
                tx,
                answers,
                statements,
            } => {
                *statements += 1;
                answers.push(tx.row(sql, args).await?);
            }
            Self::Postgres(held) => {
                let place = held.batch.push(sql, args);
                held.asked.push(place);
            }
        }
        Ok(())
    }

    /// Commits the unit. Returns the rows asked for with `ask`, in order.
    pub(in crate::store) async fn commit(self) -> Result<Vec<Option<Row>>, StoreError> {
        match self {
            Self::Sqlite { tx, answers, .. } => {
                tx.commit().await?;
                Ok(answers)
            }
            Self::Postgres(mut held) => {
                let mut batch = std::mem::take(&mut held.batch);
                batch.commit();
                let sent = held.line.send(batch).await;
                let mut answers = sent.map_err(StoreError::of_commit)?;
                let asked = held.asked.iter();
                Ok(asked
                    .map(|place| answers.get_mut(*place).and_then(Option::take))
                    .collect())
            }
        }
    }
}
