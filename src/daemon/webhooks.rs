//! Delivers the events of one tenant while its lease is held.
//!
//! Each webhook has its own task, so that one that never answers delays no other. All progress is
//! in the database. Another process continues from there, and repeats an event that was in transit
//! under the same id.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::Instrument as _;

use crate::app::App;
use crate::app::event::Event;
use crate::app::shapes::{API_VERSION, time};
use crate::app::webhooks::WebhookRegistry;
use crate::clock::Surroundings;
use crate::config::webhook::{Delivery, HookUrl};
use crate::crypto::mac::hmac_sha256;
use crate::crypto::random;
use crate::engine::leased::explained;
use crate::engine::status::Status;
use crate::ids::TenantId;
use crate::metrics::Metrics;
use crate::net::webhook::{Post, PostError, WebhookAnswer, WebhookConnection};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::lease::Lease;
use crate::store::webhooks::cursor::{Due, Outcome};
use crate::store::webhooks::{Webhook, WebhookPosition};

/// Most events that are read at once.
const PAGE: u32 = 32;
/// Most bytes of a request's body, unless a single event is larger.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Wait before a failed database call is retried.
const RETRY: Duration = Duration::from_secs(1);
/// Idle time after which the connection is closed and the position behind skipped events is
/// written.
const IDLE: Duration = Duration::from_secs(2);
/// Longest time to deliver the last events of an account that ended.
const LAST_TIME_MAX: Duration = Duration::from_secs(10);
const LAST_LOOK: Duration = Duration::from_millis(100);

/// State shared by the tasks of one tenant.
#[derive(Clone)]
struct Common {
    hooks: Arc<WebhookRegistry>,
    store: Store,
    lease: Lease,
    surroundings: Surroundings,
    metrics: Metrics,
    /// Changes when there are new events.
    status: watch::Receiver<Status>,
}

/// The delivery tasks of one tenant.
pub(crate) struct DeliveryTasks {
    /// `None` if this process delivers no events.
    common: Option<Common>,
    couriers: JoinSet<()>,
    running: BTreeMap<String, Id>,
    mark: Option<i64>,
    /// Counts changes of the tenant's webhooks.
    changes: watch::Sender<u64>,
}

impl DeliveryTasks {
    /// Creates the deliveries of the tenant of `lease`. `status` changes with each new event.
    pub(crate) fn new(app: &App, lease: Lease, status: watch::Receiver<Status>) -> Self {
        let common = app.webhooks.clone().map(|hooks| Common {
            hooks,
            store: app.store.clone(),
            lease,
            surroundings: app.surroundings.clone(),
            metrics: app.metrics.clone(),
            status,
        });
        Self {
            common,
            couriers: JoinSet::new(),
            running: BTreeMap::new(),
            mark: None,
            changes: watch::Sender::default(),
        }
    }

    /// Delivers all committed events. Never returns; it may be dropped and called again.
    pub(crate) async fn keep(&mut self) -> Infallible {
        let Some(common) = self.common.clone() else {
            return std::future::pending().await;
        };
        let (hooks, tenant) = (&common.hooks, &common.lease.tenant);
        loop {
            tokio::select! {
                mark = hooks.changed(&common.store, tenant, self.mark) => {
                    self.mark = mark;
                    if let Err(error) = Box::pin(self.follow(&common)).await {
                        tracing::warn!(error = %explained(&error), "webhooks could not be read");
                        self.mark = None;
                        sleep(RETRY).await;
                    }
                }
                Some(ended) = self.couriers.join_next_with_id(), if !self.couriers.is_empty() => {
                    let id = match ended {
                        Ok((id, ())) => id,
                        Err(error) => {
                            tracing::error!(%error, "a delivery task failed");
                            // The task starts again with the next read of the webhooks.
                            self.mark = None;
                            sleep(RETRY).await;
                            error.id()
                        }
                    };
                    self.running.retain(|_, running| *running != id);
                }
            }
        }
    }

    /// Starts a task for each webhook without one, and makes the others read their webhook again.
    async fn follow(&mut self, common: &Common) -> Result<(), StoreError> {
        for (webhook, _) in common.store.webhooks(&common.lease.tenant).await? {
            if self.running.contains_key(&webhook.id) {
                continue;
            }
            let courier = Courier {
                common: common.clone(),
                id: webhook.id.clone(),
                changes: self.changes.subscribe(),
                known: None,
                letters: true,
                after_letter: false,
                page: VecDeque::new(),
                seen: 0,
                open: None,
                over: false,
            };
            let handle = self.couriers.spawn(courier.run().in_current_span());
            self.running.insert(webhook.id, handle.id());
        }
        self.changes.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Delivers the account's last events, for at most [`LAST_TIME_MAX`]: no process runs the
    /// account afterwards.
    pub(crate) async fn finish(&mut self) {
        let Some(common) = self.common.clone() else {
            return;
        };
        let delivered = async {
            while common.has_fresh_events().await {
                sleep(LAST_LOOK).await;
            }
        };
        tokio::select! {
            () = delivered => (),
            () = sleep(LAST_TIME_MAX) => (),
            never = self.keep() => match never {},
        }
    }
}

impl Common {
    /// Returns true if an active webhook has undelivered events and no failed attempt.
    async fn has_fresh_events(&self) -> bool {
        let tenant = &self.lease.tenant;
        for (webhook, place) in self.store.webhooks(tenant).await.unwrap_or_default() {
            let waits = self.store.backlog(tenant, &webhook, &place).await;
            let waits = waits.is_ok_and(|backlog| 0 < backlog.events);
            if waits && webhook.paused.is_none() && place.attempts == 0 {
                return true;
            }
        }
        false
    }

    /// Returns true if a failed event is over its limit of attempts or age, and becomes a dead
    /// letter.
    async fn is_hopeless(&self, attempts: i64, stored_ms: i64) -> Result<bool, StoreError> {
        let Delivery {
            attempts_max,
            age_max,
            ..
        } = self.hooks.delivery;
        if i64::from(attempts_max) <= attempts {
            return Ok(true);
        }
        let now_ms = self.store.retention_clock(self.now_ms());
        let age_ms = u64::try_from(now_ms.await? - stored_ms).unwrap_or(0);
        Ok(age_max <= Duration::from_millis(age_ms))
    }

    fn now_ms(&self) -> i64 {
        self.surroundings.clock.unix_ms()
    }
}

/// What a courier does next.
enum Next {
    /// Continue: there may be more to do.
    Again,
    /// Wait until this time, or until the webhook is changed.
    Retry(Instant),
    /// Wait for events.
    Events,
    /// Wait until the webhook is changed.
    Change,
    /// The webhook was removed.
    Removed,
}

/// The task of one webhook.
struct Courier {
    common: Common,
    id: String,
    changes: watch::Receiver<u64>,
    /// The rows as this task last read or changed them.
    known: Option<(Webhook, WebhookPosition)>,
    /// There may be dead letters to redeliver; they alternate with events.
    letters: bool,
    after_letter: bool,
    page: VecDeque<Due>,
    /// The highest event number examined so far. Events that the webhook does not subscribe to are
    /// skipped.
    seen: i64,
    open: Option<WebhookConnection>,
    /// The session ended: no more events come.
    over: bool,
}

impl Courier {
    async fn run(mut self) {
        loop {
            self.common.status.mark_unchanged();
            if self.changes.has_changed().unwrap_or(false) {
                self.renew();
            }
            let next = match self.step().await {
                Ok(next) => next,
                // The account learns of the lost lease by itself, and drops this task.
                Err(StoreError::LeaseLost { .. }) => std::future::pending().await,
                Err(error) => self.failed(&error),
            };
            if !self.wait(next).await {
                return;
            }
        }
    }

    /// Drops cached rows, which may be out of date.
    fn forget(&mut self) {
        self.known = None;
        self.page.clear();
    }

    fn renew(&mut self) {
        self.changes.mark_unchanged();
        self.letters = true;
        self.forget();
    }

    fn failed(&mut self, error: &StoreError) -> Next {
        tracing::warn!(error = %explained(error), "webhooks are not delivered, retrying");
        self.forget();
        Next::Retry(Instant::now() + RETRY)
    }

    /// Waits as `next` says. Returns false if the task is to end.
    async fn wait(&mut self, next: Next) -> bool {
        let (until, events) = match next {
            Next::Again => return true,
            Next::Removed => return false,
            Next::Retry(at) => (Some(at), false),
            Next::Change => (None, false),
            Next::Events => {
                let passed = self
                    .known
                    .as_ref()
                    .is_some_and(|(_, it)| it.seq < self.seen);
                let rest = self.open.is_some() || passed;
                (rest.then(|| Instant::now() + IDLE), true)
            }
        };
        tokio::select! {
            changed = self.changes.changed() => match changed {
                Ok(()) => self.renew(),
                // The sender of changes was dropped, and this task is dropped with it.
                Err(_) => std::future::pending().await,
            },
            told = self.common.status.changed(), if events && !self.over => {
                // The session ended: one more read finds its last events.
                self.over = told.is_err();
            }
            () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {
                if events && let Err(error) = self.rest().await {
                    self.failed(&error);
                }
            }
        }
        true
    }

    /// Closes the connection and writes the position, before an idle time.
    async fn rest(&mut self) -> Result<(), StoreError> {
        self.open = None;
        self.pass_over().await
    }

    /// Writes the position behind skipped events.
    async fn pass_over(&mut self) -> Result<(), StoreError> {
        if let Some((_, place)) = &self.known
            && place.seq < self.seen
        {
            let (from, to) = (place.seq, self.seen);
            let delivered = 0;
            self.settle(&Outcome::Passed {
                from,
                to,
                delivered,
            })
            .await?;
        }
        Ok(())
    }

    /// Writes the outcome of a delivery. If the rows have changed meanwhile, they are read again.
    async fn settle(&mut self, outcome: &Outcome) -> Result<(), StoreError> {
        let Common { store, lease, .. } = &self.common;
        let settled = store.settle(lease, &self.id, outcome, self.common.now_ms());
        let settled = settled.await?;
        match (&mut self.known, outcome) {
            (Some((_, place)), Outcome::Passed { to, .. }) if settled => {
                place.seq = *to;
                place.attempts = 0;
            }
            (Some((_, place)), Outcome::Failed { .. }) if settled => place.attempts += 1,
            (Some((_, place)), Outcome::Tested { name, .. }) if settled => place.test_done = *name,
            (_, Outcome::LetterDelivered { .. } | Outcome::LetterFailed { .. }) => (),
            _ => self.forget(),
        }
        Ok(())
    }

    async fn step(&mut self) -> Result<Next, StoreError> {
        let tenant = self.common.lease.tenant.clone();
        let (webhook, place) = match &self.known {
            Some(known) => known.clone(),
            None => match self.common.store.webhook(&tenant, &self.id).await? {
                None => return Ok(Next::Removed),
                Some(known) => {
                    self.seen = known.1.seq;
                    self.known = Some(known.clone());
                    known
                }
            },
        };
        if webhook.test_asked != 0 && webhook.test_asked != place.test_done {
            return self.test(&webhook).await;
        }
        if webhook.paused.is_some() {
            self.open = None;
            return Ok(Next::Change);
        }
        if self.letters && !self.after_letter {
            match self.common.store.due_letter(&tenant, &self.id).await? {
                Some((due, tries)) => {
                    self.after_letter = true;
                    return self.letter(&webhook, due, tries).await;
                }
                None => self.letters = false,
            }
        }
        self.after_letter = false;
        self.fill(&webhook, &tenant).await?;
        match self.page.is_empty() {
            false => self.deliver(&webhook, &place).await,
            true if self.letters => Ok(Next::Again),
            true => Ok(Next::Events),
        }
    }

    /// Reads ahead to the next event that the webhook subscribes to, if there is one.
    async fn fill(&mut self, webhook: &Webhook, tenant: &TenantId) -> Result<(), StoreError> {
        loop {
            while let Some((event, _)) = self.page.front() {
                if wants(webhook, &event.kind) {
                    return Ok(());
                }
                self.seen = event.seq;
                self.page.pop_front();
            }
            let after = self.seen;
            self.page = self.common.store.due(tenant, after, PAGE).await?.into();
            if self.page.is_empty() {
                return Ok(());
            }
            if self.page.len() == PAGE as usize {
                self.pass_over().await?;
                if self.known.is_none() {
                    return Ok(());
                }
            }
        }
    }

    /// Sends the next event, or a batch of events.
    async fn deliver(
        &mut self,
        webhook: &Webhook,
        place: &WebhookPosition,
    ) -> Result<Next, StoreError> {
        // After a failure, the event is sent alone: it may be the only one that the receiver
        // rejects.
        let most = if place.attempts == 0 {
            webhook.batch
        } else {
            1
        };
        let most = usize::try_from(most).unwrap_or(1);
        let wanted = self.page.iter().filter(|due| wants(webhook, &due.0.kind));
        let (mut events, mut bytes, mut to) = (Vec::new(), 0, place.seq);
        for due in wanted.take(most) {
            let event = body(&self.common.lease.tenant, due);
            let text = event.to_string();
            bytes += text.len();
            if !events.is_empty() && BODY_BYTES_MAX < bytes {
                break;
            }
            to = due.0.seq;
            events.push(event);
        }
        let Some((first, stored_ms)) = self.page.front() else {
            return Ok(Next::Again);
        };
        let (from, first, stored_ms) = (place.seq, first.seq, *stored_ms);
        let delivered = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let (failure, retry_after) = match self.send(webhook, events, place.attempts + 1).await {
            Ok(answer) if is_taken(answer) => {
                self.page.retain(|(event, _)| to < event.seq);
                self.seen = to;
                let passed = Outcome::Passed {
                    from,
                    to,
                    delivered,
                };
                self.settle(&passed).await?;
                return Ok(Next::Again);
            }
            Ok(WebhookAnswer { status: 410, .. }) => {
                let failure = String::from("the receiver answered 410: paused");
                self.settle(&Outcome::Gone { from, failure }).await?;
                return Ok(Next::Again);
            }
            Ok(answer) => (refusal(answer), answer.retry_after),
            Err(error) => (error.to_string(), None),
        };
        let attempts = place.attempts + 1;
        let wait = self.pause(attempts, retry_after);
        if self.common.is_hopeless(attempts, stored_ms).await? {
            self.common.metrics.delivered("dead", 1);
            let to = first;
            self.settle(&Outcome::Dead { from, to, failure }).await?;
            // The next event starts with a short wait: it may succeed.
            return Ok(Next::Retry(Instant::now() + self.pause(1, None)));
        }
        self.settle(&Outcome::Failed { from, failure }).await?;
        Ok(Next::Retry(Instant::now() + wait))
    }

    /// Returns the wait after `attempts` failures in a row. It doubles each time, with a random
    /// factor, and is at least the receiver's `Retry-After`, within [`Delivery::WAIT_MAX`].
    fn pause(&self, attempts: i64, asked: Option<Duration>) -> Duration {
        let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(30);
        let first = self.common.hooks.delivery.first_wait;
        let wait = first.saturating_mul(1 << doublings).min(Delivery::WAIT_MAX);
        let [random] = random::bytes(&mut *self.common.surroundings.entropy.random());
        let wait = wait * (u32::from(random) + 256) / 512;
        wait.max(asked.unwrap_or_default().min(Delivery::WAIT_MAX))
    }

    /// Sends a dead letter again.
    async fn letter(
        &mut self,
        webhook: &Webhook,
        due: Due,
        tries: i64,
    ) -> Result<Next, StoreError> {
        let seq = due.0.seq;
        let event = body(&self.common.lease.tenant, &due);
        let failure = match self.send(webhook, vec![event], tries + 1).await {
            Ok(answer) if is_taken(answer) => {
                self.settle(&Outcome::LetterDelivered { seq }).await?;
                return Ok(Next::Again);
            }
            Ok(answer) => refusal(answer),
            Err(error) => error.to_string(),
        };
        let failed = Outcome::LetterFailed { seq, failure };
        self.settle(&failed).await?;
        Ok(Next::Again)
    }

    async fn test(&mut self, webhook: &Webhook) -> Result<Next, StoreError> {
        let name = webhook.test_asked;
        let event = json!({
            "event_id": format!("{}-test-{name}", self.common.lease.tenant),
            "business_id": self.common.lease.tenant.as_str(),
            "type": "test",
            "at": time(self.common.now_ms()),
        });
        let outcome = match self.send(webhook, vec![event], 1).await {
            Ok(answer) if is_taken(answer) => format!("the receiver answers {}", answer.status),
            Ok(answer) => format!("failed: {}", refusal(answer)),
            Err(error) => format!("failed: {error}"),
        };
        self.settle(&Outcome::Tested { name, outcome }).await?;
        Ok(Next::Again)
    }

    /// Sends one signed request.
    async fn send(
        &mut self,
        webhook: &Webhook,
        events: Vec<Value>,
        attempt: i64,
    ) -> Result<WebhookAnswer, PostError> {
        let tenant = self.common.lease.tenant.to_string();
        let count = events.len();
        let id = events.first().and_then(|event| event["event_id"].as_str());
        let id = id.unwrap_or_default().to_owned();
        let body = json!({ "apiVersion": API_VERSION, "kind": "EventDelivery",
            "business_id": tenant, "webhook": webhook.id, "events": events });
        let body = body.to_string();
        let timestamp = (self.common.now_ms() / 1_000).to_string();
        let key = webhook.secret.expose().as_bytes();
        let parts = [timestamp.as_bytes(), b".", body.as_bytes()];
        let signature = format!("v1={}", hex::encode(hmac_sha256(key, &parts)));
        let post = Post {
            headers: vec![
                ("wmctl-event-id", id),
                ("wmctl-tenant", tenant),
                ("wmctl-attempt", attempt.to_string()),
                ("wmctl-timestamp", timestamp),
                ("wmctl-signature", signature),
            ],
            body: body.into(),
        };
        // The URL was checked when the webhook was created.
        let url: HookUrl = webhook.url.parse().map_err(|_| PostError::Request)?;
        let poster = &self.common.hooks.poster;
        let answer = poster.post(&mut self.open, &url, &post).await;
        let outcome = match &answer {
            Ok(answer) if is_taken(*answer) => "delivered",
            Ok(_) => "rejected",
            Err(PostError::TimedOut) => "timed_out",
            Err(PostError::Refused | PostError::Plain) => "forbidden",
            Err(_) => "unreachable",
        };
        let events = if outcome == "delivered" { count } else { 1 };
        self.common.metrics.delivered(outcome, events as u64);
        answer
    }
}

fn wants(webhook: &Webhook, kind: &str) -> bool {
    webhook.kinds.is_empty() || webhook.kinds.split(',').any(|wanted| wanted == kind)
}

fn is_taken(answer: WebhookAnswer) -> bool {
    (200..300).contains(&answer.status)
}

fn refusal(answer: WebhookAnswer) -> String {
    match answer.status {
        status @ 300..400 => format!("the receiver answers {status}: redirects are not followed"),
        status => format!("the receiver answers {status}"),
    }
}

/// Returns an event in the format of the HTTP interface. Its id is the same in each attempt and on
/// each host.
fn body(tenant: &TenantId, (event, _): &Due) -> Value {
    // An event holds only numbers and texts, so this cannot fail.
    serde_json::to_value(Event::of(tenant, event.clone())).unwrap_or_default()
}
