//! Statements that go to a server together, each with its values beside it.

use crate::store::db::postgres::answer::Answered;
use crate::store::db::value::{Row, Val};

/// Statements in their order.
#[derive(Debug, Default)]
pub(in crate::store) struct Batch {
    pub(in crate::store) items: Vec<Item>,
    /// A transaction starts with it, or ends.
    pub(in crate::store) starts: bool,
    pub(in crate::store) ends: bool,
}

/// The text of a statement.
#[derive(Debug)]
pub(in crate::store) enum Sql {
    /// It stands in the program, and may be prepared.
    Fixed(&'static str),
    /// It was put together from our own names.
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
        /// Keep all rows that it answers, not only the first.
        all: bool,
    },
    /// Several statements without any value.
    Script(String),
}

impl Batch {
    /// Adds a statement whose first row is wanted; its place among the answers.
    pub(in crate::store) fn push(&mut self, sql: &'static str, args: Vec<Val>) -> usize {
        self.add(Sql::Fixed(sql), args, false)
    }

    /// The same with any text, and with all rows if they are wanted.
    pub(in crate::store) fn add(&mut self, sql: Sql, args: Vec<Val>, all: bool) -> usize {
        self.items.push(Item::Ask { sql, args, all });
        self.items.len() - 1
    }

    /// The same; all its rows are wanted.
    pub(in crate::store) fn all(&mut self, sql: &'static str, args: Vec<Val>) -> usize {
        self.add(Sql::Fixed(sql), args, true)
    }

    /// Adds statements without values; their place among the answers.
    pub(in crate::store) fn script(&mut self, text: impl Into<String>) -> usize {
        self.items.push(Item::Script(text.into()));
        self.items.len() - 1
    }

    /// Starts a transaction with this text.
    pub(in crate::store) fn begin(&mut self, text: &'static str) {
        self.starts = true;
        self.script(text);
    }

    pub(in crate::store) fn commit(&mut self) {
        self.ends = true;
        self.script("COMMIT");
    }

    pub(in crate::store) fn rollback(&mut self) {
        self.ends = true;
        self.script("ROLLBACK");
    }

    /// The same behind the start of a transaction, whose own answer comes first.
    pub(in crate::store) fn after(mut self, begin: Option<&'static str>) -> Self {
        if let Some(begin) = begin {
            self.starts = true;
            self.items.insert(0, Item::Script(begin.to_owned()));
        }
        self
    }

    /// Statements so far.
    pub(in crate::store) fn len(&self) -> usize {
        self.items.len()
    }
}

/// The first row of each answer.
pub(in crate::store) fn first_rows(answers: Vec<Answered>) -> Vec<Option<Row>> {
    let first = |answer: Answered| answer.rows.into_iter().next().map(Row::Postgres);
    answers.into_iter().map(first).collect()
}
