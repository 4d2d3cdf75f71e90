//! Link encryption: WhatsApp's Noise handshakes, and the transport ciphers.
//!
//! Sans-I/O: messages are byte strings without frames; keys and time are arguments. The client side
//! supports XX. The server side, used by the simulator, supports XX, IK and XXfallback.
//!
//! Source: the Noise Protocol Framework (revision 34), "Handshake patterns" and "Compound
//! protocols"; messages as in whatsmeow 33cfac51 `handshake.go`.

pub mod cert;
pub mod client;
pub mod server;
mod state;
pub mod transport;

use crate::crypto::curve::LowOrder;
use cert::CertError;

#[cfg(test)]
mod tests;

/// Why a handshake failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The bytes are not a handshake message, or a key has the wrong length.
    #[error("malformed handshake message")]
    Malformed,
    /// A required part of the message is missing.
    #[error("handshake message without {part}")]
    Missing {
        /// The name of the part.
        part: &'static str,
    },
    /// Decryption failed: the peer used another key, or the message was modified.
    #[error("handshake message does not open")]
    Forged,
    /// The peer's key has low order, so the shared secret would be public.
    #[error("handshake key of low order")]
    LowOrder,
    /// The server's certificate chain does not prove its key.
    #[error("server certificate refused: {0}")]
    Certificate(#[source] CertError),
}

impl From<LowOrder> for HandshakeError {
    fn from(_: LowOrder) -> Self {
        Self::LowOrder
    }
}
