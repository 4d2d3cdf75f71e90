//! What all deliveries of a process share: how to send, and which tenants have webhooks at all.
//!
//! Thousands of tenants without webhooks cost one small question a second for the whole process.
//! There is no task: one of those who wait does the looking for all.

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
use crate::net::webhook::{Guard, Poster};
use crate::store::Store;
use crate::store::error::StoreError;

/// How often it is looked whether anybody's webhooks changed.
const LOOK: Duration = Duration::from_secs(1);

/// A value for each tenant that has webhooks; another one after any change of them.
type Marks = Arc<BTreeMap<String, i64>>;

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct Hooks {
    pub(crate) poster: Poster,
    pub(crate) delivery: Delivery,
    marks: watch::Sender<Marks>,
    /// What was seen last, with whoever looks.
    looking: Mutex<Option<(i64, i64)>>,
}

impl Hooks {
    /// Reads the TLS roots that receivers are checked against: those of the file alone, or the
    /// system's and the built-in ones.
    pub(crate) fn new(delivery: Delivery, ca_file: Option<&Path>) -> Result<Self, DialError> {
        let guard = Guard::new(delivery.allow.clone());
        Ok(Self {
            poster: Poster::new(guard, delivery.attempt, ca_file)?,
            delivery,
            marks: watch::Sender::default(),
            looking: Mutex::default(),
        })
    }

    /// Waits until a tenant's mark is not `known`; the new one. Cancel-safe.
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
