//! The parts that an actor works with: retries while the database is unavailable, the permission to
//! connect and send, and the published status.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock::Surroundings;
use crate::engine::actor::{End, Stopped};
use crate::engine::gate::SendGate;
use crate::engine::ledger::{AccountStore, AccountStoreError};
use crate::engine::room::CacheShare;
use crate::engine::status::Status;
use crate::engine::stop::Stop;
use crate::metrics::Meter;
use crate::session::changes::AccountState;
use crate::session::config::ClientConfig;
use crate::session::input::Input;

/// Longest time that a unit of work waits for the database before the actor gives up the link. It
/// covers an outage of ten seconds and the time that the server needs to accept connections again.
/// WhatsApp closes a link that is silent for 30 s.
const STORE_PATIENCE: Duration = Duration::from_secs(15);
/// First and longest wait between two attempts to reach the database.
const STORE_RETRY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));
/// Everything that an actor works with.
#[derive(Debug)]
pub struct ActorDeps<L, D> {
    pub ledger: L,
    pub dial: D,
    pub surroundings: Surroundings,
    pub config: ClientConfig,
    pub stop: Stop,
    /// Cancelled when the lease is known to be lost.
    pub lease_lost: CancellationToken,
    /// Open while the process may connect and send for its accounts.
    pub gate: SendGate,
    pub status: watch::Sender<Status>,
    pub commands: mpsc::Receiver<Input>,
    /// Permits to hold a downloaded history in memory, shared by all accounts of the process.
    pub histories: Arc<Semaphore>,
    /// This account's share of the memory for cached rows.
    pub room: CacheShare,
    pub meter: Meter,
}

/// The retry state of one database call.
pub(super) struct Patience {
    until: u64,
    wait: Duration,
    /// The state to restore after the outage; `None` before the first failure.
    stalled: Option<AccountState>,
}

impl<L: AccountStore, D> ActorDeps<L, D> {
    /// Starts the retry state of one database call. While the call fails, the actor acknowledges
    /// and sends nothing, so the link may stay open for a while.
    pub(super) fn patience(&self) -> Patience {
        let patience_ms = u64::try_from(STORE_PATIENCE.as_millis()).unwrap_or(u64::MAX);
        Patience {
            until: self.mono_ms() + patience_ms,
            wait: STORE_RETRY.0,
            stalled: None,
        }
    }

    /// Waits before the next attempt. Returns `Err` if the error is not transient, if the time is
    /// up, or if the actor is to stop.
    pub(super) async fn bear(
        &self,
        patience: &mut Patience,
        error: AccountStoreError,
    ) -> Result<(), End> {
        let passes = matches!(
            error,
            AccountStoreError::Unavailable(_) | AccountStoreError::Unknown
        );
        if !passes || patience.until <= self.mono_ms() {
            return Err(End::from(error));
        }
        if patience.stalled.is_none() {
            warn!(%error, "database is unavailable, holding everything back");
            patience.stalled = Some(self.status.borrow().state);
            self.say(AccountState::Stalled, Some("database"));
        }
        tokio::select! {
            biased;
            () = self.stop.forced() => return Err(End::Stopped(Stopped::Asked)),
            () = self.lease_lost.cancelled() => return Err(End::Stopped(Stopped::LeaseLost)),
            () = tokio::time::sleep(patience.wait) => (),
        }
        patience.wait = (patience.wait * 2).min(STORE_RETRY.1);
        Ok(())
    }

    /// Restores the status after the database answered.
    pub(super) fn relieve(&self, patience: Patience) {
        if let Some(state) = patience.stalled {
            info!("database is back");
            self.say(state, None);
        }
    }

    /// Waits until the process may send for the account. The connection stays open meanwhile.
    pub(super) async fn may_send(&mut self) -> Result<(), End> {
        let clock = &*self.surroundings.clock;
        tokio::select! {
            biased;
            () = self.gate.may_send(clock) => Ok(()),
            () = self.lease_lost.cancelled() => Err(End::Stopped(Stopped::LeaseLost)),
            // A committed stanza that is not sent now is sent later: the server delivers again, or
            // the next lease holder sends it.
            () = self.stop.asked() => Err(End::Stopped(Stopped::Asked)),
        }
    }

    /// Waits until the process may connect the account.
    pub(super) async fn may_dial(&mut self) -> Result<(), End> {
        let clock = &*self.surroundings.clock;
        tokio::select! {
            biased;
            () = self.stop.asked() => Err(End::Stopped(Stopped::Asked)),
            () = self.lease_lost.cancelled() => Err(End::Stopped(Stopped::LeaseLost)),
            () = self.gate.may_dial(clock) => Ok(()),
        }
    }

    /// Publishes the account's state if the state or its reason changed.
    pub(super) fn say(&self, state: AccountState, reason: Option<&str>) {
        let since_ms = self.surroundings.clock.unix_ms();
        self.status.send_if_modified(|status| {
            let changed = status.state != state || status.reason.as_deref() != reason;
            if changed {
                status.state = state;
                status.reason = reason.map(str::to_owned);
                status.since_ms = since_ms;
            }
            changed
        });
    }

    /// Returns the monotonic time in ms.
    pub(super) fn mono_ms(&self) -> u64 {
        self.surroundings.clock.mono_ms()
    }
}
