//! What a process says of itself at any time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::app::status::{AccountStatus, Leadership};
use crate::ids::TenantId;
use crate::metrics::Metrics;

/// A loop that turns every second or so hangs when it did not for so long.
const TURN_TIME_MAX: Duration = Duration::from_secs(10);

/// What a process does with its account, or with whatever accounts there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    #[default]
    Starting,
    /// It holds the lease.
    Leader,
    /// Another process holds it.
    Standby,
    /// Another process took it away.
    Fenced,
    /// It shares all tenants with other hosts.
    Host,
    /// It gives everything away and ends.
    Stopping,
}

impl Part {
    /// A stable word.
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

/// All words of [`Part::word`].
pub(crate) const PARTS: [&str; 6] = [
    "starting", "leader", "standby", "fenced", "host", "stopping",
];

/// What a process says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vitals {
    pub part: Part,
    /// Whose account it is for; `None` for all.
    pub tenant: Option<TenantId>,
    /// The lease that it holds, 0 for none.
    pub epoch: i64,
    /// The process that leads, while this one stands by.
    pub holder: Option<String>,
    /// How the account's connection is.
    pub account: Option<AccountStatus>,
    /// Tenants that run here, and how many of them are connected.
    pub tenants: u64,
    pub connected: u64,
    /// How often it took over from another process.
    pub takeovers: u64,
    /// Where it is on the way to leading, and back; only with `--ha`, and of a host that serves
    /// whether it may speak for its tenants.
    pub lease: Option<Leadership>,
}

impl Vitals {
    /// Traffic may come here.
    pub fn serves(&self) -> bool {
        match self.part {
            Part::Leader => self.connected == self.tenants,
            Part::Host => true,
            _ => false,
        }
    }

    /// A rollout may go on.
    pub fn is_well(&self) -> bool {
        self.serves() || self.part == Part::Standby
    }
}

/// Where a process keeps what it says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    pub(crate) vitals: Arc<watch::Sender<Vitals>>,
    /// When the loop that sends heartbeats and decides turned last, while there is one.
    turned: Arc<watch::Sender<Option<Instant>>>,
    /// Until when the last heartbeat entitles to act, by the process's own clock; only where
    /// another process may take over then.
    pub(crate) until_ms: Arc<watch::Sender<Option<u64>>>,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            vitals: Arc::new(watch::Sender::new(Vitals::default())),
            turned: Arc::default(),
            until_ms: Arc::default(),
        }
    }
}

/// The loop that sends heartbeats and decides. It must not hang: whoever watches over the process
/// ends it then.
#[derive(Debug)]
pub(crate) struct Turns(Arc<watch::Sender<Option<Instant>>>);

impl Turns {
    /// It turns now. At least every few seconds, also while the database is away.
    pub(crate) fn turn(&self) {
        self.0.send_replace(Some(Instant::now()));
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        self.0.send_replace(None);
    }
}

impl Board {
    /// A loop begins.
    pub(crate) fn turns(&self) -> Turns {
        let turns = Turns(self.turned.clone());
        turns.turn();
        turns
    }

    /// Counts leases that were another process's.
    pub(crate) fn took_over(&self, metrics: &Metrics, leases: u64) {
        metrics.took_over(leases);
        self.write(|vitals| vitals.takeovers += leases);
    }

    /// Whether the loop turned lately, or there is none now.
    pub(crate) fn is_turning(&self) -> bool {
        let turned = *self.turned.borrow();
        turned.is_none_or(|at| at.elapsed() < TURN_TIME_MAX)
    }

    pub(crate) fn write(&self, change: impl FnOnce(&mut Vitals)) {
        self.vitals.send_if_modified(|vitals| {
            let before = vitals.clone();
            change(vitals);
            *vitals != before
        });
    }

    /// Moves the deadline of the lease. That is nothing to wake anybody for.
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
        let board = Board::default();
        advance(TURN_TIME_MAX * 2).await;
        assert!(board.is_turning(), "there is none");
        let turns = board.turns();
        advance(TURN_TIME_MAX - moment).await;
        assert!(board.is_turning());
        advance(moment).await;
        assert!(!board.is_turning());
        // It goes on.
        turns.turn();
        assert!(board.is_turning());
        advance(TURN_TIME_MAX).await;
        assert!(!board.is_turning());
        drop(turns);
        assert!(board.is_turning(), "there is none any more");
    }
}
