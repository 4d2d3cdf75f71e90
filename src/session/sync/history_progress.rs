//! The history import in progress.

use crate::session::rows::HistoryRow;
use crate::session::sync::history_reader::{HistoryChunk, HistoryReader};

/// The history import in progress. It is lost with the link; the rows hold the rest.
#[derive(Debug, Default)]
pub(in crate::session) struct HistoryImport {
    pub(in crate::session) current: Option<(HistoryRow, ImportStep)>,
    /// No retry of a failed download before this time, in monotonic ms.
    pub(in crate::session) retry_at: u64,
}

/// The step of the import: a download with its id, or reading with the next chunk.
#[derive(Debug)]
pub(in crate::session) enum ImportStep {
    Fetching(u64),
    Reading(Box<HistoryReader>, HistoryChunk),
}
