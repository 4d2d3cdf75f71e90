//! Webhooks under measurement: a receiver in this process, and the delay of each event.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Serialize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::clock::Surroundings;

/// The results of the webhook measurement.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Delivered {
    /// Delivered events per second at full load, from the first message to the last delivery.
    pub delivered_per_s: f64,
    /// Delay from the commit of an event to its delivery at low load (ms): p50 and p99.
    pub delivery_p50_ms: f64,
    pub delivery_p99_ms: f64,
}

/// Accepts every event and records its delay.
pub(super) struct Receiver {
    pub(super) url: String,
    delays: Delays,
    _tasks: JoinSet<()>,
}

#[derive(Clone)]
struct Delays {
    surroundings: Surroundings,
    /// Delays in milliseconds.
    all: Arc<Mutex<Vec<f64>>>,
}

impl Receiver {
    pub(super) async fn start(surroundings: Surroundings) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let delays = Delays {
            surroundings,
            all: Arc::default(),
        };
        let router = Router::new()
            .route("/", post(take))
            .with_state(delays.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the receiver failed");
            }
        });
        Ok(Self {
            url,
            delays,
            _tasks: tasks,
        })
    }

    /// Returns the number of events since the last [`take`](Self::take).
    pub(super) fn count(&self) -> usize {
        self.delays.locked().len()
    }

    /// Returns the delays in milliseconds and clears them.
    pub(super) fn take(&self) -> Vec<f64> {
        std::mem::take(&mut *self.delays.locked())
    }
}

impl Delays {
    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<f64>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn take(State(delays): State<Delays>, Json(body): Json<Value>) -> StatusCode {
    let now_ms = delays.surroundings.clock.unix_ms();
    let events = body["events"].as_array().map_or(&[][..], Vec::as_slice);
    let stored = events.iter().filter_map(|event| {
        // An event id ends with the time at which the event was stored (Unix ms).
        let (_, stored_ms) = event["event_id"].as_str()?.rsplit_once('-')?;
        stored_ms.parse::<i64>().ok()
    });
    let all = stored.map(|stored_ms| now_ms.saturating_sub(stored_ms).max(0) as f64);
    delays.locked().extend(all);
    StatusCode::NO_CONTENT
}
