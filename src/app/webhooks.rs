//! State shared by all webhook deliveries of a process: the HTTP client, and which tenants have
//! webhooks.
//!
//! Thousands of tenants without webhooks cost one small query per second for the whole process.
//! There is no task: one of the waiting callers polls for all.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use crate::config::webhook::Delivery;
use crate::engine::leased::explained;
use crate::ids::TenantId;
use crate::net::dial::DialError;
use crate::net::webhook::{AddressPolicy, WebhookClient};
use crate::store::Store;
use crate::store::error::StoreError;

/// Interval at which changes of webhooks are polled.
const LOOK: Duration = Duration::from_secs(1);

/// A mark for each tenant with webhooks; it differs after each change of them.
type Marks = Arc<BTreeMap<String, i64>>;

/// The shared delivery state; see the module documentation.
#[derive(Debug)]
pub(crate) struct WebhookRegistry {
    pub(crate) poster: WebhookClient,
    pub(crate) delivery: Delivery,
    marks: watch::Sender<Marks>,
    /// The last mark of all webhooks. The caller that holds the lock polls for all.
    looking: Mutex<Option<(i64, i64)>>,
}

impl WebhookRegistry {
    /// Loads the TLS roots for receivers: only those in `ca_file`, or the system's and the built-in
    /// ones.
    pub(crate) fn new(delivery: Delivery, ca_file: Option<&Path>) -> Result<Self, DialError> {
        let guard = AddressPolicy::new(delivery.allow.clone());
        Ok(Self {
            poster: WebhookClient::new(guard, delivery.attempt, ca_file)?,
            delivery,
            marks: watch::Sender::default(),
            looking: Mutex::default(),
        })
    }

    /// Waits until a tenant's mark differs from `known`, and returns the new mark. Cancel-safe.
    pub(crate) async fn changed(
        &self,
        store: &Store,
        tenant: &TenantId,
        known: Option<i64>,
    ) -> Option<i64> {
        let mut marks = self.marks.subscribe();
        let mark = |marks: &Marks| marks.get(tenant.as_str()).copied();
        tokio::select! {
            biased;
            changed = marks.wait_for(|marks| mark(marks) != known) => {
                changed.map_or(None, |marks| mark(&marks))
            }
            never = self.look(store) => match never {},
        }
    }

    async fn look(&self, store: &Store) -> Infallible {
        let mut last = self.looking.lock().await;
        loop {
            if let Err(error) = self.look_once(store, &mut last).await {
                tracing::debug!(error = %explained(&error), "webhooks could not be listed");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn look_once(
        &self,
        store: &Store,
        last: &mut Option<(i64, i64)>,
    ) -> Result<(), StoreError> {
        let mark = store.webhooks_mark().await?;
        if *last != Some(mark) {
            let marks = store.webhooks_marks().await?;
            self.marks
                .send_replace(Arc::new(marks.into_iter().collect()));
            *last = Some(mark);
        }
        Ok(())
    }
}
