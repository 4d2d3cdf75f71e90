//! Webhooks deliver events over HTTP, in order and at least once.
//!
//! A webhook's settings are rows, like all desired state of a tenant. The process that holds the
//! tenant's lease [delivers](crate::daemon::webhooks) the events.

use serde::{Deserialize, Serialize};

use crate::app::event::TYPES;
use crate::app::events::{self, EventsError};
use crate::app::shapes::{time, whole};
use crate::app::{App, RowsError};
use crate::config::webhook::{HookUrl, HookUrlError};
use crate::crypto::random;
use crate::ids::TenantId;
use crate::ops::actor::AuditActor;
use crate::ops::tenants;
pub use crate::secret::SecretText;
use crate::store::webhooks::{
    Added, Backlog, Letter, WEBHOOKS_MAX, Webhook as Stored, WebhookPosition,
};

/// Maximum number of events per request.
pub const BATCH_MAX: u32 = 100;
/// Maximum number of event types per webhook.
const TYPES_MAX: usize = 32;
const ID_BYTES_MAX: usize = 64;
/// Length of a secret in bytes. A shorter one could be guessed; a longer one adds no security.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 16..=256;
/// Prefix of generated secrets, so that secret scanners can find them.
const SECRET_PREFIX: &str = "whsec_";
/// Maximum number of dead letters per response.
pub const LETTERS_MAX: u32 = 1_000;

/// The settings of a new webhook.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Webhook id; generated if absent.
    #[serde(default)]
    pub id: Option<String>,
    /// URL of the receiver, `http` or `https`.
    pub url: String,
    /// Event types to deliver; all types if empty.
    #[serde(default)]
    pub types: Vec<String>,
    /// Maximum number of events per request; 1 if absent.
    #[serde(default, deserialize_with = "whole")]
    pub batch: Option<u32>,
    /// Number of the first event to deliver. If absent, delivery begins with the next new event.
    #[serde(default, deserialize_with = "whole")]
    pub from_seq: Option<i64>,
    /// Secret that signs the requests; generated if absent.
    #[serde(default, deserialize_with = "secret")]
    pub secret: Option<SecretText>,
}

fn secret<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<SecretText>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(SecretText::new))
}

/// The public description of a webhook, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Name of the tenant.
    pub business_id: String,
    /// Id of the webhook, unique per tenant.
    pub id: String,
    /// URL of the receiver.
    pub url: String,
    /// Event types that it receives; all types if empty.
    pub types: Vec<String>,
    /// Maximum number of events per request.
    pub batch: i64,
    /// `active` or `paused`.
    pub state: String,
    /// Reason for the pause: `by_hand`, or `gone` if the receiver answered 410.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Time of creation (RFC 3339, UTC).
    pub created: String,
    /// Events up to and including this number need no further delivery.
    pub seq: i64,
    /// Number of delivered events.
    pub delivered: i64,
    /// Time of the last delivery (RFC 3339, UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<String>,
    /// Failed attempts to deliver the next event.
    pub attempts: i64,
    /// Reason of the last failed attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
    /// Time of the last failed attempt (RFC 3339, UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure_at: Option<String>,
    /// Number of waiting events (at most 10,000), and the time of the oldest.
    pub waiting: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<String>,
    /// Number of dead letters.
    pub dead_letters: i64,
    /// `asked`, then the result of the last test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
}

/// A new webhook with its signing secret, which is shown only once.
#[derive(Serialize, Deserialize)]
pub struct MadeWebhook {
    /// The new webhook.
    #[serde(flatten)]
    pub webhook: Webhook,
    /// The signing secret.
    pub secret: String,
}

/// An event that could not be delivered to a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Number of the event.
    pub seq: i64,
    /// Type of the event.
    #[serde(rename = "type")]
    pub kind: String,
    /// Time of the event (RFC 3339, UTC).
    pub at: String,
    /// Reason of the last failed attempt.
    pub reason: String,
    /// Number of failed attempts.
    pub attempts: i64,
    /// Time at which it became a dead letter (RFC 3339, UTC).
    pub dead_since: String,
    /// Whether it is queued for redelivery.
    pub redeliver: bool,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The database failed.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// The tenant does not exist.
    #[error("there is no tenant {0}")]
    UnknownTenant(TenantId),
    /// The webhook does not exist.
    #[error("{tenant} has no webhook {id}")]
    Unknown { tenant: TenantId, id: String },
    /// A webhook with this id exists. Choose another id.
    #[error("there is already a webhook {0}")]
    Taken(String),
    /// The tenant has the maximum number of webhooks.
    #[error("a tenant has at most {WEBHOOKS_MAX} webhooks")]
    TooMany,
    /// The URL is invalid.
    #[error(transparent)]
    Url(#[from] HookUrlError),
    /// The id is invalid.
    #[error("a webhook's ID has 1 to {ID_BYTES_MAX} letters, digits, - . or _")]
    Id,
    /// The list of event types is too long.
    #[error("a webhook names at most {TYPES_MAX} types of events")]
    TooManyTypes,
    /// An event type is unknown.
    #[error("there is no such event type; the types are {}", TYPES.join(", "))]
    Types,
    /// The number of events per request is out of range.
    #[error("a request carries 1 to {BATCH_MAX} events")]
    Batch,
    /// The number of the first event is negative.
    #[error("the number of an event is not negative")]
    Seq,
    /// The secret has an invalid length or character.
    #[error("a secret has 16 to 256 printable ASCII characters")]
    Secret,
    /// The requested first event does not exist.
    #[error(transparent)]
    Events(EventsError),
}

impl WebhookError {
    /// Returns the name of the invalid field, if the error concerns a field.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Url(_) => Some("url"),
            Self::Id | Self::Taken(_) => Some("id"),
            Self::TooManyTypes | Self::Types => Some("types"),
            Self::Batch => Some("batch"),
            Self::Seq | Self::Events(_) => Some("from_seq"),
            Self::Secret => Some("secret"),
            _ => None,
        }
    }
}

impl NewWebhook {
    fn check(&self) -> Result<HookUrl, WebhookError> {
        if self.id.as_deref().is_some_and(|id| !is_id(id)) {
            return Err(WebhookError::Id);
        }
        if TYPES_MAX < self.types.len() {
            return Err(WebhookError::TooManyTypes);
        }
        if !self.types.iter().all(|one| TYPES.contains(&one.as_str())) {
            return Err(WebhookError::Types);
        }
        if self
            .batch
            .is_some_and(|batch| !(1..=BATCH_MAX).contains(&batch))
        {
            return Err(WebhookError::Batch);
        }
        if self.from_seq.is_some_and(|seq| seq < 0) {
            return Err(WebhookError::Seq);
        }
        if let Some(secret) = &self.secret {
            let text = secret.expose();
            let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
            if !SECRET_BYTES.contains(&text.len()) || !printable {
                return Err(WebhookError::Secret);
            }
        }
        Ok(self.url.parse()?)
    }
}

fn is_id(text: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (1..=ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(sound)
}

impl App {
    /// Returns a random version number, so that the delivering process notices the change.
    fn version(&self) -> i64 {
        let bytes: [u8; 5] = random::bytes(&mut *self.surroundings.entropy.random());
        bytes
            .iter()
            .fold(1, |number, byte| number << 8 | i64::from(*byte))
    }
}

/// Adds a webhook to an existing tenant.
pub async fn add(
    app: &App,
    tenant: &TenantId,
    wanted: NewWebhook,
    actor: &AuditActor,
) -> Result<MadeWebhook, WebhookError> {
    let url = wanted.check()?;
    if tenants::show(app, tenant).await?.is_none() {
        return Err(WebhookError::UnknownTenant(tenant.clone()));
    }
    if let Some(from_seq) = wanted.from_seq {
        let there = events::check(&app.for_tenant(tenant.clone()), from_seq).await;
        there.map_err(|error| match error {
            EventsError::Rows(error) => error.into(),
            error => WebhookError::Events(error),
        })?;
    }
    let mut random = app.surroundings.entropy.random();
    let secret = wanted.secret.unwrap_or_else(|| {
        let bytes = random::secret::<32>(&mut *random);
        SecretText::new(format!("{SECRET_PREFIX}{}", hex::encode(bytes.expose())))
    });
    let id = wanted.id.unwrap_or_else(|| {
        let bytes: [u8; 4] = random::bytes(&mut *random);
        format!("hook-{}", hex::encode(bytes))
    });
    let webhook = Stored {
        id,
        url: wanted.url,
        secret,
        kinds: wanted.types.join(","),
        batch: wanted.batch.unwrap_or(1).into(),
        paused: None,
        created_ms: app.surroundings.clock.unix_ms(),
        test_asked: 0,
    };
    // Log only the host: paths and queries may contain tokens.
    let detail = format!("id={} host={}", webhook.id, url.authority);
    let audit = app.audit(actor, "add-webhook", Some(tenant), detail);
    let after = wanted.from_seq.map(|seq| seq - 1);
    let version = app.version();
    let added = app
        .store
        .add_webhook(tenant, &webhook, after, version, &audit);
    match added.await.map_err(RowsError::of)? {
        Added::Done => (),
        Added::Taken => return Err(WebhookError::Taken(webhook.id)),
        Added::TooMany => return Err(WebhookError::TooMany),
    }
    Ok(MadeWebhook {
        webhook: show(app, tenant, &webhook.id).await?,
        secret: webhook.secret.expose().to_owned(),
    })
}

/// Returns the tenant's webhooks, sorted by id.
pub async fn list(app: &App, tenant: &TenantId) -> Result<Vec<Webhook>, WebhookError> {
    if tenants::show(app, tenant).await?.is_none() {
        return Err(WebhookError::UnknownTenant(tenant.clone()));
    }
    let found = app.store.webhooks(tenant).await.map_err(RowsError::of)?;
    let mut all = Vec::new();
    for (webhook, place) in &found {
        let backlog = app.store.backlog(tenant, webhook, place).await;
        all.push(shown(
            tenant,
            webhook,
            place,
            &backlog.map_err(RowsError::of)?,
        ));
    }
    Ok(all)
}

/// Returns one webhook.
pub async fn show(app: &App, tenant: &TenantId, id: &str) -> Result<Webhook, WebhookError> {
    let found = app.store.webhook(tenant, id).await.map_err(RowsError::of)?;
    let (webhook, place) = found.ok_or_else(|| unknown(tenant, id))?;
    let backlog = app.store.backlog(tenant, &webhook, &place).await;
    let backlog = backlog.map_err(RowsError::of)?;
    Ok(shown(tenant, &webhook, &place, &backlog))
}

/// Deletes a webhook and its dead letters.
pub async fn remove(
    app: &App,
    tenant: &TenantId,
    id: &str,
    actor: &AuditActor,
) -> Result<(), WebhookError> {
    let audit = app.audit(actor, "remove-webhook", Some(tenant), format!("id={id}"));
    let removed = app.store.remove_webhook(tenant, id, &audit).await;
    known(removed.map_err(RowsError::of)?, tenant, id)
}

/// Pauses or resumes a webhook. On resume, waiting events are sent at once.
pub async fn pause(
    app: &App,
    tenant: &TenantId,
    id: &str,
    paused: bool,
    actor: &AuditActor,
) -> Result<(), WebhookError> {
    let action = if paused {
        "pause-webhook"
    } else {
        "resume-webhook"
    };
    let audit = app.audit(actor, action, Some(tenant), format!("id={id}"));
    let (reason, version) = (paused.then_some("by_hand"), app.version());
    let changed = app.store.pause_webhook(tenant, id, reason, version, &audit);
    known(changed.await.map_err(RowsError::of)?, tenant, id)
}

/// Asks the process that runs the tenant to send a test. Its result appears in the webhook's `test`
/// field.
pub async fn test(
    app: &App,
    tenant: &TenantId,
    id: &str,
    actor: &AuditActor,
) -> Result<(), WebhookError> {
    let audit = app.audit(actor, "test-webhook", Some(tenant), format!("id={id}"));
    let (name, version) = (app.version(), app.version());
    let asked = app
        .store
        .ask_webhook_test(tenant, id, name, version, &audit);
    known(asked.await.map_err(RowsError::of)?, tenant, id)
}

/// Queues one dead letter or all of them for redelivery. Returns their number.
pub async fn redeliver(
    app: &App,
    tenant: &TenantId,
    id: &str,
    seq: Option<i64>,
    actor: &AuditActor,
) -> Result<u64, WebhookError> {
    if seq.is_some_and(|seq| seq < 0) {
        return Err(WebhookError::Seq);
    }
    show(app, tenant, id).await?;
    let which = seq.map_or_else(|| String::from("all"), |seq| seq.to_string());
    let detail = format!("id={id} seq={which}");
    let audit = app.audit(actor, "redeliver", Some(tenant), detail);
    let version = app.version();
    let asked = app.store.ask_redelivery(tenant, id, seq, version, &audit);
    Ok(asked.await.map_err(RowsError::of)?)
}

/// Returns the webhook's dead letters after an event number.
pub async fn dead(
    app: &App,
    tenant: &TenantId,
    id: &str,
    after: i64,
    limit: u32,
) -> Result<Vec<DeadLetter>, WebhookError> {
    show(app, tenant, id).await?;
    let found = app.store.dead_letters(tenant, id, after, limit).await;
    let letter = |letter: Letter| DeadLetter {
        seq: letter.seq,
        kind: letter.kind,
        at: time(letter.at_ms),
        reason: letter.reason,
        attempts: letter.attempts,
        dead_since: time(letter.dead_ms),
        redeliver: letter.redeliver,
    };
    Ok(found
        .map_err(RowsError::of)?
        .into_iter()
        .map(letter)
        .collect())
}

fn unknown(tenant: &TenantId, id: &str) -> WebhookError {
    WebhookError::Unknown {
        tenant: tenant.clone(),
        id: id.to_owned(),
    }
}

fn known(known: bool, tenant: &TenantId, id: &str) -> Result<(), WebhookError> {
    known.then_some(()).ok_or_else(|| unknown(tenant, id))
}

fn shown(
    tenant: &TenantId,
    webhook: &Stored,
    place: &WebhookPosition,
    backlog: &Backlog,
) -> Webhook {
    let kinds = webhook.kinds.split(',').filter(|kind| !kind.is_empty());
    let state = if webhook.paused.is_some() {
        "paused"
    } else {
        "active"
    };
    let test = match webhook.test_asked {
        0 => None,
        asked if asked != place.test_done => Some(String::from("asked")),
        _ => place.test_outcome.clone(),
    };
    Webhook {
        business_id: tenant.to_string(),
        id: webhook.id.clone(),
        url: webhook.url.clone(),
        types: kinds.map(str::to_owned).collect(),
        batch: webhook.batch,
        state: String::from(state),
        reason: webhook.paused.clone(),
        created: time(webhook.created_ms),
        seq: place.seq,
        delivered: place.delivered,
        delivered_at: place.delivered_ms.map(time),
        attempts: place.attempts,
        last_failure: place.failure.clone(),
        last_failure_at: place.failed_ms.map(time),
        waiting: backlog.events,
        waiting_since: backlog.since_ms.map(time),
        dead_letters: backlog.dead,
        test,
    }
}
