//! One connection to PostgreSQL and the queries on it.
//!
//! A connection has no background task: the caller drives it while it waits for an answer. The
//! statements of a batch are queued before the connection is driven, so that they leave together
//! and are answered in one round trip.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::{Ready, poll_fn, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures_util::future::{BoxFuture, Either};
use futures_util::{Stream, StreamExt as _, poll};
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Client, Connection, Error, Row, RowStream, Statement};

use crate::store::db::batch::{Batch, Item, Sql};
use crate::store::db::postgres::answer::{StatementResult, fault};
use crate::store::db::postgres::dial::Socket;
use crate::store::db::value::Val;
use crate::store::error::StoreError;

/// A notification from another session.
#[derive(Debug)]
pub(in crate::store) struct Notification {
    pub(in crate::store) channel: String,
    pub(in crate::store) payload: String,
}

type Wire = Connection<Socket, Socket>;

/// A connection to a server. Dropping it closes the socket; the server then rolls back an open
/// transaction.
pub(in crate::store) struct Link {
    client: Client,
    wire: Wire,
    statements: Statements,
    heard: VecDeque<Notification>,
    /// A query is not fully answered yet.
    waits: bool,
    /// A transaction is open.
    open: bool,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

/// Statements that ran before on this connection. A statement is prepared when it runs for the
/// second time, and used prepared from the third.
struct Statements {
    /// Keyed by address and length of the text in the program.
    known: HashMap<(usize, usize), Option<Statement>>,
    most: usize,
}

impl Statements {
    fn place(sql: &'static str) -> (usize, usize) {
        (sql.as_ptr() as usize, sql.len())
    }

    /// Returns the prepared statement if its parameter types match the values.
    fn prepared(&self, sql: &'static str, args: &[Val]) -> Option<Statement> {
        let statement = self.known.get(&Self::place(sql))?.as_ref()?;
        let kinds = args.iter().map(Val::kind);
        let fits = statement.params().iter().cloned().eq(kinds);
        fits.then(|| statement.clone())
    }

    /// Returns whether the statement has run before and is not prepared yet. Records a new
    /// statement.
    fn is_due(&mut self, sql: &'static str) -> bool {
        match self.known.get(&Self::place(sql)) {
            Some(statement) => statement.is_none(),
            None => {
                if self.known.len() < self.most {
                    self.known.insert(Self::place(sql), None);
                }
                false
            }
        }
    }
}

impl Link {
    pub(super) fn new(client: Client, wire: Wire, statements: usize) -> Self {
        Self {
            client,
            wire,
            statements: Statements {
                known: HashMap::new(),
                most: statements,
            },
            heard: VecDeque::new(),
            waits: false,
            open: false,
        }
    }

    /// Runs a batch and returns the outcome of each statement, in order. The outer error is one of
    /// the connection itself.
    pub(in crate::store) async fn each(
        &mut self,
        batch: Batch,
    ) -> Result<Vec<Result<StatementResult, StoreError>>, StoreError> {
        let (starts, ends) = (batch.starts, batch.ends);
        self.waits = true;
        self.open |= starts;
        let due = self.due(&batch);
        let (client, statements) = (&self.client, &self.statements);
        let (mut prepared, mut answers) = (Vec::new(), Vec::with_capacity(batch.len()));
        let work = async {
            // Prepared before the batch: a statement prepared in a transaction that fails would be
            // lost.
            let prepare = due
                .iter()
                .map(|(sql, kinds)| client.prepare_typed(sql, kinds));
            let prepare = handed_over(prepare.map(Box::pin)).await;
            let items = batch.items.into_iter();
            let asked = items.map(|item| Box::pin(ask(client, statements, item)));
            let asked = handed_over(asked).await;
            for ((sql, _), statement) in due.iter().zip(prepare) {
                // A failure is not reported here: running the statement reports the same error.
                prepared.extend(statement.await.ok().map(|statement| (*sql, statement)));
            }
            for one in asked {
                answers.push(one.await.map_err(fault));
            }
        };
        if let Err(error) = moved(&mut self.wire, &mut self.heard, work).await {
            // The last error of the server is more useful than that it closed the connection.
            let said = answers.into_iter().find_map(Result::err);
            return Err(said.unwrap_or(error));
        }
        for (sql, statement) in prepared {
            let place = Statements::place(sql);
            self.statements.known.insert(place, Some(statement));
        }
        self.waits = false;
        self.open &= !ends;
        Ok(answers)
    }

    /// Runs a batch and returns all answers, or the first error.
    pub(in crate::store) async fn ask(
        &mut self,
        batch: Batch,
    ) -> Result<Vec<StatementResult>, StoreError> {
        let answers = Box::pin(self.each(batch)).await?;
        answers.into_iter().collect()
    }

    /// Runs one statement and returns its first row.
    pub(in crate::store) async fn row(
        &mut self,
        sql: &'static str,
        args: Vec<Val>,
    ) -> Result<Option<crate::store::db::value::Row>, StoreError> {
        let mut batch = Batch::default();
        batch.push(sql, args);
        Ok(crate::store::db::batch::first_rows(self.ask(batch).await?)
            .pop()
            .flatten())
    }

    /// Returns the statements of the batch that ran before and are not prepared yet, each one once.
    fn due(&mut self, batch: &Batch) -> Vec<(&'static str, Vec<Type>)> {
        let mut due: Vec<(&'static str, Vec<Type>)> = Vec::new();
        for item in &batch.items {
            if let Item::Ask {
                sql: Sql::Fixed(sql),
                args,
                ..
            } = item
                && self.statements.is_due(sql)
                && due.iter().all(|(other, _)| !std::ptr::eq(*other, *sql))
            {
                due.push((sql, args.iter().map(Val::kind).collect()));
            }
        }
        due
    }

    /// Returns the rows of one query as a stream, so that they are never all in memory at once.
    pub(in crate::store) fn stream(&mut self, sql: String, args: Vec<Val>) -> Rows<'_> {
        self.waits = true;
        let client = &self.client;
        let begin = async move {
            let args = args.iter().map(|arg| (arg, arg.kind()));
            client.query_typed_raw(&sql, args).await
        };
        Rows {
            state: State::Begins(Box::pin(begin)),
            wire: &mut self.wire,
            heard: &mut self.heard,
            waits: &mut self.waits,
        }
    }

    /// Waits for a notification from another session. Cancel-safe.
    pub(in crate::store) async fn told(&mut self) -> Result<Notification, StoreError> {
        loop {
            if let Some(told) = self.heard.pop_front() {
                return Ok(told);
            }
            match poll_fn(|cx| self.wire.poll_message(cx)).await {
                Some(Ok(message)) => note(&mut self.heard, message),
                Some(Err(error)) => return Err(fault(error)),
                None => return Err(gone()),
            }
        }
    }

    /// Returns whether another caller may use the connection: no query or transaction is open, and
    /// the connection is not known to have ended. Sends nothing.
    pub(super) fn is_clean(&mut self) -> bool {
        if self.waits || self.open || self.client.is_closed() {
            return false;
        }
        let mut context = Context::from_waker(std::task::Waker::noop());
        loop {
            match self.wire.poll_message(&mut context) {
                Poll::Pending => return true,
                Poll::Ready(Some(Ok(message))) => note(&mut self.heard, message),
                Poll::Ready(Some(Err(_)) | None) => return false,
            }
        }
    }

    /// Closes the connection in an orderly way.
    pub(in crate::store) async fn close(self) -> Result<(), StoreError> {
        let Self {
            client,
            mut wire,
            statements,
            ..
        } = self;
        drop((statements, client));
        loop {
            match poll_fn(|cx| wire.poll_message(cx)).await {
                Some(Ok(_)) => (),
                Some(Err(error)) => return Err(fault(error)),
                None => return Ok(()),
            }
        }
    }
}

/// Runs one statement. It is sent when the future is first polled.
async fn ask(
    client: &Client,
    statements: &Statements,
    item: Item,
) -> Result<StatementResult, Error> {
    let (sql, args, all) = match item {
        Item::Script(text) => {
            client.batch_execute(&text).await?;
            return Ok(StatementResult::default());
        }
        Item::Ask { sql, args, all } => (sql, args, all),
    };
    let prepared = match sql {
        Sql::Fixed(sql) => statements.prepared(sql, &args),
        Sql::Built(_) => None,
    };
    let rows = match &prepared {
        Some(statement) => client.query_raw(statement, args.iter()).await?,
        None => {
            let args = args.iter().map(|arg| (arg, arg.kind()));
            client.query_typed_raw(sql.text(), args).await?
        }
    };
    let mut rows = pin!(rows);
    let mut answered = StatementResult::default();
    while let Some(row) = rows.next().await.transpose()? {
        if all || answered.rows.is_empty() {
            answered.rows.push(row);
        }
    }
    answered.changed = rows.rows_affected().unwrap_or(0);
    Ok(answered)
}

/// A future that was polled once, with its output if it was ready.
enum Asked<F: Future> {
    Waits(F),
    Done(F::Output),
}

impl<F: Future + Unpin> IntoFuture for Asked<F> {
    type Output = F::Output;
    type IntoFuture = Either<F, Ready<F::Output>>;

    fn into_future(self) -> Self::IntoFuture {
        match self {
            Self::Waits(work) => Either::Left(work),
            Self::Done(output) => Either::Right(ready(output)),
        }
    }
}

/// Polls each future once, in order, so that their statements are queued.
async fn handed_over<F: Future + Unpin>(work: impl Iterator<Item = F>) -> Vec<Asked<F>> {
    let mut asked = Vec::new();
    for mut one in work {
        asked.push(match poll!(&mut one) {
            Poll::Ready(output) => Asked::Done(output),
            Poll::Pending => Asked::Waits(one),
        });
    }
    asked
}

/// Drives the connection until the work is done.
async fn moved<T>(
    wire: &mut Wire,
    heard: &mut VecDeque<Notification>,
    work: impl Future<Output = T>,
) -> Result<T, StoreError> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(Ok(done));
        }
        let ended = advance(wire, heard, cx);
        // Data that has arrived may complete the work, even if the connection has ended.
        match (work.as_mut().poll(cx), ended) {
            (Poll::Ready(done), _) => Poll::Ready(Ok(done)),
            (Poll::Pending, Some(error)) => Poll::Ready(Err(error)),
            (Poll::Pending, None) => Poll::Pending,
        }
    })
    .await
}

/// Sends and receives whatever is ready. Returns an error once the connection has ended.
fn advance(
    wire: &mut Wire,
    heard: &mut VecDeque<Notification>,
    cx: &mut Context<'_>,
) -> Option<StoreError> {
    loop {
        match wire.poll_message(cx) {
            Poll::Pending => return None,
            Poll::Ready(Some(Ok(message))) => note(heard, message),
            Poll::Ready(Some(Err(error))) => return Some(fault(error)),
            Poll::Ready(None) => return Some(gone()),
        }
    }
}

fn note(heard: &mut VecDeque<Notification>, message: AsyncMessage) {
    // NOTICE messages are only useful to interactive users.
    if let AsyncMessage::Notification(told) = message {
        heard.push_back(Notification {
            channel: told.channel().to_owned(),
            payload: told.payload().to_owned(),
        });
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the server ended the connection".into())
}

enum State<'a> {
    Begins(BoxFuture<'a, Result<RowStream, Error>>),
    Rows(Pin<Box<RowStream>>),
    Done,
}

/// The rows of a query, read as they arrive.
pub(in crate::store) struct Rows<'a> {
    state: State<'a>,
    wire: &'a mut Wire,
    heard: &'a mut VecDeque<Notification>,
    waits: &'a mut bool,
}

impl Rows<'_> {
    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Row, StoreError>>> {
        loop {
            match &mut self.state {
                State::Begins(begin) => match begin.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(rows)) => self.state = State::Rows(Box::pin(rows)),
                    Poll::Ready(Err(error)) => {
                        self.state = State::Done;
                        return Poll::Ready(Some(Err(fault(error))));
                    }
                },
                State::Rows(rows) => match rows.as_mut().poll_next(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Some(row)) => return Poll::Ready(Some(row.map_err(fault))),
                    Poll::Ready(None) => {
                        self.state = State::Done;
                        *self.waits = false;
                    }
                },
                State::Done => return Poll::Ready(None),
            }
        }
    }
}

impl Stream for Rows<'_> {
    type Item = Result<Row, StoreError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Poll::Ready(row) = this.step(cx) {
            return Poll::Ready(row);
        }
        let ended = advance(this.wire, this.heard, cx);
        match (this.step(cx), ended) {
            (Poll::Ready(row), _) => Poll::Ready(row),
            (Poll::Pending, Some(error)) => {
                this.state = State::Done;
                Poll::Ready(Some(Err(error)))
            }
            (Poll::Pending, None) => Poll::Pending,
        }
    }
}
