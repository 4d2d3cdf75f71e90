//! Downloads of one account, and the leave to hold what they bring.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::appstate::blob::Kind;
use crate::session::input::Input;

/// Accounts of a process that hold a downloaded history in memory at a time. Others wait, and work.
pub const HISTORIES_MAX: usize = 2;

/// What is under way for one link.
#[derive(Debug, Default)]
pub(super) struct Downloads {
    tasks: JoinSet<(Input, Option<OwnedSemaphorePermit>)>,
    /// The leave to hold a history in memory.
    leave: Option<OwnedSemaphorePermit>,
}

impl Downloads {
    /// Begins with one, or has it wait for its turn.
    pub(super) fn start(
        &mut self,
        id: u64,
        kind: Kind,
        histories: &Arc<Semaphore>,
        blob: impl Future<Output = Option<Vec<u8>>> + Send + 'static,
    ) {
        let histories = (kind == Kind::History).then(|| histories.clone());
        let load = async move {
            let leave = match histories {
                Some(histories) => histories.acquire_owned().await.ok(),
                None => None,
            };
            let blob = blob.await;
            (Input::Blob { id, blob }, leave)
        };
        self.tasks.spawn(load.in_current_span());
    }

    /// The next one that ended; `None` where nothing is under way. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Input> {
        let (input, leave) = self.tasks.join_next().await?.ok()?;
        self.leave = leave.or(self.leave.take());
        Some(input)
    }

    /// No history is held any more.
    pub(super) fn release(&mut self) {
        self.leave = None;
    }

    /// Gives up whatever is under way.
    pub(super) async fn end(&mut self) {
        self.tasks.shutdown().await;
        self.release();
    }
}
