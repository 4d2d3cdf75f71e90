//! Which rows are moved, and how those of one table look on their way.

use crate::store::db::Val;
use crate::store::transfer::catalog::Kind;

/// Which rows, and what becomes of them.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// Its name on both sides.
    pub(super) table: String,
    /// Columns of the target that have one value in all these rows.
    pub(super) fixed: Vec<(&'static str, Val)>,
    /// Columns of the source that have these values in the rows that are meant.
    pub(super) filter: Vec<(&'static str, Val)>,
}

/// A column that is written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

/// How rows of one table look on their way: the fixed columns, then those of the source.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) table: String,
    pub(super) columns: Vec<Written>,
    pub(super) fixed: usize,
}
