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

/// Beats until the process is declared dead; then cancels `lost`. Ends with its future only.
///
/// A heartbeat decides nothing by itself: who may write stands in the lease row, which every commit
/// compares. While the database is away, commits fail too, so nothing has to be done here.
pub async fn keep(
    store: &Store,
    host: HostId,
    surroundings: &Surroundings,
    lost: &CancellationToken,
) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        match store.heartbeat(host, surroundings.clock.unix_ms()).await {
            Ok(Some(_)) => (),
            Ok(None) => {
                error!("this process was declared dead, its leases are lost");
                lost.cancel();
                return;
            }
            Err(error) => warn!(error = %explained(&error), "no heartbeat"),
        }
    }
}
