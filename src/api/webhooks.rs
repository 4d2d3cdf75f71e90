//! The routes of webhooks.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use crate::api::problem::Problem;
use crate::api::routes::Op;
use crate::api::server::{Api, Call};
use crate::api::tenants::located;
use crate::app::shapes::{List, whole};
use crate::ops::webhooks::{self, NewWebhook, WebhookError};

type Answer = Result<Response, Problem>;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Redeliver {
    #[serde(default, deserialize_with = "whole")]
    seq: Option<i64>,
}

/// Carries out an admitted request.
pub(super) async fn answer(api: &Api, op: Op, call: &Call) -> Answer {
    let (app, tenant) = (&api.app, call.tenant()?);
    let id = call.webhook.as_deref().unwrap_or_default();
    let actor = &call.actor;
    match op {
        Op::AddWebhook => {
            let wanted: NewWebhook = call.json()?;
            let made = webhooks::add(app, tenant, wanted, actor).await?;
            let path = format!("/api/tenants/{tenant}/webhooks/{}", made.webhook.id);
            let mut answer = (StatusCode::CREATED, Json(made)).into_response();
            located(&mut answer, path);
            return Ok(answer);
        }
        Op::RemoveWebhook => {
            webhooks::remove(app, tenant, id, actor).await?;
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        Op::RedeliverLetters => {
            let given: Redeliver = call.json_or()?;
            let count = webhooks::redeliver(app, tenant, id, given.seq, actor).await?;
            let answer = Json(json!({ "count": count }));
            return Ok((StatusCode::ACCEPTED, answer).into_response());
        }
        Op::ListLetters => {
            let after = call.number(Op::ListLetters, "after")?;
            let limit = u32::try_from(call.number(Op::ListLetters, "limit")?).unwrap_or(1);
            // Read one more dead letter to learn whether there are more.
            let mut letters = webhooks::dead(app, tenant, id, after, limit + 1).await?;
            let most = usize::try_from(limit).unwrap_or(usize::MAX);
            let has_more = most < letters.len();
            letters.truncate(most);
            let last = letters.last().filter(|_| has_more);
            let next = last.map(|last| json!(last.seq));
            let list = List::new("DeadLetterList", &letters).page(has_more, next);
            return Ok(Json(list).into_response());
        }
        Op::PauseWebhook => webhooks::pause(app, tenant, id, true, actor).await?,
        Op::ResumeWebhook => webhooks::pause(app, tenant, id, false, actor).await?,
        Op::TestWebhook => {
            webhooks::test(app, tenant, id, actor).await?;
            let shown = webhooks::show(app, tenant, id).await?;
            return Ok((StatusCode::ACCEPTED, Json(shown)).into_response());
        }
        Op::ShowWebhook => (),
        _ => {
            let all = webhooks::list(app, tenant).await?;
            return Ok(Json(List::new("WebhookList", &all).page(false, None)).into_response());
        }
    }
    Ok(Json(webhooks::show(app, tenant, id).await?).into_response())
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        let detail = error.to_string();
        match error {
            WebhookError::Rows(error) => error.into(),
            WebhookError::UnknownTenant(_) | WebhookError::Unknown { .. } => Self::absent(detail),
            WebhookError::Taken(_) => Self::new(StatusCode::CONFLICT, "WEBHOOK_EXISTS", detail),
            WebhookError::TooMany => Self::new(StatusCode::CONFLICT, "TOO_MANY_WEBHOOKS", detail),
            WebhookError::Events(error) => error.into(),
            error => match error.field() {
                Some(field) => Self::value(detail).pointer(format!("/{field}")),
                None => Self::value(detail),
            },
        }
    }
}
