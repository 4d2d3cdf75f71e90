//! The socket to a PostgreSQL server, encrypted if required.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::net::sockopt;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

use crate::config::postgres::{Keepalives, TlsMode};
use crate::store::db::postgres::address::Address;
use crate::store::db::postgres::target::Target;
use crate::store::db::postgres::trust;
use crate::store::error::StoreError;

/// The SSLRequest message: its length, and a code that is not a protocol version.
const ASK_FOR_TLS: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const YES: u8 = b'S';
const NO: u8 = b'N';

/// A socket to a server.
pub(in crate::store) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

impl Socket {
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tls(_))
    }
}

/// Connects, and encrypts the connection if the server's TLS mode says so.
pub(super) async fn dial(target: &Target, server: &Address) -> Result<Socket, StoreError> {
    if server.is_socket() {
        let path = Path::new(&server.host).join(format!(".s.PGSQL.{}", server.port));
        return Ok(Socket::Unix(
            UnixStream::connect(path).await.map_err(broken)?,
        ));
    }
    let mut stream = reach(server, target.keepalives).await?;
    match target.tls {
        TlsMode::Disable | TlsMode::Allow => return Ok(Socket::Tcp(stream)),
        _ => stream.write_all(&ASK_FOR_TLS).await.map_err(broken)?,
    }
    // Reads no byte beyond the answer: unencrypted bytes after it must never pass for the server's.
    match (stream.read_u8().await.map_err(broken)?, target.tls) {
        (YES, _) => (),
        (NO, TlsMode::Prefer) => return Ok(Socket::Tcp(stream)),
        (NO, _) => return Err(StoreError::Untrusted("server does not support TLS".into())),
        _ => {
            return Err(StoreError::Untrusted(
                "the server speaks another protocol".into(),
            ));
        }
    }
    let connector = TlsConnector::from(trust::config(target.tls, &target.files)?);
    let name = ServerName::try_from(server.host.clone());
    let name = name.map_err(|error| StoreError::Untrusted(Box::new(error)))?;
    match connector.connect(name, stream).await {
        Ok(stream) => Ok(Socket::Tls(Box::new(stream))),
        Err(error) => Err(untrusted_or_broken(error)),
    }
}

async fn reach(server: &Address, keepalives: Keepalives) -> Result<TcpStream, StoreError> {
    let addresses = lookup_host((server.host.as_str(), server.port)).await;
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses.map_err(broken)? {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(broken)?;
                keep_alive(&stream, keepalives).map_err(broken)?;
                return Ok(stream);
            }
            Err(error) => failure = error,
        }
    }
    Err(broken(failure))
}

/// Enables TCP keepalives, so that the system detects a dead peer.
fn keep_alive(stream: &TcpStream, keepalives: Keepalives) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, !keepalives.off)?;
    if let Some(idle) = keepalives.idle {
        sockopt::set_tcp_keepidle(stream, idle)?;
    }
    if let Some(interval) = keepalives.interval {
        sockopt::set_tcp_keepintvl(stream, interval)?;
    }
    if let Some(count) = keepalives.count {
        sockopt::set_tcp_keepcnt(stream, count)?;
    }
    if let Some(limit) = keepalives.user_timeout {
        let ms = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
        sockopt::set_tcp_user_timeout(stream, ms)?;
    }
    Ok(())
}

fn broken(error: io::Error) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

fn untrusted_or_broken(error: io::Error) -> StoreError {
    let inner = error.get_ref();
    match inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
        true => StoreError::Untrusted(Box::new(error)),
        false => broken(error),
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl TlsStream for Socket {
    /// Binds a login to the TLS certificate, so that a man in the middle cannot relay it.
    fn channel_binding(&self) -> ChannelBinding {
        let Self::Tls(stream) = self else {
            return ChannelBinding::none();
        };
        let (_, session) = stream.get_ref();
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        let digest = certificate.and_then(|certificate| trust::digest(certificate));
        digest.map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

/// A connector for a socket that is already encrypted if it has to be.
pub(super) struct Secured;

impl TlsConnect<Socket> for Secured {
    type Stream = Socket;
    type Error = Infallible;
    type Future = Ready<Result<Socket, Infallible>>;

    fn connect(self, stream: Socket) -> Self::Future {
        ready(Ok(stream))
    }
}
