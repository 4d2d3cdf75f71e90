//! The history that is being taken in.

use crate::session::rows::HistoryRow;
use crate::session::sync::history_reader::{Past, Piece};

/// The history that is being taken in; lost with the link, the rows know the rest.
#[derive(Debug, Default)]
pub(in crate::session) struct Histories {
    pub(in crate::session) current: Option<(HistoryRow, Step)>,
    /// Before this time nothing is tried again that failed.
    pub(in crate::session) retry_at: u64,
}

#[derive(Debug)]
pub(in crate::session) enum Step {
    Fetching(u64),
    Reading(Box<Past>, Piece),
}
