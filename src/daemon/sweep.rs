//! Declares processes dead that ended without a notice while they held no lease, and removes their
//! rows later. Only the rows shown to operators depend on it.

use std::convert::Infallible;
use std::time::Duration;

use crate::app::App;
use crate::clock::Surroundings;
use crate::engine::leased::explained;
use crate::ids::HostId;
use crate::lead::fleet::{HostSighting, Observer};
use crate::store::Store;
use crate::store::error::StoreError;

/// Interval at which other processes are observed.
const LOOK: Duration = Duration::from_secs(10);
/// A longer gap in ms means that this process was paused, and maybe others on its machine too.
const GAP_MS: u64 = 30_000;
/// Number of observations between two removals of rows of dead processes.
const FORGET: u32 = 360;

/// Observes processes without leases, by its own clock.
pub struct Sweeper {
    store: Store,
    observer: Observer,
    looked_ms: u64,
}

impl Sweeper {
    /// Creates a sweeper without observations.
    pub fn new(app: &App) -> Self {
        Self {
            store: app.store.clone(),
            observer: Observer::of_idle(),
            looked_ms: 0,
        }
    }

    /// Observes once, at `now_ms` of a clock that also runs while the machine sleeps. Returns the
    /// processes declared dead.
    pub async fn look(&mut self, now_ms: u64) -> Result<Vec<HostId>, StoreError> {
        if self.looked_ms + GAP_MS < now_ms {
            self.observer.blind(now_ms);
        }
        self.looked_ms = now_ms;
        let idle = self.store.idle_hosts().await.inspect_err(|_| {
            self.observer.blind(now_ms);
        })?;
        let sign = |(host, beats)| HostSighting {
            host,
            beats,
            serves: false,
            locks: false,
            locked: false,
            silence_ms: None,
        };
        let signs: Vec<HostSighting> = idle.into_iter().map(sign).collect();
        let mut dead = Vec::new();
        for (host, beats) in self.observer.look(now_ms, now_ms, &signs) {
            // Returns false if the process sent a heartbeat meanwhile.
            if self.store.declare_dead(host, beats).await? {
                dead.push(host);
            }
        }
        Ok(dead)
    }

    /// Observes forever.
    pub(crate) async fn keep(mut self, surroundings: Surroundings) -> Infallible {
        for number in 0_u32.. {
            match self.look(surroundings.clock.boot_ms()).await {
                Ok(dead) if dead.is_empty() => (),
                Ok(dead) => tracing::info!(processes = dead.len(), "removed dead processes"),
                Err(error) => tracing::debug!(error = %explained(&error), "nobody is looked at"),
            }
            if number % FORGET == 0 {
                let forgotten = self.store.forget_dead_hosts(surroundings.clock.unix_ms());
                if let Err(error) = forgotten.await {
                    tracing::debug!(error = %explained(&error), "the dead are not forgotten");
                }
            }
            tokio::time::sleep(LOOK).await;
        }
        std::future::pending().await
    }
}
