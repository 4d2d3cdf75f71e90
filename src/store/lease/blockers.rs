//! Sessions that hang inside a transaction and block a takeover.
//!
//! An open transaction locks its lease row until its session ends, even after its process was
//! declared dead. The server ends such a session by itself, but later than a takeover should take.

use std::time::Duration;

use crate::store::Store;
use crate::store::db::{Db, args};
use crate::store::error::StoreError;

/// How long a takeover waits before it looks for blocking sessions, and between two checks.
const PATIENCE: Duration = Duration::from_millis(50);

/// Ends our sessions that are idle in a transaction and hold the lock on a lease row that this
/// process waits for. It finds none through a pooler that renames sessions.
const END: &str = "
    SELECT pg_terminate_backend(b.pid) FROM pg_stat_activity w
    CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS blocking (pid)
    JOIN pg_stat_activity b ON b.pid = blocking.pid
    WHERE w.application_name = current_setting('application_name')
        AND w.wait_event_type = 'Lock' AND w.query LIKE '%UPDATE wmctl_lease%'
        AND b.state LIKE 'idle in transaction%' AND b.application_name LIKE 'wmctl %'
        AND b.state_change < clock_timestamp() - INTERVAL '40 milliseconds'";

impl Store {
    /// Waits for a statement that takes a lease from a dead process, and ends sessions that block
    /// it.
    pub(in crate::store) async fn against_hanging<T>(
        &self,
        taking: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if matches!(self.db, Db::Sqlite { .. }) {
            return taking.await;
        }
        tokio::pin!(taking);
        loop {
            let ended = async {
                tokio::time::sleep(PATIENCE).await;
                self.db.rows(END, args![]).await
            };
            tokio::select! {
                biased;
                taken = &mut taking => return taken,
                ended = ended => match ended {
                    Ok(ended) if ended.is_empty() => (),
                    Ok(ended) => {
                        tracing::warn!(
                            sessions = ended.len(),
                            "ended, as they hung in a transaction and kept a lease"
                        );
                    }
                    // The server ends these sessions by itself after a while.
                    Err(error) => tracing::debug!(%error, "sessions that hang were not ended"),
                },
            }
        }
    }
}
