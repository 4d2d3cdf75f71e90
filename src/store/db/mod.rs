//! A thin layer over both drivers: one SQL text, one way to bind values and one way to read rows.
//!
//! Driver types do not leave `store`. Where the dialects differ, a single place matches on [`Db`].

pub mod application_name;
pub(super) mod batch;
pub(super) mod begin;
pub(super) mod encoding;
pub(super) mod exclusive;
pub(super) mod open;
pub(super) mod overdue;
pub mod pooling;
pub(super) mod postgres;
pub(super) mod primary;
pub mod query_counts;
pub(super) mod slots;
pub(super) mod tls;
pub mod unit;
pub(super) mod value;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, SqlSafeStr, Sqlite, Transaction};

use crate::store::db::batch::{Batch, Sql, first_rows};
use crate::store::db::begin::Begin;
use crate::store::db::exclusive::ExclusiveConnection;
use crate::store::db::overdue::LARGE_COMMIT_TIME_MAX;
use crate::store::db::postgres::answer::StatementResult;
use crate::store::db::primary::Primary;
use crate::store::db::query_counts::QueryCounters;
pub(super) use crate::store::db::value::{Column, Row, Val, args};
use crate::store::error::StoreError;

/// The connection pools of one database.
#[derive(Clone, Debug)]
pub(super) enum Db {
    /// One connection writes; the others only read.
    Sqlite {
        write: SqlitePool,
        read: SqlitePool,
        tally: Arc<QueryCounters>,
        worn: ReopenFlag,
    },
    Postgres(Arc<Primary>),
}

/// An open transaction. It is rolled back if it is dropped without a commit.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each transaction, and it stays where it was made"
)]
pub(super) enum Tx {
    Sqlite(FileTx),
    Postgres {
        line: ExclusiveConnection,
        /// The `BEGIN` text, which is sent together with the first statement; `None` once it was
        /// sent.
        begin: Option<&'static str>,
    },
}

/// A transaction on an SQLite file. After a statement fails, it accepts no further statement:
/// SQLite ends the transaction by itself when the disk or memory is full or the disk cannot be
/// read. A later statement would then be committed on its own.
pub(super) struct FileTx {
    tx: Transaction<'static, Sqlite>,
    failed: bool,
    worn: ReopenFlag,
}

/// Records that the write connection must be reopened before its next use. A connection that was
/// opened while its file was read-only can never write. After a disk error the state of a
/// connection is unknown.
#[derive(Clone, Debug, Default)]
pub(super) struct ReopenFlag(Arc<AtomicBool>);

impl ReopenFlag {
    fn note(&self, error: &StoreError) {
        use StoreError::{CommitUnknown, Unavailable};
        if matches!(error, Unavailable(_) | CommitUnknown(_)) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// Returns whether the connection must be reopened, and clears the flag.
    pub(super) fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl FileTx {
    async fn begin_to_write(write: &SqlitePool, worn: &ReopenFlag) -> Result<Self, StoreError> {
        // A plain BEGIN that reads first fails at its first write if another connection is writing.
        let begun = write.begin_with("BEGIN IMMEDIATE").await;
        let tx = begun.map_err(|error| {
            let error = StoreError::from(error);
            worn.note(&error);
            error
        })?;
        Ok(Self {
            tx,
            failed: false,
            worn: worn.clone(),
        })
    }

    async fn begin_to_read(read: &SqlitePool) -> Result<Self, StoreError> {
        Ok(Self {
            tx: read.begin().await?,
            failed: false,
            worn: ReopenFlag::default(),
        })
    }

    async fn rows(
        &mut self,
        sql: impl SqlSafeStr,
        args: Vec<Val>,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        self.check()?;
        let rows = lite(sql, args).fetch_all(&mut *self.tx).await;
        self.noted(rows)
    }

    async fn run(&mut self, sql: impl SqlSafeStr, args: Vec<Val>) -> Result<u64, StoreError> {
        self.check()?;
        let done = lite(sql, args).execute(&mut *self.tx).await;
        Ok(self.noted(done)?.rows_affected())
    }

    async fn script(&mut self, sql: impl SqlSafeStr) -> Result<(), StoreError> {
        self.check()?;
        let done = sqlx::raw_sql(sql).execute(&mut *self.tx).await;
        self.noted(done).map(|_| ())
    }

    fn stream(
        &mut self,
        sql: impl SqlSafeStr,
        args: Vec<Val>,
    ) -> BoxStream<'_, Result<Row, StoreError>> {
        if let Err(error) = self.check() {
            return futures_util::stream::once(std::future::ready(Err(error))).boxed();
        }
        let Self { tx, failed, worn } = self;
        let rows = lite(sql, args).fetch(&mut **tx);
        let noted = |row: Result<SqliteRow, sqlx::Error>| {
            row.map(Row::Sqlite).map_err(|error| {
                let error = StoreError::from(error);
                *failed = true;
                worn.note(&error);
                error
            })
        };
        rows.map(noted).boxed()
    }

    async fn commit(self) -> Result<(), StoreError> {
        self.check()?;
        let Self { tx, worn, .. } = self;
        tx.commit().await.map_err(|error| {
            let error = StoreError::from(error).of_commit();
            worn.note(&error);
            error
        })
    }

    fn check(&self) -> Result<(), StoreError> {
        match self.failed {
            true => Err(StoreError::Unavailable(
                "the transaction failed before".into(),
            )),
            false => Ok(()),
        }
    }

    fn noted<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        done.map_err(|error| {
            let error = StoreError::from(error);
            self.failed = true;
            self.worn.note(&error);
            error
        })
    }
}

fn lite(sql: impl SqlSafeStr, args: Vec<Val>) -> Query<'static, Sqlite, SqliteArguments> {
    args.into_iter()
        .fold(sqlx::query(sql), |query, value| match value {
            Val::Int(value) => query.bind(value),
            Val::Text(value) => query.bind(value),
            Val::Bytes(value) => query.bind(value),
            Val::Bool(value) => query.bind(value),
        })
}

/// Sends queries outside a transaction. If a pooler shares the session, it keeps no settings: there
/// the queries get a transaction, which sets the lock timeout.
async fn asked(server: &Arc<Primary>, batch: Batch) -> Result<Vec<StatementResult>, StoreError> {
    let mut line = ExclusiveConnection::acquire(server).await?;
    if !server.is_shared() {
        return line.ask(batch).await;
    }
    let mut batch = batch.after(Some(begin::PLAINLY.on(server)));
    batch.rollback();
    let mut answers = line.ask(batch).await?;
    answers.pop();
    Ok(answers.split_off(1))
}

/// Returns the rows of the last answer.
fn last_rows(mut answers: Vec<StatementResult>) -> Vec<Row> {
    let rows = answers.pop().map(|answer| answer.rows).unwrap_or_default();
    wrap(rows, Row::Postgres)
}

impl Db {
    pub(super) fn of_file(write: SqlitePool, read: SqlitePool, worn: ReopenFlag) -> Self {
        let tally = Arc::default();
        Self::Sqlite {
            write,
            read,
            tally,
            worn,
        }
    }

    pub(super) fn tally(&self) -> &QueryCounters {
        match self {
            Self::Sqlite { tally, .. } => tally,
            Self::Postgres(server) => &server.tally,
        }
    }

    /// Begins a transaction that may write.
    pub(super) async fn begin(&self) -> Result<Tx, StoreError> {
        self.begin_as(begin::PLAINLY).await
    }

    /// Begins a transaction that may write. A statement that waits 2 s for a row lock fails with
    /// [`StoreError::Busy`].
    pub(super) async fn begin_briefly(&self) -> Result<Tx, StoreError> {
        self.begin_as(begin::BRIEFLY).await
    }

    /// Begins a transaction that may write. A statement that waits 100 ms for a row lock fails with
    /// [`StoreError::Busy`]. For work that can be done later.
    pub(super) async fn begin_at_once(&self) -> Result<Tx, StoreError> {
        self.begin_as(begin::AT_ONCE).await
    }

    async fn begin_as(&self, begin: Begin) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { write, worn, .. } => {
                Tx::Sqlite(FileTx::begin_to_write(write, worn).await?)
            }
            Self::Postgres(server) => Tx::of_server(server, begin).await?,
        })
    }

    /// Begins a read-only transaction that sees one snapshot of the database.
    pub(super) async fn snapshot(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { read, .. } => Tx::Sqlite(FileTx::begin_to_read(read).await?),
            Self::Postgres(server) => Tx::of_server(server, begin::SNAPSHOT).await?,
        })
    }

    /// Returns the rows of a query that runs outside any transaction.
    pub(super) async fn rows(
        &self,
        sql: &'static str,
        args: Vec<Val>,
    ) -> Result<Vec<Row>, StoreError> {
        self.tally().wait(1);
        Ok(match self {
            Self::Sqlite { read, .. } => wrap(lite(sql, args).fetch_all(read).await?, Row::Sqlite),
            Self::Postgres(server) => {
                let mut batch = Batch::default();
                batch.all(sql, args);
                last_rows(asked(server, batch).await?)
            }
        })
    }

    /// Returns the first row of [`Db::rows`].
    pub(super) async fn row(
        &self,
        sql: &'static str,
        args: Vec<Val>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Returns the rows of a query whose text was built from our own table and column names.
    pub(super) async fn built_rows(
        &self,
        sql: AssertSqlSafe<String>,
        args: Vec<Val>,
    ) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Self::Sqlite { read, .. } => wrap(lite(sql, args).fetch_all(read).await?, Row::Sqlite),
            Self::Postgres(server) => {
                let mut batch = Batch::default();
                batch.add(built(sql), args, true);
                last_rows(asked(server, batch).await?)
            }
        })
    }

    /// Returns the first row of each query, in one round trip.
    pub(super) async fn first_rows(
        &self,
        queries: Vec<(&'static str, Vec<Val>)>,
    ) -> Result<Vec<Option<Row>>, StoreError> {
        self.tally().wait(queries.len());
        match self {
            Self::Sqlite { read, .. } => {
                let mut connection = read.acquire().await?;
                let mut found = Vec::with_capacity(queries.len());
                for (sql, args) in queries {
                    let row = lite(sql, args).fetch_optional(&mut *connection).await?;
                    found.push(row.map(Row::Sqlite));
                }
                Ok(found)
            }
            Self::Postgres(server) => {
                let mut batch = Batch::default();
                for (sql, args) in queries {
                    batch.push(sql, args);
                }
                Ok(first_rows(asked(server, batch).await?))
            }
        }
    }

    /// Runs writing statements in one transaction and returns the first row of each answer. On
    /// PostgreSQL this takes one round trip. [`StoreError::CommitUnknown`] means that the
    /// transaction may or may not have been committed.
    ///
    /// PostgreSQL runs `then` after the commit. It is meant for NOTIFY: a transaction that notifies
    /// holds a global lock while it commits, and would wait for every other transaction that
    /// notifies.
    pub(super) async fn at_once(
        &self,
        statements: Vec<(&'static str, Vec<Val>)>,
        then: (&'static str, Vec<Val>),
    ) -> Result<Vec<Option<Row>>, StoreError> {
        self.tally().wait(statements.len());
        self.tally().written(statements.len());
        let Self::Postgres(server) = self else {
            let mut tx = self.begin().await?;
            let mut answers = Vec::with_capacity(statements.len());
            for (sql, args) in statements {
                answers.push(tx.row(sql, args).await?);
            }
            tx.commit().await?;
            return Ok(answers);
        };
        let mut batch = Batch::default();
        batch.begin(begin::BRIEFLY.on(server));
        let first = batch.len();
        for (sql, args) in statements {
            batch.push(sql, args);
        }
        batch.commit();
        let committed = batch.len();
        batch.push(then.0, then.1);
        let mut line = ExclusiveConnection::acquire(server).await?;
        let answers = line.each(batch).await.map_err(StoreError::of_commit)?;
        // A failed notification does no harm: listeners find the rows later by polling.
        let answers = answers.into_iter().take(committed);
        let answers: Result<Vec<_>, _> = answers.collect();
        let mut answers = first_rows(answers.map_err(StoreError::of_commit)?);
        answers.pop();
        Ok(answers.split_off(first))
    }

    /// Closes every connection.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { write, read, .. } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(server) => server.close().await,
        }
    }
}

impl Tx {
    async fn of_server(server: &Arc<Primary>, begin: Begin) -> Result<Self, StoreError> {
        let line = ExclusiveConnection::acquire(server).await?;
        let begin = Some(begin.on(server));
        Ok(Self::Postgres { line, begin })
    }

    /// Returns the answers to a batch, on PostgreSQL; on SQLite an empty list.
    pub(super) async fn all(&mut self, batch: Batch) -> Result<Vec<StatementResult>, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(Vec::new()),
            Self::Postgres { line, begin } => line.ask(batch.after(begin.take())).await,
        }
    }

    /// Returns the answer to one statement, on PostgreSQL.
    async fn one(
        &mut self,
        sql: Sql,
        args: Vec<Val>,
        all: bool,
    ) -> Result<StatementResult, StoreError> {
        let mut batch = Batch::default();
        batch.add(sql, args, all);
        Ok(self.all(batch).await?.pop().unwrap_or_default())
    }

    /// Returns the rows of a statement.
    pub(super) async fn rows(
        &mut self,
        sql: &'static str,
        args: Vec<Val>,
    ) -> Result<Vec<Row>, StoreError> {
        if let Self::Sqlite(tx) = self {
            return Ok(wrap(tx.rows(sql, args).await?, Row::Sqlite));
        }
        let answered = self.one(Sql::Fixed(sql), args, true).await?;
        Ok(wrap(answered.rows, Row::Postgres))
    }

    /// Returns the first row of [`Tx::rows`].
    pub(super) async fn row(
        &mut self,
        sql: &'static str,
        args: Vec<Val>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Runs a statement and returns the number of rows that it changed.
    pub(super) async fn run(
        &mut self,
        sql: &'static str,
        args: Vec<Val>,
    ) -> Result<u64, StoreError> {
        if let Self::Sqlite(tx) = self {
            return tx.run(sql, args).await;
        }
        Ok(self.one(Sql::Fixed(sql), args, false).await?.changed)
    }

    /// Runs a statement whose text was built from our own table and column names.
    pub(super) async fn built_run(
        &mut self,
        sql: AssertSqlSafe<String>,
        args: Vec<Val>,
    ) -> Result<(), StoreError> {
        if let Self::Sqlite(tx) = self {
            return tx.run(sql, args).await.map(|_| ());
        }
        self.one(built(sql), args, false).await.map(|_| ())
    }

    /// Returns the first row of a query whose text was built from our own table and column names.
    pub(super) async fn built_row(
        &mut self,
        sql: AssertSqlSafe<String>,
        args: Vec<Val>,
    ) -> Result<Option<Row>, StoreError> {
        if let Self::Sqlite(tx) = self {
            let rows = tx.rows(sql, args).await?;
            return Ok(rows.into_iter().next().map(Row::Sqlite));
        }
        let answered = self.one(built(sql), args, false).await?;
        Ok(answered.rows.into_iter().next().map(Row::Postgres))
    }

    /// Returns the rows of such a query as a stream, so that they are never all in memory at once.
    /// On PostgreSQL it first sends a `BEGIN` that is still pending.
    pub(super) async fn stream(
        &mut self,
        sql: AssertSqlSafe<String>,
        args: Vec<Val>,
    ) -> Result<BoxStream<'_, Result<Row, StoreError>>, StoreError> {
        if matches!(self, Self::Postgres { begin: Some(_), .. }) {
            self.all(Batch::default()).await?;
        }
        Ok(match self {
            Self::Sqlite(tx) => tx.stream(sql, args),
            Self::Postgres { line, .. } => line
                .stream(sql.0, args)
                .map(|row| row.map(Row::Postgres))
                .boxed(),
        })
    }

    /// Runs a text of several statements without arguments.
    pub(super) async fn script(&mut self, sql: impl SqlSafeStr) -> Result<(), StoreError> {
        if let Self::Sqlite(tx) = self {
            return tx.script(sql).await;
        }
        let mut batch = Batch::default();
        batch.script(sql.into_sql_str().as_str());
        self.all(batch).await.map(|_| ())
    }

    /// Allows a longer time for the commit.
    pub(super) fn be_patient(&mut self) {
        if let Self::Postgres { line, .. } = self {
            line.be_patient(LARGE_COMMIT_TIME_MAX);
        }
    }

    /// Commits the transaction. [`StoreError::CommitUnknown`] means that it may or may not have
    /// been committed.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            // The transaction never began, so there is nothing to commit.
            Self::Postgres { begin: Some(_), .. } => Ok(()),
            Self::Postgres { mut line, .. } => {
                let mut batch = Batch::default();
                batch.commit();
                let committed = line.ask(batch).await.map(|_| ());
                committed.map_err(StoreError::of_commit)
            }
        }
    }

    /// Rolls the transaction back. Dropping the transaction does so too, but then also closes a
    /// connection to PostgreSQL.
    pub(super) async fn rollback(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => Ok(tx.tx.rollback().await?),
            Self::Postgres { begin: Some(_), .. } => Ok(()),
            Self::Postgres { mut line, .. } => {
                let mut batch = Batch::default();
                batch.rollback();
                line.ask(batch).await.map(|_| ())
            }
        }
    }
}

fn built(sql: AssertSqlSafe<String>) -> Sql {
    Sql::Built(sql.0)
}

fn wrap<R>(rows: Vec<R>, wrap: fn(R) -> Row) -> Vec<Row> {
    rows.into_iter().map(wrap).collect()
}

#[cfg(test)]
mod tests {
    use crate::config::DatabaseUrl;
    use crate::store::Store;

    use super::*;

    /// Creates a database file with one table.
    async fn file() -> (Store, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("wmctl.db"));
        let store = Store::open(&url).await.unwrap();
        let mut tx = store.db.begin().await.unwrap();
        tx.script("CREATE TABLE one (value BLOB)").await.unwrap();
        tx.commit().await.unwrap();
        (store, folder)
    }

    async fn count(store: &Store) -> i64 {
        let row = store.db.row("SELECT count(*) FROM one", args![]).await;
        row.unwrap().unwrap().column("one", 0).unwrap()
    }

    const INSERT: &str = "INSERT INTO one VALUES ($1)";

    #[tokio::test]
    async fn a_transaction_that_the_file_ended_is_not_gone_on_with_and_spoils_no_other() {
        let (store, _folder) = file().await;
        for _ in 0..3 {
            let mut tx = store.db.begin().await.unwrap();
            tx.script("PRAGMA max_page_count = 5").await.unwrap();
            tx.run(INSERT, args![vec![0_u8; 10]]).await.unwrap();
            let full = tx.run(INSERT, args![vec![0_u8; 100_000]]).await;
            assert!(matches!(full, Err(StoreError::Full)), "{full:?}");
            // A statement that ran now would be committed on its own.
            let after = tx.run(INSERT, args![vec![0_u8; 10]]).await;
            assert!(after.unwrap_err().is_transient());
            assert!(tx.commit().await.is_err());
            assert_eq!(count(&store).await, 0);
        }
        // There is room again: the page limit belonged to the connection.
        let mut tx = store.db.begin().await.unwrap();
        tx.run(INSERT, args![vec![0_u8; 100_000]]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(count(&store).await, 1);
    }

    #[tokio::test]
    async fn a_commit_that_failed_spoils_no_other_transaction() {
        let (store, _folder) = file().await;
        let mut tx = store.db.begin().await.unwrap();
        // SQLite rolls back by itself in this way.
        tx.script("ROLLBACK").await.unwrap();
        assert!(tx.commit().await.is_err());
        let mut tx = store.db.begin().await.unwrap();
        tx.run(INSERT, args![vec![0_u8; 10]]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(count(&store).await, 1);
    }
}
