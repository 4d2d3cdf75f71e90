//! The server side of a client's connection: the Noise handshake, then frames that contain nodes.
//!
//! This module knows no accounts. The [`World`](crate::sim::world) interprets nodes and decides who
//! may log in.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use bytes::{Bytes, BytesMut};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::time;
use tokio_util::sync::CancellationToken;
use wmctl_proto::handshake::ClientPayload;

use crate::clock::Surroundings;
use crate::crypto::curve::KeyPair;
use crate::noise::server::{Accepted, Next, Responder};
use crate::noise::transport::Transport;
use crate::sim::link::LinkId;
use crate::sim::link::{Opened, Outgoing};
use crate::sim::world::Event;
use crate::wire::frame;
use crate::wire::node::Node;
use crate::wire::{decode, encode};

/// Time limit for the handshake.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(20);
/// How long a client may take to close the connection after its last stanza. An immediate close
/// could reset the connection and lose that stanza.
const LAST_WORD_TIME_MAX: Duration = Duration::from_millis(300);
/// How long the server then waits for the client's close frame.
const CLOSE_TIME_MAX: Duration = Duration::from_millis(300);
/// Maximum number of queued stanzas per client. A client that reads too slowly is dropped.
pub(super) const OUTGOING_MAX: usize = 128 << 10;

/// What every connection needs: keys, certificate chain and channels.
pub(super) struct ConnectionContext {
    pub(super) pair: KeyPair,
    pub(super) chain: Vec<u8>,
    pub(super) surroundings: Surroundings,
    pub(super) events: mpsc::UnboundedSender<Event>,
    pub(super) stop: CancellationToken,
    /// Delay before the first frame after the handshake.
    pub(super) first_frame_delay: Duration,
}

/// Serves one client until either side closes the connection.
pub(super) async fn run(mut socket: WebSocket, link: LinkId, gate: Arc<ConnectionContext>) {
    let mut buffer = BytesMut::new();
    let greeted = time::timeout(
        HANDSHAKE_TIME_MAX,
        handshake(&mut socket, &mut buffer, &gate),
    );
    let Ok(Some(accepted)) = greeted.await else {
        tracing::debug!(link, "handshake given up");
        return;
    };
    let Ok(payload) = ClientPayload::decode(accepted.payload.as_slice()) else {
        tracing::debug!(link, "client payload does not decode");
        return;
    };
    time::sleep(gate.first_frame_delay).await;
    let (to_client, outgoing) = mpsc::channel(OUTGOING_MAX);
    let opened = Opened {
        link,
        client: accepted.client,
        payload: Box::new(payload),
        to_client,
    };
    if gate.events.send(Event::Opened(opened)).is_err() {
        return;
    }
    let mut link_open = Open {
        socket,
        buffer,
        transport: accepted.transport,
        outgoing,
    };
    link_open.serve(link, &gate).await;
    // At shutdown the world may end first.
    let _ = gate.events.send(Event::Closed(link));
}

async fn handshake(
    socket: &mut WebSocket,
    buffer: &mut BytesMut,
    gate: &ConnectionContext,
) -> Option<Accepted> {
    while frame::split_intro(buffer).ok()?.is_none() {
        buffer.extend_from_slice(&receive(socket).await?);
    }
    let server = Responder {
        pair: &gate.pair,
        ephemeral: KeyPair::generate(&mut *gate.surroundings.entropy.random()),
        chain: &gate.chain,
        prologue: &frame::HEADER,
    };
    let hello = next_frame(socket, buffer).await?;
    let answer = server.read_client_hello(&hello).ok()?;
    send(socket, &answer.reply).await?;
    match answer.next {
        Next::Open(accepted) => Some(*accepted),
        Next::Finish(unfinished) => {
            let finish = next_frame(socket, buffer).await?;
            unfinished.read_client_finish(&finish).ok()
        }
    }
}

/// A connection after its handshake.
struct Open {
    socket: WebSocket,
    buffer: BytesMut,
    transport: Transport,
    outgoing: mpsc::Receiver<Outgoing>,
}

impl Open {
    async fn serve(&mut self, link: LinkId, gate: &ConnectionContext) {
        loop {
            // Both branches are cancel-safe: a partial frame stays in `buffer`.
            let node = tokio::select! {
                biased;
                () = gate.stop.cancelled() => return,
                outgoing = self.outgoing.recv() => match outgoing {
                    Some(Outgoing::Node(node)) => match self.transmit(&node).await {
                        Some(()) => continue,
                        None => return,
                    },
                    Some(Outgoing::Close) => return self.close().await,
                    // Drop the connection without a close frame, so that the client sees it break.
                    Some(Outgoing::Cut) | None => return,
                },
                frame = next_frame(&mut self.socket, &mut self.buffer) => {
                    match frame.and_then(|frame| self.read(&frame)) {
                        Some(node) => node,
                        None => return,
                    }
                }
            };
            if gate.events.send(Event::Stanza(link, node)).is_err() {
                return;
            }
        }
    }

    fn read(&mut self, frame: &[u8]) -> Option<Node> {
        let plain = self.transport.open(frame).ok()?;
        decode::decode(&plain).ok()
    }

    async fn transmit(&mut self, node: &Node) -> Option<()> {
        let sealed = self.transport.seal(&encode::encode(node)).ok()?;
        send(&mut self.socket, &sealed).await
    }

    async fn close(&mut self) {
        if time::timeout(LAST_WORD_TIME_MAX, self.drain())
            .await
            .is_ok()
        {
            return;
        }
        // The client may have closed already.
        let _ = self.socket.send(Message::Close(None)).await;
        let _ = time::timeout(CLOSE_TIME_MAX, self.drain()).await;
    }

    /// Reads and discards frames until the client closes the connection.
    async fn drain(&mut self) {
        while receive(&mut self.socket).await.is_some() {}
    }
}

/// Returns the next complete frame, or `None` if the connection has ended or carries other data.
async fn next_frame(socket: &mut WebSocket, buffer: &mut BytesMut) -> Option<Bytes> {
    loop {
        if let Some(frame) = frame::split_frame(buffer).ok()? {
            return Some(frame);
        }
        buffer.extend_from_slice(&receive(socket).await?);
    }
}

async fn receive(socket: &mut WebSocket) -> Option<Bytes> {
    loop {
        match socket.recv().await?.ok()? {
            Message::Binary(bytes) => return Some(bytes),
            Message::Ping(_) | Message::Pong(_) => (),
            Message::Text(_) | Message::Close(_) => return None,
        }
    }
}

/// Sends one frame as one WebSocket message. Some clients cannot assemble a frame from two
/// messages.
async fn send(socket: &mut WebSocket, payload: &[u8]) -> Option<()> {
    let mut buffer = BytesMut::new();
    frame::put_frame(payload, &mut buffer).ok()?;
    socket.send(Message::Binary(buffer.freeze())).await.ok()
}
