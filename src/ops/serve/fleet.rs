//! The hosts around: says that this one lives, and notices when another does not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::clock::Surroundings;
use crate::engine::leased::explained;
use crate::ids::HostId;
use crate::ops::serve::placement::Peer;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::fleet::{HostLock, HostRow};

/// How often the heartbeat is counted up.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How often the lock's session is asked whether it is still there.
const PING: Duration = Duration::from_millis(100);
/// How often others are looked at.
const SWEEP: Duration = Duration::from_millis(75);
/// How long a lock may be free before its host is taken for dead: one that lives and only lost the
/// session has it back by then.
const LOCK_GRACE: Duration = Duration::from_millis(200);
/// A process that runs one account may have been told to take its time.
const OTHERS_SILENCE: Duration = Duration::from_secs(120);

/// What a host sees of itself and the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fleet {
    /// Hosts that live and take tenants; without this one while it drains.
    pub(super) peers: Vec<Peer>,
}

/// Says that this host lives until it was declared dead; then cancels `lost`.
pub(super) struct Keeper {
    pub(super) store: Store,
    pub(super) surroundings: Surroundings,
    pub(super) host: HostId,
    pub(super) silence: Duration,
    pub(super) lost: CancellationToken,
    pub(super) end: CancellationToken,
}

impl Keeper {
    pub(super) async fn keep(self) {
        let mut lock = None;
        let mut beat_at = Instant::now();
        while !self.end.is_cancelled() {
            if lock.is_none() {
                lock = self.lock_again().await;
            }
            let pause = if lock.is_some() { PING } else { HEARTBEAT };
            tokio::select! {
                () = self.end.cancelled() => break,
                () = tokio::time::sleep(pause) => (),
            }
            let due = beat_at <= Instant::now();
            if due {
                beat_at = Instant::now() + HEARTBEAT;
            }
            match self.say(&mut lock, due).await {
                Ok(true) => (),
                Ok(false) => {
                    tracing::error!("this host was declared dead, its tenants are lost");
                    self.lost.cancel();
                    break;
                }
                Err(error) => {
                    tracing::warn!(error = %explained(&error), "no heartbeat");
                    if lock.take().is_some() {
                        self.say_liveness(false).await;
                    }
                }
            }
        }
        if let Some(lock) = lock {
            lock.release().await;
        }
    }

    /// One sign of life; false if the host was declared dead.
    async fn say(&self, lock: &mut Option<HostLock>, beat: bool) -> Result<bool, StoreError> {
        let now_ms = self.surroundings.clock.unix_ms();
        let said = async {
            match (lock, beat) {
                (Some(lock), true) => lock.beat().await.map(|b| b.is_some()),
                (Some(lock), false) => lock.ping().await.map(|()| true),
                (None, true) => self
                    .store
                    .heartbeat(self.host, now_ms)
                    .await
                    .map(|b| b.is_some()),
                (None, false) => Ok(true),
            }
        };
        match timeout(self.silence, said).await {
            Ok(said) => said,
            Err(_) => Err(StoreError::Busy),
        }
    }

    async fn lock_again(&self) -> Option<HostLock> {
        let lock = timeout(self.silence, self.store.lock_host(self.host, self.silence)).await;
        let lock = lock.ok()?.ok()??;
        self.say_liveness(true).await;
        Some(lock)
    }

    async fn say_liveness(&self, locks: bool) {
        // Where it cannot be written, the heartbeat alone tells.
        let said = timeout(HEARTBEAT, self.store.set_liveness(self.host, locks)).await;
        if !matches!(said, Ok(Ok(()))) {
            tracing::debug!("liveness is not written");
        }
    }
}

/// What is known of one other host, by this host's own clock.
struct Seen {
    beats: i64,
    moved: Instant,
    unlocked: Option<Instant>,
}

/// Looks at the others, declares dead who is, and tells who is left.
pub(super) struct Watcher {
    pub(super) store: Store,
    pub(super) host: HostId,
    pub(super) silence: Duration,
    pub(super) fleet: watch::Sender<Fleet>,
    pub(super) wake: Arc<Notify>,
}

impl Watcher {
    /// Never ends by itself.
    pub(super) async fn keep(self) {
        let sweep = if self.store.has_locks() {
            SWEEP
        } else {
            HEARTBEAT
        };
        let mut seen: BTreeMap<HostId, Seen> = BTreeMap::new();
        // After an outage everybody gets the time to be back.
        let mut trusted = Instant::now();
        loop {
            match timeout(self.silence, self.store.signs_of_life()).await {
                Ok(Ok(hosts)) => self.look(&hosts, &mut seen, trusted).await,
                Ok(Err(_)) | Err(_) => {
                    seen.clear();
                    trusted = Instant::now() + self.silence;
                }
            }
            tokio::time::sleep(sweep).await;
        }
    }

    async fn look(&self, hosts: &[HostRow], seen: &mut BTreeMap<HostId, Seen>, trusted: Instant) {
        let now = Instant::now();
        seen.retain(|id, _| hosts.iter().any(|host| host.id == *id));
        let mut peers = Vec::new();
        for host in hosts {
            if host.id != self.host && self.is_dead(host, seen, now, trusted) {
                self.declare(host).await;
                continue;
            }
            if host.serves && !host.draining {
                peers.push(Peer {
                    id: host.id,
                    name: host.name.clone(),
                    capacity: usize::try_from(host.capacity).unwrap_or(0),
                });
            }
        }
        let fleet = Fleet { peers };
        let changed = self.fleet.send_if_modified(|known| {
            let changed = *known != fleet;
            *known = fleet;
            changed
        });
        if changed {
            self.wake.notify_one();
        }
    }

    fn is_dead(
        &self,
        host: &HostRow,
        seen: &mut BTreeMap<HostId, Seen>,
        now: Instant,
        trusted: Instant,
    ) -> bool {
        let known = seen.entry(host.id).or_insert(Seen {
            beats: host.beats,
            moved: now,
            unlocked: None,
        });
        if known.beats != host.beats {
            known.beats = host.beats;
            known.moved = now;
        }
        let lost = host.serves && host.locks && !host.locked;
        known.unlocked = lost.then_some(known.unlocked.unwrap_or(now));
        let silence = if host.serves {
            self.silence
        } else {
            OTHERS_SILENCE
        };
        let lock_gone = known
            .unlocked
            .is_some_and(|since| LOCK_GRACE <= now - since);
        silence <= now - known.moved || (lock_gone && trusted <= now)
    }

    async fn declare(&self, host: &HostRow) {
        match self.store.declare_dead(host.id, host.beats).await {
            Ok(true) => {
                tracing::warn!(host = host.name, pid = host.pid, "a host is gone");
                self.wake.notify_one();
            }
            // A heartbeat came in between, or another host was first.
            Ok(false) => (),
            Err(error) => tracing::warn!(error = %explained(&error), "not declared dead"),
        }
    }
}
