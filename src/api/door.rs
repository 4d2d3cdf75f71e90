//! Accepts connections with or without TLS. Limits their number in total and per address, how long
//! each may be idle, and how long a request head may take.
//!
//! When all regular slots are taken, a few reserved slots remain. They serve one health request
//! each, so that clients that occupy the interface cannot make a healthy process look dead.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use crate::api::limit::network;
use crate::api::tls::Tls;

/// Maximum number of connections. A process may have 1,024 open files, and the database comes
/// first.
const CONNECTIONS_MAX: usize = 512;
/// Maximum per address. A load balancer needs many connections, but one address must not take all.
const PER_ADDRESS_MAX: usize = 384;
/// Reserved connections for health requests, and their maximum per address.
const NARROW_MAX: usize = 48;
const NARROW_PER_ADDRESS_MAX: usize = 24;
/// A connection without traffic for this long is closed. Event streams send something every 15 s.
const REST_MAX: Duration = Duration::from_secs(75);
/// Time limit for the TLS handshake.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// Time limit for a request head, and for the wait for the next request of a connection.
const HEAD_TIME_MAX: Duration = Duration::from_secs(15);
/// Maximum lifetime of a reserved connection.
const NARROW_TIME_MAX: Duration = Duration::from_secs(5);
/// Pause after `accept` failed, for example because no file descriptors were left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// Accepts connections. A slow handshake does not block other connections.
#[derive(Debug)]
pub(super) struct Listener {
    tcp: TcpListener,
    tls: Option<Tls>,
    rooms: Arc<ConnectionSlots>,
}

/// Regular and reserved slots, and the number taken per address.
#[derive(Debug)]
struct ConnectionSlots {
    wide: Arc<Semaphore>,
    narrow: Arc<Semaphore>,
    taken: Mutex<HashMap<(String, bool), usize>>,
}

/// A slot for one connection. It is released on drop.
#[derive(Debug)]
struct Slot {
    rooms: Arc<ConnectionSlots>,
    of: (String, bool),
    _permit: OwnedSemaphorePermit,
}

impl ConnectionSlots {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            wide: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            narrow: Arc::new(Semaphore::new(NARROW_MAX)),
            taken: Mutex::default(),
        })
    }

    /// Takes a regular slot for a new connection, or a reserved one if no regular slot is free.
    fn take(self: &Arc<Self>, from: SocketAddr) -> Option<Slot> {
        let network = network(from.ip());
        self.take_one(&network, false)
            .or_else(|| self.take_one(&network, true))
    }

    fn take_one(self: &Arc<Self>, network: &str, narrow: bool) -> Option<Slot> {
        let (room, most) = match narrow {
            false => (&self.wide, PER_ADDRESS_MAX),
            true => (&self.narrow, NARROW_PER_ADDRESS_MAX),
        };
        let permit = room.clone().try_acquire_owned().ok()?;
        let of = (network.to_owned(), narrow);
        let mut taken = self.taken();
        let count = taken.entry(of.clone()).or_insert(0);
        if most <= *count {
            return None;
        }
        *count += 1;
        Some(Slot {
            rooms: self.clone(),
            of,
            _permit: permit,
        })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<(String, bool), usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn is_narrow(&self) -> bool {
        self.of.1
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.rooms.taken();
        if let Some(count) = taken.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.of);
            }
        }
    }
}

/// The router for each kind of slot.
#[derive(Clone)]
pub(super) struct Answers {
    pub(super) all: Router,
    /// Health only; every other request is refused.
    pub(super) narrow: Router,
}

impl Listener {
    /// Binds the address.
    pub(super) async fn open(address: SocketAddr, tls: Option<Tls>) -> io::Result<Self> {
        Ok(Self {
            tcp: TcpListener::bind(address).await?,
            tls,
            rooms: ConnectionSlots::new(),
        })
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Serves until `stop` completes, then finishes requests that have begun.
    pub(super) async fn serve(self, answers: Answers, stop: impl Future<Output = ()>) {
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next() => (),
                accepted = self.tcp.accept() => match accepted {
                    Ok((stream, from)) => {
                        // Close connections without a slot at once instead of queueing them.
                        let Some(place) = self.rooms.take(from) else { continue };
                        let (tls, answers) = (self.tls.clone(), answers.clone());
                        let watcher = graceful.watcher();
                        connections.spawn(async move {
                            let most = match place.is_narrow() {
                                true => NARROW_TIME_MAX,
                                false => Duration::MAX,
                            };
                            let ends = Ends { local: stream.local_addr().ok(), peer: from };
                            let life = async {
                                if let Some(wire) = secured(stream, from, tls).await {
                                    converse(wire, answers, &place, ends, watcher).await;
                                }
                            };
                            let _ = timeout(most, life).await;
                        });
                    }
                    Err(error) => {
                        tracing::debug!(%error, "a connection is not accepted");
                        sleep(ACCEPT_AGAIN).await;
                    }
                },
            }
        }
        drop(self.tcp);
        graceful.shutdown().await;
        while connections.join_next().await.is_some() {}
    }
}

/// Returns the connection, after the TLS handshake if TLS is configured.
async fn secured(
    stream: TcpStream,
    from: SocketAddr,
    tls: Option<Tls>,
) -> Option<IdleTimeoutStream> {
    let Some(tls) = tls else {
        return Some(IdleTimeoutStream::new(Either::Left(stream)));
    };
    let shaken = timeout(HANDSHAKE_TIME_MAX, tls.acceptor().accept(stream)).await;
    let why = match shaken {
        Ok(Ok(stream)) => return Some(IdleTimeoutStream::new(Either::Right(stream))),
        Ok(Err(error)) => error.to_string(),
        Err(_) => String::from("it takes too long"),
    };
    tracing::debug!(%from, why, "no TLS");
    None
}

/// The addresses of both ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) local: Option<SocketAddr>,
    pub(super) peer: SocketAddr,
}

/// Serves the requests of one connection.
async fn converse(
    wire: IdleTimeoutStream,
    answers: Answers,
    place: &Slot,
    ends: Ends,
    watcher: Watcher,
) {
    let narrow = place.is_narrow();
    let router = match narrow {
        true => answers.narrow,
        false => answers.all,
    };
    let answer = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(ends));
        let answer = TowerToHyperService::new(router.clone()).call(request);
        async move {
            let mut answer: Response = answer.await?;
            if narrow {
                let close = HeaderValue::from_static("close");
                answer.headers_mut().insert(header::CONNECTION, close);
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .serve_connection(TokioIo::new(wire), answer);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(from = %ends.peer, %error, "a connection ended badly");
    }
}

/// A connection with an idle timeout.
#[derive(Debug)]
pub(super) struct IdleTimeoutStream {
    io: Either<TcpStream, TlsStream<TcpStream>>,
    rest: Pin<Box<Sleep>>,
}

impl IdleTimeoutStream {
    fn new(io: Either<TcpStream, TlsStream<TcpStream>>) -> Self {
        Self {
            io,
            rest: Box::pin(sleep(REST_MAX)),
        }
    }
    /// Returns the result of an I/O attempt, or an error if the connection was idle for too long.
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

impl AsyncRead for IdleTimeoutStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let tried = Pin::new(&mut self.io).poll_read(cx, into);
        self.moved(cx, tried)
    }
}

impl AsyncWrite for IdleTimeoutStream {
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
        // A flush without data is not traffic, so it does not reset the timeout.
        match tried {
            Poll::Pending => self.moved(cx, Poll::Pending),
            done => done,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
