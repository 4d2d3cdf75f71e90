//! A live connection that carries stanzas.
//!
//! These traits separate the actor from the network. The production implementation is the session's
//! link over a WebSocket; tests use a pair of channels.

use std::collections::VecDeque;
use std::error::Error;
use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;
use tracing::warn;

use crate::appstate::blob::Reference;
use crate::clock::Surroundings;
use crate::config::WhatsAppServer;
use crate::config::proxy::Proxy;
use crate::crypto::curve::{KeyPair, PublicKey};
use crate::net::dial::{DialError, Dialer};
use crate::net::proxy::AddressScope;
use crate::net::websocket::WebSocket;
use crate::noise::cert::{RootKey, WHATSAPP_ROOT};
use crate::session::link::{Link, LinkError, LinkKeys};
use crate::wire::node::Node;

/// The reason why a connection ended or could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The network or the server failed: a retry may succeed.
    #[error("{0}")]
    Down(String),
    /// The server failed authentication, or does not speak our protocol.
    #[error("{0}")]
    Untrusted(String),
    /// A setting is wrong.
    #[error("{0}")]
    Misconfigured(String),
}

/// What the client sends when it opens a connection.
#[derive(Clone, Debug)]
pub struct Hello {
    pub noise: KeyPair,
    /// Our identity, as an encoded `ClientPayload`.
    pub payload: Vec<u8>,
    /// The routing hint that the server sent on the last connection.
    pub routing_info: Option<Vec<u8>>,
}

/// One open, authenticated connection.
pub trait Line: Send {
    /// Returns the next stanzas, at least one. Cancel-safe.
    fn receive(&mut self) -> impl Future<Output = Result<Vec<Node>, LineError>> + Send;

    /// Sends stanzas in order. Not cancel-safe: after a dropped call, close the connection.
    fn send(&mut self, nodes: &[Node]) -> impl Future<Output = Result<(), LineError>> + Send;

    /// Closes the connection gracefully, within a short time.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// Opens connections.
pub trait Connector: Send + Sync {
    type Line: Line;

    /// Opens a connection, including the handshake. Dropping the future aborts the attempt.
    fn dial(&self, hello: &Hello) -> impl Future<Output = Result<Self::Line, LineError>> + Send;

    /// Downloads a blob, verifies and decrypts it. Returns `None` if any step fails.
    fn fetch(&self, reference: Reference)
    -> impl Future<Output = Option<Vec<u8>>> + Send + 'static;
}

/// Longest time for the connection and the handshake together.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(20);

/// Connects to the configured server.
#[derive(Clone, Debug)]
pub struct NetConnector {
    dialer: Dialer,
    root: RootKey,
    surroundings: Surroundings,
}

impl NetConnector {
    /// Validates the settings and loads the TLS roots.
    pub fn new(server: &WhatsAppServer, surroundings: Surroundings) -> Result<Self, LineError> {
        let dialer = Dialer::new(server).map_err(|error| down(&error))?;
        let root = server
            .root_key
            .map_or(WHATSAPP_ROOT, |bytes| RootKey(PublicKey(bytes)));
        Ok(Self {
            dialer,
            root,
            surroundings,
        })
    }

    /// Returns a dialler for the same server through a proxy.
    #[must_use]
    pub fn through(mut self, proxy: Proxy, reach: AddressScope) -> Self {
        self.dialer = self.dialer.through(proxy, reach);
        self
    }

    async fn open(&self, hello: &Hello) -> Result<NetLine, LineError> {
        let mut socket = self.dialer.dial().await.map_err(|error| down(&error))?;
        let ephemeral = KeyPair::generate(&mut *self.surroundings.entropy.random());
        let keys = LinkKeys {
            noise: hello.noise.clone(),
            ephemeral,
            root: self.root,
            routing_info: hello.routing_info.as_deref(),
        };
        let (mut link, first) = Link::start(keys, hello.payload.clone()).map_err(distrust)?;
        socket
            .send(vec![first.into()])
            .await
            .map_err(|error| LineError::Down(error.to_string()))?;
        let now_s = u64::try_from(self.surroundings.clock.unix_ms() / 1_000).unwrap_or_default();
        loop {
            let bytes = socket.receive().await;
            let bytes = bytes.map_err(|error| LineError::Down(error.to_string()))?;
            let received = link.receive(&bytes, now_s).map_err(distrust)?;
            if let Some(reply) = received.reply {
                let sent = socket.send(vec![reply.into()]).await;
                sent.map_err(|error| LineError::Down(error.to_string()))?;
            }
            if received.up {
                return Ok(NetLine {
                    socket,
                    link,
                    early: received.nodes,
                    now_s,
                });
            }
        }
    }
}

impl Connector for NetConnector {
    type Line = NetLine;

    async fn dial(&self, hello: &Hello) -> Result<NetLine, LineError> {
        match timeout(HANDSHAKE_TIME_MAX, self.open(hello)).await {
            Ok(opened) => opened,
            Err(_) => Err(LineError::Down(String::from(
                "the server did not answer in time",
            ))),
        }
    }

    fn fetch(
        &self,
        reference: Reference,
    ) -> impl Future<Output = Option<Vec<u8>>> + Send + 'static {
        let dialer = self.dialer.clone();
        async move {
            let sealed = dialer.download(&reference.direct_path).await;
            let sealed = sealed.inspect_err(|error| warn!(%error, "a blob cannot be downloaded"));
            let sealed = sealed.ok()?;
            let sealed = Vec::from(sealed);
            // A blob may have tens of megabytes. It must not occupy a thread that serves all
            // sockets.
            let opened = tokio::task::spawn_blocking(move || reference.open(sealed));
            opened
                .await
                .ok()?
                .inspect_err(|error| warn!(%error, "a blob cannot be used"))
                .ok()
        }
    }
}

/// The session's link over a WebSocket.
#[derive(Debug)]
pub struct NetLine {
    socket: WebSocket,
    link: Link,
    /// Stanzas that arrived together with the last handshake message.
    early: VecDeque<Node>,
    now_s: u64,
}

impl Line for NetLine {
    async fn receive(&mut self) -> Result<Vec<Node>, LineError> {
        if !self.early.is_empty() {
            return Ok(self.early.drain(..).collect());
        }
        loop {
            let bytes = self.socket.receive().await;
            let bytes = bytes.map_err(|error| LineError::Down(error.to_string()))?;
            let received = self.link.receive(&bytes, self.now_s).map_err(distrust)?;
            if !received.nodes.is_empty() {
                return Ok(received.nodes.into());
            }
        }
    }

    async fn send(&mut self, nodes: &[Node]) -> Result<(), LineError> {
        let mut messages = Vec::with_capacity(nodes.len());
        for node in nodes {
            messages.push(self.link.send(node).map_err(distrust)?.into());
        }
        let sent = self.socket.send(messages).await;
        sent.map_err(|error| LineError::Down(error.to_string()))
    }

    async fn close(self) {
        self.socket.close().await;
    }
}

fn distrust(error: LinkError) -> LineError {
    LineError::Untrusted(error.to_string())
}

/// Returns the error's text with its sources, which contains no secret.
fn down(error: &DialError) -> LineError {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    if error.is_configuration() {
        LineError::Misconfigured(text)
    } else {
        LineError::Down(text)
    }
}
