//! Health endpoints of one process. Requests change nothing.
//!
//! ```text
//! GET /live     200 while the process works; 503 after 15 minutes without a write
//! GET /health   200 unless a component fails, else 503; JSON by component
//! GET /ready    200 `Ready - Leader`, or 503 `Not Ready - Standby`: for routing traffic
//! GET /readyz   200 if it works or stands by: for rollouts
//! GET /leader   200 if it leads and its lease has not expired
//! GET /metrics  for Prometheus
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::time::Instant;

use crate::api::door::{Answers, Listener};
use crate::api::tls::Tls;
use crate::app::App;
use crate::app::Stop;
use crate::daemon::health::{Condition, Format, Health};

/// The listener for health requests only.
#[derive(Debug)]
pub struct HealthServer {
    door: Listener,
}

impl HealthServer {
    /// Binds the address. With `tls`, it accepts only TLS.
    pub async fn bind(address: SocketAddr, tls: Option<Tls>) -> std::io::Result<Self> {
        let door = Listener::open(address, tls).await?;
        Ok(Self { door })
    }

    /// Returns the address it listens on.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.door.local_addr()
    }

    /// Serves until an immediate stop, so that a process can still report that it is shutting down.
    pub async fn serve(self, app: Arc<App>, stop: Stop) {
        let health = Arc::new(Health::new(app, stop.clone()));
        let scraped = Arc::new((health.clone(), Scrapes::default()));
        let metrics = get(all_metrics).with_state(scraped);
        let answers = Answers {
            all: router(health.clone()).route("/metrics", metrics),
            narrow: router(health),
        };
        let forced = async move { stop.forced().await };
        self.door.serve(answers, forced).await;
    }
}

/// Returns the health routes that every listener has. `/metrics` is not among them.
pub(super) fn router<S: Clone + Send + Sync + 'static>(health: Arc<Health>) -> Router<S> {
    Router::new()
        .route("/live", get(live))
        .route("/health", get(report))
        .route("/ready", get(ready))
        .route("/readyz", get(well))
        .route("/leader", get(leader))
        .with_state(health)
}

type Asked = State<Arc<Health>>;

fn status(ok: bool) -> StatusCode {
    if ok {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

async fn report(State(health): Asked) -> Response {
    let report = health.report().await;
    (status(report.status < Condition::Failing), Json(report)).into_response()
}

async fn ready(State(health): Asked) -> Response {
    let (ready, words) = health.ready().await;
    (status(ready), words).into_response()
}

async fn live(State(health): Asked) -> Response {
    let live = health.is_live();
    let words = if live { "OK" } else { "Stuck" };
    (status(live), words).into_response()
}

async fn well(State(health): Asked) -> Response {
    let (well, words) = health.is_well();
    (status(well), words).into_response()
}

async fn leader(State(health): Asked) -> Response {
    let (leads, words) = health.leads();
    (status(leads), words).into_response()
}

async fn all_metrics(
    State(scraped): State<Arc<(Arc<Health>, Scrapes)>>,
    headers: HeaderMap,
) -> Response {
    metrics(&scraped.0, &scraped.1, &headers, true).await
}

/// Recent metrics in each format. A repeated request within [`SCRAPE_FRESH`] gets the cached text
/// and does not query the database.
#[derive(Debug, Default)]
pub(super) struct Scrapes {
    said: tokio::sync::Mutex<Vec<Said>>,
}

/// Format and whether tenant names are included; time of creation; text.
type Said = ((Format, bool), Instant, String);

/// How long metrics are served from the cache.
const SCRAPE_FRESH: Duration = Duration::from_millis(250);

/// Returns the metrics for Prometheus. Tenant names are included only for clients that may see
/// them.
pub(super) async fn metrics(
    health: &Health,
    scrapes: &Scrapes,
    headers: &HeaderMap,
    names: bool,
) -> Response {
    let accept = headers.get(header::ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok());
    let format = accept.map_or(Format::Text, Format::accepted);
    // Concurrent requests wait here for the one that collects the metrics.
    let mut said = scrapes.said.lock().await;
    said.retain(|(_, at, _)| at.elapsed() < SCRAPE_FRESH);
    let kind = (format, names);
    let text = match said.iter().find(|(of, ..)| *of == kind) {
        Some((.., text)) => text.clone(),
        None => {
            let text = health.metrics(format, names).await;
            said.push((kind, Instant::now(), text.clone()));
            text
        }
    };
    ([(header::CONTENT_TYPE, format.content_type())], text).into_response()
}
