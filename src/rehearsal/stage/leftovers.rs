//! Removes tenants and folders of earlier rehearsals that were killed.

use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::app::{App, RowsError};
use crate::ids::HostId;
use crate::ops::actor::AuditActor;
use crate::ops::tenants::{self, TenantError};

/// Prefix of a rehearsal's folder, followed by the process id.
const FOLDER: &str = "wmctl-rehearsal-";
/// A folder that contains this file is kept, because an error names its log.
const KEPT: &str = "kept";
/// Interval of a rehearsal's heartbeats, and the age of the last one after which the rehearsal
/// counts as dead (ms).
const BEAT: Duration = Duration::from_secs(10);
const SILENCE_MS: i64 = 60_000;

/// Creates a folder that is deleted with the process, and removes folders of dead processes.
pub(crate) fn folder() -> std::io::Result<TempDir> {
    let temporary = std::env::temp_dir();
    for entry in temporary.read_dir()?.flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(FOLDER));
        let process = process.and_then(|rest| rest.split_once('-'));
        let gone = process.is_some_and(|(pid, _)| {
            pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists()
        });
        if gone && Path::new("/proc/self").exists() && !entry.path().join(KEPT).exists() {
            // A folder of another user cannot be removed; leave it.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let prefix = format!("{FOLDER}{}-", std::process::id());
    tempfile::Builder::new().prefix(&prefix).tempdir()
}

/// Keeps a folder because an error names a file in it.
pub(crate) fn keep(folder: TempDir) {
    // If the mark cannot be written, the next rehearsal may remove the folder.
    let _ = std::fs::write(folder.path().join(KEPT), "");
    let _ = folder.keep();
}

/// Sends heartbeats for the rehearsal's tenant until it is dropped.
pub(crate) struct DrillHeartbeat {
    host: HostId,
    _beats: JoinSet<Infallible>,
}

impl DrillHeartbeat {
    pub(crate) async fn set(app: &App) -> Result<Self, RowsError> {
        let host = app.register_as(app.settings.tenant.to_string(), None);
        let host = host.await?;
        let (store, clock) = (app.store.clone(), app.surroundings.clock.clone());
        let mut beats = JoinSet::new();
        beats.spawn(async move {
            loop {
                if let Err(error) = store.heartbeat(host, clock.unix_ms()).await {
                    tracing::debug!(%error, "the rehearsal does not say that it goes on");
                }
                sleep(BEAT).await;
            }
        });
        Ok(Self {
            host,
            _beats: beats,
        })
    }

    pub(crate) async fn remove(self, app: &App) {
        // If this fails, other processes declare it dead after the timeout.
        let _ = app.store.leave(self.host).await;
    }
}

/// Removes the tenants of dead drills.
pub(crate) async fn remove_tenants(app: &App, actor: &AuditActor) -> Result<(), TenantError> {
    let silent_ms = app.surroundings.clock.unix_ms() - SILENCE_MS;
    let left = app
        .store
        .rehearsed(silent_ms)
        .await
        .map_err(RowsError::of)?;
    for tenant in left {
        tracing::info!(business_id = %tenant, "a drill that was ended left this tenant: removed");
        tenants::remove(app, &tenant, actor).await?;
        app.store
            .forget_lease(&tenant)
            .await
            .map_err(RowsError::of)?;
    }
    Ok(())
}
