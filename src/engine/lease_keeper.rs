//! Says that this process lives, and notices when others declared it dead.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::clock::Surroundings;
use crate::engine::leased::explained;
use crate::ids::HostId;
use crate::store::Store;

/// How often the heartbeat is counted up.
pub const HEARTBEAT: Duration = Duration::from_secs(1);

/// How long a heartbeat may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// Beats until the process is declared dead; then cancels `lost`. Ends with its future only. Says
/// that it `turned` with each heartbeat that it sends.
///
/// A heartbeat decides nothing by itself: who may write stands in the lease row, which every commit
/// compares. While the database is away, commits fail too, so nothing has to be done here.
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
