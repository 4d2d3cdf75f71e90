//! Downloads of one account, and the permit to hold a downloaded history in memory.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::appstate::blob::Kind;
use crate::session::input::Input;

/// Most accounts of a process that hold a downloaded history in memory at the same time. Other
/// accounts wait for a permit, and work meanwhile.
pub const HISTORIES_MAX: usize = 2;

/// The downloads in progress for one link.
#[derive(Debug, Default)]
pub(super) struct Downloads {
    tasks: JoinSet<(Input, Option<OwnedSemaphorePermit>)>,
    /// The permit to hold a history in memory.
    leave: Option<OwnedSemaphorePermit>,
}

impl Downloads {
    /// Starts a download. A history download first waits for its permit.
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

    /// Returns the result of the next download that ends; `None` if none is in progress.
    /// Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Input> {
        let (input, leave) = self.tasks.join_next().await?.ok()?;
        self.leave = leave.or(self.leave.take());
        Some(input)
    }

    /// Returns the permit, once the account no longer holds a history in memory.
    pub(super) fn release(&mut self) {
        self.leave = None;
    }

    /// Aborts all downloads.
    pub(super) async fn end(&mut self) {
        self.tasks.shutdown().await;
        self.release();
    }
}
