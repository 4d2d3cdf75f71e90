//! The base of every process: validated settings, the opened store, and the process's health state.

pub mod claim;
pub mod event;
pub mod events;
mod rows_error;
pub mod shapes;
pub mod status;
pub mod vitals;
pub mod webhooks;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, watch};

use crate::app::vitals::StatusBoard;
use crate::app::webhooks::WebhookRegistry;
use crate::clock::Surroundings;
use crate::config::proxy::{Proxy, ProxyError};
use crate::config::retention::Retention;
use crate::config::webhook::Delivery;
use crate::config::{DatabaseUrl, WhatsAppServer};
use crate::crypto::random;
use crate::engine::downloads::HISTORIES_MAX;
use crate::engine::line::NetConnector;
use crate::engine::room::CacheBudget;
use crate::ids::{HostId, TenantId};
use crate::metrics::Metrics;
use crate::net::dial::DialError;
use crate::net::proxy::AddressScope;
use crate::session::config::{Browser, CLIENT_VERSION, ClientConfig, STALL_MS};
use crate::store::Store;
use crate::store::db::pooling::Liveness;
use crate::store::error::StoreError;
use crate::store::lease::{Host, Lease};
use crate::store::tenants::RunConfig;

pub use crate::app::rows_error::RowsError;
/// The reason why a use case that connects failed.
pub use crate::engine::line::LineError;
/// The request to stop a long-running use case.
pub use crate::engine::stop::Stop;

/// Settings of a command.
#[derive(Clone, Debug)]
pub struct Settings {
    pub database: DatabaseUrl,
    pub tenant: TenantId,
    pub server: WhatsAppServer,
    /// The name of this device in the phone's list of linked devices.
    pub device_name: String,
}

/// The shared parts of a process: settings, opened store, clock and others.
#[derive(Debug)]
pub struct App {
    pub settings: Settings,
    pub(crate) store: Store,
    pub(crate) surroundings: Surroundings,
    /// Run settings from the tenant's row.
    pub(crate) launch: RunConfig,
    /// The addresses that a tenant's proxy may have.
    pub(crate) reach: AddressScope,
    /// Time after which a link counts as stalled: the server answers pings, but a reply is overdue.
    pub(crate) stall: Duration,
    pub(crate) metrics: Metrics,
    /// This process's state for health requests.
    pub(crate) board: StatusBoard,
    pub(crate) retention: Retention,
    /// Held by the account that prunes old rows: one per process at a time.
    pub(crate) pruning: Arc<Mutex<()>>,
    /// Permits for accounts that hold a history in memory.
    pub(crate) histories: Arc<Semaphore>,
    /// The memory for the cached rows of all accounts.
    pub(crate) rows: CacheBudget,
    /// The delivery of events to webhooks; `None` if this process does not deliver.
    pub(crate) webhooks: Option<Arc<WebhookRegistry>>,
    /// The client version that is set, if one is; it may change while the process runs.
    pub(crate) version: watch::Sender<Option<[u32; 3]>>,
}

/// What to do if the schema is not current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// Fail, but migrate a SQLite database without asking, because no other program shares it.
    Current,
    /// Leave it unchanged.
    Any,
}

impl App {
    /// Reads the database login again from its source.
    pub fn renew_login(&self) {
        self.store.renew_login();
    }

    /// Opens the store.
    pub async fn open(settings: Settings, schema: Schema) -> Result<Self, RowsError> {
        let store = Store::open(&settings.database)
            .await
            .map_err(RowsError::of)?;
        let surroundings = Surroundings::system();
        let version = watch::Sender::new(settings.server.client_version);
        if schema == Schema::Current {
            if matches!(settings.database, DatabaseUrl::Sqlite(_)) {
                store
                    .migrate(surroundings.clock.unix_ms())
                    .await
                    .map_err(RowsError::of)?;
            }
            store.check_schema().await.map_err(RowsError::of)?;
        }
        Ok(Self {
            settings,
            store,
            surroundings,
            launch: RunConfig::default(),
            reach: AddressScope::default(),
            stall: Duration::from_millis(STALL_MS),
            metrics: Metrics::default(),
            board: StatusBoard::default(),
            retention: Retention::default(),
            pruning: Arc::default(),
            histories: Arc::new(Semaphore::new(HISTORIES_MAX)),
            rows: CacheBudget::default(),
            webhooks: None,
            version,
        })
    }

    /// Opens the store for inspection. A SQLite file is neither created nor changed, and the schema
    /// is not migrated.
    pub async fn open_to_look(settings: Settings) -> Result<Self, RowsError> {
        let store = match &settings.database {
            DatabaseUrl::Sqlite(path) => Store::open_file_to_read(path).await,
            DatabaseUrl::Postgres(_) => Store::open(&settings.database).await,
        };
        let version = watch::Sender::new(settings.server.client_version);
        Ok(Self {
            settings,
            store: store.map_err(RowsError::of)?,
            surroundings: Surroundings::system(),
            launch: RunConfig::default(),
            stall: Duration::from_millis(STALL_MS),
            reach: AddressScope::default(),
            metrics: Metrics::default(),
            board: StatusBoard::default(),
            retention: Retention::default(),
            pruning: Arc::default(),
            histories: Arc::new(Semaphore::new(HISTORIES_MAX)),
            rows: CacheBudget::default(),
            webhooks: None,
            version,
        })
    }

    /// Makes this process deliver events to webhooks; see [`WebhookRegistry::new`].
    pub fn deliver(&mut self, delivery: Delivery, ca_file: Option<&Path>) -> Result<(), DialError> {
        self.webhooks = Some(Arc::new(WebhookRegistry::new(delivery, ca_file)?));
        Ok(())
    }

    /// Stores the progress of accounts in this folder, so that a restored database is detected.
    pub fn keep_marks_in(&mut self, folder: &Path) {
        self.store.keep_marks_in(folder);
    }

    /// Sets how long growing rows are kept.
    pub fn retain(&mut self, retention: Retention) {
        self.retention = retention;
    }

    /// Sets the client version for new connections; `None` is the one of this build.
    pub fn set_client_version(&self, wanted: Option<[u32; 3]>) {
        let changed = self.version.send_if_modified(|version| {
            let changed = *version != wanted;
            *version = wanted;
            changed
        });
        if changed {
            let version = self.client_version().map(|part| part.to_string()).join(".");
            tracing::info!(version, "client version in use from the next connection on");
        }
    }

    pub(crate) fn client_version(&self) -> [u32; 3] {
        self.version.borrow().unwrap_or(CLIENT_VERSION)
    }

    /// Allows tenants to have proxies on this machine and in private networks.
    pub fn allow_private_proxies(&mut self) {
        self.reach = AddressScope::Private;
    }

    /// Sets the time after which a link counts as stalled: the server answers pings, but a reply is
    /// overdue.
    pub fn set_stall_timeout(&mut self, stall: Duration) {
        self.stall = stall;
    }

    /// Returns an app for another tenant, to read and write its rows.
    pub fn for_tenant(&self, tenant: TenantId) -> Self {
        self.of(tenant, RunConfig::default())
    }

    /// Returns a unique random name for logs.
    pub fn fresh_name(&self) -> String {
        let bytes: [u8; 12] = random::bytes(&mut *self.surroundings.entropy.random());
        hex::encode(bytes)
    }

    /// Returns an app for another tenant, with the run settings from its row.
    pub(crate) fn of(&self, tenant: TenantId, launch: RunConfig) -> Self {
        Self {
            settings: Settings {
                tenant,
                ..self.settings.clone()
            },
            store: self.store.clone(),
            surroundings: self.surroundings.clone(),
            launch,
            reach: self.reach,
            stall: self.stall,
            metrics: self.metrics.clone(),
            board: self.board.clone(),
            retention: self.retention,
            pruning: self.pruning.clone(),
            histories: self.histories.clone(),
            rows: self.rows.clone(),
            webhooks: self.webhooks.clone(),
            version: self.version.clone(),
        }
    }

    /// Fails for a tenant whose rows the database role may not see, because the tenant would look
    /// empty.
    pub async fn check_reach(&self) -> Result<(), RowsError> {
        let reach = self.store.check_reach(Some(&self.settings.tenant)).await;
        reach.map_err(RowsError::of)
    }

    /// Returns an app with the run settings from the tenant's row. Fails if the database role may
    /// not see the tenant.
    pub(crate) async fn launched(&self) -> Result<Self, RowsError> {
        let tenant = &self.settings.tenant;
        self.check_reach().await?;
        let desired = self.store.desired(tenant).await.map_err(RowsError::of)?;
        let launch = desired.map(|desired| desired.launch).unwrap_or_default();
        Ok(self.of(tenant.clone(), launch))
    }

    /// Returns a dialler for the server, through the tenant's proxy if it has one.
    pub(crate) fn dial(&self) -> Result<NetConnector, LineError> {
        let dial = NetConnector::new(&self.settings.server, self.surroundings.clone())?;
        self.through_proxy(dial)
    }

    /// Adds the tenant's proxy to an existing dialler.
    pub(crate) fn through_proxy(&self, dial: NetConnector) -> Result<NetConnector, LineError> {
        let Some(proxy) = &self.launch.proxy else {
            return Ok(dial);
        };
        let proxy: Proxy = proxy
            .parse()
            .map_err(|error: ProxyError| LineError::Misconfigured(error.to_string()))?;
        Ok(dial.through(proxy, self.reach))
    }

    /// Closes all connections to the database. A SQLite database is a single file afterwards.
    pub async fn close(&self) {
        self.store.close().await;
    }

    /// Returns the settings under which sessions identify themselves to the server.
    pub(crate) fn client(&self) -> ClientConfig {
        ClientConfig {
            name: match &self.launch.device_name {
                Some(name) => name.clone(),
                None => self.settings.device_name.clone(),
            },
            browser: match self.launch.platform.as_deref().and_then(Browser::named) {
                Some(browser) => browser,
                None => ClientConfig::default().browser,
            },
            version: self.client_version(),
            stall_ms: u64::try_from(self.stall.as_millis()).unwrap_or(u64::MAX),
            ..ClientConfig::default()
        }
    }

    /// Registers this process under the machine's name. Others consider it dead after `silence`
    /// without a heartbeat.
    pub(crate) async fn register(&self, silence: Option<Duration>) -> Result<HostId, RowsError> {
        self.register_as(whoami::hostname().unwrap_or_default(), silence)
            .await
    }

    /// Registers this process under `name`.
    pub(crate) async fn register_as(
        &self,
        name: String,
        silence: Option<Duration>,
    ) -> Result<HostId, RowsError> {
        let id = HostId::from_random(random::bytes(&mut *self.surroundings.entropy.random()));
        let host = Host {
            id,
            name,
            pid: std::process::id(),
            silence,
        };
        if let Some(route) = self.store.route() {
            tracing::info!(
                rows = route.pooling.name(),
                locks = route.lock_pooling.name(),
                liveness = route.liveness.name(),
                version = route.version,
                "the way to the database"
            );
            if route.liveness == Liveness::Counter {
                tracing::warn!(
                    "the pooler shares one session: failures are detected by heartbeat only"
                );
            }
        }
        let now_ms = self.surroundings.clock.unix_ms();
        let registered = self.store.register(&host, now_ms).await;
        registered.map(|()| id).map_err(RowsError::of)
    }

    /// Takes the lease of a tenant for this process.
    pub(crate) async fn claim_for(
        &self,
        host: HostId,
        tenant: &TenantId,
    ) -> Result<Lease, RowsError> {
        let now_ms = self.surroundings.clock.unix_ms();
        match self.store.claim(tenant, host, now_ms).await {
            Ok(lease) => Ok(lease),
            Err(StoreError::LeaseHeld { .. }) => {
                let holder = self.holder(tenant).await;
                Err(RowsError::Held {
                    tenant: tenant.clone(),
                    holder,
                })
            }
            Err(error) => Err(RowsError::of(error)),
        }
    }

    /// Returns the name and process number of the tenant's holder, as stored in the rows.
    pub(crate) async fn holder(&self, tenant: &TenantId) -> Option<String> {
        let leases = self.store.leases().await.ok()?;
        let lease = leases.into_iter().find(|lease| lease.tenant == *tenant)?;
        lease.owner?;
        lease.host.map(|(name, pid)| format!("{name}/{pid}"))
    }

    /// Gives back the only lease of a process, and records that the process ended. Waits for at
    /// most three seconds.
    pub(crate) async fn release(&self, lease: Lease) {
        const RELEASE_TIME_MAX: Duration = Duration::from_secs(3);
        let host = lease.owner;
        let released = tokio::time::timeout(RELEASE_TIME_MAX, async {
            self.store.release(lease).await?;
            self.store.leave(host).await
        });
        if !matches!(released.await, Ok(Ok(()))) {
            tracing::warn!("the lease could not be released");
        }
    }
}
