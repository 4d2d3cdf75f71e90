//! The encrypted link: bytes of the socket on one side, stanzas on the other.
//!
//! One frame goes into one WebSocket message, since clients that others wrote are confused by
//! anything else; incoming bytes may be cut anywhere.

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

/// What a link is opened with.
pub struct LinkKeys<'a> {
    /// The key that the server knows this device by.
    pub noise: KeyPair,
    /// A fresh key for this one handshake.
    pub ephemeral: KeyPair,
    /// Who the server's certificates must come from.
    pub root: RootKey,
    /// What the server gave us to find its place by, if it did.
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
    /// An error ended it; the reason was handed out.
    Broken,
}

/// What came out of incoming bytes.
#[derive(Debug, Default, PartialEq)]
pub struct Received {
    /// A WebSocket message to send at once: the end of the handshake.
    pub reply: Option<Vec<u8>>,
    /// The handshake is complete; said once.
    pub up: bool,
    /// Stanzas, in order.
    pub nodes: VecDeque<Node>,
}

/// Why a link has to be closed.
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
    /// It was used before the handshake was complete, or after an error.
    #[error("link is not open")]
    NotOpen,
}

impl Link {
    /// Starts a handshake in which `payload` says who we are. Also gives the first WebSocket
    /// message.
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

    /// Takes in the content of a WebSocket message; `now_s` is what certificates are held against.
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

    /// The WebSocket message that carries a stanza.
    pub fn send(&mut self, node: &Node) -> Result<Vec<u8>, LinkError> {
        let State::Open(transport) = &mut self.state else {
            return Err(LinkError::NotOpen);
        };
        framed(&transport.seal(&encode::encode(node))?)
    }

    /// Who the server proved to be, once the handshake is complete.
    pub fn server(&self) -> Option<&ServerIdentity> {
        self.server.as_ref()
    }
}

fn framed(payload: &[u8]) -> Result<Vec<u8>, LinkError> {
    let mut message = BytesMut::new();
    frame::put_frame(payload, &mut message)?;
    Ok(message.to_vec())
}

/// Keys do not belong into logs.
impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Greeting(_) => "Greeting",
            Self::Open(_) => "Open",
            Self::Broken => "Broken",
        })
    }
}
