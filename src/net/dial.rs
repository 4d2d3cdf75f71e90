//! Opens a WebSocket from a server's URL: lookup, connection, TLS, upgrade, each within a time
//! limit.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::header::{CACHE_CONTROL, ORIGIN, PRAGMA, USER_AGENT};
use tokio_tungstenite::tungstenite::http::{HeaderValue, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self};

use crate::config::WhatsAppServer;
use crate::config::proxy::{Bypass, Proxy, ProxyError};
use crate::net::proxy::{self, AddressScope};
use crate::net::websocket::{MESSAGE_BYTES_MAX, WebSocket};

/// Longest time for each address of a name, because one address may be unreachable.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(8);
/// Longest time for TLS, and for the upgrade: each takes a few round trips.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// Size of the read buffer in bytes. Each connection keeps one, and it is zeroed before each read.
const READ_BYTES: usize = 4 << 10;
/// Headers that the server expects from a browser.
///
/// Source: Baileys 7.0.0-rc13 `src/Defaults/index.ts` (`DEFAULT_ORIGIN`).
pub(super) const ORIGIN_WHATSAPP: &str = "https://web.whatsapp.com";
const USER_AGENT_BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 \
    (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/// The reason why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("server URL is not wss://host[:port]/path")]
    Url,
    #[error("read TLS roots from {}", path.display())]
    CaFile {
        path: PathBuf,
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    #[error("no TLS root in {}", .0.display())]
    NoRoots(PathBuf),
    #[error("look up {host}")]
    Lookup {
        host: String,
        #[source]
        source: io::Error,
    },
    #[error("connect to {host}:{port}")]
    Connect {
        host: String,
        port: u16,
        #[source]
        source: io::Error,
    },
    /// The proxy's address is not allowed.
    #[error(
        "the proxy {host} is on this machine or in a private network, which is not allowed without \
         --private-proxies"
    )]
    ProxyReach { host: String },
    /// The proxy of the process cannot be used.
    #[error("{named_by}: {source}")]
    Proxy {
        named_by: String,
        #[source]
        source: ProxyError,
    },
    #[error("tunnel through the proxy {host}")]
    Tunnel {
        host: String,
        #[source]
        source: io::Error,
    },
    #[error("TLS with {host}")]
    Tls {
        host: String,
        #[source]
        source: io::Error,
    },
    #[error("the server refused the upgrade with status {status}")]
    Refused { status: u16 },
    #[error("the server broke off the upgrade")]
    Upgrade,
    #[error("no answer from {host} in time")]
    TimedOut { host: String },
}

impl DialError {
    /// Returns true if a retry cannot succeed until a setting is changed.
    pub fn is_configuration(&self) -> bool {
        matches!(
            self,
            Self::Url
                | Self::CaFile { .. }
                | Self::NoRoots(_)
                | Self::ProxyReach { .. }
                | Self::Proxy { .. }
        )
    }
}

/// Any byte stream.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Opens connections to one server.
#[derive(Clone)]
pub struct Dialer {
    uri: Uri,
    pub(super) host: String,
    port: u16,
    tls: Option<TlsConnector>,
    proxy: Option<(Proxy, AddressScope)>,
    /// Hosts that need no proxy, if it is the process's.
    bypass: Option<Bypass>,
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialer")
            .field("uri", &self.uri)
            .finish_non_exhaustive()
    }
}

impl Dialer {
    /// Validates the URL and loads the TLS roots from files.
    pub fn new(server: &WhatsAppServer) -> Result<Self, DialError> {
        let uri: Uri = server.url.parse().map_err(|_| DialError::Url)?;
        let host = uri.host().ok_or(DialError::Url)?;
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let (default_port, tls) = match uri.scheme_str() {
            Some("wss") => (443, Some(connector(server.ca_file.as_deref())?)),
            Some("ws") => (80, None),
            _ => return Err(DialError::Url),
        };
        let port = uri.port_u16().unwrap_or(default_port);
        let dialer = Self {
            uri,
            host,
            port,
            tls,
            proxy: None,
            bypass: None,
        };
        let Some(process) = &server.proxy else {
            return Ok(dialer);
        };
        let proxy = process.proxy.clone().map_err(|source| DialError::Proxy {
            named_by: process.named_by.clone(),
            source,
        })?;
        Ok(Self {
            // The person who starts the process may choose any proxy.
            proxy: Some((proxy, AddressScope::Private)),
            bypass: Some(process.bypass.clone()),
            ..dialer
        })
    }

    /// Returns a dialler for the same server through a proxy.
    #[must_use]
    pub fn through(mut self, proxy: Proxy, reach: AddressScope) -> Self {
        self.proxy = Some((proxy, reach));
        self.bypass = None;
        self
    }

    /// The server, without its port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The proxy that leads to the server.
    pub fn proxy(&self) -> Option<&Proxy> {
        let direct = |bypass: &Bypass| bypass.contains(&self.host);
        let bypassed = self.bypass.as_ref().is_some_and(direct);
        self.proxy
            .as_ref()
            .filter(|_| !bypassed)
            .map(|(proxy, _)| proxy)
    }

    /// Opens a connection. Dropping the future aborts the attempt.
    pub async fn dial(&self) -> Result<WebSocket, DialError> {
        let stream = self.secured().await?;
        timeout(HANDSHAKE_TIME_MAX, self.upgrade(stream))
            .await
            .map_err(|_| self.late())?
    }

    /// Returns a dialler for another host, with the default port of the same scheme.
    pub(super) fn at(&self, host: &str) -> Self {
        Self {
            host: host.to_owned(),
            port: if self.tls.is_some() { 443 } else { 80 },
            ..self.clone()
        }
    }

    /// Returns host and port as in an HTTP `Host` header.
    pub(super) fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    fn late(&self) -> DialError {
        DialError::TimedOut {
            host: self.host.clone(),
        }
    }

    /// Opens a connection to the server, with TLS if the URL requires it.
    pub(super) async fn secured(&self) -> Result<Box<dyn Stream>, DialError> {
        let stream = self.reach().await?;
        Ok(match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = ServerName::try_from(self.host.clone()).map_err(|_| DialError::Url)?;
                let handshake = timeout(HANDSHAKE_TIME_MAX, tls.connect(name, stream));
                let secured = handshake.await.map_err(|_| self.late())?;
                let host = self.host.clone();
                Box::new(secured.map_err(|source| DialError::Tls { host, source })?)
            }
        })
    }

    /// Opens a TCP connection to the server, through the proxy if there is one.
    async fn reach(&self) -> Result<TcpStream, DialError> {
        let reach = self.proxy.as_ref().map(|(_, reach)| *reach);
        let (Some(proxy), Some(reach)) = (self.proxy(), reach) else {
            return connect(&self.host, self.port, AddressScope::Private).await;
        };
        let mut stream = connect(&proxy.host, proxy.port, reach).await?;
        let host = || proxy.host.clone();
        let tunnel = proxy::tunnel(&mut stream, proxy, &self.host, self.port);
        timeout(HANDSHAKE_TIME_MAX, tunnel)
            .await
            .map_err(|_| DialError::TimedOut { host: host() })?
            .map_err(|source| DialError::Tunnel {
                host: host(),
                source,
            })?;
        Ok(stream)
    }

    async fn upgrade(&self, stream: Box<dyn Stream>) -> Result<WebSocket, DialError> {
        let mut request = self
            .uri
            .clone()
            .into_client_request()
            .map_err(|_| DialError::Url)?;
        let headers = request.headers_mut();
        headers.insert(ORIGIN, HeaderValue::from_static(ORIGIN_WHATSAPP));
        headers.insert(USER_AGENT, HeaderValue::from_static(USER_AGENT_BROWSER));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
        let limits = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let upgraded =
            tokio_tungstenite::client_async_with_config(request, stream, Some(limits)).await;
        match upgraded {
            Ok((socket, _)) => Ok(WebSocket::new(socket)),
            Err(tungstenite::Error::Http(answer)) => Err(DialError::Refused {
                status: answer.status().as_u16(),
            }),
            Err(_) => Err(DialError::Upgrade),
        }
    }
}

/// Connects to the first allowed address of `name` that answers.
pub(super) async fn connect(
    name: &str,
    port: u16,
    reach: AddressScope,
) -> Result<TcpStream, DialError> {
    let host = || name.to_owned();
    let lookup = tokio::net::lookup_host((name, port));
    let addresses = timeout(CONNECT_TIME_MAX, lookup)
        .await
        .map_err(|_| DialError::TimedOut { host: host() })?
        .map_err(|source| DialError::Lookup {
            host: host(),
            source,
        })?;
    let mut failure = DialError::Lookup {
        host: host(),
        source: io::Error::new(io::ErrorKind::NotFound, "the name has no address"),
    };
    for address in addresses {
        if !reach.allows(address.ip()) {
            failure = DialError::ProxyReach { host: host() };
            continue;
        }
        failure = match timeout(CONNECT_TIME_MAX, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Disables Nagle's algorithm, so that small stanzas are not delayed.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(source)) => DialError::Connect {
                host: host(),
                port,
                source,
            },
            Err(_) => DialError::TimedOut { host: host() },
        };
    }
    Err(failure)
}

/// Creates a TLS connector that trusts only the roots in `ca_file`, or the system's and built-in
/// ones.
pub(super) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, DialError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca_file {
        let unreadable = |source| DialError::CaFile {
            path: path.to_owned(),
            source,
        };
        for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
            // A root that the verifier cannot use is skipped.
            let _ = roots.add(certificate.map_err(unreadable)?);
        }
        if roots.is_empty() {
            return Err(DialError::NoRoots(path.to_owned()));
        }
    } else {
        // The built-in roots also work in a container image without any roots.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
