//! The last event of a lost link for applications, and the check whether an account may run at all.

use std::time::Duration;

use tracing::debug;

use crate::engine::actor::{ActorDeps, Stopped};
use crate::engine::ledger::{AccountStore, AccountStoreError, Attempt};
use crate::session::account::{Account, Ended};
use crate::session::changes::Change;

/// Longest time for the commit of the event that reports a lost link.
const FAREWELL_TIME_MAX: Duration = Duration::from_secs(2);

impl<L: AccountStore, D> ActorDeps<L, D> {
    /// Commits the changes that report a lost link. It tries once, for at most
    /// [`FAREWELL_TIME_MAX`]. An error means that the state in memory may be behind the rows.
    pub(super) async fn farewell(&self, changes: &[Change]) -> Result<(), AccountStoreError> {
        if changes.is_empty() || self.stop.is_forced() {
            return Ok(());
        }
        let commit = self.ledger.commit(Attempt::First, changes);
        match tokio::time::timeout(FAREWELL_TIME_MAX, commit).await {
            Ok(Ok(last_seq)) => {
                let higher = |last: i64| last.max(last_seq);
                self.status
                    .send_modify(|status| status.last_seq = higher(status.last_seq));
                Ok(())
            }
            Err(_) => Err(AccountStoreError::Unknown),
            Ok(Err(AccountStoreError::Unavailable(why) | AccountStoreError::Unusable(why))) => {
                debug!(why, "a lost link is not told");
                Ok(())
            }
            Ok(Err(error)) => Err(error),
        }
    }
}

/// Returns the reason why an account must not run, decided without connecting; `None` if it may
/// run.
pub fn refusal(account: Option<&Account>, unix_ms: i64) -> Option<Stopped> {
    let Some(account) = account else {
        return Some(Stopped::Unpaired);
    };
    match &account.ended {
        Some(Ended::Banned { until_ms, .. }) if until_ms.is_none_or(|until| until <= unix_ms) => {
            None
        }
        Some(Ended::Outdated) | None => None,
        Some(ended) => Some(Stopped::Ended(ended.clone())),
    }
}
