//! A demonstration: a simulated WhatsApp, a paired account, two processes for it, contacts that
//! chat in both directions, a kill in the middle, and an audit of every message.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use tokio::time::MissedTickBehavior;

use crate::app::Stop;
use crate::ids::TenantId;
use crate::ops::pair::PairStep;
use crate::rehearsal::audit::{DeliveryAudit, Moment, Violations};
pub use crate::rehearsal::stage::RehearsalError as DemoError;
use crate::rehearsal::stage::Stage;
use crate::rehearsal::stage::host::{Host, Hosts, Said};
use crate::sim::{Direction, Entry};

/// Name of the demonstration's tenant.
const TENANT: &str = "demo";
/// Interval of new messages and of progress checks.
const TICK: Duration = Duration::from_millis(20);
/// The demonstration fails after this long without progress (ms), and lists what is missing.
const STALL_MS: u64 = 60_000;
/// A process without a heartbeat for this long is declared dead.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Options for the demonstration.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// The binary that is run twice and killed.
    pub program: PathBuf,
    /// Messages in each direction.
    pub messages: u32,
    /// Messages per second in each direction.
    pub rate: u32,
    /// Number of contacts.
    pub contacts: u32,
    /// Number of kills of the leader, spread over the traffic.
    pub kills: u32,
}

/// A step of the demonstration.
#[derive(Debug)]
pub enum DemoStep {
    Simulator {
        url: String,
    },
    Pairing(PairStep),
    Started {
        pid: u32,
    },
    /// A process has taken the lease and is connected.
    Leads {
        pid: u32,
    },
    StandsBy {
        pid: u32,
    },
    Traffic {
        done: u64,
        total: u64,
    },
    Killed {
        pid: u32,
        done: u64,
    },
    Settled,
}

/// The result, taken from the simulator's journal and the database.
#[derive(Clone, Debug, Serialize)]
pub struct DemoReport {
    /// Messages that contacts read, and the expected number.
    pub sent: u64,
    pub sent_of: u64,
    /// Messages that became events, and the expected number.
    pub received: u64,
    pub received_of: u64,
    /// Number of kills of the leader.
    pub kills: u64,
    /// Violations found by the audit.
    pub violations: Violations,
    /// Time from each kill to the next login (s).
    pub recovery_s: Vec<f64>,
    /// Time from the first message to the last (s).
    pub took_s: f64,
}

impl DemoReport {
    /// Returns whether every message arrived exactly once.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
            && self.sent == self.sent_of
            && self.received == self.received_of
            && self.recovery_s.len() as u64 == self.kills
    }
}

/// Runs the whole demonstration. It writes only to a temporary folder.
pub async fn demo(
    options: &DemoOptions,
    stop: &Stop,
    tell: &mut (dyn FnMut(DemoStep) + Send),
) -> Result<DemoReport, DemoError> {
    let tenant: TenantId = TENANT.parse().expect("the name is valid");
    let mut stage = Stage::set(&options.program, None, tenant, options.contacts).await?;
    let url = stage.sim.ws_url();
    tell(DemoStep::Simulator { url });
    stage
        .pair(stop, &mut |step| tell(DemoStep::Pairing(step)))
        .await?;
    let mut show = Show {
        options,
        stage: &mut stage,
        hosts: Hosts::default(),
        kills_ms: Vec::new(),
    };
    let result = show.run(stop, tell).await;
    // The error names the log file, so keep it.
    stage
        .end(matches!(result, Err(DemoError::Ended { .. })))
        .await;
    result
}

/// A demonstration with a paired account.
struct Show<'a> {
    options: &'a DemoOptions,
    stage: &'a mut Stage,
    hosts: Hosts,
    /// Times at which the leader was killed (Unix ms).
    kills_ms: Vec<i64>,
}

impl Show<'_> {
    async fn run(
        &mut self,
        stop: &Stop,
        tell: &mut (dyn FnMut(DemoStep) + Send),
    ) -> Result<DemoReport, DemoError> {
        for place in [0, 1] {
            self.start(place, tell)?;
        }
        let began_ms = self.stage.mono_ms();
        let (messages, rate) = (self.options.messages, self.options.rate);
        self.stage.start_chats(messages, rate).await?;
        self.traffic(began_ms, stop, tell).await?;
        let took_ms = self.stage.mono_ms() - began_ms;
        tell(DemoStep::Settled);
        for host in self.hosts.0.iter_mut().filter_map(Option::take) {
            host.stop().await;
        }
        let ledger = self.stage.ledger().await?;
        let journal = self.stage.sim.journal().await?;
        Ok(self.report(&ledger, &journal, took_ms))
    }

    /// Sends messages in both directions, checks their arrival, and kills the leader in between.
    async fn traffic(
        &mut self,
        began_ms: u64,
        stop: &Stop,
        tell: &mut (dyn FnMut(DemoStep) + Send),
    ) -> Result<(), DemoError> {
        let total = 2 * u64::from(self.options.messages);
        let mut last = (0, began_ms);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.asked() => return Err(DemoError::Stopped),
                (place, said) = self.hosts.next() => {
                    self.heard(place, said, tell).await?;
                    continue;
                }
                _ = tick.tick() => (),
            }
            let now_ms = self.stage.mono_ms();
            let due = (now_ms - began_ms) * u64::from(self.options.rate.max(1)) / 1_000 + 1;
            let due = due.min(u64::from(self.options.messages));
            self.stage.put_in(due).await?;
            let done = self.stage.done().await?;
            tell(DemoStep::Traffic { done, total });
            if done != last.0 {
                last = (done, now_ms);
            }
            let stalled = STALL_MS < now_ms - last.1;
            if stalled || (total <= done && self.stage.is_flushed().await?) {
                return Ok(());
            }
            let kills = self.kills_ms.len() as u64;
            let next = total * (kills + 1) / (u64::from(self.options.kills) + 1);
            let due = kills < u64::from(self.options.kills) && next <= done;
            if due && self.hosts.are_ready() {
                self.kill(done, tell).await?;
            }
        }
    }

    async fn heard(
        &mut self,
        place: usize,
        said: Option<Said>,
        tell: &mut (dyn FnMut(DemoStep) + Send),
    ) -> Result<(), DemoError> {
        let Some(host) = self.hosts.0.get_mut(place) else {
            return Ok(());
        };
        match (said, host.as_ref()) {
            (Some(Said::Connected), Some(host)) => tell(DemoStep::Leads { pid: host.pid }),
            (Some(Said::Standby), Some(host)) => tell(DemoStep::StandsBy { pid: host.pid }),
            (Some(Said::Leader | Said::Fenced), _) | (_, None) => (),
            (None, Some(_)) => {
                if let Some(host) = host.take() {
                    return Err(host.ended(self.stage).await);
                }
            }
        }
        Ok(())
    }

    /// Kills the leader and starts another process as a standby.
    async fn kill(
        &mut self,
        done: u64,
        tell: &mut (dyn FnMut(DemoStep) + Send),
    ) -> Result<(), DemoError> {
        let Some(place) = self.hosts.leader() else {
            return Ok(());
        };
        if let Some(leader) = self.hosts.0.get_mut(place).and_then(Option::take) {
            let pid = leader.pid;
            let now_ms = self.stage.app.surroundings.clock.unix_ms();
            self.kills_ms.push(now_ms);
            leader.kill().await;
            tell(DemoStep::Killed { pid, done });
        }
        self.start(place, tell)
    }

    fn start(
        &mut self,
        place: usize,
        tell: &mut (dyn FnMut(DemoStep) + Send),
    ) -> Result<(), DemoError> {
        // An SQLite URL contains no password.
        let url = self.stage.app.settings.database.to_string();
        let host = Host::start(self.stage, &url, None, TIMEOUT)?;
        tell(DemoStep::Started { pid: host.pid });
        if let Some(free) = self.hosts.0.get_mut(place) {
            *free = Some(host);
        }
        Ok(())
    }

    fn report(&self, ledger: &DeliveryAudit, journal: &[Entry], took_ms: u64) -> DemoReport {
        let login = |entry: &&Entry| entry.tag == "success" && entry.direction == Direction::Out;
        let logins: Vec<i64> = journal
            .iter()
            .filter(login)
            .map(|entry| entry.unix_ms)
            .collect();
        let recovery_ms = self.kills_ms.iter().filter_map(|killed_ms| {
            let next = logins.iter().find(|login_ms| killed_ms <= *login_ms)?;
            u32::try_from(next - killed_ms).ok()
        });
        DemoReport {
            sent: ledger.read.len() as u64,
            sent_of: u64::from(self.options.messages),
            received: ledger.events.len() as u64,
            received_of: ledger.received.len() as u64,
            kills: self.kills_ms.len() as u64,
            violations: ledger.violations(Moment::Settled),
            recovery_s: recovery_ms.map(|ms| f64::from(ms) / 1_000.0).collect(),
            took_s: u32::try_from(took_ms).map_or(f64::NAN, f64::from) / 1_000.0,
        }
    }
}
