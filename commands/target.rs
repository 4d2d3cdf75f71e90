//! The target of changes to tenants: the database, or a host's HTTP interface.

use std::path::Path;

use wmctl::app::{App, Schema};
use wmctl::client::{ApiClient, ApiClientError};
use wmctl::ids::TenantId;
use wmctl::ops::AuditActor;
use wmctl::ops::hosts::{self, Host};
use wmctl::ops::logout::{self, LogoutError};
use wmctl::ops::tenants::{self, Changes, Removed, Tenant, TenantError};

use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::start;
use crate::ui::Ui;

/// Options of commands that can ask a host instead of the database.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Where")]
pub(crate) struct TargetArgs {
    /// Use the HTTP API of this host instead of the database
    ///
    /// The API key is read from WMCTL_API_KEY, or from the file that WMCTL_API_KEY_FILE names.
    #[arg(long, global = true, value_name = "URL")]
    api: Option<String>,
}

/// A target that knows tenants and hosts.
pub(crate) enum Target {
    Rows(Box<App>),
    Api(ApiClient),
}

impl Target {
    /// For a command that connects to no server.
    pub(crate) async fn open(
        ui: &Ui,
        settings: &Settings,
        args: &TargetArgs,
    ) -> Result<Self, Failure> {
        Self::open_with(settings, args, start::open(ui, settings, Schema::Current)).await
    }

    /// For a command that connects to the server, or to the simulator that is named.
    pub(crate) async fn open_to_dial(
        ui: &Ui,
        settings: &Settings,
        args: &TargetArgs,
    ) -> Result<Self, Failure> {
        Self::open_with(settings, args, start::open_to_dial(ui, settings)).await
    }

    async fn open_with(
        settings: &Settings,
        args: &TargetArgs,
        open: impl Future<Output = Result<App, Failure>>,
    ) -> Result<Self, Failure> {
        match args.api.as_deref().or(settings.api()) {
            None => Ok(Self::Rows(Box::new(open.await?))),
            Some(url) => {
                let key = settings.api_key().map(str::to_owned);
                let ca_file = settings.server()?.ca_file;
                let remote = ApiClient::new(url, key, ca_file.as_deref().map(Path::new));
                remote.map(Self::Api).map_err(refused)
            }
        }
    }

    pub(crate) async fn list(&self) -> Result<Vec<Tenant>, Failure> {
        match self {
            Self::Rows(app) => tenants::list(app).await.map_err(start::rows),
            Self::Api(remote) => remote.list().await.map_err(refused),
        }
    }

    pub(crate) async fn show(&self, tenant: &TenantId) -> Result<Tenant, Failure> {
        let found = match self {
            Self::Rows(app) => tenants::show(app, tenant).await.map_err(start::rows)?,
            Self::Api(remote) => remote.show(tenant).await.map_err(refused)?,
        };
        found.ok_or_else(|| unknown(format!("there is no tenant {tenant}")))
    }

    pub(crate) async fn add(&self, tenant: &TenantId, changes: &Changes) -> Result<(), Failure> {
        match self {
            Self::Rows(app) => tenants::add(app, tenant, changes, &actor())
                .await
                .map(|_| ())
                .map_err(wrong),
            Self::Api(remote) => remote.add(tenant, changes).await.map_err(refused),
        }
    }

    pub(crate) async fn enable(&self, tenant: &TenantId, enabled: bool) -> Result<(), Failure> {
        match self {
            Self::Rows(app) => tenants::enable(app, tenant, enabled, &actor())
                .await
                .map_err(wrong),
            Self::Api(remote) => remote.enable(tenant, enabled).await.map_err(refused),
        }
    }

    pub(crate) async fn place(&self, tenant: &TenantId, host: Option<&str>) -> Result<(), Failure> {
        match self {
            Self::Rows(app) => tenants::place(app, tenant, host.map(str::to_owned), &actor())
                .await
                .map_err(wrong),
            Self::Api(remote) => remote.place(tenant, host).await.map_err(refused),
        }
    }

    pub(crate) async fn logout(&self, tenant: &TenantId) -> Result<(), Failure> {
        match self {
            Self::Rows(app) => {
                let done = logout::logout(app, tenant, &actor()).await;
                done.map(|_| ()).map_err(linked)
            }
            Self::Api(remote) => remote.logout(tenant).await.map_err(refused),
        }
    }

    pub(crate) async fn remove(&self, tenant: &TenantId) -> Result<Removed, Failure> {
        match self {
            Self::Rows(app) => tenants::remove(app, tenant, &actor()).await.map_err(wrong),
            Self::Api(remote) => remote.remove(tenant).await.map_err(refused),
        }
    }

    pub(crate) async fn hosts(&self) -> Result<Vec<Host>, Failure> {
        match self {
            Self::Rows(app) => hosts::list(app).await.map_err(start::rows),
            Self::Api(remote) => remote.hosts().await.map_err(refused),
        }
    }

    pub(crate) async fn drain(&self, host: &str, draining: bool) -> Result<(), Failure> {
        match self {
            Self::Rows(app) => {
                let found = hosts::drain(app, host, draining, &actor()).await;
                match found.map_err(start::rows)? {
                    0 => Err(unknown(format!("there is no host {host:?}"))),
                    _ => Ok(()),
                }
            }
            Self::Api(remote) => remote.drain(host, draining).await.map_err(refused),
        }
    }

    pub(crate) async fn close(&self) {
        if let Self::Rows(app) = self {
            app.close().await;
        }
    }
}

/// Returns the actor of direct changes: the local user.
pub(crate) fn actor() -> AuditActor {
    AuditActor::of_user()
}

fn unknown(message: String) -> Failure {
    Failure::new(Exit::Absent, "NOT_FOUND", message).hint("`wmctl tenants list` shows who is there")
}

fn wrong(error: TenantError) -> Failure {
    match error {
        TenantError::Rows(error) => start::rows(error),
        TenantError::Unknown(_) => unknown(error.to_string()),
        error => Failure::new(Exit::Usage, "BAD_VALUE", error.to_string()),
    }
}

fn linked(error: LogoutError) -> Failure {
    let message = error.to_string();
    match error {
        LogoutError::Rows(error) => start::rows(error),
        LogoutError::UnknownTenant(_) => unknown(message),
        LogoutError::Unpaired(_) => Failure::new(Exit::Absent, "NOT_PAIRED", message),
        LogoutError::Exported(_) => Failure::new(Exit::Conflict, "EXPORTED", message)
            .hint("unlink it in the other program, or on the phone"),
        LogoutError::NotUnlinked(_) => Failure::new(Exit::Remote, "NOT_UNLINKED", message)
            .hint("retry, or remove it on the phone, under Linked devices"),
    }
}

/// Exit codes for a host's refusals that the command line knows too.
const REFUSALS: &[(&str, Exit)] = &[
    ("ALREADY_PAIRED", Exit::Conflict),
    ("BANNED", Exit::Auth),
    ("EVENTS_AHEAD", Exit::Conflict),
    ("EVENTS_REMOVED", Exit::Gone),
    ("EXPORTED", Exit::Conflict),
    ("IDEMPOTENCY_KEY_REUSED", Exit::Conflict),
    ("LOCK_HELD", Exit::Conflict),
    ("LOGGED_OUT", Exit::Auth),
    ("NOT_PAIRED", Exit::Absent),
    ("NOT_UNLINKED", Exit::Remote),
    ("RATE_LIMIT", Exit::Remote),
    ("RECIPIENT", Exit::Usage),
    ("WEBHOOK_EXISTS", Exit::Conflict),
];

pub(crate) fn refused(error: ApiClientError) -> Failure {
    let message = error.to_string();
    match error {
        ApiClientError::Url(_) => Failure::new(Exit::Config, "API_URL", message)
            .hint("--api is like https://wmctl.example.com or http://127.0.0.1:8080"),
        ApiClientError::Unreachable(_) => Failure::new(Exit::Remote, "UNREACHABLE", message)
            .hint("`wmctl serve` must be running there; without --api wmctl uses the database"),
        ApiClientError::Untrusted(_) => Failure::new(Exit::Remote, "UNTRUSTED", message)
            .hint("set --ca-file to the authority; --api must use the name in the certificate"),
        ApiClientError::Refused { status, code, .. } => {
            let known = REFUSALS.iter().find(|(known, _)| *known == code);
            match (status, known) {
                (_, Some((code, exit))) => Failure::new(*exit, code, message),
                (401 | 403, _) => Failure::new(Exit::Auth, "API_KEY", message).hint(
                    "set WMCTL_API_KEY or WMCTL_API_KEY_FILE; `wmctl keys add` creates a key",
                ),
                (404, _) => unknown(message),
                (409, _) => Failure::new(Exit::Conflict, "CONFLICT", message),
                (400, _) => Failure::new(Exit::Usage, "BAD_VALUE", message),
                _ => Failure::new(Exit::Remote, "API", message),
            }
        }
    }
}
