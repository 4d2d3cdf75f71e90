//! The link's encryption: Noise handshakes as WhatsApp runs them, and the transport after them.
//!
//! Sans I/O: messages are byte strings without their frames, keys and the time are arguments. The
//! client side speaks XX; the server side, which the simulator needs, speaks XX, IK and XXfallback.

pub mod cert;
pub mod client;
pub mod server;
mod state;
pub mod transport;

use crate::crypto::curve::LowOrder;
use cert::CertError;

#[cfg(test)]
mod tests;

/// Why a handshake was given up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The bytes are no handshake message, or one of its keys has the wrong length.
    #[error("malformed handshake message")]
    Malformed,
    /// The message lacks a part that its place in the handshake calls for.
    #[error("handshake message without {part}")]
    Missing {
        /// What is not there.
        part: &'static str,
    },
    /// Something that the peer encrypted does not open: another key, or a change on the way.
    #[error("handshake message does not open")]
    Forged,
    /// The peer's key would make the shared secret known to everybody.
    #[error("handshake key of low order")]
    LowOrder,
    /// The server did not prove that its key is genuine.
    #[error("server certificate refused: {0}")]
    Certificate(#[source] CertError),
}

impl From<LowOrder> for HandshakeError {
    fn from(_: LowOrder) -> Self {
        Self::LowOrder
    }
}
