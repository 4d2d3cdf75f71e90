//! One connection, and what is asked on it.
//!
//! There is no task: whoever asks moves the connection on while it waits. What is asked together is
//! handed over before the connection is moved, so that it leaves in one piece and is answered in
//! one round trip.

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
use crate::store::db::postgres::answer::{Answered, fault};
use crate::store::db::postgres::dial::Socket;
use crate::store::db::value::Val;
use crate::store::error::StoreError;

/// Something that another session told.
#[derive(Debug)]
pub(in crate::store) struct Told {
    pub(in crate::store) channel: String,
    pub(in crate::store) payload: String,
}

type Wire = Connection<Socket, Socket>;

/// A connection to a server. Dropped, it is cut: the server ends what was open on it.
pub(in crate::store) struct Link {
    client: Client,
    wire: Wire,
    statements: Statements,
    heard: VecDeque<Told>,
    /// Something that was asked is not answered yet.
    waits: bool,
    /// It is in a transaction.
    open: bool,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

/// Statements that were asked before: the second time they are prepared, for the third.
struct Statements {
    /// By where the text stands in the program.
    known: HashMap<(usize, usize), Option<Statement>>,
    most: usize,
}

impl Statements {
    fn place(sql: &'static str) -> (usize, usize) {
        (sql.as_ptr() as usize, sql.len())
    }

    /// The prepared statement, if it is for values of these kinds.
    fn prepared(&self, sql: &'static str, args: &[Val]) -> Option<Statement> {
        let statement = self.known.get(&Self::place(sql))?.as_ref()?;
        let kinds = args.iter().map(Val::kind);
        let fits = statement.params().iter().cloned().eq(kinds);
        fits.then(|| statement.clone())
    }

    /// Whether it is worth preparing.
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

    /// What each statement answers, in order. An error of the connection itself is the outer one.
    pub(in crate::store) async fn each(
        &mut self,
        batch: Batch,
    ) -> Result<Vec<Result<Answered, StoreError>>, StoreError> {
        let (starts, ends) = (batch.starts, batch.ends);
        self.waits = true;
        self.open |= starts;
        let due = self.due(&batch);
        let (client, statements) = (&self.client, &self.statements);
        let (mut prepared, mut answers) = (Vec::new(), Vec::with_capacity(batch.len()));
        let work = async {
            // In front: a statement that was prepared in a transaction that failed is not there.
            let prepare = due
                .iter()
                .map(|(sql, kinds)| client.prepare_typed(sql, kinds));
            let prepare = handed_over(prepare.map(Box::pin)).await;
            let items = batch.items.into_iter();
            let asked = items.map(|item| Box::pin(ask(client, statements, item)));
            let asked = handed_over(asked).await;
            for ((sql, _), statement) in due.iter().zip(prepare) {
                // Whoever asks for it is told what is wrong with it.
                prepared.extend(statement.await.ok().map(|statement| (*sql, statement)));
            }
            for one in asked {
                answers.push(one.await.map_err(fault));
            }
        };
        if let Err(error) = moved(&mut self.wire, &mut self.heard, work).await {
            // What the server said last says more than that it ended the connection.
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

    /// The same, or the first error.
    pub(in crate::store) async fn ask(
        &mut self,
        batch: Batch,
    ) -> Result<Vec<Answered>, StoreError> {
        let answers = Box::pin(self.each(batch)).await?;
        answers.into_iter().collect()
    }

    /// The first row that one statement answers.
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

    /// Statements of the batch that were asked before and are not prepared yet, each once.
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

    /// The rows of one query, one after the other: not all of them are in memory at once.
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

    /// Waits for what other sessions tell. Cancel-safe.
    pub(in crate::store) async fn told(&mut self) -> Result<Told, StoreError> {
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

    /// Whether somebody else may have it: nothing is open on it, and it has not ended as far as
    /// one knows without asking.
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

    /// Ends it in order.
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

/// One question, as it goes out when this is polled first.
async fn ask(client: &Client, statements: &Statements, item: Item) -> Result<Answered, Error> {
    let (sql, args, all) = match item {
        Item::Script(text) => {
            client.batch_execute(&text).await?;
            return Ok(Answered::default());
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
    let mut answered = Answered::default();
    while let Some(row) = rows.next().await.transpose()? {
        if all || answered.rows.is_empty() {
            answered.rows.push(row);
        }
    }
    answered.changed = rows.rows_affected().unwrap_or(0);
    Ok(answered)
}

/// Something that was asked, and perhaps answered.
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

/// Polls each once, in order: what they ask is handed over.
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

/// Moves the connection on until the work is done.
async fn moved<T>(
    wire: &mut Wire,
    heard: &mut VecDeque<Told>,
    work: impl Future<Output = T>,
) -> Result<T, StoreError> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(Ok(done));
        }
        let ended = advance(wire, heard, cx);
        // What came in may be what it waits for, even where nothing more will.
        match (work.as_mut().poll(cx), ended) {
            (Poll::Ready(done), _) => Poll::Ready(Ok(done)),
            (Poll::Pending, Some(error)) => Poll::Ready(Err(error)),
            (Poll::Pending, None) => Poll::Pending,
        }
    })
    .await
}

/// Sends and receives what is there; the end of the connection.
fn advance(
    wire: &mut Wire,
    heard: &mut VecDeque<Told>,
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

fn note(heard: &mut VecDeque<Told>, message: AsyncMessage) {
    // Notices are for people who type.
    if let AsyncMessage::Notification(told) = message {
        heard.push_back(Told {
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

/// The rows of a query as they come in.
pub(in crate::store) struct Rows<'a> {
    state: State<'a>,
    wire: &'a mut Wire,
    heard: &'a mut VecDeque<Told>,
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
