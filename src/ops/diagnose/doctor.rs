//! Checks everything that wmctl depends on. Changes nothing.

use std::collections::BTreeMap;
use std::fmt;

use futures_util::future::join_all;
use serde::Serialize;
use tokio::time::Instant;

use crate::app::App;
use crate::app::shapes::time;
use crate::config::postgres::TlsMode;
use crate::config::proxy::Proxy;
use crate::config::{DatabaseUrl, WhatsAppServer};
use crate::engine::leased::explained;
use crate::ids::TenantId;
use crate::net::dial::{DialError, Dialer};
use crate::net::proxy::AddressScope;
use crate::ops::diagnose::db::connections;
use crate::ops::diagnose::locks;
use crate::ops::logs;
use crate::store::db::pooling::{ConnectionProfile, Liveness, Pooling};
use crate::store::error::StoreError;
use crate::store::inspect::server::ServerFacts;
use crate::store::migrate::SCHEMA_VERSION;
use crate::store::tenants::TenantSummary;

/// Clock differences above this value are reported (ms).
const SKEW_MS_MAX: i64 = 2_000;
/// Restores older than this are not reported (ms).
const RESTORE_AGE_MS: i64 = 7 * 24 * 3_600_000;
/// Errors older than this are not reported (ms).
const ERROR_AGE_MS: i64 = 3_600_000;
/// Database round trips above this value are reported (µs).
const ROUND_TRIP_US_MAX: u64 = 50_000;
/// Tenants that are read per page.
const TENANTS_PAGE: u32 = 500;
/// Proxies of tenants that are tried, all at the same time.
const PROXIES_MAX: usize = 16;

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    Ok,
    /// Works now, but may stop working.
    Warning,
    Failed,
    /// Nothing to check.
    Skipped,
}

/// One check and its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Name of the check.
    pub check: &'static str,
    pub state: CheckState,
    /// Description of the result.
    pub found: String,
    /// Suggested action, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Check {
    pub fn new(check: &'static str, state: CheckState, found: impl fmt::Display) -> Self {
        Self {
            check,
            state,
            found: found.to_string(),
            hint: None,
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Runs all checks that read the database.
pub async fn rows(app: &App) -> Vec<Check> {
    let facts = match app.store.server_facts().await {
        Ok(facts) => facts,
        Err(error) => return vec![broken("database", &error)],
    };
    let mut checks = vec![database(app, &facts).await];
    checks.extend(schema(app).await);
    if let Some(route) = app.store.route() {
        checks.push(pooler(route));
        let waiting = app.store.waiting_for_copies().await.unwrap_or_default();
        checks.push(replication(&facts, waiting));
        checks.push(server_log(&facts));
    }
    checks.push(clock(&facts, app.surroundings.clock.unix_ms()));
    if !checks
        .iter()
        .any(|check| check.check == "schema" && check.state == CheckState::Failed)
    {
        checks.push(connections_left(app).await);
        checks.extend(tenants(app).await);
        // An SQLite file older than event logs must not be migrated by a check.
        if app.store.check_schema().await.is_ok() {
            checks.extend(restores(app).await);
        }
    }
    checks
}

/// How the tenants that should run reach WhatsApp.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// Some have no proxy of their own, or nothing is known of any.
    direct: bool,
    /// Each proxy, as it was set, with the tenants that use it.
    proxies: BTreeMap<String, Vec<TenantId>>,
}

impl Ways {
    /// Without a proxy of any tenant.
    pub fn direct() -> Self {
        Self {
            direct: true,
            ..Self::default()
        }
    }
}

/// How the tenants of a database reach WhatsApp; as the process does, where it cannot be read.
pub async fn ways(app: &App) -> Ways {
    let (mut ways, mut after) = (Ways::default(), String::new());
    loop {
        let Ok(page) = app.store.overview(&after, TENANTS_PAGE).await else {
            return Ways::direct();
        };
        let runs = |one: &&TenantSummary| one.desired.enabled && one.jid.is_some();
        for tenant in page.iter().filter(runs) {
            match &tenant.desired.launch.proxy {
                None => ways.direct = true,
                Some(proxy) => {
                    let users = ways.proxies.entry(proxy.clone()).or_default();
                    users.push(tenant.tenant.clone());
                }
            }
        }
        match page.last() {
            Some(last) if page.len() == TENANTS_PAGE as usize => after = last.tenant.to_string(),
            _ => break,
        }
    }
    ways.direct |= ways.proxies.is_empty();
    ways
}

/// Whether the server answers, each way that tenants go. A refusal is something that was found.
pub async fn networks(server: &WhatsAppServer, ways: &Ways, private_proxies: bool) -> Vec<Check> {
    let reach = match private_proxies {
        true => AddressScope::Private,
        false => AddressScope::Public,
    };
    let own = ways.direct.then(|| Dialer::new(server));
    let own = own.map(|dialer| answers(dialer, String::new(), "this machine must reach it".into()));
    let tenants = ways.proxies.iter().take(PROXIES_MAX).map(|(proxy, users)| {
        let whose = match users.as_slice() {
            [only] => only.to_string(),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
            [] => String::new(),
        };
        let proxy: Result<Proxy, _> = proxy.parse();
        let dialer = match proxy {
            Ok(proxy) => Dialer::new(server).map(|dialer| dialer.through(proxy, reach)),
            Err(source) => Err(DialError::Proxy {
                named_by: String::from("its proxy"),
                source,
            }),
        };
        let first = users.first().map_or("NAME", TenantId::as_str);
        let hint = format!("`wmctl tenants add {first} --proxy URL` sets another proxy");
        answers(dialer, format!("{whose}: "), hint)
    });
    let mut checks = join_all(tenants).await;
    if let Some(own) = own {
        checks.insert(0, own.await);
    }
    if PROXIES_MAX < ways.proxies.len() {
        let left = ways.proxies.len() - PROXIES_MAX;
        let found = format!("{left} more proxies of tenants were not tried");
        checks.push(Check::new("network", CheckState::Skipped, found));
    }
    checks
}

/// Whether the server answers one way; `whose` begins the line.
async fn answers(dialer: Result<Dialer, DialError>, whose: String, hint: String) -> Check {
    let begun = Instant::now();
    let dialled = match &dialer {
        Ok(dialer) => dialer.dial().await.map(|_| dialer),
        Err(error) => {
            let found = format!("{whose}{}", explained(error));
            return Check::new("network", CheckState::Failed, found).hint(hint);
        }
    };
    let ms = begun.elapsed().as_millis();
    match dialled {
        Ok(dialer) => {
            let proxy = dialer.proxy();
            let through = proxy.map_or_else(String::new, |proxy| format!(" through {proxy}"));
            let host = dialer.host();
            let found = format!("{whose}{host} answers after {ms} ms{through}");
            Check::new("network", CheckState::Ok, found)
        }
        Err(error) => {
            let found = format!("{whose}{}", explained(&error));
            Check::new("network", CheckState::Failed, found).hint(hint)
        }
    }
}

fn broken(check: &'static str, error: &dyn std::error::Error) -> Check {
    Check::new(check, CheckState::Failed, explained(error))
}

async fn database(app: &App, facts: &ServerFacts) -> Check {
    let ms = facts.round_trip_us as f64 / 1_000.0;
    let DatabaseUrl::Postgres(url) = &app.settings.database else {
        let found = format!("sqlite {}, {ms:.1} ms", facts.version);
        return Check::new("database", CheckState::Ok, found);
    };
    let mode = app.store.route().map_or(TlsMode::Prefer, |route| route.tls);
    let tls = match &facts.tls {
        Some(version) => format!("{version} {}", mode.name()),
        None => String::from("not encrypted"),
    };
    let host = url.host.as_deref().unwrap_or("localhost");
    let near = host.starts_with('/') || ["localhost", "127.0.0.1", "::1"].contains(&host);
    let sees = if facts.unrestricted {
        "every tenant"
    } else {
        "tenants of its own"
    };
    let found = format!(
        "postgres {}, {ms:.1} ms, {tls}, role {} sees {sees}",
        facts.version, facts.role
    );
    let check = |state| Check::new("database", state, &found);
    if facts.is_copy {
        return check(CheckState::Failed)
            .hint("this is a read-only replica: connect to the primary");
    }
    if facts.encoding != "UTF8" {
        let found = format!("{found}, encoded in {}", facts.encoding);
        return Check::new("database", CheckState::Failed, found)
            .hint("wmctl needs UTF8: CREATE DATABASE NAME ENCODING 'UTF8' TEMPLATE template0");
    }
    if facts.read_only {
        return check(CheckState::Failed).hint(
            "default_transaction_read_only is on, so that wmctl cannot store anything: is the \
             server's disk full?",
        );
    }
    if facts.tls.is_none() && !near {
        return check(CheckState::Warning)
            .hint("use sslmode=verify-full to encrypt the connection");
    }
    if mode == TlsMode::VerifyCa && !near {
        return check(CheckState::Warning)
            .hint("this sslmode does not verify the name of the server: use verify-full");
    }
    let unverified = mode != TlsMode::VerifyFull;
    if unverified && !near {
        return check(CheckState::Warning).hint(
            "this sslmode accepts any certificate: use verify-full, with sslrootcert if needed",
        );
    }
    if ROUND_TRIP_US_MAX < facts.round_trip_us {
        return check(CheckState::Warning).hint("each message takes at least two round trips");
    }
    check(CheckState::Ok)
}

async fn schema(app: &App) -> Option<Check> {
    let migrations = match app.store.migrations().await {
        Ok(migrations) => migrations,
        Err(error) => return Some(broken("schema", &error)),
    };
    let applied = migrations.iter().filter(|one| one.applied_ms.is_some());
    let found = format!(
        "{} of {SCHEMA_VERSION} migrations are applied",
        applied.count()
    );
    let embedded = app.store.route().is_none();
    Some(match app.store.check_schema().await {
        Ok(()) => Check::new("schema", CheckState::Ok, found),
        Err(StoreError::Schema { found: old, wanted }) if old < wanted && embedded => {
            Check::new("schema", CheckState::Warning, found)
                .hint("the next command that writes applies the rest")
        }
        Err(StoreError::Schema { found: old, wanted }) if old < wanted => {
            Check::new("schema", CheckState::Failed, found).hint("wmctl migrate up")
        }
        Err(error @ StoreError::ForeignRecords { .. }) => {
            Check::new("schema", CheckState::Failed, format!("{found}: {error}"))
                .hint("stop the program that uses it, then run `wmctl migrate up`")
        }
        Err(error) => Check::new("schema", CheckState::Failed, format!("{found}: {error}"))
            .hint("another build of wmctl made this schema: use that build"),
    })
}

async fn connections_left(app: &App) -> Check {
    match connections::connections(app).await {
        Err(error) => broken("connections", &error),
        Ok(found) => match (found.usable, found.problems.first()) {
            (None, _) => Check::new(
                "connections",
                CheckState::Skipped,
                "an SQLite file has no connection limit",
            ),
            (Some(usable), problem) => {
                let told = format!("{} of {usable}", found.connections);
                match problem {
                    None => Check::new("connections", CheckState::Ok, told),
                    Some(problem) => {
                        Check::new("connections", CheckState::Warning, told).hint(problem.clone())
                    }
                }
            }
        },
    }
}

fn pooler(route: &ConnectionProfile) -> Check {
    let found = match route.pooling {
        Pooling::Direct => String::from("no pooler"),
        _ => route.to_string(),
    };
    match (route.lock_pooling, route.liveness) {
        (_, Liveness::Counter) => Check::new("pooler", CheckState::Warning, found).hint(
            "this pooler keeps no lock, so that a takeover waits for the timeout: set \
             --lock-database-url to a direct URL",
        ),
        (Pooling::Transaction, _) => Check::new("pooler", CheckState::Warning, found)
            .hint("set --lock-database-url to a direct URL for cheaper takeovers"),
        _ => Check::new("pooler", CheckState::Ok, found),
    }
}

/// Checks the replicas. `waiting` sessions wait for a replica to confirm their commits.
fn replication(facts: &ServerFacts, waiting: i64) -> Check {
    let found = match facts.replicas {
        0 => String::from("no replicas"),
        1 => String::from("1 replica"),
        replicas => format!("{replicas} replicas"),
    };
    let local = ["off", "local"].contains(&facts.synchronous_commit.as_str());
    let waits = !facts.synchronous.is_empty() && !local;
    if 0 < waiting || (waits && facts.replicas == 0) {
        let names = &facts.synchronous;
        let found = format!("{found}; {waiting} sessions wait for the synchronous standby {names}");
        return Check::new("replication", CheckState::Failed, found).hint(
            "commits hang until it is back: start it, or remove it from \
             synchronous_standby_names and reload the server",
        );
    }
    match (facts.replicas, waits) {
        (0, _) => Check::new("replication", CheckState::Ok, found),
        (_, true) => {
            let found = format!("{found}, commits wait for {}", facts.synchronous);
            Check::new("replication", CheckState::Ok, found)
        }
        (_, false) => Check::new("replication", CheckState::Warning, found).hint(
            "synchronous_standby_names is empty: after a failover the new primary may lack \
             messages that were already acknowledged to WhatsApp",
        ),
    }
}

/// Checks whether the server logs bound values: wmctl's statements contain none in their text.
fn server_log(facts: &ServerFacts) -> Check {
    let is = |name: &str| {
        let setting = facts.logged.iter().find(|(known, _)| known == name);
        setting.map(|(_, value)| value.as_str())
    };
    let on =
        |name: &str| is(name).is_some_and(|value| !["-1", "off", "none", "0"].contains(&value));
    let timed = |name: &str| is(name).is_some_and(|value| value != "-1");
    // Each of these settings makes the server log statements with their values.
    let logs = matches!(is("log_statement"), Some("all" | "mod"))
        || ["log_min_duration_statement", "log_min_duration_sample"].map(timed) != [false; 2]
        || on("log_transaction_sample_rate");
    let mut named = Vec::new();
    if logs && is("log_parameter_max_length").is_none_or(|value| value != "0") {
        named.push("log_parameter_max_length");
    }
    if is("log_parameter_max_length_on_error").is_some_and(|value| value != "0") {
        named.push("log_parameter_max_length_on_error");
    }
    if on("pgaudit.log_parameter") && is("pgaudit.log").is_some_and(|value| value != "none") {
        named.push("pgaudit.log_parameter");
    }
    if timed("auto_explain.log_min_duration")
        && is("auto_explain.log_parameter_max_length").is_none_or(|value| value != "0")
    {
        named.push("auto_explain.log_parameter_max_length");
    }
    match named.is_empty() {
        true => Check::new(
            "server_log",
            CheckState::Ok,
            "the server logs no values of statements",
        ),
        false => {
            let found = format!(
                "the server's log contains keys and messages: {}",
                named.join(", ")
            );
            Check::new("server_log", CheckState::Warning, found)
                .hint("ask the server's administrator to set these to 0 or off")
        }
    }
}

fn clock(facts: &ServerFacts, now_ms: i64) -> Check {
    let Some(theirs_ms) = facts.clock_ms else {
        return Check::new(
            "clock",
            CheckState::Skipped,
            "an SQLite file has no clock to compare with",
        );
    };
    let skew_ms = now_ms - theirs_ms;
    let found = format!(
        "differs from the server's by {:.2} s",
        skew_ms as f64 / 1_000.0
    );
    match skew_ms.abs() <= SKEW_MS_MAX {
        true => Check::new("clock", CheckState::Ok, found),
        false => Check::new("clock", CheckState::Warning, found)
            .hint("displayed times are wrong, and certificates may look expired: use NTP"),
    }
}

/// Reports accounts whose rows were found to be older than what they had already sent.
async fn restores(app: &App) -> Vec<Check> {
    let since_ms = app.surroundings.clock.unix_ms() - RESTORE_AGE_MS;
    let logs = match logs::begun(app, since_ms).await {
        Ok(logs) => logs,
        Err(error) => return vec![broken("restore", &error)],
    };
    let told = logs.into_iter().map(|log| {
        let found = format!(
            "{}: detected a restored database at {} ({}): earlier keys no longer encrypt, events \
             continue from {}",
            log.business_id,
            log.since,
            log.mark.unwrap_or_default(),
            log.first_seq
        );
        Check::new("restore", CheckState::Warning, found).hint(
            "messages received or sent after the backup are missing; readers of events must start \
             at the new log",
        )
    });
    told.collect()
}

/// Returns one line for all healthy tenants, and one for each tenant with a problem.
async fn tenants(app: &App) -> Vec<Check> {
    let now_ms = app.surroundings.clock.unix_ms();
    let (mut checks, mut count, mut after) = (Vec::new(), 0, String::new());
    loop {
        let page = match app.store.overview(&after, TENANTS_PAGE).await {
            Ok(page) => page,
            Err(error) => return vec![broken("tenants", &error)],
        };
        for tenant in &page {
            count += 1;
            checks.extend(ill(tenant, now_ms));
        }
        match page.last() {
            Some(last) if page.len() == TENANTS_PAGE as usize => {
                after = last.tenant.to_string();
            }
            _ => break,
        }
    }
    match locks::status(app, None).await {
        Err(error) => return vec![broken("tenants", &error)],
        // `free` is left out: before anything is started, every tenant is free.
        Ok(locks) => checks.extend(
            locks
                .problems()
                .into_iter()
                .filter(|(_, problem)| problem.code != "free")
                .map(|(whose, problem)| {
                    let found = format!("{whose}: {}", problem.text);
                    let check = Check::new("tenant", CheckState::Warning, found);
                    check.hint(problem.command.clone())
                }),
        ),
    }
    let state = if count == 0 {
        CheckState::Skipped
    } else {
        CheckState::Ok
    };
    let found = match checks.len() {
        0 => format!("{count} known"),
        1 => format!("{count} known, 1 with a problem"),
        ill => format!("{count} known, {ill} problems"),
    };
    checks.insert(0, Check::new("tenants", state, found));
    checks
}

fn ill(tenant: &TenantSummary, now_ms: i64) -> Option<Check> {
    let name = &tenant.tenant;
    if let Some(ended) = &tenant.ended {
        let state = if tenant.desired.enabled {
            CheckState::Failed
        } else {
            CheckState::Warning
        };
        let found = format!("{name}: {}", ended.replace('_', " "));
        let check = Check::new("tenant", state, found);
        return Some(match ended.as_str() {
            "logged_out" => check.hint(format!("wmctl pair --tenant {name}")),
            _ => check,
        });
    }
    let (error, at_ms) = tenant.last_error.as_ref()?;
    let recovered = tenant
        .observed
        .as_ref()
        .is_some_and(|(state, _, since_ms, epoch)| {
            state == "connected" && at_ms <= since_ms && *epoch == tenant.epoch
        });
    (!recovered && now_ms - at_ms <= ERROR_AGE_MS).then(|| {
        let found = format!("{name}: {error} ({})", time(*at_ms));
        Check::new("tenant", CheckState::Warning, found)
    })
}
