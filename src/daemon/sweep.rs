//! Processes that held nothing when they ended without a word: declares them dead, and forgets them
//! later. Nothing depends on it but the rows that people look at.

use std::convert::Infallible;
use std::time::Duration;

use crate::app::App;
use crate::clock::Surroundings;
use crate::engine::leased::explained;
use crate::ids::HostId;
use crate::lead::fleet::{Observer, Sign};
use crate::store::Store;
use crate::store::error::StoreError;

/// How often others are looked at.
const LOOK: Duration = Duration::from_secs(10);
/// Whoever looks later than that was stopped itself, as others on its machine may have been.
const GAP_MS: u64 = 30_000;
/// Looks between two times that those long dead are forgotten.
const FORGET: u32 = 360;

/// Watches processes that hold nothing, by its own clock.
pub struct Sweeper {
    store: Store,
    observer: Observer,
    looked_ms: u64,
}

impl Sweeper {
    /// Has seen nothing yet.
    pub fn new(app: &App) -> Self {
        Self {
            store: app.store.clone(),
            observer: Observer::of_idle(),
            looked_ms: 0,
        }
    }

    /// Looks once, at `now_ms` of a clock that goes on while the machine sleeps; who was declared
    /// dead.
    pub async fn look(&mut self, now_ms: u64) -> Result<Vec<HostId>, StoreError> {
        if self.looked_ms + GAP_MS < now_ms {
            self.observer.blind(now_ms);
        }
        self.looked_ms = now_ms;
        let idle = self.store.idle_hosts().await.inspect_err(|_| {
            self.observer.blind(now_ms);
        })?;
        let sign = |(host, beats)| Sign {
            host,
            beats,
            serves: false,
            locks: false,
            locked: false,
            silence_ms: None,
        };
        let signs: Vec<Sign> = idle.into_iter().map(sign).collect();
        let mut dead = Vec::new();
        for (host, beats) in self.observer.look(now_ms, now_ms, &signs) {
            // Not if it spoke meanwhile.
            if self.store.declare_dead(host, beats).await? {
                dead.push(host);
            }
        }
        Ok(dead)
    }

    /// Looks for ever.
    pub(crate) async fn keep(mut self, surroundings: Surroundings) -> Infallible {
        for number in 0_u32.. {
            match self.look(surroundings.clock.boot_ms()).await {
                Ok(dead) if dead.is_empty() => (),
                Ok(dead) => tracing::info!(processes = dead.len(), "gone without a word"),
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
