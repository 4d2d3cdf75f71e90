//! Metrics of one process, under the names that existing dashboards use.
//!
//! There is no global state: the app owns one set of instruments, and gives each account a
//! [`Meter`]. The number of label values is bounded by the tenants that run in this process. When a
//! tenant leaves, its series are removed.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

use crate::ids::TenantId;

/// From a fast round trip to the time that an account waits for its database, in seconds.
const QUERY_BUCKETS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0, 10.0];
/// From a link that ends at once to one that lasts a day, in seconds.
const CONNECTION_BUCKETS: [f64; 7] = [1.0, 10.0, 60.0, 600.0, 3_600.0, 21_600.0, 86_400.0];
/// From the answer of a nearby server to the time after which a link counts as stalled, in seconds.
const ACK_BUCKETS: [f64; 9] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
/// From a released lock to a network partition that must time out, in seconds.
const TAKEOVER_BUCKETS: [f64; 9] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0];

/// The outcomes of a delivery attempt.
const OUTCOMES: [&str; 6] = [
    "delivered",
    "rejected",
    "timed_out",
    "forbidden",
    "unreachable",
    "dead",
];
/// The missing signals of a stalled session, and the steps taken against it.
const SIGNS: [&str; 3] = ["no_acks", "offline_queue", "no_answers"];
const STEPS: [&str; 3] = ["reconnect", "reload", "hand_over"];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTenant {
    business_id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfQuery {
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStall {
    sign: &'static str,
    step: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfState {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfBuild {
    version: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    outcome: &'static str,
}

type Seconds = Counter<f64, AtomicU64>;
type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// All instruments of a process. Clones are cheap and share the numbers.
#[derive(Clone)]
pub struct Metrics(Arc<Instruments>);

struct Instruments {
    registry: Registry,
    tenants: Gauge,
    connected: Gauge,
    received: Family<OfTenant, Counter>,
    connection: Histograms<OfTenant>,
    failovers: Counter,
    queries: Histograms<OfQuery>,
    state: Family<OfState, Gauge>,
    epoch: Family<OfTenant, Gauge>,
    takeover: Histogram,
    fenced: Counter,
    suspect: Seconds,
    outbox: Gauge,
    outbox_age: Gauge<f64, AtomicU64>,
    ack: Histogram,
    stalls: Family<OfStall, Counter>,
    stalled: Gauge,
    /// Statements, waits, rows written, and transactions that wrote.
    database: [Counter; 4],
    enabled: Gauge,
    orphaned: Gauge,
    deliveries: Family<OfOutcome, Counter>,
    webhook_lag: Gauge<f64, AtomicU64>,
    dead_letters: Gauge,
    refused: Counter,
    last_refusal: Mutex<Option<Refusal>>,
}

/// An input whose changes the database refused, or a row that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The account's tenant.
    pub business_id: String,
    pub reason: String,
    pub at: Instant,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut all = Instruments {
            registry: Registry::default(),
            tenants: Gauge::default(),
            connected: Gauge::default(),
            received: Family::default(),
            connection: Family::new_with_constructor(|| Histogram::new(CONNECTION_BUCKETS)),
            failovers: Counter::default(),
            queries: Family::new_with_constructor(|| Histogram::new(QUERY_BUCKETS)),
            state: Family::default(),
            epoch: Family::default(),
            takeover: Histogram::new(TAKEOVER_BUCKETS),
            fenced: Counter::default(),
            suspect: Seconds::default(),
            outbox: Gauge::default(),
            outbox_age: Gauge::default(),
            ack: Histogram::new(ACK_BUCKETS),
            stalls: Family::default(),
            stalled: Gauge::default(),
            database: Default::default(),
            enabled: Gauge::default(),
            orphaned: Gauge::default(),
            deliveries: Family::default(),
            webhook_lag: Gauge::default(),
            dead_letters: Gauge::default(),
            refused: Counter::default(),
            last_refusal: Mutex::default(),
        };
        // Creates all series with zero. Monitoring does not see the first increase of a series that
        // appears with it.
        for outcome in OUTCOMES {
            drop(all.deliveries.get_or_create(&OfOutcome { outcome }));
        }
        for sign in SIGNS {
            for step in STEPS {
                drop(all.stalls.get_or_create(&OfStall { sign, step }));
            }
        }
        all.register_known();
        all.register_own();
        Self(Arc::new(all))
    }
}

impl Instruments {
    /// Registers the metrics of whatsmeow's deployment guide. The encoder appends `_total` to
    /// counters.
    fn register_known(&mut self) {
        let registry = &mut self.registry;
        let (tenants, connected) = (self.tenants.clone(), self.connected.clone());
        let help = "Tenants that this process runs; 0 on a standby";
        registry.register("whatsmeow_tenants_total", help, tenants);
        let help = "Tenants that this process runs and that are connected to WhatsApp";
        registry.register("whatsmeow_tenants_connected", help, connected);
        let help = "Incoming messages stored; repeated deliveries do not count";
        registry.register("whatsmeow_messages_received", help, self.received.clone());
        let help = "Duration of connections to WhatsApp, from login to the end";
        let connection = self.connection.clone();
        registry.register("whatsmeow_connection_duration_seconds", help, connection);
        let help = "Leases that this process took over from another process";
        registry.register("whatsmeow_failover", help, self.failovers.clone());
        let help = "Duration of database calls, by operation";
        let queries = self.queries.clone();
        registry.register("whatsmeow_db_query_duration_seconds", help, queries);
    }

    fn register_own(&mut self) {
        let registry = &mut self.registry;
        let build = Family::<OfBuild, Gauge>::default();
        let version = env!("CARGO_PKG_VERSION");
        build.get_or_create(&OfBuild { version }).set(1);
        registry.register(
            "wmctl_build_info",
            "Version of this binary; always 1",
            build,
        );
        let help = "1 for the current role and, with --ha, the current state of the lease; else 0";
        registry.register("wmctl_state", help, self.state.clone());
        let help = "Epoch of the lease that this process holds";
        registry.register("wmctl_lease_epoch", help, self.epoch.clone());
        let help = "Duration of takeovers, from claiming the lease to being active";
        let takeover = self.takeover.clone();
        registry.register("wmctl_takeover_duration_seconds", help, takeover);
        let help = "Writes refused because another process holds the lease";
        registry.register("wmctl_fenced_writes", help, self.fenced.clone());
        let help = "Seconds in which the lease was in doubt and nothing was sent";
        registry.register("wmctl_suspect_seconds", help, self.suspect.clone());
        let help = "Outgoing messages that WhatsApp has not acknowledged";
        registry.register("wmctl_outbox_messages", help, self.outbox.clone());
        let help = "Age of the oldest of these messages";
        registry.register("wmctl_outbox_age_seconds", help, self.outbox_age.clone());
        let help = "Time from sending a message to WhatsApp's acknowledgement";
        registry.register("wmctl_ack_duration_seconds", help, self.ack.clone());
        let help = "Stalled sessions, by the missing signal and the step taken";
        registry.register("wmctl_stalls", help, self.stalls.clone());
        let help = "Sessions that are stalled: pings are answered, nothing else";
        registry.register("wmctl_sessions_stalled", help, self.stalled.clone());
        let named = [
            ("wmctl_db_statements", "Database statements for accounts"),
            ("wmctl_db_waits", "Round trips to the database for accounts"),
            ("wmctl_db_writes", "Rows written for accounts"),
            ("wmctl_db_transactions", "Writing transactions for accounts"),
        ];
        for ((name, help), counter) in named.into_iter().zip(&self.database) {
            registry.register(name, help, counter.clone());
        }
        let help = "Inputs that became `refused` events, and rows that cannot be read";
        registry.register("wmctl_refused", help, self.refused.clone());
        let help = "Tenants in the database that should run";
        registry.register("wmctl_tenants_enabled", help, self.enabled.clone());
        let help = "Tenants in the database that should run and that no process runs";
        registry.register("wmctl_tenants_orphaned", help, self.orphaned.clone());
        self.register_webhooks();
    }

    /// Registers metrics without tenant labels: `wmctl webhooks list` shows each tenant's numbers.
    fn register_webhooks(&mut self) {
        let registry = &mut self.registry;
        let help = "Events delivered to webhooks, failed attempts, and dead letters, by outcome";
        registry.register("wmctl_webhook_deliveries", help, self.deliveries.clone());
        let help = "Age of the oldest event in the database that a webhook has not received";
        registry.register("wmctl_webhook_lag_seconds", help, self.webhook_lag.clone());
        let help = "Dead letters in the database";
        registry.register(
            "wmctl_webhook_dead_letters",
            help,
            self.dead_letters.clone(),
        );
    }
}

/// Values that are read at the time of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Levels {
    pub tenants: u64,
    pub connected: u64,
    /// Waiting messages and the age of the oldest one in seconds; `None` if the database did not
    /// answer.
    pub outbox: Option<(u64, f64)>,
    /// Age of the oldest undelivered event in seconds, and the number of dead letters; `None`
    /// likewise.
    pub webhooks: Option<(f64, u64)>,
    pub database: Asked,
}

/// Database work on behalf of accounts since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub statements: u64,
    pub waits: u64,
    pub writes: u64,
    pub transactions: u64,
}

/// The output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0, which Prometheus requests.
    Open,
    /// The text format 0.0.4, for all other clients.
    Text,
}

impl Format {
    /// Returns the value for `content-type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Open => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// Selects the format for an `accept` header.
    pub fn accepted(accept: &str) -> Self {
        match accept.contains("application/openmetrics-text") {
            true => Self::Open,
            false => Self::Text,
        }
    }
}

fn level(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Metrics {
    /// Returns the number of refused inputs and rows, and the last of them.
    pub fn refusals(&self) -> (u64, Option<Refusal>) {
        let last = &self.0.last_refusal;
        let last = last.lock().unwrap_or_else(PoisonError::into_inner);
        (self.0.refused.get(), last.clone())
    }

    /// Returns all metrics as text; without `names`, no series that names a tenant.
    pub fn text(&self, format: Format, levels: &Levels, names: bool) -> String {
        let all = &self.0;
        all.tenants.set(level(levels.tenants));
        all.connected.set(level(levels.connected));
        if let Some((waiting, age_s)) = levels.outbox {
            all.outbox.set(level(waiting));
            all.outbox_age.set(age_s);
        }
        if let Some((age_s, dead)) = levels.webhooks {
            all.webhook_lag.set(age_s);
            all.dead_letters.set(level(dead));
        }
        let asked = levels.database;
        let counts = [
            asked.statements,
            asked.waits,
            asked.writes,
            asked.transactions,
        ];
        for (counter, count) in all.database.iter().zip(counts) {
            counter.inner().store(count, Ordering::Relaxed);
        }
        let mut written = String::new();
        if text::encode(&mut written, &all.registry).is_err() {
            // Writing to a string cannot fail; the affected metric would be missing.
            tracing::error!("a metric could not be written");
        }
        if !names {
            let nameless = |line: &&str| !line.contains("business_id=\"");
            let lines = written.lines().filter(nameless);
            written = lines.flat_map(|line| [line, "\n"]).collect();
        }
        match format {
            Format::Open => written,
            Format::Text => plain(&written),
        }
    }

    /// Returns the instruments of one account.
    pub fn meter(&self, tenant: &TenantId) -> Meter {
        let label = of(tenant);
        Meter {
            business_id: label.business_id.clone(),
            received: self.0.received.get_or_create(&label).clone(),
            connection: self.0.connection.get_or_create(&label).clone(),
            all: self.clone(),
        }
    }

    /// Removes the series of a tenant that no longer runs here.
    pub fn forget(&self, tenant: &TenantId) {
        let label = of(tenant);
        self.0.received.remove(&label);
        self.0.connection.remove(&label);
        self.0.epoch.remove(&label);
    }

    /// Records the epoch of the lease held for a tenant.
    pub fn lease(&self, tenant: &TenantId, epoch: i64) {
        self.0.epoch.get_or_create(&of(tenant)).set(epoch);
    }

    /// Removes the epoch of a lease that is no longer held.
    pub fn lease_ended(&self, tenant: &TenantId) {
        self.0.epoch.remove(&of(tenant));
    }

    /// Counts leases taken over from another process.
    pub fn took_over(&self, leases: u64) {
        self.0.failovers.inc_by(leases);
    }

    /// Records the time from the claim of another process's lease to an active account.
    pub fn takeover_took(&self, took: Duration) {
        self.0.takeover.observe(took.as_secs_f64());
    }

    /// Records the tenants of the whole database that are enabled, and those without a live host.
    pub fn fleet(&self, enabled: usize, orphaned: usize) {
        let level = |count| i64::try_from(count).unwrap_or(i64::MAX);
        self.0.enabled.set(level(enabled));
        self.0.orphaned.set(level(orphaned));
    }

    /// Counts delivered events, or failed attempts, by outcome.
    pub fn delivered(&self, outcome: &'static str, events: u64) {
        let count = self.0.deliveries.get_or_create(&OfOutcome { outcome });
        count.inc_by(events);
    }

    /// Counts events that became dead letters because too many were undelivered.
    pub fn buried(&self, events: u64) {
        if 0 < events {
            self.delivered("dead", events);
        }
    }

    /// Adds the duration of a suspect lease.
    pub fn suspected(&self, time: Duration) {
        self.0.suspect.inc_by(time.as_secs_f64());
    }

    /// Sets the states in `now` to 1, and the others in `all` to 0.
    pub fn state(&self, now: &[&'static str], all: &[&'static str]) {
        for one in all {
            let is = i64::from(now.contains(one));
            self.0.state.get_or_create(&OfState { state: one }).set(is);
        }
    }

    /// Records the duration of a database call.
    pub fn query(&self, operation: &'static str, took: Duration) {
        let query = self.0.queries.get_or_create(&OfQuery { operation });
        query.observe(took.as_secs_f64());
    }
}

fn of(tenant: &TenantId) -> OfTenant {
    OfTenant {
        business_id: tenant.to_string(),
    }
}

/// The instruments of one account.
#[derive(Clone, Debug)]
pub struct Meter {
    business_id: String,
    all: Metrics,
    received: Counter,
    connection: Histogram,
}

impl Default for Meter {
    /// Returns a meter that is not exported.
    fn default() -> Self {
        Self {
            business_id: String::new(),
            all: Metrics::default(),
            received: Counter::default(),
            connection: Histogram::new(CONNECTION_BUCKETS),
        }
    }
}

impl Meter {
    /// Returns the account's tenant.
    pub fn business_id(&self) -> &str {
        &self.business_id
    }

    /// Counts an input that the database refused, or a row that could not be read.
    pub fn refused(&self, reason: &str) {
        let instruments = &self.all.0;
        instruments.refused.inc();
        let last = Refusal {
            business_id: self.business_id.clone(),
            reason: reason.to_owned(),
            at: Instant::now(),
        };
        let slot = &instruments.last_refusal;
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
    }

    /// Counts messages that were stored for the first time.
    pub fn received(&self, messages: u64) {
        self.received.inc_by(messages);
    }

    /// Records the duration of a connection, from login to its end.
    pub fn connected(&self, time: Duration) {
        self.connection.observe(time.as_secs_f64());
    }

    /// Records the duration of a database call.
    pub fn query(&self, operation: &'static str, took: Duration) {
        self.all.query(operation, took);
    }

    /// Counts a write that was refused because another process holds the lease.
    pub fn fenced(&self) {
        self.all.0.fenced.inc();
    }

    /// Records the time from sending a message to its acknowledgement.
    pub fn acknowledged(&self, after: Duration) {
        self.all.0.ack.observe(after.as_secs_f64());
    }

    /// Counts a stalled session by the missing signal and the step taken. The session counts as
    /// stalled until the returned value is dropped.
    pub fn stalled(&self, sign: &'static str, step: &'static str) -> Stalled {
        self.all
            .0
            .stalls
            .get_or_create(&OfStall { sign, step })
            .inc();
        let gauge = self.all.0.stalled.clone();
        gauge.inc();
        Stalled(gauge)
    }
}

/// Counts a session as stalled until it is dropped.
#[derive(Debug)]
pub struct Stalled(Gauge);

impl Drop for Stalled {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Converts OpenMetrics to the older text format. There, comments also use a counter's `_total`
/// name, and no line marks the end.
fn plain(open: &str) -> String {
    let mut text = String::with_capacity(open.len());
    let counters: Vec<&str> = open
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    for line in open.lines().filter(|line| *line != "# EOF") {
        let mut words = line.splitn(4, ' ');
        let head = (words.next(), words.next(), words.next(), words.next());
        match head {
            (Some("#"), Some(word @ ("HELP" | "TYPE")), Some(name), Some(rest))
                if counters.contains(&name) =>
            {
                text.push_str(&format!("# {word} {name}_total {rest}"));
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(format: Format) -> String {
        let metrics = Metrics::default();
        let tenant: TenantId = "acme".parse().unwrap();
        let meter = metrics.meter(&tenant);
        meter.received(3);
        metrics.lease(&tenant, 42);
        drop(meter.stalled("no_acks", "reconnect"));
        let levels = Levels {
            tenants: 2,
            connected: 1,
            outbox: Some((5, 1.5)),
            webhooks: Some((2.5, 3)),
            database: Asked {
                statements: 40,
                waits: 7,
                writes: 21,
                transactions: 3,
            },
        };
        metrics.delivered("delivered", 4);
        metrics.text(format, &levels, true)
    }

    #[test]
    fn both_formats_have_the_names_that_dashboards_know() {
        for (format, counter) in [
            (Format::Open, "# TYPE whatsmeow_messages_received counter"),
            (
                Format::Text,
                "# TYPE whatsmeow_messages_received_total counter",
            ),
        ] {
            let text = shown(format);
            for line in [
                counter,
                "whatsmeow_messages_received_total{business_id=\"acme\"} 3",
                "# TYPE whatsmeow_tenants_total gauge",
                "whatsmeow_tenants_total 2",
                "whatsmeow_tenants_connected 1",
                "wmctl_db_statements_total 40",
                "wmctl_db_waits_total 7",
                "wmctl_db_writes_total 21",
                "wmctl_db_transactions_total 3",
                "whatsmeow_failover_total 0",
                "wmctl_lease_epoch{business_id=\"acme\"} 42",
                "wmctl_stalls_total{sign=\"no_acks\",step=\"reconnect\"} 1",
                "wmctl_stalls_total{sign=\"no_answers\",step=\"hand_over\"} 0",
                "wmctl_webhook_deliveries_total{outcome=\"dead\"} 0",
                "wmctl_sessions_stalled 0",
                "wmctl_outbox_age_seconds 1.5",
                "wmctl_webhook_deliveries_total{outcome=\"delivered\"} 4",
                "wmctl_webhook_lag_seconds 2.5",
                "wmctl_webhook_dead_letters 3",
            ] {
                assert!(text.lines().any(|found| found == line), "{line}\n{text}");
            }
            assert_eq!(text.ends_with("# EOF\n"), format == Format::Open);
        }
    }

    #[test]
    fn whoever_may_not_know_tenants_sees_no_name() {
        let metrics = Metrics::default();
        let tenant: TenantId = "acme".parse().unwrap();
        metrics.meter(&tenant).received(1);
        let text = metrics.text(Format::Open, &Levels::default(), false);
        assert!(!text.contains("acme"), "{text}");
        assert!(text.contains("\nwhatsmeow_failover_total 0\n"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn a_tenant_that_leaves_takes_its_series_along() {
        let metrics = Metrics::default();
        for number in 0..1_000 {
            let tenant: TenantId = format!("t{number}").parse().unwrap();
            metrics.meter(&tenant).received(1);
            metrics.lease(&tenant, 1);
            metrics.forget(&tenant);
        }
        let text = metrics.text(Format::Open, &Levels::default(), true);
        assert!(!text.contains("business_id"), "{text}");
    }
}
