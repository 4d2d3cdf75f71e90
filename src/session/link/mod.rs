//! The encrypted link: socket bytes on one side, stanzas on the other.
//!
//! Each WebSocket message carries exactly one frame, because other clients accept nothing else.
//! Incoming bytes may be split anywhere.

pub mod backoff;
pub(super) mod keepalive;
pub(super) mod login;
pub mod payload;
pub(super) mod requests;
pub(super) mod stream_error;
pub mod watchdog;

use std::collections::VecDeque;

use bytes::BytesMut;

use crate::crypto::curve::KeyPair;
use crate::noise::HandshakeError;
use crate::noise::cert::{RootKey, ServerIdentity};
use crate::noise::client::Client;
use crate::noise::transport::{Transport, TransportError};
use crate::wire::decode::{self, NodeError};
use crate::wire::encode;
use crate::wire::frame::{self, FrameError, HEADER};
use crate::wire::node::Node;

/// The keys that a link is opened with.
pub struct LinkKeys<'a> {
    /// The static Noise key that identifies this device to the server.
    pub noise: KeyPair,
    /// A fresh key for this handshake only.
    pub ephemeral: KeyPair,
    /// The root key of the server's certificate chain.
    pub root: RootKey,
    /// The routing hint that the server sent earlier, if any.
    pub routing_info: Option<&'a [u8]>,
}

/// One connection.
#[derive(Debug)]
pub struct Link {
    buffer: BytesMut,
    state: State,
    payload: Vec<u8>,
    server: Option<ServerIdentity>,
}

enum State {
    Greeting(Box<Client>),
    Open(Box<Transport>),
    /// An error ended the link; it was already returned.
    Broken,
}

/// The result of incoming bytes.
#[derive(Debug, Default, PartialEq)]
pub struct Received {
    /// A WebSocket message to send at once; it ends the handshake.
    pub reply: Option<Vec<u8>>,
    /// True once, when the handshake is complete.
    pub up: bool,
    /// Received stanzas, in order.
    pub nodes: VecDeque<Node>,
}

/// Why a link must be closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("handshake: {0}")]
    Handshake(#[from] HandshakeError),
    #[error("transport: {0}")]
    Transport(#[from] TransportError),
    #[error("stanza: {0}")]
    Node(#[from] NodeError),
    /// The link was used before the handshake was complete, or after an error.
    #[error("link is not open")]
    NotOpen,
}

impl Link {
    /// Starts a handshake. `payload` is the client payload that identifies this client. Also
    /// returns the first WebSocket message.
    pub fn start(keys: LinkKeys<'_>, payload: Vec<u8>) -> Result<(Self, Vec<u8>), LinkError> {
        let client = Client::new(keys.noise, keys.ephemeral, keys.root, &HEADER);
        let mut first = BytesMut::new();
        frame::put_intro(keys.routing_info, &mut first);
        frame::put_frame(&client.start(), &mut first)?;
        let state = State::Greeting(Box::new(client));
        let link = Self {
            buffer: BytesMut::new(),
            state,
            payload,
            server: None,
        };
        Ok((link, first.to_vec()))
    }

    /// Processes the content of a WebSocket message. `now_s` (Unix seconds) is used to check the
    /// certificates' validity. After an error the link must be closed.
    pub fn receive(&mut self, bytes: &[u8], now_s: u64) -> Result<Received, LinkError> {
        self.buffer.extend_from_slice(bytes);
        let mut received = Received::default();
        let taken = self.take_frames(now_s, &mut received);
        if taken.is_err() {
            self.state = State::Broken;
        }
        taken.map(|()| received)
    }

    fn take_frames(&mut self, now_s: u64, received: &mut Received) -> Result<(), LinkError> {
        while let Some(bytes) = frame::split_frame(&mut self.buffer)? {
            match std::mem::replace(&mut self.state, State::Broken) {
                State::Greeting(client) => {
                    let finished = client.read_server_hello(&bytes, now_s, &self.payload)?;
                    self.state = State::Open(Box::new(finished.transport));
                    self.server = Some(finished.server);
                    received.reply = Some(framed(&finished.finish)?);
                    received.up = true;
                }
                State::Open(mut transport) => {
                    received
                        .nodes
                        .push_back(decode::decode(&transport.open(&bytes)?)?);
                    self.state = State::Open(transport);
                }
                State::Broken => return Err(LinkError::NotOpen),
            }
        }
        Ok(())
    }

    /// Returns the WebSocket message that carries a stanza.
    pub fn send(&mut self, node: &Node) -> Result<Vec<u8>, LinkError> {
        let State::Open(transport) = &mut self.state else {
            return Err(LinkError::NotOpen);
        };
        framed(&transport.seal(&encode::encode(node))?)
    }

    /// Returns the server's verified identity once the handshake is complete.
    pub fn server(&self) -> Option<&ServerIdentity> {
        self.server.as_ref()
    }
}

fn framed(payload: &[u8]) -> Result<Vec<u8>, LinkError> {
    let mut message = BytesMut::new();
    frame::put_frame(payload, &mut message)?;
    Ok(message.to_vec())
}

/// Hides the keys, which must not be logged.
impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Greeting(_) => "Greeting",
            Self::Open(_) => "Open",
            Self::Broken => "Broken",
        })
    }
}
