//! Health of one process. Asking changes nothing.
//!
//! ```text
//! GET /live     200 while the process works
//! GET /health   200 if it leads and is connected, or stands by; else 503; JSON
//! GET /ready    200 `Ready - Leader`, or 503 `Not Ready - Standby`: where traffic goes
//! GET /readyz   200 if it leads and is connected, or stands by: what a rollout waits for
//! GET /leader   200 if it leads
//! GET /metrics  text for Prometheus
//! ```

use std::net::SocketAddr;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::ops::Stop;

/// How a process is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    pub business_id: String,
    /// `leader`, `standby` or `fenced`.
    pub role: &'static str,
    /// The lease that it holds, 0 for none.
    pub epoch: i64,
    /// `connected`, `connecting`, `stalled` and others; `down` while it stands by.
    pub state: String,
    /// What is behind the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The process that leads, while this one stands by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Messages that came in while this process led.
    pub messages_received: u64,
    /// How often this process took over.
    pub takeovers: u64,
}

impl Health {
    /// A process that has just started.
    pub fn starting(business_id: &str) -> Self {
        Self {
            business_id: business_id.to_owned(),
            role: "standby",
            epoch: 0,
            state: String::from("down"),
            reason: None,
            holder: None,
            messages_received: 0,
            takeovers: 0,
        }
    }

    fn leads(&self) -> bool {
        self.role == "leader"
    }

    fn serves(&self) -> bool {
        self.leads() && self.state == "connected"
    }

    /// Whether a rollout may go on.
    fn is_well(&self) -> bool {
        self.serves() || self.role == "standby"
    }
}

/// A listening health interface.
#[derive(Debug)]
pub struct HealthServer {
    listener: TcpListener,
}

impl HealthServer {
    /// Takes the address.
    pub async fn bind(address: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self { listener })
    }

    /// Where it listens.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until an end at once is asked for: a process that stops in an orderly way says so.
    pub async fn serve(self, health: watch::Receiver<Health>, stop: Stop) {
        let router = Router::new()
            .route("/live", get(async || "OK"))
            .route("/health", get(report))
            .route("/ready", get(ready))
            .route("/readyz", get(well))
            .route("/leader", get(leader))
            .route("/metrics", get(metrics))
            .with_state(health);
        let serve = axum::serve(self.listener, router)
            .with_graceful_shutdown(async move { stop.forced().await });
        if let Err(error) = serve.await {
            tracing::error!(%error, "the health interface failed");
        }
    }
}

type Seen = State<watch::Receiver<Health>>;

fn status(ok: bool) -> StatusCode {
    if ok {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

async fn report(State(health): Seen) -> Response {
    let health = health.borrow().clone();
    (status(health.is_well()), Json(health)).into_response()
}

async fn ready(State(health): Seen) -> Response {
    let health = health.borrow().clone();
    let words = match (health.serves(), health.role) {
        (true, _) => "Ready - Leader",
        (false, "leader") => "Not Ready - Leader, not connected",
        (false, "standby") => "Not Ready - Standby",
        _ => "Not Ready",
    };
    (status(health.serves()), words).into_response()
}

async fn well(State(health): Seen) -> StatusCode {
    status(health.borrow().is_well())
}

async fn leader(State(health): Seen) -> StatusCode {
    status(health.borrow().leads())
}

async fn metrics(State(health): Seen) -> Response {
    let health = health.borrow().clone();
    let number = |yes: bool| u64::from(yes);
    let lines = [
        ("whatsmeow_tenants_total", "gauge", 1),
        (
            "whatsmeow_tenants_connected",
            "gauge",
            number(health.serves()),
        ),
        (
            "whatsmeow_messages_received_total",
            "counter",
            health.messages_received,
        ),
        ("whatsmeow_failover_total", "counter", health.takeovers),
        ("wmctl_leader", "gauge", number(health.leads())),
        (
            "wmctl_lease_epoch",
            "gauge",
            u64::try_from(health.epoch).unwrap_or(0),
        ),
    ];
    let mut text = String::new();
    for (name, kind, value) in lines {
        text.push_str(&format!("# TYPE {name} {kind}\n{name} {value}\n"));
    }
    let head = [("content-type", "text/plain; version=0.0.4")];
    (head, text).into_response()
}
