//! Where connections come in, with or without TLS: how many at a time, and how long each may rest.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use crate::api::tls::Tls;

/// Connections at a time. A process may have 1,024 files, and its database comes first; whoever is
/// one too many waits.
const CONNECTIONS_MAX: usize = 512;
/// A connection on which nothing moves for so long is closed. Event streams move every 15 s.
const REST_MAX: Duration = Duration::from_secs(75);
/// A client that has not finished its TLS handshake by then is dropped.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);

/// Accepts connections. Handshakes do not wait for each other.
#[derive(Debug)]
pub(super) struct Door {
    tcp: TcpListener,
    tls: Option<Tls>,
    room: Arc<Semaphore>,
    handshakes: JoinSet<Option<(Wire, SocketAddr)>>,
}

impl Door {
    /// Takes the address.
    pub(super) async fn open(address: SocketAddr, tls: Option<Tls>) -> io::Result<Self> {
        Ok(Self {
            tcp: TcpListener::bind(address).await?,
            tls,
            room: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            handshakes: JoinSet::new(),
        })
    }

    /// The next connection, as soon as there is room for it. Cancel-safe.
    async fn come_in(
        tcp: &mut TcpListener,
        room: &Arc<Semaphore>,
    ) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
        let room = room.clone().acquire_owned().await;
        let room = room.expect("the semaphore is never closed");
        let (stream, from) = Listener::accept(tcp).await;
        (stream, from, room)
    }
}

impl Listener for Door {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        loop {
            tokio::select! {
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(ready)) = done {
                        return ready;
                    }
                }
                (stream, from, room) = Self::come_in(&mut self.tcp, &self.room) => {
                    let Some(tls) = &self.tls else {
                        return (Wire::new(Either::Left(stream), room), from);
                    };
                    let acceptor = tls.acceptor();
                    self.handshakes.spawn(async move {
                        let secured = timeout(HANDSHAKE_TIME_MAX, acceptor.accept(stream)).await;
                        let why = match secured {
                            Ok(Ok(secured)) => {
                                let wire = Wire::new(Either::Right(secured), room);
                                return Some((wire, from));
                            }
                            Ok(Err(error)) => error.to_string(),
                            Err(_) => String::from("it takes too long"),
                        };
                        tracing::debug!(%from, why, "no TLS");
                        None
                    });
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Wire {
    io: Either<TcpStream, TlsStream<TcpStream>>,
    rest: Pin<Box<Sleep>>,
    _room: OwnedSemaphorePermit,
}

impl Wire {
    fn new(io: Either<TcpStream, TlsStream<TcpStream>>, room: OwnedSemaphorePermit) -> Self {
        Self {
            io,
            rest: Box::pin(sleep(REST_MAX)),
            _room: room,
        }
    }

    /// What became of an attempt, unless nothing has moved for too long.
    fn moved<T>(
        &mut self,
        cx: &mut Context<'_>,
        tried: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if tried.is_ready() {
            self.rest.as_mut().reset(Instant::now() + REST_MAX);
            return tried;
        }
        ready!(self.rest.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let tried = Pin::new(&mut self.io).poll_read(cx, into);
        self.moved(cx, tried)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let tried = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.moved(cx, tried)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let tried = Pin::new(&mut self.io).poll_flush(cx);
        // Nothing to flush is no movement.
        match tried {
            Poll::Pending => self.moved(cx, Poll::Pending),
            done => done,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
