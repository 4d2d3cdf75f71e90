//! Counts up this process's heartbeat, and detects when another process declared it dead.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::clock::Surroundings;
use crate::engine::leased::explained;
use crate::ids::HostId;
use crate::store::Store;

/// Interval between heartbeats.
pub const HEARTBEAT: Duration = Duration::from_secs(1);

/// Longest time to wait for a heartbeat's answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// Sends heartbeats until another process declares this one dead; then cancels `lost` and returns.
/// Otherwise it runs until its future is dropped. Calls `turned` before each heartbeat.
///
/// A heartbeat decides nothing by itself. The lease row says who may write, and each commit
/// compares it. While the database is unavailable, commits fail too, so this task need not react.
pub async fn keep(
    store: &Store,
    host: HostId,
    surroundings: &Surroundings,
    lost: &CancellationToken,
    turned: impl Fn(),
) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        turned();
        let beat = store.heartbeat(host, surroundings.clock.unix_ms());
        match tokio::time::timeout(ANSWER_TIME_MAX, beat).await {
            Ok(Ok(Some(_))) => (),
            Ok(Ok(None)) => {
                error!("this process was declared dead, its leases are lost");
                lost.cancel();
                return;
            }
            Ok(Err(error)) => warn!(error = %explained(&error), "no heartbeat"),
            Err(_) => warn!("no heartbeat: the database does not answer"),
        }
    }
}
