//! One open WebSocket: whole binary messages in and out.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::net::dial::Stream;

/// Longest message that is accepted: a frame and its header, with room for several in one message.
pub const MESSAGE_BYTES_MAX: usize = 8 << 20;
/// A peer that takes nothing for this long is gone.
const SEND_TIME_MAX: Duration = Duration::from_secs(20);
/// How long the closing handshake may take before the connection is dropped.
const CLOSE_TIME_MAX: Duration = Duration::from_millis(500);

/// Why a connection ended. The peer's own words are left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SocketError {
    #[error("the server closed the connection")]
    Closed,
    #[error("the connection broke")]
    Broken,
    #[error("the server sent something that is no binary message")]
    Text,
    #[error("the server takes no data")]
    Stuck,
}

/// An open connection.
pub struct WebSocket {
    inner: WebSocketStream<Box<dyn Stream>>,
}

impl std::fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebSocket")
    }
}

impl WebSocket {
    pub(super) fn new(inner: WebSocketStream<Box<dyn Stream>>) -> Self {
        Self { inner }
    }

    /// The next binary message. Cancel-safe: a dropped future loses nothing.
    pub async fn receive(&mut self) -> Result<Bytes, SocketError> {
        loop {
            match self.inner.next().await {
                Some(Ok(Message::Binary(bytes))) => return Ok(bytes),
                Some(Ok(Message::Text(_))) => return Err(SocketError::Text),
                // Pongs are sent by the library; other control frames mean nothing here.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => (),
                Some(Ok(Message::Close(_))) | None => return Err(SocketError::Closed),
                Some(Err(_)) => return Err(SocketError::Broken),
            }
        }
    }

    /// Sends messages, as few packets as they fit into. Not cancel-safe.
    pub async fn send(&mut self, messages: Vec<Bytes>) -> Result<(), SocketError> {
        let sending = async {
            for bytes in messages {
                self.inner.feed(Message::Binary(bytes)).await?;
            }
            self.inner.flush().await
        };
        match timeout(SEND_TIME_MAX, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(SocketError::Broken),
            Err(_) => Err(SocketError::Stuck),
        }
    }

    /// Says goodbye, briefly.
    pub async fn close(mut self) {
        let _ = timeout(CLOSE_TIME_MAX, self.inner.close(None)).await;
    }
}
