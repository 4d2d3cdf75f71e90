//! The listening interface: one dispatcher for every route, so that none can forget a check.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, MatchedPath, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use axum::routing::{any, get};
use axum::serve::{Listener as _, ListenerExt as _};
use axum::{Json, RequestExt, Router};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::api::auth::{self, Open};
use crate::api::door::Door;
use crate::api::limit::Limit;
use crate::api::problem::Problem;
use crate::api::routes::{ROUTES, Route};
use crate::api::tls::Tls;
use crate::api::{health, openapi, page, tenants};
use crate::ids::TenantId;
use crate::ops::Stop;
use crate::ops::health::Health;
use crate::ops::keys::{self, Grant};
use crate::ops::open::{App, RowsError};
use crate::ops::tenants::Actor;

/// Longest body: a message of the longest text, escaped.
const BODY_BYTES_MAX: usize = 512 << 10;
/// Longest time until an answer begins.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// Each is a connection, hundreds of keys and a row that changes every few seconds.
const PAIRINGS_MAX: usize = 16;
/// Longest request id that a caller may choose.
const REQUEST_ID_BYTES_MAX: usize = 64;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How to listen.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    pub address: SocketAddr,
    /// Speak TLS, and nothing else.
    pub tls: Option<Tls>,
    /// Requests a second for each key or address; twice as many at once.
    pub rate: u32,
}

/// Why nothing listens.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("listen on {address}")]
    Bind {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    /// Others could reach the interface, and would need no key.
    #[error("{0} can be reached from other machines, and there is no key")]
    NoKeys(SocketAddr),
    #[error(transparent)]
    Rows(#[from] RowsError),
}

/// A listening interface.
#[derive(Debug)]
pub struct Server {
    door: Door,
    rate: u32,
    open: Open,
}

/// What every request is answered with.
pub(super) struct Api {
    pub(super) app: Arc<App>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: Stop,
    /// Devices that may be linked here at the same time.
    pub(super) pairings: Arc<Semaphore>,
    health: Arc<Health>,
    open: Open,
    limit: Limit,
}

/// One request that was let in.
pub(super) struct Call {
    pub(super) grant: Grant,
    pub(super) actor: Actor,
    pub(super) tenant: Option<TenantId>,
    pub(super) host: Option<String>,
    pub(super) webhook: Option<String>,
    pub(super) query: BTreeMap<String, String>,
    pub(super) body: Bytes,
}

impl Server {
    /// Takes the address. Refuses one that others can reach while there is no key.
    pub async fn bind(app: &App, options: ServerOptions) -> Result<Self, ServerError> {
        let address = options.address;
        let open = match address.ip() {
            ip if is_loopback(ip) => Open::Local,
            _ if keys::exist(app).await? => Open::Never,
            _ => return Err(ServerError::NoKeys(address)),
        };
        let door = Door::open(address, options.tls).await;
        let door = door.map_err(|source| ServerError::Bind { address, source })?;
        Ok(Self {
            door,
            rate: options.rate,
            open,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.door.local_addr()
    }

    /// Answers until it is asked to stop; what has begun is finished.
    pub async fn serve(self, app: Arc<App>, stop: Stop) {
        let api = Arc::new(Api {
            health: Arc::new(Health::new(app.clone(), stop.clone())),
            app,
            tasks: TaskTracker::new(),
            stop: stop.clone(),
            pairings: Arc::new(Semaphore::new(PAIRINGS_MAX)),
            open: self.open,
            limit: Limit::new(self.rate),
        });
        let tasks = api.tasks.clone();
        let service = router(api).into_make_service_with_connect_info::<SocketAddr>();
        let asked = stop.clone();
        let serve = axum::serve(self.door.tap_io(|_| ()), service)
            .with_graceful_shutdown(async move { asked.asked().await });
        tokio::select! {
            served = serve => {
                if let Err(error) = served {
                    tracing::error!(%error, "the interface failed");
                }
            }
            () = stop.forced() => (),
        }
        tasks.close();
        tasks.wait().await;
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_loopback(),
    }
}

fn router(api: Arc<Api>) -> Router {
    let mut paths: Vec<&str> = ROUTES.iter().map(|route| route.path).collect();
    paths.dedup();
    let mut router = Router::new()
        .route("/", get(page::page))
        .route("/openapi.json", get(async || Json(openapi::document())))
        .route("/metrics", get(metrics))
        .merge(health::router(api.health.clone()));
    for path in paths.into_iter().collect::<std::collections::BTreeSet<_>>() {
        router = router.route(path, any(dispatch));
    }
    router.fallback(unknown).with_state(api)
}

/// Names of tenants are for those who may read them all.
async fn metrics(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    let grant = auth::grant(&api.app, &headers, api.open).await;
    let reads =
        |grant: &Grant| grant.scope == keys::Scope::Everyone && grant.allows(keys::Action::Read);
    health::metrics(
        &api.health,
        &headers,
        grant.is_ok_and(|grant| reads(&grant)),
    )
    .await
}

async fn unknown(State(api): State<Arc<Api>>, request: Request) -> Response {
    let id = request_id(&api, &request);
    finished(Problem::absent("there is no such path").answer(&id), &id)
}

/// The id that the caller chose, if it is harmless, or a new one.
fn request_id(api: &Api, request: &Request) -> String {
    let sound = |text: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !text.is_empty() && text.len() <= REQUEST_ID_BYTES_MAX && text.bytes().all(plain)
    };
    let given = request.headers().get(REQUEST_ID);
    let given = given.and_then(|value| value.to_str().ok()).filter(sound);
    given.map_or_else(|| api.app.fresh_name(), str::to_owned)
}

/// What every answer carries.
fn finished(mut answer: Response, request_id: &str) -> Response {
    let headers = answer.headers_mut();
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    let (sniff, cache) = (
        HeaderValue::from_static("nosniff"),
        HeaderValue::from_static("no-store"),
    );
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, sniff);
    headers.insert(header::CACHE_CONTROL, cache);
    answer
}

/// Answers a request to a path of the table.
async fn dispatch(State(api): State<Arc<Api>>, request: Request) -> Response {
    let id = request_id(&api, &request);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let begun = Instant::now();
    let answer = tokio::time::timeout(ANSWER_TIME_MAX, admitted(&api, request, &id));
    let late = || {
        let detail = "this takes too long: try again";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "TIMEOUT", detail)
    };
    let answer = answer.await.unwrap_or_else(|_| Err(late()));
    let answer = answer.unwrap_or_else(|problem| problem.answer(&id));
    let (status, took_ms) = (answer.status().as_u16(), begun.elapsed().as_millis());
    tracing::debug!(%method, path, status, took_ms, request_id = id, "request");
    finished(answer, &id)
}

/// Checks, in this order: rate by address, key, rate by key, method, what the key may do, names,
/// the body.
async fn admitted(api: &Arc<Api>, mut request: Request, id: &str) -> Result<Response, Problem> {
    let now = Instant::now();
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let address = address.map_or_else(String::new, |info| info.0.ip().to_string());
    let busy = |seconds: u64| {
        let detail = format!("too many requests: wait {seconds} s");
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMIT", detail)
    };
    let grant = match auth::grant(&api.app, request.headers(), api.open).await {
        Ok(grant) => grant,
        // Whoever guesses keys is slowed down; whoever has one is not held up by them.
        Err(problem) => {
            api.limit.take(&address, now).map_err(busy)?;
            return Err(problem);
        }
    };
    let caller = format!("key {}", grant.name);
    api.limit.take(&caller, now).map_err(busy)?;
    let path = request.extract_parts::<MatchedPath>().await;
    let path = path.map_err(|_| Problem::absent("there is no such path"))?;
    let route = route(path.as_str(), request.method())?;
    if !grant.allows(route.action) {
        let detail = format!("this key may not {}", route.action.word());
        return Err(Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", detail));
    }
    if route.everyone && grant.scope != keys::Scope::Everyone {
        let detail = "this key is not for all tenants";
        return Err(Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", detail));
    }
    let Names {
        tenant,
        host,
        webhook,
    } = names(&mut request, &grant).await?;
    let query = request
        .extract_parts::<Query<Vec<(String, String)>>>()
        .await;
    let Query(query) = query.map_err(|_| Problem::bad("the query makes no sense"))?;
    let query = known_query(route, query)?;
    let body = to_bytes(
        std::mem::replace(request.body_mut(), Body::empty()),
        BODY_BYTES_MAX,
    );
    let body = body.await.map_err(|_| {
        let detail = format!("a body has at most {BODY_BYTES_MAX} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", detail)
    })?;
    if route.body.is_some() && !body.is_empty() {
        called_json(request.headers())?;
    }
    let actor = Actor {
        name: grant.name.clone(),
        request_id: Some(id.to_owned()),
    };
    let call = Call {
        grant,
        actor,
        tenant,
        host,
        webhook,
        query,
        body,
    };
    tenants::answer(api, route.op, call).await
}

/// The route of a path and a method.
fn route(path: &str, method: &Method) -> Result<&'static Route, Problem> {
    let mut here = ROUTES.iter().filter(|route| route.path == path);
    // An answer to HEAD is the one to GET, without its body.
    let wanted = if method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    if let Some(found) = here.clone().find(|route| route.method == wanted) {
        return Ok(found);
    }
    let mut methods: Vec<&str> = here.by_ref().map(|route| route.method).collect();
    methods.sort_unstable();
    let detail = "the path has no such method";
    let status = StatusCode::METHOD_NOT_ALLOWED;
    Err(Problem {
        allow: Some(methods.join(", ")),
        ..Problem::new(status, "METHOD_NOT_ALLOWED", detail)
    })
}

/// What a path names.
struct Names {
    tenant: Option<TenantId>,
    host: Option<String>,
    webhook: Option<String>,
}

/// Refuses a body that is called something other than JSON. `curl -d` calls everything a form.
fn called_json(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(named) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let named = named.to_str().unwrap_or_default().to_ascii_lowercase();
    let named = named.split(';').next().unwrap_or_default().trim();
    let json = named == "application/json"
        || named == "application/x-www-form-urlencoded"
        || (named.starts_with("application/") && named.ends_with("+json"));
    let detail = "a body is application/json";
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    let refused = || Problem::new(status, "CONTENT_TYPE", detail);
    json.then_some(()).ok_or_else(refused)
}

/// What the path names; a tenant that the key is not for does not exist.
async fn names(request: &mut Request, grant: &Grant) -> Result<Names, Problem> {
    let given = request.extract_parts::<Path<HashMap<String, String>>>();
    let Path(mut given) = given
        .await
        .map_err(|_| Problem::bad("the path makes no sense"))?;
    let tenant = match given.remove("id") {
        None => None,
        Some(text) => {
            let tenant: TenantId = text
                .parse()
                .map_err(|_| Problem::bad("a business_id has 1 to 64 of A-Z a-z 0-9 _ . -"))?;
            if !grant.reaches(&tenant) {
                let detail = "this key is not for that tenant";
                return Err(Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", detail));
            }
            Some(tenant)
        }
    };
    Ok(Names {
        tenant,
        host: given.remove("host"),
        webhook: given.remove("webhook"),
    })
}

/// Refuses what is misspelt, given twice or no value: it would be ignored otherwise.
fn known_query(
    route: &Route,
    given: Vec<(String, String)>,
) -> Result<BTreeMap<String, String>, Problem> {
    let mut query = BTreeMap::new();
    for (name, value) in given {
        let param = route.query.iter().find(|(known, _)| *known == name);
        let Some((_, param)) = param else {
            return Err(Problem::bad("the query has a parameter that is not known"));
        };
        param
            .check(&value)
            .map_err(|what| Problem::bad(format!("{name} is {what}")))?;
        if query.insert(name, value).is_some() {
            return Err(Problem::bad("the query has a parameter twice"));
        }
    }
    Ok(query)
}
