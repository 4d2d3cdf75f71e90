//! Runs every paired tenant of the database that no other process runs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::engine::actor::{Stopped, refusal};
use crate::engine::lease_keeper;
use crate::engine::leased::explained;
use crate::engine::status::Status;
use crate::engine::stop::Stop;
use crate::ids::{HostId, TenantId};
use crate::ops::LineError;
use crate::ops::open::{App, RowsError};
use crate::ops::run::{AccountStatus, RunEnd};
use crate::session::changes::AccountState;
use crate::store::lease::Lease;

/// How often the rows are looked at for tenants that are new, or free again.
const RESCAN: Duration = Duration::from_secs(1);
/// Wait before a tenant that ended for a reason that may pass is tried again.
const AGAIN: Duration = Duration::from_secs(30);
/// Status changes that wait to be told.
const NOTICES_MAX: usize = 1_024;

/// How to serve.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Tenants that may be on their way to being connected at the same time.
    pub connecting: usize,
    /// How long an orderly stop may take.
    pub grace: Duration,
}

/// What the caller is told.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServeNotice {
    /// How the connection of a tenant is.
    Status {
        business_id: String,
        #[serde(flatten)]
        status: AccountStatus,
    },
    /// A tenant is not run here any more.
    Ended { business_id: String, reason: String },
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Rows(#[from] RowsError),
    #[error(transparent)]
    Line(#[from] LineError),
    /// Others declared this process dead, and took its tenants.
    #[error("this process was declared dead: its tenants belong to others now")]
    Fenced,
}

/// One tenant that runs here.
struct Running {
    stop: Stop,
    connected: bool,
}

struct Server<'a> {
    app: &'a App,
    options: &'a ServeOptions,
    host: HostId,
    running: BTreeMap<TenantId, Running>,
    /// Not to be tried before.
    resting: BTreeMap<TenantId, Instant>,
    tasks: JoinSet<(TenantId, Lease, Stopped)>,
    notices: mpsc::Sender<(TenantId, Status)>,
    lost: CancellationToken,
}

/// Serves until it is asked to stop. Tenants that end are told of and left alone; those that are
/// paired meanwhile, or given back by others, are taken.
pub async fn serve(
    app: &App,
    options: &ServeOptions,
    stop: &Stop,
    tell: &mut (dyn FnMut(ServeNotice) + Send),
) -> Result<(), ServeError> {
    let (notices, mut told) = mpsc::channel(NOTICES_MAX);
    let mut server = Server {
        app,
        options,
        host: app.register().await?,
        running: BTreeMap::new(),
        resting: BTreeMap::new(),
        tasks: JoinSet::new(),
        notices,
        lost: CancellationToken::new(),
    };
    // A task of its own: it must go on while this one waits for the database.
    let mut keeper = JoinSet::new();
    let (store, host, surroundings) = (app.store.clone(), server.host, app.surroundings.clone());
    let lost = server.lost.clone();
    keeper.spawn(async move { lease_keeper::keep(&store, host, &surroundings, &lost).await });
    let mut rescan = tokio::time::interval(RESCAN);
    let mut deadline: Option<Instant> = None;
    loop {
        if deadline.is_some() && server.tasks.is_empty() {
            return Ok(());
        }
        let end = deadline.unwrap_or_else(Instant::now);
        // Every branch is one wait that loses nothing when it is dropped.
        tokio::select! {
            () = stop.asked(), if deadline.is_none() => {
                deadline = Some(Instant::now() + options.grace);
                server.running.values().for_each(|running| running.stop.ask());
            }
            () = tokio::time::sleep_until(end), if deadline.is_some() => {
                server.running.values().for_each(|running| running.stop.force());
                deadline = Some(Instant::now() + options.grace);
            }
            _ = keeper.join_next() => return Err(ServeError::Fenced),
            Some(ended) = server.tasks.join_next(), if !server.tasks.is_empty() => {
                match ended {
                    Ok(ended) => tell(server.ended(ended).await),
                    Err(error) => tracing::error!(%error, "a tenant's task ended badly"),
                }
            }
            Some((tenant, status)) = told.recv() => {
                if status.state == AccountState::Connected
                    && let Some(running) = server.running.get_mut(&tenant)
                {
                    // There is room for the next one.
                    running.connected = true;
                    rescan.reset_immediately();
                }
                let business_id = tenant.to_string();
                tell(ServeNotice::Status { business_id, status: status.into() });
            }
            _ = rescan.tick(), if deadline.is_none() => server.scan().await?,
        }
    }
}

impl Server<'_> {
    /// Takes tenants that nobody runs, as many as may connect at the same time.
    async fn scan(&mut self) -> Result<(), ServeError> {
        let tenants = match self.app.store.tenants().await {
            Ok(tenants) => tenants,
            Err(error) => {
                tracing::warn!(error = %explained(&error), "tenants could not be listed");
                return Ok(());
            }
        };
        let now = Instant::now();
        self.resting.retain(|_, until| now < *until);
        for tenant in tenants {
            let connecting = self.running.values().filter(|one| !one.connected).count();
            if self.options.connecting <= connecting {
                return Ok(());
            }
            if !self.running.contains_key(&tenant) && !self.resting.contains_key(&tenant) {
                self.start(tenant).await?;
            }
        }
        Ok(())
    }

    async fn start(&mut self, tenant: TenantId) -> Result<(), ServeError> {
        let now_ms = self.app.surroundings.clock.unix_ms();
        let account = match self.app.store.account(&tenant).await {
            Ok(account) => account,
            Err(error) => {
                tracing::warn!(%tenant, error = %explained(&error), "not readable");
                return Ok(());
            }
        };
        if refusal(account.as_ref(), now_ms).is_some() {
            return Ok(());
        }
        let lease = match self.app.claim_for(self.host, &tenant).await {
            Ok(lease) => lease,
            Err(RowsError::Held { .. }) => return Ok(()),
            Err(error) => {
                tracing::warn!(%tenant, %error, "not claimed");
                return Ok(());
            }
        };
        let stop = Stop::new();
        let (mut live, account) = self
            .app
            .run_leased(lease.clone(), &stop, self.lost.clone())?;
        let notices = self.notices.clone();
        let name = tenant.clone();
        self.tasks.spawn(async move {
            let watch = async {
                while live.status.changed().await.is_ok() {
                    let status = live.status.borrow_and_update().clone();
                    // Whoever listened may be gone when everything stops.
                    let _ = notices.send((name.clone(), status)).await;
                }
                std::future::pending::<Stopped>().await
            };
            let stopped = tokio::select! {
                stopped = account => stopped,
                stopped = watch => stopped,
            };
            (name, lease, stopped)
        });
        let running = Running {
            stop,
            connected: false,
        };
        self.running.insert(tenant, running);
        Ok(())
    }

    async fn ended(&mut self, ended: (TenantId, Lease, Stopped)) -> ServeNotice {
        let (tenant, lease, stopped) = ended;
        self.running.remove(&tenant);
        self.resting.insert(tenant.clone(), Instant::now() + AGAIN);
        if stopped != Stopped::LeaseLost {
            self.app.release(lease).await;
        }
        ServeNotice::Ended {
            business_id: tenant.to_string(),
            reason: RunEnd::from(stopped).to_string(),
        }
    }
}
