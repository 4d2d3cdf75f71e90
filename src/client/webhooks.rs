//! Webhook use cases, carried out through the HTTP interface of another host.

use serde_json::{Value, json};

use crate::client::{ApiClient, ApiClientError, Items, escaped};
use crate::ids::TenantId;
use crate::ops::webhooks::{DeadLetter, MadeWebhook, NewWebhook, Webhook};

impl ApiClient {
    /// See [`crate::ops::webhooks::add`].
    pub async fn add_webhook(
        &self,
        tenant: &TenantId,
        wanted: &NewWebhook,
    ) -> Result<MadeWebhook, ApiClientError> {
        let mut body = json!({ "url": wanted.url, "types": wanted.types });
        let secret = wanted.secret.as_ref().map(|secret| json!(secret.expose()));
        for (name, value) in [
            ("id", wanted.id.as_ref().map(|id| json!(id))),
            ("batch", wanted.batch.map(|batch| json!(batch))),
            ("from_seq", wanted.from_seq.map(|seq| json!(seq))),
            ("secret", secret),
        ] {
            if let Some(value) = value {
                body[name] = value;
            }
        }
        self.json("POST", &path(tenant, ""), Some(body)).await
    }

    /// See [`crate::ops::webhooks::list`].
    pub async fn webhooks(&self, tenant: &TenantId) -> Result<Vec<Webhook>, ApiClientError> {
        let found: Items<Webhook> = self.json("GET", &path(tenant, ""), None).await?;
        Ok(found.items)
    }

    /// See [`crate::ops::webhooks::show`].
    pub async fn webhook(&self, tenant: &TenantId, id: &str) -> Result<Webhook, ApiClientError> {
        self.json("GET", &path(tenant, id), None).await
    }

    /// See [`crate::ops::webhooks::remove`].
    pub async fn remove_webhook(&self, tenant: &TenantId, id: &str) -> Result<(), ApiClientError> {
        self.done("DELETE", &path(tenant, id), None).await
    }

    /// Runs `pause`, `resume` or `test`. See the functions of [`crate::ops::webhooks`].
    pub async fn tell_webhook(
        &self,
        tenant: &TenantId,
        id: &str,
        verb: &str,
    ) -> Result<(), ApiClientError> {
        let path = format!("{}/{verb}", path(tenant, id));
        self.done("POST", &path, None).await
    }

    /// See [`crate::ops::webhooks::redeliver`].
    pub async fn redeliver(
        &self,
        tenant: &TenantId,
        id: &str,
        seq: Option<i64>,
    ) -> Result<u64, ApiClientError> {
        let path = format!("{}/redeliver", path(tenant, id));
        let body = json!({ "seq": seq });
        let answer: Value = self.json("POST", &path, Some(body)).await?;
        Ok(answer["count"].as_u64().unwrap_or(0))
    }

    /// See [`crate::ops::webhooks::dead`].
    pub async fn dead_letters(
        &self,
        tenant: &TenantId,
        id: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, ApiClientError> {
        let path = format!("{}/dead?after={after}&limit={limit}", path(tenant, id));
        let found: Items<DeadLetter> = self.json("GET", &path, None).await?;
        Ok(found.items)
    }
}

/// Returns the path of a webhook. Existing ids are safe; any other text is escaped into one
/// segment.
fn path(tenant: &TenantId, id: &str) -> String {
    let mut path = format!("/api/tenants/{tenant}/webhooks");
    if !id.is_empty() {
        path.push('/');
        path.push_str(&escaped(id));
    }
    path
}
