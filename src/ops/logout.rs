//! Unlinks a device: it disappears from the phone's list, and its rows are kept.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::{App, RowsError};
use crate::engine::lease_keeper;
use crate::ids::{HostId, TenantId};
use crate::ops::actor::AuditActor;
use crate::ops::unlink;
use crate::session::account::Ended;
use crate::store::lease::Lease;

/// How long to wait for the running process to release the account.
const LET_GO_MAX: Duration = Duration::from_secs(8);
/// Interval between checks whether it was released.
const LOOK: Duration = Duration::from_millis(100);
/// How long WhatsApp may take for a login and one response.
const UNLINK_TIME_MAX: Duration = Duration::from_secs(15);

/// Why the device could not be unlinked.
#[derive(Debug, thiserror::Error)]
pub enum LogoutError {
    /// The database failed, or another process still runs the account.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// The tenant does not exist.
    #[error("there is no tenant {0}")]
    UnknownTenant(TenantId),
    /// There is no device to unlink.
    #[error("{0} has no paired device")]
    Unpaired(TenantId),
    /// The keys were exported. Only the other program can unlink the device.
    #[error("{0} was exported: another program has its keys")]
    Exported(TenantId),
    /// No confirmation arrived. Retry, or remove the device on the phone.
    #[error("WhatsApp did not confirm that {0} is unlinked: the phone may still list it")]
    NotUnlinked(String),
}

/// Unlinks the tenant's device and returns its JID. Waits first until the process that runs the
/// account releases it.
pub async fn logout(
    app: &App,
    tenant: &TenantId,
    actor: &AuditActor,
) -> Result<String, LogoutError> {
    if app
        .store
        .overview_of(tenant)
        .await
        .map_err(RowsError::of)?
        .is_none()
    {
        return Err(LogoutError::UnknownTenant(tenant.clone()));
    }
    let account = app.store.account(tenant).await.map_err(RowsError::of)?;
    let account = account.ok_or_else(|| LogoutError::Unpaired(tenant.clone()))?;
    let jid = account.jid.to_string();
    match account.ended {
        Some(Ended::LoggedOut { .. }) => return Ok(jid),
        Some(Ended::Exported { .. }) => return Err(LogoutError::Exported(tenant.clone())),
        _ => (),
    }
    // Hosts release tenants that are disabled. The former setting is restored afterwards.
    let desired = app.store.desired(tenant).await.map_err(RowsError::of)?;
    let enabled = desired.is_none_or(|desired| desired.enabled);
    want(app, tenant, false, actor, String::from("begun")).await?;
    let unlinked = unlink(app, tenant).await;
    let told = match &unlinked {
        Ok(true) => format!("unlinked {jid}"),
        Ok(false) | Err(_) => format!("not unlinked {jid}"),
    };
    want(app, tenant, enabled, actor, told).await?;
    match unlinked? {
        true => Ok(jid),
        false => Err(LogoutError::NotUnlinked(jid)),
    }
}

async fn want(
    app: &App,
    tenant: &TenantId,
    enabled: bool,
    actor: &AuditActor,
    detail: String,
) -> Result<(), RowsError> {
    let audit = app.audit(actor, "logout", Some(tenant), detail);
    let wanted = app
        .store
        .want(tenant, move |wanted| wanted.enabled = enabled, &audit);
    wanted.await.map(|_| ()).map_err(RowsError::of)
}

/// Takes the lease as soon as it is free and unlinks the device. Returns whether WhatsApp confirmed
/// it.
async fn unlink(app: &App, tenant: &TenantId) -> Result<bool, RowsError> {
    let app = app.for_tenant(tenant.clone()).launched().await?;
    let host = app.register(None).await?;
    let lease = match claim(&app, host, tenant).await {
        Ok(lease) => lease,
        Err(error) => {
            app.store.leave(host).await.map_err(RowsError::of)?;
            return Err(error);
        }
    };
    let lost = CancellationToken::new();
    let keep_lease = async {
        lease_keeper::keep(&app.store, host, &app.surroundings, &lost, || ()).await;
        false
    };
    // Box large futures so that callers fit on any worker's stack.
    let work = Box::pin(unlink::unlink(&app, host, &lease, UNLINK_TIME_MAX));
    let unlinked = tokio::select! {
        unlinked = work => unlinked,
        lost = keep_lease => lost,
    };
    app.release(lease).await;
    Ok(unlinked)
}

async fn claim(app: &App, host: HostId, tenant: &TenantId) -> Result<Lease, RowsError> {
    let until = tokio::time::Instant::now() + LET_GO_MAX;
    loop {
        match app.claim_for(host, tenant).await {
            Err(RowsError::Held { .. }) if tokio::time::Instant::now() < until => {
                tokio::time::sleep(LOOK).await;
            }
            claimed => return claimed,
        }
    }
}
