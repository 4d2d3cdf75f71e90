//! The simulator's control interface: HTTP and JSON on the loopback interface, for scripts and
//! tests in any language.
//!
//! ```text
//! GET    /v1                               where it listens, its root key
//! POST   /v1/accounts                      {"number","name"} → {"lid"}
//! GET    /v1/accounts/NUMBER/devices       devices: the phone and its companions
//! GET    /v1/accounts/NUMBER/inbox         messages that the phone received
//! GET    /v1/accounts/NUMBER/sent          messages that it sent: [id, text]
//! GET    /v1/accounts/NUMBER/receipts      receipts for its messages
//! POST   /v1/accounts/NUMBER/end           {"how":"cut|replaced|restart|unavailable|outdated"} or
//!                                          {"how":"banned","expire_s":60} → {"connections"}
//! POST   /v1/accounts/NUMBER/mute          {"logins"?}: its connections only answer pings; so do
//!                                          the next `logins` ones → {"connections"}
//! POST   /v1/accounts/NUMBER/lift          lets it log in again
//! POST   /v1/accounts/NUMBER/reinstall     new keys, no companions; notifies contacts
//! GET    /v1/accounts/NUMBER/settings      settings by collection
//! POST   /v1/accounts/NUMBER/settings      {"set":"contact","jid","full_name","first_name"?},
//!                                          {"set":"remove_contact|delete_chat","jid"},
//!                                          {"set":"contacts","count"},
//!                                          {"set":"mute","jid","on","until_ms"?},
//!                                          {"set":"pin|archive|read","jid","on"},
//!                                          {"set":"push_name","name"} → {"version"}
//! POST   /v1/accounts/NUMBER/settings-key  {"withhold":bool}; new key, sent to companions at once
//!                                          or only on request
//! POST   /v1/accounts/NUMBER/history       {"conversations","messages","padding"?,"inline"?,
//!                                          "refused"?}: sends its history to its companions
//!                                          → {"companions"}
//! POST   /v1/accounts/NUMBER/compact       replaces app state patches by snapshots
//! POST   /v1/devices                       {"jid","noise_key","identity_key","registration_id",
//!                                          "signed_pre_key":{"id","key","signature"}}: adds a
//!                                          companion that was linked before; public keys in
//!                                          base64
//! DELETE /v1/devices/JID                   the phone unlinks a companion
//! POST   /v1/scan                          {"code","number"?}; without number, the first account
//! POST   /v1/type-code                     {"code","number"}
//! POST   /v1/messages                      {"from","to","text"} → {"id"}; "to" may be a group
//! POST   /v1/chats                         {"from","to","count","every_ms"}
//! POST   /v1/groups                        {"subject","members":[NUMBER],"addressing"?:"lid|pn"}
//!                                          → {"jid"}
//! POST   /v1/faults                        {"fault":"drop|delay|reorder|duplicate|corrupt|close|
//!                                          close_after","direction":"in|out","tag"?,"number"?,
//!                                          "times"?,"per_mille"?,"ms" for delay}
//! DELETE /v1/faults
//! GET    /v1/journal?skip=0&limit=1000     stanzas, oldest first
//! GET    /v1/breaches                      protocol violations of clients
//! ```
//!
//! Errors are `{"error":{"message"}}` with status 400, 404 or 409.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, FromRef, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::crypto::curve::PublicKey;
use crate::ids::Jid;
use crate::sim::error::SimError;
use crate::sim::faults::{ConnectionEnd, Fault};
use crate::sim::group::Addressing;
use crate::sim::history::HistorySpec;
use crate::sim::server::Simulator;
use crate::sim::settings::Setting;
use crate::sim::unpaired::Linked;

/// Maximum size of a request body (bytes).
const BODY_BYTES_MAX: usize = 64 << 10;
/// Maximum number of journal entries per response.
const PAGE_MAX: usize = 10_000;

/// State shared by all requests.
#[derive(Clone)]
struct Served {
    sim: Arc<Simulator>,
    ca_file: Option<PathBuf>,
}

impl FromRef<Served> for Arc<Simulator> {
    fn from_ref(served: &Served) -> Self {
        Self::clone(&served.sim)
    }
}

type Shared = State<Arc<Simulator>>;
type Body<T> = Result<Json<T>, JsonRejection>;
type Answer = Result<Json<Value>, Refusal>;

/// A control interface that listens.
#[derive(Debug)]
pub struct Control {
    listener: TcpListener,
    address: SocketAddr,
}

impl Control {
    /// Binds a port of 127.0.0.1; 0 selects a free one.
    pub async fn bind(port: u16) -> Result<Self, SimError> {
        let failed = |source| SimError::Listen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Returns the base URL for requests.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves until `stop`. `ca_file` is the path of the certificate authority that clients must
    /// trust.
    pub async fn serve(
        self,
        sim: Arc<Simulator>,
        ca_file: Option<PathBuf>,
        stop: CancellationToken,
    ) {
        let serve = axum::serve(self.listener, router(Served { sim, ca_file }))
            .with_graceful_shutdown(async move { stop.cancelled().await });
        if let Err(error) = serve.await {
            tracing::error!(%error, "the control interface failed");
        }
    }
}

fn router(served: Served) -> Router {
    Router::new()
        .route("/v1", get(about))
        .route("/v1/accounts", post(add_account))
        .route("/v1/accounts/{number}/devices", get(devices))
        .route("/v1/accounts/{number}/inbox", get(inbox))
        .route("/v1/accounts/{number}/sent", get(sent))
        .route("/v1/accounts/{number}/receipts", get(receipts))
        .route("/v1/accounts/{number}/end", post(end))
        .route("/v1/accounts/{number}/mute", post(mute))
        .route("/v1/accounts/{number}/lift", post(lift))
        .route("/v1/accounts/{number}/reinstall", post(reinstall))
        .route("/v1/accounts/{number}/settings", get(settings).post(set))
        .route("/v1/accounts/{number}/settings-key", post(rotate_key))
        .route("/v1/accounts/{number}/history", post(history))
        .route("/v1/accounts/{number}/compact", post(compact))
        .route("/v1/devices", post(adopt))
        .route("/v1/devices/{jid}", delete(remove_device))
        .route("/v1/scan", post(scan))
        .route("/v1/type-code", post(type_code))
        .route("/v1/messages", post(send))
        .route("/v1/chats", post(chat))
        .route("/v1/groups", post(create_group))
        .route("/v1/faults", post(add_fault).delete(clear_faults))
        .route("/v1/journal", get(journal))
        .route("/v1/breaches", get(breaches))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(served)
}

/// Why a request was refused.
enum Refusal {
    Request(String),
    Simulator(SimError),
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        Self::Request(rejection.body_text())
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self::Request(rejection.body_text())
    }
}

impl From<SimError> for Refusal {
    fn from(error: SimError) -> Self {
        Self::Simulator(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::Request(message) => (StatusCode::BAD_REQUEST, message),
            Self::Simulator(error) => {
                let status = match &error {
                    SimError::UnknownAccount | SimError::UnknownDevice | SimError::UnknownGroup => {
                        StatusCode::NOT_FOUND
                    }
                    _ => StatusCode::CONFLICT,
                };
                let mut message = error.to_string();
                if let SimError::Scan(why) = &error {
                    message = format!("{message}: {why}");
                }
                (status, message)
            }
        };
        (status, Json(json!({"error": {"message": message}}))).into_response()
    }
}

async fn about(State(Served { sim, ca_file }): State<Served>) -> Json<Value> {
    Json(json!({
        "ws_url": sim.ws_url(),
        "root_key": sim.root_key(),
        "ca_file": ca_file,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    number: String,
    #[serde(default)]
    name: String,
}

async fn add_account(State(sim): Shared, body: Body<NewAccount>) -> Answer {
    let Json(account) = body?;
    number(&account.number)?;
    let lid = sim.add_account(&account.number, &account.name).await?;
    Ok(Json(json!({"lid": lid})))
}

/// Accepts only digits as a phone number.
fn number(text: &str) -> Result<(), Refusal> {
    let digits = (5..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let wrong = || Refusal::Request(String::from("a number has 5 to 15 digits and nothing else"));
    digits.then_some(()).ok_or_else(wrong)
}

async fn devices(State(sim): Shared, Path(number): Path<String>) -> Answer {
    Ok(Json(json!({"items": sim.devices(&number).await?})))
}

async fn inbox(State(sim): Shared, Path(number): Path<String>) -> Answer {
    Ok(Json(json!({"items": sim.phone_inbox(&number).await?})))
}

async fn sent(State(sim): Shared, Path(number): Path<String>) -> Answer {
    Ok(Json(json!({"items": sim.phone_sent(&number).await?})))
}

async fn receipts(State(sim): Shared, Path(number): Path<String>) -> Answer {
    Ok(Json(json!({"items": sim.phone_heard(&number).await?})))
}

async fn end(State(sim): Shared, Path(number): Path<String>, body: Body<ConnectionEnd>) -> Answer {
    let Json(ending) = body?;
    Ok(Json(
        json!({"connections": sim.end(&number, ending).await?}),
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Muting {
    #[serde(default)]
    logins: u32,
}

async fn mute(State(sim): Shared, Path(number): Path<String>, body: Body<Muting>) -> Answer {
    let Json(Muting { logins }) = body?;
    let connections = sim.mute(&number, logins).await?;
    Ok(Json(json!({"connections": connections})))
}

async fn lift(State(sim): Shared, Path(number): Path<String>) -> Answer {
    sim.lift(&number).await?;
    Ok(Json(json!({})))
}

async fn reinstall(State(sim): Shared, Path(number): Path<String>) -> Answer {
    sim.reinstall(&number).await?;
    Ok(Json(json!({})))
}

async fn settings(State(sim): Shared, Path(number): Path<String>) -> Answer {
    Ok(Json(json!({"items": sim.settings(&number).await?})))
}

async fn set(State(sim): Shared, Path(number): Path<String>, body: Body<Setting>) -> Answer {
    let Json(setting) = body?;
    Ok(Json(json!({"version": sim.set(&number, setting).await?})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    withhold: bool,
}

async fn rotate_key(State(sim): Shared, Path(number): Path<String>, body: Body<NewKey>) -> Answer {
    let Json(new) = body?;
    sim.rotate_key(&number, new.withhold).await?;
    Ok(Json(json!({})))
}

async fn history(
    State(sim): Shared,
    Path(number): Path<String>,
    body: Body<HistorySpec>,
) -> Answer {
    let Json(past) = body?;
    let companions = sim.hand_over_past(&number, past).await?;
    Ok(Json(json!({"companions": companions})))
}

async fn compact(State(sim): Shared, Path(number): Path<String>) -> Answer {
    sim.compact(&number).await?;
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownDevice {
    jid: String,
    noise_key: String,
    identity_key: String,
    registration_id: u32,
    signed_pre_key: KnownPreKey,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownPreKey {
    id: u32,
    key: String,
    signature: String,
}

impl KnownDevice {
    fn read(&self) -> Option<Linked> {
        let key = |text: &str| PublicKey::from_slice(&STANDARD.decode(text).ok()?);
        let signed = &self.signed_pre_key;
        let signature = STANDARD.decode(&signed.signature).ok()?;
        Some(Linked {
            jid: self.jid.parse().ok()?,
            noise: key(&self.noise_key)?,
            identity: key(&self.identity_key)?,
            registration_id: self.registration_id,
            signed: (signed.id, key(&signed.key)?, signature.try_into().ok()?),
        })
    }
}

async fn adopt(State(sim): Shared, body: Body<KnownDevice>) -> Answer {
    let Json(device) = body?;
    let wrong =
        "jid is an address with a device number; keys are 32 bytes in base64, a signature 64";
    let linked = device.read();
    let linked = linked.ok_or_else(|| Refusal::Request(String::from(wrong)))?;
    sim.adopt(linked).await?;
    Ok(Json(json!({})))
}

async fn remove_device(State(sim): Shared, Path(jid): Path<String>) -> Answer {
    let jid: Jid = jid
        .parse()
        .map_err(|_| Refusal::Request(String::from("the device is no address")))?;
    sim.remove_device(&jid).await?;
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    code: String,
    number: Option<String>,
}

async fn scan(State(sim): Shared, body: Body<Shown>) -> Answer {
    let Json(shown) = body?;
    let number = match shown.number {
        Some(number) => number,
        None => sim.first_number().await?,
    };
    let jid = sim.scan(&number, &shown.code).await?;
    Ok(Json(json!({"jid": jid})))
}

async fn type_code(State(sim): Shared, body: Body<Shown>) -> Answer {
    let Json(shown) = body?;
    let number = match shown.number {
        Some(number) => number,
        None => sim.first_number().await?,
    };
    sim.type_code(&number, &shown.code).await?;
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMessage {
    from: String,
    to: String,
    text: String,
}

async fn send(State(sim): Shared, body: Body<NewMessage>) -> Answer {
    let Json(new) = body?;
    let id = sim.phone_sends(&new.from, &new.to, &new.text).await?;
    Ok(Json(json!({"id": id})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewChat {
    from: String,
    to: String,
    count: u32,
    every_ms: u32,
}

async fn chat(State(sim): Shared, body: Body<NewChat>) -> Answer {
    let Json(new) = body?;
    let every = Duration::from_millis(new.every_ms.into());
    sim.phone_chats(&new.from, &new.to, new.count, every)
        .await?;
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewGroup {
    subject: String,
    members: Vec<String>,
    #[serde(default)]
    addressing: Addressing,
}

async fn create_group(State(sim): Shared, body: Body<NewGroup>) -> Answer {
    let Json(new) = body?;
    let members: Vec<&str> = new.members.iter().map(String::as_str).collect();
    let jid = sim
        .create_group(&new.subject, &members, new.addressing)
        .await?;
    Ok(Json(json!({"jid": jid})))
}

async fn add_fault(State(sim): Shared, body: Body<Fault>) -> Answer {
    let Json(fault) = body?;
    sim.add_fault(fault).await?;
    Ok(Json(json!({})))
}

async fn clear_faults(State(sim): Shared) -> Answer {
    sim.clear_faults().await?;
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default)]
    skip: usize,
    #[serde(default = "page_max")]
    limit: usize,
}

fn page_max() -> usize {
    PAGE_MAX
}

async fn journal(State(sim): Shared, page: Result<Query<Page>, QueryRejection>) -> Answer {
    let Query(page) = page?;
    let items = sim
        .journal_page(page.skip, page.limit.min(PAGE_MAX))
        .await?;
    Ok(Json(json!({"items": items})))
}

async fn breaches(State(sim): Shared) -> Answer {
    Ok(Json(json!({"items": sim.breaches().await?})))
}
