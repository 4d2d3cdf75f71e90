//! The operation of each route, after the request was admitted.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use serde_path_to_error::{Deserializer as Tracked, Track};
use tokio::time::Instant;

use crate::api::problem::Problem;
use crate::api::qr;
use crate::api::routes::{Op, Param, ROUTES};
use crate::api::server::{Api, Call};
use crate::api::webhooks;
use crate::app::events::{self, EventsOptions, Start};
use crate::app::shapes::{List, Object};
use crate::ids::TenantId;
use crate::ops::diagnose::locks;
use crate::ops::keys::Scope;
use crate::ops::pairings::{self, Progress, Wanted};
use crate::ops::send::{self, Outgoing};
use crate::ops::tenants::{self as ops, Changes};
use crate::ops::{hosts, logout};

/// Polling interval for clients that follow a pairing or events.
const FOLLOW: Duration = Duration::from_millis(200);

/// Seconds to wait when too many devices are being linked.
const PAIRING_SOON_S: u64 = 30;

type Answer = Result<Response, Problem>;

#[derive(Deserialize)]
struct Add {
    business_id: TenantId,
    #[serde(flatten)]
    changes: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    messages: Vec<Outgoing>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    #[serde(deserialize_with = "Option::deserialize")]
    host: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    replace: bool,
    /// Add the tenant if it does not exist.
    #[serde(default)]
    create: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Drain {
    #[serde(default = "yes")]
    drain: bool,
}

impl Default for Drain {
    fn default() -> Self {
        Self { drain: yes() }
    }
}

fn yes() -> bool {
    true
}

/// Carries out an admitted request.
pub(super) async fn answer(api: &Arc<Api>, op: Op, call: Call) -> Answer {
    match op {
        Op::ListTenants => list(api, &call).await,
        Op::AddTenant => add(api, &call).await,
        Op::ShowTenant => show(api, call.tenant()?).await,
        Op::RemoveTenant => remove(api, &call).await,
        Op::StartTenant => enable(api, &call, true).await,
        Op::StopTenant => enable(api, &call, false).await,
        Op::MoveTenant => place(api, &call).await,
        Op::BeginPairing => begin(api, &call).await,
        Op::ShowPairing => pairing(api, &call).await,
        Op::WatchPairing => follow(api, &call).await,
        Op::CancelPairing => cancel(api, &call).await,
        Op::LogoutTenant => unlink(api, &call).await,
        Op::SendMessage => send(api, &call).await,
        Op::SendMessages => send_all(api, &call).await,
        Op::ShowMessage => message(api, &call).await,
        Op::ReadEvents => read(api, &call).await,
        Op::ListWebhooks
        | Op::AddWebhook
        | Op::ShowWebhook
        | Op::RemoveWebhook
        | Op::PauseWebhook
        | Op::ResumeWebhook
        | Op::TestWebhook
        | Op::RedeliverLetters
        | Op::ListLetters => webhooks::answer(api, op, &call).await,
        Op::ListHosts => {
            let hosts = hosts::list(&api.app).await?;
            Ok(Json(List::new("HostList", &hosts).page(false, None)).into_response())
        }
        Op::DrainHost => drain(api, &call).await,
        Op::ListLocks => {
            let mut found = locks::status(&api.app, None).await?;
            found.items.retain(|lock| call.reaches(&lock.business_id));
            if call.grant.scope != Scope::Everyone {
                (found.hosts, found.unknown) = (Vec::new(), Vec::new());
            }
            Ok(Json(Object::new("LockList", &found)).into_response())
        }
        Op::ReadAudit => {
            let rows = hosts::audit(&api.app, None).await?;
            Ok(Json(List::new("AuditList", &rows).page(false, None)).into_response())
        }
    }
}

impl Call {
    pub(super) fn tenant(&self) -> Result<&TenantId, Problem> {
        let tenant = self.tenant.as_ref();
        tenant.ok_or_else(|| Problem::value("the path names no tenant"))
    }

    /// Returns the path's tenant if the `confirm` parameter repeats its name.
    fn confirmed(&self) -> Result<&TenantId, Problem> {
        let tenant = self.tenant()?;
        if self.query.get("confirm").map(String::as_str) == Some(tenant.as_str()) {
            return Ok(tenant);
        }
        let detail = "this cannot be undone: set confirm=NAME to the name of the tenant";
        let refused = Problem::new(StatusCode::CONFLICT, "NOT_CONFIRMED", detail);
        Err(refused.parameter("confirm"))
    }

    fn reaches(&self, name: &str) -> bool {
        name.parse().is_ok_and(|tenant| self.grant.reaches(&tenant))
    }

    /// Parses the body regardless of its content type, because `curl -d` labels every body as a
    /// form.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        // Without this check an empty array would parse as an object without fields.
        if self.body.trim_ascii_start().first() != Some(&b'{') {
            let detail = "the body is not a JSON object";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "BAD_JSON", detail));
        }
        let mut text = serde_json::Deserializer::from_slice(&self.body);
        let mut track = Track::new();
        let parsed = T::deserialize(Tracked::new(&mut text, &mut track));
        let parsed = parsed.and_then(|parsed| text.end().map(|()| parsed));
        parsed.map_err(|error| Problem::of_body(&pointer(&track.path()), &error))
    }

    /// Parses an optional body.
    pub(super) fn json_or<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        match self.body.is_empty() {
            true => Ok(T::default()),
            false => self.json(),
        }
    }

    /// Returns a numeric query parameter or its default. It was validated before.
    pub(super) fn number(&self, op: Op, name: &str) -> Result<i64, Problem> {
        let route = ROUTES.iter().find(|route| route.op == op);
        let param = route.and_then(|route| route.query.iter().find(|(known, _)| *known == name));
        let Some((_, Param::Number(_, _, otherwise))) = param else {
            return Err(Problem::value(format!("{name} is not a number")));
        };
        let number = self.query.get(name).and_then(|text| text.parse().ok());
        Ok(number.unwrap_or(*otherwise))
    }

    /// Returns a word of the query or its default. It was validated before.
    fn word(&self, op: Op, name: &str) -> Result<&'static str, Problem> {
        let route = ROUTES.iter().find(|route| route.op == op);
        let param = route.and_then(|route| route.query.iter().find(|(known, _)| *known == name));
        let Some((_, Param::Word(words))) = param else {
            return Err(Problem::value(format!("{name} is not a word")));
        };
        let text = self.query.get(name);
        let known = words
            .iter()
            .find(|word| Some(**word) == text.map(String::as_str));
        Ok(known.unwrap_or(&words[0]))
    }
}

/// Converts a parser's path to a JSON pointer.
pub(super) fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let part = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    path.iter().filter_map(part).collect()
}

async fn list(api: &Api, call: &Call) -> Answer {
    let limit = usize::try_from(call.number(Op::ListTenants, "limit")?).unwrap_or(1);
    let mut after = call.query.get("after").cloned().unwrap_or_default();
    let mut found = Vec::new();
    // Skip tenants that the key does not apply to, and fill the page from the following ones.
    loop {
        let page = ops::page(&api.app, &after, ops::PAGE_MAX).await?;
        let full = page.len() == ops::PAGE_MAX as usize;
        if let Some(last) = page.last() {
            after.clone_from(&last.business_id);
        }
        let mine = page
            .into_iter()
            .filter(|one| call.reaches(&one.business_id));
        found.extend(mine);
        if !full || limit < found.len() {
            break;
        }
    }
    let has_more = limit < found.len();
    found.truncate(limit);
    let last = found.last().filter(|_| has_more);
    let next = last.map(|last| json!(last.business_id));
    Ok(Json(List::new("TenantList", &found).page(has_more, next)).into_response())
}

async fn show(api: &Api, tenant: &TenantId) -> Answer {
    let found = ops::show(&api.app, tenant).await?;
    let found = found.ok_or_else(|| Problem::absent(format!("there is no tenant {tenant}")))?;
    Ok(Json(found).into_response())
}

async fn add(api: &Api, call: &Call) -> Answer {
    let given: Add = call.json()?;
    let mut track = Track::new();
    let changes = Changes::deserialize(Tracked::new(Value::Object(given.changes), &mut track));
    let changes = changes.map_err(|error| Problem::of_body(&pointer(&track.path()), &error))?;
    let tenant = given.business_id;
    if !call.grant.reaches(&tenant) {
        let detail = "this API key is not valid for that tenant";
        return Err(Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", detail));
    }
    let new = ops::add(&api.app, &tenant, &changes, &call.actor).await?;
    let mut answer = show(api, &tenant).await?;
    if new {
        *answer.status_mut() = StatusCode::CREATED;
        located(&mut answer, format!("/api/tenants/{tenant}"));
    }
    Ok(answer)
}

/// Adds the `Location` header of a new resource.
pub(super) fn located(answer: &mut Response, path: String) {
    if let Ok(value) = HeaderValue::try_from(path) {
        answer.headers_mut().insert(header::LOCATION, value);
    }
}

async fn enable(api: &Api, call: &Call, enabled: bool) -> Answer {
    let tenant = call.tenant()?;
    ops::enable(&api.app, tenant, enabled, &call.actor).await?;
    show(api, tenant).await
}

async fn remove(api: &Arc<Api>, call: &Call) -> Answer {
    if call.query.get("purge").map(String::as_str) != Some("true") {
        return enable(api, call, false).await;
    }
    let tenant = call.confirmed()?.clone();
    let (own, actor) = (api.clone(), call.actor.clone());
    let removed = finish(
        api,
        async move { ops::remove(&own.app, &tenant, &actor).await },
    );
    let removed = removed.await??;
    match removed.unlinked {
        Some(false) => Ok(Json(removed).into_response()),
        _ => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

async fn unlink(api: &Arc<Api>, call: &Call) -> Answer {
    let tenant = call.confirmed()?.clone();
    let (own, actor, name) = (api.clone(), call.actor.clone(), tenant.clone());
    let done = finish(
        api,
        async move { logout::logout(&own.app, &name, &actor).await },
    );
    done.await??;
    show(api, &tenant).await
}

/// Runs an operation to completion even if the client disconnects. A half-finished one could leave
/// the account without a process.
async fn finish<T: Send + 'static>(
    api: &Api,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Problem> {
    api.tasks.spawn(work).await.map_err(|_| {
        let detail = "the request took too long: retry it";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "TIMEOUT", detail)
    })
}

async fn place(api: &Api, call: &Call) -> Answer {
    let given: Move = call.json()?;
    if given.host.as_deref() == Some("") {
        return Err(Problem::value("host is a name, or null for any").pointer("/host"));
    }
    let tenant = call.tenant()?;
    ops::place(&api.app, tenant, given.host, &call.actor).await?;
    show(api, tenant).await
}

async fn begin(api: &Arc<Api>, call: &Call) -> Answer {
    let given: Begin = call.json_or()?;
    let phone = given.phone.map(|text| text.parse());
    let phone = phone
        .transpose()
        .map_err(|error: &str| Problem::value(error).pointer("/phone"))?;
    let tenant = call.tenant()?;
    let room = api.pairings.clone().try_acquire_owned();
    let room = room.map_err(|_| {
        let detail =
            "this host is linking its maximum number of devices: retry later, or use another host";
        let busy = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "BUSY", detail);
        busy.after(PAIRING_SOON_S)
    })?;
    let wanted = Wanted {
        phone,
        replace: given.replace,
        create: given.create,
    };
    let attempt = pairings::begin(&api.app, tenant, wanted, &call.actor).await?;
    let stop = api.stop.clone();
    api.tasks.spawn(async move {
        attempt.carry_out(&stop).await;
        drop(room);
    });
    let mut answer = Json(progress(api, tenant).await?).into_response();
    *answer.status_mut() = StatusCode::ACCEPTED;
    located(&mut answer, format!("/api/tenants/{tenant}/pair"));
    Ok(answer)
}

async fn progress(api: &Api, tenant: &TenantId) -> Result<Progress, Problem> {
    match pairings::progress(&api.app, tenant).await? {
        Some(progress) => Ok(progress),
        None => {
            known(api, tenant).await?;
            Err(not_pairing(format!(
                "no device of {tenant} is being linked"
            )))
        }
    }
}

fn not_pairing(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "NOT_PAIRING", detail)
}

/// Refuses an unknown tenant.
async fn known(api: &Api, tenant: &TenantId) -> Result<(), Problem> {
    let found = ops::show(&api.app, tenant).await?;
    found
        .map(|_| ())
        .ok_or_else(|| Problem::absent(format!("there is no tenant {tenant}")))
}

async fn pairing(api: &Api, call: &Call) -> Answer {
    let progress = progress(api, call.tenant()?).await?;
    let format = call.word(Op::ShowPairing, "format")?;
    if format == "json" {
        return Ok(Json(progress).into_response());
    }
    let no_code = || not_pairing("there is no code to show now");
    let code = progress.qr().ok_or_else(no_code)?;
    if format == "text" {
        return Ok(qr::text(code).ok_or_else(no_code)?.into_response());
    }
    let image = qr::png(code).ok_or_else(no_code)?;
    Ok(([(header::CONTENT_TYPE, "image/png")], image).into_response())
}

async fn follow(api: &Arc<Api>, call: &Call) -> Answer {
    let tenant = call.tenant()?.clone();
    progress(api, &tenant).await?;
    let start = (api.clone(), tenant, None::<(i64, String)>, false);
    let events = stream::unfold(start, |(api, tenant, mut said, over)| async move {
        if over {
            return None;
        }
        loop {
            // On a database error, keep following: the client gets the next step later.
            if let Ok(Some(progress)) = pairings::progress(&api.app, &tenant).await {
                let place = (progress.number, progress.since.clone());
                if said.as_ref() != Some(&place) {
                    said = Some(place);
                    let ended = progress.ended;
                    let id = progress.number.to_string();
                    let event = Sent::default().id(id).json_data(&progress).ok()?;
                    return Some((Ok::<_, Infallible>(event), (api, tenant, said, ended)));
                }
            }
            if !api.stop.sleep(FOLLOW).await {
                return None;
            }
        }
    });
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response())
}

async fn cancel(api: &Api, call: &Call) -> Answer {
    let tenant = call.tenant()?;
    match pairings::cancel(&api.app, tenant, &call.actor).await? {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => {
            known(api, tenant).await?;
            Err(not_pairing(format!(
                "no device of {tenant} is being linked"
            )))
        }
    }
}

/// An idempotency key in the header counts as one in the body.
async fn send(api: &Api, call: &Call) -> Answer {
    let mut message: Outgoing = call.json()?;
    if let Some(key) = &call.idempotency_key {
        if message
            .idempotency_key
            .as_ref()
            .is_some_and(|own| own != key)
        {
            let detail = "Idempotency-Key and idempotency_key differ";
            return Err(Problem::conflict("BAD_VALUE", detail).pointer("/idempotency_key"));
        }
        message.idempotency_key = Some(key.clone());
    }
    let tenant = call.tenant()?;
    let app = api.app.for_tenant(tenant.clone());
    let delivery = send::enqueue(&app, &message).await?;
    let path = format!("/api/tenants/{tenant}/messages/{}", delivery.id);
    let mut answer = (StatusCode::ACCEPTED, Json(delivery)).into_response();
    located(&mut answer, path);
    Ok(answer)
}

async fn send_all(api: &Api, call: &Call) -> Answer {
    let Batch { messages } = call.json()?;
    if call.idempotency_key.is_some() {
        let detail = "in a batch, each message has its own idempotency_key; the header is not used";
        return Err(Problem::value(detail));
    }
    if messages.is_empty() || send::TOGETHER_MAX < messages.len() {
        let detail = format!("a batch has 1 to {} messages", send::TOGETHER_MAX);
        return Err(Problem::value(detail).pointer("/messages"));
    }
    let app = api.app.for_tenant(call.tenant()?.clone());
    let taken = send::enqueue_all(&app, &messages).await;
    let taken = taken.map_err(|(place, error)| {
        let problem = Problem::from(error);
        match place {
            Some(place) => problem.within(&format!("/messages/{place}")),
            None => problem,
        }
    })?;
    let list = List::new("DeliveryList", &taken).page(false, None);
    Ok((StatusCode::ACCEPTED, Json(list)).into_response())
}

async fn message(api: &Api, call: &Call) -> Answer {
    let tenant = call.tenant()?;
    let id = call.message.as_deref().unwrap_or_default();
    let app = api.app.for_tenant(tenant.clone());
    let found = send::show(&app, id).await?;
    let absent = || Problem::absent(format!("{tenant} has no message of that id"));
    Ok(Json(found.ok_or_else(absent)?).into_response())
}

async fn read(api: &Api, call: &Call) -> Answer {
    let limit = u64::try_from(call.number(Op::ReadEvents, "limit")?).unwrap_or(1);
    let start = match call.query.get("from_seq").map(String::as_str) {
        None => Start::default(),
        Some("now") => Start::Now,
        // It was validated before.
        Some(text) => Start::Seq(text.parse().unwrap_or(0)),
    };
    let app = api.app.for_tenant(call.tenant()?.clone());
    let wait = u64::try_from(call.number(Op::ReadEvents, "wait")?).unwrap_or(0);
    let until = Instant::now() + Duration::from_secs(wait);
    let mut options = EventsOptions {
        start,
        // Read one more event to learn whether there are more.
        limit: Some(limit + 1),
        ..EventsOptions::default()
    };
    let mut found = Vec::new();
    let next = loop {
        let mut tell = |event| {
            found.push(event);
            ControlFlow::Continue(())
        };
        let next = events::events(&app, &options, &api.stop, &mut tell).await?;
        if !found.is_empty() || until <= Instant::now() || !api.stop.sleep(FOLLOW).await {
            break next;
        }
        options.start = Start::Seq(next);
    };
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.get(most).map_or(next, |event| event.seq);
    let has_more = most < found.len();
    found.truncate(most);
    let list = List::new("EventList", &found).page(has_more, Some(json!(next)));
    Ok(Json(list).into_response())
}

async fn drain(api: &Api, call: &Call) -> Answer {
    let given: Drain = call.json_or()?;
    let name = call.host.clone().unwrap_or_default();
    match hosts::drain(&api.app, &name, given.drain, &call.actor).await? {
        0 => Err(Problem::absent("no host of that name or id takes tenants")),
        _ => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}
