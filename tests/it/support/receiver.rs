//! An HTTP receiver of webhooks that a test controls, and that records its requests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::program::PATIENCE;

/// Polling interval for requests.
const LOOK: Duration = Duration::from_millis(20);

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    /// Header names are in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body["events"].as_array().unwrap().clone()
    }

    /// Returns the ids of its events, in order.
    pub(crate) fn ids(&self) -> Vec<String> {
        let id = |event: &Value| event["event_id"].as_str().unwrap().to_owned();
        self.events().iter().map(id).collect()
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        let text = |event: &Value| event["text"].as_str().unwrap_or_default().to_owned();
        self.events().iter().map(text).collect()
    }
}

/// The answer to a request.
pub(crate) enum Reply {
    Status(u16),
    /// No answer, until the sender gives up.
    Hang,
    /// A reset of the connection.
    Reset,
    /// The status after a delay.
    Late(Duration, u16),
    /// These raw bytes.
    Raw(Vec<u8>),
}

type Plan = Arc<Mutex<Box<dyn FnMut(&Got) -> Reply + Send>>>;

pub(crate) struct Receiver {
    /// `http://127.0.0.1:port/hook`, or `https://localhost:port/hook`.
    pub(crate) url: String,
    got: Arc<Mutex<Vec<Got>>>,
    plan: Plan,
    _tasks: JoinSet<()>,
}

impl Receiver {
    pub(crate) async fn start(plan: impl FnMut(&Got) -> Reply + Send + 'static) -> Self {
        Self::listen(None, plan).await
    }

    /// Starts a receiver with TLS, and writes its root certificate into the folder.
    pub(crate) async fn start_secured(folder: &Path) -> (Self, PathBuf) {
        let (acceptor, root) = certificate();
        let file = folder.join("hook-root.pem");
        std::fs::write(&file, root).unwrap();
        let receiver = Self::listen(Some(acceptor), |_| Reply::Status(200)).await;
        (receiver, file)
    }

    async fn listen(
        tls: Option<TlsAcceptor>,
        plan: impl FnMut(&Got) -> Reply + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = match tls {
            Some(_) => format!("https://localhost:{port}/hook"),
            None => format!("http://127.0.0.1:{port}/hook"),
        };
        let got = Arc::<Mutex<Vec<Got>>>::default();
        let plan: Plan = Arc::new(Mutex::new(Box::new(plan)));
        let (all, plans) = (got.clone(), plan.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (all, plans, tls) = (all.clone(), plans.clone(), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => serve(stream, all, plans).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, all, plans).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            url,
            got,
            plan,
            _tasks: tasks,
        }
    }

    /// Replaces the plan of answers.
    pub(crate) fn becomes(&self, plan: impl FnMut(&Got) -> Reply + Send + 'static) {
        *self.plan.lock().unwrap() = Box::new(plan);
    }

    /// Returns all requests so far.
    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// Waits until `wanted` returns true for the requests so far.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&[Got]) -> bool) -> Vec<Got> {
        let look = async {
            loop {
                let got = self.got();
                if wanted(&got) {
                    return got;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        match tokio::time::timeout(PATIENCE, look).await {
            Ok(got) => got,
            Err(_) => panic!("{what}: {:#?}", self.got()),
        }
    }
}

/// Creates a certificate for `localhost` and its root.
fn certificate() -> (TlsAcceptor, String) {
    let root_key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(root, root_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![String::from("localhost")]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        );
    (TlsAcceptor::from(Arc::new(config.unwrap())), issuer.pem())
}

/// A connection that can be reset.
trait Resettable: AsyncRead + AsyncWrite + Unpin {
    fn reset(&self);
}

impl Resettable for TcpStream {
    fn reset(&self) {
        let _ = self.set_zero_linger();
    }
}

impl Resettable for tokio_rustls::server::TlsStream<TcpStream> {
    fn reset(&self) {
        self.get_ref().0.reset();
    }
}

async fn serve(mut stream: impl Resettable, all: Arc<Mutex<Vec<Got>>>, plan: Plan) {
    while let Some(got) = read(&mut stream).await {
        let reply = {
            let mut plan = plan.lock().unwrap();
            let reply = plan(&got);
            all.lock().unwrap().push(got);
            reply
        };
        let answer = match reply {
            Reply::Hang => return std::future::pending().await,
            Reply::Reset => return stream.reset(),
            Reply::Raw(bytes) => bytes,
            Reply::Status(status) => head(status),
            Reply::Late(time, status) => {
                tokio::time::sleep(time).await;
                head(status)
            }
        };
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

fn head(status: u16) -> Vec<u8> {
    format!("HTTP/1.1 {status} Said\r\nContent-Length: 2\r\n\r\nok").into_bytes()
}

/// Reads the next request of a connection.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Got> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("POST /hook HTTP/1.1"));
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers["content-length"].parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let body = String::from_utf8(body).unwrap();
    Some(Got { headers, body })
}
