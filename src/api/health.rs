//! Health of one process. Asking changes nothing.
//!
//! ```text
//! GET /live     200 while the process works; 503 after five minutes without a write
//! GET /health   200 unless a component fails, else 503; JSON by component
//! GET /ready    200 `Ready - Leader`, or 503 `Not Ready - Standby`: where traffic goes
//! GET /readyz   200 if it works or stands by: what a rollout waits for
//! GET /leader   200 if it leads, and its lease has not run out
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

use crate::api::door::{Answers, Door};
use crate::api::tls::Tls;
use crate::app::App;
use crate::app::Stop;
use crate::daemon::health::{Condition, Format, Health};

/// A listening health interface.
#[derive(Debug)]
pub struct HealthServer {
    door: Door,
}

impl HealthServer {
    /// Takes the address; with `tls` it speaks nothing else.
    pub async fn bind(address: SocketAddr, tls: Option<Tls>) -> std::io::Result<Self> {
        let door = Door::open(address, tls).await?;
        Ok(Self { door })
    }

    /// Where it listens.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.door.local_addr()
    }

    /// Answers until an end at once is asked for: a process that stops in an orderly way says so.
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

/// The same paths on every interface, but for `/metrics`.
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

/// What was last said to Prometheus, in each form: whoever asks again within a moment reads
/// it again, and the database is not asked.
#[derive(Debug, Default)]
pub(super) struct Scrapes {
    said: tokio::sync::Mutex<Vec<Said>>,
}

/// In which form and with whose names, when, and what.
type Said = ((Format, bool), Instant, String);

/// How long metrics are as good as new.
const SCRAPE_FRESH: Duration = Duration::from_millis(250);

/// What Prometheus asks for; with the names of tenants only for those who may know them.
pub(super) async fn metrics(
    health: &Health,
    scrapes: &Scrapes,
    headers: &HeaderMap,
    names: bool,
) -> Response {
    let accept = headers.get(header::ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok());
    let format = accept.map_or(Format::Text, Format::accepted);
    // Those who ask meanwhile wait for the one who looks.
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
