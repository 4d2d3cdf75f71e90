//! The HTTP server. One dispatcher serves every route, so that no route can skip a check.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, MatchedPath, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, RequestExt, Router};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::api::auth::{AnonymousAccess, Asked, Authenticator};
use crate::api::door::{Answers, Ends, Listener};
use crate::api::limit::RemainingQuota;
use crate::api::problem::{self, Problem};
use crate::api::routes::{ROUTES, Route};
use crate::api::tls::Tls;
use crate::api::{health, openapi, page, tenants};
use crate::app::Stop;
use crate::app::{App, RowsError};
use crate::daemon::health::Health;
use crate::ids::TenantId;
use crate::ops::actor::AuditActor;
use crate::ops::keys::{self, Grant};

/// Maximum body size in bytes: a message of maximum length, JSON-escaped.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Time limit until a response begins.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// Maximum number of concurrent pairings. Each costs a connection, hundreds of keys and a row that
/// changes every few seconds.
const PAIRINGS_MAX: usize = 16;
/// Maximum length of a client's request id (bytes).
const REQUEST_ID_BYTES_MAX: usize = 64;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Listener options.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Address to listen on.
    pub address: SocketAddr,
    /// Certificate and key. If present, only TLS is accepted.
    pub tls: Option<Tls>,
    /// Requests per second for each key or address, with bursts of twice as many.
    pub rate: u32,
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be bound.
    #[error("listen on {address}")]
    Bind {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    /// Other machines could reach the interface and would not need a key.
    #[error("other machines can reach {0}, and there is no API key")]
    NoKeys(SocketAddr),
    /// The database failed.
    #[error(transparent)]
    Rows(#[from] RowsError),
}

/// A bound but not yet serving interface.
#[derive(Debug)]
pub struct ApiServer {
    door: Listener,
    rate: u32,
    open: AnonymousAccess,
}

/// The state that all requests share.
pub(super) struct Api {
    pub(super) app: Arc<App>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: Stop,
    /// Limit of concurrent pairings in this process.
    pub(super) pairings: Arc<Semaphore>,
    health: Arc<Health>,
    scrapes: health::Scrapes,
    gate: Authenticator,
}

/// An admitted request.
pub(super) struct Call {
    pub(super) grant: Grant,
    pub(super) actor: AuditActor,
    pub(super) tenant: Option<TenantId>,
    pub(super) host: Option<String>,
    pub(super) webhook: Option<String>,
    pub(super) message: Option<String>,
    pub(super) query: BTreeMap<String, String>,
    pub(super) body: Bytes,
    /// The `Idempotency-Key` header.
    pub(super) idempotency_key: Option<String>,
}

impl ApiServer {
    /// Binds the address. Fails if other machines can reach it and no keys exist.
    pub async fn bind(app: &App, options: ServerOptions) -> Result<Self, ServerError> {
        let address = options.address;
        let open = match address.ip() {
            ip if is_loopback(ip) => AnonymousAccess::Local,
            _ if keys::exist(app).await? => AnonymousAccess::Never,
            _ => return Err(ServerError::NoKeys(address)),
        };
        let door = Listener::open(address, options.tls).await;
        let door = door.map_err(|source| ServerError::Bind { address, source })?;
        Ok(Self {
            door,
            rate: options.rate,
            open,
        })
    }

    /// Returns the address it listens on.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.door.local_addr()
    }

    /// Serves until a graceful stop, then finishes requests that have begun.
    pub async fn serve(self, app: Arc<App>, stop: Stop) {
        let health = Arc::new(Health::new(app.clone(), stop.clone()));
        let api = Arc::new(Api {
            health: health.clone(),
            scrapes: health::Scrapes::default(),
            app,
            tasks: TaskTracker::new(),
            stop: stop.clone(),
            pairings: Arc::new(Semaphore::new(PAIRINGS_MAX)),
            gate: Authenticator::new(self.open, self.rate),
        });
        let tasks = api.tasks.clone();
        let answers = Answers {
            all: router(api),
            narrow: health::router(health).fallback(crowded),
        };
        let asked = stop.clone();
        let serve = self.door.serve(answers, async move { asked.asked().await });
        tokio::select! {
            () = serve => (),
            () = stop.forced() => (),
        }
        tasks.close();
        tasks.wait().await;
    }
}

/// Refuses a request on a reserved connection that is not for health.
async fn crowded() -> Response {
    let detail = "too many connections: retry later";
    let busy = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "BUSY", detail);
    busy.after(1).answer("")
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
        .route("/problems/{code}", get(explained))
        .merge(health::router(api.health.clone()));
    for path in paths.into_iter().collect::<std::collections::BTreeSet<_>>() {
        router = router.route(path, any(dispatch));
    }
    router.fallback(unknown).with_state(api)
}

/// Returns the metrics. Tenant names are included only for keys that may read all tenants; the
/// numbers need no key but are rate limited.
async fn metrics(State(api): State<Arc<Api>>, request: Request) -> Response {
    let id = request_id(&api, &request);
    let (grant, left) = api.gate.admit(&api.app, &asked(&request)).await;
    let reads =
        |grant: &Grant| grant.scope == keys::Scope::Everyone && grant.allows(keys::Action::Read);
    match grant {
        Err(problem) if problem.status == StatusCode::TOO_MANY_REQUESTS => {
            finished(problem.answer(&id), &id, left)
        }
        grant => {
            let names = grant.is_ok_and(|grant| reads(&grant));
            health::metrics(&api.health, &api.scrapes, request.headers(), names).await
        }
    }
}

/// Extracts the parts of a request that matter for authentication.
fn asked(request: &Request) -> Asked<'_> {
    let ends = request.extensions().get::<ConnectInfo<Ends>>();
    Asked {
        headers: request.headers(),
        uri: request.uri(),
        ends: ends.map(|info| info.0),
    }
}

/// Returns the page that the `type` of a refusal links to.
async fn explained(Path(code): Path<String>) -> Response {
    match problem::page(&code) {
        Some(text) => text.into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn unknown(State(api): State<Arc<Api>>, request: Request) -> Response {
    let id = request_id(&api, &request);
    finished(Problem::no_path().answer(&id), &id, None)
}

/// Returns the client's request id if it has safe characters, otherwise a new one.
fn request_id(api: &Api, request: &Request) -> String {
    let sound = |text: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !text.is_empty() && text.len() <= REQUEST_ID_BYTES_MAX && text.bytes().all(plain)
    };
    let given = request.headers().get(REQUEST_ID);
    let given = given.and_then(|value| value.to_str().ok()).filter(sound);
    given.map_or_else(|| api.app.fresh_name(), str::to_owned)
}

/// Adds the headers that every response has.
fn finished(mut answer: Response, request_id: &str, left: Option<RemainingQuota>) -> Response {
    let headers = answer.headers_mut();
    if let Some(left) = left {
        left.tell(headers);
    }
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

/// Dispatches a request to a path of the table.
async fn dispatch(State(api): State<Arc<Api>>, request: Request) -> Response {
    let id = request_id(&api, &request);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let begun = Instant::now();
    let mut left = None;
    let answer = tokio::time::timeout(ANSWER_TIME_MAX, admitted(&api, request, &id, &mut left));
    let late = || {
        let detail = "the request took too long: retry it";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "TIMEOUT", detail)
    };
    let answer = answer.await.unwrap_or_else(|_| Err(late()));
    let answer = answer.unwrap_or_else(|problem| problem.answer(&id));
    let (status, took_ms) = (answer.status().as_u16(), begun.elapsed().as_millis());
    tracing::debug!(%method, path, status, took_ms, request_id = id, "request");
    finished(answer, &id, left)
}

/// Checks in this order: rate limit, key, method, permission, names, body.
async fn admitted(
    api: &Arc<Api>,
    mut request: Request,
    id: &str,
    left: &mut Option<RemainingQuota>,
) -> Result<Response, Problem> {
    let (grant, tokens) = api.gate.admit(&api.app, &asked(&request)).await;
    *left = tokens;
    let grant = grant?;
    let path = request.extract_parts::<MatchedPath>().await;
    let path = path.map_err(|_| Problem::no_path())?;
    let route = route(path.as_str(), request.method())?;
    if !grant.allows(route.action) {
        let detail = format!("this API key does not allow {}", route.action.word());
        return Err(Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", detail));
    }
    if route.everyone && grant.scope != keys::Scope::Everyone {
        let detail = "this API key is limited to some tenants";
        return Err(Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", detail));
    }
    let Names {
        tenant,
        host,
        webhook,
        message,
    } = names(&mut request, &grant).await?;
    let query = request
        .extract_parts::<Query<Vec<(String, String)>>>()
        .await;
    let Query(query) = query.map_err(|_| Problem::value("the query makes no sense"))?;
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
    let actor = AuditActor {
        name: grant.name.clone(),
        request_id: Some(id.to_owned()),
    };
    let call = Call {
        grant,
        actor,
        tenant,
        host,
        webhook,
        message,
        query,
        body,
        idempotency_key: idempotency_key(request.headers())?,
    };
    tenants::answer(api, route.op, call).await
}

/// Returns the route for a path and a method.
fn route(path: &str, method: &Method) -> Result<&'static Route, Problem> {
    let mut here = ROUTES.iter().filter(|route| route.path == path);
    // A HEAD request is answered like GET, without the body.
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
    let detail = "this path does not support the method";
    let status = StatusCode::METHOD_NOT_ALLOWED;
    Err(Problem::new(status, "METHOD_NOT_ALLOWED", detail).allowing(&methods))
}

/// Parses the `Idempotency-Key` header: quoted as in the IETF draft, or unquoted as most clients
/// send it.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = given.next() else {
        return Ok(None);
    };
    let wrong = || Problem::value("Idempotency-Key is given once, in visible ASCII characters");
    let text = value.to_str().map_err(|_| wrong())?;
    if given.next().is_some() {
        return Err(wrong());
    }
    let bare = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    Ok(Some(bare.unwrap_or(text).to_owned()))
}

/// The names in a path.
struct Names {
    tenant: Option<TenantId>,
    host: Option<String>,
    webhook: Option<String>,
    message: Option<String>,
}

/// Refuses a body whose content type is not JSON. `curl -d` labels every body as a form, so that is
/// accepted.
fn called_json(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(named) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let named = named.to_str().unwrap_or_default().to_ascii_lowercase();
    let named = named.split(';').next().unwrap_or_default().trim();
    let json = named == "application/json"
        || named == "application/x-www-form-urlencoded"
        || (named.starts_with("application/") && named.ends_with("+json"));
    let detail = "the body must be application/json";
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    let refused = || Problem::new(status, "CONTENT_TYPE", detail);
    json.then_some(()).ok_or_else(refused)
}

/// Parses the names in the path. A tenant that the key does not apply to is reported as missing.
async fn names(request: &mut Request, grant: &Grant) -> Result<Names, Problem> {
    let given = request.extract_parts::<Path<HashMap<String, String>>>();
    let Path(mut given) = given
        .await
        .map_err(|_| Problem::value("the path makes no sense"))?;
    let tenant = match given.remove("id") {
        None => None,
        Some(text) => {
            let tenant: TenantId = text
                .parse()
                .map_err(|_| Problem::value("a business_id has 1 to 64 of A-Z a-z 0-9 _ . -"))?;
            if !grant.reaches(&tenant) {
                let detail = "this API key is not valid for that tenant";
                return Err(Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", detail));
            }
            Some(tenant)
        }
    };
    Ok(Names {
        tenant,
        host: given.remove("host"),
        webhook: given.remove("webhook"),
        message: given.remove("message"),
    })
}

/// Refuses unknown, repeated and invalid query parameters, which would otherwise be ignored.
fn known_query(
    route: &Route,
    given: Vec<(String, String)>,
) -> Result<BTreeMap<String, String>, Problem> {
    let mut query = BTreeMap::new();
    for (name, value) in given {
        let param = route.query.iter().find(|(known, _)| *known == name);
        let Some((known, param)) = param else {
            let known: Vec<_> = route.query.iter().map(|(name, _)| *name).collect();
            let detail = match known[..] {
                [] => String::from("this path takes no query"),
                _ => format!("the query may contain only {}", known.join(", ")),
            };
            let unknown = Problem::new(StatusCode::BAD_REQUEST, "UNKNOWN_PARAMETER", detail);
            return Err(unknown);
        };
        param
            .check(&value)
            .map_err(|what| Problem::value(format!("{name} is {what}")).parameter(known))?;
        if query.insert(name, value).is_some() {
            return Err(Problem::value(format!("{known} is given twice")).parameter(known));
        }
    }
    Ok(query)
}
