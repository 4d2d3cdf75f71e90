//! Rehearses failover on the user's own database and machine: two processes for one temporary
//! account, traffic from a simulated WhatsApp, faults, and an audit of every message.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use crate::app::RowsError;
use crate::app::Stop;
use crate::clock::Surroundings;
use crate::config::DatabaseUrl;
use crate::config::postgres::TlsMode;
use crate::crypto::random;
use crate::ids::TenantId;
use crate::ops::actor::AuditActor;
use crate::ops::tenants::{self, Changes};
use crate::rehearsal::audit::{Moment, Violations};
pub use crate::rehearsal::stage::RehearsalError as DrillError;
use crate::rehearsal::stage::host::{Host, Hosts, Said};
use crate::rehearsal::stage::overlap;
use crate::rehearsal::stage::proxy::{self, Cut, Proxy};
use crate::rehearsal::stage::{Stage, leftovers};

const CONTACTS: u32 = 4;
/// Interval of new messages and of progress checks.
const TICK: Duration = Duration::from_millis(20);
/// A round fails after this long without progress, and lists what is missing.
const STALL: Duration = Duration::from_secs(30);
/// Maximum time of a takeover beyond three times the timeout.
const TAKEOVER_MAX: Duration = Duration::from_secs(30);
/// Maximum time for which two processes may be logged in at once (ms). WhatsApp closes the older
/// connection when the newer one logs in, so the overlap depends on its network.
pub const OVERLAP_MS_MAX: u64 = 1_000;

/// A fault that the drill injects into the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrillFault {
    /// SIGKILL.
    Kill,
    /// SIGTERM: the leader releases the lease itself.
    Drain,
    /// SIGSTOP for longer than the timeout, then SIGCONT.
    Stop,
    /// Packets to and from the database are held back.
    Partition,
    /// Packets to the database are held back.
    PartitionTo,
    /// Packets from the database are held back.
    PartitionFrom,
}

impl DrillFault {
    pub const ALL: [Self; 6] = [
        Self::Kill,
        Self::Drain,
        Self::Stop,
        Self::Partition,
        Self::PartitionTo,
        Self::PartitionFrom,
    ];

    /// Returns the stable name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Drain => "drain",
            Self::Stop => "stop",
            Self::Partition => "partition",
            Self::PartitionTo => "partition-to",
            Self::PartitionFrom => "partition-from",
        }
    }

    fn cut(self) -> Option<Cut> {
        let (to_database, from_database) = match self {
            Self::Partition => (true, true),
            Self::PartitionTo => (true, false),
            Self::PartitionFrom => (false, true),
            Self::Kill | Self::Drain | Self::Stop => return None,
        };
        Some(Cut {
            to_database,
            from_database,
        })
    }
}

/// The fault does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fault is one of kill, drain, stop, partition, partition-to and partition-from")]
pub struct UnknownFault;

impl FromStr for DrillFault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let found = Self::ALL.into_iter().find(|fault| fault.word() == text);
        found.ok_or(UnknownFault)
    }
}

/// Options for a drill.
pub struct DrillOptions {
    /// The binary to run.
    pub program: PathBuf,
    pub database: DatabaseUrl,
    /// The database URL as given, including its password.
    pub database_text: String,
    /// The URL for locks as given, if it differs.
    pub lock_text: Option<String>,
    /// Faults to rehearse, each `rounds` times.
    pub faults: Vec<DrillFault>,
    /// Rounds per fault.
    pub rounds: u32,
    /// Messages in each direction and round.
    pub messages: u32,
    /// Messages per second in each direction.
    pub rate: u32,
    /// A process without a heartbeat for this long is declared dead.
    pub timeout: Duration,
}

/// A step of the drill.
#[derive(Debug)]
pub enum DrillStep {
    Tenant {
        name: String,
        database: String,
    },
    Skipped {
        fault: &'static str,
        why: &'static str,
    },
    Round {
        number: u32,
        of: u32,
        fault: &'static str,
    },
    Done(Round),
}

/// One takeover.
#[derive(Clone, Debug, Serialize)]
pub struct Round {
    /// Number of the round, from 1.
    pub number: u32,
    /// Name of the fault.
    pub fault: &'static str,
    /// Time from the fault until the other process held the lease, and until it was connected (s).
    pub takeover_s: f64,
    pub connected_s: f64,
    /// Connections that another one with the same keys replaced; both were open at that moment.
    pub replaced: usize,
    /// Longest time for which two connections were logged in at once (ms).
    pub overlap_ms: u64,
    /// Whether the old leader stopped cleanly or returned as a standby.
    pub old_leader_well: bool,
}

impl Round {
    /// Returns whether the processes behaved well. Messages are audited at the end.
    fn is_good(&self) -> bool {
        self.old_leader_well && self.overlap_ms <= OVERLAP_MS_MAX
    }
}

/// A fault that cannot be rehearsed on this database.
#[derive(Clone, Debug, Serialize)]
pub struct Skipped {
    /// Name of the fault.
    pub fault: &'static str,
    /// Why it was skipped.
    pub why: &'static str,
}

/// The result of a drill.
#[derive(Clone, Debug, Serialize)]
pub struct DrillReport {
    /// Whether every round and the audit succeeded.
    pub passed: bool,
    /// Longest overlap of all rounds, and the allowed maximum (ms).
    pub overlap_ms: u64,
    pub overlap_ms_allowed: u64,
    /// Name of the temporary tenant.
    pub business_id: String,
    /// All takeovers in order.
    pub rounds: Vec<Round>,
    /// Faults that could not be rehearsed.
    pub skipped: Vec<Skipped>,
    pub sent: u64,
    pub sent_of: u64,
    pub received: u64,
    pub received_of: u64,
    /// Violations found by the audit.
    pub violations: Violations,
    /// Duration of the drill (s).
    pub took_s: f64,
}

/// Runs the drill. It writes only rows of a tenant that it creates and removes.
pub async fn drill(
    options: &DrillOptions,
    stop: &Stop,
    tell: &mut (dyn FnMut(DrillStep) + Send),
) -> Result<DrillReport, DrillError> {
    let noise: [u8; 4] = random::bytes(&mut *Surroundings::system().entropy.random());
    let tenant = format!("drill-{}", hex::encode(noise));
    let tenant: TenantId = tenant.parse().expect("the name is valid");
    let database = Some(options.database.clone());
    let mut stage = Stage::set(&options.program, database, tenant.clone(), CONTACTS).await?;
    tell(DrillStep::Tenant {
        name: tenant.to_string(),
        database: options.database.to_string(),
    });
    let actor = AuditActor::of_user();
    let mark = leftovers::DrillHeartbeat::set(&stage.app).await?;
    let result = async {
        leftovers::remove_tenants(&stage.app, &actor).await?;
        // Disable the tenant, so that hosts which serve this database do not take it.
        tenants::add(&stage.app, &tenant, &Changes::default(), &actor).await?;
        tenants::enable(&stage.app, &tenant, false, &actor).await?;
        stage.pair(stop, &mut |_| ()).await?;
        let mut drill = Drill::start(options, &mut stage, stop).await?;
        let report = drill.run(tell).await;
        drill.end().await;
        report
    };
    let result = result.await;
    let removed = tenants::remove(&stage.app, &tenant, &actor).await;
    let forgotten = stage.app.store.forget_lease(&tenant).await;
    mark.remove(&stage.app).await;
    let keep_log = matches!(
        result,
        Err(DrillError::Ended { .. } | DrillError::NoTakeover(..))
    );
    stage.end(keep_log).await;
    let report = result?;
    removed?;
    forgotten.map_err(RowsError::of)?;
    Ok(report)
}

/// Returns why the database cannot be cut off, if so.
fn uncuttable(database: &DatabaseUrl) -> Option<&'static str> {
    let DatabaseUrl::Postgres(url) = database else {
        return Some("an embedded database has no network");
    };
    if url.locks.is_some() {
        return Some("locks have a way of their own");
    }
    let checked = url.tls == Some(TlsMode::VerifyFull);
    checked.then_some("the server's name is checked, which a proxy does not have")
}

struct Drill<'a> {
    options: &'a DrillOptions,
    stage: &'a mut Stage,
    stop: &'a Stop,
    proxies: [Option<Proxy>; 2],
    hosts: Hosts,
    /// When each process reported that it leads, and that it is connected.
    led: [Option<Instant>; 2],
    connected: [Option<Instant>; 2],
    /// Graceful stops in progress.
    ending: JoinSet<bool>,
    tick: tokio::time::Interval,
    /// Messages in both directions that are complete, and that are expected.
    done: u64,
    due: u64,
    /// Messages that earlier rounds put into the outbox, and the start time of this round.
    put: u64,
    began: Instant,
}

impl<'a> Drill<'a> {
    async fn start(
        options: &'a DrillOptions,
        stage: &'a mut Stage,
        stop: &'a Stop,
    ) -> Result<Self, DrillError> {
        let mut proxies = [None, None];
        if uncuttable(&options.database).is_none() {
            for proxy in &mut proxies {
                let started = Proxy::start(&options.database).await;
                *proxy = started?;
            }
        }
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut drill = Self {
            options,
            stage,
            stop,
            proxies,
            hosts: Hosts::default(),
            led: [None; 2],
            connected: [None; 2],
            ending: JoinSet::new(),
            tick,
            done: 0,
            due: 0,
            put: 0,
            began: Instant::now(),
        };
        for place in [0, 1] {
            drill.start_host(place)?;
            drill.until(|drill| drill.hosts.leader().is_some()).await?;
        }
        Ok(drill)
    }

    fn start_host(&mut self, place: usize) -> Result<(), DrillError> {
        let text = &self.options.database_text;
        let proxy = self.proxies.get(place).and_then(Option::as_ref);
        let moved = proxy.and_then(|proxy| proxy::at(text, proxy.address));
        let url = moved.as_deref().unwrap_or(text);
        let locks = self.options.lock_text.as_deref();
        let host = Host::start(self.stage, url, locks, self.options.timeout)?;
        if let Some(free) = self.hosts.0.get_mut(place) {
            *free = Some(host);
        }
        Ok(())
    }

    async fn run(
        &mut self,
        tell: &mut (dyn FnMut(DrillStep) + Send),
    ) -> Result<DrillReport, DrillError> {
        let begun = Instant::now();
        let (mut rounds, mut skipped) = (Vec::new(), Vec::new());
        let mut plan = Vec::new();
        for fault in &self.options.faults {
            let why = fault.cut().and_then(|_| uncuttable(&self.options.database));
            match why {
                None => plan.extend((0..self.options.rounds).map(|_| *fault)),
                Some(why) => {
                    let fault = fault.word();
                    tell(DrillStep::Skipped { fault, why });
                    skipped.push(Skipped { fault, why });
                }
            }
        }
        let of = u32::try_from(plan.len()).unwrap_or(u32::MAX);
        for (number, fault) in (1..).zip(plan) {
            let word = fault.word();
            tell(DrillStep::Round {
                number,
                of,
                fault: word,
            });
            let round = self.round(number, fault).await?;
            tell(DrillStep::Done(round.clone()));
            rounds.push(round);
        }
        let ledger = self.stage.ledger().await?;
        let violations = ledger.violations(Moment::Settled);
        let (sent, received) = (ledger.read.len() as u64, ledger.events.len() as u64);
        let (sent_of, received_of) = (self.put, ledger.received.len() as u64);
        let overlaps = rounds.iter().map(|round| round.overlap_ms);
        Ok(DrillReport {
            passed: violations.is_empty()
                && (sent, received) == (sent_of, received_of)
                && rounds.iter().all(Round::is_good),
            overlap_ms: overlaps.max().unwrap_or(0),
            overlap_ms_allowed: OVERLAP_MS_MAX,
            business_id: self.stage.app.settings.tenant.to_string(),
            rounds,
            skipped,
            sent,
            sent_of,
            received,
            received_of,
            violations,
            took_s: begun.elapsed().as_secs_f64(),
        })
    }

    async fn round(&mut self, number: u32, fault: DrillFault) -> Result<Round, DrillError> {
        let ready = |drill: &Self| drill.hosts.are_ready();
        self.until(ready).await?;
        let replaced = self.replaced().await?;
        let logins = self.stage.sim.logins().await?.len();
        let messages = u64::from(self.options.messages);
        self.stage
            .start_chats(self.options.messages, self.options.rate)
            .await?;
        let before = self.done;
        self.due += 2 * messages;
        self.began = Instant::now();
        self.until(|drill| before + messages / 2 <= drill.done)
            .await?;
        let old = self.hosts.leader().unwrap_or_default();
        let new = 1 - old;
        (self.led, self.connected) = ([None; 2], [None; 2]);
        let at = Instant::now();
        self.hurt(old, fault).await;
        self.until(|drill| drill.connected[new].is_some()).await?;
        self.heal(old, fault).await?;
        let well = self.settle(old, fault, messages).await?;
        self.put += messages;
        let since = |time: Option<Instant>| time.map_or(f64::NAN, |time| (time - at).as_secs_f64());
        Ok(Round {
            number,
            fault: fault.word(),
            takeover_s: since(self.led[new]),
            connected_s: since(self.connected[new]),
            replaced: self.replaced().await? - replaced,
            overlap_ms: overlap::longest_ms(&self.stage.sim.logins().await?, logins),
            old_leader_well: well,
        })
    }

    async fn hurt(&mut self, place: usize, fault: DrillFault) {
        if let (Some(cut), Some(proxy)) = (fault.cut(), &self.proxies[place]) {
            return proxy.cut(cut);
        }
        match (fault, self.hosts.0[place].take()) {
            (DrillFault::Kill, Some(host)) => host.kill().await,
            (DrillFault::Drain, Some(host)) => {
                self.ending.spawn(host.stop());
            }
            (_, Some(host)) => {
                host.signal("-STOP").await;
                self.hosts.0[place] = Some(host);
            }
            (_, None) => (),
        }
    }

    async fn heal(&mut self, place: usize, fault: DrillFault) -> Result<(), DrillError> {
        match fault {
            DrillFault::Kill | DrillFault::Drain => self.start_host(place)?,
            DrillFault::Stop => {
                if let Some(host) = &self.hosts.0[place] {
                    host.signal("-CONT").await;
                }
            }
            _ => {
                if let Some(proxy) = &self.proxies[place] {
                    proxy.cut(Cut::default());
                }
            }
        }
        Ok(())
    }

    /// Waits for the end of the traffic and for the old leader. Returns whether the old leader is
    /// well.
    async fn settle(
        &mut self,
        place: usize,
        fault: DrillFault,
        messages: u64,
    ) -> Result<bool, DrillError> {
        let mut last = (self.done, Instant::now());
        loop {
            self.step().await?;
            if self.done != last.0 {
                last = (self.done, Instant::now());
            }
            let all = self.due <= self.done && self.put_in_all(messages);
            let settled = all && self.hosts.are_ready() && self.stage.is_flushed().await?;
            if settled || STALL < last.1.elapsed() {
                break;
            }
        }
        let clean = match fault {
            DrillFault::Drain => self.ending.join_next().await.is_some_and(|end| {
                end.unwrap_or_else(|error| {
                    tracing::error!(%error, "waiting for a process ended badly");
                    false
                })
            }),
            _ => true,
        };
        let host = self.hosts.0[place].as_ref();
        Ok(clean && host.is_some_and(|host| host.role == Some(Said::Standby)))
    }

    fn put_in_all(&self, messages: u64) -> bool {
        messages <= self.put_due() - self.put
    }

    /// Returns how many messages the outbox should have received so far.
    fn put_due(&self) -> u64 {
        let elapsed_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let due = elapsed_ms.saturating_mul(self.options.rate.max(1).into()) / 1_000;
        self.put + due.min(self.due / 2 - self.put)
    }

    /// Continues until `reached` holds, or fails after the maximum time of a takeover.
    async fn until(&mut self, reached: impl Fn(&Self) -> bool) -> Result<(), DrillError> {
        let allowed = self.options.timeout * 3 + TAKEOVER_MAX;
        let begun = Instant::now();
        while !reached(self) {
            self.step().await?;
            if allowed < begun.elapsed() {
                return Err(DrillError::NoTakeover(allowed.as_secs(), self.stage.log()));
            }
        }
        Ok(())
    }

    /// Waits for one event: a report of a process, or the time of the next message.
    async fn step(&mut self) -> Result<(), DrillError> {
        tokio::select! {
            biased;
            () = self.stop.asked() => Err(DrillError::Stopped),
            (place, said) = self.hosts.next() => {
                let now = Some(Instant::now());
                match said {
                    Some(Said::Leader) => self.led[place] = now,
                    Some(Said::Connected) => self.connected[place] = now,
                    Some(Said::Standby | Said::Fenced) => (),
                    None => {
                        if let Some(host) = self.hosts.0[place].take() {
                            return Err(host.ended(self.stage).await);
                        }
                    }
                }
                Ok(())
            }
            _ = self.tick.tick() => {
                let due = self.put_due();
                self.stage.put_in(due).await?;
                self.done = self.stage.done().await?;
                Ok(())
            }
        }
    }

    /// Returns the number of connections that were replaced so far.
    async fn replaced(&self) -> Result<usize, DrillError> {
        let journal = self.stage.sim.journal().await?;
        let ended = journal.iter().filter(|entry| entry.tag == "stream:error");
        Ok(ended.count())
    }

    async fn end(&mut self) {
        for host in self.hosts.0.iter_mut().filter_map(Option::take) {
            host.signal("-CONT").await;
            host.stop().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_that_are_logged_in_at_once_fail_a_round() {
        let round = |overlap_ms, old_leader_well| Round {
            number: 1,
            fault: DrillFault::Stop.word(),
            takeover_s: 1.0,
            connected_s: 1.0,
            replaced: 1,
            overlap_ms,
            old_leader_well,
        };
        assert!(round(OVERLAP_MS_MAX, true).is_good());
        assert!(!round(OVERLAP_MS_MAX + 1, true).is_good());
        assert!(!round(0, false).is_good());
    }
}
