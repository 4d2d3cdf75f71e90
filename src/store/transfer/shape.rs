//! Which rows are moved, and the columns of their table.

use crate::store::db::Val;
use crate::store::transfer::catalog::Kind;

/// A set of rows to move, and how they change.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// The name of the table in both databases.
    pub(super) table: String,
    /// Columns of the target that get the same value in all these rows.
    pub(super) fixed: Vec<(&'static str, Val)>,
    /// Columns of the source, and the values that select the rows.
    pub(super) filter: Vec<(&'static str, Val)>,
}

/// A column that is written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

/// The columns of one table: first the fixed columns, then those copied from the source.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) table: String,
    pub(super) columns: Vec<Written>,
    pub(super) fixed: usize,
}
