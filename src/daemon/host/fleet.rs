//! Observation of the other hosts: detects which are dead.
//!
//! [`crate::lead::fleet`] decides. This module reads the rows and carries the decisions out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::app::App;
use crate::app::vitals::StatusBoard;
use crate::clock::Clock;
use crate::daemon::host::heartbeat::OwnHeartbeats;
use crate::engine::leased::explained;
use crate::ids::HostId;
use crate::lead::fleet::{HostSighting, Observer, Peer};
use crate::metrics::Metrics;
use crate::store::Store;
use crate::store::lease::hosts::HostRow;

/// Interval between two reads of the hosts: with a database server, and with a file.
const SWEEP: Duration = Duration::from_millis(50);
const SWEEP_FILE: Duration = Duration::from_secs(1);

/// What a host knows of the fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fleet {
    /// Live hosts that take tenants; without this one while it drains.
    pub(super) peers: Vec<Peer>,
}

/// Observes the other hosts, declares dead ones dead, and publishes the live ones.
pub(super) struct Watcher {
    store: Store,
    clock: Arc<dyn Clock>,
    host: HostId,
    silence: Duration,
    own: watch::Receiver<OwnHeartbeats>,
    fleet: watch::Sender<Fleet>,
    wake: Arc<Notify>,
    metrics: Metrics,
    board: StatusBoard,
    /// Other hosts with the name of this one. Each has the counter that was seen first, or `None`
    /// after the warning.
    namesakes: BTreeMap<HostId, Option<i64>>,
}

impl Watcher {
    /// Creates a watcher that publishes the live hosts to `fleet`, and notifies `wake` when they
    /// change.
    pub(super) fn new(
        app: &App,
        host: HostId,
        silence: Duration,
        own: watch::Receiver<OwnHeartbeats>,
        fleet: watch::Sender<Fleet>,
        wake: Arc<Notify>,
    ) -> Self {
        Self {
            store: app.store.clone(),
            clock: app.surroundings.clock.clone(),
            host,
            silence,
            own,
            fleet,
            wake,
            metrics: app.metrics.clone(),
            board: app.board.clone(),
            namesakes: BTreeMap::new(),
        }
    }

    /// Observes forever. Never returns.
    pub(super) async fn keep(mut self) {
        let sweep = if self.store.has_locks() {
            SWEEP
        } else {
            SWEEP_FILE
        };
        let silence_ms = u64::try_from(self.silence.as_millis()).unwrap_or(u64::MAX);
        // If the server does not report its uptime, assume that it started just now.
        let server = timeout(self.silence, self.store.server_ms()).await;
        let server_ms = server.map_or(Some(0), |known| known.unwrap_or(Some(0)));
        let mut observer = Observer::new(self.host, silence_ms, self.clock.boot_ms(), server_ms);
        let mut logins = JoinSet::new();
        loop {
            let began_ms = self.clock.boot_ms();
            let signs = timeout(self.silence, self.store.signs_of_life()).await;
            let own = *self.own.borrow();
            observer.beaten(own.beaten_ms);
            if let Some(lost_ms) = own.lost_ms {
                observer.lost_lock(lost_ms);
            }
            while let Some(login) = logins.try_join_next() {
                if let Ok(Some((began_ms, now_ms))) = login {
                    observer.logged_in(began_ms, now_ms);
                }
            }
            match signs {
                Ok(Ok(hosts)) => self.look(began_ms, &hosts, &mut observer).await,
                Ok(Err(_)) | Err(_) => observer.blind(self.clock.boot_ms()),
            }
            if observer.wants_login() && logins.is_empty() {
                let (store, clock) = (self.store.clone(), self.clock.clone());
                logins.spawn(login(store, clock, self.silence));
            }
            tokio::time::sleep(sweep).await;
        }
    }

    async fn look(&mut self, began_ms: u64, hosts: &[HostRow], observer: &mut Observer) {
        let signs = hosts.iter().map(|host| HostSighting {
            host: host.id,
            beats: host.beats,
            serves: host.serves,
            locks: host.locks,
            locked: host.locked,
            silence_ms: host.silence_ms,
        });
        let signs: Vec<HostSighting> = signs.collect();
        let dead = observer.look(began_ms, self.clock.boot_ms(), &signs);
        self.look_for_namesakes(hosts);
        let mut peers = Vec::new();
        for host in hosts {
            if let Some((_, beats)) = dead.iter().find(|(id, _)| *id == host.id) {
                self.declare(host, *beats).await;
            } else if host.serves && !host.draining {
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

    /// Warns once about each other live host that has the name of this one.
    fn look_for_namesakes(&mut self, hosts: &[HostRow]) {
        let own = hosts.iter().find(|host| host.id == self.host);
        let Some(name) = own.map(|host| &host.name) else {
            return;
        };
        let others = |host: &&HostRow| host.serves && host.id != self.host && host.name == *name;
        let others: Vec<&HostRow> = hosts.iter().filter(others).collect();
        self.namesakes
            .retain(|id, _| others.iter().any(|host| host.id == *id));
        for host in others {
            let first = self.namesakes.entry(host.id).or_insert(Some(host.beats));
            // If its counter stands still, it is the row of an earlier process.
            if first.is_some_and(|beats| beats < host.beats) {
                *first = None;
                tracing::warn!(
                    name,
                    other = %host.id,
                    pid = host.pid,
                    "another live host has the same name: commands that name it mean both hosts; \
                     give each its own with --name"
                );
            }
        }
    }

    async fn declare(&self, host: &HostRow, beats: i64) {
        match self.store.declare_dead(host.id, beats).await {
            Ok(true) => {
                tracing::warn!(host = host.name, pid = host.pid, "a host is dead");
                self.fence(host.id).await;
                self.wake.notify_one();
            }
            // A heartbeat came in between, or another host declared it first.
            Ok(false) => (),
            Err(error) => {
                tracing::warn!(error = %explained(&error), "could not declare a host dead")
            }
        }
    }

    /// Ends the database sessions and leases of a dead host. On a failure, its row still marks it
    /// dead.
    async fn fence(&self, host: HostId) {
        if !self.store.has_locks() {
            return;
        }
        match timeout(self.silence, self.store.fence_dead(host)).await {
            Ok(Ok(fenced)) => self.board.took_over(&self.metrics, fenced),
            Ok(Err(error)) => {
                tracing::warn!(error = %explained(&error), "could not fence a dead host at once")
            }
            Err(_) => tracing::warn!("could not fence a dead host in time"),
        }
    }
}

/// Logs in to the database once. Returns the start and end in ms; `None` on failure.
async fn login(store: Store, clock: Arc<dyn Clock>, limit: Duration) -> Option<(u64, u64)> {
    let began_ms = clock.boot_ms();
    timeout(limit, store.login()).await.ok()?.ok()?;
    Some((began_ms, clock.boot_ms()))
}
