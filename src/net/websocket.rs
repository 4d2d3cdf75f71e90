//! One open WebSocket, which sends and receives whole binary messages.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::net::dial::Stream;

/// Largest message that is accepted, in bytes: a frame with its header, and room for several.
pub const MESSAGE_BYTES_MAX: usize = 8 << 20;
/// Longest time of a send; after it, the peer counts as unreachable.
const SEND_TIME_MAX: Duration = Duration::from_secs(20);
/// Longest time of the closing handshake before the connection is dropped.
const CLOSE_TIME_MAX: Duration = Duration::from_millis(500);

/// The reason why a connection ended. It contains no text from the peer.
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
    /// Wraps a WebSocket after its upgrade.
    pub(super) fn new(inner: WebSocketStream<Box<dyn Stream>>) -> Self {
        Self { inner }
    }

    /// Returns the next binary message. Cancel-safe: a dropped future loses nothing.
    pub async fn receive(&mut self) -> Result<Bytes, SocketError> {
        loop {
            match self.inner.next().await {
                Some(Ok(Message::Binary(bytes))) => return Ok(bytes),
                Some(Ok(Message::Text(_))) => return Err(SocketError::Text),
                // The library answers pings; other control frames have no meaning here.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => (),
                Some(Ok(Message::Close(_))) | None => return Err(SocketError::Closed),
                Some(Err(_)) => return Err(SocketError::Broken),
            }
        }
    }

    /// Sends messages in as few packets as possible. Not cancel-safe.
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

    /// Closes the connection gracefully, within 500 ms.
    pub async fn close(mut self) {
        let _ = timeout(CLOSE_TIME_MAX, self.inner.close(None)).await;
    }
}
