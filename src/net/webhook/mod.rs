//! Sends signed requests to webhooks, and refuses addresses that only this machine should reach.
//!
//! A person who may change a tenant can name the URL. The check applies to the address that is
//! connected to, so that a DNS name cannot change between check and use (DNS rebinding). For the
//! same reason, redirects are not followed and no proxy is used.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Fuse};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config::webhook::{HookUrl, Network};
use crate::net::dial::{DialError, Stream, connector};
use crate::net::proxy::AddressScope;

/// Largest head and body of an answer in bytes. Only the status matters.
const HEAD_BYTES_MAX: usize = 64 << 10;
const BODY_BYTES_MAX: usize = 64 << 10;
/// Longest time to read an answer's body before the connection is dropped.
const BODY_TIME_MAX: Duration = Duration::from_secs(1);
/// Longest time for each address of a name, so that the other addresses are tried too.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);
const AGENT: &str = concat!("wmctl/", env!("CARGO_PKG_VERSION"));

/// Looks up names. Tests implement it with names whose addresses change.
pub trait Resolve: Send + Sync {
    /// Returns all addresses of a name.
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;
}

/// The operating system's resolver.
struct System;

impl Resolve for System {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let host = host.to_owned();
        async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) }.boxed()
    }
}

/// The addresses that may be connected to.
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy {
    allow: Vec<Network>,
}

impl AddressPolicy {
    /// Allows public addresses, and all addresses of the networks in `allow`.
    pub fn new(allow: Vec<Network>) -> Self {
        Self { allow }
    }

    /// Checks that a request may go to this address: a public one with TLS, or one in an allowed
    /// network.
    pub fn check(&self, address: IpAddr, tls: bool) -> Result<(), PostError> {
        let address = address.to_canonical();
        if self.allow.iter().any(|network| network.contains(address)) {
            return Ok(());
        }
        match AddressScope::Public.allows(address) {
            false => Err(PostError::Refused),
            true if !tls => Err(PostError::Plain),
            true => Ok(()),
        }
    }
}

/// The receiver's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebhookAnswer {
    pub status: u16,
    /// The wait that the receiver requests in `Retry-After`.
    pub retry_after: Option<Duration>,
}

/// The reason why there is no answer. It contains no text from the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    #[error("the address is on this machine or in a private network, which is not allowed")]
    Refused,
    #[error("only an allowed network may be reached without TLS")]
    Plain,
    #[error("the name has no address")]
    Lookup,
    #[error("no connection: {0}")]
    Connect(io::ErrorKind),
    #[error("no TLS: the certificate or the protocol is refused")]
    Tls,
    #[error("the connection broke before the answer")]
    Broken,
    #[error("no answer in time")]
    TimedOut,
    #[error("the request cannot be written")]
    Request,
}

/// Sends requests to webhooks.
#[derive(Clone)]
pub struct WebhookClient {
    guard: AddressPolicy,
    tls: TlsConnector,
    names: Arc<dyn Resolve>,
    time_max: Duration,
}

impl fmt::Debug for WebhookClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poster")
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Post {
    /// Header names in lower case, with their values.
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

/// An open connection to one webhook, kept for the next request.
pub struct WebhookConnection {
    sender: SendRequest<Full<Bytes>>,
    connection: Fuse<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl fmt::Debug for WebhookConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Open")
    }
}

impl WebhookClient {
    /// Loads the TLS roots: only those in `ca_file`, or the system's and the built-in ones.
    pub fn new(
        guard: AddressPolicy,
        time_max: Duration,
        ca_file: Option<&Path>,
    ) -> Result<Self, DialError> {
        Ok(Self {
            guard,
            tls: connector(ca_file)?,
            names: Arc::new(System),
            time_max,
        })
    }

    /// Returns a client that uses another resolver.
    #[must_use]
    pub fn with_names(mut self, names: Arc<dyn Resolve>) -> Self {
        self.names = names;
        self
    }

    /// Sends one request, over the connection in `held` if it is still usable. Afterwards `held`
    /// contains the connection if it can be reused. Dropping the future aborts the request.
    pub async fn post(
        &self,
        held: &mut Option<WebhookConnection>,
        url: &HookUrl,
        post: &Post,
    ) -> Result<WebhookAnswer, PostError> {
        let before = held.take();
        let exchange = async {
            if let Some(mut open) = before
                && open.is_ready().await
            {
                match open.ask(request(url, post)?).await {
                    // The idle connection was closed. The receiver may or may not have got the
                    // request, so it is sent again.
                    Err(PostError::Broken) => (),
                    Ok((answer, whole)) => return Ok((answer, whole.then_some(open))),
                    Err(error) => return Err(error),
                }
            }
            let mut open = self.open(url).await?;
            let (answer, whole) = open.ask(request(url, post)?).await?;
            Ok((answer, whole.then_some(open)))
        };
        let (answer, open) = timeout(self.time_max, exchange)
            .await
            .map_err(|_| PostError::TimedOut)??;
        *held = open;
        Ok(answer)
    }

    async fn open(&self, url: &HookUrl) -> Result<WebhookConnection, PostError> {
        let stream = self.dial(url).await?;
        let stream: Box<dyn Stream> = match url.tls {
            false => Box::new(stream),
            true => {
                let name = ServerName::try_from(url.host.clone()).map_err(|_| PostError::Tls)?;
                let secured = self.tls.connect(name, stream).await;
                Box::new(secured.map_err(|_| PostError::Tls)?)
            }
        };
        let handshake = http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .handshake(TokioIo::new(stream));
        let (sender, connection) = handshake.await.map_err(|_| PostError::Broken)?;
        let connection: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(connection.map(|_| ()));
        Ok(WebhookConnection {
            sender,
            connection: connection.fuse(),
        })
    }

    /// Connects to the first allowed address that answers.
    async fn dial(&self, url: &HookUrl) -> Result<TcpStream, PostError> {
        let addresses = self.names.resolve(&url.host, url.port).await;
        let addresses = addresses.map_err(|_| PostError::Lookup)?;
        let mut failure = PostError::Lookup;
        for address in addresses {
            if let Err(refused) = self.guard.check(address.ip(), url.tls) {
                failure = refused;
                continue;
            }
            failure = match timeout(CONNECT_TIME_MAX, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => PostError::Connect(error.kind()),
                Err(_) => PostError::TimedOut,
            };
        }
        Err(failure)
    }
}

fn request(url: &HookUrl, post: &Post) -> Result<Request<Full<Bytes>>, PostError> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(url.path.as_str())
        .header(HOST, &url.authority)
        .header(USER_AGENT, AGENT)
        .header(CONTENT_TYPE, "application/json");
    for (name, value) in &post.headers {
        request = request.header(*name, value);
    }
    request
        .body(Full::new(post.body.clone()))
        .map_err(|_| PostError::Request)
}

impl WebhookConnection {
    /// Returns true if the connection can take a request: the receiver may have closed it
    /// meanwhile.
    async fn is_ready(&mut self) -> bool {
        // Process input that arrived since the last request first.
        if (&mut self.connection).now_or_never().is_some() {
            return false;
        }
        tokio::select! {
            biased;
            () = &mut self.connection => false,
            ready = self.sender.ready() => ready.is_ok(),
        }
    }

    /// Sends one request. Returns the answer, and whether the connection can be reused.
    async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<(WebhookAnswer, bool), PostError> {
        let Self { sender, connection } = self;
        let answer = async {
            let response = sender.send_request(request).await;
            let response = response.map_err(|_| PostError::Broken)?;
            let after = response.headers().get(RETRY_AFTER);
            let after = after.and_then(|value| value.to_str().ok()?.parse().ok());
            let answer = WebhookAnswer {
                status: response.status().as_u16(),
                retry_after: after.map(Duration::from_secs),
            };
            // The status alone is the answer. After a long, slow or broken body, the connection is
            // not reused.
            let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect();
            let whole = matches!(timeout(BODY_TIME_MAX, body).await, Ok(Ok(_)));
            Ok((answer, whole))
        };
        tokio::pin!(answer);
        // The connection future must be polled while the answer arrives.
        tokio::select! {
            answer = &mut answer => answer,
            () = connection => answer.await,
        }
    }
}

#[cfg(test)]
mod tests;
