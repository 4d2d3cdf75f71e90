//! The coordinator's database calls: each is answered once, and none waits for another.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::app::App;
use crate::engine::leased::explained;
use crate::engine::stop::Stop;
use crate::ids::HostId;
use crate::lead::{Call, Input};
use crate::store::error::StoreError;
use crate::store::lease::Lease;
use crate::store::lease::advisory_lock::TenantLock;
use crate::store::lease::takeover::Holder;

/// Wait before a failed database call is retried.
const RETRY: Duration = Duration::from_millis(250);
/// Longest time for a claim. The lease row may be locked by the transaction of a hung process,
/// which the server ends after its timeout.
const CLAIM_TIME_MAX: Duration = Duration::from_secs(10);

/// The answer to a call, with its data.
pub(super) enum Done {
    Input(Input),
    Registered(HostId),
    Locked(TenantLock),
    Holder(Option<Holder>),
    Claimed(Lease),
    /// The answer to a heartbeat, with the lock's session that carried it.
    Beat(Option<TenantLock>, Input),
    /// The session of the lock failed during the heartbeat.
    LockLost,
    NextSeq(i64),
}

/// Calls in progress.
pub(super) struct Calls {
    app: App,
    silence: Duration,
    /// The registration that calls belong to. Answers to calls of an earlier registration are
    /// dropped.
    life: u32,
    calls: JoinSet<(u32, Done)>,
    /// At most one session that waits for the lock or requests it.
    locking: JoinSet<Done>,
    /// At most one write, so that the newest value is written last.
    saying: JoinSet<()>,
    to_say: Option<(HostId, bool)>,
    later: Option<Input>,
    looked: bool,
}

impl Calls {
    /// Creates an empty set of calls. `silence` limits the time of most calls. It is also the
    /// timeout after which other processes consider this one dead.
    pub(super) fn new(app: App, silence: Duration) -> Self {
        Self {
            app,
            silence,
            life: 0,
            calls: JoinSet::new(),
            locking: JoinSet::new(),
            saying: JoinSet::new(),
            to_say: None,
            later: None,
            looked: false,
        }
    }

    /// Returns the next answer. Cancel-safe.
    pub(super) async fn next(&mut self) -> Done {
        loop {
            if let Some(input) = self.later.take() {
                return Done::Input(input);
            }
            self.say_next();
            tokio::select! {
                Some(locked) = self.locking.join_next(), if !self.locking.is_empty() => {
                    return locked.unwrap_or(Done::Input(Input::LockFailed));
                }
                Some(_) = self.saying.join_next(), if !self.saying.is_empty() => (),
                Some(done) = self.calls.join_next(), if !self.calls.is_empty() => match done {
                    Ok((life, done)) if life == self.life => {
                        self.looked |= matches!(done, Done::Holder(_));
                        return done;
                    }
                    Ok(_) => (),
                    Err(error) => tracing::error!(%error, "a database call failed"),
                },
                else => std::future::pending().await,
            }
        }
    }

    /// Queues an input to be returned by the next call of `next`.
    pub(super) fn heard_later(&mut self, input: Input) {
        self.later = Some(input);
    }

    /// Returns true if the holder was read since the last registration.
    pub(super) fn has_looked(&self) -> bool {
        self.looked
    }

    /// Starts over for a new registration.
    pub(super) fn begin_anew(&mut self) {
        self.life += 1;
        self.looked = false;
        self.to_say = None;
        self.later = None;
    }

    fn call(&mut self, call: impl Future<Output = Done> + Send + 'static) {
        let life = self.life;
        self.calls.spawn(async move { (life, call.await) });
    }

    /// Registers this process under a new host id.
    pub(super) fn register(&mut self) {
        let app = self.app.for_tenant(self.app.settings.tenant.clone());
        let silence = self.silence;
        self.call(async move {
            match timeout(silence, app.register(Some(silence))).await {
                Ok(Ok(host)) => return Done::Registered(host),
                Ok(Err(error)) => tracing::warn!(%error, "the database is not available"),
                Err(_) => tracing::warn!("the database does not answer"),
            }
            Done::Input(Input::Failed(Call::Register))
        });
    }

    /// Requests the tenant's lock, and waits for it if `wait` is set.
    pub(super) fn lock(&mut self, host: Option<HostId>, wait: bool) {
        let (store, tenant) = (self.app.store.clone(), self.app.settings.tenant.clone());
        let (host, silence) = (known(host), self.silence);
        self.locking.spawn(async move {
            let locked = if wait {
                let lock = store.wait_for_lock(&tenant, host, silence).await;
                lock.map(Some)
            } else {
                match timeout(silence, store.try_lock(&tenant, host, silence)).await {
                    Ok(locked) => locked,
                    Err(_) => Err(StoreError::Busy),
                }
            };
            match locked {
                Ok(Some(lock)) => Done::Locked(lock),
                Ok(None) => Done::Input(Input::LockRefused),
                Err(error) => {
                    tracing::debug!(error = %explained(&error), "no session for the lock");
                    Done::Input(Input::LockFailed)
                }
            }
        });
    }

    /// Aborts a wait or request for the lock.
    pub(super) fn stop_locking(&mut self) {
        self.locking = JoinSet::new();
    }

    /// Reads the lease holder.
    pub(super) fn read_holder(&mut self) {
        let (store, tenant) = (self.app.store.clone(), self.app.settings.tenant.clone());
        let silence = self.silence;
        self.call(async move {
            match in_time(silence, store.holder(&tenant)).await {
                Ok(holder) => Done::Holder(holder),
                Err(error) => failed(Call::ReadHolder, &error),
            }
        });
    }

    /// Declares the holder dead if its heartbeat counter is still `beats`.
    pub(super) fn declare_dead(&mut self, host: HostId, beats: i64) {
        let (store, tenant) = (self.app.store.clone(), self.app.settings.tenant.clone());
        let silence = self.silence;
        self.call(async move {
            match in_time(silence, store.depose(&tenant, host, beats)).await {
                Ok(dead) => Done::Input(Input::Declared(dead)),
                Err(error) => failed(Call::DeclareDead, &error),
            }
        });
    }

    /// Takes the lease if it is free or its holder is dead. With `orphan`, a held file lock is
    /// ignored.
    pub(super) fn claim(&mut self, host: Option<HostId>, orphan: bool) {
        let (store, tenant) = (self.app.store.clone(), self.app.settings.tenant.clone());
        let now_ms = self.app.surroundings.clock.unix_ms();
        let host = known(host);
        self.call(async move {
            let claim = async {
                match store.claim(&tenant, host, now_ms).await {
                    // A hung process keeps its file lock although it has lost its lease.
                    Err(StoreError::LeaseHeld { .. }) if orphan => {
                        store.claim_orphan(&tenant, host, now_ms).await
                    }
                    claimed => claimed,
                }
            };
            match timeout(CLAIM_TIME_MAX, claim).await {
                Ok(Ok(lease)) => Done::Claimed(lease),
                Ok(Err(StoreError::LeaseHeld { .. })) => Done::Input(Input::ClaimRefused),
                Ok(Err(StoreError::CommitUnknown(_))) | Err(_) => Done::Input(Input::ClaimUnknown),
                Ok(Err(error)) => failed(Call::Claim, &error),
            }
        });
    }

    /// Sends a heartbeat, in the lock's session if there is one.
    pub(super) fn beat(&mut self, host: Option<HostId>, lock: Option<TenantLock>) {
        let (store, silence) = (self.app.store.clone(), self.silence);
        let now_ms = self.app.surroundings.clock.unix_ms();
        let host = known(host);
        self.call(async move {
            let Some(mut lock) = lock else {
                let beat = in_time(silence, store.heartbeat(host, now_ms)).await;
                return Done::Beat(None, beaten(beat));
            };
            match in_time(silence, lock.beat()).await {
                Ok(beats) => Done::Beat(Some(lock), beaten(Ok(beats))),
                Err(_) => Done::LockLost,
            }
        });
    }

    /// Checks that the lease row still names this process.
    pub(super) fn check(&mut self, lease: Option<Lease>) {
        let (store, silence) = (self.app.store.clone(), self.silence);
        self.call(async move {
            let Some(lease) = lease else {
                return Done::Input(Input::TokenLost);
            };
            match in_time(silence, store.holds(&lease)).await {
                Ok(true) => Done::Input(Input::TokenStands),
                Ok(false) => Done::Input(Input::TokenLost),
                Err(error) => failed(Call::CheckToken, &error),
            }
        });
    }

    /// Reads the number of the next event, and retries until the database answers.
    pub(super) fn next_seq(&mut self, stop: Stop) {
        let app = self.app.for_tenant(self.app.settings.tenant.clone());
        self.call(async move {
            loop {
                match app.last_seq().await {
                    Ok(last) => return Done::NextSeq(last + 1),
                    Err(error) => tracing::warn!(%error, "events cannot be read"),
                }
                if !stop.sleep(RETRY).await {
                    // The account is stopped before it starts.
                    return Done::NextSeq(i64::MAX);
                }
            }
        });
    }

    /// Sends a standby's heartbeat. It only prevents that others declare this process dead, so a
    /// failure has no effect, and the next heartbeat follows.
    pub(super) fn stand(&mut self, host: HostId) {
        let (store, silence) = (self.app.store.clone(), self.silence);
        let now_ms = self.app.surroundings.clock.unix_ms();
        self.call(async move {
            match in_time(silence, store.heartbeat(host, now_ms)).await {
                Ok(None) => Done::Input(Input::BeatRefused),
                Ok(Some(_)) | Err(_) => Done::Input(Input::Tick),
            }
        });
    }

    /// Gives back the lease. The answer is the same after a failure.
    pub(super) fn release(&mut self, lease: Option<Lease>) {
        let app = self.app.for_tenant(self.app.settings.tenant.clone());
        self.call(async move {
            if let Some(lease) = lease {
                app.release(lease).await;
            }
            Done::Input(Input::Released)
        });
    }

    /// Records whether a free lock means that this process is dead. The newest value is written
    /// last.
    pub(super) fn say_liveness(&mut self, host: Option<HostId>, locks: bool) {
        self.to_say = host.map(|host| (host, locks));
        self.say_next();
    }

    fn say_next(&mut self) {
        if !self.saying.is_empty() {
            return;
        }
        if let Some((host, locks)) = self.to_say.take() {
            let (store, silence) = (self.app.store.clone(), self.silence);
            self.saying.spawn(async move {
                // If this fails, others rely on the heartbeat counter alone.
                if let Err(error) = in_time(silence, store.set_liveness(host, locks)).await {
                    tracing::debug!(error = %explained(&error), "liveness is not written");
                }
            });
        }
    }
}

/// Returns the host id: the machine claims, locks and sends heartbeats only after registration.
fn known(host: Option<HostId>) -> HostId {
    host.expect("a process that is not registered claims nothing")
}

fn beaten(beat: Result<Option<i64>, StoreError>) -> Input {
    match beat {
        Ok(Some(_)) => Input::BeatAcked,
        Ok(None) => Input::BeatRefused,
        Err(error) => {
            tracing::warn!(error = %explained(&error), "no heartbeat");
            Input::BeatFailed
        }
    }
}

fn failed(call: Call, error: &StoreError) -> Done {
    let asked = call.word();
    tracing::warn!(asked, error = %explained(error), "the database is not available");
    Done::Input(Input::Failed(call))
}

async fn in_time<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match timeout(limit, call).await {
        Ok(answer) => answer,
        Err(_) => Err(StoreError::Busy),
    }
}
