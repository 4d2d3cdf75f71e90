//! The hosts around: notices when another one does not live any more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use crate::engine::leased::explained;
use crate::ids::HostId;
use crate::ops::serve::placement::Peer;
use crate::store::Store;
use crate::store::fleet::HostRow;

/// How often others are looked at: on a server, and in a file.
const SWEEP: Duration = Duration::from_millis(75);
const SWEEP_FILE: Duration = Duration::from_secs(1);
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
            SWEEP_FILE
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
