//! Health of this process: its own state, plus a probe of the database. A health request changes
//! nothing.

use crate::app::vitals::{PARTS, ProcessRole, ProcessStatus};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, timeout};

use crate::app::App;
use crate::app::status::AccountStatus;
use crate::clock::Clock;
use crate::engine::leased::explained;
use crate::engine::stop::Stop;
use crate::lead::State;
pub use crate::metrics::Format;
use crate::metrics::{Asked, Levels, Metrics};
use crate::store::db::pooling::ConnectionProfile;
use crate::store::db::query_counts::QueryCounts;
use crate::store::error::StoreError;
use crate::store::inspect::probe::Waiting;

/// Longest time for the database's answer.
const PROBE_TIME_MAX: Duration = Duration::from_secs(2);
/// Longest age of a probe: requests within this time get the last answer.
const PROBE_AGE_MAX: Duration = Duration::from_secs(1);
/// Age in seconds of the oldest waiting message above which the outbox is degraded.
const OUTBOX_AGE_S_MAX: f64 = 300.0;
/// Time for which a refused input keeps the health degraded.
const REFUSED_TIME_MAX: Duration = Duration::from_secs(3_600);
/// A process whose lease has no deadline counts as cut off from its database after this time
/// without a written heartbeat. Heartbeats come each second and take at most five.
const SILENT_TIME_MAX: Duration = Duration::from_secs(10);
/// The same limit for a standby, which sends a heartbeat every ten seconds.
const STANDBY_SILENT_TIME_MAX: Duration = Duration::from_secs(30);

impl App {
    /// Returns this process's state and its changes.
    pub fn vitals(&self) -> watch::Receiver<ProcessStatus> {
        self.board.vitals.subscribe()
    }

    /// Returns true if the event loop is responsive and a heartbeat was written in the last 15
    /// minutes. A process without such a loop, or without heartbeats, counts as live.
    pub fn is_live(&self) -> bool {
        self.board.is_live(self.store.heartbeat_age())
    }

    /// Returns true if this process may act for its accounts now. If no heartbeat was answered in
    /// time, another process may have taken over.
    fn is_heard(&self, vitals: &ProcessStatus) -> bool {
        let age = self.store.heartbeat_age();
        let within = |limit| age.is_none_or(|age| age < limit);
        let until_ms = *self.board.until_ms.borrow();
        match (vitals.part, until_ms) {
            (ProcessRole::Leader | ProcessRole::Host, Some(until_ms)) => {
                self.surroundings.clock.boot_ms() < until_ms
            }
            (ProcessRole::Standby, _) => within(STANDBY_SILENT_TIME_MAX),
            _ => within(SILENT_TIME_MAX),
        }
    }
}

/// State of a component. `failing` makes the whole process unhealthy; `degraded` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    Ok,
    /// Not judged: this process does not use the component now.
    Off,
    Degraded,
    Failing,
}

/// The answer to `/health`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub status: Condition,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_id: Option<String>,
    pub role: &'static str,
    pub epoch: i64,
    pub components: Components,
}

/// The health of each component of the process.
#[derive(Clone, Debug, Serialize)]
pub struct Components {
    pub database: DatabaseHealth,
    pub lease: LeaseHealth,
    pub whatsapp: WhatsAppHealth,
    pub outbox: OutboxHealth,
    pub inputs: InputsHealth,
}

/// Refused inputs and rows.
#[derive(Clone, Debug, Serialize)]
pub struct InputsHealth {
    /// `degraded` for one hour after the last refusal.
    pub status: Condition,
    /// Inputs and rows of all accounts that the database refused or that could not be read.
    pub refused: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<LastRefused>,
}

/// The last refused input or row.
#[derive(Clone, Debug, Serialize)]
pub struct LastRefused {
    pub business_id: String,
    pub reason: String,
    pub seconds_ago: u64,
}

/// The last probe of the database and the state of the heartbeats.
#[derive(Clone, Debug, Serialize)]
pub struct DatabaseHealth {
    pub status: Condition,
    pub backend: &'static str,
    pub latency_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The lease, and the role of this process.
#[derive(Clone, Debug, Serialize)]
pub struct LeaseHealth {
    pub status: Condition,
    pub epoch: i64,
    /// The leader, while this process is a standby.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    pub takeovers: u64,
    /// One of the nine states with `--ha`; `active` or `suspect` on a `serve` host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// End of the permission to send that the last heartbeat granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// How the database server is reached, and how other processes detect the end of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// `lock`, `xact` or `poll`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liveness: Option<&'static str>,
}

/// The connections of the tenants that run here.
#[derive(Clone, Debug, Serialize)]
pub struct WhatsAppHealth {
    pub status: Condition,
    /// The state, such as `connected`, `connecting` or `stalled`, if this process runs one account.
    #[serde(flatten)]
    pub account: Option<AccountStatus>,
    pub tenants: u64,
    pub connected: u64,
}

/// The backlog of outgoing messages.
#[derive(Clone, Debug, Serialize)]
pub struct OutboxHealth {
    pub status: Condition,
    /// Messages that are not sent, or not acknowledged yet.
    pub waiting: u64,
    /// Age of the oldest one in seconds.
    pub oldest_s: f64,
}

/// The result of a probe of the database.
#[derive(Clone, Debug)]
struct Looked {
    at: Instant,
    latency: Duration,
    waiting: Result<Waiting, String>,
}

/// Answers health requests about a process.
#[derive(Debug)]
pub struct Health {
    app: Arc<App>,
    vitals: watch::Receiver<ProcessStatus>,
    stop: Stop,
    /// The last probe. The lock allows one probe at a time for all requests.
    looked: Mutex<Option<Looked>>,
}

impl Health {
    /// Reports on `app`; after a stop request, the role is `stopping`.
    pub fn new(app: Arc<App>, stop: Stop) -> Self {
        Self {
            vitals: app.vitals(),
            app,
            stop,
            looked: Mutex::default(),
        }
    }

    /// Returns the process's own state, without a probe of the database.
    pub fn vitals(&self) -> ProcessStatus {
        let mut vitals = self.vitals.borrow().clone();
        if self.stop.is_asked() {
            vitals.part = ProcessRole::Stopping;
        }
        vitals
    }

    /// Returns true if the process is alive.
    pub fn is_live(&self) -> bool {
        self.app.is_live()
    }

    /// Returns whether this process leads and may act, and its role.
    pub fn leads(&self) -> (bool, &'static str) {
        let vitals = self.vitals();
        let leads = matches!(vitals.part, ProcessRole::Leader | ProcessRole::Host);
        (leads && self.app.is_heard(&vitals), vitals.part.word())
    }

    /// Returns whether a rolling update may continue, and this process's role.
    pub fn is_well(&self) -> (bool, &'static str) {
        let vitals = self.vitals();
        let well = vitals.is_well() && self.app.is_heard(&vitals);
        (well, vitals.part.word())
    }

    /// Returns whether traffic may be routed here, and a text. A host that shares tenants answers
    /// for all of them from the rows, so it needs the database.
    pub async fn ready(&self) -> (bool, &'static str) {
        let vitals = self.vitals();
        match (vitals.serves(), vitals.part) {
            (true, _) if !self.app.is_heard(&vitals) => (false, "Not Ready - Database"),
            (true, ProcessRole::Host) if self.look().await.waiting.is_err() => {
                (false, "Not Ready - Database")
            }
            (true, ProcessRole::Host) => (true, "Ready"),
            (true, _) => (true, "Ready - Leader"),
            (false, ProcessRole::Leader) => (false, "Not Ready - Leader, not connected"),
            (false, ProcessRole::Standby) => (false, "Not Ready - Standby"),
            (false, ProcessRole::Stopping) => (false, "Not Ready - Stopping"),
            (false, _) => (false, "Not Ready"),
        }
    }

    /// Returns the health of all components.
    pub async fn report(&self) -> Report {
        let looked = self.look().await;
        let vitals = self.vitals();
        let clock = &*self.app.surroundings.clock;
        let components = Components {
            database: self.database(&vitals, &looked),
            lease: lease(&vitals, self.app.store.route()),
            outbox: outbox(clock, &vitals, &looked),
            whatsapp: whatsapp(&vitals),
            inputs: inputs(&self.app.metrics),
        };
        let all = [
            components.database.status,
            components.lease.status,
            components.whatsapp.status,
            components.outbox.status,
            components.inputs.status,
        ];
        Report {
            status: match all.into_iter().max() {
                Some(Condition::Off) | None => Condition::Ok,
                Some(worst) => worst,
            },
            business_id: vitals.tenant.as_ref().map(ToString::to_string),
            role: vitals.part.word(),
            epoch: vitals.epoch,
            components,
        }
    }

    /// Checks that the database answers and accepts heartbeats.
    fn database(&self, vitals: &ProcessStatus, looked: &Looked) -> DatabaseHealth {
        let works = vitals.part != ProcessRole::Starting;
        let unheard = (works && !self.app.is_heard(vitals)).then(|| {
            let age = self.app.store.heartbeat_age().unwrap_or_default();
            format!("no heartbeat was stored for {} s", age.as_secs())
        });
        let error = looked.waiting.clone().err().or(unheard);
        DatabaseHealth {
            status: condition(error.is_none()),
            backend: self.app.store.backend(),
            latency_ms: u64::try_from(looked.latency.as_millis()).unwrap_or(u64::MAX),
            error,
        }
    }

    /// Returns all metrics as text. Without `names`, no label names a tenant.
    pub async fn metrics(&self, format: Format, names: bool) -> String {
        let looked = self.look().await;
        let vitals = self.vitals();
        let mut now = vec![vitals.part.word()];
        let mut all = PARTS.to_vec();
        if let Some(lease) = &vitals.lease {
            now.push(lease.state);
            all.extend(State::ALL.map(State::word));
        }
        self.app.metrics.state(&now, &all);
        let clock = &*self.app.surroundings.clock;
        let lag = timeout(PROBE_TIME_MAX, self.app.store.webhooks_lag()).await;
        let webhooks = match lag {
            Ok(Ok((since_ms, messages))) => Some(Waiting { messages, since_ms }),
            Ok(Err(_)) | Err(_) => None,
        };
        let levels = Levels {
            webhooks: webhooks.map(|waiting| {
                let (dead, age_s) = backlog(clock, &waiting);
                (age_s, dead)
            }),
            tenants: vitals.tenants,
            connected: vitals.connected,
            database: self.asked(),
            outbox: looked.waiting.ok().map(|waiting| backlog(clock, &waiting)),
        };
        self.app.metrics.text(format, &levels, names)
    }

    fn asked(&self) -> Asked {
        let QueryCounts {
            statements,
            waits,
            writes,
            transactions,
        } = self.app.store.work();
        Asked {
            statements,
            waits,
            writes,
            transactions,
        }
    }

    /// Returns a recent probe, or probes the database if the last probe is older than
    /// [`PROBE_AGE_MAX`].
    async fn look(&self) -> Looked {
        let mut last = self.looked.lock().await;
        if let Some(looked) = last.as_ref()
            && looked.at.elapsed() < PROBE_AGE_MAX
        {
            return looked.clone();
        }
        let begun = Instant::now();
        let tenant = self.vitals.borrow().tenant.clone();
        let asked = timeout(PROBE_TIME_MAX, async {
            let begun = Instant::now();
            self.app.store.probe().await?;
            let latency = begun.elapsed();
            let waiting = self.app.store.waiting(tenant.as_ref()).await?;
            Ok::<_, StoreError>((latency, waiting))
        });
        let (latency, waiting) = match asked.await {
            Ok(Ok((latency, waiting))) => (latency, Ok(waiting)),
            Ok(Err(error)) => (begun.elapsed(), Err(explained(&error))),
            Err(_) => (begun.elapsed(), Err(String::from("no answer in time"))),
        };
        self.app.metrics.query("probe", latency);
        let looked = Looked {
            at: Instant::now(),
            latency,
            waiting,
        };
        *last = Some(looked.clone());
        looked
    }
}

fn condition(ok: bool) -> Condition {
    if ok {
        Condition::Ok
    } else {
        Condition::Failing
    }
}

fn lease(vitals: &ProcessStatus, route: Option<&ConnectionProfile>) -> LeaseHealth {
    let lease = vitals.lease.as_ref();
    let suspect = lease.is_some_and(|lease| lease.state == State::Suspect.word());
    LeaseHealth {
        status: match vitals.part {
            // This state is temporary: heartbeats resume, or the lease ends.
            ProcessRole::Leader | ProcessRole::Host if suspect => Condition::Degraded,
            ProcessRole::Leader | ProcessRole::Host | ProcessRole::Standby => Condition::Ok,
            ProcessRole::Starting | ProcessRole::Fenced | ProcessRole::Stopping => {
                Condition::Failing
            }
        },
        epoch: vitals.epoch,
        holder: vitals.holder.clone(),
        takeovers: vitals.takeovers,
        state: lease.map(|lease| lease.state),
        since: lease.map(|lease| lease.since.clone()),
        deadline: lease.and_then(|lease| lease.deadline.clone()),
        reason: lease.and_then(|lease| lease.reason),
        route: route.map(ToString::to_string),
        liveness: route.map(|route| route.liveness.name()),
    }
}

/// Returns the health of the connections. A single account must be connected. Of many accounts, at
/// least one must be: one that is logged out does not make the process unhealthy.
fn whatsapp(vitals: &ProcessStatus) -> WhatsAppHealth {
    let status = match vitals.part {
        ProcessRole::Leader => condition(vitals.connected == vitals.tenants),
        ProcessRole::Host if vitals.tenants == 0 => Condition::Off,
        ProcessRole::Host if vitals.connected == 0 => Condition::Failing,
        ProcessRole::Host if vitals.connected < vitals.tenants => Condition::Degraded,
        ProcessRole::Host => Condition::Ok,
        _ => Condition::Off,
    };
    WhatsAppHealth {
        status,
        account: vitals.account.clone(),
        tenants: vitals.tenants,
        connected: vitals.connected,
    }
}

fn outbox(clock: &dyn Clock, vitals: &ProcessStatus, looked: &Looked) -> OutboxHealth {
    let backlog = looked
        .waiting
        .as_ref()
        .map(|waiting| backlog(clock, waiting));
    let (waiting, oldest_s) = backlog.unwrap_or_default();
    let works = matches!(vitals.part, ProcessRole::Leader | ProcessRole::Host);
    OutboxHealth {
        status: match works {
            true if OUTBOX_AGE_S_MAX < oldest_s => Condition::Degraded,
            true => Condition::Ok,
            false => Condition::Off,
        },
        waiting,
        oldest_s,
    }
}

/// Reports refused inputs for an hour, so that an operator can notice them.
fn inputs(metrics: &Metrics) -> InputsHealth {
    let (refused, last) = metrics.refusals();
    let lately = last
        .as_ref()
        .is_some_and(|last| last.at.elapsed() < REFUSED_TIME_MAX);
    InputsHealth {
        status: match lately {
            true => Condition::Degraded,
            false => Condition::Ok,
        },
        refused,
        last: last.map(|last| LastRefused {
            business_id: last.business_id,
            reason: last.reason,
            seconds_ago: last.at.elapsed().as_secs(),
        }),
    }
}

/// Returns the number of waiting messages, and the age of the oldest in seconds.
fn backlog(clock: &dyn Clock, waiting: &Waiting) -> (u64, f64) {
    let age_ms = waiting.since_ms.map_or(0, |since| clock.unix_ms() - since);
    let age_ms = u32::try_from(age_ms.max(0)).unwrap_or(u32::MAX);
    let messages = u64::try_from(waiting.messages).unwrap_or_default();
    (messages, f64::from(age_ms) / 1_000.0)
}
