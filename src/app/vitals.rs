//! The state of a process for health requests and metrics.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::app::status::{AccountStatus, ElectionStatus};
use crate::ids::TenantId;
use crate::metrics::Metrics;

/// Time after which the event loop counts as hung: it normally runs at least every few seconds.
const TURN_TIME_MAX: Duration = Duration::from_secs(10);
/// A process counts as not alive after this time without a written heartbeat: a restart may help.
/// This is much longer than an outage of the database. Otherwise an outage would end all processes
/// at the same moment, and none of the new ones could do more.
const CUT_OFF_TIME_MAX: Duration = Duration::from_secs(900);

/// The role of a process for its account, or for all accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProcessRole {
    #[default]
    Starting,
    /// It holds the lease.
    Leader,
    /// Another process holds the lease.
    Standby,
    /// Another process took the lease away.
    Fenced,
    /// It shares all tenants with other hosts.
    Host,
    /// It releases its leases and ends.
    Stopping,
}

impl ProcessRole {
    /// Returns a stable word for the role.
    pub fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Leader => "leader",
            Self::Standby => "standby",
            Self::Fenced => "fenced",
            Self::Host => "host",
            Self::Stopping => "stopping",
        }
    }
}

/// All words of [`ProcessRole::word`].
pub(crate) const PARTS: [&str; 6] = [
    "starting", "leader", "standby", "fenced", "host", "stopping",
];

/// The state of a process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcessStatus {
    pub part: ProcessRole,
    /// The tenant that the process runs; `None` for all tenants.
    pub tenant: Option<TenantId>,
    /// The epoch of the held lease; 0 for none.
    pub epoch: i64,
    /// The leader, while this process is a standby.
    pub holder: Option<String>,
    /// The state of the account's connection.
    pub account: Option<AccountStatus>,
    /// Tenants that run here; `connected` is how many of them are connected.
    pub tenants: u64,
    pub connected: u64,
    /// Number of takeovers from another process.
    pub takeovers: u64,
    /// The phase of leader election; only with `--ha`. On a `serve` host: whether it may act for
    /// its tenants.
    pub lease: Option<ElectionStatus>,
}

impl ProcessStatus {
    /// Returns true if traffic may be routed here.
    pub fn serves(&self) -> bool {
        match self.part {
            ProcessRole::Leader => self.connected == self.tenants,
            ProcessRole::Host => true,
            _ => false,
        }
    }

    /// Returns true if a rolling update may continue.
    pub fn is_well(&self) -> bool {
        self.serves() || self.part == ProcessRole::Standby
    }
}

/// The shared place for a process's state.
#[derive(Clone, Debug)]
pub(crate) struct StatusBoard {
    pub(crate) vitals: Arc<watch::Sender<ProcessStatus>>,
    /// When the event loop last ran; `None` while there is none.
    turned: Arc<watch::Sender<Option<Instant>>>,
    /// End of the permission to send, by the process's own clock. Set only if another process may
    /// take over afterwards.
    pub(crate) until_ms: Arc<watch::Sender<Option<u64>>>,
}

impl Default for StatusBoard {
    fn default() -> Self {
        Self {
            vitals: Arc::new(watch::Sender::new(ProcessStatus::default())),
            turned: Arc::default(),
            until_ms: Arc::default(),
        }
    }
}

/// The heartbeat of the event loop. If the loop hangs, the health check fails, and a supervisor may
/// restart the process.
#[derive(Debug)]
pub(crate) struct LoopWatchdog(Arc<watch::Sender<Option<Instant>>>);

impl LoopWatchdog {
    /// Records that the loop runs. Must be called every few seconds, even while the database is
    /// unavailable.
    pub(crate) fn turn(&self) {
        self.0.send_replace(Some(Instant::now()));
    }
}

impl Drop for LoopWatchdog {
    fn drop(&mut self) {
        self.0.send_replace(None);
    }
}

impl StatusBoard {
    /// Registers an event loop.
    pub(crate) fn turns(&self) -> LoopWatchdog {
        let turns = LoopWatchdog(self.turned.clone());
        turns.turn();
        turns
    }

    /// Counts leases that were taken over from another process.
    pub(crate) fn took_over(&self, metrics: &Metrics, leases: u64) {
        metrics.took_over(leases);
        self.write(|vitals| vitals.takeovers += leases);
    }

    /// Returns true if the loop ran recently, or if there is none.
    fn is_turning(&self) -> bool {
        let turned = *self.turned.borrow();
        turned.is_none_or(|at| at.elapsed() < TURN_TIME_MAX)
    }

    /// Returns true if the process is alive, given the age of its last written heartbeat.
    pub(crate) fn is_live(&self, written: Option<Duration>) -> bool {
        self.is_turning() && written.is_none_or(|age| age < CUT_OFF_TIME_MAX)
    }

    /// Changes the state, and wakes its readers if it differs afterwards.
    pub(crate) fn write(&self, change: impl FnOnce(&mut ProcessStatus)) {
        self.vitals.send_if_modified(|vitals| {
            let before = vitals.clone();
            change(vitals);
            *vitals != before
        });
    }

    /// Moves the deadline of the lease, without waking the readers of the state.
    pub(crate) fn deadline(&self, until_ms: u64, shown: String) {
        self.until_ms.send_replace(Some(until_ms));
        self.vitals.send_if_modified(|vitals| {
            if let Some(lease) = &mut vitals.lease {
                lease.deadline = Some(shown);
            }
            false
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_does_not_turn_is_noticed() {
        let moment = Duration::from_millis(1);
        let board = StatusBoard::default();
        advance(TURN_TIME_MAX * 2).await;
        assert!(board.is_turning(), "there is none");
        let turns = board.turns();
        advance(TURN_TIME_MAX - moment).await;
        assert!(board.is_turning());
        advance(moment).await;
        assert!(!board.is_turning());
        // The loop runs again.
        turns.turn();
        assert!(board.is_turning());
        advance(TURN_TIME_MAX).await;
        assert!(!board.is_turning());
        drop(turns);
        assert!(board.is_turning(), "there is none any more");
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_of_the_database_is_waited_out_alive() {
        let board = StatusBoard::default();
        let turns = board.turns();
        let seconds = |count| Some(Duration::from_secs(count));
        for (written, live) in [
            (None, true),
            (seconds(0), true),
            (seconds(300), true),
            (seconds(899), true),
            (seconds(900), false),
        ] {
            assert_eq!(board.is_live(written), live, "{written:?}");
        }
        // However short the outage is.
        advance(TURN_TIME_MAX).await;
        assert!(!board.is_live(seconds(0)), "it hangs");
        drop(turns);
    }
}
