//! An actor with its surrounding tasks, for the parts of a process that connect an account.

use std::future::Future;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::app::App;
use crate::daemon::retention::PruneTask;
use crate::daemon::webhooks::DeliveryTasks;
use crate::engine::actor::{Actor, ActorDeps, COMMANDS_MAX, Stopped};
use crate::engine::gate::SendGate;
use crate::engine::leased::LeasedAccountStore;
use crate::engine::line::{LineError, NetConnector};
use crate::engine::status::Status;
use crate::engine::stop::Stop;
use crate::engine::{lease_keeper, supervisor};
use crate::ids::{HostId, TenantId};
use crate::session::input::Input;
use crate::store::lease::Lease;

/// A running account.
pub(crate) struct RunningAccount {
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) commands: mpsc::Sender<Input>,
    pub(crate) stop: Stop,
}

/// Returns the log span of a tenant, enabled at each level. It contains all log lines about the
/// tenant.
pub(crate) fn span_of(tenant: &TenantId) -> tracing::Span {
    tracing::error_span!(parent: None, "account", business_id = %tenant)
}

impl App {
    /// Prepares to run the account with its own heartbeat. Nothing starts before the future is
    /// polled.
    pub(crate) fn run_account(
        &self,
        host: HostId,
        lease: Lease,
        stop: &Stop,
    ) -> Result<(RunningAccount, impl Future<Output = Stopped> + Send + use<>), LineError> {
        let (lost, tenant) = (CancellationToken::new(), lease.tenant.clone());
        let dial = self.dial()?;
        let (live, account) = self.run_dialled(dial, lease, stop, lost.clone(), SendGate::open());
        let (store, surroundings) = (self.store.clone(), self.surroundings.clone());
        let turns = self.board.turns();
        let run = async move {
            let keep_lease = async {
                let keep = lease_keeper::keep(&store, host, &surroundings, &lost, || turns.turn());
                keep.instrument(span_of(&tenant)).await;
                // The actor learns of the lost lease by itself, and ends.
                std::future::pending().await
            };
            tokio::select! {
                stopped = account => stopped,
                stopped = keep_lease => stopped,
            }
        };
        Ok((live, run))
    }

    /// Prepares to run the account under the caller's heartbeat. The caller cancels `lost` when the
    /// lease is lost, and closes the gate while nothing may be sent.
    pub(crate) fn run_dialled(
        &self,
        dial: NetConnector,
        lease: Lease,
        stop: &Stop,
        lost: CancellationToken,
        gate: SendGate,
    ) -> (RunningAccount, impl Future<Output = Stopped> + Send + use<>) {
        let since_ms = self.surroundings.clock.unix_ms();
        let (send_status, status) = watch::channel(Status::new(since_ms));
        let (commands, receive_commands) = mpsc::channel(COMMANDS_MAX);
        let tenant = lease.tenant.clone();
        self.metrics.lease(&tenant, lease.epoch);
        let meter = self.metrics.meter(&lease.tenant);
        let actor = Box::new(Actor::new(ActorDeps {
            ledger: LeasedAccountStore::new(self.store.clone(), lease.clone())
                .metered(meter.clone()),
            dial,
            surroundings: self.surroundings.clone(),
            config: self.client(),
            stop: stop.clone(),
            lease_lost: lost,
            gate,
            status: send_status,
            commands: receive_commands,
            histories: self.histories.clone(),
            room: self.rows.share(),
            meter,
        }));
        let asked = stop.clone();
        let mut delivering = DeliveryTasks::new(self, lease.clone(), status.clone());
        let forget = Box::pin(PruneTask::new(self, lease).keep());
        let span = span_of(&tenant);
        let run = async move {
            let stopped = tokio::select! {
                stopped = supervisor::keep(actor, &asked) => stopped,
                never = forget => match never {},
                never = delivering.keep() => match never {},
            };
            if matches!(stopped, Stopped::Ended(_)) && !asked.is_asked() {
                Box::pin(delivering.finish()).await;
            }
            stopped
        };
        let run = run.instrument(span);
        let live = RunningAccount {
            status,
            commands,
            stop: stop.clone(),
        };
        (live, run)
    }
}
