//! What rehearsals leave that were ended without a word: found by the next one, and removed.

use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::app::{App, RowsError};
use crate::ids::HostId;
use crate::ops::actor::Actor;
use crate::ops::tenants::{self, TenantError};

/// How the folders of rehearsals begin; then comes the number of the process.
const FOLDER: &str = "wmctl-rehearsal-";
/// A folder with this file in it is kept for whoever reads the log.
const KEPT: &str = "kept";
/// How often a rehearsal says that it goes on, and the silence after which it does not
/// (milliseconds).
const BEAT: Duration = Duration::from_secs(10);
const SILENCE_MS: i64 = 60_000;

/// A folder that goes with the process.
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
            // Somebody else's stays.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let prefix = format!("{FOLDER}{}-", std::process::id());
    tempfile::Builder::new().prefix(&prefix).tempdir()
}

/// Leaves a folder where an error names something in it.
pub(crate) fn keep(folder: TempDir) {
    // Whether it is marked or not, it stays for now.
    let _ = std::fs::write(folder.path().join(KEPT), "");
    let _ = folder.keep();
}

/// Says that the rehearsal of the app's tenant goes on, as long as this lives.
pub(crate) struct Mark {
    host: HostId,
    _beats: JoinSet<Infallible>,
}

impl Mark {
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
        // Others take it for dead after a while.
        let _ = app.store.leave(self.host).await;
    }
}

/// Removes the tenants of drills that are gone.
pub(crate) async fn remove_tenants(app: &App, actor: &Actor) -> Result<(), TenantError> {
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
