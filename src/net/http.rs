//! Sends one request to an HTTP interface and returns its answer.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::net::dial::{DialError, Stream, connect, connector};
use crate::net::proxy::AddressScope;

/// Longest time of one request.
const TIME_MAX: Duration = Duration::from_secs(30);
/// Largest answer in bytes.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// The reason why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("the URL is not http://host[:port] or https://host[:port]")]
    Url,
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("the connection broke before the answer")]
    Broken,
    #[error("no answer in time")]
    TimedOut,
    #[error("the answer has status {0}")]
    Status(u16),
}

/// The destination of requests, and the API key that they carry.
#[derive(Clone)]
pub struct HttpClient {
    authority: String,
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    key: Option<String>,
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpClient")
            .field("authority", &self.authority)
            .finish_non_exhaustive()
    }
}

impl HttpClient {
    /// Validates the URL and loads the TLS roots from files.
    pub fn new(url: &str, key: Option<String>, ca_file: Option<&Path>) -> Result<Self, HttpError> {
        let uri: Uri = url.parse().map_err(|_| HttpError::Url)?;
        let (default_port, tls) = match uri.scheme_str() {
            Some("https") => (443, Some(connector(ca_file)?)),
            Some("http") => (80, None),
            _ => return Err(HttpError::Url),
        };
        let authority = uri.authority().ok_or(HttpError::Url)?;
        if !matches!(uri.path(), "" | "/") || authority.as_str().contains('@') {
            return Err(HttpError::Url);
        }
        let host = authority.host();
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(default_port),
            authority: authority.to_string(),
            tls,
            key,
        })
    }

    /// Sends a request. Returns the status and the body of the answer.
    pub async fn ask(
        &self,
        method: &'static str,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(u16, Bytes), HttpError> {
        let asked = timeout(TIME_MAX, self.exchange(method, path, body));
        asked.await.map_err(|_| HttpError::TimedOut)?
    }

    async fn exchange(
        &self,
        method: &'static str,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(u16, Bytes), HttpError> {
        let stream = connect(&self.host, self.port, AddressScope::Private).await?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = ServerName::try_from(self.host.clone()).map_err(|_| HttpError::Url)?;
                let host = self.host.clone();
                let secured = tls.connect(name, stream).await;
                Box::new(secured.map_err(|source| DialError::Tls { host, source })?)
            }
        };
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).map_err(|_| HttpError::Url)?)
            .uri(path)
            .header(HOST, &self.authority)
            .header(CONTENT_TYPE, "application/json");
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, format!("Bearer {key}"));
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| HttpError::Url)?;
        round_trip(stream, request, ANSWER_BYTES_MAX).await
    }
}

/// Sends one request over a new connection. Returns the status and the body of the answer, of at
/// most `body_max` bytes.
pub(super) async fn round_trip(
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
    body_max: usize,
) -> Result<(u16, Bytes), HttpError> {
    let broken = |_| HttpError::Broken;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), body_max);
        let body = body.collect().await.map_err(|_| HttpError::Broken)?;
        Ok((status, body.to_bytes()))
    };
    // The connection future must be polled while the answer arrives.
    tokio::pin!(connection, answer);
    tokio::select! {
        answer = &mut answer => answer,
        ended = &mut connection => {
            ended.map_err(broken)?;
            answer.await
        }
    }
}
