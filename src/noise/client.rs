//! The client side of an XX handshake.

use prost::Message;
use wmctl_proto::handshake::HandshakeMessage;
use wmctl_proto::handshake::handshake_message::{ClientFinish, ClientHello};

use super::HandshakeError;
use super::cert::{self, RootKey, ServerIdentity};
use super::state::{Side, SymmetricState, XX, clear_key};
use super::transport::Transport;
use crate::crypto::curve::KeyPair;

/// A client that waits for the server's hello.
pub struct Client {
    state: SymmetricState,
    pair: KeyPair,
    ephemeral: KeyPair,
    root: RootKey,
}

/// The result of a successful handshake.
#[derive(Debug)]
pub struct Finished {
    /// The last handshake message. Everything after it goes through `transport`.
    pub finish: Vec<u8>,
    /// The open link.
    pub transport: Transport,
    /// The server's verified identity.
    pub server: ServerIdentity,
}

impl Client {
    /// Prepares a handshake.
    ///
    /// `pair` is the device's static key. `ephemeral` must be fresh for each handshake. `prologue`
    /// is the bytes that the client sends before its first frame.
    pub fn new(pair: KeyPair, ephemeral: KeyPair, root: RootKey, prologue: &[u8]) -> Self {
        let mut state = SymmetricState::new(XX, prologue);
        state.mix_hash(ephemeral.public.as_bytes());
        Self {
            state,
            pair,
            ephemeral,
            root,
        }
    }

    /// Returns the client's hello, the first message.
    pub fn start(&self) -> Vec<u8> {
        let hello = ClientHello {
            ephemeral: Some(self.ephemeral.public.as_bytes().to_vec()),
            ..ClientHello::default()
        };
        HandshakeMessage {
            client_hello: Some(hello),
            ..HandshakeMessage::default()
        }
        .encode_to_vec()
    }

    /// Verifies the server's hello and answers it with `payload`.
    ///
    /// `now_s` is the time in Unix seconds, for the validity of the certificates.
    pub fn read_server_hello(
        self,
        message: &[u8],
        now_s: u64,
        payload: &[u8],
    ) -> Result<Finished, HandshakeError> {
        let Self {
            mut state,
            pair,
            ephemeral,
            root,
        } = self;
        let hello = HandshakeMessage::decode(message)
            .map_err(|_| HandshakeError::Malformed)?
            .server_hello
            .ok_or(HandshakeError::Missing {
                part: "server hello",
            })?;
        let server_ephemeral = clear_key(hello.ephemeral.as_ref(), "ephemeral key")?;
        let sealed_static = hello
            .r#static
            .ok_or(HandshakeError::Missing { part: "static key" })?;
        let sealed_chain = hello.payload.ok_or(HandshakeError::Missing {
            part: "certificates",
        })?;

        state.mix_hash(server_ephemeral.as_bytes());
        state.agree(&ephemeral.private, &server_ephemeral)?;
        let server_static = state.open_key(&sealed_static)?;
        state.agree(&ephemeral.private, &server_static)?;
        let chain = state.open(&sealed_chain)?;
        let server = cert::verify(&chain, &root, &server_static, now_s)
            .map_err(HandshakeError::Certificate)?;

        let sealed_static = state.seal(pair.public.as_bytes());
        state.agree(&pair.private, &server_ephemeral)?;
        let sealed_payload = state.seal(payload);
        let finish = ClientFinish {
            r#static: Some(sealed_static),
            payload: Some(sealed_payload),
        };
        let finish = HandshakeMessage {
            client_finish: Some(finish),
            ..HandshakeMessage::default()
        }
        .encode_to_vec();
        Ok(Finished {
            finish,
            transport: state.split(Side::Client),
            server,
        })
    }
}
