//! What every process starts from: checked settings, an opened store, and what is said of both.

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

use tokio::sync::{Mutex, Semaphore};

use crate::app::vitals::Board;
use crate::app::webhooks::Hooks;
use crate::clock::Surroundings;
use crate::config::proxy::{Proxy, ProxyError};
use crate::config::retention::Retention;
use crate::config::webhook::Delivery;
use crate::config::{DatabaseUrl, Server};
use crate::crypto::random;
use crate::engine::downloads::HISTORIES_MAX;
use crate::engine::line::NetDial;
use crate::engine::room::Room;
use crate::ids::{HostId, TenantId};
use crate::metrics::Metrics;
use crate::net::dial::DialError;
use crate::net::proxy::Reach;
use crate::session::config::{Browser, CLIENT_VERSION, ClientConfig, STALL_MS};
use crate::store::Store;
use crate::store::db::pooling::Liveness;
use crate::store::error::StoreError;
use crate::store::lease::{Host, Lease};
use crate::store::tenants::Launch;

pub use crate::app::rows_error::RowsError;
/// Why a use case that connects could not.
pub use crate::engine::line::LineError;
/// How to ask a use case that goes on to stop.
pub use crate::engine::stop::Stop;

/// What a command was told.
#[derive(Clone, Debug)]
pub struct Settings {
    pub database: DatabaseUrl,
    pub tenant: TenantId,
    pub server: Server,
    /// The name under which the phone lists this device.
    pub device_name: String,
}

/// Settings, opened store, clock: what use cases work with.
#[derive(Debug)]
pub struct App {
    pub settings: Settings,
    pub(crate) store: Store,
    pub(crate) surroundings: Surroundings,
    /// What the tenant's row says of how to run it.
    pub(crate) launch: Launch,
    /// Which addresses a tenant's proxy may have.
    pub(crate) reach: Reach,
    /// How long the server may leave open what it owes although it answers pings.
    pub(crate) stall: Duration,
    pub(crate) metrics: Metrics,
    /// What this process says of itself at any time.
    pub(crate) board: Board,
    pub(crate) retention: Retention,
    /// Held by the account that forgets old rows: one of a process at a time.
    pub(crate) pruning: Arc<Mutex<()>>,
    /// Held by accounts that have a history in memory.
    pub(crate) histories: Arc<Semaphore>,
    /// What the rows at hand of all accounts take.
    pub(crate) rows: Room,
    /// What delivers events to webhooks, in a process that does.
    pub(crate) webhooks: Option<Arc<Hooks>>,
}

/// What to do about a schema that is not current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// Refuse it, except that an embedded database is brought up to date without being asked:
    /// nobody shares it.
    Current,
    /// Leave it as it is.
    Any,
}

impl App {
    /// Has the login of the database read again from where it came.
    pub fn renew_login(&self) {
        self.store.renew_login();
    }

    /// Opens the store.
    pub async fn open(settings: Settings, schema: Schema) -> Result<Self, RowsError> {
        let store = Store::open(&settings.database)
            .await
            .map_err(RowsError::of)?;
        let surroundings = Surroundings::system();
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
            launch: Launch::default(),
            reach: Reach::default(),
            stall: Duration::from_millis(STALL_MS),
            metrics: Metrics::default(),
            board: Board::default(),
            retention: Retention::default(),
            pruning: Arc::default(),
            histories: Arc::new(Semaphore::new(HISTORIES_MAX)),
            rows: Room::default(),
            webhooks: None,
        })
    }

    /// Opens the store to look at it: a file is neither made nor changed, and the schema is left
    /// as it is.
    pub async fn open_to_look(settings: Settings) -> Result<Self, RowsError> {
        let store = match &settings.database {
            DatabaseUrl::Sqlite(path) => Store::open_file_to_read(path).await,
            DatabaseUrl::Postgres(_) => Store::open(&settings.database).await,
        };
        Ok(Self {
            settings,
            store: store.map_err(RowsError::of)?,
            surroundings: Surroundings::system(),
            launch: Launch::default(),
            stall: Duration::from_millis(STALL_MS),
            reach: Reach::default(),
            metrics: Metrics::default(),
            board: Board::default(),
            retention: Retention::default(),
            pruning: Arc::default(),
            histories: Arc::new(Semaphore::new(HISTORIES_MAX)),
            rows: Room::default(),
            webhooks: None,
        })
    }

    /// Has this process deliver the events of whatever it runs; see [`Hooks::new`].
    pub fn deliver(&mut self, delivery: Delivery, ca_file: Option<&Path>) -> Result<(), DialError> {
        self.webhooks = Some(Arc::new(Hooks::new(delivery, ca_file)?));
        Ok(())
    }

    /// Keeps in this folder how far accounts have come, so that a database that was restored is
    /// recognised.
    pub fn keep_marks_in(&mut self, folder: &Path) {
        self.store.keep_marks_in(folder);
    }

    /// Sets how long rows are kept that only grow.
    pub fn retain(&mut self, retention: Retention) {
        self.retention = retention;
    }

    /// Lets tenants have proxies on this machine and in private networks.
    pub fn allow_private_proxies(&mut self) {
        self.reach = Reach::Private;
    }

    /// Takes a session for dead whose server owes an answer for so long, although it answers pings.
    pub fn set_stall_timeout(&mut self, stall: Duration) {
        self.stall = stall;
    }

    /// The same for another tenant, to read and write its rows.
    pub fn for_tenant(&self, tenant: TenantId) -> Self {
        self.of(tenant, Launch::default())
    }

    /// A name that nothing else has, for logs.
    pub fn fresh_name(&self) -> String {
        let bytes: [u8; 12] = random::bytes(&mut *self.surroundings.entropy.random());
        hex::encode(bytes)
    }

    /// The same for another tenant, with what its row says of how to run it.
    pub(crate) fn of(&self, tenant: TenantId, launch: Launch) -> Self {
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
        }
    }

    /// Refuses a tenant that the database's role may not see: to it, its rows look like none.
    pub async fn check_reach(&self) -> Result<(), RowsError> {
        let reach = self.store.check_reach(Some(&self.settings.tenant)).await;
        reach.map_err(RowsError::of)
    }

    /// The same with what the tenant's row says of how to run it; refused where the database's
    /// role may not see the tenant.
    pub(crate) async fn launched(&self) -> Result<Self, RowsError> {
        let tenant = &self.settings.tenant;
        self.check_reach().await?;
        let desired = self.store.desired(tenant).await.map_err(RowsError::of)?;
        let launch = desired.map(|desired| desired.launch).unwrap_or_default();
        Ok(self.of(tenant.clone(), launch))
    }

    /// How the server is reached: directly, or through the tenant's proxy.
    pub(crate) fn dial(&self) -> Result<NetDial, LineError> {
        let dial = NetDial::new(&self.settings.server, self.surroundings.clone())?;
        self.through_proxy(dial)
    }

    /// The tenant's proxy before an address that is known already.
    pub(crate) fn through_proxy(&self, dial: NetDial) -> Result<NetDial, LineError> {
        let Some(proxy) = &self.launch.proxy else {
            return Ok(dial);
        };
        let proxy: Proxy = proxy
            .parse()
            .map_err(|error: ProxyError| LineError::Misconfigured(error.to_string()))?;
        Ok(dial.through(proxy, self.reach))
    }

    /// Ends every connection to the database; an embedded one then is a single file again.
    pub async fn close(&self) {
        self.store.close().await;
    }

    /// How sessions present themselves.
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
            version: self
                .settings
                .server
                .client_version
                .unwrap_or(CLIENT_VERSION),
            stall_ms: u64::try_from(self.stall.as_millis()).unwrap_or(u64::MAX),
            ..ClientConfig::default()
        }
    }

    /// Makes this process known under the machine's name; others take it for dead after `silence`.
    pub(crate) async fn register(&self, silence: Option<Duration>) -> Result<HostId, RowsError> {
        self.register_as(whoami::hostname().unwrap_or_default(), silence)
            .await
    }

    /// Makes this process known.
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
                tracing::warn!("the pooler has one session: processes are watched by counter only");
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

    /// Host and process that run the tenant, as far as the rows say.
    pub(crate) async fn holder(&self, tenant: &TenantId) -> Option<String> {
        let leases = self.store.leases().await.ok()?;
        let lease = leases.into_iter().find(|lease| lease.tenant == *tenant)?;
        lease.owner?;
        lease.host.map(|(name, pid)| format!("{name}/{pid}"))
    }

    /// Gives the only lease of a process back, and says that the process is gone, if the database
    /// answers soon.
    pub(crate) async fn release(&self, lease: Lease) {
        const RELEASE_TIME_MAX: Duration = Duration::from_secs(3);
        let host = lease.owner;
        let released = tokio::time::timeout(RELEASE_TIME_MAX, async {
            self.store.release(lease).await?;
            self.store.leave(host).await
        });
        if !matches!(released.await, Ok(Ok(()))) {
            tracing::warn!("the lease could not be given back");
        }
    }
}
