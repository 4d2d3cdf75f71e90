//! Statements that are sent to a PostgreSQL server together, each with its bound values.

use crate::store::db::postgres::answer::StatementResult;
use crate::store::db::value::{Row, Val};

/// A list of statements, in the order in which they run.
#[derive(Debug, Default)]
pub(in crate::store) struct Batch {
    pub(in crate::store) items: Vec<Item>,
    /// Whether the batch begins a transaction, and whether it ends one.
    pub(in crate::store) starts: bool,
    pub(in crate::store) ends: bool,
    /// It ends for good.
    pub(in crate::store) commits: bool,
}

/// The text of a statement.
#[derive(Debug)]
pub(in crate::store) enum Sql {
    /// A text that is constant in the program. It may be prepared.
    Fixed(&'static str),
    /// A text that was built from our own table and column names. It is never prepared.
    Built(String),
}

impl Sql {
    pub(in crate::store) fn text(&self) -> &str {
        match self {
            Self::Fixed(text) => text,
            Self::Built(text) => text,
        }
    }
}

#[derive(Debug)]
pub(in crate::store) enum Item {
    Ask {
        sql: Sql,
        args: Vec<Val>,
        /// Keeps all rows of the answer; otherwise only the first.
        all: bool,
    },
    /// One or more statements without values.
    Script(String),
}

impl Batch {
    /// Adds a statement and keeps the first row of its answer. Returns its index among the answers.
    pub(in crate::store) fn push(&mut self, sql: &'static str, args: Vec<Val>) -> usize {
        self.add(Sql::Fixed(sql), args, false)
    }

    /// Adds a statement with any text; `all` keeps all rows of its answer. Returns its index.
    pub(in crate::store) fn add(&mut self, sql: Sql, args: Vec<Val>, all: bool) -> usize {
        self.items.push(Item::Ask { sql, args, all });
        self.items.len() - 1
    }

    /// Adds a statement and keeps all rows of its answer. Returns its index.
    pub(in crate::store) fn all(&mut self, sql: &'static str, args: Vec<Val>) -> usize {
        self.add(Sql::Fixed(sql), args, true)
    }

    /// Adds statements without values. Returns their index among the answers.
    pub(in crate::store) fn script(&mut self, text: impl Into<String>) -> usize {
        self.items.push(Item::Script(text.into()));
        self.items.len() - 1
    }

    /// Begins a transaction with this text.
    pub(in crate::store) fn begin(&mut self, text: &'static str) {
        self.starts = true;
        self.script(text);
    }

    pub(in crate::store) fn commit(&mut self) {
        (self.ends, self.commits) = (true, true);
        self.script("COMMIT");
    }

    pub(in crate::store) fn rollback(&mut self) {
        self.ends = true;
        self.script("ROLLBACK");
    }

    /// Puts the start of a transaction, if there is one, in front. Its own answer then comes first.
    pub(in crate::store) fn after(mut self, begin: Option<&'static str>) -> Self {
        if let Some(begin) = begin {
            self.starts = true;
            self.items.insert(0, Item::Script(begin.to_owned()));
        }
        self
    }

    /// Returns the number of statements so far.
    pub(in crate::store) fn len(&self) -> usize {
        self.items.len()
    }
}

/// Returns the first row of each answer.
pub(in crate::store) fn first_rows(answers: Vec<StatementResult>) -> Vec<Option<Row>> {
    let first = |answer: StatementResult| answer.rows.into_iter().next().map(Row::Postgres);
    answers.into_iter().map(first).collect()
}
