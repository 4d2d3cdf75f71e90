//! What each route does, once the request was let in.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::api::problem::Problem;
use crate::api::qr;
use crate::api::routes::{Op, Param, ROUTES};
use crate::api::server::{Api, Call};
use crate::api::webhooks;
use crate::ids::TenantId;
use crate::ops::events::{self, EventsOptions};
use crate::ops::keys::Scope;
use crate::ops::pairings::{self, Progress};
use crate::ops::send::{self, Outgoing};
use crate::ops::shapes::{List, Object};
use crate::ops::tenants::{self as ops, Changes};
use crate::ops::{hosts, locks};

/// How often it is looked for news, for whoever follows a device that is being linked, or events.
const FOLLOW: Duration = Duration::from_millis(200);

type Answer = Result<Response, Problem>;

#[derive(Deserialize)]
struct Add {
    business_id: TenantId,
    #[serde(flatten)]
    changes: serde_json::Map<String, serde_json::Value>,
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
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Drain {
    #[serde(default = "yes")]
    drain: bool,
}

fn yes() -> bool {
    true
}

/// Carries out what was let in.
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
        Op::SendMessage => send(api, &call).await,
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
            Ok(Json(List::new("HostList", &hosts)).into_response())
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
            Ok(Json(List::new("AuditList", &rows)).into_response())
        }
    }
}

impl Call {
    pub(super) fn tenant(&self) -> Result<&TenantId, Problem> {
        let tenant = self.tenant.as_ref();
        tenant.ok_or_else(|| Problem::bad("the path names no tenant"))
    }

    fn reaches(&self, name: &str) -> bool {
        name.parse().is_ok_and(|tenant| self.grant.reaches(&tenant))
    }

    /// The body, whatever its content type says: `curl -d` calls everything a form.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        // An empty array would count as an object that leaves everything out.
        if self.body.trim_ascii_start().first() != Some(&b'{') {
            return Err(Problem::bad("the body is not a JSON object"));
        }
        let parsed = serde_json::from_slice(&self.body);
        parsed.map_err(|error| Problem::bad(format!("the body is not what it should be: {error}")))
    }

    /// The same where there need not be one.
    pub(super) fn json_or<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        if self.body.is_empty() {
            let parsed = serde_json::from_str("{}");
            return parsed.map_err(|_| Problem::bad("a body is needed"));
        }
        self.json()
    }

    /// A number of the query, or what the table says; it was checked before.
    pub(super) fn number(&self, op: Op, name: &str) -> Result<i64, Problem> {
        let route = ROUTES.iter().find(|route| route.op == op);
        let param = route.and_then(|route| route.query.iter().find(|(known, _)| *known == name));
        let Some((_, Param::Number(_, _, otherwise))) = param else {
            return Err(Problem::bad(format!("{name} is no number")));
        };
        let number = self.query.get(name).and_then(|text| text.parse().ok());
        Ok(number.unwrap_or(*otherwise))
    }

    /// A word of the query, or the first that the table says; it was checked before.
    fn word(&self, op: Op, name: &str) -> Result<&'static str, Problem> {
        let route = ROUTES.iter().find(|route| route.op == op);
        let param = route.and_then(|route| route.query.iter().find(|(known, _)| *known == name));
        let Some((_, Param::Word(words))) = param else {
            return Err(Problem::bad(format!("{name} is no word")));
        };
        let text = self.query.get(name);
        let known = words
            .iter()
            .find(|word| Some(**word) == text.map(String::as_str));
        Ok(known.unwrap_or(&words[0]))
    }
}

async fn list(api: &Api, call: &Call) -> Answer {
    let limit = usize::try_from(call.number(Op::ListTenants, "limit")?).unwrap_or(1);
    let mut after = call.query.get("after").cloned().unwrap_or_default();
    let mut found = Vec::new();
    // What the key is not for is left out, and the page filled from what follows.
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
        if !full || limit <= found.len() {
            break;
        }
    }
    found.truncate(limit);
    Ok(Json(List::new("TenantList", &found)).into_response())
}

async fn show(api: &Api, tenant: &TenantId) -> Answer {
    let found = ops::show(&api.app, tenant).await?;
    let found = found.ok_or_else(|| Problem::absent(format!("{tenant} is not known")))?;
    Ok(Json(found).into_response())
}

async fn add(api: &Api, call: &Call) -> Answer {
    let given: Add = call.json()?;
    let changes: Changes = serde_json::from_value(given.changes.into())
        .map_err(|error| Problem::bad(format!("the body is not what it should be: {error}")))?;
    let tenant = given.business_id;
    if !call.grant.reaches(&tenant) {
        let detail = "this key is not for that tenant";
        return Err(Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", detail));
    }
    let new = ops::add(&api.app, &tenant, &changes, &call.actor).await?;
    let mut answer = show(api, &tenant).await?;
    if new {
        *answer.status_mut() = StatusCode::CREATED;
    }
    Ok(answer)
}

async fn enable(api: &Api, call: &Call, enabled: bool) -> Answer {
    let tenant = call.tenant()?;
    ops::enable(&api.app, tenant, enabled, &call.actor).await?;
    show(api, tenant).await
}

async fn remove(api: &Api, call: &Call) -> Answer {
    if call.word(Op::RemoveTenant, "purge")? == "false" {
        return enable(api, call, false).await;
    }
    let tenant = call.tenant()?;
    if call.query.get("confirm").map(String::as_str) != Some(tenant.as_str()) {
        let detail = "this deletes keys and sessions for good: confirm=NAME has to name the tenant";
        return Err(Problem::new(StatusCode::CONFLICT, "NOT_CONFIRMED", detail));
    }
    ops::remove(&api.app, tenant, &call.actor).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn place(api: &Api, call: &Call) -> Answer {
    let given: Move = call.json()?;
    if given.host.as_deref() == Some("") {
        return Err(Problem::bad("host is a name, or null for any"));
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
        .map_err(|error: &str| Problem::bad(error))?;
    let tenant = call.tenant()?;
    ops::check_name(&api.app, tenant).await?;
    let room = api.pairings.clone().try_acquire_owned();
    let room = room.map_err(|_| {
        let detail = "as many devices are being linked here as may be: try again, or another host";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "BUSY", detail)
    })?;
    let begun = pairings::begin(&api.app, tenant, phone, given.replace, &call.actor).await?;
    let Some(attempt) = begun else {
        let detail = "a device of this tenant is being linked already";
        return Err(Problem::new(StatusCode::CONFLICT, "PAIRING", detail));
    };
    let stop = api.stop.clone();
    api.tasks.spawn(async move {
        attempt.carry_out(&stop).await;
        drop(room);
    });
    let mut answer = Json(progress(api, tenant).await?).into_response();
    *answer.status_mut() = StatusCode::ACCEPTED;
    Ok(answer)
}

async fn progress(api: &Api, tenant: &TenantId) -> Result<Progress, Problem> {
    let progress = pairings::progress(&api.app, tenant).await?;
    progress.ok_or_else(|| Problem::absent(format!("no device of {tenant} is being linked")))
}

async fn pairing(api: &Api, call: &Call) -> Answer {
    let progress = progress(api, call.tenant()?).await?;
    let format = call.word(Op::ShowPairing, "format")?;
    if format == "json" {
        return Ok(Json(progress).into_response());
    }
    let no_code = || Problem::absent("there is no code to show now");
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
            // Whoever follows through an outage hears of the next step.
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
        false => Err(Problem::absent(format!(
            "no device of {tenant} is being linked"
        ))),
    }
}

async fn send(api: &Api, call: &Call) -> Answer {
    let message: Outgoing = call.json()?;
    let tenant = call.tenant()?;
    let found = ops::show(&api.app, tenant).await?;
    if found.is_none_or(|found| found.jid.is_none()) {
        return Err(Problem::absent(format!("{tenant} has no paired device")));
    }
    let app = api.app.for_tenant(tenant.clone());
    let delivery = send::enqueue(&app, &message).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery)).into_response())
}

async fn read(api: &Api, call: &Call) -> Answer {
    let options = EventsOptions {
        from_seq: call.number(Op::ReadEvents, "from_seq")?,
        limit: u64::try_from(call.number(Op::ReadEvents, "limit")?).ok(),
        ..EventsOptions::default()
    };
    let app = api.app.for_tenant(call.tenant()?.clone());
    let wait = u64::try_from(call.number(Op::ReadEvents, "wait")?).unwrap_or(0);
    let until = Instant::now() + Duration::from_secs(wait);
    let mut found = Vec::new();
    loop {
        let mut tell = |event| {
            found.push(event);
            ControlFlow::Continue(())
        };
        events::events(&app, &options, &api.stop, &mut tell).await?;
        if !found.is_empty() || until <= Instant::now() || !api.stop.sleep(FOLLOW).await {
            break;
        }
    }
    Ok(Json(List::new("EventList", &found)).into_response())
}

async fn drain(api: &Api, call: &Call) -> Answer {
    let given: Drain = call.json_or()?;
    let name = call.host.clone().unwrap_or_default();
    match hosts::drain(&api.app, &name, given.drain, &call.actor).await? {
        0 => Err(Problem::absent("no host of that name or id takes tenants")),
        _ => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}
